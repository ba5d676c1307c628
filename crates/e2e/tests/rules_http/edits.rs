//! Rules that change messages, and what they keep for each other.

use super::{Rig, get, page};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        edits_of_requests,
        edits_of_responses,
        variables,
        samples_of_samples,
    ],
    alone: [],
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
