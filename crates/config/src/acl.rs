//! ACLs, conditions and the expressions in them as values (configuration.txt §7.1, §7.2). They are read in `acl_reader.rs`,
//! `sample_reader.rs` and `pattern.rs`.

use crate::converter::Converter;
use crate::fetch::Fetch;
use crate::pattern::{Method, Patterns};
use crate::source::{Span, Spanned};

/// One `acl` line. Lines of the same name are alternatives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acl {
    pub name: Spanned<String>,
    pub test: Test,
}

/// What is asked of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// A sample, and what it is compared with.
    Sample { expression: Expression, matching: Box<Matching> },
    /// Refused; the refusal is in [`crate::Config::unserved`].
    Unserved,
}

/// A fetch, and what is made of it, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expression {
    /// The word that it was read from.
    pub span: Span,
    pub fetch: Fetch,
    pub converters: Vec<Converter>,
}

/// A method and its patterns, which are alternatives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matching {
    pub method: Method,
    /// `-i`
    pub is_case_insensitive: bool,
    /// Those of the line itself.
    pub patterns: Patterns,
    /// `-f`: files with a pattern on each line, to be read with [`Patterns::of_file`].
    pub files: Vec<Spanned<String>>,
    /// The patterns of the line itself as a list of patterns would write them.
    pub written: Vec<String>,
    /// `-u`: by what number operators know the patterns of the line itself.
    pub id: Option<u32>,
    /// `-M`: there are values behind the patterns in files.
    pub is_map: bool,
}

/// `if …` or `unless …`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Condition {
    /// The whole condition, from `if` or `unless`.
    pub span: Span,
    pub is_unless: bool,
    /// Alternatives (`or`), each a list of terms that must all hold.
    pub any_of: Vec<Vec<Term>>,
}

/// One word or one `{ … }` of a condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Term {
    pub span: Span,
    pub is_negated: bool,
    pub operand: Operand,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// An ACL of the same proxy: any of its tests.
    Named(String),
    /// `{ … }`.
    Anonymous(Test),
    /// One of HAProxy's own ACLs.
    Predefined(Predefined),
    /// Refused.
    Unserved,
}

/// HAProxy's own ACLs (configuration.txt §7.4). An ACL of the same name goes before them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Predefined {
    /// `METH_GET` and so on: the method is one of these.
    Method(&'static [&'static str]),
    /// `HTTP_1.0`, `HTTP_1.1`: the version of the request.
    Version(&'static str),
    True,
    False,
    /// `src 127.0.0.1/8 ::1`.
    Localhost,
    /// `req.len gt 0`
    RequestContent,
    /// `wait_end`
    WaitEnd,
    /// `req.proto_http`
    Http,
}
