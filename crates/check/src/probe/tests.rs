//! Transcripts of checks: what happens, when, and what is asked for. Texts and bytes are those of HAProxy 2.6.

use proxyline::Version;

use super::*;
use crate::script::{Action, Ending, Expect, Saying, ScriptBuilder, Timeouts};
use crate::{Pattern, Preset, Status, regex};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn timeouts(connect: Option<u64>, check: Option<u64>) -> Timeouts {
    Timeouts { inter: ms(2000), connect: connect.map(ms), check: check.map(ms) }
}

fn plain() -> Probe {
    Probe::new(Script::connect_only(None, timeouts(None, None)))
}

fn sending(version: Version) -> Probe {
    Probe::new(Script::connect_only(Some(version), timeouts(None, None)))
}

fn loopback() -> Option<Addresses> {
    let address = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
    Some(Addresses { source: address(55296), destination: address(49475) })
}

fn outcome_of(next: Next<'_>) -> (Status, u128) {
    match next {
        Next::Finish(outcome) => (outcome.status, outcome.duration.as_millis()),
        other @ (Next::Connect(_) | Next::Send(_) | Next::Receive) => panic!("not over: {other:?}"),
    }
}

#[test]
fn a_connection_is_enough() {
    let mut probe = plain();
    assert_eq!(probe.next(), Next::Connect(&Connect::default()));
    assert_eq!(outcome_of(probe.handle(ms(3), Event::Connected(loopback()))), (Status::Layer4Passed, 3));
    assert_eq!(probe.deadline(), None);
}

#[test]
fn failures() {
    for (event, expected) in [
        (
            Event::ConnectFailed(Errno(111)),
            "reason: Layer4 connection problem, info: \"Connection refused\", check duration: 7ms",
        ),
        (
            Event::ConnectFailed(Errno(101)),
            "reason: Layer4 connection problem, info: \"General socket error (Network is unreachable)\", \
             check duration: 7ms",
        ),
        (
            Event::SocketFailed(Errno(2)),
            "reason: Socket error, info: \"General socket error (No such file or directory)\", check duration: 7ms",
        ),
        (
            Event::SocketFailed(Errno(111)),
            "reason: Socket error, info: \"General socket error (Connection refused)\", check duration: 7ms",
        ),
        (Event::DeadlineReached, "reason: Layer4 timeout, check duration: 7ms"),
    ] {
        let mut probe = plain();
        let Next::Finish(outcome) = probe.handle(ms(7), event) else { panic!("{event:?} ends it") };
        assert_eq!(outcome.to_string(), expected);
    }
}

/// The bytes are those that HAProxy 2.6 sends in its checks.
#[test]
fn the_header_of_a_check() {
    for (version, connection, expected) in [
        (Version::V1, loopback(), &b"PROXY TCP4 127.0.0.1 127.0.0.1 55296 49475\r\n"[..]),
        (Version::V1, None, b"PROXY UNKNOWN\r\n"),
        (Version::V2, loopback(), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
        (Version::V2, None, b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"),
    ] {
        let mut probe = sending(version);
        assert_eq!(probe.handle(ms(1), Event::Connected(connection)), Next::Send(expected));
        assert_eq!(outcome_of(probe.handle(ms(2), Event::Sent(expected.len()))), (Status::Layer4Passed, 2));
    }
}

#[test]
fn a_short_write_goes_on() {
    let mut probe = sending(Version::V1);
    probe.handle(ms(1), Event::Connected(None));
    assert_eq!(probe.handle(ms(2), Event::Sent(0)), Next::Send(b"PROXY UNKNOWN\r\n"));
    assert_eq!(probe.handle(ms(2), Event::Sent(6)), Next::Send(b"UNKNOWN\r\n"));
    assert_eq!(outcome_of(probe.handle(ms(3), Event::Sent(9))), (Status::Layer4Passed, 3));
}

#[test]
fn a_header_that_does_not_go_out() {
    for (event, status) in
        [(Event::Broken(Errno(104)), Status::Layer4Failed), (Event::DeadlineReached, Status::Layer4TimedOut)]
    {
        let mut probe = sending(Version::V2);
        probe.handle(ms(1), Event::Connected(None));
        assert_eq!(outcome_of(probe.handle(ms(9), event)), (status, 9));
    }
}

#[test]
fn the_end_is_the_end() {
    let mut probe = plain();
    probe.handle(ms(3), Event::Connected(None));
    for late in [Event::DeadlineReached, Event::ConnectFailed(Errno(111)), Event::Sent(1), Event::Received(b"x")] {
        assert_eq!(outcome_of(probe.handle(ms(9), late)), (Status::Layer4Passed, 3));
    }
}

/// CFG 4.2, `timeout check`: with it, min(`timeout connect`, `inter`) bounds the connection and it bounds the rest;
/// without it, `inter` bounds everything. The columns: connect, check, deadline to connect, deadline after 100 ms.
#[test]
fn deadlines() {
    for (connect, check, connecting, exchanging) in [
        (None, None, 2000, 2000),
        (Some(300), None, 2000, 2000),
        (Some(300), Some(500), 300, 600),
        (Some(9000), Some(500), 2000, 600),
        (None, Some(500), 2000, 600),
        (Some(300), Some(9000), 300, 9100),
    ] {
        let mut probe = Probe::new(Script::connect_only(Some(Version::V2), timeouts(connect, check)));
        assert_eq!(probe.deadline(), Some(ms(connecting)), "{connect:?} {check:?}");
        probe.handle(ms(100), Event::Connected(None));
        assert_eq!(probe.deadline(), Some(ms(exchanging)), "{connect:?} {check:?}");
    }
}

/// Plays a server: what it does, in words divided by `|`, is told to the probe; answers the outcome as logs have it, and what
/// the server was sent.
///
/// `refuse`, `late`, `end`, `reset`; `=text` says the text. Connects are accepted, sends are taken whole.
fn play(script: Script, server: &str) -> (String, String) {
    let mut probe = Probe::new(script);
    let mut sent = String::new();
    let mut acts = server.split('|').filter(|act| !act.is_empty());
    loop {
        let event = match probe.next() {
            Next::Finish(outcome) => {
                assert_eq!(acts.next(), None, "the check ended before its server: {outcome}");
                return (outcome.to_string().replace(", check duration: 1ms", ""), sent);
            }
            Next::Connect(_) if acts.clone().next() == Some("refuse") => {
                acts.next();
                Event::ConnectFailed(Errno(111))
            }
            Next::Connect(_) => Event::Connected(loopback()),
            Next::Send(bytes) => {
                sent.push_str(&bytes.escape_ascii().to_string());
                Event::Sent(bytes.len())
            }
            Next::Receive => match acts.next() {
                None | Some("late") => Event::DeadlineReached,
                Some("end") => Event::Ended,
                Some("reset") => Event::Broken(Errno(104)),
                Some(said) => Event::Received(said.strip_prefix('=').expect("known words").as_bytes()),
            },
        };
        probe.handle(ms(1), event);
    }
}

fn text(text: &str) -> Expect {
    Expect::new(Pattern::Text(text.as_bytes().to_vec()))
}

fn expression(expression: &str) -> Expect {
    Expect::new(Pattern::Regex(regex(expression).expect("valid")))
}

fn script(lines: &[(Action, Option<&str>)]) -> Script {
    let mut builder = ScriptBuilder::naming_steps(None);
    lines.iter().for_each(|(action, comment)| builder.step(action.clone(), *comment));
    builder.build(timeouts(None, None))
}

fn expecting(expect: Expect, comment: Option<&str>) -> Script {
    script(&[(Action::Expect(expect), comment)])
}

/// One expectation against one server.
#[test]
fn expectations() {
    let inverse = |expect: Expect| Expect { is_inverse: true, ..expect };
    let least = |expect: Expect, least| Expect { received_least: Some(least), ..expect };
    let passed = "reason: Layer7 check passed, code: 0, info: \"(tcp-check)\"";
    for (expect, comment, server, expected) in [
        (text("* OK"), None, "=* OK ready\r\n", passed),
        (text("* OK"), Some("banner here"), "=* |=OK", passed),
        (expression("^. OK"), None, "=* OK ready\r\n", passed),
        (
            text("+OK"),
            None,
            "=* OK ready\r\n|late",
            "reason: Layer7 timeout, info: \" at step 1 of tcp-check (expect string '+OK')\"",
        ),
        (
            text("+OK"),
            Some("hello"),
            "late",
            "reason: Layer7 timeout, info: \" at step 1 of tcp-check (expect string '+OK') comment: 'hello'\"",
        ),
        (
            expression("^[+]OK"),
            None,
            "=* OK|late",
            "reason: Layer7 timeout, info: \" at step 1 of tcp-check (expect regex)\"",
        ),
        (
            text("+OK"),
            None,
            "=* OK ready\r\n|end",
            "reason: Layer7 invalid response, info: \"TCPCHK did not match content '+OK' at step 1\"",
        ),
        (
            text("+OK"),
            Some("pop3 banner"),
            "=* OK ready\r\n|reset",
            "reason: Layer7 invalid response, info: \"TCPCHK did not match content '+OK' at step 1 comment: pop3 banner\"",
        ),
        (
            expression("^[+]OK"),
            None,
            "=* OK ready\r\n|end",
            "reason: Layer7 invalid response, info: \"TCPCHK did not match content (regex) at step 1\"",
        ),
        (
            inverse(text("* OK")),
            None,
            "=* OK",
            "reason: Layer7 invalid response, info: \"TCPCHK matched unwanted content '* OK' at step 1\"",
        ),
        (inverse(text("+OK")), None, "=* OK|end", passed),
        (
            inverse(text("+OK")),
            None,
            "=* OK|late",
            "reason: Layer7 timeout, info: \" at step 1 of tcp-check (expect string '+OK')\"",
        ),
        (text("+OK"), None, "end", "reason: Layer7 invalid response, info: \"TCPCHK got an empty response at step 1\""),
        (
            text("+OK"),
            None,
            "reset",
            "reason: Socket error, info: \"Connection reset by peer at step 1 of tcp-check (expect string '+OK')\"",
        ),
        (
            text("+OK"),
            None,
            "refuse",
            "reason: Layer4 connection problem, info: \"Connection refused at initial connection step of tcp-check\"",
        ),
        (least(text("* OK"), 40), None, "=* OK|end", passed),
        (
            least(text("* OK"), 40),
            None,
            "=* OK|late",
            "reason: Layer7 timeout, info: \" at step 1 of tcp-check (expect string '* OK')\"",
        ),
        (
            least(text("+OK"), 4),
            None,
            "=* OK",
            "reason: Layer7 invalid response, info: \"TCPCHK did not match content '+OK' at step 1\"",
        ),
        (
            Expect { praise: Saying::Text("all well".into()), ..text("OK") },
            None,
            "=* OK",
            "reason: Layer7 check passed, code: 0, info: \"all well\"",
        ),
    ] {
        let (said, _) = play(expecting(expect.clone(), comment), server);
        assert_eq!(said, expected, "{expect:?} against {server}");
    }
}

#[test]
fn steps_one_after_the_other() {
    let send = |bytes: &[u8]| Action::Send(bytes.into());
    let connect = |port| Action::Connect(Connect { port, ..Connect::default() });
    let ok = || Action::Expect(text("OK"));
    let passed = "reason: Layer7 check passed, code: 0, info: \"(tcp-check)\"";
    for (lines, server, expected, sent) in [
        (vec![(connect(None), None)], "", "reason: Layer4 check passed, info: \"(tcp-check)\"", ""),
        (vec![(send(b"PING\r\n"), None)], "", passed, "PING\\r\\n"),
        (vec![(ok(), None), (send(b"a\n"), None), (ok(), None)], "=* OK|=a OK", passed, "a\\n"),
        // What was heard before a send is no answer to it.
        (
            vec![(ok(), None), (send(b"a\n"), None), (ok(), None)],
            "=* OK|end",
            "reason: Layer7 invalid response, info: \"TCPCHK got an empty response at step 3\"",
            "a\\n",
        ),
        (
            vec![(connect(None), None)],
            "refuse",
            "reason: Layer4 connection problem, info: \"Connection refused at step 1 of tcp-check (connect)\"",
            "",
        ),
        (
            vec![(connect(None), None), (ok(), None), (connect(Some(1)), Some("other"))],
            "=OK|refuse",
            "reason: Layer4 connection problem, info: \"Connection refused at step 3 of tcp-check (connect port 1) \
             comment: 'other'\"",
            "",
        ),
    ] {
        assert_eq!(play(script(&lines), server), (expected.to_string(), sent.to_string()), "{lines:?}");
    }
}

#[test]
fn comments_count_as_steps() {
    let mut builder = ScriptBuilder::naming_steps(None);
    builder.step(Action::Connect(Connect::default()), None);
    builder.comment("the greeting");
    builder.step(Action::Expect(text("* OK")), None);
    builder.send(b"QUIT\r");
    builder.comment("the bye");
    builder.step(Action::Expect(text("BYE")), None);
    assert_eq!(
        play(builder.build(timeouts(None, None)), "=* OK r\r\n|=NO\r\n|late").0,
        "reason: Layer7 timeout, info: \" at step 6 of tcp-check (expect string 'BYE') comment: 'the bye'\""
    );
}

/// What the presets say, and what they make of answers.
#[test]
fn presets() {
    let smtp = || Preset::Smtp { greeting: "HELO localhost".into() };
    for (preset, server, expected, sent) in [
        (
            smtp(),
            "=220 mail ESMTP\r\n|=250 hello there\r\n|=221 bye\r\n",
            "reason: Layer7 check passed, code: 221, info: \"bye\"",
            "HELO localhost\\r\\nQUIT\\r\\n",
        ),
        (
            Preset::Smtp { greeting: "EHLO a.example".into() },
            "=220 mail ESMTP\r\n|=250-mail\r\n250-PIPELINING\r\n|=250 SIZE\r\n|=221 bye\r\n",
            "reason: Layer7 check passed, code: 221, info: \"bye\"",
            "EHLO a.example\\r\\nQUIT\\r\\n",
        ),
        (smtp(), "=554 go away\r\n", "reason: Layer7 wrong status, code: 554, info: \"go away\"", ""),
        (smtp(), "=* OK imap\r\n", "reason: Layer7 invalid response, info: \"* OK imap\"", ""),
        (smtp(), "late", "reason: Layer7 timeout", ""),
        (
            smtp(),
            "=220 mail ESMTP\r\n|=250 hello there\r\n|=500 what\r\n",
            "reason: Layer7 wrong status, code: 500, info: \"what\"",
            "HELO localhost\\r\\nQUIT\\r\\n",
        ),
        (
            Preset::Redis,
            "=+PONG\r\n",
            "reason: Layer7 check passed, code: 0, info: \"Redis server is ok\"",
            "*1\\r\\n$4\\r\\nPING\\r\\n",
        ),
        (Preset::Redis, "=-NOAUTH\r\n|late", "reason: Layer7 timeout", "*1\\r\\n$4\\r\\nPING\\r\\n"),
        // RFC 3501 §6.1.3, RFC 1939 §6, RFC 2033 §4.1.
        (
            Preset::Imap,
            "=* OK ready\r\n|=* BYE Logging out\r\n|=a OK Logout completed.\r\n|end",
            "reason: Layer7 check passed, code: 0, info: \"* BYE Logging out\"",
            "a LOGOUT\\r\\n",
        ),
        (Preset::Imap, "=* BYE too many\r\n", "reason: Layer7 invalid response, info: \"* BYE too many\"", ""),
        (
            Preset::Pop3,
            "=+OK ready\r\n|=+OK bye\r\n|reset",
            "reason: Layer7 check passed, code: 0, info: \"+OK bye\"",
            "QUIT\\r\\n",
        ),
        (
            Preset::Lmtp,
            "=220 ready\r\n|=250-mail\r\n250 8BITMIME\r\n|=221 bye\r\n|late",
            "reason: Layer7 check passed, code: 221, info: \"bye\"",
            "LHLO localhost\\r\\nQUIT\\r\\n",
        ),
    ] {
        let script = preset.script(None, timeouts(None, None));
        assert_eq!(play(script, server), (expected.to_string(), sent.to_string()), "{preset:?} against {server}");
    }
}

/// Any record of TLS shows that somebody speaks it: here an alert (RFC 8446 §6), as servers of today answer SSL 3.0.
#[test]
fn a_hello_of_ssl() {
    let script = || Preset::SslHello.script(None, timeouts(None, None));
    let (passed, sent) = play(script(), "=\x15\x03|=\x00\x00\x02\x02\x28");
    assert_eq!(passed, "reason: Layer6 check passed");
    // RFC 6101 §5.2.1 and §5.6.1.2: a handshake record of version 3.0, a client hello of version 3.0.
    assert!(sent.starts_with("\\x16\\x03\\x00\\x00"), "{sent}");
    assert_eq!(play(script(), "=* BAD\r\n").0, "reason: Layer6 invalid response");
    assert_eq!(play(script(), "late").0, "reason: Layer6 timeout");
    assert_eq!(
        play(script(), "end").0,
        "reason: Layer6 invalid response, info: \"TCPCHK got an empty response at step 2\""
    );
}

#[test]
fn a_server_that_talks_without_end() {
    let flood = format!("={}", "x".repeat(10_000));
    let (said, _) = play(expecting(text("+OK"), None), &format!("{flood}|{flood}"));
    assert_eq!(said, "reason: Layer7 invalid response, info: \"TCPCHK did not match content '+OK' at step 1\"");
}

#[test]
fn presets_for_mail_leave_in_order() {
    for preset in [Preset::Imap, Preset::Pop3, Preset::Lmtp] {
        let script = preset.script(None, timeouts(None, None));
        let Action::Connect(connect) = &script.steps[0].action else { panic!("{preset:?} connects first") };
        assert_eq!(connect.ending, Ending::Orderly);
    }
}
