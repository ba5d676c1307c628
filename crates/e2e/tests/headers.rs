//! The exact bytes that a server gets: PROXY headers v1 and v2 (proxy-protocol.txt sections 2.1 and 2.2) and nothing else.

use std::io::Write;
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tempfile::TempDir;

use e2e::{Client, Origin, Proxy, Setup, Subject, ports, run, wait};

e2e::scenarios! {
    shared: [
        version_1_over_ipv4,
        version_1_over_ipv6,
        version_2_over_ipv4,
        version_2_over_ipv6,
        a_unix_server_gets_the_same,
        a_client_on_a_unix_socket_has_no_address,
        the_header_goes_out_while_the_client_is_silent,
        no_header_when_none_is_asked_for,
        an_accepted_header_is_passed_on,
        the_host_that_a_header_names_is_passed_on,
        a_local_header_is_no_client,
        a_header_that_is_none_ends_the_connection,
        a_header_in_pieces,
        a_client_that_never_sends_its_header,
        checks_introduce_themselves,
        checks_of_another_port_introduce_themselves_when_told,
        checks_of_another_port_stay_silent_unless_told,
        rules_ask_what_headers_say,
        a_connection_has_a_name,
    ],
    alone: [],
}

/// Debian's haproxy does not know the keyword.
#[test]
fn operators_say_what_they_like() {
    run::run("operators_say_what_they_like", Subject::Tidegate, run::Machine::Shared, of_operators);
}

/// proxy-protocol.txt section 2.2: the signature of version 2.
const SIGNATURE: [u8; 12] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

fn version_1(client: SocketAddr, listener: SocketAddr) -> Vec<u8> {
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (client.ip(), listener.ip());
    format!("PROXY {family} {from} {to} {} {}\r\n", client.port(), listener.port()).into_bytes()
}

/// Version 2, command PROXY, STREAM over the family of `client`.
fn version_2(client: SocketAddr, listener: SocketAddr) -> Vec<u8> {
    let octets = |ip| match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let family = if client.is_ipv4() { 0x11 } else { 0x21 };
    let ports = [client.port().to_be_bytes(), listener.port().to_be_bytes()].concat();
    let addresses = [octets(client.ip()), octets(listener.ip()), ports].concat();
    let length = u16::try_from(addresses.len()).expect("36 at most").to_be_bytes();
    [&SIGNATURE[..], &[0x21, family], &length, &addresses].concat()
}

/// Version 2, command LOCAL, no addresses.
fn version_2_local() -> Vec<u8> {
    [&SIGNATURE[..], &[0x20, 0x00, 0x00, 0x00]].concat()
}

fn relay(subject: Subject, bind: &str, server: &str) -> Setup {
    let template = format!(
        "listen px
            bind @px@ {bind}
            server s1 @s1@ {server}"
    );
    Setup::sections(subject, "mode tcp", &template)
}

/// A client says `hello` and ends; the server must have got exactly `header` and that.
fn check(proxy: &Proxy, origin: &Origin, header: fn(SocketAddr, SocketAddr) -> Vec<u8>) {
    let listener = proxy.address("px");
    let mut client = Client::to(listener);
    let expect = [header(client.address(), listener), b"hello".to_vec()].concat();
    client.say("hello");
    client.finish();
    let seen = origin.seen_when(0, "its end", |seen| seen.end.is_some());
    assert_eq!(seen.bytes, expect, "{:?}", String::from_utf8_lossy(&seen.bytes));
}

fn version_1_over_ipv4(subject: Subject) {
    let origin = Origin::mute();
    let proxy = relay(subject, "", "send-proxy").with("s1", origin.target()).start();
    check(&proxy, &origin, version_1);
}

fn version_2_over_ipv4(subject: Subject) {
    let origin = Origin::mute();
    let proxy = relay(subject, "", "send-proxy-v2").with("s1", origin.target()).start();
    check(&proxy, &origin, version_2);
}

/// A machine without IPv6 has no such clients: that is no fault of its packages, so it is never a failure.
fn over_ipv6(subject: Subject, server: &str, header: fn(SocketAddr, SocketAddr) -> Vec<u8>) {
    if ports::has_ipv6() {
        let origin = Origin::at_ipv6(|mut client| {
            client.read_to_end();
            Ok(())
        });
        let setup = relay(subject, "", server).with("s1", origin.target());
        let proxy = setup.listening_on("px", IpAddr::V6(Ipv6Addr::LOCALHOST)).start();
        check(&proxy, &origin, header);
    } else {
        println!("skipped: {server} over IPv6 needs ::1");
    }
}

fn version_1_over_ipv6(subject: Subject) {
    over_ipv6(subject, "send-proxy", version_1);
}

fn version_2_over_ipv6(subject: Subject) {
    over_ipv6(subject, "send-proxy-v2", version_2);
}

fn a_unix_server_gets_the_same(subject: Subject) {
    for (server, header) in [
        ("", (|_, _| Vec::new()) as fn(SocketAddr, SocketAddr) -> Vec<u8>),
        ("send-proxy", version_1),
        ("send-proxy-v2", version_2),
    ] {
        let origin = Origin::at_unix(|mut client| {
            client.read_to_end();
            Ok(())
        });
        let proxy = relay(subject, "", server).with("s1", origin.target()).start();
        check(&proxy, &origin, header);
    }
}

/// Section 2.2: a connection of a family that cannot be told is LOCAL to the receiver, which then uses its own view of it.
fn a_client_on_a_unix_socket_has_no_address(subject: Subject) {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("px");
    for (server, header) in [("send-proxy", b"PROXY UNKNOWN\r\n".to_vec()), ("send-proxy-v2", version_2_local())] {
        let origin = Origin::mute();
        let setup = relay(subject, "", server).with("s1", origin.target()).with("px", path.display());
        let _proxy = setup.start();
        let mut client = wait::value("the unix socket", wait::SOON, || UnixStream::connect(&path).ok());
        client.write_all(b"hello").expect("the proxy takes the bytes");
        client.shutdown(Shutdown::Write).expect("an open connection");
        let seen = origin.seen_when(0, "its end", |seen| seen.end.is_some());
        assert_eq!(seen.bytes, [header, b"hello".to_vec()].concat(), "{:?}", String::from_utf8_lossy(&seen.bytes));
    }
}

fn the_header_goes_out_while_the_client_is_silent(subject: Subject) {
    let origin = Origin::named("s1");
    let proxy = relay(subject, "", "send-proxy-v2").with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    let header = version_2(client.address(), proxy.address("px"));
    assert_eq!(origin.bytes(0, header.len()), header);
    assert_eq!(client.line(), "s1", "the server speaks first");
}

fn no_header_when_none_is_asked_for(subject: Subject) {
    let origin = Origin::mute();
    let proxy = relay(subject, "", "").with("s1", origin.target()).start();
    check(&proxy, &origin, |_, _| Vec::new());
}

fn an_accepted_header_is_passed_on(subject: Subject) {
    let client = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let destination = SocketAddr::from(([198, 51, 100, 7], 143));
    let client_v6 = SocketAddr::from((Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1), 40_001));
    let destination_v6 = SocketAddr::from((Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 2), 993));
    // A TLV of a type for private use (section 2.2.7) is read over and not passed on.
    let mut with_tlv = version_2(client, destination);
    with_tlv[14..16].copy_from_slice(&18_u16.to_be_bytes());
    with_tlv.extend([0xE4, 0x00, 0x03, 1, 2, 3]);
    for (given, server, expect) in [
        (version_1(client, destination), "send-proxy-v2", version_2(client, destination)),
        (version_2(client, destination), "send-proxy", version_1(client, destination)),
        (version_2(client_v6, destination_v6), "send-proxy-v2", version_2(client_v6, destination_v6)),
        (version_2(client_v6, destination_v6), "send-proxy", version_1(client_v6, destination_v6)),
        (version_2(client, destination), "", Vec::new()),
        (with_tlv, "send-proxy-v2", version_2(client, destination)),
    ] {
        let origin = Origin::mute();
        let proxy = relay(subject, "accept-proxy", server).with("s1", origin.target()).start();
        let mut client = proxy.connect("px");
        client.say([given.as_slice(), b"hello"].concat());
        client.finish();
        let seen = origin.seen_when(0, "its end", |seen| seen.end.is_some());
        assert_eq!(seen.bytes, [expect.as_slice(), b"hello"].concat(), "{given:?}");
    }
}

/// A header of version 2 for these, with TLVs behind the addresses.
fn with_tlvs(client: SocketAddr, destination: SocketAddr, tlvs: &[(u8, &str)]) -> Vec<u8> {
    let mut header = version_2(client, destination);
    for (kind, value) in tlvs {
        header.extend([&[*kind, 0, value.len() as u8], value.as_bytes()].concat());
    }
    let length = u16::try_from(header.len() - 16).expect("a short header");
    header[14..16].copy_from_slice(&length.to_be_bytes());
    header
}

/// proxy-protocol.txt §2.2.2, `proxy-v2-options authority`.
fn the_host_that_a_header_names_is_passed_on(subject: Subject) {
    let client_address = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let destination = SocketAddr::from(([198, 51, 100, 7], 143));
    for told in [&[(2, "mail.test")][..], &[]] {
        let origin = Origin::mute();
        let server = "send-proxy-v2 proxy-v2-options authority";
        let proxy = relay(subject, "accept-proxy", server).with("s1", origin.target()).start();
        let mut client = proxy.connect("px");
        client.say(with_tlvs(client_address, destination, told));
        client.finish();
        let seen = origin.seen_when(0, "its end", |seen| seen.end.is_some());
        assert_eq!(seen.bytes, with_tlvs(client_address, destination, told));
    }
}

/// `set-proxy-v2-tlv-fmt` of 3.4: before all else that a header says.
fn of_operators(subject: Subject) {
    let client_address = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let destination = SocketAddr::from(([198, 51, 100, 7], 143));
    let template = "
        listen px
            bind @px@ accept-proxy
            default-server set-proxy-v2-tlv-fmt(0xE1) \"%[fc_pp_tlv(0xE4)] from %[src]\"
            server s1 @s1@ send-proxy-v2 set-proxy-v2-tlv-fmt(226) %[fc_pp_tlv(0xE5)] proxy-v2-options authority";
    let origin = Origin::mute();
    let proxy = Setup::sections(subject, "mode tcp", template).with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    client.say(with_tlvs(client_address, destination, &[(0xe4, "seen"), (2, "mail.test")]));
    client.finish();
    let seen = origin.seen_when(0, "its end", |seen| seen.end.is_some());
    let said = [(0xe1, "seen from 192.0.2.1"), (0xe2, ""), (2, "mail.test")];
    assert_eq!(seen.bytes, with_tlvs(client_address, destination, &said));
}

fn a_local_header_is_no_client(subject: Subject) {
    let origin = Origin::mute();
    let proxy = relay(subject, "accept-proxy", "send-proxy").with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    let expect = version_1(client.address(), proxy.address("px"));
    client.say(version_2_local());
    client.finish();
    let seen = origin.seen_when(0, "its end", |seen| seen.end.is_some());
    assert_eq!(seen.bytes, expect, "LOCAL: the addresses are those of the connection itself");
}

fn a_header_that_is_none_ends_the_connection(subject: Subject) {
    for given in [
        &b"GET / HTTP/1.0\r\n\r\n"[..],
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY TCP9 192.0.2.1 192.0.2.2 1 2\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x02",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\x7f\0\0\x01",
    ] {
        let origin = Origin::mute();
        let proxy = relay(subject, "accept-proxy", "").with("s1", origin.target()).start();
        let mut client = proxy.connect("px");
        client.say(given);
        let (answer, _) = client.to_end();
        assert_eq!(answer, b"", "{given:?}");
        assert_eq!(origin.seen(), [], "no server hears of {given:?}");
    }
}

/// The protocol's text recommends to accept what arrives in pieces; HAProxy refuses it (section 2: "the receiver may be tolerant").
fn a_header_in_pieces(subject: Subject) {
    let client_address = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let destination = SocketAddr::from(([198, 51, 100, 7], 143));
    for header in [version_1(client_address, destination), version_2(client_address, destination)] {
        let origin = Origin::mute();
        let proxy = relay(subject, "accept-proxy", "send-proxy").with("s1", origin.target()).start();
        let mut client = proxy.connect("px");
        for byte in &header {
            // A refusal ends the connection in the middle; then there is nobody left to tell.
            let _ = client.try_say([*byte]);
        }
        match subject {
            Subject::Haproxy => assert_eq!(client.to_end().0, b""),
            Subject::Tidegate => {
                client.say("hello");
                client.finish();
                let seen = origin.seen_when(0, "its end", |seen| seen.end.is_some());
                assert_eq!(seen.bytes, [version_1(client_address, destination), b"hello".to_vec()].concat());
            }
        }
    }
}

fn a_client_that_never_sends_its_header(subject: Subject) {
    let origin = Origin::mute();
    let template = "global
            nbthread @threads@
        defaults
            mode tcp
            timeout connect 2s
            timeout client 300ms
            timeout server 10s
        listen px
            bind @px@ accept-proxy
            server s1 @s1@";
    let proxy = Setup::new(subject, template).with("s1", origin.target()).start();
    for part in [&b""[..], b"PROXY TCP4 192.0", b"\r\n\r\n\0"] {
        let mut client = proxy.connect("px");
        client.say(part);
        assert_eq!(client.to_end().0, b"", "closed without an answer");
    }
    assert_eq!(origin.seen(), [], "no server hears of it");
}

/// What the first check says to a server with the words `server`, and the addresses of its connection.
fn first_check(subject: Subject, server: &str) -> (Vec<u8>, SocketAddr, SocketAddr) {
    let origin = Origin::mute();
    let setup = relay(subject, "", &format!("{server} check inter 100ms"));
    let _proxy = setup.with("s1", origin.target()).start();
    let seen = origin.seen_when(0, "its end", |seen| seen.end.is_some());
    (seen.bytes, seen.from.expect("TCP"), origin.address())
}

fn checks_introduce_themselves(subject: Subject) {
    let (bytes, from, to) = first_check(subject, "send-proxy");
    assert_eq!(bytes, version_1(from, to), "version 1 has no LOCAL: the check is its own client");
    let (bytes, ..) = first_check(subject, "send-proxy-v2");
    assert_eq!(bytes, version_2_local());
}

/// The server is nowhere; what is checked is a port of its own.
fn with_check_port(subject: Subject, server: &str, origin: &Origin) -> Proxy {
    let setup = relay(subject, "", &format!("{server} check inter 50ms port @check_port@"));
    setup.with("s1", "127.0.0.1:1").with("check_port", origin.address().port()).start()
}

fn checks_of_another_port_introduce_themselves_when_told(subject: Subject) {
    let origin = Origin::mute();
    let _proxy = with_check_port(subject, "send-proxy-v2 check-send-proxy", &origin);
    assert_eq!(origin.seen_when(0, "its end", |seen| seen.end.is_some()).bytes, version_2_local());
}

fn checks_of_another_port_stay_silent_unless_told(subject: Subject) {
    let origin = Origin::mute();
    let _proxy = with_check_port(subject, "send-proxy", &origin);
    // Ten intervals. A check that only connects may be gone before the server's accept knows of it.
    wait::throughout("a plain check says nothing", Duration::from_millis(500), || {
        origin.seen().iter().all(|seen| seen.bytes.is_empty())
    });
}

/// What a header of version 2 says beside addresses (proxy-protocol.txt §2.2) may be asked about, over TLS and in clear.
fn rules_ask_what_headers_say(subject: Subject) {
    let newer = match subject {
        Subject::Tidegate => "http-request deny deny_status 410 if { fc_pp_tlv(0xE1) own } { fc_pp_tlv(225) -m len 3 }",
        // Debian's has no `fc_pp_tlv`.
        Subject::Haproxy => "http-request deny deny_status 410 if { src 192.0.2.10 }",
    };
    let template = format!(
        "frontend px
            bind @px@ accept-proxy
            {newer}
            http-request deny deny_status 403 if {{ fc_pp_authority mail.test }}
            http-request deny deny_status 429 if {{ fc_pp_unique_id -m beg abc }}
            http-request deny deny_status 500 if !{{ fc_pp_authority -m found }}"
    );
    let proxy = Setup::sections(subject, "mode http", &template).start();
    let tlv = |kind: u8, value: &str| [&[kind, 0, value.len() as u8], value.as_bytes()].concat();
    for (last, tlvs, status) in [
        (7, tlv(2, "mail.test"), "403"),
        (7, [tlv(1, "imap"), tlv(5, "abcdef"), tlv(2, "other.test")].concat(), "429"),
        (10, tlv(0xe1, "own"), "410"),
        (7, vec![], "500"),
    ] {
        let addresses = [192, 0, 2, last, 198, 51, 100, 1, 0x9c, 0x40, 0x03, 0xe1];
        let size = (addresses.len() + tlvs.len()) as u8;
        let mut client = proxy.connect("px");
        client.say([b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0", &[size][..], &addresses, &tlvs].concat());
        client.say("GET / HTTP/1.1\r\nHost: mail.test\r\nConnection: close\r\n\r\n");
        let answer = String::from_utf8(client.to_end().0).expect("ASCII");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
    }
}

/// `proxy-v2-options unique-id`: the type, the length, and what the format makes.
fn a_connection_has_a_name(subject: Subject) {
    let origin = Origin::echo();
    let template = "
        frontend px
            bind @px@
            unique-id-format %ci-px
            default_backend servers
        backend servers
            server s1 @s1@ send-proxy-v2 proxy-v2-options unique-id";
    let proxy = Setup::sections(subject, "mode tcp", template).with("s1", origin.target()).start();
    let mut client = proxy.connect("px");
    client.say("hello");
    let seen = origin.seen_when(0, "what the client said", |seen| seen.bytes.ends_with(b"hello"));
    assert_eq!(seen.bytes[28..], *b"\x05\0\x0c127.0.0.1-pxhello");
}
