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
//! **Invariant:** at most one receive and one send are in flight on the socket.
//! **Invariant:** while the flow asks for nothing and nothing is on its way, no buffer is held.

use crate::flow::{Piece, hope_after};
use crate::gather::Gathered;
use crate::secure_back::{Secured, Whom};
use crate::{Cause, End, Moment, Outbox, Phase, Session};
use buf::Lease;
use driver::{Done, Ending, Errno, Fd, Filled, Hope, Instant, Op, Received, Side};
use proxyline::{Announcement, Certificate, ClientTls};
use std::rc::Rc;
use std::time::Duration;
use table::ProxyExtras;
use tls::{Acceptor, Agreed, Client, Connection, Failure, Next, Refusal};

/// How long the last word, that nothing follows, may take to leave. It is a few bytes, and a client that reads lets it go at once.
const FAREWELL: Duration = Duration::from_secs(1);

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
    reader: Option<Reader>,
    /// The flow waits no longer, whatever the receive that is in flight may still bring of a record.
    is_stopping: bool,
    writer: Option<Writer>,
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
    /// A pipe, which it cannot have.
    Pipe,
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
        Secure { client, stage: Stage::Open, ..Secure::new(tls, Role::Client(whom)) }
    }

    /// Lays it down between two exchanges; `None`: something of it is still on its way.
    pub(crate) fn rest(self) -> Option<Secured> {
        let is_quiet = !self.is_hearing && self.reader.is_none() && self.writer.is_none() && self.plain.is_none();
        let is_sent = matches!(self.sending, Sending::Nothing) && !self.tls.has_output() && self.finish == Finish::No;
        let is_heard = self.received.is_empty() && !self.tls.has_spill() && self.ended.is_none();
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
            reader: None,
            is_stopping: false,
            writer: None,
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
        (self.reader, self.writer, self.sent, self.plain) = (None, None, None, None);
        self.is_stopping = false;
    }

    /// Notes what the flow asks of its socket; gives back what the socket itself is asked for.
    pub(crate) fn ask(&mut self, op: Op) -> Option<Op> {
        match op {
            Op::Recv { hope, .. } => self.reader = Some(Reader::Bytes(hope)),
            Op::Fill { .. } => self.reader = Some(Reader::Pipe),
            Op::Send { lease, start, end, .. } => self.writer = Some(Writer { lease, start, end }),
            Op::Finish { .. } => self.finish = Finish::Wanted,
            Op::Drain { .. } => unreachable!("what goes to TLS is never in a pipe"),
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
            done @ (Done::Readable(_)
            | Done::Connected(_)
            | Done::Filled(_)
            | Done::Drained { .. }
            | Done::Finished(_)
            | Done::Cancelled
            | Done::Closed) => return Some(done),
        }
        None
    }

    /// What follows from all that.
    pub(crate) fn next(&mut self, fd: Fd, out: &Outbox) -> Step {
        self.decrypt(out);
        if let Some(op) = self.next_send(fd, out) {
            return Step::Op(op);
        }
        match self.stage {
            Stage::Handshaking if self.tls.is_open() => {
                self.stage = Stage::Open;
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
        let hope = match (self.stage, self.reader) {
            (Stage::Open, Some(Reader::Bytes(hope))) => Some(hope),
            (Stage::Handshaking, _) => Some(Hope::Later),
            (Stage::Open | Stage::Failing(_) | Stage::Failed, _) => None,
        };
        match hope.filter(|_| !self.is_hearing && self.ended.is_none()) {
            Some(hope) => {
                self.is_hearing = true;
                Step::Op(Op::Recv { fd, hope })
            }
            None => Step::Rest,
        }
    }

    fn on_received(&mut self, result: Result<Received, Errno>) {
        self.is_hearing = false;
        match (result, self.stage) {
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
        let Sending::InFlight { start, end, taken } = std::mem::replace(&mut self.sending, Sending::Nothing) else {
            unreachable!("one piece is in flight at most")
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
        if self.stage == Stage::Handshaking {
            self.stage = Stage::Failing(Failure::Refused(Refusal::Truncated));
        }
    }

    /// Decrypts what has come, as far as there is room for it.
    fn decrypt(&mut self, out: &Outbox) {
        while self.ended.is_none() && (!self.received.is_empty() || self.tls.has_spill()) {
            let is_open = self.tls.is_open();
            if is_open && self.plain.as_ref().is_some_and(|plain| plain.end > 0) {
                return;
            }
            if is_open && self.plain.is_none() {
                let Some(lease) = out.lease() else {
                    self.ended = Some(Err(Errno::ENOBUFS));
                    return;
                };
                self.plain = Some(Piece { lease, start: 0, end: 0, hope: Hope::Later });
            }
            let room = self.plain.as_mut().map_or(&mut [][..], |plain| plain.lease.bytes_mut());
            let received = match &mut self.received.piece {
                Some(Piece { lease, start, end, .. }) => &mut lease.bytes_mut()[*start as usize..*end as usize],
                None => &mut [],
            };
            let read = self.tls.read(received, room);
            let hope = self.received.piece.as_ref().map_or(Hope::Later, |piece| piece.hope);
            self.received.consume(read.consumed);
            if let Some(plain) = &mut self.plain {
                plain.end = read.filled as u32;
                plain.hope = if self.received.is_empty() && !self.tls.has_spill() { hope } else { Hope::Soon };
            }
            match read.next {
                Next::More | Next::Room => (),
                Next::End => self.end(Ok(())),
                Next::Failed(refusal) if self.stage == Stage::Handshaking => {
                    self.received = Gathered::default();
                    self.stage = Stage::Failing(Failure::Refused(refusal));
                }
                Next::Failed(_) => self.end(Err(Errno::ECONNRESET)),
            }
            if matches!(self.stage, Stage::Failing(_)) {
                return;
            }
        }
        self.plain = self.plain.take().filter(|plain| plain.end > 0);
    }

    /// What comes behind is nobody's.
    fn end(&mut self, how: Result<(), Errno>) {
        self.received = Gathered::default();
        self.ended = Some(how);
        self.plain = self.plain.take().filter(|plain| plain.end > 0);
    }

    /// What is to be sent now.
    fn next_send(&mut self, fd: Fd, out: &Outbox) -> Option<Op> {
        if let Some(errno) = self.broken {
            if let Some(writer) = self.writer.take() {
                self.sent = Some((writer.lease, Err(errno)));
            }
            return self.next_finish(fd);
        }
        match std::mem::replace(&mut self.sending, Sending::Nothing) {
            Sending::Nothing => (),
            Sending::Rest { lease, start, end, taken } => {
                self.sending = Sending::InFlight { start, end, taken };
                return Some(Op::Send { fd, lease, start, end });
            }
            sending @ Sending::InFlight { .. } => {
                self.sending = sending;
                return None;
            }
        }
        if self.finish == Finish::Wanted && self.writer.is_none() {
            self.tls.close();
            self.finish = Finish::Saying;
        }
        let is_writing = self.tls.is_open() && self.writer.is_some();
        if !is_writing && !self.tls.has_output() {
            return self.next_finish(fd);
        }
        self.encrypt(fd, out)
    }

    fn encrypt(&mut self, fd: Fd, out: &Outbox) -> Option<Op> {
        let Some(mut lease) = out.lease() else {
            self.break_off(Errno::ENOBUFS);
            return None;
        };
        let plain = match &self.writer {
            Some(writer) => &writer.lease.bytes()[writer.start as usize..writer.end as usize],
            None => &[],
        };
        match self.tls.write(plain, lease.bytes_mut()) {
            Ok(written) if written.filled > 0 => {
                let end = written.filled as u32;
                self.sending = Sending::InFlight { start: 0, end, taken: written.taken as u32 };
                Some(Op::Send { fd, lease, start: 0, end })
            }
            Ok(_) => None,
            Err(_) => {
                self.break_off(Errno::ECONNRESET);
                None
            }
        }
    }

    /// The peer is told, or cannot be: the socket's half ends.
    fn next_finish(&mut self, fd: Fd) -> Option<Op> {
        let is_due = match self.finish {
            Finish::Saying => true,
            Finish::Wanted => self.broken.is_some(),
            Finish::No | Finish::Said => false,
        };
        is_due.then(|| {
            self.finish = Finish::Said;
            Op::Finish { fd }
        })
    }

    /// What the flow's receive brings.
    fn next_read(&mut self) -> Option<Done> {
        if self.stage != Stage::Open {
            return None;
        }
        match self.reader? {
            Reader::Pipe => {
                self.reader = None;
                Some(Done::Filled(Ok(Filled::NoPipe)))
            }
            Reader::Bytes(_) => {
                let result = match (self.plain.take(), self.ended) {
                    (Some(Piece { lease, end, hope, .. }), _) => {
                        Ok(Received::Bytes { lease, count: end, more: hope == Hope::Soon })
                    }
                    (None, Some(Ok(()))) => Ok(Received::End),
                    (None, Some(Err(errno))) => Err(errno),
                    (None, None) => return None,
                };
                self.reader = None;
                self.is_stopping = false;
                Some(Done::Received(result))
            }
        }
    }

    /// The last word, for a connection that is about to be closed in order.
    fn farewell(&mut self, fd: Fd, until: Instant, out: &Outbox) -> Option<Op> {
        let is_due = self.stage == Stage::Open && self.finish == Finish::No && self.broken.is_none();
        if !is_due || !matches!(self.sending, Sending::Nothing) {
            return None;
        }
        self.finish = Finish::Said;
        self.writer = None;
        self.tls.close();
        self.farewell_until = Some(until);
        self.encrypt(fd, out)
    }
}

impl Session {
    /// Begins TLS with the client, if the listener wants it. `early`: what has come of it already.
    pub(crate) fn secure_front(&mut self, now: Instant, early: Gathered) -> bool {
        let Some(acceptor) = self.acceptor() else { return false };
        let mut secure = Box::new(Secure::accept(acceptor));
        secure.received = early;
        self.front.secure = Some(secure);
        self.count_tls(now);
        true
    }

    pub(crate) fn has_acceptor(&self) -> bool {
        self.acceptor().is_some()
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        self.frontend().binds.iter().find(|bind| bind.number == self.listener)?.tls.as_ref()
    }

    /// Whether what goes over this side's socket is cipher text.
    pub(crate) fn is_secure(&self, side: Side) -> bool {
        self.socket(side).is_some_and(|socket| socket.secure.is_some())
    }

    /// Whether it came to a listener with TLS.
    pub fn comes_by_tls(&self) -> bool {
        self.has_acceptor()
    }

    /// Whether a handshake is under way on this side.
    pub fn is_shaking_hands(&self, side: Side) -> bool {
        let secure = self.socket(side).and_then(|socket| socket.secure.as_ref());
        secure.is_some_and(|secure| secure.stage == Stage::Handshaking)
    }

    /// What was agreed on with this side.
    pub(crate) fn agreed_with(&self, side: Side) -> Option<Agreed> {
        self.socket(side)?.secure.as_ref()?.client.as_ref().map(|client| client.agreed)
    }

    /// Whether a handshake is under way with the client.
    pub(crate) fn is_securing(&self) -> bool {
        self.phase == Phase::Greeting && self.is_secure(Side::Front)
    }

    /// What the client's TLS has agreed on.
    pub(crate) fn agreed(&self) -> Option<Agreed> {
        self.front.secure.as_ref()?.client.as_ref().map(|client| client.agreed)
    }

    /// What is known of the client's TLS.
    pub(crate) fn tls_client(&self) -> Option<&Rc<Client>> {
        self.front.secure.as_ref()?.client.as_ref()
    }

    /// What is known of the server's TLS.
    pub(crate) fn tls_server(&self) -> Option<&Rc<Client>> {
        let of_back = self.back.as_ref().and_then(|back| back.secure.as_ref()?.client.as_ref());
        of_back.or_else(|| self.tls_server_left())
    }

    /// The PROXY header that says what the client's TLS is. The protocol that was agreed on is always said, as HAProxy does.
    pub(crate) fn announce(&self, extras: ProxyExtras) -> Vec<u8> {
        let client = self.tls_client();
        let certificate = client.and_then(|client| client.certificate.as_ref());
        let common_name = certificate.and_then(|certificate| certificate.subject.attribute("CN", 1));
        let tls = match client.map(|client| client.agreed) {
            None => ClientTls::None,
            Some(agreed) => ClientTls::Some {
                version: agreed.version.name(),
                certificate: match certificate {
                    None => Certificate::None,
                    Some(_) if agreed.is_resumed => Certificate::Remembered,
                    Some(_) => Certificate::Shown,
                },
                common_name: common_name.and_then(|name| std::str::from_utf8(name).ok()).filter(|_| extras.common_name),
                cipher: extras.cipher.then_some(agreed.cipher),
            },
        };
        let facts = self.facts(true);
        let unique_id = extras.unique_id.then(|| self.identity.text(&facts)).flatten();
        let announcement = Announcement {
            is_sealed: extras.checksum,
            protocol: client.and_then(|client| client.protocol.as_deref()),
            authority: client.and_then(|client| client.server_name.as_deref()).filter(|_| extras.authority),
            unique_id,
            tls: extras.tls.then_some(tls),
        };
        proxyline::announce(self.addresses(), &announcement)
    }

    /// Carries out what follows from the TLS of both sides, until one of them has news.
    pub(crate) fn step_secure(&mut self, out: &mut Outbox) -> Option<(Side, News)> {
        if self.phase.is_ending() {
            return None;
        }
        for side in [Side::Front, Side::Back] {
            let Some(fd) = self.socket(side).filter(|socket| !socket.is_closing).map(|socket| socket.fd) else {
                continue;
            };
            while let Some(secure) = &mut self.socket_mut(side).secure {
                match secure.next(fd, out) {
                    Step::Op(op) => self.submit_to_socket(side, op, out),
                    Step::News(news) => return Some((side, news)),
                    Step::Rest => break,
                }
            }
        }
        None
    }

    pub(crate) fn on_news(&mut self, now: Instant, side: Side, news: News, out: &mut Outbox) {
        if matches!(news, News::Opened) {
            self.count_keys(now, side);
        }
        match news {
            News::Done(done) => self.on_flow_done(now, side, done, out),
            News::Opened if side == Side::Back => self.on_secured(now, out),
            News::Opened => self.on_identified(now, out),
            News::Failed(failure) if side == Side::Back => self.on_not_secured(now, failure, out),
            News::Failed(failure) => self.refuse_handshake(failure, out),
        }
    }

    pub(crate) fn refuse_handshake(&mut self, failure: Failure, out: &mut Outbox) {
        self.end_with(End::new(Moment::Request, Cause::BadHandshake(failure)), out);
    }

    /// Tells peers whose connections end in order that nothing follows (RFC 8446 §6.1), so that they need not take what they got for a
    /// part. Says whether that is on its way.
    pub(crate) fn says_farewell(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let cause = self.end.map(|end| end.cause);
        let mut is_said = false;
        for side in [Side::Front, Side::Back] {
            let is_deaf = cause == Some(Cause::Aborted(side));
            let Some(socket) = self.socket(side).filter(|socket| !is_deaf && socket.ending == Ending::Orderly) else {
                continue;
            };
            let fd = socket.fd;
            let Some(secure) = &mut self.socket_mut(side).secure else { continue };
            if let Some(op) = secure.farewell(fd, now + FAREWELL, out) {
                self.submit_to_socket(side, op, out);
                is_said = true;
            }
        }
        is_said
    }

    /// Until when a last word may take to leave.
    pub(crate) fn farewell_deadline(&self) -> Option<Instant> {
        let of = |side| self.socket(side)?.secure.as_ref()?.farewell_until;
        [of(Side::Front), of(Side::Back)].into_iter().flatten().max()
    }

    /// It did not leave: the connection is closed without.
    pub(crate) fn on_farewell_late(&mut self, out: &mut Outbox) {
        for side in [Side::Front, Side::Back] {
            let Some(socket) = self.socket(side).filter(|socket| socket.in_flight > 0 && socket.secure.is_some())
            else {
                continue;
            };
            let fd = socket.fd;
            if let Some(secure) = &mut self.socket_mut(side).secure {
                secure.farewell_until = None;
            }
            self.submit_to_socket(side, Op::Cancel { fd }, out);
        }
    }
}
