//! Certificates that change while clients come: the commands on them, lists of them, and files that are watched.

use std::fs;
use std::io::Write;

use e2e::tls::{Authority, ClientSetup, Key, SecureClient, s_client_says};
use e2e::{Admin, LogServer, Origin, Proxy, Setup, Subject, run, wait};

e2e::scenarios! {
    shared: [
        authorities_are_described,
        responses_are_exchanged,
        a_certificate_is_exchanged,
        what_is_wrong_with_an_exchange_is_said,
        certificates_are_described,
        a_certificate_for_each_line_of_a_list,
        each_line_of_a_list_has_its_settings,
        lines_of_a_list_come_and_go,
        what_is_wrong_with_lists_is_said,
        clients_whose_certificates_were_revoked_are_refused,
        what_the_authority_says_is_passed_on,
    ],
    alone: [],
}

#[test]
fn files_are_watched() {
    run::run("files_are_watched", Subject::Tidegate, run::Machine::Shared, watched);
}

#[test]
fn certificates_for_all_others_are_named() {
    run::run("certificates_for_all_others_are_named", Subject::Tidegate, run::Machine::Shared, named);
}

/// A relay with this `bind` line behind `ssl`.
struct Relay {
    proxy: Proxy,
    admin: Admin,
    logs: LogServer,
    _origin: Origin,
}

fn relay(subject: Subject, global: &str, bind: &str) -> Relay {
    let (admin, logs, origin) = (Admin::new(), LogServer::udp(), Origin::echo());
    let setup = setup(subject, global, bind, &admin, &logs, &origin);
    Relay { proxy: setup.start(), admin, logs, _origin: origin }
}

fn setup(subject: Subject, global: &str, bind: &str, admin: &Admin, logs: &LogServer, origin: &Origin) -> Setup {
    let template = format!(
        "global
            nbthread @threads@
            log @log@ local2
            stats socket @admin@ level admin
            {global}
        defaults
            mode tcp
            log global
            timeout connect 2s
            timeout client 10s
            timeout server 10s
        listen px
            bind @px@ ssl {bind}
            server s1 @s1@"
    );
    let setup = Setup::new(subject, &template).with("s1", origin.target()).with("log", logs.target());
    setup.with("admin", admin.path().display())
}

impl Relay {
    fn connect(&self, client: &ClientSetup) -> SecureClient {
        client.connect(self.proxy.address("px"))
    }

    /// Whether a client that trusts this authority is served under this name.
    fn is_shown(&self, authority: &Authority, name: &str) -> bool {
        authority.trusting().name(name).try_connect(self.proxy.address("px")).is_ok()
    }

    fn set(&self, path: &str, text: &str) -> String {
        self.admin.ask(&format!("set ssl cert {path} <<\n{text}"))
    }
}

fn text_of(path: &str) -> String {
    fs::read_to_string(path).expect("just written")
}

/// `management.txt`: set ssl cert, commit ssl cert, abort ssl cert.
fn a_certificate_is_exchanged(subject: Subject) {
    let (one, other) = (Authority::new(), Authority::new());
    // The next has a key of another kind.
    let crt = one.host("m.pem", &["mail.test"], Key::Ecdsa);
    let next = text_of(&other.host("next.pem", &["mail.test"], Key::Rsa));
    let relay = relay(subject, "", &format!("crt {crt}"));
    let mut early = relay.connect(&one.trusting());
    early.say("a");
    assert_eq!(early.hear(1), b"a");
    assert_eq!(relay.set(&crt, &next).trim_end(), format!("Transaction created for certificate {crt}!"));
    assert_eq!(relay.set(&crt, &next).trim_end(), format!("Transaction updated for certificate {crt}!"));
    assert_eq!(relay.admin.ask("show ssl cert").trim_end(), format!("# transaction\n*{crt}\n# filename\n{crt}"));
    assert!(relay.is_shown(&one, "mail.test"), "nothing has happened yet");
    assert_eq!(relay.admin.ask(&format!("commit ssl cert {crt}")).trim_end(), format!("Committing {crt}.\nSuccess!"));
    assert!(relay.is_shown(&other, "mail.test") && !relay.is_shown(&one, "mail.test"));
    early.say("b");
    assert_eq!(early.hear(1), b"b", "sessions go on");
    relay.set(&crt, &text_of(&crt));
    let aborted = relay.admin.ask(&format!("abort ssl cert {crt}"));
    assert_eq!(aborted.trim_end(), format!("Transaction aborted for certificate '{crt}'!"));
    assert_eq!(relay.admin.ask("show ssl cert").trim_end(), format!("# filename\n{crt}"));
    assert!(relay.is_shown(&other, "mail.test"));
}

fn what_is_wrong_with_an_exchange_is_said(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let whole = text_of(&authority.host("next.pem", &["mail.test"], Key::Rsa));
    let strangers_key = text_of(&authority.host("other.pem", &["mail.test"], Key::Rsa));
    let key = &strangers_key[strangers_key.find("-----BEGIN PRIVATE").expect("a key")..];
    let mismatched = format!("{}{key}", &whole[..whole.find("-----BEGIN PRIVATE").expect("a key")]);
    let relay = relay(subject, "", &format!("crt {crt}"));
    let ask = |command: &str| relay.admin.ask(command).trim_end().to_owned();
    for (command, said) in [
        ("set ssl cert", "'set ssl cert expects a filename and a certificate as a payload"),
        ("commit ssl cert", "'commit ssl cert expects a filename"),
        ("commit ssl cert nobody", "No ongoing transaction! !\nCan't commit nobody!"),
        ("abort ssl cert nobody", "No ongoing transaction!"),
        ("del ssl cert nobody", "Can't remove the certificate: certificate 'nobody' doesn't exist!"),
        ("show ssl cert nobody", "Can't display the certificate: Not found or the certificate is a bundle!"),
        ("new ssl cert", "'new ssl cert' expects a filename"),
        ("show ssl crt-list nobody", "didn't find the specified filename"),
    ] {
        assert_eq!(ask(command), said, "{command}");
    }
    let used = format!("Can't remove the certificate: certificate '{crt}' in use, can't be deleted!");
    assert_eq!(ask(&format!("del ssl cert {crt}")), used);
    let unknown = "Can't replace a certificate which is not referenced by the configuration!\nCan't update nobody!";
    assert_eq!(relay.set("nobody", &whole).trim_end(), unknown);
    relay.set(&crt, &mismatched);
    assert!(ask(&format!("commit ssl cert {crt}")).contains("inconsistencies between private key and certificate"));
    assert!(ask(&format!("commit ssl cert {crt}x")).contains(&format!("The ongoing transaction is about '{crt}'")));
    assert!(relay.is_shown(&authority, "mail.test"), "what was shown is shown");
}

/// `management.txt`: show ssl cert, new ssl cert, del ssl cert; beside what OpenSSL says of the same file.
fn certificates_are_described(subject: Subject) {
    if !e2e::needs::is_there("certificates_are_described", "openssl", "openssl") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test", "*.mail.test"], Key::Rsa);
    let relay = relay(subject, "", &format!("crt {crt}"));
    let said = |what: &[&str]| {
        let output = std::process::Command::new("openssl").args(["x509", "-noout", "-in", &crt]).args(what).output();
        let text = String::from_utf8(output.expect("openssl runs").stdout).expect("text");
        text.trim().split_once('=').expect("a value").1.to_owned()
    };
    let shown = relay.admin.ask(&format!("show ssl cert {crt}"));
    let expected = format!(
        "Filename: {crt}\nStatus: Used\nSerial: {}\nnotBefore: {}\nnotAfter: {}\n\
         Subject Alternative Name: DNS:mail.test, DNS:*.mail.test\nAlgorithm: RSA2048\nSHA1 FingerPrint: {}\n\
         Subject: /O=Example/CN=mail.test\nIssuer: /O=Example/CN=Authority\n",
        said(&["-serial"]),
        said(&["-startdate"]),
        said(&["-enddate"]),
        said(&["-fingerprint", "-sha1"]).replace(':', ""),
    );
    assert!(shown.starts_with(&expected), "{shown}");
    let made = "/nowhere/new.pem";
    let ask = |command: &str| relay.admin.ask(command).trim_end().to_owned();
    assert_eq!(ask(&format!("new ssl cert {made}")), format!("New empty certificate store '{made}'!"));
    assert_eq!(ask(&format!("new ssl cert {made}")), format!("Certificate '{made}' already exists!"));
    assert!(ask(&format!("show ssl cert {made}")).starts_with(&format!("Filename: {made}\nStatus: Empty")));
    relay.set(made, &text_of(&crt));
    assert_eq!(ask(&format!("commit ssl cert {made}")), format!("Committing {made}\nSuccess!"));
    assert!(ask(&format!("show ssl cert {made}")).starts_with(&format!("Filename: {made}\nStatus: Unused\nSerial: ")));
    assert_eq!(ask(&format!("del ssl cert {made}")), format!("Certificate '{made}' deleted!"));
}

/// `configuration.txt` §5.1 "crt-list".
fn a_certificate_for_each_line_of_a_list(subject: Subject) {
    let authority = Authority::new();
    let of = |file: &str, hosts: &[&str]| authority.host(file, hosts, Key::Rsa);
    let (first, wild) = (of("first.pem", &["first.test"]), of("wild.pem", &["*.wild.test", "one.test"]));
    let plain = of("plain.pem", &["plain.test"]);
    let list = authority.path("list.txt");
    let text = format!("# lines\n{first}\n\n{wild} *.wild.test !not.wild.test\n{plain}\n");
    fs::write(&list, text).expect("room for a list");
    let relay = relay(subject, "", &format!("crt-list {}", list.display()));
    for (name, is_shown) in [
        ("first.test", true),
        ("plain.test", true),
        ("a.wild.test", true),
        // It is excepted, and the first of the list is not for it.
        ("not.wild.test", false),
        // Its certificate is for this, too; the line is not.
        ("one.test", false),
        ("nobody.test", false),
    ] {
        assert_eq!(relay.is_shown(&authority, name), is_shown, "{name}");
    }
}

/// `configuration.txt` §5.1 "crt-list": what stands in brackets goes before what the `bind` line says.
fn each_line_of_a_list_has_its_settings(subject: Subject) {
    let authority = Authority::new();
    let (alice, ca) = (authority.person("alice.pem", "alice"), authority.ca_file());
    let of = |name: &str| authority.host(&format!("{name}.pem"), &[&format!("{name}.test")], Key::Rsa);
    let text = [
        of("plain"),
        format!("{} [alpn imap]", of("imap")),
        format!("{} [verify required ca-file {ca}] closed.test", of("closed")),
        format!("{} [ssl-max-ver TLSv1.2 alpn pop3,imap]", of("old")),
    ];
    let list = authority.path("list.txt");
    fs::write(&list, text.join("\n") + "\n").expect("room for a list");
    let relay = relay(subject, "", &format!("crt-list {} alpn lmtp", list.display()));
    // Whom it asks for: the version and the protocol that are agreed on, if both go on.
    let agreed = |client: ClientSetup| {
        let mut client = client.protocols(&["imap", "lmtp"]).try_connect(relay.proxy.address("px")).ok()?;
        client.stream().write_all(b"x").ok()?;
        client.try_hear(1).ok()?;
        let protocol = client.tls().alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        Some((client.tls().protocol_version()?.as_str()?, protocol.unwrap_or_default()))
    };
    let asking = |name: &str| authority.trusting().name(name);
    for _ in 0..2 {
        for (client, expected) in [
            (asking("plain.test"), Some(("TLSv1_3", "lmtp"))),
            (asking("imap.test"), Some(("TLSv1_3", "imap"))),
            (asking("imap.test").old(), Some(("TLSv1_2", "imap"))),
            (asking("old.test"), Some(("TLSv1_2", "imap"))),
            (asking("closed.test"), None),
            (asking("closed.test").old(), None),
            (asking("closed.test").person(&alice), Some(("TLSv1_3", "lmtp"))),
        ] {
            let agreed = agreed(client);
            let agreed = agreed.as_ref().map(|(version, protocol)| (*version, protocol.as_str()));
            assert_eq!(agreed, expected);
        }
        // They stay when a certificate of the list is exchanged.
        let path = authority.path("closed.pem").display().to_string();
        relay.set(&path, &text_of(&path));
        relay.admin.ask(&format!("commit ssl cert {path}"));
    }
}

/// `management.txt`: add ssl crt-list, del ssl crt-list, show ssl crt-list.
fn lines_of_a_list_come_and_go(subject: Subject) {
    let authority = Authority::new();
    let first = authority.host("first.pem", &["first.test"], Key::Rsa);
    let next = text_of(&authority.host("next.pem", &["next.test"], Key::Rsa));
    let path = authority.path("list.txt").display().to_string();
    fs::write(&path, format!("{first}\n")).expect("room for a list");
    let relay = relay(subject, "", &format!("crt-list {path}"));
    let ask = |command: &str| relay.admin.ask(command).trim_end().to_owned();
    let made = "/nowhere/next.pem";
    ask(&format!("new ssl cert {made}"));
    let empty = format!("Can't edit the crt-list: certificate '{made}' is empty!");
    assert_eq!(ask(&format!("add ssl crt-list {path} {made}")), empty);
    relay.set(made, &next);
    ask(&format!("commit ssl cert {made}"));
    let added = format!("Inserting certificate '{made}' in crt-list '{path}'.\nSuccess!");
    assert_eq!(ask(&format!("add ssl crt-list {path} {made}")), added);
    assert!(relay.is_shown(&authority, "next.test"));
    assert_eq!(ask("show ssl crt-list"), path);
    let listed = format!("# {path}\n{first}:1\n{made}:2");
    assert_eq!(ask(&format!("show ssl crt-list -n {path}")), listed);
    let used = format!("Can't remove the certificate: certificate '{made}' in use, can't be deleted!");
    assert_eq!(ask(&format!("del ssl cert {made}")), used);
    let deleted = format!("Entry '{made}' deleted in crtlist '{path}'!");
    assert_eq!(ask(&format!("del ssl crt-list {path} {made}")), deleted);
    assert!(!relay.is_shown(&authority, "next.test") && relay.is_shown(&authority, "first.test"));
    for (command, said) in [
        ("add ssl crt-list".to_owned(), "'add ssl crtlist' expects a filename and a certificate name"),
        ("del ssl crt-list".to_owned(), "'del ssl crtlist' expects a filename and a certificate name"),
        (format!("add ssl crt-list nobody {made}"), "Can't edit the crt-list: crt-list 'nobody' does not exist!"),
        (format!("add ssl crt-list {path} nobody"), "Can't edit the crt-list: certificate 'nobody' does not exist!"),
        (format!("del ssl crt-list {path} nobody"), "Can't delete the entry: certificate 'nobody' does not exist!"),
    ] {
        assert_eq!(ask(&command), said, "{command}");
    }
}

fn what_is_wrong_with_lists_is_said(subject: Subject) {
    let authority = Authority::new();
    let keyless = authority.ca_file();
    let good = authority.host("good.pem", &["a.test"], Key::Rsa);
    for (text, expected) in [
        ("/nowhere.pem a.test", "'crt-list' : unable to stat SSL certificate from file '/nowhere.pem' : No such file"),
        (&*keyless, &*format!("'crt-list' : No Private Key found in '{keyless}.key'.")),
        (&*format!("{good} [bogus] a.test"), "]: unknown ssl keyword bogus"),
        (&*format!("{good} [alpn] a.test"), "]: ssl args out of '[]' for alpn"),
        (&*format!("{good} [verify x] a.test"), "'verify' : unknown verify method 'x', only 'none', 'optional', and"),
        (&*format!("{good} [verify required] a.test"), "verify is enabled but no CA file specified for bind '"),
        ("# nothing", "Proxy 'px': no SSL certificate specified for bind '"),
    ] {
        let list = authority.path("list.txt");
        fs::write(&list, format!("{text}\n")).expect("room for a list");
        let (admin, logs, origin) = (Admin::new(), LogServer::udp(), Origin::echo());
        let bind = format!("crt-list {}", list.display());
        let ended = setup(subject, "", &bind, &admin, &logs, &origin).run_to_end();
        assert!(ended.stderr.contains(expected), "{text}: {}", ended.stderr);
    }
    let (admin, logs, origin) = (Admin::new(), LogServer::udp(), Origin::echo());
    let ended = setup(subject, "", "crt-list /nowhere", &admin, &logs, &origin).run_to_end();
    let expected = "'crt-list' : cannot open file '/nowhere' : No such file or directory";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
}

/// `tidegate.watch-certificates`: a keyword of our own.
fn watched(subject: Subject) {
    let (one, other) = (Authority::new(), Authority::new());
    fs::create_dir(one.path("certs")).expect("a directory");
    let crt = one.host("certs/m.pem", &["mail.test"], Key::Rsa);
    let relay = relay(subject, "tidegate.watch-certificates", &format!("crt {}", one.path("certs").display()));
    let mut early = relay.connect(&one.trusting());
    fs::copy(other.host("m.pem", &["mail.test"], Key::Rsa), &crt).expect("the new one replaces it");
    wait::until("the new certificate", wait::SOON, || relay.is_shown(&other, "mail.test"));
    relay.logs.line_with(&format!("Certificate '{crt}' was taken over from its file."));
    early.say("a");
    assert_eq!(early.hear(1), b"a", "sessions go on");
    one.host("certs/new.pem", &["new.test"], Key::Rsa);
    wait::until("a file that is new", wait::SOON, || relay.is_shown(&one, "new.test"));
    fs::write(&crt, "nothing\n").expect("room for a line");
    relay.logs.line_with(&format!("Certificate '{crt}' stays as it was: unable to load certificate from file"));
    assert!(relay.is_shown(&other, "mail.test"), "what was shown is shown");
}

/// `configuration.txt` §5.1 "crl-file".
fn clients_whose_certificates_were_revoked_are_refused(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let (alice, bob) = (authority.person("alice.pem", "alice"), authority.person("bob.pem", "bob"));
    for (list, expected) in [
        (authority.revoke("bob.crl", &[&bob], 2049), [true, false]),
        // Whoever knows nothing newer does not know who was revoked meanwhile.
        (authority.revoke("old.crl", &[], 2021), [false, false]),
        (Authority::new().revoke("stranger.crl", &[], 2049), [false, false]),
    ] {
        let bind = format!("crt {crt} ca-file {} verify required crl-file {list}", authority.ca_file());
        let relay = relay(subject, "", &bind);
        let is_served = |person: &str| {
            let client = authority.trusting().person(person).try_connect(relay.proxy.address("px"));
            let Ok(mut client) = client else { return false };
            // In TLS 1.3 a refusal comes behind what the client takes for the end of the handshake.
            client.stream().write_all(b"x").is_ok() && client.try_hear(1).is_ok()
        };
        assert_eq!([is_served(&alice), is_served(&bob)], expected, "{list}");
    }
}

/// RFC 6066 §8: what stands in `.ocsp` beside a certificate, for clients that ask.
fn what_the_authority_says_is_passed_on(subject: Subject) {
    if !e2e::needs::is_there("what_the_authority_says_is_passed_on", "openssl", "openssl") {
        return;
    }
    let authority = Authority::new();
    let told = authority.host("told.pem", &["told.test"], Key::Rsa);
    let silent = authority.host("silent.pem", &["silent.test"], Key::Ecdsa);
    authority.staple(&told);
    let relay = relay(subject, "", &format!("crt {told} crt {silent}"));
    let (address, ca) = (relay.proxy.address("px").to_string(), authority.ca_file());
    for version in ["-tls1_2", "-tls1_3"] {
        let ask = |name: &str| {
            s_client_says(&["-connect", &address, "-servername", name, "-CAfile", &ca, "-status", version])
        };
        let said = ask("told.test");
        assert!(said.contains("OCSP Response Status: successful") && said.contains("Cert Status: good"), "{said}");
        assert!(ask("silent.test").contains("OCSP response: no response sent"), "nothing is known of it");
    }
}

/// `management.txt`: show ssl ca-file, show ssl crl-file.
fn authorities_are_described(subject: Subject) {
    if !e2e::needs::is_there("authorities_are_described", "openssl", "openssl") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let bob = authority.person("bob.pem", "bob");
    let (ca, crl) = (authority.ca_file(), authority.revoke("bob.crl", &[&bob], 2049));
    let relay = relay(subject, "", &format!("crt {crt} ca-file {ca} verify optional crl-file {crl}"));
    let ask = |command: String| relay.admin.ask(&command);
    let listed = ask("show ssl ca-file".to_owned());
    assert!(listed.starts_with("# filename\n") && listed.contains(&format!("{ca} - 1 certificate(s)\n")), "{listed}");
    let whole = ask(format!("show ssl ca-file {ca}"));
    let head = format!("Filename: {ca}\nStatus: Used\n \nCertificate #1:\nSerial: ");
    assert!(whole.starts_with(&head), "{whole}");
    assert!(whole.contains("\nSubject: /O=Example/CN=Authority\nIssuer: /O=Example/CN=Authority\n"), "{whole}");
    assert_eq!(ask(format!("show ssl ca-file {ca}:1")), whole);
    assert_eq!(ask("show ssl ca-file x".to_owned()), "Can't display the CA file : Not found!\n\n");
    assert_eq!(ask("show ssl crl-file".to_owned()), format!("# filename\n{crl}\n\n"));
    let said = std::process::Command::new("openssl").args(["x509", "-noout", "-serial", "-in", &bob]).output();
    let said = String::from_utf8(said.expect("openssl runs").stdout).expect("text");
    let serial = said.trim().strip_prefix("serial=").expect("a number");
    assert_eq!(
        ask(format!("show ssl crl-file {crl}")),
        format!(
            "Filename: {crl}\nStatus: Used\n \nCertificate Revocation List #1:\nVersion 2\n\
             Signature Algorithm: ecdsa-with-SHA256\nIssuer: /O=Example/CN=Authority\n\
             Last Update: Jan  1 00:00:00 2020 GMT\nNext Update: Jan  1 00:00:00 2049 GMT\n\
             Revoked Certificates:\n    Serial Number: {serial}\n        Revocation Date: Jan  1 00:00:00 2020 GMT\n\n"
        )
    );
    assert_eq!(ask("show ssl crl-file x".to_owned()), "Can't display the CRL file : Not found!\n\n");
    if subject == Subject::Tidegate {
        assert!(ask(format!("set ssl ca-file {ca}")).contains("'reload' reads them"));
    }
}

/// `management.txt`: show ssl ocsp-response, set ssl ocsp-response.
fn responses_are_exchanged(subject: Subject) {
    if !e2e::needs::is_there("responses_are_exchanged", "openssl", "openssl") {
        return;
    }
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    authority.staple(&crt);
    let relay = relay(subject, "", &format!("crt {crt}"));
    let ask = |command: &str| relay.admin.ask(command).trim_end().to_owned();
    let shown = ask(&format!("show ssl cert {crt}"));
    let id = shown.lines().find_map(|line| line.strip_prefix("OCSP Response Key: ")).expect("its id");
    assert!(id.starts_with("303b300906052b0e03021a05000414"), "{id}");
    let listed = ask("show ssl ocsp-response");
    assert!(
        listed.starts_with(&format!("# Certificate IDs\nCertificate ID key : {id}\n Certificate ID:\n")),
        "{listed}"
    );
    assert_eq!(ask("show ssl ocsp-response 00"), "Certificate ID does not match any certificate.");
    let encoded = |path: &str| {
        let output = std::process::Command::new("openssl").args(["base64", "-A", "-in", path]).output();
        String::from_utf8(output.expect("openssl runs").stdout).expect("text").trim().to_owned()
    };
    authority.staple(&crt);
    let another = encoded(&format!("{crt}.ocsp"));
    assert_eq!(ask(&format!("set ssl ocsp-response {another}")), "OCSP Response updated!");
    if subject == Subject::Tidegate {
        assert_eq!(ask(&format!("show ssl ocsp-response base64 {id}")), another);
    }
    for (said, answered) in [
        ("", "'set ssl ocsp-response' expects response in base64 encoding."),
        ("zz", "'set ssl ocsp-response' received invalid base64 encoded response."),
        (&encoded(&crt), "Unable to parse OCSP response."),
    ] {
        assert_eq!(ask(&format!("set ssl ocsp-response {said}")), answered);
    }
    let (address, ca) = (relay.proxy.address("px").to_string(), authority.ca_file());
    let said = s_client_says(&["-connect", &address, "-servername", "mail.test", "-CAfile", &ca, "-status"]);
    assert!(said.contains("Cert Status: good"), "{said}");
}

#[test]
fn names_are_told() {
    let authority = Authority::new();
    let crt = authority.host("m.pem", &["mail.test", "*.mail.test"], Key::Rsa);
    let relay = relay(Subject::Tidegate, "", &format!("crt {crt}"));
    let told = relay.admin.ask("show ssl sni");
    let rows: Vec<Vec<&str>> = told.trim_end().lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows[0][..5], ["# Frontend/Bind", "SNI", "Negative Filter", "Type", "Filename"]);
    let names: Vec<&str> = rows[1..].iter().map(|row| row[1]).collect();
    assert_eq!(names, ["*", "*.mail.test", "mail.test"]);
    for row in &rows[1..] {
        assert!(row[0].starts_with("px/") && row[2..5] == ["-", "rsa", &crt], "{row:?}");
    }
    assert_eq!(relay.admin.ask("show ssl sni -f nobody").lines().count(), 2);
}

/// `configuration.txt` §5.1 "default-crt" of 3.4: what serves clients that ask for nobody, or for somebody unknown.
fn named(subject: Subject) {
    let authority = Authority::new();
    let first = authority.host("first.pem", &["first.test"], Key::Rsa);
    let default = authority.host("default.pem", &["default.test", "nobody.test"], Key::Rsa);
    let relay = relay(subject, "", &format!("crt {first} default-crt {default}"));
    for name in ["first.test", "default.test", "nobody.test"] {
        assert!(relay.is_shown(&authority, name), "{name}");
    }
}
