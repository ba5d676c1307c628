//! What rules may ask of TLS and of certificates (`configuration.txt` §7.3.4).

use e2e::secure_origin::SecureOrigin;
use e2e::tls::{Authority, Key, Relay};
use e2e::{Setup, Subject, http};

e2e::scenarios! {
    shared: [rules_ask_about_tls, rules_ask_about_the_servers_tls, rules_ask_about_certificates],
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
        global
            nbthread @threads@
        defaults
            mode http
            timeout connect 2s
            timeout client 10s
            timeout server 10s
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
        let setup = Setup::new(subject, template).with("crt", &crt).with("ca", authority.ca_file()).with("said", said);
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
    let crt = authority.host("m.pem", &["mail.test"], Key::Ecdsa);
    let alice = authority.person("alice.pem", "alice");
    let template = "
        global
            nbthread @threads@
        defaults
            mode http
            timeout connect 2s
            timeout client 10s
            timeout server 10s
        frontend px
            bind @clear@
            bind @secure@ ssl crt @crt@ ca-file @ca@ verify optional alpn http/1.1
            http-request redirect scheme https unless { ssl_fc }
            http-request deny deny_status 403 unless { ssl_fc_sni mail.test } { ssl_fc_protocol TLSv1.3 } { ssl_fc_has_sni }
            http-request deny deny_status 410 if { ssl_c_used } { ssl_fc_has_crt } { ssl_c_s_dn(CN) alice } { ssl_c_verify 0 }
            http-request deny deny_status 429 if { ssl_fc_alpn http/1.1 } { ssl_fc_cipher -m beg TLS_ } { ssl_fc_use_keysize ge 128 }
            http-request deny deny_status 500";
    let setup = Setup::new(subject, template).with("crt", crt).with("ca", authority.ca_file());
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
