//! `tcp-request` and `use-server` lines. Complaints are HAProxy 2.6.12's, as far as it has them.

use config::{Diagnostic, Level, Parsed, Source, TcpAction, load};

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
        rules.iter().map(|rule| (rule.action.value, rule.condition.is_some())).collect()
    };
    assert_eq!(actions(&proxy.tcp.connection), [(TcpAction::Reject, true)]);
    assert_eq!(actions(&proxy.tcp.session), [(TcpAction::Accept, false)]);
    assert_eq!(actions(&proxy.tcp.content), [(TcpAction::Accept, true), (TcpAction::Reject, true)]);
    assert_eq!(proxy.tcp.inspect_delay.map(|delay| delay.value.as_secs()), Some(5));
    assert_eq!(proxy.use_servers[0].server.value, "s");
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
