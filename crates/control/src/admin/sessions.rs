//! `show sess`: asked of all shards by mail, answered when the last of them has told everything.

use super::client::Answer;
use super::commands::Call;
use driver::{Addr, Instant, SessionId};
use shard::{Listed, Mail, Mailbox, Part};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use table::{ShardIndex, Table};
use tokio::sync::oneshot;

/// A session of any shard.
pub(crate) type Id = (ShardIndex, SessionId);

/// Listings that are under way: at most one per client.
#[derive(Default)]
pub(crate) struct Sessions {
    serial_next: u64,
    pending: Vec<Pending>,
}

struct Pending {
    serial: u64,
    /// Shards that have not told everything yet.
    silent_count: usize,
    text: String,
    wanted: Wanted,
    reply: oneshot::Sender<Answer>,
}

/// Which sessions are to be shown (`management.txt: show sess`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    One(Id),
    /// Those that began at least so long ago.
    Older(Duration),
    Frontend(String),
    Backend(String),
    Server(String, String),
}

impl Wanted {
    /// What the arguments say, or what there is to say against them.
    pub(super) fn of(table: &Table, call: &Call<'_>) -> Result<Wanted, &'static str> {
        let name = call.word(1);
        match call.word(0) {
            "" | "all" => Ok(Wanted::All),
            "help" => Err(USAGE),
            "older" => match config::time(name) {
                Ok(age) if !name.is_empty() => Ok(Wanted::Older(age)),
                Ok(_) | Err(_) => Err("Expects an age.\n"),
            },
            "frontend" => match table.frontend_named(name) {
                Some(_) => Ok(Wanted::Frontend(name.into())),
                None => Err("No such frontend.\n"),
            },
            "backend" => match table.backend_named(name) {
                Some(_) => Ok(Wanted::Backend(name.into())),
                None => Err("No such backend.\n"),
            },
            "server" => {
                let (backend, server) = name.split_once('/').ok_or("Require 'backend/server'.\n")?;
                Ok(Wanted::Server(backend.into(), server.into()))
            }
            id => parsed(id).map(Wanted::One).ok_or("Session not found.\n"),
        }
    }

    fn includes(&self, shard: ShardIndex, session: &Listed, now: Instant) -> bool {
        match self {
            Wanted::All => true,
            Wanted::One(id) => *id == (shard, session.id),
            Wanted::Older(age) => now.since(session.accepted_at) >= *age,
            Wanted::Frontend(name) => *session.frontend == **name,
            Wanted::Backend(name) => session.backend.as_deref() == Some(name),
            Wanted::Server(backend, server) => {
                (session.backend.as_deref(), session.server.as_deref()) == (Some(backend), Some(server))
            }
        }
    }
}

const USAGE: &str = "Usage: show sess [<id>|all|help|older <age>|frontend <f>|backend <b>|server <b/s>]\n";

impl Sessions {
    /// Asks all shards. One whose letter box is full does not turn, and is left out.
    pub(crate) fn ask(&mut self, mailboxes: &[Arc<Mailbox>], wanted: Wanted, reply: oneshot::Sender<Answer>) {
        self.serial_next += 1;
        let serial = self.serial_next;
        let silent_count = mailboxes.iter().filter(|mailbox| mailbox.post(Mail::List(serial)).is_ok()).count();
        self.pending.push(Pending { serial, silent_count, text: String::new(), wanted, reply });
        self.answer();
    }

    /// A shard has told of some of its sessions.
    pub(crate) fn on_part(&mut self, part: Part, now: Instant) {
        let Part { shard, serial, sessions, is_last } = part;
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.serial == serial) {
            pending.take(shard, &sessions, now);
            pending.silent_count -= usize::from(is_last);
        }
        self.answer();
    }

    /// Answers those whose shards have all told.
    fn answer(&mut self) {
        while let Some(index) = self.pending.iter().position(|pending| pending.silent_count == 0) {
            let Pending { text, wanted, reply, .. } = self.pending.swap_remove(index);
            let is_missing = matches!(wanted, Wanted::One(_)) && text.is_empty();
            // A client that has gone does not want to know.
            let _ = reply.send(if is_missing { "Session not found.\n".into() } else { text.into() });
        }
    }
}

impl Pending {
    fn take(&mut self, shard: ShardIndex, sessions: &[Listed], now: Instant) {
        for session in sessions {
            if self.wanted.includes(shard, session, now) {
                self.text.push_str(&line(shard, session, now));
            }
        }
    }
}

/// HAProxy's fields, as far as they mean something here, and then ours.
fn line(shard: ShardIndex, session: &Listed, now: Instant) -> String {
    let Listed { id, phase, client, frontend, backend, server, accepted_at, bytes_in, bytes_out } = session;
    let proto = match client {
        Addr::Ip(SocketAddr::V4(_)) => "tcpv4",
        Addr::Ip(SocketAddr::V6(_)) => "tcpv6",
        Addr::Unix(_) | Addr::Unnamed => "unix_stream",
    };
    let mut line = String::new();
    // A string takes this.
    let _ = writeln!(
        line,
        "{}: proto={proto} src={client} fe={frontend} be={} srv={} ts=00 epoch=0 age={} calls=0 rate=0 cpu=0 lat=0 \
         phase={phase:?} bin={bytes_in} bout={bytes_out} shard={}",
        shown((shard, *id)),
        backend.as_deref().unwrap_or("<NONE>"),
        server.as_deref().unwrap_or("<none>"),
        age(now.since(*accepted_at)),
        shard.0
    );
    line
}

/// As HAProxy writes a pointer; it leads nowhere, and finds a session for `shutdown session`.
fn shown((shard, id): Id) -> String {
    format!("0x{:x}{:08x}{:08x}", u32::from(shard.0) + 1, id.generation, id.index)
}

/// What [`shown`] has written.
pub(crate) fn parsed(word: &str) -> Option<Id> {
    let digits = word.strip_prefix("0x").filter(|digits| digits.is_ascii() && digits.len() > 16)?;
    let (rest, index) = digits.split_at(digits.len() - 8);
    let (shard, generation) = rest.split_at(rest.len() - 8);
    let number = |digits: &str| u32::from_str_radix(digits, 16).ok();
    let shard = u16::try_from(number(shard)?.checked_sub(1)?).ok()?;
    Some((ShardIndex(shard), SessionId { index: number(index)?, generation: number(generation)? }))
}

/// In at most two units: `59s`, `1m5s`, `2h3m`, `4d1h`.
fn age(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, _, _) => format!("{hours}h{minutes}m"),
        (..) => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for (shard, index, generation) in [(0, 0, 0), (7, 1, 2), (u16::MAX, u32::MAX, u32::MAX)] {
            let id = (ShardIndex(shard), SessionId { index, generation });
            assert_eq!(parsed(&shown(id)), Some(id));
        }
        for word in ["", "0x", "0x1", "17", "0x0000000000000000g", "0x00000000000000000", "0xé0000000000000000"] {
            assert_eq!(parsed(word), None, "{word}");
        }
    }

    #[test]
    fn ages() {
        let texts = [0, 59, 65, 7_380, 349_200].map(|seconds| age(Duration::from_secs(seconds)));
        assert_eq!(texts, ["0s", "59s", "1m5s", "2h3m", "4d1h"]);
    }
}
