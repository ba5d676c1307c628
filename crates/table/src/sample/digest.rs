//! Digests of samples (`configuration.txt` §7.3.1: `xxh32`, `xxh64`, `sha1`, `sha2`, `digest`, `hmac`).

use ::hmac::{Hmac, KeyInit, Mac};
use aws_lc_rs::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA224, SHA256, SHA384, SHA512};
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA224, HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
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

    /// RFC 2104.
    pub(super) fn keyed(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Digest::Md5 => return keyed_md5(key, bytes),
            Digest::Sha1 => HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha224 => HMAC_SHA224,
            Digest::Sha256 => HMAC_SHA256,
            Digest::Sha384 => HMAC_SHA384,
            Digest::Sha512 => HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), bytes).as_ref().to_vec()
    }
}

fn keyed_md5(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Md5>::new_from_slice(key).expect("keys of any length are taken (RFC 2104 §2)");
    mac.chain_update(bytes).finalize().into_bytes().to_vec()
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

    /// RFC 1321 §A.5.
    #[test]
    fn md5() {
        assert_eq!(digits(Digest::Md5.of(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
    }

    fn digits(bytes: Vec<u8>) -> String {
        String::from_utf8(hex(&bytes)).expect("digits").to_lowercase()
    }

    /// Both RFCs ask the same of their digests, but for the length of some keys and of the last text.
    fn check_keyed(digest: Digest, key_size: usize, long_key_size: usize, long_text: &str, expected: [&str; 6]) {
        let counted: Vec<u8> = (1..=25).collect();
        let keyed = [
            digest.keyed(&vec![0x0b; key_size], b"Hi There"),
            digest.keyed(b"Jefe", b"what do ya want for nothing?"),
            digest.keyed(&vec![0xaa; key_size], &[0xdd; 50]),
            digest.keyed(&counted, &[0xcd; 50]),
            digest.keyed(&vec![0xaa; long_key_size], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            digest.keyed(&vec![0xaa; long_key_size], long_text.as_bytes()),
        ];
        assert_eq!(keyed.map(digits), expected, "{digest:?}");
    }

    /// RFC 2202 §2 and §3: test cases 1 to 4, 6 and 7.
    #[test]
    fn keyed_digests_of_old() {
        let text = "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data";
        check_keyed(
            Digest::Md5,
            16,
            80,
            text,
            [
                "9294727a3638bb1c13f48ef8158bfc9d",
                "750c783e6ab0b503eaa86e310a5db738",
                "56be34521d144c88dbb8c733f0e8b3f6",
                "697eaf0aca3a3aea3a75164746ffaa79",
                "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
                "6f630fad67cda0ee1fb1f562db3aa53e",
            ],
        );
        check_keyed(
            Digest::Sha1,
            20,
            80,
            text,
            [
                "b617318655057264e28bc0b6fb378c8ef146be00",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
                "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
                "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
                "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
            ],
        );
    }

    /// RFC 4231 §4: test cases 1 to 4, 6 and 7.
    #[test]
    fn keyed_digests() {
        let text = "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be \
                    hashed before being used by the HMAC algorithm.";
        check_keyed(
            Digest::Sha224,
            20,
            131,
            text,
            [
                "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
                "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
                "7fb3cb3588c6c1f6ffa9694d7d6ad2649365b0c1f65d69d1ec8333ea",
                "6c11506874013cac6a2abc1bb382627cec6a90d86efc012de7afec5a",
                "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
                "3a854166ac5d9f023f54d517d0b39dbd946770db9c2b95c9f6f565d1",
            ],
        );
        check_keyed(
            Digest::Sha256,
            20,
            131,
            text,
            [
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ],
        );
        check_keyed(
            Digest::Sha384,
            20,
            131,
            text,
            [
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
                "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
                "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
                "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
            ],
        );
        check_keyed(
            Digest::Sha512,
            20,
            131,
            text,
            [
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4\
                 be9d914eeb61f1702e696c203a126854",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd\
                 caeab1a34d4a6b4b636e070a38bce737",
                "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807\
                 b946a337bee8942674278859e13292fb",
                "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063\
                 a5f19741120c4f2de2adebeb10a298dd",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52\
                 95e64f73f63f0aec8b915a985d786598",
                "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15\
                 134676fb6de0446065c97440fa8c6a58",
            ],
        );
    }

    /// `openssl mac -digest MD5 -macopt hexkey: HMAC`, and so on.
    #[test]
    fn an_empty_key_is_a_key() {
        assert_eq!(digits(Digest::Md5.keyed(b"", b"abc")), "dd2701993d29fdd0b032c233cec63403");
        assert_eq!(digits(Digest::Sha1.keyed(b"", b"abc")), "9b4a918f398d74d3e367970aba3cbe54e4d2b5d9");
        assert_eq!(
            digits(Digest::Sha256.keyed(b"", b"abc")),
            "fd7adb152c05ef80dccf50a1fa4c05d5a3ec6da95575fc312ae7c5d091836351"
        );
    }
}
