//! Transcripts of sessions whose server is listened to by rules first. They wait 500 ms for what begins with `GOOD`, end the
//! server's side of what begins with `SHUT`, and reject everything else. Codes and order are those of HAProxy 2.6.12.

use super::*;
use table::{
    Acl, BackendRules, Compare, Condition, Deed, Fetch, Inspection, Matcher, Part, ResponseAction, Rule, Speaker, Term,
    Test, TextPatterns,
};

const REVIEWED: Setup = Setup { is_reviewed: true, ..PLAIN };

pub(super) fn rules() -> BackendRules {
    let begins = |text: &[u8], action| {
        let matcher = Matcher::Text(TextPatterns::new(Compare::Begin, false, [text]).expect("no expression"));
        let test = Test::new(Fetch::Payload(Speaker::Server, Part::Slice { offset: 0, size: 4 }), matcher);
        let acl = Arc::new(Acl { name: "{ }".into(), tests: vec![test] });
        let condition = Condition { unless: false, alternatives: vec![vec![Term { negated: false, acl }]] };
        Rule { condition: Some(condition), deed: Deed::Decide(action) }
    };
    let rules = vec![
        begins(b"GOOD", ResponseAction::Accept),
        begins(b"SHUT", ResponseAction::Close),
        Rule { condition: None, deed: Deed::Decide(ResponseAction::Reject) },
    ];
    let delay = Some(Duration::from_millis(500));
    BackendRules { response: Inspection { rules, delay }, ..BackendRules::default() }
}

#[test]
fn what_is_accepted_is_sent_whole_while_the_client_is_heard() {
    check_open(
        REVIEWED,
        r#"
        2 received back GO
            recv back Later
        3 received front A1
            send back "A1"
        4 received back OD_day
            send front "GOOD day"
        5 sent back 2
            recv front Later
        6 sent front 8
            recv back Later
        7 received back more
            send front "more"
        "#,
    );
}

#[test]
fn what_a_buffer_has_no_room_for_comes_second() {
    let fitting = "y".repeat(1020);
    check_open(
        REVIEWED,
        &format!(
            r#"
        2 received back GO
            recv back Later
        3 received back OD{fitting}zz
            send front "GOOD{fitting}"
        4 sent front 1024
            send front "zz"
        5 sent front 2
            recv back Later
        "#
        ),
    );
}

#[test]
fn a_rejected_server_is_not_heard() {
    check_open(
        REVIEWED,
        r#"
        2 received back BAD!
            cancel front
        3 cancelled front
        3 stopped front
            close front Orderly
            close back Orderly
            log PD 0/1/3 in 0 out 4 retries 0 server s1
        4 closed front
        4 closed back
        "#,
    );
}

#[test]
fn a_server_that_is_closed_is_heard_to_here() {
    check_open(
        REVIEWED,
        r#"
        2 received back SHUT_up
            send front "SHUT up"
        3 sent front 7
            cancel front
        4 cancelled front
        4 stopped front
            close front Orderly
            close back Reset
            log -- 0/1/4 in 0 out 7 retries 0 server s1
        5 closed front
        5 closed back
        "#,
    );
}

#[test]
fn silence_ends_with_the_delay() {
    check_open(
        REVIEWED,
        r#"
        500 timeout
        501 timeout
            cancel front
            cancel back
        502 cancelled front
        502 stopped front
        502 cancelled back
        502 stopped back
            close front Orderly
            close back Orderly
            log PD 0/1/502 in 0 out 0 retries 0 server s1
        503 closed front
        503 closed back
        "#,
    );
}

#[test]
fn what_came_before_the_delay_was_over_is_judged_as_it_is() {
    check_open(
        REVIEWED,
        r#"
        2 received back GO
            recv back Later
        501 timeout
            cancel back
        501 received back OD
            send front "GOOD"
        501 cancelled back
        502 sent front 4
            recv back Later
        "#,
    );
}

#[test]
fn a_server_that_ends_is_judged_by_what_it_said() {
    check_open(
        REVIEWED,
        r#"
        2 received back GO
            recv back Later
        3 ended back
            cancel front
        4 cancelled front
        4 stopped front
            close front Orderly
            close back Orderly
            log PD 0/1/4 in 0 out 2 retries 0 server s1
        5 closed front
        5 closed back
        "#,
    );
}
