//! Every keyword of HAProxy 2.6 is known: served, refused by name, or without effect; never "unknown".
//!
//! `keywords_2_6.txt` is what `haproxy -dKall` and the matrix of configuration.txt §4.1 list.

use config::{Source, load};

#[test]
fn all_keywords_are_known() {
    let mut unknown = Vec::new();
    for entry in include_str!("keywords_2_6.txt").lines() {
        let (kind, keyword) = entry.split_once(' ').expect("a kind and a keyword");
        let text = match kind {
            "global" => format!("global\n    {keyword}\n"),
            "proxy" => format!("listen l\n    {keyword}\n"),
            "option" => format!("listen l\n    option {keyword}\n"),
            "timeout" => format!("listen l\n    timeout {keyword} 1s\n"),
            "bind" => format!("listen l\n    bind :1 {keyword} 1\n"),
            "server" => format!("listen l\n    server s 127.0.0.1:1 {keyword} 1\n"),
            other => panic!("{other} is no kind"),
        };
        let parsed = load(&[Source::new("k.cfg", text)], &|_: &str| None);
        let complaint = format!("unknown keyword '{keyword}'");
        let option = format!("unknown option '{keyword}'");
        let timeout = format!("(got '{keyword}')");
        let is_unknown = |message: &str| {
            message.contains(&complaint) || message.contains(&option) || kind == "timeout" && message.contains(&timeout)
        };
        if parsed.diagnostics.iter().any(|diagnostic| is_unknown(&diagnostic.message)) {
            unknown.push(entry);
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}
