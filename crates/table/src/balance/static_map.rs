//! The map of `balance static-rr` and a hash with `hash-type map-based`: each usable server has as many places in it as its weight, spread
//! evenly, and a place is found by counting on or by hashing.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::fit::Fit;
use crate::Server;

#[derive(Clone, Debug)]
pub(super) struct StaticMap {
    /// What all weights of the file have in common: dividing by it keeps the map small.
    divisor: u32,
    /// Seats; `None` when a server changed since.
    map: Option<Vec<usize>>,
    next: usize,
}

impl StaticMap {
    pub(super) fn new(servers: &[Arc<Server>]) -> StaticMap {
        let weights = servers.iter().map(|server| u32::from(server.settings.weight));
        StaticMap { divisor: weights.fold(0, gcd).max(1), map: None, next: 0 }
    }

    /// The servers changed: the map is filled again before it is used.
    pub(super) fn expire(&mut self) {
        self.map = None;
    }

    /// Makes sure that the map is filled.
    pub(super) fn fresh<M: Iterator<Item = (usize, u16)>>(&mut self, members: impl FnOnce() -> M) -> Filled<'_> {
        let divisor = self.divisor;
        let map = self.map.get_or_insert_with(|| {
            let shares: Vec<_> = members().map(|(seat, weight)| (seat, u32::from(weight).div_ceil(divisor))).collect();
            fill(&shares)
        });
        if self.next >= map.len() {
            self.next = 0;
        }
        Filled { map, next: &mut self.next }
    }
}

/// A map that is up to date.
pub(super) struct Filled<'a> {
    map: &'a [usize],
    next: &'a mut usize,
}

impl Filled<'_> {
    /// The place a hash points to.
    pub(super) fn at(&self, hash: u32) -> Option<usize> {
        let index = (hash as usize).checked_rem(self.map.len())?;
        Some(self.map[index])
    }

    /// The next place in turn whose server is wanted, if there is one.
    pub(super) fn next(self, fit: impl Fn(usize) -> Fit) -> Option<usize> {
        let count = self.map.len();
        let places = (0..count).map(|step| (*self.next + step) % count);
        let is = |index: usize, wanted: Fit| fit(self.map[index]) == wanted;
        let wanted = places.clone().find(|&index| is(index, Fit::Wanted));
        // Where none is wanted, the search went round once and keeps the last that it met.
        let index = wanted.or_else(|| places.rev().find(|&index| is(index, Fit::Avoided)))?;
        *self.next = index + 1;
        Some(self.map[index])
    }
}

/// Spreads the servers over a map of as many places as the shares add up to; the result holds their seats.
///
/// The rule: place by place every server's claim grows by its share, and the winner of the place pays the map's size out of
/// its claim. A claim of n whole maps has the rank n; the highest rank wins, among equals the first in the file. So a rank is
/// how many rises a server had, one every size/share places, less the places it won. Servers are looked at when they rise or
/// win, not at every place: O(size · log servers).
fn fill(shares: &[(usize, u32)]) -> Vec<usize> {
    let size: u64 = shares.iter().map(|&(_, share)| u64::from(share)).sum();
    // The place at which a server rises for the `nth` time (from 1): the first with (place + 1) · share ≥ nth · size.
    let rise = |server: usize, nth: u64| (nth * size).div_ceil(u64::from(shares[server].1)) - 1;
    let mut ranks = vec![0_i64; shares.len()];
    let mut contenders: BTreeSet<(Reverse<i64>, usize)> =
        (0..shares.len()).map(|server| (Reverse(0), server)).collect();
    let mut rises: BinaryHeap<_> = (0..shares.len()).map(|server| Reverse((rise(server, 1), server, 1))).collect();

    let mut map = Vec::with_capacity(size as usize);
    for place in 0..size {
        while let Some(&Reverse((at, server, nth))) = rises.peek()
            && at == place
        {
            rises.pop();
            if nth < u64::from(shares[server].1) {
                rises.push(Reverse((rise(server, nth + 1), server, nth + 1)));
            }
            contenders.remove(&(Reverse(ranks[server]), server));
            ranks[server] += 1;
            if ranks[server] >= 0 {
                contenders.insert((Reverse(ranks[server]), server));
            }
        }
        let (_, winner) = contenders.pop_first().expect("claims add up to the map's size before each place is paid");
        map.push(shares[winner].0);
        ranks[winner] -= 1;
        if ranks[winner] >= 0 {
            contenders.insert((Reverse(ranks[winner]), winner));
        }
    }
    map
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule as it is told, asking every server at every place.
    fn fill_slowly(shares: &[(usize, u32)]) -> Vec<usize> {
        let size: i64 = shares.iter().map(|&(_, share)| i64::from(share)).sum();
        let mut claims = vec![0_i64; shares.len()];
        let mut map = Vec::new();
        for _ in 0..size {
            claims.iter_mut().zip(shares).for_each(|(claim, &(_, share))| *claim += i64::from(share));
            let rank = |server: &usize| (claims[*server].div_euclid(size), Reverse(*server));
            let winner = (0..shares.len()).max_by_key(rank).unwrap();
            claims[winner] -= size;
            map.push(shares[winner].0);
        }
        map
    }

    proptest! {
        #[test]
        fn filling_by_rises_is_filling_place_by_place(weights in prop::collection::vec(1_u32..40, 0..20)) {
            let shares: Vec<_> = weights.into_iter().enumerate().collect();
            prop_assert_eq!(fill(&shares), fill_slowly(&shares));
        }
    }
}
