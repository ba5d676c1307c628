//! Exchanges that a side does not bring to their end: what the other side hears, what the log says, and what is counted of it. The reference
//! runs the same rows.

use std::io::{self, Write};
use std::sync::{Mutex, mpsc};

use e2e::client::End;
use e2e::peers::Conversation;
use e2e::{Admin, LogServer, Origin, Proxy, Setup, Subject, http, wait};

e2e::scenarios! {
    shared: [
        contents_that_servers_cut_short,
        tunnels_that_a_side_resets,
        heads_that_servers_never_finish,
        servers_that_leave_before_they_heard_all,
        clients_that_rules_wait_for,
    ],
    alone: [],
}

const GLOBAL: &str = "
    global
        nbthread 1
        @engine@
        stats socket @socket@ level admin
        log @log@ local2
    defaults
        mode http
        log global
        option httplog
        retries 0
        timeout connect 1s
        timeout client 8s
        timeout server 8s
";

struct Rig {
    proxy: Proxy,
    admin: Admin,
    logs: LogServer,
}

impl Rig {
    fn new(subject: Subject, sections: &str, origin: &Origin) -> Rig {
        Rig::on("", subject, sections, origin)
    }

    fn on(engine: &str, subject: Subject, sections: &str, origin: &Origin) -> Rig {
        let (admin, logs) = (Admin::new(), LogServer::udp());
        let setup = Setup::new(subject, &format!("{GLOBAL}{sections}")).with("s", origin.target());
        let setup = setup.with("engine", engine);
        let proxy = setup.with("socket", admin.path().display()).with("log", logs.target()).start();
        Rig { proxy, admin, logs }
    }

    /// Waits until these columns of each of the rows say this.
    fn assert_counted(&self, rows: &[(&str, &str)], columns: &str, expected: &str, what: &str) {
        let cell = |proxy: &str, name: &str, column: &str| {
            self.admin.row(proxy, name).get(column).map_or("-", String::as_str).to_owned()
        };
        for (proxy, name) in rows {
            let counted = || columns.split(' ').map(|column| cell(proxy, name, column)).collect::<Vec<_>>().join(" ");
            wait::within(wait::SOON, || (counted() == expected).then_some(()));
            assert_eq!(counted(), expected, "{columns} of {proxy}/{name}: {what}");
        }
    }
}

/// What moves the bytes, as a line of `global`.
fn engines(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Haproxy => &[""],
        Subject::Tidegate => &["tidegate.io-engine io_uring", "tidegate.io-engine epoll"],
    }
}

/// How a server leaves.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    Ends,
    Resets,
}

/// Says what is asked for, waits until that has been heard, and leaves.
fn leave(mut conversation: Conversation, heard: &Mutex<mpsc::Receiver<Leaving>>) -> io::Result<()> {
    let head = http::head(&mut conversation)?.unwrap_or_default();
    let half = "x".repeat(50);
    let answer = match head.split(' ').nth(1) {
        Some("/length") => format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{half}"),
        Some("/chunks") => format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n{half}\r\n"),
        Some("/chunk") => format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{half}"),
        Some("/large") => format!("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n{}", "x".repeat(1_000_000)),
        Some("/early") => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
        Some("/until") => format!("HTTP/1.1 200 OK\r\n\r\n{half}"),
        Some("/tunnel") => {
            format!("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n{half}")
        }
        other => panic!("no such path: {other:?}"),
    };
    conversation.write_all(answer.as_bytes())?;
    let leaving = heard.lock().expect("nobody panics under the lock").recv_timeout(wait::SOON);
    match leaving.expect("the client hears it") {
        Leaving::Ends => conversation.finish(),
        Leaving::Resets => {
            conversation.reset();
            Ok(())
        }
    }
}

/// `management.txt` §9.1: `eresp`, `srv_abrt`. Of a frontend neither is counted.
fn contents_that_servers_cut_short(subject: Subject) {
    let (tell, heard) = mpsc::channel();
    let heard = Mutex::new(heard);
    let origin = Origin::serve(move |conversation| leave(conversation, &heard));
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
    let rig = Rig::new(subject, sections, &origin);
    for (number, (listener, path, count, leaving, state, failed)) in [
        ("fe", "/length", 50, Leaving::Ends, "SD--", "1 1"),
        ("fe", "/length", 50, Leaving::Resets, "SD--", "1 1"),
        ("fe", "/chunks", 50, Leaving::Ends, "SD--", "1 1"),
        ("fe", "/chunks", 50, Leaving::Resets, "SD--", "1 1"),
        ("fe", "/chunk", 50, Leaving::Ends, "SD--", "1 1"),
        ("fe", "/large", 1_000_000, Leaving::Ends, "SD--", "1 1"),
        ("fe", "/large", 1_000_000, Leaving::Resets, "SD--", "1 1"),
        ("fe", "/until", 50, Leaving::Ends, "----", "0 0"),
        ("fe", "/until", 50, Leaving::Resets, "SD--", "1 1"),
        ("fe", "/tunnel", 50, Leaving::Ends, "----", "0 0"),
        ("fe", "/tunnel", 50, Leaving::Resets, "SD--", "1 1"),
        ("tcp", "/length", 50, Leaving::Ends, "--", "0 0"),
        ("tcp", "/length", 50, Leaving::Resets, "SD", "1 1"),
    ]
    .into_iter()
    .enumerate()
    {
        let what = format!("{path} of {listener}, {state}");
        let mut client = rig.proxy.connect(listener);
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"));
        while !client.line().is_empty() {}
        if path.starts_with("/chunk") {
            client.line();
        }
        client.hear(count);
        tell.send(leaving).expect("the server waits");
        let (rest, end) = client.to_end();
        drop(client);
        assert!(rest.is_empty() || rest == b"\r\n", "{what}: {}", String::from_utf8_lossy(&rest));
        // What a client sees of a reset is another question.
        assert!(end == End::Fin || state.starts_with('S'), "{what}: {end:?}");
        let backend = if listener == "tcp" { "tcp" } else { "be" };
        let line = rig.logs.lines_with("/s ", number + 1).swap_remove(number);
        assert!(line.contains(&format!(" {state} ")), "{what}: {line}");
        rig.assert_counted(&[(backend, "s"), (backend, "BACKEND")], "eresp srv_abrt", failed, &what);
        rig.assert_counted(&[(listener, "FRONTEND")], "ereq eresp srv_abrt", "0 - -", &what);
        rig.admin.ask("clear counters all");
    }
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

/// Who has answered and left takes the rest of the request no more (RFC 9112 §9.6). HAProxy waits for it, and blames the client.
fn servers_that_leave_before_they_heard_all(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        timeout client 500ms
        default_backend be
    backend be
        server s @s@
";
    for engine in engines(subject) {
        let (tell, heard) = mpsc::channel();
        let heard = Mutex::new(heard);
        let origin = Origin::serve(move |conversation| leave(conversation, &heard));
        let rig = Rig::on(engine, subject, sections, &origin);
        for (number, leaving) in [Leaving::Ends, Leaving::Resets].into_iter().enumerate() {
            let what = format!("{leaving:?}, {engine}");
            let mut client = rig.proxy.connect("fe");
            client.say("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
            assert_eq!(client.line(), "HTTP/1.1 200 OK", "{what}");
            while !client.line().is_empty() {}
            assert_eq!(client.hear(2), b"ok", "{what}");
            tell.send(leaving).expect("the server waits");
            assert_eq!(client.to_end(), (vec![], End::Fin), "{what}");
            let (state, counted) = match subject {
                Subject::Haproxy => ("cD--", "1"),
                Subject::Tidegate => ("----", "0"),
            };
            let line = rig.logs.lines_with("/s ", number + 1).swap_remove(number);
            assert!(line.contains(&format!(" 200 51 - - {state} 1/1/0/0/0 ")), "{what}: {line}");
            rig.assert_counted(&[("be", "s"), ("be", "BACKEND")], "cli_abrt", counted, &what);
            rig.admin.ask("clear counters all");
        }
    }
}

/// What is left unsaid is not a matter of the rules: until there is a head none of them runs, and the times of clients are those of a section
/// without rules.
fn clients_that_rules_wait_for(subject: Subject) {
    let origin = Origin::answering(|_| "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let rules = "
        tcp-request inspect-delay 6s
        tcp-request content accept if { path /accepted }
        tcp-request content reject if { path /rejected }
        default_backend be";
    let sections = format!(
        "
    frontend client
        bind @client@
        timeout client 300ms
{rules}
    frontend request
        bind @request@
        timeout http-request 300ms
{rules}
    frontend short
        bind @short@
        timeout client 300ms
        tcp-request inspect-delay 100ms
        tcp-request content reject
    frontend null
        bind @null@
        option dontlognull
        timeout client 300ms
{rules}
    frontend probes
        bind @probes@
        option http-ignore-probes
        timeout client 300ms
{rules}
    backend be
        server s @s@
"
    );
    let rig = Rig::new(subject, &sections, &origin);
    let late = ("HTTP/1.1 408 Request Time-out\r\n", "408 cR--");
    let cut = ("HTTP/1.1 400 Bad request\r\n", "400 CR--");
    let mut lines = 0;
    for (listener, said, is_ended, (answer, outcome), is_logged) in [
        ("client", "", false, late, true),
        ("client", "GET /accepted HTT", false, late, true),
        ("client", "", true, cut, true),
        ("client", "GET /accepted HTT", true, cut, true),
        ("request", "", false, late, true),
        ("request", "GET /rejected HTT", false, late, true),
        ("short", "", false, late, true),
        ("short", "GET / HTT", false, late, true),
        ("null", "", false, late, false),
        ("null", "GET / HTT", false, late, true),
        ("probes", "", false, ("", ""), false),
        ("probes", "GET / HTT", false, late, true),
    ] {
        let what = format!("{listener}, '{said}'");
        let mut client = rig.proxy.connect(listener);
        client.say(said);
        if is_ended {
            client.finish();
        }
        let (text, end) = client.to_end();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.starts_with(answer) && text.is_empty() == answer.is_empty(), "{what}: {text}");
        assert_eq!(end, End::Fin, "{what}");
        let counted = if answer.is_empty() { "1 0 0 0 0" } else { "1 1 1 0 1" };
        rig.assert_counted(&[(listener, "FRONTEND")], "stot req_tot hrsp_4xx hrsp_other ereq", counted, &what);
        rig.assert_counted(&[("be", "BACKEND")], "stot req_tot cli_abrt", "0 0 0", &what);
        if is_logged {
            lines += 1;
            let line = rig.logs.lines_with("BADREQ", lines).swap_remove(lines - 1);
            let words: Vec<&str> = line.split_once("] ").expect("a date").1.split(' ').collect();
            assert_eq!((words[0], words[1]), (listener, format!("{listener}/<NOSRV>").as_str()), "{what}");
            assert_eq!(format!("{} {}", words[3], words[7]), outcome, "{what}");
        }
        rig.admin.ask("clear counters all");
    }
    assert_eq!(rig.logs.lines().len(), lines, "{:#?}", rig.logs.lines());
    assert_eq!(origin.seen().len(), 0);
}
