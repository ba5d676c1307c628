//! What an authority says of a certificate is given to clients that want to know (RFC 6066 §8).

use crate::authority::Authority;
use crate::offer;
use crate::peer::Peer;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::{Arc, Mutex};
use tls::{Acceptor, Certificates, NamedBundle};

/// A client that believes everybody, and notes what is stapled.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<u8>>);

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        stapled: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.0.lock().expect("nobody panics under the lock") = stapled.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn what_is_stapled_is_given() {
    let authority = Authority::named("Authority");
    for staple in [None, Some(b"what the authority says".to_vec())] {
        let mut certificates = Certificates::new(false);
        let bundle = authority.stapled(&["a.test"], staple.clone());
        certificates.add(NamedBundle { bundle, names: None, except: Vec::new(), is_default: true });
        let acceptor = Acceptor::new(certificates, offer()).expect("an offer that can be made");
        let noting = Arc::new(Noting::default());
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("both are known").dangerous();
        let config = builder.with_custom_certificate_verifier(Arc::clone(&noting) as _).with_no_client_auth();
        let mut peer = Peer::new(Arc::new(config), "a.test", &acceptor, usize::MAX, 16_384);
        assert_eq!(peer.shake_hands(), None);
        assert_eq!(*noting.0.lock().expect("nobody panics under the lock"), staple.unwrap_or_default());
    }
}

/// Of two hellos before and after, each is answered from the certificates of its moment.
#[test]
fn certificates_are_exchanged() {
    let (one, other) = (Authority::named("One"), Authority::named("Other"));
    let certificates = |authority: &Authority| {
        let mut certificates = Certificates::new(false);
        let bundle = authority.bundle(&["a.test"]);
        certificates.add(NamedBundle { bundle, names: None, except: Vec::new(), is_default: true });
        certificates
    };
    let acceptor = Acceptor::new(certificates(&one), offer()).expect("an offer that can be made");
    let config = |authority: &Authority| authority.client(&[&rustls::version::TLS13]).config();
    let mut early = Peer::new(config(&one), "a.test", &acceptor, usize::MAX, 16_384);
    assert_eq!(early.shake_hands(), None);
    acceptor.exchange(certificates(&other));
    let mut late = Peer::new(config(&other), "a.test", &acceptor, usize::MAX, 16_384);
    assert_eq!(late.converse(b"hello"), b"hello");
    assert_eq!(early.converse(b"hello"), b"hello", "connections keep what they have");
}
