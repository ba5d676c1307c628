//! How long a request is for conditions (`configuration.txt: req.len`): as long as HAProxy's own form of what has come of it.

use std::time::{Duration, Instant};

use super::Rig;
use e2e::Subject;

e2e::scenarios! {
    shared: [
        lengths_of_requests,
        conditions_wait_for_the_length,
    ],
    alone: [],
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const CHUNKS: &str =
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n";
const HEAD: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";

fn lengths_of_requests(subject: Subject) {
    let whole = format!("{HEAD}0123456789");
    let served = "HTTP/1.1 200 OK\r\n";
    for (rules, request, expected) in [
        ("tcp-request content reject unless { req.len 38 }", GET, served),
        ("tcp-request content reject unless { req.len 65 }", &whole, served),
        ("tcp-request content reject unless { req.len 74 }", CHUNKS, served),
        ("tcp-request content reject if { req.len gt 64 }", &whole, ""),
        ("tcp-request content reject if { req.len lt 39 }", GET, ""),
        ("tcp-request content accept if REQ_CONTENT\n tcp-request content reject", GET, served),
        ("http-request deny if { req.len gt 38 }", GET, served),
        (
            "http-request set-header X-Long y\n http-request deny if { req.len gt 38 }",
            GET,
            "HTTP/1.1 403 Forbidden\r\n",
        ),
        ("use_backend nobody if { req.len 38 }", GET, "HTTP/1.1 503 Service Unavailable\r\n"),
    ] {
        for delay in ["", "tcp-request inspect-delay 10s\n"] {
            let rig = Rig::of(
                subject,
                &format!(
                    "backend be\n server s @s@\n backend nobody\n frontend fe\n bind @fe@\n {delay} {rules}\n default_backend be\n"
                ),
            );
            let got = rig.ask(request);
            assert!(got.starts_with(expected) && got.is_empty() == expected.is_empty(), "{delay}{rules}: {got}");
        }
    }
}

/// A length that may still grow is waited for; then it is what it is.
fn conditions_wait_for_the_length(subject: Subject) {
    const DELAY: Duration = Duration::from_millis(400);
    let rules = "tcp-request inspect-delay 400ms\n tcp-request content reject if { req.len ge 65 }";
    let rig = Rig::new(subject, rules, "");
    let mut client = rig.proxy.connect("fe");
    let began = Instant::now();
    client.say(format!("{HEAD}01234"));
    assert_eq!(client.line(), "HTTP/1.1 200 OK", "it is not waited for any longer");
    assert!(began.elapsed() >= DELAY, "{:?}", began.elapsed());
    let mut client = rig.proxy.connect("fe");
    client.say(format!("{HEAD}01234"));
    client.say("56789");
    assert_eq!(client.to_end().0, b"", "it has grown");
    assert_eq!(rig.origin.seen().len(), 1);
}
