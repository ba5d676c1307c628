//! The certificates of subjects that speak TLS: one for each kind of key, made once in a run.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm};

use crate::wire::HOST;

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Of 2,048 bits.
    Rsa,
    /// On the curve P-256.
    Ecdsa,
}

impl Key {
    /// The certificate and its key, as `crt` wants them.
    pub(crate) fn pem(self) -> Result<&'static str> {
        static RSA: OnceLock<String> = OnceLock::new();
        static ECDSA: OnceLock<String> = OnceLock::new();
        let (cell, algorithm) = match self {
            Key::Rsa => (&RSA, &PKCS_RSA_SHA256),
            Key::Ecdsa => (&ECDSA, &PKCS_ECDSA_P256_SHA256),
        };
        match cell.get() {
            Some(pem) => Ok(pem),
            None => {
                let made = make(algorithm).context("a certificate")?;
                Ok(cell.get_or_init(|| made))
            }
        }
    }
}

fn make(algorithm: &'static SignatureAlgorithm) -> Result<String> {
    let key = KeyPair::generate_for(algorithm)?;
    let certificate = CertificateParams::new(vec![HOST.to_owned()])?.self_signed(&key)?;
    Ok(certificate.pem() + &key.serialize_pem())
}
