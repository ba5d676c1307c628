//! The bytes that go to servers: as captured from HAProxy, and as PP §2 writes them.

use crate::notation::{binary, text};
use proxyline::{
    Addresses, Announcement, Certificate, ClientTls, Decoded, HEADER_SIZE_MAX, Header, Tlv, Version, announce, decode,
    encode, encode_local,
};

fn addresses(source: &str, destination: &str) -> Option<Addresses> {
    let parse = |text: &str| text.parse().unwrap_or_else(|_| panic!("not an address: {text}"));
    Some(Addresses { source: parse(source), destination: parse(destination) })
}

fn check_v1(header: Header, expected: &str) {
    assert_eq!(header.escape_ascii().to_string(), text(expected).0.escape_ascii().to_string());
}

fn check_v2(header: Header, expected: &str) {
    assert_eq!(header.escape_ascii().to_string(), binary(expected).0.escape_ascii().to_string());
}

#[test]
fn v1_lines() {
    for (source, destination, expected) in [
        ("192.168.0.1:56324", "192.168.0.11:443", r"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"),
        ("127.0.0.1:56148", "127.0.0.1:18145", r"PROXY TCP4 127.0.0.1 127.0.0.1 56148 18145\r\n"),
        ("[::1]:43766", "[::1]:54233", r"PROXY TCP6 ::1 ::1 43766 54233\r\n"),
        ("192.0.2.1:1", "[2001:db8::1]:2", r"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 1 2\r\n"),
        ("[2001:db8::1]:1", "192.0.2.1:2", r"PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 2\r\n"),
        (
            "255.255.255.255:65535",
            "255.255.255.255:65535",
            r"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        ),
        (
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
            r"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        ),
    ] {
        check_v1(encode(Version::V1, addresses(source, destination)), expected);
    }
}

#[test]
fn v2_headers() {
    for (source, destination, expected) in [
        ("127.0.0.1:45800", "127.0.0.1:36815", "S 21 11 000c 7f000001 7f000001 b2e8 8fcf"),
        ("[::1]:38330", "[::1]:36815", "S 21 21 0024 00*15 01 00*15 01 95ba 8fcf"),
        ("192.0.2.1:1", "[2001:db8::1]:2", "S 21 21 0024 00*10 ffff c0000201 20010db8 00*11 01 0001 0002"),
        ("[2001:db8::1]:1", "192.0.2.1:2", "S 21 21 0024 20010db8 00*11 01 00*10 ffff c0000201 0001 0002"),
    ] {
        check_v2(encode(Version::V2, addresses(source, destination)), expected);
    }
}

#[test]
fn a_client_without_ip_addresses() {
    check_v1(encode(Version::V1, None), r"PROXY UNKNOWN\r\n");
    check_v2(encode(Version::V2, None), "S 20 00 0000");
}

#[test]
fn a_connection_of_our_own() {
    let own = addresses("127.0.0.1:55296", "127.0.0.1:49475");
    check_v1(encode_local(Version::V1, own), r"PROXY TCP4 127.0.0.1 127.0.0.1 55296 49475\r\n");
    check_v2(encode_local(Version::V2, own), "S 20 00 0000");
    check_v1(encode_local(Version::V1, None), r"PROXY UNKNOWN\r\n");
    check_v2(encode_local(Version::V2, None), "S 20 00 0000");
    check_v2(encode_local(Version::V2Ssl, own), "S 20 00 0008 20 0005 00 00000000");
}

/// PP §2.2.3 and §2.2.6; bytes and order are those of a running HAProxy.
#[test]
fn announcements() {
    let client = addresses("127.0.0.1:45800", "127.0.0.1:36815");
    let check = |announcement: Announcement<'_>, expected: &str| {
        let header = announce(client, &announcement);
        assert_eq!(header, binary(expected).0, "{announcement:?}");
        let Decoded::Complete(received) = decode(&header) else { panic!("it is a header") };
        assert_eq!(received.addresses, client);
    };
    let plain = Announcement::default();
    check(plain, "S 21 11 000c 7f000001 7f000001 b2e8 8fcf");
    let tls = Some(ClientTls::None);
    check(Announcement { tls, ..plain }, "S 21 11 0014 7f000001 7f000001 b2e8 8fcf 20 0005 00 00000000");
    let some = |certificate, common_name, cipher| {
        Some(ClientTls::Some { version: "TLSv1.3", certificate, common_name, key: None, signature: None, cipher })
    };
    let tls = some(Certificate::None, None, None);
    check(
        Announcement { tls, ..plain },
        "S 21 11 001e 7f000001 7f000001 b2e8 8fcf 20 000f 01 00000000 21 0007 'TLSv1.3'",
    );
    let tls = some(Certificate::Shown, Some("alice"), Some("TLS_X"));
    check(
        Announcement { protocol: Some(b"h2"), authority: Some(b"a.b"), tls, ..plain },
        "S 21 11 0039 7f000001 7f000001 b2e8 8fcf 01 0002 'h2' 02 0003 'a.b' \
         20 001f 07 00000000 21 0007 'TLSv1.3' 22 0005 'alice' 23 0005 'TLS_X'",
    );
    let tls = Some(ClientTls::Some {
        version: "TLSv1.2",
        certificate: Certificate::None,
        common_name: None,
        key: Some("RSA2048"),
        signature: Some("RSA-SHA256"),
        cipher: Some("X"),
    });
    let own = [Tlv { kind: 0xe1, value: b"own" }, Tlv { kind: 0, value: b"" }];
    check(
        Announcement { own: &own, unique_id: Some(b"7"), tls, ..plain },
        "S 21 11 0046 7f000001 7f000001 b2e8 8fcf e1 0003 'own' 00 0000 05 0001 '7' \
         20 002a 01 00000000 21 0007 'TLSv1.2' 25 0007 'RSA2048' 24 000a 'RSA-SHA256' 23 0001 'X'",
    );
    let tls = some(Certificate::Remembered, None, None);
    let sealed = announce(client, &Announcement { is_sealed: true, tls, ..plain });
    assert!(matches!(decode(&sealed), Decoded::Complete(_)), "a wrong checksum is refused");
    assert_eq!(sealed[28..31], [3, 0, 4]);
    assert_eq!(sealed[38], 5);
}

/// What is too long is left out, not the client: a header that nobody reads helps nobody.
#[test]
fn a_header_is_never_too_long() {
    let client = addresses("127.0.0.1:45800", "127.0.0.1:36815");
    let long = vec![b'x'; HEADER_SIZE_MAX / 4];
    let own = [Tlv { kind: 0xe1, value: &long }; 5];
    let header = announce(client, &Announcement { own: &own, protocol: Some(b"imap"), ..Announcement::default() });
    assert!(header.len() <= HEADER_SIZE_MAX);
    let Decoded::Complete(received) = decode(&header) else { panic!("it is a header") };
    assert_eq!(received.tlvs.first(1), Some(&b"imap"[..]));
}
