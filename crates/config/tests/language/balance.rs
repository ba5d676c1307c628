//! Which server is chosen, and how often it is tried again.

use super::{read, sentences};
use config::{Balance, HashKey, Redispatch, UriExtent};

#[test]
fn balance_and_retries() {
    let balance = |word: &str| {
        let parsed = read(&format!("backend b\n mode http\n balance {word}\n"));
        match sentences(&parsed).pop() {
            Some(sentence) => Err(sentence.replace("A parsing [c.cfg:3] : ", "")),
            None => Ok(parsed.tree.proxies[0].settings.balance.clone().map(|balance| balance.value)),
        }
    };
    assert_eq!(balance("roundrobin"), Ok(Some(Balance::RoundRobin)));
    assert_eq!(balance("static-rr"), Ok(Some(Balance::StaticRoundRobin)));
    assert_eq!(balance("leastconn"), Ok(Some(Balance::LeastConn)));
    assert_eq!(balance("first"), Ok(Some(Balance::First)));
    assert_eq!(balance("source"), Ok(Some(Balance::Hash(HashKey::Source))));
    assert_eq!(balance("random"), Ok(Some(Balance::Random { draws: 2 })));
    assert_eq!(balance("random(3)"), Ok(Some(Balance::Random { draws: 3 })));
    assert_eq!(balance(""), Ok(None));
    assert_eq!(balance("random(0)"), Err("balance random : number of draws must be at least 1.".to_string()));
    assert_eq!(balance("random(x)"), Err("balance random : unexpected character 'x' after argument.".to_string()));
    let uri = |extent| Ok(Some(Balance::Hash(HashKey::Uri(extent))));
    assert_eq!(balance("uri"), uri(UriExtent::default()));
    let extent = UriExtent { size_max: 3, depth_max: 2, has_query: true, is_path_only: true };
    assert_eq!(balance("uri len 3 path-only depth 2 whole"), uri(extent));
    assert_eq!(balance("url_param id"), Ok(Some(Balance::Hash(HashKey::Parameter("id".into())))));
    let posted = Ok(Some(Balance::Hash(HashKey::PostedParameter("id".into()))));
    assert_eq!(balance("url_param id check_post"), posted);
    assert_eq!(balance("url_param id check_post 64"), posted);
    let field = |is_domain| Ok(Some(Balance::Hash(HashKey::Field { name: "Host".into(), is_domain })));
    assert_eq!(balance("hdr(Host)"), field(false));
    assert_eq!(balance("hdr(Host) use_domain_only"), field(true));
    let words = "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', 'hdr(name)' and \
                 'rdp-cookie(name)' options.";
    for (line, message) in [
        ("uri len 0", "balance uri : 'len' expects a positive integer (got '0')."),
        ("uri whole depth", "balance uri : 'depth' expects a positive integer (got '')."),
        ("uri x", "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got 'x')."),
        ("url_param", "balance url_param requires an URL parameter name."),
        ("url_param a x", "balance url_param only accepts 'check_post' modifier (got 'x')."),
        ("hdr", words),
        ("hdr()", "balance hdr requires an http header field name."),
        ("hdr(x", "balance hdr requires an http header field name."),
        ("hdr(x) y", "balance hdr(x) only accepts 'use_domain_only' modifier (got 'y')."),
        ("hash", "balance hash requires a sample expression."),
        ("hash src x", "balance hash takes no other argument (got 'x')."),
    ] {
        assert_eq!(balance(line).expect_err(line).split(" Hint").next(), Some(message), "{line}");
    }
    assert_eq!(balance("random("), Err("balance random : missing closing parenthesis.".to_string()));

    let redispatch = |line: &str| read(&format!("backend b\n {line}\n")).tree.proxies[0].settings.redispatch;
    assert_eq!(redispatch("option redispatch"), Redispatch::FromLast(1));
    assert_eq!(redispatch("option redispatch 2"), Redispatch::Every(2));
    assert_eq!(redispatch("option redispatch -3"), Redispatch::FromLast(3));
    assert_eq!(redispatch("option redispatch 0"), Redispatch::Off);
    assert_eq!(redispatch("option redispatch\n no option redispatch"), Redispatch::Off);
    assert_eq!(redispatch("default option redispatch"), Redispatch::Off);
}
