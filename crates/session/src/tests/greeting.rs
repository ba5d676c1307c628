//! Transcripts of clients whose PROXY header comes first.

use super::*;

#[test]
fn a_greeting_in_pieces_names_the_client() {
    check(
        Setup { accept_proxy: true, proxy_header: Some(ProxyHeader::V1), ..PLAIN },
        r#"
            recv front Soon
        1 received front PROXY_TCP4_10.0.0.1_10.0.0.2_
            recv front Later
        2 received front 1000_143\r\nHELO
            connect back 203.0.113.1:110
        3 connected back
            send back "PROXY TCP4 10.0.0.1 10.0.0.2 1000 143\\r\\n"
        4 sent back 39
            send back "HELO"
            recv back Later
        "#,
    );
}

#[test]
fn a_greeting_that_is_none_ends_the_session_at_once() {
    check(
        Setup { accept_proxy: true, ..PLAIN },
        r#"
            recv front Soon
        1 received front EHLO
            close front Orderly
            log Received something which does not look like a PROXY protocol header
        2 closed front
        "#,
    );
}

#[test]
fn a_greeting_that_never_comes_is_waited_for_as_long_as_a_client_may_be_silent() {
    check(
        Setup { accept_proxy: true, ..PLAIN },
        r#"
            recv front Soon
        29999 timeout
        30000 timeout
            cancel front
        30001 stopped front
        30001 cancelled front
            close front Orderly
            log Timeout while waiting for PROXY protocol header
        30002 closed front
        "#,
    );
}
