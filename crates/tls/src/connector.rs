//! What a server is asked for: versions, ciphers, who it has to be, and who asks.

use crate::acceptor::TermsError;
use crate::bundle::Bundle;
use crate::failure::{Failure, Refusal};
use crate::library::chosen_provider;
use crate::names::{Cipher, Group, VersionRange};
use crate::verifier::Verifier;
use rustls::ClientConfig;
use rustls::client::{Resumption, Tls12Resumption};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName};
use rustls::sign::SingleCertAndKey;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Names of a server whose sessions are remembered, each with a few tickets. Clients may choose the name.
const NAMES_MOST: usize = 64;

/// What all connections to a server ask for. Cheap to clone; sessions are remembered by all clones.
#[derive(Clone)]
pub struct Connector {
    pub(crate) config: Arc<ClientConfig>,
    demand: Arc<Demand>,
    pub(crate) hands_over: bool,
}

/// What a server is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    pub versions: VersionRange,
    /// `None`: all ciphers of TLS 1.2.
    pub ciphers: Option<Vec<Cipher>>,
    /// The same of TLS 1.3.
    pub suites: Option<Vec<Cipher>>,
    /// `None`: all groups.
    pub groups: Option<Vec<Group>>,
    /// Protocols, the one that is liked best first (RFC 7301). Empty: the server is not told of any.
    pub protocols: Vec<Vec<u8>>,
    /// Tickets of TLS 1.2 are taken (RFC 5077).
    pub takes_tickets: bool,
    /// Earlier sessions are taken up again.
    pub resumes: bool,
    /// Who asks, for servers that want to know.
    pub identity: Option<Bundle>,
    pub trust: Trust,
}

/// Who a server has to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Trust {
    /// Whoever answers.
    Anybody,
    /// Somebody whom these authorities know, under the name that he is asked for, if there is one. `host`: under this name instead.
    Known {
        authorities: Vec<CertificateDer<'static>>,
        revocations: Vec<CertificateRevocationListDer<'static>>,
        host: Option<String>,
    },
}

impl Connector {
    pub fn new(demand: Demand) -> Result<Connector, TermsError> {
        let versions = demand.versions.served();
        if versions.is_empty() {
            return Err(TermsError::NoVersion);
        }
        let provider = Arc::new(chosen_provider(&demand.ciphers, &demand.suites, &demand.groups));
        let verifier = Verifier::new(&demand.trust, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_protocol_versions(&versions).map_err(|_| TermsError::NoCipher)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &demand.identity {
            None => builder.with_no_client_auth(),
            Some(Bundle(certified)) => {
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(certified))))
            }
        };
        // Keys leave the library when both have agreed.
        config.enable_secret_extraction = true;
        config.alpn_protocols.clone_from(&demand.protocols);
        let of_tls12 =
            if demand.takes_tickets { Tls12Resumption::SessionIdOrTickets } else { Tls12Resumption::SessionIdOnly };
        config.resumption = match demand.resumes {
            true => Resumption::in_memory_sessions(NAMES_MOST).tls12_resumption(of_tls12),
            false => Resumption::disabled(),
        };
        Ok(Connector { config: Arc::new(config), demand: Arc::new(demand), hands_over: false })
    }

    /// The same; what it takes to go on with the records of a connection is kept for the kernel, or not.
    pub fn handing_over(self, hands_over: bool) -> Connector {
        Connector { hands_over, ..self }
    }

    /// The same, with these protocols.
    pub fn speaking(&self, protocols: Vec<Vec<u8>>) -> Connector {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols.clone_from(&protocols);
        let demand = Demand { protocols, ..Demand::clone(&self.demand) };
        Connector { config: Arc::new(config), demand: Arc::new(demand), hands_over: self.hands_over }
    }

    /// What HAProxy says of a server whose TLS came to nothing.
    pub fn blame(&self, failure: Failure) -> String {
        let is_fixed = matches!(&self.demand.trust, Trust::Known { host: Some(_), .. });
        let whose = if is_fixed { "configured" } else { "expected" };
        match failure {
            Failure::Refused(Refusal::WrongName) => {
                format!("Server presented an SSL certificate different from the {whose} one")
            }
            Failure::Refused(_) | Failure::Closed | Failure::Aborted | Failure::Timeout => failure.to_string(),
        }
    }

    /// The name as the library wants it. It does without none, so an address that nobody has stands for that; addresses are verified, and
    /// never sent (RFC 6066 §3).
    pub(crate) fn server_name(&self, name: Option<&str>) -> Result<ServerName<'static>, Refusal> {
        let Some(name) = name else { return Ok(nobody()) };
        let is_proven = matches!(&self.demand.trust, Trust::Known { host: None, .. });
        match ServerName::try_from(name.to_owned()) {
            Ok(name) if name != nobody() => Ok(name),
            // Nobody can prove to have it.
            Ok(_) | Err(_) if is_proven => Err(Refusal::WrongName),
            Ok(_) | Err(_) => Ok(nobody()),
        }
    }
}

/// Stands for no name.
pub(crate) fn nobody() -> ServerName<'static> {
    ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

/// Whether they ask for the same.
impl PartialEq for Connector {
    fn eq(&self, other: &Connector) -> bool {
        Arc::ptr_eq(&self.demand, &other.demand) || self.demand == other.demand
    }
}

impl Eq for Connector {}
