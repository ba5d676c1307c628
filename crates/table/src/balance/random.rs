//! `balance random(draws)`: of some servers drawn by weight, the least loaded.

use super::fit::Fit;

/// The usable servers as a number line that each covers by its weight.
#[derive(Clone, Debug, Default)]
pub(super) struct Random {
    /// Seats in file order with the end of what each covers; `None` when a server changed since.
    line: Option<Vec<(usize, u32)>>,
}

impl Random {
    /// The servers changed: the line is drawn again before it is used.
    pub(super) fn expire(&mut self) {
        self.line = None;
    }

    /// Makes sure that the line is drawn.
    pub(super) fn fresh<M: Iterator<Item = (usize, u16)>>(&mut self, members: impl FnOnce() -> M) -> Drawn<'_> {
        let line = self.line.get_or_insert_with(|| {
            let ends = members().scan(0, |end, (seat, weight)| {
                *end += u32::from(weight);
                Some((seat, *end))
            });
            ends.collect()
        });
        Drawn { line }
    }
}

/// A line that is up to date.
pub(super) struct Drawn<'a> {
    line: &'a [(usize, u32)],
}

impl Drawn<'_> {
    /// Draws `draws` servers, the same one perhaps twice, and takes that with the fewest connections for its weight; the
    /// first drawn of equals. `load` gives a seat's connections and weight.
    pub(super) fn choose(
        &self,
        draws: u32,
        random: u64,
        fit: impl Fn(usize) -> Fit,
        load: impl Fn(usize) -> (u32, u16),
    ) -> Option<usize> {
        let mut random = random;
        let mut best = self.draw(&mut random, &fit)?;
        for _ in 1..draws {
            let next = self.draw(&mut random, &fit)?;
            let ((best_conns, best_weight), (next_conns, next_weight)) = (load(best), load(next));
            if u64::from(next_conns) * u64::from(best_weight) < u64::from(best_conns) * u64::from(next_weight) {
                best = next;
            }
        }
        Some(best)
    }

    /// One by weight of those that are wanted; where none is, of those to be avoided.
    fn draw(&self, random: &mut u64, fit: impl Fn(usize) -> Fit) -> Option<usize> {
        let &(_, end) = self.line.last()?;
        let point = scale(stretch(random), end);
        let (drawn, _) = self.line[self.line.partition_point(|&(_, end)| end <= point)];
        if fit(drawn) == Fit::Wanted {
            return Some(drawn);
        }
        // Drawn again among those alone that are wanted: the line is walked only where the first draw has failed.
        self.draw_among(random, |seat| fit(seat) == Fit::Wanted)
            .or_else(|| self.draw_among(random, |seat| fit(seat) == Fit::Avoided))
    }

    fn draw_among(&self, random: &mut u64, is_member: impl Fn(usize) -> bool) -> Option<usize> {
        let starts = [0].into_iter().chain(self.line.iter().map(|&(_, end)| end));
        let members = self.line.iter().zip(starts).filter(|&(&(seat, _), _)| is_member(seat));
        let weights = members.map(|(&(seat, end), start)| (seat, end - start));
        let mut point = scale(stretch(random), weights.clone().map(|(_, weight)| weight).sum());
        for (seat, weight) in weights {
            match point.checked_sub(weight) {
                Some(left) => point = left,
                None => return Some(seat),
            }
        }
        None
    }
}

/// A number below `bound`, as evenly as `random` is.
fn scale(random: u32, bound: u32) -> u32 {
    ((u64::from(random) * u64::from(bound)) >> 32) as u32
}

/// The next number of a sequence that starts with a random seed (SplitMix64; Steele, Lea, Flood: Fast Splittable Pseudorandom
/// Number Generators, 2014).
fn stretch(state: &mut u64) -> u32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 32) as u32
}
