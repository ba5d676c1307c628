//! A connection under test and the library's own end, which say things to each other in any order and in any pieces: both hear what the
//! other has said.

use crate::authority::Authority;
use crate::{acceptor, offer, peer, server};
use proptest::prelude::*;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConnection, Connection as Library, ServerConnection};
use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};
use tls::{Acceptor, Cipher, Connection, Next, Offer, Version, VersionRange, choose_ciphers, choose_suites};

/// The library's server has the same authority as the library's client.
static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::named("Authority"));

const CIPHERS: [(Version, &str); 6] = [
    (Version::Tls13, "TLS_AES_128_GCM_SHA256"),
    (Version::Tls13, "TLS_AES_256_GCM_SHA384"),
    (Version::Tls13, "TLS_CHACHA20_POLY1305_SHA256"),
    (Version::Tls12, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (Version::Tls12, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (Version::Tls12, "ECDHE-ECDSA-CHACHA20-POLY1305"),
];

#[derive(Clone, Debug)]
enum Step {
    WeSay {
        size: usize,
        room: usize,
    },
    TheySay {
        size: usize,
    },
    /// The library takes other keys, and asks for others (RFC 8446 §4.6.3).
    TheyUpdate,
    /// So much of what is on its way to this end comes, in pieces.
    WeHear {
        most: usize,
        cut: usize,
        room: usize,
    },
    TheyHear {
        most: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![0..100_usize, 0..40_000_usize, Just(16_384_usize)];
    let cut = prop_oneof![1..40_usize, 1..40_000_usize, Just(16_320_usize)];
    let room = prop_oneof![1..100_usize, Just(16_384_usize), Just(20_000_usize)];
    prop_oneof![
        (size.clone(), 100..20_000_usize).prop_map(|(size, room)| Step::WeSay { size, room }),
        size.prop_map(|size| Step::TheySay { size }),
        Just(Step::TheyUpdate),
        (0..60_000_usize, cut, room).prop_map(|(most, cut, room)| Step::WeHear { most, cut, room }),
        (0..60_000_usize).prop_map(|most| Step::TheyHear { most }),
    ]
}

/// Both ends, and what is on its way between them.
struct Meeting {
    ours: Connection,
    theirs: Library,
    to_us: Vec<u8>,
    to_them: Vec<u8>,
    we_said: Vec<u8>,
    they_said: Vec<u8>,
    we_heard: Vec<u8>,
    they_heard: Vec<u8>,
    /// How this end took what came last.
    next: Next,
}

impl Meeting {
    fn new(version: Version, cipher: &str, is_server: bool) -> Meeting {
        let versions = VersionRange { least: version, most: version };
        let (ciphers, suites) = (Some(choose_ciphers(cipher).chosen), Some(choose_suites(cipher).chosen));
        let (ours, mut theirs) = match is_server {
            true => as_server(version, versions, ciphers, suites),
            false => as_client(versions, ciphers, suites),
        };
        theirs.set_buffer_limit(None);
        let (to_us, to_them, we_said, they_said) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (we_heard, they_heard, next) = (Vec::new(), Vec::new(), Next::More);
        Meeting { ours, theirs, to_us, to_them, we_said, they_said, we_heard, they_heard, next }
    }

    fn take(&mut self, step: Step, version: Version) {
        match step {
            Step::WeSay { size, room } => self.we_say(size, room),
            Step::TheySay { size } => {
                let said = pattern(self.they_said.len(), size);
                self.theirs.writer().write_all(&said).expect("memory takes everything");
                self.they_said.extend(said);
            }
            Step::TheyUpdate if version == Version::Tls13 && !self.theirs.is_handshaking() => {
                self.theirs.refresh_traffic_keys().expect("TLS 1.3 has others");
            }
            Step::TheyUpdate => (),
            Step::WeHear { most, cut, room } => self.we_hear(most, cut, room),
            Step::TheyHear { most } => self.they_hear(most),
        }
        while self.theirs.wants_write() {
            self.theirs.write_tls(&mut self.to_us).expect("memory takes everything");
        }
    }

    fn we_say(&mut self, size: usize, room: usize) {
        let said = pattern(self.we_said.len(), size);
        let mut rest = &said[..];
        loop {
            let mut sent = vec![0; room];
            let written = self.ours.write(rest, &mut sent).expect("keys that are new");
            self.to_them.extend_from_slice(&sent[..written.filled]);
            rest = &rest[written.taken..];
            if written.filled == 0 {
                break;
            }
        }
        self.we_said.extend_from_slice(&said[..said.len() - rest.len()]);
    }

    fn we_hear(&mut self, most: usize, cut: usize, room: usize) {
        let rest = self.to_us.split_off(most.min(self.to_us.len()));
        let mut coming = std::mem::replace(&mut self.to_us, rest);
        for piece in coming.chunks_mut(cut) {
            let mut start = 0;
            loop {
                let mut plain = vec![0; room];
                let read = self.ours.read(&mut piece[start..], &mut plain);
                start += read.consumed;
                self.we_heard.extend_from_slice(&plain[..read.filled]);
                self.next = read.next;
                match read.next {
                    Next::More => break,
                    Next::Room => (),
                    Next::End => return,
                    Next::Failed(refusal) => panic!("{refusal:?}"),
                }
            }
        }
    }

    fn they_hear(&mut self, most: usize) {
        let rest = self.to_them.split_off(most.min(self.to_them.len()));
        let coming = std::mem::replace(&mut self.to_them, rest);
        let mut coming = &coming[..];
        while !coming.is_empty() {
            self.theirs.read_tls(&mut coming).expect("there is room");
            self.theirs.process_new_packets().expect("records that are whole and right");
            let mut plain = vec![0; 100_000];
            let count = self.theirs.reader().read(&mut plain).unwrap_or(0);
            self.they_heard.extend_from_slice(&plain[..count]);
        }
    }

    /// Until neither has anything to say.
    fn settle(&mut self, version: Version) {
        loop {
            self.take(Step::WeSay { size: 0, room: 20_000 }, version);
            self.take(Step::TheyHear { most: usize::MAX }, version);
            if self.to_us.is_empty() {
                return;
            }
            self.take(Step::WeHear { most: usize::MAX, cut: 5_000, room: 20_000 }, version);
        }
    }
}

fn as_server(
    version: Version,
    versions: VersionRange,
    ciphers: Option<Vec<Cipher>>,
    suites: Option<Vec<Cipher>>,
) -> (Connection, Library) {
    let acceptor: Acceptor = acceptor(&AUTHORITY, &["a.test"], Offer { versions, ciphers, suites, ..offer() });
    let of_library = if version == Version::Tls13 { &TLS13 } else { &TLS12 };
    let client: ClientConnection = peer::client(AUTHORITY.client(&[of_library]).config(), "a.test");
    (Connection::accept(&acceptor), Library::Client(client))
}

fn as_client(
    versions: VersionRange,
    ciphers: Option<Vec<Cipher>>,
    suites: Option<Vec<Cipher>>,
) -> (Connection, Library) {
    let trust = server::known_to(&AUTHORITY, None);
    let demand = tls::Demand { versions, ciphers, suites, ..server::demand(trust) };
    let connection = Connection::connect(&server::connector(demand), Some("a.test"), Vec::new()).expect("a name");
    let config = Arc::new(server::server(&AUTHORITY, "a.test"));
    (connection, Library::Server(ServerConnection::new(config).expect("a server")))
}

/// Bytes that tell where they belong.
fn pattern(start: usize, size: usize) -> Vec<u8> {
    (start..start + size).map(|at| (at % 251) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_hear_what_the_other_says(
        (version, cipher) in prop::sample::select(CIPHERS.to_vec()),
        is_server in any::<bool>(),
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let mut meeting = Meeting::new(version, cipher, is_server);
        for step in steps {
            meeting.take(step, version);
        }
        meeting.settle(version);
        prop_assert!(meeting.ours.is_open());
        prop_assert_eq!(meeting.ours.agreed().map(|agreed| agreed.cipher), Some(cipher));
        prop_assert!(meeting.we_heard == meeting.they_said);
        prop_assert!(meeting.they_heard == meeting.we_said);
        meeting.theirs.send_close_notify();
        meeting.ours.close();
        meeting.settle(version);
        prop_assert_eq!(meeting.next, Next::End);
    }
}
