//! A server: where it is, how much it takes, how it is greeted and checked.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::{Expression, Format, Formula, Number, ServerState, Tuning, Warmth};

/// One `server` line.
#[derive(Debug)]
pub struct Server {
    pub name: Arc<str>,
    pub backend_name: Arc<str>,
    pub addr: ServerAddr,
    pub settings: ServerSettings,
    pub state: Arc<ServerState>,
}

impl Server {
    /// Where its connections go: the file's address, unless the operator has moved it since.
    pub fn address(&self) -> ServerAddr {
        self.state.moved_to().unwrap_or_else(|| self.addr.clone())
    }

    /// Its health or its administrative state may have changed: with `slowstart` it is cold when it comes up.
    pub(crate) fn on_changed(&self, was_up: bool) {
        match (was_up, self.state.is_up()) {
            (false, true) => self.state.set_warmth(self.settings.slowstart.map(|_| Warmth::COLD)),
            (true, false) => self.state.set_warmth(None),
            (true, true) | (false, false) => (),
        }
    }

    /// See [`BackendState::move_to`](crate::BackendState::move_to).
    pub(crate) fn move_to(&self, addr: Option<ServerAddr>) {
        self.state.set_moved(addr.filter(|addr| *addr != self.addr));
        self.look_where_it_is();
    }

    pub(crate) fn look_where_it_is(&self) {
        self.state.set_placed(!matches!(self.address(), ServerAddr::Nowhere(_)));
    }
}

/// The heaviest weight a server can have (`configuration.txt: weight`).
pub const WEIGHT_MOST: u16 = 256;

/// What a `server` line says beside name and address; the default is that of a bare line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Its number in statistics.
    pub number: Number,
    /// 0 to 256; 0 takes no new connections. The run-time weight is [`ServerState::weight`].
    pub weight: u16,
    pub backup: bool,
    /// `disabled`: starts in maintenance.
    pub disabled: bool,
    /// The header that says who the client is, before the first byte (`send-proxy`, `send-proxy-v2`).
    pub proxy_header: Option<ProxyHeader>,
    /// What version 2 of it says, before anything else (`set-proxy-v2-tlv-fmt`).
    pub proxy_tlvs: Vec<ProxyTlv>,
    /// `None`: never checked, always up.
    pub check: Option<CheckSettings>,
    /// `None`: nobody is asked how it is (`agent-check`).
    pub agent: Option<CheckSettings>,
    /// The server whose health and administrative state it follows.
    pub track: Option<Tracked>,
    /// What its sessions meet counts for its health (`observe`).
    pub observe: Option<Observe>,
    /// Most connections at once; `None` is without limit. The run-time limit is [`ServerState::maxconn`].
    pub maxconn: Option<NonZeroU32>,
    /// The limit while the backend is empty: it grows up to `maxconn` with the number of connections in the backend
    /// ([`BackendLimits::fullconn`](crate::BackendLimits)). 0: the limit is always the same.
    pub minconn: u32,
    /// Seconds until it has its full weight and all of its places, after it came up; `None`: at once ([`Warmth`](crate::Warmth)).
    pub slowstart: Option<NonZeroU32>,
    /// Most that may wait for this server alone; `None` is without limit.
    pub maxqueue: Option<NonZeroU32>,
    /// Its sessions end when it goes down or into maintenance (`on-marked-down shutdown-sessions`).
    pub shuts_sessions_when_down: bool,
    /// The sessions of its backend's backups end when it comes up (`on-marked-up shutdown-backup-sessions`).
    pub shuts_backups_when_up: bool,
    /// `None`: it is spoken to in clear (`ssl`).
    pub tls: Option<ServerTls>,
    /// How its connections rest between two exchanges.
    pub pool: Pool,
    /// What a client brings that belongs to it (`cookie`).
    pub cookie: Option<Box<str>>,
    /// What the sockets are set to that connect to it.
    pub tuning: Tuning,
}

impl Default for ServerSettings {
    fn default() -> ServerSettings {
        ServerSettings {
            number: Number { value: 1, is_given: false },
            weight: 1,
            backup: false,
            disabled: false,
            proxy_header: None,
            proxy_tlvs: Vec::new(),
            check: None,
            agent: None,
            track: None,
            observe: None,
            maxconn: None,
            minconn: 0,
            slowstart: None,
            maxqueue: None,
            shuts_sessions_when_down: false,
            shuts_backups_when_up: false,
            tls: None,
            pool: Pool::default(),
            cookie: None,
            tuning: Tuning::default(),
        }
    }
}

/// What connections to it agree on before a client is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    pub connector: tls::Connector,
    pub name: ServerName,
}

/// The host that it is asked for (`configuration.txt: sni, sni-auto`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerName {
    None,
    /// That of the request, without its port.
    Host,
    Sample(Expression),
}

/// `pool-max-conn`, `pool-low-conn`, `pool-purge-delay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// So many connections rest at most, over all shards; `None` is without limit.
    pub most: Option<u32>,
    /// With so many that rest, or fewer, each shard uses those that rest on it alone.
    pub low: u32,
    /// How long one rests at most.
    pub rest: Duration,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool { most: None, low: 0, rest: Duration::from_secs(5) }
    }
}

/// Another server, by name (`track`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tracked {
    pub backend: Arc<str>,
    pub server: Arc<str>,
}

/// How what sessions meet counts for a server's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Observe {
    pub of: Observed,
    /// So many in a row are a reason to act (`error-limit`).
    pub most: NonZeroU32,
    pub reaction: Reaction,
}

/// What is looked at (`observe`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observed {
    /// `layer4`: attempts to connect.
    Connections,
    /// `layer7`: those that failed, and responses.
    Responses,
}

/// What a session met that speaks against its server. Displays HAProxy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    Unreachable,
    /// A response with a status that servers have to answer for.
    WrongStatus,
    /// What came is no response.
    BadHead,
    /// Its content is not what it said it would be.
    BadContent,
    /// No response came in time.
    Silent,
    /// The server ended before its response.
    Left,
}

impl Observe {
    /// Whether it counts.
    pub fn counts(&self, trouble: Trouble) -> bool {
        match self.of {
            Observed::Connections => trouble == Trouble::Unreachable,
            Observed::Responses => true,
        }
    }
}

impl Trouble {
    /// Whether a response with this status is one. 501 and 505 are what clients may bring about with any server.
    pub fn is_status(status: u16) -> bool {
        !matches!(status, 100..=499 | 501 | 505)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Unreachable => "L4 unsuccessful connection",
            Trouble::WrongStatus => "Wrong http response",
            Trouble::BadHead => "Invalid http response (headers)",
            Trouble::BadContent => "Invalid http response",
            Trouble::Silent => "Read timeout (http)",
            Trouble::Left => "Close from server (http)",
        })
    }
}

/// What follows from too many errors in a row (`on-error`). All but the first also have the next check come sooner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// `fastinter`: the next check comes sooner, and nothing else.
    CheckSooner,
    /// `fail-check`: as a check that failed.
    FailCheck,
    /// `sudden-death`: the same, and one more makes it down.
    SuddenDeath,
    /// `mark-down`: it is down.
    MarkDown,
}

/// The version of the PROXY protocol to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyHeader {
    V1,
    V2(ProxyExtras),
}

/// What version 2 says beside the addresses (`configuration.txt: send-proxy-v2-ssl, send-proxy-v2-ssl-cn, proxy-v2-options`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProxyExtras {
    /// Whether the client uses TLS, and which version. Without it nothing else is said of TLS.
    pub tls: bool,
    /// Whom the client's certificate names.
    pub common_name: bool,
    pub cipher: bool,
    /// The host that the client asked for.
    pub authority: bool,
    /// What `unique-id-format` makes of the connection.
    pub unique_id: bool,
    /// Kind and size of the key of the certificate that the client was shown.
    pub certificate_key: bool,
    /// How that certificate is signed.
    pub certificate_signature: bool,
    pub checksum: bool,
}

/// A type, and a value that is made for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyTlv {
    pub kind: u8,
    pub value: Format,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerAddr {
    Ip(SocketAddr),
    /// Its address is not known (`init-addr none`); the port is. Nobody goes there until somebody says where it is.
    Nowhere(u16),
    /// A path's bytes, without NUL.
    Unix(Arc<[u8]>),
    /// A name in the abstract namespace (`unix(7)`), without the leading zero byte.
    Abstract(Arc<[u8]>),
}

impl fmt::Display for ServerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerAddr::Ip(addr) => write!(f, "{}:{}", addr.ip(), addr.port()),
            ServerAddr::Nowhere(port) => write!(f, "-:{port}"),
            ServerAddr::Unix(path) => f.write_str(&String::from_utf8_lossy(path)),
            ServerAddr::Abstract(name) => write!(f, "abns@{}", String::from_utf8_lossy(name)),
        }
    }
}

/// How a server's health is found out (`configuration.txt: check`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// Where to knock.
    pub place: Place,
    /// What is said there, and expected.
    pub script: check::Script,
    /// What the script knows by number.
    pub formulas: Arc<[Formula]>,
    pub inter: Duration,
    /// While going up or down, and before the first result; equals `inter` where the file says nothing.
    pub fastinter: Duration,
    /// While down; equals `inter` where the file says nothing.
    pub downinter: Duration,
    /// Successes in a row that make a server up.
    pub rise: u32,
    /// Failures in a row that make a server down.
    pub fall: u32,
    /// What is thought of it before its first check.
    pub begins: check::Begins,
}

/// Where a check or an agent is found: at the server itself, but for what is named here (`addr`, `port`, `agent-addr`, `agent-port`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    pub ip: Option<IpAddr>,
    pub port: Option<u16>,
}

impl Place {
    /// The whole address, for a server that is at `server`. From a unix socket only a whole address leads away.
    pub fn of(self, server: &ServerAddr) -> ServerAddr {
        match (server, self.ip, self.port) {
            (ServerAddr::Ip(addr), ip, port) => {
                ServerAddr::Ip(SocketAddr::new(ip.unwrap_or(addr.ip()), port.unwrap_or(addr.port())))
            }
            (ServerAddr::Nowhere(known), Some(ip), port) => ServerAddr::Ip(SocketAddr::new(ip, port.unwrap_or(*known))),
            (ServerAddr::Unix(_) | ServerAddr::Abstract(_), Some(ip), Some(port)) => {
                ServerAddr::Ip(SocketAddr::new(ip, port))
            }
            (ServerAddr::Nowhere(_) | ServerAddr::Unix(_) | ServerAddr::Abstract(_), _, _) => server.clone(),
        }
    }

    /// What `other` names where this one names nothing.
    pub fn or(self, other: Place) -> Place {
        Place { ip: self.ip.or(other.ip), port: self.port.or(other.port) }
    }
}
