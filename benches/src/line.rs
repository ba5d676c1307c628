//! Log lines: a session's record → text → datagram.

use crate::configuration::{self, Process};
use control::Moment;
use control::envelope::{self, Letter, Speaker};
use control::format::{self, Clocks, Context};
use driver::{Addr, Instant};
use jiff::tz::{self, TimeZone};
use session::{Cause, Counts, End, Progress, Record, RecordKind, Times};
use std::net::SocketAddr;
use std::time::Duration;
use table::{BackendId, FrontendId, LogLevel, Passed};

/// The record of a session that has ended, and what a line needs beside it.
pub struct Line {
    record: Record,
    now: Moment,
    clocks: Clocks,
    speaker: Speaker,
    text: Vec<u8>,
    datagram: Vec<u8>,
}

impl Line {
    /// What `option tcplog` writes at the end of a session.
    pub fn tcplog() -> Line {
        Line::of(|server| {
            RecordKind::Ended(Progress {
                end: End::new(session::Moment::Done, Cause::Complete),
                times: Times {
                    handshake: Duration::ZERO,
                    queue: Some(Duration::ZERO),
                    connect: Some(Duration::from_millis(1)),
                    total: Duration::from_millis(1_640_317),
                },
                server: Some(server),
                source: None,
                bytes_in: 4_711,
                bytes_out: 1_048_576,
                retries: 0,
                is_redispatched: false,
                counts: Counts { process: 20_113, frontend: 20_113, backend: 20_112, server: 10_056 },
                passed: Passed::default(),
                exchange: None,
            })
        })
    }

    /// `Connect from …`, written where no format waits for the end.
    pub fn connect() -> Line {
        Line::of(|_| RecordKind::Connect)
    }

    fn of(kind: impl FnOnce(std::sync::Arc<table::Server>) -> RecordKind) -> Line {
        let mut process = Process::new();
        process.publish(&configuration::farm("leastconn", 2));
        let table = process.table();
        let client: SocketAddr = ([192, 0, 2, 1], 56_324).into();
        let destination: SocketAddr = ([198, 51, 100, 7], 143).into();
        let kind = kind(table.backends[0].servers[1].clone());
        let record = Record {
            frontend: FrontendId(0),
            backend: Some(BackendId(0)),
            client: Addr::from(client),
            destination: Addr::from(destination),
            accepted_at: Instant::EPOCH,
            listener: 1,
            table,
            agreed: None,
            unique_id: None,
            sampled: None,
            kind,
        };
        Line {
            record,
            now: Moment::now(),
            clocks: Clocks::new(TimeZone::fixed(tz::offset(2))),
            speaker: Speaker { pid: 4_711, hostname: "host".into() },
            text: Vec::new(),
            datagram: Vec::new(),
        }
    }

    /// The whole of what one target is sent. Answers its bytes.
    pub fn format(&mut self) -> &[u8] {
        self.text.clear();
        let context = Context { now: self.now, speaker: &self.speaker, line_count: 0 };
        format::push(&self.record, &context, &mut self.clocks, &mut self.text);
        let target = &self.record.table.log_targets[0];
        let sent_at = self.clocks.local.date(self.now.wall);
        let letter = Letter { level: LogLevel::Info, sent_at, structured: b"", text: &self.text };
        self.datagram.clear();
        envelope::push(target, &self.speaker, letter, &mut self.datagram);
        &self.datagram
    }
}
