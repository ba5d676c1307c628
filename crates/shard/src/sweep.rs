//! What concerns sessions that are there already, such as ending those that control wants ended: a part of the slots per turn, so that a server with a hundred thousand sessions
//! does not keep the others waiting.
//!
//! **Invariant:** a sweep looks at every slot once. Whoever was accepted before it began is met; whoever came later is not meant.

use crate::Shard;
use driver::{Driver, Instant, SessionId};
use session::{Session, Shutdown};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use table::{BackendState, ServerState, ShardIndex};

/// Slots that are looked at in one turn.
const SLOTS_MOST: u32 = 1024;

/// Which sessions are meant. Servers and backends are named by their state, which is the same in every table.
#[derive(Clone, Debug)]
pub enum Whose {
    /// Those on this server.
    Server(Arc<ServerState>),
    /// As many of those on this server as there are coins in the purse.
    SomeOf(Arc<ServerState>, Purse),
    /// Those on the backup servers of this backend.
    Backups(Arc<BackendState>),
    /// One of this shard; the others have nothing to do.
    Session(ShardIndex, SessionId),
    /// All of them.
    Everybody,
}

/// How many sessions may be ended, shared by all shards that do it: each takes out a coin first.
#[derive(Clone, Debug)]
pub struct Purse {
    coins: Arc<AtomicU32>,
}

impl Purse {
    pub fn new(coins: u32) -> Purse {
        Purse { coins: Arc::new(AtomicU32::new(coins)) }
    }

    fn take(&self) -> bool {
        self.coins.fetch_update(Relaxed, Relaxed, |coins| coins.checked_sub(1)).is_ok()
    }
}

impl PartialEq for Whose {
    fn eq(&self, other: &Whose) -> bool {
        match (self, other) {
            (Whose::Server(one), Whose::Server(two)) => Arc::ptr_eq(one, two),
            (Whose::Backups(one), Whose::Backups(two)) => Arc::ptr_eq(one, two),
            (Whose::Session(shard, id), Whose::Session(other_shard, other_id)) => {
                (shard, id) == (other_shard, other_id)
            }
            (Whose::SomeOf(one, _), Whose::SomeOf(two, _)) => Arc::ptr_eq(one, two),
            (Whose::Everybody, Whose::Everybody) => true,
            (Whose::Server(_) | Whose::SomeOf(..) | Whose::Backups(_) | Whose::Session(..) | Whose::Everybody, _) => {
                false
            }
        }
    }
}

impl Eq for Whose {}

impl Whose {
    fn includes(&self, shard: ShardIndex, id: SessionId, session: &Session) -> bool {
        match self {
            Whose::Server(state) => session.server().is_some_and(|server| Arc::ptr_eq(&server.state, state)),
            Whose::SomeOf(state, purse) => {
                session.server().is_some_and(|server| Arc::ptr_eq(&server.state, state)) && purse.take()
            }
            Whose::Backups(state) => {
                let is_of_backend = session.backend().is_some_and(|backend| Arc::ptr_eq(&backend.state, state));
                is_of_backend && session.server().is_some_and(|server| server.settings.backup)
            }
            Whose::Session(of_shard, session) => (*of_shard, *session) == (shard, id),
            Whose::Everybody => true,
        }
    }
}

/// What becomes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lot {
    End(Shutdown),
    /// They serve what they have begun, and nothing more.
    Retirement,
    /// They are counted by their client's address: there is a limit now, perhaps for the first time.
    Census,
}

/// The sweeps under way, in the order in which they were asked for. One that waits is not asked for twice, so there are no
/// more of them than servers, backends and sessions.
#[derive(Default)]
pub(crate) struct Sweeps {
    waiting: VecDeque<Sweep>,
}

struct Sweep {
    whose: Whose,
    what: Lot,
    begun_at: Instant,
    /// The slot to look at next.
    next: u32,
}

impl Sweeps {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn add(&mut self, whose: Whose, what: Lot, now: Instant) {
        let twin = self.waiting.iter_mut().find(|sweep| sweep.next == 0 && sweep.whose == whose && sweep.what == what);
        match twin {
            Some(sweep) => sweep.begun_at = now,
            None => self.waiting.push_back(Sweep { whose, what, begun_at: now, next: 0 }),
        }
    }
}

impl<D: Driver> Shard<D> {
    /// Looks at the next slots of the first sweep.
    pub(crate) fn sweep(&mut self) {
        let Some(sweep) = self.sweeps.waiting.front_mut() else { return };
        let (whose, what, begun_at, first) = (sweep.whose.clone(), sweep.what, sweep.begun_at, sweep.next);
        let slots = match &whose {
            Whose::Server(_) | Whose::SomeOf(..) | Whose::Backups(_) | Whose::Everybody => 0..self.slots.count() as u32,
            Whose::Session(_, id) => id.index..id.index.saturating_add(1).min(self.slots.count() as u32),
        };
        let first = first.max(slots.start);
        let end = slots.end.min(first.saturating_add(SLOTS_MOST));
        sweep.next = end;
        if end >= slots.end {
            self.sweeps.waiting.pop_front();
        }
        for index in first..end {
            let Some((id, session)) = self.slots.at(index) else { continue };
            if session.accepted_at() <= begun_at && !session.is_ending() && whose.includes(self.index, id, session) {
                self.deal_with(id, what);
            }
        }
    }

    fn deal_with(&mut self, id: SessionId, what: Lot) {
        let session = self.slots.get_mut(id).expect("found a moment ago");
        match what {
            Lot::End(why) => session.shut_down(self.now, why, &mut self.outbox),
            Lot::Retirement => session.retire(self.now, &mut self.outbox),
            Lot::Census => return session.join_sources(),
        }
        self.settle(id);
        self.step_ready();
    }
}
