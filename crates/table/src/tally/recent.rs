//! The average of the last values: each shard keeps a sum that forgets, the reader weighs them.

use super::Counter;

/// The sum of the last [`WINDOW`] values of one shard, in which older ones fade.
#[derive(Debug, Default)]
pub struct Recent {
    sum: Counter,
    count: Counter,
}

/// Values that an average is made of (`management.txt` §9.1: "over the 1024 last requests").
const WINDOW: u64 = 1024;

impl Recent {
    pub(super) fn add(&self, value: u64) {
        let (sum, count) = (self.sum.get(), self.count.get());
        // Once the window is full, each new value takes an average one out.
        let faded = if count < WINDOW { sum } else { sum - sum.div_ceil(WINDOW) };
        self.sum.set(faded.saturating_add(value));
        self.count.set((count + 1).min(WINDOW));
    }

    pub(super) fn clear(&self) {
        self.sum.set(0);
        self.count.set(0);
    }
}

/// The average over all shards, rounded up as HAProxy does; 0 without values.
pub(super) fn mean<'a>(shards: impl Iterator<Item = &'a Recent>) -> u64 {
    let add =
        |(sum, count): (u64, u64), recent: &Recent| (sum.saturating_add(recent.sum.get()), count + recent.count.get());
    let (sum, count) = shards.fold((0, 0), add);
    if count == 0 { 0 } else { sum.div_ceil(count) }
}
