//! What sections of HTTP do beside their rules: cookies that bring clients back, and what `option` says of messages and connections. The
//! reference runs the same tables.

use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use e2e::peers::Conversation;
use e2e::{Admin, LogServer, Origin, Proxy, Refusing, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        cookies,
        addresses_for_servers,
        connections_that_are_not_kept,
        probes,
        connections_that_rest,
        pages_beside_servers,
        cookies_with_dates,
        cookies_of_addresses,
        names_of_servers,
        cookies_and_caches,
        clients_that_leave,
    ],
    alone: [],
}

const DEFAULTS: &str = r#"
    global
        nbthread 1
        log @log@ local2
        stats socket @socket@ level admin
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
    admin: Admin,
    /// Requests for what ends with `/hold` are answered once this is done.
    hold: Arc<Hold>,
    _refusing: Refusing,
}

/// What is waited for.
#[derive(Default)]
struct Hold {
    is_over: Mutex<bool>,
    changed: Condvar,
}

impl Hold {
    fn wait(&self) {
        let is_over = self.is_over.lock().expect("nobody panics under the lock");
        drop(self.changed.wait_while(is_over, |is_over| !*is_over));
    }

    fn end(&self) {
        *self.is_over.lock().expect("nobody panics under the lock") = true;
        self.changed.notify_all();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.hold.end();
    }
}

impl Rig {
    /// A frontend `fe` with these lines, and backends by the first directory of a path.
    fn new(subject: Subject, front: &str, backends: &[(&str, &str)]) -> Rig {
        let mut text = format!("{DEFAULTS}\n frontend fe\n bind @fe@\n {front}\n");
        backends.iter().for_each(|(name, _)| text.push_str(&format!(" use_backend {name} if {{ path_dir {name} }}\n")));
        backends.iter().for_each(|(name, lines)| text.push_str(&format!(" backend {name}\n {lines}\n")));
        Rig::of(subject, &text)
    }

    /// These sections.
    fn of(subject: Subject, text: &str) -> Rig {
        let (logs, refusing, admin, hold) = (LogServer::udp(), Refusing::new(), Admin::new(), Arc::<Hold>::default());
        let held = Arc::clone(&hold);
        let origin = Origin::serve(move |conversation| serve(conversation, &held));
        let setup = Setup::new(subject, text).with("log", logs.target()).with("s", origin.target());
        let setup = setup.with("socket", admin.path().display()).with("dead", refusing.target());
        Rig { proxy: setup.start(), origin, logs, admin, hold, _refusing: refusing }
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

fn serve(mut conversation: Conversation, held: &Hold) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while conversation.read(&mut byte)? > 0 {
        bytes.push(byte[0]);
        if bytes.ends_with(b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes);
            let path = text.split(' ').nth(1).unwrap_or_default();
            let fields = match path {
                _ if path.ends_with("/own") => "Set-Cookie: other=1\r\nSet-Cookie: SRV=own; path=/\r\n",
                _ if path.ends_with("/leak") => "Set-Cookie: a=1\r\nETag: x\r\n",
                _ if path.ends_with("/hold") => {
                    held.wait();
                    ""
                }
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

/// `configuration.txt: stats uri, auth, realm, scope, admin, http-request`, in sections that have something else to do as well.
fn pages_beside_servers(subject: Subject) {
    let backends = [
        ("shown", "stats uri /shown/stats\n stats auth op:secret\n stats realm Farm\n stats scope .\n server s @s@"),
        (
            "ruled",
            "stats uri /ruled/stats\n stats http-request deny if { req.hdr(x-no) 1 }\n \
             stats http-request auth realm Other if { req.hdr(x-who) 1 }\n stats admin if { req.hdr(x-act) 1 }\n server s @s@",
        ),
    ];
    let rig = Rig::new(subject, "stats uri /own", &backends);
    let known = "Authorization: Basic b3A6c2VjcmV0\r\n";
    for (method, path, fields, status, part, told) in [
        ("GET", "/own;csv;1", "", 200, "# pxname,svname,", "fe/<STATS> LR--"),
        ("HEAD", "/own;csv;2", "", 200, "", "fe/<STATS> LR--"),
        ("GET", "/shown/3", "", 200, "", "shown/s ----"),
        ("PUT", "/shown/stats;4", "Content-Length: 0\r\n", 200, "", "shown/s ----"),
        ("GET", "/shown/stats;5", "", 401, "\nwww-authenticate: Basic realm=\"Farm\"\r\n", "shown/<STATS> LR--"),
        ("GET", "/shown/stats;csv;6", known, 200, "\nshown,BACKEND,", "shown/<STATS> LR--"),
        ("GET", "/ruled/stats;7", "X-No: 1\r\n", 403, "", "ruled/<STATS> PR--"),
        (
            "GET",
            "/ruled/stats;8",
            "X-Who: 1\r\n",
            401,
            "\nwww-authenticate: Basic realm=\"Other\"\r\n",
            "ruled/<STATS> LR--",
        ),
        ("GET", "/ruled/stats;csv;9", "", 200, "\nshown,BACKEND,", "ruled/<STATS> LR--"),
    ] {
        let got = rig.ask(method, path, fields);
        let (head, content) = got.split_once("\r\n\r\n").expect("a response");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {head}");
        assert!(head.contains(part) || content.contains(part), "{path}: {got}");
        let shows_all = !path.starts_with("/shown") || !content.contains("\nruled,");
        assert!(shows_all, "only its own: {content}");
        let line = rig.logs.line_with(&format!("{path} "));
        let words: Vec<_> = line.rsplit(' ').collect();
        // HAProxy says 400 where the page's rules answer.
        assert_eq!(format!("{} {}", words[3], words[1]), told, "{line}");
    }
    rig.admin.wait_for("fe", "FRONTEND", "req_tot", "9");
    let fe = rig.admin.row("fe", "FRONTEND");
    assert_eq!((&*fe["intercepted"], &*fe["dreq"], &*fe["hrsp_2xx"], &*fe["hrsp_4xx"]), ("2", "1", "6", "3"), "{fe:?}");
    for (backend, expect) in [("shown", ["4", "4", "3", "1", "2", "0"]), ("ruled", ["3", "3", "1", "2", "0", "1"])] {
        let row = rig.admin.row(backend, "BACKEND");
        let found = ["stot", "req_tot", "hrsp_2xx", "hrsp_4xx", "lbtot", "dreq"].map(|column| &*row[column]);
        assert_eq!(found, expect, "{backend}: {row:?}");
    }
}

/// Whoever `stats admin` holds for is offered to act, and nobody else: the page is Tidegate's own.
#[test]
fn acting_on_a_page_beside_servers() {
    let rig =
        Rig::new(Subject::Tidegate, "stats uri /own\n stats admin if { req.hdr(x-act) 1 }", &[("be", "server s @s@")]);
    for (fields, expect) in [("", false), ("X-Act: 1\r\n", true), ("X-Act: 2\r\n", false)] {
        let page = rig.ask("GET", "/own", fields);
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
        assert_eq!(page.contains("name=\"token\""), expect, "{fields}");
    }
}

/// A date in a cookie: four seconds since 1970, in five digits of base 64.
fn date(seconds: i64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |place: u32| char::from(DIGITS[(seconds / 4 / 64_i64.pow(place) % 64) as usize]);
    [4, 3, 2, 1, 0].map(digit).into_iter().collect()
}

/// `configuration.txt: cookie … maxidle, maxlife`, §8.5 for the letters.
fn cookies_with_dates(subject: Subject) {
    let servers = "server a @s@ cookie ca\n server b @s@ cookie cb weight 0";
    let backends = [
        ("idle", format!("cookie SRV insert maxidle 100\n {servers}")),
        ("life", format!("cookie SRV insert indirect maxlife 1000s\n {servers}")),
        ("both", format!("cookie SRV insert maxidle 100 maxlife 1000\n {servers}")),
        ("none", format!("cookie SRV insert\n {servers}")),
    ];
    let backends: Vec<_> = backends.iter().map(|(name, lines)| (*name, lines.as_str())).collect();
    let rig = Rig::new(subject, "", &backends);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs() as i64;
    // Far enough from every limit for a test that is slow.
    let today: Vec<String> = (-1..30).map(|quarter| date(now + 4 * quarter)).collect();
    for (number, (backend, brought, ages, given, line)) in [
        ("idle", "", &[][..], "ca|now", "a 200 --NI 0"),
        ("idle", "cb", &[], "cb|now", "b 200 --VU 0"),
        ("idle", "cb", &[-40], "cb|now", "b 200 --VU 0"),
        ("idle", "cb", &[3_000], "", "b 200 --VN 0"),
        ("idle", "cb", &[-500], "ca|now", "a 200 --EI 0"),
        ("idle", "cb", &[100_000], "ca|now", "a 200 --EI 0"),
        ("idle", "cb", &[-40, -5_000], "cb|now", "b 200 --VU 0"),
        ("idle", "no", &[-40], "ca|now", "a 200 --II 0"),
        ("life", "", &[], "ca|now|now", "a 200 --NI 0"),
        ("life", "cb", &[-40, -400], "cb|now|first", "b 200 --VU 0"),
        ("life", "cb", &[3_000, -400], "", "b 200 --VN 0"),
        ("life", "cb", &[-40, -2_000], "ca|now|now", "a 200 --OI 0"),
        ("life", "cb", &[], "cb|now|now", "b 200 --VU 0"),
        ("both", "cb", &[-500, -2_000], "ca|now|now", "a 200 --OI 0"),
        ("both", "cb", &[-500, -400], "ca|now|now", "a 200 --EI 0"),
        ("none", "cb", &[-40], "cb", "b 200 --VU 0"),
        ("none", "cb", &[], "", "b 200 --VN 0"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/{backend}/{number}");
        let dates: Vec<String> = ages.iter().map(|age| date(now + age)).collect();
        let value = [&[brought.to_owned()], &dates[..]].concat().join("|");
        let fields = if brought.is_empty() { String::new() } else { format!("Cookie: SRV={value}\r\n") };
        let got = rig.ask("GET", &path, &fields);
        let shown = |part: &str| match part {
            _ if today.iter().any(|today| today == part) => "now".to_owned(),
            _ if dates.get(1).is_some_and(|first| first == part) => "first".to_owned(),
            _ => part.to_owned(),
        };
        let value = values(&got, "set-cookie").join(",");
        let value = value.strip_prefix("SRV=").and_then(|value| value.strip_suffix("; path=/")).unwrap_or(&value);
        let value = value.split('|').map(shown).collect::<Vec<_>>().join("|");
        assert_eq!(value, given, "{path}, {fields}");
        let told = rig.logs.line_with(&format!("{path} "));
        assert!(told.ends_with(&format!("{path} {backend}/{line}")), "{told}: {line}");
    }
}

/// `configuration.txt: cookie … dynamic, dynamic-cookie-key`
fn cookies_of_addresses(subject: Subject) {
    let backends = [
        ("made", "cookie SRV insert dynamic\n dynamic-cookie-key secret\n server s @s@"),
        ("said", "cookie SRV insert dynamic\n dynamic-cookie-key secret\n server s @s@ cookie own"),
        ("none", "cookie SRV insert dynamic\n server s @s@"),
    ];
    let rig = Rig::new(subject, "", &backends);
    let given = |backend: &str| values(&rig.ask("GET", &format!("/{backend}/1"), ""), "set-cookie").join(",");
    assert_eq!(given("said"), "SRV=own; path=/");
    assert_eq!(given("none"), "SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/");
    let made = given("made");
    let value = made.strip_prefix("SRV=").and_then(|made| made.strip_suffix("; path=/")).expect("a cookie");
    assert!(value.len() == 16 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
    let again = rig.ask("GET", "/made/2", &format!("Cookie: SRV={value}\r\n"));
    assert_eq!(values(&again, "set-cookie"), [""; 0]);
    assert!(rig.logs.line_with("/made/2 ").ends_with("/made/2 made/s 200 --VN 0"));
}

/// `configuration.txt: http-send-name-header`
fn names_of_servers(subject: Subject) {
    let backends = [
        ("named", "http-send-name-header X-Own\n server first @s@"),
        ("host", "http-send-name-header Host\n server second @s@"),
        (
            "moved",
            "http-send-name-header X-Own\n option redispatch\n retries 1\n balance first\n server dead @dead@\n server third @s@",
        ),
    ];
    let rig = Rig::new(subject, "", &backends);
    for (backend, field, expect) in
        [("named", "x-own", "first"), ("host", "host", "second"), ("moved", "x-own", "third")]
    {
        let path = format!("/{backend}/");
        assert!(rig.ask("GET", &path, "X-Own: a\r\nX-Own: b\r\n").starts_with("HTTP/1.1 200"), "{path}");
        let head = rig.seen(&path).expect("it was asked");
        assert_eq!(values(&head, field), [expect], "{path}: {head}");
    }
}

/// `configuration.txt: option checkcache`. HAProxy 2.6 blocks such a response as well, with the status that the server has said.
fn cookies_and_caches(subject: Subject) {
    let backends = [("checked", "option checkcache\n server s @s@"), ("open", "server s @s@")];
    let rig = Rig::new(subject, "", &backends);
    for (path, given, told) in
        [("/checked/1", 0, "checked/s ----"), ("/checked/leak", 0, "checked/s PH--"), ("/open/leak", 1, "open/s ----")]
    {
        let got = rig.ask("GET", path, "");
        assert_eq!(values(&got, "set-cookie").len(), given, "{path}: {got}");
        let line = rig.logs.line_with(&format!("{path} "));
        let words: Vec<_> = line.rsplit(' ').collect();
        assert_eq!(format!("{} {}", words[3], words[1]), told, "{line}");
        if subject == Subject::Tidegate && told.ends_with("PH--") {
            assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
        }
    }
}

/// `configuration.txt: option abortonclose`: of clients that end their half while they wait for a response.
fn clients_that_leave(subject: Subject) {
    let section = |name: &str, option: &str| {
        format!("listen {name}\n bind @{name}@\n {option}\n timeout queue 5s\n server s @s@ maxconn 1\n")
    };
    let sections = section("on", "option abortonclose") + &section("off", "no option abortonclose");
    let rig = Rig::of(subject, &format!("{DEFAULTS}{sections}"));
    let ask = |listener: &str, path: &str| {
        let mut client = rig.proxy.connect(listener);
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        client
    };
    // The first is with the server, and the second stands in line.
    let two = |listener: &str| {
        let path = format!("/{listener}/hold");
        let first = ask(listener, &path);
        wait::until(&path, wait::SOON, || rig.seen(&path).is_some());
        let second = ask(listener, &format!("/{listener}/waits"));
        wait::until("the second in line", wait::SOON, || rig.admin.row(listener, "BACKEND")["qcur"] == "1");
        (first, second)
    };
    let (mut first, mut second) = two("on");
    second.finish();
    assert_eq!(second.to_end().0, b"", "nobody is served who has left the line");
    first.finish();
    assert!(first.to_end().0.starts_with(b"HTTP/1.1 400 "));
    let (mut first, mut second) = two("off");
    second.finish();
    first.finish();
    rig.hold.end();
    for client in [&mut first, &mut second] {
        assert!(client.to_end().0.starts_with(b"HTTP/1.1 200 "));
    }
    for (path, expect) in [
        ("/on/waits", "on/<NOSRV> -1 CQ-- 0"),
        ("/on/hold", "on/s 400 CH-- 0"),
        ("/off/hold", "off/s 200 ---- 0"),
        ("/off/waits", "off/s 200 ---- 0"),
    ] {
        let line = rig.logs.line_with(&format!("{path} "));
        assert!(line.ends_with(&format!("{path} {expect}")), "{line}");
    }
}
