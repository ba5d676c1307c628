//! One exchange: what each side gets of it where all goes well, where a side breaks the rules, and where the proxy answers itself.

use super::{HTTP, Rig, get, masked};
use e2e::Subject;
use e2e::client::End;

e2e::scenarios! {
    shared: [
        exchanges,
        broken_exchanges,
        own_words,
    ],
    alone: [],
}

fn exchanges(subject: Subject) {
    let rig = Rig::new(subject, HTTP);
    let closed = "connection: close\r\n";
    for (request, expected, line) in [
        (
            get("/ok"),
            format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-s: a\r\n{closed}\r\nbody"),
            "fe be/s T/T/T/T/T 200 57 - - ---- 1/1/0/0/0 0/0 \"GET /ok HTTP/1.1\"",
        ),
        (
            get("/until"),
            format!("HTTP/1.1 200 OK\r\n{closed}\r\nuntil"),
            "fe be/s T/T/T/T/T 200 39 - - ---- 1/1/0/0/0 0/0 \"GET /until HTTP/1.1\"",
        ),
        (
            get("/chunked"),
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{closed}\r\n7\r\nbodyabc\r\n0\r\nx-t: t\r\n\r\n"),
            "fe be/s T/T/T/T/T 200 70 - - ---- 1/1/0/0/0 0/0 \"GET /chunked HTTP/1.1\"",
        ),
        (
            get("/ok?head").replace("GET", "HEAD").replace("/ok", "/none"),
            format!("HTTP/1.1 204 No Content\r\n{closed}\r\n"),
            "fe be/s T/T/T/T/T 204 42 - - ---- 1/1/0/0/0 0/0 \"HEAD /none?head HTTP/1.1\"",
        ),
        (
            get("/echo").replace("GET", "PUT").replace("\r\n\r\n", "\r\nContent-Length: 6\r\n\r\nobject"),
            format!("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n{closed}\r\nobject"),
            "fe be/s T/T/T/T/T 200 55 - - ---- 1/1/0/0/0 0/0 \"PUT /echo HTTP/1.1\"",
        ),
        (
            get("/continue")
                .replace("GET", "POST")
                .replace("\r\n\r\n", "\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody"),
            format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n{closed}\r\nok"),
            "fe be/s T/T/T/T/T 200 91 - - ---- 1/1/0/0/0 0/0 \"POST /continue HTTP/1.1\"",
        ),
        (
            "GET /ok?1.0 HTTP/1.0\r\n\r\n".into(),
            format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-s: a\r\n{closed}\r\nbody"),
            "fe be/s T/T/T/T/T 200 57 - - ---- 1/1/0/0/0 0/0 \"GET /ok?1.0 HTTP/1.0\"",
        ),
    ] {
        assert_eq!(rig.talk("fe", &request, false), (expected, End::Fin), "{request}");
        let part = line.split_once('"').expect("a request line").1;
        assert_eq!(rig.line(part), line);
    }
}

fn broken_exchanges(subject: Subject) {
    let rig = Rig::new(subject, HTTP);
    let bad_gateway = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\
                       connection: close\r\n\r\n<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or \
                       incomplete response.\n</body></html>\n";
    let timeout = "HTTP/1.1 504 Gateway Time-out\r\ncontent-length: 92\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\
                   connection: close\r\n\r\n<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in \
                   time.\n</body></html>\n";
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nbody";
    for (path, expected, line) in [
        ("/close", bad_gateway, "T/T/T/-1/T 502 0 - - SH--"),
        ("/half", bad_gateway, "T/T/T/-1/T 502 0 - - SH--"),
        ("/bad", bad_gateway, "T/T/T/-1/T 502 0 - - PH--"),
        ("/silent", timeout, "T/T/T/-1/T 504 0 - - sH--"),
        ("/short", cut, "T/T/T/T/T 200 54 - - SD--"),
        ("/stall", cut, "T/T/T/T/T 200 54 - - sD--"),
    ] {
        assert_eq!(rig.talk("fe", &get(path), false), (expected.into(), End::Fin), "{path}");
        let request = format!("\"GET {path} HTTP/1.1\"");
        assert_eq!(rig.line(&request), format!("fe be/s {line} 1/1/0/0/0 0/0 {request}"));
    }
    let mut client = rig.proxy.connect("fe");
    client.say("POST /echo?half HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    rig.origin.seen_when(6, "a part of the content", |seen| seen.bytes.ends_with(b"abc"));
    client.finish();
    assert_eq!(client.to_end(), (vec![], End::Fin), "a client that ends in the middle gets no answer");
    assert_eq!(rig.line("?half"), "fe be/s T/T/T/-1/T -1 0 - - CD-- 1/1/0/0/0 0/0 \"POST /echo?half HTTP/1.1\"");
    let request = get("/late?fin").replace("Connection: close\r\n", "");
    let (got, end) = rig.talk("fe", &request, true);
    assert!(
        got.ends_with("\r\n\r\nbody") && end == End::Fin,
        "a client that ends its half behind its request is served: {got}"
    );
    assert_eq!(rig.line("?fin"), "fe be/s T/T/T/T/T 200 57 - - ---- 1/1/0/0/0 0/0 \"GET /late?fin HTTP/1.1\"");
}

fn own_words(subject: Subject) {
    let rig = Rig::new(subject, HTTP);
    let page = |status: &str, length: usize, text: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-length: {length}\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: \
             text/html\r\n\r\n<html><body><h1>{status}</h1>\n{text}\n</body></html>\n"
        )
    };
    let bad = page("400 Bad request", 90, "Your browser sent an invalid request.");
    let late = page("408 Request Time-out", 110, "Your browser didn't send a complete request in time.");
    for (said, is_ended, expected, line) in [
        ("garbage\r\n\r\n", false, &bad, "400 0 - - PR--"),
        ("GET / HTT", true, &bad, "400 0 - - CR--"),
        ("", true, &bad, "400 0 - - CR--"),
        ("GET / HTT", false, &late, "408 0 - - cR--"),
        ("", false, &late, "408 0 - - cR--"),
    ] {
        let count = rig.logs.lines().len();
        assert_eq!(rig.talk("fe", said, is_ended), (expected.clone(), End::Fin), "{said}");
        let lines = rig.logs.lines_with("BADREQ", count + 1);
        let expected = format!("fe fe/<NOSRV> -1/-1/-1/-1/T {line} 1/1/0/0/0 0/0 \"<BADREQ>\"");
        assert_eq!(masked(&lines[count]), expected, "{said}");
    }
    // A server that refuses is no reason to close the client's connection, but for a content that nobody reads.
    let unavailable = |option: &str| {
        format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\
             {option}\r\n<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this \
             request.\n</body></html>\n"
        )
    };
    let mut client = rig.proxy.connect("nobody");
    for turn in 0..2 {
        client.say(format!("GET /{turn} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let expected = unavailable("");
        assert_eq!(String::from_utf8_lossy(&client.hear(expected.len())), expected);
        let request = format!("\"GET /{turn} HTTP/1.1\"");
        assert_eq!(rig.line(&request), format!("nobody dead/s T/T/-1/-1/T 503 0 - - SC-- 1/1/0/0/0 0/0 {request}"));
    }
    client.say("POST /content HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    let (got, end) = client.to_end();
    assert_eq!((String::from_utf8_lossy(&got).into_owned(), end), (unavailable("connection: close\r\n"), End::Fin));
}
