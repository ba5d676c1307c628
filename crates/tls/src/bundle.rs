//! Certificates and keys as files have them: PEM (RFC 7468), in any order, with whatever stands between.

use crate::library::provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use std::sync::Arc;

/// A certificate, those that lead from it to an authority, and its key.
#[derive(Clone, Debug)]
pub struct Bundle(pub(crate) Arc<CertifiedKey>);

/// Whether they are the same certificate.
impl PartialEq for Bundle {
    fn eq(&self, other: &Bundle) -> bool {
        self.0.cert == other.0.cert
    }
}

impl Bundle {
    /// Its certificate, then those that lead from it to an authority.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.cert
    }
}

/// Why files are no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// There is no certificate, or it cannot be read.
    NoCertificate,
    /// There is no key. One that is encrypted is none.
    NoKey,
    /// The key is of a kind that is not known here.
    UnknownKey,
    /// The key is that of another certificate.
    Mismatch,
}

impl Bundle {
    /// Reads what a file says, and `key_text`, the file beside it, which has the key if the first has none. `staple`: what the authority
    /// says of the certificate (RFC 6960), for clients that want to know.
    pub fn read(text: &[u8], key_text: Option<&[u8]>, staple: Option<Vec<u8>>) -> Result<Bundle, BundleError> {
        let chain = certificates(text).filter(|chain| !chain.is_empty()).ok_or(BundleError::NoCertificate)?;
        let in_file = PrivateKeyDer::from_pem_slice(text).ok();
        let beside = || PrivateKeyDer::from_pem_slice(key_text?).ok();
        let key = in_file.or_else(beside).ok_or(BundleError::NoKey)?;
        let key = provider().key_provider.load_private_key(key).map_err(|_| BundleError::UnknownKey)?;
        let certified = CertifiedKey { ocsp: staple, ..CertifiedKey::new(chain, key) };
        match certified.keys_match() {
            // Some kinds of keys cannot say.
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Bundle(Arc::new(certified))),
            Err(Error::InconsistentKeys(_)) => Err(BundleError::Mismatch),
            Err(_) => Err(BundleError::NoCertificate),
        }
    }
}

/// All certificates of a file; `None`: one of them cannot be read.
pub fn certificates(text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().ok()
}

/// All revocation lists of a file; `None`: one of them cannot be read.
pub fn revocations(text: &[u8]) -> Option<Vec<CertificateRevocationListDer<'static>>> {
    CertificateRevocationListDer::pem_slice_iter(text).collect::<Result<_, _>>().ok()
}
