//! What protects the records of one direction: a key, where its nonces begin, and the number of the next record
//! (RFC 8446 §5.2 and §5.3, RFC 5246 §6.2.3.3, RFC 5288 §3, RFC 7905 §2).
//!
//! **Invariant:** no number is used twice with one key.

use crate::handover;
use crate::names::Version;
use crate::record::HEADER_SIZE;
use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use rustls::ConnectionTrafficSecrets;

/// Of all ciphers that are done here.
pub(crate) const TAG_SIZE: usize = 16;

/// Most bytes in a record (RFC 8446 §5.1, RFC 5246 §6.2.1).
pub(crate) const PLAIN_MOST: usize = 1 << 14;

/// Most records under one key of AES-GCM, below the 2^24.5 of RFC 8446 §5.5.
const GCM_RECORDS_MOST: u64 = 1 << 24;

/// The kind of what is in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    ChangeCipherSpec = 20,
    Alert = 21,
    Handshake = 22,
    Data = 23,
}

impl Content {
    pub(crate) fn of(number: u8) -> Option<Content> {
        let all = [Content::ChangeCipherSpec, Content::Alert, Content::Handshake, Content::Data];
        all.into_iter().find(|content| *content as u8 == number)
    }
}

/// How a record lies in its bytes, behind its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// What is in it, its kind, as many zeroes as its sender likes, and the tag (RFC 8446 §5.2).
    Tls13,
    /// The last 8 bytes of the nonce, what is in it, and the tag (RFC 5288 §3).
    Tls12WithNonce,
    /// What is in it, and the tag (RFC 7905 §2).
    Tls12,
}

impl Layout {
    /// Bytes of the nonce that are said.
    pub(crate) fn nonce_size(self) -> usize {
        match self {
            Layout::Tls12WithNonce => 8,
            Layout::Tls13 | Layout::Tls12 => 0,
        }
    }

    /// Bytes that say the kind of what is in it.
    pub(crate) fn kind_size(self) -> usize {
        match self {
            Layout::Tls13 => 1,
            Layout::Tls12WithNonce | Layout::Tls12 => 0,
        }
    }
}

pub(crate) struct Traffic {
    pub(crate) key: LessSafeKey,
    pub(crate) layout: Layout,
    iv: [u8; NONCE_LEN],
    sequence: u64,
    /// So many records may be sealed with the key.
    records_most: u64,
    /// What the key was made of, where somebody else may go on with it.
    secrets: Option<Box<ConnectionTrafficSecrets>>,
}

impl Traffic {
    /// `sequence`: the number of the next record. `None`: a cipher that is not known here.
    pub(crate) fn new(secrets: &ConnectionTrafficSecrets, sequence: u64, version: Version) -> Option<Traffic> {
        let (algorithm, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => return None,
        };
        Traffic::with(algorithm, key.as_ref(), iv.as_ref(), sequence, version)
    }

    pub(crate) fn with(
        algorithm: &'static Algorithm,
        key: &[u8],
        iv: &[u8],
        sequence: u64,
        version: Version,
    ) -> Option<Traffic> {
        let is_gcm = algorithm != &CHACHA20_POLY1305;
        let layout = match version {
            Version::Tls13 => Layout::Tls13,
            Version::Tls12 if is_gcm => Layout::Tls12WithNonce,
            Version::Tls12 => Layout::Tls12,
            Version::Ssl3 | Version::Tls10 | Version::Tls11 => return None,
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        let iv = iv.try_into().ok()?;
        let records_most = if is_gcm { GCM_RECORDS_MOST } else { u64::MAX };
        Some(Traffic { key, layout, iv, sequence, records_most, secrets: None })
    }

    /// The same, and what the key was made of is kept.
    pub(crate) fn keeping(self, secrets: ConnectionTrafficSecrets) -> Traffic {
        Traffic { secrets: Some(Box::new(secrets)), ..self }
    }

    /// Whether somebody else may go on with it.
    pub(crate) fn is_kept(&self) -> bool {
        self.secrets.is_some()
    }

    /// What it takes to go on with the next record, for the kernel; `None`: it was not kept.
    pub(crate) fn for_kernel(&self) -> Option<Vec<u8>> {
        let secrets = self.secrets.as_ref()?;
        Some(handover::crypto_info(secrets, self.layout, &self.iv, self.sequence))
    }

    /// The nonce of the next record: the number, from where nonces begin (RFC 8446 §5.3).
    pub(crate) fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[NONCE_LEN - 8..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// The nonce of the next record, of which these bytes are said.
    pub(crate) fn nonce_said(&self, said: &[u8]) -> Nonce {
        let mut nonce = if said.is_empty() { self.nonce() } else { self.iv };
        nonce[NONCE_LEN - said.len()..].copy_from_slice(said);
        Nonce::assume_unique_for_key(nonce)
    }

    /// What is sealed of the next record without being encrypted. `sealed_size`: bytes behind the header.
    pub(crate) fn associated(&self, kind: u8, sealed_size: usize) -> Aad<Associated> {
        let number = self.sequence.to_be_bytes();
        let size = match self.layout {
            // The version in the header is there for the eyes of others (RFC 8446 §5.2).
            Layout::Tls13 => sealed_size,
            Layout::Tls12WithNonce | Layout::Tls12 => sealed_size - self.layout.nonce_size() - TAG_SIZE,
        };
        let [high, low] = (size as u16).to_be_bytes();
        let mut bytes = [0; 8 + HEADER_SIZE];
        bytes[..8].copy_from_slice(&number);
        bytes[8..].copy_from_slice(&[kind, 3, 3, high, low]);
        let start = if self.layout == Layout::Tls13 { 8 } else { 0 };
        Aad::from(Associated { bytes, start })
    }

    /// The record is done.
    pub(crate) fn advance(&mut self) {
        self.sequence += 1;
    }

    /// Whether its numbers have come to their end: another would be one that was there before.
    pub(crate) fn is_over(&self) -> bool {
        self.sequence == u64::MAX
    }

    /// Whether so many records were sealed with the key that there should be another.
    pub(crate) fn is_used_up(&self) -> bool {
        self.sequence >= self.records_most
    }

    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, sequence: u64) {
        self.sequence = sequence;
    }
}

pub(crate) struct Associated {
    bytes: [u8; 8 + HEADER_SIZE],
    start: usize,
}

impl AsRef<[u8]> for Associated {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}
