//! Sections that serve: `frontend`, `backend`, `listen`, and what `defaults` give them.

use super::{
    Bind, Capture, Check, HttpScript, HttpSettings, Log, LogOptions, LogStyle, NearEnd, Role, Server, ServerOptions,
    TcpCheck, TcpRules, UseBackend, UseServer,
};
use crate::acl::{Acl, Condition, Expression, Test};
use crate::balance::{HashKey, HashType};
use crate::cookie::PersistRule;
use crate::http_rule::{Format, HttpRule, HttpRules};
use crate::log_format::LogLine;
use crate::page::StatsPage;
use crate::source::{Span, Spanned};
use std::time::Duration;

/// A `frontend`, `backend` or `listen` section.
#[derive(Clone, Debug)]
pub struct Proxy {
    pub role: Role,
    pub name: Spanned<String>,
    /// Its number in statistics; the next that is free unless set.
    pub id: Option<Spanned<u32>>,
    pub settings: Settings,
    pub binds: Vec<Bind>,
    /// In file order. ACLs of one name are one ACL: the first that matches decides.
    pub acls: Vec<Acl>,
    /// In file order: the first whose condition holds decides.
    pub rules: Vec<UseBackend>,
    pub tcp: TcpRules,
    /// In file order: the first whose condition holds and whose server is up decides.
    pub use_servers: Vec<UseServer>,
    /// `ignore-persist` and `force-persist`, in file order: the first whose condition holds decides.
    pub persist_rules: Vec<PersistRule>,
    pub servers: Vec<Server>,
    /// `capture request header`.
    pub captures: Vec<Capture>,
    /// `stats admin`: who may change something on the page; nobody unless one of these holds.
    pub stats_admin: Vec<Spanned<Condition>>,
    /// `stats http-request`: who may look at the page.
    pub stats_rules: Vec<HttpRule>,
    /// `capture response header`.
    pub response_captures: Vec<Capture>,
    pub http: HttpRules,
    /// `monitor fail`: while any of them holds, `monitor-uri` is answered with an error.
    pub monitor_fail: Vec<Condition>,
}

impl Proxy {
    /// One without a line of its own.
    pub(crate) fn new(role: Role, name: Spanned<String>, settings: Settings) -> Proxy {
        Proxy {
            role,
            name,
            id: None,
            settings,
            binds: Vec::new(),
            acls: Vec::new(),
            rules: Vec::new(),
            tcp: TcpRules::default(),
            use_servers: Vec::new(),
            persist_rules: Vec::new(),
            servers: Vec::new(),
            captures: Vec::new(),
            stats_admin: Vec::new(),
            stats_rules: Vec::new(),
            response_captures: Vec::new(),
            http: HttpRules::default(),
            monitor_fail: Vec::new(),
        }
    }

    /// The log formats that it uses, with the keywords that said them.
    pub(crate) fn log_formats(&self) -> impl Iterator<Item = (&'static str, Span, &LogLine)> {
        let settings = &self.settings;
        let own = settings.log_style.as_ref().and_then(|style| match &style.value {
            LogStyle::Format(line) => Some(("log-format", style.span, line)),
            LogStyle::Tcp | LogStyle::Http => None,
        });
        let others = [
            settings.error_log_format.as_ref().map(|line| ("error-log-format", line.span, &line.value)),
            settings.log_format_sd.as_ref().map(|line| ("log-format-sd", line.span, &line.value)),
        ];
        own.into_iter().chain(others.into_iter().flatten()).filter(|_| self.role.has_front())
    }

    /// What its servers are told of clients in formats of the operator's own.
    pub(crate) fn proxy_tlvs(&self) -> impl Iterator<Item = &Format> {
        self.servers.iter().flat_map(|server| &server.options.proxy_tlvs).map(|tlv| &tlv.value)
    }

    /// What its checks make anew each time.
    pub(crate) fn of_checks(&self) -> impl Iterator<Item = &Expression> {
        let of_tcp = self.settings.script.iter().flat_map(|step| step.value.expressions());
        of_tcp.chain(self.settings.http_script.steps.iter().flat_map(|step| step.value.expressions()))
    }

    /// What the ACL of this name tests: it holds when any of these does.
    pub fn tests_of(&self, name: &str) -> impl Iterator<Item = &Test> {
        self.acls.iter().filter(move |acl| acl.name.value == name).map(|acl| &acl.test)
    }
}

/// What `defaults` can set and sections inherit.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub mode: Mode,
    pub is_disabled: bool,
    pub maxconn: Option<Spanned<u32>>,
    /// Connections at which servers with `minconn` reach their `maxconn`; 0 or unset: a tenth of what may arrive.
    pub fullconn: Option<Spanned<u32>>,
    /// `maxconn` of a `backend`, which HAProxy does not have: most connections on all its servers together; 0 or unset is without
    /// limit.
    pub backend_maxconn: Option<Spanned<u32>>,
    /// `maxconn-per-source`, a keyword of our own: most sessions of one client address at once; 0 or unset is without limit.
    pub maxconn_per_source: Option<Spanned<u32>>,
    /// Where its servers' states come from at the start; nowhere unless set.
    pub server_state: Option<StateSource>,
    /// The file of its own; the section's name unless set.
    pub server_state_file: Option<String>,
    /// `rate-limit sessions`: most new sessions per second; 0 or unset is without limit.
    pub session_rate: Option<Spanned<u32>>,
    pub backlog: Option<Spanned<u32>>,
    pub default_backend: Option<Spanned<String>>,
    pub balance: Option<Spanned<Balance>>,
    pub hash_type: HashType,
    /// `hash-balance-factor`: 0 or unset is without limit, others are more than 100.
    pub hash_balance_factor: Option<Spanned<u32>>,
    /// Attempts after the first; 3 unless set.
    pub retries: Option<Spanned<u32>>,
    pub redispatch: Redispatch,
    /// `option persist`: servers that a cookie or a rule names are tried although they are down.
    pub persists: bool,
    /// All backups take over, instead of the first alone.
    pub has_all_backups: bool,
    /// `option socket-stats`: listeners are counted one by one.
    pub has_socket_stats: bool,
    pub splice: Splice,
    /// `option ktls`, if it was said: the kernel may do TLS.
    pub ktls: Option<bool>,
    pub timeouts: Timeouts,
    pub client_keepalive: Keepalive,
    pub server_keepalive: Keepalive,
    /// Where connections to its servers come from, unless a server says otherwise.
    pub near_end: Option<Spanned<NearEnd>>,
    pub logs: Vec<Log>,
    /// Instead of the global one.
    pub log_tag: Option<Spanned<String>>,
    /// `option tcplog`, `option httplog` or `log-format`, whichever comes last; without any a line is written at accept.
    pub log_style: Option<Spanned<LogStyle>>,
    pub error_log_format: Option<Spanned<LogLine>>,
    pub log_format_sd: Option<Spanned<LogLine>>,
    pub log_options: LogOptions,
    pub unique_id: UniqueId,
    pub default_server: ServerOptions,
    /// A statistics page.
    pub stats: Option<StatsPage>,
    pub http: HttpSettings,
    /// How servers with `check` are checked; a connection is enough unless set.
    pub check: Option<Spanned<Check>>,
    /// The `tcp-check` lines, which [`Check::Script`] follows.
    pub script: Vec<Spanned<TcpCheck>>,
    /// The script comes from a `defaults` section.
    pub is_script_inherited: bool,
    /// What [`Check::Http`] follows.
    pub http_script: HttpScript,
    /// `http-check disable-on-404`.
    pub disables_on_404: bool,
    /// Checks over HTTP say how the server stands (`http-check send-state`).
    pub tells_state: bool,
    /// `option log-health-checks`.
    pub logs_health_checks: bool,
}

impl Settings {
    /// What `balance hash` names.
    pub(crate) fn hashed_expression(&self) -> Option<&Expression> {
        match &self.balance.as_ref()?.value {
            Balance::Hash(HashKey::Expression(expression)) => Some(expression),
            Balance::Hash(_)
            | Balance::RoundRobin
            | Balance::StaticRoundRobin
            | Balance::LeastConn
            | Balance::First
            | Balance::Random { .. } => None,
        }
    }

    /// What a section starts with that follows these `defaults`.
    pub(crate) fn inherited(&self) -> Settings {
        let stats = self.stats.clone().map(|page| StatsPage { is_inherited: true, ..page });
        let http_script = HttpScript { is_inherited: true, ..self.http_script.clone() };
        Settings { is_script_inherited: true, http_script, stats, ..self.clone() }
    }
}

/// A name for each session or exchange: what it is made of, and the field of requests that tells servers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UniqueId {
    /// `unique-id-format`
    pub format: Option<Box<Format>>,
    /// `unique-id-header`
    pub header: Option<String>,
}

/// `load-server-state-from-file`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StateSource {
    /// The file that `global` names.
    Global,
    /// A file of its own.
    Local,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    #[default]
    Tcp,
    Http,
}

/// `option splice-auto`, `splice-request`, `splice-response` and their `no` forms, as far as the file says something. Where it
/// does not, flows are spliced as soon as they gain by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Splice {
    pub auto: Option<bool>,
    pub request: Option<bool>,
    pub response: Option<bool>,
}

/// How one side's connections are probed when they rest (`option clitcpka`, `clitcpka-cnt` …); what is `None` is as the system has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keepalive {
    pub is_on: bool,
    /// Probes without an answer that end a connection; 1 to 127.
    pub count: Option<u32>,
    /// Rest before the first probe; 1 to 32,767 whole seconds.
    pub idle: Option<Duration>,
    /// Between probes; 1 to 32,767 whole seconds.
    pub interval: Option<Duration>,
}

/// Timers; `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timeouts {
    pub connect: Option<Spanned<Duration>>,
    pub client: Option<Spanned<Duration>>,
    pub server: Option<Spanned<Duration>>,
    pub check: Option<Spanned<Duration>>,
    pub tunnel: Option<Spanned<Duration>>,
    pub client_fin: Option<Spanned<Duration>>,
    pub client_handshake: Option<Spanned<Duration>>,
    pub server_fin: Option<Spanned<Duration>>,
    pub queue: Option<Spanned<Duration>>,
    pub http_request: Option<Spanned<Duration>>,
    pub http_keep_alive: Option<Spanned<Duration>>,
    pub tarpit: Option<Spanned<Duration>>,
}

/// `option redispatch [N]` (configuration.txt: option redispatch).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Redispatch {
    #[default]
    Off,
    /// On every N-th retry (`N > 0`).
    Every(u32),
    /// On the N-th retry before the last, counted from the end: 1 is the last retry, which is the default of a bare
    /// `option redispatch`.
    FromLast(u32),
}

/// `balance …`. Unset means what HAProxy 3.4 does: [`Balance::Random`] with two draws.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Balance {
    RoundRobin,
    StaticRoundRobin,
    LeastConn,
    First,
    /// `source`, `uri`, `url_param`, `hdr`, `hash`.
    Hash(HashKey),
    /// The least loaded of this many servers drawn at random; at least 1.
    Random {
        draws: u32,
    },
}

impl Balance {
    /// Whether it needs requests of HTTP; where there are none, `roundrobin` takes its place.
    pub fn is_of_requests(&self) -> bool {
        match self {
            Balance::Hash(key) => key.is_of_requests(),
            Balance::RoundRobin
            | Balance::StaticRoundRobin
            | Balance::LeastConn
            | Balance::First
            | Balance::Random { .. } => false,
        }
    }
}
