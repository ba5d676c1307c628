//! `balance random(draws)`: of some servers drawn by weight, the least loaded.

/// The usable servers as a number line that each covers by its weight.
#[derive(Debug, Default)]
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
        avoid: Option<usize>,
        load: impl Fn(usize) -> (u32, u16),
    ) -> Option<usize> {
        let mut random = random;
        let mut best = self.draw(stretch(&mut random), avoid)?;
        for _ in 1..draws {
            let next = self.draw(stretch(&mut random), avoid)?;
            let ((best_conns, best_weight), (next_conns, next_weight)) = (load(best), load(next));
            if u64::from(next_conns) * u64::from(best_weight) < u64::from(best_conns) * u64::from(next_weight) {
                best = next;
            }
        }
        Some(best)
    }

    /// The seat that covers a point of the line; the stretch of one to avoid is cut out, unless it is all there is.
    fn draw(&self, random: u32, avoid: Option<usize>) -> Option<usize> {
        let &(_, end) = self.line.last()?;
        let avoided = avoid.and_then(|avoid| self.line.binary_search_by_key(&avoid, |&(seat, _)| seat).ok());
        let gap = match avoided {
            Some(index) if self.line.len() > 1 => self.covered(index),
            Some(_) | None => end..end,
        };
        let point = scale(random, end - (gap.end - gap.start));
        let point = if point < gap.start { point } else { point + (gap.end - gap.start) };
        let index = self.line.partition_point(|&(_, end)| end <= point);
        Some(self.line[index].0)
    }

    fn covered(&self, index: usize) -> std::ops::Range<u32> {
        let start = if index == 0 { 0 } else { self.line[index - 1].1 };
        start..self.line[index].1
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
