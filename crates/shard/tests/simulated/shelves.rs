//! Several shards in one world: a connection to a server that rests on one of them serves clients of all, whatever becomes of its
//! owner and its server meanwhile.
//!
//! **Invariant:** an answer belongs to its request, and nobody is told of an error that no peer has made.
//! **Invariant:** what rests is counted, and in the end there is nothing: no socket, no count.

use crate::tables::{BACK_PORT, Draft, FRONT_PORT, addr};
use arc_swap::ArcSwap;
use driver::{Driver, ListenSpec, Wake};
use shard::{ControlPort, Heirloom, Mail, Mailbox, Notice, Parts, Shard, Shelves, places};
use sim::{Behaviour, Heard, Network, Options, Outcome, Peer, Rng, Script, Server, Sim, World};
use std::sync::Arc;
use std::time::Duration;
use table::{Global, HttpBack, RestingCount, RetryEvent, RetryOn, Reuse, ShardIndex, StateBook, Table};

const SEEDS: u64 = 300;
const SHARDS: u16 = 3;
/// The number under which all shards find the listening socket: it cannot be bound once for each in one world.
const LISTENING: i32 = 3;
const TURNS_MOST: usize = 100_000;

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

struct Hall {
    /// `None`: it has ended.
    shards: Vec<Option<Shard<Sim>>>,
    mailboxes: Vec<Arc<Mailbox>>,
    world: World,
    server: Server,
    table: Arc<Table>,
    accepted: Vec<u64>,
}

impl Hall {
    fn new(seed: u64, network: Network, server: Script) -> Hall {
        let first = Sim::new(seed, Options { network, ..Options::calm() });
        let world = first.world();
        world.inherit(LISTENING, &ListenSpec::at(addr(FRONT_PORT).into(), 64));
        let mut sims = vec![first];
        while sims.len() < usize::from(SHARDS) {
            sims.push(sims[0].beside());
        }
        let mut book = StateBook::new(SHARDS);
        let empty = Table::new(0, Global::default(), Vec::new(), Vec::new(), Vec::new(), book.process());
        let published = Arc::new(ArcSwap::from_pointee(empty));
        // A server may leave while a request is on its way to it.
        let retry_on = RetryOn(vec![RetryEvent::ConnFailure, RetryEvent::EmptyResponse]);
        let back = HttpBack { reuse: Reuse::Always, retry_on, ..HttpBack::default() };
        let draft = Draft { back, retries: 10, ..Draft::of_rows() };
        let table = draft.build(1, &mut book);
        let [place] = &places(&table)[..] else { panic!("one port") };
        let port = Arc::new(ControlPort::new(4096, Arc::new(Nobody)));
        let shelves = Arc::new(Shelves::new(SHARDS));
        let mailboxes: Vec<Arc<Mailbox>> = sims.iter().map(|sim| Arc::new(Mailbox::new(sim.waker()))).collect();
        let numbered = sims.into_iter().enumerate();
        let shards = numbered.map(|(index, driver)| {
            Some(Shard::new(Parts {
                driver,
                index: ShardIndex(index as u16),
                published: published.clone(),
                sessions_max: 64,
                mailbox: mailboxes[index].clone(),
                port: port.clone(),
                passage: Box::new(|_| 0),
                shelves: shelves.clone(),
                signer: None,
                seed: seed + index as u64,
                heirlooms: vec![Heirloom { key: place.key.clone(), number: LISTENING }],
            }))
        });
        let shards = shards.collect();
        let server = world.server(addr(BACK_PORT), Behaviour::accepting(server));
        let mut hall =
            Hall { shards, mailboxes, world, server, table: table.clone(), accepted: vec![0; usize::from(SHARDS)] };
        hall.mailboxes.iter().for_each(|mailbox| assert!(mailbox.post(Mail::Prepare(table.clone())).is_ok()));
        hall.turn_all();
        while let Some(notice) = port.take_notice() {
            assert!(matches!(notice, Notice::Prepared { result: Ok(()), .. }), "{notice:?}");
        }
        table.take_over();
        published.store(table);
        hall.mailboxes.iter().for_each(|mailbox| mailbox.wake());
        hall
    }

    fn turn_all(&mut self) {
        for (place, accepted) in self.shards.iter_mut().zip(&mut self.accepted) {
            let Some(shard) = place else { continue };
            shard.turn().expect("the simulated world has no errors of its own");
            shard.check().expect("an invariant holds between two turns");
            self.world.check();
            *accepted = shard.stats().accepted;
            if shard.is_stopped() {
                // With its thread goes its file table.
                *place = None;
            }
        }
    }

    /// An address to which all of these have come, and from which they have gone.
    fn see_off(&mut self, clients: &[Peer], mut meanwhile: impl FnMut(&mut Hall)) {
        let is_gone = |client: &Peer| client.departure().is_some() || client.outcome() == Outcome::Reset;
        for _ in 0..TURNS_MOST {
            if clients.iter().all(is_gone) {
                return;
            }
            self.turn_all();
            meanwhile(self);
        }
        let phases: Vec<_> =
            self.shards.iter().flatten().map(|shard| (shard.phases(), shard.stats().accepted)).collect();
        let left: Vec<_> = clients.iter().filter(|client| !is_gone(client)).collect();
        let left: Vec<_> =
            left.iter().map(|client| (client.outcome(), client.sent_count(), client.received_count())).collect();
        panic!("no end at {}: {left:?}, {phases:?}", self.world.now());
    }

    fn drain(&mut self, index: usize) {
        if self.shards[index].is_some() {
            assert!(self.mailboxes[index].post(Mail::Drain).is_ok());
        }
    }

    fn resting(&self) -> RestingCount {
        self.table.backends[0].servers[0].state.resting()
    }

    /// Everybody goes home.
    fn close(mut self) {
        (0..self.shards.len()).for_each(|index| self.drain(index));
        for _ in 0..TURNS_MOST {
            if self.shards.iter().all(Option::is_none) {
                break;
            }
            self.turn_all();
        }
        let state = &self.table.backends[0].servers[0].state;
        assert!(self.shards.iter().all(Option::is_none), "draining does not end");
        assert_eq!((self.world.open_count(), self.world.in_flight_count()), (0, 0), "sockets leaked");
        assert_eq!((self.world.lease_count(), self.world.pipe_count()), (0, 0), "buffers leaked");
        assert_eq!((state.conns(), self.resting()), (0, RestingCount { all: 0, proven: 0 }));
        assert_eq!(state.resting_beside(ShardIndex(SHARDS)).count(), 0, "somebody would look where nothing rests");
    }
}

/// Asks for what is found under a number, so often, and leaves.
fn client(numbers: &[u64], pauses: &mut Rng) -> Script {
    let mut script = Script::new();
    for &number in numbers {
        script = script.pause(Duration::from_micros(pauses.below(300) as u64));
        script = script.send(format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n"));
        script = script.await_message(move |heard| {
            let size = head_size(heard.bytes)? + number.to_string().len();
            (size <= heard.bytes.len()).then_some(size)
        });
    }
    script.close()
}

fn answer(number: u64) -> String {
    let content = number.to_string();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{content}", content.len())
}

/// Answers what it hears; leaves behind some answers, sooner or later.
fn server(leaves: impl Fn(u64) -> bool + 'static) -> Script {
    Script::new().answer(move |heard: Heard<'_>| {
        let size = head_size(heard.bytes)?;
        let line = String::from_utf8_lossy(&heard.bytes[..size]).into_owned();
        let number = line.split(['/', ' ']).nth(2).and_then(|number| number.parse().ok());
        let number: u64 = number.expect("clients ask for numbers");
        let script = Script::new().send(answer(number));
        let leaving = Duration::from_millis(number % 40);
        Some((size, if leaves(number) { script.pause(leaving).close() } else { script }))
    })
}

fn head_size(bytes: &[u8]) -> Option<usize> {
    Some(bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4)
}

/// What each client was told, and no more. Of a shard that ends, the answer says so (RFC 9112 §9.6).
fn assert_answered(clients: &[(Peer, Vec<u64>)]) {
    for (peer, numbers) in clients {
        let expected: String = numbers.iter().map(|&number| answer(number)).collect();
        let received = String::from_utf8_lossy(&peer.received()).replace("connection: close\r\n", "");
        assert_eq!(received, expected);
    }
}

/// One client after the other, each on whichever shard takes it: all are served by the connection that the first one needed.
#[test]
fn one_connection_serves_clients_of_all_shards() {
    let mut hall = Hall::new(1, Network::calm(), server(|_| false));
    for number in 0..40 {
        let peer = hall.world.client(hall.world.now(), addr(FRONT_PORT), client(&[number], &mut Rng::new(1)));
        hall.see_off(std::slice::from_ref(&peer), |_| ());
        assert_answered(&[(peer, vec![number])]);
    }
    assert_eq!(hall.server.connection_count(), 1);
    let serving = hall.accepted.iter().filter(|&&accepted| accepted > 0).count();
    assert!(serving > 1, "only one shard was there for all: {:?}", hall.accepted);
    assert_eq!(hall.resting().all, 1);
    hall.close();
}

/// Clients come at the same time and after pauses in which connections expire, servers leave, and shards end one after the other.
#[test]
fn what_rests_is_never_lost_and_never_served_twice() {
    let (mut exchanges, mut connections) = (0, 0);
    for seed in 0..SEEDS {
        let mut rng = Rng::new(seed);
        let leaving = if rng.chance(500) { 1 + rng.below(5) as u64 } else { u64::MAX };
        let mut hall = Hall::new(seed, Network::rough(), server(move |number| number % leaving == 1));
        let mut clients = Vec::new();
        let has_ends = rng.chance(500);
        let span = [50, 20_000][rng.below(2)];
        for index in 0..10 + rng.below(30) as u64 {
            // Whoever rests at a shard that ends is left.
            let count = if has_ends { 1 } else { 1 + rng.below(3) as u64 };
            let numbers: Vec<u64> = (0..count).map(|nth| index * 10 + nth).collect();
            let at = hall.world.now() + Duration::from_millis(rng.below(span) as u64);
            let peer = hall.world.client(at, addr(FRONT_PORT), client(&numbers, &mut rng));
            exchanges += numbers.len();
            clients.push((peer, numbers));
        }
        let peers: Vec<Peer> = clients.iter().map(|(peer, _)| peer.clone()).collect();
        let ends_at = [(1, 50 + rng.below(400)), (2, 50 + rng.below(800))];
        let mut turns = 0;
        hall.see_off(&peers, |hall| {
            turns += 1;
            let due = ends_at.iter().filter(|(_, at)| has_ends && *at == turns);
            due.for_each(|&(index, _)| hall.drain(index));
        });
        assert_answered(&clients);
        connections += hall.server.connection_count();
        hall.close();
    }
    assert!(connections * 3 < exchanges, "{connections} connections for {exchanges} exchanges");
}
