//! What will happen, and when. Of two events at the same time, the one that was planned first comes first.

use crate::socket::{Lane, OpId};
use crate::state::{ActorId, ConnId, End, ServerId};
use crate::{Harm, Reach};
use driver::{Errno, Fd, Instant, Tag};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A client's script begins.
    Begin {
        actor: ActorId,
    },
    /// A request to connect reaches the address it is for.
    Knock {
        conn: ConnId,
        tries: u32,
    },
    /// The answer reaches who asked.
    Answer {
        conn: ConnId,
        result: Result<(), Errno>,
    },
    /// The handshake is complete on the side that was asked.
    Accepted {
        conn: ConnId,
    },
    Arrive {
        conn: ConnId,
        toward: End,
        what: Arrival,
    },
    /// An op may have become possible.
    Attempt {
        fd: Fd,
        lane: Lane,
        op: OpId,
    },
    Cancelled {
        fd: Fd,
        tag: Tag,
    },
    Closed {
        fd: Fd,
        tag: Tag,
    },
    /// A pause or the rest of a slow reader is over.
    Nudge {
        actor: ActorId,
    },
    Strike {
        conn: ConnId,
        end: End,
        harm: Harm,
    },
    Switch {
        server: ServerId,
        reach: Reach,
    },
    ResetAll {
        server: ServerId,
    },
    Wake,
}

/// What reaches an end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Bytes(usize),
    End,
    Reset,
    /// The other end has read: there is room again for what this one sends.
    Room,
}

#[derive(Default)]
pub(crate) struct Schedule {
    entries: BinaryHeap<Entry>,
    planned_count: u64,
}

struct Entry {
    at: Instant,
    serial: u64,
    event: Event,
}

impl Schedule {
    pub(crate) fn plan(&mut self, at: Instant, event: Event) {
        self.planned_count += 1;
        self.entries.push(Entry { at, serial: self.planned_count, event });
    }

    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.entries.peek().map(|entry| entry.at)
    }

    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Event> {
        if self.next_at()? > now {
            return None;
        }
        self.entries.pop().map(|entry| entry.event)
    }
}

impl Ord for Entry {
    /// Reversed: the heap hands out its greatest.
    fn cmp(&self, other: &Entry) -> Ordering {
        (other.at, other.serial).cmp(&(self.at, self.serial))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.serial == other.serial
    }
}

impl Eq for Entry {}
