//! What a listener agrees to: versions, ciphers, certificates, and what it wants of its clients.

use crate::certificates::{Certificates, Showcase};
use crate::library::{Demands, chosen_provider, ticketer};
use crate::names::{Cipher, Group, VersionRange};
use arc_swap::ArcSwap;
use aws_lc_rs::digest;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::sync::Arc;

/// Sessions that are remembered where no tickets are given, as many as HAProxy does (`configuration.txt: tune.ssl.cachesize`).
const SESSIONS_MOST: usize = 20_000;

/// What is agreed to by all connections of a listener. Cheap to clone.
#[derive(Clone)]
pub struct Acceptor {
    pub(crate) config: Arc<ServerConfig>,
    /// For clients that know none of its protocols; `None`: it has none.
    pub(crate) without_protocols: Option<Arc<ServerConfig>>,
    /// Clients are asked for certificates.
    pub(crate) asks_client: bool,
    showcase: Arc<Showcase>,
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
        let versions = offer.versions.served();
        if versions.is_empty() {
            return Err(TermsError::NoVersion);
        }
        let provider = Arc::new(chosen_provider(&offer.ciphers, &offer.suites, &offer.groups));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(&versions).map_err(|_| TermsError::NoCipher)?;
        let asks_client = offer.clients.is_some();
        let demands = demands(offer.clients.as_ref());
        let showcase = Arc::new(Showcase(ArcSwap::from_pointee(certificates)));
        let builder = match offer.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(verifier(clients, provider)?),
        };
        let mut config = builder.with_cert_resolver(Arc::clone(&showcase) as _);
        // Keys leave the library when both have agreed.
        config.enable_secret_extraction = true;
        config.alpn_protocols = offer.protocols;
        config.ignore_client_order = !offer.is_client_order;
        match ticketer(demands).filter(|_| offer.gives_tickets) {
            Some(ticketer) => {
                config.ticketer = ticketer;
                config.session_storage = Arc::new(NoServerSessionStorage {});
            }
            None => config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MOST),
        }
        let without_protocols = (!config.alpn_protocols.is_empty()).then(|| {
            let mut without = config.clone();
            without.alpn_protocols.clear();
            Arc::new(without)
        });
        Ok(Acceptor { config: Arc::new(config), without_protocols, asks_client, showcase })
    }

    /// From now on clients are shown these certificates instead. Connections that have one keep it.
    pub fn exchange(&self, certificates: Certificates) {
        self.showcase.0.store(Arc::new(certificates));
    }
}

fn demands(clients: Option<&ClientCertificates>) -> Demands {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut add = |part: &[u8]| {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    };
    if let Some(ClientCertificates { wanted, authorities, revocations }) = clients {
        add(match wanted {
            Wanted::Optional => b"optional",
            Wanted::Required => b"required",
        });
        authorities.iter().for_each(|authority| add(authority));
        revocations.iter().for_each(|list| add(list));
    }
    let mut demands = Demands::default();
    demands.copy_from_slice(context.finish().as_ref());
    demands
}

fn verifier(
    clients: ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TermsError> {
    let mut roots = RootCertStore::empty();
    for authority in clients.authorities {
        roots.add(authority).map_err(|_| TermsError::Authority)?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    // A list that is out of date does not say who was revoked since.
    let builder = builder.with_crls(clients.revocations).enforce_revocation_expiration();
    let builder = match clients.wanted {
        Wanted::Required => builder,
        Wanted::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|_| TermsError::Authority)
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acceptor")
    }
}

/// Whether they are one and the same: certificates have no other equality that would matter.
impl PartialEq for Acceptor {
    fn eq(&self, other: &Acceptor) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
    }
}

impl Eq for Acceptor {}
