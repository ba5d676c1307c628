//! The log: who gets which line, and in which form.
//!
//! ```text
//!   Record ──▶ format::text ──┐
//!                             ├──▶ per target: level filter ──▶ format::datagram ──▶ sinks
//!   text of control's own ────┘
//! ```

pub mod format;
mod sinks;

#[cfg(test)]
mod tests;

use crate::clock::Moment;
use crate::console::{Console, Urgency};
use jiff::Zoned;
use jiff::tz::TimeZone;
use session::Record;
use sinks::Sinks;
use table::{LogLevel, LogTarget, Table};

/// Formats and sends lines. Never waits.
pub(crate) struct Log {
    zone: TimeZone,
    pid: u32,
    sinks: Sinks,
    /// Scratch of one datagram, kept for its memory.
    datagram: Vec<u8>,
}

impl Log {
    pub(crate) fn new(pid: u32, zone: TimeZone) -> Log {
        Log { zone, pid, sinks: Sinks::default(), datagram: Vec::new() }
    }

    /// Writes a session's line to the targets of its frontend.
    pub(crate) fn record(&mut self, record: &Record, now: &Moment, console: &mut Console) {
        let policy = &record.table.frontend(record.frontend).log;
        let text = format::text(record, now, &self.zone);
        let targets = policy.targets.iter().map(|&target| &record.table.log_targets[target]);
        self.write(targets, LogLevel::Info, &text, now, console);
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
        self.write(targets, level, text, &Moment::now(), console);
    }

    /// Writes a line that concerns the whole process: to every target of a table, once.
    pub(crate) fn tell_all(&mut self, table: &Table, level: LogLevel, text: &str, console: &mut Console) {
        self.write(&table.log_targets, level, text, &Moment::now(), console);
    }

    /// Lines that no sink took.
    pub(crate) fn dropped_count(&self) -> u64 {
        self.sinks.dropped_count()
    }

    fn write<'a>(
        &mut self,
        targets: impl IntoIterator<Item = &'a LogTarget>,
        level: LogLevel,
        text: &str,
        now: &Moment,
        console: &mut Console,
    ) {
        let mut sent_at: Option<Zoned> = None;
        for target in targets {
            if level > target.level_max {
                continue;
            }
            let level = level.max(target.level_min);
            let sent_at = sent_at.get_or_insert_with(|| format::in_zone(now.wall, &self.zone));
            self.datagram.clear();
            format::datagram(target, level as u8, sent_at, self.pid, text, &mut self.datagram);
            if let Err(err) = self.sinks.send(&target.sink, &self.datagram) {
                let text = format!("log lines to {} are lost: {}", shown(target), driver::Errno::of(&err));
                console.say(Urgency::Alert, &text);
            }
        }
    }
}

fn shown(target: &LogTarget) -> String {
    match &target.sink {
        table::LogSink::Udp(addr) => addr.to_string(),
        table::LogSink::Unix(path) => path.to_string_lossy().replace('\0', "abns@"),
        table::LogSink::Stdout => "stdout".into(),
        table::LogSink::Stderr => "stderr".into(),
    }
}
