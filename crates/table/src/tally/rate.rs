//! Events per second: each shard counts those of this second and of the one before, the reader adds and blends.

use super::Counter;
use super::counter::Most;
use std::time::Duration;

/// Events of one shard in its last two seconds. Seconds are those of the monotonic clock, so all shards agree on them.
#[derive(Debug, Default)]
pub struct Rate {
    second: Counter,
    current: Counter,
    previous: Counter,
}

impl Rate {
    /// An event in `second`, which is not before that of the event before.
    pub(super) fn add(&self, second: u64) {
        let last = self.second.get();
        if second != last {
            self.previous.set(if second == last + 1 { self.current.get() } else { 0 });
            self.current.set(0);
            self.second.set(second);
        }
        self.current.add(1);
    }

    /// The second whose count is complete once an event of `second` is added.
    pub(super) fn second_ended_by(&self, second: u64) -> Option<u64> {
        let last = self.second.get();
        (second != last && self.current.get() > 0).then_some(last)
    }

    pub(super) fn count_in(&self, second: u64) -> u64 {
        match self.second.get() {
            last if last == second => self.current.get(),
            last if last == second + 1 => self.previous.get(),
            _ => 0,
        }
    }

    pub(super) fn clear(&self) {
        [&self.second, &self.current, &self.previous].into_iter().for_each(|counter| counter.set(0));
    }
}

/// This second's events and the part of the last second's that is less than a second ago, as HAProxy blends them: a lone event
/// counts for as long as it may.
pub(super) fn over_last_second(at: Duration, count_in: impl Fn(u64) -> u64) -> u64 {
    let second = at.as_secs();
    let (current, previous) = (count_in(second), second.checked_sub(1).map_or(0, &count_in));
    if current == 0 && previous <= 1 {
        return previous;
    }
    let millis_left = u64::from(1000 - at.subsec_millis());
    current + previous * millis_left / 1000
}

/// The most in a second, that of the present one included.
pub(super) fn peak(most: &Most, at: Duration, count_in: impl Fn(u64) -> u64) -> u64 {
    let second = at.as_secs();
    most.raise(count_in(second));
    most.raise(second.checked_sub(1).map_or(0, &count_in));
    most.get()
}
