//! A [`tls::Connection`] and the library's own buffered ends, byte for byte, however the bytes are cut.

mod authority;
mod errand;
mod peer;
mod random;
mod server;
mod staple;

use authority::Authority;
use peer::Peer;
use rustls::version::{TLS12, TLS13};
use tls::{
    Acceptor, Certificates, ClientCertificates, Connection, NamedBundle, Next, Offer, Refusal, Version, VersionRange,
    Wanted,
};

fn offer() -> Offer {
    Offer {
        versions: VersionRange { least: Version::Tls12, most: Version::Tls13 },
        ciphers: None,
        suites: None,
        groups: None,
        protocols: Vec::new(),
        gives_tickets: true,
        is_client_order: false,
        clients: None,
    }
}

fn acceptor(authority: &Authority, names: &[&str], offer: Offer) -> Acceptor {
    let mut certificates = Certificates::new(false);
    for (index, name) in names.iter().enumerate() {
        let bundle = authority.bundle(&[name]);
        certificates.add(NamedBundle { bundle, names: None, except: Vec::new(), is_default: index == 0 });
    }
    Acceptor::new(certificates, offer).expect("an offer that can be made")
}

/// What a client says, what it hears, and that both end in order: the same for every cut.
#[test]
fn every_cut_gives_the_same() {
    let authority = Authority::named("Authority");
    let acceptor = acceptor(&authority, &["a.test"], offer());
    let question: Vec<u8> = (0..40_000_u32).map(|number| number as u8).collect();
    for version in [&TLS12, &TLS13] {
        for (cut, room) in [(1, 100), (7, 16_384), (1_000, 300), (16_384, 16_384), (usize::MAX, 20_000)] {
            let mut peer = Peer::new(authority.client(&[version]).config(), "a.test", &acceptor, cut, room);
            let heard = peer.converse(&question);
            assert!(heard == question, "{version:?} in pieces of {cut}, {room} bytes of room");
            let agreed = peer.server.agreed().expect("both have agreed");
            assert_eq!(agreed.version == Version::Tls13, version == &TLS13);
            assert_eq!(peer.server.server_name(), Some("a.test"));
            assert_eq!(peer.answer(&question), question, "{version:?}");
            peer.end();
        }
    }
}

#[test]
fn a_certificate_for_each_name() {
    let authority = Authority::named("Authority");
    let acceptor = acceptor(&authority, &["default.test", "a.test", "*.b.test"], offer());
    for (asked, shown) in [("a.test", "a.test"), ("x.b.test", "*.b.test"), ("default.test", "default.test")] {
        let mut peer = Peer::new(authority.client(&[&TLS13]).config(), asked, &acceptor, usize::MAX, 16_384);
        peer.shake_hands();
        assert!(peer.server.is_open(), "{asked} is shown {shown}, which the client checks");
    }
}

#[test]
fn an_unknown_name_is_refused_where_only_known_ones_are_served() {
    let authority = Authority::named("Authority");
    let mut certificates = Certificates::new(true);
    let bundle = authority.bundle(&["a.test"]);
    certificates.add(NamedBundle { bundle, names: None, except: Vec::new(), is_default: true });
    let acceptor = Acceptor::new(certificates, offer()).expect("an offer");
    let mut peer = Peer::new(authority.client(&[&TLS13]).config(), "b.test", &acceptor, usize::MAX, 16_384);
    assert_eq!(peer.shake_hands(), Some(Refusal::NoCertificate));
}

#[test]
fn clients_show_certificates() {
    let authority = Authority::named("Authority");
    let stranger = Authority::named("Stranger");
    for wanted in [Wanted::Optional, Wanted::Required] {
        let clients =
            ClientCertificates { wanted, authorities: vec![authority.certificate()], revocations: Vec::new() };
        let acceptor = acceptor(&authority, &["a.test"], Offer { clients: Some(clients), ..offer() });
        let shake = |config| {
            let mut peer = Peer::new(config, "a.test", &acceptor, usize::MAX, 16_384);
            (peer.shake_hands(), peer.server.peer())
        };
        let (refused, subject) = shake(authority.client(&[&TLS12]).showing(&authority, "alice"));
        assert_eq!(refused, None);
        let portrait = subject.expect("a certificate was shown");
        // RFC 5280 §4.1.2.5.
        assert_eq!(
            (&*portrait.valid_from.compact(), &*portrait.valid_until.compact()),
            ("750101000000Z", "40960101000000Z")
        );
        assert_eq!(portrait.valid_from.to_string(), "Jan  1 00:00:00 1975 GMT");
        let subject = portrait.subject;
        assert_eq!(subject.attribute("CN", 1), Some(&b"alice"[..]));
        assert_eq!(subject.to_string(), "/O=Example/CN=alice");
        let (refused, subject) = shake(authority.client(&[&TLS12]).config());
        assert_eq!(refused, (wanted == Wanted::Required).then_some(Refusal::CertificateMissing));
        assert_eq!(subject, None);
        let (refused, _) = shake(authority.client(&[&TLS12]).showing(&stranger, "mallory"));
        assert_eq!(refused, Some(Refusal::UnknownIssuer));
    }
}

#[test]
fn what_is_no_tls_is_told_so_at_once() {
    let authority = Authority::named("Authority");
    let acceptor = acceptor(&authority, &["a.test"], offer());
    for (garbage, expected) in [
        (&b"GET / HTTP/1.0\r\n\r\n"[..], Refusal::NotTls),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", Refusal::BadMessage),
        (b"\x17\x03\x03\x00\x01\x00", Refusal::Unexpected),
    ] {
        let mut connection = Connection::accept(&acceptor);
        let mut room = [0; 100];
        let read = connection.read(&mut garbage.to_vec(), &mut room);
        assert_eq!(read.next, Next::Failed(expected), "{garbage:?}");
        let mut sent = [0; 100];
        let written = connection.write(&[], &mut sent).expect("an alert");
        assert_eq!((sent[0], written.filled), (21, 7), "one alert (RFC 8446 §6)");
    }
}

/// RFC 8446 §5.1: a message may lie in several records, and a proxy in between may have cut a hello into bytes.
#[test]
fn a_hello_in_many_records() {
    let authority = Authority::named("Authority");
    let acceptor = acceptor(&authority, &["a.test"], offer());
    let mut client = peer::client(authority.client(&[&TLS13]).config(), "a.test");
    let mut hello = Vec::new();
    client.write_tls(&mut hello).expect("memory takes everything");
    let records: Vec<Vec<u8>> = hello[5..].iter().map(|&octet| [&hello[..3], &[0, 1, octet]].concat()).collect();
    for cut in [1, 6, usize::MAX] {
        let mut connection = Connection::accept(&acceptor);
        let mut bytes = records.concat();
        for piece in bytes.chunks_mut(cut.min(hello.len() * 6)) {
            let read = connection.read(piece, &mut []);
            assert_eq!((read.consumed, read.next), (piece.len(), Next::More));
        }
        assert!(connection.has_output(), "it is answered");
        assert_eq!(connection.server_name(), Some("a.test"));
    }
}

/// RFC 8446 §4.6.1: whoever comes back with a ticket is known, by whichever listener of the process.
#[test]
fn tickets_are_taken_by_every_listener() {
    let authority = Authority::named("Authority");
    let (one, other) = (acceptor(&authority, &["a.test"], offer()), acceptor(&authority, &["a.test"], offer()));
    for version in [&TLS12, &TLS13] {
        let config = authority.client(&[version]).config();
        let mut first = Peer::new(config.clone(), "a.test", &one, usize::MAX, 16_384);
        assert_eq!(first.converse(b"hello"), b"hello");
        assert_eq!(first.answer(b"welcome"), b"welcome");
        assert!(!first.server.agreed().expect("agreed").is_resumed);
        let mut second = Peer::new(config, "a.test", &other, usize::MAX, 16_384);
        assert_eq!(second.converse(b"again"), b"again");
        assert!(second.server.agreed().expect("agreed").is_resumed, "{version:?}");
    }
}

#[test]
fn protocols_are_agreed_on() {
    let authority = Authority::named("Authority");
    let protocols = vec![b"imap".to_vec(), b"http/1.1".to_vec()];
    let acceptor = acceptor(&authority, &["a.test"], Offer { protocols, ..offer() });
    let mut peer =
        Peer::new(authority.client(&[&TLS13]).speaking(&["http/1.1", "h2"]), "a.test", &acceptor, usize::MAX, 16_384);
    assert_eq!(peer.shake_hands(), None);
    assert_eq!(peer.server.protocol(), Some(&b"http/1.1"[..]));
}

/// A receive leaves 1/256 of a buffer free, so that what it brings goes out in one buffer, in records as large as may be.
#[test]
fn what_a_receive_brings_goes_out_in_one_buffer() {
    let authority = Authority::named("Authority");
    let acceptor = acceptor(&authority, &["a.test"], offer());
    for version in [&TLS12, &TLS13] {
        for (buffer_size, records) in [(16_384, vec![16_320]), (36_864, vec![16_384, 16_384, 3_952])] {
            let mut peer = Peer::new(authority.client(&[version]).config(), "a.test", &acceptor, usize::MAX, 16_384);
            assert_eq!(peer.shake_hands(), None);
            let (plain, mut sent) = (vec![7; buffer_size - buffer_size / 256], vec![0; buffer_size]);
            let written = peer.server.write(&plain, &mut sent).expect("keys that are new");
            assert_eq!(written.taken, plain.len());
            // RFC 8446 §5.2 and RFC 5288 §3: what is around.
            let overhead = if version == &TLS13 { 5 + 1 + 16 } else { 5 + 8 + 16 };
            let mut start = 0;
            for size in records {
                let length = usize::from(u16::from_be_bytes([sent[start + 3], sent[start + 4]]));
                assert_eq!((sent[start], 5 + length), (23, size + overhead), "{version:?}");
                start += 5 + length;
            }
            assert_eq!(start, written.filled);
        }
    }
}

/// As HAProxy has it: a listener that speaks none of the client's protocols goes on without one.
#[test]
fn clients_that_know_none_of_the_protocols_go_on_without() {
    let authority = Authority::named("Authority");
    let offer = Offer { protocols: vec![b"imap".to_vec()], ..offer() };
    let acceptor = acceptor(&authority, &["a.test"], offer);
    for version in [&TLS12, &TLS13] {
        for (known, agreed) in [(&["pop3"][..], None), (&["pop3", "imap"], Some(&b"imap"[..])), (&[], None)] {
            for cut in [1, 100, usize::MAX] {
                let config = authority.client(&[version]).speaking(known);
                let mut peer = Peer::new(config, "a.test", &acceptor, cut, 16_384);
                assert_eq!(peer.converse(b"hello"), b"hello", "{known:?} in pieces of {cut}");
                assert_eq!(peer.server.protocol(), agreed);
                assert_eq!(peer.server.server_name(), Some("a.test"));
            }
        }
        let mut connection = Connection::accept(&acceptor);
        let read = connection.read(&mut b"GET / HTTP/1.0\r\n\r\n".to_vec(), &mut []);
        assert_eq!(read.next, Next::Failed(Refusal::NotTls), "what is no hello is refused by the engine");
        assert!(connection.has_output(), "with its alert");
    }
}

/// The longest message that is taken, an octet in each record: it is refused in the end, and walked through once.
#[test]
fn a_message_in_very_many_records() {
    let authority = Authority::named("Authority");
    let acceptor = acceptor(&authority, &["a.test"], offer());
    let mut connection = Connection::accept(&acceptor);
    // A client hello (RFC 8446 §4) of 65,535 octets, which are all zero.
    let message = [&[1, 0, 0xff, 0xff], &[0; 0xffff][..]].concat();
    let mut bytes: Vec<u8> = message.iter().flat_map(|&octet| [22, 3, 1, 0, 1, octet]).collect();
    let last =
        bytes.chunks_mut(16_384).map(|piece| connection.read(piece, &mut []).next).find(|next| *next != Next::More);
    assert!(matches!(last, Some(Next::Failed(_))), "{last:?}");
}
