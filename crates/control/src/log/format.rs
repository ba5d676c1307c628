//! Log lines: what a session's record says, in HAProxy's words (`configuration.txt` §8.2).
//!
//! Pure functions: facts in, text out. Consumers match these lines field by field.

use super::calendar::{Calendar, Date};
use crate::clock::Moment;
use driver::Addr;
use session::{Record, RecordKind};
use std::fmt::{self, Display};
use std::io::Write;
use std::time::Duration;

/// Appends the text of a session's line, without envelope and newline. `now` is any moment after the session's accept.
pub fn push(record: &Record, now: &Moment, calendar: &mut Calendar, out: &mut Vec<u8>) {
    let frontend = record.table.frontend(record.frontend);
    let client = Client(record);
    let mut accepted = || calendar.date(now.wall_at(record.accepted_at));
    let written = match &record.kind {
        RecordKind::Connect => {
            let mode = frontend.mode.log_word();
            match record.client {
                Addr::Ip(_) => {
                    write!(out, "Connect from {client} to {} ({}/{mode})", record.destination, frontend.name)
                }
                // Neither end has an address worth a line.
                Addr::Unix(_) | Addr::Unnamed => write!(out, "Connect to {client} ({}/{mode})", frontend.name),
            }
        }
        RecordKind::BadHeader(why) => {
            let listener = frontend.binds.get(usize::from(record.listener).wrapping_sub(1));
            let name = listener.and_then(|bind| bind.name.as_deref());
            let number = record.listener.to_string();
            let accepted = AcceptDate(accepted());
            write!(out, "{client} [{accepted}] {}/{}: {why}", frontend.name, name.unwrap_or(&number))
        }
        RecordKind::Closed { end, times, server, bytes_in: _, bytes_out, retries, is_redispatched, counts, passed } => {
            let backend = record.backend.map_or(&frontend.name, |backend| &record.table.backend(backend).name);
            let server = server.as_ref().map_or("<NOSRV>", |server| &server.name);
            let (queue, connect) = (Millis(times.queue), Millis(times.connect));
            let plus = if *is_redispatched { "+" } else { "" };
            write!(
                out,
                "{client} [{}] {} {backend}/{server} {queue}/{connect}/{} {bytes_out} {} {}/{}/{}/{}/{plus}{retries} {}/{}",
                AcceptDate(accepted()),
                frontend.name,
                times.total.as_millis(),
                end.termination_code(),
                counts.process,
                counts.frontend,
                counts.backend,
                counts.server,
                passed.server,
                passed.backend,
            )
        }
    };
    written.expect("memory takes everything");
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

/// `%t`.
struct AcceptDate(Date);

impl Display for AcceptDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(24);
        self.0.push_accept(&mut text);
        f.write_str(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
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
