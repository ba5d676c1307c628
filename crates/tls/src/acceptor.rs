//! What a listener agrees to: versions, ciphers, certificates, and what it wants of its clients.

use crate::certificates::{Certificates, Showcase};
use crate::errand::Aside;
use crate::hello::Asked;
use crate::names::{Cipher, Group, VersionRange};
use crate::terms::Terms;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use std::fmt;
use std::sync::Arc;

/// What is agreed to by all connections of a listener. Cheap to clone.
#[derive(Clone)]
pub struct Acceptor {
    pub(crate) terms: Arc<Terms>,
    showcase: Arc<Showcase>,
    pub(crate) hands_over: bool,
    aside: Aside,
}

/// What a listener agrees to.
#[derive(Clone, Debug)]
pub struct Offer {
    pub versions: VersionRange,
    /// `None`: all ciphers of TLS 1.2, the strongest first.
    pub ciphers: Option<Vec<Cipher>>,
    /// The same of TLS 1.3.
    pub suites: Option<Vec<Cipher>>,
    /// `None`: all groups.
    pub groups: Option<Vec<Group>>,
    /// Protocols, the one that is liked best first (RFC 7301). Empty: clients are not told of any.
    pub protocols: Vec<Vec<u8>>,
    /// Clients are given tickets (RFC 8446 §4.6.1, RFC 5077).
    pub gives_tickets: bool,
    /// The client's order of ciphers decides.
    pub is_client_order: bool,
    pub clients: Option<ClientCertificates>,
}

/// What is asked of clients about themselves.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    pub wanted: Wanted,
    pub authorities: Vec<CertificateDer<'static>>,
    pub revocations: Vec<CertificateRevocationListDer<'static>>,
}

/// Whether a client may go without a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Optional,
    Required,
}

/// Why an offer, or a demand, cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermsError {
    /// Of the versions none is done here.
    NoVersion,
    /// Of the ciphers or groups none is of these versions.
    NoCipher,
    /// An authority, or a revocation list, cannot be used.
    Authority,
}

impl Acceptor {
    pub fn new(certificates: Certificates, offer: Offer) -> Result<Acceptor, TermsError> {
        let showcase = Arc::new(Showcase(ArcSwap::from_pointee(certificates)));
        let terms = Terms::new(offer, Arc::clone(&showcase) as _)?;
        Ok(Acceptor { terms: Arc::new(terms), showcase, hands_over: false, aside: Aside::None })
    }

    /// The same; what it takes to go on with the records of a connection is kept for the kernel, or not.
    pub fn handing_over(self, hands_over: bool) -> Acceptor {
        Acceptor { hands_over, ..self }
    }

    /// The same; its connections leave these signatures to others.
    pub fn setting_aside(self, aside: Aside) -> Acceptor {
        Acceptor { aside, ..self }
    }

    /// From now on clients are shown these certificates instead. Connections that have one keep it.
    pub fn exchange(&self, certificates: Certificates) {
        self.showcase.0.store(Arc::new(certificates));
    }

    /// Whether it depends on what a client says first how it is answered.
    pub(crate) fn is_curious(&self) -> bool {
        let certificates = self.showcase.0.load();
        let sets_aside = match self.aside {
            Aside::None => false,
            Aside::Costly => certificates.has_costly(),
            Aside::All => true,
        };
        sets_aside || self.terms.has_protocols() || certificates.has_terms()
    }

    /// Whether the answer to a client that says this first is left to others.
    pub(crate) fn is_set_aside(&self, asked: &Asked) -> bool {
        match self.aside {
            Aside::None => false,
            Aside::Costly => self.showcase.0.load().is_costly(asked.name.as_deref(), &asked.schemes),
            Aside::All => true,
        }
    }

    /// How a client is answered that says this first, and whether it is asked for a certificate: on the terms of the certificate that it is to be
    /// shown, if that has some of its own.
    pub(crate) fn answer(&self, asked: &Asked) -> (Arc<ServerConfig>, bool) {
        let certificates = self.showcase.0.load();
        let terms = certificates.terms(asked.name.as_deref(), &asked.schemes).unwrap_or(&self.terms);
        (Arc::clone(terms.for_client(asked.protocols.as_deref())), terms.asks_client)
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

/// Whether they are one and the same: certificates have no other equality that would matter.
impl PartialEq for Acceptor {
    fn eq(&self, other: &Acceptor) -> bool {
        Arc::ptr_eq(&self.terms, &other.terms)
    }
}

impl Eq for Acceptor {}
