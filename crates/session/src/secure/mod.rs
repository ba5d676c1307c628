//! TLS between a socket's bytes and a flow's: what a flow asks of its socket is done in cipher text, and nobody above knows of it.
//!
//! ```text
//!   flow ─── Recv, Send, Finish ───▶ Secure ─── Recv, Send, Finish ───▶ socket
//!        ◀── Received, Sent, … ─────        ◀── Received, Sent, … ─────
//!
//!   Handshaking ──▶ Open ──▶ (the flow's ends)
//!        └──────────▶ Failing (an alert goes out) ──▶ Failed
//! ```
//!
//! What the flow asks for is noted, and `next` says what follows from it: an op for the socket, or news for the flow. Of the socket's own
//! accord nothing is received but during the handshake, so back-pressure is not to receive, as without TLS.
//!
//! | file | what it knows |
//! |---|---|
//! | `cipher` | cipher text, and what is in it |
//! | `kernel` | directions that the kernel opens or seals |
//! | `session` | a session whose sockets have TLS |
//!
//! **Invariant:** at most one receive and one send are in flight on the socket.
//! **Invariant:** while the flow asks for nothing and nothing is on its way, no buffer is held.

mod cipher;
mod kernel;
mod session;

use crate::Outbox;
use crate::flow::{Piece, hope_after};
use crate::gather::Gathered;
use crate::secure_back::{Secured, Whom};
use buf::Lease;
use driver::{Done, Errno, Fd, Hope, Instant, Op, Pipe, Received};
use kernel::Place;
use std::rc::Rc;
use tls::{Acceptor, Client, Connection, Errand, Failure, Next, Refusal};

/// One TLS connection on one socket.
#[derive(Debug)]
pub(crate) struct Secure {
    tls: Box<Connection>,
    role: Role,
    /// Once both have agreed.
    client: Option<Rc<Client>>,
    stage: Stage,
    /// A receive is in flight on the socket.
    is_hearing: bool,
    sending: Sending,
    /// Of the socket, and not decrypted yet.
    received: Gathered,
    /// Decrypted, and not asked for yet.
    plain: Option<Piece>,
    /// How the peer's half has ended.
    ended: Option<Result<(), Errno>>,
    /// Nothing more can be sent.
    broken: Option<Errno>,
    /// A record was not right, and nobody has counted that.
    has_flaw: bool,
    reader: Option<Reader>,
    /// The flow waits no longer, whatever the receive that is in flight may still bring of a record.
    is_stopping: bool,
    writer: Option<Writer>,
    /// What the flow has to send in a pipe.
    pipe: Option<Pipe>,
    opening: Place,
    sealing: Place,
    /// The kernel has a record that is no data.
    has_record: bool,
    /// What was asked for is sent.
    sent: Option<(Lease, Result<u32, Errno>)>,
    finish: Finish,
    farewell_until: Option<Instant>,
}

/// Which end it is.
#[derive(Debug)]
enum Role {
    Server,
    /// And whom the server is taken for.
    Client(Whom),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Handshaking,
    Open,
    Failing(Failure),
    Failed,
}

/// What the flow waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Bytes(Hope),
    /// A pipe with so many bytes at most.
    Pipe(u32),
}

/// What the flow has to send: bytes `start..end`.
#[derive(Debug)]
struct Writer {
    lease: Lease,
    start: u32,
    end: u32,
}

/// Cipher text on its way.
#[derive(Debug)]
enum Sending {
    Nothing,
    /// Bytes up to `end`, in which `taken` of the writer are; the op holds the lease.
    InFlight {
        start: u32,
        end: u32,
        taken: u32,
    },
    /// The rest of it, after a short send.
    Rest {
        lease: Lease,
        start: u32,
        end: u32,
        taken: u32,
    },
    /// What the flow sends, as it is: the kernel seals it.
    AsItIs,
    /// An alert, which the kernel seals.
    Alert,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finish {
    No,
    Wanted,
    /// The peer is being told.
    Saying,
    /// It is told, and the socket's half is ended, or being ended.
    Said,
}

/// What comes of it.
#[derive(Debug)]
pub(crate) enum Step {
    Op(Op),
    News(News),
    /// A part of the handshake that is left to others.
    Errand(Errand),
    Rest,
}

/// What a flow, or its session, hears of its TLS.
#[derive(Debug)]
pub(crate) enum News {
    Done(Done),
    /// Both have agreed.
    Opened,
    Failed(Failure),
}

impl Secure {
    fn accept(acceptor: &Acceptor) -> Secure {
        Secure::new(Box::new(Connection::accept(acceptor)), Role::Server)
    }

    /// The client's end.
    pub(crate) fn connect(tls: Connection, whom: Whom) -> Secure {
        Secure::new(Box::new(tls), Role::Client(whom))
    }

    /// One that has rested between two exchanges.
    pub(crate) fn wake(Secured { mut tls, whom }: Secured) -> Secure {
        let client = tls.take_client().map(Rc::new);
        let (opening, sealing) = (Place::of(tls.opener()), Place::of(tls.sealer()));
        Secure { client, stage: Stage::Open, opening, sealing, ..Secure::new(tls, Role::Client(whom)) }
    }

    /// Lays it down between two exchanges; `None`: something of it is still on its way.
    pub(crate) fn rest(self) -> Option<Secured> {
        let is_quiet = !self.is_hearing && self.reader.is_none() && self.writer.is_none() && self.plain.is_none();
        let is_sent = matches!(self.sending, Sending::Nothing) && !self.tls.has_output() && self.finish == Finish::No;
        let is_heard = self.received.is_empty() && !self.tls.has_spill() && self.ended.is_none() && !self.has_record;
        let is_resting = self.stage == Stage::Open && is_quiet && is_sent && is_heard && self.broken.is_none();
        match self.role {
            Role::Client(whom) if is_resting => Some(Secured { tls: self.tls, whom }),
            Role::Client(_) | Role::Server => None,
        }
    }

    fn new(tls: Box<Connection>, role: Role) -> Secure {
        Secure {
            tls,
            role,
            client: None,
            stage: Stage::Handshaking,
            is_hearing: false,
            sending: Sending::Nothing,
            received: Gathered::default(),
            plain: None,
            ended: None,
            broken: None,
            has_flaw: false,
            reader: None,
            is_stopping: false,
            writer: None,
            pipe: None,
            opening: Place::Here,
            sealing: Place::Here,
            has_record: false,
            sent: None,
            finish: Finish::No,
            farewell_until: None,
        }
    }

    /// Nothing more is said or heard: its socket is about to be closed, once what is in flight has come back.
    pub(crate) fn abandon(&mut self) {
        self.stage = Stage::Failed;
        self.broken = Some(Errno::ECANCELED);
        self.ended = Some(Err(Errno::ECANCELED));
        self.finish = Finish::Said;
        (self.reader, self.writer, self.sent, self.plain, self.pipe) = (None, None, None, None, None);
        self.is_stopping = false;
    }

    /// Notes what the flow asks of its socket; gives back what the socket itself is asked for.
    pub(crate) fn ask(&mut self, op: Op) -> Option<Op> {
        match op {
            Op::Recv { hope, .. } => self.reader = Some(Reader::Bytes(hope)),
            Op::Fill { count_max, .. } => self.reader = Some(Reader::Pipe(count_max)),
            Op::Send { lease, start, end, .. } => self.writer = Some(Writer { lease, start, end }),
            Op::Finish { .. } => self.finish = Finish::Wanted,
            Op::Drain { pipe, .. } => self.pipe = Some(pipe),
            Op::Entrust { .. } | Op::SendAlert { .. } | Op::RecvRecord { .. } => unreachable!("flows know of no TLS"),
            Op::Readable { .. } => unreachable!("sessions ask for bytes, not for readiness"),
            op @ Op::Cancel { .. } => {
                self.is_stopping = self.reader.is_some();
                return Some(op);
            }
            op @ (Op::Connect { .. } | Op::Close { .. }) => return Some(op),
        }
        None
    }

    /// What happened on the socket; gives back what concerns the flow as it is.
    pub(crate) fn on_done(&mut self, done: Done) -> Option<Done> {
        match done {
            Done::Received(result) => self.on_received(result),
            Done::Sent { lease, result } => self.on_sent(lease, result),
            Done::Filled(result) => return self.on_filled(result),
            Done::Drained { pipe, result } => return Some(self.on_drained(pipe, result)),
            Done::Entrusted(way, result) => self.on_entrusted(way, result),
            Done::AlertSent(result) => self.on_alert_sent(result),
            Done::RecordReceived { lease, result } => self.on_record(lease, result),
            done @ (Done::Readable(_) | Done::Connected(_) | Done::Finished(_) | Done::Cancelled | Done::Closed) => {
                return Some(done);
            }
        }
        None
    }

    /// What follows from all that.
    pub(crate) fn next(&mut self, fd: Fd, out: &Outbox) -> Step {
        self.decrypt(out);
        if let Some(errand) = self.tls.take_errand() {
            return Step::Errand(errand);
        }
        if let Some(op) = self.next_send(fd, out) {
            return Step::Op(op);
        }
        match self.stage {
            Stage::Handshaking if self.tls.is_open() => {
                self.stage = Stage::Open;
                (self.opening, self.sealing) = (Place::of(self.tls.opener()), Place::of(self.tls.sealer()));
                self.client = self.tls.take_client().map(Rc::new);
                return Step::News(News::Opened);
            }
            Stage::Failing(failure) if matches!(self.sending, Sending::Nothing) => {
                self.stage = Stage::Failed;
                return Step::News(News::Failed(failure));
            }
            Stage::Handshaking | Stage::Open | Stage::Failing(_) | Stage::Failed => (),
        }
        if let Some((lease, result)) = self.sent.take() {
            return Step::News(News::Done(Done::Sent { lease, result }));
        }
        if let Some(done) = self.next_read() {
            return Step::News(News::Done(done));
        }
        if self.is_stopping && !self.is_hearing && self.stage == Stage::Open {
            self.is_stopping = false;
            self.reader = None;
            return Step::News(News::Done(Done::Received(Err(Errno::ECANCELED))));
        }
        if self.is_hearing || self.ended.is_some() {
            return Step::Rest;
        }
        if let Some(op) = self.next_of_kernel(fd, out) {
            return Step::Op(op);
        }
        let (hope, count_max) = match (self.stage, self.reader) {
            (Stage::Open, Some(Reader::Bytes(hope))) => (hope, u32::MAX),
            (Stage::Open, Some(Reader::Pipe(_))) => match self.up_to_pipe() {
                Some(missing) => (Hope::Soon, missing),
                None => return Step::Rest,
            },
            // While its handshake is away, a client is heard so that one that leaves is noticed, and no further.
            (Stage::Handshaking, _) if self.tls.is_away() && !self.received.is_empty() => return Step::Rest,
            (Stage::Handshaking, _) => (Hope::Later, u32::MAX),
            (Stage::Open | Stage::Failing(_) | Stage::Failed, _) => return Step::Rest,
        };
        self.is_hearing = true;
        Step::Op(Op::Recv { fd, hope, count_max })
    }

    /// A part of the handshake that was left to others is done. Whoever has given up meanwhile has no use for it.
    fn on_errand(&mut self, errand: Errand) {
        if self.stage != Stage::Handshaking {
            return;
        }
        match self.tls.welcome(errand) {
            Next::More | Next::Room | Next::End => (),
            Next::Failed(refusal) => {
                self.received = Gathered::default();
                self.stage = Stage::Failing(Failure::Refused(refusal));
            }
        }
    }

    fn on_received(&mut self, result: Result<Received, Errno>) {
        self.is_hearing = false;
        match (result, self.stage) {
            (Ok(Received::Bytes { lease, count, more }), _) if self.opening == Place::Kernel => {
                self.plain = Some(Piece { lease, start: 0, end: count, hope: hope_after(more) });
            }
            (Err(Errno::EIO), _) if self.opening == Place::Kernel => self.has_record = true,
            (Ok(Received::Bytes { lease, count, more }), _) => {
                self.received.gather(lease, count);
                if let Some(piece) = &mut self.received.piece {
                    piece.hope = hope_after(more);
                }
            }
            // The flow has asked for it, and `next` tells it.
            (Err(Errno::ECANCELED), Stage::Open) => self.is_stopping = self.reader.is_some(),
            (Ok(Received::End) | Err(_), Stage::Handshaking)
                if self.tls.is_heard() || matches!(self.role, Role::Client(_)) =>
            {
                self.stage = Stage::Failing(Failure::Refused(Refusal::Truncated));
            }
            (Ok(Received::End), Stage::Handshaking) => self.stage = Stage::Failing(Failure::Closed),
            (Err(_), Stage::Handshaking) => self.stage = Stage::Failing(Failure::Aborted),
            // A peer that leaves without its last word is taken at its TCP's, as HAProxy does.
            (Ok(Received::End), Stage::Open) => self.ended = Some(Ok(())),
            (Err(errno), Stage::Open) => self.ended = Some(Err(errno)),
            (Ok(Received::End) | Err(_), Stage::Failing(_) | Stage::Failed) => (),
        }
    }

    fn on_sent(&mut self, lease: Lease, result: Result<u32, Errno>) {
        let (start, end, taken) = match std::mem::replace(&mut self.sending, Sending::Nothing) {
            Sending::InFlight { start, end, taken } => (start, end, taken),
            Sending::AsItIs => return self.on_sent_as_it_is(lease, result),
            Sending::Nothing | Sending::Rest { .. } | Sending::Alert => {
                unreachable!("one piece is in flight at most")
            }
        };
        match result {
            Ok(count) if start + count < end => {
                self.sending = Sending::Rest { lease, start: start + count, end, taken }
            }
            Ok(_) if taken > 0 => {
                if let Some(writer) = self.writer.take() {
                    self.sent = Some((writer.lease, Ok(taken)));
                }
            }
            Ok(_) => (),
            Err(errno) => self.break_off(errno),
        }
    }

    /// Nothing more can be sent.
    fn break_off(&mut self, errno: Errno) {
        self.broken = Some(errno);
        self.give_back(errno);
        if self.stage == Stage::Handshaking {
            self.stage = Stage::Failing(Failure::Refused(Refusal::Truncated));
        }
    }
}

#[cfg(test)]
mod tests;
