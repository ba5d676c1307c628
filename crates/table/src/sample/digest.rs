//! Digests of samples (`configuration.txt` §7.3.1: `xxh32`, `xxh64`, `sha1`, `sha2`, `digest`, `hmac`).

use aws_lc_rs::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA224, SHA256, SHA384, SHA512};
use md5::{Digest as _, Md5};

/// One that makes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm: &Algorithm = match self {
            Digest::Md5 => return Md5::digest(bytes).to_vec(),
            Digest::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha224 => &SHA224,
            Digest::Sha256 => &SHA256,
            Digest::Sha384 => &SHA384,
            Digest::Sha512 => &SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    /// RFC 2104 §2.
    pub(super) fn keyed(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        let size = match self {
            Digest::Md5 | Digest::Sha1 | Digest::Sha224 | Digest::Sha256 => 64,
            Digest::Sha384 | Digest::Sha512 => 128,
        };
        let mut block = if key.len() > size { self.of(key) } else { key.to_vec() };
        block.resize(size, 0);
        let padded = |pad: u8| block.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
        let inner = self.of(&[&padded(0x36), bytes].concat());
        self.of(&[padded(0x5c), inner].concat())
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

    /// RFC 1321 §A.5, RFC 2202 §2 and §3, RFC 4231 §4.3 and §4.7.
    #[test]
    fn keyed_digests() {
        let digits = |bytes: Vec<u8>| String::from_utf8(hex(&bytes)).expect("digits").to_lowercase();
        assert_eq!(digits(Digest::Md5.of(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
        let said = b"what do ya want for nothing?";
        let keyed = |digest: Digest| digits(digest.keyed(b"Jefe", said));
        assert_eq!(keyed(Digest::Md5), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(keyed(Digest::Sha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(keyed(Digest::Sha224), "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44");
        assert_eq!(keyed(Digest::Sha256), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let long =
            digits(Digest::Sha256.keyed(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"));
        assert_eq!(long, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
        assert!(keyed(Digest::Sha512).starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"));
    }
}
