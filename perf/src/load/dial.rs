//! Connections to the subject, begun without waiting, from many source addresses.

use std::{
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, setsockopt, socket, sockopt},
};

use crate::tally::Failures;

/// How many source addresses a generator uses in turn. A closed connection keeps its port busy for a minute; one address has
/// 28,232 ports by default.
const SOURCES: u8 = 16;

/// Begins connections.
pub(crate) struct Dialer {
    targets: Vec<SocketAddrV4>,
    process: u8,
    dialled: usize,
}

/// Why a connection could not even be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undialled {
    /// The subject refused at once.
    Refused,
    /// This process has no port or descriptor left.
    Own,
}

impl Undialled {
    pub(crate) fn note(self, failures: &mut Failures) {
        match self {
            Undialled::Refused => failures.refused += 1,
            Undialled::Own => failures.own += 1,
        }
    }
}

impl Dialer {
    /// `targets` is not empty; `process` is below 100.
    pub(crate) fn new(targets: Vec<SocketAddrV4>, process: u8) -> Self {
        assert!(!targets.is_empty() && process < 100);
        Dialer { targets, process, dialled: 0 }
    }

    /// A connection on its way. On loopback it usually stands when this returns: sending is worth a try.
    pub(crate) fn dial(&mut self) -> Result<TcpStream, Undialled> {
        let source = Ipv4Addr::new(127, 0, 100 + self.process, 1 + (self.dialled % usize::from(SOURCES)) as u8);
        let target = self.targets[self.dialled % self.targets.len()];
        self.dialled += 1;
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Inet, SockType::Stream, flags, None).map_err(|_| Undialled::Own)?;
        // The port is chosen when the target is known, so that one port serves many targets.
        setsockopt(&fd, sockopt::IpBindAddressNoPort, &true).map_err(|_| Undialled::Own)?;
        bind(fd.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(source, 0))).map_err(|_| Undialled::Own)?;
        match connect(fd.as_raw_fd(), &SockaddrIn::from(target)) {
            Ok(()) | Err(Errno::EINPROGRESS) => Ok(TcpStream::from(fd)),
            Err(Errno::ECONNREFUSED) => Err(Undialled::Refused),
            Err(_) => Err(Undialled::Own),
        }
    }
}
