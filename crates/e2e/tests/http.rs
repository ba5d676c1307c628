//! `mode http`: what a client gets, what a server gets and what the log says, for the ways in which an exchange goes. The reference
//! runs the same table.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use e2e::client::End;
use e2e::peers::Conversation;
use e2e::{LogServer, Origin, Proxy, Refusing, Setup, Subject, mask, wait};

e2e::scenarios! {
    shared: [
        exchanges,
        broken_exchanges,
        connections_that_stay,
        own_words,
        a_tunnel,
        captures_and_the_forwarded_address,
        options_of_connections,
        counters,
        ways_by_what_is_asked_for,
        connections_to_servers,
        requests_that_are_sent_again,
    ],
    alone: [],
}

const HTTP: &str = "
    global
        nbthread 1
        stats socket @admin@ level admin
        log @log@ local2
    defaults
        mode http
        log global
        option httplog
        retries 0
        timeout connect 1s
        timeout client 2s
        timeout server 1s
    frontend fe
        bind @fe@
        default_backend be
    frontend nobody
        bind @nobody@
        default_backend dead
    backend be
        server s @s@
    backend dead
        server s @dead@
";

/// Answers behind which the server has left.
static LEFT: AtomicUsize = AtomicUsize::new(0);

struct Rig {
    proxy: Proxy,
    origin: Origin,
    logs: LogServer,
    _admin: tempfile::TempDir,
}

impl Rig {
    fn new(subject: Subject, template: &str) -> Rig {
        let (logs, origin, dead) = (LogServer::udp(), Origin::serve(serve), Refusing::new());
        let admin = tempfile::TempDir::new().expect("a temporary directory");
        let setup = Setup::new(subject, template).with("log", logs.target()).with("s", origin.target());
        let path = admin.path().join("admin").display().to_string();
        let proxy = setup.with("dead", dead.target()).with("admin", path).start();
        Rig { proxy, origin, logs, _admin: admin }
    }

    /// Says `steps` on a connection of its own, with its last words ends its half if it is told to, and hears what comes.
    fn talk(&self, listener: &str, request: &str, is_ended: bool) -> (String, End) {
        let mut client = self.proxy.connect(listener);
        let _ = client.try_say(request);
        if is_ended {
            client.finish();
        }
        let (bytes, end) = client.to_end();
        (String::from_utf8_lossy(&bytes).into_owned(), end)
    }

    /// The line of the exchange whose request line holds `part`.
    fn line(&self, part: &str) -> String {
        masked(&self.logs.line_with(part))
    }
}

/// A line behind the date, with its times masked. HAProxy 2.6 counts the bytes of responses that it makes itself, 3.4 does not.
fn masked(line: &str) -> String {
    let line = mask::line(line);
    let (_, rest) = line.split_once("[DATE] ").expect("an accept date");
    let mut words: Vec<String> = rest.split(' ').map(str::to_owned).collect();
    let times: Vec<&str> = words[2].split('/').map(|time| if time == "-1" { "-1" } else { "T" }).collect();
    let is_own = times[3] == "-1";
    words[2] = times.join("/");
    if is_own {
        words[4] = "0".into();
    }
    words.join(" ")
}

/// Answers by what is asked for.
fn serve(mut conversation: Conversation) -> io::Result<()> {
    loop {
        let head = head(&mut conversation)?;
        let Some(path) = head.split(' ').nth(1) else { return Ok(()) };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let answer: &[u8] = match path {
            "/ok" | "/late" => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-S: a\r\n\r\nbody",
            "/chunked" => {
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7;x=y\r\nbodyabc\r\n0\r\nX-T: t\r\n\r\n"
            }
            "/last" => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast",
            "/none" => b"HTTP/1.1 204 No Content\r\n\r\n",
            "/half" => b"HTTP/1.1 200 OK\r\nCont",
            "/bad" => b"garbage\r\n\r\n",
            "/short" | "/stall" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbody",
            "/until" => b"HTTP/1.1 200 OK\r\n\r\nuntil",
            "/echo" | "/early" => b"",
            "/continue" => b"HTTP/1.1 100 Continue\r\n\r\n",
            "/upgrade" => b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhi",
            "/close" | "/silent" => b"",
            other => panic!("no such path: {other}"),
        };
        if path == "/late" {
            std::thread::sleep(Duration::from_millis(50));
        }
        conversation.write_all(answer)?;
        match path {
            "/last" => {
                conversation.finish()?;
                LEFT.fetch_add(1, Ordering::SeqCst);
                conversation.read_to_end();
                return Ok(());
            }
            "/close" | "/half" | "/short" | "/until" | "/bad" => return Ok(()),
            "/silent" | "/stall" => {
                conversation.read_to_end();
                return Ok(());
            }
            "/upgrade" => return conversation.echo(),
            "/continue" => {
                conversation.hear(4)?;
                conversation.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            }
            "/early" => conversation.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?,
            "/echo" => {
                let length =
                    head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
                let content = conversation.hear(length.unwrap_or(0))?;
                conversation
                    .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len()).as_bytes())?;
                conversation.write_all(&content)?;
            }
            _ => (),
        }
    }
}

/// A head, and nothing behind it; empty at the end.
fn head(conversation: &mut Conversation) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if conversation.read(&mut byte)? == 0 {
            return Ok(String::new());
        }
        bytes.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
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

fn captures_and_the_forwarded_address(subject: Subject) {
    let template = format!(
        "{HTTP}
        frontend taken
            bind @taken@
            option forwardfor except 10.0.0.0/8
            capture request header X-User len 4
            capture request header X-None len 9
            capture response header X-S len 9
            default_backend be"
    );
    let rig = Rig::new(subject, &template);
    let (got, _) = rig.talk(
        "taken",
        &get("/ok").replace("Host", "x-user: a\r\nX-User: b{onk}ers\r\nX-Forwarded-For: 9.9.9.9\r\nHost"),
        false,
    );
    assert!(got.ends_with("body"), "{got}");
    assert_eq!(
        rig.line("/ok"),
        "taken be/s T/T/T/T/T 200 57 - - ---- 1/1/0/0/0 0/0 {b#7Bon|} {a} \"GET /ok HTTP/1.1\""
    );
    let seen = rig.origin.seen_when(0, "the request", |seen| seen.bytes.ends_with(b"\r\n\r\n"));
    let expected = "GET /ok HTTP/1.1\r\nx-user: a\r\nx-user: b{onk}ers\r\nx-forwarded-for: 9.9.9.9\r\nhost: x\r\n\
                    x-forwarded-for: 127.0.0.1\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&seen.bytes), expected);
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

/// `management.txt` §9.1.
fn counters(subject: Subject) {
    let rig = Rig::new(subject, HTTP);
    for request in [get("/ok"), get("/none"), get("/close"), "garbage\r\n\r\n".into()] {
        rig.talk("fe", &request, false);
    }
    rig.logs.lines_with("fe ", 4);
    let first = Stats::read(&rig);
    let counts = |row: &str| {
        ["stot", "req_tot", "hrsp_2xx", "hrsp_4xx", "hrsp_5xx", "ereq", "eresp"]
            .map(|name| first.of(row, name))
            .join(" ")
    };
    assert_eq!(counts("fe,FRONTEND,"), "4 4 2 1 1 1 ");
    assert_eq!(counts("be,s,"), "3 2 2 0 0  1");
    assert_eq!(counts("be,BACKEND,"), "3 3 2 0 1  1");
    rig.talk("fe", &get("/late"), false);
    rig.logs.lines_with("fe ", 5);
    let then = Stats::read(&rig);
    let number = |row: &str, name: &str| then.of(row, name).parse::<u64>().expect("a number");
    assert!(number("fe,FRONTEND,", "req_rate_max") >= 1);
    for row in ["be,s,", "be,BACKEND,"] {
        assert!((50..10_000).contains(&number(row, "rtime_max")), "{} ms", number(row, "rtime_max"));
        assert!(number(row, "rtime") >= 1);
    }
}

/// An answer to `show stat`.
struct Stats(String);

impl Stats {
    fn read(rig: &Rig) -> Stats {
        let path = rig._admin.path().join("admin");
        let mut socket = std::os::unix::net::UnixStream::connect(path).expect("the admin socket");
        socket.write_all(b"show stat\n").expect("it listens");
        let mut csv = String::new();
        socket.read_to_string(&mut csv).expect("it answers");
        Stats(csv)
    }

    /// A cell of the row that begins so.
    fn of(&self, row: &str, name: &str) -> &str {
        let names: Vec<&str> = self.0.lines().next().expect("a header").split(',').collect();
        let line =
            self.0.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no {row} in {}", self.0));
        line.split(',').nth(names.iter().position(|known| *known == name).expect("a column")).expect("a cell")
    }
}

/// `configuration.txt` §7.3.6.
fn ways_by_what_is_asked_for(subject: Subject) {
    let conditions = [
        ("path", "{ path /ok }"),
        ("begin", "{ path_beg /no }"),
        ("url", "{ url_sub ?a= }"),
        ("method", "METH_POST"),
        ("field", "{ req.hdr(x-user) -m sub bob }"),
        ("many", "{ hdr_cnt(x-many) gt 2 }"),
        ("number", "{ hdr_val(x-number) ge 7 }"),
        ("address", "{ hdr_ip(x-address) 10.0.0.0/8 }"),
        ("cookie", "{ req.cook(k) v }"),
        ("parameter", "{ urlp(p) -i YES }"),
        ("version", "HTTP_1.0"),
        ("base", "{ base_end y/until }"),
    ];
    let mut template = format!("{HTTP}\n frontend way\n bind @way@\n acl on_list hdr(x-list) b\n");
    for (name, condition) in conditions {
        template += &format!(" use_backend {name} if {condition}\n");
    }
    template += " use_backend list if on_list !{ path /other }\n default_backend be\n";
    for name in conditions.map(|(name, _)| name).into_iter().chain(["list"]) {
        template += &format!(" backend {name}\n server s @s@\n");
    }
    let rig = Rig::new(subject, &template);
    let asking = |number: usize, field: &str| format!("GET /until?{number} HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n");
    for (number, (request, backend)) in [
        (get("/ok"), "path"),
        (get("/none"), "begin"),
        (get("/until?a=0"), "url"),
        ("POST /until HTTP/1.1\r\nHost: x\r\n\r\n".into(), "method"),
        (asking(5, "X-User: a bobcat"), "field"),
        (asking(6, "X-Many: 1\r\nX-Many: 2, 3"), "many"),
        (asking(7, "X-Number: 12, 3"), "number"),
        (asking(8, "X-Address: 192.0.2.1, 10.1.2.3"), "address"),
        (asking(9, "Cookie: j=v; k=v"), "cookie"),
        (get("/until?o=1&p=yes"), "parameter"),
        ("GET /until HTTP/1.0\r\n\r\n".into(), "version"),
        ("GET /until HTTP/1.1\r\nHost: y\r\n\r\n".into(), "base"),
        (asking(13, "X-List: a, b ,c"), "list"),
        (asking(14, "X-List: a, bc"), "be"),
    ]
    .into_iter()
    .enumerate()
    {
        rig.talk("way", &request, true);
        let lines = rig.logs.lines_with(" way ", number + 1);
        let line = masked(lines.last().expect("it was waited for"));
        assert!(line.starts_with(&format!("way {backend}/s ")), "{request}: {line}");
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

/// `configuration.txt: retry-on`. Of two servers in turn the first one fails each request, in the way that its path names.
fn requests_that_are_sent_again(subject: Subject) {
    let fails = Origin::serve(|mut conversation| {
        let head = head(&mut conversation)?;
        match head.split([' ', '?']).nth(1) {
            Some("/junk") => conversation.write_all(b"garbage\r\n\r\n"),
            Some("/503") => conversation.write_all(b"HTTP/1.1 503 Gone\r\nContent-Length: 0\r\n\r\n"),
            Some("/404") => {
                conversation.write_all(b"HTTP/1.1 404 None\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            }
            Some("/late") => {
                conversation.read_to_end();
                Ok(())
            }
            Some("/long") => conversation.hear(100_000).map(drop),
            Some("/put") => conversation.hear(6).map(drop),
            _ => Ok(()),
        }
    });
    let serves = Origin::serve(|mut conversation| {
        let head = head(&mut conversation)?;
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
        let content = conversation.hear(length.unwrap_or(0))?;
        let size = content.len();
        conversation
            .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n").as_bytes())?;
        conversation.write_all(&content)
    });
    let logs = LogServer::udp();
    let template = "
        global
            nbthread 1
            log @log@ local2
        defaults
            mode http
            log global
            option httplog
            option http-server-close
            option redispatch
            retries 1
            timeout connect 1s
            timeout client 5s
            timeout server 1s
        listen again
            bind @again@
            balance roundrobin
            retry-on empty-response junk-response response-timeout 503
            server fails @fails@
            server serves @serves@
        listen never
            bind @never@
            balance roundrobin
            retry-on none
            server dead @dead@
            server serves @serves@";
    let dead = Refusing::new();
    let setup = Setup::new(subject, template).with("log", logs.target()).with("fails", fails.target());
    let proxy = setup.with("serves", serves.target()).with("dead", dead.target()).start();
    let talk = |listener: &str, request: &str, content: &str| {
        let mut client = proxy.connect(listener);
        let length = if content.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", content.len()) };
        client.say(format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}\r\n{content}"));
        let (bytes, end) = client.to_end();
        assert_eq!(end, End::Fin, "{request}");
        let line = masked(&logs.line_with(&format!("\"{request} HTTP/1.1\"")));
        (String::from_utf8_lossy(&bytes).into_owned(), line)
    };
    let ok = |content: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{content}", content.len())
    };
    for (request, content) in
        [("GET /empty", ""), ("GET /junk", ""), ("GET /503", ""), ("GET /late", ""), ("PUT /put", "object")]
    {
        let (got, line) = talk("again", request, content);
        assert_eq!(got, ok(content), "{request}");
        let expected = format!("again again/serves T/T/T/T/T 200 {} - - ---- 1/1/0/0/+1 0/0 ", 49 + content.len());
        assert!(line.starts_with(&expected), "{line} instead of {expected}");
    }
    // A status that is not named, and what does not fit into a buffer, are what they are.
    let (got, line) = talk("again", "GET /404", "");
    assert!(got.starts_with("HTTP/1.1 404 None\r\n"), "{got}");
    assert!(line.starts_with("again again/fails T/T/T/T/T 404 ") && line.contains(" ---- 1/1/0/0/0 "), "{line}");
    assert_eq!(talk("again", "GET /other", "").0, ok(""), "the other server's turn");
    let (got, line) = talk("again", "PUT /long", &"x".repeat(100_000));
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    assert!(line.starts_with("again again/fails T/T/T/-1/T 502 ") && line.contains(" SH-- 1/1/0/0/0 "), "{line}");
    // Without a word for it, a server that refuses is not tried again, and nobody goes elsewhere.
    let (got, line) = talk("never", "GET /dead", "");
    assert!(got.starts_with("HTTP/1.1 503 "), "{got}");
    assert!(line.starts_with("never never/dead T/T/-1/-1/T 503 ") && line.contains(" SC-- 1/1/0/0/0 "), "{line}");
}
