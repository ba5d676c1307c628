//! Who gets a place that is free, and where they wait who do not get one.
//!
//! ```text
//!                     a server has a place
//!   assign ────────────────────────────────────────────▶ on a server ──release──▶ its place goes to whoever waits longest:
//!     │ belongs to a server that is full                      ▲                   the head of the server's own line or of
//!     ├───────────────────────────────▶ line of the server ───┤ grant             the backend's, the older ticket first
//!     │ all are full                                          │
//!     └───────────────────────────────▶ line of the backend ──┘
//! ```
//!
//! A place that is freed is taken again under the same lock, so no newcomer finds it. What else may make a place (a server comes
//! up, a limit rises, another table takes over) goes through [`Balancer::serve_all`].
//!
//! **Invariant:** a waiter stands in one line, and leaves it for exactly one reason: a grant, or his own wish.
//! **Invariant:** while somebody stands in the backend's line no server that could serve him has a place; while somebody stands
//! in a server's line, that server is usable and has none. ([`Balancer::check`])

use std::sync::Arc;

use super::queue::{Grant, Passed, Ticket, Waiter, Waiting};
use super::{Balancer, Found, PickKey};
use crate::balance::seat::Side;
use crate::{BackendState, Server};

/// What a session gets that asks for a server.
#[derive(Clone, Debug)]
pub enum Assignment {
    /// The connection is counted on it.
    Server(Arc<Server>),
    /// A place in a line: a [`Grant`] will come to the shard's inbox, unless the session [leaves](crate::Backend::leave) before.
    /// With a server: it is the only one that the session waits for.
    Queued(Ticket, Option<Arc<Server>>),
    /// It belongs to this server, whose line is as long as it may be (`maxqueue`).
    LineFull(Arc<Server>),
    /// No server is usable.
    NoServer,
}

/// What a session would get.
#[derive(Clone, Debug)]
pub enum Preview {
    /// This server.
    Server(Arc<Server>),
    /// A place in the line for this server, to which it belongs.
    Line(Arc<Server>),
    /// An end: that line is as long as it may be.
    LineFull(Arc<Server>),
    /// A place in the line for any server.
    AnyLine,
    NoServer,
}

impl Balancer {
    /// What [`assign`](Self::assign) would answer. It takes nothing, and nobody's turn is changed by it.
    pub(crate) fn preview(&mut self, key: &PickKey<'_>) -> Preview {
        let algorithm = self.algorithm.clone();
        self.waiting_count += 1;
        let found = self.find(key);
        self.waiting_count -= 1;
        self.algorithm = algorithm;
        let server = |seat: usize| self.seats[seat].server.clone();
        match found {
            Found::Place(seat) => Preview::Server(server(seat)),
            Found::Line(seat) if self.seats[seat].is_line_full() => Preview::LineFull(server(seat)),
            Found::Line(seat) => Preview::Line(server(seat)),
            Found::Full => Preview::AnyLine,
            Found::Nobody => Preview::NoServer,
        }
    }

    /// A server, or a place in the line for one.
    pub(crate) fn assign(&mut self, key: &PickKey<'_>, waiter: Waiter, backend: &Arc<BackendState>) -> Assignment {
        self.waiting_count += 1;
        // One more in the backend may raise the limits of servers, and that is for those who came before.
        self.serve_slopes();
        let (line, server) = match self.find(key) {
            Found::Place(seat) => {
                self.waiting_count -= 1;
                return Assignment::Server(self.take(seat));
            }
            Found::Line(seat) if self.seats[seat].is_line_full() => {
                self.waiting_count -= 1;
                return Assignment::LineFull(self.seats[seat].server.clone());
            }
            Found::Nobody => {
                self.waiting_count -= 1;
                return Assignment::NoServer;
            }
            Found::Line(seat) => (Some(seat), Some(self.seats[seat].server.clone())),
            Found::Full => (None, None),
        };
        let ticket = Ticket(self.ticket_next);
        self.ticket_next += 1;
        self.join(line, ticket, Waiting::new(waiter, backend.clone(), key));
        Assignment::Queued(ticket, server)
    }

    /// Somebody does not want to wait any longer. `None`: he has been granted a server, and the grant is in his shard's inbox.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<Passed> {
        let of_server = || {
            self.seats.iter_mut().find_map(|seat| {
                let waiting = seat.line.leave(ticket)?;
                seat.server.state.set_queued(seat.line.len());
                Some(waiting)
            })
        };
        let waiting = self.queue.leave(ticket).or_else(of_server)?;
        self.waiting_count -= 1;
        Some(waiting.passed)
    }

    /// A connection has ended, on the server in this seat or on one that has left the set.
    pub(super) fn on_freed(&mut self, seat: Option<usize>) {
        if self.waiting_count == 0 {
            return;
        }
        if self.limits.maxconn.is_some() {
            // Any server may take the one that the backend has room for now.
            self.serve_all();
        } else if let Some(seat) = seat {
            self.serve(seat);
        }
    }

    /// Gives every place that is free to whoever waits longest for it.
    pub(super) fn serve_all(&mut self) {
        if self.waiting_count == 0 {
            return;
        }
        if self.waiting_count > self.queue.len() {
            self.serve_lines();
        }
        while let Some((_, head)) = self.queue.head() {
            let key = head.key();
            let found = match self.bound(&key) {
                Some(seat) => Some(seat),
                None if self.is_full() => None,
                None => self.choose(&key),
            };
            let Some(seat) = found else { return };
            let (ticket, waiting) = self.queue.serve().expect("it has a head");
            if self.has_place(seat) {
                self.grant(seat, ticket, waiting);
            } else {
                self.join(Some(seat), ticket, waiting);
            }
        }
    }

    /// Puts somebody who has a ticket where he belongs now.
    pub(super) fn place(&mut self, ticket: Ticket, waiting: Waiting) {
        match self.find(&waiting.key()) {
            Found::Place(seat) => self.grant(seat, ticket, waiting),
            Found::Line(seat) => self.join(Some(seat), ticket, waiting),
            Found::Full | Found::Nobody => self.join(None, ticket, waiting),
        }
    }

    /// Everybody who waits, in the order of their tickets, taken out of all lines.
    pub(super) fn dissolve_lines(&mut self) -> Vec<(Ticket, Waiting)> {
        let mut all = self.queue.dissolve();
        for seat in &mut self.seats {
            all.append(&mut seat.line.dissolve());
            seat.server.state.set_queued(0);
        }
        all.sort_by_key(|&(ticket, _)| ticket);
        all
    }

    /// Limits that grow with the number of connections have grown.
    fn serve_slopes(&mut self) {
        if self.waiting_count > 1 && self.seats.iter().any(|seat| seat.has_slope()) {
            self.serve_all();
        }
    }

    /// The lines of servers: those who belong to one that is not usable any more go elsewhere.
    fn serve_lines(&mut self) {
        for seat in 0..self.seats.len() {
            if self.seats[seat].line.is_empty() {
                continue;
            }
            if self.seats[seat].is_usable {
                self.serve(seat);
                continue;
            }
            let leaving = self.seats[seat].line.dissolve();
            self.seats[seat].server.state.set_queued(0);
            for (ticket, waiting) in leaving {
                self.place(ticket, waiting);
            }
        }
    }

    /// Gives the places of one server to those who wait for it, the older ticket first.
    fn serve(&mut self, seat: usize) {
        while self.has_place(seat) && self.seats[seat].is_usable {
            let own = self.seats[seat].line.head().map(|(ticket, _)| ticket);
            let any = if self.is_serving(seat) { self.queue.head().map(|(ticket, _)| ticket) } else { None };
            let served = match (own, any) {
                (Some(own), Some(any)) if any < own => self.queue.serve(),
                (Some(_), _) => self.seats[seat].line.serve(),
                (None, Some(_)) => self.queue.serve(),
                (None, None) => return,
            };
            let (ticket, waiting) = served.expect("it has a head");
            self.grant(seat, ticket, waiting);
        }
    }

    /// Whether connections are spread over this server: it is usable, and of those that serve.
    fn is_serving(&self, seat: usize) -> bool {
        let entry = &self.seats[seat];
        entry.is_usable
            && match (entry.side(), self.side()) {
                (Side::Active, _) | (Side::Backup, Some(Side::Backup)) => true,
                (Side::Backup, Some(Side::Active)) => false,
                (Side::Backup, None) => self.usable.backup.first() == Some(&seat),
            }
    }

    fn grant(&mut self, seat: usize, ticket: Ticket, waiting: Waiting) {
        let server = self.take(seat);
        server.state.set_queued(self.seats[seat].line.len());
        self.waiting_count -= 1;
        let Waiting { waiter, backend, passed, .. } = waiting;
        self.grants.push(Grant { waiter, ticket, server, passed, backend });
    }

    fn join(&mut self, line: Option<usize>, ticket: Ticket, waiting: Waiting) {
        match line {
            Some(seat) => {
                let entry = &mut self.seats[seat];
                entry.line.join(ticket, waiting);
                entry.server.state.set_queued(entry.line.len());
            }
            None => self.queue.join(ticket, waiting),
        }
    }

    /// Those who wait for any server, and those who wait at all.
    pub(crate) fn queued(&self) -> (u32, u32) {
        (self.queue.len(), self.waiting_count)
    }

    pub(crate) fn grants_mut(&mut self) -> &mut Vec<Grant> {
        &mut self.grants
    }

    /// Sweeps over all that must hold between two calls.
    pub(crate) fn check(&self) -> Result<(), String> {
        let in_lines: u32 = self.seats.iter().map(|seat| seat.line.len()).sum();
        if self.queue.len() + in_lines != self.waiting_count {
            return Err(format!("{} + {in_lines} stand in lines, {} wait", self.queue.len(), self.waiting_count));
        }
        for (index, seat) in self.seats.iter().enumerate() {
            let name = &seat.server.name;
            if !seat.line.is_empty() && !seat.is_usable {
                return Err(format!("somebody waits for {name}, which is not usable"));
            }
            if !seat.line.is_empty() && self.has_place(index) {
                return Err(format!("somebody waits for {name}, which has a place"));
            }
            if !self.queue.is_empty() && self.is_serving(index) && self.has_place(index) {
                return Err(format!("somebody waits for any server, and {name} has a place"));
            }
        }
        Ok(())
    }
}
