//! A line of sessions that wait for a server: who came first is served first, over all shards.
//!
//! The order is that of the tickets, which a backend gives out under its lock. One who leaves early takes his ticket with him;
//! one who is sent to another line of the same backend keeps it, and stands there where he would have stood.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::PickKey;
use crate::{BackendState, Server, ShardIndex};

/// Who waits: a session, by the number that its shard has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Waiter {
    pub shard: ShardIndex,
    /// Means something to that shard only.
    pub session: u64,
}

/// A waiter's place among all who ever waited for this backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// Where a session was in the lines that it stood in, as HAProxy counts it (`%sq` and `%bq`): one more than were served from
/// there while it stood there, and 0 where it never stood. Of several waits it is the sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    pub server: u32,
    pub backend: u32,
}

/// A server for one who waited. The connection is counted on it already.
///
/// **Invariant:** it ends in a session that releases the server, or in [`hand_back`](Grant::hand_back).
pub struct Grant {
    pub waiter: Waiter,
    pub ticket: Ticket,
    pub server: Arc<Server>,
    pub passed: Passed,
    pub(super) backend: Arc<BackendState>,
}

impl Grant {
    /// The waiter has left meanwhile: the place goes to the next.
    pub fn hand_back(self) {
        self.backend.release(&self.server);
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Grant { waiter, ticket, server, passed, backend: _ } = self;
        write!(f, "{:?} for {waiter:?}, {ticket:?}, {passed:?}", server.name)
    }
}

/// One who waits, and what his server is chosen by.
pub(super) struct Waiting {
    pub(super) waiter: Waiter,
    /// Whoever waits keeps the state alive.
    pub(super) backend: Arc<BackendState>,
    hash: Option<u32>,
    random: u64,
    pub(super) passed: Passed,
    /// How many had been served from this line when he joined it.
    served_before: u64,
}

impl Waiting {
    pub(super) fn new(waiter: Waiter, backend: Arc<BackendState>, key: &PickKey<'_>) -> Waiting {
        let PickKey { hash, random, avoid: _, imposed: _, takes_down: _, preferred: _ } = *key;
        Waiting { waiter, backend, hash, random, passed: Passed::default(), served_before: 0 }
    }

    /// Whom to avoid and whom a rule named is forgotten: a place at another server is better than none.
    pub(super) fn key(&self) -> PickKey<'static> {
        PickKey { hash: self.hash, random: self.random, ..PickKey::default() }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.waiter, self.passed)
    }
}

/// Whose line it is: what a waiter has [`Passed`] is told apart by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Backend,
    Server,
}

#[derive(Debug)]
pub(super) struct Queue {
    kind: Kind,
    line: BTreeMap<Ticket, Waiting>,
    /// How many were served from here, ever.
    served: u64,
}

impl Queue {
    pub(super) fn of_backend() -> Queue {
        Queue { kind: Kind::Backend, line: BTreeMap::new(), served: 0 }
    }

    pub(super) fn of_server() -> Queue {
        Queue { kind: Kind::Server, line: BTreeMap::new(), served: 0 }
    }

    pub(super) fn len(&self) -> u32 {
        self.line.len() as u32
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Who is next.
    pub(super) fn head(&self) -> Option<(Ticket, &Waiting)> {
        self.line.first_key_value().map(|(&ticket, waiting)| (ticket, waiting))
    }

    pub(super) fn join(&mut self, ticket: Ticket, mut waiting: Waiting) {
        waiting.served_before = self.served;
        let twin = self.line.insert(ticket, waiting);
        assert!(twin.is_none(), "a ticket is given out once");
    }

    /// Takes out who is next, to be served.
    pub(super) fn serve(&mut self) -> Option<(Ticket, Waiting)> {
        let (ticket, waiting) = self.line.pop_first()?;
        let waiting = self.settled(waiting);
        self.served += 1;
        Some((ticket, waiting))
    }

    /// Takes out one who does not want to wait any longer.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.line.remove(&ticket)?;
        Some(self.settled(waiting))
    }

    /// Sends everybody away, to stand elsewhere.
    pub(super) fn dissolve(&mut self) -> Vec<(Ticket, Waiting)> {
        let line = std::mem::take(&mut self.line);
        line.into_iter().map(|(ticket, waiting)| (ticket, self.settled(waiting))).collect()
    }

    fn settled(&self, mut waiting: Waiting) -> Waiting {
        let passed = u32::try_from(self.served - waiting.served_before + 1).unwrap_or(u32::MAX);
        let total = match self.kind {
            Kind::Backend => &mut waiting.passed.backend,
            Kind::Server => &mut waiting.passed.server,
        };
        *total = total.saturating_add(passed);
        waiting
    }
}
