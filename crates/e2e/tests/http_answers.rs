//! What clients are told by rules rather than by servers: pages of operators, passwords, the tar pit, services of the process itself;
//! and what rules capture. The reference runs the same table.

use e2e::{Admin, LogServer, Origin, Proxy, Setup, Subject, http};

e2e::scenarios! {
    shared: [
        whole_responses_in_files,
        names_and_passwords,
        the_tar_pit,
        captures_of_rules,
        metrics_behind_a_rule,
        maps_and_other_converters,
        counts_of_answers,
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
        let setup = Setup::logged(subject, "mode http\n option httplog", sections).with("log", logs.target());
        Rig { proxy: setup.with("threads", 1).with("s", origin.target()).start(), origin, logs }
    }

    /// What a client gets that asks on a connection of its own, and waits for the answer.
    fn ask(&self, path: &str, fields: &str) -> String {
        let mut client = self.proxy.connect("fe");
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x.y\r\nConnection: close\r\n{fields}\r\n"));
        String::from_utf8_lossy(&client.to_end().0).into_owned()
    }

    /// The line of the exchange whose request line holds `part`, behind the date.
    fn line(&self, part: &str) -> String {
        self.logs.behind_date(part)
    }
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-S: abcdef\r\n\r\nbody";

/// Without what says that the connection ends.
fn bare(answer: &str) -> String {
    answer.replace("connection: close\r\n", "")
}

/// `status` and `term` of a line.
fn outcome(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    [words[1], words[3], words[7]].join(" ")
}

/// `configuration.txt: return, deny … errorfile, errorfiles, lf-file; http-errors, errorfiles`.
fn whole_responses_in_files(subject: Subject) {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("room for a page");
        path.display().to_string()
    };
    let fish = "HTTP/1.1 404 Gone Fish\r\ncontent-length: 3\r\nx-e: 1\r\n\r\nabc";
    let old = "HTTP/1.1 403 No\r\ncontent-length: 4\r\n\r\nnope";
    let (fish_file, old_file) = (file("fish", fish), file("old", old));
    let format = file("format", "hi %[src]\nline %[path] 100%%\n");
    let sections = format!(
        "
    http-errors site
        errorfile 404 {fish_file}
        errorfile 403 {old_file}
    frontend fe
        bind @fe@
        errorfiles site 403
        http-request return status 400 content-type text/plain lf-file {format} if {{ path /lf }}
        http-request return errorfile {fish_file} if {{ path /ef }}
        http-request deny deny_status 418 errorfile {fish_file} if {{ path /ef418 }}
        http-request return status 404 errorfiles site if {{ path /efs }}
        http-request deny errorfiles site if {{ path /efs403 }}
        http-request deny if {{ path /403 }}
        http-request deny deny_status 404 if {{ path /404 }}
        use_backend own if {{ path_beg /own }}
        default_backend be
    backend be
        server s @s@
    backend own
        errorfiles site
        http-request deny deny_status 404
"
    );
    let rig = Rig::new(subject, &sections);
    let formatted = "HTTP/1.1 400 Bad Request\r\ncontent-length: 27\r\ncontent-type: text/plain\r\n\r\n\
                     hi 127.0.0.1\nline /lf 100%\n";
    let usual = "HTTP/1.1 404 Not Found\r\ncontent-length: 83\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n\
                 <html><body><h1>404 Not Found</h1>\nThe resource could not be found.\n</body></html>\n";
    for (path, expected, told) in [
        ("/lf", formatted, "fe/<NOSRV> 400 LR--"),
        ("/ef", fish, "fe/<NOSRV> 200 LR--"),
        ("/ef418", fish, "fe/<NOSRV> 418 PR--"),
        ("/efs", fish, "fe/<NOSRV> 404 LR--"),
        ("/efs403", old, "fe/<NOSRV> 403 PR--"),
        ("/403", old, "fe/<NOSRV> 403 PR--"),
        ("/404", usual, "fe/<NOSRV> 404 PR--"),
        ("/own", fish, "own/<NOSRV> 404 PR--"),
    ] {
        assert_eq!(bare(&rig.ask(path, "")), expected, "{path}");
        assert_eq!(outcome(&rig.line(&format!("\"GET {path} "))), told, "{path}");
    }
}

/// `configuration.txt: http-request auth, userlist, http_auth, http_auth_group`. The hashes are glibc's of `hello`.
fn names_and_passwords(subject: Subject) {
    let sections = r#"
    userlist u
        group adm users tom,bob
        group usr
        user tom insecure-password hello
        user bob password $5$abc$W6SISEcmf6GfVdGFK0lGBXz2NPDhGZ.FBBMOz418YA7
        user al password $6$saltstring$FAGYDyoYriJZZozrqxKlj3e8sB/i7oiBKr0IsSILeeFjOstTzTN7VBrJXtFNTHuRzUnhy.z43X6Jd3KbHZ.me/ groups usr
    frontend fe
        bind @fe@
        http-request auth realm "my realm" if { path_beg /realm }
        http-request deny if { path_beg /group } !{ http_auth_group(u) adm }
        http-request auth unless { http_auth(u) }
        default_backend be
    backend be
        server s @s@
"#;
    let rig = Rig::new(subject, sections);
    let challenge = |realm: &str| {
        format!(
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 112\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\
             www-authenticate: Basic realm=\"{realm}\"\r\n\r\n<html><body><h1>401 Unauthorized</h1>\n\
             You need a valid user and password to access this content.\n</body></html>\n"
        )
    };
    // tom:hello, bob:hello, al:hello; tom:no, zz:x, tom
    let (tom, bob, al) = ("dG9tOmhlbGxv", "Ym9iOmhlbGxv", "YWw6aGVsbG8=");
    for (path, credentials, status, told) in [
        ("/none", "", "401", "fe/<NOSRV> 401 LR--"),
        ("/tom", tom, "200", "be/s 200 ----"),
        ("/bob", bob, "200", "be/s 200 ----"),
        ("/al", al, "200", "be/s 200 ----"),
        ("/wrong", "dG9tOm5v", "401", "fe/<NOSRV> 401 LR--"),
        ("/nobody", "eno6eA==", "401", "fe/<NOSRV> 401 LR--"),
        ("/half", "dG9t", "401", "fe/<NOSRV> 401 LR--"),
        ("/odd", "!!!", "401", "fe/<NOSRV> 401 LR--"),
        ("/realm", tom, "401", "fe/<NOSRV> 401 LR--"),
        ("/group/tom", tom, "200", "be/s 200 ----"),
        ("/group/bob", bob, "200", "be/s 200 ----"),
        ("/group/al", al, "403", "fe/<NOSRV> 403 PR--"),
        ("/group/none", "", "403", "fe/<NOSRV> 403 PR--"),
    ] {
        let fields =
            if credentials.is_empty() { String::new() } else { format!("Authorization: Basic {credentials}\r\n") };
        let answer = rig.ask(path, &fields);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        if status == "401" {
            assert_eq!(bare(&answer), challenge(if path == "/realm" { "my realm" } else { "fe" }), "{path}");
        }
        assert_eq!(outcome(&rig.line(&format!("\"GET {path} "))), told, "{path}");
    }
}

/// `configuration.txt: http-request tarpit, timeout tarpit`.
fn the_tar_pit(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        timeout tarpit 300ms
        http-request tarpit deny_status 429 if { path /429 }
        http-request tarpit if { path /tar }
        default_backend be
    backend be
        timeout tarpit 100ms
        http-request tarpit if { path /back }
        server s @s@
";
    let rig = Rig::new(subject, sections);
    for (path, status, least, told) in [
        ("/tar", "500 Internal Server Error", 300, "fe/<NOSRV> 500 PT--"),
        ("/429", "429 Too Many Requests", 300, "fe/<NOSRV> 429 PT--"),
        ("/back", "500 Internal Server Error", 100, "be/<NOSRV> 500 PT--"),
    ] {
        let began = std::time::Instant::now();
        let answer = rig.ask(path, "");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{path}: {answer}");
        assert!(began.elapsed().as_millis() >= least, "{path}: {:?}", began.elapsed());
        let line = rig.line(&format!("\"GET {path} "));
        assert_eq!(outcome(&line), told, "{path}");
    }
    // One that does not wait for it is gone.
    let mut client = rig.proxy.connect("fe");
    client.say("GET /tar HTTP/1.1\r\nHost: x\r\nX-Early: 1\r\n\r\n");
    client.finish();
    client.to_end();
}

/// `configuration.txt: http-request capture, http-response capture, declare capture`.
fn captures_of_rules(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        declare capture request len 3
        capture request header X-H len 10
        declare capture response len 4
        http-request capture path len 20
        http-request capture req.hdr(x-a) id 0
        http-response capture res.hdr(x-s) id 0
        http-request set-header X-Cap \"%[capture.req.hdr(0)]|%[capture.req.hdr(1)]|%[capture.req.hdr(2)]\"
        http-request deny if { path /deny }
        default_backend be
    backend be
        http-request capture str(back) id 1
        server s @s@
";
    let rig = Rig::new(subject, sections);
    rig.ask("/cap", "X-A: abcdefg\r\nX-H: h\r\n");
    assert_eq!(rig.origin.field_at_last("x-cap").as_deref(), Some("abc|h|/cap"));
    let line = rig.line("\"GET /cap ");
    assert!(line.contains(" {abc|back|/cap} {abcd} \""), "{line}");
    rig.ask("/none", "");
    assert_eq!(rig.origin.field_at_last("x-cap").as_deref(), Some("||/none"));
    let line = rig.line("\"GET /none ");
    assert!(line.contains(" {|back|/none} {abcd} \""), "{line}");
    rig.ask("/deny", "X-H: h\r\n");
    let line = rig.line("\"GET /deny ");
    assert!(line.contains(" {|h|/deny} {} \""), "{line}");
}

/// `configuration.txt: http-request use-service`.
fn metrics_behind_a_rule(subject: Subject) {
    let sections = "
    frontend fe
        bind @fe@
        http-request use-service prometheus-exporter if { path_beg /metrics }
        http-response set-header X-R %[status]
        http-after-response set-header X-AR %[status]
        default_backend be
    backend be
        http-request use-service prometheus-exporter if { path /back }
        http-response set-header X-BR 1
        server s @s@
    listen li
        bind @li@
        http-request use-service prometheus-exporter if { path /metrics }
        server s @s@
";
    let rig = Rig::new(subject, sections);
    let metric = "# TYPE haproxy_frontend_http_requests_total counter\n";
    for (path, fields, told) in [
        ("/metrics", "x-r: 200\r\nx-ar: 200\r\n", "fe/<PROMEX> 200 LR--"),
        ("/metrics/more?scope=frontend", "x-r: 200\r\nx-ar: 200\r\n", "fe/<PROMEX> 200 LR--"),
        ("/back", "x-br: 1\r\nx-r: 200\r\nx-ar: 200\r\n", "be/<PROMEX> 200 LR--"),
    ] {
        let answer = rig.ask(path, "");
        let (head, content) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {head}");
        assert!(bare(&format!("{head}\r\n")).contains(fields), "{path}: {head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4\r\n"), "{path}: {head}");
        assert!(content.contains(metric), "{path}: {content}");
        let line = rig.line(&format!("\"GET {path} "));
        assert_eq!(outcome(&line), told, "{line}");
        assert!(line.contains(" 1/1/0/0/0 0/0 "), "{line}");
    }
    assert!(!rig.ask("/metrics?scope=frontend", "").contains("haproxy_process"));
    let mut client = rig.proxy.connect("li");
    client.say("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(String::from_utf8_lossy(&client.to_end().0).contains(metric));
    assert_eq!(outcome(&rig.line(" li/<PROMEX> ")), "li/<PROMEX> 200 LR--");
    // It is asked again on the same connection, and servers are asked beside it.
    let mut client = rig.proxy.connect("fe");
    for _ in 0..2 {
        client.say("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        let head = http::head(&mut client.stream()).expect("no end").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        client.say("GET /else HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut answer = Vec::new();
        while !answer.ends_with(b"body") {
            answer.extend(client.hear(1));
        }
    }
}

/// `configuration.txt` §7.3.1: what they make is what HAProxy makes.
fn maps_and_other_converters(subject: Subject) {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("room for a map");
        path.display().to_string()
    };
    let paths = file("paths", "# comment\n\n/a  va lue \n  /ab\tvab\n/a second\n/ab/c vabc\nnovalue\n");
    let regexes = file("regexes", "^/r([0-9]+) re-\\1\n/r5 lit\n");
    let numbers = file("numbers", "5 five\n10:20 range\n");
    let nets = file("nets", "10.0.0.0/8 net8\n10.1.0.0/16 net16\n::1 six\n10.1.2.3 host\n");
    let rows: Vec<(String, &str, &str, &str)> = vec![
        (format!("path,map({paths})"), "/a", "", "va lue"),
        (format!("path,map({paths})"), "/zz", "", ""),
        (format!("path,map_str({paths},d)"), "/zz", "", "d"),
        (format!("path,map_beg({paths},d)"), "/ab/cc", "", "vabc"),
        (format!("path,map_end({paths},d)"), "/x/ab", "", "vab"),
        (format!("path,map_dir({paths},d)"), "/x/ab/y", "", "vab"),
        (format!("path,map_reg({regexes},d)"), "/r12", "", "re-\\1"),
        (format!("path,map_regm({regexes},d)"), "/r12", "", "re-12"),
        (format!("urlp(i),map_int({numbers},d)"), "/?i=12", "", "range"),
        (format!("urlp(i),map_ip({nets},d)"), "/?i=10.1.9.9", "", "net16"),
        (format!("urlp(i),map_ip({nets},d)"), "/?i=x", "", ""),
        ("str(a),concat(-,txn.p,+)".into(), "/x", "", "a-/x+"),
        ("str(a),concat(,txn.none,z)".into(), "/x", "", "az"),
        ("path,strcmp(txn.p)".into(), "/x", "", "0"),
        ("always_true,iif(yes,no)".into(), "/x", "", "yes"),
        ("path,iif(yes,no)".into(), "/x", "", "no"),
        ("path,ltrim(/a)".into(), "/abc", "", "bc"),
        ("path,rtrim(c)".into(), "/abcc", "", "/ab"),
        ("path,url_enc".into(), "/a%20b+c~", "", "%2Fa%2520b%2Bc~"),
        ("str(eHl6),b64dec".into(), "/x", "", "xyz"),
        ("str(a-_w),ub64dec,hex".into(), "/x", "", "6BEFF0"),
        ("str(616a),hex2i".into(), "/x", "", "24938"),
        ("int(3),add(txn.n)".into(), "/x", "", "5"),
        ("hdr_ip(x-f,-1)".into(), "/x", "X-F: 192.0.2.1, 192.0.2.2\r\n", "192.0.2.2"),
        ("hdr_ip(x-f,1)".into(), "/x", "X-F: 192.0.2.1, 192.0.2.2\r\n", "192.0.2.1"),
        ("hdr(x-l,2)".into(), "/x", "X-L: a, b\r\nX-L: c\r\n", "b"),
        ("hdr(x-l,-2)".into(), "/x", "X-L: a, b\r\nX-L: c\r\n", "b"),
        ("hdr(x-l,9)".into(), "/x", "X-L: a, b\r\n", ""),
    ];
    let rules: String = rows
        .iter()
        .enumerate()
        .map(|(index, (expression, ..))| {
            format!(
                "http-request set-header X-R \"[%[{expression}]]\" if {{ req.hdr(x-row) -m str {index} }}\n        "
            )
        })
        .collect();
    let sections = format!(
        "
    frontend fe
        bind @fe@
        http-request set-var(txn.p) path
        http-request set-var(txn.n) int(2)
        {rules}
        default_backend be
    backend be
        server s @s@
"
    );
    let rig = Rig::new(subject, &sections);
    for (index, (expression, path, fields, expected)) in rows.iter().enumerate() {
        rig.ask(path, &format!("{fields}X-Row: {index}\r\n"));
        assert_eq!(rig.origin.field_at_last("x-r"), Some(format!("[{expected}]")), "{expression} of {path}");
    }
}

/// What counts, a frontend with these lines, and a backend with those.
fn counted(subject: Subject, front: &str, back: &str) -> (Admin, Rig) {
    let admin = Admin::new();
    let sections = format!(
        "
    global
        stats socket {} level admin
    frontend fe
        bind @fe@
        {front}
        default_backend be
    backend be
        {back}
        server s @s@
",
        admin.path().display()
    );
    let rig = Rig::new(subject, &sections);
    (admin, rig)
}

/// `management.txt` §9.1: `intercepted`.
fn counts_of_answers(subject: Subject) {
    let front = "monitor-uri /monitor
        http-request redirect location /x if { path /to }
        http-request deny if { path /deny }";
    let (admin, rig) = counted(subject, front, "http-request return status 200 if { path /back }");
    for path in ["/to", "/deny", "/monitor", "/back", "/other"] {
        rig.ask(path, "");
    }
    // The redirection and the monitor: what a backend answers is not the frontend's.
    admin.wait_for("fe", "FRONTEND", "intercepted", "2");
    assert_eq!(admin.row("fe", "FRONTEND")["wrew"], "0");
    assert_eq!(admin.row("be", "BACKEND").get("intercepted").map_or("", String::as_str), "");
}

/// An edit that cannot be made is counted where `strict-mode` lets it pass. HAProxy makes this one.
#[test]
fn counts_of_failed_edits() {
    let front = "http-request strict-mode off\n http-request set-path \"/a b\"";
    let (admin, rig) = counted(Subject::Tidegate, front, "");
    assert!(rig.ask("/", "").starts_with("HTTP/1.1 200 OK\r\n"));
    admin.wait_for("fe", "FRONTEND", "wrew", "1");
    assert_eq!(admin.row("be", "BACKEND")["wrew"], "0");
}
