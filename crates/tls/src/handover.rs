//! What the kernel is given so that it goes on with the records of one direction (`linux/tls.h`: `tls12_crypto_info_…`, for TLS 1.3, too).
//!
//! ```text
//!   version │ cipher │ iv │ key │ salt │ number of the next record
//!      2         2     8/12  16/32  4/0    8        bytes; numbers as the machine has them, but for the last
//! ```

use crate::traffic::Layout;
use aws_lc_rs::aead::NONCE_LEN;
use rustls::ConnectionTrafficSecrets;

const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

const AES_GCM_128: u16 = 51;
const AES_GCM_256: u16 = 52;
const CHACHA20_POLY1305: u16 = 54;

/// Bytes of a nonce of AES-GCM that are never said.
const SALT_SIZE: usize = 4;

/// `iv`: where nonces begin.
pub(crate) fn crypto_info(
    secrets: &ConnectionTrafficSecrets,
    layout: Layout,
    iv: &[u8; NONCE_LEN],
    sequence: u64,
) -> Vec<u8> {
    let version = if layout == Layout::Tls13 { TLS_1_3 } else { TLS_1_2 };
    let (cipher, key, salt_size) = match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, .. } => (AES_GCM_128, key, SALT_SIZE),
        ConnectionTrafficSecrets::Aes256Gcm { key, .. } => (AES_GCM_256, key, SALT_SIZE),
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, .. } => (CHACHA20_POLY1305, key, 0),
        _ => unreachable!("a key was made of them"),
    };
    let (salt, rest) = iv.split_at(salt_size);
    let mut rest = rest.to_vec();
    if layout == Layout::Tls12WithNonce {
        // The kernel counts on from here, while `Traffic::nonce` has put numbers below 2^63 to where nonces begin: whatever it has used,
        // it did not use with the first bit turned.
        rest[0] ^= 0x80;
    }
    let parts: [&[u8]; 6] =
        [&version.to_ne_bytes(), &cipher.to_ne_bytes(), &rest, key.as_ref(), salt, &sequence.to_be_bytes()];
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::crypto::cipher::{AeadKey, Iv};

    const KEY: [u8; 32] = [7; 32];
    const IV: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    /// Sizes are those of `linux/tls.h`, and of `setsockopt(TLS_TX)`, which takes no others.
    #[test]
    fn as_the_kernel_lays_it_out() {
        let iv = || Iv::from(IV);
        let gcm = ConnectionTrafficSecrets::Aes256Gcm { key: AeadKey::from(KEY), iv: iv() };
        let info = crypto_info(&gcm, Layout::Tls13, &IV, 0x0102);
        assert_eq!(info.len(), 56);
        assert_eq!(info[..4], [TLS_1_3.to_ne_bytes(), AES_GCM_256.to_ne_bytes()].concat());
        assert_eq!(info[4..12], IV[4..]);
        assert_eq!(info[12..44], KEY);
        assert_eq!(info[44..48], IV[..4]);
        assert_eq!(info[48..], [0, 0, 0, 0, 0, 0, 1, 2]);
        let chacha = ConnectionTrafficSecrets::Chacha20Poly1305 { key: AeadKey::from(KEY), iv: iv() };
        let info = crypto_info(&chacha, Layout::Tls12, &IV, 1);
        assert_eq!(info.len(), 56);
        assert_eq!(info[..4], [TLS_1_2.to_ne_bytes(), CHACHA20_POLY1305.to_ne_bytes()].concat());
        assert_eq!(info[4..16], IV);
    }

    /// RFC 5288 §3: the same key never sees a nonce twice.
    #[test]
    fn nonces_that_were_said_are_not_said_again() {
        let gcm = ConnectionTrafficSecrets::Aes256Gcm { key: AeadKey::from(KEY), iv: Iv::from(IV) };
        let info = crypto_info(&gcm, Layout::Tls12WithNonce, &IV, 9);
        assert_eq!(info[4..12], [0x85, 6, 7, 8, 9, 10, 11, 12]);
    }
}
