//! Transcripts of standing in the line for a server.

use super::*;

#[test]
fn one_who_waits_gets_the_place_of_one_who_leaves() {
    check(
        Setup { is_full: true, ..PLAIN },
        r#"
            recv front Soon
        100 received front A1
        200 left
            connect back 203.0.113.1:110
        201 connected back
            send back "A1"
            recv back Later
        202 broken back
            cancel back
        203 cancelled back
        203 unsent back
            close front Reset
            close back Reset
            log SD 200/1/203 in 2 out 0 retries 0 server s1
        204 closed back
        204 closed front
        "#,
    );
}

#[test]
fn waiting_has_an_end() {
    check(
        Setup { is_full: true, ..PLAIN },
        r#"
            recv front Soon
        499 timeout
        500 timeout
            cancel front
        501 left
        502 stopped front
        502 cancelled front
            close front Orderly
            log sQ 502/-1/502 in 0 out 0 retries 0 server none
        503 closed front
        "#,
    );
}

/// Measured with HAProxy: one who leaves without a word is noticed; one who has said something is served first.
#[test]
fn a_client_may_leave_the_line() {
    check(
        Setup { is_full: true, ..PLAIN },
        r#"
            recv front Soon
        20 ended front
            close front Orderly
            log CQ 20/-1/20 in 0 out 0 retries 0 server none
        21 closed front
        "#,
    );
    check(
        Setup { is_full: true, ..PLAIN },
        r#"
            recv front Soon
        20 broken front
            close front Orderly
            log CQ 20/-1/20 in 0 out 0 retries 0 server none
        21 closed front
        "#,
    );
}
