//! Rules that see contents: `option http-buffer-request`, `wait-for-body`, `req.body` and its kin, `balance url_param … check_post`. The
//! reference runs the same table.
//!
//! A client that expects to be told to go on hears that from a proxy that waits, so what comes before and behind that moment needs no
//! clock.

use std::io::{self, Read, Write};
use std::time::Duration;

use e2e::peers::Conversation;
use e2e::{Client, LogServer, Origin, Proxy, Setup, Subject, http};

e2e::scenarios! {
    shared: [
        what_has_come,
        rules_wait_for_requests,
        sections_wait_for_requests,
        requests_that_do_not_come,
        rules_wait_for_responses,
        servers_by_posted_parameters,
    ],
    alone: [],
}

/// What rules see.
const SEEN: &str = "
        http-request set-header X-Body \"%[req.body]\"
        http-request set-header X-Len %[req.body_len]
        http-request set-header X-Size %[req.body_size]
        http-request set-header X-K \"%[req.body_param(k)]\"
        http-request set-header X-First \"%[req.body_param]\"
";

struct Rig {
    proxy: Proxy,
    origin: Origin,
    logs: LogServer,
}

impl Rig {
    fn new(subject: Subject, sections: &str) -> Rig {
        let (logs, origin) = (LogServer::udp(), Origin::serve(serve));
        let setup = Setup::logged(subject, "mode http\n option httplog", sections).with("log", logs.target());
        Rig { proxy: setup.with("threads", 1).with("s", origin.target()).start(), origin, logs }
    }

    /// A client that has said a head with these fields, and was told to go on.
    fn told_to_go_on(&self, listener: &str, path: &str, fields: &str) -> Client {
        let mut client = self.proxy.connect(listener);
        client.say(format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\n{fields}\r\n\r\n"
        ));
        assert_eq!((client.line().as_str(), client.line().as_str()), ("HTTP/1.1 100 Continue", ""), "{path}");
        client
    }

    /// Times without their digits, the server, the status and how it ended, of the exchange for this path.
    fn outcome(&self, path: &str) -> String {
        let line = self.logs.behind_date(&format!("\"POST {path} "));
        let words: Vec<&str> = line.split(' ').collect();
        let request_time = if words[2].starts_with("-1/") { "-1" } else { "T" };
        [words[1], request_time, words[3], words[7]].join(" ")
    }

    /// What rules made of the request that came last, as the server got it.
    fn seen(&self) -> Vec<String> {
        let seen = self.origin.seen();
        let text = String::from_utf8_lossy(&seen.last().expect("a request").bytes).into_owned();
        let of = |name: &str| {
            let (_, value) = text.split_once(&format!("\r\n{name}: ")).unwrap_or_else(|| panic!("no {name}: {text}"));
            value.split("\r\n").next().unwrap_or_default().to_owned()
        };
        ["x-body", "x-len", "x-size", "x-k", "x-first"].into_iter().map(of).collect()
    }
}

/// How much later the rest of an answer comes than its beginning: nobody shall see both at once.
const LATE: Duration = Duration::from_millis(50);

/// Answers once the content has come, by what is asked for.
fn serve(mut conversation: Conversation) -> io::Result<()> {
    while let Some(head) = http::head(&mut conversation)? {
        answer(&mut conversation, &head)?;
    }
    Ok(())
}

fn answer(conversation: &mut Conversation, head: &str) -> io::Result<()> {
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
    conversation.hear(length.unwrap_or(0))?;
    if head.contains("transfer-encoding: chunked") {
        until(conversation, b"0\r\n\r\n")?;
    }
    assert!(!head.contains("expect:"), "{head}");
    match head.split(' ').nth(1) {
        Some("/pieces") => {
            conversation.write_all(b"HTTP/1.1 200 OK\r\nX-Wait: 1\r\nContent-Length: 10\r\n\r\nabc")?;
            std::thread::sleep(LATE);
            conversation.write_all(b"defghij")
        }
        Some("/chunks") => {
            conversation
                .write_all(b"HTTP/1.1 200 OK\r\nX-Wait: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")?;
            std::thread::sleep(LATE);
            conversation.write_all(b"2\r\nde\r\n0\r\n\r\n")
        }
        Some("/never") => {
            conversation.write_all(b"HTTP/1.1 200 OK\r\nX-Wait: 1\r\nContent-Length: 10\r\n\r\nabc")?;
            conversation.read_to_end();
            Ok(())
        }
        _ => conversation.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    }
}

fn until(conversation: &mut Conversation, end: &[u8]) -> io::Result<String> {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(end) && conversation.read(&mut byte)? > 0 {
        bytes.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn text(client: &mut Client) -> String {
    String::from_utf8_lossy(&client.to_end().0).into_owned()
}

/// Nothing is waited for, and what has come with the head is seen.
fn what_has_come(subject: Subject) {
    let sections = format!(
        "
    frontend fe
        bind @fe@
{SEEN}
        http-request deny if {{ req.body -m sub evil }}
        http-request deny deny_status 404 if {{ req.body_param(k) -m str x y }}
        http-request deny deny_status 413 if {{ req.body_size gt 100 }}
        default_backend be
    backend be
        server s @s@
"
    );
    let rig = Rig::new(subject, &sections);
    let ask = |path: &str, fields: &str, content: &str| {
        let mut client = rig.proxy.connect("fe");
        client.say(format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n{content}"));
        text(&mut client)
    };
    assert!(ask("/none", "", "").starts_with("HTTP/1.1 200 "));
    assert_eq!(rig.seen(), ["", "0", "0", "", ""]);
    assert!(ask("/all", "Content-Length: 7\r\n", "a=1&k=w").starts_with("HTTP/1.1 200 "));
    assert_eq!(rig.seen(), ["a=1&k=w", "7", "7", "w", "1"]);
    ask("/chunked", "Transfer-Encoding: chunked\r\n", "3\r\na=1\r\n4\r\n&k=w\r\n0\r\n\r\n");
    assert_eq!(rig.seen(), ["a=1&k=w", "7", "7", "w", "1"]);
    for (path, content, status) in [("/sub", "an evil one", "403"), ("/k", "k=w&k=y", "404")] {
        let answer = ask(path, &format!("Content-Length: {}\r\n", content.len()), content);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(rig.outcome(path), format!("fe/<NOSRV> T {status} PR--"));
    }
    let answer = ask("/long", "Content-Length: 101\r\n", "");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

/// `configuration.txt: http-request wait-for-body`.
fn rules_wait_for_requests(subject: Subject) {
    let sections = format!(
        "
    frontend fe
        bind @fe@
        http-request set-header X-Before %[req.body_len]
        http-request wait-for-body time 4s if {{ path_beg /whole }}
        http-request wait-for-body time 4s at-least 3 if {{ path /least }}
{SEEN}
        http-request deny if {{ req.body -m sub evil }}
        default_backend be
    backend be
        http-request wait-for-body time 4s if {{ path /back }}
        http-request set-header X-Body \"%[req.body]\" if {{ path /back }}
        http-request set-header X-Len %[req.body_len] if {{ path /back }}
        server s @s@
"
    );
    let rig = Rig::new(subject, &sections);
    let mut client = rig.told_to_go_on("fe", "/whole", "Content-Length: 7");
    client.say("a=1");
    client.say("&k=w");
    assert!(text(&mut client).starts_with("HTTP/1.1 200 "));
    assert_eq!(rig.seen(), ["a=1&k=w", "7", "7", "w", "1"]);
    assert_eq!(rig.outcome("/whole"), "be/s T 200 ----");
    let mut client = rig.told_to_go_on("fe", "/whole/chunks", "Transfer-Encoding: chunked");
    client.say("3\r\na=1\r\n4");
    client.say("\r\n&k=w\r\n0\r\n\r\n");
    assert!(text(&mut client).starts_with("HTTP/1.1 200 "));
    assert_eq!(rig.seen(), ["a=1&k=w", "7", "7", "w", "1"]);
    // Three octets are enough, and the server is asked before the others come.
    let count = rig.origin.seen().len();
    let mut client = rig.told_to_go_on("fe", "/least", "Content-Length: 7");
    client.say("a=1");
    rig.origin.seen_when(count, "the beginning", |seen| seen.bytes.ends_with(b"a=1"));
    client.say("&k=w");
    assert!(text(&mut client).starts_with("HTTP/1.1 200 "));
    assert_eq!(rig.seen(), ["a=1", "3", "7", "", "1"]);
    let mut client = rig.told_to_go_on("fe", "/back", "Content-Length: 7");
    client.say("a=1&k=w");
    assert!(text(&mut client).starts_with("HTTP/1.1 200 "));
    assert_eq!(rig.seen(), ["a=1&k=w", "7", "7", "", ""]);
    let mut client = rig.told_to_go_on("fe", "/whole/evil", "Content-Length: 4");
    client.say("ev");
    client.say("il");
    assert!(text(&mut client).starts_with("HTTP/1.1 403 "));
    assert_eq!(rig.outcome("/whole/evil"), "fe/<NOSRV> T 403 PR--");
}

/// `configuration.txt: option http-buffer-request`.
fn sections_wait_for_requests(subject: Subject) {
    let sections = format!(
        "
    frontend fe
        bind @fe@
        option http-buffer-request
{SEEN}
        default_backend plain
    frontend long
        bind @long@
        option http-buffer-request
        http-request deny if {{ req.body_len lt 10000 }}
        default_backend plain
    frontend only
        bind @only@
        http-request set-header X-Before %[req.body_len]
        default_backend buffering
    backend plain
        server s @s@
    backend buffering
        option http-buffer-request
{SEEN}
        server s @s@
"
    );
    let rig = Rig::new(subject, &sections);
    for listener in ["fe", "only"] {
        let mut client = rig.told_to_go_on(listener, &format!("/{listener}"), "Content-Length: 7");
        client.say("a=1");
        client.say("&k=w");
        assert!(text(&mut client).starts_with("HTTP/1.1 200 "));
        assert_eq!(rig.seen(), ["a=1&k=w", "7", "7", "w", "1"]);
    }
    // Of what no buffer holds a part is seen, and all of it arrives.
    let content = "x".repeat(100_000);
    let mut client = rig.proxy.connect("long");
    client
        .say(format!("POST /long HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n{content}"));
    assert!(text(&mut client).starts_with("HTTP/1.1 200 "));
    let seen = rig.origin.seen();
    let bytes = &seen.last().expect("a request").bytes;
    assert!(bytes.ends_with(content.as_bytes()));
    // One exchange behind the other on a connection.
    let mut client = rig.proxy.connect("fe");
    for _ in 0..2 {
        client.say("POST /again HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\na=1&k=w");
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok") {
            answer.extend(client.hear(1));
        }
        assert_eq!(rig.seen(), ["a=1&k=w", "7", "7", "w", "1"]);
    }
}

/// Late, cut, malformed.
fn requests_that_do_not_come(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        http-request wait-for-body time 300ms if { path /rule }
        http-request wait-for-body time 4s if { path_beg /long }
        default_backend be
    frontend buffering
        bind @buffering@
        option http-buffer-request
        timeout http-request 300ms
        default_backend be
    backend be
        timeout http-request 300ms
        option http-buffer-request
        server s @s@
";
    let rig = Rig::new(subject, sections);
    for (listener, path, place) in
        [("fe", "/rule", "fe/<NOSRV>"), ("buffering", "/front", "buffering/<NOSRV>"), ("fe", "/back", "be/<NOSRV>")]
    {
        let mut client = rig.told_to_go_on(listener, path, "Content-Length: 7");
        client.say("a=1");
        let answer = text(&mut client);
        assert!(answer.starts_with("HTTP/1.1 408 Request Time-out\r\n"), "{path}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{path}: {answer}");
        assert_eq!(rig.outcome(path), format!("{place} -1 408 cR--"));
    }
    let mut client = rig.told_to_go_on("fe", "/long/cut", "Content-Length: 7");
    client.say("a=1");
    client.finish();
    assert_eq!(text(&mut client), "");
    assert_eq!(rig.outcome("/long/cut"), "be/<NOSRV> T -1 CR--");
    let mut client = rig.told_to_go_on("fe", "/long/reset", "Content-Length: 7");
    client.say("a=1");
    client.reset();
    assert_eq!(rig.outcome("/long/reset"), "be/<NOSRV> T -1 CR--");
    let mut client = rig.told_to_go_on("fe", "/long/bad", "Transfer-Encoding: chunked");
    client.say("3\r\na=1\r\nzz\r\n");
    let answer = text(&mut client);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(rig.outcome("/long/bad"), "fe/<NOSRV> -1 400 PR--");
    assert_eq!(rig.origin.seen().len(), 0);
}

/// `configuration.txt: http-response wait-for-body`.
fn rules_wait_for_responses(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        http-response set-header X-Front %[res.body_len]
        default_backend be
    backend be
        http-response set-status 203 if { res.hdr(x-wait) 1 }
        http-response wait-for-body time 500ms if { res.hdr(x-wait) 1 }
        http-response set-header X-Body \"%[res.body]\"
        http-response set-header X-Size %[res.body_size]
        server s @s@
";
    let rig = Rig::new(subject, sections);
    let ask = |path: &str| {
        let mut client = rig.proxy.connect("fe");
        client.say(format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        text(&mut client)
    };
    for (path, status, seen, outcome) in [
        ("/plain", "200", "x-body: ok\r\nx-size: 2\r\nx-front: 2\r\n", "be/s T 200 ----"),
        ("/pieces", "203", "x-body: abcdefghij\r\nx-size: 10\r\nx-front: 10\r\n", "be/s T 203 ----"),
        ("/chunks", "203", "x-body: abcde\r\nx-size: 5\r\nx-front: 5\r\n", "be/s T 203 ----"),
        ("/never", "504", "", "be/s T 504 sR--"),
    ] {
        let answer = ask(path);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(answer.contains(seen), "{path}: {answer}");
        assert_eq!(rig.outcome(path), outcome);
    }
}

/// `configuration.txt: balance url_param … check_post`: the same parameter leads to the same server wherever it stands; with four of them,
/// to the one that HAProxy 2.6.12 chose.
fn servers_by_posted_parameters(subject: Subject) {
    let sections = "
    listen li
        bind @li@
        balance url_param id check_post
        timeout http-request 4s
        http-response set-header X-Srv %[srv_name]
        server a @s@
        server b @s@
        server c @s@
        server d @s@
";
    let rig = Rig::new(subject, sections);
    let server = |client: &mut Client| {
        let answer = text(client);
        let (_, name) = answer.split_once("x-srv: ").unwrap_or_else(|| panic!("{answer}"));
        name[..1].to_owned()
    };
    for (id, expected) in [("1", "b"), ("2", "c"), ("3", "d"), ("4", "a")] {
        let mut client = rig.proxy.connect("li");
        client.say(format!("GET /?id={id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        assert_eq!(server(&mut client), expected, "{id}");
        let mut client = rig.told_to_go_on("li", "/?q=1", "Content-Length: 8");
        client.say("z=1&");
        client.say(format!("id={id}"));
        assert_eq!(server(&mut client), expected, "{id}");
        // What the target says comes first, and nothing is waited for.
        let mut client = rig.proxy.connect("li");
        client.say(format!("POST /?id={id} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nid=9"));
        assert_eq!(server(&mut client), expected, "{id}");
    }
}
