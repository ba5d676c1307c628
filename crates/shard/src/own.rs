//! Connections to servers that are kept for one client: nobody else is served on them (`configuration.txt: http-reuse never`), or they were
//! begun with a PROXY header that says who it is.
//!
//! They live as long as their client does, and rest on its shard. Nobody hears them: whether a server has left is looked at when its
//! connection is needed, and every few seconds, so that those of a client that says nothing for hours are not held for nobody.
//!
//! **Invariant:** nothing is in flight on a socket that is here, and its client has a session.

use crate::Shard;
use driver::{Driver, Fd, Instant, SessionId};
use session::{Introduction, Kept, Secured, Whom};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use table::{Backend, Server, ServerAddr, ServerState};

/// Those that one client may have at rest (`configuration.txt: max-session-srv-conns`).
const MOST: usize = 5;

/// How often they are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Clients whose connections are looked at in one turn.
const PER_TURN: usize = 256;

/// The connections of one shard's clients.
#[derive(Default)]
pub(crate) struct Own {
    /// By the slots of their sessions; of each the one that was used last at the end.
    by_session: BTreeMap<u32, Vec<Connection>>,
    /// When they are to be looked at; `None`: there are none.
    pub(crate) due: Option<Instant>,
    /// From which slot on they are.
    next: u32,
}

struct Connection {
    /// It outlives tables, and so knows its server in all of them.
    state: Arc<ServerState>,
    kept: Kept,
    addr: ServerAddr,
    introduction: Introduction,
}

impl Own {
    fn take(&mut self, id: SessionId, is_wanted: impl Fn(&Connection) -> bool) -> Option<Connection> {
        let connections = self.by_session.get_mut(&id.index)?;
        let index = connections.iter().rposition(is_wanted)?;
        Some(connections.remove(index))
    }
}

impl<D: Driver> Shard<D> {
    /// A session is done with a connection on which its client may be served again.
    pub(crate) fn keep_own(&mut self, id: SessionId, server: &Server, kept: Kept, introduction: Introduction) {
        let connections = self.own.by_session.entry(id.index).or_default();
        let (state, addr) = (Arc::clone(&server.state), server.address());
        connections.push(Connection { state, kept, addr, introduction });
        let surplus = (connections.len() > MOST).then(|| connections.remove(0));
        self.own.due.get_or_insert(self.now + LOOK);
        self.discard_connections(surplus.into_iter().map(|connection| connection.kept.fd).collect());
    }

    /// A connection of this client's to this server that still stands, begun in these words.
    pub(crate) fn own(
        &mut self,
        id: SessionId,
        server: &Server,
        whom: Option<&Whom>,
        introduction: &Introduction,
    ) -> Option<Kept> {
        loop {
            let taken = self.own.take(id, |connection| {
                let is_same = connection.kept.secured.as_ref().map(|secured: &Secured| &secured.whom) == whom;
                is_same && Arc::ptr_eq(&connection.state, &server.state) && connection.introduction == *introduction
            });
            let Connection { kept, addr, .. } = taken?;
            if self.still_stands(server, &addr, kept.fd) {
                return Some(kept);
            }
        }
    }

    /// The server of this backend that the client has a connection to still: the last of them.
    pub(crate) fn server_of_own(&mut self, id: SessionId, backend: &Backend) -> Option<Arc<ServerState>> {
        self.look_at_own_of(id.index);
        let connections = self.own.by_session.get(&id.index)?;
        let is_of = |state: &Arc<ServerState>| backend.servers.iter().any(|server| Arc::ptr_eq(&server.state, state));
        connections.iter().rev().map(|connection| &connection.state).find(|state| is_of(state)).cloned()
    }

    /// The client has left.
    pub(crate) fn discard_own(&mut self, id: SessionId) {
        if let Some(connections) = self.own.by_session.remove(&id.index) {
            self.discard_connections(connections.into_iter().map(|connection| connection.kept.fd).collect());
        }
    }

    /// Closes those whose servers have left, when it is time to look.
    pub(crate) fn look_after_own(&mut self) {
        if self.own.due.is_none_or(|due| due > self.now) {
            return;
        }
        let slots = self.own.by_session.range(self.own.next..).map(|(&slot, _)| slot);
        let slots: Vec<u32> = slots.take(PER_TURN).collect();
        for &slot in &slots {
            self.look_at_own_of(slot);
        }
        self.own.next = slots.last().filter(|_| slots.len() == PER_TURN).map_or(0, |last| last + 1);
        self.own.due = match (self.own.next, self.own.by_session.is_empty()) {
            (0, true) => None,
            (0, false) => Some(self.now + LOOK),
            (_, _) => Some(self.now),
        };
    }

    fn look_at_own_of(&mut self, index: u32) {
        let Some(connections) = self.own.by_session.remove(&index) else { return };
        let driver = &mut self.driver;
        let (gone, left): (Vec<_>, Vec<_>) =
            connections.into_iter().partition(|connection| driver.is_readable(connection.kept.fd));
        if !left.is_empty() {
            self.own.by_session.insert(index, left);
        }
        let gone: Vec<Fd> = gone.into_iter().map(|connection| connection.kept.fd).collect();
        self.discard_connections(gone);
    }
}
