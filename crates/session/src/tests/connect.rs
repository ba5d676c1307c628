//! Transcripts of attempts to reach a server: refused, late, made again, elsewhere.

use super::*;

#[test]
fn the_proxy_header_goes_out_before_anything_else() {
    check(
        Setup { proxy_header: Some(ProxyHeader::V1), ..PLAIN },
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 received front A1
        2 connected back
            send back "PROXY TCP4 192.0.2.7 198.51.100.1 40000 110\\r\\n"
        3 sent back 45
            send back "A1"
            recv back Later
        "#,
    );
}

#[test]
fn a_server_that_refuses_is_tried_again_after_a_second() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 refused back
            close back Orderly
        2 closed back
        1000 timeout
        1001 timeout
            connect back 203.0.113.1:110
        1002 refused back
            cancel front
        1003 cancelled front
        1003 stopped front
            close front Orderly
            close back Orderly
            log SC 0/-1/1003 in 0 out 0 retries 1 server s1
        1004 closed front
        1004 closed back
        "#,
    );
}

#[test]
fn with_redispatch_another_server_is_tried_at_once() {
    check(
        Setup { servers: 2, redispatch: Some(Redispatch::Last(1)), ..PLAIN },
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1 refused back
            close back Orderly
        2 closed back
            connect back 203.0.113.2:110
        3 connected back
            recv back Later
        4 ended back
            finish front
        5 ended front
            close front Orderly
            close back Orderly
            log -- 2/1/5 in 0 out 0 retries +1 server s2
        6 closed front
        6 closed back
        "#,
    );
}

#[test]
fn a_connect_that_succeeds_while_it_is_cancelled_is_given_up_all_the_same() {
    check(
        PLAIN,
        r#"
            recv front Soon
            connect back 203.0.113.1:110
        1000 timeout
            cancel back
        1001 connected back
        1001 cancelled back
            close back Orderly
        1002 closed back
            connect back 203.0.113.1:110
        2002 timeout
            cancel front
            cancel back
        2003 unconnected back
        2003 cancelled back
        2003 cancelled front
        2003 stopped front
            close front Orderly
            close back Orderly
            log sC 0/-1/2003 in 0 out 0 retries 1 server s1
        2004 closed front
        2004 closed back
        "#,
    );
}
