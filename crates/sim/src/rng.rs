//! Random numbers from a seed: xoshiro256++ (Blackman and Vigna), its state filled by splitmix64.

use std::time::Duration;

/// The only source of chance in a simulated world. The same seed gives the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    pub fn new(seed: u64) -> Rng {
        let mut filler = seed;
        Rng { state: std::array::from_fn(|_| splitmix(&mut filler)) }
    }

    /// All 64 bits are equally good.
    pub fn draw(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let drawn = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        drawn
    }

    /// A number in `0..bound`; `bound` is at least one. Its bias is below `bound / 2^64`.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "there is no number below zero");
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }

    /// A number in `least..=most`.
    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True `permille` times out of a thousand. Draws nothing when the answer is certain.
    pub fn chance(&mut self, permille: u32) -> bool {
        permille >= 1000 || permille > 0 && self.below(1000) < permille as usize
    }

    /// A span in `least..=most`, to the nanosecond.
    pub fn span(&mut self, least: Duration, most: Duration) -> Duration {
        let width = most.saturating_sub(least).as_nanos() as usize;
        if width == 0 { least } else { least + Duration::from_nanos(self.below(width + 1) as u64) }
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs of the authors' reference implementation for the state 1, 2, 3, 4.
    #[test]
    fn numbers_are_those_of_xoshiro256_plus_plus() {
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let drawn: Vec<u64> = (0..6).map(|_| rng.draw()).collect();
        let reference =
            [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162];
        assert_eq!(drawn, reference);
    }

    /// The first outputs of splitmix64 for the seed zero.
    #[test]
    fn seeds_are_spread_by_splitmix() {
        let mut state = 0;
        let drawn: Vec<u64> = (0..3).map(|_| splitmix(&mut state)).collect();
        assert_eq!(drawn, [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F]);
    }

    #[test]
    fn draws_stay_in_their_bounds() {
        let mut rng = Rng::new(7);
        let micros = Duration::from_micros;
        for _ in 0..1000 {
            assert!(rng.below(3) < 3);
            assert!((5..=6).contains(&rng.between(5, 6)));
            assert!((micros(1)..=micros(2)).contains(&rng.span(micros(1), micros(2))));
            assert!(rng.chance(1000) && !rng.chance(0));
        }
    }
}
