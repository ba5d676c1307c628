//! `balance leastconn`: the server with the fewest connections for its weight.
//!
//! Servers stand in a line sorted by load; among equals, the one that took its place first is next. The load counts the
//! connection that would come: two servers of different weight are compared by what they would have with it. A server without
//! any connection is always in front.

use std::collections::BTreeSet;

use super::fit::{self, Fit};

/// Loads are kept in units of 1/4096 connection for a weight of 1/16, as HAProxy counts them: its weights are scaled by 16 and
/// a load is cut to a whole number, so that near-equals are equals in both.
const SCALE: u64 = 256 * crate::WEIGHT_SCALE as u64;

/// The line, and where in it each seat is. Every step is O(log n).
#[derive(Clone, Debug)]
pub(super) struct LeastConn {
    line: BTreeSet<Place>,
    seats: Vec<Option<Member>>,
    stamp_next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    weight: u16,
    place: Place,
}

/// Ordered by load, then by when the place was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    load: u64,
    stamp: u64,
    seat: usize,
}

impl LeastConn {
    pub(super) fn new(seat_count: usize) -> LeastConn {
        LeastConn { line: BTreeSet::new(), seats: vec![None; seat_count], stamp_next: 0 }
    }

    /// The first in the line that is wanted.
    pub(super) fn choose(&self, fit: impl Fn(usize) -> Fit) -> Option<usize> {
        fit::first(self.line.iter().map(|place| place.seat), fit)
    }

    pub(super) fn enter(&mut self, seat: usize, weight: u16, conns: u32) {
        let place = self.place(seat, load(weight, conns));
        self.line.insert(place);
        self.seats[seat] = Some(Member { weight, place });
    }

    pub(super) fn leave(&mut self, seat: usize) {
        let member = self.seats[seat].take().expect("only a server in line leaves it");
        self.line.remove(&member.place);
    }

    /// A server has one connection more or less and takes its place among equals anew; one that is not in line has none.
    pub(super) fn reposition(&mut self, seat: usize, conns: u32) {
        if let Some(Member { weight, place }) = self.seats[seat] {
            self.line.remove(&place);
            self.enter(seat, weight, conns);
        }
    }

    fn place(&mut self, seat: usize, load: u64) -> Place {
        let stamp = self.stamp_next;
        self.stamp_next += 1;
        Place { load, stamp, seat }
    }
}

fn load(weight: u16, conns: u32) -> u64 {
    match conns {
        0 => 0,
        conns => (u64::from(conns) + 1) * SCALE / u64::from(weight),
    }
}
