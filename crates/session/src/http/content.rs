//! Waiting for content before rules go on (`configuration.txt: option http-buffer-request, http-request wait-for-body`,
//! `tcp-request inspect-delay`).
//!
//! ```text
//!   Awaiting ──▶ rules ──▶ … ──▶ server
//!                │   ▲
//!      too little│   │ enough, all of it, as much as a buffer holds, or the client's end; of rules on contents: late, too
//!                ▼   │
//!              Gathering ──▶ Answering (408)
//!                      late
//! ```
//!
//! What is waited for stays where it was received: the server gets it behind the head, as it came. For the content of a response
//! the exchange goes on as it does for its head, and it is the server that is late (504).

use super::Transaction;
use crate::early::Rules;
use crate::gather::{GATHERED_MOST, Gathered};
use crate::{Cause, End, Moment, Outbox, Phase, Session};
use driver::{Hope, Instant, Side};
use http1::{Body, Exchange, Framing, Limits, PartKind, Refusal, Reply, Version};
use std::time::Duration;
use table::{Patience, RulePlace};

/// How far the rules on a request have been asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) whose: Rules,
    pub(super) place: RulePlace,
    /// The section wants to have the content, and has asked for it.
    pub(super) is_buffered: bool,
    /// Behind the rules: so does the choice of a server.
    pub(super) is_posted: bool,
    /// The section's rules on contents have let it through.
    pub(super) is_admitted: bool,
}

/// A response whose rules wait, and how far they have been asked.
#[derive(Debug)]
pub(super) struct AskedBack {
    /// 0: the backend's, 1: the frontend's.
    pub(super) list: usize,
    pub(super) place: RulePlace,
    pub(super) gathering: Gathering,
    /// The exchange as it was without this response, for another one in its place; and what this one is to the exchange.
    pub(super) before: Exchange,
    pub(super) reply: Reply,
}

/// A content that is waited for.
#[derive(Debug)]
pub(super) struct Gathering {
    body: Body,
    /// Bytes behind the head that were looked at, and octets of content among them.
    looked_at: usize,
    octets: u64,
    least: Option<u64>,
    until: Option<Instant>,
    waiting: Waiting,
}

/// Who waits for a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// Rules or a choice that cannot do without.
    Needing,
    /// Rules on contents, which look at all that comes, and take it as it is when it is late.
    Looking,
    /// They wait no longer.
    Done,
}

/// How a wait stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Over,
    /// More has to come.
    Open,
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Asked {
    pub(super) fn begin(whose: Rules) -> Asked {
        Asked { whose, place: RulePlace::BEGIN, is_buffered: false, is_posted: false, is_admitted: false }
    }
}

impl Gathering {
    pub(super) fn new(body: Body, patience: Patience, now: Instant) -> Gathering {
        let until = patience.time.map(|time| now + time);
        Gathering { body, looked_at: 0, octets: 0, least: patience.least, until, waiting: Waiting::Needing }
    }

    /// Looks at what has come behind the head since.
    pub(super) fn look(&mut self, behind: &[u8], gathered: &Gathered, limits: Limits) -> Result<Wait, Refusal> {
        while let Some(part) = self.body.next(&behind[self.looked_at..])? {
            self.looked_at += part.size;
            self.octets += if part.kind == PartKind::Data { part.size as u64 } else { 0 };
        }
        let is_whole = self.body.is_done() || self.body.awaits_trailers();
        let is_enough = self.least.is_some_and(|least| self.octets >= least);
        let is_full = gathered.holds(limits.sent_size_max.max(GATHERED_MOST));
        Ok(if is_whole || is_enough || is_full { Wait::Over } else { Wait::Open })
    }

    /// When it has taken too long.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }
}

impl Session {
    /// Whether so much of a request's content has come. If not, the rules go on when it has.
    pub(super) fn has_content(&mut self, patience: Patience, now: Instant, out: &mut Outbox) -> bool {
        let transaction = self.http_mut().transaction.as_mut().expect("a request is asked about");
        match transaction.request.framing() {
            Framing::None | Framing::Tunnel => return true,
            Framing::Length(_) | Framing::Chunked | Framing::UntilClose => (),
        }
        if transaction.cut.is_some() {
            return true;
        }
        transaction.gathering = Some(Gathering::new(transaction.up.body.clone(), patience, now));
        self.bid_to_continue(now, out);
        match self.look_at_content() {
            Ok(Wait::Over) => {
                self.http_mut().transaction.as_mut().expect("a request is asked about").gathering = None;
                true
            }
            Ok(Wait::Open) => {
                if self.phase != Phase::Gathering {
                    self.enter(Phase::Gathering);
                }
                false
            }
            Err(refusal) => {
                self.refuse_request(refusal, out);
                false
            }
        }
    }

    /// Whether the content has come if a server is to be chosen by it (`configuration.txt: balance url_param … check_post`).
    pub(super) fn has_posted_content(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let backend = self.backend_ref().expect("it was chosen a moment ago");
        let asked = self.transaction().and_then(|transaction| transaction.asked);
        let asked = asked.filter(|asked| asked.whose == Rules::Backend).unwrap_or(Asked::begin(Rules::Backend));
        if asked.is_posted || !backend.hashing.wants_content(|| self.facts(true)) {
            return true;
        }
        let patience = Patience { time: backend.timeouts.http_request, least: None };
        let transaction = self.http_mut().transaction.as_mut().expect("a request chose the backend");
        transaction.asked = Some(Asked { is_posted: true, ..asked });
        self.has_content(patience, now, out)
    }

    /// Goes on with the rules as soon as nothing more is waited for.
    pub(super) fn advance_gathering(&mut self, now: Instant, out: &mut Outbox) {
        let is_ended = self.http_mut().front.is_over();
        match self.look_at_content() {
            Ok(Wait::Open) if !is_ended => {
                if self.is_looking() {
                    self.go_on_with_request(now, out);
                }
                if self.phase == Phase::Gathering {
                    self.hear(Side::Front, Hope::Later, out);
                }
            }
            // As in HAProxy, rules still have their say; then it is of no use to a server.
            Ok(Wait::Open) => self.cut_request(Cause::Aborted(Side::Front), now, out),
            Ok(Wait::Over) => {
                self.http_mut().transaction.as_mut().expect("its content is waited for").gathering = None;
                self.go_on_with_request(now, out);
            }
            Err(refusal) => self.refuse_request(refusal, out),
        }
    }

    /// No more comes of its content.
    fn cut_request(&mut self, cause: Cause, now: Instant, out: &mut Outbox) {
        let transaction = self.http_mut().transaction.as_mut().expect("its content is waited for");
        transaction.gathering = None;
        transaction.cut = Some(cause);
        self.go_on_with_request(now, out);
    }

    /// The rules are asked on that waited.
    fn go_on_with_request(&mut self, now: Instant, out: &mut Outbox) {
        let asked = self.transaction().and_then(|transaction| transaction.asked);
        match asked.expect("rules wait for its content").whose {
            Rules::Frontend => self.ask_frontend(now, out),
            Rules::Backend => self.ask_for_server(now, out),
        }
    }

    /// Whether rules on contents look at what comes.
    fn is_looking(&self) -> bool {
        let gathering = self.transaction().and_then(|transaction| transaction.gathering.as_ref());
        gathering.is_some_and(|gathering| gathering.waiting == Waiting::Looking)
    }

    /// Whether rules on contents have to do with what has come: it is all, as much as a buffer holds, or it is late.
    pub(super) fn look_for_content_rules(&mut self, delay: Option<Duration>, now: Instant) -> Result<Wait, Refusal> {
        let transaction = self.http_mut().transaction.as_mut().expect("a request is asked about");
        if delay.is_none() || transaction.cut.is_some() {
            return Ok(Wait::Over);
        }
        let body = &transaction.up.body;
        let begin = || Gathering {
            waiting: Waiting::Looking,
            ..Gathering::new(body.clone(), Patience { time: delay, least: None }, now)
        };
        match transaction.gathering.get_or_insert_with(begin).waiting {
            Waiting::Done => Ok(Wait::Over),
            Waiting::Needing | Waiting::Looking => self.look_at_content(),
        }
    }

    /// They have said what becomes of the request.
    pub(super) fn stop_looking(&mut self) {
        self.http_mut().transaction.as_mut().expect("a request is asked about").gathering = None;
    }

    /// Until when the client may take.
    pub(super) fn gathering_deadline(&self) -> Option<Instant> {
        let until = self.transaction()?.gathering.as_ref()?.until;
        let silence = self.frontend().timeouts.client.map(|client| self.front.active_at + client);
        [until, silence].into_iter().flatten().min()
    }

    pub(super) fn on_gathering_late(&mut self, now: Instant, out: &mut Outbox) {
        let transaction = self.http_mut().transaction.as_mut().expect("its content is waited for");
        let gathering = transaction.gathering.as_mut().expect("its content is waited for");
        if gathering.waiting == Waiting::Looking {
            if gathering.until.is_none_or(|until| until > now) {
                return self.cut_request(Cause::Idle(Side::Front), now, out);
            }
            gathering.waiting = Waiting::Done;
            return self.go_on_with_request(now, out);
        }
        transaction.exchange.as_mut().expect("its head is whole").close_front();
        self.end_with(End::new(Moment::Request, Cause::Idle(Side::Front)), out);
    }

    /// How the wait for a response's content stands.
    #[cold]
    pub(super) fn look_at_response(
        &mut self,
        gathering: &mut Gathering,
        transaction: &Transaction,
    ) -> Result<Wait, End> {
        let Transaction { response, down, limits, .. } = transaction;
        let wait = gathering.look(response.behind(down.gathered.bytes()), &down.gathered, *limits);
        let wait = wait.map_err(|refusal| End::new(Moment::Headers, Cause::Malformed(Side::Back, refusal)))?;
        let is_ended = self.http_mut().back.is_over();
        Ok(if is_ended { Wait::Over } else { wait })
    }

    /// A client that sends its content only when it is told to is told so here (RFC 9110 §10.1.1). Its server need not do it again.
    fn bid_to_continue(&mut self, now: Instant, out: &mut Outbox) {
        let mut transaction = self.http_mut().transaction.take().expect("a request is asked about");
        let Transaction { request, up, .. } = &mut *transaction;
        let mut expectations = request.fields().values(up.gathered.bytes(), b"expect");
        let is_expected = expectations.any(|value| value.eq_ignore_ascii_case(b"100-continue"));
        drop(expectations);
        if is_expected
            && request.version() == Version::Http11
            && !transaction.down.is_sending()
            && let Some(mut lease) = out.lease()
            && transaction.request.fields_mut().delete(transaction.up.gathered.bytes(), b"expect").is_ok()
        {
            lease.bytes_mut()[..CONTINUE.len()].copy_from_slice(CONTINUE);
            let piece = super::stream::Outgoing::whole(lease, CONTINUE.len());
            self.send(now, &mut transaction.down, Side::Front, piece, out);
        }
        self.http_mut().transaction = Some(transaction);
    }

    /// A response of our own could not be sent before that interim one.
    fn look_at_content(&mut self) -> Result<Wait, Refusal> {
        let transaction = self.http_mut().transaction.as_mut().expect("its content is waited for");
        let Transaction { request, up, down, gathering, limits, .. } = &mut **transaction;
        let gathering = gathering.as_mut().expect("its content is waited for");
        let wait = gathering.look(request.behind(up.gathered.bytes()), &up.gathered, *limits)?;
        Ok(if down.is_sending() { Wait::Open } else { wait })
    }
}
