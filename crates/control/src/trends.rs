//! How many sessions every server got lately: looked at now and then, remembered for some minutes.
//!
//! **Invariant:** as many servers are remembered as the table in force has, each with [`POINTS_MOST`] points at most.

use driver::Instant;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use table::{Server, Table};

/// Five minutes, a point every five seconds.
const EVERY: Duration = Duration::from_secs(5);
pub(crate) const POINTS_MOST: usize = 60;

/// Of all servers, by the names of backend and server.
#[derive(Default)]
pub(crate) struct Trends {
    trends: HashMap<(Arc<str>, Arc<str>), Trend>,
    next_at: Option<Instant>,
}

/// Of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trend {
    /// Sessions so far.
    total: u64,
    /// Sessions of each interval, the last one last.
    points: VecDeque<u32>,
}

impl Trends {
    /// Looks at all servers, if it is time to.
    pub(crate) fn look(&mut self, table: &Table, now: Instant) {
        if self.next_at.is_some_and(|next_at| now < next_at) {
            return;
        }
        self.next_at = Some(now + EVERY);
        let mut before = std::mem::take(&mut self.trends);
        for server in table.backends.iter().flat_map(|backend| &backend.servers) {
            let key = key(server);
            let total = server.state.tally.totals().sessions;
            let trend = match before.remove(&key) {
                Some(trend) => trend.and(total),
                None => Trend { total, points: VecDeque::new() },
            };
            self.trends.insert(key, trend);
        }
    }

    pub(crate) fn of(&self, server: &Server) -> Option<&Trend> {
        self.trends.get(&key(server)).filter(|trend| !trend.points.is_empty())
    }
}

impl Trend {
    /// Sessions of each interval, the last one last.
    pub(crate) fn points(&self) -> impl Iterator<Item = u32> {
        self.points.iter().copied()
    }

    /// What so many sessions in an interval are in a second.
    pub(crate) fn per_second(point: u32) -> u64 {
        u64::from(point).div_ceil(EVERY.as_secs())
    }

    fn and(mut self, total: u64) -> Trend {
        if self.points.len() == POINTS_MOST {
            self.points.pop_front();
        }
        // Counters may have been cleared meanwhile.
        let count = total.checked_sub(self.total).unwrap_or(total);
        self.points.push_back(u32::try_from(count).unwrap_or(u32::MAX));
        self.total = total;
        self
    }
}

fn key(server: &Server) -> (Arc<str>, Arc<str>) {
    (Arc::clone(&server.backend_name), Arc::clone(&server.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_made_of_differences() {
        let trend = [5, 5, 12, 3].into_iter().fold(Trend { total: 2, ..Trend::default() }, Trend::and);
        assert_eq!(trend.points().collect::<Vec<_>>(), [3, 0, 7, 3], "the last total is of cleared counters");
        assert_eq!([0, 1, 5, 6].map(Trend::per_second), [0, 1, 1, 2]);
        let long = (1..=1_000).fold(Trend::default(), Trend::and);
        assert_eq!(long.points().collect::<Vec<_>>(), [1; POINTS_MOST]);
    }
}
