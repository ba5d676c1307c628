//! `stats` lines of proxies. Complaints are HAProxy 2.6.12's, as far as it has them.

use config::{Diagnostic, Level, Parsed, Source, load};
use std::time::Duration;

const DEFAULTS: &str = "defaults\n timeout client 1h\n timeout server 1h\n timeout connect 5s\n";

fn read(text: &str) -> Parsed {
    load(&[Source::new("c.cfg", format!("{DEFAULTS}{text}"))], &|_: &str| None)
}

/// Of a section that is a page, but for this line.
fn page(line: &str) -> Parsed {
    read(&format!("listen l\n mode http\n bind :10080\n stats enable\n {line}\n"))
}

fn sentences(parsed: &Parsed) -> Vec<String> {
    let sentence = |diagnostic: &Diagnostic| {
        let level = match diagnostic.level {
            Level::Alert => 'A',
            Level::Warning => 'W',
            Level::Notice => 'N',
            Level::Diag => 'D',
        };
        format!("{level}{} {}", diagnostic.span.map_or(0, |span| span.line), diagnostic.message)
    };
    parsed.diagnostics.iter().map(sentence).collect()
}

#[test]
fn a_page_is_read() {
    let parsed = page(
        "stats uri /s\n stats realm My\\ farm\n stats auth op:secret\n stats auth b:\n stats scope be\n stats scope .\n stats refresh 5s\n \
         stats hide-version\n stats show-legends\n stats show-node\n stats show-desc two words\n acl near src 10.0.0.0/8\n \
         stats admin if near or LOCALHOST",
    );
    assert_eq!(sentences(&parsed), [""; 0]);
    let proxy = &parsed.tree.proxies[0];
    assert!(proxy.is_page());
    let page = proxy.settings.stats.as_ref().expect("it has one");
    assert_eq!(page.uri.as_ref().map(|uri| uri.as_str()), Some("/s"));
    assert_eq!((page.realm.as_deref(), page.description.as_deref()), (Some("My farm"), Some("two words")));
    assert_eq!(
        (&page.accounts[..], page.refresh),
        (&["op:secret".into(), "b:".into()][..], Some(Duration::from_secs(5)))
    );
    assert_eq!(page.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(), ["be", "."]);
    assert_eq!((page.hides_version, page.shows_legends, &page.node), (true, true, &Some(None)));
    assert_eq!(proxy.stats_admin.len(), 1);
}

/// Unlike other times it is in seconds.
#[test]
fn a_refresh_without_a_unit() {
    let refresh = |word: &str| {
        page(&format!("stats refresh {word}")).tree.proxies[0].settings.stats.as_ref().and_then(|page| page.refresh)
    };
    assert_eq!(
        [refresh("30"), refresh("30s"), refresh("500ms"), refresh("0")],
        [Some(30_000), Some(30_000), Some(500), None].map(|millis| millis.map(Duration::from_millis))
    );
}

#[test]
fn the_first_line_of_a_section_replaces_what_it_inherited() {
    let parsed = read(
        "defaults\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n stats auth a:b\nlisten one\n bind :1\nlisten two\n bind :2\n stats uri /\n",
    );
    let accounts = |index: usize| parsed.tree.proxies[index].settings.stats.as_ref().map(|page| page.accounts.len());
    assert_eq!([accounts(0), accounts(1)], [Some(1), Some(0)]);
}

#[test]
fn complaints() {
    let expects = "expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', 'show-desc' or \
                   'show-legends'.";
    for (line, expected) in [
        ("stats", format!("A9 missing keyword in 'stats', {expects}")),
        ("stats foo", format!("A9 unknown stats parameter 'foo', {expects}")),
        ("stats uri", "A9 'uri' needs an URI prefix.".into()),
        ("stats realm", "A9 'realm' needs an realm name.".into()),
        ("stats auth", "A9 'auth' needs a user:password account.".into()),
        ("stats scope", "A9 'scope' needs a proxy name.".into()),
        (
            "stats show-node a<b",
            "A9 'stats show-node' invalid node name - should be a string with digits(0-9), letters(A-Z, a-z), hyphen(-) or \
             underscode(_)."
                .into(),
        ),
        ("stats refresh x", "A9 unexpected character 'x' in argument to stats refresh interval.".into()),
        ("stats admin", "A9 'stats admin' requires either 'if' or 'unless' followed by a condition.".into()),
        ("stats admin if foo", "A9 error detected while parsing a 'stats admin' rule : no such ACL : 'foo'.".into()),
        ("stats show-desc", "W9 'show-desc' requires a parameter or 'desc' to be set in the global section.".into()),
        (
            "stats show-modules",
            "N9 'stats show-modules' has no effect in Tidegate: there are no modules with counters of their own".into(),
        ),
        (
            "stats http-request return status 200 if TRUE",
            "A9 'stats http-request return with what follows it' is not supported by Tidegate yet".into(),
        ),
        ("stats http-request deny if foo", "A9 error detected while parsing an 'http-request deny' condition : no such ACL : 'foo'.".into()),
    ] {
        assert!(sentences(&page(line)).contains(&expected), "{line}: {:?}", sentences(&page(line)));
    }
    let in_defaults = sentences(&read(" stats admin if TRUE\n"));
    assert_eq!(in_defaults, ["A5 'stats admin' not allowed in 'defaults' section."]);
    let in_defaults = sentences(&read(" stats http-request deny\n"));
    assert_eq!(in_defaults, ["A5 'stats' not allowed in 'defaults' section."]);
    let twice = sentences(&page("stats auth a:b\n stats http-request allow if TRUE"));
    assert_eq!(twice, ["A8 proxy 'l': stats 'auth'/'realm' and 'http-request' can't be used at the same time."]);
    let in_tcp = sentences(&read("listen l\n bind :1\n stats enable\n"));
    assert_eq!(in_tcp, ["W7 'stats' statement ignored for proxy 'l' as it requires HTTP mode."]);
}

/// What a section has to do with connections of the data path, whoever answers for the page.
#[test]
fn a_section_that_also_proxies() {
    for line in [
        "server s 127.0.0.1:80",
        "default_backend other",
        "use_backend other if TRUE",
        "tcp-request connection reject",
        "stats admin if { nbsrv(other) gt 1 }",
        "stats http-request auth unless TRUE",
    ] {
        let parsed =
            read(&format!("listen l\n mode http\n bind :10080\n stats enable\n {line}\nbackend other\n mode http\n"));
        assert_eq!(sentences(&parsed), [""; 0], "{line}");
        assert!(!parsed.tree.proxies[0].is_page(), "{line}");
    }
}
