//! Headers of version 2 that say more than addresses (PP §2.2): what the client's TLS agreed on, and who it is by its certificate.
//!
//! TLVs come in the order in which HAProxy writes them: the operator's own, checksum, protocol, host name, unique id, TLS; within TLS: version, common
//! name, key, signature, cipher.

use crate::crc32c::Crc32c;
use crate::tlv::{Tlv, UNIQUE_ID_SIZE_MAX, kind};
use crate::{Addresses, HEADER_SIZE_MAX, Version, encode};

/// What is said beside the addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announcement<'a> {
    /// What the operator says, of whatever type.
    pub own: &'a [Tlv<'a>],
    /// The header bears a checksum (PP §2.2.3).
    pub is_sealed: bool,
    /// The protocol that was agreed on with the client (RFC 7301).
    pub protocol: Option<&'a [u8]>,
    /// The host that the client asked for, at most 255 bytes.
    pub authority: Option<&'a [u8]>,
    /// What names the connection, at most 128 bytes (PP §2.2.5).
    pub unique_id: Option<&'a [u8]>,
    /// `Some`: there is a TLV about TLS, also of a client that has none.
    pub tls: Option<ClientTls<'a>>,
}

/// What is said of a client's TLS (PP §2.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTls<'a> {
    /// It has none.
    None,
    Some {
        /// Such as `TLSv1.3`.
        version: &'a str,
        certificate: Certificate,
        /// Of the client's certificate.
        common_name: Option<&'a str>,
        /// Kind and size of the key of the certificate that it was shown: `RSA2048`.
        key: Option<&'a str>,
        /// How that certificate is signed: `RSA-SHA256`.
        signature: Option<&'a str>,
        cipher: Option<&'a str>,
    },
}

/// Whether the client has shown a certificate, which was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    None,
    /// In this connection.
    Shown,
    /// In an earlier one, whose session was taken up again.
    Remembered,
}

/// PP §2.2.6, the bits of `client`.
const CLIENT_SSL: u8 = 0x01;
const CLIENT_CERT_CONN: u8 = 0x02;
const CLIENT_CERT_SESS: u8 = 0x04;

/// PP §2.2.6, types within the TLV about TLS.
const SUBTYPE_VERSION: u8 = 0x21;
const SUBTYPE_CN: u8 = 0x22;
const SUBTYPE_CIPHER: u8 = 0x23;
const SUBTYPE_SIGNATURE: u8 = 0x24;
const SUBTYPE_KEY: u8 = 0x25;

/// Where the length of what follows stands (PP §2.2).
const LENGTH_AT: usize = 14;

/// Signature, version and command, family, length.
const FIXED_SIZE: usize = 16;

/// The header of version 2 for a connection that is made on behalf of a client, as [`encode`], with `announcement` behind the addresses.
/// A value that is too long for its TLV is left out, and what would make the header longer than [`HEADER_SIZE_MAX`].
pub fn announce(addresses: Option<Addresses>, announcement: &Announcement<'_>) -> Vec<u8> {
    let mut header = encode(Version::V2, addresses).to_vec();
    for tlv in announcement.own {
        push(&mut header, tlv.kind, tlv.value);
    }
    let seal_at = announcement.is_sealed.then(|| push(&mut header, kind::CRC32C, &[0; 4])).flatten();
    if let Some(protocol) = announcement.protocol {
        push(&mut header, kind::ALPN, protocol);
    }
    if let Some(authority) = announcement.authority {
        push(&mut header, kind::AUTHORITY, authority);
    }
    if let Some(unique_id) = announcement.unique_id.filter(|text| text.len() <= UNIQUE_ID_SIZE_MAX) {
        push(&mut header, kind::UNIQUE_ID, unique_id);
    }
    if let Some(tls) = announcement.tls {
        push(&mut header, kind::SSL, &of_tls(tls));
    }
    let length = u16::try_from(header.len() - FIXED_SIZE).expect("it is not longer than HEADER_SIZE_MAX");
    header[LENGTH_AT..FIXED_SIZE].copy_from_slice(&length.to_be_bytes());
    if let Some(at) = seal_at {
        let sum = Crc32c::new().update(&header).finish();
        header[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    }
    header
}

/// The value of the TLV about TLS. `verify` is always zero: who could not be verified was refused, and of who has no certificate
/// HAProxy says zero, too.
fn of_tls(tls: ClientTls<'_>) -> Vec<u8> {
    let ClientTls::Some { version, certificate, common_name, key, signature, cipher } = tls else { return vec![0; 5] };
    let bits = match certificate {
        Certificate::None => CLIENT_SSL,
        Certificate::Shown => CLIENT_SSL | CLIENT_CERT_SESS | CLIENT_CERT_CONN,
        Certificate::Remembered => CLIENT_SSL | CLIENT_CERT_SESS,
    };
    let mut value = vec![bits, 0, 0, 0, 0];
    push(&mut value, SUBTYPE_VERSION, version.as_bytes());
    let said =
        [(SUBTYPE_CN, common_name), (SUBTYPE_KEY, key), (SUBTYPE_SIGNATURE, signature), (SUBTYPE_CIPHER, cipher)];
    for (kind, text) in said {
        if let Some(text) = text.filter(|text| text.len() <= TEXT_MOST) {
            push(&mut value, kind, text.as_bytes());
        }
    }
    value
}

/// Type and length.
const TLV_FIXED_SIZE: usize = 3;

/// The longest text in the TLV about TLS: a name that is longer is nobody's.
const TEXT_MOST: usize = 512;

/// Appends a TLV, and says where its value stands.
fn push(to: &mut Vec<u8>, kind: u8, value: &[u8]) -> Option<usize> {
    let is_fitting = to.len() + TLV_FIXED_SIZE + value.len() <= HEADER_SIZE_MAX;
    let size = u16::try_from(value.len()).ok().filter(|_| is_fitting)?;
    to.push(kind);
    to.extend_from_slice(&size.to_be_bytes());
    let at = to.len();
    to.extend_from_slice(value);
    Some(at)
}
