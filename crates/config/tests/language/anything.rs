//! Any text is read to its end, without a panic.

use config::{Source, load};
use proptest::prelude::*;

/// Lines made of the language's own words reach every reader.
fn plausible() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "global",
        "defaults",
        "frontend",
        "backend",
        "listen",
        "from",
        "f",
        "b",
        "bind",
        "server",
        "acl",
        "option",
        "use_backend",
        "default_backend",
        "if",
        "unless",
        "{",
        "}",
        "!",
        "or",
        "||",
        "src",
        "nbsrv(b)",
        "srv_conn(b/s)",
        "-i",
        "-m",
        "ip",
        "--",
        "-f",
        "gt",
        "10:20",
        ":80",
        "127.0.0.1:80",
        "[::1]:80",
        "/x",
        "fd@3",
        "check",
        "inter",
        "5s",
        "weight",
        "300",
        "timeout",
        "client",
        "log",
        "stdout",
        "local0",
        "len",
        "format",
        "balance",
        "random(2)",
        "no",
        "default",
        "tcplog",
        "redispatch",
        "-1",
        "forwardfor",
        "except",
        "10.0.0.0/8",
        "httpchk",
        "capture",
        "request",
        "header",
        "X",
        "maxconn",
        "nbthread",
        "tidegate.io-engine",
        "stats",
        "socket",
        "level",
        "admin",
        "mode",
        "http",
        ".if",
        ".elif",
        ".else",
        ".endif",
        ".alert",
        "1",
        "defined(X)",
        "(",
        "default-server",
        "hash-type",
        "tcp-check",
        "expect",
        "string",
        "source",
        "usesrc",
        "\"",
        "\"$X\"",
        "\"${X[*]}\"",
        "'",
        "\\",
        "#",
        "\n",
        "\n",
        "\n",
        "\n",
        "é",
        "\u{fffd}",
        "\0",
        "\r",
    ];
    prop::collection::vec(prop::sample::select(WORDS), 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let sources = [Source::from_bytes("any", &bytes)];
        load(&sources, &|_: &str| None).report(1, &sources);
    }

    #[test]
    fn any_words_are_read(text in plausible()) {
        let sources = [Source::new("any", text)];
        let parsed = load(&sources, &|name: &str| (name == "X").then(|| "a b".to_string()));
        let report = parsed.report(1, &sources);
        prop_assert_eq!(parsed.has_alerts(), report.contains("Fatal errors found"));
    }
}
