//! ACLs and conditions as values (configuration.txt §7.1, §7.2). They are read in `acl_reader.rs`.

use crate::source::{Span, Spanned};
use crate::tree::IpNet;

/// One `acl` line. Lines of the same name are alternatives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acl {
    pub name: Spanned<String>,
    pub test: Test,
}

/// What is asked of a connection. Several patterns of one test are alternatives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Test {
    /// The address of one end is in one of these networks. A v4-mapped IPv6 address matches no IPv4 network.
    Address { end: End, networks: Vec<IpNet> },
    /// The number is in one of these ranges, bounds included.
    Number { number: Number, ranges: Vec<Range> },
    /// Known while reading: an address or number always exists (`-m found`), and no pattern never matches.
    Constant(bool),
    /// The path of a request begins with one of these. Read, not served yet.
    PathBegins { prefixes: Vec<String>, is_case_insensitive: bool },
    /// Refused; the refusal is in [`crate::Config::unserved`].
    Unserved,
}

/// One end of the client's connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum End {
    /// `src`: the client.
    Source,
    /// `dst`: what the client connected to.
    Destination,
}

/// A number that a test can ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Number {
    /// `src_port`, `dst_port`.
    Port(End),
    /// `nbsrv(BACKEND)`: usable servers.
    UsableServers(ProxyRef),
    /// `be_conn(BACKEND)`: current connections.
    BackendConnections(ProxyRef),
    /// `fe_conn(FRONTEND)`.
    FrontendConnections(ProxyRef),
    /// `srv_conn(BACKEND/SERVER)`.
    ServerConnections(ServerRef),
    /// `srv_is_up(BACKEND/SERVER)`: 1 or 0.
    ServerIsUp(ServerRef),
    /// `always_true` is 1, `always_false` is 0.
    Constant(bool),
}

/// A proxy by name; without one, the proxy that the ACL stands in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyRef {
    pub name: Option<String>,
    /// The fetch with its argument.
    pub span: Span,
}

/// A server by name, in the named proxy or in the one that the ACL stands in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerRef {
    pub proxy: ProxyRef,
    pub server: String,
}

/// Integers from `first` to `last`. Empty when `first > last`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Range {
    pub first: i64,
    pub last: i64,
}

impl Range {
    pub const ALL: Range = Range { first: i64::MIN, last: i64::MAX };

    pub fn contains(self, number: i64) -> bool {
        (self.first..=self.last).contains(&number)
    }
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

/// HAProxy's own ACLs that make sense for TCP (configuration.txt §7.4). An ACL of the same name goes before them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Predefined {
    True,
    False,
    /// `src 127.0.0.1/8 ::1`.
    Localhost,
}
