//! ACLs and the conditions that are made of them.

use super::{check, front, read, sentences};
use config::{Expression, Fetch, Method, Number, Operand, Patterns, Predefined, Range, Test};

fn acl(words: &str) -> Result<Test, String> {
    let parsed = read(&front(&format!("acl x {words}")));
    match sentences(&parsed).pop() {
        Some(sentence) => Err(sentence.replace("A parsing [c.cfg:8] : error detected while parsing ACL 'x' : ", "")),
        None => Ok(parsed.tree.proxies[0].acls[0].test.clone()),
    }
}

fn ranges(words: &str) -> Vec<(i64, i64)> {
    match acl(words) {
        Ok(Test::Sample { ref matching, .. }) if let Patterns::Ranges(ranges) = &matching.patterns => {
            ranges.iter().map(|Range { first, last }| (*first, *last)).collect()
        }
        other => panic!("{words}: {other:?}"),
    }
}

#[test]
fn acls_on_numbers() {
    let (low, high) = (i64::MIN, i64::MAX);
    assert_eq!(ranges("src_port 25"), [(25, 25)]);
    assert_eq!(ranges("src_port eq 1 2 3"), [(1, 1), (2, 2), (3, 3)]);
    assert_eq!(ranges("src_port gt 10"), [(11, high)]);
    assert_eq!(ranges("src_port ge 10"), [(10, high)]);
    assert_eq!(ranges("src_port lt 10"), [(low, 9)]);
    assert_eq!(ranges("src_port le 10"), [(low, 10)]);
    assert_eq!(ranges("dst_port 1:2 5"), [(1, 2), (5, 5)]);
    assert_eq!(ranges("dst_port 10:"), [(10, high)]);
    assert_eq!(ranges("dst_port :10"), [(low, 10)]);
    assert_eq!(ranges("dst_port 1 gt 5"), [(1, 1), (6, high)]);
    assert_eq!(ranges("nbsrv(b) lt 2"), [(low, 1)]);
    assert_eq!(ranges("be_conn(b) gt 99999999999"), [(100_000_000_000, high)]);
    assert_eq!(ranges("src_port -- -5"), [(-5, -5)]);
    assert_eq!(ranges("srv_is_up(b/s) 0"), [(0, 0)]);
    assert_eq!(ranges("dst_port --"), []);
    for (words, expect) in [
        ("nbsrv(b) -m bool", Method::Boolean),
        ("srv_is_up(b/s)", Method::Boolean),
        ("always_true", Method::Boolean),
        ("src_port -m found", Method::Found),
    ] {
        let Ok(Test::Sample { matching, .. }) = acl(words) else { panic!("{words} is a test") };
        assert_eq!((matching.method, matching.patterns), (expect, Patterns::None), "{words}");
    }
}

#[test]
fn acls_on_addresses() {
    let networks = |words: &str| match acl(words) {
        Ok(Test::Sample { ref matching, .. }) if let Patterns::Networks(networks) = &matching.patterns => {
            networks.iter().map(|net| format!("{}/{}", net.address, net.prefix)).collect::<Vec<_>>()
        }
        other => panic!("{words}: {other:?}"),
    };
    assert_eq!(networks("src 10.1.2.3/8 ::1"), ["10.0.0.0/8", "::1/128"]);
    assert_eq!(networks("dst -i -n -m ip -- 10.0.0.0/255.0.0.0"), ["10.0.0.0/8"]);
}

#[test]
fn acl_complaints() {
    let table = [
        ("", "missing fetch method in ACL expression ''."),
        ("foo 1", "unknown fetch method 'foo' in ACL expression 'foo'."),
        ("-i src 1.1.1.1", "unknown fetch method '-i' in ACL expression '-i'."),
        ("src foo", "'foo' is not a valid IPv4 or IPv6 address."),
        ("src 1.2.3.4/", "'1.2.3.4/' is not a valid IPv4 or IPv6 address."),
        ("src_port x", "'x' is not a number."),
        ("src_port lt x", "'x' is neither a number nor a supported operator."),
        ("src_port 10:5", "'10:5' is not a valid number range."),
        ("src_port :", "':' is not a valid number range."),
        ("src -m foo 1.1.1.1", "unknown matching method 'foo' when parsing ACL expression."),
        ("src -z 1.1.1.1", "'-z' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'."),
        ("nbsrv(b lt 2", "fetch method 'nbsrv' : expected ')' in ACL expression 'nbsrv(b'."),
        ("nbsrv(b)x lt 2", "missing comma after fetch keyword 'nbsrv' in ACL expression 'nbsrv(b)x'."),
        ("nbsrv(b,c) 1", "fetch method 'nbsrv' : expected ')' before ',c)' in ACL expression 'nbsrv(b,c)'."),
        ("src(b) 1.1.1.1", "fetch method 'src' : expected ')' before 'b)' in ACL expression 'src(b)'."),
        ("src", "W parsing acl keyword 'src' :"),
        (
            "req.payload(0,3) abc",
            "matching method must be specified first (using '-m') when using a sample fetch of this type ('req.payload').",
        ),
        (
            "req.payload(0) -m str abc",
            "fetch method 'req.payload' : missing arguments (got 1/2), type 'integer' expected in ACL expression \
             'req.payload(0)'.",
        ),
        (
            "req.payload -m str abc",
            "fetch method 'req.payload' : expected type 'integer' at position 1, but got nothing in ACL expression \
             'req.payload'.",
        ),
        (
            "req.payload(x,3) -m str abc",
            "fetch method 'req.payload' : failed to parse 'x' as type 'integer' at position 1 in ACL expression \
             'req.payload(x,3)'.",
        ),
        (
            "req.payload(0,3,4) -m str abc",
            "fetch method 'req.payload' : expected ')' before ',4)' in ACL expression 'req.payload(0,3,4)'.",
        ),
        ("req.payload_lv(0,2,+3) -m bin abc", "an even number of hex digit is expected."),
        ("req.payload(0,3) -m bin xyzz", "an hex digit is expected (found 'x')."),
        ("src,foo 1.2.3.4", "unknown converter 'foo' in ACL expression 'src,foo'."),
        (
            "src,lower(3) x",
            "invalid arg 1 in converter 'lower' : expected ')' before '3)' in ACL expression 'src,lower(3)'.",
        ),
        (
            "src,field x",
            "invalid arg 1 in converter 'field' : expected type 'integer' at position 1, but got nothing in ACL \
             expression 'src,field'.",
        ),
        (
            "src,ipmask(33) 1.2.3.4",
            "invalid arg 1 in converter 'ipmask' : failed to parse '33' as type 'IPv4 mask' at position 1 in ACL \
             expression 'src,ipmask(33)'.",
        ),
        (
            "str(a),word(1) 1",
            "invalid arg 2 in converter 'word' : missing arguments (got 1/2), type 'string' expected in ACL expression \
             'str(a),word(1)'.",
        ),
        (
            "str(a),field(0,.) b",
            "invalid args in converter 'field' : Unexpected value 0 for index in ACL expression 'str(a),field(0,.)'.",
        ),
        (
            "str(a),add(x) 1",
            "invalid args in converter 'add' : expects an integer or a variable name in ACL expression 'str(a),add(x)'.",
        ),
        ("req.ssl_ver 3.x", "'3.x' is not a dotted number."),
        ("req.ssl_hello_type x", "'x' is not a number."),
        ("str(a) -m len x", "'x' is not a number."),
        ("req.ssl_sni -m dot x", "unknown matching method 'dot' when parsing ACL expression."),
        ("str(a),lower", "W parsing acl keyword 'str(a),lower' :"),
        ("str(a", "fetch method 'str' : expected ')' in ACL expression 'str(a'."),
    ];
    for (words, expected) in table {
        assert_eq!(acl(words).expect_err(words), expected, "{words}");
    }
}

#[test]
fn acl_references() {
    let table = [
        (
            "nbsrv lt 2",
            "proxy 'f', referenced in arg 1 of ACL keyword 'nbsrv' in proxy 'f', has not backend capability.",
        ),
        ("be_conn(f) 1", "unable to find backend 'f' referenced in arg 1 of ACL keyword 'be_conn' in proxy 'f'."),
        ("fe_conn(b) 1", "unable to find frontend 'b' referenced in arg 1 of ACL keyword 'fe_conn' in proxy 'f'."),
        ("srv_conn 1", "missing server name in arg 1 of ACL keyword 'srv_conn' in proxy 'f'."),
        ("srv_conn(zz/s) 1", "unable to find proxy 'zz' referenced in arg 1 of ACL keyword 'srv_conn' in proxy 'f'."),
        (
            "srv_is_up(b/zz)",
            "unable to find server 'zz' in proxy 'b', referenced in arg 1 of ACL keyword 'srv_is_up' in proxy 'f'.",
        ),
        (
            "srv_is_up(s)",
            "unable to find server 's' in proxy 'f', referenced in arg 1 of ACL keyword 'srv_is_up' in proxy 'f'.",
        ),
    ];
    for (words, expected) in table {
        check(&front(&format!("acl x {words}")), &[&format!("A parsing [c.cfg:8]: {expected}")]);
        check(&front(&format!("use_backend b if {{ {words} }}")), &[&format!("A parsing [c.cfg:8]: {expected}")]);
    }
    check(&front("acl x fe_conn gt 1\n acl x srv_conn(b/s) gt 1"), &[]);
}

#[test]
fn conditions() {
    let parsed = read(&front(
        "acl near src 10.0.0.0/8\n acl TRUE src 1.1.1.1\n \
         use_backend b if near !FALSE or ! { src_port lt 1024 } || TRUE !!LOCALHOST\n use_backend b unless near\n \
         use_backend b",
    ));
    assert_eq!(sentences(&parsed), Vec::<String>::new());
    let [first, second, third] = &parsed.tree.proxies[0].rules[..] else { panic!("three rules") };
    let condition = first.condition.as_ref().expect("it has a condition");
    let is_port = |expression: &Expression| matches!(expression.fetch, Fetch::Number(Number::Port(_)));
    let terms: Vec<Vec<(bool, String)>> = condition
        .any_of
        .iter()
        .map(|terms| {
            let show = |operand: &Operand| match operand {
                Operand::Named(name) => name.clone(),
                Operand::Predefined(predefined) => format!("{predefined:?}"),
                Operand::Anonymous(Test::Sample { expression, .. }) if is_port(expression) => "port".to_string(),
                Operand::Anonymous(_) | Operand::Unserved => "other".to_string(),
            };
            terms.iter().map(|term| (term.is_negated, show(&term.operand))).collect()
        })
        .collect();
    let term = |is_negated: bool, name: &str| (is_negated, name.to_string());
    assert_eq!(
        terms,
        [
            vec![term(false, "near"), term(true, "False")],
            vec![term(true, "port")],
            vec![term(false, "TRUE"), term(false, "Localhost")]
        ],
        "an ACL of one's own goes before a predefined one"
    );
    assert!(second.condition.as_ref().is_some_and(|condition| condition.is_unless));
    assert!(third.condition.is_none());
    assert_eq!(Predefined::True, Predefined::True);

    let table = [
        ("if nosuch", "error detected while parsing switching rule : no such ACL : 'nosuch'."),
        ("if TRUE and TRUE", "error detected while parsing switching rule : no such ACL : 'and'."),
        ("if {src 10.0.0.1}", "error detected while parsing switching rule : no such ACL : '{src'."),
        ("if { }", "error detected while parsing switching rule : missing fetch method in ACL expression ''."),
        ("when TRUE", "unexpected keyword 'when' after switching rule, only 'if' and 'unless' are allowed."),
    ];
    for (words, expected) in table {
        check(&front(&format!("use_backend b {words}")), &[&format!("A parsing [c.cfg:8] : {expected}")]);
    }
}
