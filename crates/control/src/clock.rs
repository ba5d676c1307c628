//! The two clocks: what a shard's instants are by the clock on the wall.
//!
//! Shards count monotonic time; log lines show the wall's. Both are read at the same moment and an instant is placed by its
//! distance from there, so a wall clock that is set does not falsify more than the lines of the sessions that lived through it.

use driver::Instant;
use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub instant: Instant,
    pub wall: Timestamp,
}

impl Moment {
    pub fn now() -> Moment {
        Moment { instant: now(), wall: Timestamp::now() }
    }

    /// What the wall clock showed at `instant`, which is not later than this moment.
    pub fn wall_at(&self, instant: Instant) -> Timestamp {
        let ago = SignedDuration::try_from(self.instant.since(instant)).unwrap_or(SignedDuration::MAX);
        self.wall.saturating_sub(ago).unwrap_or(Timestamp::MIN)
    }
}

/// Tells shards what the wall's clock shows now.
pub(crate) fn tell(wall: &table::Wall) {
    let Moment { instant, wall: shown } = Moment::now();
    let since_1970 = Duration::try_from(shown.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
    wall.set(instant.since(Instant::EPOCH), since_1970);
}

/// The time by the clock that the shards' drivers use.
pub(crate) fn now() -> Instant {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("Linux has this clock, and the address is ours");
    Instant::EPOCH + Duration::from(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_as_long_ago_on_the_wall() {
        let moment =
            Moment { instant: Instant::from_nanos(5_000_000_000), wall: Timestamp::from_second(1_000).expect("valid") };
        let two_seconds_before = moment.wall_at(Instant::from_nanos(3_000_000_000));
        assert_eq!(two_seconds_before, Timestamp::from_second(998).expect("valid"));
        assert_eq!(moment.wall_at(Instant::from_nanos(9_000_000_000)), moment.wall, "later is now");
    }

    #[test]
    fn the_clock_goes_forward() {
        let before = now();
        assert!(now() >= before);
        assert_ne!(before, Instant::EPOCH);
    }
}
