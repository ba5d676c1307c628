//! A signer that is not there for a while: whoever waits for it leaves in time, everybody else goes on, and when it comes back, it serves.

use crate::secure::{Terms, client_saying, leaving_all};
use crate::tables::{BACK_PORT, Draft, FRONT_PORT, addr};
use arc_swap::ArcSwap;
use driver::{Driver, Instant, Wake};
use shard::{ControlPort, Desk, Errands, Mail, Mailbox, Parts, Shard, Shelves, Signer};
use sim::{Behaviour, Options, Outcome, Peer, Script, Sim, World};
use std::sync::Arc;
use std::time::Duration;
use table::{Global, Mode, ShardIndex, StateBook, Table};

const SECOND: Duration = Duration::from_secs(1);
/// `timeout client`, which is also that of a handshake.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Two more than a signer takes at once.
const WAITING: usize = 4;
const TURNS_MOST: usize = 10_000;

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// One shard whose clients speak TLS, one server that echoes, and the desk of a signer.
struct Office {
    shard: Shard<Sim>,
    world: World,
    desk: Arc<Desk>,
}

#[test]
fn a_signer_that_does_not_give_back() {
    if cfg!(any(feature = "plant_short_send", feature = "plant_close_in_flight")) {
        return;
    }
    let mut office = Office::new();
    let talking = office.client(talk(8));
    office.turn_while(|_| talking.received_count() == 0);
    let (begun, heard) = (office.world.now(), talking.received_count());
    let waiting: Vec<Peer> = (0..WAITING).map(|_| office.client(talk(1))).collect();
    let turns = office.shard.stats().turns;
    office.turn_until(begun + (TIMEOUT - SECOND / 10));
    assert_eq!(office.shard.stats().ends.bad_handshake, 0, "they have their time");
    assert_eq!(office.shard.sessions_count() as usize, 1 + WAITING);
    office.turn_until(begun + TIMEOUT + SECOND / 10);
    assert_eq!(office.shard.stats().ends.bad_handshake as usize, WAITING, "and no more");
    assert!(waiting.iter().all(|peer| peer.received_count() == 0 && peer.outcome() != Outcome::Open));
    assert!(talking.received_count() >= heard + 2 * 4, "who had shaken hands is heard and answered every second");
    let turns = office.shard.stats().turns - turns;
    assert!(turns < 100, "a shard sleeps while somebody else works: {turns} turns");

    let after = office.client(talk(1));
    office.turn_while(|_| after.received_count() == 0);
    let expected = Errands { left: 2 + WAITING as u64, taken_back: 2, late: 2, passed_over: 2 };
    assert_eq!(office.shard.stats().errands, expected);
    office.turn_while(|_| [&talking, &after].iter().any(|peer| peer.outcome() == Outcome::Open));
    assert_eq!(
        [talking, after].map(|peer| (peer.received_count(), peer.outcome())),
        [8 * 4, 4].map(|count| (count, Outcome::Ended))
    );
    assert_eq!(office.shard.sessions_count(), 0);
}

/// A word and its echo, so often, a second apart.
fn talk(count: usize) -> Script {
    let say = |script: Script, _| script.send("word").await_bytes(4).pause(SECOND);
    (0..count).fold(Script::new(), say).finish()
}

impl Office {
    fn new() -> Office {
        let sim = Sim::new(1, Options::calm());
        let world = sim.world();
        world.server(addr(BACK_PORT), Behaviour::echo());
        let mut book = StateBook::new(1);
        let empty = Table::new(0, Global::default(), Vec::new(), Vec::new(), Vec::new(), book.process());
        let published = Arc::new(ArcSwap::from_pointee(empty));
        let mailbox = Arc::new(Mailbox::new(sim.waker()));
        let desk = Arc::new(Desk::new(sim.waker()));
        let mut shard = Shard::new(Parts {
            driver: sim,
            index: ShardIndex(0),
            published: published.clone(),
            sessions_max: 16,
            mailbox: mailbox.clone(),
            port: Arc::new(ControlPort::new(4096, Arc::new(Nobody))),
            passage: Box::new(|_| 0),
            shelves: Arc::new(Shelves::new(1)),
            signer: Some(Signer::new(Arc::clone(&desk), std::thread::current())),
            seed: 1,
            heirlooms: Vec::new(),
        });
        let terms = Terms { acceptor: Some(leaving_all()), connector: None };
        let draft = Draft { mode: Mode::Tcp, timeout: TIMEOUT, terms, ..Draft::of_rows() };
        let table = draft.build(1, &mut book);
        assert!(mailbox.post(Mail::Prepare(table.clone())).is_ok());
        shard.turn().expect("the simulated world has no errors of its own");
        table.take_over();
        published.store(table);
        mailbox.wake();
        Office { shard, world, desk }
    }

    fn client(&self, words: Script) -> Peer {
        self.world.client(self.world.now(), addr(FRONT_PORT), client_saying(words))
    }

    /// Without a signer.
    fn turn_until(&mut self, end: Instant) {
        self.world.wake_at(end);
        while self.world.now() < end {
            self.turn();
        }
    }

    /// The signer does what comes.
    fn turn_while(&mut self, is_going_on: impl Fn(&Office) -> bool) {
        let mut turns = 0;
        while is_going_on(self) {
            turns += 1;
            assert!(turns < TURNS_MOST, "no end: {:?}", self.shard.phases());
            self.turn();
            while self.desk.work_once() {}
        }
    }

    fn turn(&mut self) {
        self.shard.turn().expect("the simulated world has no errors of its own");
        self.shard.check().expect("an invariant holds between two turns");
        self.world.check();
    }
}
