//! What sockets of TCP are set to beyond what all of them are: those that listen for a `bind` line, and those that connect to a server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The default leaves everything as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    /// `option clitcpka`, `option srvtcpka`
    pub keepalive: Option<Keepalive>,
    /// How long bytes may stay unacknowledged (`tcp-ut`).
    pub user_timeout: Option<Duration>,
    /// Most bytes of a segment that a client is told to send (`mss`); 88 to 32,767.
    pub segment_size: Option<u16>,
    /// A connection is accepted when its first bytes have come (`defer-accept`).
    pub defers_accept: bool,
    /// How many connections may wait that brought bytes with their first segment (`tfo`); `None`: none may.
    pub fast_open: Option<u32>,
    /// Where connections to a server come from (`source`).
    pub source: Option<Source>,
}

/// The near end of connections to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Unspecified: as the system's routes have it. Port 0: any.
    pub addr: SocketAddr,
    /// The device that packets have to go through (`interface`).
    pub device: Option<Arc<str>>,
}

/// How connections that rest are probed; what is `None` is as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// Probes without an answer that end a connection; 1 to 127.
    pub count: Option<u32>,
    /// Rest before the first probe; 1 to 32,767 whole seconds.
    pub idle: Option<Duration>,
    /// Between probes; 1 to 32,767 whole seconds.
    pub interval: Option<Duration>,
}
