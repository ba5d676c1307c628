//! Transcripts of sessions that are told to end.

use super::*;

#[test]
fn told_to_end_it_ends_once_nothing_is_in_flight() {
    check_open(
        PLAIN,
        r#"
        2 shutdown D
            cancel front
            cancel back
        2 cancelled front
        2 cancelled back
        2 shutdown K
        2 stopped front
        2 stopped back
            close front Orderly
            close back Orderly
            log D- 0/1/2 in 0 out 0 retries 0 server s1
        3 closed front
        3 closed back
        3 shutdown K
        "#,
    );
}

/// A client that was promised bytes which will not come sees a reset.
#[test]
fn told_to_end_with_bytes_on_their_way() {
    check_open(
        PLAIN,
        r#"
        2 received back bye
            send front "bye"
        3 shutdown U
            cancel front
        3 cancelled front
        3 stopped front
        3 unsent front
            close front Reset
            close back Orderly
            log U- 0/1/3 in 0 out 3 retries 0 server s1
        4 closed front
        4 closed back
        "#,
    );
}

#[test]
fn told_to_end_while_it_connects() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 shutdown K
            cancel front
            cancel back
        2 cancelled front
        2 stopped front
        2 cancelled back
        2 connected back
            close front Orderly
            close back Orderly
            log KC 0/-1/2 in 0 out 0 retries 0 server s1
        3 closed front
        3 closed back
        "#,
    );
}

/// The failed attempt's socket is being closed already: nothing may follow a close.
#[test]
fn told_to_end_between_two_attempts() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 refused back
            close back Orderly
        2 shutdown D
            cancel front
        2 cancelled front
        2 stopped front
        3 closed back
            close front Orderly
            log DC 0/-1/3 in 0 out 0 retries 1 server s1
        4 closed front
        "#,
    );
}
