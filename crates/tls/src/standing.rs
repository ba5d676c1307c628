//! What authorities say of certificates: which were revoked (RFC 5280 §5), and by which id one of them is asked for (RFC 6960 §4.1.1).

use crate::bundle::Bundle;
use crate::x509::{Moment, Name, long_name};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// The algorithm identifier of SHA-1, in DER.
const SHA1: &[u8] = &[0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];
const INTEGER: u8 = 2;
const OCTETS: u8 = 4;
const SEQUENCE: u8 = 0x30;

/// A revocation list, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocations {
    /// 1 or 2.
    pub version: u32,
    /// OpenSSL's long name: `sha256WithRSAEncryption`.
    pub signature_algorithm: String,
    pub issuer: Name,
    pub issued: Moment,
    pub next: Option<Moment>,
    /// Serial numbers, big-endian without zeros in front, and since when.
    pub revoked: Vec<(Vec<u8>, Moment)>,
}

/// A certificate in the words of those who say whether it still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StapleId {
    /// DER: what a response about it contains.
    pub der: Vec<u8>,
    /// SHA-1 of the issuer's name.
    pub name_hash: [u8; 20],
    /// SHA-1 of the issuer's key.
    pub key_hash: [u8; 20],
    pub serial: Vec<u8>,
}

impl Revocations {
    /// `None`: it is no revocation list.
    pub fn of(list: &CertificateRevocationListDer<'_>) -> Option<Revocations> {
        let (_, parsed) = CertificateRevocationList::from_der(list).ok()?;
        let revoked = parsed.iter_revoked_certificates();
        Some(Revocations {
            version: parsed.version().map_or(1, |version| version.0 + 1),
            signature_algorithm: long_name(&parsed.signature_algorithm.algorithm.to_id_string()),
            issuer: Name::of(parsed.issuer()),
            issued: Moment::of(parsed.last_update()),
            next: parsed.next_update().map(Moment::of),
            revoked: revoked.map(|one| (significant(one.raw_serial()), Moment::of(one.revocation_date))).collect(),
        })
    }
}

impl Bundle {
    /// What clients are told that ask whether the certificate still holds.
    pub fn staple(&self) -> Option<&[u8]> {
        self.0.ocsp.as_deref()
    }

    /// The same certificate and key, with this said of it.
    pub fn stapled(&self, staple: Vec<u8>) -> Bundle {
        let mut certified = rustls::sign::CertifiedKey::clone(&self.0);
        certified.ocsp = Some(staple);
        Bundle(std::sync::Arc::new(certified))
    }

    /// By what a response names the certificate. `issuer`: who signed it, if its chain does not say. `None`: nobody does.
    pub fn staple_id(&self, issuer: Option<&CertificateDer<'_>>) -> Option<StapleId> {
        let (own, chain) = self.chain().split_first()?;
        let (_, own) = X509Certificate::from_der(own).ok()?;
        let mut candidates = chain.iter().chain(issuer).filter_map(|der| X509Certificate::from_der(der).ok());
        let (_, issuer) = candidates.find(|(_, known)| known.subject().as_raw() == own.issuer().as_raw())?;
        let name_hash = sha1(own.issuer().as_raw());
        let key_hash = sha1(&issuer.public_key().subject_public_key.data);
        let serial = own.raw_serial();
        let fields = [element(OCTETS, &name_hash)?, element(OCTETS, &key_hash)?, element(INTEGER, serial)?];
        let der = element(SEQUENCE, &[SHA1, &fields.concat()].concat())?;
        Some(StapleId { der, name_hash, key_hash, serial: significant(serial) })
    }
}

/// Whether these bytes are a response, and one that says something (RFC 6960 §4.2.1).
pub fn is_staple(bytes: &[u8]) -> bool {
    let Some((&[SEQUENCE, length], rest)) = bytes.split_first_chunk::<2>() else { return false };
    let length_size = if length > 0x80 { usize::from(length & 0x7f) } else { 0 };
    rest.get(length_size..).is_some_and(|content| content.starts_with(&[10, 1, 0, 0xa0]))
}

fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut hash = [0; 20];
    hash.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    hash
}

/// `None`: it is longer than any of these.
fn element(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u8::try_from(content.len()).ok().filter(|length| *length < 0x80)?;
    Some([&[tag, length], content].concat())
}

fn significant(serial: &[u8]) -> Vec<u8> {
    serial.iter().copied().skip_while(|&octet| octet == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_told_from_other_things() {
        // The beginning of one that `openssl ocsp` has made, and "try later" (RFC 6960 §2.3).
        assert!(is_staple(b"\x30\x82\x05\x11\x0a\x01\x00\xa0\x82\x05\x0a"));
        assert!(is_staple(b"\x30\x09\x0a\x01\x00\xa0\x04"));
        for other in [&b"\x30\x03\x0a\x01\x03"[..], b"\x30\x82", b"", b"hello", b"\x30\xff\x0a\x01\x00\xa0"] {
            assert!(!is_staple(other), "{other:?}");
        }
    }
}
