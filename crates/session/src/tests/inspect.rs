//! Transcripts of sessions whose contents are inspected. The rules wait 500 ms for five bytes, take those that are not `EVIL…`,
//! and reject what stays shorter. Codes and order are those of HAProxy 2.6.12.

use super::*;
use table::{
    Acl, Action, Admission, Compare, Condition, Deed, Fetch, Inspection, Matcher, NumberRange, Part, Rule, Speaker,
    Term, Test, TextPatterns,
};

const INSPECTED: Setup = Setup { is_inspected: true, ..PLAIN };

/// Five bytes within 500 ms, and not these.
pub(super) fn rules() -> Admission {
    let rule = |action, part, matcher| {
        let test = Test::new(Fetch::Payload(Speaker::Client, part), matcher);
        let acl = Arc::new(Acl { name: "{ }".into(), tests: vec![test] });
        let condition = Condition { unless: false, alternatives: vec![vec![Term { negated: false, acl }]] };
        Rule { condition: Some(condition), deed: Deed::Decide(action) }
    };
    let evil = TextPatterns::new(Compare::Begin, false, [&b"EVIL"[..]]).expect("no expression");
    let five = NumberRange { least: Some(5), most: None };
    let rules = vec![
        rule(Action::Reject, Part::Slice { offset: 0, size: 5 }, Matcher::Text(evil)),
        rule(Action::Accept, Part::Length, Matcher::Numbers(vec![five])),
        Rule { condition: None, deed: Deed::Decide(Action::Reject) },
    ];
    let delay = Some(Duration::from_millis(500));
    Admission { content: Inspection { rules, delay }, ..Admission::default() }
}

/// A client that has said two bytes of five.
const BEGUN: &str = "
            recv front Soon
        1 received front A1
            recv front Later
";

/// What follows on [`BEGUN`].
fn check_begun(script: &str) {
    check(INSPECTED, &format!("{BEGUN}{script}"));
}

#[test]
fn what_is_inspected_is_what_the_server_hears_first() {
    check_begun(
        r#"
        2 received front _LOGIN
            connect back 203.0.113.1:110
        3 connected back
            send back "A1 LOGIN"
            recv back Later
        4 sent back 8
            recv front Later
        "#,
    );
}

#[test]
fn what_a_buffer_has_no_room_for_comes_second() {
    let (first, rest) = ("x".repeat(4), "y".repeat(1022));
    let (fitting, over) = rest.split_at(1020);
    check(
        INSPECTED,
        &format!(
            r#"
            recv front Soon
        1 received front {first}
            recv front Later
        2 received front {rest}
            connect back 203.0.113.1:110
        3 connected back
            send back "{first}{fitting}"
            recv back Later
        4 sent back 1024
            send back "{over}"
        5 sent back 2
            recv front Later
        "#
        ),
    );
}

#[test]
fn a_rejected_client_is_not_served() {
    check(
        INSPECTED,
        r#"
            recv front Soon
        1 received front EVIL!
            close front Orderly
            log PR -1/-1/1 in 5 out 0 retries 0 server none
        2 closed front
        "#,
    );
}

#[test]
fn waiting_ends_with_the_delay() {
    check_begun(
        r#"
        499 timeout
        500 timeout
            cancel front
        500 cancelled front
        500 stopped front
            close front Orderly
            log PR -1/-1/500 in 2 out 0 retries 0 server none
        501 closed front
        "#,
    );
}

#[test]
fn what_comes_with_the_last_moment_still_counts() {
    check_begun(
        r#"
        500 timeout
            cancel front
        500 received front _LOGIN
            connect back 203.0.113.1:110
        500 cancelled front
        501 connected back
            send back "A1 LOGIN"
            recv back Later
        "#,
    );
}

#[test]
fn waiting_ends_with_the_clients_last_byte() {
    check_begun(
        r#"
        2 ended front
            close front Orderly
            log PR -1/-1/2 in 2 out 0 retries 0 server none
        3 closed front
        "#,
    );
}

#[test]
fn a_client_that_leaves_meanwhile() {
    check(
        INSPECTED,
        r#"
            recv front Soon
        1 broken front
            close front Orderly
            log CR -1/-1/1 in 0 out 0 retries 0 server none
        2 closed front
        "#,
    );
}
