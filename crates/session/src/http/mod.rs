//! HTTP/1 on a session: one exchange after the other on the client's connection, each with a server of its own.
//!
//! ```text
//!             head is whole                                    connected
//!   Awaiting ───────────────▶ Assigning … Connecting (Heading) ─────────▶ Exchanging
//!    ▲  │ └▶ Gathering, Tarpitted ┤                                       │   │  │
//!    │  │ refused, late           │ no server                  no response│   │  │ 101, 2xx to CONNECT
//!    │  └──────────────┬──────────┴───────────────────────────────────────┘   │  └─────────▶ Relaying (a tunnel)
//!    │                 ▼                                                      │
//!    │             Answering                                                  │ over
//!    │                 │ sent                                                 │
//!    │    kept         ▼                          kept                        │
//!    ├──────────────── ● ◀──── Parting (closes the server's socket) ◀─────────┤
//!    │                 │                                                      │
//!                      └──▶ Lingering ──────────▶ Aborting ◀──────────────────┘ not kept
//! ```
//!
//! What `mode http` needs beside a session's own fields stands behind one pointer ([`Http`]), and what it needs only while an
//! exchange is under way behind another ([`Transaction`]), which is used again and again. The rules of the protocol are those of
//! `http1`; the server is found as in `mode tcp` (`connect`, `wait`), and a tunnel is relayed as there (`relay`).
//!
//! | file | what it knows |
//! |---|---|
//! | `transaction` | what an exchange needs while it is under way |
//! | `request` | waiting for a head, and what follows from one |
//! | `rules` | what the operator does to messages |
//! | `admission` | rules on contents, asked of requests |
//! | `content` | waiting for content before rules go on |
//! | `page` | requests for the statistics page of a section |
//! | `exchange` | an exchange under way: both directions |
//! | `over` | an exchange that is over, and both connections behind it |
//! | `stream` | one direction: what has come, what is on its way, where the content is |
//! | `splice` | content that goes through a pipe |
//! | `retry` | sending a request again |
//! | `leaving` | clients that end their half while they wait |
//! | `answer` | responses of our own, and closing slowly behind them |
//! | `facts` | what logs and counters are told |
//! | `observe` | servers whose responses count for their health |
//! | `misread` | what operators are shown of messages that break rules |
//!
//! **Invariant:** a socket is heard only when nothing that came before waits to be looked at.
//! **Invariant:** between two exchanges nothing is held but [`Http`].

mod admission;
mod answer;
mod content;
mod exchange;
mod facts;
mod leaving;
mod misread;
mod observe;
mod over;
mod page;
mod request;
mod retry;
mod rules;
mod splice;
mod stream;
mod transaction;

pub use facts::Exchanged;
pub(crate) use transaction::Transaction;

use crate::flow::{Piece, hope_after, is_much};
use crate::{Introduction, Outbox, Phase, Session};
use driver::{Errno, Instant, Op, Received, Side};
use std::rc::Rc;
use stream::{Sending, Stream};
use table::{Message, Reuse, Server};

/// What a session has for `mode http`, also while it rests.
#[derive(Debug)]
pub(crate) struct Http {
    /// When the exchange before ended; before the first, when it was known who the client is.
    rested_at: Instant,
    /// Exchanges that are over.
    exchange_count: u32,
    front: Hearing,
    back: Hearing,
    /// The server's connection has served an exchange before this one.
    is_back_kept: bool,
    /// The exchange under way is the last one.
    is_retiring: bool,
    transaction: Option<Box<Transaction>>,
}

// It is what a client that rests between two exchanges holds beside its session.
const _: () = assert!(size_of::<Http>() <= 24);

/// Whether bytes are waited for on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hearing {
    Quiet,
    /// A receive is in flight.
    Filling,
    /// The peer has ended its half.
    Ended,
    /// The connection is broken: what the peer was saying may have had no end.
    Broken,
}

impl Hearing {
    /// Nothing more will come.
    fn is_over(self) -> bool {
        matches!(self, Hearing::Ended | Hearing::Broken)
    }
}

/// Whether a connection that is to be used must have served several clients already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MustBeProven(pub bool);

/// Which connections to a server may be used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reusable {
    /// Whoever was served on them.
    Anybodys(MustBeProven),
    /// Those on which the same client was served, begun in these words.
    Own(Introduction),
}

impl Http {
    fn hearing(&mut self, side: Side) -> &mut Hearing {
        match side {
            Side::Front => &mut self.front,
            Side::Back => &mut self.back,
        }
    }
}

impl Session {
    /// Which connections to this server may serve it that rest; `None`: none of them.
    pub fn reuse(&self, server: &Server) -> Option<Reusable> {
        let is_first = self.http.as_ref()?.exchange_count == 0;
        let reuse = self.backend_ref()?.http.reuse;
        if self.is_kept_for_client(server) {
            return (!is_first).then(|| self.introduction(server)).flatten().map(Reusable::Own);
        }
        match reuse {
            Reuse::Never => None,
            Reuse::Safe => (!is_first).then_some(MustBeProven(false)),
            Reuse::Aggressive => Some(MustBeProven(is_first)),
            Reuse::Always => Some(MustBeProven(false)),
        }
        .map(Reusable::Anybodys)
    }

    /// Whether connections to this server are nobody else's: the operator wants it so, they are begun with who the client is, or the
    /// client proves who it is once for all requests on one of them.
    pub(crate) fn is_kept_for_client(&self, server: &Server) -> bool {
        let is_private = self.backend_ref().is_some_and(|backend| backend.http.reuse == Reuse::Never);
        is_private && !self.is_served()
            || server.settings.proxy_header.is_some()
            || self.is_authenticated_by_connection()
    }

    /// Whether the client's requests belong to the server and the connection on which it has proven who it is.
    pub fn is_authenticated_by_connection(&self) -> bool {
        self.is_bound_by_credentials
    }

    /// No exchange is begun any more: a client that rests is left at once, one that is served is told so (RFC 9112 §9.6). What is no HTTP
    /// goes on.
    pub fn retire(&mut self, now: Instant, out: &mut Outbox) {
        if !self.speaks_http() {
            return;
        }
        let http = self.http_mut();
        http.is_retiring = true;
        if let Some(exchange) = http.transaction.as_mut().and_then(|transaction| transaction.exchange.as_mut()) {
            exchange.close_front();
        } else if self.phase == Phase::Awaiting && self.transaction().is_none() {
            self.close_resting(out);
        }
        self.advance(now, out);
        debug_assert_eq!(self.check(), Ok(()));
    }

    /// Whether what happens to its sockets concerns HTTP. What happens to a tunnel does not.
    pub(crate) fn speaks_http(&self) -> bool {
        self.http.is_some() && self.phase != Phase::Relaying
    }

    pub(crate) fn on_http_received(
        &mut self,
        now: Instant,
        side: Side,
        result: Result<Received, Errno>,
        out: &mut Outbox,
    ) {
        *self.http_mut().hearing(side) = match result {
            Ok(Received::Bytes { .. }) => Hearing::Quiet,
            Ok(Received::End) => Hearing::Ended,
            Err(_) => Hearing::Broken,
        };
        if self.phase.is_ending() || side == Side::Back && self.phase != Phase::Exchanging {
            // It came too late to matter; a lease goes back.
            return;
        }
        match result {
            Ok(Received::Bytes { lease, count, more }) => {
                self.touch(side, now);
                // What comes behind an answer to a request that is not read to its end is nobody's.
                if self.phase != Phase::Lingering {
                    let transaction = self.transaction_or_new(now, out);
                    let stream = transaction.stream_from(side);
                    stream.on_received(is_much(count, &lease));
                    stream.gathered.gather(lease, count);
                    stream.hope = hope_after(more);
                }
                if self.phase == Phase::Awaiting {
                    self.read_request(now, out);
                }
            }
            Ok(Received::End) if self.phase == Phase::Tarpitted => self.end_tarpit(now, out),
            // Rules go on with what has come.
            Ok(Received::End) | Err(_) if self.phase == Phase::Gathering => (),
            Ok(Received::End) if self.phase == Phase::Awaiting => self.on_client_gone(true, out),
            Err(_) if self.phase == Phase::Awaiting => self.on_client_gone(false, out),
            Ok(Received::End) => self.on_client_ended(out),
            Err(_) => self.on_http_broken(side, out),
        }
    }

    /// Some of a piece was sent.
    pub(crate) fn on_http_sent(
        &mut self,
        now: Instant,
        side: Side,
        lease: buf::Lease,
        result: Result<u32, Errno>,
        out: &mut Outbox,
    ) {
        // A server that was left takes nothing more, though its cancel may have come too late for this.
        if self.phase.is_ending() || side == Side::Back && self.phase != Phase::Exchanging {
            return;
        }
        let Some(transaction) = &mut self.http_mut().transaction else { return };
        let stream = transaction.stream_from(side.other());
        let Sending::Piece { start, end, next, filled } = stream.sending else { return };
        match result {
            Ok(count) if start + count < end => {
                stream.sending = Sending::Piece { start: start + count, end, next, filled };
                self.touch(side, now);
                let fd = self.socket_mut(side).fd;
                self.submit(side, Op::Send { fd, lease, start: start + count, end }, out);
            }
            Ok(_) => {
                stream.sending = Sending::Nothing;
                if next < filled {
                    let hope = stream.hope;
                    stream.gathered.put_back(Piece { lease, start: next, end: filled, hope });
                }
                self.touch(side, now);
            }
            Err(_) => self.on_http_broken(side, out),
        }
    }

    /// Takes the steps that follow from the state alone, until there is none.
    pub(crate) fn advance_http(&mut self, now: Instant, out: &mut Outbox) {
        loop {
            let before = self.phase;
            self.step_http(now, out);
            if self.phase == before && !self.is_answer_due() {
                return;
            }
        }
    }

    fn step_http(&mut self, now: Instant, out: &mut Outbox) {
        match self.phase {
            Phase::Gathering => self.advance_gathering(now, out),
            Phase::Exchanging => self.advance_exchange(now, out),
            Phase::Answering => self.advance_answer(now, out),
            Phase::Parting => self.advance_parting(now, out),
            Phase::Lingering => self.advance_lingering(out),
            Phase::Greeting
            | Phase::Inspecting
            | Phase::Awaiting
            | Phase::Tarpitted
            | Phase::Assigning
            | Phase::Queued
            | Phase::Connecting
            | Phase::Retreating
            | Phase::Resting
            | Phase::Heading
            | Phase::Relaying
            | Phase::Aborting
            | Phase::Closing
            | Phase::Closed => (),
        }
    }

    /// Waits for bytes, if nobody does and they may still come.
    fn hear(&mut self, side: Side, hope: driver::Hope, out: &mut Outbox) {
        let hearing = self.http_mut().hearing(side);
        if *hearing == Hearing::Quiet {
            *hearing = Hearing::Filling;
            let fd = self.socket_mut(side).fd;
            self.submit(side, Op::Recv { fd, hope, count_max: u32::MAX }, out);
        }
    }

    fn send(&mut self, now: Instant, stream: &mut Stream, to: Side, piece: stream::Outgoing, out: &mut Outbox) {
        let stream::Outgoing { lease, start, end, next, filled } = piece;
        stream.replay.record(&lease, start, end);
        stream.sending = Sending::Piece { start, end, next, filled };
        // Its receiver is given time from now on.
        self.touch(to, now);
        let fd = self.socket_mut(to).fd;
        self.submit(to, Op::Send { fd, lease, start, end }, out);
    }

    /// When an exchange, or the wait for one, takes too long.
    pub(crate) fn http_deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Awaiting => self.request_deadline(),
            Phase::Gathering => self.gathering_deadline(),
            Phase::Tarpitted => self.tarpit_deadline(),
            Phase::Exchanging => self.exchange_deadline().map(|(deadline, _)| deadline),
            Phase::Answering => Some(self.front.active_at + self.frontend().timeouts.client?),
            Phase::Lingering => self.linger_deadline(),
            Phase::Greeting
            | Phase::Inspecting
            | Phase::Assigning
            | Phase::Queued
            | Phase::Connecting
            | Phase::Retreating
            | Phase::Resting
            | Phase::Heading
            | Phase::Relaying
            | Phase::Parting
            | Phase::Aborting
            | Phase::Closing
            | Phase::Closed => None,
        }
    }

    pub(crate) fn on_http_late(&mut self, now: Instant, out: &mut Outbox) {
        match self.phase {
            Phase::Awaiting => self.on_request_late(out),
            Phase::Gathering => self.on_gathering_late(now, out),
            Phase::Tarpitted => self.end_tarpit(now, out),
            Phase::Exchanging => self.on_exchange_late(out),
            Phase::Answering => self.abort_with(crate::End::new(self.moment(), crate::Cause::Idle(Side::Front)), out),
            Phase::Lingering => self.close_resting(out),
            Phase::Greeting
            | Phase::Inspecting
            | Phase::Assigning
            | Phase::Queued
            | Phase::Connecting
            | Phase::Retreating
            | Phase::Resting
            | Phase::Heading
            | Phase::Relaying
            | Phase::Parting
            | Phase::Aborting
            | Phase::Closing
            | Phase::Closed => (),
        }
    }

    /// Ends what is in flight for the server, whose connection is not used again. `advance_parting` and its like close it.
    fn leave_back(&mut self, out: &mut Outbox) {
        self.abandon_tls();
        let Some(back) = &mut self.back else { return };
        // What it still has to say is of no use, and a port of ours need not wait for it.
        back.ending = driver::Ending::Reset;
        if back.in_flight > 0 && !back.is_closing {
            let fd = back.fd;
            self.submit(Side::Back, Op::Cancel { fd }, out);
        }
    }

    /// What is left of an exchange that broke off: a server sees a reset, a client only if it could take the rest for the whole.
    pub(crate) fn mark_http_cuts(&mut self) {
        let is_endless = self.transaction().is_some_and(|transaction| transaction.down.is_until_close());
        if is_endless {
            self.front.ending = driver::Ending::Reset;
        }
        if let Some(back) = &mut self.back {
            back.ending = driver::Ending::Reset;
        }
    }

    /// Closes the server's socket once nothing is in flight on it. Says whether there is none any more.
    fn is_back_closed(&mut self, out: &mut Outbox) -> bool {
        let back = self.back.as_ref().map(|back| (back.fd, back.ending, back.in_flight, back.is_closing));
        if let Some((fd, ending, 0, false)) = back {
            self.submit(Side::Back, Op::Close { fd, ending }, out);
        }
        self.back.is_none()
    }

    /// What rules may ask while a request is under way.
    pub(crate) fn message(&self) -> Option<Message<'_>> {
        let transaction = self.transaction().filter(|transaction| transaction.exchange.is_some())?;
        Some(Message::Request { request: &transaction.request, bytes: transaction.up.gathered.bytes() })
    }

    /// The server that a rule names, or the client by its cookie.
    pub(crate) fn named_server(&self) -> Option<std::sync::Arc<table::Server>> {
        let Transaction { imposed, persistence, .. } = self.transaction()?;
        imposed.as_ref().or(persistence.as_ref().and_then(|persistence| persistence.server.as_ref())).cloned()
    }

    /// Another server is tried than the one that failed.
    pub(crate) fn on_http_redispatched(&mut self) {
        let transaction = self.http.as_mut().and_then(|http| http.transaction.as_mut());
        if let Some(persistence) = transaction.and_then(|transaction| transaction.persistence.as_mut()) {
            persistence.on_redispatched();
        }
    }

    /// The host that the exchange's servers are asked for, if that cannot be read from the request any more.
    pub(crate) fn name_known(&self) -> Option<Option<Box<str>>> {
        self.transaction().filter(|transaction| transaction.up.is_begun)?.server_name.clone()
    }

    pub(crate) fn tls_server_left(&self) -> Option<&Rc<tls::Client>> {
        self.transaction()?.tls_server.as_ref()
    }

    pub(crate) fn remember_tls_server(&mut self) {
        let server = self.tls_server().cloned();
        if let Some(transaction) = self.http.as_mut().and_then(|http| http.transaction.as_mut()) {
            transaction.tls_server = server;
        }
    }

    pub(crate) fn know_name(&mut self, name: &Option<Box<str>>) {
        if let Some(transaction) = self.http.as_mut().and_then(|http| http.transaction.as_mut()) {
            transaction.server_name = Some(name.clone());
        }
    }

    fn http_mut(&mut self) -> &mut Http {
        self.http.as_mut().expect("it speaks HTTP")
    }

    fn transaction(&self) -> Option<&Transaction> {
        self.http.as_ref()?.transaction.as_deref()
    }

    /// The exchange under way. The first bytes behind a rest begin one.
    fn transaction_or_new(&mut self, now: Instant, out: &mut Outbox) -> &mut Transaction {
        let http = self.http_mut();
        let transaction = http.transaction.get_or_insert_with(|| {
            let mut transaction = out.transaction();
            transaction.facts.began_at = now;
            transaction
        });
        transaction.facts.heard_at.get_or_insert(now);
        transaction
    }
}
