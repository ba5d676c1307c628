//! What is agreed to with clients, as the library takes it: those of a listener, or of one of its certificates.

use crate::acceptor::{ClientCertificates, Offer, TermsError, Wanted};
use crate::library::{Demands, chosen_provider, ticketer};
use aws_lc_rs::digest;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::fmt;
use std::sync::Arc;

/// Sessions that are remembered where no tickets are given, as many as HAProxy does (`configuration.txt: tune.ssl.cachesize`).
const SESSIONS_MOST: usize = 20_000;

pub(crate) struct Terms {
    pub(crate) config: Arc<ServerConfig>,
    /// For clients that know none of its protocols; `None`: it has none.
    without_protocols: Option<Arc<ServerConfig>>,
    /// Clients are asked for certificates.
    pub(crate) asks_client: bool,
}

impl Terms {
    /// Clients are shown what `certificates` says.
    pub(crate) fn new(offer: Offer, certificates: Arc<dyn ResolvesServerCert>) -> Result<Terms, TermsError> {
        let versions = offer.versions.served();
        if versions.is_empty() {
            return Err(TermsError::NoVersion);
        }
        let provider = Arc::new(chosen_provider(&offer.ciphers, &offer.suites, &offer.groups));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_protocol_versions(&versions).map_err(|_| TermsError::NoCipher)?;
        let asks_client = offer.clients.is_some();
        let demands = demands(offer.clients.as_ref());
        let builder = match offer.clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(verifier(clients, provider)?),
        };
        let mut config = builder.with_cert_resolver(certificates);
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
        Ok(Terms { config: Arc::new(config), without_protocols, asks_client })
    }

    pub(crate) fn has_protocols(&self) -> bool {
        self.without_protocols.is_some()
    }

    /// For a client that knows these protocols; `None`: it says nothing of any.
    pub(crate) fn for_client(&self, known: Option<&[Vec<u8>]>) -> &Arc<ServerConfig> {
        let knows_one = known.is_none_or(|known| known.iter().any(|name| self.config.alpn_protocols.contains(name)));
        match &self.without_protocols {
            Some(without) if !knows_one => without,
            Some(_) | None => &self.config,
        }
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

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Terms")
    }
}
