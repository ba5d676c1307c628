//! Samples where names and lines are made of them: log formats, backends and servers by computed names, unique ids, captures. The
//! reference runs the same table.

use e2e::{LogServer, Origin, Proxy, Setup, Subject};

e2e::scenarios! {
    shared: [
        lines_with_samples,
        structured_data_with_samples,
        lines_of_sessions_without_http,
        backends_by_computed_names,
        servers_by_computed_names,
        exchanges_have_names,
        digests_and_how_busy_it_is,
        what_requests_and_octets_say,
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
        Rig::with_lines(subject, "priority", sections)
    }

    /// With log lines of this format. `@at@` is an at sign.
    fn with_lines(subject: Subject, format: &str, sections: &str) -> Rig {
        let (logs, origin) = (LogServer::udp(), Origin::answering(|_| ANSWER));
        let log = format!("log @log@ format {format} local2");
        let setup = Setup::file(subject, &log, "mode http\n log global", sections).with("log", logs.target());
        let setup = setup.with("threads", 1).with("s", origin.target()).with("at", "@");
        Rig { proxy: setup.start(), origin, logs }
    }

    /// What a client gets that asks on a connection of its own.
    fn ask(&self, path: &str, fields: &str) -> String {
        let mut client = self.proxy.connect("fe");
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x.y\r\n{fields}\r\n"));
        client.finish();
        String::from_utf8_lossy(&client.to_end().0).into_owned()
    }

    /// The line that `part` stands in, without its priority.
    fn line(&self, part: &str) -> String {
        self.logs.line_with(part).trim_start_matches("<150>").trim_end().to_owned()
    }
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-S: a\r\n\r\nbody";

/// `configuration.txt` §8.2.6: `%[expression]`.
fn lines_with_samples(subject: Subject) {
    for (format, rules, expected) in [
        (
            "%[var(txn.a)]|%[var(txn.none)]|%{+Q}[var(txn.none)]|%{-M}[var(txn.none)]|%{+Q}[var(txn.a)]",
            "http-request set-var(txn.a) req.hdr(x-a)",
            r#"a"b]c\d{|}#é|-|""||"a"b]c\d{|}#é""#,
        ),
        (
            "%{+E}[var(txn.a)]|%{+Q,+E}[var(txn.a)]|%{+X}[src]|%{+X}[int(255)]",
            "http-request set-var(txn.a) req.hdr(x-a)",
            r#"a\"b\]c\\d{|}#é|"a\"b\]c\\d{|}#é"|127.0.0.1|255"#,
        ),
        ("%[var(txn.late)] %ci", "http-response set-var(txn.late) str(late)", "late 127.0.0.1"),
        (
            "%ST %[be_name] %[srv_name] %[method] %[capture.req.uri] %[capture.req.ver] %[capture.req.method]",
            "",
            "200 be s GET /a?b HTTP/1.1 GET",
        ),
        (
            "%[capture.req.hdr(0)] %[capture.req.hdr(1)] %[capture.res.hdr(0)] %[capture.res.ver] %hr %hs",
            "capture request header Host len 2\n capture response header X-S len 5",
            "x. - a HTTP/1.1 {x.} {a}",
        ),
        (
            "%hrl|%hsl|%{+Q}hrl|%{+Q}hsl",
            "capture request header Host len 2\n capture request header X-None len 2\n capture response header X-S len 5",
            r#"x. -|a|"x." ""|"a""#,
        ),
        ("x%[str(a b  c)]y %[str(  )]z %b", "", "xa b  cy   z be"),
        ("%[unique-id] %ID %[src,ipmask(8)] %[nbsrv(be)]", "", "- - 127.0.0.0 1"),
    ] {
        let sections = format!(
            "
    frontend fe
        bind @fe@
        log-format \"{format} %B\"
        {rules}
        default_backend be
    backend be
        server s @s@
"
        );
        let rig = Rig::new(subject, &sections);
        rig.ask("/a?b", "X-A: a\"b]c\\d{|}#é\r\n");
        // HAProxy keeps a number for its own form of heads; here only what stands before it matters.
        let line = rig.line("<150>");
        assert_eq!(line.rsplit_once(' ').map(|(text, _)| text), Some(expected), "{format}");
    }
}

fn structured_data_with_samples(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        log-format \"%ST %B\"
        log-format-sd \"%{+Q,+E}o [a@at@1 v=%[var(txn.a)] m=%[method]]\"
        http-request set-var(txn.a) req.hdr(x-a)
        default_backend be
    backend be
        server s @s@
";
    let rig = Rig::with_lines(subject, "rfc5424", sections);
    rig.ask("/", "X-A: b]\r\n");
    let line = rig.line("a@1");
    assert!(line.contains(" [a@1 v=\"b\\]\" m=\"GET\"] 200 "), "{line}");
}

fn lines_of_sessions_without_http(subject: Subject) {
    let sections = "
    listen fe
        mode tcp
        bind @fe@
        log-format \"%[src] %[fe_name] %[srv_name] %[capture.req.uri] %ID %U\"
        unique-id-format %{+X}o-%ci-
        server s @s@
";
    let rig = Rig::new(subject, sections);
    rig.ask("/", "");
    assert_eq!(rig.line("<150>"), "127.0.0.1 fe s - -7F000001- 29");
}

/// `configuration.txt: use_backend`: a name that nobody has leads to the default, whatever rules follow.
fn backends_by_computed_names(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        log-format \"%b %[capture.req.uri]\"
        use_backend %[req.hdr(x-be),lower] if { req.hdr(x-be) -m found }
        use_backend b%[path,field(2,/)] if { path_beg /2 /3 }
        use_backend b2
        default_backend be
    backend be
        server s @s@
    backend b2
        server s @s@
    listen li
        bind @li@
        server s @s@
";
    let rig = Rig::new(subject, sections);
    for (path, fields, backend) in [
        ("/a", "X-Be: be", "be"),
        ("/b", "X-Be: B2", "b2"),
        ("/c", "X-Be: none", "be"),
        ("/d", "X-Be: fe", "be"),
        ("/e", "X-Be: li", "li"),
        ("/f", "X-Be:", "be"),
        ("/g", "X-None: 1", "b2"),
        ("/2", "X-None: 1", "b2"),
        ("/3", "X-None: 1", "be"),
    ] {
        assert!(rig.ask(path, &format!("{fields}\r\n")).starts_with("HTTP/1.1 200 OK\r\n"), "{fields}");
        assert_eq!(rig.line(&format!(" {path}")), format!("{backend} {path}"), "{fields}");
    }
}

/// `configuration.txt: use-server`: a name that nobody has ends the list.
fn servers_by_computed_names(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        log-format \"%s %[capture.req.uri]\"
        default_backend be
    backend be
        balance first
        use-server %[req.hdr(x-s)] if { req.hdr(x-s) -m found }
        use-server s2 if { path_beg /two }
        server s @s@
        server s2 @s@
        server s3 @s@
        server s4 @s@ disabled
";
    let rig = Rig::new(subject, sections);
    for (path, fields, server) in [
        ("/1", "X-S: s3", "s3"),
        ("/two/1", "X-S: s3", "s3"),
        ("/two/2", "X-S: s4", "s2"),
        ("/2", "X-S: s4", "s"),
        ("/3", "X-S: nobody", "s"),
        ("/two/3", "X-S: nobody", "s"),
        ("/two/4", "X-None: 1", "s2"),
    ] {
        assert!(rig.ask(path, &format!("{fields}\r\n")).starts_with("HTTP/1.1 200 OK\r\n"), "{fields}");
        assert_eq!(rig.line(&format!(" {path}")), format!("{server} {path}"), "{fields}");
    }
}

/// `configuration.txt: unique-id-format, unique-id-header`.
fn exchanges_have_names(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        log-format \"%ID|%[unique-id]|%[capture.req.uri]\"
        unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
        unique-id-header X-Unique-ID
        option forwardfor
        use_backend deny if { path /deny }
        default_backend be
    frontend own
        bind @own@
        log-format \"%ID|%[capture.req.uri]\"
        unique-id-format %[req.hdr(x-a)]-%[path]-%HM-%[src]
        unique-id-header X-A
        http-request set-header X-A 2
        http-request set-path /new
        http-request set-header X-Id %[unique-id]
        http-request set-header X-A 3
        default_backend be
    backend be
        server s @s@
    backend deny
        http-request deny
";
    let rig = Rig::new(subject, sections);
    let mut client = rig.proxy.connect("fe");
    let address = client.address();
    let mut names = Vec::new();
    for path in ["/a", "/b", "/deny"] {
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x.y\r\n\r\n"));
        let end = if path == "/deny" { "</html>\n" } else { "body" };
        let mut got = Vec::new();
        while !got.ends_with(end.as_bytes()) {
            got.extend(client.hear(1));
        }
        let line = rig.line(&format!("|{path}"));
        let mut parts = line.split('|');
        let (name, sample) = (parts.next().expect("a name").to_owned(), parts.next().expect("a sample"));
        assert_eq!(name, sample, "{line}");
        if path != "/deny" {
            assert_eq!(rig.origin.field_at_last("x-unique-id").as_ref(), Some(&name), "{line}");
        }
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
        assert!(name.split([':', '_']).all(|part| part.len() >= 4 && part.bytes().all(is_digit)), "{name}");
        let begin = format!("7F000001:{:04X}_7F000001:{:04X}_", address.port(), rig.proxy.address("fe").port());
        assert!(name.starts_with(&begin), "{name} of {address}");
        let seconds = u64::from_str_radix(name.split('_').nth(2).expect("seconds"), 16).expect("digits");
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
        assert!((now - 20..=now).contains(&seconds), "{name}");
        names.push(name);
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
    // Fields come in this order.
    let seen = String::from_utf8_lossy(&rig.origin.seen()[0].bytes).into_owned();
    assert!(seen.contains("\r\nx-forwarded-for: 127.0.0.1\r\n\r\n"), "{seen}");

    let mut client = rig.proxy.connect("own");
    client.say("GET /old HTTP/1.1\r\nHost: x.y\r\nX-A: 1\r\n\r\n");
    client.finish();
    client.to_end();
    let name = "2-/new-GET-127.0.0.1";
    assert_eq!(rig.origin.field_at_last("x-id").as_deref(), Some(name));
    let seen = String::from_utf8_lossy(&rig.origin.seen().last().expect("a connection").bytes).into_owned();
    assert!(seen.contains(&format!("\r\nx-a: 3\r\nx-a: {name}\r\n")), "{seen}");
    assert_eq!(rig.line("|/old"), format!("{name}|/old"));
}

/// `configuration.txt` §7.3.1, §7.3.2: digests, and how much room there is.
fn digests_and_how_busy_it_is(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        http-request set-header X-Sums %[path,crc32c]|%[path,crc32c(1)]|%[path,xxh32]|%[path,xxh32(7)]|%[path,xxh64]|%[path,xxh64(7)]
        http-request set-header X-Sha %[path,sha1,hex]|%[path,sha2,hex]|%[path,sha2(224),hex]|%[path,sha2(384),hex,length]|%[path,sha2(512),hex,length]
        http-request set-header X-Json \"%[url,url_dec,json]\"
        http-request set-header X-Room %[srv_conn_free(be/s)]|%[srv_conn_free(free/s)]|%[be_conn_free(be)]|%[be_conn_free(free)]|%[connslots(be)]|%[connslots(free)]
        http-request set-header X-Lines %[queue(be)]|%[avg_queue(be)]|%[srv_queue(be/s)]|%[be_sess_rate(free)]|%[srv_sess_rate(free/s)]
        http-request set-header X-Rates yes if { fe_req_rate ge 1 } { fe_sess_rate(fe) ge 1 }
        http-request set-var(txn.now) date
        http-request set-var(txn.later) date(5)
        http-request set-header X-Date yes if { date ge 1700000000 } { date(0,ms) ge 1700000000000 } { date(0,us) ge 1700000000000000 }
        http-request set-header X-Offset %[var(txn.later),sub(txn.now)]
        default_backend be
    backend be
        server s @s@ maxconn 5 maxqueue 7
        server t @s@ maxconn 2 maxqueue 1
    backend free
        server s @s@
";
    let rig = Rig::new(subject, sections);
    rig.ask("/abc?x=%22%0a%C3%A9%ff", "");
    let sums = "640227501|1323567263|4260198759|3860786875|1581546775629174716|5259890479203322608";
    let sha =
        "06F74E7966946C1647930A899440755839F74E3E|AAAEA3613DF9F409E3B79264CA21C3E12E99AD2D7B0F6FC9B4CA2F4610B878A1|";
    assert_eq!(rig.origin.field_at_last("x-sums").as_deref(), Some(sums));
    let found = rig.origin.field_at_last("x-sha").expect("digests");
    assert!(found.starts_with(sha) && found.ends_with("|96|128"), "{found}");
    assert_eq!(rig.origin.field_at_last("x-json").as_deref(), Some(r#"\/abc?x=\"\n\u00c3\u00a9\u00ff"#));
    assert_eq!(rig.origin.field_at_last("x-room").as_deref(), Some("5|-1|7|-1|15|-1"));
    assert_eq!(rig.origin.field_at_last("x-lines").as_deref(), Some("0|0|0|0|0"));
    assert_eq!(rig.origin.field_at_last("x-rates").as_deref(), Some("yes"));
    assert_eq!(rig.origin.field_at_last("x-date").as_deref(), Some("yes"));
    assert!(
        matches!(rig.origin.field_at_last("x-offset").as_deref(), Some("5" | "6")),
        "{:?}",
        rig.origin.field_at_last("x-offset")
    );
}

/// `configuration.txt` §7.3.1, §7.3.2, §7.3.6: the values are those of HAProxy 2.6.12.
fn what_requests_and_octets_say(subject: Subject) {
    let rows = [
        ("str(abcd),htonl,hex", "00000000"),
        ("int(4096),htonl,hex", "00001000"),
        ("int(-5),htonl,hex", "FFFFFFFB"),
        ("str(example.org:8080),host_only", "example.org"),
        ("str([::1]:80),host_only", "[::1]"),
        ("str([::1]),host_only", "[::1]"),
        ("str(a:b:c),host_only", "a:b"),
        ("str(plain),host_only", "plain"),
        ("str(example.org:8080),port_only", "8080"),
        ("str([::1]),port_only", "0"),
        ("str(h:),port_only", "0"),
        ("str(abc),digest(sha256),hex", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"),
        ("str(abc),digest(SHA1),hex", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
        ("str(abc),json(utf8)", "abc"),
        ("bin(c3a9),json(utf8)", "\\u00e9"),
        ("bin(41e242),json(utf8)", ""),
        ("bin(41e242),json(utf8s)", "AB"),
        ("bin(f09f9880),json(utf8)", ""),
        ("bin(410a09220c),json(utf8)", "A\\n\\t\\\"\\f"),
        ("bin(010203040506),be2dec(:,2)", "258:772:1286"),
        ("bin(0102030405),be2dec(:,2,1)", "258:772"),
        ("bin(01020304050607),be2hex", "01020304050607"),
        ("bin(01020304050607),be2hex(.,2)", "0102.0304.0506.07"),
        ("str(abc),secure_memcmp(txn.abc)", "1"),
        ("str(abx),secure_memcmp(txn.abc)", "0"),
        ("str(abc),secure_memcmp(txn.none)", ""),
        ("str(a),add_item(-,txn.abc,z)", "a-abcz"),
        ("str(a),add_item(-,,z)", "a-z"),
        ("str(a),add_item(-,txn.none)", "a"),
        ("str(),add_item(-,txn.abc)", "abc"),
        ("var(txn.none,dflt)", "dflt"),
        ("var(txn.abc,dflt)", "abc"),
        ("bool(true)", "1"),
        ("bool(0)", "0"),
        ("bin(616263)", "abc"),
        ("nbproc", "1"),
        ("thread", "0"),
        ("rand(1)", "0"),
        ("uuid,length", "36"),
        ("baseq", "x.y/p/a?n=5"),
        ("req.hdr_names", "host,cookie,authorization"),
        ("req.hdr_names(:)", "host:cookie:authorization"),
        ("req.hdrs", "host: x.y%0D%0Acookie: a=1; b=22; a=3%0D%0Aauthorization: Basic dXNlcjpwdw==%0D%0A%0D%0A"),
        ("req.cook_cnt(a)", "2"),
        ("req.cook_cnt", "3"),
        ("req.cook_cnt(none)", "0"),
        ("req.cook(a)", "3"),
        ("http_auth_user", "user"),
        ("http_auth_pass", "pw"),
        ("http_auth_type", "Basic"),
    ];
    // What is made must not be in the message that is asked.
    let rules: String = rows
        .iter()
        .enumerate()
        .map(|(index, (expression, _))| {
            format!("http-request return status 200 content-type text/plain lf-string \"<%[{expression}]>\" if {{ var(txn.row) -m str {index} }}\n        ")
        })
        .collect();
    let sections = format!(
        "
    frontend fe
        bind @fe@
        http-request set-var(txn.abc) str(abc)
        http-request set-var(txn.row) path,field(4,/)
        {rules}
        default_backend be
    backend be
        server s @s@
"
    );
    let rig = Rig::new(subject, &sections);
    for (index, (expression, expected)) in rows.iter().enumerate() {
        let fields = "Cookie: a=1; b=22; a=3\r\nAuthorization: Basic dXNlcjpwdw==\r\n";
        let expected = expected.replace("/p/a?n=5", &format!("/p/a/{index}?n=5"));
        let answer = rig.ask(&format!("/p/a/{index}?n=5"), fields);
        let (_, body) = answer.split_once("\r\n\r\n").expect("a response");
        assert_eq!(body, format!("<{expected}>"), "{expression}");
    }
}
