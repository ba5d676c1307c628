//! Servers that do not answer: one that refuses, one that swallows every SYN.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage};

use crate::ports::{self, Reservation};
use crate::wait;

/// A port that is taken and on which nobody listens: every SYN is answered with a RST.
#[derive(Debug)]
pub struct Refusing(Reservation);

impl Refusing {
    /// One on 127.0.0.1.
    pub fn new() -> Self {
        Self(Reservation::loopback())
    }

    /// The address as a `server` line has it.
    pub fn target(&self) -> String {
        self.0.address().to_string()
    }
}

impl Default for Refusing {
    fn default() -> Self {
        Self::new()
    }
}

/// A listener whose queue is full and that never accepts: the kernel drops every further SYN (listen(2), tcp(7):
/// `tcp_abort_on_overflow` is off), as a firewall or a dead machine would.
#[derive(Debug)]
pub struct BlackHole {
    address: SocketAddr,
    _listener: OwnedFd,
    _queued: Vec<OwnedFd>,
}

impl BlackHole {
    /// One on 127.0.0.1. It is full when this returns.
    pub fn new() -> Self {
        let listener = stream_socket(SockFlag::empty());
        let any = SockaddrStorage::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        socket::bind(listener.as_raw_fd(), &any).expect("a free port");
        socket::listen(&listener, Backlog::new(0).expect("zero is a backlog")).expect("listen");
        let address = ports::local_address(&listener);
        let mut queued = Vec::new();
        wait::until("the queue of the black hole to be full", wait::SOON, || {
            let socket = stream_socket(SockFlag::SOCK_NONBLOCK);
            // It is in progress, and either completes at once or never.
            let _ = socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(address));
            let is_swallowed = !is_writable(&socket, Duration::from_millis(50));
            queued.push(socket);
            is_swallowed
        });
        Self { address, _listener: listener, _queued: queued }
    }

    /// The address as a `server` line has it.
    pub fn target(&self) -> String {
        self.address.to_string()
    }
}

impl Default for BlackHole {
    fn default() -> Self {
        Self::new()
    }
}

fn stream_socket(flags: SockFlag) -> OwnedFd {
    socket::socket(AddressFamily::Inet, SockType::Stream, flags | SockFlag::SOCK_CLOEXEC, None).expect("a socket")
}

fn is_writable(socket: &OwnedFd, limit: Duration) -> bool {
    use std::os::fd::AsFd;
    let limit = PollTimeout::try_from(limit).expect("a short time");
    poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)], limit).expect("poll") > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_black_hole_swallows() {
        let hole = BlackHole::new();
        let error = TcpStream::connect_timeout(&hole.address, Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_refusing_port_refuses() {
        let error = TcpStream::connect(Refusing::new().target()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
