//! Responses of our own: which end of an exchange is told to the client in which words, and closing slowly behind them.

use super::stream::Outgoing;
use super::{Hearing, Http, Transaction};
use crate::{Cause, End, Moment, Outbox, Phase, Session};
use driver::{Hope, Instant, Op, Side};
use http1::{ConnectionOption, Page, Persistence, Progress, Response, Status};
use std::sync::Arc;
use std::time::Duration;
use table::{Facts, Heard, Message, Words};

/// How long a client may take to stop sending what nobody reads. Were its connection closed at once, a reset could overtake the
/// response (RFC 9112 §9.6).
const LINGER: Duration = Duration::from_secs(2);

impl Session {
    /// Whether the client is told of this end in a response, which is then on its way.
    pub(crate) fn is_answered(&mut self, end: End, out: &mut Outbox) -> bool {
        let may_answer = match self.phase {
            Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Assigning
            | Phase::Queued
            | Phase::Connecting
            | Phase::Heading
            | Phase::Exchanging => true,
            Phase::Greeting
            | Phase::Inspecting
            | Phase::Retreating
            | Phase::Resting
            | Phase::Relaying
            | Phase::Parting
            | Phase::Answering
            | Phase::Lingering
            | Phase::Aborting
            | Phase::Closing
            | Phase::Closed => false,
        };
        let Some(Http { transaction: Some(transaction), is_back_kept, exchange_count, .. }) =
            self.http.as_deref_mut().filter(|_| may_answer)
        else {
            return false;
        };
        let is_late = transaction.down.is_begun || transaction.down.is_sending();
        // A server may close a connection that it kept at the very moment at which a request comes to it. A client that was served on
        // its own connection before has to try again by itself (RFC 9112 §9.3.1), so it sees that close and nothing else.
        let is_lost = *is_back_kept && *exchange_count > 0 && matches!(end.cause, Cause::Aborted(Side::Back));
        if is_lost && transaction.down.gathered.is_empty() {
            return false;
        }
        if is_late || transaction.own.is_none() && status_of(end).is_none() {
            return false;
        }
        if let Some(asked) = transaction.asked_back.take() {
            // Its response is not sent on.
            transaction.exchange = Some(asked.before);
            transaction.facts.responded_at = None;
        }
        transaction.facts.end = Some(end);
        self.stop_waiting();
        self.enter(Phase::Answering);
        self.leave_back(out);
        true
    }

    /// Whether a response of our own is to be sent and is not yet.
    pub(crate) fn is_answer_due(&self) -> bool {
        self.phase == Phase::Answering && self.transaction().is_some_and(|transaction| !transaction.facts.is_answered)
    }

    /// Sends the response, closes the server's socket, and goes on when both are done.
    pub(super) fn advance_answer(&mut self, now: Instant, out: &mut Outbox) {
        if self.is_answer_due() {
            self.send_answer(now, out);
        }
        let is_parted = self.is_back_closed(out);
        let Some(transaction) = self.transaction().filter(|transaction| is_parted && !transaction.down.is_sending())
        else {
            return;
        };
        let after = transaction.exchange.as_ref().and_then(|exchange| exchange.after());
        let is_unread = transaction.has_unread();
        self.end_exchange(now, after.map_or(Persistence::Close, |after| after.front), is_unread, None, out);
    }

    fn send_answer(&mut self, now: Instant, out: &mut Outbox) {
        let mut transaction = self.http_mut().transaction.take().expect("an exchange has ended");
        let end = transaction.facts.end.expect("it has ended for a cause");
        transaction.facts.is_answered = true;
        let answer = out.lease().and_then(|mut lease| {
            let (status, size) = self.write_answer(&mut transaction, end, lease.bytes_mut())?;
            Some((lease, status, size))
        });
        match (&answer, &mut transaction.exchange) {
            (Some((_, status, _)), _) => transaction.facts.status = Some(*status),
            // Without a buffer for it the client sees the connection close.
            (None, Some(exchange)) => exchange.close_front(),
            (None, None) => (),
        }
        if let Some((lease, _, size)) = answer.filter(|(_, _, size)| *size > 0) {
            self.send(now, &mut transaction.down, Side::Front, Outgoing::whole(lease, size), out);
        }
        self.http_mut().transaction = Some(transaction);
    }

    /// Writes what the client is told of this end. Says with which status, and how many bytes.
    fn write_answer(&mut self, transaction: &mut Transaction, end: End, buffer: &mut [u8]) -> Option<(u16, usize)> {
        let page = match transaction.own.take() {
            Some(Words::Text(text)) => match self.write_own(transaction, &text, buffer) {
                Some(size) => return Some((transaction.response.status(), size)),
                // What a rule wanted to say is no response, or too long for one.
                None => Status::InternalError.page(),
            },
            Some(Words::Whole(status, text)) => match self.write_whole(transaction, &text, buffer) {
                Some(size) => return Some((status, size)),
                None => Status::InternalError.page(),
            },
            Some(Words::Challenge(realm)) => match self.write_challenge(transaction, &realm, buffer) {
                Some(size) => return Some((401, size)),
                None => Status::InternalError.page(),
            },
            Some(Words::Page(code)) => page_of(code),
            None => status_of(end).expect("it was answered for its status").page(),
        };
        let to_garbage = page.to_garbage.as_bytes();
        let operators = self.page_of_operator(transaction, page.code);
        // What was no request is answered with the page as it is, as by HAProxy.
        if let Some(exchange) = &mut transaction.exchange {
            if operators.as_ref().is_some_and(|text| text.is_empty()) {
                exchange.close_front();
                exchange.on_own_response();
                return Some((page.code, 0));
            }
            if (operators.is_some() || self.has_after_rules())
                && let Some(size) = self.write_own(transaction, operators.as_deref().unwrap_or(to_garbage), buffer)
            {
                return Some((page.code, size));
            }
        }
        let size = match (&mut transaction.exchange, operators) {
            (Some(exchange), _) => exchange.answer(page, buffer).ok()?,
            (None, Some(text)) => write_to_garbage(&mut transaction.response, &text, buffer)?,
            (None, None) => {
                buffer.get_mut(..to_garbage.len())?.copy_from_slice(to_garbage);
                to_garbage.len()
            }
        };
        Some((page.code, size))
    }

    /// Writes what the operator has in a file. Without bytes nothing is said.
    fn write_whole(&mut self, transaction: &mut Transaction, text: &[u8], buffer: &mut [u8]) -> Option<usize> {
        match (&mut transaction.exchange, text.is_empty()) {
            (Some(exchange), true) => {
                exchange.close_front();
                exchange.on_own_response();
                Some(0)
            }
            (Some(_) | None, _) => self.write_own(transaction, text, buffer),
        }
    }

    /// Writes the page that asks for a name and a password (RFC 9110 §11.6.1).
    fn write_challenge(&mut self, transaction: &mut Transaction, realm: &str, buffer: &mut [u8]) -> Option<usize> {
        let page = self.page_of_operator(transaction, 401);
        let text = page.as_deref().unwrap_or(page_of(401).to_garbage.as_bytes());
        let head = text.windows(4).position(|end| end == b"\r\n\r\n")? + 2;
        let field = format!("www-authenticate: Basic realm=\"{realm}\"\r\n");
        self.write_own(transaction, &[&text[..head], field.as_bytes(), &text[head..]].concat(), buffer)
    }

    /// Writes a response that was made here, as rules let it be. `None`: it cannot be sent.
    fn write_own(&mut self, transaction: &mut Transaction, text: &[u8], buffer: &mut [u8]) -> Option<usize> {
        transaction.response.clear();
        let Progress::Complete { head_size } = transaction.response.read(text) else { return None };
        self.ask_after_rules(transaction, text).ok()?;
        let Transaction { response, exchange, .. } = transaction;
        exchange.as_mut()?.answer_with(response, text, &text[head_size..], buffer).ok()
    }

    /// What the operator says in place of a page: the backend's word counts more than the frontend's.
    fn page_of_operator(&self, transaction: &Transaction, code: u16) -> Option<Arc<[u8]>> {
        let Transaction { request, up, exchange, .. } = transaction;
        let message = Message::Request { request, bytes: up.gathered.bytes() };
        let heard = if exchange.is_some() { Heard::Message(message) } else { Heard::Nothing };
        let facts = Facts { heard, ..self.facts(true) };
        let of_back = self.backend_ref().and_then(|backend| backend.http.pages.text(code, &facts));
        of_back.or_else(|| self.frontend().http.pages.text(code, &facts))
    }

    /// Closes the client's connection slowly: nothing more is said on it, and what still comes is read and dropped.
    pub(super) fn linger(&mut self, out: &mut Outbox) {
        self.enter(Phase::Lingering);
        let fd = self.front.fd;
        self.submit(Side::Front, Op::Finish { fd }, out);
        self.advance_lingering(out);
    }

    pub(super) fn advance_lingering(&mut self, out: &mut Outbox) {
        let is_parted = self.is_back_closed(out);
        match self.http_mut().front {
            Hearing::Ended | Hearing::Broken if is_parted => self.close_resting(out),
            Hearing::Quiet => self.hear(Side::Front, Hope::Soon, out),
            Hearing::Ended | Hearing::Broken | Hearing::Filling => (),
        }
    }

    pub(super) fn linger_deadline(&self) -> Option<Instant> {
        self.http.as_ref().map(|http| http.rested_at + LINGER)
    }
}

/// Writes a response to what was no request; nothing, if that is what the operator wants.
fn write_to_garbage(response: &mut Response, text: &[u8], buffer: &mut [u8]) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    response.clear();
    let Progress::Complete { head_size } = response.read(text) else { return None };
    let (written, content) = (response.write(text, ConnectionOption::Close, buffer).ok()?, &text[head_size..]);
    buffer.get_mut(written..written + content.len())?.copy_from_slice(content);
    Some(written + content.len())
}

/// The page of a status that rules may name.
fn page_of(code: u16) -> Page {
    let known = Status::ALL.into_iter().find(|status| status.page().code == code);
    known.unwrap_or(Status::InternalError).page()
}

/// With which status an end is answered; `None`: the client is gone, or is meant to see the connection break.
fn status_of(end: End) -> Option<Status> {
    match (end.cause, end.moment) {
        (Cause::Malformed(Side::Front, refusal), _) => Some(refusal.status()),
        (Cause::Malformed(Side::Back, _) | Cause::Aborted(Side::Back), _) => Some(Status::BadGateway),
        (Cause::Idle(Side::Back), _) => Some(Status::GatewayTimeout),
        (Cause::Aborted(Side::Front), Moment::Request | Moment::Headers) => Some(Status::BadRequest),
        (Cause::Idle(Side::Front), Moment::Request) => Some(Status::RequestTimeout),
        (
            Cause::Unreachable(_)
            | Cause::Unsecured(_)
            | Cause::ConnectLate
            | Cause::NoServer
            | Cause::QueueLate
            | Cause::QueueFull,
            _,
        ) => Some(Status::Unavailable),
        (Cause::Exhausted(_) | Cause::RuleFailed, _) => Some(Status::InternalError),
        (
            Cause::Complete
            | Cause::Aborted(Side::Front)
            | Cause::Idle(Side::Front)
            | Cause::BadHeader(_)
            | Cause::BadHandshake(_)
            | Cause::NotAdmitted
            | Cause::Rejected
            // They come with their own words.
            | Cause::Denied
            | Cause::Answered
            | Cause::ShutDown(_),
            _,
        ) => None,
    }
}

/// What a log line says of an end that nobody was told.
pub(super) fn silent_status(end: End) -> Option<u16> {
    match (end.cause, end.moment) {
        (Cause::Aborted(Side::Front), Moment::Request | Moment::Headers) => Some(400),
        _ => None,
    }
}
