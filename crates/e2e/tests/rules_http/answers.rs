//! Rules that answer in place of a server.

use super::{Rig, get, page};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        answers,
    ],
    alone: [],
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
