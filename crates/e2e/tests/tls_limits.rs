//! Limits of TLS with clients: how long, how many, how fast; and what is counted of it.

use std::collections::VecDeque;
use std::sync::Arc;

use e2e::admin::Admin;
use e2e::client::{Client, End};
use e2e::secure_origin::SecureOrigin;
use e2e::tls::{Authority, Key, SecureClient};
use e2e::{LogServer, Origin, Proxy, Setup, Subject, process, run, wait};

e2e::scenarios! {
    shared: [
        a_handshake_has_its_time,
        clients_with_tls_are_counted,
        handshakes_are_counted,
        more_clients_than_may_be_wait,
    ],
    alone: [
        half_open_handshakes_hold_up_nobody,
    ],
}

/// `timeout client-hs`, which is newer than Debian's HAProxy; without it `timeout client`.
fn a_handshake_has_its_time(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let origin = Origin::echo();
    let template = format!(
        "global
            nbthread @threads@
            log @log@ local2
        defaults
            mode tcp
            log global
            timeout connect 2s
            timeout server 30s
            timeout @timeout@
        frontend px
            bind @px@ ssl crt {crt}
            default_backend servers
        backend servers
            server s1 @s1@"
    );
    let timeout = match subject {
        Subject::Tidegate => "client 30s\n            timeout client-hs 300ms",
        Subject::Haproxy => "client 300ms",
    };
    let logs = LogServer::udp();
    let setup = Setup::new(subject, &template).with("s1", origin.target()).with("log", logs.target());
    let proxy = setup.with("timeout", timeout).start();
    let mut begun = proxy.connect("px");
    begun.say([0x16, 3, 1]);
    assert_eq!(begun.to_end(), (vec![], End::Fin));
    // Debian's HAProxy says nothing of it.
    if subject == Subject::Tidegate {
        logs.line_with("px/1: Timeout during SSL handshake");
    }
}

/// `management.txt` §9.1: what the module `ssl` of `show stat` counts, of both sides.
fn handshakes_are_counted(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let secure = SecureOrigin::echo(authority.server(&["mail.test"], false, &[]));
    let plain = Origin::named("* OK this is no TLS");
    let template = "
        global
            nbthread @threads@
            stats socket @admin@ level admin
        defaults
            mode tcp
            retries 0
            timeout connect 2s
            timeout client 10s
            timeout server 10s
        frontend px
            bind @px@ ssl crt @crt@
            default_backend servers
        backend servers
            server s1 @s1@ ssl verify none sni str(mail.test)
        listen broken
            bind @broken@
            server s1 @plain@ ssl verify none";
    let admin = Admin::new();
    let setup = Setup::new(subject, template).with("crt", crt).with("s1", secure.target());
    let setup = setup.with("plain", plain.target()).with("threads", 1).with("admin", admin.path().display());
    let proxy = setup.start();
    let config = authority.trusting().config();
    for _ in 0..3 {
        let client = SecureClient::over(proxy.connect("px"), Arc::clone(&config), "mail.test");
        let mut client = client.expect("they agree");
        client.say("x");
        assert_eq!(client.hear(1), b"x");
        client.finish();
        client.to_end();
    }
    let mut nobody = proxy.connect("px");
    nobody.say("GET / HTTP/1.0\r\n\r\n");
    nobody.to_end();
    proxy.connect("broken").to_end();
    for (section, row, [agreed, resumed, failed]) in [
        ("px", "FRONTEND", ["1", "2", "1"]),
        ("servers", "s1", ["1", "2", "0"]),
        ("servers", "BACKEND", ["1", "2", "0"]),
        ("broken", "FRONTEND", ["0", "0", "0"]),
        ("broken", "s1", ["0", "0", "1"]),
        ("broken", "BACKEND", ["0", "0", "1"]),
    ] {
        admin.wait_for(section, row, "ssl_sess", agreed);
        admin.wait_for(section, row, "ssl_reused_sess", resumed);
        admin.wait_for(section, row, "ssl_failed_handshake", failed);
    }
}

/// A relay with these lines in `global`, and its admin socket.
fn limited(subject: Subject, global: &str, authority: &Authority, origin: &Origin) -> (Proxy, Admin) {
    let admin = Admin::new();
    let template = format!(
        "global
            nbthread @threads@
            stats socket @admin@ level admin
            {global}
        defaults
            mode tcp
            timeout connect 2s
            timeout client 10s
            timeout server 10s
        frontend px
            bind @px@ ssl crt @crt@
            default_backend servers
        backend servers
            server s1 @s1@"
    );
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let setup = Setup::new(subject, &template).with("s1", origin.target()).with("crt", crt);
    (setup.with("admin", admin.path().display()).start(), admin)
}

fn clients_with_tls_are_counted(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::echo();
    let (proxy, admin) = limited(subject, "maxsslconn 100\nmaxsslrate 50", &authority, &origin);
    let config = authority.trusting().config();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let client = proxy.connect("px");
        let mut client = SecureClient::over(client, config.clone(), "mail.test").expect("they agree");
        client.say("x");
        client.hear(1);
        clients.push(client);
    }
    let of = |name| admin.info(name);
    assert_eq!((of("MaxSslConns"), of("SslRateLimit")), (100, 50));
    assert_eq!((of("CurrSslConns"), of("CumSslConns")), (3, 3));
    assert!((1..=3).contains(&of("MaxSslRate")));
    // The others took the first one's session up again.
    assert_eq!((of("SslFrontendMaxKeyRate"), of("SslBackendMaxKeyRate")), (1, 0));
    assert_eq!(admin.ask("set rate-limit ssl-sessions global 40"), "\n");
    assert_eq!(of("SslRateLimit"), 40);
    drop(clients);
    wait::until("nobody to be left", wait::SOON, || of("CurrSslConns") == 0);
    assert_eq!(of("CumSslConns"), 3);
}

#[test]
fn records_that_are_not_right_are_counted() {
    run::run("records_that_are_not_right_are_counted", Subject::Tidegate, run::Machine::Shared, broken);
}

/// To HAProxy that is an abort like any other.
fn broken(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::echo();
    let (proxy, admin) = limited(subject, "", &authority, &origin);
    for (count, setup) in (1..).zip([authority.trusting(), authority.trusting().old()]) {
        let mut client = setup.connect(proxy.address("px"));
        client.say("x");
        assert_eq!(client.hear(1), b"x");
        client.say_wrong("wrong");
        assert!(client.try_hear(1).is_err(), "it ends");
        wait::until("it to be counted", wait::SOON, || admin.info("SslFrontendBroken") == count);
    }
    assert_eq!(admin.info("SslBackendBroken"), 0);
}

fn more_clients_than_may_be_wait(subject: Subject) {
    let authority = Authority::new();
    let origin = Origin::echo();
    let (proxy, admin) = limited(subject, "maxsslconn 1", &authority, &origin);
    let mut first = authority.trusting().connect(proxy.address("px"));
    first.say("x");
    assert_eq!(first.hear(1), b"x");
    // In the queue of the socket, until the first one leaves.
    let mut second = proxy.connect("px");
    second.say(authority.trusting().hello().1);
    first.say("z");
    assert_eq!(first.hear(1), b"z");
    assert_eq!((admin.info("CurrSslConns"), admin.info("CumSslConns")), (1, 1));
    first.finish();
    first.to_end();
    drop(first);
    // Debian's HAProxy does not come back to it before somebody else leaves.
    if subject == Subject::Tidegate {
        assert_eq!(second.hear(1), [22], "it is answered with a message of the handshake");
        assert_eq!(admin.info("CumSslConns"), 2);
    }
}

/// Clients that have begun and do not go on. As many as descriptors allow: a process of HAProxy has 20,000 for both sides.
fn half_open_handshakes_hold_up_nobody(subject: Subject) {
    let files = usize::try_from(process::raise_descriptor_limit()).expect("a number of files").min(20_000);
    // A process of HAProxy keeps two files for each; of ours each thread has as many.
    let count = if subject == Subject::Haproxy { files / 2 - 1_000 } else { files / 2 };
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let (origin, admin) = (Origin::echo(), Admin::new());
    let template = format!(
        "global
            nbthread @threads@
            maxconn {}
            stats socket @admin@
        defaults
            mode tcp
            timeout connect 2s
            timeout client 60s
            timeout server 60s
        frontend px
            bind @px@ ssl crt {crt} alpn imap
            default_backend servers
        backend servers
            server s1 @s1@",
        count + 100
    );
    let setup = Setup::new(subject, &template).with("s1", origin.target());
    let proxy = setup.with("admin", admin.path().display()).start();
    let serves = || {
        let mut client = authority.trusting().connect(proxy.address("px"));
        client.say("hello");
        client.hear(5) == b"hello"
    };
    assert!(serves());
    let before = proxy.resident_kib();
    let (_, bytes) = authority.trusting().hello();
    let mut clients: VecDeque<Client> = VecDeque::new();
    for number in 0..count {
        let mut client = proxy.connect_from(1 + (number % 250) as u8, "px");
        client.say(&bytes[..bytes.len() / 2]);
        clients.push_back(client);
    }
    wait::until("all of them to be accepted", wait::SOON, || admin.info("CurrConns") >= count as u64);
    assert!(serves(), "others are served beside them");
    if subject == Subject::Tidegate {
        let each = proxy.resident_kib().saturating_sub(before) * 1024 / count as u64;
        assert!(each < 16 * 1024, "{each} bytes for each of them");
    }
    drop(clients);
    wait::until("all of them to be forgotten", wait::SOON, || admin.info("CurrConns") == 0);
    assert!(serves());
}

#[test]
fn who_loses_is_said() {
    run::run("who_loses_is_said", Subject::Tidegate, run::Machine::Shared, losing);
}

/// What the library does not do is served without, and who loses by that is said; what changes nothing is a notice; what is refused says why.
fn losing(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let said = |global: &str, bind: &str, rule: &str| {
        let template = format!(
            "global
                {global}
            defaults
                mode http
                timeout connect 2s
                timeout client 2s
                timeout server 2s
            frontend px
                bind @px@ ssl crt {crt} {bind}
                {rule}"
        );
        Setup::new(subject, &template).argument("-c").run_to_end().stderr
    };
    for (global, bind, rule, expected) in [
        ("", "ssl-min-ver TLSv1.0", "", "clients that know nothing newer than TLSv1.1 are refused by bind '"),
        (
            "",
            "ciphers ECDHE-ECDSA-AES128-GCM-SHA256:AES128-SHA",
            "",
            "clients that have nothing better than AES128-SHA",
        ),
        ("", "alpn h2,http/1.1", "", "HTTP/2 is not spoken here, so clients are not offered it"),
        ("ssl-dh-param-file /nowhere", "", "", "'ssl-dh-param-file' has no effect in Tidegate"),
        ("tune.ssl.cachesize 100", "", "", "'tune.ssl.cachesize' has no effect in Tidegate"),
        ("", "npn http/1.1", "", "NPN was replaced by ALPN"),
        ("", "", "http-request set-header id %[ssl_fc_unique_id,hex]", "stay in the library that makes it"),
        ("", "", "http-request deny if { ssl_fc_cipherlist_bin -m found }", "what a client offers is forgotten"),
    ] {
        let told = said(global, bind, rule);
        assert!(told.contains(expected), "{global} {bind} {rule}: {told}");
    }
}
