//! Sections: their names, what they inherit, what belongs into them, what they lack.

use super::{TIMEOUTS, back, check, first_line, front, read, sentences};
use config::{Source, parse};
use std::time::Duration;

#[test]
fn sections_and_inheritance() {
    let parsed = read(
        "defaults mail\n timeout client 1h\n retries 5\n balance leastconn\n\
         defaults short from mail\n timeout client 1m\n\
         defaults\n retries 1\n\
         backend a from mail\nbackend b from short\nbackend c\n",
    );
    assert_eq!(sentences(&parsed), Vec::<String>::new());
    let settings: Vec<_> = parsed
        .tree
        .proxies
        .iter()
        .map(|proxy| {
            let settings = &proxy.settings;
            let client = settings.timeouts.client.map(|timeout| timeout.value.as_secs());
            (proxy.name.as_str(), client, settings.retries.map(|retries| retries.value), settings.balance.is_some())
        })
        .collect();
    assert_eq!(
        settings,
        [("a", Some(3600), Some(5), true), ("b", Some(60), Some(5), true), ("c", None, Some(1), false)]
    );
}

#[test]
fn section_headers() {
    let table: &[(&str, &[&str])] = &[
        ("frontend f from A\n", &["A parsing [c.cfg:1] : defaults section 'A' not found for frontend 'f'."]),
        ("defaults B from A\n", &["A parsing [c.cfg:1] : defaults section 'A' not found for defaults 'B'."]),
        (
            "defaults A\ndefaults A\nbackend b from A\n",
            &[
                "A parsing [c.cfg:3] : ambiguous defaults section name 'A' referenced by backend 'b' exists at least at \
               c.cfg:1 and c.cfg:2.",
            ],
        ),
        ("frontend\n", &["A parsing [c.cfg:1] : 'frontend' expects an <id> argument"]),
        ("backend \"a b\"\n", &["A parsing [c.cfg:1] : character ' ' is not permitted in 'backend' name 'a b'."]),
        ("listen l :80\n", &["A parsing [c.cfg:1] : please use the 'bind' keyword for listening addresses."]),
        ("global x\n", &["A parsing [c.cfg:1] : 'global' cannot handle unexpected argument 'x'."]),
        (
            "backend b\nbackend b\n",
            &["A Parsing [c.cfg:2]: backend 'b' has the same name as backend 'b' declared at c.cfg:1."],
        ),
        (
            "no quiet\n",
            &["A parsing [c.cfg:1]: negation/default currently supported only for options, log, busy-polling, \
               set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping."],
        ),
    ];
    for (text, expected) in table {
        let parsed = read(text);
        let alerts: Vec<_> = sentences(&parsed).into_iter().filter(|sentence| sentence.starts_with('A')).collect();
        assert_eq!(alerts, *expected, "{text}");
    }
}

#[test]
fn listeners_are_needed() {
    let table = [
        ("", false),
        ("global\n maxconn 10\n", false),
        ("backend b\n server s 1.1.1.1:1\n", false),
        ("frontend f\n bind :1\n", true),
        ("frontend f\n bind :1\n disabled\n", false),
        ("defaults\n disabled\nfrontend f\n bind :1\n enabled\n", true),
        ("global\n stats socket /run/x\n", true),
    ];
    for (text, expected) in table {
        assert_eq!(read(text).tree.has_listener(), expected, "{text}");
    }
}

#[test]
fn keywords_in_the_wrong_section() {
    check(
        &back("bind :80"),
        &["W parsing [c.cfg:10] : 'bind' ignored because backend 'b' has no frontend capability."],
    );
    check(
        &front("fullconn 10"),
        &["W parsing [c.cfg:8] : 'fullconn' ignored because frontend 'f' has no backend capability. Maybe you want \
           'maxconn' instead ?"],
    );
    check(&back("maxconn 10"), &[]);
    check(
        &front("timeout server 1s"),
        &["W parsing [c.cfg:8] : 'timeout server' will be ignored because frontend 'f' has no backend capability"],
    );
    check(
        &front("option allbackups"),
        &["W parsing [c.cfg:8] : 'allbackups' ignored because frontend 'f' has no backend capability."],
    );
    check(
        &back("option tcplog"),
        &["W parsing [c.cfg:10] : backend 'b' : 'option tcplog' directive is ignored in backends."],
    );
}

#[test]
fn what_is_missing() {
    check(
        "frontend f\n bind :80\n default_backend b\nbackend b\n server s 127.0.0.1:80\n",
        &["W missing timeouts for frontend 'f'.", "W missing timeouts for backend 'b'."],
    );
    check(&format!("{TIMEOUTS}frontend f\n timeout client 0\n bind :1\n"), &["W missing timeouts for frontend 'f'."]);
    check(
        &format!("{TIMEOUTS}listen l\n server s 127.0.0.1:80\n"),
        &["W proxy 'l' has no 'bind' directive. Please declare it as a backend if this was intended."],
    );
    check(&format!("{TIMEOUTS}listen l\n disabled\n"), &[]);
    check(&front("option tcplog"), &["W log format ignored for frontend 'f' since it has no log address."]);
}

#[test]
fn times_may_be_reset() {
    let parsed = read("defaults\n timeout tunnel 1h\nbackend a\n timeout tunnel 0\nbackend b\n");
    let tunnels: Vec<_> =
        parsed.tree.proxies.iter().map(|proxy| proxy.settings.timeouts.tunnel.map(|time| time.value)).collect();
    assert_eq!(tunnels, [None, Some(Duration::from_secs(3600))]);
}

#[test]
fn several_files_are_one_configuration() {
    let sources = [
        Source::new("a.cfg", "defaults\n timeout client 1h\n timeout server 1h\n timeout connect 1s\n"),
        Source::new("b.cfg", " bind :1\nfrontend f\n bind :1\n default_backend b\n"),
        Source::from_bytes("c.cfg", b"# caf\xe9\nbackend b\r\n\tserver s 127.0.0.1:25\r\n"),
    ];
    let parsed = parse(&sources, &|_: &str| None);
    let shown: Vec<_> = parsed.diagnostics.iter().map(|diagnostic| first_line(diagnostic, &sources)).collect();
    assert_eq!(shown, ["A parsing [b.cfg:1]: unknown keyword 'bind' out of section."]);
    assert_eq!(parsed.tree.proxies.len(), 2);
}

/// The whole file is read in spite of errors, and each is told once.
#[test]
fn all_problems_are_reported() {
    let text = "global\n maxcon 1\n nbthread x\ndefaults\n timeout client 1h\n foo\nfrontend f\n bind x\n bind :\n \
                default_backend nosuch\nbackend b\n server s 1.1.1.1:1 chek\n";
    check(
        text,
        &[
            "A parsing [c.cfg:2] : unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn' maybe ?",
            "A parsing [c.cfg:3] : 'nbthread' passed a missing or unparsable integer value in 'x'",
            "A parsing [c.cfg:6] : unknown keyword 'foo' in 'defaults' section",
            "A parsing [c.cfg:8] : 'bind' : missing port specification in 'x'",
            "A parsing [c.cfg:9] : 'bind' : missing port specification in ':'",
            "A [c.cfg:12] : 'server b/s' : unknown keyword 'chek'; did you mean 'check' maybe ?",
            "A Proxy 'f': unable to find required default_backend: 'nosuch'.",
        ],
    );
}

#[test]
fn mail_advice() {
    let text = "defaults\n timeout client 1m\n timeout server 1h\n timeout connect 5s\n\
                frontend imap\n bind :143\n default_backend dovecot\n\
                backend dovecot\n server a 10.0.0.1:143\n server b 10.0.0.2:143 send-proxy-v2\n";
    let parsed = read(text);
    assert!(!parsed.has_warnings(), "advice keeps nothing from starting under -dW");
    check(
        text,
        &[
            "W parsing [c.cfg:2] : 'timeout client' is too short for IMAP: clients wait in IDLE for up to 29 minutes \
             (RFC 2177), and servers may not log them out before 30 (RFC 3501 §5.4).",
            "N parsing [c.cfg:9] : server 'a' will see every IMAP client as coming from this machine.",
        ],
    );
    let http = "defaults\n timeout client 1h\nlisten l\n mode http\n bind :110\n";
    check(http, &["W parsing [c.cfg:5] : proxy 'l' speaks HTTP on a port of POP3."]);
    let hello = format!("{TIMEOUTS}backend b\n option ssl-hello-chk\n server s 10.0.0.1:9993 check ssl\n");
    check(
        &hello,
        &["W parsing [c.cfg:6] : 'option ssl-hello-chk' marks healthy server 's' down: its hello is sent inside TLS."],
    );
}

/// In HAProxy's words, but for the network that the line names.
#[test]
fn what_haproxy_has_dropped() {
    let instead = "'http-request return status 200 if { src <network> }'";
    check(
        "backend b\n contimeout 5s\nfrontend f\n monitor-net 10.0.0.0/8\n",
        &[
            "A parsing [c.cfg:2] : the 'contimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout connect'.",
            &format!("A parsing [c.cfg:4] : 'monitor-net' doesn't exist anymore. Please use {instead} instead."),
        ],
    );
}

/// `configuration.txt: env`: as the whole file leaves the environment.
#[test]
fn variables_that_are_left() {
    let parsed = read(
        "global\n setenv A a\n setenv A b\n unsetenv B\n presetenv C c\nfrontend f\n http-request set-header x %[env(A)]\n",
    );
    let outer = |name: &str| (name != "C").then(|| format!("outer {name}"));
    let found = ["A", "B", "D"].map(|name| parsed.tree.variables.var(name, &outer));
    assert_eq!(found, [Some("b".to_string()), None, Some("outer D".to_string())]);
    assert_eq!(parsed.tree.variables.var("C", &outer).as_deref(), Some("c"));
}
