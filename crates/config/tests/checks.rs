//! Lines about checks, agents and tracking that cannot be read: HAProxy 2.6 says of them what is expected here.

use config::{Source, load};

/// The first ALERT about a file with these lines in a backend, without its place.
fn alert(lines: &str) -> String {
    let text = format!(
        "defaults\n timeout connect 1s\n timeout client 1s\n timeout server 1s\nlisten l\n bind :10143\nbackend b\n {}\n",
        lines.replace(';', "\n ")
    );
    let parsed = load(&[Source::from_bytes("c", text.as_bytes())], &|_: &str| None);
    let first = parsed.diagnostics.iter().find(|diagnostic| diagnostic.is_alert());
    first.map_or(String::new(), |first| first.message.clone())
}

#[test]
fn http_checks() {
    for (line, expected) in [
        (
            "http-check foo",
            "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', \
             'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got 'foo'",
        ),
        (
            "http-check send foo",
            "'http-check send' : expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got 'foo' as \
             argument..",
        ),
        ("http-check send meth", "'http-check send' : 'meth' expects a string as argument.."),
        ("http-check send hdr a", "'http-check send' : 'hdr' expects <name> and <value> as arguments."),
        (
            "http-check send hdr host x hdr Host y",
            "'http-check send' : 'Host' header already defined (previous value is 'x').",
        ),
        ("http-check expect", "'http-check expect' : expects at least a matching pattern as arguments."),
        (
            "http-check expect foo x",
            "'http-check expect' : 'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', \
             [!]hdr, [!]fhdr or comment but got 'foo' as argument..",
        ),
        ("http-check expect status", "'http-check expect' : 'status' expects a <pattern> as argument."),
        ("http-check expect status x", "'http-check expect' : invalid character 'x' in the list of status codes."),
        ("http-check expect status 200x", "'http-check expect' : invalid character 'x' in the list of status codes."),
        ("http-check expect status 200-", "'http-check expect' : invalid range of status codes '200-'."),
        ("http-check expect status 300-200", "'http-check expect' : invalid range of status codes '300-200'."),
        ("http-check expect status 200 string a", "'http-check expect' : only on pattern expected."),
        ("http-check expect comment", "'http-check expect' : 'comment' expects a string as argument."),
        ("http-check disable-on-404 x", "'http-check' cannot handle unexpected argument 'x'."),
        ("http-check comment", "'http-check comment' : expects a string as argument."),
        (
            "http-check connect foo",
            "'http-check connect' : expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', \
             'linger', 'default' but got 'foo' as argument..",
        ),
        (
            "http-check send uri /a;http-check send uri /b",
            "'http-check send' : unable to add http-check send rule at step 2 (missing connect rule)..",
        ),
        (
            "http-check expect status 200;http-check connect",
            "'http-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an 'unset-var' or a \
             'comment', when there is a 'connect' step in the tcp-check ruleset.",
        ),
        ("http-check send-state x", "'http-check' cannot handle unexpected argument 'x'."),
        (
            "http-check set-var(foo.x) int(1)",
            "'http-check set-var(foo.x)' : 'set-var' : invalid variable name 'foo.x'. A variable name must be start by its scope. \
             The scope can be 'proc', 'sess', 'txn', 'req', 'res' or 'check'.",
        ),
        ("http-check set-var(check.x)", "'http-check set-var(check.x)' : 'set-var' : missing fetch method."),
        (
            "http-check set-var(check.x) nope",
            "'http-check set-var(check.x)' : 'set-var' : unknown fetch method 'nope'.",
        ),
        (
            "http-check set-varx(check.x) int(1)",
            "'http-check set-varx(check.x)' : 'set-var' : invalid or incomplete action 'set-varx(check.x)'. Expects \
             'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'.",
        ),
        (
            "http-check send hdr A %[nope]",
            "'http-check send' : failed to parse sample expression <nope]> : unknown fetch method 'nope'.",
        ),
        (
            "http-check send hdr A %[req.hdr(a)]",
            "'http-check send' : sample fetch <req.hdr(a)]> may not be reliably used here because it needs 'HTTP request headers' \
             which is not available here.",
        ),
        ("http-check send body-lf", "'http-check send' : 'body-lf' expects a string as argument.."),
        (
            "http-check expect hdr foo bar",
            "'http-check expect' : 'hdr' expects at the name keyword as first argument followed by a pattern.",
        ),
        (
            "http-check expect fhdr name",
            "'http-check expect' : 'fhdr' expects at the name keyword as first argument followed by a pattern.",
        ),
        ("http-check expect hdr name x value", "'http-check expect' : 'hdr' expect a pattern with the value keyword."),
        (
            "http-check expect hdr name -m foo x",
            "'http-check expect' : 'hdr' : '-m' only supports 'str', 'beg', 'end', 'sub' or 'reg' (got 'foo').",
        ),
        (
            "http-check expect hdr name -m",
            "'http-check expect' : 'hdr' : '-m' expects at a matching pattern ('str', 'beg', 'end', 'sub' or 'reg').",
        ),
        (
            "http-check expect hdr name-lf -m reg x",
            "'http-check expect' : 'hdr': log-format string is not supported with a regex matching method.",
        ),
        (
            "http-check expect status 200 status-code",
            "'http-check expect' : 'status-code' expects an expression as argument.",
        ),
        (
            "http-check expect status 200 status-code nope",
            "'http-check expect' : error detected while parsing status-code expression : unknown fetch method 'nope'.",
        ),
        ("http-check expect status 200 on-success", "'http-check expect' : 'on-success' expects a string as argument."),
    ] {
        assert_eq!(alert(&format!("option httpchk;{line}")), expected, "{line}");
    }
}

/// What would make another request of it is no part of it, and what is not served is named.
#[test]
fn requests_of_http_checks() {
    for (line, expected) in [
        ("option httpchk GET \"/a b\"", "'option httpchk' : blanks and control characters are not allowed in '/a b'."),
        ("option httpchk GET / HTTPS", "'option httpchk' : 'HTTPS' is no version of HTTP."),
        ("option httpchk GET / HTTP/2.0", "'a check with HTTP/2.0' is not supported by Tidegate yet"),
        ("option httpchk GET / HTTP/1.1 host x", "'option httpchk' cannot handle unexpected argument 'x'."),
        ("option httpchk GET / HTTP/1.1 host", ""),
        (
            "option httpchk;http-check send hdr x %[ssl_fc]",
            "'http-check send with a sample of a session' is not supported by Tidegate yet",
        ),
        (
            "option httpchk;http-check set-var(txn.x) int(1)",
            "'http-check set-var of such a scope' is not supported by Tidegate yet",
        ),
        ("option httpchk;http-check expect ! hdr name x", ""),
        ("option httpchk;http-check send-state", ""),
    ] {
        assert_eq!(alert(line), expected, "{line}");
    }
}

#[test]
fn agents_and_tracking() {
    for (servers, expected) in [
        (
            "server a 127.0.0.1:1 agent-check",
            "'server b/a' : server a does not have agent port. Agent check has been disabled.",
        ),
        (
            "server a 127.0.0.1:1 agent-check agent-port 1 agent-inter",
            "'server b/a' : 'agent-inter' expects a delay as argument..",
        ),
        (
            "server a 127.0.0.1:1 agent-check agent-port 1 agent-inter 0",
            "'server b/a' : invalid value 0 for argument 'agent-inter' of server a..",
        ),
        (
            "server a 127.0.0.1:1 agent-check agent-port 1 agent-addr 127.0.0.1:80",
            "'server b/a' : parsing agent-addr failed. Check if '127.0.0.1:80' is correct address..",
        ),
        (
            "server a 127.0.0.1:1 agent-check agent-port 1 agent-send",
            "'server b/a' : 'agent-send' expects a string as argument..",
        ),
        ("server a 127.0.0.1:1 agent-port", "'server b/a' : 'agent-port' expects a port number as argument.."),
        ("server a 127.0.0.1:1 track", "'server b/a' : 'track' expects [<proxy>/]<server> as argument.."),
        ("server a 127.0.0.1:1 track x/y", "'server b/a' : unable to find required proxy 'x' for tracking."),
        ("server a 127.0.0.1:1 track c", "'server b/a' : unable to find required server 'c' for tracking."),
        (
            "server a 127.0.0.1:1 track a",
            "'server b/a' : unable to track b/a as it belongs to a tracking chain looping back to b/a.",
        ),
        (
            "server a 127.0.0.1:1;server c 127.0.0.1:1 track a",
            "'server b/c' : unable to use b/a for tracking as it does not have any check nor agent enabled.",
        ),
        (
            "server a 127.0.0.1:1 check;server c 127.0.0.1:1 check track a",
            "'server b/c' : unable to enable checks and tracking at the same time!",
        ),
        ("server a 127.0.0.1:1 check;server c 127.0.0.1:1 track a;server d 127.0.0.1:1 track b/c", ""),
        (
            "server a 127.0.0.1:1 check init-state foo",
            "'server b/a' : 'init-state' expects 'fully-up', 'up', 'down' or 'fully-down' but got 'foo'.",
        ),
    ] {
        assert_eq!(alert(servers), expected, "{servers}");
    }
}
