//! What a configuration says: sections with their settings, typed, each with its place in the file.
//!
//! Settings of `defaults` are already copied into the proxies that follow it. Nothing is resolved: proxies, servers and
//! ACLs name each other by name, hosts may be names. Times are absolute durations; no time means "no limit".

use crate::acl::{Acl, Condition, Test};
use crate::address::{BindAddress, Host, LogAddress, ServerAddress};
use crate::cookie::Cookie;
use crate::error_page::ErrorPage;
use crate::http_rule::HttpRules;
use crate::log::{Facility, Level, LogFormat};
use crate::log_format::LogLine;
use crate::log_sample::LogSample;
use crate::page::StatsPage;
use crate::source::{Span, Spanned};
use crate::unserved::Unserved;
use std::net::IpAddr;
use std::time::Duration;

/// Everything that the files said.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub global: Global,
    /// In file order. Names are unique over all of them.
    pub proxies: Vec<Proxy>,
    /// What was read but is not served, in file order (see [`crate::unserved`]).
    pub unserved: Vec<Unserved>,
}

impl Config {
    /// Whether anything listens. HAProxy checks such a file with exit code 2 and does not start it.
    pub fn has_listener(&self) -> bool {
        let is_open = |proxy: &Proxy| !proxy.settings.is_disabled && !proxy.binds.is_empty();
        !self.global.stats_sockets.is_empty() || !self.global.prometheus.is_empty() || self.proxies.iter().any(is_open)
    }

    /// The log targets of a proxy, with `log global` replaced by the targets of the global section; said twice, it counts once.
    pub fn logs_of<'a>(&'a self, proxy: &'a Proxy) -> impl Iterator<Item = &'a LogTarget> {
        let logs = &proxy.settings.logs;
        let first = logs.iter().position(|log| matches!(log, Log::Global(_)));
        logs.iter().enumerate().flat_map(move |(index, log)| match log {
            Log::Global(_) if Some(index) == first => self.global.logs.as_slice(),
            Log::Global(_) => &[],
            Log::Target(target) => std::slice::from_ref(target),
        })
    }
}

/// The `global` sections, merged.
#[derive(Clone, Debug, Default)]
pub struct Global {
    /// Concurrent client connections of the process; 0 or unset: derived from the descriptor limit.
    pub maxconn: Option<Spanned<u32>>,
    /// Most new connections per second; 0 or unset is without limit.
    pub maxconnrate: Option<Spanned<u32>>,
    /// Most new sessions per second; 0 or unset is without limit.
    pub maxsessrate: Option<Spanned<u32>>,
    /// Percent, 0 to 50.
    pub spread_checks: Option<u32>,
    pub max_spread_checks: Option<Duration>,
    pub nbthread: Option<Spanned<u16>>,
    /// `tidegate.io-engine`; unset is [`IoEngine::Auto`].
    pub io_engine: Option<Spanned<IoEngine>>,
    pub logs: Vec<LogTarget>,
    /// The name of the process in syslog's headers; `haproxy` unless set.
    pub log_tag: Option<Spanned<String>>,
    /// `log-send-hostname`; `None` inside is the system's name.
    pub log_hostname: Option<Spanned<Option<String>>>,
    pub user: Option<Spanned<String>>,
    pub group: Option<Spanned<String>>,
    pub uid: Option<Spanned<u32>>,
    pub gid: Option<Spanned<u32>>,
    pub chroot: Option<Spanned<String>>,
    pub pidfile: Option<Spanned<String>>,
    pub daemon: Option<Span>,
    /// Descriptors to ask the system for; 0 or unset: as many as it gives.
    pub ulimit_n: Option<Spanned<u32>>,
    /// Descriptors to use at most, whatever the system gives; 0 or unset: no limit of ours.
    pub fd_hard_limit: Option<Spanned<u32>>,
    /// `no strict-limits`
    pub takes_less: bool,
    /// `set-dumpable`
    pub is_dumpable: bool,
    /// `master-worker`
    pub is_master: bool,
    /// How long a soft stop may last.
    pub hard_stop_after: Option<Spanned<Duration>>,
    /// How long to serve on after a soft stop was asked for.
    pub grace: Option<Spanned<Duration>>,
    pub node: Option<Spanned<String>>,
    pub description: Option<Spanned<String>>,
    pub cpu_maps: Vec<CpuMap>,
    /// Where files of server states are whose names are relative.
    pub server_state_base: Option<Spanned<String>>,
    /// The file of those sections that load theirs from the global one.
    pub server_state_file: Option<Spanned<String>>,
    /// `tidegate.strict-haproxy`: keywords of our own are refused, so that the file stays one of HAProxy's.
    pub is_strict: bool,
    /// `nosplice`: whatever the proxies say.
    pub is_splice_off: bool,
    /// `tidegate.prometheus`: where metrics are served.
    pub prometheus: Vec<Spanned<BindAddress>>,
    /// `ssl-default-bind-…`: what `bind` lines start from.
    pub bind_tls: BindTls,
    /// Where certificates are whose names are relative.
    pub crt_base: Option<Spanned<String>>,
    /// The same of authorities and revocation lists.
    pub ca_base: Option<Spanned<String>>,
    pub stats_sockets: Vec<StatsSocket>,
    pub unix_bind: UnixBind,
    pub stats_timeout: Option<Spanned<Duration>>,
    pub stats_maxconn: Option<Spanned<u32>>,
}

/// `cpu-map`: where threads may run. A later line about a thread replaces an earlier one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CpuMap {
    /// `auto:`: the first of the threads on the first of the CPUs, and so on; else each of them on any.
    pub is_auto: bool,
    /// Ascending, from 1.
    pub threads: Vec<u16>,
    /// Ascending, from 0. As many as threads if `is_auto`.
    pub cpus: Vec<u16>,
}

/// `tidegate.io-engine`, a keyword of our own: which of the kernel's interfaces moves the bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IoEngine {
    /// io_uring; where the kernel refuses it, epoll and a warning.
    #[default]
    Auto,
    /// io_uring, or no start.
    IoUring,
    /// epoll; io_uring is not even tried.
    Epoll,
}

impl IoEngine {
    /// Every engine there is.
    pub const ALL: [IoEngine; 3] = [IoEngine::Auto, IoEngine::IoUring, IoEngine::Epoll];

    /// As the file has it.
    pub fn word(self) -> &'static str {
        match self {
            IoEngine::Auto => "auto",
            IoEngine::IoUring => "io_uring",
            IoEngine::Epoll => "epoll",
        }
    }
}

/// `stats socket ADDRESS …`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatsSocket {
    pub addresses: Vec<Spanned<BindAddress>>,
    pub ownership: Ownership,
    pub access: Access,
    /// `expose-fd listeners`: a successor may fetch the listening sockets here.
    pub exposes_listeners: bool,
    /// The master's (`-S`), a keyword of our own in the file.
    pub is_master: bool,
}

/// Who owns the path of a unix socket, and who may connect. A name counts before a number.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ownership {
    /// Permission bits.
    pub mode: Option<u32>,
    pub user: Option<Spanned<String>>,
    pub group: Option<Spanned<String>>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

impl Ownership {
    /// What `other` says where this says nothing.
    pub fn or(self, other: &Ownership) -> Ownership {
        // A number says whose it is, too.
        let (has_user, has_group) =
            (self.user.is_some() || self.uid.is_some(), self.group.is_some() || self.gid.is_some());
        Ownership {
            mode: self.mode.or(other.mode),
            user: self.user.or_else(|| other.user.clone().filter(|_| !has_user)),
            group: self.group.or_else(|| other.group.clone().filter(|_| !has_group)),
            uid: self.uid.or(other.uid.filter(|_| !has_user)),
            gid: self.gid.or(other.gid.filter(|_| !has_group)),
        }
    }
}

/// `unix-bind`: what holds for all unix sockets of `bind` lines that say nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnixBind {
    /// Stands before every path.
    pub prefix: Option<String>,
    pub ownership: Ownership,
}

/// What the users of an admin socket may do; each level includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Access {
    User,
    #[default]
    Operator,
    Admin,
}

impl Access {
    /// As the file has it.
    pub fn word(self) -> &'static str {
        match self {
            Access::User => "user",
            Access::Operator => "operator",
            Access::Admin => "admin",
        }
    }
}

/// Which side of a connection a section has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Frontend,
    Backend,
    Listen,
}

impl Role {
    pub fn has_front(self) -> bool {
        matches!(self, Role::Frontend | Role::Listen)
    }

    pub fn has_back(self) -> bool {
        matches!(self, Role::Backend | Role::Listen)
    }

    /// The keyword that opens the section.
    pub fn keyword(self) -> &'static str {
        match self {
            Role::Frontend => "frontend",
            Role::Backend => "backend",
            Role::Listen => "listen",
        }
    }

    /// What HAProxy calls such a section in a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Role::Frontend => "frontend",
            Role::Backend => "backend",
            Role::Listen => "proxy",
        }
    }
}

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
    pub servers: Vec<Server>,
    /// `capture request header`.
    pub captures: Vec<Capture>,
    /// `stats admin`: who may change something on the page; nobody unless one of these holds.
    pub stats_admin: Vec<Spanned<Condition>>,
    /// `capture response header`.
    pub response_captures: Vec<Capture>,
    pub http: HttpRules,
    /// `monitor fail`: while any of them holds, `monitor-uri` is answered with an error.
    pub monitor_fail: Vec<Condition>,
}

impl Proxy {
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
    /// Attempts after the first; 3 unless set.
    pub retries: Option<Spanned<u32>>,
    pub redispatch: Redispatch,
    /// All backups take over, instead of the first alone.
    pub has_all_backups: bool,
    /// `option socket-stats`: listeners are counted one by one.
    pub has_socket_stats: bool,
    pub splice: Splice,
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
    /// `option log-health-checks`.
    pub logs_health_checks: bool,
}

impl Settings {
    /// What a section starts with that follows these `defaults`.
    pub(crate) fn inherited(&self) -> Settings {
        let stats = self.stats.clone().map(|page| StatsPage { is_inherited: true, ..page });
        let http_script = HttpScript { is_inherited: true, ..self.http_script.clone() };
        Settings { is_script_inherited: true, http_script, stats, ..self.clone() }
    }
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

/// A kind of check that says something (`option tcp-check` and its kin).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Check {
    /// The proxy's own script.
    Script,
    /// `option httpchk`
    Http,
    /// The greeting is the whole line, such as `HELO localhost`.
    Smtp {
        greeting: String,
    },
    Redis,
    SslHello,
    /// `option imapchk`, `pop3chk` and `lmtpchk` are keywords of our own.
    Imap,
    Pop3,
    Lmtp,
}

/// One `tcp-check` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TcpCheck {
    Comment(String),
    Connect(TcpConnect),
    Send { bytes: Vec<u8>, comment: Option<String> },
    Expect(CheckExpect<CheckText>),
}

/// `tcp-check connect`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpConnect {
    /// Greet as the server line says.
    pub is_default: bool,
    pub address: Option<Spanned<Host>>,
    pub port: Option<u16>,
    pub sends_proxy: bool,
    pub lingers: bool,
    pub comment: Option<String>,
}

/// `tcp-check expect` and `http-check expect`. A status is one of HAProxy's words that the keyword allows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckExpect<P> {
    pub pattern: P,
    pub is_inverse: bool,
    pub received_least: Option<u32>,
    pub ok_status: Option<String>,
    pub error_status: Option<String>,
    pub timeout_status: Option<String>,
    pub on_success: Option<String>,
    pub on_error: Option<String>,
    pub comment: Option<String>,
}

/// What is expected. Expressions are as written: whoever runs them compiles them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckText {
    String(Spanned<String>),
    Regex(Spanned<String>),
    Binary(Vec<u8>),
    BinaryRegex(Spanned<String>),
}

/// `option httpchk` and the `http-check` lines: a section inherits them together, and its first own line of either kind replaces them
/// together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpScript {
    /// What `option httpchk` says is sent, unless a line of the script says otherwise.
    pub request: HttpSend,
    pub steps: Vec<Spanned<HttpCheck>>,
    /// It comes from a `defaults` section.
    pub is_inherited: bool,
}

/// One `http-check` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HttpCheck {
    Comment(String),
    Connect(TcpConnect),
    Send(HttpSend),
    Expect(CheckExpect<HttpPattern>),
}

/// `http-check send`, or what `option httpchk` says. What is not there is HAProxy's `OPTIONS / HTTP/1.0`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpSend {
    pub method: Option<String>,
    pub uri: Option<String>,
    pub version: Option<HttpVersion>,
    /// Names and values.
    pub fields: Vec<(String, String)>,
    pub body: Option<String>,
    pub comment: Option<String>,
}

/// The versions that a check can speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpVersion {
    Http10,
    Http11,
}

/// What is expected of a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HttpPattern {
    /// Ranges of status codes, first and last.
    Status(Vec<(u16, u16)>),
    StatusRegex(Spanned<String>),
    String(Spanned<String>),
    Regex(Spanned<String>),
}

/// The HTTP part of the settings.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    pub keeping: Keeping,
    pub reuse: Reuse,
    /// `retry-on`; `None`: HAProxy's default.
    pub retry_on: Option<Vec<RetryEvent>>,
    pub forward_for: Option<Spanned<ForwardFor>>,
    /// Each status once.
    pub pages: Vec<ErrorPage>,
    pub monitor_uri: Option<String>,
    pub cookie: Option<Spanned<Cookie>>,
}

/// A word of `retry-on`: a failure that is a reason to send a request again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryEvent {
    ConnFailure,
    EmptyResponse,
    JunkResponse,
    ResponseTimeout,
    Status(u16),
}

/// `http-reuse`: who may use a server's connection on which another client was served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reuse {
    Never,
    #[default]
    Safe,
    Aggressive,
    Always,
}

/// Which connections serve more than one exchange: the last of three options that was said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Keeping {
    /// `option http-keep-alive`.
    #[default]
    Both,
    /// `option http-server-close`.
    Front,
    /// `option httpclose`.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    #[default]
    Tcp,
    Http,
}

/// `option forwardfor [except NET] [header NAME] [if-none]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ForwardFor {
    pub except: Option<IpNet>,
    pub header: Option<String>,
    pub is_if_none: bool,
}

/// A network. Bits behind the prefix are already cleared.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IpNet {
    pub address: IpAddr,
    /// Up to 32 for IPv4, up to 128 for IPv6.
    pub prefix: u8,
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Balance {
    RoundRobin,
    StaticRoundRobin,
    LeastConn,
    First,
    Source,
    /// The least loaded of this many servers drawn at random; at least 1.
    Random {
        draws: u32,
    },
}

/// Which log line a session leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogStyle {
    Tcp,
    Http,
    Format(LogLine),
}

impl LogStyle {
    /// As the file has it.
    pub(crate) fn keyword(&self) -> &'static str {
        match self {
            LogStyle::Tcp => "option tcplog",
            LogStyle::Http => "option httplog",
            LogStyle::Format(_) => "log-format",
        }
    }
}

/// Which sessions leave a line, when, and how severe it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LogOptions {
    /// `option dontlognull`.
    pub skips_null: bool,
    /// `option dontlog-normal`.
    pub skips_normal: bool,
    /// `option logasap`.
    pub is_early: bool,
    /// `option log-separate-errors`.
    pub separates_errors: bool,
}

/// One `log` line of a proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Log {
    /// `log global`: the targets of the global section.
    Global(Span),
    Target(LogTarget),
}

/// `log ADDRESS [len N] [format F] [sample RANGES:SIZE] FACILITY [MAX [MIN]]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogTarget {
    pub address: Spanned<LogAddress>,
    /// Longest line in bytes, 80 to 65,535; 1,024 unless set.
    pub length_max: u16,
    /// Unset: `rfc3164` if host names are sent, else `local`.
    pub format: Option<LogFormat>,
    /// None: every line is sent.
    pub sample: Option<LogSample>,
    pub facility: Facility,
    /// Lines of this level and more severe ones are sent.
    pub level_max: Level,
    /// Lines more severe than this are sent as if they were of this level.
    pub level_min: Level,
}

/// One `bind` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bind {
    /// The whole line, without its comment.
    pub span: Span,
    pub addresses: Vec<Spanned<BindAddress>>,
    pub name: Option<Spanned<String>>,
    /// Its number within the frontend; the next that is free unless set.
    pub id: Option<Spanned<u32>>,
    pub ownership: Ownership,
    /// The device that packets have to come through.
    pub interface: Option<String>,
    pub backlog: Option<Spanned<u32>>,
    /// What `[::]` listens on.
    pub v6: V6,
    /// Connections start with a PROXY header.
    pub accept_proxy: Option<Span>,
    /// `mss`: most bytes of a segment that clients are told to send; 88 to 32,767.
    pub segment_size: Option<u16>,
    /// `tcp-ut`: how long bytes may stay unacknowledged.
    pub user_timeout: Option<Duration>,
    /// `defer-accept`: clients are accepted when their first bytes have come.
    pub defers_accept: bool,
    /// `tfo`: clients may bring bytes with their first segment.
    pub opens_fast: bool,
    pub tls: BindTls,
}

/// What a `bind` line says about TLS, and `global` for all of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BindTls {
    /// `ssl`; without it all the rest is without effect.
    pub is_on: Option<Span>,
    /// Files and directories, in the order of the line.
    pub certificates: Vec<Spanned<String>>,
    /// Those of names that nobody is for.
    pub default_certificates: Vec<Spanned<String>>,
    pub ca_file: Option<Spanned<String>>,
    pub crl_file: Option<Spanned<String>>,
    /// Clients are not asked for certificates unless set.
    pub verify: Option<Spanned<ClientVerify>>,
    /// Names of protocols, the one that is liked best first.
    pub alpn: Option<Spanned<Vec<String>>>,
    pub is_strict: bool,
    pub methods: TlsMethods,
    /// For TLS 1.2, in OpenSSL's words.
    pub ciphers: Option<Spanned<String>>,
    /// For TLS 1.3, in OpenSSL's words.
    pub ciphersuites: Option<Spanned<String>>,
    pub curves: Option<Spanned<String>>,
    pub has_tickets: Option<bool>,
    pub prefers_client: bool,
}

/// Whether a client has to have a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientVerify {
    Optional,
    Required,
}

/// Which versions of TLS are agreed to. Where least or most are said, `no-tlsv…` counts for nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsMethods {
    pub least: Option<Spanned<TlsVersion>>,
    pub most: Option<Spanned<TlsVersion>>,
    pub without: Vec<TlsVersion>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TlsVersion {
    Ssl3,
    Tls10,
    Tls11,
    Tls12,
    Tls13,
}

impl TlsVersion {
    pub const ALL: [TlsVersion; 5] =
        [TlsVersion::Ssl3, TlsVersion::Tls10, TlsVersion::Tls11, TlsVersion::Tls12, TlsVersion::Tls13];

    /// As the file has it.
    pub fn word(self) -> &'static str {
        match self {
            TlsVersion::Ssl3 => "SSLv3",
            TlsVersion::Tls10 => "TLSv1.0",
            TlsVersion::Tls11 => "TLSv1.1",
            TlsVersion::Tls12 => "TLSv1.2",
            TlsVersion::Tls13 => "TLSv1.3",
        }
    }
}

/// `source ADDRESS[:PORT] [interface NAME]`: where connections to servers come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NearEnd {
    /// An address; unspecified: as the system has it.
    pub host: Host,
    /// 0: any.
    pub port: u16,
    /// The device that packets have to go through.
    pub interface: Option<String>,
}

/// How an IPv6 listener treats IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum V6 {
    /// As the system says (`net.ipv6.bindv6only`).
    #[default]
    System,
    /// `v4v6`: both families.
    Both,
    /// `v6only`.
    Only,
}

/// `use_backend NAME [if|unless CONDITION]`.
#[derive(Clone, Debug)]
pub struct UseBackend {
    pub backend: Spanned<String>,
    /// Always, when absent.
    pub condition: Option<Condition>,
}

/// The `tcp-request` and `tcp-response` lines of a proxy, each list in file order.
#[derive(Clone, Debug, Default)]
pub struct TcpRules {
    pub connection: Vec<TcpRule>,
    pub session: Vec<TcpRule>,
    pub content: Vec<TcpRule>,
    /// How long content rules wait for content; not at all unless set.
    pub inspect_delay: Option<Spanned<Duration>>,
    /// `tcp-response content`
    pub response: Vec<TcpRule<TcpResponseAction>>,
    pub response_delay: Option<Spanned<Duration>>,
}

/// `tcp-request … ACTION [if|unless CONDITION]`, `tcp-response content …`.
#[derive(Clone, Debug)]
pub struct TcpRule<A = TcpAction> {
    pub action: Spanned<A>,
    /// Always, when absent.
    pub condition: Option<Condition>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpAction {
    Accept,
    Reject,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpResponseAction {
    Accept,
    Reject,
    /// Closes the connection with the server.
    Close,
}

/// `use-server NAME if|unless CONDITION`.
#[derive(Clone, Debug)]
pub struct UseServer {
    pub server: Spanned<String>,
    pub condition: Condition,
}

/// `capture request|response header NAME len N`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capture {
    pub header: Spanned<String>,
    pub length_max: u32,
}

/// One `server` line, with `default-server` applied.
#[derive(Clone, Debug)]
pub struct Server {
    pub name: Spanned<String>,
    pub address: Spanned<ServerAddress>,
    pub options: ServerOptions,
}

/// The parameters of a server line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerOptions {
    /// Its number within the backend; the next that is free unless set.
    pub id: Option<Spanned<u32>>,
    /// Where connections to it come from; what the proxy says unless set.
    pub near_end: Option<Spanned<NearEnd>>,
    pub check: Option<Span>,
    pub check_address: Option<Spanned<Host>>,
    pub check_port: Option<Spanned<u16>>,
    pub check_send_proxy: Option<Span>,
    /// The server that it follows: its backend, unless it is the same one, and its name.
    pub track: Option<Spanned<(Option<String>, String)>>,
    /// `observe layer4`; `observe none` takes it back.
    pub observe: Option<Span>,
    /// At least 1; 10 unless set.
    pub error_limit: Option<u32>,
    /// [`OnError::FailCheck`] unless set.
    pub on_error: Option<OnError>,
    /// [`InitState::Up`] unless set.
    pub init_state: Option<InitState>,
    pub agent: Option<Span>,
    pub agent_address: Option<Spanned<Host>>,
    pub agent_port: Option<Spanned<u16>>,
    /// Between two questions to the agent; 2 s unless set.
    pub agent_inter: Option<Spanned<Duration>>,
    /// What is said to the agent first.
    pub agent_send: Option<String>,
    /// Between checks; 2 s unless set.
    pub inter: Option<Spanned<Duration>>,
    /// Between checks while going up or down; `inter` unless set.
    pub fastinter: Option<Spanned<Duration>>,
    /// Between checks while down; `inter` unless set.
    pub downinter: Option<Spanned<Duration>>,
    /// Successes that make it up; at least 1; 2 unless set.
    pub rise: Option<Spanned<u32>>,
    /// Failures that make it down; at least 1; 3 unless set.
    pub fall: Option<Spanned<u32>>,
    /// 0 (takes no new connections) to 256; 1 unless set.
    pub weight: Option<Spanned<u16>>,
    /// How long it takes until it has its full weight, after it came up; 0 or unset: at once.
    pub slowstart: Option<Spanned<Duration>>,
    pub is_backup: bool,
    pub is_disabled: bool,
    /// `on-marked-down shutdown-sessions`.
    pub shuts_sessions_when_down: bool,
    /// `on-marked-up shutdown-backup-sessions`.
    pub shuts_backups_when_up: bool,
    pub proxy_header: Option<Spanned<ProxyHeader>>,
    /// `proxy-v2-options`: what a header of version 2 says beside that.
    pub proxy_options: Vec<ProxyOption>,
    pub tls: Option<Span>,
    /// Most connections at once; 0 or unset is without limit.
    pub maxconn: Option<Spanned<u32>>,
    /// The limit while the backend is empty; 0 or unset: that of `maxconn`.
    pub minconn: Option<Spanned<u32>>,
    /// Most that wait for this server alone; 0 or unset is without limit.
    pub maxqueue: Option<Spanned<u32>>,
    /// `tcp-ut`: how long bytes may stay unacknowledged; unset: as long as the system has it.
    pub user_timeout: Option<Duration>,
    /// The value of its clients' cookie.
    pub cookie: Option<String>,
}

/// `on-error`: what follows from too many errors in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnError {
    Fastinter,
    FailCheck,
    SuddenDeath,
    MarkDown,
}

/// `init-state`: what is thought of a server before its first check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitState {
    FullyUp,
    Up,
    Down,
    FullyDown,
}

/// A word of `proxy-v2-options`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyOption {
    Authority,
    CertCn,
    Crc32c,
    Ssl,
    SslCipher,
}

/// Which PROXY header a server is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyHeader {
    V1,
    V2,
    /// With the TLS TLV.
    V2Ssl,
    /// With the TLS TLV and the certificate's common name.
    V2SslCn,
}
