//! Rules on who the client is, and clients that are left without a word: `set-src`, `set-dst` and their ports, `silent-drop`. The
//! reference runs the same table.

use std::io::{self, Read};
use std::net::TcpListener;
use std::time::Duration;

use e2e::{LogServer, Origin, Proxy, Setup, Subject};
use nix::sys::socket::{self, sockopt};

e2e::scenarios! {
    shared: [
        addresses_that_rules_set,
        addresses_in_proxy_headers,
        clients_left_without_a_word,
    ],
    alone: [],
}

struct Rig {
    proxy: Proxy,
    origin: Origin,
    logs: LogServer,
}

impl Rig {
    fn new(subject: Subject, sections: &str) -> Rig {
        let (logs, origin) = (LogServer::udp(), Origin::answering(|_| ANSWER));
        let setup = Setup::logged(subject, "", sections).with("log", logs.target()).with("threads", 1);
        Rig { proxy: setup.with("s", origin.target()).start(), origin, logs }
    }

    /// What a server got of a request that is answered.
    fn asked(&self, listener: &str, path: &str, fields: &str) -> String {
        let mut client = self.proxy.connect(listener);
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n"));
        let answer = String::from_utf8_lossy(&client.to_end().0).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        let seen = self.origin.seen();
        String::from_utf8_lossy(&seen.last().expect("a request").bytes).into_owned()
    }
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The value of a field.
fn field(text: &str, name: &str) -> String {
    let (_, value) = text.split_once(&format!("\r\n{name}: ")).unwrap_or_else(|| panic!("no {name}: {text}"));
    value.split("\r\n").next().unwrap_or_default().to_owned()
}

/// `configuration.txt: http-request set-src, set-src-port, set-dst, set-dst-port`.
fn addresses_that_rules_set(subject: Subject) {
    let sections = "
    frontend fe
        mode http
        option httplog
        bind @fe@
        option forwardfor
        option originalto
        http-request set-src req.hdr(x-src) if { req.hdr(x-src) -m found }
        http-request set-src-port req.hdr(x-port) if { req.hdr(x-port) -m found }
        http-request set-dst req.hdr(x-dst) if { req.hdr(x-dst) -m found }
        http-request set-dst-port int(88) if { path /port }
        http-request set-header X-Seen \"%[src] %[dst] %[dst_port]\"
        http-request set-header X-Net yes if { src 192.0.2.0/24 }
        default_backend be
    backend be
        mode http
        http-request set-src src,ipmask(24) if { path /back }
        server s @s@
";
    let rig = Rig::new(subject, sections);
    let port = rig.proxy.address("fe").port();
    for (path, fields, seen, forwarded, original) in [
        ("/plain", "", format!("127.0.0.1 127.0.0.1 {port}"), "127.0.0.1", "127.0.0.1"),
        ("/src", "X-Src: 192.0.2.1\r\n", format!("192.0.2.1 127.0.0.1 {port}"), "192.0.2.1", "127.0.0.1"),
        (
            "/dst",
            "X-Src: 2001:db8::1\r\nX-Dst: 2001:db8::2\r\n",
            format!("2001:db8::1 2001:db8::2 {port}"),
            "2001:db8::1",
            "2001:db8::2",
        ),
        ("/port", "X-Dst: 192.0.2.9\r\n", "127.0.0.1 192.0.2.9 88".to_owned(), "127.0.0.1", "192.0.2.9"),
        ("/none", "X-Src: nobody\r\n", format!("127.0.0.1 127.0.0.1 {port}"), "127.0.0.1", "127.0.0.1"),
        ("/back", "", format!("127.0.0.1 127.0.0.1 {port}"), "127.0.0.0", "127.0.0.1"),
    ] {
        let text = rig.asked("fe", path, fields);
        assert_eq!(field(&text, "x-seen"), seen, "{path}");
        assert_eq!(field(&text, "x-forwarded-for"), forwarded, "{path}");
        assert_eq!(field(&text, "x-original-to"), original, "{path}");
        assert_eq!(text.contains("x-net: yes"), path == "/src", "{path}");
        let line = rig.logs.line_with(&format!("\"GET {path} "));
        assert!(line.contains(&format!(" {forwarded}:")), "{line}");
    }
    // Another request of the same client is its own again; a port is set like an address.
    let mut client = rig.proxy.connect("fe");
    for (path, fields, source) in
        [("/first", "X-Src: 192.0.2.7\r\nX-Port: 77\r\n", "192.0.2.7:77 "), ("/second", "", "127.0.0.1:")]
    {
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n"));
        let mut answer = Vec::new();
        while !answer.ends_with(b"ok") {
            answer.extend(client.hear(1));
        }
        let line = rig.logs.line_with(&format!("\"GET {path} "));
        assert!(line.contains(&format!(" {source}")), "{line}");
    }
}

/// What servers are told beside the request.
fn addresses_in_proxy_headers(subject: Subject) {
    let sections = "
    frontend fe
        mode http
        bind @fe@
        http-request set-src req.hdr(x-src)
        http-request set-src-port int(7)
        default_backend be
    backend be
        mode http
        server s @s@ send-proxy
";
    let rig = Rig::new(subject, sections);
    let port = rig.proxy.address("fe").port();
    for (source, header) in [
        ("192.0.2.1", format!("PROXY TCP4 192.0.2.1 127.0.0.1 7 {port}\r\n")),
        ("2001:db8::1", format!("PROXY TCP6 2001:db8::1 ::ffff:127.0.0.1 7 {port}\r\n")),
    ] {
        let text = rig.asked("fe", "/", &format!("X-Src: {source}\r\n"));
        assert!(text.starts_with(&header), "{text}");
    }
}

/// `configuration.txt: silent-drop`. Whether the client hears nothing at all depends on what the proxy may do to sockets; that it is told
/// nothing, does not.
fn clients_left_without_a_word(subject: Subject) {
    let sections = "
    frontend fe
        mode http
        option httplog
        bind @fe@
        http-request silent-drop if { path /drop }
        default_backend be
    backend be
        mode http
        http-response silent-drop
        server s @s@
    listen tcp
        mode tcp
        option tcplog
        bind @tcp@
        tcp-request inspect-delay 4s
        tcp-request content silent-drop if { req.len gt 0 }
        server s @s@
";
    let rig = Rig::new(subject, sections);
    let dropped = |listener: &str, path: &str| {
        let mut client = rig.proxy.connect(listener);
        let _ = client.try_say(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        client
    };
    let outcome = |part: &str| rig.logs.behind_date(part).split(' ').take(8).collect::<Vec<_>>().join(" ");
    let asked = dropped("fe", "/drop");
    assert!(outcome("\"GET /drop ").starts_with("fe fe/<NOSRV> -1/-1/-1/-1/"));
    assert!(outcome("\"GET /drop ").ends_with(" -1 0 - - PR--"), "{}", outcome("\"GET /drop "));
    let answered = dropped("fe", "/answered");
    let line = outcome("\"GET /answered ");
    assert!(line.starts_with("fe be/s ") && line.ends_with(" - - PR--"), "{line}");
    let contents = dropped("tcp", "/");
    assert!(outcome(" tcp/<NOSRV> ").contains(" 0 PR "), "{}", outcome(" tcp/<NOSRV> "));
    // Where the proxy may close a socket silently, nobody hears of it: neither bytes nor an end.
    let probe = TcpListener::bind("127.0.0.1:0").expect("a listener");
    if socket::setsockopt(&probe, sockopt::TcpRepair, &1).is_ok() {
        for (client, name) in [(asked, "asked"), (answered, "answered"), (contents, "contents")] {
            let mut stream = client.stream();
            stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
            let heard = stream.read(&mut [0]);
            assert_eq!(heard.map_err(|error| error.kind()), Err(io::ErrorKind::WouldBlock), "{name}");
        }
    }
}
