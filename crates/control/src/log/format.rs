//! Log lines: what a session's record says, in HAProxy's words (`configuration.txt` §8.2).
//!
//! Pure functions: facts in, text out. Consumers match these lines field by field.

use crate::clock::Moment;
use driver::Addr;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use session::{Record, RecordKind};
use std::fmt::{self, Display};
use std::time::Duration;
use table::LogTarget;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// HAProxy's name in syslog. rsyslog's rules and halog go by it.
const TAG: &str = "haproxy";

/// The text of a session's line, without envelope and newline. `now` is any moment after the session's accept.
pub fn text(record: &Record, now: &Moment, zone: &TimeZone) -> String {
    let frontend = record.table.frontend(record.frontend);
    let client = Client(record);
    let accepted = || AcceptDate(now.wall_at(record.accepted_at).to_zoned(zone.clone()));
    match &record.kind {
        RecordKind::Connect => {
            let mode = frontend.mode.log_word();
            match record.client {
                Addr::Ip(_) => format!("Connect from {client} to {} ({}/{mode})", record.destination, frontend.name),
                // Neither end has an address worth a line.
                Addr::Unix(_) | Addr::Unnamed => format!("Connect to {client} ({}/{mode})", frontend.name),
            }
        }
        RecordKind::BadHeader(why) => {
            let listener = frontend.binds.get(usize::from(record.listener).wrapping_sub(1));
            let name = listener.and_then(|bind| bind.name.as_deref());
            let number = record.listener.to_string();
            format!("{client} [{}] {}/{}: {why}", accepted(), frontend.name, name.unwrap_or(&number))
        }
        RecordKind::Closed { end, times, server, bytes_in: _, bytes_out, retries, is_redispatched, counts } => {
            let backend = record.backend.map_or(&frontend.name, |backend| &record.table.backend(backend).name);
            let server = server.as_ref().map_or("<NOSRV>", |server| &server.name);
            let (queue, connect) = (Millis(times.queue), Millis(times.connect));
            let plus = if *is_redispatched { "+" } else { "" };
            format!(
                "{client} [{}] {} {backend}/{server} {queue}/{connect}/{} {bytes_out} {} {}/{}/{}/{}/{plus}{retries} 0/0",
                accepted(),
                frontend.name,
                times.total.as_millis(),
                end.termination_code(),
                counts.process,
                counts.frontend,
                counts.backend,
                counts.server,
            )
        }
    }
}

/// Appends a whole datagram: RFC 3164 without the host name, as HAProxy's `format local` is, cut at the target's `len` (the
/// newline comes on top).
pub fn datagram(target: &LogTarget, level: u8, sent_at: &Zoned, pid: u32, text: &str, out: &mut Vec<u8>) {
    let priority = u16::from(target.facility) * 8 + u16::from(level);
    let line = format!("<{priority}>{} {TAG}[{pid}]: {text}", SyslogDate(sent_at));
    out.extend_from_slice(&line.as_bytes()[..line.len().min(usize::from(target.line_len_max))]);
    out.push(b'\n');
}

/// `%ci:%cp`: the client's address, or for one on a unix socket the number of the listener.
struct Client<'a>(&'a Record);

impl Display for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.client {
            Addr::Ip(_) => self.0.client.fmt(f),
            Addr::Unix(_) | Addr::Unnamed => write!(f, "unix:{}", self.0.listener),
        }
    }
}

/// `%t`: `22/Nov/2026:18:13:06.740`.
struct AcceptDate(Zoned);

impl Display for AcceptDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = &self.0;
        write!(f, "{:02}/{}/{:04}:", date.day(), month(date), date.year())?;
        write!(f, "{:02}:{:02}:{:02}.{:03}", date.hour(), date.minute(), date.second(), date.millisecond())
    }
}

/// `Nov  2 18:13:06` (RFC 3164 §4.1.2: the day has a blank in front, no zero).
struct SyslogDate<'a>(&'a Zoned);

impl Display for SyslogDate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.0;
        write!(f, "{} {:2} ", month(date), date.day())?;
        write!(f, "{:02}:{:02}:{:02}", date.hour(), date.minute(), date.second())
    }
}

fn month(date: &Zoned) -> &'static str {
    MONTHS[usize::from(date.month().unsigned_abs()) - 1]
}

/// Whole milliseconds; -1 for a point that was never reached.
struct Millis(Option<Duration>);

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(duration) => write!(f, "{}", duration.as_millis()),
            None => f.write_str("-1"),
        }
    }
}

/// When a line leaves, by the wall clock of `zone`.
pub fn in_zone(wall: Timestamp, zone: &TimeZone) -> Zoned {
    wall.to_zoned(zone.clone())
}
