//! Health checks that say something: scripts, and checks by name, against servers that answer well, badly, or not at all.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use e2e::client::End;
use e2e::dovecot::{Dovecot, Plaintext};
use e2e::peers::Conversation;
use e2e::run::{self, Machine};
use e2e::{Admin, LogServer, Origin, Proxy, Refusing, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        what_scripts_find,
        what_checks_by_name_find,
        what_http_checks_find,
        what_http_checks_ask,
        a_server_that_wants_nobody_new,
        a_script_that_is_followed,
        a_server_that_stops_to_answer_and_answers_again,
    ],
    alone: [],
}

const DEFAULTS: &str = "
    global
        nbthread @threads@
        log @log@ local2
    defaults
        mode tcp
        log global
        timeout connect 1s
        timeout client 60s
        timeout server 60s
    listen idle
        bind @idle@
";

fn started(subject: Subject, logs: &LogServer, backends: &str, servers: &[(&str, String)]) -> Proxy {
    let mut setup = Setup::new(subject, &format!("{DEFAULTS}\n{backends}")).with("log", logs.target());
    for (name, target) in servers {
        setup = setup.with(name, target);
    }
    setup.start()
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

/// `configuration.txt`: option httpchk, http-check.
fn what_http_checks_find(subject: Subject) {
    const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let [hello, missing, busy, bare] = [
        HELLO,
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 \"Busy\" <now>\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503\r\n\r\n",
    ]
    .map(responding);
    let [garbage, half, bad, empty] =
        ["* OK imap\r\n\r\n", "HTTP/1.1 200 OK\r\nfoo", "HTTP/1.1 200 OK\r\nfoo bar: x\r\n\r\n", ""].map(responding);
    let (bodiless, mute) = (responding("HTTP/1.1 204 No Content\r\n\r\n"), Origin::mute());
    assert_found(
        subject,
        &[
            ("option httpchk", &missing, "Layer7 wrong status, code: 404, info: \"Not Found\""),
            ("option httpchk", &busy, "Layer7 wrong status, code: 503, info: \"<22>Busy<22> <3C>now<3E>\""),
            ("option httpchk", &bare, "Layer7 wrong status, code: 503"),
            ("option httpchk", &garbage, "Layer7 invalid response"),
            ("option httpchk", &half, "Layer7 invalid response"),
            ("option httpchk", &bad, "Layer7 invalid response"),
            ("option httpchk", &empty, "Layer7 invalid response"),
            ("option httpchk", &mute, "Layer7 timeout"),
            ("option httpchk; http-check expect string x tout-status L6TOUT", &mute, "Layer6 timeout"),
            (
                "option httpchk; http-check expect ! status 200-299",
                &hello,
                "Layer7 wrong status, code: 200, info: \"OK\"",
            ),
            (
                "option httpchk; http-check expect rstatus ^3 comment \"moved only\"",
                &hello,
                "Layer7 wrong status, code: 200, info: \"OK comment: moved only\"",
            ),
            (
                "option httpchk; http-check expect string world",
                &hello,
                "Layer7 invalid response, info: \"HTTP content check did not match\"",
            ),
            (
                "option httpchk; http-check expect ! rstring ^hel comment body",
                &hello,
                "Layer7 invalid response, info: \"HTTP check matched unwanted content comment: body\"",
            ),
            (
                "option httpchk; http-check expect string world",
                &bodiless,
                "Layer7 invalid response, info: \"HTTP content check could not find a response body\"",
            ),
            (
                "option httpchk; http-check expect status 200; http-check expect string world error-status L7STS on-error no",
                &hello,
                "Layer7 wrong status, code: 200, info: \"no\"",
            ),
            (
                "option httpchk; http-check connect; http-check send meth GET uri /a; http-check expect status 200; \
                 http-check connect linger; http-check send uri /b; http-check expect status 201 comment second",
                &hello,
                "Layer7 wrong status, code: 200, info: \"OK comment: second\"",
            ),
            ("option httpchk; http-check disable-on-404", &bare, "Layer7 wrong status, code: 503"),
        ],
    );
}

/// The requests, to the byte.
fn what_http_checks_ask(subject: Subject) {
    let cases = [
        ("option httpchk", "OPTIONS / HTTP/1.0\r\n\r\n"),
        ("option httpchk /status", "OPTIONS /status HTTP/1.0\r\n\r\n"),
        ("option httpchk GET /status", "GET /status HTTP/1.0\r\n\r\n"),
        ("option httpchk HEAD / HTTP/1.1", "HEAD / HTTP/1.1\r\nconnection: close\r\n\r\n"),
        (
            "option httpchk GET / HTTP/1.1\\r\\nHost:\\ www.example",
            "GET / HTTP/1.1\r\nhost: www.example\r\nconnection: close\r\n\r\n",
        ),
        (
            "option httpchk; http-check send meth POST uri /x ver HTTP/1.1 hdr Host a.example hdr X-Foo \"b c\" body hello",
            "POST /x HTTP/1.1\r\nhost: a.example\r\nx-foo: b c\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
        ),
        (
            "http-check send hdr X-Foo b body yy; option httpchk GET /z",
            "GET /z HTTP/1.0\r\nx-foo: b\r\ncontent-length: 2\r\n\r\nyy",
        ),
        (
            "option httpchk; http-check connect; http-check send uri /a; http-check expect status 200",
            "OPTIONS /a HTTP/1.0\r\n\r\n",
        ),
        ("option httpchk GET /z HTTP/1.1; http-check send hdr connection keep-alive", "GET /z HTTP/1.1\r\n\r\n"),
    ];
    // The check ends the connection; a server that ended it first might find it gone.
    let hearing = || {
        Origin::serve(|mut client| {
            while !line(&mut client)?.is_empty() {}
            client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            client.read_to_end();
            Ok(())
        })
    };
    let origins = cases.map(|_| hearing());
    let backend = |(number, (lines, _)): (usize, &(&str, &str))| {
        format!("backend b{number}\n {}\n server s @s{number}@ check inter 200ms\n", lines.replace(';', "\n"))
    };
    // A section's own line of either kind ends what it inherits of both.
    let inherited = "
        defaults
            mode tcp
            log global
            timeout connect 1s
            timeout server 60s
            option httpchk GET /inherited
            http-check send hdr X-Inherited yes
        backend all\n server s @all@ check inter 200ms
        backend none\n http-check send hdr X-Own yes\n server s @none@ check inter 200ms";
    let (all, none) = (hearing(), hearing());
    let backends: String = cases.iter().enumerate().map(backend).chain([inherited.to_string()]).collect();
    let names: Vec<String> = (0..cases.len()).map(|number| format!("s{number}")).collect();
    let servers = names.iter().map(String::as_str).zip(&origins).chain([("all", &all), ("none", &none)]);
    let servers: Vec<(&str, String)> = servers.map(|(name, origin)| (name, origin.target())).collect();
    let logs = LogServer::udp();
    let _proxy = started(subject, &logs, &backends, &servers);
    let expected = cases.iter().map(|(_, expected)| *expected).zip(&origins).chain([
        ("GET /inherited HTTP/1.0\r\nx-inherited: yes\r\n\r\n", &all),
        ("OPTIONS / HTTP/1.0\r\nx-own: yes\r\n\r\n", &none),
    ]);
    for (expected, origin) in expected {
        let seen = origin.bytes(1, expected.len());
        assert_eq!(seen.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
    }
    assert!(!logs.lines().iter().any(|line| line.contains("is DOWN")), "{:?}", logs.lines());
}

/// `configuration.txt`: http-check disable-on-404.
fn a_server_that_wants_nobody_new(subject: Subject) {
    let (logs, admin, status) = (LogServer::udp(), Admin::new(), Arc::new(Mutex::new("200 OK")));
    let origin = Origin::serve({
        let status = Arc::clone(&status);
        move |mut client| {
            while !line(&mut client)?.is_empty() {}
            let status = *status.lock().expect("no panic under the lock");
            client.write_all(format!("HTTP/1.0 {status}\r\n\r\n").as_bytes())?;
            client.finish()
        }
    });
    let text = format!(
        "{DEFAULTS}\nglobal\n stats socket @socket@ level admin\nbackend px\n option httpchk\n http-check disable-on-404
            server s1 @s1@ check inter 100ms"
    );
    let setup = Setup::new(subject, &text).with("log", logs.target()).with("s1", origin.target());
    let _proxy = setup.with("socket", admin.path().display()).start();
    let say = |text| *status.lock().expect("no panic under the lock") = text;
    admin.wait_for("px", "s1", "check_health", "4");
    say("404 Not Here");
    assert_eq!(
        logs.masked("Server px/s1 is stopping"),
        "<149>DATE haproxy[PID]: Server px/s1 is stopping, reason: Layer7 check conditionally passed, code: 404, \
         check duration: Tms. 0 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    );
    logs.masked("backend px has no server available!");
    let row = admin.wait_for("px", "s1", "status", "NOLB");
    let columns = ["check_code", "check_desc", "check_health", "chkfail", "chkdown"].map(|column| row[column].as_str());
    assert_eq!(columns, ["404", "Layer7 check conditionally passed", "4", "0", "0"]);
    assert!(row["check_status"].ends_with("L7OKC"), "{row:?}");
    assert_eq!(admin.row("px", "BACKEND")["status"], "DOWN");
    assert_eq!(servers_state(&admin, "px"), ["3 0", "16 4 4 6"]);
    say("200 OK");
    assert_eq!(
        logs.masked("Server px/s1 is UP"),
        "<149>DATE haproxy[PID]: Server px/s1 is UP, reason: Layer7 check passed, code: 200, check duration: Tms. \
         1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    );
    // Who is down asks for nothing.
    say("503 Busy");
    logs.masked("Server px/s1 is DOWN");
    say("404 Not Here");
    let row = admin.wait_for("px", "s1", "last_chk", "Not Here");
    assert_eq!((row["status"].as_str(), row["chkfail"].as_str(), row["chkdown"].as_str()), ("DOWN", "3", "1"));
    assert_eq!(servers_state(&admin, "px"), ["0 0", "17 2 0 6"]);
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
