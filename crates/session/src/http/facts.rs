//! What logs and counters are told of an exchange.

use super::answer::silent_status;
use super::{Http, Transaction};
use crate::{End, Outbox, Session};
use driver::Instant;
use http1::{Fields, Request, Response};
use std::time::Duration;
use table::{Capture, Captured, Captures, Frontend, Identity, LineLevel, Scope, Speaker, Spent, Table};
pub(super) use table::{request_size, response_size, trailers_size};

/// What happened when, and what was said.
#[derive(Debug)]
pub(super) struct Facts {
    /// From when on the request is waited for: its first byte, or for a client's first request the moment it was known who it is.
    pub(super) began_at: Instant,
    /// The first byte.
    pub(super) heard_at: Option<Instant>,
    /// The backend was chosen.
    pub(super) routed_at: Option<Instant>,
    /// The head of the final response had come.
    pub(super) responded_at: Option<Instant>,
    pub(super) status: Option<u16>,
    pub(super) captures: Captures,
    /// What rules say of its line.
    pub(super) line_level: LineLevel,
    /// Until when a client waits that is to be told that it is denied.
    pub(super) held_until: Option<Instant>,
    /// Why it ended, if it is not simply over.
    pub(super) end: Option<End>,
    /// The response of our own is on its way.
    pub(super) is_answered: bool,
    /// Rules on contents have not let it in: it counts as no request.
    pub(super) is_turned_away: bool,
}

impl Default for Facts {
    fn default() -> Facts {
        Facts {
            began_at: Instant::EPOCH,
            heard_at: None,
            routed_at: None,
            responded_at: None,
            status: None,
            captures: Captures::NONE,
            line_level: LineLevel::Usual,
            held_until: None,
            end: None,
            is_answered: false,
            is_turned_away: false,
        }
    }
}

/// One exchange's part of a log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// The first byte of the request.
    pub began_at: Instant,
    /// From the end of the exchange before, or from when it was known who the client is, to that byte.
    pub idle: Duration,
    /// From there until the request was read and a backend chosen.
    pub request_time: Option<Duration>,
    /// From the established connection to the head of the response.
    pub response_time: Option<Duration>,
    /// What the client was told.
    pub status: Option<u16>,
    /// No other has it.
    pub number: u64,
    /// `METHOD target VERSION`; empty: what came was no request.
    pub line: Box<[u8]>,
    /// Empty if the frontend captures nothing.
    pub request_captures: Box<[Captured]>,
    pub response_captures: Box<[Captured]>,
    /// The level that a rule gives to the line.
    pub level: LineLevel,
    /// What became of its cookie (`%tsc`), where the backend knows clients by one.
    pub cookie: Option<[u8; 2]>,
}

/// HAProxy keeps so many bytes of a request line, the last of them a zero.
const LINE_SIZE_MAX: usize = 1023;

impl Facts {
    pub(super) fn clear(&mut self) {
        let mut captures = std::mem::take(&mut self.captures);
        captures.clear();
        *self = Facts { captures, ..Facts::default() };
    }

    /// The head of a request is whole: rules may fill slots. Until there is a response, it is known that it has none of its fields.
    pub(super) fn on_head(&mut self, table: &Table, frontend: &Frontend) {
        if is_captured(table, frontend) {
            self.captures.request.resize(frontend.http.request_captures.len(), None);
            self.captures.response.resize(frontend.http.response_captures.len(), None);
        }
    }

    pub(super) fn on_request(&mut self, request: &Request, bytes: &[u8], table: &Table, frontend: &Frontend) {
        if !is_captured(table, frontend) {
            return;
        }
        let captures = &mut self.captures;
        for part in [request.method_text(bytes), b" ", request.target(bytes), b" ", version(request)] {
            captures.line.extend_from_slice(part);
        }
        captures.line.truncate(LINE_SIZE_MAX);
        for (slot, capture) in captures.request.iter_mut().zip(&frontend.http.request_captures) {
            if capture.header.is_some() {
                *slot = last(capture, request.fields(), bytes);
            }
        }
    }

    pub(super) fn on_response(
        &mut self,
        now: Instant,
        response: &Response,
        bytes: &[u8],
        table: &Table,
        frontend: &Frontend,
    ) {
        self.responded_at = Some(now);
        self.status = Some(response.status());
        if is_captured(table, frontend) {
            self.captures.version = Some(response.version());
            self.captures.response = captured(&frontend.http.response_captures, response.fields(), bytes);
        }
    }

    /// The time from which an exchange is counted.
    fn active_from(&self) -> Instant {
        self.heard_at.unwrap_or(self.began_at)
    }
}

/// Whether somebody will ask for what is captured.
fn is_captured(table: &Table, frontend: &Frontend) -> bool {
    !frontend.log.targets.is_empty() || table.keeps_captures
}

impl Session {
    /// What the exchange under way has captured.
    pub(crate) fn captures(&self) -> &Captures {
        self.transaction().map_or(Captures::none(), |transaction| &transaction.facts.captures)
    }

    /// A rule on contents captures something. Only those on requests of HTTP do.
    pub(crate) fn keep_capture(&mut self, whose: Speaker, slot: usize, kept: Box<[u8]>) {
        let transaction = self.http_mut().transaction.as_mut().expect("a request is asked about");
        transaction.facts.captures.put(whose, slot, kept);
    }

    /// The same for the level of the line.
    pub(crate) fn set_line_level(&mut self, level: LineLevel) {
        let transaction = self.http_mut().transaction.as_mut().expect("a request is asked about");
        transaction.facts.line_level = level;
    }

    /// What the client was told so far.
    pub(crate) fn told_status(&self) -> Option<u16> {
        self.transaction()?.facts.status
    }

    /// Whether there is an exchange that was not told of.
    pub(crate) fn is_exchange_open(&self) -> bool {
        self.transaction().is_some()
    }

    /// Why the exchange ended, if that was decided before its connection ended.
    pub(crate) fn exchange_end(&self) -> Option<End> {
        self.transaction()?.facts.end
    }

    /// The final response's head has come, and a line may be due.
    pub(crate) fn has_responded(&self) -> bool {
        self.responded_at().is_some()
    }

    /// When the final response's head had come.
    pub(crate) fn responded_at(&self) -> Option<Instant> {
        self.transaction()?.facts.responded_at
    }

    /// Whether a rule wants no line of it.
    pub(crate) fn is_silent(&self) -> bool {
        self.transaction().is_some_and(|transaction| transaction.facts.line_level == LineLevel::Silent)
    }

    /// Whether rules on contents have not let the request in.
    pub(crate) fn is_request_turned_away(&self) -> bool {
        self.transaction().is_some_and(|transaction| transaction.facts.is_turned_away)
    }

    /// Exchanges that are over.
    pub(crate) fn exchange_count(&self) -> u32 {
        self.http.as_ref().map_or(0, |http| http.exchange_count)
    }

    /// Whether the client has said anything.
    pub(crate) fn is_heard(&self) -> bool {
        self.transaction().is_none_or(|transaction| transaction.facts.heard_at.is_some())
    }

    /// When the exchange began, and when its backend was chosen.
    pub(crate) fn exchange_times(&self) -> Option<(Instant, Option<Instant>)> {
        let facts = &self.transaction()?.facts;
        Some((facts.active_from(), facts.routed_at))
    }

    /// The status of the exchange, for whoever counts or tells it.
    pub(crate) fn status(&self, end: End) -> Option<u16> {
        let transaction = self.transaction()?;
        // Of a request whose content was cut nothing more is known.
        transaction.facts.status.or_else(|| silent_status(end).filter(|_| transaction.cut.is_none()))
    }

    pub(crate) fn exchanged(&self, end: End) -> Option<Box<Exchanged>> {
        let Some(Http { rested_at, transaction: Some(transaction), .. }) = self.http.as_deref() else { return None };
        let facts = &transaction.facts;
        let began_at = facts.active_from();
        Some(Box::new(Exchanged {
            began_at,
            idle: began_at.since(*rested_at),
            request_time: facts.routed_at.map(|routed| routed.since(began_at)),
            response_time: facts
                .responded_at
                .zip(self.connected_at)
                .map(|(response, connected)| response.since(connected)),
            status: self.status(end),
            number: self.identity.number(&self.table.process.numbers, self.shard),
            line: facts.captures.line.as_slice().into(),
            request_captures: facts.captures.request.as_slice().into(),
            response_captures: facts.captures.response.as_slice().into(),
            level: facts.line_level,
            cookie: self.cookie_letters(transaction),
        }))
    }

    /// What it took to get the response that is there.
    pub(super) fn spent(&self, facts: &Facts) -> Spent {
        let began_at = facts.active_from();
        let rested_at = self.http.as_ref().map_or(began_at, |http| http.rested_at);
        let wanted_at = facts.routed_at.unwrap_or(began_at);
        let is_first = self.exchange_count() == 0;
        let handshake = self.identified_at.filter(|_| is_first).map(|identified| identified.since(self.accepted_at));
        Spent {
            handshake: handshake.unwrap_or_default(),
            idle: began_at.since(rested_at),
            request: facts.routed_at.map(|routed| routed.since(began_at)),
            queue: self.assigned_at.map(|assigned| assigned.since(wanted_at)),
            connect: self.connected_at.zip(self.assigned_at).map(|(connected, assigned)| connected.since(assigned)),
            response: facts.responded_at.zip(self.connected_at).map(|(response, connected)| response.since(connected)),
            retries: self.retries,
            is_redispatched: self.is_redispatched,
            passed: self.passed,
        }
    }

    fn cookie_letters(&self, transaction: &Transaction) -> Option<[u8; 2]> {
        let cookie = self.backend_ref()?.http.cookie.as_ref()?;
        transaction.persistence.as_ref()?.letters(cookie)
    }

    /// The exchange was told of: the session is what it was before.
    pub(crate) fn forget_exchange(&mut self, now: Instant, out: &mut Outbox) {
        let http = self.http_mut();
        http.rested_at = now;
        http.is_back_kept = false;
        http.exchange_count = http.exchange_count.saturating_add(1);
        if let Some(transaction) = http.transaction.take() {
            out.recycle(transaction);
        }
        [Scope::Transaction, Scope::Request, Scope::Response].into_iter().for_each(|scope| self.variables.end(scope));
        self.backend = None;
        self.avoided = None;
        self.waited = None;
        self.passed = table::Passed::default();
        self.retries = 0;
        self.is_redispatched = false;
        self.assigned_at = None;
        self.connected_at = None;
        self.source = None;
        self.identity = Identity::default();
        self.ends_by_rule = None;
        self.is_told = false;
        self.bytes_in = 0;
        self.bytes_out = 0;
    }
}

fn captured(captures: &[Capture], fields: &Fields, bytes: &[u8]) -> Vec<Captured> {
    captures.iter().map(|capture| last(capture, fields, bytes)).collect()
}

/// Of several occurrences the last.
fn last(capture: &Capture, fields: &Fields, bytes: &[u8]) -> Captured {
    let value = fields.values(bytes, capture.header.as_ref()?.as_bytes()).next_back()?;
    Some(capture.cut(value).into())
}

fn version(request: &Request) -> &'static [u8] {
    match request.version() {
        http1::Version::Http10 => b"HTTP/1.0",
        http1::Version::Http11 => b"HTTP/1.1",
    }
}
