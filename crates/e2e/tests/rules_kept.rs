//! What rules keep of sessions in `mode tcp` (configuration.txt: tcp-request connection, session, content; tcp-response content; §2.8
//! for the scopes of variables).

use e2e::client::End;
use e2e::{LogServer, Origin, Proxy, Setup, Subject};

e2e::scenarios! {
    shared: [
        rules_and_lines_see_what_was_kept,
        what_was_kept_may_decide,
        ends_are_what_rules_say,
        servers_say_things_that_are_kept,
    ],
    alone: [],
}

/// A frontend `px` with these lines, in front of a backend `b` with those.
fn start(subject: Subject, logs: &LogServer, origin: &Origin, [front, back]: [&str; 2]) -> Proxy {
    let template = format!(
        "
    global
        nbthread @threads@
        log @log@ local2
    defaults
        mode tcp
        log global
        timeout connect 1s
        timeout client 10s
        timeout server 10s
    frontend px
        bind @px@
        {front}
        default_backend b
    backend b
        {back}
        server s @s@"
    );
    Setup::new(subject, &template).with("log", logs.target()).with("s", origin.target()).start()
}

/// What the line says behind this word.
fn told(logs: &LogServer, word: &str) -> String {
    let line = logs.line_with(word);
    line.split_once(word).expect("it was looked for").1.trim_end().to_owned()
}

fn rules_and_lines_see_what_was_kept(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let front = "log-format \"KEPT %ci %[var(sess.net)] %[var(txn.first)] %[var(req.gone)] %[var(sess.length)] %[var(sess.text)]\"
        tcp-request inspect-delay 10s
        tcp-request connection set-var(sess.source) src
        tcp-request session set-var(sess.net) var(sess.source),ipmask(8)
        tcp-request content set-var(sess.length) req.len
        tcp-request content set-var(txn.first) req.payload(0,4)
        tcp-request content set-var(req.gone) req.payload(0,4)
        tcp-request content set-var-fmt(sess.text) %[var(txn.first)]/%[src]
        tcp-request content accept if { req.len ge 6 }";
    let proxy = start(subject, &logs, &origin, [front, ""]);
    let mut client = proxy.connect("px");
    client.say("abc");
    client.say("def");
    assert_eq!(client.line(), "s1");
    client.finish();
    assert_eq!(told(&logs, "KEPT "), "127.0.0.1 127.0.0.0 abcd - 6 abcd/127.0.0.1");
}

fn what_was_kept_may_decide(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let front = "log-format \"KEPT %ts %[var(req.a)] %[var(txn.b)]\"
        tcp-request connection set-var(sess.far) bool(true) if { src 127.0.0.2 }
        tcp-request session reject if { src 127.0.0.3 } { var(sess.far) -m found }
        tcp-request content set-var(req.a) src
        tcp-request content unset-var(req.a) if { src 127.0.0.1 }
        tcp-request content reject if { var(sess.far) -m bool }
        tcp-request content set-var(txn.b) str(let-in)";
    let proxy = start(subject, &logs, &origin, [front, ""]);
    assert_eq!(proxy.connect_from(2, "px").to_end(), (vec![], End::Fin));
    assert_eq!(told(&logs, "KEPT PR "), "127.0.0.2 -");
    let mut client = proxy.connect_from(3, "px");
    assert_eq!(client.line(), "s1");
    client.finish();
    assert_eq!(told(&logs, "KEPT -- "), "- let-in");
}

fn ends_are_what_rules_say(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let front = "log-format \"ENDS %ci:%cp %fi:%fp %[src]:%[src_port]\"
        tcp-request connection set-src src,ipmask(8)
        tcp-request session set-src-port int(7)
        tcp-request session set-dst str(9.8.7.6)
        tcp-request content set-dst-port int(99) if { src 127.0.0.0 }
        tcp-request content set-src str(nobody)
        tcp-request content set-src str(5.6.7.8) if { src_port 7 } { dst 9.8.7.6 }";
    let proxy = start(subject, &logs, &origin, [front, ""]);
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    client.finish();
    assert_eq!(told(&logs, "ENDS "), "5.6.7.8:7 9.8.7.6:99 5.6.7.8:7");
}

fn servers_say_things_that_are_kept(subject: Subject) {
    let (logs, origin) = (LogServer::udp(), Origin::named("s1"));
    let back = "tcp-request content set-var(txn.name) be_name
        tcp-response inspect-delay 10s
        tcp-response content set-var(txn.said) res.payload(0,2)
        tcp-response content set-var-fmt(res.text) %[var(txn.said)]!
        tcp-response content unset-var(sess.front)
        tcp-response content accept if { res.len ge 2 }";
    let front = "log-format \"SAID %[var(txn.name)] %[var(txn.said)] %[var(res.text)] %[var(sess.front)] %ts\"
        tcp-request content set-var(sess.front) str(x)";
    let proxy = start(subject, &logs, &origin, [front, back]);
    let mut client = proxy.connect("px");
    assert_eq!(client.line(), "s1");
    client.finish();
    assert_eq!(told(&logs, "SAID "), "b s1 s1! - --");
}
