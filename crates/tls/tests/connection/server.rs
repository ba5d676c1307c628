//! The library's own server, and the connection under test as its client: who is believed to be whom, and how the bytes are cut.

use crate::authority::Authority;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use std::io::{Read, Write};
use std::sync::Arc;
use tls::{Connection, Connector, Demand, Next, Refusal, Trust, Version, VersionRange};

pub(crate) fn demand(trust: Trust) -> Demand {
    Demand {
        versions: VersionRange { least: Version::Tls12, most: Version::Tls13 },
        ciphers: None,
        suites: None,
        groups: None,
        protocols: Vec::new(),
        takes_tickets: true,
        resumes: true,
        identity: None,
        trust,
    }
}

pub(crate) fn known_to(authority: &Authority, host: Option<&str>) -> Trust {
    let host = host.map(str::to_string);
    Trust::Known { authorities: vec![authority.certificate()], revocations: Vec::new(), host }
}

pub(crate) fn connector(demand: Demand) -> Connector {
    Connector::new(demand).expect("a demand that can be made")
}

/// A server with a certificate for `name`.
pub(crate) fn server(authority: &Authority, name: &str) -> ServerConfig {
    let (chain, key) = authority.signed(&[name]);
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("both are known");
    builder.with_no_client_auth().with_single_cert(chain, key).expect("the key is that of the certificate")
}

struct Meeting {
    ours: Connection,
    server: ServerConnection,
    cut: usize,
}

impl Meeting {
    fn new(connector: &Connector, name: Option<&str>, server: &Arc<ServerConfig>, cut: usize) -> Meeting {
        let ours = Connection::connect(connector, name, Vec::new()).expect("a name");
        Meeting { ours, server: ServerConnection::new(Arc::clone(server)).expect("a server"), cut }
    }

    /// Until neither has anything to say; what this side hears.
    fn run(&mut self) -> Result<Vec<u8>, Refusal> {
        let mut heard = Vec::new();
        loop {
            let mut sent = vec![0; 100_000];
            let count = self.ours.write(&[], &mut sent).expect("keys that are new").filled;
            self.server_reads(&sent[..count]);
            let mut bytes = Vec::new();
            while self.server.wants_write() {
                self.server.write_tls(&mut bytes).expect("memory takes everything");
            }
            let is_over = count == 0 && bytes.is_empty();
            for piece in bytes.chunks_mut(self.cut) {
                let mut start = 0;
                loop {
                    let mut room = vec![0; 20_000];
                    let read = self.ours.read(&mut piece[start..], &mut room);
                    start += read.consumed;
                    heard.extend_from_slice(&room[..read.filled]);
                    match read.next {
                        Next::Room => (),
                        Next::More | Next::End => break,
                        Next::Failed(refusal) => return Err(refusal),
                    }
                }
            }
            if is_over {
                return Ok(heard);
            }
        }
    }

    fn say(&mut self, mut said: &[u8]) {
        while !said.is_empty() {
            let mut sent = vec![0; 20_000];
            let written = self.ours.write(said, &mut sent).expect("keys that are new");
            said = &said[written.taken..];
            self.server_reads(&sent[..written.filled]);
        }
    }

    fn server_reads(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.server.read_tls(&mut bytes).expect("there is room");
            if self.server.process_new_packets().is_err() {
                return;
            }
        }
    }

    fn server_hears(&mut self) -> Vec<u8> {
        let mut part = vec![0; 100_000];
        let count = self.server.reader().read(&mut part).unwrap_or(0);
        part.truncate(count);
        part
    }
}

#[test]
fn every_cut_gives_the_same() {
    let authority = Authority::named("Authority");
    let config = Arc::new(server(&authority, "a.test"));
    let answer: Vec<u8> = (0..40_000_u32).map(|number| number as u8).collect();
    for version in [Version::Tls12, Version::Tls13] {
        for cut in [1, 7, 1_000, usize::MAX] {
            let versions = VersionRange { least: version, most: version };
            let connector = connector(Demand { versions, ..demand(known_to(&authority, None)) });
            let mut meeting = Meeting::new(&connector, Some("a.test"), &config, cut);
            assert_eq!(meeting.run(), Ok(Vec::new()));
            assert_eq!(meeting.ours.agreed().expect("both have agreed").version, version);
            assert_eq!(meeting.server.server_name(), Some("a.test"));
            meeting.say(b"question");
            assert_eq!(meeting.server_hears(), b"question");
            meeting.server.writer().write_all(&answer).expect("memory takes everything");
            assert!(meeting.run() == Ok(answer.clone()), "{version:?} in pieces of {cut}");
            meeting.server.send_close_notify();
            assert_eq!(meeting.run(), Ok(Vec::new()));
            assert_eq!(meeting.ours.read(&mut [], &mut []).next, Next::End);
        }
    }
}

/// proxy-protocol.txt §2: the header comes before everything else.
#[test]
fn what_comes_before_is_in_clear() {
    let connector = connector(demand(Trust::Anybody));
    let mut ours = Connection::connect(&connector, None, b"PROXY UNKNOWN\r\n".to_vec()).expect("no name");
    let mut sent = vec![0; 20_000];
    let written = ours.write(&[], &mut sent).expect("a hello");
    assert!(sent[..written.filled].starts_with(b"PROXY UNKNOWN\r\n\x16\x03"));
}

#[test]
fn a_server_has_to_be_who_it_is_asked_to_be() {
    let authority = Authority::named("Authority");
    let stranger = Authority::named("Stranger");
    let config = Arc::new(server(&authority, "a.test"));
    let refused = |trust, name| Meeting::new(&connector(demand(trust)), name, &config, usize::MAX).run().err();
    let ours = |host| known_to(&authority, host);
    for (trust, name, expected) in [
        (Trust::Anybody, None, None),
        (Trust::Anybody, Some("b.test"), None),
        (ours(None), None, None),
        (ours(None), Some("a.test"), None),
        (ours(None), Some("b.test"), Some(Refusal::WrongName)),
        (ours(None), Some("192.0.2.1"), Some(Refusal::WrongName)),
        (ours(Some("a.test")), Some("b.test"), None),
        (ours(Some("b.test")), Some("a.test"), Some(Refusal::WrongName)),
        (known_to(&stranger, None), None, Some(Refusal::UnknownIssuer)),
        // The chain is looked at before the name.
        (known_to(&stranger, None), Some("b.test"), Some(Refusal::UnknownIssuer)),
    ] {
        assert_eq!(refused(trust.clone(), name), expected, "{trust:?} {name:?}");
    }
}

/// What a client may write into a `Host` field: no server can prove it, so none is believed.
#[test]
fn names_that_nobody_has_prove_nothing() {
    let authority = Authority::named("Authority");
    for name in ["a.test:8443", "0.0.0.0", "", "-", "a b"] {
        let believing = connector(demand(known_to(&authority, None)));
        assert_eq!(Connection::connect(&believing, Some(name), Vec::new()).err(), Some(Refusal::WrongName), "{name:?}");
        let careless = connector(demand(Trust::Anybody));
        assert!(Connection::connect(&careless, Some(name), Vec::new()).is_ok(), "{name:?}");
    }
}

/// As OpenSSL has it: who stands in the file of authorities himself needs nobody who signs for him.
#[test]
fn a_server_that_signs_for_itself() {
    let (own, other) = (Authority::named("a.test"), Authority::named("a.test"));
    let config = Arc::new(own.as_server());
    let refused = |of: &Authority, name| {
        Meeting::new(&connector(demand(known_to(of, None))), name, &config, usize::MAX).run().err()
    };
    assert_eq!(refused(&own, Some("a.test")), None);
    assert_eq!(refused(&own, Some("b.test")), Some(Refusal::WrongName));
    assert!(refused(&other, Some("a.test")).is_some());
}

#[test]
fn who_asks_is_shown_to_servers_that_want_to_know() {
    let authority = Authority::named("Authority");
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate()).expect("an authority");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let (chain, key) = authority.signed(&["a.test"]);
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.expect("both are known").with_client_cert_verifier(verifier.build().expect("an authority"));
    let config = Arc::new(builder.with_single_cert(chain, key).expect("the key is that of the certificate"));
    for is_shown in [true, false] {
        let identity = is_shown.then(|| authority.bundle(&["proxy.test"]));
        let connector = connector(Demand { identity, ..demand(Trust::Anybody) });
        let mut meeting = Meeting::new(&connector, None, &config, usize::MAX);
        let is_served = meeting.run().is_ok();
        assert_eq!((is_served, meeting.server.peer_certificates().is_some()), (is_shown, is_shown));
    }
}

#[test]
fn sessions_are_taken_up_again_unless_told_otherwise() {
    let authority = Authority::named("Authority");
    let config = Arc::new(server(&authority, "a.test"));
    for resumes in [true, false] {
        let connector = connector(Demand { resumes, ..demand(Trust::Anybody) });
        let is_resumed = || {
            let mut meeting = Meeting::new(&connector.clone(), Some("a.test"), &config, usize::MAX);
            meeting.run().expect("they agree");
            meeting.ours.agreed().expect("both have agreed").is_resumed
        };
        assert_eq!([is_resumed(), is_resumed()], [false, resumes]);
    }
}

/// What differs between two reloads is what is asked for, not when it was read.
#[test]
fn connectors_are_equal_if_they_ask_for_the_same() {
    let (one, other) = (Authority::named("One"), Authority::named("Other"));
    let ask = |trust| connector(demand(trust));
    assert_eq!(ask(known_to(&one, None)), ask(known_to(&one, None)));
    assert_ne!(ask(known_to(&one, None)), ask(known_to(&other, None)));
    assert_ne!(ask(known_to(&one, None)), ask(known_to(&one, Some("a.test"))));
}
