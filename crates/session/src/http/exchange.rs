//! An exchange under way: the request to the server, the response to the client.

use super::content::Wait;
use super::retry::Replay;
use super::rules::Answer;
use super::stream::{Next, Outgoing, Sending};
use super::{Hearing, Transaction, facts};
use crate::{Cause, End, Moment, Outbox, Phase, Session};
use buf::Lease;
use driver::{Errno, Hope, Instant, Side};
use http1::{After, ConnectionOption, EditError, Framing, NoRoom, Progress, Refusal, Reply, Request, Response};
use std::time::Duration;

/// Whether the response is passed on, and the request not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted(bool);

/// How far an exchange has come.
enum Course {
    Going,
    Tunnel,
    Over(After),
    /// The response is of a kind after which the request is sent again.
    Again,
}

impl Session {
    /// The way to the server is open.
    pub(crate) fn start_exchange(&mut self, now: Instant) {
        self.enter(Phase::Exchanging);
        let http = self.http_mut();
        (http.back, http.is_back_kept) = (Hearing::Quiet, false);
        self.touch(Side::Front, now);
        self.touch(Side::Back, now);
    }

    /// The way to the server has been open since an exchange before.
    pub(crate) fn start_exchange_on_kept(&mut self, now: Instant) {
        self.start_exchange(now);
        self.http_mut().is_back_kept = true;
    }

    pub(super) fn advance_exchange(&mut self, now: Instant, out: &mut Outbox) {
        let mut transaction = self.http_mut().transaction.take().expect("an exchange is under way");
        let course = self.drive(&mut transaction, now, out);
        self.http_mut().transaction = Some(transaction);
        if self.has_responded() {
            self.tell_connected(now, out);
        }
        match course {
            Ok(Course::Going) => (),
            Ok(Course::Tunnel) => self.become_tunnel(now, out),
            Ok(Course::Over(after)) => self.on_exchange_over(now, after, out),
            Ok(Course::Again) => self.retry_exchange(out),
            Err(end) if self.is_retried(end, out) => (),
            Err(end) => {
                self.observe_end(end, out);
                self.end_with(end, out);
            }
        }
    }

    /// The connection on this side is no more.
    #[cold]
    pub(super) fn on_http_broken(&mut self, side: Side, out: &mut Outbox) {
        let end = End::new(self.moment(), Cause::Aborted(side));
        match (side, self.phase) {
            (Side::Front, Phase::Parting | Phase::Lingering) => self.close_resting(out),
            (Side::Front, _) => self.abort_with(end, out),
            // A server may answer and close before it has taken the request. What it said is still to be heard.
            (Side::Back, Phase::Exchanging) => {
                if let Some(transaction) = &mut self.http_mut().transaction
                    && transaction.up.is_sending()
                {
                    transaction.up.break_off();
                    transaction.exchange.as_mut().expect("it is under way").abandon_request();
                }
            }
            (Side::Back, _) => (),
        }
    }

    /// When the first side has been silent for too long, and which one that is.
    pub(super) fn exchange_deadline(&self) -> Option<(Instant, Side)> {
        let (http, transaction) = (self.http.as_ref()?, self.transaction()?);
        let (up, down) = (&transaction.up, &transaction.down);
        let is_content_awaited = http.front == Hearing::Filling && !up.body.is_done();
        let is_front_timed = is_content_awaited || down.is_sending();
        let is_answer_awaited = http.back == Hearing::Filling && !(down.is_begun && down.body.is_done());
        let is_back_timed = is_answer_awaited || up.is_sending();
        let timed = |is_timed: bool, timeout: Option<Duration>| if is_timed { timeout } else { None };
        let front = timed(is_front_timed, self.frontend().timeouts.client);
        let back = timed(is_back_timed, self.backend_ref()?.timeouts.server);
        let front = front.map(|client| (self.front.active_at + client, Side::Front));
        let back = back.zip(self.back.as_ref()).map(|(server, back)| (back.active_at + server, Side::Back));
        let gathering = transaction.asked_back.as_ref().and_then(|asked| asked.gathering.until());
        sooner(sooner(front, back), gathering.map(|until| (until, Side::Back)))
    }

    #[cold]
    pub(super) fn on_exchange_late(&mut self, out: &mut Outbox) {
        let Some((_, side)) = self.exchange_deadline() else { return };
        let Transaction { down, asked_back, .. } = self.transaction().expect("an exchange is late");
        let moment = match side {
            // As HAProxy has it: for its rules it is no response yet.
            Side::Back if asked_back.is_some() => Moment::Request,
            Side::Back if !down.is_begun => Moment::Headers,
            Side::Back | Side::Front => self.moment(),
        };
        let end = End::new(moment, Cause::Idle(side));
        if !self.is_retried(end, out) {
            self.observe_end(end, out);
            self.end_with(end, out);
        }
    }

    /// How far an exchange has come, for whoever ends it now. A request is on its way until its last byte: `D`.
    pub(crate) fn exchange_moment(&self) -> Moment {
        let is_waiting = |transaction: &Transaction| transaction.up.body.is_done() && !transaction.down.is_begun;
        if self.transaction().is_some_and(is_waiting) { Moment::Headers } else { Moment::Data }
    }

    fn drive(&mut self, transaction: &mut Transaction, now: Instant, out: &mut Outbox) -> Result<Course, End> {
        self.drive_request(transaction, now, out)?;
        if self.drive_response(transaction, now, out)? == Wanted(false) {
            return Ok(Course::Again);
        }
        let is_sending = transaction.up.is_sending() || transaction.down.is_sending();
        let exchange = transaction.exchange.as_ref().expect("it is under way");
        Ok(match exchange.after() {
            Some(after) if !is_sending => Course::Over(after),
            None if transaction.is_tunnel && !is_sending => Course::Tunnel,
            Some(_) | None => Course::Going,
        })
    }

    fn drive_request(&mut self, transaction: &mut Transaction, now: Instant, out: &mut Outbox) -> Result<(), End> {
        let Transaction { request, exchange, begun, head_size, up, .. } = transaction;
        let exchange = exchange.as_mut().expect("it is under way");
        if up.sending != Sending::Nothing {
            return Ok(());
        }
        if let Replay::Due(bytes) = &up.replay {
            let mut lease = lease(out)?;
            lease.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
            let again = Outgoing::whole(lease, bytes.len());
            // It is recorded as it is sent.
            up.replay = Replay::Kept(Vec::new());
            self.send(now, up, Side::Back, again, out);
            return Ok(());
        }
        if !up.is_begun {
            let mut lease = lease(out)?;
            self.name_server(request, up.gathered.bytes()).map_err(no_room_for_name)?;
            let written = request.write(up.gathered.bytes(), exchange.request_option(), lease.bytes_mut());
            let written = written.map_err(no_room)?;
            up.is_begun = true;
            *begun = Some(*exchange);
            // A request that names a server is not sent to another one.
            let is_nameless = |backend: &table::Backend| backend.http.name_header.is_none();
            if self.backend_ref().is_some_and(|back| back.http.retry_on.needs_request() && is_nameless(back)) {
                up.replay = Replay::Kept(Vec::new());
            }
            let (piece, content_size) = up.join(lease, written, *head_size).map_err(malformed_request)?;
            self.count_bytes(Side::Front, content_size);
            self.send(now, up, Side::Back, piece, out);
            return Ok(());
        }
        match up.next().map_err(malformed_request)? {
            Next::Send(piece, content_size) => {
                self.count_bytes(Side::Front, content_size);
                self.send(now, up, Side::Back, piece, out);
            }
            Next::Trailers(size) => self.send_trailers(now, up, Side::Back, size, out)?,
            Next::More if self.http_mut().front.is_over() => {
                return Err(End::new(Moment::Data, Cause::Aborted(Side::Front)));
            }
            Next::More => self.hear_content(Side::Front, up, out),
            Next::Done => {
                exchange.on_request_end();
                if up.gathered.is_empty() {
                    self.hear(Side::Front, Hope::Later, out);
                }
            }
        }
        Ok(())
    }

    /// Tells the server which one it is (`configuration.txt: http-send-name-header`).
    fn name_server(&self, request: &mut Request, bytes: &[u8]) -> Result<(), EditError> {
        let header = self.backend_ref().and_then(|backend| backend.http.name_header.as_ref());
        let (Some(header), Some(server)) = (header, &self.server) else { return Ok(()) };
        request.fields_mut().set(bytes, header.as_bytes(), server.name.as_bytes())?;
        request.reconcile_host(bytes)
    }

    fn drive_response(&mut self, transaction: &mut Transaction, now: Instant, out: &mut Outbox) -> Result<Wanted, End> {
        while !transaction.down.is_sending() && !transaction.is_tunnel {
            let hearing = self.http_mut().back;
            let is_ended = hearing.is_over();
            if !transaction.down.is_begun {
                match transaction.response.read(transaction.down.gathered.bytes()) {
                    Progress::Complete { .. } if self.is_unwanted(transaction) => return Ok(Wanted(false)),
                    Progress::Complete { head_size } => {
                        if self.on_response(transaction, head_size, now, out)? == Wait::Open {
                            self.hear(Side::Back, Hope::Later, out);
                            break;
                        }
                    }
                    Progress::Refused(refusal) => return Err(malformed_response(refusal)),
                    Progress::Incomplete if is_ended => {
                        if hearing == Hearing::Broken && transaction.up.body.is_done() {
                            self.count_server_reset();
                        }
                        return Err(End::new(Moment::Headers, Cause::Aborted(Side::Back)));
                    }
                    Progress::Incomplete => {
                        self.hear(Side::Back, Hope::Later, out);
                        break;
                    }
                }
                continue;
            }
            let Transaction { exchange, down, .. } = &mut *transaction;
            let cut = |_| End::new(Moment::Data, Cause::Aborted(Side::Back));
            match down.next().map_err(malformed_content)? {
                Next::Send(piece, content_size) => {
                    self.count_bytes(Side::Back, content_size);
                    self.send(now, down, Side::Front, piece, out);
                }
                Next::Trailers(size) => self.send_trailers(now, down, Side::Front, size, out)?,
                // RFC 9112 §8: a content that only the end of its connection ends is not whole where that is an error.
                Next::More if hearing == Hearing::Broken => return Err(cut(Refusal::CutShort)),
                Next::More if is_ended => down.body.on_end_of_stream().map_err(cut)?,
                Next::More => {
                    self.hear_content(Side::Back, down, out);
                    break;
                }
                Next::Done => {
                    let exchange = exchange.as_mut().expect("it is under way");
                    exchange.on_response_end();
                    // A server that has answered and leaves takes the rest of the request no more (RFC 9112 §9.6); one that goes on
                    // talking has lost its way.
                    if is_ended || !down.gathered.is_empty() {
                        exchange.abandon_request();
                    } else if exchange.after().is_none() {
                        self.hear(Side::Back, Hope::Later, out);
                    }
                    break;
                }
            }
        }
        Ok(Wanted(true))
    }

    /// A response's head has come, or what its rules waited for. It may not be the last one for this request.
    fn on_response(
        &mut self,
        transaction: &mut Transaction,
        head_size: usize,
        now: Instant,
        out: &mut Outbox,
    ) -> Result<Wait, End> {
        // First of all: an exchange that has got a response is not given another, which would tell of the lack of a buffer.
        let mut lease = lease(out)?;
        let Transaction { response, exchange, down, facts, asked_back, .. } = transaction;
        let exchange = exchange.as_mut().expect("it is under way");
        let waited = asked_back.as_ref().map(|asked| (asked.before, asked.reply));
        let (before, reply) = match waited {
            Some(known) => known,
            None => {
                self.count_bytes(Side::Back, facts::response_size(response, down.gathered.bytes()));
                (*exchange, exchange.on_response(response).map_err(malformed_response)?)
            }
        };
        let (option, framing) = match reply {
            Reply::Suppressed => {
                down.gathered.consume(head_size);
                response.clear();
                return Ok(Wait::Over);
            }
            Reply::Interim | Reply::Tunnel => (ConnectionOption::Silent, Framing::Tunnel),
            Reply::Final { connection, framing, .. } => (connection, framing),
        };
        if reply != Reply::Interim {
            if waited.is_none() {
                facts.on_response(now, response, down.gathered.bytes(), &self.table, self.frontend());
                self.count_response(response.status());
                self.is_bound_by_credentials |= asks_connection(response, down.gathered.bytes());
            }
            match self.ask_response_rules(transaction, Answer { before, reply, framing }, now) {
                Ok(Wait::Over) => (),
                Ok(Wait::Open) => return Ok(Wait::Open),
                Err(end) => {
                    self.observe_status(transaction.facts.status, out);
                    *transaction.exchange.as_mut().expect("it is under way") = before;
                    return Err(end);
                }
            }
        }
        let Transaction { response, exchange, down, facts, is_tunnel, .. } = transaction;
        let exchange = exchange.as_mut().expect("it is under way");
        // The server's word, whatever rules have made of it.
        let answered = facts.status;
        if reply != Reply::Interim {
            facts.status = Some(response.status());
        }
        let written = response.write(down.gathered.bytes(), option, lease.bytes_mut());
        let written = written.map_err(|none| {
            *exchange = before;
            no_room(none)
        })?;
        let piece = match reply {
            Reply::Interim | Reply::Suppressed => {
                down.gathered.consume(head_size);
                response.clear();
                Outgoing::whole(lease, written)
            }
            Reply::Tunnel => {
                down.gathered.consume(head_size);
                *is_tunnel = true;
                down.is_begun = true;
                self.observe_status(answered, out);
                Outgoing::whole(lease, written)
            }
            Reply::Final { framing, is_unwrapped, .. } => {
                down.expect(framing);
                down.is_unwrapped = is_unwrapped;
                match down.join(lease, written, head_size) {
                    Ok((piece, content_size)) => {
                        // Not sooner: with the head of a content that is none it would have done well.
                        self.observe_status(answered, out);
                        down.is_begun = true;
                        self.count_bytes(Side::Back, content_size);
                        piece
                    }
                    // Nothing of it has been sent yet: the client can still be told.
                    Err(refusal) => {
                        *exchange = before;
                        facts.responded_at = None;
                        return Err(malformed_response(refusal));
                    }
                }
            }
        };
        self.send(now, down, Side::Front, piece, out);
        Ok(Wait::Over)
    }

    #[cold]
    fn send_trailers(
        &mut self,
        now: Instant,
        stream: &mut super::Stream,
        to: Side,
        size: usize,
        out: &mut Outbox,
    ) -> Result<(), End> {
        stream.body.on_trailers();
        self.count_bytes(to.other(), facts::trailers_size(&stream.trailers, stream.gathered.bytes()));
        if !stream.is_unwrapped {
            let mut lease = lease(out)?;
            let written = stream.trailers.write(stream.gathered.bytes(), lease.bytes_mut()).map_err(no_room)?;
            stream.gathered.consume(size);
            self.send(now, stream, to, Outgoing::whole(lease, written), out);
        } else {
            stream.gathered.consume(size);
        }
        Ok(())
    }
}

impl Outgoing {
    /// All `filled` bytes of a lease.
    pub(super) fn whole(lease: Lease, filled: usize) -> Outgoing {
        let filled = filled as u32;
        Outgoing { lease, start: 0, end: filled, next: filled, filled }
    }
}

/// Of two times the first, if there is any.
fn sooner(one: Option<(Instant, Side)>, other: Option<(Instant, Side)>) -> Option<(Instant, Side)> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.0 < one.0 { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// Whether a server asks for credentials that hold for all that follows on the connection (RFC 4559 §6, RFC 7235 §2.1).
fn asks_connection(response: &Response, bytes: &[u8]) -> bool {
    let name: &[u8] = match response.status() {
        401 => b"www-authenticate",
        407 => b"proxy-authenticate",
        _ => return false,
    };
    let challenges = response.fields().values(bytes, name).flat_map(|value| value.split(|&octet| octet == b','));
    let schemes = challenges.filter_map(|challenge| challenge.trim_ascii().split(u8::is_ascii_whitespace).next());
    schemes
        .into_iter()
        .any(|scheme| [b"NTLM", &b"Negotiate"[..]].iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

fn lease(out: &mut Outbox) -> Result<Lease, End> {
    out.lease().ok_or(End::new(Moment::Headers, Cause::Exhausted(Errno::ENOBUFS)))
}

/// Edits keep to the limits of a send buffer, so only a pool of other sizes could do this.
#[cold]
fn no_room(_: NoRoom) -> End {
    End::new(Moment::Headers, Cause::Exhausted(Errno::ENOBUFS))
}

#[cold]
fn no_room_for_name(_: EditError) -> End {
    End::new(Moment::Headers, Cause::RuleFailed)
}

#[cold]
fn malformed_request(refusal: Refusal) -> End {
    End::new(Moment::Headers, Cause::Malformed(Side::Front, refusal))
}

#[cold]
fn malformed_response(refusal: Refusal) -> End {
    End::new(Moment::Headers, Cause::Malformed(Side::Back, refusal))
}

#[cold]
fn malformed_content(refusal: Refusal) -> End {
    End::new(Moment::Data, Cause::Malformed(Side::Back, refusal))
}
