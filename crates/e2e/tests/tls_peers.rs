//! TLS with clients that others have written, and with those that nobody would write. Where nothing depends on it, every second scenario has a
//! key by ECDSA; what is odd in a hello comes to both kinds.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::{Command, Stdio};

use e2e::tls::{Authority, Key, gnutls_cli, s_client};
use e2e::{LogServer, Origin, Proxy, Setup, Subject, http, needs};

e2e::scenarios! {
    shared: [
        openssl_agrees,
        gnutls_agrees,
        sslscan_finds_nothing,
        curl_is_led_to_https,
        nobody_negotiates_again,
        what_is_no_hello_is_refused,
        a_hello_in_pieces_is_heard,
        a_request_that_is_cut_is_not_whole,
        keys_change_on_the_way,
        a_record_that_was_touched_is_told,
    ],
    alone: [],
}

/// What decides how a hello is heard: as it comes, or once it is whole.
const KINDS: [(Key, &str); 4] = [(Key::Rsa, ""), (Key::Rsa, "alpn imap"), (Key::Ecdsa, ""), (Key::Ecdsa, "alpn imap")];

/// A relay whose listener has these parameters behind `ssl`. Both subjects are left with the ciphers that both have.
fn start(subject: Subject, bind: &str, origin: &Origin) -> (Proxy, LogServer) {
    let logs = LogServer::udp();
    let template = format!(
        "global
            nbthread @threads@
            log @log@ local2
        defaults
            mode tcp
            log global
            option tcplog
            timeout connect 2s
            timeout client 20s
            timeout server 20s
        frontend px
            bind @px@ ssl {bind} ciphers ECDHE+AESGCM:ECDHE+CHACHA20
            default_backend servers
        backend servers
            server s1 @s1@"
    );
    let setup = Setup::new(subject, &template).with("s1", origin.target()).with("log", logs.target());
    (setup.start(), logs)
}

/// What OpenSSL's own client says to it: each version and suite, a hello in small pieces, and a close without a word.
fn openssl_agrees(subject: Subject) {
    if !needs::is_there("openssl_agrees", "openssl", "openssl") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let (proxy, _logs) = start(subject, &format!("crt {crt}"), &origin);
    let (address, ca) = (proxy.address("px").to_string(), authority.ca_file());
    let base = ["-connect", &address, "-servername", "mail.test", "-CAfile", &ca, "-verify_return_error"];
    let variants: [&[&str]; 9] = [
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
        &["-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384"],
        &["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
        &["-tls1_3", "-groups", "P-256"],
        // Its key share is of the first group, which is not done here: it is asked for another (RFC 8446 §4.1.4).
        &["-tls1_3", "-groups", "P-521:P-384"],
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
        &["-tls1_2", "-cipher", "ECDHE-RSA-CHACHA20-POLY1305"],
        &["-tls1_2", "-no_ticket"],
        &["-max_send_frag", "512"],
    ];
    for variant in variants {
        let heard = s_client(&[&base[..], variant].concat(), "hello\n");
        assert_eq!(heard, "hello\n", "{variant:?}");
    }
    for refused in [&["-tls1_1"][..], &["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0", "-sigalgs", "ECDSA+SHA256"]] {
        assert_eq!(s_client(&[&base[..], refused].concat(), "hello\n"), "", "{refused:?}");
    }
}

fn gnutls_agrees(subject: Subject) {
    if !needs::is_there("gnutls_agrees", "gnutls-bin", "gnutls-cli") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let (proxy, _logs) = start(subject, &format!("crt {crt}"), &origin);
    let (port, ca) = (proxy.address("px").port().to_string(), authority.ca_file());
    let base = ["--x509cafile", &ca, "--verify-hostname", "mail.test", "--sni-hostname", "mail.test", "--port", &port];
    let heard = |more: &[&str]| gnutls_cli(&[&base[..], more, &["127.0.0.1"]].concat(), "hello\n");
    const ONLY_13: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
    const ONLY_12: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
    for (priority, more) in [
        (ONLY_13, ":-CIPHER-ALL:+AES-128-GCM"),
        (ONLY_13, ":-CIPHER-ALL:+AES-256-GCM"),
        (ONLY_13, ":-CIPHER-ALL:+CHACHA20-POLY1305"),
        (ONLY_13, ":-GROUP-ALL:+GROUP-X25519"),
        (ONLY_13, ":-GROUP-ALL:+GROUP-SECP384R1"),
        (ONLY_12, ""),
        (ONLY_12, ":-CIPHER-ALL:+CHACHA20-POLY1305"),
        (ONLY_12, ":-GROUP-ALL:+GROUP-SECP256R1"),
    ] {
        assert_eq!(heard(&["--priority", &format!("{priority}{more}")]), "hello\n", "{priority}{more}");
    }
    assert_eq!(heard(&["--noticket"]), "hello\n");
    for refused in ["NORMAL:-VERS-ALL:+VERS-TLS1.1", &format!("{ONLY_12}:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC")] {
        assert_eq!(heard(&["--priority", refused]), "", "{refused}");
    }
    for priority in [ONLY_13, ONLY_12] {
        let words = authority.path("words").display().to_string();
        let arguments = ["--resume", "--waitresumption", "--priority", priority, "127.0.0.1"];
        let mut client = Command::new("gnutls-cli");
        client.args(base).arg(format!("--logfile={words}")).args(arguments).stdin(Stdio::null());
        assert!(client.output().expect("it runs").status.success());
        let words = std::fs::read_to_string(words).expect("it has told");
        assert!(words.contains("This is a resumed session"), "{priority}: {words}");
    }
}

fn sslscan_finds_nothing(subject: Subject) {
    if !needs::is_there("sslscan_finds_nothing", "sslscan", "sslscan") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Ecdsa);
    let origin = Origin::echo();
    let (proxy, _logs) = start(subject, &format!("crt {crt}"), &origin);
    // Its scan of groups wants each message in a record of its own, and waits for the others.
    let output =
        Command::new("sslscan").args(["--no-colour", "--no-groups", &proxy.address("px").to_string()]).output();
    let said = String::from_utf8(output.expect("it runs").stdout).expect("ASCII");
    let of = |beginning: &str| -> Vec<&str> { said.lines().filter(|line| line.starts_with(beginning)).collect() };
    for (version, state) in
        [("SSLv2", "disabled"), ("SSLv3", "disabled"), ("TLSv1.0", "disabled"), ("TLSv1.1", "disabled")]
    {
        assert_eq!(of(version).first().map(|line| line.ends_with(state)), Some(true), "{said}");
    }
    assert!(said.contains("Session renegotiation not supported"), "{said}");
    let bleeding: Vec<&str> = said.lines().filter(|line| line.ends_with("vulnerable to heartbleed")).collect();
    assert!(bleeding.len() == 2 && bleeding.iter().all(|line| line.contains(" not ")), "{said}");
    let ciphers = [of("Preferred"), of("Accepted")].concat();
    assert!(ciphers.len() >= 6, "{said}");
    assert!(ciphers.iter().all(|line| line.contains("GCM") || line.contains("CHACHA20")), "{said}");
}

/// The frontend of Dovecot's object store with TLS before it: who comes in clear is sent to the other port, and told to stay there.
const HTTPS: &str = "
    global
        nbthread @threads@
        log @log@ local2
    defaults
        mode     http
        log      global
        option   httplog
        option   http-server-close
        option   forwardfor except 127.0.0.0/8
        option   redispatch
        retries  3
        timeout  http-request    1m
        timeout  queue           1m
        timeout  connect         10s
        timeout  client          1m
        timeout  server          1m
        timeout  http-keep-alive 10m
        timeout  check           10s
    frontend scality_in
        bind     @http@
        bind     @https@ ssl crt @crt@ alpn http/1.1
        http-request  redirect scheme https code 301 unless { ssl_fc }
        http-response set-header Strict-Transport-Security max-age=16000000;\\ includeSubDomains;
        option   forwardfor
        default_backend scality_ring
        capture request header X-Dovecot-Username len 40
    backend scality_ring
        balance  roundrobin
        option   httpchk
        default-server inter 30s
        server   10.10.10.1 @s1@ check";

fn curl_is_led_to_https(subject: Subject) {
    if !needs::is_there("curl_is_led_to_https", "curl", "curl") {
        return;
    }
    let authority = Authority::new();
    let origin = Origin::serve(|mut client| {
        http::head(&mut client)?;
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nobject")
    });
    let logs = LogServer::udp();
    let setup = Setup::new(subject, HTTPS).with("s1", origin.target()).with("log", logs.target());
    let proxy = setup.with("crt", authority.host("m.pem", &["mail.test"], Key::Rsa)).start();
    let by = |port: u16, name: &str| format!("mail.test:{port}:{}", proxy.address(name));
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--location", "--cacert", &authority.ca_file()])
        .args(["--connect-to", &by(80, "http"), "--connect-to", &by(443, "https")])
        .args(["--header", "X-Dovecot-Username: alice", "http://mail.test/proxy/object"])
        .output()
        .expect("curl runs");
    let said = String::from_utf8_lossy(&output.stdout).to_lowercase();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let (led, answered) = said.split_once("\r\n\r\n").expect("a redirect, and an answer");
    assert!(led.contains(" 301 ") && led.contains("location: https://mail.test/proxy/object"), "{led}");
    assert!(answered.contains("http/1.1 200 ok") && answered.ends_with("object"), "{answered}");
    assert!(answered.contains("strict-transport-security: max-age=16000000; includesubdomains;"), "{answered}");
    let line = logs.line_with("scality_in~ scality_ring/10.10.10.1");
    assert!(line.contains(" 200 ") && line.contains("{alice} \"GET ") && line.contains("/proxy/object"), "{line}");
}

/// RFC 5246 §7.2.2 "no_renegotiation".
fn nobody_negotiates_again(subject: Subject) {
    if !needs::is_there("nobody_negotiates_again", "openssl", "openssl") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let (proxy, _logs) = start(subject, &format!("crt {crt}"), &origin);
    let address = proxy.address("px").to_string();
    let mut child = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-connect", &address, "-servername", "mail.test"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"R\n").expect("it asks for a handshake");
    // It ends by itself, its input open.
    let output = child.wait_with_output().expect("our own child");
    drop(stdin);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("RENEGOTIATING") && said.contains("no renegotiation"), "{said}");
    assert!(authority.trusting().try_connect(proxy.address("px")).is_ok());
}

fn what_is_no_hello_is_refused(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::echo();
    for (key, more) in KINDS {
        let crt = authority.host("m.pem", &["mail.test"], key);
        let (proxy, logs) = start(subject, &format!("crt {crt} {more}"), &origin);
        let oversized = [&[22, 3, 1, 0xff, 0xff][..], &[1; 70_000]].concat();
        let garbage: Vec<u8> = (0..=255).collect();
        let cases: [(&str, Vec<u8>); 6] = [
            ("garbage", garbage),
            ("a record of 65,535 bytes", oversized),
            ("records with nothing in them", [22, 3, 1, 0, 0].repeat(100)),
            ("what comes after a handshake", b"\x17\x03\x03\x00\x05hello".to_vec()),
            ("a hello of SSLv2", [&[0x80, 0x2e, 1, 0, 2, 0, 21, 0, 0, 0, 16][..], &[1; 37]].concat()),
            ("an alert", vec![21, 3, 1, 0, 2, 2, 40]),
        ];
        let count = cases.len();
        for (what, bytes) in cases {
            let mut client = proxy.connect("px");
            // It may have been refused before it was said.
            let _ = client.try_say(bytes);
            let _ = client.stream().shutdown(Shutdown::Write);
            let (heard, _) = client.to_end();
            assert!(heard.is_empty() || heard[0] == 21, "at most an alert answers {what}: {heard:?}");
        }
        // HAProxy takes some of them for a close.
        if subject == Subject::Tidegate {
            logs.lines_with("px/1: SSL handshake failure", count);
        }
    }
    assert_eq!(origin.seen(), [], "no server heard of them");
}

/// RFC 8446 §5.1: a message may be spread over records, and records over segments.
fn a_hello_in_pieces_is_heard(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::echo();
    for (key, more) in KINDS {
        let crt = authority.host("m.pem", &["mail.test"], key);
        let (proxy, _logs) = start(subject, &format!("crt {crt} {more}"), &origin);
        for (in_record, in_segment) in [(usize::MAX, 7), (64, 50), (64, usize::MAX)] {
            let (tls, bytes) = authority.trusting().hello();
            let records = bytes[5..].chunks(in_record.min(bytes.len()));
            let bytes: Vec<u8> = records
                .flat_map(|part| {
                    [&bytes[..3], &u16::try_from(part.len()).expect("a hello").to_be_bytes(), part].concat()
                })
                .collect();
            let mut client = proxy.connect("px");
            bytes.chunks(in_segment.min(bytes.len())).for_each(|piece| client.say(piece));
            let mut stream = rustls::StreamOwned::new(tls, client.stream().try_clone().expect("a second descriptor"));
            stream.write_all(b"hello").expect("both agree");
            let mut heard = [0; 5];
            stream.read_exact(&mut heard).expect("the echo");
            assert_eq!(&heard, b"hello", "{in_record} bytes in a record, {in_segment} in a segment");
        }
    }
}

/// A client that is cut off in the middle of a request has not made it: nobody is told that it is whole.
fn a_request_that_is_cut_is_not_whole(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::mute();
    let logs = LogServer::udp();
    let setup = Setup::new(subject, HTTPS).with("s1", origin.target()).with("log", logs.target());
    let proxy = setup.with("crt", authority.host("m.pem", &["mail.test"], Key::Ecdsa)).start();
    let mut client = authority.trusting().connect(proxy.address("https"));
    client.say("PUT /object HTTP/1.1\r\nHost: mail.test\r\nContent-Length: 10\r\n\r\nhalf!");
    client.cut();
    client.to_end();
    let line = logs.line_with("PUT ");
    assert!([" CD-- ", " CH-- ", " CR-- "].iter().any(|flags| line.contains(flags)), "{line}");
}

/// RFC 8446 §4.6.3: a client takes other keys, and wants the proxy to do the same, again and again.
fn keys_change_on_the_way(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let (proxy, _logs) = start(subject, &format!("crt {crt}"), &origin);
    let mut client = authority.trusting().connect(proxy.address("px"));
    let words: Vec<u8> = (0..50_000_u32).map(|number| (number % 251) as u8).collect();
    for _ in 0..5 {
        client.change_keys();
        client.say(&words);
        assert!(client.hear(words.len()) == words);
    }
}

/// RFC 8446 §5.2, RFC 5246 §7.2.2: what does not decrypt ends the connection, its sender is told, and counted as one who broke off.
fn a_record_that_was_touched_is_told(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Ecdsa);
    let origin = Origin::echo();
    let (proxy, logs) = start(subject, &format!("crt {crt}"), &origin);
    for (number, setup) in [authority.trusting(), authority.trusting().old()].into_iter().enumerate() {
        let mut client = setup.connect(proxy.address("px"));
        client.say("right");
        assert_eq!(client.hear(5), b"right");
        client.say_wrong("wrong");
        let told = client.try_hear(1).expect_err("it ends").to_string();
        assert!(told.contains("BadRecordMac"), "{told}");
        let line = logs.lines_with("px~ servers/s1", number + 1).swap_remove(number);
        assert!(line.contains(" CD "), "{line}");
    }
}
