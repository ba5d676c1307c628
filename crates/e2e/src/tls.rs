//! TLS around a scenario: an authority with its certificates in files, and clients that speak it.
//!
//! The clients are the library's that Tidegate uses, too; that they are right is shown by haproxy, whose is another one.

mod tools;

pub use tools::{gnutls_cli, s_client};

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use tempfile::TempDir;

use crate::client::{Client, End};

/// An authority, and a directory with what it has signed.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    directory: TempDir,
    certificate: CertificateDer<'static>,
}

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Rsa,
    Ecdsa,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// One that nobody else knows.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no host");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = named("Authority");
        let certificate = params.self_signed(&key).expect("a certificate");
        let directory = TempDir::new().expect("a temporary directory");
        fs::write(directory.path().join("ca.pem"), certificate.pem()).expect("room for a certificate");
        let certificate = certificate.der().clone();
        Self { issuer: Issuer::new(params, key), directory, certificate }
    }

    /// Where a file of it is, or is to be.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its own certificate, for `ca-file`.
    pub fn ca_file(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    /// Makes `file`, with a certificate for these hosts and its key, and says where it is.
    pub fn host(&self, file: &str, hosts: &[&str], kind: Key) -> String {
        let hosts: Vec<String> = hosts.iter().map(|host| host.to_string()).collect();
        let mut params = CertificateParams::new(hosts.clone()).expect("names of hosts");
        params.distinguished_name = named(hosts.first().map_or("nobody", String::as_str));
        self.sign(file, params, kind)
    }

    /// The same, for a client of this name.
    pub fn person(&self, file: &str, name: &str) -> String {
        let mut params = CertificateParams::new(Vec::new()).expect("no host");
        params.distinguished_name = named(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(file, params, Key::Ecdsa)
    }

    /// What a client that trusts it needs to know.
    pub fn trusting(&self) -> ClientSetup {
        ClientSetup {
            authority: self.certificate.clone(),
            versions: vec![&version::TLS13, &version::TLS12],
            protocols: Vec::new(),
            person: None,
            name: "mail.test".to_owned(),
        }
    }

    /// What a server with a certificate for these hosts speaks. `wants_clients`: it wants to know who they are.
    pub fn server(&self, hosts: &[&str], wants_clients: bool, protocols: &[&str]) -> Arc<ServerConfig> {
        let file = self.host(&format!("server-{}.pem", hosts.join("-")), hosts, Key::Ecdsa);
        let certificate = CertificateDer::from_pem_file(&file).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(&file).expect("a key");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().expect("known");
        let builder = if wants_clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.clone()).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("an authority"))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(vec![certificate], key).expect("the key is that of the certificate");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.ticketer = aws_lc_rs::Ticketer::new().expect("random numbers");
        Arc::new(config)
    }

    fn sign(&self, file: &str, params: CertificateParams, kind: Key) -> String {
        let algorithm: &'static SignatureAlgorithm = match kind {
            Key::Rsa => &PKCS_RSA_SHA256,
            Key::Ecdsa => &PKCS_ECDSA_P256_SHA256,
        };
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let path = self.path(file);
        fs::write(&path, [certificate.pem(), key.serialize_pem()].concat()).expect("room for a certificate");
        path.display().to_string()
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::OrganizationName, "Example");
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// How a client is to shake hands. It asks for `mail.test` unless told otherwise.
#[derive(Clone)]
pub struct ClientSetup {
    authority: CertificateDer<'static>,
    versions: Vec<&'static SupportedProtocolVersion>,
    protocols: Vec<Vec<u8>>,
    person: Option<String>,
    name: String,
}

impl ClientSetup {
    /// Asks for this host.
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Knows TLS 1.2 only.
    pub fn old(mut self) -> Self {
        self.versions = vec![&version::TLS12];
        self
    }

    /// Offers these protocols.
    pub fn protocols(mut self, protocols: &[&str]) -> Self {
        self.protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self
    }

    /// Has a certificate of its own, in this file.
    pub fn person(mut self, file: &str) -> Self {
        self.person = Some(file.to_owned());
        self
    }

    /// For several connections, which may take up one session.
    pub fn config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&self.versions).expect("known").with_root_certificates(roots);
        let mut config = match &self.person {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let certificate = CertificateDer::from_pem_file(file).expect("a certificate");
                let key = PrivateKeyDer::from_pem_file(file).expect("a key");
                builder.with_client_auth_cert(vec![certificate], key).expect("the key is that of the certificate")
            }
        };
        config.alpn_protocols = self.protocols.clone();
        Arc::new(config)
    }

    /// The first message of a client, in one record, and the connection that goes on from it.
    pub fn hello(&self) -> (ClientConnection, Vec<u8>) {
        let name = ServerName::try_from(self.name.clone()).expect("a name");
        let mut tls = ClientConnection::new(self.config(), name).expect("a client");
        let mut bytes = Vec::new();
        tls.write_tls(&mut bytes).expect("memory takes everything");
        (tls, bytes)
    }

    /// Connects, and shakes hands.
    ///
    /// # Panics
    /// When one of both would not.
    pub fn connect(&self, server: SocketAddr) -> SecureClient {
        self.try_connect(server).expect("they agree")
    }

    /// The same, where a refusal is an answer.
    pub fn try_connect(&self, server: SocketAddr) -> io::Result<SecureClient> {
        SecureClient::over(Client::to(server), self.config(), &self.name)
    }
}

/// A client's end of a TLS connection.
pub struct SecureClient {
    tls: ClientConnection,
    client: Client,
}

impl SecureClient {
    /// Shakes hands over a connection.
    pub fn over(client: Client, config: Arc<ClientConfig>, name: &str) -> io::Result<Self> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut tls = ClientConnection::new(config, name).expect("a client");
        while tls.is_handshaking() {
            tls.complete_io(&mut client.stream())?;
        }
        Ok(Self { tls, client })
    }

    /// This side's address, which the proxy sees as the client's.
    pub fn address(&self) -> SocketAddr {
        self.client.address()
    }

    /// What both have agreed on.
    pub fn tls(&self) -> &ClientConnection {
        &self.tls
    }

    /// Sends all of `bytes`.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream().write_all(bytes.as_ref()).expect("the proxy takes the bytes");
    }

    /// Receives exactly `count` bytes.
    pub fn hear(&mut self, count: usize) -> Vec<u8> {
        self.try_hear(count).expect("the bytes arrive")
    }

    /// The same, where the end of the connection is an answer.
    pub fn try_hear(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream().read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Says that nothing follows; the other direction goes on.
    pub fn finish(&mut self) {
        self.tls.send_close_notify();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.client.stream()).expect("an open connection");
        }
    }

    /// Ends the socket's half without a word.
    pub fn cut(&self) {
        self.client.stream().shutdown(Shutdown::Write).expect("an open connection");
    }

    /// Receives to the end. `None`: it came without being announced.
    pub fn to_end(&mut self) -> (Vec<u8>, Option<End>) {
        let mut bytes = Vec::new();
        let mut part = vec![0; 64 * 1024];
        loop {
            match self.stream().read(&mut part) {
                Ok(0) => return (bytes, Some(End::Fin)),
                Ok(count) => bytes.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return (bytes, None),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return (bytes, Some(End::Reset)),
                Err(error) => panic!("neither bytes nor an end: {error}"),
            }
        }
    }

    /// The socket's stream beneath.
    pub fn socket(&self) -> &Client {
        &self.client
    }

    /// Sends and receives plain bytes.
    pub fn stream(&mut self) -> impl Read + Write {
        Stream { tls: &mut self.tls, client: &self.client }
    }
}

struct Stream<'a> {
    tls: &'a mut ClientConnection,
    client: &'a Client,
}

impl Read for Stream<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        rustls::Stream::new(self.tls, &mut self.client.stream()).read(bytes)
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(self.tls, &mut self.client.stream()).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        rustls::Stream::new(self.tls, &mut self.client.stream()).flush()
    }
}
