//! HAProxy's configuration language: text → words with places → sections → a typed tree, and diagnostics.
//!
//! ```text
//!   Source ──lexer──▶ words ──parser──▶ lines ──global/proxy/bind/server/acl…──▶ Config
//!                       │                 │                                        │
//!                       ▼                 ▼                     validate, lints ◀──┤──▶ unserved
//!                  Diagnostic        Diagnostic                 Diagnostic              Diagnostic
//! ```
//!
//! The caller hands in file contents and an environment; this crate touches no file, socket, clock or process.
//! [`parse`] answers as HAProxy 2.6 would, with all problems instead of the first; [`unserved`] adds what HAProxy does
//! and Tidegate does not. What a client or server would notice is never read and then ignored.
#![forbid(unsafe_code)]

mod acl;
mod acl_reader;
mod address;
mod alias;
mod balance;
mod bind;
mod bind_tls;
mod capture;
mod check_expect;
mod check_formula;
mod condition;
mod converter;
mod converter_reader;
mod cookie;
mod cpu_map;
mod crt_list;
mod custom_id;
mod defaults;
mod diagnostic;
mod directive;
mod effect;
mod effect_reader;
mod environment;
mod error_page;
mod fetch;
mod field_name;
mod format;
mod forwarded;
mod global;
mod http_check;
mod http_rule;
mod http_rule_reader;
mod http_server;
mod keepalive;
mod keywords;
mod lexer;
mod line;
mod lints;
mod log;
mod log_format;
mod log_sample;
mod near_end;
mod nearest;
mod net;
mod option;
mod ownership;
mod page;
mod parser;
mod pattern;
mod place;
mod process;
mod proxy;
mod proxy_header;
mod reasons;
mod redirect_reader;
mod render;
mod reply_reader;
mod reports;
mod sample_reader;
mod server;
mod server_template;
mod server_tls;
mod session_part;
mod source;
mod stats;
mod switching;
mod tcp_check;
mod tcp_rules;
mod time_text;
mod timeout;
mod tracking;
mod tree;
mod unique_id;
mod unserved;
mod userlist;
mod validate;
mod value;
mod variables;

pub use acl::{Acl, Condition, Expression, Matching, Operand, Predefined, Term, Test};
pub use address::{BindAddress, Family, Host, LogAddress, ServerAddress, ServerPort};
pub use balance::{HashFunction, HashKey, HashType, UriExtent};
pub use condition::{COMPATIBLE_VERSION, ConditionError, FEATURES, evaluate};
pub use converter::{Amount, Chunks, Converter, Digest, JsonInput, Key, MapKey, MapValue, Operation, TextPart};
pub use cookie::{Cookie, CookieMode, PersistRule};
pub use crt_list::line_settings;
pub use diagnostic::{Diagnostic, Lead, Level, Stage};
pub use effect::Effect;
pub use environment::Environment;
pub use error_page::{ErrorPage, ErrorSource, HttpErrors};
pub use fetch::{
    BackendLoad, CertificatePart, ContentPart, CookieForm, CountedStart, Credential, End, Fetch, FieldForm,
    FrontendLoad, MessagePart, NameForm, Number, Parameter, Part, ProxyRef, ServerLoad, ServerRef, Speaker, TlsPart,
    UserlistRef, Whose,
};
pub use forwarded::Forwarded;
pub use http_rule::{
    Format, FormatPart, HttpAction, HttpRule, HttpRules, ListChange, Patience, Redirect, RedirectKind, Reply,
    ReplyContent, Scope, Service, TargetPart, Variable,
};
pub use lexer::quote;
pub use log::{Facility, Level as LogLevel, LogFormat};
pub use log_format::{LogFlags, LogLine, LogPart};
pub use log_sample::LogSample;
pub use nearest::spelling_distance;
pub use page::StatsPage;
pub use pattern::{BadLine, Compare, Method, Patterns, Range};
pub use render::closing;
pub use session_part::{CapturesForm, ConnectionsOf, DateUnit, LineOf, LinePart, SessionPart, SpentOn, TimeoutOf};
pub use source::{Source, Span, Spanned};
pub use time_text::TimeText;
pub use tree::{
    Access, Balance, Bind, BindTls, Capture, Check, CheckExpect, CheckText, CheckVariable, ClientVerify, Config,
    CpuMap, ForwardFor, Global, HttpCheck, HttpFieldPattern, HttpPattern, HttpScript, HttpSend, HttpSettings,
    HttpVersion, InitAddr, InitState, IoEngine, IpNet, Keepalive, Keeping, Likeness, Log, LogOptions, LogStyle,
    LogTarget, Mode, NearEnd, Observed, OnError, Ownership, Proxy, ProxyHeader, ProxyOption, ProxyTlv, Redispatch,
    RetryEvent, Reuse, Role, Server, ServerOptions, ServerTls, ServerVerify, Settings, Splice, StateSource,
    StatsSocket, TcpAction, TcpCheck, TcpConnect, TcpDeed, TcpResponseAction, TcpRule, TcpRules, Timeouts, TlsMethods,
    TlsVersion, UniqueId, UnixBind, UseBackend, UseServer, V6,
};
pub use unserved::{Unserved, Verdict, unserved};
pub use userlist::{Group, Password, User, Userlist};
pub use value::{TimeError, size, time};
pub use variables::SaidVariables;

/// A configuration and everything that is to be said about it.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub tree: Config,
    /// Lines that cannot be read, in file order; then lines that do not go together; then advice.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether it must not be started: at least one ALERT.
    pub fn has_alerts(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_alert)
    }

    /// Whether `-dW` and `zero-warning` must not start it.
    pub fn has_warnings(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_warning)
    }

    /// Everything as text for stderr, with HAProxy's closing lines. `.diag` lines are left out: they are for `-dD`.
    pub fn report(&self, pid: u32, sources: &[Source]) -> String {
        let shown = self.diagnostics.iter().filter(|diagnostic| diagnostic.level != Level::Diag);
        let mut text: String = shown.map(|diagnostic| diagnostic.render(pid, sources)).collect();
        text.push_str(&closing(&self.diagnostics, pid, sources));
        text
    }
}

/// Reads configuration files as HAProxy does, in the order of `-f`.
///
/// What is read but not served is in [`Config::unserved`]; a caller that means to run the result appends
/// [`unserved`]`(&parsed.tree)` to the diagnostics, or calls [`load`].
pub fn parse(sources: &[Source], environment: &dyn Environment) -> Parsed {
    let (tree, mut diagnostics) = parser::read(sources, environment);
    let is_readable = !diagnostics.iter().any(Diagnostic::is_alert);
    validate::check(&tree, sources, is_readable, &mut diagnostics);
    // Advice is for files that work.
    if !diagnostics.iter().any(Diagnostic::is_alert) {
        lints::advise(&tree, &mut diagnostics);
    }
    Parsed { tree, diagnostics }
}

/// [`parse`], and refuses what Tidegate does not serve.
pub fn load(sources: &[Source], environment: &dyn Environment) -> Parsed {
    let mut parsed = parse(sources, environment);
    parsed.diagnostics.extend(unserved(&parsed.tree));
    parsed
}
