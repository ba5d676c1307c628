//! The log: who gets which line, and in which form.
//!
//! ```text
//!   Record ──▶ format::push ──▶ line::push ──┐
//!                                            ├──▶ per target: level, sample ──▶ envelope::push ──▶ sinks
//!   text of control's own ───────────────────┘
//! ```

pub mod calendar;
pub mod envelope;
mod exchange;
pub mod format;
mod line;
mod sinks;

#[cfg(test)]
mod tests;

use crate::clock::Moment;
use crate::console::{Console, Urgency};
use envelope::{Letter, Speaker};
use format::{Clocks, Context};
use jiff::tz::TimeZone;
use nix::unistd::gethostname;
use session::Record;
use sinks::Sinks;
use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;
use table::{LogLevel, LogSink, LogTarget, Table};

/// Formats and sends lines. Never waits.
pub(crate) struct Log {
    clocks: Clocks,
    speaker: Speaker,
    sinks: Sinks,
    /// Scratch of one line and one datagram, kept for their memory.
    text: Vec<u8>,
    structured: Vec<u8>,
    datagram: Vec<u8>,
}

impl Log {
    pub(crate) fn new(pid: u32, zone: TimeZone) -> Log {
        Log {
            clocks: Clocks::new(zone),
            speaker: Speaker { pid, hostname: hostname() },
            sinks: Sinks::default(),
            text: Vec::new(),
            structured: Vec::new(),
            datagram: Vec::new(),
        }
    }

    /// Writes a session's line to the targets of its frontend. A format may leave nothing to be said.
    pub(crate) fn record(&mut self, record: &Record, now: &Moment, console: &mut Console) {
        let frontend = record.table.frontend(record.frontend);
        let (mut text, mut structured) = (std::mem::take(&mut self.text), std::mem::take(&mut self.structured));
        text.clear();
        structured.clear();
        let line_count = frontend.state.lines_logged.load(Relaxed);
        let context = Context { now: *now, speaker: &self.speaker, line_count };
        format::push(record, &context, &mut self.clocks, &mut text);
        format::push_structured(record, &context, &mut self.clocks, &mut structured);
        if !text.is_empty() {
            frontend.state.lines_logged.fetch_add(1, Relaxed);
            let targets = frontend.log.targets.iter().map(|&target| &record.table.log_targets[target]);
            self.write(targets, format::level(record), (&text, &structured), now, console);
        }
        (self.text, self.structured) = (text, structured);
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
        self.write(targets, level, (text.as_bytes(), b""), &Moment::now(), console);
    }

    /// Writes a line that concerns the whole process: to everybody whom the table knows, once.
    pub(crate) fn tell_all(&mut self, table: &Table, level: LogLevel, text: &str, console: &mut Console) {
        let mut told = HashSet::new();
        let targets = table.log_targets.iter().filter(|target| level <= target.level_max);
        let targets = targets.filter(|target| told.insert((&target.sink, target.facility)));
        self.write(targets, level, (text.as_bytes(), b""), &Moment::now(), console);
    }

    /// Lines that were lost, by the name of the sink that did not take them.
    pub(crate) fn losses(&self) -> impl Iterator<Item = (String, u64)> {
        self.sinks.losses().map(|(sink, count)| (shown(sink), count))
    }

    fn write<'a>(
        &mut self,
        targets: impl IntoIterator<Item = &'a LogTarget>,
        level: LogLevel,
        (text, structured): (&[u8], &[u8]),
        now: &Moment,
        console: &mut Console,
    ) {
        for target in targets {
            if level > target.level_max || target.sample.as_ref().is_some_and(|sample| !sample.takes_next()) {
                continue;
            }
            let level = level.max(target.level_min);
            let letter = Letter { level, sent_at: self.clocks.local.date(now.wall), structured, text };
            self.datagram.clear();
            envelope::push(target, &self.speaker, letter, &mut self.datagram);
            if let Err(err) = self.sinks.send(&target.sink, &self.datagram) {
                let text = format!("log lines to {} are lost: {}", shown(&target.sink), driver::Errno::of(&err));
                console.say(Urgency::Alert, &text);
            }
        }
    }
}

/// The system's name.
pub(crate) fn hostname() -> String {
    gethostname().map_or("localhost".into(), |name| name.to_string_lossy().into_owned())
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
