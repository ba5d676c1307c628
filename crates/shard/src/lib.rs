//! One core's world: its listeners, sessions, timers and counters around one [`Driver`].
//!
//! A shard is a single thread's. It meets the others in four places only: the table that control publishes (`arc_swap`), the
//! mailbox that control writes to ([`Mailbox`]), the port that it reports to ([`ControlPort`]), and the limits and server
//! states that hold over all shards (`table`).
//!
//! | file | what it knows |
//! |---|---|
//! | `turn` | one turn, in order, on one screen |
//! | `slots` | sessions by `SessionId`; reuse after the last completion |
//! | `accept` | accepting: how many at once, when to stop and when to go on |
//! | `handshakes` | what is received in the middle of a handshake: one of them in a turn |
//! | `signer` | a thread that does the costly part of handshakes |
//! | `idle` | connections to servers between two exchanges |
//! | `shelves` | where they rest, and how one shard fetches what rests on another |
//! | `listeners` | which sockets listen for which frontend, and how a reload changes them |
//! | `own` | connections to servers that are kept for one client |
//! | `sweep` | ending the sessions of a server, a part per turn |
//! | `listing` | telling control which sessions there are |
//! | `tidy` | giving back what a burst has left behind |
//! | `places` | where a table wants a shard to listen |
//! | `timers` | the wheel of (deadline, slot) |
//! | `waiter` | sessions that wait for a server, as the table knows them |
//! | `mail` | what control may say, and what a shard says to control |
//! | `stats` | plain counters, read on request |
#![forbid(unsafe_code)]

mod accept;
mod handshakes;
mod idle;
mod listeners;
mod listing;
mod mail;
mod own;
mod places;
mod shelves;
mod signer;
mod slots;
mod stats;
mod sweep;
mod tidy;
mod timers;
mod tuning;
mod turn;
mod waiter;

pub use handshakes::Errands;
pub use listing::{Listed, Part};
pub use mail::{ControlPort, Mail, Mailbox, Notice, Passage, PrepareFailure, Pulse, Report};
pub use places::{Heirloom, Key, Origin, Place, places};
pub use shelves::Shelves;
pub use signer::{Desk, Signer};
pub use slots::Slots;
pub use stats::{Ends, Stats};
pub use sweep::{Purse, Whose};
pub use timers::Wheel;
pub use tuning::tuning_of;

use arc_swap::{ArcSwap, Cache};
use driver::{Driver, Instant, Tag};
use handshakes::Handshakes;
use listeners::Listeners;
use listing::Listings;
use own::Own;
use session::{Event, Outbox, View};
use std::collections::VecDeque;
use std::sync::Arc;
use sweep::Sweeps;
use table::{Inboxes, ShardIndex, Table};

/// One core's world.
pub struct Shard<D: Driver> {
    driver: D,
    index: ShardIndex,
    /// What control publishes.
    published: Cache<Arc<ArcSwap<Table>>, Arc<Table>>,
    /// What new sessions start with.
    table: View,
    slots: Slots,
    wheel: Wheel,
    listeners: Listeners,
    /// Where servers come from for sessions that had to wait.
    inboxes: Arc<Inboxes>,
    mailbox: Arc<Mailbox>,
    port: Arc<ControlPort>,
    passage: Passage,
    outbox: Outbox,
    /// The time, read once per turn.
    now: Instant,
    /// Scratch of a turn, kept for its memory.
    done: Vec<(Tag, driver::Done)>,
    due: Vec<u32>,
    /// Events that came up while others were handled: answers to questions, and ops that were complete at once.
    ready: VecDeque<(driver::SessionId, Event)>,
    /// Sessions that control wants ended and that were not all looked at yet.
    sweeps: Sweeps,
    listings: Listings,
    handshakes: Handshakes,
    /// Who does what sessions leave to others; `None`: the shard itself.
    signer: Option<Signer>,
    shelves: Arc<Shelves>,
    own: Own,
    /// No connection on the shard's shelf has rested long enough before this.
    idle_due: Option<Instant>,
    /// When memory is to be given back, if there is more of it than needed.
    tidy_due: Option<Instant>,
    /// Nothing has refused to fetch connections of other shards.
    can_fetch: bool,
    /// What control said of frontends and was not answered: listeners are on their way to follow.
    orders: Vec<u64>,
    /// Descriptors that were closed since listeners were last tended.
    descriptors_freed: u32,
    random: Random,
    stats: Stats,
    life: Life,
}

/// What a shard is made of.
pub struct Parts<D: Driver> {
    pub driver: D,
    pub index: ShardIndex,
    pub published: Arc<ArcSwap<Table>>,
    /// Most sessions that this shard holds at once.
    pub sessions_max: u32,
    pub mailbox: Arc<Mailbox>,
    pub port: Arc<ControlPort>,
    /// For `balance random`.
    pub seed: u64,
    /// How control gets copies of the shard's listening sockets.
    pub passage: Passage,
    /// Who signs for it; `None`: the shard itself does.
    pub signer: Option<Signer>,
    /// Where connections to servers rest, of all shards.
    pub shelves: Arc<Shelves>,
    /// Sockets that listen already: of the first table, bound before the shard was there.
    pub heirlooms: Vec<Heirloom>,
}

/// Whether new connections are taken, and whether the shard goes on at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Serving,
    /// No new connections; ends with the last session.
    Draining,
    Stopped,
}

impl<D: Driver> Shard<D> {
    /// A shard without listeners: the first [`Mail::Prepare`] binds them, the first published table opens them.
    pub fn new(parts: Parts<D>) -> Shard<D> {
        let Parts { driver, index, published, sessions_max, mailbox, port, passage, seed, signer, shelves, heirlooms } =
            parts;
        let driver_thread = driver.thread();
        shelves.open(index, driver_thread);
        let mut published = Cache::new(published);
        let table = View::new(Arc::clone(published.load()));
        let now = driver.now();
        let outbox = Outbox::new(driver.pool().clone());
        let inboxes = Arc::clone(&table.process.inboxes);
        let waker = driver.waker();
        table.process.bells.hang(index, Box::new(move || waker.wake()));
        Shard {
            driver,
            index,
            published,
            table,
            slots: Slots::new(sessions_max),
            wheel: Wheel::new(now),
            listeners: Listeners::new(heirlooms),
            inboxes,
            mailbox,
            port,
            passage,
            outbox,
            now,
            done: Vec::new(),
            due: Vec::new(),
            ready: VecDeque::new(),
            sweeps: Sweeps::default(),
            listings: Listings::default(),
            handshakes: Handshakes::default(),
            signer,
            can_fetch: driver_thread.is_some(),
            shelves,
            own: Own::default(),
            idle_due: None,
            tidy_due: None,
            orders: Vec::new(),
            descriptors_freed: 0,
            random: Random(seed | 1),
            stats: Stats::default(),
            life: Life::Serving,
        }
    }

    /// Turns until it is told to stop, or has drained.
    pub fn run(&mut self) -> Result<(), driver::Errno> {
        while !self.is_stopped() {
            self.turn()?;
        }
        Ok(())
    }

    pub fn is_stopped(&self) -> bool {
        self.life == Life::Stopped
    }

    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    pub fn sessions_count(&self) -> u32 {
        self.slots.live_count()
    }

    /// Where every session stands, for harnesses that look for the reason of something.
    pub fn phases(&self) -> Vec<(session::Phase, Option<Instant>)> {
        self.slots.iter().map(|(_, session)| (session.phase(), session.deadline())).collect()
    }

    /// The driver, for harnesses that play the world around it.
    pub fn driver_mut(&mut self) -> &mut D {
        &mut self.driver
    }

    /// Sweeps over all that must hold between two turns.
    pub fn check(&self) -> Result<(), String> {
        for (id, session) in self.slots.iter() {
            session.check().map_err(|broken| format!("{id:?} in {:?}: {broken}", session.phase()))?;
            if session.is_closed() {
                return Err(format!("{id:?} is closed and keeps its slot"));
            }
        }
        if !self.outbox.is_empty() || !self.ready.is_empty() {
            return Err("a turn ended with something left to do".into());
        }
        self.check_errands()
    }
}

/// Marsaglia's xorshift64: enough to spread connections, not to keep secrets.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
