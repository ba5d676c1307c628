//! TLS around a scenario: an authority with its certificates in files, and clients that speak it.
//!
//! The clients are the library's that Tidegate uses, too; that they are right is shown by haproxy, whose is another one.

mod authority;
mod keys;
mod relay;
mod tools;

pub use authority::Authority;
pub use keys::Key;
pub use relay::Relay;
pub use tools::{gnutls_cli, s_client, s_client_says};

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion, version};

use crate::client::{Client, End};

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
    fn trusting(authority: CertificateDer<'static>) -> Self {
        Self {
            authority,
            versions: vec![&version::TLS13, &version::TLS12],
            protocols: Vec::new(),
            person: None,
            name: "mail.test".to_owned(),
        }
    }

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

    /// Receives a line and hands it out without its line end.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.hear(1));
        }
        line.truncate(line.len() - 2);
        String::from_utf8_lossy(&line).into_owned()
    }

    /// Says that nothing follows; the other direction goes on.
    pub fn finish(&mut self) {
        self.tls.send_close_notify();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.client.stream()).expect("an open connection");
        }
    }

    /// Takes other keys, and asks the proxy for others of its own (RFC 8446 §4.6.3).
    pub fn change_keys(&mut self) {
        self.tls.refresh_traffic_keys().expect("TLS 1.3 has others");
    }

    /// Sends `bytes` in a record of which one bit is wrong.
    pub fn say_wrong(&mut self, bytes: impl AsRef<[u8]>) {
        self.tls.writer().write_all(bytes.as_ref()).expect("memory takes everything");
        let mut record = Vec::new();
        self.tls.write_tls(&mut record).expect("memory takes everything");
        *record.last_mut().expect("it has a tag") ^= 1;
        self.client.stream().write_all(&record).expect("the proxy takes the bytes");
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
