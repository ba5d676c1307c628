//! Connections to servers between two exchanges: kept for a while, so that the next exchange need not connect
//! (`configuration.txt: http-reuse, pool-max-conn, pool-low-conn, pool-purge-delay`).
//!
//! The one that was used last is taken first: those that are not needed grow old, and are closed. Nobody hears a connection that rests
//! here. Whether its server has left, or has said what nobody asked for, is looked at when it is taken. A shard that has none for a
//! server fetches one that rests on another shard (`shelves`).
//!
//! **Invariant:** nothing is in flight on a socket that is here, and no session knows it.

use crate::{Life, Shard};
use driver::{Driver, Errno, Fd, Instant};
use session::{Kept, Secured, Whom};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use table::{Server, ServerAddr, ServerState, ShardIndex};

/// The connections of one shard, by their servers' states: a reload keeps them.
#[derive(Default)]
pub(crate) struct Idle {
    by_server: BTreeMap<usize, Resting>,
}

struct Resting {
    /// Keeps the address that it is known by.
    state: Arc<ServerState>,
    /// The oldest first.
    connections: VecDeque<Connection>,
}

pub(crate) struct Connection {
    /// A number of the shard on which it rests.
    pub(crate) fd: Fd,
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
    fn put(&mut self, server: &Server, connection: Connection) {
        let state = &server.state;
        let new = || Resting { state: Arc::clone(state), connections: VecDeque::new() };
        self.by_server.entry(key(state)).or_insert_with(new).connections.push_back(connection);
    }

    /// The one that was used last, of those whose server is the same; of those that have proven themselves, if it must be one of them.
    pub(crate) fn take(&mut self, server: &Server, whom: Option<&Whom>, must_be_proven: bool) -> Option<Connection> {
        let Resting { state, connections } = self.by_server.get_mut(&key(&server.state))?;
        assert!(Arc::ptr_eq(state, &server.state), "an address is not given to another while it is held");
        let index = connections.iter().rposition(|connection| {
            let is_same = connection.secured.as_ref().map(|secured| &secured.whom) == whom;
            is_same && (connection.is_proven || !must_be_proven)
        })?;
        let connection = connections.remove(index)?;
        state.wake(connection.is_proven);
        Some(connection)
    }

    /// Whether any to this server rests here.
    pub(crate) fn has(&self, server: &Server) -> bool {
        self.by_server.get(&key(&server.state)).is_some_and(|resting| !resting.connections.is_empty())
    }

    /// Those that have rested long enough at this time, all of them without one; and when the first of the rest will have.
    fn expired(&mut self, shard: ShardIndex, now: Option<Instant>) -> (Vec<Fd>, Option<Instant>) {
        let mut expired = Vec::new();
        self.by_server.retain(|_, resting| {
            let is_old = |connection: &Connection| now.is_none_or(|now| connection.until <= now);
            while resting.connections.front().is_some_and(is_old) {
                let Some(connection) = resting.connections.pop_front() else { unreachable!("the first is old") };
                resting.state.wake(connection.is_proven);
                expired.push(connection.fd);
            }
            if resting.connections.is_empty() {
                resting.state.rests_no_more_on(shard);
            }
            !resting.connections.is_empty()
        });
        let oldest = self.by_server.values().filter_map(|resting| resting.connections.front());
        (expired, oldest.map(|connection| connection.until).min())
    }
}

impl<D: Driver> Shard<D> {
    /// A session is done with a connection that may serve another exchange.
    pub(crate) fn keep(&mut self, server: &Server, Kept { fd, secured }: Kept, is_proven: bool) {
        let pool = &server.settings.pool;
        if self.life != Life::Serving || !server.state.may_rest(pool.most, is_proven) {
            return self.discard_connections(vec![fd]);
        }
        let until = self.now + pool.rest;
        let connection = Connection { fd, secured, addr: server.address(), until, is_proven };
        let mut shelf = self.shelves.of(self.index);
        shelf.idle.put(server, connection);
        server.state.rests_on(self.index);
        self.idle_due = Some(self.idle_due.map_or(until, |due| due.min(until)));
    }

    /// A connection to this server that still stands. `whom`: whom it has to have been taken for.
    pub(crate) fn kept(&mut self, server: &Server, whom: Option<&Whom>, must_be_proven: bool) -> Option<Kept> {
        loop {
            let taken = self.shelves.of(self.index).idle.take(server, whom, must_be_proven);
            let Some(Connection { fd, secured, addr, .. }) = taken else {
                return self.fetched(server, whom, must_be_proven);
            };
            if self.still_stands(server, &addr, fd) {
                return Some(Kept { fd, secured });
            }
        }
    }

    /// One that rests on another shard, unless there are few of them. Each of them is asked for one.
    fn fetched(&mut self, server: &Server, whom: Option<&Whom>, must_be_proven: bool) -> Option<Kept> {
        if !self.can_fetch || server.state.resting().all <= server.settings.pool.low {
            return None;
        }
        for owner in server.state.resting_beside(self.index) {
            let taken = self.shelves.take_from(owner, server, whom, must_be_proven);
            let Some((thread, Connection { fd, secured, addr, .. })) = taken else { continue };
            let fetched = self.driver.fetch(thread, fd);
            self.shelves.give_up(owner, fd);
            self.table.process.bells.wake(owner);
            match fetched {
                Ok(fd) if self.still_stands(server, &addr, fd) => return Some(Kept { fd, secured }),
                Ok(_) => (),
                Err(errno) => {
                    // Not before Linux 6.9, and not in every sandbox.
                    self.can_fetch = !matches!(errno, Errno::ENOSYS | Errno::EPERM | Errno::EINVAL);
                    return None;
                }
            }
        }
        None
    }

    /// Looks at a connection that was taken off a shelf, and closes it if it is of no use.
    pub(crate) fn still_stands(&mut self, server: &Server, addr: &ServerAddr, fd: Fd) -> bool {
        let stands = *addr == server.address() && !self.driver.is_readable(fd);
        if !stands {
            self.discard_connections(vec![fd]);
        }
        stands
    }

    /// Closes the numbers of connections that others have fetched.
    pub(crate) fn let_go(&mut self) {
        for fd in self.shelves.given_up(self.index) {
            self.driver.let_go(fd);
            self.descriptors_freed += 1;
        }
    }

    /// Closes those that have rested long enough; with the last session of a shard that drains, all.
    pub(crate) fn purge(&mut self) {
        let is_serving = self.life == Life::Serving;
        if self.idle_due.is_none_or(|due| is_serving && due > self.now) {
            return;
        }
        let now = is_serving.then_some(self.now);
        let (expired, due) = self.shelves.of(self.index).idle.expired(self.index, now);
        self.idle_due = due;
        self.discard_connections(expired);
    }

    #[cold]
    pub(crate) fn discard_connections(&mut self, connections: Vec<Fd>) {
        for fd in connections {
            self.driver.discard(fd);
            self.descriptors_freed += 1;
        }
    }
}

fn key(state: &Arc<ServerState>) -> usize {
    Arc::as_ptr(state).addr()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shelves;
    use driver::Thread;
    use table::{RestingCount, ServerSettings, StateBook};

    const A: ShardIndex = ShardIndex(0);
    const B: ShardIndex = ShardIndex(1);

    fn server() -> Server {
        let (name, backend_name): (Arc<str>, Arc<str>) = ("s".into(), "back".into());
        let settings = ServerSettings::default();
        let state = StateBook::new(2).server(&backend_name, &name, &settings);
        let addr = ServerAddr::Ip(([127, 0, 0, 1], 80).into());
        Server { name, backend_name, addr, settings, state }
    }

    fn rest(shelves: &Shelves, shard: ShardIndex, server: &Server, number: i32) {
        let (fd, addr) = (Fd(number), server.address());
        let connection = Connection { fd, secured: None, addr, until: Instant::EPOCH, is_proven: false };
        assert!(server.state.may_rest(Some(1), false));
        shelves.of(shard).idle.put(server, connection);
        server.state.rests_on(shard);
    }

    fn count(server: &Server) -> (u32, u32) {
        let RestingCount { all, proven } = server.state.resting();
        (all, proven)
    }

    #[test]
    fn what_rests_on_one_shard_is_found_by_another() {
        let (shelves, server) = (Shelves::new(2), server());
        let found = |by| server.state.resting_beside(by).collect::<Vec<_>>();
        let taken = |must_be_proven| {
            let taken = shelves.take_from(A, &server, None, must_be_proven);
            taken.map(|(thread, connection)| (thread, connection.fd))
        };
        rest(&shelves, A, &server, 7);
        assert_eq!((found(A), found(B)), (vec![], vec![A]));
        assert_eq!((taken(false), count(&server)), (None, (1, 0)), "its numbers are nobody's yet");
        shelves.open(A, Some(Thread(1)));
        assert_eq!((taken(true), found(B)), (None, vec![A]), "it has served one client only");
        assert_eq!((taken(false), count(&server)), (Some((Thread(1), Fd(7))), (0, 0)));
        assert_eq!((taken(false), found(B)), (None, vec![]), "whoever finds none says so");
        assert_eq!(shelves.given_up(A), []);
        shelves.give_up(A, Fd(7));
        assert_eq!((shelves.given_up(A), shelves.given_up(B)), (vec![Fd(7)], vec![]));
        assert_eq!(shelves.given_up(A), [], "it is closed once");
    }

    #[test]
    fn what_has_rested_too_long_is_found_by_nobody() {
        let (shelves, server) = (Shelves::new(2), server());
        rest(&shelves, B, &server, 7);
        let expired = shelves.of(B).idle.expired(B, Some(Instant::EPOCH));
        assert_eq!(expired, (vec![Fd(7)], None));
        assert_eq!((server.state.resting_beside(A).count(), count(&server)), (0, (0, 0)));
    }
}
