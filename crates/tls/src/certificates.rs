//! Which certificate for which name: exactly this name, else one for all names beside it (`*.example.org`), else the first, unless only
//! known names are served (`configuration.txt: crt, strict-sni`).
//!
//! Of several for one name, an ECDSA certificate comes first, if the client can check its signatures.

use crate::Bundle;
use crate::acceptor::{Offer, TermsError};
use crate::terms::Terms;
use crate::x509::{Portrait, host_names};
use arc_swap::ArcSwap;
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
    exact: BTreeMap<Box<str>, Vec<Named>>,
    /// By what follows `*.`.
    wildcard: BTreeMap<Box<str>, Vec<Named>>,
    /// For clients that ask for nobody, or for somebody unknown.
    default: Vec<Named>,
    is_strict: bool,
    has_terms: bool,
    has_costly: bool,
}

/// Certificates that are exchanged while clients come: each hello is answered from those of its moment.
#[derive(Debug)]
pub(crate) struct Showcase(pub(crate) ArcSwap<Certificates>);

/// A bundle, and the names that it is for instead of those in its certificate.
#[derive(Debug)]
pub struct NamedBundle {
    pub bundle: Bundle,
    /// `None`: those of the certificate.
    pub names: Option<Vec<String>>,
    /// It is not for these, though a wildcard of it may cover them.
    pub except: Vec<String>,
    /// It serves those, too, whose name nobody is for.
    pub is_default: bool,
}

/// A certificate among those for a name.
#[derive(Clone, Debug)]
struct Named {
    certified: Arc<CertifiedKey>,
    except: Arc<[String]>,
    /// `None`: those of the listener.
    terms: Option<Arc<Terms>>,
}

impl Certificates {
    /// `is_strict`: names that are unknown, and clients without one, are refused.
    pub fn new(is_strict: bool) -> Certificates {
        Certificates { is_strict, ..Certificates::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.default.is_empty() && self.exact.is_empty() && self.wildcard.is_empty()
    }

    /// One that clients are shown on the terms of the listener.
    pub fn add(&mut self, named: NamedBundle) {
        self.add_on(None, named);
    }

    /// One that has terms of its own (`configuration.txt: crt-list`).
    ///
    /// # Errors
    /// They cannot be offered.
    pub fn add_with(&mut self, offer: Offer, named: NamedBundle) -> Result<(), TermsError> {
        let only = Arc::new(Only(Arc::clone(&named.bundle.0)));
        self.add_on(Some(Arc::new(Terms::new(offer, only)?)), named);
        Ok(())
    }

    fn add_on(&mut self, terms: Option<Arc<Terms>>, named: NamedBundle) {
        self.has_terms |= terms.is_some();
        let Bundle(certified) = named.bundle;
        self.has_costly |= is_costly(&certified);
        let except = named.except.iter().map(|name| name.to_ascii_lowercase()).collect();
        let entry = Named { certified: Arc::clone(&certified), except, terms };
        let own = || certified.cert.first().and_then(host_names).unwrap_or_default();
        for name in named.names.unwrap_or_else(own) {
            let name = name.to_ascii_lowercase();
            let of_name = match name.strip_prefix("*.") {
                Some(parent) => self.wildcard.entry(parent.into()),
                None => self.exact.entry(name.as_str().into()),
            };
            insert(of_name.or_default(), &entry);
        }
        if named.is_default {
            insert(&mut self.default, &entry);
        }
    }

    /// Whether one of them has terms of its own.
    pub(crate) fn has_terms(&self) -> bool {
        self.has_terms
    }

    /// Whether one of them has a key whose signatures are costly.
    pub(crate) fn has_costly(&self) -> bool {
        self.has_costly
    }

    /// Whether the certificate for this name has.
    pub(crate) fn is_costly(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> bool {
        self.has_costly && self.find(name, schemes).is_some_and(|named| is_costly(&named.certified))
    }

    /// The own terms of the certificate for this name.
    pub(crate) fn terms(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Arc<Terms>> {
        self.find(name, schemes)?.terms.as_ref()
    }

    fn find(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<&Named> {
        let lower = name.map(str::to_ascii_lowercase);
        let name = lower.as_deref().unwrap_or_default();
        let exact = self.exact.get(name).and_then(|list| choose(list.iter(), schemes));
        let wildcard = || {
            let list = self.wildcard.get(name.split_once('.')?.1)?;
            choose(list.iter().filter(|named| !named.except.iter().any(|other| other == name)), schemes)
        };
        let default = || choose(self.default.iter(), schemes).filter(|_| !self.is_strict);
        exact.or_else(wildcard).or_else(default)
    }
}

/// The first that the client can check, else the first.
fn choose<'a>(mut list: impl Iterator<Item = &'a Named> + Clone, schemes: &[SignatureScheme]) -> Option<&'a Named> {
    let fitting = list.clone().find(|named| named.certified.key.choose_scheme(schemes).is_some());
    fitting.or_else(|| list.next())
}

fn is_costly(certified: &CertifiedKey) -> bool {
    certified.key.algorithm() == SignatureAlgorithm::RSA
}

/// ECDSA first, then in the order of the file.
fn insert(list: &mut Vec<Named>, named: &Named) {
    let is_ecdsa = |named: &Named| named.certified.key.algorithm() == SignatureAlgorithm::ECDSA;
    let place = match is_ecdsa(named) {
        true => list.iter().take_while(|known| is_ecdsa(known)).count(),
        false => list.len(),
    };
    list.insert(place, named.clone());
}

impl ResolvesServerCert for Showcase {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        let found = certificates.find(hello.server_name(), hello.signature_schemes());
        remember(&hello, found.map(|named| Arc::clone(&named.certified)))
    }
}

/// One certificate, whose terms were chosen already.
#[derive(Debug)]
struct Only(Arc<CertifiedKey>);

impl ResolvesServerCert for Only {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        remember(&hello, Some(Arc::clone(&self.0)))
    }
}

fn remember(hello: &ClientHello<'_>, found: Option<Arc<CertifiedKey>>) -> Option<Arc<CertifiedKey>> {
    let shown = found.clone().map(Shown);
    CHOSEN.set(Some(Chosen { asked: hello.server_name().map(Into::into), shown }));
    found
}

thread_local! {
    /// The name that the client asked for whose handshake this thread has under way, and what it was shown. The library tells that to
    /// whoever chooses the certificate, and to nobody else.
    static CHOSEN: RefCell<Option<Chosen>> = const { RefCell::new(None) };
}

/// What was chosen for a client.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) asked: Option<Box<str>>,
    pub(crate) shown: Option<Shown>,
}

/// The certificate that a client was shown.
#[derive(Clone, Debug)]
pub struct Shown(Arc<CertifiedKey>);

impl Shown {
    /// In words; `None`: it cannot be read.
    pub fn portrait(&self) -> Option<Portrait> {
        Portrait::of(self.0.cert.first()?)
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Shown) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Shown {}

/// Takes what was chosen in the handshake that has just gone on.
pub(crate) fn take_chosen() -> Option<Chosen> {
    CHOSEN.take()
}
