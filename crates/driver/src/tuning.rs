//! What a socket of TCP is set to, beyond what every one of ours is, before it listens or connects.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The default leaves everything as the kernel has it. What a listener is set to, the connections inherit that it accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tuning {
    pub keepalive: Option<Keepalive>,
    /// How long bytes may stay unacknowledged until the connection is given up (`tcp(7)`: `TCP_USER_TIMEOUT`).
    pub user_timeout: Option<Duration>,
    /// Most bytes of a segment that the peer is told to send (`TCP_MAXSEG`).
    pub segment_size: Option<u16>,
    /// A listener sees a connection when its first bytes have come, or a moment later (`TCP_DEFER_ACCEPT`).
    pub defers_accept: bool,
    /// How many connections may wait at a listener that sent bytes with their first segment (`TCP_FASTOPEN`); `None`: none may.
    pub fast_open: Option<u32>,
    /// Where a connection comes from, for sockets that connect.
    pub source: Option<Source>,
}

/// The near end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// Unspecified: the kernel chooses by its routes. Without a port the kernel chooses one when the socket connects, so that
    /// connections to different servers may have the same one (`ip(7)`: `IP_BIND_ADDRESS_NO_PORT`).
    pub addr: SocketAddr,
    /// The device that packets have to go through (`socket(7)`: `SO_BINDTODEVICE`).
    pub device: Option<Arc<str>>,
}

/// A connection that rests is probed, and ended when nobody answers (`SO_KEEPALIVE`). What is `None` is as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Keepalive {
    /// Probes without an answer until the connection is given up (`TCP_KEEPCNT`); 1 to 127.
    pub count: Option<u32>,
    /// Rest before the first probe, in whole seconds (`TCP_KEEPIDLE`); 1 to 32,767 s.
    pub idle: Option<Duration>,
    /// Between probes, in whole seconds (`TCP_KEEPINTVL`); 1 to 32,767 s.
    pub interval: Option<Duration>,
}
