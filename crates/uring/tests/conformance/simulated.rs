//! The world of the simulation, calm: what it claims, the kernel must do.

use crate::scripts::{BUFFER_COUNT, BUFFER_SIZE, PIPE_COUNT};
use crate::stage::World;
use driver::Addr;
use sim::{Behaviour, Options, Outcome, Peer, Reach, Reading, Script, Server, Sim};
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) struct Simulated {
    driver: Sim,
    /// Each with the count of bytes that the script has read.
    peers: Vec<(Peer, usize)>,
    servers: Vec<Server>,
}

/// How long a peer waits for what must come.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(1);

impl Simulated {
    pub(crate) fn new(seed: u64) -> Simulated {
        let options = Options {
            buffer_count: BUFFER_COUNT,
            buffer_size: BUFFER_SIZE,
            pipe_count: PIPE_COUNT as usize,
            ..Options::calm()
        };
        Simulated { driver: Sim::new(seed, options), peers: Vec::new(), servers: Vec::new() }
    }

    fn add(&mut self, peer: Peer) -> usize {
        self.peers.push((peer, 0));
        self.peers.len() - 1
    }

    fn add_server(&mut self, reach: Reach) -> Addr {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = self.driver.world().server(free, Behaviour::accepting(idle()).reach(reach));
        self.servers.push(server.clone());
        server.addr()
    }

    /// Lets time pass until the peer has seen what it waits for.
    fn wait(&self, mut is_over: impl FnMut() -> bool) {
        let world = self.driver.world();
        let deadline = world.now() + PATIENCE;
        while !is_over() {
            assert!(world.now() < deadline, "a peer waits for what does not come");
            world.pass(STEP);
        }
    }
}

/// A peer that does nothing by itself, reading included.
fn idle() -> Script {
    Script::silent().reading(Reading::Never)
}

impl World for Simulated {
    type Driver = Sim;
    type Peer = usize;

    fn driver(&mut self) -> &mut Sim {
        &mut self.driver
    }

    fn beside(&mut self) -> Sim {
        self.driver.beside()
    }

    fn client(&mut self, to: &Addr) -> usize {
        let world = self.driver.world();
        self.add(world.client(world.now(), to.clone(), idle()))
    }

    fn server(&mut self) -> Addr {
        self.add_server(Reach::Accepts)
    }

    fn taken_by(&mut self, server: &Addr) -> usize {
        let found = self.servers.iter().find(|found| found.addr() == *server).expect("made by `server`");
        let mut taken = None;
        self.wait(|| {
            taken = found.accept_out();
            taken.is_some()
        });
        self.add(taken.expect("waited for"))
    }

    fn refusing(&mut self) -> Addr {
        self.add_server(Reach::Refuses)
    }

    fn silent(&mut self) -> Addr {
        self.add_server(Reach::BlackHole)
    }

    fn send(&mut self, peer: usize, bytes: &[u8]) {
        self.peers[peer].0.send(bytes);
    }

    fn finish(&mut self, peer: usize) {
        self.peers[peer].0.finish();
    }

    fn reset(&mut self, peer: usize) {
        self.peers[peer].0.reset();
    }

    fn read(&mut self, peer: usize, count: usize) -> Vec<u8> {
        let (handle, start) = self.peers[peer].clone();
        handle.read(Reading::AtOnce);
        self.wait(|| handle.received_count() >= start + count || handle.outcome() != Outcome::Open);
        let received = handle.received();
        let end = (start + count).min(received.len());
        self.peers[peer].1 = end;
        received[start..end].to_vec()
    }

    fn ending(&mut self, peer: usize) -> &'static str {
        let handle = &self.peers[peer].0;
        handle.read(Reading::AtOnce);
        self.wait(|| handle.outcome() != Outcome::Open);
        match handle.outcome() {
            Outcome::Ended => "end",
            Outcome::Reset => "reset",
            outcome @ (Outcome::Connecting | Outcome::Failed(_) | Outcome::Open | Outcome::Torn) => {
                panic!("{outcome:?}")
            }
        }
    }
}
