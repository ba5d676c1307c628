//! The clock on the wall, for those who know the monotonic one: control tells from time to time how far they are apart.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Nanoseconds from the monotonic clock to the wall's since 1970.
#[derive(Debug, Default)]
pub struct Wall(AtomicI64);

impl Wall {
    /// Both clocks at one moment.
    pub fn set(&self, monotonic: Duration, wall: Duration) {
        self.0.store(nanoseconds(wall) - nanoseconds(monotonic), Relaxed);
    }

    /// What the wall's clock shows when the monotonic one shows this.
    pub fn at(&self, monotonic: Duration) -> Duration {
        let nanoseconds = nanoseconds(monotonic).saturating_add(self.0.load(Relaxed));
        Duration::from_nanos(nanoseconds.try_into().unwrap_or(0))
    }
}

/// Either clock will be beyond 64 bits after the year 2262.
fn nanoseconds(time: Duration) -> i64 {
    time.as_nanos().try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_stay_as_far_apart() {
        let wall = Wall::default();
        wall.set(Duration::from_secs(5), Duration::from_secs(1_000));
        assert_eq!(wall.at(Duration::from_secs(3)), Duration::from_secs(998));
        assert_eq!(wall.at(Duration::from_secs(7)), Duration::from_secs(1_002));
    }
}
