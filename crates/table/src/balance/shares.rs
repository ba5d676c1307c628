//! `hash-balance-factor`: no server is to have more than so many percent of its share of all connections (Mirrokni, Thorup, Zadimoghaddam:
//! Consistent Hashing with Bounded Loads, 2016).

use std::collections::BTreeSet;

use super::seat::Seat;

/// The weights that are shared by, added up once.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    /// By seat, what the weights of those in front add up to, and at the end the sum of all; `None` when a server changed since.
    starts: Option<Vec<u32>>,
}

/// How many connections there may be, and on whom.
pub(super) struct Slots<'a> {
    seats: &'a [Seat],
    starts: &'a [u32],
    count: u64,
}

impl Shares {
    /// The servers changed: the weights are added up anew before they are used.
    pub(super) fn expire(&mut self) {
        self.starts = None;
    }

    /// What each may have at most when one more comes to the `served` there are.
    pub(super) fn slots<'a>(
        &'a mut self,
        seats: &'a [Seat],
        usable: &BTreeSet<usize>,
        percent: u32,
        served: u32,
    ) -> Slots<'a> {
        let starts = self.starts.get_or_insert_with(|| {
            let weight = |seat: usize| if usable.contains(&seat) { u32::from(seats[seat].weight) } else { 0 };
            let ends = (0..seats.len()).scan(0, |end, seat| {
                *end += weight(seat);
                Some(*end)
            });
            [0].into_iter().chain(ends).collect()
        });
        Slots { seats, starts, count: ((u64::from(served) + 1) * u64::from(percent)).div_ceil(100) }
    }
}

impl Slots<'_> {
    /// Whether a usable server has less than it may have. Some server always has.
    pub(super) fn has_room(&self, seat: usize) -> bool {
        let total = u64::from(self.starts.last().copied().unwrap_or(0)).max(1);
        let (start, end) = (u64::from(self.starts[seat]), u64::from(self.starts[seat + 1]));
        let (whole, rest) = (self.count / total, self.count % total);
        let slots = (end - start) * whole + end * rest / total - start * rest / total;
        u64::from(self.seats[seat].conns()) < slots.max(1)
    }
}
