//! The world of the kernel: real sockets on the loopback address, whose other ends the test holds.

use crate::stage::World;
use driver::{Addr, Driver, Fd, ListenSpec};
use nix::sys::socket::{setsockopt, sockopt};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Any driver of the kernel, and its peers.
pub(crate) struct Kernel<D> {
    driver: D,
    make: fn() -> D,
    peers: Vec<Option<TcpStream>>,
    servers: Vec<TcpListener>,
}

/// How long a peer waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);

impl<D: Driver> Kernel<D> {
    pub(crate) fn of(make: fn() -> D) -> Kernel<D> {
        Kernel { driver: make(), make, peers: Vec::new(), servers: Vec::new() }
    }

    fn add(&mut self, peer: TcpStream) -> usize {
        peer.set_read_timeout(Some(PATIENCE)).expect("not zero");
        self.peers.push(Some(peer));
        self.peers.len() - 1
    }

    fn bound(&mut self) -> Fd {
        let spec = ListenSpec::at(Addr::Ip(SocketAddr::from(([127, 0, 0, 1], 0))), 1);
        self.driver.bind(&spec).expect("a free port")
    }

    fn peer(&mut self, peer: usize) -> &mut TcpStream {
        self.peers[peer].as_mut().expect("not reset by the script")
    }
}

impl<D: Driver> World for Kernel<D> {
    type Driver = D;
    type Peer = usize;

    fn driver(&mut self) -> &mut D {
        &mut self.driver
    }

    fn beside(&mut self) -> D {
        (self.make)()
    }

    fn client(&mut self, to: &Addr) -> usize {
        let peer = TcpStream::connect(ip(to)).expect("it listens");
        self.add(peer)
    }

    fn server(&mut self) -> Addr {
        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = server.local_addr().expect("bound");
        self.servers.push(server);
        Addr::Ip(addr)
    }

    fn taken_by(&mut self, server: &Addr) -> usize {
        let found = self.servers.iter().find(|listener| listener.local_addr().ok() == server.ip());
        let (peer, _) = found.expect("made by `server`").accept().expect("the driver has connected");
        self.add(peer)
    }

    /// The port is taken by a socket that does not listen, so nobody else gets it.
    fn refusing(&mut self) -> Addr {
        let bound = self.bound();
        self.driver.local_addr(bound).expect("bound")
    }

    /// A listener whose queue is full drops the first packet of a connection, so that connecting takes its time.
    fn silent(&mut self) -> Addr {
        let bound = self.bound();
        self.driver.listen(bound, 0).expect("bound");
        let addr = self.driver.local_addr(bound).expect("bound");
        // A backlog of zero has room for one.
        self.client(&addr);
        addr
    }

    fn send(&mut self, peer: usize, bytes: &[u8]) {
        self.peer(peer).write_all(bytes).expect("connected");
    }

    fn finish(&mut self, peer: usize) {
        self.peer(peer).shutdown(Shutdown::Write).expect("connected");
    }

    fn reset(&mut self, peer: usize) {
        let peer = self.peers[peer].take().expect("reset once");
        setsockopt(&peer, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 }).expect("a socket");
    }

    fn read(&mut self, peer: usize, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.peer(peer).take(count as u64).read_to_end(&mut bytes).expect("it comes in time");
        bytes
    }

    fn ending(&mut self, peer: usize) -> &'static str {
        match self.peer(peer).read(&mut [0]) {
            Ok(0) => "end",
            Ok(_) => "bytes that nobody expected",
            Err(err) if err.kind() == ErrorKind::ConnectionReset => "reset",
            Err(err) => panic!("{err}"),
        }
    }
}

fn ip(addr: &Addr) -> SocketAddr {
    addr.ip().expect("scripts use the loopback address")
}
