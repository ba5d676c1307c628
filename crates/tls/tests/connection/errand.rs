//! The part of a handshake that is left to others: whoever does it, both ends hear what they would have heard.

use crate::authority::Authority;
use crate::peer::{Peer, client};
use crate::{acceptor, offer};
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, NamedGroup};
use tls::{Acceptor, Aside, Connection, Next, Offer, Refusal, Version, VersionRange, choose_groups};

fn aside(authority: &Authority, offer: Offer) -> Acceptor {
    acceptor(authority, &["a.test"], offer).setting_aside(Aside::All)
}

#[test]
fn every_cut_gives_the_same() {
    let authority = Authority::named("Authority");
    let acceptor = aside(&authority, offer());
    for version in [&TLS12, &TLS13] {
        for cut in [1, 7, 1_000, usize::MAX] {
            let mut peer = Peer::new(authority.client(&[version]).config(), "a.test", &acceptor, cut, 16_384);
            assert_eq!((peer.converse(b"hello"), peer.errand_count), (b"hello".to_vec(), 1), "{version:?}, {cut}");
            assert_eq!(peer.server.server_name(), Some("a.test"));
            assert_eq!(peer.answer(b"welcome"), b"welcome");
            peer.end();
        }
    }
}

/// RFC 8446 §4.1.4: the signature comes with the answer to the second hello. It is an errand once it is whole, as is the record that may
/// come before it (RFC 8446 §D.4), however they are cut.
#[test]
fn a_client_that_is_asked_for_another_hello() {
    let authority = Authority::named("Authority");
    let acceptor = aside(&authority, Offer { groups: Some(choose_groups("P-384").chosen), ..offer() });
    for (cut, errand_count) in [(1, 3), (usize::MAX, 2)] {
        let config = authority.client(&[&TLS13]).guessing(NamedGroup::X25519);
        let mut peer = Peer::new(config, "a.test", &acceptor, cut, 16_384);
        assert_eq!(peer.converse(b"hello"), b"hello");
        assert_eq!(peer.client_handshake(), Some(HandshakeKind::FullWithHelloRetryRequest));
        assert_eq!(peer.errand_count, errand_count);
    }
}

/// ECDSA signs in a sixteenth of the time.
#[test]
fn cheap_signatures_are_not_left_to_others() {
    let authority = Authority::named("Authority");
    let acceptor = acceptor(&authority, &["a.test"], offer()).setting_aside(Aside::Costly);
    let mut peer = Peer::new(authority.client(&[&TLS13]).config(), "a.test", &acceptor, usize::MAX, 16_384);
    assert_eq!((peer.converse(b"hello"), peer.errand_count), (b"hello".to_vec(), 0));
}

#[test]
fn refusals_come_back_with_the_errand() {
    let authority = Authority::named("Authority");
    let versions = VersionRange { least: Version::Tls13, most: Version::Tls13 };
    let acceptor = aside(&authority, Offer { versions, ..offer() });
    let mut peer = Peer::new(authority.client(&[&TLS12]).config(), "a.test", &acceptor, usize::MAX, 16_384);
    assert_eq!((peer.shake_hands(), peer.errand_count), (Some(Refusal::NothingInCommon), 1));
}

/// Whoever waits for an errand is not read on, and does not mind if it never comes back.
#[test]
fn an_errand_that_nobody_waits_for() {
    let authority = Authority::named("Authority");
    let mut connection = Connection::accept(&aside(&authority, offer()));
    let mut hello = Vec::new();
    client(authority.client(&[&TLS13]).config(), "a.test").write_tls(&mut hello).expect("memory takes everything");
    assert_eq!(connection.read(&mut hello, &mut []).next, Next::More);
    assert!(!connection.is_away());
    let mut errand = connection.take_errand().expect("the hello is whole");
    assert!(connection.is_away() && connection.take_errand().is_none() && !connection.has_output());
    drop(connection);
    errand.run();
}
