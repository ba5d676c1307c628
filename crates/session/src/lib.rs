//! One client from accept to close, without I/O.
//!
//! A [`Session`] takes events (completions, the answers to its questions, its deadline) and answers with values in an
//! [`Outbox`]: ops for its two sockets, questions ([`Ask`]) for what it needs from others, and what is to be told of it
//! ([`Record`], [`End`]). It opens no socket, reads no clock and knows neither its shard nor the kernel.
//!
//! ```text
//!                             all are full   ┌─▶ Queued ──┐ granted
//!                        asks for a server    │ answered   ▼        connected            header sent
//!   Greeting ──────────▶ Assigning ───────────┴──────────▶ Connecting ────▶ Heading ───────────▶ Relaying
//!   (PROXY header)      ▶ ▲      ▲                 │ failed, late      (send-proxy)          │ both flows ended
//!      ├─▶ Inspecting ──┘ │      │ elsewhere       ▼                                         │
//!      │   (rules)        │      │                 │                                         │
//!      │                  │      └────────────  Retreating (closes the failed socket)        │
//!      │                  │ same server            │                                         │
//!      │                  └──── Resting ◀──────────┤                                         │
//!      │ invalid, late                             │ no attempt left                         │
//!      └───────────────▶ Aborting ◀────────────────┴───── error, late (from any phase)       │
//!                           │ nothing in flight                                              │
//!                           └──────────────────▶ Closing ◀───────────────────────────────────┘
//!                                                   │ nothing in flight
//!                                                   ▼
//!                                                 Closed
//! ```
//!
//! What a session holds stands below; what it does, in the order in which it meets it, in these files:
//!
//! | file | what it knows |
//! |---|---|
//! | `event`, `outbox` | what a session is told, and what it wants |
//! | `steps` | one event in, then what follows from the state alone |
//! | `phase`, `flow` | the states, and what may follow what |
//! | `socket` | its two sockets, and what is in flight on them |
//! | `secure` | TLS between a socket's bytes and a flow's |
//! | `greeting` | the PROXY header that a client's proxy sends first |
//! | `gather`, `early` | bytes that have come and may not be sent on yet |
//! | `inspect` | the rules that a client has to pass, and the choice of its backend |
//! | `connect` | server, attempt, retry, redispatch |
//! | `wait` | standing in the line for a server |
//! | `introduce` | the PROXY header that a server is sent |
//! | `secure_back` | TLS to servers: a part of the attempt to connect |
//! | `relay` | two flows as they are, half-closes, inactivity |
//! | `review` | the rules on what a server says first |
//! | `http` | `mode http`: one exchange after the other instead of one relay, with a picture of its own |
//! | `end`, `close` | why it ended; the way out |
//! | `record`, `tally` | what logs are told, and what is added to the counters of frontend, backend and server |
//! | `invariants` | what must hold between two events |
//! | `view` | the table, as the sessions of one shard hold it |
//!
//! **Invariant:** a socket is closed only when nothing else is in flight on it.
//! **Invariant:** a server that was assigned is released exactly once.
//! **Invariant:** a ticket is held in `Queued` and nowhere else.
//! **Invariant:** in `Closed` the session holds no lease and no socket.
#![forbid(unsafe_code)]

mod close;
mod connect;
mod early;
mod end;
mod event;
mod flow;
mod gather;
mod greeting;
mod http;
mod inspect;
mod introduce;
mod invariants;
mod outbox;
mod phase;
mod record;
mod relay;
mod review;
mod secure;
mod secure_back;
mod socket;
mod steps;
mod tally;
mod view;
mod wait;

#[cfg(test)]
mod tests;

pub use connect::addr_of;
pub use end::{Cause, End, Moment, Shutdown};
pub use event::{Arrival, Event, Link};
pub use http::{Exchanged, MustBeProven, Reusable};
pub use introduce::Introduction;
pub use outbox::{Ask, KeptFor, Outbox};
pub use phase::Phase;
pub use record::{Counts, Progress, Record, RecordKind, Times};
pub use secure_back::{Kept, Secured, Whom};
pub use view::View;

use driver::{Addr, Instant, Side};
use early::Early;
use flow::{Flow, Pace};
use http::Http;
use proxyline::Addresses;
use review::Review;
use socket::Socket;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use table::{
    Announced, Backend, BackendId, Frontend, FrontendId, Identity, Passed, Pin, Server, ShardIndex, Variables,
};
use wait::Wait;

/// One client's connection and the server's that serves it.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    front: Socket,
    /// From the assignment of a server until the close; none while a session rests between two attempts.
    back: Option<Socket>,
    /// Flows front to back.
    request: Flow,
    request_pace: Pace,
    /// Flows back to front.
    response: Flow,
    response_pace: Pace,
    table: View,
    frontend: FrontendId,
    backend: Option<BackendId>,
    server: Option<Arc<Server>>,
    /// What it belongs to a server of its backend by.
    hash: Option<u32>,
    /// What holds it to the server that it was sent to.
    pin: Pin,
    /// The server of the attempt before, while another one is being chosen.
    avoided: Option<Arc<Server>>,
    /// Its place in a line, while it stands there.
    wait: Option<Box<Wait>>,
    /// The server that it waited for in vain.
    waited: Option<Arc<Server>>,
    /// Where it was in the lines that it stood in.
    passed: Passed,
    /// What the client has said before it may be sent on. A session that relays has none.
    early: Option<Box<Early>>,
    /// What the server has said before rules let it through.
    review: Option<Box<Review>>,
    /// In `mode http`, from when it is known who the client is.
    http: Option<Box<Http>>,
    shard: ShardIndex,
    /// HAProxy's number for the listener within its frontend; log lines name it when a header was refused.
    listener: u32,
    /// Attempts to connect that failed.
    retries: u16,
    /// A retry went to another server than the attempt before it.
    is_redispatched: bool,
    /// A server has asked for credentials of the kind that hold for a connection, not for a request.
    is_bound_by_credentials: bool,
    /// It has taken one of the sessions that its client's address may have.
    is_counted_by_source: bool,
    /// Bytes of the header for the server, and how many of them are not sent yet.
    header_end: u32,
    header_left: u32,
    client: Addr,
    destination: Addr,
    /// What rules have kept: of the client's connection and, in `mode http`, of the exchange under way.
    variables: Variables,
    /// What rules say in the place of both, of the exchange under way.
    ends_by_rule: Option<Box<Ends>>,
    /// What its PROXY header says beside them.
    announced: Option<Rc<[Announced]>>,
    accepted_at: Instant,
    /// Of the attempt in progress, or when the rest before the next one ends.
    attempt_at: Instant,
    identified_at: Option<Instant>,
    assigned_at: Option<Instant>,
    connected_at: Option<Instant>,
    /// The back's own address, asked for only where a log line shows it.
    source: Option<Box<Addr>>,
    /// Its own, or that of the exchange under way.
    identity: Identity,
    /// Its line has been written.
    is_told: bool,
    bytes_in: u64,
    bytes_out: u64,
    end: Option<End>,
}

/// Where the client is, and what it connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ends {
    source: Option<SocketAddr>,
    destination: Option<SocketAddr>,
}

impl Session {
    /// Nothing is held and nothing is in flight: the slot is free.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Its end has begun.
    pub fn is_ending(&self) -> bool {
        self.phase.is_ending()
    }

    /// Why it ended, once it does.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The frontend that it came by.
    pub fn frontend(&self) -> &Frontend {
        self.table.frontend(self.frontend)
    }

    /// Its name.
    pub fn frontend_name(&self) -> &Arc<str> {
        &self.frontend().name
    }

    /// Whether it became known who its client is, and no rule turned it away before: then it counts as a session.
    pub fn is_identified(&self) -> bool {
        self.identified_at.is_some()
    }

    /// Bytes that came from the client and from the server.
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes_in, self.bytes_out)
    }

    /// When its client was accepted.
    pub fn accepted_at(&self) -> Instant {
        self.accepted_at
    }

    /// The backend that it was routed to.
    pub fn backend(&self) -> Option<&Arc<Backend>> {
        self.backend.map(|id| self.table.backend(id))
    }

    /// The server that it is connected or connecting to.
    pub fn server(&self) -> Option<&Arc<Server>> {
        self.server.as_ref()
    }

    /// Where the client is, as a header told us or as the kernel does.
    pub fn client(&self) -> &Addr {
        &self.client
    }

    /// The flow whose bytes come from this side.
    fn flow_from(&mut self, side: Side) -> &mut Flow {
        match side {
            Side::Front => &mut self.request,
            Side::Back => &mut self.response,
        }
    }

    fn pace_from(&mut self, side: Side) -> &mut Pace {
        match side {
            Side::Front => &mut self.request_pace,
            Side::Back => &mut self.response_pace,
        }
    }

    fn backend_ref(&self) -> Option<&Backend> {
        self.backend().map(|backend| &**backend)
    }

    /// What the client's PROXY header says beside addresses.
    fn announced(&self) -> &[Announced] {
        self.announced.as_deref().unwrap_or_default()
    }

    /// What a PROXY header says to a server; `None` for clients without an IP address.
    fn addresses(&self) -> Option<Addresses> {
        let Ends { source, destination } = self.ends();
        Some(Addresses { source: source?, destination: destination? })
    }

    /// What is told of both ends of the client's connection.
    fn ends(&self) -> Ends {
        match &self.ends_by_rule {
            Some(ends) => Ends::clone(ends),
            None => Ends { source: self.client.ip(), destination: self.destination.ip() },
        }
    }
}
