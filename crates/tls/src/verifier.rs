//! Whether a server is who it has to be (`configuration.txt` §5.2 "verify", "verifyhost", "ca-file").
//!
//! Chains are the library's to follow. What it does otherwise than OpenSSL, and HAProxy with it, is done here: a certificate that is
//! itself in the file of authorities is trusted, and the name may stand in the common name, or be no matter.

use crate::acceptor::TermsError;
use crate::connector::{Trust, nobody};
use crate::x509::{host_names, is_valid_at};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// Looks at the certificates of servers.
#[derive(Debug)]
pub(crate) struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    /// `None`: whoever answers will do.
    known: Option<Known>,
}

#[derive(Debug)]
struct Known {
    authorities: Vec<CertificateDer<'static>>,
    chains: Arc<WebPkiServerVerifier>,
    /// The name that it has to have, whatever it was asked for.
    host: Option<String>,
}

impl Verifier {
    pub(crate) fn new(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Verifier, TermsError> {
        let algorithms = provider.signature_verification_algorithms;
        let known = match trust {
            Trust::Anybody => None,
            Trust::Known { authorities, revocations, host } => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(authorities.iter().cloned());
                let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
                // A list that is out of date does not say who was revoked since.
                let builder = builder.with_crls(revocations.iter().cloned()).enforce_revocation_expiration();
                let chains = builder.build().map_err(|_| TermsError::Authority)?;
                Some(Known { authorities: authorities.clone(), chains, host: host.clone() })
            }
        };
        Ok(Verifier { algorithms, known })
    }
}

impl Known {
    fn verify_chain(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.authorities.iter().any(|authority| authority == end_entity) {
            let is_valid = is_valid_at(end_entity, now.as_secs());
            return if is_valid { Ok(()) } else { Err(CertificateError::Expired.into()) };
        }
        match self.chains.verify_server_cert(end_entity, intermediates, &nobody(), &[], now) {
            Ok(_) => Ok(()),
            // The name is looked at last, and is not its matter here: all the rest is right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(known) = &self.known else { return Ok(ServerCertVerified::assertion()) };
        known.verify_chain(end_entity, intermediates, now)?;
        let asked = (*server_name != nobody()).then(|| server_name.to_str());
        let Some(host) = known.host.as_deref().or(asked.as_deref()) else {
            return Ok(ServerCertVerified::assertion());
        };
        let names = host_names(end_entity).ok_or(CertificateError::BadEncoding)?;
        match names.iter().any(|name| is_for(name, host)) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::NotValidForName.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a certificate's name is that of a host: in its first label one `*` stands for anything (RFC 6125 §6.4.3).
fn is_for(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let (Some((pattern, name_parent)), Some((label, host_parent))) = (name.split_once('.'), host.split_once('.'))
    else {
        return false;
    };
    let Some((before, behind)) = pattern.split_once('*') else { return false };
    let (before, behind, label) =
        (before.to_ascii_lowercase(), behind.to_ascii_lowercase(), label.to_ascii_lowercase());
    name_parent.eq_ignore_ascii_case(host_parent)
        && label.len() >= before.len() + behind.len()
        && !behind.contains('*')
        && label.starts_with(&before)
        && label.ends_with(&behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6125 §6.4.3.
    #[test]
    fn names_with_and_without_wildcards() {
        for (name, host, expected) in [
            ("mail.test", "MAIL.test", true),
            ("mail.test", "mail.test.org", false),
            ("*.test", "mail.test", true),
            ("*.test", "a.mail.test", false),
            ("*.test", "test", false),
            ("m*l.test", "mail.test", true),
            ("ma*il.test", "mail.test", true),
            ("mai*ail.test", "mail.test", false),
            ("*a*.test", "mail.test", false),
            ("mail.*.org", "mail.test.org", false),
            ("*", "mail", false),
        ] {
            assert_eq!(is_for(name, host), expected, "{name} for {host}");
        }
    }
}
