//! What happened to a frontend, a listener, a backend, a server or the process since the start, as `show stat` tells it.
//!
//! ```text
//!   Tally ── epoch, peaks ............... one line that all read and few write
//!     ├─ shard 0 ── Traffic               written by shard 0 alone, with plain loads and stores
//!     ├─ shard 1 ── (nothing yet)         made when the shard first counts here
//!     └─ shard 2 ── Traffic
//! ```
//!
//! Totals are summed when somebody asks. To clear them, the epoch is advanced: a block of an older epoch counts as zero, and its
//! shard zeroes it before it writes the next time. So nobody but a block's own shard ever writes it.
//!
//! **Invariant:** a block is written by one shard. [`Tally::of`] is for that shard's thread.

mod counter;
mod histogram;
mod peak;
mod rate;
mod recent;
mod traffic;

pub use counter::Counter;
pub use histogram::{Distribution, Histogram};
pub(crate) use peak::Peak;
pub use rate::Rate;
pub use recent::Recent;
pub use traffic::{Latency, Peaks, Took, Totals, Traffic};

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use crossbeam::utils::CachePadded;

use self::counter::Most;
use crate::ShardIndex;

/// Counters of one thing, spread over the shards.
#[derive(Debug)]
pub struct Tally {
    shared: CachePadded<Shared>,
    /// A pointer until the shard counts here: a farm has many servers, and most shards see few of them.
    blocks: Box<[OnceLock<Box<CachePadded<Block>>>]>,
}

#[derive(Debug, Default)]
struct Shared {
    epoch: AtomicU64,
    peaks: Peaks,
}

#[derive(Debug, Default)]
struct Block {
    epoch: AtomicU64,
    traffic: Traffic,
}

impl Tally {
    pub(crate) fn new(shard_count: u16) -> Tally {
        Tally {
            shared: CachePadded::default(),
            blocks: std::iter::repeat_with(OnceLock::new).take(usize::from(shard_count)).collect(),
        }
    }

    /// The block of `shard`, to be written by that shard alone.
    pub fn of(&self, shard: ShardIndex) -> &Traffic {
        let epoch = self.shared.epoch.load(Relaxed);
        let new = || Box::new(CachePadded::new(Block { epoch: AtomicU64::new(epoch), traffic: Traffic::default() }));
        let block = self.blocks[usize::from(shard.0)].get_or_init(new);
        if block.epoch.load(Relaxed) != epoch {
            block.traffic.clear();
            block.epoch.store(epoch, Release);
        }
        &block.traffic
    }

    /// A connection arrived, `at` on the monotonic clock.
    pub fn on_connection(&self, shard: ShardIndex, at: Duration) {
        let own = self.of(shard);
        own.connections.add(1);
        let second = at.as_secs();
        if let Some(ended) = own.connection_rate.second_ended_by(second) {
            self.peaks().connection_rate.raise(self.connections_in(ended));
        }
        own.connection_rate.add(second);
    }

    /// A session began, `at` on the monotonic clock.
    pub fn on_session(&self, shard: ShardIndex, at: Duration) {
        let own = self.of(shard);
        own.sessions.add(1);
        let second = at.as_secs();
        if let Some(ended) = own.session_rate.second_ended_by(second) {
            self.peaks().session_rate.raise(self.sessions_in(ended));
        }
        own.session_rate.add(second);
    }

    /// A request was read, `at` on the monotonic clock.
    pub fn on_request(&self, shard: ShardIndex, at: Duration) {
        let own = self.of(shard);
        let second = at.as_secs();
        if let Some(ended) = own.request_rate.second_ended_by(second) {
            self.peaks().request_rate.raise(self.requests_in(ended));
        }
        own.request_rate.add(second);
    }

    /// A session came to a server.
    pub fn on_served(&self, shard: ShardIndex, at: Duration) {
        self.of(shard).last_session.set(at.as_secs() + 1);
    }

    /// A session ended that had reached a server: how long each part of it took.
    pub fn on_times(&self, shard: ShardIndex, took: Took) {
        let (own, peaks) = (self.of(shard), self.peaks());
        let latency = own.latency.get_or_init(Box::default);
        let note = |time: Duration, recent: &Recent, peak: &Most, histogram: &Histogram| {
            let micros = time.as_secs().saturating_mul(1_000_000).saturating_add(time.subsec_micros().into());
            let millis = micros / 1_000;
            recent.add(millis);
            peak.raise(millis);
            histogram.add(micros);
        };
        note(took.queue, &own.queue_time, &peaks.queue_time, &latency.queue);
        note(took.connect, &own.connect_time, &peaks.connect_time, &latency.connect);
        if let Some(response) = took.response {
            note(response, &own.response_time, &peaks.response_time, &latency.response);
        }
        note(took.total, &own.total_time, &peaks.total_time, &latency.total);
    }

    pub fn peaks(&self) -> &Peaks {
        &self.shared.peaks
    }

    /// What all shards have counted until now.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.blocks().for_each(|traffic| traffic.add_to(&mut totals));
        totals
    }

    /// Sessions per second, over the last second before `at` (`configuration.txt: fe_sess_rate`).
    pub fn session_rate(&self, at: Duration) -> u64 {
        rate::over_last_second(at, |second| self.sessions_in(second))
    }

    /// Connections per second, over the last second before `at`.
    pub fn connection_rate(&self, at: Duration) -> u64 {
        rate::over_last_second(at, |second| self.connections_in(second))
    }

    /// Requests per second, over the last second before `at`.
    pub fn request_rate(&self, at: Duration) -> u64 {
        rate::over_last_second(at, |second| self.requests_in(second))
    }

    /// The most requests that there were in a second.
    pub fn request_rate_peak(&self, at: Duration) -> u64 {
        rate::peak(&self.peaks().request_rate, at, |second| self.requests_in(second))
    }

    /// The most sessions that there were in a second.
    pub fn session_rate_peak(&self, at: Duration) -> u64 {
        rate::peak(&self.peaks().session_rate, at, |second| self.sessions_in(second))
    }

    /// The most connections that there were in a second.
    pub fn connection_rate_peak(&self, at: Duration) -> u64 {
        rate::peak(&self.peaks().connection_rate, at, |second| self.connections_in(second))
    }

    /// The average of a time over the last sessions, in milliseconds.
    pub fn recent(&self, which: impl Fn(&Traffic) -> &Recent) -> u64 {
        recent::mean(self.blocks().map(which))
    }

    /// How long a part of all sessions took.
    pub fn latency(&self, which: impl Fn(&Latency) -> &Histogram) -> Distribution {
        Distribution::of(self.blocks().filter_map(|traffic| traffic.latency.get()).map(|latency| which(latency)))
    }

    /// How long ago a session last came to a server; `None`: none has.
    pub fn since_last_session(&self, at: Duration) -> Option<Duration> {
        let last = self.blocks().map(|traffic| traffic.last_session.get()).max().filter(|&last| last > 0)?;
        Some(Duration::from_secs(at.as_secs().saturating_sub(last - 1)))
    }

    /// Forgets what was most (`clear counters`).
    pub fn clear_peaks(&self) {
        self.peaks().clear();
    }

    /// Starts all counts anew (`clear counters all`). A shard that counts at this very moment may save its last addition.
    pub fn clear(&self) {
        self.shared.epoch.fetch_add(1, Release);
        self.clear_peaks();
    }

    fn sessions_in(&self, second: u64) -> u64 {
        self.blocks().map(|traffic| traffic.session_rate.count_in(second)).sum()
    }

    fn requests_in(&self, second: u64) -> u64 {
        self.blocks().map(|traffic| traffic.request_rate.count_in(second)).sum()
    }

    fn connections_in(&self, second: u64) -> u64 {
        self.blocks().map(|traffic| traffic.connection_rate.count_in(second)).sum()
    }

    /// The blocks that were written since the last clearing.
    fn blocks(&self) -> impl Iterator<Item = &Traffic> {
        let epoch = self.shared.epoch.load(Acquire);
        let blocks = self.blocks.iter().filter_map(OnceLock::get);
        blocks.filter(move |block| block.epoch.load(Acquire) == epoch).map(|block| &block.traffic)
    }
}

#[cfg(test)]
mod tests;
