//! What a generator or an origin counted between two questions of the rig, as one line of JSON.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Latencies from one nanosecond to one minute, to three digits.
const LATENCY_MAX_NS: u64 = 60_000_000_000;
const LATENCY_DIGITS: u8 = 3;

/// What went wrong, by kind. Zero everywhere, unless something is broken.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failures {
    /// Connections that never came up.
    pub(crate) refused: u64,
    /// Connections that ended before the generator wanted them to.
    pub(crate) lost: u64,
    /// Streams with a byte that was not sent.
    pub(crate) corrupt: u64,
    /// Requests that had no answer for [`STALL`] when the count was taken.
    pub(crate) stalled: u64,
    /// Connections that the scenario wanted and that were not there when the count was taken.
    pub(crate) missing: u64,
    /// What the generator itself could not do: no port, no descriptor.
    pub(crate) own: u64,
}

/// From when on a request without an answer counts as stalled.
pub(crate) const STALL: Duration = Duration::from_secs(1);

impl Failures {
    pub(crate) fn sum(&self) -> u64 {
        self.parts().iter().map(|(_, count)| count).sum()
    }

    /// `2 lost, 1 stalled`; empty when nothing failed.
    pub(crate) fn describe(&self) -> String {
        let parts = self.parts();
        let said: Vec<String> =
            parts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
        said.join(", ")
    }

    pub(crate) fn add(&mut self, more: &Failures) {
        self.refused += more.refused;
        self.lost += more.lost;
        self.corrupt += more.corrupt;
        self.stalled += more.stalled;
        self.missing += more.missing;
        self.own += more.own;
    }

    fn parts(&self) -> [(&'static str, u64); 6] {
        [
            ("refused", self.refused),
            ("lost", self.lost),
            ("corrupt", self.corrupt),
            ("stalled", self.stalled),
            ("missing", self.missing),
            ("not tried (the generator's limit)", self.own),
        ]
    }
}

/// The running counts of one process.
pub(crate) struct Tally {
    since: Instant,
    pub(crate) round_trips: u64,
    pub(crate) connections: u64,
    pub(crate) bytes_received: u64,
    pub(crate) failures: Failures,
    latencies: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LATENCY_MAX_NS, LATENCY_DIGITS).expect("the bounds are in order");
        Tally {
            since: Instant::now(),
            round_trips: 0,
            connections: 0,
            bytes_received: 0,
            failures: Failures::default(),
            latencies,
        }
    }

    pub(crate) fn on_latency(&mut self, latency: Duration) {
        self.latencies.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What was counted since the last call; counting begins anew. `held` is how many connections stand right now.
    pub(crate) fn take(&mut self, held: u64) -> Count {
        let now = Instant::now();
        let count = Count {
            seconds: (now - self.since).as_secs_f64(),
            round_trips: self.round_trips,
            connections: self.connections,
            bytes_received: self.bytes_received,
            held,
            failures: self.failures,
            latencies: self
                .latencies
                .iter_recorded()
                .map(|step| (step.value_iterated_to(), step.count_since_last_iteration()))
                .collect(),
        };
        self.since = now;
        self.round_trips = 0;
        self.connections = 0;
        self.bytes_received = 0;
        self.failures = Failures::default();
        self.latencies.reset();
        count
    }
}

/// What one process counted in `seconds`.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) seconds: f64,
    pub(crate) round_trips: u64,
    pub(crate) connections: u64,
    pub(crate) bytes_received: u64,
    pub(crate) held: u64,
    pub(crate) failures: Failures,
    /// (nanoseconds, how often): the histogram's cells that are not empty.
    pub(crate) latencies: Vec<(u64, u64)>,
}

/// The latencies of several processes in one histogram, in nanoseconds.
pub(crate) fn merge_latencies<'a>(counts: impl IntoIterator<Item = &'a Count>) -> Result<Histogram<u64>> {
    let mut merged = Histogram::new_with_bounds(1, LATENCY_MAX_NS, LATENCY_DIGITS).expect("the bounds are in order");
    for &(nanoseconds, times) in counts.into_iter().flat_map(|count| &count.latencies) {
        merged.record_n(nanoseconds.min(LATENCY_MAX_NS), times).context("a latency of a generator")?;
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_carries_its_latencies() {
        let mut tally = Tally::new();
        for microseconds in 1..=1000 {
            tally.on_latency(Duration::from_micros(microseconds));
        }
        let merged = merge_latencies([&tally.take(0), &tally.take(0)]).expect("in bounds");
        assert_eq!(merged.len(), 1000, "the second count starts from nothing");
        let median = merged.value_at_quantile(0.5) as f64;
        assert!((median - 500_000.0).abs() < 1_000.0, "{median}");
    }

    #[test]
    fn failures_say_only_what_failed() {
        assert_eq!(Failures::default().describe(), "");
        let mut failures = Failures { lost: 2, stalled: 1, ..Failures::default() };
        assert_eq!(failures.describe(), "2 lost, 1 stalled");
        failures.add(&Failures { lost: 1, ..Failures::default() });
        assert_eq!(failures.sum(), 4);
    }
}
