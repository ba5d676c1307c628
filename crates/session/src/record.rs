//! What logs are told of a session: values, formatted elsewhere and later.

use crate::{Cause, End, Outbox, Session};
use driver::{Addr, Instant};
use std::sync::Arc;
use std::time::Duration;
use table::{BackendId, FrontendId, LogFormat, Passed, Server, Table};

/// One log line's worth of facts.
#[derive(Debug)]
pub struct Record {
    pub table: Arc<Table>,
    pub frontend: FrontendId,
    pub backend: Option<BackendId>,
    pub client: Addr,
    pub destination: Addr,
    pub accepted_at: Instant,
    /// The listener's number within its frontend, from 1.
    pub listener: u16,
    pub kind: RecordKind,
}

#[derive(Debug)]
pub enum RecordKind {
    /// A connection arrived, and the frontend has no format that waits for its end.
    Connect,
    /// The PROXY header did not come as it should.
    BadHeader(proxyline::Error),
    /// It is over.
    Closed {
        end: End,
        times: Times,
        /// The server that it was connected or connecting to last.
        server: Option<Arc<Server>>,
        /// From the client.
        bytes_in: u64,
        /// From the server.
        bytes_out: u64,
        retries: u16,
        is_redispatched: bool,
        counts: Counts,
        /// Where it was in the lines that it stood in (`%sq/%bq`).
        passed: Passed,
    },
}

/// `None`: that point was never reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From the accept to the assignment of the (last) server, or to the end of waiting for one.
    pub queue: Option<Duration>,
    /// From there to the established connection.
    pub connect: Option<Duration>,
    /// From the accept to the end.
    pub total: Duration,
}

/// Connections in progress when it ended; this one still counts for process and frontend, no longer for backend and server
/// (as in HAProxy's `%ac/%fc/%bc/%sc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub process: u64,
    pub frontend: u64,
    pub backend: u64,
    pub server: u64,
}

impl Session {
    /// Leaves a record, if the frontend logs at all.
    pub(crate) fn tell(&self, kind: RecordKind, out: &mut Outbox) {
        if self.frontend().log.targets.is_empty() {
            return;
        }
        out.records.push(Record {
            table: self.table.shared(),
            frontend: self.frontend,
            backend: self.backend,
            client: self.client.clone(),
            destination: self.destination.clone(),
            accepted_at: self.accepted_at,
            listener: self.listener,
            kind,
        });
    }

    /// The last record: how it ended.
    pub(crate) fn tell_end(&mut self, now: Instant, end: End, server: Option<Arc<Server>>, out: &mut Outbox) {
        out.end = Some(end);
        if let Cause::BadHeader(why) = end.cause {
            return self.tell(RecordKind::BadHeader(why), out);
        }
        if self.frontend().log.format != LogFormat::TcpLog {
            return;
        }
        // The release of a server that it held has been asked for in this same event; one that it only waited for it did not hold.
        let held = u32::from(self.waited.is_none());
        let counts = Counts {
            process: self.table.process.conns.current(),
            frontend: self.frontend().state.conns.current(),
            backend: self.backend().map_or(0, |backend| backend.state.conns.current()),
            server: server.as_ref().map_or(0, |server| u64::from(server.state.conns().saturating_sub(held))),
        };
        let kind = RecordKind::Closed {
            end,
            times: self.times(now),
            server,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            retries: self.retries,
            is_redispatched: self.is_redispatched,
            counts,
            passed: self.passed,
        };
        self.tell(kind, out);
    }

    fn times(&self, now: Instant) -> Times {
        Times {
            queue: self.assigned_at.map(|at| at.since(self.accepted_at)),
            connect: self.connected_at.zip(self.assigned_at).map(|(connected, assigned)| connected.since(assigned)),
            total: now.since(self.accepted_at),
        }
    }
}
