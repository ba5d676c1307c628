//! An authority, and what it signs.

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{
    ClientConfig, ConfigBuilder, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion, WantsVersions,
};
use std::sync::Arc;
use tls::Bundle;

pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// A client that trusts an authority.
pub(crate) struct Client {
    roots: RootCertStore,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl Authority {
    pub(crate) fn named(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no name");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate").der().clone();
        Authority { certificate, key: key.serialize_der(), issuer: Issuer::new(params, key) }
    }

    /// A server that shows the authority's own certificate.
    pub(crate) fn as_server(&self) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("both are known").with_no_client_auth();
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        builder.with_single_cert(vec![self.certificate.clone()], key).expect("the key is that of the certificate")
    }

    /// A certificate for these hosts, and its key.
    pub(crate) fn signed(&self, names: &[&str]) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names of hosts");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").der().clone();
        (vec![certificate], PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// A certificate for these hosts, as a file has it.
    pub(crate) fn bundle(&self, names: &[&str]) -> Bundle {
        self.stapled(names, None)
    }

    /// The same, with what the authority says of it.
    pub(crate) fn stapled(&self, names: &[&str], staple: Option<Vec<u8>>) -> Bundle {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names of hosts");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let text = [certificate.pem(), key.serialize_pem()].concat();
        Bundle::read(text.as_bytes(), None, staple).expect("a certificate and its key")
    }

    pub(crate) fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).expect("an authority");
        Client { roots, versions: versions.to_vec() }
    }
}

impl Client {
    pub(crate) fn config(self) -> Arc<ClientConfig> {
        let versions = self.versions.clone();
        let builder = builder().with_protocol_versions(&versions).expect("both are known");
        Arc::new(builder.with_root_certificates(self.roots).with_no_client_auth())
    }

    /// The same, with shares of this group alone at first, though it knows of others.
    pub(crate) fn guessing(self, group: NamedGroup) -> Arc<ClientConfig> {
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups.sort_by_key(|known| known.name() != group);
        let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&self.versions);
        Arc::new(builder.expect("both are known").with_root_certificates(self.roots).with_no_client_auth())
    }

    /// The same, with these protocols.
    pub(crate) fn speaking(self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut config = Arc::unwrap_or_clone(self.config());
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// The same, with a certificate for `name` that `authority` has signed.
    pub(crate) fn showing(self, authority: &Authority, name: &str) -> Arc<ClientConfig> {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no host");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &authority.issuer).expect("a certificate").der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let versions = self.versions.clone();
        let builder = builder().with_protocol_versions(&versions).expect("both are known");
        let config = builder.with_root_certificates(self.roots).with_client_auth_cert(vec![certificate], key);
        Arc::new(config.expect("the key is that of the certificate"))
    }
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVersions> {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
}
