//! A server's state: may it be picked, with which weight, how much is on it.
//!
//! Read by anyone at any time without a lock; written only by [`BackendState`](crate::BackendState), whose balancer has to learn of every change.

use std::num::NonZeroU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64};
use std::sync::{Mutex, PoisonError};

use crossbeam::utils::CachePadded;

use super::warmth::{WEIGHT_SCALE, Warmth};
use crate::{Observe, ServerAddr, ServerSettings, ShardIndex, Tally};

/// What the checks found out. A server without checks is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Health {
    Up,
    /// It answers, and wants no new connections (`configuration.txt: http-check disable-on-404`).
    Stopping,
    Down,
}

/// What the operator decided, the mildest first. It stands beside [`Health`]: a server leaves maintenance in the health that its checks give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Admin {
    Ready,
    /// No new connections; those it has go on (`set server … state drain`).
    Drain,
    /// No new connections and no checks (`disabled`, `set server … state maint`).
    Maint,
}

/// Connections to a server between two exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingCount {
    /// `srv_icur`
    pub all: u32,
    /// Those that have served more than one exchange (`safe_conn_cur`).
    pub proven: u32,
}

/// What is remembered of a server beyond a reload.
///
/// **Invariant:** everything but the highest counts changes only under the balancer's lock, which orders the writers.
/// The lock does not order readers: they see single values, each of them a recent one. `word` is released and acquired, so
/// that whoever sees a server up also sees what control wrote before it said so.
#[derive(Debug)]
pub struct ServerState {
    pub tally: Tally,
    /// Where the operator has moved it; looked at only if `has_moved` says so.
    moved: Mutex<Option<ServerAddr>>,
    line: CachePadded<Line>,
}

#[derive(Debug)]
struct Line {
    /// At most one of [`DOWN`] and [`STOPPING`], of [`DRAIN`] and [`MAINT`], and of these shifted by [`INHERITED`]; and perhaps
    /// [`UNPLACED`].
    word: AtomicU32,
    weight: AtomicU16,
    /// [`Warmth`] as a word; 0: it is warm.
    warmth: AtomicU32,
    /// Its place in the balancer's present set, or [`UNSEATED`].
    seat: AtomicU32,
    has_moved: AtomicBool,
    served: AtomicU32,
    served_most: AtomicU32,
    picked: AtomicU64,
    /// 0: without limit.
    maxconn: AtomicU32,
    /// Sessions that wait for this server alone.
    queued: AtomicU32,
    queued_most: AtomicU32,
    /// Troubles in a row, where they count (`observe`).
    errors: AtomicU32,
    /// Connections that rest between two exchanges, on all shards: all of them, and above [`PROVEN`] the proven ones.
    resting: AtomicU64,
    /// Shards on which connections to it may rest, a bit each.
    resting_on: AtomicU64,
}

const DOWN: u32 = 1;
const DRAIN: u32 = 2;
const MAINT: u32 = 4;
const STOPPING: u32 = 8;
/// How far the states are shifted that come from the server that this one tracks.
const INHERITED: u32 = 4;
/// It has no address.
const UNPLACED: u32 = 1 << 8;
const UNSEATED: u32 = u32::MAX;
/// How far the count of proven ones is shifted among those that rest.
const PROVEN: u32 = 32;

impl ServerState {
    pub(crate) fn new(settings: &ServerSettings, shard_count: u16) -> ServerState {
        let admin = if settings.disabled { MAINT } else { 0 };
        let line = Line {
            word: AtomicU32::new(admin),
            weight: AtomicU16::new(settings.weight),
            warmth: AtomicU32::new(0),
            seat: AtomicU32::new(UNSEATED),
            has_moved: AtomicBool::new(false),
            served: AtomicU32::new(0),
            served_most: AtomicU32::new(0),
            picked: AtomicU64::new(0),
            maxconn: AtomicU32::new(settings.maxconn.map_or(0, NonZeroU32::get)),
            queued: AtomicU32::new(0),
            queued_most: AtomicU32::new(0),
            errors: AtomicU32::new(0),
            resting: AtomicU64::new(0),
            resting_on: AtomicU64::new(0),
        };
        ServerState { tally: Tally::new(shard_count), moved: Mutex::default(), line: CachePadded::new(line) }
    }

    pub fn health(&self) -> Health {
        health_of(self.line.word.load(Acquire))
    }

    /// What holds: its own state, or that of the server that it tracks, whichever takes it further out. Without an address it is
    /// in maintenance.
    pub fn admin(&self) -> Admin {
        let word = self.line.word.load(Acquire);
        match word & UNPLACED {
            0 => admin_of(word | word >> INHERITED),
            _ => Admin::Maint,
        }
    }

    /// It has an address (`configuration.txt: init-addr`).
    pub fn is_placed(&self) -> bool {
        self.line.word.load(Acquire) & UNPLACED == 0
    }

    /// What the operator decided of this very server.
    pub fn own_admin(&self) -> Admin {
        admin_of(self.line.word.load(Acquire))
    }

    /// What comes from the server that it tracks.
    pub fn inherited_admin(&self) -> Admin {
        admin_of(self.line.word.load(Acquire) >> INHERITED)
    }

    /// The run-time weight: the file's, unless the operator changed it since.
    pub fn weight(&self) -> u16 {
        self.line.weight.load(Relaxed)
    }

    /// How far it has come since it came up; `None`: it has its full weight.
    pub fn warmth(&self) -> Option<Warmth> {
        Warmth::of_word(self.line.warmth.load(Relaxed))
    }

    /// The weight that connections are spread by, in parts of which [`WEIGHT_SCALE`] are a weight of 1.
    pub fn effective_weight(&self) -> u16 {
        match self.warmth() {
            Some(warmth) => warmth.weight(self.weight()),
            None => self.weight() * WEIGHT_SCALE,
        }
    }

    /// It may be picked: up, ready, and with a weight.
    pub fn is_usable(&self) -> bool {
        self.line.word.load(Acquire) == 0 && self.weight() > 0
    }

    /// It answers its checks and is not in maintenance; it may be drained or stopping (`configuration.txt: srv_is_up`).
    pub fn is_up(&self) -> bool {
        self.health() != Health::Down && self.admin() != Admin::Maint
    }

    /// Whether one connection more may rest; it is counted then, until [`wake`](Self::wake).
    pub fn may_rest(&self, most: Option<u32>, is_proven: bool) -> bool {
        let add = |word| most.is_none_or(|most| resting_of(word).all < most).then(|| word + one_resting(is_proven));
        self.line.resting.fetch_update(Relaxed, Relaxed, add).is_ok()
    }

    /// A connection rests no more.
    pub fn wake(&self, is_proven: bool) {
        self.line.resting.fetch_sub(one_resting(is_proven), Relaxed);
    }

    /// Connections to it that rest now, over all shards.
    pub fn resting(&self) -> RestingCount {
        resting_of(self.line.resting.load(Relaxed))
    }

    /// A connection to it rests on this shard, whose shelf is locked.
    pub fn rests_on(&self, shard: ShardIndex) {
        let bit = 1 << shard.0;
        // Looked at first: most of the time it is known, and the line stays with everybody.
        if self.line.resting_on.load(Relaxed) & bit == 0 {
            self.line.resting_on.fetch_or(bit, Relaxed);
        }
    }

    /// None does any more: somebody has looked, with the shelf locked.
    pub fn rests_no_more_on(&self, shard: ShardIndex) {
        self.line.resting_on.fetch_and(!(1 << shard.0), Relaxed);
    }

    /// Shards on which connections to it may rest, but for this one; those behind it first.
    pub fn resting_beside(&self, shard: ShardIndex) -> impl Iterator<Item = ShardIndex> {
        let resting = self.line.resting_on.load(Relaxed) & !(1 << shard.0);
        let first = u32::from(shard.0);
        let mut rest = resting.rotate_right(first);
        std::iter::from_fn(move || {
            let next = (rest != 0).then(|| rest.trailing_zeros())?;
            rest &= rest - 1;
            Some(ShardIndex(((first + next) % u64::BITS) as u16))
        })
    }

    /// Connections on it now, over all shards (HAProxy's `srv_conn`): picked and not yet released.
    pub fn conns(&self) -> u32 {
        self.line.served.load(Relaxed)
    }

    /// The most connections that were on it at once (HAProxy's `smax`).
    pub fn conns_most(&self) -> u32 {
        self.line.served_most.load(Relaxed)
    }

    /// From now on the most is what there is now.
    pub fn clear_conns_most(&self) {
        self.line.served_most.store(self.conns(), Relaxed);
    }

    /// How often it was picked since the process started.
    pub fn conns_total(&self) -> u64 {
        self.line.picked.load(Relaxed)
    }

    /// The run-time limit of connections: the file's, unless the operator changed it since (`slim` of `show stat`).
    pub fn maxconn(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.line.maxconn.load(Relaxed))
    }

    /// Sessions that wait for this server alone, of all shards (`qcur`).
    pub fn queued(&self) -> u32 {
        self.line.queued.load(Relaxed)
    }

    /// The most that waited for it at once (`qmax`).
    pub fn queued_most(&self) -> u32 {
        self.line.queued_most.load(Relaxed)
    }

    /// A session met a trouble that counts: whether it is the one that makes too many in a row. Then they are counted
    /// anew, so that of all shards one is told.
    pub fn on_trouble(&self, observe: &Observe) -> bool {
        let errors = self.line.errors.fetch_add(1, Relaxed) + 1;
        let is_too_much = errors == observe.most.get();
        if is_too_much {
            self.line.errors.store(0, Relaxed);
        }
        is_too_much
    }

    /// Somebody was served as is right: a session, or a check.
    pub fn forget_errors(&self) {
        // Mostly there is nothing to forget, and then nothing is written that other shards read.
        if self.line.errors.load(Relaxed) > 0 {
            self.line.errors.store(0, Relaxed);
        }
    }

    pub(crate) fn moved_to(&self) -> Option<ServerAddr> {
        if !self.line.has_moved.load(Acquire) {
            return None;
        }
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_moved(&self, addr: Option<ServerAddr>) {
        let has_moved = addr.is_some();
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = addr;
        self.line.has_moved.store(has_moved, Release);
    }

    pub(crate) fn seat(&self) -> Option<usize> {
        match self.line.seat.load(Relaxed) {
            UNSEATED => None,
            seat => Some(seat as usize),
        }
    }

    pub(crate) fn set_seat(&self, seat: Option<usize>) {
        self.line.seat.store(seat.map_or(UNSEATED, |seat| seat as u32), Relaxed);
    }

    pub(crate) fn set_health(&self, health: Health) {
        let word = self.line.word.load(Relaxed) & !(DOWN | STOPPING);
        let bit = match health {
            Health::Up => 0,
            Health::Stopping => STOPPING,
            Health::Down => DOWN,
        };
        self.line.word.store(word | bit, Release);
    }

    pub(crate) fn set_admin(&self, admin: Admin) {
        let word = self.line.word.load(Relaxed) & !(DRAIN | MAINT);
        self.line.word.store(word | bits_of(admin), Release);
    }

    pub(crate) fn set_inherited_admin(&self, admin: Admin) {
        let word = self.line.word.load(Relaxed) & !((DRAIN | MAINT) << INHERITED);
        self.line.word.store(word | bits_of(admin) << INHERITED, Release);
    }

    pub(crate) fn set_placed(&self, is_placed: bool) {
        let word = self.line.word.load(Relaxed) & !UNPLACED;
        self.line.word.store(if is_placed { word } else { word | UNPLACED }, Release);
    }

    pub(crate) fn set_weight(&self, weight: u16) {
        self.line.weight.store(weight, Relaxed);
    }

    pub(crate) fn set_warmth(&self, warmth: Option<Warmth>) {
        self.line.warmth.store(warmth.map_or(0, Warmth::word), Relaxed);
    }

    pub(crate) fn set_maxconn(&self, most: Option<NonZeroU32>) {
        self.line.maxconn.store(most.map_or(0, NonZeroU32::get), Relaxed);
    }

    pub(crate) fn set_queued(&self, count: u32) {
        self.line.queued.store(count, Relaxed);
        if count > self.queued_most() {
            self.line.queued_most.store(count, Relaxed);
        }
    }

    pub(crate) fn on_picked(&self) {
        // Load and store suffice: the balancer's lock leaves one writer at a time.
        let served = self.conns() + 1;
        self.line.served.store(served, Relaxed);
        if served > self.conns_most() {
            self.line.served_most.store(served, Relaxed);
        }
        self.line.picked.store(self.conns_total() + 1, Relaxed);
    }

    pub(crate) fn on_released(&self) {
        let served = self.conns().checked_sub(1).expect("every release follows a pick");
        self.line.served.store(served, Relaxed);
    }
}

fn resting_of(word: u64) -> RestingCount {
    RestingCount { all: word as u32, proven: (word >> PROVEN) as u32 }
}

fn one_resting(is_proven: bool) -> u64 {
    1 + (u64::from(is_proven) << PROVEN)
}

fn health_of(word: u32) -> Health {
    if word & DOWN != 0 {
        Health::Down
    } else if word & STOPPING != 0 {
        Health::Stopping
    } else {
        Health::Up
    }
}

fn admin_of(word: u32) -> Admin {
    if word & MAINT != 0 {
        Admin::Maint
    } else if word & DRAIN != 0 {
        Admin::Drain
    } else {
        Admin::Ready
    }
}

fn bits_of(admin: Admin) -> u32 {
    match admin {
        Admin::Ready => 0,
        Admin::Drain => DRAIN,
        Admin::Maint => MAINT,
    }
}
