//! `hash-type consistent`: a ring of 2³² places, on which every usable server has as many points as it has parts of weight.
//!
//! ```text
//!          a.0    b.3      a.1        c.0   b.0                 a hash belongs to the nearest point on either side
//!   ───────●───────●────────●──────────●─────●───────▶ 0 …
//!                     ▲ hash: b
//! ```
//!
//! Where a server's points are follows from its number alone (`id`). So the same servers make the same ring on every machine, and one that
//! comes or goes takes or leaves only what is near its own points. They are HAProxy's points: the tests hold them to recordings.
//! A choice is O(log points).

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use super::fit::Fit;
use crate::hashing::mix;
use crate::{WEIGHT_MOST, WEIGHT_SCALE};

#[derive(Clone, Debug)]
pub(super) struct Ring {
    points: BTreeSet<Point>,
    /// By seat.
    members: Vec<Member>,
    /// Whose turn it was last among those who have no hash.
    last: Option<Point>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    number: u32,
    /// Points on the ring.
    count: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    place: u32,
    seat: u32,
}

impl Ring {
    /// `numbers` are those of the servers, by seat. None of them has a point yet.
    pub(super) fn new(numbers: impl Iterator<Item = u32>) -> Ring {
        let members = numbers.map(|number| Member { number, count: 0 }).collect();
        Ring { points: BTreeSet::new(), members, last: None }
    }

    /// Gives a server so many points: its effective weight, or none.
    pub(super) fn resize(&mut self, seat: usize, count: u16) {
        while self.members[seat].count > count {
            self.members[seat].count -= 1;
            self.remove(self.point(seat, self.members[seat].count));
        }
        while self.members[seat].count < count {
            self.points.insert(self.point(seat, self.members[seat].count));
            self.members[seat].count += 1;
        }
    }

    /// The server at the nearest point, or the next one from there that may be chosen. Where none may, the nearest it is.
    pub(super) fn nearest(&self, hash: u32, may: impl Fn(usize) -> bool) -> Option<usize> {
        let after = self.points.range(Point { place: hash, seat: 0 }..).next().or(self.points.first())?;
        let before = self.points.range(..after).next_back().or(self.points.last())?;
        let is_before_nearer = hash.wrapping_sub(before.place) <= after.place.wrapping_sub(hash);
        let nearest = if is_before_nearer { before } else { after };
        let mut round = self.points.range(nearest..).chain(self.points.range(..nearest));
        let chosen = round.find(|point| may(point.seat as usize)).unwrap_or(nearest);
        Some(chosen.seat as usize)
    }

    /// For one without a hash: the next server in turn, point by point, that is wanted.
    pub(super) fn next(&mut self, fit: impl Fn(usize) -> Fit) -> Option<usize> {
        let last = self.last;
        let behind = last.map(|last| self.points.range((Excluded(last), Unbounded)));
        let round = match last {
            Some(last) => self.points.range(..=last),
            None => self.points.range(..),
        };
        let round = behind.into_iter().flatten().chain(round);
        let mut avoided = None;
        let mut wanted = None;
        for point in round {
            match fit(point.seat as usize) {
                Fit::Wanted => {
                    wanted = Some(*point);
                    break;
                }
                Fit::Avoided => avoided = Some(*point),
                Fit::Full => (),
            }
        }
        self.last = wanted.or(avoided);
        self.last.map(|point| point.seat as usize)
    }

    fn remove(&mut self, point: Point) {
        if self.last == Some(point) {
            // The turn passes to its neighbour, as in HAProxy.
            let behind = self.points.range((Excluded(point), Unbounded)).next().or(self.points.first());
            self.last = behind.copied().filter(|&behind| behind != point);
        }
        self.points.remove(&point);
    }

    fn point(&self, seat: usize, index: u16) -> Point {
        const POINTS_MOST: u32 = WEIGHT_MOST as u32 * WEIGHT_SCALE as u32;
        let number = self.members[seat].number;
        Point { place: mix(number.wrapping_mul(POINTS_MOST).wrapping_add(index.into())), seat: seat as u32 }
    }
}
