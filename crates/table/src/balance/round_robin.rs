//! `balance roundrobin`: HAProxy's dynamic weighted round robin ("fast weighted round robin").
//!
//! ```text
//!            pick                     pick, next place beyond this round
//!   start ─────────▶ current ──────────────────────────────────────────▶ next
//!     ▲                │ ▲                                                │
//!     │                └─┘ pick, next place within this round             │
//!     └────────────────────────── the round is over ──────────────────────┘
//! ```
//!
//! A round has as many positions as the weights add up to. A server that was picked stands at its next position, the last one
//! plus total/weight, the remainder carried along. A position at which nobody stands is filled from `start`, where the
//! servers wait that have not come up in this round, heavy ones first; if nobody waits, the first of `current` comes early.
//!
//! The order for any weights, and after any change of weight or health, is HAProxy's: the tests hold it to recorded sequences.
//! Every step is O(log n).

use std::collections::BTreeSet;

use super::fit::Fit;

/// Weights come in parts, as HAProxy counts them; orders depend on it.
const WEIGHT_SCALE: i64 = crate::WEIGHT_SCALE as i64;
const WEIGHT_MOST: i64 = 256 * WEIGHT_SCALE;

#[derive(Clone, Debug)]
pub(super) struct RoundRobin {
    /// Servers whose next position lies in this round.
    current: BTreeSet<Place>,
    /// Two lines of servers without a position, sorted by weight: `start` is one of them, `next` the other.
    waiting: [BTreeSet<Place>; 2],
    start: usize,
    /// Where the round is. It begins at `round_weight` and has as many positions.
    position: i64,
    /// What the weights added up to when the round began.
    round_weight: i64,
    /// What they add up to now; the next round's length.
    weight: i64,
    seats: Vec<Member>,
    stamp_next: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Member {
    weight: i64,
    /// Where it comes up next. Zero: it has no position yet.
    next: i64,
    /// Where it came up last.
    last: i64,
    /// Of total/weight, in units of its weight.
    remainder: i64,
    /// `None`: not usable, or just taken out.
    stands: Option<(Line, Place)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Current,
    Waiting(usize),
}

/// Ordered by key, then by when the place was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: i64,
    stamp: u64,
    seat: usize,
}

impl RoundRobin {
    /// With the servers that are usable from the start, in file order.
    pub(super) fn new(seat_count: usize, members: impl Iterator<Item = (usize, u16)>) -> RoundRobin {
        let mut order = RoundRobin {
            current: BTreeSet::new(),
            waiting: Default::default(),
            start: 0,
            position: 0,
            round_weight: 0,
            weight: 0,
            seats: vec![Member::default(); seat_count],
            stamp_next: 0,
        };
        for (seat, weight) in members {
            order.seats[seat].weight = i64::from(weight);
            order.weight += order.seats[seat].weight;
            order.wait(seat, order.start);
        }
        order.begin_round();
        order
    }

    /// The next server in turn. One that is full or to be avoided loses its turn, unless there is no other to go to.
    pub(super) fn choose(&mut self, fit: impl Fn(usize) -> Fit) -> Option<usize> {
        if self.round_weight == 0 {
            self.begin_round();
        }
        let mut has_turned = false;
        let mut passed_over = Vec::new();
        let mut avoided = None;
        let mut wanted = None;
        while let Some(seat) = self.take(&mut has_turned) {
            match fit(seat) {
                Fit::Wanted => {
                    wanted = Some(seat);
                    break;
                }
                Fit::Avoided => avoided = Some(seat),
                Fit::Full => (),
            }
            passed_over.push(seat);
        }
        let chosen = wanted.or(avoided);
        chosen.inspect(|&seat| self.stand(seat));
        // The last that lost its turn stands first, as HAProxy has it.
        for seat in passed_over.into_iter().rev().filter(|&seat| Some(seat) != chosen) {
            if has_turned {
                // Its position was of the old round.
                self.wait(seat, self.start);
            } else {
                self.stand(seat);
            }
        }
        chosen
    }

    /// A server became usable: it comes up as if it had been picked long ago.
    pub(super) fn enter(&mut self, seat: usize, weight: u16) {
        let weight = i64::from(weight);
        self.weight += weight;
        let until_round_ends = self.weight + self.round_weight - self.position;
        let member = &mut self.seats[seat];
        member.weight = weight;
        member.next = self.position + until_round_ends / weight;
        self.stand(seat);
    }

    /// A server is no longer usable.
    pub(super) fn leave(&mut self, seat: usize) {
        self.weight -= self.seats[seat].weight;
        self.step_out(seat);
    }

    /// A usable server got another weight, not zero.
    pub(super) fn reweigh(&mut self, seat: usize, weight: u16) {
        let weight = i64::from(weight);
        self.weight += weight - self.seats[seat].weight;
        self.seats[seat].weight = weight;
        let line = self.step_out(seat);
        if line == Line::Waiting(self.start) {
            return self.wait(seat, self.start);
        }
        let step = self.weight / weight;
        let member = &mut self.seats[seat];
        // Sooner than it would have been by the old weight, never later; and not at a position that has just passed.
        let mut next = member.next.min(member.last + step);
        if next < self.position + 2 {
            next = self.position + step;
        }
        member.next = next;
        member.remainder = 0;
        self.stand(seat);
    }

    /// Takes out whose turn it is, its next position computed. Where a round is over the next one begins, once.
    fn take(&mut self, has_turned: &mut bool) -> Option<usize> {
        let seat = match self.front() {
            Some(seat) => seat,
            None if *has_turned => return None,
            None => {
                *has_turned = true;
                self.start = 1 - self.start;
                self.begin_round();
                self.front()?
            }
        };
        let line = self.step_out(seat);
        let member = &mut self.seats[seat];
        if line == Line::Waiting(self.start) {
            (member.next, member.remainder) = (0, 0);
        }
        if member.next == 0 {
            member.next = self.position;
        }
        member.last = member.next;
        member.next += self.weight / member.weight;
        member.remainder += self.weight % member.weight;
        if member.remainder >= member.weight {
            member.remainder -= member.weight;
            member.next += 1;
        }
        self.position += 1;
        Some(seat)
    }

    fn front(&self) -> Option<usize> {
        let due = self.current.first();
        if let Some(due) = due.filter(|due| self.seats[due.seat].next <= self.position) {
            return Some(due.seat);
        }
        self.waiting[self.start].first().or(due).map(|place| place.seat)
    }

    fn begin_round(&mut self) {
        self.round_weight = self.weight;
        self.position = self.weight;
    }

    /// Puts a server at its next position, or into the line for the next round if that lies beyond this one.
    fn stand(&mut self, seat: usize) {
        let member = &mut self.seats[seat];
        if member.next >= 2 * self.round_weight || member.next >= self.round_weight + self.weight {
            member.next -= self.round_weight;
            return self.wait(seat, 1 - self.start);
        }
        // At one position, the lightest remainder comes first; in whole weights, so that near-equals are equals.
        let key = 256 * member.next + (WEIGHT_MOST + member.remainder - member.weight) / WEIGHT_SCALE;
        let place = Place { key, stamp: self.stamp_next, seat };
        self.stamp_next += 1;
        self.current.insert(place);
        member.stands = Some((Line::Current, place));
    }

    /// Puts a server into a line of those without a position: heavy ones first, equals in the order of their coming.
    fn wait(&mut self, seat: usize, line: usize) {
        let member = &mut self.seats[seat];
        let place = Place { key: -member.weight, stamp: self.stamp_next, seat };
        self.stamp_next += 1;
        self.waiting[line].insert(place);
        member.stands = Some((Line::Waiting(line), place));
    }

    /// Takes a server out of its line; out of `next`, with its position counted from this round again.
    fn step_out(&mut self, seat: usize) -> Line {
        let (line, place) = self.seats[seat].stands.take().expect("a usable server stands in one of the lines");
        match line {
            Line::Current => self.current.remove(&place),
            Line::Waiting(index) => self.waiting[index].remove(&place),
        };
        if line == Line::Waiting(1 - self.start) {
            self.seats[seat].next += self.round_weight;
        }
        line
    }
}
