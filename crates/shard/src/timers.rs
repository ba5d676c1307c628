//! When which slot wants to be looked at: a wheel of four levels with 256 places each, one millisecond at the finest.
//!
//! ```text
//!   level 0   256 places of      1 ms      fires
//!   level 1   256 places of    256 ms      moves to level 0 when its time has come
//!   level 2   256 places of     65 s       moves to level 1 …
//!   level 3   256 places of   4.7 h
//! ```
//!
//! Arming is lazy. A session's deadline moves with every message, its place in the wheel does not: when the place fires, the
//! shard asks the session for its deadline and files it again. So activity costs nothing, and a session that is never idle
//! is looked at once per timeout.
//!
//! Places are lists through `links`, one link per slot: arming, moving and disarming allocate nothing and take constant time.
//!
//! **Invariant:** a slot is in at most one place. **Invariant:** no slot fires before its time, nor later than the first
//! `fire` at or after it.

use driver::Instant;

pub struct Wheel {
    links: Vec<Link>,
    levels: [Level; LEVELS],
    /// The millisecond up to which everything has fired.
    now: u64,
    armed_count: usize,
}

const LEVELS: usize = 4;
const PLACES: usize = 256;
const NOWHERE: u32 = u32::MAX;
/// Longest span that fits; what lies further away is filed at this distance and looked at again then.
const SPAN_MOST: u64 = (1 << (8 * LEVELS)) - 1;

#[derive(Clone, Copy)]
struct Link {
    next: u32,
    previous: u32,
    /// Level and place, or `None` if the slot is not armed.
    place: Option<(u8, u8)>,
    /// In milliseconds.
    at: u64,
}

struct Level {
    heads: [u32; PLACES],
    occupied: [u64; PLACES / 64],
}

const UNLINKED: Link = Link { next: NOWHERE, previous: NOWHERE, place: None, at: 0 };

impl Wheel {
    /// For the slots `0..slot_count`; more may be added by `grow`.
    pub fn new(now: Instant) -> Wheel {
        let levels = std::array::from_fn(|_| Level { heads: [NOWHERE; PLACES], occupied: [0; PLACES / 64] });
        Wheel { links: Vec::new(), levels, now: now.millis(), armed_count: 0 }
    }

    /// Makes room for slots below `slot_count`.
    pub fn grow(&mut self, slot_count: usize) {
        if slot_count > self.links.len() {
            self.links.resize(slot_count, UNLINKED);
        }
    }

    /// Sees to it that `slot` fires at `deadline` or earlier. An earlier place stays as it is.
    pub fn arm(&mut self, slot: u32, deadline: Instant) {
        // Rounded up: firing early would find a deadline that has not come yet, and file it again.
        let at = deadline.nanos().div_ceil(1_000_000).max(self.now + 1);
        let link = self.links[slot as usize];
        if link.place.is_some() {
            if link.at <= at {
                return;
            }
            self.unlink(slot);
        }
        self.link(slot, at);
    }

    pub fn disarm(&mut self, slot: u32) {
        if self.links[slot as usize].place.is_some() {
            self.unlink(slot);
        }
    }

    /// The earliest time at which `fire` may have something to do.
    pub fn next(&self) -> Option<Instant> {
        let mut earliest = None;
        for (number, level) in self.levels.iter().enumerate() {
            let shift = 8 * number as u32;
            let current = (self.now >> shift) as u8;
            if let Some(distance) = level.nearest(current) {
                let at = ((self.now >> shift) + distance) << shift;
                earliest = Some(earliest.map_or(at, |known: u64| known.min(at)));
            }
        }
        earliest.map(|at| Instant::from_nanos(at * 1_000_000))
    }

    /// Moves on to `now` and appends the slots whose time has come. They are no longer armed.
    pub fn fire(&mut self, now: Instant, due: &mut Vec<u32>) {
        let target = now.millis();
        while self.armed_count > 0 {
            let Some(next) = self.next() else { break };
            let at = next.millis();
            if at > target {
                break;
            }
            self.now = at;
            self.cascade();
            self.take_place(0, self.now as u8, |wheel, slot| {
                debug_assert!(wheel.links[slot as usize].at <= wheel.now, "slot {slot} fires early");
                due.push(slot);
            });
        }
        self.now = self.now.max(target);
    }

    pub fn armed_count(&self) -> usize {
        self.armed_count
    }

    /// Files again, one level finer, what lies in the coarser places that begin now.
    fn cascade(&mut self) {
        for level in (1..LEVELS).rev() {
            let shift = 8 * level as u32;
            if self.now.trailing_zeros() >= shift {
                let place = (self.now >> shift) as u8;
                self.take_place(level, place, |wheel, slot| {
                    let at = wheel.links[slot as usize].at;
                    wheel.link(slot, at);
                });
            }
        }
    }

    fn take_place(&mut self, level: usize, place: u8, mut each: impl FnMut(&mut Wheel, u32)) {
        // Detached first, so that what is filed again meanwhile cannot be met a second time.
        let mut slot = std::mem::replace(&mut self.levels[level].heads[place as usize], NOWHERE);
        self.levels[level].mark(place, false);
        while slot != NOWHERE {
            let link = &mut self.links[slot as usize];
            let next = link.next;
            *link = Link { at: link.at, ..UNLINKED };
            self.armed_count -= 1;
            each(self, slot);
            slot = next;
        }
    }

    fn link(&mut self, slot: u32, at: u64) {
        let distance = at.saturating_sub(self.now);
        let filed_at = self.now + distance.min(SPAN_MOST);
        let differing = self.now ^ filed_at;
        let level = if differing == 0 { 0 } else { ((63 - differing.leading_zeros()) / 8).min(LEVELS as u32 - 1) };
        let place = (filed_at >> (8 * level)) as u8;
        let head = &mut self.levels[level as usize].heads[place as usize];
        let next = std::mem::replace(head, slot);
        self.levels[level as usize].mark(place, true);
        if next != NOWHERE {
            self.links[next as usize].previous = slot;
        }
        self.links[slot as usize] = Link { next, previous: NOWHERE, place: Some((level as u8, place)), at };
        self.armed_count += 1;
    }

    fn unlink(&mut self, slot: u32) {
        let Link { next, previous, place, .. } = std::mem::replace(&mut self.links[slot as usize], UNLINKED);
        let (level, place) = place.expect("only armed slots are unlinked");
        if next != NOWHERE {
            self.links[next as usize].previous = previous;
        }
        if previous == NOWHERE {
            self.levels[level as usize].heads[place as usize] = next;
            self.levels[level as usize].mark(place, next != NOWHERE);
        } else {
            self.links[previous as usize].next = next;
        }
        self.armed_count -= 1;
    }
}

impl Level {
    fn mark(&mut self, place: u8, occupied: bool) {
        let bit = 1 << (place % 64);
        let word = &mut self.occupied[usize::from(place / 64)];
        *word = if occupied { *word | bit } else { *word & !bit };
    }

    /// Places from `current` to the next occupied one, at least one and at most a full turn.
    fn nearest(&self, current: u8) -> Option<u64> {
        let first = current.wrapping_add(1);
        (0..=PLACES / 64).find_map(|step| {
            let index = (usize::from(first / 64) + step) % (PLACES / 64);
            let mut word = self.occupied[index];
            let from = u32::from(first % 64);
            // The first word is looked at twice: its upper part first, what lies below `first` last.
            if step == 0 {
                word &= u64::MAX << from;
            } else if step == PLACES / 64 {
                word &= !(u64::MAX << from);
            }
            (word != 0).then(|| {
                let place = (index * 64) as u8 + word.trailing_zeros() as u8;
                u64::from(place.wrapping_sub(first)) + 1
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    fn fired(wheel: &mut Wheel, now: u64) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.fire(at(now), &mut due);
        due.sort_unstable();
        due
    }

    #[test]
    fn fires_at_its_time_and_once() {
        let mut wheel = Wheel::new(at(7));
        wheel.grow(2);
        wheel.arm(0, at(10));
        wheel.arm(1, at(70_000));
        assert_eq!(wheel.next(), Some(at(10)));
        assert_eq!(fired(&mut wheel, 9), []);
        assert_eq!(fired(&mut wheel, 10), [0]);
        assert_eq!(fired(&mut wheel, 69_999), []);
        assert_eq!(fired(&mut wheel, 70_000), [1]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn an_earlier_deadline_moves_it_a_later_one_does_not() {
        let mut wheel = Wheel::new(at(0));
        wheel.grow(1);
        wheel.arm(0, at(500));
        wheel.arm(0, at(900));
        wheel.arm(0, at(40));
        assert_eq!(fired(&mut wheel, 40), [0]);
        assert_eq!(wheel.armed_count(), 0);
    }

    #[test]
    fn part_milliseconds_round_up() {
        let mut wheel = Wheel::new(at(0));
        wheel.grow(1);
        wheel.arm(0, Instant::from_nanos(1_500_000));
        assert_eq!(fired(&mut wheel, 1), []);
        assert_eq!(fired(&mut wheel, 2), [0]);
    }

    #[test]
    fn a_deadline_beyond_the_wheel_is_looked_at_again() {
        let mut wheel = Wheel::new(at(3));
        wheel.grow(1);
        let far = SPAN_MOST * 3;
        wheel.arm(0, at(far));
        let mut looks = 0;
        loop {
            let next = wheel.next().expect("armed").millis();
            if !fired(&mut wheel, next).is_empty() {
                break;
            }
            looks += 1;
        }
        assert_eq!(wheel.now, far);
        assert!(looks < 4 * 256, "{looks}");
    }

    proptest! {
        /// The wheel against a sorted list: the same slots, at the same milliseconds, in any order of arming and disarming.
        #[test]
        fn agrees_with_a_sorted_list(
            start in 0u64..1 << 34,
            steps in proptest::collection::vec((0u8..4, 0u32..16, prop_oneof![0u64..300, 0u64..70_000, 0u64..20_000_000]), 1..120),
        ) {
            let mut wheel = Wheel::new(at(start));
            wheel.grow(16);
            let mut list: BTreeMap<u32, u64> = BTreeMap::new();
            let mut now = start;
            for (step, slot, span) in steps {
                match step {
                    0 | 1 => {
                        let deadline = (now + span).max(now + 1);
                        wheel.arm(slot, at(now + span));
                        let known = list.entry(slot).or_insert(deadline);
                        *known = (*known).min(deadline);
                    }
                    2 => {
                        wheel.disarm(slot);
                        list.remove(&slot);
                    }
                    _ => {
                        now += span;
                        let due: Vec<u32> = list.iter().filter(|&(_, &deadline)| deadline <= now).map(|(&slot, _)| slot).collect();
                        list.retain(|_, &mut deadline| deadline > now);
                        prop_assert_eq!(fired(&mut wheel, now), due);
                    }
                }
                prop_assert_eq!(wheel.armed_count(), list.len());
                if let Some(&first) = list.values().min() {
                    prop_assert!(wheel.next().expect("armed").millis() <= first);
                }
            }
        }
    }
}
