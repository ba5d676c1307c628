//! Chains of two unlike proxies: each in front of the other, for TLS and for PROXY headers. A mistake that one makes on both of its sides would
//! not be noticed between two alike.

use std::io::Write;

use e2e::client::End;
use e2e::peers::pattern;
use e2e::tls::{Authority, Key, Relay};
use e2e::{LogServer, Origin, Proxy, Setup, Subject, http};

e2e::scenarios! {
    shared: [
        bytes_go_both_ways,
        the_server_is_told_of_its_client_before_the_handshake,
        each_tells_the_other_of_its_client,
        names_protocols_certificates_and_sessions,
    ],
    alone: [],
}

const MEGABYTE: u64 = 1 << 20;

/// Whoever is not tested.
fn other(subject: Subject) -> Subject {
    match subject {
        Subject::Haproxy => Subject::Tidegate,
        Subject::Tidegate => Subject::Haproxy,
    }
}

/// The other proxy, which has TLS in front of `origin`.
fn secure_proxy(subject: Subject, bind: &str, origin: &Origin) -> (Proxy, LogServer) {
    let logs = LogServer::udp();
    let template = "
        listen back
            bind @back@ ssl @bind@
            server s1 @s1@";
    let defaults = "mode tcp\n log @log@ local2\n log-format \"%ft %ci:%cp %ts %B %sslv\"";
    let setup = Setup::sections(other(subject), defaults, template).with("bind", bind).with("s1", origin.target());
    (setup.with("log", logs.target()).start(), logs)
}

fn bytes_go_both_ways(subject: Subject) {
    if !other(subject).is_there("bytes_go_both_ways") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let known = format!("ssl verify required ca-file {} sni str(mail.test)", authority.ca_file());
    for version in ["TLSv1.2", "TLSv1.3"] {
        let origin = Origin::serve(|mut client| {
            let end = client.read_to_end();
            assert_eq!(end, End::Fin);
            pattern::pour(&mut client, 2 * MEGABYTE)
        });
        let (back, back_logs) = secure_proxy(subject, &format!("crt {crt}"), &origin);
        let target = back.address("back").to_string();
        let server = format!("{known} ssl-min-ver {version} ssl-max-ver {version}");
        let (proxy, logs, _admin) = Relay::new(subject, &target, &server).start();
        let mut client = proxy.connect("px");
        pattern::pour(&mut client.stream(), MEGABYTE).expect("the proxy takes the bytes");
        client.finish();
        let (bytes, end) = client.to_end();
        assert!(bytes == pattern::part(0, 2 * MEGABYTE as usize), "{} bytes", bytes.len());
        assert_eq!(end, End::Fin);
        let seen = origin.seen().swap_remove(0);
        assert_eq!((seen.count, seen.end), (MEGABYTE, Some(End::Fin)));
        assert!(logs.line_with("px servers/s1").contains(" 2097152 -- "));
        assert!(back_logs.line_with("back~").ends_with(version), "{version}");
    }
}

/// proxy-protocol.txt §2.2.6: what is said of a client comes in clear, before the first word of TLS.
fn the_server_is_told_of_its_client_before_the_handshake(subject: Subject) {
    if !other(subject).is_there("the_server_is_told_of_its_client_before_the_handshake") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    for header in ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl"] {
        let origin = Origin::echo();
        let (back, back_logs) = secure_proxy(subject, &format!("accept-proxy crt {crt}"), &origin);
        let target = back.address("back").to_string();
        let (proxy, _logs, _admin) = Relay::new(subject, &target, &format!("ssl verify none {header}")).start();
        let mut client = proxy.connect("px");
        client.say("hello");
        assert_eq!(client.hear(5), b"hello", "{header}");
        let address = client.address();
        client.finish();
        client.to_end();
        back_logs.line_with(&format!("back~ {address} -- 5 TLSv1.3"));
    }
}

/// Each in front of the other, in both modes: which certificate for which name, a protocol, who asks, and sessions that are taken up again.
fn names_protocols_certificates_and_sessions(subject: Subject) {
    if !other(subject).is_there("names_protocols_certificates_and_sessions") {
        return;
    }
    let authority = Authority::new();
    let (one, two) =
        (authority.host("one.pem", &["one.test"], Key::Rsa), authority.host("two.pem", &["two.test"], Key::Ecdsa));
    let person = authority.person("proxy.pem", "proxy");
    let origin = Origin::serve(|mut client| {
        client.hear(1)?;
        client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    });
    let logs = LogServer::udp();
    let template = "
        listen back
            bind @back@ ssl crt @one@ crt @two@ ca-file @ca@ verify required alpn imap,http/1.1
            server s1 @s1@";
    let defaults = "mode tcp\n log @log@ local2\n log-format \"name=%[ssl_fc_sni] alpn=%[ssl_fc_alpn] who=%[ssl_c_s_dn(CN)] resumed=%[ssl_fc_is_resumed] shown=%[ssl_f_s_dn(CN)] %sslv\"";
    let setup = Setup::sections(other(subject), defaults, template)
        .with("one", one)
        .with("two", two)
        .with("ca", authority.ca_file());
    let back = setup.with("s1", origin.target()).with("log", logs.target()).start();
    let target = back.address("back").to_string();
    for mode in ["tcp", "http"] {
        for (name, version) in [("one.test", "TLSv1.3"), ("two.test", "TLSv1.2")] {
            let server = format!(
                "ssl verify required ca-file {} sni str({name}) crt {person} alpn http/1.1 ssl-min-ver {version} ssl-max-ver {version}",
                authority.ca_file()
            );
            let relay = Relay::new(subject, &target, &server).with("mode", mode).with("threads", "1");
            let (proxy, _logs, _admin) = relay.start();
            for _ in 0..2 {
                assert_eq!(http::get(proxy.address("px"), "/").content, "ok", "{mode} {name}");
            }
            let expected =
                |resumed: u8| format!("name={name} alpn=http/1.1 who=proxy resumed={resumed} shown={name} {version}");
            let before = if mode == "tcp" { 0 } else { 1 };
            logs.lines_with(&expected(0), before + 1);
            logs.lines_with(&expected(1), before + 1);
        }
    }
}

/// proxy-protocol.txt §2.1 and §2.2, as one writes and the other reads it: who the client is, whom it asked for, and how the
/// connection is called. A checksum is verified by whoever reads it.
fn each_tells_the_other_of_its_client(subject: Subject) {
    if !other(subject).is_there("each_tells_the_other_of_its_client") {
        return;
    }
    let authority = Authority::new();
    let (crt, alice) = (authority.host("m.pem", &["mail.test"], Key::Rsa), authority.person("alice.pem", "alice"));
    let front = "
        listen front
            bind @front@ ssl crt @crt@ ca-file @ca@ verify optional alpn imap
            unique-id-format %ci-front
            server s1 @s1@ @server@";
    let back = "
        listen back
            bind @back@ accept-proxy
            server s1 @s1@";
    let (origin, logs) = (Origin::echo(), LogServer::udp());
    let defaults =
        "mode tcp\n log @log@ local2\n log-format \"from=%ci:%cp for=%[fc_pp_authority] id=%[fc_pp_unique_id] %B %ts\"";
    let setup = Setup::sections(other(subject), defaults, back).with("s1", origin.target()).with("log", logs.target());
    let back = setup.start();
    let all = "proxy-v2-options crc32c,authority,unique-id,ssl,cert-cn,ssl-cipher,cert-key,cert-sig";
    for (header, told) in [
        ("send-proxy", "for=- id=-"),
        ("send-proxy-v2", "for=- id=-"),
        ("send-proxy-v2-ssl", "for=- id=-"),
        ("send-proxy-v2-ssl-cn", "for=- id=-"),
        (&*format!("send-proxy-v2 {all}"), "for=mail.test id=127.0.0.1-front"),
        (&*format!("send-proxy-v2-ssl-cn {all}"), "for=mail.test id=127.0.0.1-front"),
    ] {
        let setup = Setup::sections(subject, "mode tcp", front).with("s1", back.address("back")).with("server", header);
        let front = setup.with("crt", &crt).with("ca", authority.ca_file()).start();
        for client in [authority.trusting(), authority.trusting().protocols(&["imap"]).person(&alice).old()] {
            let mut client = client.connect(front.address("front"));
            client.say("hello");
            assert_eq!(client.hear(5), b"hello", "{header}");
            client.finish();
            client.to_end();
            let line = logs.line_with(&format!("from={} ", client.address()));
            assert!(line.ends_with(&format!(" {told} 5 --")), "{header}: {line}");
        }
    }
}
