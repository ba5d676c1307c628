//! The same trades over TLS: clients, servers or both speak it, with the library's own ends.
//!
//! Keys and random numbers are made by the library, and no seed reaches them. They decide nothing that happens: all that such peers say is as
//! long each time (signatures by Ed25519, certificates made once), so a seed replays as it does without TLS.
//!
//! **Invariant:** behind a PROXY header there is nothing on a wire but records, and no word of a peer can be read in one.
//! **Invariant:** what a peer is sent is right TLS up to the place where it stops.

use crate::farm::{Client, Scene, Trade};
use crate::mix::Mix;
use crate::streams::introduce;
use crate::tables::Draft;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519, SerialNumber};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection, SignatureScheme};
use sim::{Envelope, Hearing, Peer, Rng, Script, Server};
use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use table::Mode;
use tls::{Acceptor, Aside, Bundle, Certificates, Connector, Demand, NamedBundle, Offer, Trust, Version, VersionRange};

/// A trade over TLS.
#[derive(Default)]
pub(crate) struct Secured<T> {
    trade: T,
    at_front: bool,
    at_back: bool,
}

/// What a proxy has of TLS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) acceptor: Option<Acceptor>,
    pub(crate) connector: Option<Connector>,
}

/// One certificate for everybody, in both forms.
struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
    pem: String,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    let mut params = CertificateParams::new(vec!["a.test".to_string()]).expect("a name");
    // As it comes, its size would be another one now and then.
    params.serial_number = Some(SerialNumber::from(1));
    let certificate = params.self_signed(&key).expect("a certificate");
    let pem = certificate.pem() + &key.serialize_pem();
    Identity { certificate: certificate.der().clone(), key: key.serialize_der(), pem }
});

/// What can be learned of words in a piece of so many octets of cipher text by chance: nothing.
const TELLING_SIZE: usize = 8;

impl<T: Trade> Trade for Secured<T> {
    const MODE: Mode = T::MODE;

    fn settle(&mut self, rng: &mut Rng, draft: &mut Draft) {
        (self.at_front, self.at_back) = [(true, false), (false, true), (true, true)][rng.below(3)];
        draft.terms =
            Terms { acceptor: self.at_front.then(|| acceptor(rng)), connector: self.at_back.then(|| connector(rng)) };
    }

    fn client(&mut self, rng: &mut Rng, mix: Mix, number: usize, header: &[u8]) -> Script {
        if !self.at_front {
            return self.trade.client(rng, mix, number, header);
        }
        let script = introduce(Script::new(), rng, header);
        let (config, updates) = (client_config(versions(rng)), rng.below(4));
        let words = self.trade.client(rng, mix, number, &[]);
        if mix.has_faults() && rng.chance(150) {
            return misbehave(script, rng, &hello(&config));
        }
        let script = script.seal(move || Library::client(&config, updates));
        // Whoever severs leaves what was said behind a handshake as it is.
        if mix.has_faults() && rng.chance(50) {
            script.pause(millis(rng, 3)).sever()
        } else {
            script.followed_by(words)
        }
    }

    fn server(&self, rng: &mut Rng, mix: Mix, draft: &Draft) -> Script {
        if !self.at_back {
            return self.trade.server(rng, mix, draft);
        }
        let mut in_clear = draft.clone();
        in_clear.servers.iter_mut().for_each(|server| server.header = None);
        let words = self.trade.server(rng, mix, &in_clear);
        let mut script = Script::new();
        if draft.servers[0].header.is_some() {
            script = script.await_message(|heard| match proxyline::decode(heard.bytes) {
                proxyline::Decoded::Complete(header) => Some(header.header_len),
                proxyline::Decoded::Incomplete => None,
                proxyline::Decoded::Invalid(why) => panic!("a server got a bad header: {why}"),
            });
        }
        let (config, updates) = (server_config(rng), rng.below(4));
        if mix.has_faults() && rng.chance(150) {
            return misbehave(script, rng, b"220 mail.example.org ESMTP\r\n");
        }
        script.seal(move || Library::server(&config, updates)).followed_by(words)
    }

    fn is_whole(&self, scene: &Scene<'_>, number: usize, client: &Client) -> bool {
        let is_calm = !scene.mix.has_faults() && !scene.mix.is_scarce();
        assert!(!is_calm || scene.ends.bad_handshake == 0, "a handshake came to nothing, and no peer is to blame");
        let servers: Vec<Peer> = scene.servers.iter().flat_map(Server::connections).collect();
        check_wire(&client.peer, &servers);
        servers.iter().for_each(|server| check_wire(server, std::slice::from_ref(&client.peer)));
        self.trade.is_whole(scene, number, client)
    }
}

/// A peer that stops in the middle of a handshake, or says something else there; and stays, or leaves in one of the ways of peers.
fn misbehave(script: Script, rng: &mut Rng, said: &[u8]) -> Script {
    let mut said = said[..rng.below(said.len() + 1)].to_vec();
    if rng.chance(300) && !said.is_empty() {
        let at = rng.below(said.len());
        said[at] ^= 1 << rng.below(8);
    }
    let script = script.seal(move || Noise { said: said.clone() }).pause(millis(rng, 5));
    match rng.below(4) {
        0 => script.finish(),
        1 => script.reset(),
        2 => script.vanish(),
        // Until its time is up.
        _ => script,
    }
}

/// What has come to this peer in its envelope is records, in which none of these others' words can be read.
fn check_wire(peer: &Peer, others: &[Peer]) {
    let wire = peer.came_sealed();
    let mut rest = &wire[..];
    // RFC 8446 §5.1.
    while let [kind, 3, minor, high, low, ..] = *rest {
        assert!((20..=23).contains(&kind) && minor <= 4, "no record: {kind} 3 {minor}");
        let size = usize::from(u16::from_be_bytes([high, low]));
        assert!(size <= (1 << 14) + 2048, "a record of {size}");
        rest = rest.get(5 + size..).unwrap_or_default();
    }
    assert!(rest.len() < 5, "no record: {:?}", &rest[..5]);
    for said in others.iter().map(Peer::sent) {
        let Some(words) = said.last_chunk::<TELLING_SIZE>() else { continue };
        assert!(!wire.windows(TELLING_SIZE).any(|seen| seen == words), "words can be read on the wire");
    }
}

fn millis(rng: &mut Rng, most: usize) -> Duration {
    Duration::from_micros(rng.below(most * 1000) as u64)
}

fn versions(rng: &mut Rng) -> &'static [&'static rustls::SupportedProtocolVersion] {
    const ALL: [&[&rustls::SupportedProtocolVersion]; 3] = [&[&TLS12], &[&TLS13], &[&TLS12, &TLS13]];
    ALL[rng.below(3)]
}

fn acceptor(rng: &mut Rng) -> Acceptor {
    let protocols = if rng.chance(300) { vec![b"imap".to_vec()] } else { Vec::new() };
    let acceptor = offering(protocols, rng.chance(800));
    if rng.chance(500) { acceptor.setting_aside(Aside::All) } else { acceptor }
}

/// Leaves every answer to a hello to others.
pub(crate) fn leaving_all() -> Acceptor {
    offering(Vec::new(), true).setting_aside(Aside::All)
}

fn offering(protocols: Vec<Vec<u8>>, gives_tickets: bool) -> Acceptor {
    let bundle = Bundle::read(IDENTITY.pem.as_bytes(), None, None).expect("a certificate and its key");
    let mut certificates = Certificates::new(false);
    certificates.add(NamedBundle { bundle, names: None, except: Vec::new(), is_default: true });
    let offer = Offer {
        versions: VersionRange { least: Version::Tls12, most: Version::Tls13 },
        ciphers: None,
        suites: None,
        groups: None,
        protocols,
        gives_tickets,
        is_client_order: false,
        clients: None,
    };
    Acceptor::new(certificates, offer).expect("an offer that can be made")
}

fn connector(rng: &mut Rng) -> Connector {
    let demand = Demand {
        versions: VersionRange { least: Version::Tls12, most: Version::Tls13 },
        ciphers: None,
        suites: None,
        groups: None,
        protocols: Vec::new(),
        takes_tickets: rng.chance(800),
        resumes: rng.chance(800),
        identity: None,
        trust: Trust::Known {
            authorities: vec![IDENTITY.certificate.clone()],
            revocations: Vec::new(),
            host: Some("a.test".to_string()),
        },
    };
    Connector::new(demand).expect("a demand that can be made")
}

/// A client that says this over TLS.
pub(crate) fn client_saying(words: Script) -> Script {
    let config = client_config(&[&TLS13]);
    Script::new().seal(move || Library::client(&config, 0)).followed_by(words)
}

fn client_config(versions: &[&'static rustls::SupportedProtocolVersion]) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(versions).expect("both are known").dangerous();
    Arc::new(builder.with_custom_certificate_verifier(Arc::new(Same)).with_no_client_auth())
}

fn server_config(rng: &mut Rng) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_protocol_versions(versions(rng)).expect("both are known").with_no_client_auth();
    let key = PrivateKeyDer::try_from(IDENTITY.key.clone()).expect("a key");
    Arc::new(builder.with_single_cert(vec![IDENTITY.certificate.clone()], key).expect("the key of the certificate"))
}

/// What a client says first.
fn hello(config: &Arc<ClientConfig>) -> Vec<u8> {
    let mut sent = Vec::new();
    Library::client(config, 0).say(&[], &mut sent);
    sent
}

/// Believes whoever shows the one certificate.
#[derive(Debug)]
struct Same;

impl Same {
    fn algorithms() -> WebPkiSupportedAlgorithms {
        aws_lc_rs::default_provider().signature_verification_algorithms
    }
}

impl ServerCertVerifier for Same {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _staple: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        assert_eq!(*shown, IDENTITY.certificate);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, shown, signed, &Same::algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, shown, signed, &Same::algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// Says one thing that is no word of anybody's, and does not understand what comes.
struct Noise {
    said: Vec<u8>,
}

impl Envelope for Noise {
    fn hear(&mut self, _came: &[u8], _heard: &mut Vec<u8>, _sent: &mut Vec<u8>) -> Hearing {
        Hearing::More
    }

    fn say(&mut self, _words: &[u8], sent: &mut Vec<u8>) -> usize {
        sent.append(&mut self.said);
        0
    }

    fn end(&mut self, _sent: &mut Vec<u8>) -> bool {
        true
    }
}

/// One of the library's ends.
struct Library {
    tls: rustls::Connection,
    /// It takes other keys whenever it has said something so often (RFC 8446 §4.6.3). 0: never.
    updates: usize,
    said: usize,
}

impl Library {
    fn client(config: &Arc<ClientConfig>, updates: usize) -> Library {
        let name = ServerName::try_from("a.test").expect("a name");
        Library::new(ClientConnection::new(Arc::clone(config), name).expect("a client").into(), updates)
    }

    fn server(config: &Arc<ServerConfig>, updates: usize) -> Library {
        Library::new(ServerConnection::new(Arc::clone(config)).expect("a server").into(), updates)
    }

    fn new(mut tls: rustls::Connection, updates: usize) -> Library {
        tls.set_buffer_limit(None);
        Library { tls, updates, said: 0 }
    }

    fn flush(&mut self, sent: &mut Vec<u8>) {
        while self.tls.wants_write() {
            self.tls.write_tls(sent).expect("memory takes everything");
        }
    }
}

impl Envelope for Library {
    fn hear(&mut self, mut came: &[u8], heard: &mut Vec<u8>, sent: &mut Vec<u8>) -> Hearing {
        let mut hearing = Hearing::More;
        while !came.is_empty() && hearing == Hearing::More {
            self.tls.read_tls(&mut came).expect("there is room");
            match self.tls.process_new_packets() {
                Ok(state) if state.peer_has_closed() => hearing = Hearing::End,
                Ok(_) => (),
                Err(rustls::Error::AlertReceived(_)) => hearing = Hearing::Broken,
                Err(why) => panic!("a peer was sent what is no TLS: {why}"),
            }
            let mut words = [0; 4096];
            while let Ok(count @ 1..) = self.tls.reader().read(&mut words) {
                heard.extend_from_slice(&words[..count]);
            }
        }
        self.flush(sent);
        hearing
    }

    fn say(&mut self, words: &[u8], sent: &mut Vec<u8>) -> usize {
        let is_open = !self.tls.is_handshaking();
        let count = if is_open { words.len().min(20_000) } else { 0 };
        if count > 0 {
            self.said += 1;
            let is_due = self.updates > 0 && self.said.is_multiple_of(self.updates);
            if is_due && self.tls.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3) {
                self.tls.refresh_traffic_keys().expect("TLS 1.3 has others");
            }
            self.tls.writer().write_all(&words[..count]).expect("memory takes everything");
        }
        self.flush(sent);
        count
    }

    fn end(&mut self, sent: &mut Vec<u8>) -> bool {
        if self.tls.is_handshaking() {
            return false;
        }
        self.tls.send_close_notify();
        self.flush(sent);
        true
    }
}
