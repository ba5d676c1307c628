//! When requests are due: at once, or at a fixed rate that no slow answer holds up.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How many requests may be overdue before further ones are given up.
const OVERDUE_MAX: usize = 100_000;

/// When a connection that has its answer asks again.
#[derive(Debug)]
pub(crate) enum Pace {
    /// As soon as it can.
    Closed,
    /// When the schedule has something for it.
    Open(Schedule),
}

impl Pace {
    /// So many requests a second, all connections together; `None`: as fast as they are answered.
    pub(crate) fn at(per_second: Option<f64>) -> Pace {
        per_second.map_or(Pace::Closed, |rate| Pace::Open(Schedule::new(rate)))
    }

    /// Every connection that asks may begin at `now`.
    pub(crate) fn start(&mut self, now: Instant) {
        if let Pace::Open(schedule) = self {
            schedule.start(now);
        }
    }

    /// The connection `slot` can send. Since when that is due, if something is.
    pub(crate) fn on_free(&mut self, slot: usize, now: Instant) -> Option<Instant> {
        match self {
            Pace::Closed => Some(now),
            Pace::Open(schedule) => schedule.on_free(slot),
        }
    }

    /// The connection `slot` is gone.
    pub(crate) fn on_gone(&mut self, slot: usize) {
        if let Pace::Open(schedule) = self {
            schedule.on_gone(slot);
        }
    }

    /// Everything that has become due until `now`. Where there is no schedule, connections ask by themselves.
    pub(crate) fn take_due(&mut self, now: Instant) -> Due {
        match self {
            Pace::Closed => Due::default(),
            Pace::Open(schedule) => schedule.take_due(now),
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Pace::Closed => None,
            Pace::Open(schedule) => schedule.deadline(),
        }
    }
}

/// Requests due at even intervals. One that finds no free connection waits, and its latency runs from when it was due: else
/// a stall would be measured once instead of once for everyone who had to wait.
#[derive(Debug)]
pub(crate) struct Schedule {
    interval: Duration,
    next: Option<Instant>,
    overdue: VecDeque<Instant>,
    free: Vec<usize>,
}

/// What the schedule wants at some moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// (slot, since when the request is due)
    pub(crate) sends: Vec<(usize, Instant)>,
    /// Requests that nobody will send, because too many wait already.
    pub(crate) dropped: u64,
}

impl Schedule {
    /// `per_second` is above zero.
    fn new(per_second: f64) -> Self {
        assert!(per_second > 0.0);
        Schedule {
            interval: Duration::from_secs_f64(1.0 / per_second),
            next: None,
            overdue: VecDeque::new(),
            free: Vec::new(),
        }
    }

    /// The first request is due at `now`.
    fn start(&mut self, now: Instant) {
        self.next = Some(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// The connection `slot` can send: what it shall send has been due since the answer.
    fn on_free(&mut self, slot: usize) -> Option<Instant> {
        let due = self.overdue.pop_front();
        if due.is_none() {
            self.free.push(slot);
        }
        due
    }

    /// The connection `slot` is gone.
    fn on_gone(&mut self, slot: usize) {
        self.free.retain(|&free| free != slot);
    }

    /// Everything that has become due until `now`.
    fn take_due(&mut self, now: Instant) -> Due {
        let mut due = Due::default();
        while let Some(next) = self.next.filter(|&next| next <= now) {
            self.next = Some(next + self.interval);
            if let Some(slot) = self.free.pop() {
                due.sends.push((slot, next));
            } else if self.overdue.len() < OVERDUE_MAX {
                self.overdue.push_back(next);
            } else {
                due.dropped += 1;
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_evenly_and_wait_for_a_connection() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut schedule = Schedule::new(1000.0);
        assert_eq!(schedule.on_free(7), None);
        assert_eq!(schedule.take_due(at(5)), Due::default(), "not started");
        schedule.start(start);
        assert_eq!(schedule.take_due(start).sends, [(7, start)]);
        assert_eq!(schedule.deadline(), Some(at(1)));
        assert_eq!(schedule.take_due(at(2)), Due::default(), "no connection is free");
        assert_eq!(schedule.on_free(7), Some(at(1)), "the latency runs from when it was due");
        assert_eq!(schedule.on_free(8), Some(at(2)));
        assert_eq!(schedule.on_free(7), None);
        schedule.on_gone(7);
        assert_eq!(schedule.take_due(at(3)), Due::default());
    }

    #[test]
    fn what_is_overdue_has_a_limit() {
        let start = Instant::now();
        let mut schedule = Schedule::new(1000.0);
        schedule.start(start);
        let due = schedule.take_due(start + Duration::from_millis(OVERDUE_MAX as u64 + 9));
        assert_eq!(due, Due { sends: Vec::new(), dropped: 10 });
    }
}
