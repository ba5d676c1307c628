//! Points in time on a driver's own clock.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds on the monotonic clock since an epoch that all drivers of a process share.
///
/// It is kept as one more than that, so that a time which may be missing is no larger: sessions have several of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(NonZeroU64);

const _: () = assert!(size_of::<Option<Instant>>() == size_of::<u64>());

impl Instant {
    pub const EPOCH: Instant = Instant(NonZeroU64::MIN);

    /// The last nanosecond of 584 years is the same as the one before.
    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(NonZeroU64::MIN.saturating_add(nanos))
    }

    pub const fn nanos(self) -> u64 {
        self.0.get() - 1
    }

    pub const fn millis(self) -> u64 {
        self.nanos() / 1_000_000
    }

    /// Zero if `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.nanos().saturating_sub(earlier.nanos()))
    }
}

impl Default for Instant {
    fn default() -> Instant {
        Instant::EPOCH
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates after 584 years.
    fn add(self, span: Duration) -> Instant {
        let nanos = span.as_secs().saturating_mul(1_000_000_000).saturating_add(span.subsec_nanos().into());
        Instant(self.0.saturating_add(nanos))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}s", self.nanos() / 1_000_000_000, self.nanos() % 1_000_000_000)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&self.nanos()).finish()
    }
}
