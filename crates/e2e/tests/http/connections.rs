//! What becomes of connections between exchanges, and when one turns into a tunnel.

use std::sync::atomic::Ordering;

use super::{HTTP, LEFT, Rig, get};
use e2e::client::End;
use e2e::{Subject, wait};

e2e::scenarios! {
    shared: [
        connections_that_stay,
        a_tunnel,
        options_of_connections,
        connections_to_servers,
    ],
    alone: [],
}

fn connections_that_stay(subject: Subject) {
    let rig = Rig::new(subject, HTTP);
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-s: a\r\n\r\nbody";
    let mut client = rig.proxy.connect("fe");
    for turn in 0..3 {
        client.say(format!("GET /ok?{turn} HTTP/1.1\r\nHost: x\r\n\r\n"));
        assert_eq!(String::from_utf8_lossy(&client.hear(answer.len())), answer);
    }
    // Requests in one piece are answered in order.
    let three: String = (3..6).map(|turn| format!("GET /ok?{turn} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    client.say(three);
    assert_eq!(String::from_utf8_lossy(&client.hear(3 * answer.len())), answer.repeat(3));
    // A content goes with its request, and the next request is the next.
    client.say("PUT /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /ok?6 HTTP/1.1\r\nHost: x\r\n\r\n");
    let echo = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
    assert_eq!(String::from_utf8_lossy(&client.hear(echo.len() + answer.len())), format!("{echo}{answer}"));
    for turn in 0..7 {
        let request = format!("\"GET /ok?{turn} HTTP/1.1\"");
        let line = rig.line(&request);
        assert_eq!(line, format!("fe be/s T/T/T/T/T 200 57 - - ---- 1/1/0/0/0 0/0 {request}"));
    }
    // At rest it is left without a word.
    assert_eq!(client.to_end(), (vec![], End::Fin));
    assert_eq!(rig.logs.lines().len(), 8, "{:#?}", rig.logs.lines());
}

fn a_tunnel(subject: Subject) {
    let rig = Rig::new(subject, HTTP);
    let mut client = rig.proxy.connect("fe");
    client.say("GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n");
    let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: foo\r\n\r\nhi";
    assert_eq!(String::from_utf8_lossy(&client.hear(head.len())), head);
    client.say("hello\r\n");
    assert_eq!(client.hear(7), b"hello\r\n");
    client.finish();
    assert_eq!(client.to_end(), (vec![], End::Fin));
    let expected = "fe be/s T/T/T/T/T 101 87 - - ---- 1/1/0/0/0 0/0 \"GET /upgrade HTTP/1.1\"";
    assert_eq!(rig.line("/upgrade"), expected);
}

fn options_of_connections(subject: Subject) {
    let template = format!(
        "{HTTP}
        frontend server_close
            bind @server_close@
            option http-server-close
            default_backend be
        frontend close
            bind @close@
            option httpclose
            default_backend be
        frontend back_close
            bind @back_close@
            default_backend close_be
        backend close_be
            option httpclose
            server s @s@"
    );
    let rig = Rig::new(subject, &template);
    for (index, (listener, is_kept)) in
        [("server_close", true), ("close", false), ("back_close", true)].into_iter().enumerate()
    {
        let mut client = rig.proxy.connect(listener);
        client.say("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n");
        let option = if is_kept { "" } else { "connection: close\r\n" };
        let expected = format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-s: a\r\n{option}\r\nbody");
        assert_eq!(String::from_utf8_lossy(&client.hear(expected.len())), expected, "{listener}");
        let seen = rig.origin.seen_when(index, "the request and its end", |seen| seen.end.is_some());
        assert_eq!(String::from_utf8_lossy(&seen.bytes), "GET /ok HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        if is_kept {
            client.say(get("/ok"));
        }
        assert_eq!(client.to_end().1, End::Fin, "{listener}");
    }
}

/// `configuration.txt: http-reuse`.
fn connections_to_servers(subject: Subject) {
    let template = format!(
        "{HTTP}
        frontend always
            bind @always@
            default_backend shared
        backend shared
            http-reuse always
            server s @s@
        frontend leaving
            bind @leaving@
            default_backend left
        backend left
            server s @s@"
    );
    let rig = Rig::new(subject, &template);
    let request = "GET /ok HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-s: a\r\n\r\nbody";
    for (listener, count) in [("fe", 1), ("fe", 2), ("always", 3), ("always", 3)] {
        let mut client = rig.proxy.connect(listener);
        for _ in 0..3 {
            client.say(request);
            assert_eq!(String::from_utf8_lossy(&client.hear(answer.len())), answer);
        }
        assert_eq!(rig.origin.seen().len(), count, "connections of the server after a client of {listener}");
    }
    // A server that leaves behind an answer is noticed before another request is lost there.
    let mut client = rig.proxy.connect("leaving");
    for count in [4, 5] {
        client.say("GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
        let last = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast";
        assert_eq!(String::from_utf8_lossy(&client.hear(last.len())), last);
        assert_eq!(rig.origin.seen().len(), count);
        wait::until("the server to have left", wait::SOON, || LEFT.load(Ordering::SeqCst) == count - 3);
    }
}
