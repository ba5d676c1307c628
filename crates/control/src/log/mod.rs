//! The log: who gets which line, and in which form.
//!
//! ```text
//!   Record ──▶ format::push ──┐
//!                             ├──▶ per target: level, sample ──▶ envelope::push ──▶ sinks
//!   text of control's own ────┘
//! ```

pub mod calendar;
pub mod envelope;
pub mod format;
mod sinks;

#[cfg(test)]
mod tests;

use crate::clock::Moment;
use crate::console::{Console, Urgency};
use calendar::Calendar;
use envelope::{Letter, Speaker};
use jiff::tz::TimeZone;
use nix::unistd::gethostname;
use session::Record;
use sinks::Sinks;
use std::collections::HashSet;
use table::{LogLevel, LogSink, LogTarget, Table};

/// Formats and sends lines. Never waits.
pub(crate) struct Log {
    calendar: Calendar,
    speaker: Speaker,
    sinks: Sinks,
    /// Scratch of one text and one datagram, kept for their memory.
    text: Vec<u8>,
    datagram: Vec<u8>,
}

impl Log {
    pub(crate) fn new(pid: u32, zone: TimeZone) -> Log {
        let hostname = gethostname().map_or("localhost".into(), |name| name.to_string_lossy().into_owned());
        Log {
            calendar: Calendar::new(zone),
            speaker: Speaker { pid, hostname },
            sinks: Sinks::default(),
            text: Vec::new(),
            datagram: Vec::new(),
        }
    }

    /// Writes a session's line to the targets of its frontend.
    pub(crate) fn record(&mut self, record: &Record, now: &Moment, console: &mut Console) {
        let policy = &record.table.frontend(record.frontend).log;
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        format::push(record, now, &mut self.calendar, &mut text);
        let targets = policy.targets.iter().map(|&target| &record.table.log_targets[target]);
        self.write(targets, LogLevel::Info, &text, now, console);
        self.text = text;
    }

    /// Writes a line of control's own to some of a table's targets.
    pub(crate) fn tell(
        &mut self,
        table: &Table,
        targets: &[usize],
        level: LogLevel,
        text: &str,
        console: &mut Console,
    ) {
        let targets = targets.iter().map(|&target| &table.log_targets[target]);
        self.write(targets, level, text.as_bytes(), &Moment::now(), console);
    }

    /// Writes a line that concerns the whole process: to everybody whom the table knows, once.
    pub(crate) fn tell_all(&mut self, table: &Table, level: LogLevel, text: &str, console: &mut Console) {
        let mut told = HashSet::new();
        let targets = table.log_targets.iter().filter(|target| level <= target.level_max);
        let targets = targets.filter(|target| told.insert((&target.sink, target.facility)));
        self.write(targets, level, text.as_bytes(), &Moment::now(), console);
    }

    /// Lines that were lost, by the name of the sink that did not take them.
    pub(crate) fn losses(&self) -> impl Iterator<Item = (String, u64)> {
        self.sinks.losses().map(|(sink, count)| (shown(sink), count))
    }

    fn write<'a>(
        &mut self,
        targets: impl IntoIterator<Item = &'a LogTarget>,
        level: LogLevel,
        text: &[u8],
        now: &Moment,
        console: &mut Console,
    ) {
        for target in targets {
            if level > target.level_max || target.sample.as_ref().is_some_and(|sample| !sample.takes_next()) {
                continue;
            }
            let level = level.max(target.level_min);
            let letter = Letter { level, sent_at: self.calendar.date(now.wall), structured: b"", text };
            self.datagram.clear();
            envelope::push(target, &self.speaker, letter, &mut self.datagram);
            if let Err(err) = self.sinks.send(&target.sink, &self.datagram) {
                let text = format!("log lines to {} are lost: {}", shown(&target.sink), driver::Errno::of(&err));
                console.say(Urgency::Alert, &text);
            }
        }
    }
}

fn shown(sink: &LogSink) -> String {
    match sink {
        LogSink::Udp(addr) => addr.to_string(),
        LogSink::Unix(path) => path.to_string_lossy().replace('\0', "abns@"),
        LogSink::Stdout => "stdout".into(),
        LogSink::Stderr => "stderr".into(),
        LogSink::Inherited(number) => format!("fd@{number}"),
    }
}
