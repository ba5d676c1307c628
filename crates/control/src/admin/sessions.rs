//! `show sess`: asked of all shards by mail, answered when the last of them has told everything.

use super::client::Answer;
use driver::{Addr, Instant, SessionId};
use shard::{Listed, Mail, Mailbox, Part};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use table::ShardIndex;
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
    /// Only this one is wanted.
    wanted: Option<Id>,
    reply: oneshot::Sender<Answer>,
}

impl Sessions {
    /// Asks all shards. One whose letter box is full does not turn, and is left out.
    pub(crate) fn ask(&mut self, mailboxes: &[Arc<Mailbox>], wanted: Option<Id>, reply: oneshot::Sender<Answer>) {
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
            let is_missing = wanted.is_some() && text.is_empty();
            // A client that has gone does not want to know.
            let _ = reply.send(if is_missing { "Session not found.\n".into() } else { text.into() });
        }
    }
}

impl Pending {
    fn take(&mut self, shard: ShardIndex, sessions: &[Listed], now: Instant) {
        for session in sessions {
            if self.wanted.is_none_or(|wanted| wanted == (shard, session.id)) {
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
