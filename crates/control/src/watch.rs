//! Whether the shards turn: one that stays in the same turn for seconds is reported, then given up.
//!
//! A shard's pulse is odd while it works. An even pulse is a shard that waits for something to happen, for as long as it likes.

use driver::Instant;
use std::time::Duration;
use table::ShardIndex;

/// How often the pulses are to be looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(500);

/// In the same turn for so long: somebody should know.
const STUCK_AFTER: Duration = Duration::from_secs(2);

/// In the same turn for so long: it will not come back, and its sessions hang with it.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    Stuck(ShardIndex),
    /// It was reported as stuck, and goes on.
    Recovered(ShardIndex, Duration),
    Lost(ShardIndex),
}

/// The pulses as they were.
pub(crate) struct Watch {
    shards: Vec<Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    beats: u64,
    since: Instant,
    is_reported: bool,
}

impl Watch {
    pub(crate) fn new(shard_count: usize, now: Instant) -> Watch {
        Watch { shards: vec![Seen { beats: 0, since: now, is_reported: false }; shard_count] }
    }

    /// Compares the pulses, one per shard in their order, with those of the looks before.
    pub(crate) fn look(&mut self, now: Instant, beats: impl IntoIterator<Item = u64>) -> Vec<Finding> {
        let seen = self.shards.iter_mut().zip(beats).enumerate();
        seen.filter_map(|(index, (seen, beats))| seen.look(ShardIndex(index as u16), now, beats)).collect()
    }
}

impl Seen {
    fn look(&mut self, shard: ShardIndex, now: Instant, beats: u64) -> Option<Finding> {
        let stayed = now.since(self.since);
        let is_waiting = beats.is_multiple_of(2);
        if beats != self.beats || is_waiting {
            let recovered = self.is_reported.then_some(Finding::Recovered(shard, stayed));
            *self = Seen { beats, since: now, is_reported: false };
            return recovered;
        }
        if stayed >= LOST_AFTER {
            return Some(Finding::Lost(shard));
        }
        if stayed >= STUCK_AFTER && !self.is_reported {
            self.is_reported = true;
            return Some(Finding::Stuck(shard));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at one shard at the given seconds with the given pulses.
    fn looks(script: &[(u64, u64)]) -> Vec<Finding> {
        let mut watch = Watch::new(1, Instant::EPOCH);
        let at = |seconds| Instant::EPOCH + Duration::from_secs(seconds);
        script.iter().flat_map(|&(seconds, beats)| watch.look(at(seconds), [beats])).collect()
    }

    const SHARD: ShardIndex = ShardIndex(0);

    #[test]
    fn a_shard_that_waits_is_well() {
        assert_eq!(looks(&[(0, 0), (5, 0), (50, 0), (51, 6), (100, 6)]), []);
    }

    #[test]
    fn a_busy_shard_that_turns_is_well() {
        assert_eq!(looks(&[(0, 1), (1, 3), (2, 5), (3, 7), (4, 9), (5, 11)]), []);
    }

    #[test]
    fn the_same_turn_is_reported_once_and_then_given_up() {
        let findings = looks(&[(1, 7), (2, 7), (3, 7), (4, 7), (10, 7), (11, 7)]);
        assert_eq!(findings, [Finding::Stuck(SHARD), Finding::Lost(SHARD)]);
    }

    #[test]
    fn a_shard_that_comes_back_says_so() {
        let findings = looks(&[(1, 7), (4, 7), (5, 8), (9, 8), (10, 9), (11, 9)]);
        assert_eq!(findings, [Finding::Stuck(SHARD), Finding::Recovered(SHARD, Duration::from_secs(4))]);
    }

    #[test]
    fn shards_are_told_apart() {
        let mut watch = Watch::new(3, Instant::EPOCH);
        let at = |seconds| Instant::EPOCH + Duration::from_secs(seconds);
        assert_eq!(watch.look(at(1), [2, 3, 5]), []);
        assert_eq!(watch.look(at(3), [2, 3, 7]), [Finding::Stuck(ShardIndex(1))]);
    }
}
