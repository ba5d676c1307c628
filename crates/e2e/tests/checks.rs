//! Health checks that say something: scripts, and checks by name, against servers that answer well, badly, or not at all.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use e2e::client::End;
use e2e::dovecot::{Dovecot, Plaintext};
use e2e::peers::Conversation;
use e2e::run::{self, Machine};
use e2e::{Admin, LogServer, Origin, Proxy, Refusing, Setup, Subject, wait};

#[path = "checks/http.rs"]
mod http;

use http::{
    a_server_that_wants_nobody_new, what_http_checks_ask, what_http_checks_find, what_is_said_of_success,
    what_responses_say_of_health,
};

e2e::scenarios! {
    shared: [
        what_scripts_find,
        what_checks_by_name_find,
        what_http_checks_find,
        what_http_checks_ask,
        what_is_said_of_success,
        what_responses_say_of_health,
        a_server_that_wants_nobody_new,
        a_script_that_is_followed,
        a_server_that_stops_to_answer_and_answers_again,
    ],
    alone: [],
}

const DEFAULTS: &str = "mode tcp\n timeout client 60s\n timeout server 60s";

fn started(subject: Subject, logs: &LogServer, backends: &str, servers: &[(&str, String)]) -> Proxy {
    setup(subject, logs, backends).with_all(servers).start()
}

/// These backends, of which the log server hears, and a listener without one.
fn setup(subject: Subject, logs: &LogServer, backends: &str) -> Setup {
    let sections = format!("global\n node here\n listen idle\n bind @idle@\n{backends}");
    Setup::logged(subject, DEFAULTS, &sections).with("log", logs.target())
}

/// Says this at once, then listens to the end.
fn saying(text: &'static str) -> Origin {
    Origin::serve(move |mut client| {
        client.write_all(text.as_bytes())?;
        client.read_to_end();
        Ok(())
    })
}

/// As [`saying`], with a FIN behind it.
fn saying_last(text: &'static str) -> Origin {
    Origin::serve(move |mut client| {
        client.write_all(text.as_bytes())?;
        client.finish()?;
        client.read_to_end();
        Ok(())
    })
}

/// Answers each line in turn, after a greeting.
fn answering(greeting: &'static str, answers: &'static [&'static str]) -> Origin {
    Origin::serve(move |mut client| {
        client.write_all(greeting.as_bytes())?;
        for answer in answers {
            line(&mut client)?;
            client.write_all(answer.as_bytes())?;
        }
        client.read_to_end();
        Ok(())
    })
}

/// Hears a request to the end of its head, says this, and ends.
fn responding(response: &'static str) -> Origin {
    Origin::serve(move |mut client| {
        while !line(&mut client)?.is_empty() {}
        client.write_all(response.as_bytes())?;
        client.finish()?;
        client.read_to_end();
        Ok(())
    })
}

/// A line without what ends it.
fn line(client: &mut Conversation) -> io::Result<Vec<u8>> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while byte != *b"\n" {
        client.read_exact(&mut byte)?;
        line.extend(byte);
    }
    line.truncate(line.trim_ascii_end().len());
    Ok(line)
}

/// One backend per case, with one server, that is found down for this reason.
fn assert_found(subject: Subject, cases: &[(&str, &Origin, &str)]) {
    let logs = LogServer::udp();
    let backend = |(number, (lines, ..)): (usize, &(&str, &Origin, &str))| {
        format!("backend b{number}\n {}\n server s @s{number}@ check inter 300ms\n", lines.replace(';', "\n"))
    };
    let backends: String = cases.iter().enumerate().map(backend).collect();
    let names: Vec<String> = (0..cases.len()).map(|number| format!("s{number}")).collect();
    let servers: Vec<(&str, String)> =
        names.iter().zip(cases).map(|(name, (_, origin, _))| (name.as_str(), origin.target())).collect();
    let _proxy = started(subject, &logs, &backends, &servers);
    for (number, (lines, _, reason)) in cases.iter().enumerate() {
        let down = logs.masked(&format!("Server b{number}/s is DOWN"));
        let expected = format!(
            "<145>DATE haproxy[PID]: Server b{number}/s is DOWN, reason: {reason}, check duration: Tms. \
             0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
        );
        assert_eq!(down, expected, "{lines}");
    }
}

/// `configuration.txt`: tcp-check.
fn what_scripts_find(subject: Subject) {
    let (imap, last, mute) = (saying("* OK ready\r\n"), saying_last("* OK ready\r\n"), Origin::mute());
    let empty = saying_last("");
    assert_found(
        subject,
        &[
            (
                "option tcp-check; tcp-check expect string +OK",
                &last,
                "Layer7 invalid response, info: \"TCPCHK did not match content '+OK' at step 1\"",
            ),
            (
                "option tcp-check; tcp-check expect rstring ^.OK comment pop3",
                &last,
                "Layer7 invalid response, info: \"TCPCHK did not match content (regex) at step 1 comment: pop3\"",
            ),
            (
                "option tcp-check; tcp-check expect binary 2b4f4b",
                &last,
                "Layer7 invalid response, info: \"TCPCHK did not match content (binary) at step 1\"",
            ),
            (
                "option tcp-check; tcp-check expect rbinary ^2B",
                &last,
                "Layer7 invalid response, info: \"TCPCHK did not match content (binary regex) at step 1\"",
            ),
            (
                "option tcp-check; tcp-check expect ! string \"* OK\"",
                &imap,
                "Layer7 invalid response, info: \"TCPCHK matched unwanted content '* OK' at step 1\"",
            ),
            (
                "option tcp-check; tcp-check expect string +OK",
                &empty,
                "Layer7 invalid response, info: \"TCPCHK got an empty response at step 1\"",
            ),
            (
                "option tcp-check; tcp-check comment \"the banner\"; tcp-check expect string +OK",
                &mute,
                "Layer7 timeout, info: \" at step 2 of tcp-check (expect string '+OK') comment: 'the banner'\"",
            ),
            (
                "option tcp-check; tcp-check connect; tcp-check expect rstring ^.OK; tcp-check expect string READY",
                &imap,
                "Layer7 timeout, info: \" at step 2 of tcp-check (expect regex)\"",
            ),
            (
                "option tcp-check; tcp-check expect string \"* OK\"; tcp-check send x; tcp-check expect rbinary ^2B",
                &imap,
                "Layer7 timeout, info: \" at step 3 of tcp-check (expect binary regex)\"",
            ),
            (
                "option tcp-check; tcp-check expect string +OK error-status L7STS on-error \"no greeting\"",
                &last,
                "Layer7 wrong status, code: 0, info: \"no greeting\"",
            ),
            (
                "option tcp-check; tcp-check expect string BYE tout-status L6TOUT",
                &imap,
                "Layer6 timeout, info: \" at step 1 of tcp-check (expect string 'BYE')\"",
            ),
        ],
    );
    let (logs, refusing) = (LogServer::udp(), Refusing::new());
    let backends = "backend b0\n option tcp-check\n server s @s@ check inter 300ms
        backend b1\n option tcp-check\n tcp-check connect linger\n server s @s@ check inter 300ms";
    let _proxy = started(subject, &logs, backends, &[("s", refusing.target().to_string())]);
    for (backend, place) in [("b0", "initial connection step of tcp-check"), ("b1", "step 1 of tcp-check (connect)")] {
        let down = logs.masked(&format!("Server {backend}/s is DOWN"));
        let expected = format!("reason: Layer4 connection problem, info: \"Connection refused at {place}\", check");
        assert!(down.contains(&expected), "{down}");
    }
}

/// `configuration.txt`: option smtpchk, redis-check, ssl-hello-chk.
fn what_checks_by_name_find(subject: Subject) {
    let (busy, imap, mute) = (saying("554 go <away>\r\n"), saying("* OK \"ready\"\r\n"), Origin::mute());
    let helpless = answering("220 mail\r\n", &["250 hello\r\n", "500 what\r\n"]);
    let locked = answering("", &["", "", "-NOAUTH\r\n"]);
    assert_found(
        subject,
        &[
            ("option smtpchk", &busy, "Layer7 wrong status, code: 554, info: \"go <3C>away<3E>\""),
            ("option smtpchk EHLO mail.example", &helpless, "Layer7 wrong status, code: 500, info: \"what\""),
            ("option smtpchk", &imap, "Layer7 invalid response, info: \"* OK <22>ready<22>\""),
            ("option smtpchk", &mute, "Layer7 timeout"),
            ("option redis-check", &locked, "Layer7 timeout"),
            ("option ssl-hello-chk", &imap, "Layer6 invalid response"),
            ("option ssl-hello-chk", &mute, "Layer6 timeout"),
        ],
    );
}

/// Of the one server of `backend`: operational and administrative state, then status, result, health and state of its check.
fn servers_state(admin: &Admin, backend: &str) -> [String; 2] {
    let answer = admin.ask(&format!("show servers state {backend}"));
    let words: Vec<&str> = answer.lines().nth(2).expect("a server").split(' ').collect();
    // A check that is under way shows in the lowest bit of its state.
    let state: u32 = words[13].parse().expect("a number");
    [words[5..7].join(" "), format!("{} {}", words[10..13].join(" "), state & !1)]
}

/// What goes over the wire, and how it ends.
fn a_script_that_is_followed(subject: Subject) {
    let logs = LogServer::udp();
    let smtp = answering("220 mail\r\n", &["250-mail\r\n250 SIZE\r\n", "221 bye\r\n"]);
    let redis = answering("", &["", "", "+PONG\r\n"]);
    let imap = answering("* OK ready\r\n", &["* BYE\r\na OK\r\n"]);
    let greeted = saying("* OK ready\r\n");
    let backends = "
        backend b0\n option smtpchk EHLO mail.example\n server s @smtp@ check inter 200ms
        backend b1\n option redis-check\n server s @redis@ check inter 200ms
        backend b2\n option tcp-check\n tcp-check expect string \"* OK\"\n tcp-check send-binary 61204c4f474f55540d0a
            tcp-check expect rstring \"a OK[ \\r]\"\n server s @imap@ check inter 200ms
        backend b3\n option tcp-check\n tcp-check connect default linger\n tcp-check expect string OK
            server s @greeted@ check inter 200ms send-proxy-v2";
    let servers = [("smtp", &smtp), ("redis", &redis), ("imap", &imap), ("greeted", &greeted)];
    let servers: Vec<(&str, String)> = servers.map(|(name, origin)| (name, origin.target())).into();
    let _proxy = started(subject, &logs, backends, &servers);
    for (origin, bytes, end) in [
        (&smtp, &b"EHLO mail.example\r\nQUIT\r\n"[..], End::Fin),
        (&redis, b"*1\r\n$4\r\nPING\r\n", End::Reset),
        (&imap, b"a LOGOUT\r\n", End::Reset),
        (&greeted, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", End::Fin),
    ] {
        let seen = origin.seen_when(1, "its end", |seen| seen.end.is_some());
        assert_eq!((seen.bytes.escape_ascii().to_string(), seen.end), (bytes.escape_ascii().to_string(), Some(end)));
    }
    assert!(!logs.lines().iter().any(|line| line.contains("is DOWN")), "{:?}", logs.lines());
}

fn a_server_that_stops_to_answer_and_answers_again(subject: Subject) {
    let (logs, mut one) = (LogServer::udp(), saying("* OK ready\r\n"));
    let address = one.address();
    let backends = "backend px\n option tcp-check\n tcp-check expect string \"* OK\"
        server s1 @s1@ check inter 100ms fall 2 rise 2";
    let _proxy = started(subject, &logs, backends, &[("s1", one.target())]);
    one.seen_when(1, "a check", |seen| seen.end.is_some());
    one.stop();
    drop(one);
    let _deaf = Origin::at(address, |mut client| {
        client.read_to_end();
        Ok(())
    });
    assert!(logs.masked("Server px/s1 is DOWN").contains(" is DOWN, reason: Layer"), "{:?}", logs.lines());
    drop(_deaf);
    let _again = Origin::at(address, |mut client| {
        client.write_all(b"* OK ready\r\n")?;
        client.read_to_end();
        Ok(())
    });
    assert_eq!(
        logs.masked("Server px/s1 is UP"),
        "<149>DATE haproxy[PID]: Server px/s1 is UP, reason: Layer7 check passed, code: 0, info: \"(tcp-check)\", \
         check duration: Tms. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    );
}

/// `imapchk`, `pop3chk` and `lmtpchk` are ours: to Dovecot their checks are clients that log out.
#[test]
fn dovecot_hears_clients_that_log_out() {
    const TEST: &str = "dovecot_hears_clients_that_log_out";
    if !Dovecot::is_there(TEST) {
        return;
    }
    let _turn = run::turn(Machine::Shared);
    let (logs, dovecot) = (LogServer::udp(), Dovecot::start(Plaintext::Allowed));
    let backends = "
        defaults
            mode tcp
            log global
            # A login process that Dovecot has yet to start takes longer than the interval.
            timeout connect 5s
            timeout check 5s
            default-server check inter 100ms send-proxy-v2
        backend imap\n option imapchk\n server s @imap@
        backend pop3\n option pop3chk\n server s @pop3@
        backend lmtp\n option lmtpchk\n server s @lmtp@";
    let targets =
        [("imap", dovecot.imap()), ("pop3", dovecot.pop3()), ("lmtp", dovecot.lmtp())].map(|(n, a)| (n, a.to_string()));
    let _proxy = started(Subject::Tidegate, &logs, backends, &targets);
    let count =
        |words: [&str; 2]| dovecot.log().lines().filter(|line| words.iter().all(|word| line.contains(word))).count();
    for words in [["imap-login", "by logging out"], ["pop3-login", "by logging out"], ["lmtp", ": Logged out"]] {
        wait::until(&format!("ten checks that leave in order: {words:?}"), wait::SOON, || count(words) >= 10);
    }
    let log = dovecot.log();
    for complaint in ["Connection closed", "reset by peer", "Too many invalid", "haproxy"] {
        assert!(!log.contains(complaint), "{log}");
    }
    assert!(!logs.lines().iter().any(|line| line.contains("is DOWN")), "{:?}", logs.lines());
}
