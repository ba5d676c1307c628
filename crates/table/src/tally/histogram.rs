//! How long something took, as a histogram: one shard counts, anybody reads.
//!
//! ```text
//!   microseconds   0 … 127 │ 128 … 255 │ 256, 258 … 510 │ 512, 516 … 1020 │ …
//!   page              0    │     1     │        2       │        3        │     128 counters each
//! ```
//!
//! A page is twice as wide as the one before, so that a value is known to two significant digits wherever it lies; it is the layout
//! of HdrHistogram (sigfig 2, unit 1 µs). A page is made when its first value comes: most distributions need a few of them.
//!
//! **Invariant:** one shard writes, with plain loads and stores.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::Counter;

/// Counters of a page.
const WIDTH: usize = 128;

/// 2^38 µs, more than three days, is the limit: what takes longer counts as that.
const PAGE_COUNT: usize = 32;

/// What one shard has counted.
#[derive(Debug, Default)]
pub struct Histogram {
    pages: [OnceLock<Box<Page>>; PAGE_COUNT],
    /// Microseconds, all values together.
    sum: Counter,
}

#[derive(Debug)]
struct Page([AtomicU32; WIDTH]);

impl Default for Page {
    fn default() -> Page {
        Page(std::array::from_fn(|_| AtomicU32::new(0)))
    }
}

impl Histogram {
    pub(super) fn add(&self, micros: u64) {
        let place = place(micros);
        let page = self.pages[place / WIDTH].get_or_init(Box::default);
        let counter = &page.0[place % WIDTH];
        // A counter that is full stays so.
        counter.store(counter.load(Relaxed).saturating_add(1), Relaxed);
        self.sum.add(micros);
    }

    pub(super) fn clear(&self) {
        let pages = self.pages.iter().filter_map(OnceLock::get);
        pages.flat_map(|page| &page.0).for_each(|counter| counter.store(0, Relaxed));
        self.sum.set(0);
    }
}

/// What all shards have counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// By place: how many values are counted there or before. As long as the highest value needs.
    up_to: Vec<u64>,
    sum: Duration,
}

impl Distribution {
    pub(super) fn of<'a>(shards: impl Iterator<Item = &'a Histogram>) -> Distribution {
        let (mut counts, mut micros) = (Vec::new(), 0_u64);
        for histogram in shards {
            micros = micros.wrapping_add(histogram.sum.get());
            for (index, page) in histogram.pages.iter().enumerate() {
                let Some(page) = page.get() else { continue };
                let start = index * WIDTH;
                if counts.len() < start + WIDTH {
                    counts.resize(start + WIDTH, 0);
                }
                let sums = counts[start..].iter_mut().zip(&page.0);
                sums.for_each(|(sum, counter)| *sum += u64::from(counter.load(Relaxed)));
            }
        }
        let mut before = 0;
        for count in &mut counts {
            before += *count;
            *count = before;
        }
        Distribution { up_to: counts, sum: Duration::from_micros(micros) }
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.up_to.last().copied().unwrap_or(0)
    }

    /// All values together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The time that so many of a thousand did not exceed, to two significant digits; `None` without values.
    pub fn permille(&self, share: u32) -> Option<Duration> {
        let wanted = (u128::from(self.count()) * u128::from(share)).div_ceil(1000).max(1);
        let place = self.up_to.partition_point(|&count| u128::from(count) < wanted);
        (place < self.up_to.len()).then(|| Duration::from_micros(highest(place)))
    }

    /// The longest time, to two significant digits; `None` without values.
    pub fn most(&self) -> Option<Duration> {
        self.permille(1000)
    }

    /// How many values are at most this long. A value within a hundredth above it may be among them or not.
    pub fn count_within(&self, time: Duration) -> u64 {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        // The place of the time itself is included only if all of it is.
        let end = place(micros) + usize::from(highest(place(micros)) <= micros);
        let end = end.min(self.up_to.len());
        if end == 0 { 0 } else { self.up_to[end - 1] }
    }
}

/// Where a value is counted.
fn place(micros: u64) -> usize {
    let micros = micros.min((1 << (PAGE_COUNT + 6)) - 1);
    let bits = (u64::BITS - micros.leading_zeros()) as usize;
    let shift = bits.saturating_sub(8);
    shift * WIDTH + (micros >> shift) as usize
}

/// The highest value that is counted there.
fn highest(place: usize) -> u64 {
    let shift = (place / WIDTH).saturating_sub(1);
    (((place - shift * WIDTH) as u64 + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram as Reference;

    fn filled(micros: impl Iterator<Item = u64>) -> (Distribution, Reference<u64>) {
        let (histogram, mut reference) = (Histogram::default(), Reference::new(2).expect("two digits"));
        for value in micros {
            histogram.add(value);
            reference.record(value).expect("it grows");
        }
        (Distribution::of([&histogram].into_iter()), reference)
    }

    /// Many orders of magnitude, with more of the small ones.
    fn spread(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(|index| (index * 7919 % 1009 + 1) << (index * 31 % 29))
    }

    #[test]
    fn it_answers_as_hdrhistogram() {
        let (ours, reference) = filled(spread(20_000));
        assert_eq!(ours.count(), reference.len());
        for share in [1, 10, 250, 500, 900, 990, 999, 1000] {
            let expected = reference.value_at_quantile(f64::from(share) / 1000.0);
            assert_eq!(ours.permille(share), Some(Duration::from_micros(expected)), "{share} of 1000");
        }
        assert_eq!(ours.most(), Some(Duration::from_micros(reference.max())));
    }

    #[test]
    fn values_are_known_to_two_digits() {
        for value in (0..100_000).chain((17..38).map(|bits| (1 << bits) - 3)) {
            let found = highest(place(value));
            assert!(found >= value && found - value <= value / 100, "{value} counts as {found}");
        }
        assert_eq!(place(u64::MAX), PAGE_COUNT * WIDTH - 1);
    }

    #[test]
    fn counts_within_a_time() {
        let (distribution, _) = filled([0, 100, 127, 255, 1_000, 250_000].into_iter());
        for (micros, expected) in [(0, 1), (99, 1), (100, 2), (127, 3), (255, 4), (1_003, 5), (260_000, 6)] {
            assert_eq!(distribution.count_within(Duration::from_micros(micros)), expected, "{micros}");
        }
        assert_eq!(distribution.count_within(Duration::MAX), 6);
        assert_eq!(distribution.sum(), Duration::from_micros(251_482));
    }

    #[test]
    fn shards_are_added_and_nothing_has_no_percentile() {
        let (one, other) = (Histogram::default(), Histogram::default());
        assert_eq!(Distribution::of([&one, &other].into_iter()).permille(500), None);
        one.add(3);
        other.add(2_000_000_000_000_000);
        let both = Distribution::of([&one, &other].into_iter());
        assert_eq!((both.count(), both.permille(500)), (2, Some(Duration::from_micros(3))));
        assert_eq!(both.most(), Some(Duration::from_micros((1 << 38) - 1)));
        other.clear();
        assert_eq!(Distribution::of([&one, &other].into_iter()).count(), 1);
    }
}
