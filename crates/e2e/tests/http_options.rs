//! What sections of HTTP do beside their rules: cookies that bring clients back, and what `option` says of messages and connections. The
//! reference runs the same tables.

use std::io::{self, Read, Write};

use e2e::peers::Conversation;
use e2e::{LogServer, Origin, Proxy, Refusing, Setup, Subject};

e2e::scenarios! {
    shared: [
        cookies,
        addresses_for_servers,
        connections_that_are_not_kept,
        probes,
        connections_that_rest,
    ],
    alone: [],
}

const DEFAULTS: &str = r#"
    global
        nbthread 1
        log @log@ local2
    defaults
        mode http
        log global
        balance roundrobin
        log-format "%HU %b/%s %ST %tsc %rc"
        timeout connect 100ms
        timeout client 5s
        timeout http-request 300ms
        timeout server 5s
"#;

struct Rig {
    proxy: Proxy,
    origin: Origin,
    logs: LogServer,
    _refusing: Refusing,
}

impl Rig {
    /// A frontend `fe` with these lines, and backends by the first directory of a path.
    fn new(subject: Subject, front: &str, backends: &[(&str, &str)]) -> Rig {
        let mut text = format!("{DEFAULTS}\n frontend fe\n bind @fe@\n {front}\n");
        backends.iter().for_each(|(name, _)| text.push_str(&format!(" use_backend {name} if {{ path_dir {name} }}\n")));
        backends.iter().for_each(|(name, lines)| text.push_str(&format!(" backend {name}\n {lines}\n")));
        let (logs, origin, refusing) = (LogServer::udp(), Origin::serve(serve), Refusing::new());
        let setup = Setup::new(subject, &text).with("log", logs.target()).with("s", origin.target());
        Rig { proxy: setup.with("dead", refusing.target()).start(), origin, logs, _refusing: refusing }
    }

    /// What a client gets that asks on a connection of its own.
    fn ask(&self, method: &str, path: &str, fields: &str) -> String {
        let mut client = self.proxy.connect("fe");
        client.say(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{fields}Connection: close\r\n\r\n"));
        String::from_utf8_lossy(&client.to_end().0).into_owned()
    }

    /// The head that came to the server for this path.
    fn seen(&self, path: &str) -> Option<String> {
        let seen = self.origin.seen();
        let texts: Vec<_> = seen.iter().map(|seen| String::from_utf8_lossy(&seen.bytes)).collect();
        let mut heads = texts.iter().flat_map(|text| text.split("\r\n\r\n"));
        heads.find(|head| head.contains(&format!(" {path} "))).map(str::to_owned)
    }
}

fn serve(mut conversation: Conversation) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while conversation.read(&mut byte)? > 0 {
        bytes.push(byte[0]);
        if bytes.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes);
            let path = text.split(' ').nth(1).unwrap_or_default();
            let fields = match path {
                _ if path.ends_with("/own") => "Set-Cookie: other=1\r\nSet-Cookie: SRV=own; path=/\r\n",
                _ if path.ends_with("/odd") => "Set-Cookie: SRV = own ; path=/\r\nSet-Cookie: SRV=\r\n",
                _ => "",
            };
            bytes.clear();
            conversation.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n").as_bytes())?;
        }
    }
    Ok(())
}

/// The values of a field, in order.
fn values<'t>(head: &'t str, name: &str) -> Vec<&'t str> {
    head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

/// `configuration.txt: cookie, ignore-persist, force-persist, option persist`, §8.5 for the letters.
fn cookies(subject: Subject) {
    let servers = "server a @s@ cookie ca\n server b @s@ cookie cb weight 0";
    let down = "server a @s@ cookie ca disabled\n server b @s@ cookie cb";
    let dead = "retries 1\n server a @dead@ cookie ca\n server b @s@ cookie cb";
    let backends = [
        ("rewrite", format!("cookie SRV rewrite\n {servers}")),
        ("strict", format!("cookie SRV prefix indirect\n {servers}")),
        ("prefix", format!("cookie SRV prefix\n {servers}")),
        ("post", format!("cookie SRV insert postonly\n {servers}")),
        ("read", format!("cookie SRV\n {servers}")),
        ("ruled", format!("cookie SRV insert indirect\n use-server b unless {{ path_end /free }}\n {servers}")),
        ("ignored", format!("cookie SRV insert indirect\n ignore-persist unless {{ path_end /free }}\n {servers}")),
        ("forced", format!("cookie SRV insert\n force-persist if {{ path_end /force }}\n {down}")),
        ("persist", format!("cookie SRV insert\n option persist\n {down}")),
        ("drained", "cookie SRV insert\n server a @s@ cookie ca weight 0\n server b @s@ cookie cb".to_owned()),
        ("moved", format!("cookie SRV insert\n option redispatch\n {dead}")),
        ("stays", format!("cookie SRV insert\n {dead}")),
        ("kept", format!("cookie SRV insert\n option redispatch\n force-persist if TRUE\n {dead}")),
    ];
    let backends: Vec<_> = backends.iter().map(|(name, lines)| (*name, lines.as_str())).collect();
    let rig = Rig::new(subject, "", &backends);
    for (number, (method, backend, end, brought, seen, given, line)) in [
        ("GET", "rewrite", "x", "", "", "", "a 200 --NN 0"),
        ("GET", "rewrite", "own", "", "", "other=1|SRV=ca; path=/", "a 200 --NR 0"),
        ("GET", "rewrite", "odd", "", "", "SRV=ca ; path=/|SRV=ca", "a 200 --NR 0"),
        ("GET", "rewrite", "own", "SRV=cb", "SRV=cb", "other=1|SRV=cb; path=/", "b 200 --VR 0"),
        ("GET", "rewrite", "own", "SRV=no", "SRV=no", "other=1|SRV=ca; path=/", "a 200 --IR 0"),
        ("GET", "strict", "own", "", "", "other=1|SRV=ca~own; path=/", "a 200 --NR 0"),
        ("GET", "strict", "own", "SRV=cb", "SRV=cb", "other=1", "b 200 --VD 0"),
        ("GET", "prefix", "own", "", "", "other=1|SRV=ca~own; path=/", "a 200 --NR 0"),
        ("GET", "prefix", "x", "x=1; SRV=cb~own; y=2", "x=1; SRV=own; y=2", "", "b 200 --VN 0"),
        ("GET", "prefix", "own", "SRV=cb~own", "SRV=own", "other=1|SRV=cb~own; path=/", "b 200 --VR 0"),
        ("GET", "prefix", "x", "SRV=own", "SRV=own", "", "a 200 --IN 0"),
        ("GET", "prefix", "x", "SRV=cb", "SRV=cb", "", "b 200 --VN 0"),
        ("GET", "prefix", "odd", "", "", "SRV=ca~own ; path=/|SRV=ca~", "a 200 --NR 0"),
        ("GET", "post", "x", "", "", "", "a 200 --NN 0"),
        ("POST", "post", "x", "", "", "SRV=ca; path=/", "a 200 --NI 0"),
        ("GET", "read", "own", "", "", "other=1|SRV=own; path=/", "a 200 ---- 0"),
        ("GET", "read", "own", "SRV=cb", "SRV=cb", "other=1|SRV=own; path=/", "b 200 ---- 0"),
        ("GET", "ruled", "x", "", "", "", "b 200 --NN 0"),
        ("GET", "ruled", "x", "a=1; SRV=ca", "a=1", "", "b 200 --UN 0"),
        ("GET", "ruled", "free", "SRV=ca", "", "", "a 200 --VN 0"),
        ("GET", "ruled", "free", "", "", "SRV=ca; path=/", "a 200 --NI 0"),
        ("GET", "ruled", "own", "", "", "other=1", "b 200 --ND 0"),
        ("GET", "ignored", "x", "SRV=cb", "", "", "a 200 --UN 0"),
        ("GET", "ignored", "x", "", "", "", "a 200 --NN 0"),
        ("GET", "ignored", "free", "SRV=cb", "", "", "b 200 --VN 0"),
        ("GET", "ignored", "own", "SRV=cb", "", "other=1|SRV=own; path=/", "a 200 --UN 0"),
        ("GET", "ignored", "free", "SRV=cb|x", "", "", "b 200 --VN 0"),
        ("GET", "ignored", "free", "SRV=", "", "SRV=ca; path=/", "a 200 --II 0"),
        ("GET", "ignored", "free", "SRV=|x; SRV=cb", "", "", "b 200 --VN 0"),
        ("GET", "forced", "x", "SRV=ca", "SRV=ca", "SRV=cb; path=/", "b 200 --DI 0"),
        ("GET", "forced", "force", "SRV=ca", "SRV=ca", "", "a 200 --DN 0"),
        ("GET", "forced", "force", "", "", "SRV=cb; path=/", "b 200 --NI 0"),
        ("GET", "persist", "x", "SRV=ca", "SRV=ca", "", "a 200 --DN 0"),
        ("GET", "drained", "x", "SRV=ca", "SRV=ca", "", "a 200 --VN 0"),
        ("GET", "moved", "x", "SRV=ca", "SRV=ca", "SRV=cb; path=/", "b 200 --DI +1"),
        ("GET", "stays", "x", "SRV=ca", "", "", "a 503 SCVN 1"),
        ("GET", "kept", "x", "SRV=ca", "", "", "a 503 SCVN 1"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{backend}/{number}/{end}");
        let mut fields = if brought.is_empty() { String::new() } else { format!("Cookie: {brought}\r\n") };
        if method == "POST" {
            fields.push_str("Content-Length: 0\r\n");
        }
        let got = rig.ask(method, &path, &fields);
        assert_eq!(values(&got, "set-cookie").join("|"), given, "{path}, {brought}");
        let head = rig.seen(&path).unwrap_or_default();
        assert_eq!(values(&head, "cookie").join("|"), seen, "{path}, {brought}");
        let told = rig.logs.line_with(&format!("{path} "));
        assert!(told.ends_with(&format!("{path} {backend}/{line}")), "{told}: {line}");
    }
}

/// `configuration.txt: option originalto`
fn addresses_for_servers(subject: Subject) {
    let backends = [
        ("plain", "server s @s@"),
        ("named", "option originalto header X-Own\n server s @s@"),
        ("except", "option originalto except 127.0.0.0/8\n server s @s@"),
        ("other", "option originalto except 192.0.2.0/24\n server s @s@"),
    ];
    let rig = Rig::new(subject, "option originalto", &backends);
    for (backend, field, expect) in [
        ("plain", "x-original-to", 1),
        ("named", "x-own", 1),
        ("except", "x-original-to", 0),
        ("other", "x-original-to", 1),
    ] {
        let path = format!("/{backend}/");
        rig.ask("GET", &path, "");
        let head = rig.seen(&path).expect("it was asked");
        assert_eq!(values(&head, field), vec!["127.0.0.1"; expect], "{backend}: {head}");
    }
}

/// `configuration.txt: option http-pretend-keepalive`
fn connections_that_are_not_kept(subject: Subject) {
    let backends = [
        ("told", "option http-server-close\n server s @s@"),
        ("pretended", "option http-server-close\n option http-pretend-keepalive\n server s @s@"),
        ("reused", "http-reuse always\n server s @s@"),
    ];
    let rig = Rig::new(subject, "", &backends);
    for (backend, expect, connections) in [("told", &["close"][..], 2), ("pretended", &[], 2), ("reused", &[], 1)] {
        let before = rig.origin.seen().len();
        for number in 0..2 {
            let path = format!("/{backend}/{number}");
            assert!(rig.ask("GET", &path, "").starts_with("HTTP/1.1 200"), "{path}");
            let head = rig.seen(&path).expect("it was asked");
            assert_eq!(values(&head, "connection"), expect, "{path}");
        }
        assert_eq!(rig.origin.seen().len() - before, connections, "{backend}");
    }
}

/// `configuration.txt: option http-ignore-probes`: who says nothing hears nothing.
fn probes(subject: Subject) {
    let rig = Rig::new(subject, "option http-ignore-probes", &[("be", "server s @s@")]);
    let mut silent = rig.proxy.connect("fe");
    assert_eq!(silent.to_end().0, b"", "no 408 for a client that was silent");
    let mut slow = rig.proxy.connect("fe");
    slow.say("GET");
    assert!(slow.to_end().0.starts_with(b"HTTP/1.1 408"), "one for a client that was slow");
}

/// `configuration.txt: pool-max-conn, pool-purge-delay`
fn connections_that_rest(subject: Subject) {
    let backends =
        [("none", "http-reuse always\n server s @s@ pool-max-conn 0"), ("some", "http-reuse always\n server s @s@")];
    let rig = Rig::new(subject, "", &backends);
    for (backend, connections) in [("none", 3), ("some", 1)] {
        let before = rig.origin.seen().len();
        for number in 0..3 {
            let path = format!("/{backend}/{number}");
            assert!(rig.ask("GET", &path, "").starts_with("HTTP/1.1 200"), "{path}");
        }
        assert_eq!(rig.origin.seen().len() - before, connections, "{backend}");
    }
}

/// `configuration.txt: option forwarded`, which Debian's HAProxy does not know yet; RFC 7239.
#[test]
fn forwarded() {
    let backends = [
        ("plain", "option forwarded\n server s @s@"),
        ("all", "option forwarded proto host by by_port for\n server s @s@"),
    ];
    let rig = Rig::new(Subject::Tidegate, "", &backends);
    let by = rig.proxy.address("fe").port();
    let own = "proto=http;for=127.0.0.1";
    for (number, (backend, told, expect)) in [
        ("plain", "", own.to_owned()),
        ("plain", "Forwarded: for=192.0.2.1\r\n", format!("for=192.0.2.1, {own}")),
        ("plain", "Forwarded: for=192.0.2.1\r\nForwarded: for=_x\r\n", format!("for=192.0.2.1|for=_x, {own}")),
        ("plain", "Forwarded: for=192.0.2.1;x=y\r\n", format!("for=192.0.2.1;x=y|{own}")),
        ("all", "", format!("proto=http;host=\"x\";by=\"127.0.0.1:{by}\";for=127.0.0.1")),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{backend}/{number}");
        rig.ask("GET", &path, told);
        let head = rig.seen(&path).expect("it was asked");
        assert_eq!(values(&head, "forwarded").join("|"), expect, "{told}");
    }
}
