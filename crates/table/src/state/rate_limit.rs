//! A limit of events per second that holds over all shards (`rate-limit sessions`, `maxconnrate`, `maxsessrate`).
//!
//! The rule is HAProxy's: the events of this second and that part of the last second's which is less than a second ago are together
//! below the limit. So a burst may use up a whole second's events at once, and after it they come evenly.
//!
//! Whoever wants to let an event happen asks first, under a lock, and takes it with the answer: no two shards take the same one. Where
//! there is no limit, one word is read that nobody writes.
//!
//! **Invariant:** a shard that was refused knows when to ask again, and is woken earlier if that time moves forward.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam::utils::CachePadded;

use super::bells::{Bells, Rings};
use crate::ShardIndex;

/// Events per second.
#[derive(Debug)]
pub struct RateLimit {
    signs: CachePadded<Signs>,
    count: Mutex<Count>,
    bells: Arc<Bells>,
}

/// What is read without the lock.
#[derive(Debug, Default)]
struct Signs {
    /// 0: no limit.
    limit: AtomicU32,
    /// When the next event may happen, in microseconds; in the past unless somebody was refused.
    opens_at: AtomicU64,
    /// Shards that were refused, a bit each.
    waiting: AtomicU64,
}

/// What happened lately.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    second: u64,
    current: u64,
    previous: u64,
    /// What the file said last; the operator may have said something else since.
    configured: Option<u32>,
}

const SECOND: u64 = 1_000_000;

impl RateLimit {
    /// Without a limit, until somebody says one.
    pub(crate) fn new(bells: Arc<Bells>) -> RateLimit {
        RateLimit { signs: CachePadded::default(), count: Mutex::default(), bells }
    }

    /// Lets an event happen, `now` on the monotonic clock, if it may; else the shard is woken when the limit rises, and looks at
    /// [`opens_at`](Self::opens_at) to know when to ask again.
    pub fn admit_or_wait(&self, shard: ShardIndex, now: Duration) -> bool {
        if self.limit() == 0 {
            return true;
        }
        let mut count = self.lock();
        let limit = match self.limit() {
            0 => return true,
            limit => u64::from(limit),
        };
        let now = count.advance(micros(now));
        let opens_at = count.opens_at(limit, now);
        if opens_at <= now {
            count.current += 1;
            return true;
        }
        self.signs.opens_at.store(opens_at, SeqCst);
        // Under the lock: whoever opens it does so before this, and we have seen it, or behind it, and sees us wait.
        self.signs.waiting.fetch_or(1 << shard.0, SeqCst);
        false
    }

    /// An event that was let happen at this time did not.
    pub fn give_back(&self, admitted_at: Duration) {
        if self.limit() == 0 {
            return;
        }
        let mut count = self.lock();
        count.take_back(admitted_at.as_secs());
        drop(count);
        self.open();
    }

    /// Until when there is no use in asking, on the monotonic clock.
    pub fn opens_at(&self) -> Duration {
        Duration::from_micros(self.signs.opens_at.load(SeqCst))
    }

    /// Changes the limit at once; 0 is none.
    pub fn set_limit(&self, most: u32) {
        let count = self.lock();
        self.signs.limit.store(most, SeqCst);
        drop(count);
        self.open();
    }

    /// The limit in force; 0 is none.
    pub fn limit(&self) -> u32 {
        self.signs.limit.load(SeqCst)
    }

    /// The second that events are counted in, on the monotonic clock, and how many it has had: for whoever watches the limit.
    pub fn counted(&self) -> (u64, u64) {
        let count = self.lock();
        (count.second, count.current)
    }

    /// What the file says. It counts if it says something else than before: what the operator said meanwhile stays otherwise.
    pub(crate) fn configure(&self, most: u32) {
        let before = self.lock().configured.replace(most);
        if before != Some(most) {
            self.set_limit(most);
        }
    }

    /// Whoever waits may ask again.
    fn open(&self) {
        if self.signs.waiting.load(SeqCst) != 0 {
            self.signs.opens_at.store(0, SeqCst);
            self.bells.ring(Rings(self.signs.waiting.swap(0, SeqCst)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    /// Goes on to `now`; answers what time it is. Shards read their clocks once per turn, so one may be a little behind another.
    fn advance(&mut self, now: u64) -> u64 {
        let second = now / SECOND;
        if second < self.second {
            return self.second * SECOND;
        }
        if second > self.second {
            self.previous = if second == self.second + 1 { self.current } else { 0 };
            self.current = 0;
            self.second = second;
        }
        now
    }

    fn take_back(&mut self, second: u64) {
        if second == self.second {
            self.current = self.current.saturating_sub(1);
        } else if second + 1 == self.second {
            self.previous = self.previous.saturating_sub(1);
        }
    }

    /// The first time from `now` on at which an event may happen, if none happens before it.
    fn opens_at(&self, limit: u64, now: u64) -> u64 {
        let begin = self.second * SECOND;
        if self.current < limit {
            return begin + first_below(limit, self.previous, self.current).max(now - begin);
        }
        begin + SECOND + first_below(limit, self.current, 0)
    }
}

/// How far into a second the events before it and in it fall below the limit, which those in it do not reach alone. A lone event
/// counts for as long as it may, as HAProxy has it.
fn first_below(limit: u64, previous: u64, current: u64) -> u64 {
    let left = (limit - current) * SECOND;
    match (previous, limit) {
        (0, _) => 0,
        (1, 1) => SECOND,
        (previous, _) => SECOND.saturating_sub(left.div_ceil(previous).saturating_sub(1)),
    }
}

fn micros(now: Duration) -> u64 {
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::StateBook;

    /// When events happen that want to happen all the time, in milliseconds.
    fn flood(limit: u64, from: u64, count: usize) -> Vec<u64> {
        let (mut history, mut now, mut happened) = (Count::default(), from * 1000, Vec::new());
        while happened.len() < count {
            now = history.advance(now);
            now = history.opens_at(limit, now);
            history.advance(now);
            history.current += 1;
            happened.push(now / 1000);
        }
        happened
    }

    /// A burst, then one after the other over the seconds that follow.
    #[test]
    fn a_flood_becomes_a_stream() {
        assert_eq!(flood(4, 5_000, 4), [5_000; 4]);
        assert_eq!(
            flood(4, 5_900, 12),
            [5_900, 5_900, 5_900, 5_900, 6_000, 6_250, 6_500, 6_750, 7_000, 7_250, 7_500, 7_750]
        );
        assert_eq!(flood(1, 5_300, 3), [5_300, 7_000, 9_000], "as HAProxy counts a lone event");
    }

    proptest! {
        /// The rule as it is told, at every microsecond that was computed and at the one before.
        #[test]
        fn the_time_is_the_first(limit in 1_u64..40, steps in prop::collection::vec((0_u64..400_000, 1_u64..20), 1..60)) {
            let is_below = |count: &Count, now: u64| {
                let left = SECOND - now % SECOND;
                let lone = count.current == 0 && count.previous <= 1;
                let total = if lone { count.previous * SECOND } else { count.previous * left + count.current * SECOND };
                total < limit * SECOND
            };
            let (mut count, mut now) = (Count::default(), 7 * SECOND);
            for (pause, wanted) in steps {
                now = count.advance(now + pause);
                for _ in 0..wanted {
                    let opens_at = count.opens_at(limit, now);
                    let at = |time: u64| {
                        let mut later = count;
                        later.advance(time);
                        is_below(&later, time)
                    };
                    prop_assert!(at(opens_at), "too early");
                    prop_assert!(opens_at == now || !at(opens_at - 1), "too late: {count:?} at {now}, {opens_at}");
                    if opens_at > now {
                        break;
                    }
                    count.current += 1;
                    prop_assert!(count.current <= limit);
                }
            }
        }
    }

    #[test]
    fn who_was_refused_is_told_when_the_limit_rises() {
        let process = StateBook::new(2).process();
        let rung = Arc::new(AtomicU32::new(0));
        let bell = rung.clone();
        process.bells.hang(ShardIndex(1), Box::new(move || _ = bell.fetch_add(1, SeqCst)));
        let (rate, now) = (&process.session_rate, Duration::from_secs(9));
        rate.set_limit(1);
        assert!(rate.admit_or_wait(ShardIndex(0), now));
        assert!(!rate.admit_or_wait(ShardIndex(1), now));
        assert_eq!(rate.opens_at(), Duration::from_secs(11));
        rate.set_limit(2);
        assert_eq!((rung.load(SeqCst), rate.opens_at()), (1, Duration::ZERO));
        assert!(rate.admit_or_wait(ShardIndex(1), now));
        assert!(!rate.admit_or_wait(ShardIndex(1), now));
        rate.give_back(now);
        assert_eq!(rung.load(SeqCst), 2);
        assert!(rate.admit_or_wait(ShardIndex(1), now));
    }
}
