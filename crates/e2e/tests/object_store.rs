//! The HTTP sample of Dovecot's page on HAProxy, unmodified but for addresses and for its `global` section (`privileges` has that), in
//! front of six real nginx that keep objects: what clients get, what the servers get and keep, and what the log says.
//!
//! The six keep the same objects, as a ring of Scality's does.

use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;

use e2e::client::End;
use e2e::nginx::Nginx;
use e2e::peers::pattern::{self, Checker};
use e2e::tls::{Authority, Key};
use e2e::{Client, LogServer, Proxy, Setup, Subject, mask, needs, ports, wait};
use tempfile::TempDir;

e2e::scenarios! {
    shared: [objects_come_and_go, a_large_object, a_server_dies, the_same_over_tls],
    alone: [],
}

/// The sample as it stands.
const SEED: &str = include_str!("../../config/tests/seed/http.cfg");

const GLOBAL: &str = "
global
    log      @log@ local2
    maxconn  600
    nbthread @threads@

";

/// What an operator adds, so that whoever comes in clear is led away, and stays away.
const SECURE: &str = "
    bind             @https@ ssl crt @crt@ alpn http/1.1
    http-request     redirect scheme https code 301 unless { ssl_fc }
    http-response    set-header Strict-Transport-Security \"max-age=16000000; includeSubDomains\" if { ssl_fc }
";

/// What Dovecot says of a request, and what is left of it in the log.
const DOVECOT: &str = "X-Dovecot-Reason: index\r\nX-Dovecot-Username: somebody-with-a-name-that-does-not-end@example.org\r\n\
                       X-Dovecot-Session-Id: abcdefghijklmnop\r\n";
const CAPTURED: &str = "{index|somebody-with-a-name-that-does-not-end@e|abcdefghijklmnop}";
/// What a server sees of it, behind the request and the status.
const PASSED: &str = "\"close\" \"::1\" \"somebody-with-a-name-that-does-not-end@example.org\"";

/// The sample with a `global` section, a listener and servers of this machine.
fn sample() -> String {
    let (_, sections) = SEED.split_once("\ndefaults\n").expect("a global section, and then defaults");
    let (before_servers, _) = sections.split_once("    server  ").expect("servers at the end");
    let servers: String =
        (1..=6).map(|last| format!("    server          10.10.10.{last} @s{last}@ check\n")).collect();
    format!("{GLOBAL}defaults\n{}{servers}", before_servers.replace(":::81", "@http@"))
}

struct Ring {
    proxy: Proxy,
    stores: Vec<Nginx>,
    logs: LogServer,
    objects: TempDir,
}

/// A response's head: as it came, and with what differs from run to run masked.
struct Head {
    text: String,
    masked: String,
}

impl Ring {
    fn start(test: &str, subject: Subject) -> Option<Ring> {
        Self::of(test, subject, &sample(), |setup| setup)
    }

    /// The same with lines that the sample has not.
    fn of(test: &str, subject: Subject, template: &str, with: impl Fn(Setup) -> Setup) -> Option<Ring> {
        if !Nginx::is_there(test) || !needs::is_installed(test, "IPv6", ports::has_ipv6()) {
            return None;
        }
        let (logs, objects) = (LogServer::udp(), TempDir::new().expect("a temporary directory"));
        let stores: Vec<Nginx> = (0..6).map(|_| Nginx::store(objects.path())).collect();
        let mut setup = Setup::new(subject, template).with("log", logs.target());
        for (index, store) in stores.iter().enumerate() {
            setup = setup.with(&format!("s{}", index + 1), store.target());
        }
        let proxy = with(setup.listening_on("http", IpAddr::V6(Ipv6Addr::LOCALHOST))).start();
        Some(Ring { proxy, stores, logs, objects })
    }

    fn connect(&self) -> Client {
        self.proxy.connect("http")
    }

    /// The line of the exchange with this request line, from the frontend's name on and with its times masked.
    fn line(&self, request: &str) -> String {
        let line = mask::line(&self.logs.line_with(&format!("\"{request}\"")));
        let (_, rest) = line.split_once("[DATE] ").expect("an accept date");
        let mut words: Vec<&str> = rest.split(' ').collect();
        words[2] = if words[2].contains("-1") { "T/T/T/-1/T" } else { "T/T/T/T/T" };
        words.join(" ")
    }

    /// Waits until the server of this number has noted a request, and what.
    fn seen(&self, server: usize, request: &str) -> String {
        wait::value(&format!("server {server} to note {request}"), wait::SOON, || {
            self.stores[server - 1].seen().into_iter().find(|line| line.starts_with(request))
        })
    }

    fn object(&self, name: &str) -> std::path::PathBuf {
        self.objects.path().join(name)
    }
}

impl Head {
    fn read(client: &mut Client) -> Head {
        Head::hear(|| client.line())
    }

    fn hear(mut line: impl FnMut() -> String) -> Head {
        let mut lines = Vec::new();
        loop {
            match line() {
                line if line.is_empty() => break,
                line => lines.push(line),
            }
        }
        let masked: Vec<String> = lines.iter().map(|line| masked(line)).collect();
        Head { text: lines.join("\r\n"), masked: masked.join("|") }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.text.split("\r\n").find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Octets of content behind it.
    fn content_size(&self) -> u64 {
        self.field("content-length").map_or(0, |value| value.parse().expect("a number"))
    }

    /// Bytes of it as HAProxy counts them: a start line of 20, its words, names and values, and one for the end.
    fn counted(&self) -> u64 {
        let mut lines = self.text.split("\r\n");
        let reason = lines.next().and_then(|line| line.get("HTTP/1.1 200 ".len()..)).expect("a status line");
        let fields: usize = lines.map(|line| line.len() - ": ".len()).sum();
        (20 + "HTTP/1.1".len() + "200".len() + reason.len() + fields + 1) as u64
    }
}

/// `date: *` and the like: values that change with the moment or with the ports of this run.
fn masked(line: &str) -> String {
    match line.split_once(": ") {
        Some((name @ ("date" | "last-modified" | "etag"), _)) => format!("{name}: *"),
        Some(("location", value)) => format!("location: {}", value.rsplit('/').next().unwrap_or_default()),
        _ => line.to_owned(),
    }
}

/// Says a request with the first `size` octets of the pattern for its content.
fn say(client: &mut Client, request: &str, fields: &str, size: Option<u64>) {
    let length = size.map(|size| format!("Content-Length: {size}\r\n")).unwrap_or_default();
    client.say(format!("{request}\r\nHost: ring\r\n{DOVECOT}{fields}{length}\r\n"));
    if !fields.contains("100-continue") {
        pattern::pour(&mut client.stream(), size.unwrap_or(0)).expect("the proxy takes the content");
    }
}

/// Hears a content that is the pattern from `position` on.
fn hear_pattern(client: &mut Client, position: u64, size: u64) {
    let mut left = size;
    while left > 0 {
        let count = left.min(64 * 1024) as usize;
        assert!(client.hear(count) == pattern::part(position + size - left, count), "a wrong byte");
        left -= count as u64;
    }
}

fn check_file(path: &Path, size: u64) {
    let (mut file, mut checker) = (File::open(path).expect("the object is there"), Checker::default());
    let mut part = vec![0; 1 << 20];
    loop {
        match file.read(&mut part).expect("a readable object") {
            0 => break,
            count => checker.take(&part[..count]),
        }
    }
    assert_eq!(checker.count(), size);
}

fn objects_come_and_go(subject: Subject) {
    let Some(ring) = Ring::start("objects_come_and_go", subject) else { return };
    let mut client = ring.connect();
    let mut number = 0;
    // Around the sizes of buffers, and well beyond them.
    for size in [0, 1, 1000, 15_000, 16_383, 16_384, 16_385, 40_000, 2_000_000] {
        let name = format!("o{size}");
        let found = format!(
            "HTTP/1.1 200 OK|server: nginx|date: *|content-type: text/plain|content-length: {size}|last-modified: *|etag: *|\
             accept-ranges: bytes"
        );
        let created = format!("HTTP/1.1 201 Created|server: nginx|date: *|content-length: 0|location: {name}");
        let done = "HTTP/1.1 204 No Content|server: nginx|date: *".to_owned();
        let gone =
            "HTTP/1.1 404 Not Found|server: nginx|date: *|content-type: text/html|content-length: 146".to_owned();
        for (index, (method, content, expected)) in [
            ("PUT", Some(size), created),
            ("HEAD", None, found.clone()),
            ("GET", None, found),
            ("PUT", Some(size), done.clone()),
            ("DELETE", None, done),
            ("GET", None, gone),
        ]
        .into_iter()
        .enumerate()
        {
            let request = format!("{method} /{name}?{index} HTTP/1.1");
            say(&mut client, &request, "", content);
            let head = Head::read(&mut client);
            assert_eq!(head.masked, expected, "{request}");
            let (status, received) = (&head.text[9..12], if method == "HEAD" { 0 } else { head.content_size() });
            if status == "200" {
                hear_pattern(&mut client, 0, received);
            } else {
                client.hear(received as usize);
            }
            if content.is_some() {
                check_file(&ring.object(&name), size);
            }
            let (server, bytes) = (1 + number % 6, head.counted() + received);
            number += 1;
            assert_eq!(
                ring.line(&request),
                format!(
                    "scality_in scality_ring/10.10.10.{server} T/T/T/T/T {status} {bytes} - - ---- 1/1/0/0/0 0/0 {CAPTURED} \
                     \"{request}\""
                )
            );
            let length = content.map_or("-".to_owned(), |size| size.to_string());
            assert_eq!(ring.seen(server, &request), format!("{request} {status} {PASSED} \"{length}\""));
        }
    }
    // Parts, conditions, and a content of unknown length.
    client.say("PUT /chunked HTTP/1.1\r\nHost: ring\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x\r\n world\r\n0\r\n\r\n");
    assert!(Head::read(&mut client).masked.starts_with("HTTP/1.1 201 Created|"));
    assert_eq!(fs::read(ring.object("chunked")).expect("it was put"), b"hello world");
    assert!(ring.line("PUT /chunked HTTP/1.1").contains(" {||} "), "nothing was said of it");
    say(&mut client, "GET /chunked?part HTTP/1.1", "Range: bytes=4-7\r\n", None);
    let head = Head::read(&mut client);
    assert!(head.masked.starts_with("HTTP/1.1 206 Partial Content|"), "{}", head.text);
    assert_eq!(head.field("content-range"), Some("bytes 4-7/11"));
    assert_eq!(client.hear(4), b"o wo");
    let tag = format!("If-None-Match: {}\r\n", head.field("etag").expect("nginx tags files"));
    say(&mut client, "GET /chunked?tag HTTP/1.1", &tag, None);
    assert!(Head::read(&mut client).masked.starts_with("HTTP/1.1 304 Not Modified|"));
    // Nothing of it was content: the connection is where it should be.
    say(&mut client, "GET /chunked?whole HTTP/1.1", "", None);
    assert_eq!(Head::read(&mut client).content_size(), 11);
    assert_eq!(client.hear(11), b"hello world");
}

/// `TIDEGATE_OBJECT_MIB` says how large; `just soak` has a gibibyte.
fn a_large_object(subject: Subject) {
    let Some(ring) = Ring::start("a_large_object", subject) else { return };
    let mib = env::var("TIDEGATE_OBJECT_MIB").map_or(200, |text| text.parse().expect("a number of mebibytes"));
    let size: u64 = (mib << 20) + 1;
    let mut client = ring.connect();
    let request = "PUT /large HTTP/1.1";
    say(&mut client, request, "Expect: 100-continue\r\n", Some(size));
    let interim = Head::read(&mut client);
    assert_eq!(interim.text, "HTTP/1.1 100 Continue");
    pattern::pour(&mut client.stream(), size).expect("the proxy takes the content");
    let head = Head::read(&mut client);
    assert_eq!(head.masked, "HTTP/1.1 201 Created|server: nginx|date: *|content-length: 0|location: large");
    check_file(&ring.object("large"), size);
    let line = |server: u8, status: u16, bytes: u64, request: &str| {
        format!(
            "scality_in scality_ring/10.10.10.{server} T/T/T/T/T {status} {bytes} - - ---- 1/1/0/0/0 0/0 {CAPTURED} \"{request}\""
        )
    };
    assert_eq!(ring.line(request), line(1, 201, interim.counted() + head.counted(), request));
    assert_eq!(ring.seen(1, request), format!("{request} 201 {PASSED} \"{size}\""));
    let request = "GET /large HTTP/1.1";
    say(&mut client, request, "", None);
    let head = Head::read(&mut client);
    assert_eq!(head.content_size(), size);
    hear_pattern(&mut client, 0, size);
    assert_eq!(ring.line(request), line(2, 200, head.counted() + size, request));
    let (request, start) = ("GET /large?part HTTP/1.1", size - 100_001);
    say(&mut client, request, &format!("Range: bytes={start}-\r\n"), None);
    assert_eq!(Head::read(&mut client).content_size(), 100_001);
    hear_pattern(&mut client, start, 100_001);
}

fn a_server_dies(subject: Subject) {
    let Some(mut ring) = Ring::start("a_server_dies", subject) else { return };
    let size = 32 << 20;
    let mut stays = ring.connect();
    say(&mut stays, "PUT /object HTTP/1.1", "", Some(size));
    assert!(Head::read(&mut stays).masked.starts_with("HTTP/1.1 201 "));

    // While it sends: what has come is right, and the log says who broke off.
    let mut slow = Client::with_receive_buffer(64 * 1024, ring.proxy.address("http"));
    say(&mut slow, "GET /object?cut HTTP/1.1", "", None);
    let head = Head::read(&mut slow);
    assert_eq!(head.content_size(), size);
    ring.stores[1].kill();
    let mut checker = Checker::default();
    let end = slow.to_end_with(|part| checker.take(part));
    assert_eq!(end, End::Fin);
    assert!(checker.count() < size, "it had no time to send all of it");
    let line = ring.line("GET /object?cut HTTP/1.1");
    let bytes = head.counted() + checker.count();
    let expected = format!("scality_in scality_ring/10.10.10.2 T/T/T/T/T 200 {bytes} - - SD-- ");
    assert!(line.starts_with(&expected), "{line} instead of {expected}");

    // While it receives: the client is told, and the connection that it sends on is closed. A process that dies with bytes unread
    // resets its connections; HAProxy 2.6 then says nothing.
    let mut half = ring.connect();
    half.say(format!("PUT /half HTTP/1.1\r\nHost: ring\r\n{DOVECOT}Content-Length: 100000\r\n\r\n"));
    pattern::pour(&mut half.stream(), 50_000).expect("the proxy takes the content");
    wait::until("the server to have a part of it", wait::SOON, || ring.stores[2].half_received() > 0);
    ring.stores[2].kill();
    let (answer, end) = half.to_end();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert_eq!(end, End::Fin);
    let line = ring.line("PUT /half HTTP/1.1");
    if subject == Subject::Haproxy && answer.is_empty() {
        assert!(line.starts_with("scality_in scality_ring/10.10.10.3 T/T/T/-1/T -1 0 - - SD-- "), "{line}");
    } else {
        assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 107\r\n"), "{answer}");
        assert!(line.starts_with("scality_in scality_ring/10.10.10.3 T/T/T/-1/T 502 "), "{line}");
        assert!(line.contains(" - - SH-- "), "{line}");
    }
    assert!(!ring.object("half").exists());

    // Both are still UP for the checks: whoever is sent there is sent on to the next at once.
    let expected = [("4", "0"), ("5", "0"), ("6", "0"), ("1", "0"), ("4", "+2"), ("5", "0")];
    for (index, (server, retries)) in expected.into_iter().enumerate() {
        let request = format!("HEAD /object?{index} HTTP/1.1");
        say(&mut stays, &request, "", None);
        assert!(Head::read(&mut stays).masked.starts_with("HTTP/1.1 200 OK|"));
        let line = ring.line(&request);
        assert!(line.starts_with(&format!("scality_in scality_ring/10.10.10.{server} T/T/T/T/T 200 ")), "{line}");
        let retries = format!("/{retries} 0/0 {CAPTURED} ");
        assert!(line.contains(&retries), "{line}");
    }
}

/// The sample with TLS in front: whoever comes in clear is sent to it, and there everything is as it was, but for `~` in the log.
fn the_same_over_tls(subject: Subject) {
    let authority = Authority::new();
    let crt = authority.host("ring.pem", &["ring"], Key::Rsa);
    let template = sample().replace("    bind             @http@\n", &format!("    bind             @http@{SECURE}"));
    let with = |setup: Setup| setup.with("crt", &crt).listening_on("https", IpAddr::V6(Ipv6Addr::LOCALHOST));
    let Some(ring) = Ring::of("the_same_over_tls", subject, &template, with) else { return };

    let mut clear = ring.connect();
    say(&mut clear, "GET /object?clear HTTP/1.1", "", None);
    let head = Head::read(&mut clear);
    assert_eq!(head.text, "HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\nlocation: https://ring/object?clear");
    let line = ring.line("GET /object?clear HTTP/1.1");
    assert!(line.starts_with("scality_in scality_in/<NOSRV> T/T/T/-1/T 301 "), "{line}");
    assert!(line.contains(&format!(" - - LR-- 1/1/0/0/0 0/0 {CAPTURED} ")), "{line}");
    drop(clear);

    let mut client = authority.trusting().name("ring").protocols(&["http/1.1"]).connect(ring.proxy.address("https"));
    const STAYS: &str = "strict-transport-security: max-age=16000000; includeSubDomains";
    let mut number = 0;
    for size in [0, 1000, 16_384, 300_000] {
        for (method, status) in [("PUT", "201"), ("HEAD", "200"), ("GET", "200"), ("DELETE", "204")] {
            let request = format!("{method} /o{size} HTTP/1.1");
            let length = if method == "PUT" { format!("Content-Length: {size}\r\n") } else { String::new() };
            client.say(format!("{request}\r\nHost: ring\r\n{DOVECOT}{length}\r\n"));
            if method == "PUT" {
                pattern::pour(&mut client.stream(), size).expect("the proxy takes the content");
            }
            let head = Head::hear(|| client.line());
            assert_eq!(&head.text[..12], format!("HTTP/1.1 {status}"), "{request}");
            assert!(head.text.ends_with(STAYS), "{}", head.text);
            if method == "GET" {
                assert_eq!(head.content_size(), size);
                assert!(client.hear(size as usize) == pattern::part(0, size as usize), "{size} bytes");
            }
            number += 1;
            let server = 1 + (number - 1) % 6;
            let line = ring.line(&request);
            let expected = format!("scality_in~ scality_ring/10.10.10.{server} T/T/T/T/T {status} ");
            assert!(line.starts_with(&expected), "{line} instead of {expected}");
            assert!(line.contains(" - - ---- ") && line.contains(CAPTURED), "{line}");
            let length = if method == "PUT" { size.to_string() } else { "-".to_owned() };
            assert_eq!(ring.seen(server, &request), format!("{request} {status} {PASSED} \"{length}\""));
        }
    }
}
