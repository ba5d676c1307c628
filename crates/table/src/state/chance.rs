//! Numbers that nobody expects, for samples (`rand`, `uuid`). They keep no secrets: whoever has seen some may guess the next.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014), from a start of its own in each process.
#[derive(Debug)]
pub struct Chance(AtomicU64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chance {
    /// Its start is what makes the hash tables of this process unlike any other's.
    pub(crate) fn new() -> Chance {
        Chance(AtomicU64::new(HashMap::<(), ()>::new().hasher().hash_one(STEP)))
    }

    pub(crate) fn next(&self) -> u64 {
        let mut mixed = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one; 0 where there is none.
    pub(crate) fn below(&self, range: u32) -> u32 {
        let upper_half = |number: u64| (number >> 32) as u32;
        upper_half(u64::from(upper_half(self.next())) * u64::from(range))
    }

    /// A UUID of version 4 (RFC 9562 §5.4).
    pub(crate) fn uuid(&self) -> String {
        let random = (u128::from(self.next()) << 64) | u128::from(self.next());
        let bits = random & !(0xf << 76) & !(0b11 << 62) | (4 << 76) | (0b10 << 62);
        let digits = format!("{bits:032x}");
        [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids() {
        let chance = Chance::new();
        for _ in 0..100 {
            let text = chance.uuid();
            let lengths: Vec<usize> = text.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{text}");
            assert!(text.as_bytes()[14] == b'4' && b"89ab".contains(&text.as_bytes()[19]), "{text}");
        }
    }

    /// The first numbers from a start of 0, as the paper's reference implementation has them.
    #[test]
    fn numbers() {
        let chance = Chance(AtomicU64::new(0));
        assert_eq!([chance.next(), chance.next()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }
}
