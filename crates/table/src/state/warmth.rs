//! How far a server has come that takes its time after it came up (`slowstart`).
//!
//! The steps are HAProxy's (`server_recalc_eweight`, `srv_dynamic_maxconn`): the weight rises in sixteenths and the limit of connections
//! in hundredths, by whole seconds.

use std::num::NonZeroU32;

/// A weight of 1 is so many parts of a weight: one that warms up may have less.
pub const WEIGHT_SCALE: u16 = 16;

/// What part of its weight and of its places a server has that is not warm yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warmth {
    /// Of the weight, 1 to [`WEIGHT_SCALE`].
    sixteenths: u8,
    /// Of the places, 0 to 99.
    percent: u8,
}

impl Warmth {
    /// Of a server that has just come up.
    pub const COLD: Warmth = Warmth { sixteenths: 1, percent: 0 };

    /// So many seconds after it came up; `None`: it is warm.
    pub fn after(seconds: u64, slowstart: NonZeroU32) -> Option<Warmth> {
        let whole = u64::from(slowstart.get());
        (seconds < whole).then(|| Warmth {
            sixteenths: ((u64::from(WEIGHT_SCALE) * seconds + whole) / whole) as u8,
            percent: (100 * seconds / whole) as u8,
        })
    }

    /// In parts of which [`WEIGHT_SCALE`] are a weight of 1.
    pub(crate) fn weight(self, whole: u16) -> u16 {
        whole * u16::from(self.sixteenths)
    }

    /// How many of so many places: one at least.
    pub(crate) fn places(self, all: u32) -> u32 {
        u32::try_from(u64::from(all) * u64::from(self.percent) / 100).unwrap_or(all).max(1)
    }

    /// As one word, which is not 0.
    pub(super) fn word(self) -> u32 {
        u32::from(self.sixteenths) << 8 | u32::from(self.percent)
    }

    pub(super) fn of_word(word: u32) -> Option<Warmth> {
        (word != 0).then_some(Warmth { sixteenths: (word >> 8) as u8, percent: word as u8 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HAProxy 2.6 with `slowstart 6s weight 10`: what `show stat` says second by second, `throttle` and `weight`.
    #[test]
    fn steps() {
        let slowstart = NonZeroU32::new(6).expect("six");
        let seen = [(6, 1), (18, 2), (37, 4), (56, 6), (68, 7), (87, 9)];
        for (second, expected) in (0..).zip(seen) {
            let weight = u32::from(Warmth::after(second, slowstart).expect("cold").weight(10));
            let shown = weight.div_ceil(u32::from(WEIGHT_SCALE));
            assert_eq!(((100 * weight + 15) / 160, shown), expected, "after {second} s");
        }
        assert_eq!(Warmth::after(6, slowstart), None);
    }

    #[test]
    fn places() {
        let slowstart = NonZeroU32::new(6).expect("six");
        let places = |second| Warmth::after(second, slowstart).map(|warmth| warmth.places(20));
        assert_eq!([0, 1, 3, 5, 6].map(places), [Some(1), Some(3), Some(10), Some(16), None]);
    }

    #[test]
    fn words() {
        let slowstart = NonZeroU32::new(7).expect("seven");
        assert_eq!(Warmth::after(0, slowstart), Some(Warmth::COLD));
        for second in 0..9 {
            let warmth = Warmth::after(second, slowstart);
            assert_eq!(Warmth::of_word(warmth.map_or(0, Warmth::word)), warmth);
        }
    }
}
