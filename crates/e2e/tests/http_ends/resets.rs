//! Resets: in tunnels, and before there is a response.

use std::io::{self, Write};
use std::sync::{Mutex, mpsc};

use super::{Leaving, Rig, engines};
use e2e::client::End;
use e2e::peers::Conversation;
use e2e::{Origin, Subject, http, wait};

e2e::scenarios! {
    shared: [
        tunnels_that_a_side_resets,
        heads_that_servers_never_finish,
        resets_while_somebody_waits,
    ],
    alone: [],
}

/// A cut is a cut in a tunnel, too. HAProxy passes a client's reset on, and tells a client of a server's with a FIN.
fn tunnels_that_a_side_resets(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        default_backend be
    backend be
        server s @s@
    listen tcp
        bind @tcp@
        mode tcp
        option tcplog
        server s @s@
";
    for engine in engines(subject) {
        let (tell, told) = mpsc::channel();
        let told = Mutex::new(told);
        let origin = Origin::serve(move |conversation| tunnel(conversation, &told));
        let rig = Rig::on(engine, subject, sections, &origin);
        let mut number = 0;
        for (listener, backend, state) in [("fe", "be", "D--"), ("tcp", "tcp", "D")] {
            for (request, head) in [
                ("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n", "HTTP/1.1 101 "),
                ("CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n", "HTTP/1.1 200 "),
            ] {
                for by in [Side::Server, Side::Client] {
                    let what = format!("{by:?} resets, {listener}, {head}, {engine}");
                    let mut client = rig.proxy.connect(listener);
                    client.say(request);
                    assert!(client.line().starts_with(head), "{what}");
                    while !client.line().is_empty() {}
                    assert_eq!(client.hear(2), b"hi", "{what}");
                    // A reset right behind bytes comes to HAProxy as an end behind them.
                    client.say("ho");
                    assert_eq!(client.hear(3), b"bye", "{what}");
                    tell.send(by).expect("the server waits");
                    let counted = match by {
                        Side::Server => {
                            let expected = match subject {
                                Subject::Haproxy => End::Fin,
                                Subject::Tidegate => End::Reset,
                            };
                            assert_eq!(client.to_end(), (vec![], expected), "{what}");
                            "1 0 1"
                        }
                        Side::Client => {
                            client.reset();
                            assert_eq!(origin.end_of(number), End::Reset, "{what}");
                            "0 1 0"
                        }
                    };
                    number += 1;
                    let line = rig.logs.lines_with("/s ", number).swap_remove(number - 1);
                    let who = if by == Side::Server { 'S' } else { 'C' };
                    assert!(line.contains(&format!(" {who}{state} 1/1/0/0/0 ")), "{what}: {line}");
                    rig.assert_counted(
                        &[(backend, "s"), (backend, "BACKEND")],
                        "eresp cli_abrt srv_abrt",
                        counted,
                        &what,
                    );
                    rig.admin.ask("clear counters all");
                }
            }
        }
    }
}

/// Who resets a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// Opens the tunnel that it is asked for, exchanges a word each way, and waits for who is to end it.
fn tunnel(mut conversation: Conversation, told: &Mutex<mpsc::Receiver<Side>>) -> io::Result<()> {
    let head = http::head(&mut conversation)?.unwrap_or_default();
    conversation.write_all(match head.starts_with("CONNECT ") {
        true => b"HTTP/1.1 200 OK\r\n\r\nhi",
        false => b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhi",
    })?;
    assert_eq!(conversation.hear(2)?, b"ho");
    conversation.write_all(b"bye")?;
    let by = told.lock().expect("nobody panics under the lock").recv_timeout(wait::SOON);
    match by.expect("the test says it") {
        Side::Server => conversation.reset(),
        Side::Client => drop(conversation.read_to_end()),
    }
    Ok(())
}

/// `management.txt` §9.1: `eresp`. A reset is a failure of its own, beside that of the response that was awaited.
fn heads_that_servers_never_finish(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        default_backend be
    backend be
        server s @s@
    listen again
        bind @again@
        retries 1
        retry-on empty-response
        server s @s@
";
    for engine in engines(subject) {
        let (tell, told) = mpsc::channel();
        let told = Mutex::new(told);
        let origin = Origin::serve(move |conversation| break_off(conversation, &told));
        let rig = Rig::on(engine, subject, sections, &origin);
        for (number, (listener, path, courses, failed)) in [
            ("fe", "/nothing", vec![Leaving::Ends], "1 0"),
            ("fe", "/nothing", vec![Leaving::Resets], "2 0"),
            ("fe", "/half", vec![Leaving::Ends], "1 0"),
            ("fe", "/hints", vec![Leaving::Ends], "1 0"),
            ("fe", "/hints", vec![Leaving::Resets], "2 0"),
            ("again", "/nothing", vec![Leaving::Ends, Leaving::Ends], "1 0"),
            ("again", "/nothing", vec![Leaving::Ends, Leaving::Resets], "2 0"),
            ("again", "/nothing", vec![Leaving::Resets, Leaving::Ends], "2 0"),
            ("again", "/nothing", vec![Leaving::Resets, Leaving::Resets], "3 0"),
        ]
        .into_iter()
        .enumerate()
        {
            let what = format!("{path}, {courses:?} behind {listener}, {engine}");
            let retries = courses.len() - 1;
            let mut client = rig.proxy.connect(listener);
            client
                .say(format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"));
            if path == "/hints" {
                assert_eq!(client.line(), "HTTP/1.1 103 Early Hints", "{what}");
                assert_eq!(client.line(), "", "{what}");
            }
            courses.into_iter().for_each(|leaving| tell.send(leaving).expect("the server waits"));
            let (text, end) = client.to_end();
            let text = String::from_utf8_lossy(&text);
            assert!(text.starts_with("HTTP/1.1 502 Bad Gateway\r\n") && end == End::Fin, "{what}: {text}");
            let line = rig.logs.lines_with("/s ", number + 1).swap_remove(number);
            assert!(line.contains(" 502 ") && line.contains(&format!(" SH-- 1/1/0/0/{retries} ")), "{what}: {line}");
            let backend = if listener == "fe" { "be" } else { listener };
            rig.assert_counted(&[(backend, "s"), (backend, "BACKEND")], "eresp srv_abrt", failed, &what);
            rig.admin.ask("clear counters all");
        }
    }
}

/// Hears a request, says what its path names, and leaves as it is told to.
fn break_off(mut conversation: Conversation, told: &Mutex<mpsc::Receiver<Leaving>>) -> io::Result<()> {
    let head = http::head(&mut conversation)?.unwrap_or_default();
    conversation.hear(5)?;
    conversation.write_all(match head.split(' ').nth(1) {
        Some("/nothing") => b"",
        Some("/half") => b"HTTP/1.1 200 OK\r\nCont",
        Some("/hints") => b"HTTP/1.1 103 Early Hints\r\n\r\n",
        other => panic!("no such path: {other:?}"),
    })?;
    let leaving = told.lock().expect("nobody panics under the lock").recv_timeout(wait::SOON);
    match leaving.expect("the test says it") {
        Leaving::Ends => conversation.finish()?,
        Leaving::Resets => conversation.reset(),
    }
    Ok(())
}

/// Whoever resets is noticed at once. HAProxy looks at a client again when it has something for it, and has no words for a server that
/// resets while it is spoken to.
fn resets_while_somebody_waits(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        default_backend be
    backend be
        server s @s@
";
    for engine in engines(subject) {
        let (tell, told) = mpsc::channel();
        let told = Mutex::new(told);
        let origin = Origin::serve(move |conversation| answer_late(conversation, &told));
        let rig = Rig::on(engine, subject, sections, &origin);
        let columns = "eresp cli_abrt srv_abrt";

        let mut client = rig.proxy.connect("fe");
        client.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        origin.seen_when(0, "the request", |seen| seen.bytes.ends_with(b"\r\n\r\n"));
        client.reset();
        let outcome = match subject {
            Subject::Haproxy => {
                tell.send(()).expect("the server waits");
                " 200 51 - - CD-- "
            }
            Subject::Tidegate => " 400 0 - - CH-- ",
        };
        let line = rig.logs.line_with("GET ");
        assert!(line.contains(outcome), "{line}");
        rig.assert_counted(&[("be", "s"), ("be", "BACKEND")], columns, "0 1 0", engine);
        if subject == Subject::Tidegate {
            tell.send(()).expect("the server waits");
        }
        rig.admin.ask("clear counters all");

        let mut client = rig.proxy.connect("fe");
        client.say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
        origin.seen_when(1, "a part of the content", |seen| seen.bytes.ends_with(b"01234"));
        tell.send(()).expect("the server waits");
        let (text, end) = client.to_end();
        let text = String::from_utf8_lossy(&text);
        let (answer, outcome, counted) = match subject {
            Subject::Haproxy => ("", " -1 0 - - SD-- ", "1 0 1"),
            Subject::Tidegate => ("HTTP/1.1 502 Bad Gateway", " 502 0 - - SH-- ", "1 0 0"),
        };
        assert_eq!((text.lines().next().unwrap_or_default(), end), (answer, End::Fin), "{engine}");
        let line = rig.logs.line_with("POST ");
        assert!(line.contains(outcome), "{line}");
        rig.assert_counted(&[("be", "s"), ("be", "BACKEND")], columns, counted, engine);
    }
}

/// Hears a request and waits to be told: answers one without content, and resets another in the middle of its content.
fn answer_late(mut conversation: Conversation, told: &Mutex<mpsc::Receiver<()>>) -> io::Result<()> {
    let head = http::head(&mut conversation)?.unwrap_or_default();
    let has_content = head.starts_with("POST");
    if has_content {
        conversation.hear(5)?;
    }
    told.lock().expect("nobody panics under the lock").recv_timeout(wait::SOON).expect("the test says it");
    if has_content {
        conversation.reset();
        return Ok(());
    }
    conversation.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
}
