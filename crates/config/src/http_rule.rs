//! Rules on messages of HTTP as values (configuration.txt §4.2 "http-request", §4.3). They are read in `http_rule_reader.rs`,
//! `reply_reader.rs` and `redirect_reader.rs`.

use crate::acl::{Condition, Expression};
use crate::effect::Effect;
use crate::fetch::Speaker;
use crate::format::{self, Blanks};
use crate::lexer::Word;
use crate::pattern::Compare;
use crate::reports::Reports;
use crate::source::{Span, Spanned};
use std::time::Duration;

/// The `http-request`, `http-response`, `http-after-response` and `redirect` lines of a proxy, each list in file order.
#[derive(Clone, Debug, Default)]
pub struct HttpRules {
    pub request: Vec<HttpRule>,
    pub response: Vec<HttpRule>,
    pub after_response: Vec<HttpRule>,
    /// `redirect`: asked behind those on requests.
    pub redirects: Vec<HttpRule>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct HttpRule {
    pub span: Span,
    pub action: HttpAction,
    /// Always, when absent.
    pub condition: Option<Condition>,
}

/// Expressions are as written: whoever runs them compiles them; they were compiled once to see that they are good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HttpAction {
    Allow,
    Deny(Reply),
    Return(Reply),
    Redirect(Redirect),
    Reject,
    /// `silent-drop [rst-ttl N]`: the client is not told.
    Drop,
    Effect(Effect),
    /// As [`HttpAction::Deny`], after a while.
    Tarpit(Reply),
    UseService(Service),
    /// `auth [realm TEXT]`: the client is asked for a name and a password.
    Challenge(Option<String>),
    SetField {
        name: String,
        value: Format,
    },
    AddField {
        name: String,
        value: Format,
    },
    DeleteField {
        name: String,
        /// [`Compare::Whole`] unless `-m` says otherwise.
        how: Compare,
    },
    ReplaceField {
        name: String,
        regex: String,
        value: Format,
        /// `replace-value`
        is_each_element: bool,
    },
    SetMethod(Format),
    SetTarget(TargetPart, Format),
    ReplaceTarget(TargetPart, String, Format),
    SetStatus(u16, Option<String>),
    /// `set-map(file) key value` and its kin.
    ChangeList {
        change: ListChange,
        /// What the list was read from.
        file: Spanned<String>,
        key: Format,
    },
    StrictMode(bool),
    WaitForContent(Patience),
}

/// What becomes of a key in a list of patterns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListChange {
    /// `set-map`: it has this value.
    Put(Format),
    /// `add-acl`
    Add,
    /// `del-map`, `del-acl`
    Delete,
}

/// `wait-for-body time TIME [at-least SIZE]`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    pub time: Duration,
    /// So many octets are enough; all of them, when absent.
    pub least: Option<u64>,
}

/// What the process itself has to say.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Service {
    Prometheus,
}

/// What of a request's target.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TargetPart {
    Path,
    PathAndQuery,
    Query,
    Whole,
}

/// `txn.name`
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Variable {
    pub scope: Scope,
    pub name: String,
}

/// How long a variable lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    Session,
    Transaction,
    Request,
    Response,
    /// `check`: one health check.
    Check,
}

/// A text with samples in it: `%[src]:%[src_port]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Format(pub Vec<FormatPart>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FormatPart {
    Text(String),
    /// One blank, unless the text begins here or a blank came just before.
    Blank,
    Sample(Expression),
    /// The same, where numbers and addresses are written in hexadecimal digits (`%{+X}ci`).
    Hexadecimal(Expression),
}

/// `return`, `deny`: what the client is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    pub status: u16,
    pub content: ReplyContent,
    pub content_type: Option<String>,
    pub fields: Vec<(String, Format)>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplyContent {
    /// The page of the status.
    Page,
    Nothing,
    Text(String),
    Format(Format),
    /// What is in a file.
    File(Spanned<String>),
    /// What is in a file is a format, to be read with [`Format::of_file`].
    FormatFile(Spanned<String>),
    /// A whole response is in a file.
    ErrorFile(Spanned<String>),
    /// The page of the status in this `http-errors` section.
    Section(Spanned<String>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Redirect {
    pub kind: RedirectKind,
    pub to: Format,
    pub code: u16,
    pub drops_query: bool,
    pub appends_slash: bool,
    pub ignores_empty: bool,
    /// The value of a `Set-Cookie` field.
    pub cookie: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RedirectKind {
    Location,
    Prefix,
    Scheme,
}

impl HttpRules {
    pub(crate) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Those of all lists.
    pub fn all(&self) -> impl Iterator<Item = &HttpRule> {
        self.request.iter().chain(&self.response).chain(&self.after_response).chain(&self.redirects)
    }
}

impl HttpAction {
    /// Every expression in it.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        match self {
            HttpAction::SetField { value, .. }
            | HttpAction::AddField { value, .. }
            | HttpAction::ReplaceField { value, .. }
            | HttpAction::SetMethod(value)
            | HttpAction::SetTarget(_, value)
            | HttpAction::ReplaceTarget(_, _, value) => value.expressions().collect(),
            HttpAction::Effect(effect) => effect.expressions(),
            HttpAction::ChangeList { change, key, .. } => {
                let value = match change {
                    ListChange::Put(value) => Some(value),
                    ListChange::Add | ListChange::Delete => None,
                };
                key.expressions().chain(value.into_iter().flat_map(Format::expressions)).collect()
            }
            HttpAction::Redirect(redirect) => redirect.to.expressions().collect(),
            HttpAction::Deny(reply) | HttpAction::Return(reply) | HttpAction::Tarpit(reply) => {
                reply.expressions().collect()
            }
            HttpAction::Allow
            | HttpAction::Reject
            | HttpAction::Drop
            | HttpAction::UseService(_)
            | HttpAction::Challenge(_)
            | HttpAction::DeleteField { .. }
            | HttpAction::SetStatus(..)
            | HttpAction::StrictMode(_)
            | HttpAction::WaitForContent(_) => Vec::new(),
        }
    }
}

impl Reply {
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let content = match &self.content {
            ReplyContent::Format(format) => Some(format),
            ReplyContent::Page
            | ReplyContent::Nothing
            | ReplyContent::Text(_)
            | ReplyContent::File(_)
            | ReplyContent::FormatFile(_)
            | ReplyContent::ErrorFile(_)
            | ReplyContent::Section(_) => None,
        };
        self.fields.iter().map(|(_, value)| value).chain(content).flat_map(Format::expressions)
    }
}

impl Format {
    /// Reads what is in a file that a rule on this side's messages names (`lf-file`).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_file(text: &str, file: Span, speaker: Speaker) -> Result<Format, String> {
        let mut reports = Reports::default();
        let word = Word { text: text.into(), span: file };
        match format::of_word(&word, speaker, Blanks::Kept, "lf-file", &mut reports) {
            Ok(Some(format)) => Ok(format),
            Ok(None) => Err(reports
                .unserved
                .first()
                .map_or_else(String::new, |unserved| format!("'{}' is not supported by Tidegate yet", unserved.what))),
            Err((message, _)) => Err(message.trim_end_matches('.').to_string()),
        }
    }

    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.0.iter().filter_map(|part| match part {
            FormatPart::Sample(expression) | FormatPart::Hexadecimal(expression) => Some(expression),
            FormatPart::Text(_) | FormatPart::Blank => None,
        })
    }
}
