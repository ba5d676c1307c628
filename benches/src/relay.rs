//! Turns of a shard whose sessions are busy, with messages or with requests, on the simulated driver.
//!
//! What is measured is the shard's and the sessions' work together with the simulation of sockets and peers: no system call is
//! in it. It shows how our own share of a turn changes, not what a turn costs on a kernel.

use crate::configuration::{ConfigFile, PREAMBLE, Process};
use driver::{Driver, Wake};
use shard::{ControlPort, Mail, Mailbox, Notice, Parts, Shard, Shelves};
use sim::{Behaviour, Options, Peer, Script, Sim};
use std::net::SocketAddr;
use std::sync::Arc;
use table::ShardIndex;

/// Bytes of each message.
pub const MESSAGE_SIZE: usize = 200;

/// What a client of an object store asks, and hears.
const REQUEST: &str = "GET /x/49/1024 HTTP/1.1\r\nHost: rig.example.org\r\nUser-Agent: perf\r\nAccept: */*\r\n\r\n";
const RESPONSE_HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n";
const CONTENT: [u8; 1024] = [b'x'; 1024];

/// A shard with sessions in each of which one message goes to and fro for ever: both peers send back what they get.
pub struct Relay {
    shard: Shard<Sim>,
    clients: Vec<Peer>,
}

impl Relay {
    /// All sessions are connected, and each message has made its first way.
    pub fn new(session_count: usize) -> Relay {
        let front = SocketAddr::from(([127, 0, 0, 1], 1000));
        let back = SocketAddr::from(([127, 0, 0, 1], 2000));
        let text = format!(
            "{PREAMBLE}frontend front\n    bind {front}\n    default_backend farm\n\nbackend farm\n    server a {back}\n"
        );
        let options = Options { buffer_count: 2 * session_count as u32 + 16, ..Options::calm() };
        let sim = Sim::new(1, options);
        let world = sim.world();
        let mut shard = serving(sim, &ConfigFile::new(&text));
        world.server(back, Behaviour::echo());
        let clients = (0..session_count).map(|_| {
            let script = Script::new().send([b'x'; MESSAGE_SIZE]).echo();
            world.client(world.now(), front, script)
        });
        let clients: Vec<Peer> = clients.collect();
        while clients.iter().any(|client| client.received_count() == 0) {
            shard.turn().expect("nothing fails in a calm world");
        }
        Relay { shard, clients }
    }

    /// Answers how many messages were carried from one side to the other meanwhile.
    pub fn turns(&mut self, count: usize) -> u64 {
        let before = self.bytes_at_clients();
        for _ in 0..count {
            self.shard.turn().expect("nothing fails in a calm world");
        }
        // Each message that is back at its client was carried twice.
        (self.bytes_at_clients() - before) as u64 * 2 / MESSAGE_SIZE as u64
    }

    fn bytes_at_clients(&self) -> usize {
        self.clients.iter().map(Peer::received_count).sum()
    }
}

/// A shard in `mode http` whose clients ask for an object of 1 KiB, again and again, and write no log.
pub struct Gets {
    shard: Shard<Sim>,
    clients: Vec<Peer>,
}

impl Gets {
    /// All clients are connected, and each has been answered once.
    pub fn new(client_count: usize) -> Gets {
        let front = SocketAddr::from(([127, 0, 0, 1], 1000));
        let back = SocketAddr::from(([127, 0, 0, 1], 2000));
        let text = format!(
            "global\n    maxconn 60000\n\ndefaults\n    mode http\n    timeout connect 10s\n    timeout client 1h\n    timeout server 1h\n\n\
             frontend front\n    bind {front}\n    default_backend farm\n\nbackend farm\n    server a {back}\n"
        );
        let options = Options { buffer_count: 2 * client_count as u32 + 16, ..Options::calm() };
        let sim = Sim::new(1, options);
        let world = sim.world();
        let mut shard = serving(sim, &ConfigFile::new(&text));
        let response = [RESPONSE_HEAD.as_bytes(), &CONTENT].concat();
        let size = response.len();
        world.server(
            back,
            Script::new().answer(move |heard| {
                (heard.bytes.len() >= REQUEST.len()).then(|| (heard.bytes.len(), Script::new().send(&response)))
            }),
        );
        let asks = Script::new()
            .send(REQUEST)
            .answer(move |heard| (heard.bytes.len() >= size).then(|| (size, Script::new().send(REQUEST))));
        let clients: Vec<Peer> = (0..client_count).map(|_| world.client(world.now(), front, asks.clone())).collect();
        while clients.iter().any(|client| client.received_count() == 0) {
            shard.turn().expect("nothing fails in a calm world");
        }
        Gets { shard, clients }
    }

    /// Answers how many requests were answered meanwhile.
    pub fn turns(&mut self, count: usize) -> u64 {
        let before = self.bytes_at_clients();
        for _ in 0..count {
            self.shard.turn().expect("nothing fails in a calm world");
        }
        ((self.bytes_at_clients() - before) / (RESPONSE_HEAD.len() + CONTENT.len())) as u64
    }

    fn bytes_at_clients(&self) -> usize {
        self.clients.iter().map(Peer::received_count).sum()
    }
}

/// A shard that has bound what the file says, and listens.
fn serving(sim: Sim, file: &ConfigFile) -> Shard<Sim> {
    let mut process = Process::new();
    let waker = sim.waker();
    let mailbox = Arc::new(Mailbox::new(waker.clone()));
    let port = Arc::new(ControlPort::new(1024, Arc::new(Nobody)));
    let mut shard = Shard::new(Parts {
        driver: sim,
        index: ShardIndex(0),
        published: process.published().clone(),
        sessions_max: 60_000,
        mailbox: mailbox.clone(),
        port: port.clone(),
        passage: Box::new(|_| 0),
        shelves: Arc::new(Shelves::new(1)),
        signer: None,
        heirlooms: Vec::new(),
        seed: 1,
    });
    let table = process.lower(file);
    assert!(mailbox.post(Mail::Prepare(table.clone())).is_ok(), "the box is empty");
    shard.turn().expect("nothing fails in a calm world");
    let notice = port.take_notice();
    assert!(matches!(notice, Some(Notice::Prepared { result: Ok(()), .. })), "{notice:?}");
    table.take_over();
    process.published().store(table);
    mailbox.wake();
    shard
}

/// Control, when there is none.
struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}
