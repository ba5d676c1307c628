//! Ports on loopback that belong to one test.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrStorage, sockopt};

/// A port that the kernel chose and that nobody else is given while this value lives.
///
/// The socket is bound and never listens: a connection to it is refused, and a listener that sets SO_REUSEADDR or
/// SO_REUSEPORT, as every proxy and mail server does, may bind the same address beside it.
#[derive(Debug)]
pub struct Reservation {
    _socket: OwnedFd,
    address: SocketAddr,
}

impl Reservation {
    /// A free port of `ip`.
    pub fn new(ip: IpAddr) -> Self {
        let family = match ip {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        let socket =
            socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a socket to reserve");
        socket::setsockopt(&socket, sockopt::ReuseAddr, &true).expect("SO_REUSEADDR");
        socket::setsockopt(&socket, sockopt::ReusePort, &true).expect("SO_REUSEPORT");
        socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(ip, 0))).expect("a free port");
        let address = local_address(&socket);
        Self { _socket: socket, address }
    }

    /// A free port of 127.0.0.1.
    pub fn loopback() -> Self {
        Self::new(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// The reserved address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The address that `socket` is bound to.
pub fn local_address(socket: &impl AsRawFd) -> SocketAddr {
    let address: SockaddrStorage = socket::getsockname(socket.as_raw_fd()).expect("a bound socket has a name");
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(v4), _) => SocketAddr::from((v4.ip(), v4.port())),
        (_, Some(v6)) => SocketAddr::from((v6.ip(), v6.port())),
        (None, None) => panic!("neither IPv4 nor IPv6: {address:?}"),
    }
}

/// How many sockets of this network namespace listen on exactly `address`.
pub fn listener_count(address: SocketAddr) -> usize {
    listeners(address).len()
}

/// The inodes of the sockets of this network namespace that listen on exactly `address`. Looking disturbs nobody, where a
/// probing connection would be counted, balanced and logged.
pub fn listeners(address: SocketAddr) -> BTreeSet<u64> {
    let (table, local) = match address.ip() {
        IpAddr::V4(ip) => ("/proc/net/tcp", kernel_hex(&ip.octets())),
        IpAddr::V6(ip) => ("/proc/net/tcp6", kernel_hex(&ip.octets())),
    };
    let local = format!("{local}:{:04X}", address.port());
    let text = fs::read_to_string(table).expect("procfs is mounted");
    text.lines().filter_map(|line| listener(line, &local)).collect()
}

/// proc(5): `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`; state 0A is TCP_LISTEN.
fn listener(line: &str, local: &str) -> Option<u64> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let is_listener = words.get(1) == Some(&local) && words.get(3) == Some(&"0A");
    is_listener.then(|| words.get(9)?.parse().ok())?
}

/// What the kernel will do next for a socket of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    None,
    /// Probe a peer that rests, after this time.
    Keepalive(Duration),
    /// Repeat something, or give up.
    Other,
}

/// The timer of the established IPv4 connection between `local` and `remote`, as its local end has it.
pub fn timer(local: SocketAddr, remote: SocketAddr) -> Timer {
    let text = fs::read_to_string("/proc/net/tcp").expect("procfs is mounted");
    let [local, remote] = [local, remote].map(|address| match address.ip() {
        IpAddr::V4(ip) => format!("{}:{:04X}", kernel_hex(&ip.octets()), address.port()),
        IpAddr::V6(_) => panic!("{address} is not IPv4"),
    });
    let is_it = |words: &Vec<&str>| words.get(1) == Some(&&*local) && words.get(2) == Some(&&*remote);
    let mut lines = text.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<&str>>());
    let words = lines.find(is_it).expect("the connection is there");
    match words[5].split_once(':').expect("a timer and a time") {
        ("00", _) => Timer::None,
        // proc(5): in hundredths of a second.
        ("02", time) => Timer::Keepalive(Duration::from_millis(10 * u64::from_str_radix(time, 16).expect("hex"))),
        _ => Timer::Other,
    }
}

/// An address as the kernel prints it: 32-bit words in the byte order of the machine.
fn kernel_hex(octets: &[u8]) -> String {
    octets
        .chunks_exact(4)
        .map(|word| format!("{:08X}", u32::from_ne_bytes([word[0], word[1], word[2], word[3]])))
        .collect()
}

/// Whether this machine has an IPv6 loopback address; containers often have none.
pub fn has_ipv6() -> bool {
    std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_reserved_port_refuses_and_can_be_bound_by_a_server() {
        let reservation = Reservation::loopback();
        assert_eq!(listener_count(reservation.address()), 0);
        assert!(TcpStream::connect(reservation.address()).is_err());
        let _listener = TcpListener::bind(reservation.address()).expect("std sets SO_REUSEADDR");
        assert_eq!(listener_count(reservation.address()), 1);
    }

    #[test]
    fn listeners_of_both_families_are_seen() {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listener_count(v4.local_addr().unwrap()), 1);
        if has_ipv6() {
            let v6 = TcpListener::bind("[::1]:0").unwrap();
            assert_eq!(listener_count(v6.local_addr().unwrap()), 1);
        }
    }
}
