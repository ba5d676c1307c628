//! Dovecot's "TLS Forwarding": TLS ends here, and Dovecot, which lets nobody in over clear text, is told of it.

use std::io::{Read, Write};
use std::process::Command;

use e2e::dovecot::{Dovecot, PASSWORD, Plaintext, USER};
use e2e::mail::Lmtp;
use e2e::tls::{Authority, Key};
use e2e::{Admin, Proxy, Setup, Subject, needs, wait};

e2e::scenarios! {
    shared: [
        dovecot_is_told_of_tls,
        mail_clients_log_in_over_tls,
        dovecot_is_told_who_it_is,
        a_client_that_waits_for_mail_outlives_certificates,
        the_example_is_served_as_it_stands,
    ],
    alone: [],
}

const MAIL: &str = "
    global
        nbthread @threads@
    defaults
        mode tcp
        timeout connect 2s
        timeout client 30s
        timeout server 30s
    frontend imap
        bind @imap@
        default_backend to_imap
    frontend imaps
        bind @imaps@ ssl crt @crt@ ca-file @ca@ verify optional
        default_backend to_imap
    frontend pop3s
        bind @pop3s@ ssl crt @crt@
        default_backend to_pop3
    frontend lmtps
        bind @lmtps@ ssl crt @crt@
        default_backend to_lmtp
    frontend lmtp
        bind @lmtp@
        default_backend to_lmtp
    frontend untold
        bind @untold@ ssl crt @crt@
        default_backend by_address_alone
    backend to_imap
        server d1 @dovecot_imap@ @header@
    backend to_pop3
        server d1 @dovecot_pop3@ @header@
    backend to_lmtp
        server d1 @dovecot_lmtp@ @header@
    backend by_address_alone
        server d1 @dovecot_imap@ send-proxy-v2";

fn in_front_of(subject: Subject, dovecot: &Dovecot, header: &str, authority: &Authority, crt: &str) -> Proxy {
    setup(subject, MAIL, dovecot, header, authority, crt).start()
}

fn setup(subject: Subject, text: &str, dovecot: &Dovecot, header: &str, authority: &Authority, crt: &str) -> Setup {
    Setup::new(subject, text)
        .with("dovecot_imap", dovecot.imap())
        .with("dovecot_pop3", dovecot.pop3())
        .with("dovecot_lmtp", dovecot.lmtp())
        .with("header", header)
        .with("crt", crt)
        .with("ca", authority.ca_file())
        .reloadable()
}

/// Sends a command of IMAP, and hands out its result.
fn ask(stream: &mut (impl Read + Write), command: &str) -> String {
    stream.write_all(format!("a {command}\r\n").as_bytes()).expect("Dovecot hears");
    line_with(stream, "a ")
}

/// Waits for a line that begins so.
fn line_with(stream: &mut impl Read, beginning: &str) -> String {
    loop {
        let mut line = Vec::new();
        let mut byte = [0];
        while byte != [b'\n'] {
            stream.read_exact(&mut byte).expect("a line");
            line.push(byte[0]);
        }
        if line.starts_with(beginning.as_bytes()) {
            return String::from_utf8(line).expect("ASCII");
        }
    }
}

/// Logs in behind Dovecot's greeting.
fn log_in(stream: &mut (impl Read + Write), user: &str) -> String {
    line_with(stream, "* OK");
    ask(stream, &format!("LOGIN {user} {PASSWORD}"))
}

fn dovecot_is_told_of_tls(subject: Subject) {
    if !Dovecot::is_there("dovecot_is_told_of_tls") {
        return;
    }
    let authority = Authority::new();
    let dovecot = Dovecot::start(Plaintext::Refused);
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let proxy = in_front_of(subject, &dovecot, "send-proxy-v2-ssl", &authority, &crt);
    let answer = log_in(&mut authority.trusting().connect(proxy.address("imaps")).stream(), USER);
    assert!(answer.starts_with("a OK"), "{answer}");
    dovecot.log_line(&["imap-login: Info: Login: user=<alice>", "secured"]);
    let untold = log_in(&mut authority.trusting().connect(proxy.address("untold")).stream(), USER);
    let clear = log_in(&mut proxy.connect("imap").stream(), USER);
    for answer in [untold, clear] {
        assert!(answer.starts_with("a NO") && answer.contains("PRIVACYREQUIRED"), "{answer}");
    }
}

/// Python's own clients of IMAP and POP3 over TLS, and LMTP in the same manner.
const CLIENTS: &str = r#"
import imaplib, poplib, smtplib, ssl, sys
ca, imaps, pop3s, lmtps = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
connect = context.wrap_socket
context.wrap_socket = lambda sock, server_hostname=None, **rest: connect(sock, server_hostname="mail.test", **rest)
port = lambda address: int(address.rsplit(":", 1)[1])

class Lmtps(smtplib.LMTP):
    def _get_socket(self, host, port, timeout):
        return context.wrap_socket(super()._get_socket(host, port, timeout))

lmtp = Lmtps("127.0.0.1", port(lmtps), local_hostname="rig.test", timeout=10)
lmtp.sendmail("bob@example.org", ["alice"], "Subject: over TLS\r\n\r\n" + "all the way\r\n" * 10000)
lmtp.quit()
pop3 = poplib.POP3_SSL("127.0.0.1", port(pop3s), context=context, timeout=10)
pop3.user("alice")
pop3.pass_("secret")
assert pop3.stat()[0] == 1, pop3.stat()
assert pop3.retr(1)[1].count(b"all the way") == 10000
pop3.quit()
imap = imaplib.IMAP4_SSL("127.0.0.1", port(imaps), ssl_context=context, timeout=10)
imap.login("alice", "secret")
assert imap.select()[1] == [b"1"]
assert b"over TLS" in imap.fetch("1", "(BODY[HEADER])")[1][0][1]
imap.logout()
"#;

fn mail_clients_log_in_over_tls(subject: Subject) {
    let test = "mail_clients_log_in_over_tls";
    if !Dovecot::is_there(test) || !needs::is_there(test, "python3", "python3") {
        return;
    }
    let authority = Authority::new();
    let dovecot = Dovecot::start(Plaintext::Refused);
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let proxy = in_front_of(subject, &dovecot, "send-proxy-v2-ssl", &authority, &crt);
    let mut python = Command::new("python3");
    python.args(["-c", CLIENTS, &authority.ca_file()]);
    let output = python.args(["imaps", "pop3s", "lmtps"].map(|name| proxy.address(name).to_string())).output();
    let output = output.expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for service in ["imap-login: Info: Login: user=<alice>", "pop3-login: Info: Login: user=<alice>"] {
        dovecot.log_line(&[service, "secured"]);
    }
}

/// The name in a client's certificate reaches Dovecot, which takes it instead of the one that the client says.
fn dovecot_is_told_who_it_is(subject: Subject) {
    if !Dovecot::is_there("dovecot_is_told_who_it_is") {
        return;
    }
    let authority = Authority::new();
    let dovecot = Dovecot::start_with(Plaintext::Refused, "auth_ssl_username_from_cert = yes\n");
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let proxy = in_front_of(subject, &dovecot, "send-proxy-v2-ssl-cn", &authority, &crt);
    let alice = authority.person("alice.pem", USER);
    // Dovecot 2.3 looks at the name when its memory may be somebody else's already: what it takes then is nobody's name.
    let taken = (0..5).any(|_| {
        let mut known = authority.trusting().person(&alice).connect(proxy.address("imaps"));
        log_in(&mut known.stream(), "somebody").starts_with("a OK")
    });
    assert!(taken, "the name of the certificate lets in");
    dovecot.log_line(&["imap-login: Info: Login: user=<alice>", "secured"]);
    let answer = log_in(&mut authority.trusting().connect(proxy.address("imaps")).stream(), "somebody");
    assert!(answer.starts_with("a NO"), "without a certificate the name is the client's word: {answer}");
}

/// `management.txt`: set ssl cert, commit ssl cert; and a reload.
fn a_client_that_waits_for_mail_outlives_certificates(subject: Subject) {
    if !Dovecot::is_there("a_client_that_waits_for_mail_outlives_certificates") {
        return;
    }
    let [authority, next, other] = [Authority::new(), Authority::new(), Authority::new()];
    let dovecot = Dovecot::start(Plaintext::Refused);
    let crt = authority.host("m.pem", &["mail.test"], Key::Rsa);
    let admin = Admin::new();
    let text = MAIL.replace("    defaults\n", "        stats socket @admin@ level admin\n    defaults\n");
    let setup = setup(subject, &text, &dovecot, "send-proxy-v2-ssl", &authority, &crt);
    let proxy = setup.with("admin", admin.path().display()).start();
    let mut waiting = authority.trusting().connect(proxy.address("imaps"));
    let mut stream = waiting.stream();
    assert!(log_in(&mut stream, USER).starts_with("a OK"));
    assert!(ask(&mut stream, "SELECT INBOX").starts_with("a OK"));
    // RFC 2177.
    stream.write_all(b"b IDLE\r\n").expect("Dovecot hears");
    line_with(&mut stream, "+ ");
    let bundle = std::fs::read_to_string(next.host("m.pem", &["mail.test"], Key::Rsa)).expect("just written");
    admin.ask(&format!("set ssl cert {crt} <<\n{bundle}"));
    let committed = admin.ask(&format!("commit ssl cert {crt}"));
    assert!(committed.trim_end().ends_with("\nSuccess!"), "{committed}");
    assert!(next.trusting().try_connect(proxy.address("imaps")).is_ok(), "what was committed is shown");
    std::fs::copy(other.host("m.pem", &["mail.test"], Key::Ecdsa), &crt).expect("the new one replaces it");
    proxy.reload();
    wait::until("the new certificate", wait::SOON, || other.trusting().try_connect(proxy.address("imaps")).is_ok());
    let answer = Lmtp::over(proxy.connect("lmtp")).deliver("bob@example.org", USER, &["Subject: news", "", "news"]);
    assert!(answer.starts_with("250 "), "{answer}");
    line_with(&mut stream, "* 1 EXISTS");
    stream.write_all(b"DONE\r\n").expect("Dovecot hears");
    assert!(line_with(&mut stream, "b ").starts_with("b OK"));
}

/// Python's clients: TLS from the first byte, and TLS that Dovecot itself does when it is asked to; each knows by the certificate whose it is.
const BOTH_WAYS: &str = r#"
import imaplib, poplib, ssl, sys
ca, imap, imaps, pop3, pop3s = sys.argv[1:]
port = lambda address: int(address.rsplit(":", 1)[1])

def context(name):
    context = ssl.create_default_context(cafile=ca)
    connect = context.wrap_socket
    context.wrap_socket = lambda sock, server_hostname=None, **rest: connect(sock, server_hostname=name, **rest)
    return context

for way in "begun", "asked for":
    if way == "begun":
        mail = imaplib.IMAP4_SSL("127.0.0.1", port(imaps), ssl_context=context("mail.test"), timeout=10)
        post = poplib.POP3_SSL("127.0.0.1", port(pop3s), context=context("mail.test"), timeout=10)
    else:
        mail = imaplib.IMAP4("127.0.0.1", port(imap), timeout=10)
        assert "LOGINDISABLED" in mail.capabilities, mail.capabilities
        mail.starttls(context("dovecot.test"))
        post = poplib.POP3("127.0.0.1", port(pop3), timeout=10)
        post.stls(context("dovecot.test"))
    mail.login("alice", "secret")
    mail.logout()
    post.user("alice")
    post.pass_("secret")
    post.quit()
"#;

/// `configs/dovecot-tls.cfg`, with this machine's addresses in place of the example's.
fn the_example_is_served_as_it_stands(subject: Subject) {
    let test = "the_example_is_served_as_it_stands";
    if !Dovecot::is_there(test) || !needs::is_there(test, "python3", "python3") {
        return;
    }
    let authority = Authority::new();
    std::fs::create_dir(authority.path("certs")).expect("a directory");
    authority.host("certs/mail.pem", &["mail.test"], Key::Rsa);
    let own = authority.host("dovecot.pem", &["dovecot.test"], Key::Rsa);
    let dovecot = Dovecot::start_with(Plaintext::Refused, &format!("ssl = yes\nssl_cert = <{own}\nssl_key = <{own}\n"));
    let example = std::fs::read_to_string(needs::workspace().join("configs/dovecot-tls.cfg")).expect("the example");
    let certs = authority.path("certs").display().to_string();
    let mut text = example.replace("/etc/tidegate/certs/", &certs).replace("maxconn 60000", "maxconn 600");
    for (address, own) in [
        (":143", "@imap@".to_owned()),
        (":993", "@imaps@".to_owned()),
        (":110", "@pop3@".to_owned()),
        (":995", "@pop3s@".to_owned()),
        ("10.41.1.131:10143", dovecot.imap().to_string()),
        ("10.41.1.116:10143", dovecot.imap().to_string()),
        ("10.41.1.131:10110", dovecot.pop3().to_string()),
        ("10.41.1.116:10110", dovecot.pop3().to_string()),
    ] {
        assert!(text.contains(&format!(" {address}")), "{address} stands there");
        text = text.replace(&format!(" {address}"), &format!(" {own}"));
    }
    let proxy = Setup::new(subject, &text).start();
    let mut python = Command::new("python3");
    python.args(["-c", BOTH_WAYS, &authority.ca_file()]);
    let output = python.args(["imap", "imaps", "pop3", "pop3s"].map(|name| proxy.address(name).to_string())).output();
    let output = output.expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
