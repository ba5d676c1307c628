//! `http-request`, `http-response`, `http-after-response` and `redirect` lines. Complaints are HAProxy 2.6.12's, as far as it has
//! them.

use config::{Level, Source, load};

const HEAD: &str = "defaults\n mode http\n timeout client 1h\n timeout server 1h\n timeout connect 5s\n";

fn sentences(line: &str) -> Vec<String> {
    let text = format!("{HEAD}listen l\n bind :10080\n {line}\n server s 127.0.0.1:80\n");
    let parsed = load(&[Source::new("c.cfg", text)], &|_: &str| None);
    let level = |level| if level == Level::Alert { 'A' } else { 'W' };
    parsed.diagnostics.iter().map(|found| format!("{} {}", level(found.level), found.message)).collect()
}

#[test]
fn what_is_read() {
    for line in [
        "http-request deny if { path /x }",
        "http-request deny deny_status 429",
        "http-request deny status 402",
        "http-request return status 200 content-type text/plain lf-string \"%[path]\" hdr X-A %[src] if TRUE",
        "http-request set-header X-A \"%ci 100%% %[path,upper]\" unless TRUE",
        "http-request del-header X -m beg",
        "http-request replace-header X a(.) \\1",
        "http-request set-var(txn.a.b_1) path,lower",
        "http-request set-var(txn.a) src if TRUE",
        "http-response set-status 404 reason \"Not here\"",
        "http-after-response set-header X %[status]",
        "redirect scheme https code 301 if TRUE",
        "http-request tarpit deny_status 429 if TRUE",
        "http-request auth realm x unless TRUE",
        "http-request use-service prometheus-exporter if TRUE",
        "http-request capture path len 10",
        "http-request wait-for-body time 5s at-least 1k if TRUE",
        "http-response wait-for-body time 0",
        "option http-buffer-request",
        "http-error status 404 content-type text/plain lf-string %[path] hdr X %[src]",
        "http-error status 503",
        "http-request set-header X %[date(5,ms)]-%[queue(l)]-%[srv_queue(l/s)]-%[fe_req_rate]-%[path,sha2(512),hex]",
        "http-request deny if { connslots(l) lt 3 } { be_conn_free gt 0 } { path,xxh64(7) 5 } { path,json -m len 5 }",
        "http-request set-src req.hdr(x),lower if TRUE",
        "http-request set-dst-port int(80)",
        "http-request silent-drop if TRUE",
        "http-response silent-drop unless TRUE",
        "http-request set-header X %[req.body_param(a)]",
        "http-response deny if { res.body -m sub x }",
        "declare capture response len 5",
        "http-request return errorfile /dev/null",
        "http-request set-header X %[path,map_beg_int(f,5),add(txn.a),iif(a,b)]",
    ] {
        assert_eq!(sentences(line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn complaints() {
    for (line, action, message) in [
        ("http-request deny deny_status", "http-request deny", "'status' expects <status_code> as argument"),
        ("http-request deny deny_status 999", "http-request deny", "Unexpected status code '999'"),
        (
            "http-request deny deny_status 402",
            "http-request deny",
            "status code '402' not handled by default with 'default-errorfiles' argument.",
        ),
        ("http-request set-header X", "http-request set-header", "expects exactly 2 arguments"),
        (
            "http-request set-header X %[foo]",
            "http-request set-header",
            "failed to parse sample expression <foo]> : unknown fetch method 'foo'",
        ),
        (
            "http-request set-header X %[src,foo]",
            "http-request set-header",
            "failed to parse sample expression <src,foo]> : unknown converter 'foo'",
        ),
        ("http-request set-header X %[src", "http-request set-header", "missing ']' after 'src'"),
        (
            "http-request set-header X %zz",
            "http-request set-header",
            "no such format variable 'zz'. If you wanted to emit the '%' character verbatim, you need to use '%%'",
        ),
        ("http-request del-header", "http-request del-header", "expects at least 1 argument"),
        ("http-request del-header X -m foo", "http-request del-header", "-m with unsupported matching method 'foo'"),
        ("http-request replace-header X a", "http-request replace-header", "expects exactly 3 arguments"),
        ("http-request set-path", "http-request set-path", "expects exactly 1 argument <format>"),
        (
            "http-request replace-path a",
            "http-request replace-path",
            "expects exactly 2 arguments <match-regex> and <replace-format>",
        ),
        (
            "http-response set-status 99",
            "http-response set-status",
            "expects an integer status code between 100 and 999",
        ),
        (
            "http-request redirect code 302",
            "http-request redirect",
            "redirection type expected ('prefix', 'location', or 'scheme')",
        ),
        ("http-request redirect location", "http-request redirect", "missing argument for 'location'"),
        (
            "http-request redirect location / code 304",
            "http-request redirect",
            "'code': unsupported HTTP code '304' (must be one of 301, 302, 303, 307 or 308)",
        ),
        ("http-request wait-for-body", "http-request wait-for-body", "expects time <time> [ at-least <bytes> ]"),
        ("http-request wait-for-body time", "http-request wait-for-body", "missing argument for 'time'"),
        ("http-request wait-for-body time 5x", "http-request wait-for-body", "unexpected character 'x'"),
        ("http-request wait-for-body time 5 at-least", "http-request wait-for-body", "missing argument for 'at-least'"),
        ("http-request wait-for-body time 5 at-least x", "http-request wait-for-body", "unexpected character 'x'"),
        ("http-request set-src", "http-request set-src", "missing fetch method"),
        ("http-request return status 99", "http-request return", "Unexpected status code '99'"),
        (
            "http-request return string x",
            "http-request return",
            "a content type must be defined when non-empty payload is configured",
        ),
        ("http-request return hdr a", "http-request return", "'hdr' expects <name> and <value> as arguments"),
        ("http-request set-var(txn.a)", "http-request set-var(txn.a)", "missing fetch method"),
        ("http-request set-var(txn.a) foo", "http-request set-var(txn.a)", "unknown fetch method 'foo'"),
        (
            "http-request set-var(foo.a) src",
            "http-request set-var(foo.a)",
            "invalid variable name 'foo.a'. A variable name must be start by its scope. The scope can be 'proc', 'sess', 'txn', \
             'req', 'res' or 'check'",
        ),
        ("http-request use-service", "http-request use-service", "'use-service' expects a service name."),
        ("http-request use-service foo", "http-request use-service", "'foo' unknown service name."),
        ("http-request tarpit deny_status", "http-request tarpit", "'status' expects <status_code> as argument"),
        ("http-request auth realm", "http-request auth", "missing realm value"),
        ("http-request capture path", "http-request capture", "expects <expression> [ 'len' <length> | id <idx> ]"),
        ("http-request capture path len 0", "http-request capture", "length must be > 0"),
        ("http-response capture status len 5", "http-response capture", "expects 'id', found 'len'"),
        (
            "http-request set-log-level foo",
            "http-request set-log-level",
            "expects exactly 1 argument (log level name or 'silent')",
        ),
        (
            "http-request strict-mode foo",
            "http-request strict-mode",
            "Unexpected value 'foo'. Only 'on' and 'off' are supported",
        ),
    ] {
        let expected = format!("A error detected in proxy 'l' while parsing '{action}' rule : {message}.");
        assert_eq!(sentences(line), [expected], "{line}");
    }
    for (line, expected) in [
        (
            "http-request deny foo",
            "A 'http-request deny' expects either 'if' or 'unless' followed by a condition but found 'foo'.",
        ),
        (
            "http-request set-header X v if { foo }",
            "A error detected while parsing an 'http-request set-header' condition : unknown fetch method 'foo' in ACL \
             expression 'foo'.",
        ),
        (
            "http-request set-header Connection close",
            "A 'http-request set-header Connection' is not supported by Tidegate yet",
        ),
        (
            "http-request del-header Content-Length",
            "A 'http-request del-header Content-Length' is not supported by Tidegate yet",
        ),
        ("http-request set-nice 5", "A 'http-request set-nice' is not supported by Tidegate yet"),
        (
            "http-request capture path id 0",
            "A Proxy 'l': unable to find capture id '0' referenced by http-request capture rule.",
        ),
        (
            "http-request auth unless { http_auth(foo) }",
            "A unable to find userlist 'foo' referenced in arg 1 of ACL keyword 'http_auth' in proxy 'l'.",
        ),
        (
            "http-request return status 404 errorfiles foo",
            "A Proxy 'l': unknown http-errors section 'foo' referenced by an http reply .",
        ),
        ("declare", "A 'declare' needs a second keyword that specify the type of declaration ('capture')"),
        ("declare capture foo len 5", "A 'declare capture' requires a direction ('request' or 'response')"),
        ("declare capture request len 0", "A length must be > 0"),
        ("http-request set-var(proc.a) int(1)", "A 'http-request set-var(proc.a)' is not supported by Tidegate yet"),
        (
            "http-request deny if { status 200 }",
            "W anonymous acl will never match in 'http-request' because it uses keyword 'status' which is incompatible with \
             'frontend http-request header rule'",
        ),
        ("http-response redirect prefix /x", "A 'http-response redirect prefix' is not supported by Tidegate yet"),
    ] {
        assert_eq!(sentences(line), [expected], "{line}");
    }
    for (line, expected) in [
        ("errorfile 403", "A errorfile : expects <status_code> and <file> as arguments."),
        ("errorfile 999 /dev/null", "A errorfile : status code '999' not handled."),
        ("errorloc 403", "A errorloc : expects <status_code> and <url> as arguments."),
        ("cookie", "A 'cookie' expects <cookie_name> as argument."),
        (
            "cookie A foo",
            "A 'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', 'domain', 'maxidle', \
             'dynamic', 'maxlife' and 'attr' options.",
        ),
        (
            "cookie A insert maxidle 99999999999",
            "A timer overflow in argument <99999999999> to <maxidle>, maximum value is 2147483647 s (~68 years).",
        ),
        ("cookie A insert maxlife 5x", "A unexpected character 'x' in argument to <maxlife>."),
        ("cookie A insert maxlife", "A 'maxlife' expects <maxlife> as argument."),
        ("dynamic-cookie-key", "A 'dynamic-cookie-key' expects <secret_key> as argument."),
        ("cookie A rewrite indirect", "A cookie 'rewrite' and 'indirect' modes are incompatible."),
        ("cookie A rewrite preserve", "A cookie 'preserve' requires at least 'insert' or 'indirect'."),
        ("monitor-uri", "A 'monitor-uri' expects an URI."),
        ("monitor", "A 'monitor' only supports 'fail'."),
        ("monitor fail", "A 'monitor fail' requires either 'if' or 'unless' followed by a condition."),
    ] {
        assert_eq!(sentences(line), [expected], "{line}");
    }
    let guessed = sentences("http-request deni");
    assert!(guessed[0].ends_with("but got 'deni'. Did you mean 'deny' maybe ?"), "{guessed:?}");
}

/// Names and lines that are made of samples.
#[test]
fn formats() {
    let absent = |sample: &str, needed: &str| {
        format!(
            "sample fetch <{sample}]> may not be reliably used here because it needs '{needed}' which is not available here"
        )
    };
    for line in [
        "use_backend %[path,field(2,/)] if TRUE",
        "use_backend %f",
        "use-server %[req.hdr(x)] if TRUE",
        "log-format %[status]\\ %[capture.req.hdr(0)]",
        "unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid",
        "unique-id-header X-Unique-ID",
    ] {
        assert_eq!(sentences(&format!("log 127.0.0.1 local0\n {line}")), Vec::<String>::new(), "{line}");
    }
    for (line, expected) in [
        ("use_backend %[path", "failed to parse use_backend rule '%[path' : missing ']' after 'path'.".into()),
        (
            "use_backend %[res.hdr(a)]",
            format!(
                "failed to parse use_backend rule '%[res.hdr(a)]' : {}.",
                absent("res.hdr(a)", "HTTP response headers")
            ),
        ),
        (
            "use_backend %[src,zz] if TRUE",
            "failed to parse use_backend rule '%[src,zz]' : failed to parse sample expression <src,zz]> : unknown converter \
             'zz'."
                .into(),
        ),
        (
            "use-server %[path if TRUE",
            "use-server rule failed to parse log-format '%[path' : missing ']' after 'path'.".into(),
        ),
        ("unique-id-format", "unique-id-format expects an argument.".into()),
        (
            "unique-id-format a b",
            "unique-id-format expects only one argument, don't forget to escape spaces!".into(),
        ),
        (
            "unique-id-format %[res.hdr(a)]",
            format!("failed to parse unique-id : {}.", absent("res.hdr(a)", "HTTP response headers")),
        ),
        ("unique-id-header", "unique-id-header expects an argument.".into()),
        (
            "log-format %[path]",
            format!("failed to parse log-format : {}.", absent("path", "HTTP request headers")),
        ),
        ("log-format %[req.len]", format!("failed to parse log-format : {}.", absent("req.len", "request buffer"))),
        ("use_backend %Tt", "'use_backend with %Tt' is not supported by Tidegate yet".into()),
    ] {
        assert_eq!(sentences(&format!("log 127.0.0.1 local0\n {line}")), [format!("A {expected}")], "{line}");
    }
}

/// Complaints of HAProxy 2.6.12 about `http-error`, and about rules in `defaults`.
#[test]
fn what_many_sections_share() {
    for (line, message) in [
        ("http-error", "http-error : expects at least a <status> as arguments."),
        ("http-error status", "http-error : 'status' expects <status_code> as argument."),
        ("http-error status 999", "http-error : Unexpected status code '999'."),
        ("http-error status 402", "http-error : status code '402' not handled."),
        (
            "http-error status 400 string b",
            "http-error : a content type must be defined when non-empty payload is configured.",
        ),
        ("http-error status 400 content-type text/plain string b foo", "http-error : unknown keyword 'foo'."),
    ] {
        assert_eq!(sentences(line), [format!("A {message}")], "{line}");
    }
    let all = |defaults: &str, sections: &str| {
        let text = format!("{}{defaults}\n{sections}", HEAD.replace("defaults", "defaults n"));
        let parsed = load(&[Source::new("c.cfg", text)], &|_: &str| None);
        let alerts = parsed.diagnostics.into_iter().filter(|found| found.level == Level::Alert);
        alerts.map(|found| found.message).collect::<Vec<_>>()
    };
    let front = "frontend f from n\n bind :10080\n";
    let back = "backend b from n\n server s 127.0.0.1:80\n";
    let none = Vec::<String>::new();
    assert_eq!(all(" acl x path /\n http-request deny if x\n tcp-request session accept\n", front), none);
    assert_eq!(all(" acl x path /\n", &format!("{front}{back}")), none);
    let rule = " http-request deny if FALSE\n";
    for (defaults, sections, message) in [
        (
            rule,
            format!("{front}{back}"),
            "frontends and backends cannot inherit from the same defaults section if it defines TCP/HTTP rules \
             (defaults section at c.cfg:1).",
        ),
        (
            rule,
            "listen l from n\n bind :10080\n".to_string(),
            "a listen section cannot inherit from a defaults section defining TCP/HTTP rules.",
        ),
        (
            rule,
            "defaults m from n\n timeout client 1s\n".to_string(),
            "a defaults section cannot inherit from a defaults section defining TCP/HTTP rules (defaults section at c.cfg:1).",
        ),
        (
            " tcp-request connection accept\n",
            back.to_string(),
            "a backend section cannot inherit from a defaults section defining 'tcp-request connection' or \
             'tcp-request session' rules (defaults section at c.cfg:1).",
        ),
        (
            " tcp-response content accept\n",
            front.to_string(),
            "a frontend section cannot inherit from a defaults section defining 'tcp-response content' rules (defaults \
             section at c.cfg:1).",
        ),
        (
            " acl x path /\n http-request deny if x\n",
            format!("{front} http-request deny if x\n"),
            "error detected while parsing an 'http-request deny' condition : no such ACL : 'x'.",
        ),
    ] {
        assert_eq!(all(defaults, &sections), [message], "{defaults}");
    }
}
