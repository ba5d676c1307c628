//! The most there were at once, over all shards, without reading every shard's line at each arrival.
//!
//! Whoever finds that `most` is `gap` above the present number takes a part of that gap and opens so many without asking again.
//! A connection that closes adds its place to its shard's part.
//!
//! **Invariant:** the parts together are never more than the gap, so nothing can be exceeded that nobody asked about. Who asks
//! and finds that the others hold more than is left makes all parts void: then everybody asks. With a small gap, and so always
//! with few connections, every arrival does.
//!
//! Only shards that open at the very same time can miss a peak, each by not yet seeing the other's; the reader, who looks at the
//! present number as well, never shows less than that.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam::utils::CachePadded;

use super::counter::Counter;
use crate::ShardIndex;

#[derive(Debug)]
pub(crate) struct Peak {
    seen: CachePadded<Seen>,
    parts: Box<[CachePadded<Part>]>,
}

/// Read at every arrival, written seldom.
#[derive(Debug, Default)]
struct Seen {
    most: AtomicU64,
    /// Advanced when the parts hold more than the gap: those taken before are void.
    epoch: AtomicU64,
}

/// What one shard may open without asking.
#[derive(Debug, Default)]
struct Part {
    left: Counter,
    epoch: Counter,
}

impl Peak {
    pub(crate) fn new(shard_count: u16) -> Peak {
        let parts = std::iter::repeat_with(CachePadded::default).take(usize::from(shard_count)).collect();
        Peak { seen: CachePadded::default(), parts }
    }

    /// One more; `current` is the number over all shards, this one included.
    pub(crate) fn on_opened(&self, shard: ShardIndex, current: impl FnOnce() -> u64) {
        let part = &self.parts[usize::from(shard.0)];
        let (epoch, left) = (self.seen.epoch.load(Relaxed), part.left.get());
        if left > 0 && part.epoch.get() == epoch {
            return part.left.set(left - 1);
        }
        let current = current();
        let gap = self.raise(current) - current;
        let (epoch, free) = match gap.checked_sub(self.held_in(epoch)) {
            Some(free) => (epoch, free),
            None => (self.seen.epoch.fetch_add(1, Relaxed) + 1, gap),
        };
        part.left.set(free / self.parts.len() as u64);
        part.epoch.set(epoch);
    }

    /// What all shards together may open without asking.
    fn held_in(&self, epoch: u64) -> u64 {
        self.parts.iter().filter(|part| part.epoch.get() == epoch).map(|part| part.left.get()).sum()
    }

    /// One less.
    pub(crate) fn on_closed(&self, shard: ShardIndex) {
        self.parts[usize::from(shard.0)].left.add(1);
    }

    /// The most, `current` included.
    pub(crate) fn raise(&self, current: u64) -> u64 {
        let most = self.seen.most.load(Relaxed);
        if current <= most { most } else { self.seen.most.fetch_max(current, Relaxed).max(current) }
    }

    /// From now on the most is what there is now.
    pub(crate) fn reset(&self, current: u64) {
        self.seen.most.store(current, Relaxed);
        self.seen.epoch.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conns;

    fn shards(count: u16) -> impl Iterator<Item = ShardIndex> {
        (0..count).map(ShardIndex)
    }

    #[test]
    fn shards_that_take_turns_miss_nothing() {
        for count in [1, 2, 3, 8] {
            walk(count);
        }
    }

    fn walk(count: u16) {
        let conns = Conns::new(count);
        let (mut open, mut most) = (vec![], 0);
        for step in 0..10_000_u64 {
            // A walk that drifts up and down, on shards that follow no pattern.
            let shard = ShardIndex((step * step * 31 % 1009 % u64::from(count)) as u16);
            if !open.is_empty() && (step * 7919) % 13 < 6 + (step / 1000) % 2 {
                conns.close(open.swap_remove(step as usize % open.len()));
            } else {
                conns.open(shard);
                open.push(shard);
            }
            most = most.max(open.len() as u64);
            // Asking shows what is there: it must not be asked all the time.
            if step % 997 == 0 {
                assert_eq!((conns.current(), conns.peak()), (open.len() as u64, most), "step {step} of {count} shards");
            }
        }
    }

    #[test]
    fn taking_turns_is_not_being_together() {
        let conns = Conns::new(4);
        for shard in shards(4).chain(shards(4)) {
            conns.open(shard);
            conns.close(shard);
        }
        assert_eq!(conns.peak(), 1);
        shards(4).for_each(|shard| conns.open(shard));
        assert_eq!(conns.peak(), 4);
        conns.close(ShardIndex(2));
        assert_eq!(conns.peak(), 4);
    }

    #[test]
    fn a_reader_sees_at_least_what_is_there() {
        let conns = Conns::new(2);
        (0..100).for_each(|_| conns.open(ShardIndex(0)));
        (0..90).for_each(|_| conns.close(ShardIndex(0)));
        // Both shards may climb: one by what it gave up, the other by what it is granted.
        (0..300).for_each(|index| conns.open(ShardIndex(index % 2)));
        assert_eq!(conns.current(), 310);
        assert_eq!(conns.peak(), 310);
    }

    #[test]
    fn a_reset_voids_what_was_granted() {
        let conns = Conns::new(2);
        (0..100).for_each(|_| conns.open(ShardIndex(0)));
        (0..98).for_each(|_| conns.close(ShardIndex(0)));
        conns.open(ShardIndex(1));
        conns.clear_peak();
        assert_eq!(conns.peak(), 3);
        conns.open(ShardIndex(0));
        conns.open(ShardIndex(1));
        conns.close(ShardIndex(0));
        conns.close(ShardIndex(1));
        assert_eq!(conns.peak(), 5);
    }
}
