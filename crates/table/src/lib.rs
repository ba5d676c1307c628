//! The routing table: what is listened on, which backend a connection goes to, which server of it takes the next one.
//!
//! Two kinds of things live here, side by side and never mixed:
//!
//! ```text
//!   Table (immutable, one per reload)            state (lives as long as the process)
//!   ├─ Frontend ── binds, rules ──────────────▶  FrontendState   counts
//!   ├─ Backend ─── algorithm, timeouts ───────▶  BackendState    counts, the balancer
//!   │   └─ Server ─ address, weight, check ───▶  ServerState     health, weight, counts
//!   └─ process ───────────────────────────────▶  ProcessState    counts
//! ```
//!
//! A reload builds a new [`Table`] and takes the states of known names from the [`StateBook`]; a session keeps the table that it
//! started with, yet every pick of a server comes from the newest set, because the balancer belongs to the state.
//!
//! Nothing here opens a socket, reads a clock, starts a thread or draws a random number.
//!
//! **Invariant:** every server assigned is released exactly once ([`Backend::assign`], [`Backend::release`]).
#![forbid(unsafe_code)]

mod acl;
mod backend;
mod balance;
mod book;
mod cacheable;
mod cookie_dates;
mod count;
mod effect;
mod formula;
mod forwarded;
mod frontend;
mod hashing;
mod http;
mod http_edit;
mod http_rules;
mod identity;
mod ip_set;
mod list_rule;
mod lists;
mod log;
mod log_line;
mod log_policy;
mod persistence;
mod reply;
mod retry;
mod route;
mod rules;
mod sample;
mod server;
mod splice;
mod state;
mod stats_page;
mod table;
mod tally;
mod tuning;
mod users;

pub use acl::{Acl, Condition, Term, Test, Verdict};
pub use backend::{Backend, BackendLimits, BackendTimeouts, Balance, Mapping};
pub use balance::{Assignment, Grant, Passed, PickKey, Preview, Ticket, Waiter};
pub use book::StateBook;
pub use cacheable::leaks_cookie;
pub use cookie_dates::AgeLimits;
pub use count::{Conns, ShardIndex, ShardedCount};
pub use effect::{Change, Effect, LineLevel, Whence};
pub use formula::Formula;
pub use forwarded::{Forwarded, NodeForm};
pub use frontend::{Bind, BindAddr, ClientTimeouts, Frontend, Ownership, Switch, UseBackend};
pub use hashing::{HashFunction, HashKey, Hashing, UriExtent};
pub use http::{Capture, ForwardFor, HttpBack, HttpFront, Keeping, Monitor, RetryEvent, RetryOn, Reuse};
pub use http_edit::{Edit, Replacement, TargetPart, field_names};
pub use http_rules::{Case, Head, HttpAction, HttpRule, HttpRules, Patience, RulePlace, Ruling};
pub use identity::{Identity, Numbers, UniqueId};
pub use ip_set::IpSet;
pub use list_rule::{ListChange, ListRule};
pub use lists::{Entry, Found, Group, How, List, ListFault, Listed, Pattern, ReadPattern, Selector, Use};
pub use log::{Envelope, LOG_TAG, LogHost, LogLevel, LogSink, LogTarget, Sample};
pub use log_line::{ExchangeField, Field, LogLine, Piece, Style};
pub use log_policy::{LogFormat, LogOptions, LogPolicy, Sampled};
pub use persistence::{Answered, Brought, Cookie, CookieMode, Given, PersistRule, Persistence, Persisting, Seeking};
pub use reply::{OwnPage, Pages, Redirect, RedirectKind, Reply, ReplyContent, Words};
pub use retry::{Pin, Redispatch, Retry};
pub use route::{route, switching};
pub use rules::{
    Action, Admission, Asked, BackendRules, Deed, Inspection, ResponseAction, Rule, ServerSwitch, UseServer, ask,
};
pub use sample::{
    Amount, Announced, BackLoad, Captured, Captures, CapturesForm, CertificatePart, Chunks, Compare, ConnectionsOf,
    ContentPart, Converter, CookieForm, CookiePart, CountedStart, Course, Credential, DateUnit, Digest, Expression,
    Facts, Fetch, FieldForm, FieldPart, Format, FormatPart, FrontLoad, Heard, JsonInput, Key, Languages, LineOf,
    LinePart, Map, MapKey, Matcher, Message, MessagePart, NameForm, NumberRange, Operation, Parameter, Part, Payload,
    Scope, ServerLoad, SessionPart, Speaker, Spent, SpentOn, Substitution, TextPart, TextPatterns, TimeText, TimeoutOf,
    TlsPart, Value, Variable, Variables, Whose, base64, base64_decoded, push_captures, push_line, push_words,
    request_size, response_size, trailers_size, xxh64,
};
pub use server::{
    CheckSettings, Observe, Observed, Place, Pool, ProxyExtras, ProxyHeader, ProxyTlv, Reaction, Server, ServerAddr,
    ServerName, ServerSettings, ServerTls, Tracked, Trouble, WEIGHT_MOST,
};
pub use splice::Splice;
pub use state::backend::{BackendState, Usable};
pub use state::bells::{Bell, Bells};
pub(crate) use state::chance::Chance;
pub use state::frontend::{FrontendState, ListenerState, Standing};
pub use state::inbox::Inboxes;
pub use state::limiter::{Limiter, UNLIMITED};
pub use state::misread::{LastMisread, Misread, Named};
pub use state::process::ProcessState;
pub use state::rate_limit::RateLimit;
pub use state::server::{Admin, Health, RestingCount, ServerState};
pub use state::sources::Sources;
pub use state::tls::{KeysWith, TlsState};
pub use state::wall::Wall;
pub use state::warmth::{WEIGHT_SCALE, Warmth};
pub use stats_page::{Acting, StatsPage};
pub use table::{BackendId, BindId, FrontendId, Global, Mode, Number, Proxy, ServerId, Spread, Table};
pub use tally::{Counter, Distribution, Histogram, Latency, Peaks, Rate, Recent, Tally, Took, Totals, Traffic};
pub use tuning::{Keepalive, Source, Tuning};
pub use users::{Password, User, Userlist};
