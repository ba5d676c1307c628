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
//! | file | what it knows |
//! |---|---|
//! | `phase`, `flow` | the states, and what may follow what |
//! | `http` | `mode http`: one exchange after the other instead of one relay |
//! | `gather` | bytes that have come and are not on their way yet |
//! | `early` | the client's first bytes, before they may be sent on |
//! | `greeting` | the PROXY header that a client's proxy sends first |
//! | `inspect` | the rules that a client has to pass, and the choice of its backend |
//! | `connect` | server, attempt, retry, redispatch |
//! | `introduce` | the PROXY header that a server is sent |
//! | `wait` | standing in the line for a server |
//! | `relay` | two flows as they are, half-closes, inactivity |
//! | `review` | the rules on what a server says first |
//! | `secure` | TLS between a socket's bytes and a flow's |
//! | `secure_back` | TLS to servers: a part of the attempt to connect |
//! | `end`, `record` | why it ended, and what logs are told |
//! | `tally` | what it adds to the counters of frontend, backend and server |
//!
//! **Invariant:** a socket is closed only when nothing else is in flight on it.
//! **Invariant:** a server that was assigned is released exactly once.
//! **Invariant:** a ticket is held in `Queued` and nowhere else.
//! **Invariant:** in `Closed` the session holds no lease and no socket.
#![forbid(unsafe_code)]

mod connect;
mod early;
mod end;
mod flow;
mod gather;
mod greeting;
mod http;
mod inspect;
mod introduce;
mod outbox;
mod phase;
mod record;
mod relay;
mod review;
mod secure;
mod secure_back;
mod tally;
mod view;
mod wait;

#[cfg(test)]
mod tests;

pub use connect::addr_of;
pub use end::{Cause, End, Moment, Shutdown};
pub use http::{Exchanged, MustBeProven};
pub use outbox::{Ask, Outbox};
pub use phase::Phase;
pub use record::{Counts, Progress, Record, RecordKind, Times};
pub use secure_back::{Kept, Secured, Whom};
pub use view::View;

use driver::{Addr, Done, Ending, Errno, Fd, Instant, Op, Side};
use early::Early;
use flow::{Flow, Pace};
use http::Http;
use proxyline::Addresses;
use review::Review;
use secure::Secure;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use table::{Announced, Backend, BackendId, Frontend, FrontendId, Identity, Passed, Pin, Server, ShardIndex, Ticket};
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
    /// It has taken one of the sessions that its client's address may have.
    is_counted_by_source: bool,
    /// Bytes of the header for the server, and how many of them are not sent yet.
    header_end: u32,
    header_left: u32,
    client: Addr,
    destination: Addr,
    /// What rules say in their place, of the exchange under way.
    told: Option<Box<Ends>>,
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

/// A connection that was just accepted.
#[derive(Debug)]
pub struct Arrival {
    pub table: View,
    pub frontend: FrontendId,
    pub listener: u32,
    /// `accept-proxy`: a header comes first and says who the client is.
    pub expects_header: bool,
    pub fd: Fd,
    pub client: Addr,
    /// What the client connected to.
    pub destination: Addr,
    pub shard: ShardIndex,
}

/// What happens to a session.
#[derive(Debug)]
pub enum Event {
    Done(Side, Done),
    /// The answer to [`Ask::Server`] and to [`Ask::Socket`].
    Assigned {
        server: Arc<Server>,
        link: Result<Link, Errno>,
    },
    /// Another answer to [`Ask::Server`]: no server has a place. With a server: it is the only one that is waited for.
    Queued(Ticket, Option<Arc<Server>>),
    /// What ends the wait: as [`Event::Assigned`], after so many others.
    Granted {
        server: Arc<Server>,
        link: Result<Link, Errno>,
        passed: Passed,
    },
    /// Another answer to [`Ask::Server`]: nobody more may wait for this server, to which the session belongs.
    LineFull(Arc<Server>),
    /// The last answer to [`Ask::Server`]: no server of the backend is usable.
    NoServer,
    /// The answer to [`Ask::Source`].
    Source(Addr),
}

/// A way to a server.
#[derive(Debug)]
pub enum Link {
    /// A socket that is to be connected.
    Fresh(Fd),
    /// A connection on which an exchange was served before.
    Kept(Kept),
}

#[derive(Debug)]
struct Socket {
    fd: Fd,
    in_flight: u8,
    /// When bytes last moved on this socket.
    active_at: Instant,
    /// What its bytes are encrypted by.
    secure: Option<Box<Secure>>,
    /// How it is to be closed.
    ending: Ending,
    /// The close is in flight: nothing may follow it.
    is_closing: bool,
}

impl Session {
    /// Takes over an accepted connection and starts with it.
    pub fn start(arrival: Arrival, now: Instant, out: &mut Outbox) -> Session {
        let Arrival { table, frontend, listener, expects_header, fd, client, destination, shard } = arrival;
        let mut session = Session {
            phase: Phase::Greeting,
            front: Socket::new(fd, now),
            back: None,
            request: Flow::Resting,
            request_pace: Pace::default(),
            response: Flow::Resting,
            response_pace: Pace::default(),
            table,
            frontend,
            backend: None,
            server: None,
            hash: None,
            pin: Pin::Free,
            avoided: None,
            wait: None,
            waited: None,
            passed: Passed::default(),
            early: None,
            review: None,
            http: None,
            shard,
            listener,
            retries: 0,
            is_redispatched: false,
            is_counted_by_source: false,
            header_end: 0,
            header_left: 0,
            client,
            destination,
            told: None,
            announced: None,
            accepted_at: now,
            attempt_at: now,
            identified_at: None,
            assigned_at: None,
            connected_at: None,
            source: None,
            identity: Identity::default(),
            is_told: false,
            bytes_in: 0,
            bytes_out: 0,
            end: None,
        };
        session.count_arrival(now);
        if session.is_turned_away(out) {
            session.advance(now, out);
            return session;
        }
        // Heard from the start: an early client is read while the server is connected, and one that leaves is noticed.
        let is_securing = !expects_header && session.secure_front(now, gather::Gathered::default());
        session.fill(Side::Front, driver::Hope::Soon, out);
        if !expects_header && !is_securing {
            session.on_identified(now, out);
        }
        session.advance(now, out);
        session
    }

    /// Takes one event. The outbox must be drained before the next one.
    pub fn handle(&mut self, now: Instant, event: Event, out: &mut Outbox) {
        match event {
            Event::Done(side, done) => self.on_done(now, side, done, out),
            Event::Assigned { server, link } => self.on_assigned(now, server, link, out),
            Event::Queued(ticket, server) => self.on_queued(now, ticket, server, out),
            Event::Granted { server, link, passed } => self.on_granted(now, server, link, passed, out),
            Event::LineFull(server) => self.on_line_full(server, out),
            Event::NoServer => self.on_no_server(out),
            Event::Source(addr) => self.on_source(now, addr, out),
        }
        self.advance(now, out);
        debug_assert_eq!(self.check(), Ok(()));
    }

    /// To be called at or after [`deadline`](Session::deadline); earlier calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.phase {
            Phase::Greeting if self.is_securing() => self.refuse_handshake(tls::Failure::Timeout, out),
            Phase::Greeting => self.refuse_greeting(proxyline::Error::Timeout, out),
            Phase::Queued => self.on_queue_late(out),
            Phase::Inspecting => self.on_inspection_late(now, out),
            Phase::Connecting => self.on_connect_late(now, out),
            Phase::Resting => self.attempt_again(out),
            Phase::Relaying if self.review_deadline().is_some_and(|deadline| deadline <= now) => {
                self.on_review_late(now, out);
            }
            Phase::Heading | Phase::Relaying => self.on_idle(out),
            Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Exchanging
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering => {
                self.on_http_late(now, out);
            }
            Phase::Aborting => self.on_farewell_late(out),
            Phase::Assigning | Phase::Retreating | Phase::Closing | Phase::Closed => (),
        }
        self.advance(now, out);
        debug_assert_eq!(self.check(), Ok(()));
    }

    /// Ends it because it is told to. One that ends already does so for its own cause.
    pub fn shut_down(&mut self, now: Instant, why: Shutdown, out: &mut Outbox) {
        // HAProxy says how far a session had come only where it was not served yet: `DC`, but `D-`.
        let moment = match self.moment() {
            Moment::Data | Moment::LastData => Moment::Done,
            moment @ (Moment::Request
            | Moment::Tarpit
            | Moment::Queue
            | Moment::Connect
            | Moment::Headers
            | Moment::Done) => moment,
        };
        self.end_with(End::new(moment, Cause::ShutDown(why)), out);
        self.advance(now, out);
        debug_assert_eq!(self.check(), Ok(()));
    }

    /// When the session wants to be looked at. It moves with every message; only its being reached matters.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Greeting => {
                let timeouts = &self.frontend().timeouts;
                Some(self.accepted_at + timeouts.client_handshake.or(timeouts.client)?)
            }
            Phase::Queued => Some(self.wait.as_ref()?.since + self.backend_ref()?.timeouts.queue?),
            Phase::Inspecting => self.inspection_deadline(),
            Phase::Connecting => Some(self.attempt_at + self.backend_ref()?.timeouts.connect?),
            Phase::Resting => Some(self.attempt_at),
            Phase::Heading | Phase::Relaying => {
                let idle = self.idle_deadline().map(|(deadline, _)| deadline);
                [idle, self.review_deadline()].into_iter().flatten().min()
            }
            Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Exchanging
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering => self.http_deadline(),
            Phase::Aborting => self.farewell_deadline(),
            Phase::Assigning | Phase::Retreating | Phase::Closing | Phase::Closed => None,
        }
    }

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

    /// Checks what must hold between two events.
    pub fn check(&self) -> Result<(), &'static str> {
        let in_flight = self.in_flight_count();
        if self.phase == Phase::Closed && (in_flight > 0 || self.server.is_some() || self.back.is_some()) {
            return Err("a closed session holds something");
        }
        if (self.phase == Phase::Queued) != self.wait.is_some() {
            return Err("a ticket is held in a line, and only there");
        }
        if matches!(self.phase, Phase::Heading | Phase::Exchanging | Phase::Relaying) && self.back.is_none() {
            return Err("relaying implies a back socket");
        }
        if self.phase == Phase::Inspecting && self.early.is_none() {
            return Err("inspecting implies that something is waited for");
        }
        if self.phase == Phase::Closed
            && (self.early.is_some()
                || self.review.is_some()
                || self.http.is_some()
                || self.request.has_unsent()
                || self.response.has_unsent())
        {
            return Err("a closed session holds bytes");
        }
        if self.phase == Phase::Relaying && self.idle_deadline().is_none() && in_flight == 0 {
            return Err("nothing is in flight, so nothing will ever happen");
        }
        let is_heard = matches!(self.phase, Phase::Awaiting | Phase::Gathering | Phase::Lingering);
        let is_http = is_heard || matches!(self.phase, Phase::Exchanging | Phase::Answering | Phase::Parting);
        if is_http && in_flight == 0 {
            return Err("nothing is in flight, so no exchange goes on");
        }
        if matches!(self.phase, Phase::Aborting | Phase::Closing) && in_flight == 0 {
            return Err("the end is due");
        }
        Ok(())
    }

    fn on_done(&mut self, now: Instant, side: Side, done: Done, out: &mut Outbox) {
        let socket = self.socket_mut(side);
        socket.in_flight = socket.in_flight.checked_sub(1).expect("a completion follows an op of ours");
        let of_flow = match &mut socket.secure {
            Some(secure) => secure.on_done(done),
            None => Some(done),
        };
        if let Some(done) = of_flow {
            self.on_flow_done(now, side, done, out);
        }
    }

    /// What happened, as the flow asked for it.
    fn on_flow_done(&mut self, now: Instant, side: Side, done: Done, out: &mut Outbox) {
        match done {
            Done::Connected(result) => self.on_connected(now, result, out),
            Done::Received(result) => self.on_received(now, side, result, out),
            Done::Sent { lease, result } => self.on_sent(now, side, lease, result, out),
            Done::Filled(result) => self.on_filled(now, side, result, out),
            Done::Drained { pipe, result } => self.on_drained(now, side, pipe, result, out),
            Done::Finished(result) => self.on_finished(side, result, out),
            Done::Closed => self.on_closed(side),
            Done::Cancelled => (),
            Done::Entrusted(..) | Done::AlertSent(_) | Done::RecordReceived { .. } => {
                unreachable!("flows know of no TLS")
            }
            Done::Readable(_) => unreachable!("sessions ask for bytes, not for readiness"),
        }
    }

    /// Starts to end everything, or in `mode http` the exchange, if its client can still be told. What has ended already stays as it
    /// is: the first cause is the true one.
    fn end_with(&mut self, end: End, out: &mut Outbox) {
        if self.phase.is_ending() {
            return;
        }
        if let Cause::Malformed(side, refusal) = end.cause {
            self.keep_misread(side, refusal);
        }
        if !self.is_answered(end, out) {
            self.abort_with(end, out);
        }
    }

    /// Starts to end everything.
    fn abort_with(&mut self, end: End, out: &mut Outbox) {
        self.end = Some(end);
        self.stop_waiting();
        self.mark_cuts(end.cause);
        self.enter(Phase::Aborting);
        for side in [Side::Front, Side::Back] {
            if let Some(socket) = self.socket(side).filter(|socket| socket.in_flight > 0 && !socket.is_closing) {
                let fd = socket.fd;
                self.submit(side, Op::Cancel { fd }, out);
            }
        }
    }

    /// A cut is passed on as a cut: whoever was promised bytes that will not come must not see a clean end.
    fn mark_cuts(&mut self, cause: Cause) {
        if self.speaks_http() {
            return self.mark_http_cuts();
        }
        let is_reset = |side: Side| matches!(cause, Cause::Aborted(by) if by == side);
        if self.response.has_unsent() || is_reset(Side::Back) {
            self.front.ending = Ending::Reset;
        }
        let request_cut = self.request.has_unsent() || is_reset(Side::Front);
        if let Some(back) = self.back.as_mut().filter(|_| request_cut) {
            back.ending = Ending::Reset;
        }
    }

    /// Takes the steps that follow from the state alone, whatever just happened.
    fn advance(&mut self, now: Instant, out: &mut Outbox) {
        self.advance_phase(now, out);
        while let Some((side, news)) = self.step_secure(out) {
            self.on_news(now, side, news, out);
            self.advance_phase(now, out);
        }
    }

    fn advance_phase(&mut self, now: Instant, out: &mut Outbox) {
        if self.speaks_http() {
            self.advance_http(now, out);
        }
        if self.phase == Phase::Retreating {
            self.advance_retreat(now, out);
        }
        if self.phase == Phase::Relaying && self.is_relayed() {
            self.end = Some(End::new(Moment::Done, Cause::Complete));
            self.enter(Phase::Aborting);
        }
        let is_quiet = self.in_flight_count() == 0 || cfg!(feature = "plant_close_in_flight");
        if self.phase == Phase::Aborting && is_quiet && !self.says_farewell(now, out) {
            self.close(now, out);
        }
        if self.phase == Phase::Closing && self.in_flight_count() == 0 {
            self.back = None;
            self.count_departure();
            self.enter(Phase::Closed);
        }
    }

    /// Nothing is in flight: gives up what is held, tells how it went, and closes both sockets.
    fn close(&mut self, now: Instant, out: &mut Outbox) {
        self.early = None;
        self.review = None;
        self.request = Flow::Ended;
        self.response = Flow::Ended;
        let end = self.end.expect("a session ends for a cause");
        out.end = Some(end);
        self.conclude(now, end, out);
        self.http = None;
        self.enter(Phase::Closing);
        for side in [Side::Front, Side::Back] {
            if let Some(&Socket { fd, ending, .. }) = self.socket(side) {
                self.submit(side, Op::Close { fd, ending }, out);
            }
        }
    }

    /// Counts and tells how the session ended, or the exchange. Of a client that rests between two of them nothing is told.
    fn conclude(&mut self, now: Instant, end: End, out: &mut Outbox) {
        if self.http.is_some() && !self.is_exchange_open() {
            return;
        }
        let end = self.end_of_service(self.exchange_end().unwrap_or(end));
        if end.moment == Moment::Queue && end.cause != Cause::QueueFull {
            self.assigned_at = Some(now);
        }
        self.count_end(now, end);
        let server = self.server.clone().or(self.waited.clone());
        self.release_server(out);
        if let Some(backend) = self.counted_backend() {
            backend.state.conns.close(self.shard);
        }
        self.tell_end(now, end, server, out);
        if self.http.is_some() {
            self.forget_exchange(now, out);
        }
    }

    fn on_closed(&mut self, side: Side) {
        if side == Side::Back {
            self.back = None;
        }
    }

    fn release_server(&mut self, out: &mut Outbox) {
        let Some(server) = self.server.take() else { return };
        let backend = self.backend().expect("a server belongs to a backend");
        out.ask(Ask::Release(Arc::clone(backend), server));
    }

    fn enter(&mut self, phase: Phase) {
        assert!(self.phase.may_become(phase), "from {:?} to {phase:?}", self.phase);
        self.phase = phase;
    }

    /// What a flow asks of its socket.
    fn submit(&mut self, side: Side, op: Op, out: &mut Outbox) {
        let op = match &mut self.socket_mut(side).secure {
            Some(secure) => secure.ask(op),
            None => Some(op),
        };
        if let Some(op) = op {
            self.submit_to_socket(side, op, out);
        }
    }

    fn submit_to_socket(&mut self, side: Side, op: Op, out: &mut Outbox) {
        let socket = self.socket_mut(side);
        socket.in_flight += 1;
        socket.is_closing |= matches!(op, Op::Close { .. });
        out.op(side, op);
    }

    fn in_flight_count(&self) -> u8 {
        self.front.in_flight + self.back.as_ref().map_or(0, |back| back.in_flight)
    }

    fn socket(&self, side: Side) -> Option<&Socket> {
        match side {
            Side::Front => Some(&self.front),
            Side::Back => self.back.as_ref(),
        }
    }

    fn socket_mut(&mut self, side: Side) -> &mut Socket {
        match side {
            Side::Front => &mut self.front,
            Side::Back => self.back.as_mut().expect("an op for the back implies its socket"),
        }
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

    /// Where it arrived.
    pub fn frontend(&self) -> &Frontend {
        self.table.frontend(self.frontend)
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
        match &self.told {
            Some(told) => Ends::clone(told),
            None => Ends { source: self.client.ip(), destination: self.destination.ip() },
        }
    }
}

impl Socket {
    fn new(fd: Fd, now: Instant) -> Socket {
        Socket { fd, in_flight: 0, active_at: now, secure: None, ending: Ending::Orderly, is_closing: false }
    }
}
