//! TLS to servers: who is believed to be whom, what is agreed on, and how it fails.

use e2e::nginx::Nginx;
use e2e::ports::{self, Reservation};
use e2e::secure_origin::SecureOrigin;
use e2e::tls::{Authority, Key, Relay};
use e2e::{Origin, Subject, http, process, run, wait};
use std::io::Write;

e2e::scenarios! {
    shared: [
        servers_that_are_not_who_they_have_to_be,
        servers_whose_certificates_were_revoked,
        a_handshake_that_fails_is_retried_elsewhere,
        a_silent_server_has_the_time_of_a_connect,
        names_and_protocols_are_told,
        servers_are_shown_a_certificate,
        sessions_are_taken_up_again,
        connections_are_kept_for_the_same_name,
        what_is_wrong_with_server_lines_is_said,
        checks_shake_hands,
        checks_talk_over_tls,
        checks_ask_for_names_and_protocols,
        nginx_agrees,
        openssl_agrees,
        the_host_of_the_request_is_asked_for,
    ],
    alone: [],
}

/// Debian's haproxy looks where the system has them, and nowhere else.
#[test]
fn authorities_of_the_system() {
    run::run("authorities_of_the_system", Subject::Tidegate, run::Machine::Shared, of_system);
}

/// Each fails like a server that cannot be reached: `SC`, and one connection error.
fn servers_that_are_not_who_they_have_to_be(subject: Subject) {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let secure = SecureOrigin::echo(authority.server(&["mail.test"], false, &[]));
    let plain = Origin::named("* OK this is no TLS");
    let closing = Origin::serve(|mut client| client.hear(1).map(|_| ()));
    let known = |ca: &Authority| format!("ssl verify required ca-file {}", ca.ca_file());
    for (target, server) in [
        (secure.target(), known(&stranger)),
        (secure.target(), format!("{} verifyhost other.test", known(&authority))),
        (secure.target(), format!("{} sni str(other.test)", known(&authority))),
        (plain.target(), "ssl verify none".to_owned()),
        (closing.target(), "ssl verify none".to_owned()),
    ] {
        for mode in ["tcp", "http"] {
            let relay = Relay::new(subject, &target, &server).with("mode", mode).with("defaults", "retries 0");
            let (proxy, logs, admin) = relay.start();
            if mode == "http" {
                assert_eq!(http::get(proxy.address("px"), "/").status(), "503", "{server}");
            } else {
                let (bytes, _) = proxy.connect("px").to_end();
                assert_eq!(bytes, b"", "{server}");
            }
            let line = logs.line_with("px servers/s1");
            assert!(line.contains(" SC "), "{server}: {line}");
            admin.wait_for("servers", "s1", "econ", "1");
        }
    }
    let trusted = format!("{} verifyhost mail.test", known(&authority));
    let (proxy, _logs, _admin) = Relay::new(subject, &secure.target(), &trusted).start();
    let mut client = proxy.connect("px");
    client.say("hello");
    assert_eq!(client.hear(5), b"hello");
}

/// `configuration.txt` §5.2 "crl-file".
fn servers_whose_certificates_were_revoked(subject: Subject) {
    let authority = Authority::new();
    let secure = SecureOrigin::http(authority.server(&["mail.test"], false, &[]));
    let (shown, another) = (authority.path("server-mail.test.pem"), authority.person("another.pem", "another"));
    let shown = shown.display().to_string();
    for (list, status) in [
        (authority.revoke("another.crl", &[&another], 2049), "200"),
        (authority.revoke("shown.crl", &[&another, &shown], 2049), "503"),
        // Whoever knows nothing newer does not know whether it was revoked meanwhile.
        (authority.revoke("old.crl", &[], 2021), "503"),
        (Authority::new().revoke("stranger.crl", &[], 2049), "503"),
    ] {
        let server = format!("ssl verify required ca-file {} crl-file {list} sni str(mail.test)", authority.ca_file());
        let relay = Relay::new(subject, &secure.target(), &server).with("mode", "http").with("defaults", "retries 0");
        let (proxy, _logs, _admin) = relay.start();
        assert_eq!(http::get(proxy.address("px"), "/").status(), status, "{list}");
    }
}

/// `configuration.txt` §5.2 "ca-file": `@system-ca`. The directory may be named in the environment (`openssl-env(7)`).
fn of_system(subject: Subject) {
    let authority = Authority::new();
    let secure = SecureOrigin::http(authority.server(&["mail.test"], false, &[]));
    std::fs::create_dir(authority.path("known")).expect("a directory");
    std::fs::copy(authority.ca_file(), authority.path("known/ours.pem")).expect("room for a certificate");
    std::fs::write(authority.path("known/readme.pem"), "nothing\n").expect("room for a line");
    let known = authority.path("known").display().to_string();
    for (environment, status) in [(("SSL_CERT_DIR", &*known), "200"), (("UNUSED", ""), "503")] {
        let relay = Relay::new(subject, &secure.target(), "ssl verify required ca-file @system-ca sni str(mail.test)");
        let relay = relay.with("mode", "http").with("defaults", "retries 0").environment(environment.0, environment.1);
        let (proxy, _logs, _admin) = relay.start();
        assert_eq!(http::get(proxy.address("px"), "/").status(), status);
    }
}

/// `configuration.txt: retries, option redispatch`: a server whose TLS fails is one that cannot be connected.
fn a_handshake_that_fails_is_retried_elsewhere(subject: Subject) {
    let authority = Authority::new();
    let closing = Origin::serve(|mut client| client.hear(1).map(|_| ()));
    let secure = SecureOrigin::echo(authority.server(&["mail.test"], false, &[]));
    let relay = Relay::new(subject, &closing.target(), "ssl verify none");
    let relay = relay.with("defaults", "retries 1\n option redispatch\n balance roundrobin");
    let (proxy, logs, admin) = relay.with("more", &format!("server s2 {} ssl verify none", secure.target())).start();
    for _ in 0..2 {
        let mut client = proxy.connect("px");
        client.say("hello");
        assert_eq!(client.hear(5), b"hello");
        client.finish();
        client.to_end();
    }
    let lines = logs.lines_with("px servers/s2", 2);
    assert!(lines.iter().any(|line| line.contains("/+1 0/0")), "{lines:?}");
    admin.wait_for("servers", "s1", "wredis", &closing.seen().len().to_string());
}

fn a_silent_server_has_the_time_of_a_connect(subject: Subject) {
    let silent = Origin::mute();
    let relay = Relay::new(subject, &silent.target(), "ssl verify none");
    let (proxy, logs, admin) = relay.with("defaults", "retries 1\n timeout connect 200ms").start();
    let (bytes, _) = proxy.connect("px").to_end();
    assert_eq!(bytes, b"");
    let line = logs.line_with("px servers/s1");
    assert!(line.contains(" sC ") && line.contains("/1 0/0"), "{line}");
    admin.wait_for("servers", "s1", "econ", "1");
    assert_eq!(silent.seen().len(), 2, "a retry");
}

fn names_and_protocols_are_told(subject: Subject) {
    let authority = Authority::new();
    let secure = SecureOrigin::http(authority.server(&["mail.test"], false, &["imap", "http/1.1"]));
    let ask = |server: &str, host: &str| {
        let relay = Relay::new(subject, &secure.target(), &format!("ssl verify none {server}")).with("mode", "http");
        let (proxy, _logs, _admin) = relay.start();
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(http::ask(proxy.address("px"), &request).content, "ok", "{server}");
    };
    let cases = [
        ("sni str(fixed.test)", "mail.test", Some("fixed.test"), None, false),
        ("sni req.hdr(host),lower", "MAIL.test", Some("mail.test"), None, false),
        ("sni var(txn.nothing)", "mail.test", None, None, false),
        ("sni str(mail.test) alpn http/1.1", "mail.test", Some("mail.test"), Some("http/1.1"), false),
        ("sni str(mail.test) no-tlsv13", "mail.test", Some("mail.test"), None, true),
    ];
    for (server, host, _, _, _) in &cases {
        ask(server, host);
    }
    for (agreed, (server, _, name, protocol, is_old)) in secure.agreed(cases.len()).iter().zip(&cases) {
        let seen = (agreed.name.as_deref(), agreed.protocol.as_deref(), agreed.is_old);
        assert_eq!(seen, (*name, *protocol, *is_old), "{server}");
    }
}

fn servers_are_shown_a_certificate(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.person("proxy.pem", "proxy");
    let secure = SecureOrigin::http(authority.server(&["mail.test"], true, &[]));
    // Without one TLS 1.2 fails in the handshake.
    for (server, status) in [(format!("crt {crt}"), "200"), (String::new(), "503")] {
        let server = format!("ssl verify none no-tlsv13 {server}");
        let relay = Relay::new(subject, &secure.target(), &server).with("mode", "http");
        let (proxy, _logs, _admin) = relay.with("defaults", "retries 0").start();
        assert_eq!(http::get(proxy.address("px"), "/").status(), status, "{server}");
    }
    assert!(secure.agreed(1)[0].has_certificate);
}

fn sessions_are_taken_up_again(subject: Subject) {
    let authority = Authority::new();
    for (server, is_resumed) in [("", true), ("no-ssl-reuse", false), ("no-tlsv13", true)] {
        let secure = SecureOrigin::echo(authority.server(&["mail.test"], false, &[]));
        let server = format!("ssl verify none sni str(mail.test) {server}");
        let (proxy, _logs, _admin) = Relay::new(subject, &secure.target(), &server).start();
        for _ in 0..3 {
            let mut client = proxy.connect("px");
            client.say("hello");
            assert_eq!(client.hear(5), b"hello");
            client.finish();
            client.to_end();
        }
        let resumed: Vec<bool> = secure.agreed(3).iter().map(|agreed| agreed.is_resumed).collect();
        assert_eq!(resumed, [false, is_resumed, is_resumed], "{server}");
    }
}

fn connections_are_kept_for_the_same_name(subject: Subject) {
    let authority = Authority::new();
    // It says whether a request comes over a connection that was made for its host.
    let secure = SecureOrigin::serve(authority.server(&["mail.test"], false, &[]), |client| {
        while let Some(head) = http::head(client)? {
            let wanted = format!("host: {}\r\n", client.conn.server_name().unwrap_or_default());
            let is_right = head.to_ascii_lowercase().contains(&wanted);
            let answer = if is_right { "ok" } else { "no" };
            client.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{answer}").as_bytes())?;
        }
        Ok(())
    });
    let server = "ssl verify none sni req.hdr(host)";
    let relay =
        Relay::new(subject, &secure.target(), server).with("mode", "http").with("defaults", "http-reuse always");
    // HAProxy's other threads would have connections of their own.
    let (proxy, _logs, _admin) = relay.with("threads", "1").start();
    let mut client = proxy.connect("px");
    for host in ["one.test", "one.test", "one.test", "two.test", "one.test", "two.test"] {
        client.say(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            answer.extend(client.hear(1));
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{host}");
    }
    let count = secure.agreements().len();
    assert!((2..=4).contains(&count), "{count} connections for 6 requests to 2 hosts");
}

fn what_is_wrong_with_server_lines_is_said(subject: Subject) {
    let authority = Authority::new();
    let good = authority.host("good.pem", &["mail.test"], Key::Ecdsa);
    let ca = authority.ca_file();
    let mut junk = std::fs::File::create(authority.path("junk.pem")).expect("room for a file");
    junk.write_all(b"nothing\n").expect("room for a line");
    let junk = authority.path("junk.pem").display().to_string();
    for (server, expected) in [
        ("ssl", "'server servers/s1' : verify is enabled by default but no CA file specified. If you're running on"),
        ("ssl verify", "'server servers/s1' : 'verify' : missing verify method."),
        (
            "ssl verify optional",
            "'server servers/s1' : 'verify' : unknown verify method 'optional', only 'none' and 'required' are supported.",
        ),
        ("ssl verify none sni", "'server servers/s1' : 'sni' : missing sni expression."),
        (
            "ssl verify none sni bogus(x)",
            "'server servers/s1' : error detected while parsing sni expression : unknown fetch method 'bogus'",
        ),
        (
            "ssl verify none sni res.hdr(x)",
            "error detected while parsing sni expression :  fetch method 'res.hdr(x)' extracts information from",
        ),
        ("ssl ca-file /nowhere", "Couldn't open the ca-file '/nowhere' (No such file or directory)."),
        (&format!("ssl ca-file {junk}"), &format!("Couldn't open the ca-file '{junk}' (no certificate or crl found).")),
        (
            "ssl verify none crt /nowhere",
            "'server servers/s1' : unable to stat SSL certificate from file '/nowhere' : No such file or directory.",
        ),
        (&format!("ssl verify none crt {ca}"), &format!("No Private Key found in '{ca}.key'.")),
        ("ssl verify none alpn", "'alpn' : missing the comma-delimited ALPN protocol suite."),
        ("ssl verify none ciphers nonsense", "'server servers/s1' : unable to set SSL cipher list to 'nonsense'."),
        (
            "ssl verify none ciphersuites nonsense",
            "'server servers/s1' : unable to set TLS 1.3 cipher suites to 'nonsense'.",
        ),
        ("ssl verify none ssl-min-ver TLSv9", "'server servers/s1' : 'TLSv9' : unknown ssl/tls version."),
        (
            "ssl verify none ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.0",
            " 'servers': all SSL/TLS versions are disabled for server 's1'.",
        ),
        ("ssl verify none verifyhost", "'verifyhost' : missing hostname to verify against."),
    ] {
        let ended = Relay::new(subject, "127.0.0.1:1", server).run_to_end();
        assert!(ended.stderr.contains(expected), "{server}: {}", ended.stderr);
        assert!(!ended.status.success(), "{server}");
    }
    let system = |server: &str| {
        let relay = Relay::new(subject, "127.0.0.1:1", server);
        relay.environment("SSL_CERT_DIR", authority.path("").to_str().expect("UTF-8")).start()
    };
    system("ssl ca-file @system-ca");
    system(&format!("ssl verify none crt {good} no-ssl-reuse no-tls-tickets no-tlsv10 ssl-min-ver TLSv1.2"));
    system("sni str(x)");
}

/// `configuration.txt` §5.2: check, check-ssl, no-check-ssl, port.
fn checks_shake_hands(subject: Subject) {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let secure = SecureOrigin::echo(authority.server(&["mail.test"], false, &[]));
    let (plain, silent) = (Origin::named("* OK this is no TLS"), Origin::mute());
    let known = |ca: &Authority| format!("ssl verify required ca-file {}", ca.ca_file());
    let port = secure.target().rsplit(':').next().expect("a port").to_owned();
    let cases = [
        (secure.target(), "ssl verify none".to_owned(), "L6OK", ""),
        (secure.target(), known(&authority), "L6OK", ""),
        (secure.target(), known(&stranger), "L6RSP", "SSL handshake failure"),
        (
            secure.target(),
            format!("{} verifyhost other.test", known(&authority)),
            "L6RSP",
            "Server presented an SSL certificate different from the configured one",
        ),
        (
            secure.target(),
            format!("{} check-sni other.test", known(&authority)),
            "L6RSP",
            "Server presented an SSL certificate different from the expected one",
        ),
        (plain.target(), "ssl verify none".to_owned(), "L6RSP", "SSL handshake failure"),
        (silent.target(), "ssl verify none".to_owned(), "L6TOUT", ""),
        (secure.target(), "check-ssl verify none".to_owned(), "L6OK", ""),
        (plain.target(), "ssl verify none no-check-ssl".to_owned(), "L4OK", ""),
        (plain.target(), format!("ssl verify none port {port}"), "L4OK", ""),
        (plain.target(), format!("ssl verify none port {port} check-ssl"), "L6OK", ""),
        (secure.target(), "ssl verify none check-send-proxy".to_owned(), "L6RSP", ""),
    ];
    let servers = cases
        .iter()
        .enumerate()
        .map(|(index, (target, server, _, _))| format!("server c{index} {target} check inter 300ms {server}"));
    let servers: Vec<String> = servers.collect();
    let relay = Relay::new(subject, &plain.target(), "").with("more", &servers.join("\n"));
    let (_proxy, _logs, admin) = relay.start();
    for (index, (_, server, status, said)) in cases.iter().enumerate() {
        let row = admin.wait_for("servers", &format!("c{index}"), "check_status", status);
        let last = row.get("last_chk").map_or("", String::as_str);
        assert!(last.contains(said), "{server}: {last}");
    }
}

fn checks_talk_over_tls(subject: Subject) {
    let authority = Authority::new();
    let http = SecureOrigin::http(authority.server(&["mail.test"], false, &[]));
    let echo = SecureOrigin::echo(authority.server(&["mail.test"], false, &[]));
    for (target, section, server, status) in [
        (http.target(), "option httpchk", "ssl verify none", "L7OK"),
        (http.target(), "option httpchk\n http-check connect ssl", "verify none", "L7OK"),
        (
            echo.target(),
            "option tcp-check\n tcp-check send hello\n tcp-check expect string hello",
            "ssl verify none",
            "L7OK",
        ),
        (
            echo.target(),
            "option tcp-check\n tcp-check connect ssl sni mail.test\n tcp-check send hello\n tcp-check expect string hello",
            "verify none",
            "L7OK",
        ),
        (
            echo.target(),
            "option tcp-check\n tcp-check connect default\n tcp-check send hello\n tcp-check expect string nothing",
            "ssl verify none",
            "L7TOUT",
        ),
        // A written connect that does not say it is in clear.
        (
            echo.target(),
            "option tcp-check\n tcp-check connect\n tcp-check send hello\n tcp-check expect string hello",
            "ssl verify none",
            "L7RSP",
        ),
        (echo.target(), "option tcp-check\n tcp-check connect ssl", "verify none", "L6OK"),
    ] {
        let relay = Relay::new(subject, &target, &format!("check inter 300ms {server}")).with("more", section);
        let (_proxy, _logs, admin) = relay.start();
        admin.wait_for("servers", "s1", "check_status", status);
    }
}

fn checks_ask_for_names_and_protocols(subject: Subject) {
    let authority = Authority::new();
    let secure = SecureOrigin::echo(authority.server(&["mail.test"], false, &["imap", "lmtp"]));
    for (server, name, protocol) in [
        ("ssl sni str(not.test)", None, None),
        ("ssl check-sni mail.test check-alpn lmtp", Some("mail.test"), Some("lmtp")),
        ("ssl check-sni mail.test alpn imap", Some("mail.test"), Some("imap")),
    ] {
        let before = secure.agreements().len();
        let server = format!("verify none check inter 300ms {server}");
        let (_proxy, _logs, admin) = Relay::new(subject, &secure.target(), &server).start();
        admin.wait_for("servers", "s1", "check_status", "L6OK");
        let agreed = &secure.agreed(before + 1)[before];
        assert_eq!((agreed.name.as_deref(), agreed.protocol.as_deref()), (name, protocol), "{server}");
    }
    if subject == Subject::Haproxy {
        // `check-sni-auto` is newer than Debian's.
        return;
    }
    for (server, more, name) in [
        ("", "http-check send hdr Host mail.test:8443", Some("mail.test")),
        ("check-sni-auto", "http-check send meth GET uri / ver HTTP/1.1 hdr host mail.test", Some("mail.test")),
        ("no-check-sni-auto", "http-check send hdr Host mail.test", None),
        ("check-sni other.test", "http-check send hdr Host mail.test", Some("other.test")),
        ("", "http-check connect ssl\nhttp-check send hdr Host mail.test", None),
    ] {
        let before = secure.agreements().len();
        let server = format!("ssl verify none check inter 300ms {server}");
        let more = format!("option httpchk\n{more}");
        let (_proxy, _logs, _admin) = Relay::new(subject, &secure.target(), &server).with("more", &more).start();
        assert_eq!(secure.agreed(before + 1)[before].name.as_deref(), name, "{server}, {more}");
    }
}

/// OpenSSL's library, as nginx uses it: both versions, a PROXY header before the hello, who asks, and sessions that are taken up again.
fn nginx_agrees(subject: Subject) {
    if !Nginx::is_there("nginx_agrees") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("n.pem", &["nginx.test"], Key::Rsa);
    let person = authority.person("proxy.pem", "proxy");
    let nginx = Nginx::secure(&crt, &authority.ca_file());
    for (version, resumed) in [("TLSv1.2", "r"), ("TLSv1.3", "r")] {
        let server = format!(
            "ssl verify required ca-file {} sni str(nginx.test) crt {person} ssl-min-ver {version} ssl-max-ver {version} send-proxy",
            authority.ca_file()
        );
        let relay = Relay::new(subject, &nginx.target(), &server).with("mode", "http").with("threads", "1");
        let (proxy, _logs, _admin) = relay.start();
        for reused in [".", resumed, resumed] {
            let answer = http::get(proxy.address("px"), "/").content;
            let expected =
                format!("name=nginx.test version={version} client=CN=proxy,O=Example reused={reused} from=127.0.0.1");
            assert_eq!(answer, expected);
        }
    }
}

/// OpenSSL's own server, with each suite and group that both know.
fn openssl_agrees(subject: Subject) {
    if !e2e::needs::is_there("openssl_agrees", "openssl", "openssl") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("o.pem", &["mail.test"], Key::Rsa);
    for variant in [
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"][..],
        &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
        &["-tls1_3", "-groups", "P-384"],
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"],
        &["-tls1_2", "-no_ticket"],
        &["-max_send_frag", "512"],
    ] {
        let port = Reservation::loopback();
        let accept = port.address().to_string();
        let mut server = std::process::Command::new("openssl")
            .args(["s_server", "-quiet", "-rev", "-accept", &accept, "-cert", &crt])
            .args(variant)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("openssl runs");
        wait::until("openssl to listen", wait::SOON, || ports::listener_count(port.address()) > 0);
        let server_line = format!("ssl verify required ca-file {} verifyhost mail.test", authority.ca_file());
        let (proxy, _logs, _admin) = Relay::new(subject, &accept, &server_line).start();
        let mut client = proxy.connect("px");
        client.say("desserts\n");
        assert_eq!(client.hear(9), b"stressed\n", "{variant:?}");
        drop(client);
        process::end(&mut server, std::time::Duration::from_secs(2));
    }
}

/// `configuration.txt: sni-auto, no-sni-auto` of 3.4; 2.6 asks for nobody.
fn the_host_of_the_request_is_asked_for(subject: Subject) {
    let authority = Authority::new();
    let secure = SecureOrigin::http(authority.server(&["mail.test"], false, &[]));
    let cases = match subject {
        Subject::Haproxy => &[("", "mail.test", None)][..],
        Subject::Tidegate => &[
            ("", "mail.test", Some("mail.test")),
            ("", "mail.test:8443", Some("mail.test")),
            ("", "127.0.0.1:8443", None),
            ("no-sni-auto", "mail.test", None),
        ],
    };
    for (index, (server, host, name)) in cases.iter().enumerate() {
        let relay = Relay::new(subject, &secure.target(), &format!("ssl verify none {server}")).with("mode", "http");
        let (proxy, _logs, _admin) = relay.start();
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(http::ask(proxy.address("px"), &request).content, "ok", "{server}");
        assert_eq!(secure.agreed(index + 1)[index].name.as_deref(), *name, "{server} {host}");
    }
}
