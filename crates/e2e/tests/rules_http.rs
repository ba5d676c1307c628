//! Rules on messages of HTTP: what they make of requests and responses, what clients are answered, what the log says of it. The
//! reference runs the same table.

use std::io::{self, Read, Write};

use e2e::peers::Conversation;
use e2e::{LogServer, Origin, Proxy, Setup, Subject, mask};

e2e::scenarios! {
    shared: [
        answers,
        edits_of_requests,
        edits_of_responses,
        variables,
        words_of_operators,
        clients_that_come_back,
        samples_of_samples,
    ],
    alone: [],
}

const HTTP: &str = "
    global
        nbthread 1
        log @log@ local2
    defaults
        mode http
        log global
        option httplog
        timeout connect 1s
        timeout client 5s
        timeout server 5s
    backend be
        server s @s@
";

struct Rig {
    proxy: Proxy,
    origin: Origin,
    logs: LogServer,
}

impl Rig {
    /// A listener `fe` with these rules, in front of a backend with those.
    fn new(subject: Subject, front: &str, back: &str) -> Rig {
        let template = format!(
            "{HTTP}
    frontend fe
        bind @fe@
        {front}
        default_backend ruled
    backend ruled
        {back}
        server s @s@
"
        );
        Rig::of(subject, &template)
    }

    fn of(subject: Subject, template: &str) -> Rig {
        let (logs, origin) = (LogServer::udp(), Origin::serve(serve));
        let setup = Setup::new(subject, template).with("log", logs.target()).with("s", origin.target());
        Rig { proxy: setup.start(), origin, logs }
    }

    /// What a client gets that asks on a connection of its own.
    fn ask(&self, request: &str) -> String {
        let mut client = self.proxy.connect("fe");
        client.say(request);
        client.finish();
        String::from_utf8_lossy(&client.to_end().0).into_owned()
    }

    /// What the server gets when a client asks for this.
    fn forwarded(&self, request: &str) -> String {
        let index = self.origin.seen().len();
        let got = self.ask(request);
        assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{request}: {got}");
        let seen = self.origin.seen_when(index, "the request", |seen| seen.bytes.ends_with(b"\r\n\r\n"));
        String::from_utf8_lossy(&seen.bytes).into_owned()
    }

    /// The line of the exchange whose request line holds `part`, behind the date.
    fn line(&self, part: &str) -> String {
        let line = mask::line(&self.logs.line_with(part));
        line.split_once("[DATE] ").expect("an accept date").1.to_owned()
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
            let own = "Set-Cookie: SRV=own; path=/\r\nSet-Cookie: other=1\r\n";
            let more = match path {
                _ if path.ends_with("/own") => own,
                _ if path.ends_with("/fresh") => "Cache-Control: max-age=9\r\n",
                _ if path.ends_with("/private") => "Cache-Control: private\r\nETag: x\r\n",
                _ => "X-S: a\r\nX-List: ab, cd\r\n",
            };
            bytes.clear();
            conversation.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n{more}\r\nbody").as_bytes())?;
        }
    }
    Ok(())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x.y\r\n\r\n")
}

fn page(status: &str, length: usize, text: &str, field: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n{field}\r\n\
         <html><body><h1>{status}</h1>\n{text}\n</body></html>\n"
    )
}

/// `configuration.txt: deny, return, redirect, reject`.
fn answers(subject: Subject) {
    let front = r#"
        http-request deny if { path /deny }
        http-request deny deny_status 429 if { path /deny429 }
        http-request deny status 418 content-type text/plain lf-string "tea %[path]" hdr X-A "b %[path] 100%%" if { path /tea }
        http-request allow if { path /allowed }
        http-request return if { path /return }
        http-request return status 200 content-type text/plain string "hello %[path]" if { path /hello }
        http-request return status 204 if { path /none }
        http-request return status 503 default-errorfiles if { path /page }
        http-request redirect location /there if { path /to }
        http-request redirect location /there?%[query] code 301 set-cookie a=b if { path /to301 }
        http-request redirect location /there code 303 clear-cookie a= if { path /to303 }
        http-request redirect location %[req.hdr(x-none)] ignore-empty if { path_beg / }
        http-request redirect prefix http://new drop-query append-slash if { path_beg /pre }
        http-request redirect prefix / if { path_beg /self }
        http-request redirect scheme https code 308 if { path /scheme }
        http-request redirect scheme https code 307 append-slash if { path /slash }
        http-request reject if { path /reject }
        redirect location /old%[path] if { path /old }
        http-request return status 200 if { path /older }
        redirect location /older if { path /older }"#;
    let back = r#"
        http-request deny if { path /back }
        http-response deny if { capture.req.uri /denied }
        http-response deny deny_status 404 if { var(txn.path) -m str /denied404 }
        http-response return status 200 content-type text/plain string x if { var(txn.path) -m str /returned }
        http-response redirect location /x if { var(txn.path) -m str /redirected }"#;
    let back = back.replace("capture.req.uri /denied }", "var(txn.path) -m str /denied }");
    let rig = Rig::new(subject, &format!("http-request set-var(txn.path) path{front}"), &back);
    let redirect = |status: &str, to: &str, more: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: {to}\r\n{more}\r\n")
    };
    let (uncached, denied) = ("cache-control: no-cache\r\n", "Request forbidden by administrative rules.");
    let bad_gateway = "The server returned an invalid or incomplete response.";
    let text = "content-type: text/plain";
    for (path, expected, line) in [
        ("/deny", page("403 Forbidden", 93, denied, ""), "fe/<NOSRV> 403 PR--"),
        (
            "/deny429",
            page("429 Too Many Requests", 117, "You have sent too many requests in a given amount of time.", ""),
            "fe/<NOSRV> 429 PR--",
        ),
        (
            "/tea",
            format!("HTTP/1.1 418 I'm a teapot\r\nx-a: b /tea 100%\r\ncontent-length: 8\r\n{text}\r\n\r\ntea /tea"),
            "fe/<NOSRV> 418 PR--",
        ),
        ("/return", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into(), "fe/<NOSRV> 200 LR--"),
        (
            "/hello",
            format!("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n{text}\r\n\r\nhello %[path]"),
            "fe/<NOSRV> 200 LR--",
        ),
        ("/none", "HTTP/1.1 204 No Content\r\n\r\n".into(), "fe/<NOSRV> 204 LR--"),
        (
            "/page",
            page("503 Service Unavailable", 107, "No server is available to handle this request.", ""),
            "fe/<NOSRV> 503 LR--",
        ),
        ("/to", redirect("302 Found", "/there", uncached), "fe/<NOSRV> 302 LR--"),
        (
            "/to301?a=b",
            redirect("301 Moved Permanently", "/there?a=b", "set-cookie: a=b; path=/;\r\n"),
            "fe/<NOSRV> 301 LR--",
        ),
        (
            "/to303",
            redirect("303 See Other", "/there", &format!("{uncached}set-cookie: a=; path=/; Max-Age=0;\r\n")),
            "fe/<NOSRV> 303 LR--",
        ),
        ("/pre/a?q", redirect("302 Found", "http://new/pre/a/", uncached), "fe/<NOSRV> 302 LR--"),
        ("/self?q", redirect("302 Found", "/self?q", uncached), "fe/<NOSRV> 302 LR--"),
        ("/scheme?a=b", redirect("308 Permanent Redirect", "https://x.y/scheme?a=b", ""), "fe/<NOSRV> 308 LR--"),
        ("/slash", redirect("307 Temporary Redirect", "https://x.y/slash/", uncached), "fe/<NOSRV> 307 LR--"),
        ("/reject", String::new(), "fe/<NOSRV> -1 PR--"),
        ("/old", redirect("302 Found", "/old%[path]", uncached), "fe/<NOSRV> 302 LR--"),
        ("/older", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into(), "fe/<NOSRV> 200 LR--"),
        ("/back", page("403 Forbidden", 93, denied, ""), "ruled/<NOSRV> 403 PR--"),
        ("/denied", page("502 Bad Gateway", 107, bad_gateway, ""), "ruled/s 502 PH--"),
        ("/denied404", page("404 Not Found", 83, "The resource could not be found.", ""), "ruled/s 404 PH--"),
        ("/returned", format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n{text}\r\n\r\nx"), "ruled/s 200 LH--"),
        ("/redirected", redirect("302 Found", "/x", uncached), "ruled/s 302 LH--"),
        (
            "/allowed",
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-s: a\r\nx-list: ab, cd\r\n\r\nbody".into(),
            "ruled/s 200 ----",
        ),
    ] {
        assert_eq!(rig.ask(&get(path)), expected, "{path}");
        let got = rig.line(&format!("\"GET {path} "));
        let words: Vec<&str> = got.split(' ').collect();
        assert_eq!([words[1], words[3], words[7]].join(" "), line, "{got}");
    }
    // A content that nobody reads ends the connection; without one it stays.
    let hello = format!("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n{text}\r\n\r\nhello %[path]");
    let mut client = rig.proxy.connect("fe");
    for _ in 0..2 {
        client.say(get("/hello"));
        assert_eq!(String::from_utf8_lossy(&client.hear(hello.len())), hello);
    }
    client.say(get("/hello").replace("GET", "HEAD"));
    let head = hello.replace("hello %[path]", "");
    assert_eq!(String::from_utf8_lossy(&client.hear(head.len())), head);
    client.say("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    let closed = hello.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    assert_eq!(String::from_utf8_lossy(&client.to_end().0), closed);
}

/// `configuration.txt: set-header, add-header, del-header, replace-header, replace-value, set-path …`
fn edits_of_requests(subject: Subject) {
    let front = r#"
        http-request set-header X-Way "%[method] 100%% a   b %[path,upper]" if { path_beg /set }
        http-request add-header X-Multi 1 if { path_beg /set }
        http-request add-header X-Multi %[src] if { path_beg /set }
        http-request set-header X-Alias "%ci %f %b %HM %HP %HU %HV" if { path /alias }
        http-request del-header X-Del if { path /del }
        http-request del-header x-del- -m beg if { path /del }
        http-request del-header One -m sub if { path /del }
        http-request del-header '^reg[0-9]$' -m reg if { path /del }
        http-request replace-header Cookie foo=([^;]*);(.*) foo=\1;ip=%[src];\2
        http-request replace-value X-List (a)(.) \2\1x
        http-request replace-path (.*)/rp(.*) \1/foo\2
        http-request replace-pathq /rq([^?]*)(\?(.*))? /rq\1/foo?\3
        http-request replace-uri ^/ru(.*) /whole\1
        http-request set-path /new%[path] if { path_beg /sp }
        http-request set-query %[query]&x if { path_beg /sq }
        http-request set-pathq /pq?%[path] if { path_beg /qp }
        http-request set-uri /uri%[path]?z if { path_beg /suri }
        http-request set-method PATCH if { path /method }
        http-request set-header Host new.host if { path /host }"#;
    let back = "http-request set-header X-Backend %[be_name] if { path /alias }";
    let rig = Rig::new(subject, front, back);
    let fields = |path: &str, fields: &str| format!("GET {path} HTTP/1.1\r\nHost: x.y\r\n{fields}\r\n");
    for (request, expected) in [
        (
            fields("/set", "X-Way: out\r\nX-Multi: 0\r\n"),
            "GET /set HTTP/1.1\r\nhost: x.y\r\nx-multi: 0\r\nx-way: GET 100% a   b /SET\r\nx-multi: 1\r\n\
             x-multi: 127.0.0.1\r\n\r\n",
        ),
        (
            get("/alias"),
            "GET /alias HTTP/1.1\r\nhost: x.y\r\nx-alias: 127.0.0.1 fe fe GET /alias /alias HTTP/1.1\r\nx-backend: ruled\r\n\r\n",
        ),
        (
            fields("/del", "X-Del: 1\r\nX-Del-A: 1\r\nx-del-b: 2\r\naonee: 1\r\nReg5: 1\r\nreg55: 2\r\n"),
            "GET /del HTTP/1.1\r\nhost: x.y\r\nreg55: 2\r\n\r\n",
        ),
        (
            fields("/replace", "Cookie: foo=bar;x=y\r\nCookie: a=b\r\nX-List: ab, ac ,cd\r\nX-List: \"a,b\"\r\n"),
            "GET /replace HTTP/1.1\r\nhost: x.y\r\ncookie: foo=bar;ip=127.0.0.1;x=y\r\ncookie: a=b\r\nx-list: bax,cax,cd\r\n\
             x-list: ,ax\r\n\r\n",
        ),
        (get("/a/rpx?q=1"), "GET /a/foox?q=1 HTTP/1.1\r\nhost: x.y\r\n\r\n"),
        (get("/rqx?q=1"), "GET /rqx/foo?q=1 HTTP/1.1\r\nhost: x.y\r\n\r\n"),
        (get("/rux?q=1"), "GET /wholex?q=1 HTTP/1.1\r\nhost: x.y\r\n\r\n"),
        (get("/sp?q"), "GET /new/sp?q HTTP/1.1\r\nhost: x.y\r\n\r\n"),
        (get("/sq?a=1"), "GET /sq?a=1&x HTTP/1.1\r\nhost: x.y\r\n\r\n"),
        (get("/qp?a=1"), "GET /pq?/qp HTTP/1.1\r\nhost: x.y\r\n\r\n"),
        (get("/suri"), "GET /uri/suri?z HTTP/1.1\r\nhost: x.y\r\n\r\n"),
        (get("/method"), "PATCH /method HTTP/1.1\r\nhost: x.y\r\n\r\n"),
        (get("/host"), "GET /host HTTP/1.1\r\nhost: new.host\r\n\r\n"),
        (
            "GET http://h.x/sp?a HTTP/1.1\r\nHost: h.x\r\n\r\n".into(),
            "GET http://h.x/new/sp?a HTTP/1.1\r\nhost: h.x\r\n\r\n",
        ),
        (
            "GET http://h.x/host HTTP/1.1\r\nHost: h.x\r\n\r\n".into(),
            "GET http://new.host/host HTTP/1.1\r\nhost: new.host\r\n\r\n",
        ),
    ] {
        assert_eq!(rig.forwarded(&request), expected, "{request}");
    }
    // The log says what was asked for, not what became of it.
    assert!(rig.line("/a/rpx").ends_with("\"GET /a/rpx?q=1 HTTP/1.1\""));
}

/// `configuration.txt: http-response, http-after-response`.
fn edits_of_responses(subject: Subject) {
    let front = "
        http-request deny if { path /deny }
        http-request return status 200 content-type text/plain string hello hdr z y if { path /return }
        http-response set-header X-Front %[status]
        http-after-response set-header X-After %[status]
        http-after-response del-header cache-control
        http-after-response add-header X-Order front
        http-request set-log-level silent if { path /silent }";
    let back = r"
        http-response replace-header X-S a(.*) B\0
        http-response replace-value X-List a(.) \1
        http-response set-status 404 if { res.hdr(x-s) B a } !{ res.hdr(x-list) cd }
        http-response del-header X-S if { status 404 }
        http-response set-status 418 reason Tea if { res.hdr(x-list) b }
        http-response set-header X-Back 1
        http-response allow
        http-response set-header X-Back 2
        http-after-response add-header X-Order back";
    let rig = Rig::new(subject, front, back);
    let after = |status: &str| format!("x-after: {status}\r\nx-order: front\r\n\r\n");
    let denied = page("403 Forbidden", 93, "Request forbidden by administrative rules.", "");
    let denied =
        denied.replace("cache-control: no-cache\r\n", "").replace("\r\n\r\n", &format!("\r\n{}", after("403")));
    for (path, expected) in [
        (
            "/ok",
            "HTTP/1.1 418 Tea\r\ncontent-length: 4\r\nx-s: Ba\r\nx-list: b, cd\r\nx-back: 1\r\nx-front: 418\r\nx-order: back\r\n\
             x-after: 418\r\nx-order: front\r\n\r\nbody"
                .to_owned(),
        ),
        ("/deny", denied),
        (
            "/return",
            format!(
                "HTTP/1.1 200 OK\r\nz: y\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n{}hello",
                after("200")
            ),
        ),
    ] {
        assert_eq!(rig.ask(&get(path)), expected, "{path}");
    }
    let line = rig.line("\"GET /ok ");
    assert!(line.starts_with("fe ruled/s ") && line.contains(" 418 "), "{line}");
    rig.ask(&get("/silent"));
    rig.ask(&get("/last"));
    rig.line("\"GET /last ");
    assert!(rig.logs.lines().iter().all(|line| !line.contains("/silent")), "{:#?}", rig.logs.lines());
}

/// `configuration.txt` §2.8: variables live as long as their scope.
fn variables(subject: Subject) {
    let front = "
        http-request set-var(sess.count) int(1) unless { var(sess.count) -m found }
        http-request set-var(txn.path) path,lower
        http-request set-var(req.once) str(x),upper
        http-request set-var-fmt(txn.text) %[src]-%[path]
        http-request unset-var(req.once) if { path /Unset }
        http-request set-header X-Vars %[var(txn.path)]|%[var(req.once)]|%[var(sess.count)]|%[var(txn.late)]|%[var(txn.none)]
        http-request set-var(txn.late) int(5),add(2)
        http-request set-var(sess.count) var(sess.count),add(1)
        http-response set-var(res.status) status
        http-response set-header X-Vars %[var(txn.text)]|%[var(req.once)]|%[var(res.status)]|%[var(txn.late)]";
    let rig = Rig::new(subject, front, "");
    let answer = |path: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-s: a\r\nx-list: ab, cd\r\nx-vars: 127.0.0.1-{path}||200|7\r\n\r\nbody"
        )
    };
    let mut client = rig.proxy.connect("fe");
    let mut before = String::new();
    for (path, expected) in [("/One", "/one|X|1||"), ("/Unset", "/unset||2||"), ("/Two", "/two|X|3||")] {
        client.say(get(path));
        let answer = answer(path);
        assert_eq!(String::from_utf8_lossy(&client.hear(answer.len())), answer);
        // One connection serves them all.
        before += &format!("GET {path} HTTP/1.1\r\nhost: x.y\r\nx-vars: {expected}\r\n\r\n");
        assert_eq!(String::from_utf8_lossy(&rig.origin.bytes(0, before.len())), before);
    }
}

/// `configuration.txt: errorfile, errorloc302, errorloc303, monitor-uri, monitor fail`.
fn words_of_operators(subject: Subject) {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("room for a page");
        path.display().to_string()
    };
    let old =
        file("403", "HTTP/1.0 403 Not You\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n<html>403\n</html>\n");
    let bare = file("404", "HTTP/1.1 404 Not Here\nX-A: b\n\nno\ncr\n");
    let framed = file("503", "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nbusy\n");
    let template = format!(
        "{HTTP}
    frontend fe
        bind @fe@
        errorfile 403 {bare}
        errorfile 403 {old}
        errorfile 404 {bare}
        errorfile 503 {framed}
        errorfile 410 /dev/null
        errorloc 500 http://x/500
        errorloc303 405 /405
        monitor-uri /monitor
        monitor fail if {{ req.hdr(x-fail) -m found }}
        http-request deny if {{ path /403 }}
        http-request deny deny_status 404 if {{ path /404 }}
        http-request deny deny_status 410 if {{ path /410 }}
        http-request deny deny_status 500 if {{ path /500 }}
        http-request deny deny_status 405 if {{ path /405 }}
        http-request deny deny_status 503 if {{ path /503 }}
        http-after-response set-header X-After %[status] if {{ status 503 }}
        use_backend own if {{ path_beg /own }}
        default_backend ruled
    backend own
        errorfile 404 {old}
        http-request deny deny_status 404 if {{ path /own404 }}
        http-request deny deny_status 503 if {{ path /own503 }}
        server s @s@
    backend ruled
        server s @s@
"
    );
    let rig = Rig::of(subject, &template);
    let old = "HTTP/1.0 403 Not You\r\ncache-control: no-cache\r\n\r\n<html>403\n</html>\n";
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 5\r\nx-after: 503\r\n\r\nbusy\n";
    let elsewhere = |status: &str, to: &str| {
        format!("HTTP/1.1 {status}\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: {to}\r\n\r\n")
    };
    for (path, expected, status) in [
        ("/403", old.to_owned(), "403"),
        ("/404", "HTTP/1.1 404 Not Here\r\nx-a: b\r\nconnection: close\r\n\r\nno\ncr\n".into(), "404"),
        ("/410", String::new(), "410"),
        ("/500", elsewhere("302 Found", "http://x/500"), "500"),
        ("/405", elsewhere("303 See Other", "/405"), "405"),
        ("/503", busy.into(), "503"),
        ("/own404", old.into(), "404"),
        ("/own503", busy.into(), "503"),
    ] {
        assert_eq!(rig.ask(&get(path)), expected, "{path}");
        let line = rig.line(&format!("\"GET {path} "));
        assert_eq!(line.split(' ').nth(3), Some(status), "{line}");
    }
    let fine = page("200 OK", 58, "Service ready.", "");
    assert_eq!(rig.ask(&get("/monitor")), fine);
    assert_eq!(rig.ask(&get("/monitor").replace("GET", "POST")), fine);
    assert_eq!(rig.ask(&get("/monitor").replace("\r\n\r\n", "\r\nX-Fail: 1\r\n\r\n")), busy);
    assert!(rig.ask(&get("/monitor?x")).ends_with("\r\n\r\nbody"), "only that very target is answered");
    rig.line("\"GET /monitor?x ");
    let is_of_monitor = |line: &String| line.contains("/monitor HTTP");
    assert!(!rig.logs.lines().iter().any(is_of_monitor), "{:#?}", rig.logs.lines());
}

/// `configuration.txt` §7.3.1.
fn samples_of_samples(subject: Subject) {
    let front = r#"
        http-request set-header X-Made "%[path,regsub(a,b)] %[path,regsub(a,b,g)] %[path,regsub('(/)(A)',\2\1,gi)]" if { path_beg /sub }
        http-request set-header X-Made "%[urlp(e),url_dec]|%[url,url_dec]|%[urlp(e),url_dec(1)]" if { path_beg /dec }
        http-request set-header X-Made "%[path,field(2,/)] %[path,word(2,/)] %[path,length] %[path,upper,bytes(1,2)]" if { path_beg /cut }
        http-request set-header X-Made "%[src,ipmask(8)] %[path,hex] %[path,base64] %[int(7),mul(3)]" if { path_beg /num }
        http-request set-header X-Made "%[base]|%[pathq]|%[query]|%[req.ver]|%[hdr_cnt(x-n)]|%[req.cook(k)]" if { path_beg /fet }"#;
    let rig = Rig::new(subject, front, "");
    for (request, expected) in [
        (get("/sub/aA/a"), "/sub/bA/a /sub/bA/b /suba/Aa/"),
        (get("/dec?e=a%20b+c%3f+d"), "a b+c?+d|/dec?e=a b c? d|a b c? d"),
        (get("/dec?e=%zz"), "||"),
        (get("/cut//x/y"), "cut x 9 CU"),
        (get("/num"), "127.0.0.0 2F6E756D L251bQ== 21"),
        (
            get("/fet/x?a=1").replace("\r\n\r\n", "\r\nX-N: 1, 2\r\nCookie: j=1; k=v\r\n\r\n"),
            "x.y/fet/x|/fet/x?a=1|a=1|1.1|2|v",
        ),
    ] {
        let forwarded = rig.forwarded(&request);
        let made = forwarded.split("x-made: ").nth(1).and_then(|rest| rest.split('\r').next());
        assert_eq!(made, Some(expected), "{request}");
    }
}

/// `configuration.txt: cookie NAME insert`, `server … cookie`.
fn clients_that_come_back(subject: Subject) {
    let template = format!(
        "{HTTP}
    frontend fe
        bind @fe@
        use_backend loud if {{ path_beg /loud }}
        use_backend kept if {{ path_beg /kept }}
        use_backend down if {{ path_beg /down }}
        use_backend bare if {{ path_beg /bare }}
        default_backend ruled
    backend ruled
        cookie SRV insert indirect nocache
        server a @s@ cookie ca
        server b @s@ cookie cb weight 0
    backend loud
        cookie SRV insert httponly secure domain .x.y attr SameSite=None
        server a @s@ cookie ca
    backend kept
        cookie SRV insert indirect preserve
        server a @s@ cookie ca
    backend down
        cookie SRV insert indirect
        server a @s@ cookie ca disabled
        server b @s@ cookie cb
    backend bare
        cookie SRV insert
        server n @s@
"
    );
    let rig = Rig::of(subject, &template);
    let given = "set-cookie: SRV=ca; path=/\r\n";
    let (usual, other) = ("x-s: a\r\nx-list: ab, cd\r\n", "set-cookie: other=1\r\n");
    let own = "set-cookie: SRV=own; path=/\r\n";
    for (index, (path, cookie, seen, fields, line)) in [
        ("/0", "", "", format!("{usual}{given}"), "ruled/a --NI"),
        ("/1", "SRV=ca", "", usual.into(), "ruled/a --VN"),
        ("/2", "SRV=cb", "", usual.into(), "ruled/b --VN"),
        ("/3", "a=1; SRV=cb; b=2", "a=1; b=2", usual.into(), "ruled/b --VN"),
        ("/4", "SRV=zz; b=2", "b=2", format!("{usual}{given}"), "ruled/a --II"),
        ("/5", "b=2; SRV=cb", "b=2", usual.into(), "ruled/b --VN"),
        ("/6", "SRV=", "", format!("{usual}{given}"), "ruled/a --II"),
        ("/7", "XSRV=cb", "XSRV=cb", format!("{usual}{given}"), "ruled/a --NI"),
        ("/8/own", "SRV=ca", "", other.into(), "ruled/a --VD"),
        ("/9/own", "", "", format!("{other}{given}"), "ruled/a --NI"),
        ("/10/fresh", "", "", format!("cache-control: max-age=9\r\n{given}cache-control: private\r\n"), "ruled/a --NI"),
        ("/11/private", "", "", format!("cache-control: private\r\netag: x\r\n{given}"), "ruled/a --NI"),
        (
            "/loud",
            "",
            "",
            format!("{usual}set-cookie: SRV=ca; path=/; domain=.x.y; HttpOnly; Secure; SameSite=None\r\n"),
            "loud/a --NI",
        ),
        ("/loud/1", "SRV=ca", "SRV=ca", usual.into(), "loud/a --VN"),
        ("/kept/own", "", "", format!("{own}{other}"), "kept/a --NP"),
        ("/kept/1/own", "SRV=ca", "", format!("{own}{other}"), "kept/a --VP"),
        ("/kept/2", "", "", format!("{usual}{given}"), "kept/a --NI"),
        ("/down", "SRV=ca", "", format!("{usual}set-cookie: SRV=cb; path=/\r\n"), "down/b --DI"),
        ("/down/1", "SRV=cb", "", usual.into(), "down/b --VN"),
        (
            "/bare",
            "SRV=x",
            "SRV=x",
            format!("{usual}set-cookie: SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/\r\n"),
            "bare/n --II",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let field = |name: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{name}: {value}\r\n"),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{}\r\n", field("Cookie", cookie));
        assert_eq!(rig.ask(&request), format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n{fields}\r\nbody"), "{request}");
        let expected = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{}\r\n", field("cookie", seen));
        assert_eq!(String::from_utf8_lossy(&rig.origin.bytes(index, expected.len())), expected);
        let got = rig.line(&format!("\"GET {path} "));
        let words: Vec<&str> = got.split(' ').collect();
        assert_eq!([words[1], words[7]].join(" "), line, "{got}");
    }
}
