//! Connections to servers between two exchanges: kept for a while, so that the next exchange need not connect
//! (`configuration.txt: http-reuse, pool-max-conn, pool-purge-delay`).
//!
//! The one that was used last is taken first: those that are not needed grow old, and are closed. Nobody hears a connection that rests
//! here. Whether its server has left, or has said what nobody asked for, is looked at when it is taken.
//!
//! **Invariant:** nothing is in flight on a socket that is here, and no session knows it.

use crate::{Life, Shard};
use driver::{Driver, Fd, Instant};
use session::{Kept, Secured, Whom};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use table::{Server, ServerAddr, ServerState};

/// The connections of one shard, by their servers' states: a reload keeps them.
#[derive(Default)]
pub(crate) struct Idle {
    by_server: BTreeMap<usize, Resting>,
    /// None has rested long enough before this: a bound, so that a turn need not ask every server.
    due: Option<Instant>,
}

struct Resting {
    /// Keeps the address that it is known by.
    state: Arc<ServerState>,
    /// The oldest first.
    connections: VecDeque<Connection>,
}

struct Connection {
    fd: Fd,
    /// `None`: it is in clear.
    secured: Option<Secured>,
    /// Where it goes: the operator may have moved the server meanwhile.
    addr: ServerAddr,
    /// When it has rested long enough.
    until: Instant,
    /// It has served more than one client.
    is_proven: bool,
}

impl Idle {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_server.is_empty()
    }

    /// When to look for those that have rested long enough.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn put(&mut self, server: &Server, connection: Connection) {
        self.due = Some(self.due.map_or(connection.until, |due| due.min(connection.until)));
        let state = &server.state;
        let new = || Resting { state: Arc::clone(state), connections: VecDeque::new() };
        self.by_server.entry(key(state)).or_insert_with(new).connections.push_back(connection);
    }

    /// The one that was used last, of those whose server is the same; of those that have proven themselves, if it must be one of them.
    fn take(&mut self, server: &Server, whom: Option<&Whom>, must_be_proven: bool) -> Option<Connection> {
        let Resting { state, connections } = self.by_server.get_mut(&key(&server.state))?;
        assert!(Arc::ptr_eq(state, &server.state), "an address is not given to another while it is held");
        let index = connections.iter().rposition(|connection| {
            let is_same = connection.secured.as_ref().map(|secured| &secured.whom) == whom;
            is_same && (connection.is_proven || !must_be_proven)
        })?;
        state.wake();
        connections.remove(index)
    }

    /// Those that have rested long enough at this time; all of them without one.
    fn expired(&mut self, now: Option<Instant>) -> Vec<Fd> {
        let mut expired = Vec::new();
        self.by_server.retain(|_, resting| {
            let is_old = |connection: &Connection| now.is_none_or(|now| connection.until <= now);
            while resting.connections.front().is_some_and(is_old) {
                resting.state.wake();
                expired.extend(resting.connections.pop_front().map(|connection| connection.fd));
            }
            !resting.connections.is_empty()
        });
        let oldest = self.by_server.values().filter_map(|resting| resting.connections.front());
        self.due = oldest.map(|connection| connection.until).min();
        expired
    }
}

impl<D: Driver> Shard<D> {
    /// A session is done with a connection that may serve another exchange.
    pub(crate) fn keep(&mut self, server: &Server, Kept { fd, secured }: Kept, is_proven: bool) {
        let pool = &server.settings.pool;
        if self.life != Life::Serving || !server.state.may_rest(pool.most) {
            return self.discard_connections(vec![fd]);
        }
        let connection = Connection { fd, secured, addr: server.address(), until: self.now + pool.rest, is_proven };
        self.idle.put(server, connection);
    }

    /// A connection to this server that still stands. `whom`: whom it has to have been taken for.
    pub(crate) fn kept(&mut self, server: &Server, whom: Option<&Whom>, must_be_proven: bool) -> Option<Kept> {
        while let Some(Connection { fd, secured, addr, .. }) = self.idle.take(server, whom, must_be_proven) {
            if addr == server.address() && !self.driver.is_readable(fd) {
                return Some(Kept { fd, secured });
            }
            self.discard_connections(vec![fd]);
        }
        None
    }

    /// Closes those that have rested long enough; with the last session of a shard that drains, all.
    pub(crate) fn purge(&mut self) {
        let is_serving = self.life == Life::Serving;
        if self.idle.is_empty() || (is_serving && self.idle.due.is_some_and(|due| due > self.now)) {
            return;
        }
        let expired = self.idle.expired(is_serving.then_some(self.now));
        self.discard_connections(expired);
    }

    fn discard_connections(&mut self, connections: Vec<Fd>) {
        for fd in connections {
            self.driver.discard(fd);
            self.descriptors_freed += 1;
        }
    }
}

fn key(state: &Arc<ServerState>) -> usize {
    Arc::as_ptr(state).addr()
}
