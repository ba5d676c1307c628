//! A frontend: where clients arrive and what decides where they go.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use crate::{
    Admission, BackendId, BindId, Condition, Format, FrontendState, HttpFront, ListenerState, LogPolicy, Mode, Splice,
    Tuning, UniqueId,
};

/// `frontend NAME`, or the client's half of `listen NAME`.
#[derive(Debug)]
pub struct Frontend {
    pub name: Arc<str>,
    pub mode: Mode,
    pub binds: Vec<Bind>,
    pub admission: Admission,
    /// In file order: the first that holds wins.
    pub rules: Vec<UseBackend>,
    pub default_backend: Option<BackendId>,
    /// Most connections at once; `None`: only the process's limit holds. The run-time limit is that of the state's
    /// [`Limiter`](crate::Limiter).
    pub maxconn: Option<NonZeroU32>,
    /// Most sessions of one address at once; `None` is without limit. A keyword of our own. The limit in force is that of the state's
    /// [`Sources`](crate::Sources).
    pub maxconn_per_source: Option<NonZeroU32>,
    /// Most new sessions per second; `None` is without limit. The run-time limit is that of the state's
    /// [`RateLimit`](crate::RateLimit).
    pub session_rate: Option<NonZeroU32>,
    pub timeouts: ClientTimeouts,
    pub splice: Splice,
    /// Without meaning in a frontend of another mode.
    pub http: HttpFront,
    pub log: LogPolicy,
    pub unique_id: UniqueId,
    pub state: Arc<FrontendState>,
}

impl Frontend {
    /// What is counted of the listener with this number alone, if listeners are counted.
    pub fn listener_state(&self, number: u32) -> Option<&ListenerState> {
        // All of a frontend are, or none.
        self.binds.first()?.state.as_ref()?;
        self.binds.iter().find(|bind| bind.number == number)?.state.as_deref()
    }
}

/// One address of a `bind` line.
#[derive(Clone, Debug)]
pub struct Bind {
    pub id: BindId,
    pub addr: BindAddr,
    /// `name` of the line; without one, HAProxy logs the listener by its number.
    pub name: Option<Arc<str>>,
    /// Length of the kernel's accept queue (`listen(2)`).
    pub backlog: u32,
    /// `IPV6_V6ONLY`: `Some(true)` by `v6only`, `Some(false)` by `v4v6`, else the system's default.
    pub v6_only: Option<bool>,
    /// The device that packets have to come through (`interface`).
    pub device: Option<Arc<str>>,
    /// Of its path, if it has one.
    pub ownership: Ownership,
    /// HAProxy's number for it within the frontend: its `id`, or the next that is free.
    pub number: u32,
    /// What is counted of it alone (`option socket-stats`).
    pub state: Option<Arc<ListenerState>>,
    /// The connection starts with a PROXY header that says whose it is.
    pub accept_proxy: bool,
    /// Connections are encrypted, behind the PROXY header if there is one (`ssl`).
    pub tls: Option<tls::Acceptor>,
    /// What its sockets are set to, and the connections that they accept.
    pub tuning: Tuning,
}

/// Who owns the path of a unix socket, and who may connect (`mode`, `uid`, `gid`). What is `None` is as the process makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ownership {
    /// Permission bits.
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BindAddr {
    Ip(SocketAddr),
    /// A path's bytes, without NUL.
    Unix(Arc<[u8]>),
    /// A name in the abstract namespace (`unix(7)`), without the leading zero byte.
    Abstract(Arc<[u8]>),
    /// A listening socket that the process was started with (`fd@N`).
    Inherited(RawFd),
}

impl fmt::Display for BindAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindAddr::Ip(addr) => write!(f, "{addr}"),
            BindAddr::Unix(path) => f.write_str(&String::from_utf8_lossy(path)),
            BindAddr::Abstract(name) => write!(f, "abns@{}", String::from_utf8_lossy(name)),
            BindAddr::Inherited(number) => write!(f, "fd@{number}"),
        }
    }
}

/// `use_backend B [if|unless condition]`; without a condition it always holds.
#[derive(Debug)]
pub struct UseBackend {
    pub condition: Option<Condition>,
    pub backend: Switch,
}

/// Which backend a rule chooses.
#[derive(Clone, Debug)]
pub enum Switch {
    To(BackendId),
    /// The one of this name; if none has it, the default, whatever rules follow.
    Named(Format),
}

/// The client side's time limits; `None` is without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientTimeouts {
    /// Inactivity (`timeout client`).
    pub client: Option<Duration>,
    /// Inactivity once one direction is closed (`timeout client-fin`).
    pub client_fin: Option<Duration>,
    /// From the accept until it is known who the client is: a PROXY header, and TLS (`timeout client-hs`, else `client`).
    pub client_handshake: Option<Duration>,
    /// From the first byte of a request's head, or the accept, to its last (`timeout http-request`).
    pub http_request: Option<Duration>,
    /// From the end of an exchange to the first byte of the next (`timeout http-keep-alive`, else `http-request`).
    pub http_keep_alive: Option<Duration>,
    /// How long a client waits for what `tarpit` tells it (`timeout tarpit`, else `timeout connect`).
    pub tarpit: Option<Duration>,
}
