//! Log lines: what a session's record says, in HAProxy's words (`configuration.txt` §8.2).
//!
//! Pure functions: facts in, text out. Consumers match these lines field by field.

use super::calendar::Calendar;
use super::envelope::Speaker;
use super::line::{self, Facts};
use crate::clock::Moment;
use driver::Addr;
use jiff::tz::TimeZone;
use session::{Cause, Exchanged, Progress, Record, RecordKind};
use std::fmt::{self, Display};
use std::io::Write;
use table::{LineLevel, LogLevel};

/// What a line says beside the record.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Any moment after the session's accept.
    pub now: Moment,
    pub speaker: &'a Speaker,
    /// Lines of the frontend before this one (`%lc`).
    pub line_count: u64,
}

/// The clocks that dates are read from.
pub struct Clocks {
    pub local: Calendar,
    pub utc: Calendar,
}

impl Clocks {
    pub fn new(local: TimeZone) -> Clocks {
        Clocks { local: Calendar::new(local), utc: Calendar::new(TimeZone::UTC) }
    }
}

/// How severe a session's line is (`configuration.txt: option log-separate-errors, http-request set-log-level`).
pub fn level(record: &Record) -> LogLevel {
    if let Some(LineLevel::Forced(level)) = exchange_of(record).map(|exchange| exchange.level) {
        return level;
    }
    let separates_errors = record.table.frontend(record.frontend).log.options.separates_errors;
    match &record.kind {
        RecordKind::Connected(progress) | RecordKind::Ended(progress) if separates_errors && !progress.is_normal() => {
            LogLevel::Err
        }
        RecordKind::Connect | RecordKind::Connected(_) | RecordKind::Ended(_) => LogLevel::Info,
    }
}

/// Appends the text of a session's line, without envelope and newline.
pub fn push(record: &Record, context: &Context<'_>, clocks: &mut Clocks, out: &mut Vec<u8>) {
    let policy = &record.table.frontend(record.frontend).log;
    match &record.kind {
        RecordKind::Connect => push_connect(record, out),
        RecordKind::Connected(progress) | RecordKind::Ended(progress) => {
            let facts = Facts { record, progress, context };
            let sampled = record.sampled.as_ref().map(|sampled| &*sampled.line);
            match (policy.line(record.kind.is_stillborn()), progress.end.cause) {
                (Some(line), _) => line::push(line, sampled, &facts, clocks, out),
                (None, Cause::BadHeader(why)) => push_stillborn(record, &why, context, clocks, out),
                (None, Cause::BadHandshake(why)) => push_stillborn(record, &why, context, clocks, out),
                (None, _) => unreachable!("where a line is written at accept, none is at the end"),
            }
        }
    }
}

/// Appends the structured data of the line (`log-format-sd`), if it has any.
pub fn push_structured(record: &Record, context: &Context<'_>, clocks: &mut Clocks, out: &mut Vec<u8>) {
    let line = &record.table.frontend(record.frontend).log.structured;
    if let (Some(line), Some(progress)) = (line, progress(record)) {
        let sampled = record.sampled.as_ref().map(|sampled| &*sampled.structured);
        line::push(line, sampled, &Facts { record, progress, context }, clocks, out);
    }
}

fn exchange_of(record: &Record) -> Option<&Exchanged> {
    progress(record)?.exchange.as_deref()
}

fn progress(record: &Record) -> Option<&Progress> {
    match &record.kind {
        RecordKind::Connect => None,
        RecordKind::Connected(progress) | RecordKind::Ended(progress) => Some(progress),
    }
}

/// `configuration.txt` §8.2.1.
fn push_connect(record: &Record, out: &mut Vec<u8>) {
    let frontend = record.table.frontend(record.frontend);
    let (client, name, mode) = (Client(record), &frontend.name, frontend.mode.log_word());
    let written = match record.client {
        Addr::Ip(_) => write!(out, "Connect from {client} to {} ({name}/{mode})", record.destination),
        // Neither end has an address worth a line.
        Addr::Unix(_) | Addr::Unnamed => write!(out, "Connect to {client} ({name}/{mode})"),
    };
    written.expect("memory takes everything");
}

/// Of a connection that never became a session (`configuration.txt` §8.2.5).
fn push_stillborn(record: &Record, why: &dyn Display, context: &Context<'_>, clocks: &mut Clocks, out: &mut Vec<u8>) {
    let frontend = record.table.frontend(record.frontend);
    let name = record.listener().and_then(|bind| bind.name.as_deref());
    let number = record.listener.to_string();
    write!(out, "{} [", Client(record)).expect("memory takes everything");
    clocks.local.date(context.now.wall_at(record.accepted_at)).push_accept(out);
    write!(out, "] {}/{}: {why}", frontend.name, name.unwrap_or(&number)).expect("memory takes everything");
}

/// The client's address, or for one on a unix socket the number of the listener.
struct Client<'a>(&'a Record);

impl Display for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.client {
            Addr::Ip(_) => self.0.client.fmt(f),
            Addr::Unix(_) | Addr::Unnamed => write!(f, "unix:{}", self.0.listener),
        }
    }
}
