//! What rules on connections, sessions and contents keep, and what they tell the log, servers and the rules behind them
//! (`configuration.txt: tcp-request connection, session, content`; §2.8 for the scopes of variables).

use super::{Rig, get};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        variables_of_all_scopes_are_seen_behind,
        ends_of_a_connection_and_of_a_request,
        lines_are_silent_by_content,
        contents_of_a_backend_keep_things,
        a_request_that_is_turned_away_has_kept_things,
    ],
    alone: [],
}

/// What the log says behind this word, of the request that says it.
fn told(rig: &Rig, word: &str) -> String {
    let line = rig.logs.line_with(word);
    line.split_once(word).expect("it was looked for").1.trim_end().to_owned()
}

fn variables_of_all_scopes_are_seen_behind(subject: Subject) {
    let front = "log-format \"KEPT%[var(txn.path)] %ci %hr %[var(sess.net)] %[var(req.one)] %[var(txn.text)] %[var(sess.kept)]\"
        tcp-request inspect-delay 5s
        tcp-request connection set-var(sess.source) src
        tcp-request session set-var(sess.net) var(sess.source),ipmask(8)
        tcp-request session set-var-fmt(sess.text) %[src]|%[var(sess.net)]
        tcp-request content set-var(txn.path) path,upper
        tcp-request content set-var(req.one) req.hdr(x-one)
        tcp-request content set-var-fmt(txn.text) %[src]-%[path]
        tcp-request content set-var(sess.kept) path
        tcp-request content unset-var(sess.kept) if { path /none }
        tcp-request content capture req.hdr(x-one) len 3
        http-request set-header x-seen \"%[var(sess.source)] %[var(sess.text)] %[var(txn.path)] %[var(req.one)] %[var(txn.text)] %[var(sess.kept)] %[capture.req.hdr(0)]\"
        http-response set-header x-seen \"%[var(sess.net)] %[var(sess.kept)] %[var(txn.path)] %[var(req.one)] %[var(txn.text)]\"";
    let rig = Rig::new(subject, front, "");
    let request = "GET /a HTTP/1.1\r\nHost: h\r\nX-One: four\r\n\r\n";
    let seen = rig.forwarded(request);
    let expected = "x-seen: 127.0.0.1 127.0.0.1|127.0.0.0 /A four 127.0.0.1-/a /a fou\r\n";
    assert!(seen.contains(expected), "{seen}");
    assert_eq!(told(&rig, "KEPT/A "), "127.0.0.1 {fou} 127.0.0.0 - 127.0.0.1-/a /a");
    let answer = rig.ask(request);
    assert!(answer.contains("\r\nx-seen: 127.0.0.0 /a /A  127.0.0.1-/a\r\n"), "{answer}");

    let both = rig.ask(&[get("/one"), get("/none")].concat());
    let fields = both.lines().filter_map(|line| line.strip_prefix("x-seen: "));
    let fields: Vec<&str> = fields.collect();
    assert_eq!(fields, ["127.0.0.0 /one /ONE  127.0.0.1-/one", "127.0.0.0  /NONE  127.0.0.1-/none"]);
}

fn ends_of_a_connection_and_of_a_request(subject: Subject) {
    let front = "log-format \"ENDS %ci:%cp %fi:%fp %[src] %[dst]\"
        tcp-request connection set-src src,ipmask(8)
        tcp-request connection set-src-port int(7)
        tcp-request session set-dst str(9.8.7.6)
        tcp-request session set-dst-port int(99)
        tcp-request content set-src req.hdr(x-src) if { req.hdr(x-src) -m found }
        tcp-request content set-dst-port str(66) if { path /port }
        http-request set-header x-ends %[src]:%[src_port]/%[dst]:%[dst_port]
        http-response set-header x-ends %[src]:%[src_port]/%[dst]:%[dst_port]";
    let rig = Rig::new(subject, front, "");
    for (path, field, expected) in [
        ("/plain", "", "127.0.0.0:7/9.8.7.6:99"),
        ("/src", "X-Src: 5.6.7.8\r\n", "5.6.7.8:7/9.8.7.6:99"),
        ("/port", "X-Src: nobody\r\n", "127.0.0.0:7/9.8.7.6:66"),
    ] {
        let seen = rig.forwarded(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n{field}\r\n"));
        assert!(seen.contains(&format!("x-ends: {expected}\r\n")), "{path}: {seen}");
        let (client, frontend) = expected.split_once('/').expect("two ends");
        let line = rig.logs.line_with(&format!("ENDS {client} {frontend} "));
        let (source, destination) = (client.split(':').next(), frontend.split(':').next());
        let samples = format!(" {} {}", source.expect("an address"), destination.expect("an address"));
        assert!(line.trim_end().ends_with(&samples), "{line}");
    }
    let requests = [get("/first").replace("\r\n\r\n", "\r\nX-Src: 5.6.7.8\r\n\r\n"), get("/second")].concat();
    let both = rig.ask(&requests);
    let told: Vec<&str> = both.lines().filter_map(|line| line.strip_prefix("x-ends: ")).collect();
    assert_eq!(told, ["5.6.7.8:7/9.8.7.6:99", "127.0.0.0:7/9.8.7.6:99"], "what one request says is forgotten");
}

fn lines_are_silent_by_content(subject: Subject) {
    let rig = Rig::new(subject, "tcp-request content set-log-level silent if { path /quiet }", "");
    rig.forwarded(&get("/quiet"));
    rig.forwarded(&get("/loud"));
    rig.line("\"GET /loud ");
    assert!(!rig.logs.lines().iter().any(|line| line.contains("/quiet")), "{:#?}", rig.logs.lines());
}

fn contents_of_a_backend_keep_things(subject: Subject) {
    let back = "tcp-request content set-var-fmt(txn.b) %[be_name]-%[path]
        tcp-request content set-src str(4.4.4.4)
        http-request set-header x-b %[var(txn.b)]-%[src]";
    let rig = Rig::new(subject, "log-format \"BACK %ci %[var(txn.b)]\"", back);
    let seen = rig.forwarded(&get("/a"));
    assert!(seen.contains("x-b: ruled-/a-4.4.4.4\r\n"), "{seen}");
    assert_eq!(told(&rig, "BACK "), "4.4.4.4 ruled-/a");
}

fn a_request_that_is_turned_away_has_kept_things(subject: Subject) {
    let front = "log-format \"AWAY %ci %r %[var(txn.a)] %ts\"
        tcp-request content set-var(txn.a) path
        tcp-request content set-src str(5.6.7.8)
        tcp-request content reject if { var(txn.a) -m str /a }
        tcp-request content set-var(txn.a) str(later)";
    let rig = Rig::new(subject, front, "");
    assert_eq!(rig.ask(&get("/a")), "");
    assert_eq!(told(&rig, "AWAY "), "5.6.7.8 <BADREQ> /a PR");
    rig.forwarded(&get("/b"));
    assert_eq!(told(&rig, "GET /b HTTP/1.1 "), "later --");
}
