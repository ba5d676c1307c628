//! Counts that every connection changes on every shard: one cell per shard, added up by the reader.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

use crossbeam::utils::CachePadded;

use crate::tally::Peak;

/// A shard's number, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardIndex(pub u16);

/// A count spread over the shards so that no two of them write the same cache line.
///
/// Additions lose nothing and a sum taken while shards add is the sum of recent values, each of them exact. Additions release
/// and reads acquire, so that a reader who sees an addition sees every addition that the same shard made before it.
#[derive(Debug)]
pub struct ShardedCount {
    cells: Box<[CachePadded<AtomicU64>]>,
}

impl ShardedCount {
    /// # Panics
    /// If there is no shard.
    pub fn new(shard_count: u16) -> ShardedCount {
        assert!(shard_count > 0, "a count needs a shard to count on");
        ShardedCount { cells: (0..shard_count).map(|_| CachePadded::default()).collect() }
    }

    pub fn add(&self, shard: ShardIndex, amount: u64) {
        self.cells[usize::from(shard.0)].fetch_add(amount, Release);
    }

    pub fn sum(&self) -> u64 {
        self.cells.iter().map(|cell| cell.load(Acquire)).fold(0, u64::wrapping_add)
    }
}

/// The connections of a frontend, a backend or the process: how many there are, how many there were.
#[derive(Debug)]
pub struct Conns {
    opened: ShardedCount,
    closed: ShardedCount,
    peak: Peak,
}

impl Conns {
    pub(crate) fn new(shard_count: u16) -> Conns {
        Conns {
            opened: ShardedCount::new(shard_count),
            closed: ShardedCount::new(shard_count),
            peak: Peak::new(shard_count),
        }
    }

    /// One more connection. **Invariant:** followed by exactly one [`close`](Self::close).
    pub fn open(&self, shard: ShardIndex) {
        self.opened.add(shard, 1);
        self.peak.on_opened(shard, || self.current());
    }

    /// One connection less.
    pub fn close(&self, shard: ShardIndex) {
        self.closed.add(shard, 1);
        self.peak.on_closed(shard);
    }

    /// How many there are now. Closed ones are read first: a connection that opens or closes meanwhile may be counted although
    /// it is gone, and the result never falls below zero.
    pub fn current(&self) -> u64 {
        let closed = self.closed.sum();
        self.opened.sum().saturating_sub(closed)
    }

    /// How many there were since the process started, the present ones included.
    pub fn total(&self) -> u64 {
        self.opened.sum()
    }

    /// The most there were at once.
    pub fn peak(&self) -> u64 {
        self.peak.raise(self.current())
    }

    /// From now on the most is what there is now.
    pub fn clear_peak(&self) {
        self.peak.reset(self.current());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_shards_and_over_threads() {
        let count = ShardedCount::new(4);
        std::thread::scope(|scope| {
            for shard in 0..4 {
                let count = &count;
                scope.spawn(move || (0..1000).for_each(|_| count.add(ShardIndex(shard), 3)));
            }
        });
        assert_eq!(count.sum(), 12_000);
    }

    #[test]
    fn conns_may_open_on_one_shard_and_close_on_another() {
        let conns = Conns::new(2);
        conns.open(ShardIndex(0));
        conns.open(ShardIndex(1));
        conns.close(ShardIndex(1));
        conns.close(ShardIndex(1));
        assert_eq!((conns.current(), conns.total()), (0, 2));
    }
}
