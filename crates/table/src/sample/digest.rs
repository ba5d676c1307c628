//! Digests of samples (`configuration.txt` §7.3.1: `xxh32`, `xxh64`, `sha1`, `sha2`).

use aws_lc_rs::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA224, SHA256, SHA384, SHA512};

/// One that makes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm: &Algorithm = match self {
            Digest::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha224 => &SHA224,
            Digest::Sha256 => &SHA256,
            Digest::Sha384 => &SHA384,
            Digest::Sha512 => &SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

/// XXH32 (the xxHash algorithm description, "XXH32 Algorithm Overview").
pub(super) fn xxh32(bytes: &[u8], seed: u32) -> u32 {
    const PRIMES: [u32; 5] = [0x9e37_79b1, 0x85eb_ca77, 0xc2b2_ae3d, 0x27d4_eb2f, 0x1656_67b1];
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    let round =
        |lane: u32, word: u32| lane.wrapping_add(word.wrapping_mul(PRIMES[1])).rotate_left(13).wrapping_mul(PRIMES[0]);
    let stripes = bytes.chunks_exact(16);
    let mut rest = stripes.remainder();
    let mut hash = if bytes.len() < 16 {
        seed.wrapping_add(PRIMES[4])
    } else {
        let begin = seed.wrapping_add(PRIMES[0]).wrapping_add(PRIMES[1]);
        let mut lanes = [begin, seed.wrapping_add(PRIMES[1]), seed, seed.wrapping_sub(PRIMES[0])];
        for stripe in stripes {
            for (lane, bytes) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
                *lane = round(*lane, word(bytes));
            }
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, turn)| lane.rotate_left(turn));
        turned.fold(0, u32::wrapping_add)
    };
    hash = hash.wrapping_add(bytes.len() as u32);
    while let Some((first, behind)) = rest.split_at_checked(4) {
        hash = hash.wrapping_add(word(first).wrapping_mul(PRIMES[2])).rotate_left(17).wrapping_mul(PRIMES[3]);
        rest = behind;
    }
    for &byte in rest {
        hash = hash.wrapping_add(u32::from(byte).wrapping_mul(PRIMES[4])).rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(PRIMES[1]);
    hash = (hash ^ (hash >> 13)).wrapping_mul(PRIMES[2]);
    hash ^ (hash >> 16)
}

/// XXH64 (the same, "XXH64 Algorithm Overview").
pub fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    const PRIMES: [u64; 5] = [
        0x9e37_79b1_85eb_ca87,
        0xc2b2_ae3d_27d4_eb4f,
        0x1656_67b1_9e37_79f9,
        0x85eb_ca77_c2b2_ae63,
        0x27d4_eb2f_1656_67c5,
    ];
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let round =
        |lane: u64, word: u64| lane.wrapping_add(word.wrapping_mul(PRIMES[1])).rotate_left(31).wrapping_mul(PRIMES[0]);
    let stripes = bytes.chunks_exact(32);
    let mut rest = stripes.remainder();
    let mut hash = if bytes.len() < 32 {
        seed.wrapping_add(PRIMES[4])
    } else {
        let begin = seed.wrapping_add(PRIMES[0]).wrapping_add(PRIMES[1]);
        let mut lanes = [begin, seed.wrapping_add(PRIMES[1]), seed, seed.wrapping_sub(PRIMES[0])];
        for stripe in stripes {
            for (lane, bytes) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                *lane = round(*lane, word(bytes));
            }
        }
        let turned = lanes.iter().zip([1, 7, 12, 18]).map(|(lane, turn)| lane.rotate_left(turn));
        let merged = turned.fold(0, u64::wrapping_add);
        lanes.iter().fold(merged, |hash, &lane| (hash ^ round(0, lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]))
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    while let Some((first, behind)) = rest.split_at_checked(8) {
        hash = (hash ^ round(0, word(first))).rotate_left(27).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
        rest = behind;
    }
    if let Some((first, behind)) = rest.split_at_checked(4) {
        let half = u32::from_le_bytes(first.try_into().expect("four bytes"));
        let mixed = hash ^ u64::from(half).wrapping_mul(PRIMES[0]);
        hash = mixed.rotate_left(23).wrapping_mul(PRIMES[1]).wrapping_add(PRIMES[2]);
        rest = behind;
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(PRIMES[4])).rotate_left(11).wrapping_mul(PRIMES[0]);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIMES[1]);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIMES[2]);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::super::coding::hex;
    use super::*;

    /// What HAProxy 2.6.12 makes of `/abc`, and the values that the algorithm's authors give for longer texts.
    #[test]
    fn digests() {
        assert_eq!((xxh32(b"/abc", 0), xxh32(b"/abc", 7)), (4_260_198_759, 3_860_786_875));
        assert_eq!((xxh64(b"/abc", 0), xxh64(b"/abc", 7)), (1_581_546_775_629_174_716, 5_259_890_479_203_322_608));
        assert_eq!(xxh32(b"", 0), 0x02cc_5d05);
        assert_eq!(xxh64(b"", 0), 0xef46_db37_51d8_e999);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition", 0), 0xe229_3b2f);
        assert_eq!(xxh64(b"Nobody inspects the spammish repetition", 0), 0xfbce_a83c_8a37_8bf1);
        let made = |digest: Digest| String::from_utf8(hex(&digest.of(b"/abc"))).expect("digits");
        assert_eq!(made(Digest::Sha1), "06F74E7966946C1647930A899440755839F74E3E");
        assert_eq!(made(Digest::Sha256), "AAAEA3613DF9F409E3B79264CA21C3E12E99AD2D7B0F6FC9B4CA2F4610B878A1");
        for (digest, size) in [(Digest::Sha224, 28), (Digest::Sha384, 48), (Digest::Sha512, 64)] {
            assert_eq!(digest.of(b"/abc").len(), size, "{digest:?}");
        }
    }
}
