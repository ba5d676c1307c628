//! What is not served is refused or told to have no effect: nothing is read and ignored.

use super::{back, first_line, front};
use config::{Source, load};

#[test]
fn nothing_is_read_and_ignored() {
    let table = [
        (
            front("http-request set-nice 5 if TRUE"),
            "A parsing [c.cfg:8] : 'http-request set-nice' is not supported by Tidegate yet",
        ),
        (
            front("acl x str(a),digest(blake2s256) 1"),
            "A parsing [c.cfg:8] : 'acl fetch str(a),digest(blake2s256)' is not supported by Tidegate yet",
        ),
        (front("acl x fc_rtt 1"), "A parsing [c.cfg:8] : 'acl fetch fc_rtt' is not supported by Tidegate yet"),
        (front("acl x src -m bin 0a"), "A parsing [c.cfg:8] : 'acl src with -m bin' is not supported by Tidegate yet"),
        (front("use_backend b if HTTP_2.0"), "A parsing [c.cfg:8] : 'acl HTTP_2.0' is not supported by Tidegate yet"),
        (
            front("use_backend b if TRUE or"),
            "A parsing [c.cfg:8] : 'condition without a term' is not supported by Tidegate yet",
        ),
        (back("balance rdp-cookie"), "A parsing [c.cfg:10] : 'balance rdp-cookie' is not supported by Tidegate yet"),
        (back("option transparent"), "A parsing [c.cfg:10] : 'option transparent' is not supported by Tidegate yet"),
        (back("log ring@x local0"), "A parsing [c.cfg:10] : 'log ring@' is not supported by Tidegate yet"),
        (
            front("log-format %{+Z}b"),
            "N parsing [c.cfg:8] : 'log format flag +Z' has no effect in Tidegate: flags are '+' or '-' and one of M, Q, X and E",
        ),
        (back("log stdout profile x local0"), "A parsing [c.cfg:10] : 'log profile' is not supported by Tidegate yet"),
        (
            "global\n tune.buffers.limit 16\n".to_string(),
            "N parsing [c.cfg:2] : 'tune.buffers.limit' has no effect in Tidegate: buffers come from pools that need no tuning",
        ),
        (
            "global\n external-check\n".to_string(),
            "A parsing [c.cfg:2] : 'external-check' is not supported by Tidegate yet",
        ),
        (
            "resolvers r\n nameserver a 1.1.1.1:53\n".to_string(),
            "A parsing [c.cfg:1] : 'resolvers' is not supported by Tidegate yet",
        ),
    ];
    for (text, expected) in table {
        let sources = [Source::new("c.cfg", text)];
        let parsed = load(&sources, &|_: &str| None);
        let shown: Vec<_> = parsed.diagnostics.iter().map(|diagnostic| first_line(diagnostic, &sources)).collect();
        assert!(shown.contains(&expected.to_string()), "{expected}\n{shown:#?}");
    }
    // What is only switched off needs no support.
    let parsed =
        load(&[Source::new("c.cfg", back("no option http-server-close\n no option checkcache"))], &|_: &str| None);
    assert_eq!(parsed.diagnostics, []);
}

/// What `configs/COMPATIBILITY.md` says is refused, or has no effect.
#[test]
fn what_is_promised_to_be_refused_is() {
    let refused = |name: &str| format!("'{name}' is not supported by Tidegate yet");
    let invalid = |pattern: &str, why: &str| {
        format!("error detected while parsing ACL 'a' : regex '{pattern}' is invalid (error: {why}).")
    };
    let tcp_check = |line: &str| back(&format!("option tcp-check\n tcp-check {line}"));
    let http_check = |line: &str| back(&format!("option httpchk\n http-check {line}"));
    let web = |line: &str| front(&format!("mode http\n {line}"));
    let pattern = |pattern: &str| web(&format!("acl a path_reg {pattern}"));
    for (text, expected) in [
        (back("balance log-hash"), refused("balance log-hash")),
        (back("balance sticky"), refused("balance sticky")),
        (back("mode http\n option forwarded host-expr src"), refused("option forwarded host-expr")),
        (back("source 1.2.3.4 usesrc client"), refused("source usesrc")),
        (back("server t 127.0.0.1:1 tfo"), refused("server tfo")),
        (tcp_check("send-lf x"), refused("tcp-check send-lf")),
        (tcp_check("send-binary-lf 00"), refused("tcp-check send-binary-lf")),
        (tcp_check("expect string-lf x"), refused("tcp-check expect string-lf")),
        (tcp_check("expect binary-lf 00"), refused("tcp-check expect binary-lf")),
        (tcp_check("connect port int(3)"), refused("tcp-check connect port")),
        (http_check("connect port int(3)"), refused("http-check connect port")),
        (http_check("send meth GET uri / ver HTTP/2"), refused("a check with HTTP/2")),
        (
            back("server t 127.0.0.1:1 check\n server u 127.0.0.1:2 track b/t agent-check agent-port 3"),
            refused("server agent-check of one that tracks another"),
        ),
        (pattern("(?=x)y"), invalid("(?=x)y", "look-around, including look-ahead and look-behind, is not supported")),
        (pattern("(x)\\\\1"), invalid("(x)\\1", "backreferences are not supported")),
        (web("http-request silent-drop rst-ttl 3"), refused("http-request silent-drop rst-ttl")),
        (web("http-request set-timeout server 3s"), refused("http-request set-timeout")),
        (web("http-request set-header x %[path,json(utf8p)]"), refused("log format %[path,json(utf8p)]")),
        (web("http-request set-header x %[path,json(utf8ps)]"), refused("log format %[path,json(utf8ps)]")),
        (web("http-response set-header x %[ssl_s_s_dn]"), refused("log format %[ssl_s_s_dn]")),
        (web("log-format %HPO"), refused("log format %HPO")),
        (web("tcp-request content set-var(txn.x) req.len"), refused("a sample of bytes in mode http")),
    ] {
        check_said(&text, &format!("A parsing [c.cfg:LINE] : {expected}"));
    }
    check_said(
        &back("server t 127.0.0.1:1 max-reuse 3"),
        "N parsing [c.cfg:LINE] : 'server max-reuse' has no effect in Tidegate: it limits connections of HTTP/2 to servers; \
         those of HTTP/1 are reused however often, as by HAProxy",
    );
    let parsed = load(
        &[Source::new("c.cfg", web("default_backend w\nbackend w\n mode http\n retry-on 0rtt-rejected"))],
        &|_: &str| None,
    );
    let mentions = |diagnostic: &&config::Diagnostic| diagnostic.message.contains("retry-on");
    assert_eq!(parsed.diagnostics.iter().find(mentions), None);
}

/// One of the complaints is this, whatever its line.
#[track_caller]
fn check_said(text: &str, expected: &str) {
    let sources = [Source::new("c.cfg", text)];
    let parsed = load(&sources, &|_: &str| None);
    let shown: Vec<_> = parsed.diagnostics.iter().map(|diagnostic| first_line(diagnostic, &sources)).collect();
    let (before, behind) = expected.split_once("LINE").expect("a line is meant");
    assert!(shown.iter().any(|said| said.starts_with(before) && said.ends_with(behind)), "{expected}\n{shown:#?}");
}
