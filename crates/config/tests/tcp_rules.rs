//! `tcp-request` and `use-server` lines. Complaints are HAProxy 2.6.12's, as far as it has them.

use config::{Diagnostic, Effect, Level, Parsed, Scope, Source, TcpAction, TcpDeed, load};

const TIMEOUTS: &str = "defaults\n timeout client 1h\n timeout server 1h\n timeout connect 5s\n";

fn read(lines: &str) -> Parsed {
    let text = format!("{TIMEOUTS}listen l\n bind :10080\n {lines}\n server s 127.0.0.1:80\n");
    load(&[Source::new("c.cfg", text)], &|_: &str| None)
}

fn sentence(diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.level {
        Level::Alert => 'A',
        Level::Warning => 'W',
        Level::Notice => 'N',
        Level::Diag => 'D',
    };
    let line = diagnostic.span.map_or(0, |span| span.line);
    format!("{level}{line} {}", diagnostic.message)
}

fn sentences(lines: &str) -> Vec<String> {
    read(lines).diagnostics.iter().map(sentence).collect()
}

#[test]
fn rules_are_read() {
    let parsed = read(
        "acl near src 10.0.0.0/8\n tcp-request connection reject if near\n tcp-request session accept\n \
         tcp-request inspect-delay 5s\n tcp-request content accept if { req.ssl_sni -i a.example } or WAIT_END\n \
         tcp-request content reject unless near\n use-server s if near",
    );
    assert_eq!(parsed.diagnostics, []);
    let proxy = &parsed.tree.proxies[0];
    let actions = |rules: &[config::TcpRule]| -> Vec<(TcpAction, bool)> {
        let action = |deed: &TcpDeed| match deed {
            TcpDeed::Decide(action) => *action,
            TcpDeed::Effect(effect) => panic!("{effect:?}"),
        };
        rules.iter().map(|rule| (action(&rule.deed.value), rule.condition.is_some())).collect()
    };
    assert_eq!(actions(&proxy.tcp.connection), [(TcpAction::Reject, true)]);
    assert_eq!(actions(&proxy.tcp.session), [(TcpAction::Accept, false)]);
    assert_eq!(actions(&proxy.tcp.content), [(TcpAction::Accept, true), (TcpAction::Reject, true)]);
    assert_eq!(proxy.tcp.inspect_delay.map(|delay| delay.value.as_secs()), Some(5));
    assert_eq!(proxy.use_servers[0].server.value, "s");
}

#[test]
fn what_rules_keep_is_read() {
    let parsed = read(
        "tcp-request connection set-var(sess.a) src if LOCALHOST\n tcp-request session set-src src,ipmask(8)\n \
         mode http\n tcp-request content capture path len 4\n tcp-response content unset-var(res.b)",
    );
    let proxy = &parsed.tree.proxies[0];
    let effects: Vec<&Effect> = [&proxy.tcp.connection, &proxy.tcp.session, &proxy.tcp.content]
        .into_iter()
        .flatten()
        .map(|rule| match &rule.deed.value {
            TcpDeed::Effect(effect) => effect,
            TcpDeed::Decide(action) => panic!("{action:?}"),
        })
        .collect();
    let [Effect::SetVariable(variable, _), Effect::SetAddress(..), Effect::Capture(_, 0)] = effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((variable.scope, variable.name.as_str()), (Scope::Session, "a"));
    assert!(proxy.tcp.connection[0].condition.is_some());
    assert_eq!(proxy.captures[0].length_max, 4);
    assert!(matches!(proxy.tcp.response[0].deed.value, TcpDeed::Effect(Effect::UnsetVariable(_))));
}

#[test]
fn what_is_kept_in_one_mode_only() {
    for (lines, expected) in [
        (
            "tcp-request content capture src len 4",
            "A7 'tcp-request content capture in mode tcp' is not supported by Tidegate yet",
        ),
        (
            "tcp-request content set-log-level silent",
            "A7 'tcp-request content set-log-level in mode tcp' is not supported by Tidegate yet",
        ),
        (
            "tcp-request content set-var(txn.a) path",
            "A7 'a sample of HTTP in mode tcp' is not supported by Tidegate yet",
        ),
        (
            "tcp-request content set-var(txn.a) req.len\n mode http",
            "A7 'a sample of bytes in mode http' is not supported by Tidegate yet",
        ),
        (
            "tcp-request connection set-var(txn.a) src",
            "A7 'tcp-request connection set-var(txn.a)' is not supported by Tidegate yet",
        ),
        (
            "tcp-request content set-var(res.a) src",
            "A7 'tcp-request content set-var(res.a)' is not supported by Tidegate yet",
        ),
    ] {
        assert_eq!(sentences(lines), [expected], "{lines}");
    }
}

/// Captures are a frontend's.
#[test]
fn captures_without_clients() {
    for (line, expected) in [
        (
            "tcp-request content capture src len 4",
            "'tcp-request content capture' : proxy 'b' has no frontend capability",
        ),
        (
            "http-request capture src len 4",
            "error detected in backend 'b' while parsing 'http-request capture' rule : proxy 'b' has no frontend \
             capability.",
        ),
    ] {
        let text = format!(
            "{TIMEOUTS} mode http\nfrontend f\n bind :10080\n default_backend b\nbackend b\n {line}\n server s 127.0.0.1:80\n"
        );
        let parsed = load(&[Source::new("c.cfg", text)], &|_: &str| None);
        assert_eq!(parsed.diagnostics.iter().map(sentence).collect::<Vec<_>>(), [format!("A10 {expected}")], "{line}");
    }
    assert_eq!(
        load(
            &[Source::new("c.cfg", format!("{TIMEOUTS}defaults d\n tcp-request content capture src len 4\n"))],
            &|_: &str| None
        )
        .diagnostics
        .iter()
        .map(sentence)
        .collect::<Vec<_>>(),
        ["A6 'tcp-request content capture in a 'defaults' section' is not supported by Tidegate yet"]
    );
}

#[test]
fn complaints() {
    for (line, expected) in [
        ("tcp-request", "A7 missing argument for 'tcp-request' in proxy 'l'"),
        (
            "tcp-request foo",
            "A7 'tcp-request' expects 'inspect-delay', 'connection', or 'content' in proxy 'l' (got 'foo')",
        ),
        ("tcp-request content foo", "A7 'tcp-request content' expects 'accept' or 'reject' in proxy 'l' (got 'foo')."),
        (
            "tcp-request connection accept foo",
            "A7 'tcp-request connection accept' only accepts 'if' or 'unless', in proxy 'l' (got 'foo')",
        ),
        (
            "tcp-request content accept if nosuch",
            "A7 'tcp-request content accept' : error detected in proxy 'l' while parsing 'if' condition : no such ACL : \
             'nosuch'",
        ),
        (
            "tcp-request inspect-delay",
            "A7 'tcp-request inspect-delay' expects a positive delay in milliseconds, in proxy 'l'",
        ),
        (
            "tcp-request inspect-delay foo",
            "A7 'tcp-request inspect-delay' expects a positive delay in milliseconds, in proxy 'l' (unexpected character \
             'f')",
        ),
        ("use-server", "A7 'use-server' expects a server name."),
        ("use-server s", "A7 'use-server' requires either 'if' or 'unless' followed by a condition."),
        ("use-server s when", "A7 'use-server' requires either 'if' or 'unless' followed by a condition."),
        ("use-server x if TRUE", "A7 proxy 'l' : unable to find server 'x' referenced in a 'use-server' rule."),
        ("use-server s if nosuch", "A7 error detected while parsing switching rule : no such ACL : 'nosuch'."),
        ("tcp-request content set-nice 5", "A7 'tcp-request content set-nice' is not supported by Tidegate yet"),
        (
            "tcp-request connection track-sc1 src",
            "A7 'tcp-request connection track-sc1' is not supported by Tidegate yet",
        ),
        (
            "tcp-request connection set-var(sess.a) req.len",
            "A7 fetch method 'set-var(sess.a)' extracts information from 'request buffer', none of which is available here",
        ),
        (
            "tcp-request connection set-var-fmt(sess.a) %[req.len]",
            "A7 sample fetch <req.len]> may not be reliably used here because it needs 'request buffer' which is not \
             available here",
        ),
        (
            "tcp-request session set-log-level silent",
            "A7 'tcp-request session' expects 'accept' or 'reject' in proxy 'l' (got 'set-log-level').",
        ),
        (
            "tcp-request connection capture src len 10",
            "A7 'capture src' is not allowed in 'tcp-request connection' rules in proxy 'l'",
        ),
        (
            "tcp-request content set-var(txn.a) be_name",
            "A7 fetch method 'set-var(txn.a)' extracts information from 'backend', none of which is available here",
        ),
        (
            "tcp-request content set-var(txn.a) status",
            "A7 fetch method 'set-var(txn.a)' extracts information from 'HTTP response', none of which is available here",
        ),
        (
            "tcp-request content set-var",
            "A7 invalid or incomplete action 'set-var'. Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or \
             'unset-var(<var-name>)'",
        ),
        (
            "tcp-request content set-var(foo.a) src",
            "A7 invalid variable name 'foo.a'. A variable name must be start by its scope. The scope can be 'proc', \
             'sess', 'txn', 'req', 'res' or 'check'",
        ),
        ("tcp-request content set-var(txn.a)", "A7 missing fetch method"),
        ("tcp-request content set-src nosuch", "A7 unknown fetch method 'nosuch'"),
        (
            "tcp-request content set-src src foo",
            "A7 'tcp-request content set-src' only accepts 'if' or 'unless', in proxy 'l' (got 'foo')",
        ),
        (
            "tcp-request content set-var(txn.a) src if nosuch",
            "A7 'tcp-request content set-var(txn.a)' : error detected in proxy 'l' while parsing 'if' condition : no such \
             ACL : 'nosuch'",
        ),
        ("tcp-request content capture src len 0", "A7 'tcp-request content capture' : length must be > 0"),
        (
            "tcp-request content capture src id 0",
            "A7 'tcp-request content capture' : a positive 'len' argument is mandatory",
        ),
        (
            "tcp-request content capture res.len len 4",
            "A7 'tcp-request content capture' : fetch method 'res.len' extracts information from 'response buffer', none \
             of which is available here",
        ),
        ("tcp-request content set-log-level foo", "A7 expects exactly 1 argument (log level name or 'silent')"),
        (
            "tcp-response content set-var(txn.a) req.len",
            "A7 fetch method 'set-var(txn.a)' extracts information from 'request buffer', none of which is available here",
        ),
        ("tcp-response", "A7 missing argument for 'tcp-response' in proxy 'l'"),
        ("tcp-response foo", "A7 'tcp-response' expects 'inspect-delay' or 'content' in proxy 'l' (got 'foo')"),
        (
            "tcp-response inspect-delay foo",
            "A7 'tcp-response inspect-delay' expects a positive delay in milliseconds, in proxy 'l' (unexpected character \
             'f')",
        ),
        (
            "tcp-response content accept foo",
            "A7 'tcp-response content accept' only accepts 'if' or 'unless', in proxy 'l' (got 'foo')",
        ),
        (
            "tcp-response content close if nosuch",
            "A7 'tcp-response content close' : error detected in proxy 'l' while parsing 'if' condition : no such ACL : \
             'nosuch'",
        ),
        ("tcp-response content set-nice 5", "A7 'tcp-response content set-nice' is not supported by Tidegate yet"),
    ] {
        assert_eq!(sentences(line), [expected], "{line}");
    }
}

#[test]
fn what_cannot_be_known_yet() {
    for (lines, expected) in [
        (
            "tcp-request connection accept if { req.len gt 0 }",
            "W7 anonymous acl will never match in 'tcp-request connection' because it uses keyword 'req.len' which is \
             incompatible with 'frontend tcp-request connection rule'",
        ),
        (
            "acl a req.len gt 0\n tcp-request connection accept if a",
            "W8 acl 'a' will never match in 'tcp-request connection' because it only involves keywords that are \
             incompatible with 'frontend tcp-request connection rule'",
        ),
        (
            "tcp-request session reject if { req.ssl_sni a }",
            "W7 anonymous acl will never match in 'tcp-request session' because it uses keyword 'req.ssl_sni' which is \
             incompatible with 'frontend tcp-request session rule'",
        ),
        (
            "tcp-request content reject if { res.len 3 }",
            "W7 anonymous acl will never match in 'tcp-request content' because it uses keyword 'res.len' which is \
             incompatible with 'frontend tcp-request content rule'",
        ),
        (
            "tcp-response content close if { req.len 3 }",
            "W7 anonymous acl will never match in 'tcp-response content' because it uses keyword 'req.len' which is \
             incompatible with 'backend tcp-response content rule'",
        ),
        (
            "use-server s if { res.len 3 }",
            "W7 anonymous acl will never match because it uses keyword 'res.len' which is incompatible with 'backend \
             use-server, balance or stick-match rule'",
        ),
    ] {
        assert_eq!(sentences(lines), [expected], "{lines}");
    }
}
