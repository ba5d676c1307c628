//! What has come to one of several sockets on which much is to come is not taken at once.
//!
//! ```text
//!   readable ──┬─ others bring much, too ──▶ resting ── after a moment ──▶ ready, for splice
//!              └─ alone, or the end is near ─────────────────────────────▶ ready
//! ```
//!
//! A relay that is faster than its peers finds one segment at a time, and a segment costs it as much as a quarter of a megabyte: a turn, a
//! fill, a drain, the wake-up of a receiver. So where several sockets bring much within the same moment, each is left alone for
//! about as long as the others take. That delays none of them by more than the line it would stand in if the relay were busy, and
//! one that comes alone not at all.

use crate::in_flight::Key;
use driver::{Fd, Instant};
use std::collections::VecDeque;
use std::time::Duration;

/// So much is sure to come, at least. What is less than that is soon over, and somebody waits for its end.
pub(crate) const LARGE: u32 = 256 << 10;

/// How long it takes to serve another socket, roughly: a turn, a fill, a drain.
const FOR_EACH: Duration = Duration::from_micros(30);
const NAP_MOST: Duration = Duration::from_micros(400);
/// Who has brought something within this time is there still.
const MOMENT: Duration = Duration::from_millis(2);
const COMPANY_MOST: usize = 16;

/// Fills whose sockets are readable, and are left to gather more.
pub(crate) struct Naps {
    /// The first to be over stands first, as nearly as the naps are of the same length.
    resting: VecDeque<(Instant, Key)>,
    /// Sockets that have brought much, and when; of a socket once.
    company: Vec<(Fd, Instant)>,
}

impl Naps {
    pub(crate) fn new() -> Naps {
        Naps { resting: VecDeque::new(), company: Vec::with_capacity(COMPANY_MOST) }
    }

    /// Something has come to a socket on which much is to come. Says whether its fill is kept here for a while.
    pub(crate) fn lay(&mut self, fd: Fd, key: Key, now: Instant) -> bool {
        let others = self.join(fd, now);
        if others == 0 {
            return false;
        }
        self.resting.push_back((now + NAP_MOST.min(FOR_EACH * others), key));
        true
    }

    /// When the next fill is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.resting.front().map(|(due, _)| *due)
    }

    /// A fill that has rested enough.
    pub(crate) fn rise(&mut self, now: Instant) -> Option<Key> {
        self.due().filter(|due| *due <= now)?;
        self.forget()
    }

    /// Any fill, rested or not.
    pub(crate) fn forget(&mut self) -> Option<Key> {
        self.resting.pop_front().map(|(_, key)| key)
    }

    /// Notes that this socket has brought something. How many others have, a moment ago.
    fn join(&mut self, fd: Fd, now: Instant) -> u32 {
        self.company.retain(|(other, at)| *other != fd && *at + MOMENT >= now);
        let others = self.company.len() as u32;
        if self.company.len() == COMPANY_MOST {
            self.company.remove(0);
        }
        self.company.push((fd, now));
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::EPOCH + Duration::from_micros(micros)
    }

    fn key(number: u64) -> Key {
        Key::from_user_data(number)
    }

    #[test]
    fn one_that_comes_alone_is_never_left_alone() {
        let mut naps = Naps::new();
        for time in 0..100 {
            assert!(!naps.lay(Fd(7), key(time), at(time)));
        }
        assert_eq!(naps.due(), None);
    }

    #[test]
    fn the_more_there_are_the_longer_they_rest() {
        let mut naps = Naps::new();
        assert!(!naps.lay(Fd(1), key(1), at(0)));
        assert!(naps.lay(Fd(2), key(2), at(0)));
        assert_eq!((naps.due(), naps.rise(at(29))), (Some(at(30)), None));
        assert_eq!((naps.rise(at(30)), naps.due()), (Some(key(2)), None));
        for number in 3..=40 {
            assert!(naps.lay(Fd(number), key(number as u64), at(40)));
        }
        assert_eq!(naps.due(), Some(at(40 + 2 * 30)));
        let risen: Vec<Key> = std::iter::from_fn(|| naps.rise(at(40 + 400))).collect();
        assert_eq!(risen.len(), 38, "none rests for longer than 400 microseconds");
    }

    #[test]
    fn company_that_has_left_does_not_count() {
        let mut naps = Naps::new();
        assert!(!naps.lay(Fd(1), key(1), at(0)));
        assert!(!naps.lay(Fd(2), key(2), at(2001)));
        assert!(naps.lay(Fd(1), key(3), at(3000)));
        assert_eq!((naps.forget(), naps.forget()), (Some(key(3)), None));
    }
}
