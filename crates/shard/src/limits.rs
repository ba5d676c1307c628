//! The process's `maxconn`: exact over all shards.
//!
//! A place is taken before a connection is accepted and given back when its session is closed, so the sum never exceeds the
//! limit. A shard that finds no place says so and rests; whoever gives the next place back wakes it.
//!
//! **Invariant:** `admitted` is the number of places taken, over all shards. It may exceed a limit that a reload has lowered,
//! and then only falls.

use crossbeam::utils::CachePadded;
use driver::Waker;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use table::ShardIndex;

pub struct Limits {
    admitted: CachePadded<AtomicU32>,
    /// Shards that wait for a place, a bit each. Read with every place given back, written only when one is missing.
    waiting: CachePadded<AtomicU64>,
    wakers: Vec<Waker>,
}

impl Limits {
    /// One waker per shard, in their order; at most 64 shards.
    pub fn new(wakers: Vec<Waker>) -> Limits {
        assert!(wakers.len() <= 64, "one bit per shard");
        Limits { admitted: CachePadded::default(), waiting: CachePadded::default(), wakers }
    }

    /// Takes a place, if fewer than `most` are taken.
    pub fn admit(&self, most: u32) -> bool {
        let admit = |taken: u32| (taken < most).then(|| taken + 1);
        self.admitted.fetch_update(Ordering::AcqRel, Ordering::Acquire, admit).is_ok()
    }

    /// Takes a place, or sees to it that this shard is woken when one may be free.
    pub fn admit_or_wait(&self, most: u32, shard: ShardIndex) -> bool {
        if self.admit(most) {
            return true;
        }
        self.waiting.fetch_or(1 << shard.0, Ordering::SeqCst);
        // A place may have come back between the two lines above, and found nobody waiting.
        self.admit(most)
    }

    /// Gives a place back.
    pub fn release(&self) {
        let taken = self.admitted.fetch_sub(1, Ordering::SeqCst);
        assert!(taken > 0, "a place is given back once");
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.wake_waiting();
        }
    }

    /// Wakes whoever waits: a place was given back, or the limit has changed.
    pub fn wake_waiting(&self) {
        let mut waiting = self.waiting.swap(0, Ordering::SeqCst);
        while waiting != 0 {
            self.wakers[waiting.trailing_zeros() as usize].wake();
            waiting &= waiting - 1;
        }
    }

    /// Places taken.
    pub fn admitted_count(&self) -> u32 {
        self.admitted.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::Wake;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[derive(Default)]
    struct Bell(AtomicBool);

    impl Wake for Bell {
        fn wake(&self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn whoever_found_no_place_is_woken_by_the_next_release() {
        let bell = Arc::new(Bell::default());
        let limits = Limits::new(vec![bell.clone()]);
        assert!(limits.admit_or_wait(1, ShardIndex(0)));
        assert!(!limits.admit_or_wait(1, ShardIndex(0)));
        assert!(!bell.0.load(Ordering::SeqCst));
        limits.release();
        assert!(bell.0.load(Ordering::SeqCst));
        assert!(limits.admit(1));
    }

    #[test]
    fn the_sum_over_threads_never_exceeds_the_limit() {
        let limits = Limits::new(Vec::new());
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        if limits.admit(2) {
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 2);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            limits.release();
                        }
                    }
                });
            }
        });
        assert_eq!(limits.admitted_count(), 0);
    }
}
