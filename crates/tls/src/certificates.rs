//! Which certificate for which name: exactly this name, else one for all names beside it (`*.example.org`), else the first, unless only
//! known names are served (`configuration.txt: crt, strict-sni`).
//!
//! Of several for one name, an ECDSA certificate comes first, if the client can check its signatures.

use crate::Bundle;
use crate::x509::host_names;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the library says when there is no certificate for a name.
pub(crate) const NO_CERTIFICATE: &str = "no server certificate chain resolved";

/// Certificates by name.
#[derive(Debug, Default)]
pub struct Certificates {
    exact: BTreeMap<Box<str>, Vec<Arc<CertifiedKey>>>,
    /// By what follows `*.`.
    wildcard: BTreeMap<Box<str>, Vec<Arc<CertifiedKey>>>,
    /// For clients that ask for nobody, or for somebody unknown.
    default: Vec<Arc<CertifiedKey>>,
    is_strict: bool,
}

/// A bundle, and the names that it is for instead of those in its certificate.
#[derive(Debug)]
pub struct NamedBundle {
    pub bundle: Bundle,
    /// `None`: those of the certificate.
    pub names: Option<Vec<String>>,
    /// It serves those, too, whose name nobody is for.
    pub is_default: bool,
}

impl Certificates {
    /// `is_strict`: names that are unknown, and clients without one, are refused.
    pub fn new(is_strict: bool) -> Certificates {
        Certificates { is_strict, ..Certificates::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.default.is_empty() && self.exact.is_empty() && self.wildcard.is_empty()
    }

    pub fn add(&mut self, named: NamedBundle) {
        let Bundle(certified) = named.bundle;
        let own = || certified.cert.first().and_then(host_names).unwrap_or_default();
        for name in named.names.unwrap_or_else(own) {
            let name = name.to_ascii_lowercase();
            let of_name = match name.strip_prefix("*.") {
                Some(parent) => self.wildcard.entry(parent.into()),
                None => self.exact.entry(name.as_str().into()),
            };
            insert(of_name.or_default(), &certified);
        }
        if named.is_default {
            insert(&mut self.default, &certified);
        }
    }

    fn find(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let lower = name.map(str::to_ascii_lowercase);
        let exact = lower.as_deref().and_then(|name| self.exact.get(name));
        let wildcard = || self.wildcard.get(lower.as_deref()?.split_once('.')?.1);
        let found = exact.or_else(wildcard).or((!self.is_strict).then_some(&self.default))?;
        found.iter().find(|certified| certified.key.choose_scheme(schemes).is_some()).or(found.first()).cloned()
    }
}

/// ECDSA first, then in the order of the file.
fn insert(list: &mut Vec<Arc<CertifiedKey>>, certified: &Arc<CertifiedKey>) {
    let is_ecdsa = |certified: &CertifiedKey| certified.key.algorithm() == SignatureAlgorithm::ECDSA;
    let place = match is_ecdsa(certified) {
        true => list.iter().take_while(|known| is_ecdsa(known)).count(),
        false => list.len(),
    };
    list.insert(place, Arc::clone(certified));
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        ASKED.set(hello.server_name().map(Into::into));
        self.find(hello.server_name(), hello.signature_schemes())
    }
}

thread_local! {
    /// The name that the client asked for whose handshake this thread has under way. The library tells it to whoever chooses the
    /// certificate, and to nobody else.
    static ASKED: RefCell<Option<Box<str>>> = const { RefCell::new(None) };
}

/// Takes the name that was asked for in the handshake that has just gone on.
pub(crate) fn take_asked() -> Option<Box<str>> {
    ASKED.take()
}
