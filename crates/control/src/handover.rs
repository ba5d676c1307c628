//! How a table gets to the shards: all bind what is new, then all go over to it, or none does.
//!
//! ```text
//!            begin                  all bound                 all adopted
//!   Resting ───────▶ Preparing ────────────────▶ Adopting ─────────────────▶ Resting
//!                     │  ▲   │ one failed, or is silent                         ▲
//!            address  │  │   └──────────────────────────────────────────────────┤
//!            taken,   ▼  │ a moment later                                      │
//!            at start Waiting ───────── still taken after two seconds ──────────┘
//! ```
//!
//! Binding comes first: until every shard has bound everything, nobody uses anything, and giving up harms nobody.
//!
//! **Invariant:** one table is under way at a time, and every shard has answered for it before the next one begins, or is named
//! in the refusal.

use driver::{Errno, Instant};
use shard::PrepareFailure;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use table::{ShardIndex, Table};

/// How long shards may take to bind.
const PREPARE_MOST: Duration = Duration::from_secs(5);

/// A predecessor that was killed frees its ports a few milliseconds after it is gone: at the start an address that is taken is
/// tried again, so often and so long.
const RETRY_EVERY: Duration = Duration::from_millis(50);
const RETRY_FOR: Duration = Duration::from_secs(2);

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Ask every shard to prepare this table.
    Prepare(Arc<Table>),
    /// Put it in force.
    Publish(Arc<Table>),
    /// Tell every shard to forget it: it will not come.
    GiveUp(Refusal),
    /// Every shard serves by it.
    Finish,
}

/// Why a table does not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unbindable(PrepareFailure),
    /// These did not answer in time.
    Silent(Vec<ShardIndex>),
}

/// Whether the table is the process's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    Start,
    Reload,
}

pub(crate) struct Handover {
    shard_count: u16,
    phase: Phase,
}

enum Phase {
    Resting,
    Preparing { attempt: Attempt, silent: BTreeSet<u16>, failure: Option<PrepareFailure>, deadline: Instant },
    Waiting { attempt: Attempt, until: Instant },
    Adopting { generation: u64, silent: BTreeSet<u16> },
}

#[derive(Clone)]
struct Attempt {
    table: Arc<Table>,
    /// Until when an address that is taken is tried again.
    retry_until: Option<Instant>,
}

impl Handover {
    pub(crate) fn new(shard_count: u16) -> Handover {
        Handover { shard_count, phase: Phase::Resting }
    }

    pub(crate) fn is_resting(&self) -> bool {
        matches!(self.phase, Phase::Resting)
    }

    /// # Panics
    /// If another table is under way.
    pub(crate) fn begin(&mut self, table: Arc<Table>, occasion: Occasion, now: Instant) -> Step {
        assert!(self.is_resting(), "one table at a time");
        let retry_until = match occasion {
            Occasion::Start => Some(now + RETRY_FOR),
            Occasion::Reload => None,
        };
        self.prepare(Attempt { table, retry_until }, now)
    }

    /// A shard has bound what a table needs, or could not.
    pub(crate) fn on_prepared(
        &mut self,
        shard: ShardIndex,
        generation: u64,
        result: Result<(), PrepareFailure>,
        now: Instant,
    ) -> Option<Step> {
        let Phase::Preparing { attempt, silent, failure, .. } = &mut self.phase else { return None };
        // An answer of a shard that was given up before.
        if generation != attempt.table.generation || !silent.remove(&shard.0) {
            return None;
        }
        if let (None, Err(first)) = (&*failure, result) {
            *failure = Some(first);
        }
        if !silent.is_empty() {
            return None;
        }
        let attempt = attempt.clone();
        Some(match failure.take() {
            None => self.publish(attempt.table),
            Some(failure) if is_passing(&failure, attempt.retry_until, now) => {
                let until = now + RETRY_EVERY;
                self.phase = Phase::Waiting { attempt, until };
                return None;
            }
            Some(failure) => self.give_up(Refusal::Unbindable(failure)),
        })
    }

    /// A shard has gone over to a table.
    pub(crate) fn on_adopted(&mut self, shard: ShardIndex, generation: u64) -> Option<Step> {
        let Phase::Adopting { generation: expected, silent } = &mut self.phase else { return None };
        if generation != *expected || !silent.remove(&shard.0) || !silent.is_empty() {
            return None;
        }
        self.phase = Phase::Resting;
        Some(Step::Finish)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called. Adopting has no deadline: a shard that does not get to it
    /// does not turn, and that is watched elsewhere.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Preparing { deadline, .. } => Some(deadline),
            Phase::Waiting { until, .. } => Some(until),
            Phase::Resting | Phase::Adopting { .. } => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Step> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match &self.phase {
            Phase::Preparing { silent, .. } => {
                let silent = silent.iter().map(|&shard| ShardIndex(shard)).collect();
                Some(self.give_up(Refusal::Silent(silent)))
            }
            Phase::Waiting { attempt, .. } => {
                let attempt = attempt.clone();
                Some(self.prepare(attempt, now))
            }
            Phase::Resting | Phase::Adopting { .. } => None,
        }
    }

    fn prepare(&mut self, attempt: Attempt, now: Instant) -> Step {
        let table = Arc::clone(&attempt.table);
        let deadline = now + PREPARE_MOST;
        self.phase = Phase::Preparing { attempt, silent: self.all(), failure: None, deadline };
        Step::Prepare(table)
    }

    fn publish(&mut self, table: Arc<Table>) -> Step {
        self.phase = Phase::Adopting { generation: table.generation, silent: self.all() };
        Step::Publish(table)
    }

    fn give_up(&mut self, refusal: Refusal) -> Step {
        self.phase = Phase::Resting;
        Step::GiveUp(refusal)
    }

    fn all(&self) -> BTreeSet<u16> {
        (0..self.shard_count).collect()
    }
}

fn is_passing(failure: &PrepareFailure, retry_until: Option<Instant>, now: Instant) -> bool {
    failure.errno == Errno::EADDRINUSE && retry_until.is_some_and(|until| now < until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::Addr;
    use table::StateBook;

    fn table(generation: u64) -> Arc<Table> {
        let global = table::Global { maxconn: 1, ..table::Global::default() };
        Arc::new(Table::new(generation, global, vec![], vec![], vec![], StateBook::new(2).process()))
    }

    fn at(millis: u64) -> Instant {
        Instant::EPOCH + Duration::from_millis(millis)
    }

    fn failure(errno: Errno) -> PrepareFailure {
        PrepareFailure { frontend: "fe".into(), addr: Addr::Unnamed, errno }
    }

    const FIRST: ShardIndex = ShardIndex(0);
    const SECOND: ShardIndex = ShardIndex(1);

    fn begun(occasion: Occasion) -> Handover {
        let mut handover = Handover::new(2);
        assert!(matches!(handover.begin(table(7), occasion, at(0)), Step::Prepare(table) if table.generation == 7));
        handover
    }

    #[test]
    fn all_bind_then_all_adopt() {
        let mut handover = begun(Occasion::Reload);
        assert!(handover.on_prepared(SECOND, 7, Ok(()), at(1)).is_none());
        assert!(handover.on_adopted(SECOND, 7).is_none(), "nothing is published yet");
        assert!(matches!(handover.on_prepared(FIRST, 7, Ok(()), at(2)), Some(Step::Publish(_))));
        assert_eq!(handover.deadline(), None);
        assert!(handover.on_adopted(FIRST, 7).is_none());
        assert!(!handover.is_resting());
        assert!(matches!(handover.on_adopted(SECOND, 7), Some(Step::Finish)));
        assert!(handover.is_resting());
    }

    #[test]
    fn one_failure_is_enough_once_all_have_answered() {
        let mut handover = begun(Occasion::Reload);
        assert!(handover.on_prepared(FIRST, 7, Err(failure(Errno::EADDRINUSE)), at(1)).is_none());
        let step = handover.on_prepared(SECOND, 7, Ok(()), at(2));
        let Some(Step::GiveUp(refusal)) = step else { panic!("{step:?}") };
        assert_eq!(refusal, Refusal::Unbindable(failure(Errno::EADDRINUSE)));
        assert!(handover.is_resting());
    }

    #[test]
    fn at_the_start_an_address_in_use_is_tried_for_two_seconds() {
        let mut handover = begun(Occasion::Start);
        let mut now = at(0);
        let refusal = loop {
            assert!(now <= at(2_100));
            handover.on_prepared(FIRST, 7, Ok(()), now);
            match handover.on_prepared(SECOND, 7, Err(failure(Errno::EADDRINUSE)), now) {
                None => (),
                Some(Step::GiveUp(refusal)) => break refusal,
                Some(step) => panic!("{step:?}"),
            }
            assert!(handover.handle_timeout(now).is_none(), "not at once");
            now = handover.deadline().expect("another attempt");
            assert!(matches!(handover.handle_timeout(now), Some(Step::Prepare(_))));
        };
        assert_eq!(refusal, Refusal::Unbindable(failure(Errno::EADDRINUSE)));
        assert_eq!(now, at(2_000));
    }

    #[test]
    fn other_failures_are_final_at_the_start_too() {
        let mut handover = begun(Occasion::Start);
        handover.on_prepared(FIRST, 7, Ok(()), at(1));
        let step = handover.on_prepared(SECOND, 7, Err(failure(Errno::EACCES)), at(1));
        assert!(matches!(step, Some(Step::GiveUp(_))));
    }

    #[test]
    fn silence_is_a_refusal() {
        let mut handover = begun(Occasion::Reload);
        handover.on_prepared(FIRST, 7, Ok(()), at(1));
        assert!(handover.handle_timeout(at(4_999)).is_none());
        let step = handover.handle_timeout(at(5_000));
        assert!(matches!(step, Some(Step::GiveUp(Refusal::Silent(shards))) if shards == [SECOND]));
    }

    #[test]
    fn late_and_repeated_answers_count_for_nothing() {
        let mut handover = begun(Occasion::Reload);
        assert!(handover.on_prepared(FIRST, 6, Ok(()), at(1)).is_none());
        assert!(handover.on_prepared(SECOND, 7, Ok(()), at(1)).is_none());
        assert!(handover.on_prepared(SECOND, 7, Ok(()), at(1)).is_none());
        assert!(matches!(handover.on_prepared(FIRST, 7, Ok(()), at(1)), Some(Step::Publish(_))));
        assert!(handover.on_prepared(FIRST, 7, Ok(()), at(1)).is_none());
    }
}
