//! What control may say to a shard, and what a shard says to control.

use crate::{Part, Stats, Whose};
use crossbeam::queue::{ArrayQueue, SegQueue};
use crossbeam::utils::CachePadded;
use driver::{Addr, DriverStats, Errno, Fd, Waker};
use session::{Record, Shutdown};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use table::{Server, ShardIndex, Table, Trouble};

/// From control to one shard.
#[derive(Debug)]
pub enum Mail {
    /// Bind what this table listens on and the shard does not yet; answered by [`Notice::Prepared`]. Nothing is used before
    /// the table is published.
    Prepare(Arc<Table>),
    /// The prepared table will not come: give up what was bound for it.
    Forget,
    /// Take no new connections, and stop after the last session. Answered by [`Notice::Stopped`].
    Drain,
    /// Stop now. Answered by [`Notice::Stopped`].
    Stop,
    /// End these sessions, as soon as the shard comes to it: a part of its slots per turn. Sessions that are accepted later are
    /// not meant.
    Shutdown { whose: Whose, why: Shutdown },
    /// Tell which sessions there are, a part of the slots per turn. Answered by several [`Notice::Listed`] with this serial.
    List(u64),
    /// Frontends stand otherwise than before ([`table::Standing`]): listeners follow. Answered by [`Notice::Followed`] with this
    /// serial.
    Follow(u64),
    /// Pass copies of the listening sockets on. Answered by [`Notice::Exported`].
    Export,
    /// Answered by [`Notice::Report`].
    Report,
}

/// Takes listening sockets out of a shard's file table: passes copies of these to control, and says of how many.
pub type Passage = Box<dyn Fn(&[Fd]) -> usize + Send>;

/// From a shard to control. Never lost, unlike records.
#[derive(Debug)]
pub enum Notice {
    Prepared {
        shard: ShardIndex,
        generation: u64,
        result: Result<(), PrepareFailure>,
    },
    /// The shard serves by this table now.
    Adopted {
        shard: ShardIndex,
        generation: u64,
    },
    Stopped {
        shard: ShardIndex,
    },
    Listed(Part),
    /// Listeners do what their frontends want; `refused` is one that should listen again and cannot.
    Followed {
        shard: ShardIndex,
        serial: u64,
        refused: Option<PrepareFailure>,
    },
    /// So many sockets are on their way to control.
    Exported {
        shard: ShardIndex,
        count: usize,
    },
    Report(Box<Report>),
    /// Sessions of this server have met too many troubles in a row, this one the last.
    Failing(Arc<Server>, Trouble),
}

/// An address that could not be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrepareFailure {
    pub frontend: Arc<str>,
    pub addr: Addr,
    pub errno: Errno,
}

/// A shard's own counters at one moment.
#[derive(Clone, Debug)]
pub struct Report {
    pub shard: ShardIndex,
    pub stats: Stats,
    pub driver: DriverStats,
    pub sessions_count: u32,
    pub buffers_used: usize,
}

/// A shard's letter box: bounded, written by control, emptied once per turn.
pub struct Mailbox {
    queue: ArrayQueue<Mail>,
    waker: Waker,
    pulse: CachePadded<Pulse>,
}

/// Letters that may wait for a shard; control says one thing at a time and waits for its answer.
const LETTERS_MOST: usize = 64;

impl Mailbox {
    pub fn new(waker: Waker) -> Mailbox {
        Mailbox { queue: ArrayQueue::new(LETTERS_MOST), waker, pulse: CachePadded::default() }
    }

    /// `Err` gives the letter back: the box is full, the shard has not turned for a long time.
    pub fn post(&self, mail: Mail) -> Result<(), Mail> {
        self.queue.push(mail)?;
        self.waker.wake();
        Ok(())
    }

    /// Ends the shard's wait, so that it looks at what was published.
    pub fn wake(&self) {
        self.waker.wake();
    }

    pub fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    pub(crate) fn take(&self) -> Option<Mail> {
        self.queue.pop()
    }
}

/// Whether a shard is busy, and since which turn: control can tell a shard that waits from one that is stuck.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Counts up when a turn begins to work and again when it is done: odd means busy.
    beats: AtomicU64,
}

impl Pulse {
    /// Odd while the shard works. The same odd number twice in two seconds is a shard that does not turn.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    pub(crate) fn beat(&self) {
        // One writer: a load and a store suffice.
        self.beats.store(self.beats() + 1, Ordering::Relaxed);
    }
}

/// What all shards report to.
pub struct ControlPort {
    records: ArrayQueue<Record>,
    records_dropped: AtomicU64,
    notices: SegQueue<Notice>,
    /// Set by the first shard that has news, cleared by control: one wake-up for many.
    has_news: AtomicBool,
    waker: Waker,
}

impl ControlPort {
    /// `records_most` log records may wait to be written; what comes on top is dropped and counted.
    pub fn new(records_most: usize, waker: Waker) -> ControlPort {
        ControlPort {
            records: ArrayQueue::new(records_most),
            records_dropped: AtomicU64::new(0),
            notices: SegQueue::new(),
            has_news: AtomicBool::new(false),
            waker,
        }
    }

    pub fn tell(&self, notice: Notice) {
        self.notices.push(notice);
        self.ring();
    }

    pub fn record(&self, record: Record) {
        if self.records.push(record).is_err() {
            self.records_dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.ring();
    }

    /// To be called before news is taken: what comes afterwards rings again.
    pub fn clear(&self) {
        self.has_news.store(false, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    pub fn take_notice(&self) -> Option<Notice> {
        self.notices.pop()
    }

    pub fn take_record(&self) -> Option<Record> {
        self.records.pop()
    }

    /// Records that found the queue full since the start.
    pub fn records_dropped(&self) -> u64 {
        self.records_dropped.load(Ordering::Relaxed)
    }

    fn ring(&self) {
        // Orders the push before the look: either control, which clears before it takes, finds what was pushed, or we see
        // that it has cleared.
        fence(Ordering::SeqCst);
        if !self.has_news.load(Ordering::Relaxed) && !self.has_news.swap(true, Ordering::SeqCst) {
            self.waker.wake();
        }
    }
}
