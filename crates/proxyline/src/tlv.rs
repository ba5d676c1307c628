//! Type-length-values: what a version 2 header says beyond addresses (PP §2.2).

use crate::Error;
use crate::crc32c::Crc32c;

/// Types that PP §2.2 registers and that are used here.
pub mod kind {
    /// The application protocol that was negotiated, as in RFC 7301.
    pub const ALPN: u8 = 0x01;
    /// The host name that the client asked for, at most 255 bytes.
    pub const AUTHORITY: u8 = 0x02;
    /// The checksum of the header, 4 bytes, big endian.
    pub const CRC32C: u8 = 0x03;
    /// The sender's identifier of the connection, at most 128 bytes.
    pub const UNIQUE_ID: u8 = 0x05;
    /// What the sender knows of the client's TLS: `client` (1 byte), `verify` (4 bytes, big endian), then TLVs.
    pub const SSL: u8 = 0x20;
}

/// A host name in TLS (RFC 6066 §3) is a DNS name, which has at most 255 bytes (RFC 1035 §2.3.4).
const AUTHORITY_SIZE_MAX: usize = 255;
/// PP §2.2.5.
pub(crate) const UNIQUE_ID_SIZE_MAX: usize = 128;
/// PP §2.2.6: `client` and `verify`, before the inner TLVs.
const SSL_FIXED_SIZE: usize = 5;
/// PP §2.2.3.
const CRC32C_SIZE: usize = 4;

/// One type-length-value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The type, as in [`kind`].
    pub kind: u8,
    /// The value, at most 65,535 bytes, borrowed from the header.
    pub value: &'a [u8],
}

/// The type-length-values of a header, in the order of the header.
///
/// **Invariant:** they were checked when the header was read, so that walking them meets no malformed one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tlvs<'a>(&'a [u8]);

impl<'a> Tlvs<'a> {
    /// The value of the first TLV of this type.
    pub fn first(self, kind: u8) -> Option<&'a [u8]> {
        self.into_iter().find(|tlv| tlv.kind == kind).map(|tlv| tlv.value)
    }

    /// Reads the TLVs of `header`, which begin at `start`, and checks what PP says of each.
    pub(crate) fn read(header: &'a [u8], start: usize) -> Result<Tlvs<'a>, Error> {
        let tlvs = header.get(start..).ok_or(Error::BadHeader)?;
        let mut is_sealed = false;
        let mut rest = tlvs;
        while !rest.is_empty() {
            let (tlv, after) = split(rest).ok_or(Error::BadHeader)?;
            rest = after;
            let is_valid = match tlv.kind {
                kind::AUTHORITY => tlv.value.len() <= AUTHORITY_SIZE_MAX,
                kind::UNIQUE_ID => tlv.value.len() <= UNIQUE_ID_SIZE_MAX,
                kind::SSL => is_valid_ssl(tlv.value),
                // Two checksums cannot both be computed over a header in which they are zero.
                kind::CRC32C if is_sealed => false,
                kind::CRC32C => {
                    is_sealed = true;
                    is_valid_checksum(header, tlv.value, rest)
                }
                _ => true,
            };
            if !is_valid {
                return Err(Error::BadHeader);
            }
        }
        Ok(Tlvs(tlvs))
    }
}

impl<'a> IntoIterator for Tlvs<'a> {
    type Item = Tlv<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        Iter(self.0)
    }
}

/// Walks [`Tlvs`].
#[derive(Clone, Debug)]
pub struct Iter<'a>(&'a [u8]);

impl<'a> Iterator for Iter<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Tlv<'a>> {
        let (tlv, rest) = split(self.0)?;
        self.0 = rest;
        Some(tlv)
    }
}

/// The TLV at the start of `bytes` and what follows it; `None` if it is not all there.
fn split(bytes: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (&[kind, high, low], rest) = bytes.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((Tlv { kind, value }, rest))
}

fn is_valid_ssl(value: &[u8]) -> bool {
    let Some(mut inner) = value.get(SSL_FIXED_SIZE..) else { return false };
    while !inner.is_empty() {
        match split(inner) {
            Some((_, rest)) => inner = rest,
            None => return false,
        }
    }
    true
}

/// PP §2.2.3: the checksum covers the whole header, with zeros in its own place. `after` is what follows `value`.
fn is_valid_checksum(header: &[u8], value: &[u8], after: &[u8]) -> bool {
    let Ok(expected) = <[u8; CRC32C_SIZE]>::try_from(value) else { return false };
    let before = &header[..header.len() - after.len() - CRC32C_SIZE];
    let computed = Crc32c::new().update(before).update(&[0; CRC32C_SIZE]).update(after).finish();
    computed == u32::from_be_bytes(expected)
}
