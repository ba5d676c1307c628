//! Where a socket listens or connects.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// An address of a stream socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Addr {
    Ip(SocketAddr),
    /// A path, or an abstract name if the first byte is zero (`unix(7)`). At most 108 bytes.
    Unix(Arc<[u8]>),
    /// A socket without a name: the client side of a unix connection.
    Unnamed,
}

/// Bytes that `sockaddr_un` has room for.
pub const UNIX_NAME_MOST: usize = 108;

impl Addr {
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Addr::Ip(addr) => Some(*addr),
            Addr::Unix(_) | Addr::Unnamed => None,
        }
    }
}

impl From<SocketAddr> for Addr {
    fn from(addr: SocketAddr) -> Addr {
        Addr::Ip(addr)
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::Ip(addr) => write!(f, "{}:{}", addr.ip(), addr.port()),
            Addr::Unix(name) if name.first() == Some(&0) => write!(f, "abns@{}", String::from_utf8_lossy(&name[1..])),
            Addr::Unix(name) => f.write_str(&String::from_utf8_lossy(name)),
            Addr::Unnamed => f.write_str("unix"),
        }
    }
}
