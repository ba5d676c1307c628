//! Contents that are not brought to their end.

use std::sync::{Mutex, mpsc};

use super::{Leaving, Rig, engines, leave};
use e2e::client::End;
use e2e::{Origin, Subject};

e2e::scenarios! {
    shared: [
        contents_that_servers_cut_short,
        servers_that_leave_before_they_heard_all,
    ],
    alone: [],
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
