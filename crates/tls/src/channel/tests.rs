//! What may come on a connection on which both have agreed, and what may not, record by record.

mod rfc_8448;

use crate::alert::Alert;
use crate::message::Role;
use crate::names::{Version, VersionRange};
use crate::opening::Inner;
use crate::sealing::Sealing;
use crate::traffic::{Content, PLAIN_MOST, Traffic};
use crate::{
    Acceptor, Bundle, Certificates, Connection, Connector, Demand, NamedBundle, Next, Offer, Refusal, Trust,
    choose_ciphers, choose_suites,
};
use aws_lc_rs::aead::Nonce;
use std::sync::LazyLock;

/// Ends of the same connection, both under test.
struct Pair {
    server: Connection,
    client: Connection,
}

static BUNDLE: LazyLock<Bundle> = LazyLock::new(|| {
    let signed = rcgen::generate_simple_self_signed(vec!["a.test".to_string()]).expect("a certificate");
    let text = [signed.cert.pem(), signed.signing_key.serialize_pem()].concat();
    Bundle::read(text.as_bytes(), None, None).expect("a certificate and its key")
});

/// Every cipher that is done here, by OpenSSL's name.
const CIPHERS: [(Version, &str); 6] = [
    (Version::Tls13, "TLS_AES_128_GCM_SHA256"),
    (Version::Tls13, "TLS_AES_256_GCM_SHA384"),
    (Version::Tls13, "TLS_CHACHA20_POLY1305_SHA256"),
    (Version::Tls12, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (Version::Tls12, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (Version::Tls12, "ECDHE-ECDSA-CHACHA20-POLY1305"),
];

impl Pair {
    fn new(version: Version) -> Pair {
        let cipher = CIPHERS.iter().find(|(of, _)| *of == version).expect("every version has one").1;
        Pair::with(version, cipher)
    }

    fn with(version: Version, cipher: &str) -> Pair {
        let versions = VersionRange { least: version, most: version };
        let (ciphers, suites) = (choose_ciphers(cipher).chosen, choose_suites(cipher).chosen);
        let (ciphers, suites) = (Some(ciphers), Some(suites));
        let mut certificates = Certificates::new(false);
        certificates.add(NamedBundle { bundle: BUNDLE.clone(), names: None, except: Vec::new(), is_default: true });
        let offer = Offer {
            versions,
            ciphers: ciphers.clone(),
            suites: suites.clone(),
            groups: None,
            protocols: Vec::new(),
            gives_tickets: false,
            is_client_order: false,
            clients: None,
        };
        let demand = Demand {
            versions,
            ciphers,
            suites,
            groups: None,
            protocols: Vec::new(),
            takes_tickets: true,
            resumes: true,
            identity: None,
            trust: Trust::Anybody,
        };
        let acceptor = Acceptor::new(certificates, offer).expect("an offer that can be made");
        let connector = Connector::new(demand).expect("a demand that can be made");
        let client = Connection::connect(&connector, Some("a.test"), Vec::new()).expect("a name");
        let mut pair = Pair { server: Connection::accept(&acceptor), client };
        while !(pair.server.is_open() && pair.client.is_open()) {
            let (mut asked, mut answered) = (output(&mut pair.client), Vec::new());
            assert_eq!(pair.server.read(&mut asked, &mut []).next, Next::More);
            answered.append(&mut output(&mut pair.server));
            assert_eq!(pair.client.read(&mut answered, &mut []).next, Next::More);
        }
        assert_eq!(pair.client.agreed().map(|agreed| agreed.cipher), Some(cipher));
        pair
    }

    fn ends(&mut self, to: Role) -> (&mut Connection, &mut Connection) {
        match to {
            Role::Server => (&mut self.client, &mut self.server),
            Role::Client => (&mut self.server, &mut self.client),
        }
    }
}

/// What a connection has to say of its own.
fn output(connection: &mut Connection) -> Vec<u8> {
    let mut sent = vec![0; 100_000];
    let count = connection.write(&[], &mut sent).expect("keys that are new").filled;
    sent.truncate(count);
    sent
}

/// A record such as `connection` would send it, with this in it.
fn record(connection: &mut Connection, content: Content, inside: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    connection.channel().sealing.as_mut().expect("it seals").seal_onto(content, inside, &mut bytes);
    bytes
}

/// The same with any bytes behind the header, of any outer kind.
fn forged(connection: &mut Connection, kind: u8, inside: &[u8]) -> Vec<u8> {
    let traffic = connection.channel().sealing.as_mut().expect("it seals").traffic();
    let nonce = traffic.nonce();
    let said = nonce[12 - traffic.layout.nonce_size()..].to_vec();
    let sealed_size = said.len() + inside.len() + 16;
    let mut sealed = inside.to_vec();
    let associated = traffic.associated(kind, sealed_size);
    let nonce = Nonce::assume_unique_for_key(nonce);
    traffic.key.seal_in_place_append_tag(nonce, associated, &mut sealed).expect("a record");
    traffic.advance();
    let [high, low] = (sealed_size as u16).to_be_bytes();
    [&[kind, 3, 3, high, low], &said[..], &sealed].concat()
}

/// What becomes of records: plain bytes, and in the end the alert that its sender hears of, if any.
#[derive(Debug, PartialEq)]
enum Fate {
    Goes(Vec<u8>),
    Ends,
    /// This side says so.
    Refused(Refusal, Alert),
    /// The sender has said so itself.
    Gone(u8),
}

fn goes(plain: &[u8]) -> Fate {
    Fate::Goes(plain.to_vec())
}

fn told(alert: Alert) -> Fate {
    let refusal = match alert {
        Alert::BadRecordMac => Refusal::Undecipherable,
        Alert::UnexpectedMessage | Alert::IllegalParameter => Refusal::Unexpected,
        Alert::RecordOverflow | Alert::DecodeError | Alert::ProtocolVersion => Refusal::BadMessage,
        Alert::CloseNotify | Alert::InternalError | Alert::NoRenegotiation => Refusal::Internal,
    };
    Fate::Refused(refusal, alert)
}

/// Gives `to` these bytes, cut in pieces, with so much room.
fn fate(pair: &mut Pair, to: Role, bytes: &[u8], cut: usize, room: usize) -> Fate {
    let (from, to) = pair.ends(to);
    let mut heard = Vec::new();
    for piece in bytes.to_vec().chunks_mut(cut) {
        let mut start = 0;
        loop {
            let mut plain = vec![0; room];
            let read = to.read(&mut piece[start..], &mut plain);
            start += read.consumed;
            heard.extend_from_slice(&plain[..read.filled]);
            match read.next {
                Next::More => break,
                Next::Room => (),
                Next::End => return Fate::Ends,
                Next::Failed(refusal) => {
                    let mut said = output(to);
                    if said.is_empty() {
                        let Refusal::Alert(number) = refusal else { panic!("{refusal:?}, and nobody is told") };
                        return Fate::Gone(number);
                    }
                    let Next::Failed(Refusal::Alert(number)) = from.read(&mut said, &mut []).next else {
                        panic!("{refusal:?}, and the sender goes on")
                    };
                    let all = [
                        Alert::UnexpectedMessage,
                        Alert::BadRecordMac,
                        Alert::RecordOverflow,
                        Alert::IllegalParameter,
                        Alert::DecodeError,
                        Alert::ProtocolVersion,
                        Alert::InternalError,
                    ];
                    let alert = all.into_iter().find(|alert| *alert as u8 == number);
                    return Fate::Refused(refusal, alert.expect("an alert that is known"));
                }
            }
        }
    }
    Fate::Goes(heard)
}

/// What makes a peer's records.
type Make<'a> = &'a dyn Fn(&mut Connection) -> Vec<u8>;

/// The same for records that `make` lets the sender make, for several cuts and rooms.
fn check(version: Version, to: Role, what: &str, make: impl Fn(&mut Connection) -> Vec<u8>, expected: &Fate) {
    for (cut, room) in [(usize::MAX, 20_000), (1, 20_000), (7, 20_000), (1 << 20, 5), (16_320, 16_384)] {
        let mut pair = Pair::new(version);
        let bytes = make(pair.ends(to).0);
        let came = fate(&mut pair, to, &bytes, cut.min(bytes.len().max(1)), room);
        assert!(came == *expected, "{version:?} {what}, cut at {cut}, room for {room}: not {came:?}");
    }
}

/// RFC 8446 §5.
#[test]
fn records_of_tls13() {
    let inner = |inside: &'static [u8]| move |from: &mut Connection| forged(from, 23, inside);
    let zeroes = |size: usize, kind: u8| {
        move |from: &mut Connection| {
            let mut inside = vec![0; size];
            inside[size - 1] = kind;
            forged(from, 23, &inside)
        }
    };
    let clear = |bytes: &'static [u8]| move |_: &mut Connection| bytes.to_vec();
    let check = |what, make: Make<'_>, expected| {
        check(Version::Tls13, Role::Server, what, make, &expected);
    };
    check("§5.4: padding", &inner(b"plain\x17\0\0\0"), goes(b"plain"));
    check("§5.4: padding around nothing", &inner(b"\x17\0\0\0"), goes(b""));
    check("§5.4: nothing but zeroes", &inner(b"\0\0\0\0"), told(Alert::UnexpectedMessage));
    check("§5.2: nothing at all", &inner(b""), told(Alert::UnexpectedMessage));
    check("§5.1: the largest", &zeroes(PLAIN_MOST + 1, 23), goes(&[0; PLAIN_MOST]));
    check("§5.4: one more", &zeroes(PLAIN_MOST + 2, 23), told(Alert::RecordOverflow));
    check("§5.2: too long to be one", &clear(&[23, 3, 3, 0x41, 1]), told(Alert::RecordOverflow));
    check("§5: a kind that is unknown", &inner(b"plain\x63"), told(Alert::UnexpectedMessage));
    check("§5: a change of ciphers", &clear(&[20, 3, 3, 0, 1, 1]), told(Alert::UnexpectedMessage));
    check("§5: the same, protected", &inner(b"\x01\x14"), told(Alert::UnexpectedMessage));
    check("§6: an alert in clear", &clear(&[21, 3, 3, 0, 2, 2, 40]), told(Alert::UnexpectedMessage));
    check("§5.2: too short", &clear(&[23, 3, 3, 0, 1, 0]), told(Alert::BadRecordMac));
    check(
        "§5.2: no tag that fits",
        &clear(&[23, 3, 3, 0, 20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        told(Alert::BadRecordMac),
    );
    check("§5.1: an empty part of a message", &inner(b"\x16"), told(Alert::UnexpectedMessage));
    check("§6.1: the end", &inner(b"\x01\0\x15"), Fate::Ends);
    check("§6.1: its user was tired", &inner(b"\x01\x5a\x15"), goes(b""));
    check("§6: any other", &inner(b"\x01\x28\x15"), Fate::Gone(40));
    check("§6: and a grave one", &inner(b"\x02\x28\x15"), Fate::Gone(40));
    check("§6: half of one", &inner(b"\x02\x15"), told(Alert::DecodeError));
    check("§5.1: two in a record", &inner(b"\x01\x5a\x01\x5a\x15"), told(Alert::DecodeError));
}

/// RFC 8446 §4.6.
#[test]
fn messages_of_tls13() {
    let messages = |parts: &'static [&'static [u8]]| {
        move |from: &mut Connection| -> Vec<u8> {
            parts.iter().flat_map(|part| record(from, Content::Handshake, part)).collect()
        }
    };
    let unexpected = || told(Alert::UnexpectedMessage);
    let to_server = |what, make: Make<'_>, expected| {
        check(Version::Tls13, Role::Server, what, make, &expected);
    };
    to_server("§4.6.3: neither yes nor no", &messages(&[&[24, 0, 0, 1, 2]]), told(Alert::IllegalParameter));
    to_server("§4.6.3: too long", &messages(&[&[24, 0, 0, 2, 0, 0]]), told(Alert::DecodeError));
    to_server("§4.6.3: too short", &messages(&[&[24, 0, 0, 0]]), told(Alert::DecodeError));
    to_server("§5.1: more behind other keys", &messages(&[&[24, 0, 0, 1, 0, 24]]), unexpected());
    to_server("§4: longer than any", &messages(&[&[24, 1, 0, 0]]), told(Alert::DecodeError));
    to_server("§4.6.1: a ticket from a client", &messages(&[&[4, 0, 0, 1, 0]]), unexpected());
    to_server("§4.1.2: a hello", &messages(&[&[1, 0, 0, 1, 0]]), unexpected());
    let between = |from: &mut Connection| {
        let begun = record(from, Content::Handshake, &[24, 0, 0]);
        [begun, record(from, Content::Data, b"plain")].concat()
    };
    to_server("§5.1: plain bytes within a message", &between, unexpected());
    let alert = |from: &mut Connection| {
        let begun = record(from, Content::Handshake, &[24, 0, 0]);
        [begun, record(from, Content::Alert, &[1, 0])].concat()
    };
    to_server("§5.1: an alert within a message", &alert, unexpected());
    // Lifetime, age, nonce, ticket, extensions.
    let ticket: &[u8] = &[4, 0, 0, 16, 0, 0, 1, 0, 1, 2, 3, 4, 1, 9, 0, 2, 7, 7, 0, 0];
    let to_client = |what, make: Make<'_>, expected| {
        check(Version::Tls13, Role::Client, what, make, &expected);
    };
    to_client("§4.6.1: a ticket", &|from| record(from, Content::Handshake, ticket), goes(b""));
    to_client("two", &|from| record(from, Content::Handshake, &[ticket, ticket].concat()), goes(b""));
    for at in 1..ticket.len() {
        let halves = |from: &mut Connection| {
            let begun = record(from, Content::Handshake, &ticket[..at]);
            [begun, record(from, Content::Handshake, &ticket[at..]), record(from, Content::Data, b"plain")].concat()
        };
        to_client("half a ticket", &halves, goes(b"plain"));
    }
    to_client("§4.6.1: no ticket", &messages(&[&[4, 0, 0, 3, 0, 0, 1]]), told(Alert::DecodeError));
    to_client("§4.6.2: whom it asks", &messages(&[&[13, 0, 0, 3, 0, 0, 0]]), unexpected());
    to_client("§4.1.4: a wish of TLS 1.2", &messages(&[&[0, 0, 0, 0]]), unexpected());
}

/// RFC 5246 §6.2 and §7.2; RFC 5288, RFC 7905.
#[test]
fn records_of_tls12() {
    let sealed = |kind: u8, inside: &'static [u8]| move |from: &mut Connection| forged(from, kind, inside);
    let of_size = |size: usize| move |from: &mut Connection| forged(from, 23, &vec![0; size]);
    let clear = |bytes: &'static [u8]| move |_: &mut Connection| bytes.to_vec();
    let check = |what, make: Make<'_>, expected| {
        check(Version::Tls12, Role::Server, what, make, &expected);
    };
    check("plain bytes", &sealed(23, b"plain"), goes(b"plain"));
    check("§6.2.1: the largest", &of_size(PLAIN_MOST), goes(&[0; PLAIN_MOST]));
    check("§6.2.1: one more", &of_size(PLAIN_MOST + 1), told(Alert::RecordOverflow));
    check("§6.2.3: too long to be one", &clear(&[23, 3, 3, 0x48, 1]), told(Alert::RecordOverflow));
    check("§6.2.1: another version", &clear(&[23, 3, 1, 0, 40]), told(Alert::ProtocolVersion));
    check("§6.2.1: a kind that is unknown", &clear(&[99, 3, 3, 0, 40]), told(Alert::UnexpectedMessage));
    check("§7.1: a change of ciphers", &sealed(20, b"\x01"), told(Alert::UnexpectedMessage));
    check("§6.2.3.3: too short", &clear(&[23, 3, 3, 0, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8]), told(Alert::BadRecordMac));
    check("§7.2.1: the end", &sealed(21, b"\x01\0"), Fate::Ends);
    check("§7.2.2: a warning", &sealed(21, b"\x01\x5a"), goes(b""));
    check("§7.2.2: a grave one", &sealed(21, b"\x02\x28"), Fate::Gone(40));
    check("§7.2: neither", &sealed(21, b"\x03\x28"), told(Alert::IllegalParameter));
    check("§7.4: a Finished", &sealed(22, &[20, 0, 0, 1, 0]), told(Alert::UnexpectedMessage));
    check("RFC 5077 §3.3: a ticket", &sealed(22, &[4, 0, 0, 1, 0]), told(Alert::UnexpectedMessage));
}

/// RFC 5746 §4.5 and RFC 5246 §7.4.1.1: who would begin anew is told that this is not done, and the connection goes on. Once.
#[test]
fn nobody_begins_anew() {
    let hello = [&[1, 0, 0x44, 0][..], &[0; 0x4400]].concat();
    for (to, wish) in [(Role::Server, &hello[..]), (Role::Client, &[0, 0, 0, 0])] {
        let mut pair = Pair::new(Version::Tls12);
        let (from, _) = pair.ends(to);
        let records = |from: &mut Connection| -> Vec<u8> {
            wish.chunks(PLAIN_MOST).flat_map(|part| record(from, Content::Handshake, part)).collect()
        };
        let bytes = [records(from), record(from, Content::Data, b"plain")].concat();
        assert_eq!(fate(&mut pair, to, &bytes, 1_000, 20_000), goes(b"plain"));
        let (from, told_by) = pair.ends(to);
        let mut said = output(told_by);
        let mut room = [0; 100];
        let opened = from.channel().opening.as_mut().expect("it opens").open(&said, &mut room);
        assert_eq!((opened, room[..2].to_vec()), (Ok(Inner { content: Content::Alert, size: 2 }), vec![1, 100]));
        said.clear();
        let again = records(from);
        let fate = fate(&mut pair, to, &again, 1_000, 20_000);
        assert_eq!(fate, told(Alert::UnexpectedMessage));
    }
}

/// RFC 8446 §5.1 and §D.4: no peer keeps this side busy for nothing.
#[test]
fn what_brings_nothing_is_bounded() {
    let empty = |from: &mut Connection| record(from, Content::Data, b"");
    let warning = |from: &mut Connection| record(from, Content::Alert, &[1, 90]);
    let update = |from: &mut Connection| {
        let mut bytes = Vec::new();
        from.channel().update(&mut bytes).expect("keys that follow");
        bytes
    };
    let kinds: [(&str, Version, Make<'_>); 5] = [
        ("empty records", Version::Tls12, &empty),
        ("empty records", Version::Tls13, &empty),
        ("warnings", Version::Tls12, &warning),
        ("warnings", Version::Tls13, &warning),
        ("other keys", Version::Tls13, &update),
    ];
    for (what, version, make) in kinds {
        for (count, is_taken) in [(32, true), (33, false)] {
            let mut pair = Pair::new(version);
            for _ in 0..2 {
                let from = &mut pair.client;
                let mut bytes: Vec<u8> = (0..count).flat_map(|_| make(from)).collect();
                bytes.append(&mut record(from, Content::Data, b"plain"));
                let expected = if is_taken { goes(b"plain") } else { told(Alert::UnexpectedMessage) };
                assert_eq!(fate(&mut pair, Role::Server, &bytes, 100_000, 20_000), expected, "{count} {what}");
                if !is_taken {
                    break;
                }
            }
        }
    }
}

/// RFC 8446 §4.6.3: whoever asks for other keys gets them before the next plain byte, however often he asks.
#[test]
fn other_keys_on_request() {
    let mut pair = Pair::new(Version::Tls13);
    for _ in 0..3 {
        let from = &mut pair.client;
        let mut bytes = Vec::new();
        for _ in 0..3 {
            from.channel().sealing.as_mut().expect("it seals").seal_onto(
                Content::Handshake,
                &[24, 0, 0, 1, 1],
                &mut bytes,
            );
            let secrets = from.channel().remains.next_sealing().expect("keys that follow");
            let traffic = Traffic::new(&secrets, 0, Version::Tls13).expect("a cipher that is known");
            from.channel().sealing = Some(Sealing::new(traffic));
        }
        bytes.append(&mut record(from, Content::Data, b"question"));
        assert_eq!(fate(&mut pair, Role::Server, &bytes, 1, 100), goes(b"question"));
        assert!(!pair.server.has_output(), "the answer to that waits for plain bytes");
        let mut sent = [0; 200];
        let written = pair.server.write(b"answer", &mut sent).expect("keys that follow");
        // A message of 5 bytes, and one record of 6, each with 22 around.
        assert_eq!((written.taken, written.filled), (6, 5 + 22 + 6 + 22));
        assert_eq!(fate(&mut pair, Role::Client, &sent[..written.filled], 1, 100), goes(b"answer"));
    }
}

/// RFC 8446 §5.5: before so many records are sealed with a key that it could be found out, there is another; in TLS 1.2 there is none, and
/// the connection ends. ChaCha20 has no such limit but that no number comes twice.
#[test]
fn keys_are_used_up() {
    for (version, cipher) in CIPHERS {
        let is_endless = cipher.contains("CHACHA20");
        let mut pair = Pair::with(version, cipher);
        let last = (1 << 24) - 1;
        pair.server.channel().sealing.as_mut().expect("it seals").traffic().skip_to(last);
        pair.client.channel().opening.as_mut().expect("it opens").traffic().skip_to(last);
        let mut heard = Vec::new();
        for plain in [b"one", b"two", b"six"] {
            let mut sent = [0; 200];
            let written = pair.server.write(plain, &mut sent).expect("keys, or the news that there are none");
            if written.taken == 0 {
                let came = fate(&mut pair, Role::Client, &sent[..written.filled], 1, 100);
                assert_eq!(came, Fate::Ends, "the peer is told");
                assert!(pair.server.write(plain, &mut sent).is_err(), "and nothing follows");
                heard.push("ended");
                break;
            }
            assert_eq!(written.taken, 3);
            heard.push(if written.filled > 40 { "other keys" } else { "plain" });
            assert_eq!(fate(&mut pair, Role::Client, &sent[..written.filled], 1, 100), goes(plain), "{cipher}");
        }
        let expected: &[&str] = match version {
            _ if is_endless => &["plain", "plain", "plain"],
            Version::Tls13 => &["plain", "other keys", "plain"],
            Version::Tls12 | Version::Tls11 | Version::Tls10 | Version::Ssl3 => &["plain", "ended"],
        };
        assert_eq!(heard, expected, "{cipher}");
    }
}

/// What was sealed before the keys were used up goes out, and the end behind it.
#[test]
fn keys_are_used_up_in_the_middle() {
    let mut pair = Pair::with(Version::Tls12, "ECDHE-ECDSA-AES128-GCM-SHA256");
    let last = (1 << 24) - 1;
    pair.server.channel().sealing.as_mut().expect("it seals").traffic().skip_to(last);
    pair.client.channel().opening.as_mut().expect("it opens").traffic().skip_to(last);
    let (plain, mut sent) = (vec![7; 20_000], vec![0; 40_000]);
    let written = pair.server.write(&plain, &mut sent).expect("keys for one record");
    assert_eq!(written.taken, 16_384);
    let (mut heard, mut start) = (vec![0; 40_000], 0);
    let mut filled = 0;
    loop {
        let read = pair.client.read(&mut sent[start..written.filled], &mut heard[filled..]);
        (start, filled) = (start + read.consumed, filled + read.filled);
        if start == written.filled {
            assert_eq!((read.next, filled), (Next::End, 16_384));
            break;
        }
    }
    assert!(pair.server.write(&plain, &mut sent).is_err());
}

/// A flipped bit anywhere in a record is found out, and said (RFC 8446 §5.2, RFC 5246 §7.2.2).
#[test]
fn every_bit_counts() {
    for (version, cipher) in CIPHERS {
        let size = record(&mut Pair::with(version, cipher).client, Content::Data, b"plain").len();
        for (at, room) in (5..size).flat_map(|at| [(at, 3), (at, 100)]) {
            let mut pair = Pair::with(version, cipher);
            let mut bytes = record(&mut pair.client, Content::Data, b"plain");
            bytes[at] ^= 0x10;
            let came = fate(&mut pair, Role::Server, &bytes, 1_000, room);
            assert_eq!(came, told(Alert::BadRecordMac), "{cipher}, byte {at}, room for {room}");
        }
    }
}

/// Nothing is said, or heard, behind the last word (RFC 8446 §6.1).
#[test]
fn the_last_word() {
    for version in [Version::Tls12, Version::Tls13] {
        let mut pair = Pair::new(version);
        pair.server.close();
        pair.server.close();
        let mut sent = [0; 200];
        let written = pair.server.write(b"more", &mut sent).expect("keys that are new");
        assert_eq!(written.taken, 0);
        assert_eq!(fate(&mut pair, Role::Client, &sent[..written.filled], 1, 100), Fate::Ends);
        let written = pair.client.write(b"still there", &mut sent).expect("keys that are new");
        assert_eq!(fate(&mut pair, Role::Server, &sent[..written.filled], 1, 100), goes(b"still there"));
    }
}
