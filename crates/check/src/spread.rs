//! When the first checks begin: spread out, so that a start does not open a connection to every server at once (CFG 3.2,
//! `spread-checks` and `max-spread-checks`, describes what the defaults leave in place).

use std::time::Duration;

/// Intervals below this are no span to spread over.
const SPREAD_MIN: Duration = Duration::from_secs(1);

/// The smallest of the intervals that are one second or more; zero when there is none.
///
/// `intervals` holds [`Health::interval`](crate::Health::interval) of every server that is going to be checked.
pub fn smallest_interval(intervals: impl IntoIterator<Item = Duration>) -> Duration {
    intervals.into_iter().filter(|&interval| interval >= SPREAD_MIN).min().unwrap_or_default()
}

/// How long the first check of server `index`, out of `count` that are checked in the whole configuration, waits.
///
/// The span is the server's own interval, or `smallest` (see [`smallest_interval`]) if that is longer, but never longer than `most`
/// (`max-spread-checks`).
pub fn first_delay(index: u32, count: u32, smallest: Duration, interval: Duration, most: Option<Duration>) -> Duration {
    assert!(index < count);
    let span = smallest.max(interval);
    most.map_or(span, |most| span.min(most)).saturating_mul(index) / count
}

/// `interval`, longer or shorter by up to `percent` of it (`spread-checks`); `random` is a number drawn uniformly.
pub fn jittered(interval: Duration, percent: u32, random: u32) -> Duration {
    let span = interval.saturating_mul(percent) / 100;
    let share = f64::from(random) / f64::from(u32::MAX);
    (interval - span).saturating_add((span * 2).mul_f64(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When HAProxy 2.6 logged the first result of ten servers with these intervals (`fastinter` for the last one).
    #[test]
    fn as_measured() {
        let inters = [400, 400, 900, 900, 900, 900, 900, 4000, 1200, 2000].map(Duration::from_millis);
        let expected = [0, 120, 240, 360, 480, 600, 720, 2800, 960, 1800].map(Duration::from_millis);
        let smallest = smallest_interval(inters);
        assert_eq!(smallest, Duration::from_millis(1200));
        for (index, (interval, expected)) in (0..).zip(inters.into_iter().zip(expected)) {
            assert_eq!(first_delay(index, 10, smallest, interval, None), expected, "server {index}");
        }
    }

    #[test]
    fn short_intervals_are_their_own_span() {
        let inters = [Duration::from_millis(400); 4];
        let smallest = smallest_interval(inters);
        assert_eq!(smallest, Duration::ZERO);
        assert_eq!(first_delay(3, 4, smallest, inters[3], None), Duration::from_millis(300));
    }

    /// CFG 3.2: `max-spread-checks` caps the span, `spread-checks` moves single checks to both sides.
    #[test]
    fn spans_and_jitter_have_limits() {
        let ms = Duration::from_millis;
        assert_eq!(first_delay(5, 10, ms(2000), ms(2000), Some(ms(400))), ms(200));
        for (percent, random, expected) in [(0, 7, 1000), (50, 0, 500), (50, u32::MAX, 1500), (10, 0, 900)] {
            assert_eq!(jittered(ms(1000), percent, random), ms(expected), "{percent} {random}");
        }
    }

    #[test]
    fn no_interval_is_too_long() {
        assert_eq!(first_delay(9, 10, Duration::MAX, Duration::ZERO, None), Duration::MAX / 10);
        assert_eq!(smallest_interval([]), Duration::ZERO);
    }
}
