//! What rules may ask of TLS and of certificates (`configuration.txt` §7.3.4).

use e2e::client::End;
use e2e::secure_origin::SecureOrigin;
use e2e::tls::{Authority, Key, Relay};
use e2e::{Origin, Setup, Subject, http};

e2e::scenarios! {
    shared: [
        rules_ask_about_tls,
        rules_ask_about_the_servers_tls,
        rules_ask_about_certificates,
        rules_ask_about_hellos_that_are_passed_on,
        rules_ask_about_hellos_of_servers,
    ],
    alone: [],
}

/// `configuration.txt` §7.3.4: ssl_bc and its kin.
fn rules_ask_about_the_servers_tls(subject: Subject) {
    let authority = Authority::new();
    let secure = SecureOrigin::http(authority.server(&["mail.test"], false, &["http/1.1"]));
    let plain = SecureOrigin::http(authority.server(&["mail.test"], false, &[]));
    let say = "http-response set-header seen %[ssl_bc],%[ssl_bc_protocol],%[ssl_bc_cipher],%[ssl_bc_alpn],%[ssl_bc_is_resumed],%[ssl_bc_use_keysize]";
    let server = "ssl verify none alpn http/1.1 no-tlsv13 ciphers ECDHE-ECDSA-AES128-GCM-SHA256 no-ssl-reuse";
    for (target, protocol) in [(secure.target(), "http/1.1"), (plain.target(), "")] {
        let relay = Relay::new(subject, &target, server).with("mode", "http").with("more", say);
        let (proxy, _logs, _admin) = relay.start();
        let head = http::get(proxy.address("px"), "/").head;
        let expected = format!("seen: 1,tlsv1.2,ecdhe-ecdsa-aes128-gcm-sha256,{protocol},0,128");
        assert!(head.contains(&expected), "{head}");
    }
}

/// `configuration.txt` §7.3.4: ssl_c_… and ssl_f_….
fn rules_ask_about_certificates(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let alice = authority.person("alice.pem", "alice");
    let template = "
        frontend px
            bind @px@ ssl crt @crt@ ca-file @ca@ verify optional
            http-request return status 200 content-type text/plain lf-string \"@said@\"";
    // What OpenSSL says of the same files.
    let openssl = |file: &str, arguments: &[&str]| {
        let output =
            std::process::Command::new("openssl").args(["x509", "-noout", "-in", file]).args(arguments).output();
        let text = String::from_utf8(output.expect("openssl runs").stdout).expect("text");
        text.trim().rsplit('=').next().expect("a value").replace(':', "")
    };
    if !e2e::needs::is_there("rules_ask_about_certificates", "openssl", "openssl") {
        return;
    }
    let (serial, sha1) = (openssl(&alice, &["-serial"]), openssl(&alice, &["-fingerprint", "-sha1"]));
    let shown = (openssl(&crt, &["-serial"]), openssl(&crt, &["-fingerprint", "-sha1"]));
    for (said, expected) in [
        (
            "%[ssl_c_s_dn] %[ssl_c_s_dn(CN)] %[ssl_c_s_dn(CN,-1)] %[ssl_c_s_dn(CN,2)] %[ssl_c_s_dn(O)]",
            "/O=Example/CN=alice alice alice  Example".to_owned(),
        ),
        ("%[ssl_c_s_dn(,0,rfc2253)] %[ssl_c_s_dn(CN,1,rfc2253)]", "CN=alice,O=Example alice".to_owned()),
        ("%[ssl_c_i_dn] %[ssl_c_i_dn(CN)]", "/O=Example/CN=Authority Authority".to_owned()),
        ("%[ssl_c_serial,hex] %[ssl_c_sha1,hex]", format!("{serial} {sha1}")),
        ("%[ssl_c_sig_alg] %[ssl_c_key_alg] %[ssl_c_version]", "ecdsa-with-SHA256 id-ecPublicKey 3".to_owned()),
        ("%[ssl_c_err] %[ssl_c_ca_err] %[ssl_c_ca_err_depth] %[ssl_c_verify]", "0 0 0 0".to_owned()),
        (
            "%[ssl_f_s_dn(CN)] %[ssl_f_key_alg] %[ssl_f_serial,hex] %[ssl_f_sha1,hex]",
            format!("mail.test rsaEncryption {} {}", shown.0, shown.1),
        ),
    ] {
        let setup = Setup::sections(subject, "mode http", template)
            .with("crt", &crt)
            .with("ca", authority.ca_file())
            .with("said", said);
        let proxy = setup.start();
        let mut client = authority.trusting().person(&alice).connect(proxy.address("px"));
        client.say("GET / HTTP/1.1\r\nHost: mail.test\r\nConnection: close\r\n\r\n");
        let (answer, _) = client.to_end();
        let answer = String::from_utf8(answer).expect("text");
        assert_eq!(answer.split("\r\n\r\n").nth(1), Some(&*expected), "{said}");
    }
}

fn rules_ask_about_tls(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let alice = authority.person("alice.pem", "alice");
    let template = "
        frontend px
            bind @clear@
            bind @secure@ ssl crt @crt@ ca-file @ca@ verify optional alpn http/1.1
            http-request redirect scheme https unless { ssl_fc }
            http-request deny deny_status 403 unless { ssl_fc_sni mail.test } { ssl_fc_protocol TLSv1.3 } { ssl_fc_has_sni } { ssl_fc_sni_end .test } { ssl_fc_sni_reg ^mail } !{ ssl_fc_has_early }
            http-request deny deny_status 410 if { ssl_c_used } { ssl_fc_has_crt } { ssl_c_s_dn(CN) alice } { ssl_c_verify 0 }
            http-request deny deny_status 429 if { ssl_fc_alpn http/1.1 } { ssl_fc_cipher -m beg TLS_ } { ssl_fc_use_keysize ge 128 }
            http-request deny deny_status 500";
    let setup = Setup::sections(subject, "mode http", template).with("crt", crt).with("ca", authority.ca_file());
    let proxy = setup.start();
    let request = "GET /mail HTTP/1.1\r\nHost: mail.test\r\nConnection: close\r\n\r\n";
    let mut clear = proxy.connect("clear");
    clear.say(request);
    let answer = String::from_utf8(clear.to_end().0).expect("ASCII");
    assert!(answer.starts_with("HTTP/1.1 302 ") && answer.contains("https://mail.test/mail"), "{answer}");
    let trusting = || authority.trusting();
    for (client, status) in [
        (trusting(), "500"),
        (trusting().old(), "403"),
        (trusting().person(&alice), "410"),
        (trusting().protocols(&["http/1.1"]), "429"),
    ] {
        let mut client = client.connect(proxy.address("secure"));
        client.say(request);
        let answer = String::from_utf8(client.to_end().0).expect("ASCII");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
    }
}

/// What a rustls client says of itself, whose hello is in one record: SNI, ALPN, and that it would take a ticket of TLS 1.2.
const OF_HELLOS: &[(&str, bool)] = &[
    ("req.ssl_hello_type 1", true),
    ("req_ssl_hello_type 2", false),
    ("req.ssl_ver 3.3", true),
    ("req_ssl_ver 3.1", false),
    ("req.ssl_ver ge 3.2", true),
    ("req.ssl_sni mail.test", true),
    ("req_ssl_sni -m end .test", true),
    ("req.ssl_sni -m found", true),
    ("req.ssl_sni other.test", false),
    ("req.ssl_alpn imap", true),
    ("req.ssl_alpn h2", false),
    ("req.ssl_ec_ext", true),
    ("req.ssl_ec_ext -m bool", true),
    ("req.ssl_st_ext 1", true),
    ("req.ssl_st_ext 2", false),
];

/// `configuration.txt` §7.3.5, of TLS that is not ended here, however the hello was cut; and of what is no hello.
fn rules_ask_about_hellos_that_are_passed_on(subject: Subject) {
    let (yes, no) = (Origin::named("yes"), Origin::named("no"));
    let frontends = OF_HELLOS.iter().enumerate().map(|(index, (condition, _))| {
        format!(
            "
        frontend f{index}
            bind @f{index}@
            tcp-request inspect-delay 10s
            tcp-request content accept if {{ req.ssl_hello_type 1 }} or {{ req.len ge 5 }} !{{ req.ssl_hello_type -m found }}
            use_backend yes if {{ {condition} }}
            default_backend no"
        )
    });
    let template = format!(
        "
        {}
        backend yes
            server s1 @yes@
        backend no
            server s1 @no@",
        frontends.collect::<String>()
    );
    let setup = Setup::sections(subject, "mode tcp", &template).with("yes", yes.target()).with("no", no.target());
    let proxy = setup.start();
    let authority = Authority::new();
    for (index, (condition, is_true)) in OF_HELLOS.iter().enumerate() {
        for in_segment in [usize::MAX, 40] {
            let (_, hello) = authority.trusting().protocols(&["imap", "pop3"]).hello();
            let mut client = proxy.connect(&format!("f{index}"));
            hello.chunks(in_segment.min(hello.len())).for_each(|piece| client.say(piece));
            let expected = if *is_true { "yes" } else { "no" };
            assert_eq!(client.line(), expected, "{condition}, {in_segment} bytes in a segment");
        }
        let mut other = proxy.connect(&format!("f{index}"));
        other.say("a1 NOOP\r\n");
        assert_eq!(other.line(), "no", "{condition}");
    }
}

/// `res.ssl_hello_type`: a server that answers with a ServerHello, and one that says something else.
fn rules_ask_about_hellos_of_servers(subject: Subject) {
    let authority = Authority::new();
    let (secure, plain) = (SecureOrigin::echo(authority.server(&["mail.test"], false, &[])), Origin::named("* OK"));
    let template = "
        listen secure
            bind @secure@
            tcp-response inspect-delay 5s
            tcp-response content accept if { res.ssl_hello_type 2 }
            tcp-response content reject
            server s1 @s1@
        listen plain
            bind @plain@
            tcp-response inspect-delay 5s
            tcp-response content accept if { rep_ssl_hello_type 2 }
            tcp-response content reject
            server s1 @s2@";
    let proxy =
        Setup::sections(subject, "mode tcp", template).with("s1", secure.target()).with("s2", plain.target()).start();
    let mut client = authority.trusting().connect(proxy.address("secure"));
    client.say("hello");
    assert_eq!(client.hear(5), b"hello");
    assert_eq!(proxy.connect("plain").to_end(), (Vec::new(), End::Fin));
}
