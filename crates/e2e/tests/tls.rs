//! TLS with clients: who is served by which certificate, what is agreed on, how it ends, and what the log says of it.

use std::io::Write;
use std::sync::Arc;

use e2e::client::End;
use e2e::peers::pattern;
use e2e::tls::{Authority, Key, SecureClient, s_client};
use e2e::{LogServer, Origin, Proxy, Setup, Subject, http, wait};
use rustls::{ClientConfig, HandshakeKind};

e2e::scenarios! {
    shared: [
        bytes_go_both_ways,
        a_client_that_says_its_end_is_still_answered,
        an_end_is_announced,
        a_certificate_for_each_name,
        unknown_names_are_refused_when_told,
        rsa_and_ecdsa_for_one_name,
        versions_are_limited,
        clients_that_know_none_of_the_protocols_go_on_without,
        a_certificate_is_wanted_of_clients,
        handshakes_that_come_to_nothing_are_told,
        the_header_comes_before_the_handshake,
        requests_over_tls,
        sessions_are_taken_up_again,
        sessions_are_taken_up_only_where_the_same_is_demanded,
        a_reload_brings_another_certificate,
        what_is_wrong_with_certificates_is_said,
        the_server_is_told_of_tls,
    ],
    alone: [],
}

const MEGABYTE: u64 = 1 << 20;

/// A relay whose listener has these parameters behind `ssl`.
fn relay(subject: Subject, bind: &str, origin: &Origin, logs: &LogServer) -> Setup {
    let template = format!(
        "frontend px
            bind @px@ ssl {bind}
            default_backend servers
        backend servers
            server s1 @s1@"
    );
    let defaults = "mode tcp\n log @log@ local2\n log-format \"%ft %b/%s %ts %B %sslv %sslc\"";
    Setup::sections(subject, defaults, &template).with("s1", origin.target()).with("log", logs.target())
}

fn start(subject: Subject, bind: &str, origin: &Origin) -> (Proxy, LogServer) {
    let logs = LogServer::udp();
    (relay(subject, bind, origin, &logs).start(), logs)
}

fn bytes_go_both_ways(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::echo();
    for (key, cipher) in [(Key::Rsa, "ECDHE-RSA-AES"), (Key::Ecdsa, "ECDHE-ECDSA-AES")] {
        let (proxy, logs) = start(subject, &format!("crt {}", authority.host("m.pem", &["mail.test"], key)), &origin);
        for setup in [authority.trusting(), authority.trusting().old()] {
            let mut client = setup.connect(proxy.address("px"));
            for count in [1, 100, 16 * 1024, 70_000] {
                let bytes = pattern::part(7, count);
                client.say(&bytes);
                assert!(client.hear(count) == bytes, "{count} bytes and back");
            }
            client.finish();
            assert_eq!(client.to_end(), (vec![], Some(End::Fin)));
        }
        let lines = logs.lines_with("px~ servers/s1", 2);
        assert!(lines[0].contains("px~ servers/s1 -- 86485 TLSv1.3 TLS_"), "{}", lines[0]);
        assert!(lines[1].contains(&format!("px~ servers/s1 -- 86485 TLSv1.2 {cipher}")), "{}", lines[1]);
    }
}

fn a_client_that_says_its_end_is_still_answered(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::serve(|mut client| {
        client.read_to_end();
        pattern::pour(&mut client, 2 * MEGABYTE)
    });
    let (proxy, _logs) = start(subject, &format!("crt {}", authority.host("m.pem", &["mail.test"], Key::Rsa)), &origin);
    let mut client = authority.trusting().connect(proxy.address("px"));
    pattern::pour(&mut client.stream(), MEGABYTE).expect("the proxy takes the bytes");
    client.finish();
    let (bytes, end) = client.to_end();
    assert!(bytes == pattern::part(0, 2 * MEGABYTE as usize), "{} bytes", bytes.len());
    assert_eq!(end, Some(End::Fin));
    let seen = origin.seen().swap_remove(0);
    assert_eq!((seen.count, seen.end), (MEGABYTE, Some(End::Fin)));
    assert!(seen.bytes == pattern::part(0, seen.bytes.len()), "the upload is intact");
}

/// RFC 8446 §6.1, whoever ends first; and a client that leaves without a word is taken at its FIN, as HAProxy does.
fn an_end_is_announced(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::pouring(MEGABYTE);
    let (proxy, logs) = start(subject, &format!("crt {crt}"), &origin);
    let mut client = authority.trusting().connect(proxy.address("px"));
    let (bytes, end) = client.to_end();
    assert_eq!((bytes.len() as u64, end), (MEGABYTE, Some(End::Fin)), "the server ends first");
    client.finish();
    client.cut();
    assert_eq!(origin.end_of(0), End::Fin);
    let echo = Origin::echo();
    let (proxy, more_logs) = start(subject, &format!("crt {crt}"), &echo);
    let mut client = authority.trusting().connect(proxy.address("px"));
    client.say("hello");
    assert_eq!(client.hear(5), b"hello");
    client.cut();
    assert_eq!(client.to_end(), (vec![], Some(End::Fin)));
    for logs in [logs, more_logs] {
        assert!(logs.line_with("px~").contains(" -- "), "both ended well");
    }
}

fn a_certificate_for_each_name(subject: Subject) {
    let authority = Authority::new();
    std::fs::create_dir(authority.path("certs")).expect("a directory");
    for (file, host) in [("1.pem", "mail.test"), ("2.pem", "other.test"), ("3.pem", "*.wild.test")] {
        authority.host(&format!("certs/{file}"), &[host], Key::Rsa);
    }
    let origin = Origin::echo();
    let (proxy, _logs) = start(subject, &format!("crt {}", authority.path("certs").display()), &origin);
    let shown = |asked: &str| authority.trusting().name(asked).try_connect(proxy.address("px")).is_ok();
    for known in ["mail.test", "other.test", "OTHER.test", "a.wild.test"] {
        assert!(shown(known), "{known}");
    }
    // They are shown the first one, which is not for them.
    for unknown in ["nobody.test", "a.b.wild.test", "wild.test"] {
        assert!(!shown(unknown), "{unknown}");
    }
}

fn unknown_names_are_refused_when_told(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let (proxy, logs) = start(subject, &format!("crt {crt} strict-sni"), &origin);
    assert!(authority.trusting().try_connect(proxy.address("px")).is_ok());
    let refused = authority.trusting().name("nobody.test").try_connect(proxy.address("px"));
    assert!(refused.is_err_and(|error| error.to_string().contains("received fatal alert")), "an alert says so");
    logs.line_with("px/1: SSL handshake failure");
}

fn rsa_and_ecdsa_for_one_name(subject: Subject) {
    let authority = Authority::new();
    authority.host("m.pem.rsa", &["mail.test"], Key::Rsa);
    authority.host("m.pem.ecdsa", &["mail.test"], Key::Ecdsa);
    let origin = Origin::echo();
    let (proxy, logs) = start(subject, &format!("crt {}", authority.path("m.pem").display()), &origin);
    for (ciphers, expected) in
        [("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA")]
    {
        let address = proxy.address("px").to_string();
        // A signature scheme of the other kind would make the choice of the certificate one of the server's taste.
        let schemes = if expected.ends_with("-RSA") { "RSA-PSS+SHA256:RSA+SHA256" } else { "ECDSA+SHA256" };
        s_client(
            &["-connect", &address, "-servername", "mail.test", "-tls1_2", "-cipher", ciphers, "-sigalgs", schemes],
            "",
        );
        logs.line_with(expected);
    }
}

fn versions_are_limited(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    for (limit, is_old_served) in
        [("ssl-min-ver TLSv1.3", false), ("ssl-max-ver TLSv1.2", true), ("no-tlsv12", false), ("force-tlsv12", true)]
    {
        let (proxy, _logs) = start(subject, &format!("crt {crt} {limit}"), &origin);
        let is_served = authority.trusting().old().try_connect(proxy.address("px")).is_ok();
        assert_eq!(is_served, is_old_served, "{limit}");
        let version = authority.trusting().connect(proxy.address("px")).tls().protocol_version();
        assert_eq!(version == Some(rustls::ProtocolVersion::TLSv1_2), is_old_served, "{limit}");
    }
}

fn clients_that_know_none_of_the_protocols_go_on_without(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let (proxy, _logs) = start(subject, &format!("crt {crt} alpn imap,pop3"), &origin);
    // Of those that both know the listener's first one (RFC 7301 §3.2).
    for (known, agreed) in
        [(&["managesieve"][..], None), (&["pop3", "imap"], Some(&b"imap"[..])), (&["pop3"], Some(b"pop3")), (&[], None)]
    {
        for setup in [authority.trusting(), authority.trusting().old()] {
            let mut client = setup.protocols(known).connect(proxy.address("px"));
            assert_eq!(client.tls().alpn_protocol(), agreed, "{known:?}");
            client.say("x");
            assert_eq!(client.hear(1), b"x");
        }
    }
}

fn a_certificate_is_wanted_of_clients(subject: Subject) {
    let authority = Authority::new();
    let stranger = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let (alice, mallory) = (authority.person("alice.pem", "alice"), stranger.person("mallory.pem", "mallory"));
    let origin = Origin::echo();
    for (verify, is_anybody_served) in [("required", false), ("optional", true)] {
        let bind = format!("crt {crt} ca-file {} verify {verify}", authority.ca_file());
        let (proxy, logs) = start(subject, &bind, &origin);
        let is_served = |setup: e2e::tls::ClientSetup| {
            let Ok(mut client) = setup.try_connect(proxy.address("px")) else { return false };
            client.say("x");
            client.try_hear(1).is_ok()
        };
        assert!(is_served(authority.trusting().person(&alice)), "{verify}");
        assert_eq!(is_served(authority.trusting()), is_anybody_served, "{verify}");
        assert!(!is_served(authority.trusting().person(&mallory)), "{verify}");
        logs.line_with("px/1: SSL ");
    }
}

fn handshakes_that_come_to_nothing_are_told(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let logs = LogServer::udp();
    let proxy = relay(subject, &format!("crt {crt}"), &origin, &logs).start();
    let mut client = proxy.connect("px");
    client.say("GET / HTTP/1.0\r\n\r\n");
    client.to_end();
    let line = logs.line_with("px/1: SSL handshake failure");
    assert!(line.contains(&format!("{} [", client.address())), "{line}");
    proxy.connect("px").finish();
    let mut begun = proxy.connect("px");
    begun.say([0x16, 3, 1]);
    begun.finish();
    begun.to_end();
    logs.lines_with("px/1: Connection closed during SSL handshake", 2);
    assert_eq!(origin.seen(), [], "no server heard of them");
}

fn the_header_comes_before_the_handshake(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let logs = LogServer::udp();
    let proxy = relay(subject, &format!("crt {crt} accept-proxy"), &origin, &logs).start();
    let mut client = proxy.connect("px");
    client.say("PROXY TCP4 192.0.2.7 198.51.100.1 40000 993\r\n");
    let mut client = SecureClient::over(client, authority.trusting().config(), "mail.test").expect("they agree");
    client.say("hello");
    assert_eq!(client.hear(5), b"hello");
}

const HTTP: &str = "
    frontend px
        bind @px@ ssl crt @crt@ alpn http/1.1
        default_backend servers
    backend servers
        server s1 @s1@";

fn requests_over_tls(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::serve(|mut client| {
        for size in [5_usize, 300_000] {
            while !client.hear(1)?.ends_with(b"!") {}
            client.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").as_bytes())?;
            client.write_all(&pattern::part(0, size))?;
        }
        Ok(())
    });
    let logs = LogServer::udp();
    let defaults = "mode http\n log @log@ local2\n option httplog";
    let setup = Setup::sections(subject, defaults, HTTP).with("s1", origin.target()).with("log", logs.target());
    let proxy = setup.with("crt", authority.host("m.pem", &["mail.test"], Key::Rsa)).start();
    let mut client = authority.trusting().protocols(&["http/1.1"]).connect(proxy.address("px"));
    assert_eq!(client.tls().alpn_protocol(), Some(&b"http/1.1"[..]));
    for size in [5, 300_000] {
        client.say("POST /mail HTTP/1.1\r\nHost: mail.test\r\nContent-Length: 6\r\n\r\nhello!");
        let head = http::head(&mut client.stream()).expect("no end").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(client.hear(size) == pattern::part(0, size), "{size} bytes");
    }
    let lines = logs.lines_with("\"POST /mail HTTP/1.1\"", 2);
    assert!(lines[0].contains("px~ servers/s1"), "{}", lines[0]);
    // What is no request is answered, and the answer is whole.
    let mut client = authority.trusting().connect(proxy.address("px"));
    client.say("nonsense\r\n\r\n");
    let (answer, end) = client.to_end();
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(end, Some(End::Fin), "its end is announced");
}

fn sessions_are_taken_up_again(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let (origin, logs) = (Origin::echo(), LogServer::udp());
    let proxy = relay(subject, &format!("crt {crt}"), &origin, &logs).with("threads", 4).start();
    for setup in [authority.trusting(), authority.trusting().old()] {
        let config = setup.config();
        let mut kinds = Vec::new();
        for _ in 0..12 {
            kinds.push(visit(&proxy, &config).expect("they agree"));
        }
        let resumed = kinds.iter().filter(|kind| **kind == HandshakeKind::Resumed).count();
        assert_eq!(resumed, 11, "whichever shard they come to: {kinds:?}");
    }
}

/// How a client that remembers what `config` does shakes hands. It waits for a word, so that it has heard of its tickets.
fn visit(proxy: &Proxy, config: &Arc<ClientConfig>) -> std::io::Result<HandshakeKind> {
    let mut client = SecureClient::over(proxy.connect("px"), Arc::clone(config), "mail.test")?;
    client.say("x");
    client.hear(1);
    Ok(client.tls().handshake_kind().expect("it is over"))
}

/// RFC 8446 §4.6.1: whoever takes a session up again shows no certificate, so a listener that demands one takes up none that was begun without.
fn sessions_are_taken_up_only_where_the_same_is_demanded(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let template = "
        listen open
            bind @px@ ssl crt @crt@
            bind @closed@ ssl crt @crt@ ca-file @ca@ verify required
            server s1 @s1@";
    let origin = Origin::echo();
    let setup = Setup::sections(subject, "mode tcp", template).with("s1", origin.target()).with("crt", crt);
    let proxy = setup.with("ca", authority.ca_file()).start();
    for setup in [authority.trusting(), authority.trusting().old()] {
        let config = setup.config();
        let kinds = [(); 2].map(|()| visit(&proxy, &config).expect("they agree"));
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
        let client = SecureClient::over(proxy.connect("closed"), config, "mail.test");
        let is_served =
            client.is_ok_and(|mut client| client.stream().write_all(b"x").is_ok() && client.try_hear(1).is_ok());
        assert!(!is_served, "it was never asked who it is");
    }
}

fn a_reload_brings_another_certificate(subject: Subject) {
    let (one, other) = (Authority::new(), Authority::new());
    let crt = one.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let logs = LogServer::udp();
    let proxy = relay(subject, &format!("crt {crt}"), &origin, &logs).reloadable().start();
    let config = one.trusting().config();
    assert_eq!(visit(&proxy, &config).expect("they agree"), HandshakeKind::Full);
    let mut early = one.trusting().connect(proxy.address("px"));
    early.say("a");
    assert_eq!(early.hear(1), b"a");
    std::fs::copy(other.host("m.pem", &["mail.test"], Key::Rsa), &crt).expect("the new one replaces it");
    proxy.reload();
    wait::until("the new certificate", wait::SOON, || other.trusting().try_connect(proxy.address("px")).is_ok());
    early.say("b");
    assert_eq!(early.hear(1), b"b", "sessions go on");
    // HAProxy's new process has keys of its own for tickets, and the new certificate is not one that this client trusts.
    let kind = visit(&proxy, &config).ok();
    assert_eq!(kind, (subject == Subject::Tidegate).then_some(HandshakeKind::Resumed), "tickets outlive a reload");
}

fn what_is_wrong_with_certificates_is_said(subject: Subject) {
    let authority = Authority::new();
    let good = authority.host("good.pem", &["mail.test"], Key::Rsa);
    let other = authority.host("other.pem", &["mail.test"], Key::Rsa);
    let part = |path: &str, label: &str| {
        let text = std::fs::read_to_string(path).expect("just written");
        let start = text.find(&format!("-----BEGIN {label}")).expect("it is there");
        let end = text[start..].find("-----END").expect("it ends") + start;
        let line = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
        text[start..line].to_owned()
    };
    let write = |name: &str, text: String| {
        std::fs::write(authority.path(name), text).expect("room for a file");
        authority.path(name).display().to_string()
    };
    let keyless = write("keyless.pem", part(&good, "CERTIFICATE"));
    let mixed = write("mixed.pem", part(&good, "CERTIFICATE") + &part(&other, "PRIVATE KEY"));
    let junk = write("junk.pem", "nothing\n".to_owned());
    let origin = Origin::echo();
    for (bind, expected) in [
        ("", "Proxy 'px': no SSL certificate specified for bind '"),
        ("crt /nowhere.pem", "unable to stat SSL certificate from file '/nowhere.pem' : No such file or directory."),
        (&format!("crt {keyless}"), &format!("No Private Key found in '{keyless}.key'.")),
        (&format!("crt {mixed}"), "inconsistencies between private key and certificate loaded '"),
        (&format!("crt {junk}"), "unable to load certificate from file '"),
        (&format!("crt {good} verify required"), "verify is enabled but no CA file specified for bind '"),
        (&format!("crt {good} ciphers nonsense"), "unable to set SSL cipher list to 'nonsense' for bind '"),
        (
            &format!("crt {good} ssl-max-ver TLSv1.0 ssl-min-ver TLSv1.3"),
            "all SSL/TLS versions are disabled for bind '",
        ),
        (&format!("crt {good} ssl-min-ver TLSv9"), "'TLSv9' : unknown ssl/tls version"),
    ] {
        let ended = relay(subject, bind, &origin, &LogServer::udp()).run_to_end();
        assert!(ended.stderr.contains(expected), "{bind}: {}", ended.stderr);
        assert!(!ended.status.success(), "{bind}");
    }
}

/// proxy-protocol.txt §2.2.6: what of a header of version 2 follows the ports, and the bytes behind it.
fn behind_addresses(seen: &[u8]) -> (Vec<u8>, &[u8]) {
    let length = usize::from(u16::from_be_bytes([seen[14], seen[15]]));
    (seen[28..16 + length].to_vec(), &seen[16 + length..])
}

fn the_server_is_told_of_tls(subject: Subject) {
    let authority = Authority::new();
    // The server is told of this key, too.
    let crt = authority.host("m.pem", &["mail.test"], Key::Ecdsa);
    let alice = authority.person("alice.pem", "alice");
    let template = "
        frontend px
            bind @clear@
            bind @secure@ ssl crt @crt@ ca-file @ca@ verify optional alpn imap
            default_backend servers
        backend servers
            server s1 @s1@ @server@";
    let tls = |bits: u8, parts: &[(u8, &str)]| {
        let parts = parts.iter().flat_map(|(kind, text)| [&[*kind, 0, text.len() as u8], text.as_bytes()].concat());
        let value: Vec<u8> = [bits, 0, 0, 0, 0].into_iter().chain(parts).collect();
        [&[0x20, 0, value.len() as u8], &value[..]].concat()
    };
    let alpn = [1, 0, 4, b'i', b'm', b'a', b'p'];
    let version = (0x21, "TLSv1.3");
    let name = [&[2, 0, 9], &b"mail.test"[..]].concat();
    let plain = authority.trusting();
    let speaking = authority.trusting().protocols(&["imap"]);
    let known = authority.trusting().person(&alice);
    let shown = [(0x25, "EC256"), (0x24, "ecdsa-with-SHA256")];
    let cases: [(&str, &e2e::tls::ClientSetup, Vec<u8>); 8] = [
        ("send-proxy-v2", &plain, vec![]),
        ("send-proxy-v2", &speaking, alpn.to_vec()),
        ("send-proxy-v2-ssl", &plain, tls(1, &[version])),
        ("send-proxy-v2-ssl", &speaking, [&alpn[..], &tls(1, &[version])].concat()),
        ("send-proxy-v2-ssl", &known, tls(7, &[version])),
        ("send-proxy-v2-ssl-cn", &known, tls(7, &[version, (0x22, "alice")])),
        ("send-proxy-v2-ssl proxy-v2-options cert-sig,cert-key", &known, tls(7, &[version, shown[0], shown[1]])),
        ("send-proxy-v2 proxy-v2-options authority,ssl", &plain, [name, tls(1, &[version])].concat()),
    ];
    for (server, client, expected) in cases {
        let origin = Origin::echo();
        let setup = Setup::sections(subject, "mode tcp", template).with("s1", origin.target()).with("server", server);
        let proxy = setup.with("crt", &crt).with("ca", authority.ca_file()).start();
        let mut client = client.connect(proxy.address("secure"));
        client.say("hello");
        let seen = origin.seen_when(0, "what the client said", |seen| seen.bytes.ends_with(b"hello"));
        let (tlvs, rest) = behind_addresses(&seen.bytes);
        assert_eq!((tlvs, rest), (expected, &b"hello"[..]), "{server}");
        let mut clear = proxy.connect("clear");
        clear.say("hello");
        let seen = origin.seen_when(1, "what the client said", |seen| seen.bytes.ends_with(b"hello"));
        let is_told = server.contains("ssl");
        assert_eq!(behind_addresses(&seen.bytes).0, if is_told { tls(0, &[]) } else { vec![] }, "{server}, in clear");
    }
}
