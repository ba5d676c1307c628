//! What a generator's bytes travel in: a socket as it is, or TLS over it.
//!
//! Every subject is asked for the same: TLS 1.3, AES-128-GCM, X25519. Certificates are not checked, so that generators cost little.

use std::{
    cell::RefCell,
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use nix::sys::epoll::EpollFlags;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};
use serde::{Deserialize, Serialize};

/// Whom generators ask for, and whose certificate subjects have.
pub(crate) const HOST: &str = "rig.example.org";

/// The most cipher text that one receive takes.
const TAKE: usize = 64 * 1024;

/// How a generator shakes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TlsClient {
    /// It takes up sessions again, as soon as it has tickets.
    pub(crate) is_resuming: bool,
}

/// A connection, without waiting where its socket does not wait.
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<Secure>),
}

pub(crate) struct Secure {
    tls: ClientConnection,
    socket: TcpStream,
    /// Received and not decrypted: empty at rest.
    received: Vec<u8>,
    received_start: usize,
}

/// Makes wires of sockets.
pub(crate) struct Wires(Option<Arc<ClientConfig>>);

impl Wires {
    pub(crate) fn new(tls: Option<TlsClient>) -> Self {
        Wires(tls.map(|tls| Arc::new(config(tls))))
    }

    pub(crate) fn over(&self, socket: TcpStream) -> Wire {
        let Some(config) = &self.0 else { return Wire::Plain(socket) };
        let host = ServerName::try_from(HOST).expect("a name");
        let tls = ClientConnection::new(Arc::clone(config), host).expect("a client of this configuration");
        Wire::Tls(Box::new(Secure { tls, socket, received: Vec::new(), received_start: 0 }))
    }
}

impl Wire {
    /// What the first write waits for when it would block.
    pub(crate) fn awaited(&self) -> EpollFlags {
        match self {
            Wire::Tls(secure) if !secure.tls.wants_write() => EpollFlags::EPOLLIN,
            Wire::Plain(_) | Wire::Tls(_) => EpollFlags::EPOLLOUT,
        }
    }

    /// Whether something waits here to be decrypted.
    pub(crate) fn has_received(&self) -> bool {
        match self {
            Wire::Plain(_) => false,
            Wire::Tls(secure) => !secure.received.is_empty(),
        }
    }

    /// Says that nothing follows, where that is said.
    pub(crate) fn say_end(&mut self) {
        if let Wire::Tls(secure) = self {
            secure.tls.send_close_notify();
            // It is about to be closed: what cannot be said at once is not.
            let _ = secure.flush();
        }
    }
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.read(bytes),
            Wire::Tls(secure) => secure.read(bytes),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.write(bytes),
            Wire::Tls(secure) => secure.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(_) => Ok(()),
            Wire::Tls(secure) => secure.flush(),
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Wire::Plain(socket) => socket.as_fd(),
            Wire::Tls(secure) => secure.socket.as_fd(),
        }
    }
}

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; TAKE].into_boxed_slice());
}

impl Secure {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
            }
            self.decrypt()?;
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        while self.tls.is_handshaking() {
            self.decrypt()?;
            self.flush()?;
        }
        let count = self.tls.writer().write(bytes)?;
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    /// Takes one step: some of what was received, or a receive.
    fn decrypt(&mut self) -> io::Result<()> {
        if self.received_start == self.received.len() {
            self.receive()?;
        }
        let mut rest = &self.received[self.received_start..];
        let count = self.tls.read_tls(&mut rest)?;
        self.received_start += count;
        if self.received_start == self.received.len() {
            (self.received, self.received_start) = (Vec::new(), 0);
        }
        self.tls.process_new_packets().map_err(io::Error::other)?;
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        SCRATCH.with_borrow_mut(|scratch| match self.socket.read(scratch)? {
            0 => Err(io::Error::from(ErrorKind::ConnectionAborted)),
            count => {
                self.received = scratch[..count].to_vec();
                Ok(())
            }
        })
    }
}

fn config(tls: TlsClient) -> ClientConfig {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let builder = ClientConfig::builder_with_provider(Arc::new(provider));
    let builder = builder.with_protocol_versions(&[&TLS13]).expect("a cipher of this version is there");
    let mut config = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth();
    if !tls.is_resuming {
        config.resumption = Resumption::disabled();
    }
    config
}

/// Takes every certificate.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256]
    }
}
