//! What logs are told of a session: values, formatted elsewhere and later.

use crate::tally::clock;
use crate::{Cause, End, Ends, Exchanged, Moment, Outbox, Session};
use driver::{Addr, Instant};
use proxyline::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use table::{BackendId, Bind, Course, Facts, FrontendId, Heard, LogFormat, Passed, Sampled, Server, Table};
use tls::{Agreed, Failure};

/// One log line's worth of facts.
#[derive(Debug)]
pub struct Record {
    pub table: Arc<Table>,
    pub frontend: FrontendId,
    pub backend: Option<BackendId>,
    pub client: Addr,
    pub destination: Addr,
    pub accepted_at: Instant,
    /// HAProxy's number for the listener within its frontend.
    pub listener: u32,
    /// What the client's TLS has agreed on.
    pub agreed: Option<Agreed>,
    /// What the frontend's `unique-id-format` makes of it.
    pub unique_id: Option<Box<[u8]>>,
    /// If the frontend's lines have samples.
    pub sampled: Option<Box<Sampled>>,
    pub kind: RecordKind,
}

impl Record {
    /// Where the connection arrived.
    pub fn listener(&self) -> Option<&Bind> {
        let binds = &self.table.frontend(self.frontend).binds;
        binds.iter().find(|bind| bind.number == self.listener)
    }
}

#[derive(Debug)]
pub enum RecordKind {
    /// A connection arrived, and the frontend has no format that waits for more.
    Connect,
    /// The server is connected, and the frontend's line waits for nothing that comes later.
    Connected(Progress),
    /// It is over; perhaps it never became a session.
    Ended(Progress),
}

impl RecordKind {
    /// Of a connection that never became a session.
    pub fn is_stillborn(&self) -> bool {
        matches!(self, RecordKind::Ended(progress) if matches!(progress.end.cause, Cause::BadHeader(_) | Cause::BadHandshake(_)))
    }
}

/// How far a session has come.
#[derive(Debug)]
pub struct Progress {
    /// [`Cause::Complete`] as long as it goes on.
    pub end: End,
    pub times: Times,
    /// The server that it was connected or connecting to last.
    pub server: Option<Arc<Server>>,
    /// The address that this server was connected from, if the frontend's lines show it.
    pub source: Option<Box<Addr>>,
    /// From the client.
    pub bytes_in: u64,
    /// From the server.
    pub bytes_out: u64,
    pub retries: u16,
    pub is_redispatched: bool,
    pub counts: Counts,
    /// Where it was in the lines that it stood in (`%sq/%bq`).
    pub passed: Passed,
    /// In `mode http`.
    pub exchange: Option<Box<Exchanged>>,
}

impl Progress {
    pub fn is_normal(&self) -> bool {
        let status = self.exchange.as_ref().and_then(|exchange| exchange.status);
        is_normal(self.end, self.retries, self.is_redispatched, status)
    }
}

/// No error, no timeout, no retry, no redispatch, no status of 500 or more (`configuration.txt: option dontlog-normal`).
fn is_normal(end: End, retries: u16, is_redispatched: bool, status: Option<u16>) -> bool {
    end.cause == Cause::Complete && retries == 0 && !is_redispatched && status.is_none_or(|status| status < 500)
}

/// `None`: that point was never reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From the accept until it was known who the client is, or to the end: a PROXY header takes that time.
    pub handshake: Duration,
    /// From the accept, or from the choice of a backend in HTTP, to the assignment of the (last) server, or to the end of waiting for one.
    pub queue: Option<Duration>,
    /// From there to the established connection.
    pub connect: Option<Duration>,
    /// From the accept, or from the first byte of a request, to the end, or to now.
    pub total: Duration,
}

impl Times {
    /// From the established connection to the end.
    pub fn exchange(&self) -> Option<Duration> {
        Some(self.total.saturating_sub(self.queue?).saturating_sub(self.connect?))
    }
}

/// Connections in progress; one that has ended still counts for process and frontend, no longer for backend and server (as in
/// HAProxy's `%ac/%fc/%bc/%sc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub process: u64,
    pub frontend: u64,
    pub backend: u64,
    pub server: u64,
}

impl Session {
    /// A connection has arrived, and it is known whose it is.
    pub(crate) fn tell_arrival(&self, out: &mut Outbox) {
        let policy = &self.frontend().log;
        if matches!(policy.format, LogFormat::Connect) && !policy.targets.is_empty() {
            self.tell(self.accepted_at, RecordKind::Connect, out);
        }
    }

    /// Leaves a record. The frontend has somebody to tell.
    fn tell(&self, now: Instant, kind: RecordKind, out: &mut Outbox) {
        let (server, exchange) = match &kind {
            RecordKind::Connect => (None, None),
            RecordKind::Connected(progress) | RecordKind::Ended(progress) => {
                (progress.server.as_deref(), progress.exchange.as_deref())
            }
        };
        let status = exchange.and_then(|exchange| exchange.status);
        let course = Course { now: clock(now), server, status, ..self.course() };
        let facts = Facts { heard: Heard::Nothing, course: Some(course), ..self.facts(true) };
        out.records.push(Record {
            table: self.table.shared(),
            frontend: self.frontend,
            backend: self.backend,
            client: self.told_addr(|ends| ends.source, &self.client),
            destination: self.told_addr(|ends| ends.destination, &self.destination),
            accepted_at: self.accepted_at,
            listener: self.listener,
            agreed: self.agreed(),
            unique_id: self.identity.text(&facts).map(Into::into),
            sampled: self.frontend().log.sampled(kind.is_stillborn(), &facts),
            kind,
        });
    }

    /// The address that a rule has set, or the one that the connection has.
    fn told_addr(&self, of: fn(&Ends) -> Option<SocketAddr>, own: &Addr) -> Addr {
        self.ends_by_rule.as_deref().and_then(of).map_or_else(|| own.clone(), Addr::Ip)
    }

    /// The server is connected: this may be the time for the session's line.
    pub(crate) fn tell_connected(&mut self, now: Instant, out: &mut Outbox) {
        let policy = &self.frontend().log;
        if self.is_told || policy.targets.is_empty() || !policy.tells_connected() || self.is_silent() {
            return;
        }
        let end = End::new(Moment::Done, Cause::Complete);
        let server = self.server.clone();
        let server_conns = server.as_ref().map_or(0, |server| u64::from(server.state.conns()));
        let progress = self.progress(now, end, server, server_conns);
        // One that is normal so far may still end otherwise.
        if policy.options.skips_normal && progress.is_normal() {
            return;
        }
        self.is_told = true;
        self.tell(now, RecordKind::Connected(progress), out);
    }

    /// The last record: how it ended.
    pub(crate) fn tell_end(&mut self, now: Instant, end: End, server: Option<&Arc<Server>>, out: &mut Outbox) {
        if std::mem::replace(&mut self.is_told, true) || !self.is_worth_telling(end) {
            return;
        }
        // The release of a server that it held is asked for in this same event; one that it only waited for it did not hold.
        let held = u32::from(self.waited.is_none());
        let server_conns = server.as_ref().map_or(0, |server| u64::from(server.state.conns().saturating_sub(held)));
        let progress = self.progress(now, end, server.cloned(), server_conns);
        self.tell(now, RecordKind::Ended(progress), out);
    }

    /// Whether the end is one that the frontend writes a line about.
    fn is_worth_telling(&self, end: End) -> bool {
        let policy = &self.frontend().log;
        let options = policy.options;
        if policy.targets.is_empty() || end.cause == Cause::NotAdmitted || self.is_silent() {
            return false;
        }
        if let Cause::BadHeader(why) = end.cause {
            let is_null = matches!(why, Error::Closed | Error::Aborted | Error::Timeout);
            return !(options.skips_null && is_null);
        }
        if let Cause::BadHandshake(why) = end.cause {
            let is_null = matches!(why, Failure::Closed | Failure::Aborted | Failure::Timeout);
            return !(options.skips_null && is_null);
        }
        let is_normal = is_normal(end, self.retries, self.is_redispatched, self.status(end));
        let is_null = if self.is_exchange_open() { !self.is_heard() } else { self.bytes_in == 0 };
        let is_skipped = options.skips_null && is_null || options.skips_normal && is_normal;
        matches!(policy.format, LogFormat::Line(_)) && !is_skipped
    }

    fn progress(&self, now: Instant, end: End, server: Option<Arc<Server>>, server_conns: u64) -> Progress {
        let counts = Counts {
            process: self.table.process.conns.current(),
            frontend: self.frontend().state.conns.current(),
            backend: self.counted_backend().map_or(0, |backend| backend.state.conns.current()),
            server: server_conns,
        };
        Progress {
            end,
            times: self.times(now),
            server,
            source: self.source.clone(),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            retries: self.retries,
            is_redispatched: self.is_redispatched,
            counts,
            passed: self.passed,
            exchange: self.exchanged(end),
        }
    }

    fn times(&self, now: Instant) -> Times {
        let (began, routed) = self.began_at();
        let is_first = self.http.is_none() || self.exchange_count() == 0;
        let handshake = self.identified_at.unwrap_or(now).since(self.accepted_at);
        Times {
            handshake: if is_first { handshake } else { Duration::ZERO },
            queue: self.assigned_at.map(|assigned| assigned.since(routed)),
            connect: self.connected_at.zip(self.assigned_at).map(|(connected, assigned)| connected.since(assigned)),
            total: now.since(began),
        }
    }

    /// From when on a session or an exchange is timed, and from when on it wants a server.
    pub(crate) fn began_at(&self) -> (Instant, Instant) {
        match self.exchange_times() {
            None => (self.accepted_at, self.accepted_at),
            Some((began, routed)) => (began, routed.unwrap_or(began)),
        }
    }
}
