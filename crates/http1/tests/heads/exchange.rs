//! The table of transitions: every kind of request with every kind of response, under every policy.

use http1::{ConnectionOption, Exchange, Limits, Persistence, Policy, Reply, Request, Response, Status};

const KEEP: Policy = Policy { front: Persistence::Keep, back: Persistence::Keep };
const SERVER_CLOSE: Policy = Policy { front: Persistence::Keep, back: Persistence::Close };
const CLOSE: Policy = Policy { front: Persistence::Close, back: Persistence::Close };

const REQUESTS: [(&str, &str); 8] = [
    ("1.1", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("1.1 close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    ("1.0", "GET / HTTP/1.0\r\n\r\n"),
    ("1.0 keep", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    ("content", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n"),
    ("head", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("connect", "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"),
    ("upgrade", "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
];

const RESPONSES: [(&str, &str); 9] = [
    ("length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    ("chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("until close", "HTTP/1.1 200 OK\r\n\r\n"),
    ("close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"),
    ("1.0", "HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n"),
    ("204", "HTTP/1.1 204 No Content\r\n\r\n"),
    ("403", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
    ("100", "HTTP/1.1 100 Continue\r\n\r\n"),
    ("101", "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
];

fn begin(bytes: &str, policy: Policy) -> Exchange {
    let mut request = Request::new(Limits::default());
    request.read(bytes.as_bytes());
    Exchange::begin(&request, policy)
}

fn answer(exchange: &mut Exchange, bytes: &str) -> Result<Reply, http1::Refusal> {
    let mut response = Response::new(Limits::default());
    response.read(bytes.as_bytes());
    exchange.on_response(&mut response)
}

/// `connection` lines to the server and to the client, then what becomes of the front and of the back.
fn row(request: &str, response: &str, policy: Policy) -> String {
    let line = |option| match option {
        ConnectionOption::Silent => "-",
        ConnectionOption::Close => "close",
        ConnectionOption::KeepAlive => "keep-alive",
    };
    let mut exchange = begin(request, policy);
    let asked = line(exchange.request_option());
    let (told, how) = match answer(&mut exchange, response) {
        Err(_) => return format!("{asked} | refused"),
        Ok(Reply::Interim) => return format!("{asked} | interim"),
        Ok(Reply::Suppressed) => return format!("{asked} | suppressed"),
        Ok(Reply::Tunnel) => return format!("{asked} | tunnel"),
        Ok(Reply::Final { is_unwrapped, connection, .. }) => {
            (line(connection), if is_unwrapped { " unwrapped" } else { "" })
        }
    };
    exchange.on_request_end();
    exchange.on_response_end();
    let after = exchange.after().expect("both messages are complete");
    format!("{asked} | {told}{how} | {:?} {:?}", after.front, after.back).to_lowercase()
}

fn table(policy: Policy) -> String {
    let rows = REQUESTS.iter().flat_map(|(asked, request)| {
        RESPONSES.iter().map(move |(told, response)| format!("{asked}, {told}: {}\n", row(request, response, policy)))
    });
    rows.collect()
}

/// `option http-keep-alive`. The lines to both sides and the fates of both are those of RFC 9112 §9.3, written by hand.
#[test]
fn keep_alive() {
    let expected = "
1.1, length: - | - | keep keep
1.1, chunked: - | - | keep keep
1.1, until close: - | close | close close
1.1, close: - | - | keep close
1.1, 1.0: - | keep-alive | keep close
1.1, 204: - | - | keep keep
1.1, 403: - | - | keep keep
1.1, 100: - | interim
1.1, 101: - | refused
1.1 close, length: - | close | close keep
1.1 close, chunked: - | close | close keep
1.1 close, until close: - | close | close close
1.1 close, close: - | close | close close
1.1 close, 1.0: - | - | close close
1.1 close, 204: - | close | close keep
1.1 close, 403: - | close | close keep
1.1 close, 100: - | interim
1.1 close, 101: - | refused
1.0, length: keep-alive | close | close keep
1.0, chunked: keep-alive | close unwrapped | close keep
1.0, until close: keep-alive | close | close close
1.0, close: keep-alive | close | close close
1.0, 1.0: keep-alive | - | close close
1.0, 204: keep-alive | close | close keep
1.0, 403: keep-alive | close | close keep
1.0, 100: keep-alive | suppressed
1.0, 101: keep-alive | refused
1.0 keep, length: keep-alive | keep-alive | keep keep
1.0 keep, chunked: keep-alive | close unwrapped | close keep
1.0 keep, until close: keep-alive | close | close close
1.0 keep, close: keep-alive | keep-alive | keep close
1.0 keep, 1.0: keep-alive | keep-alive | keep close
1.0 keep, 204: keep-alive | keep-alive | keep keep
1.0 keep, 403: keep-alive | keep-alive | keep keep
1.0 keep, 100: keep-alive | suppressed
1.0 keep, 101: keep-alive | refused
content, length: - | - | keep keep
content, chunked: - | - | keep keep
content, until close: - | close | close close
content, close: - | - | keep close
content, 1.0: - | keep-alive | keep close
content, 204: - | - | keep keep
content, 403: - | - | keep keep
content, 100: - | interim
content, 101: - | refused
head, length: - | - | keep keep
head, chunked: - | - | keep keep
head, until close: - | - | keep keep
head, close: - | - | keep close
head, 1.0: - | keep-alive | keep close
head, 204: - | - | keep keep
head, 403: - | - | keep keep
head, 100: - | interim
head, 101: - | refused
connect, length: - | tunnel
connect, chunked: - | tunnel
connect, until close: - | tunnel
connect, close: - | tunnel
connect, 1.0: - | tunnel
connect, 204: - | tunnel
connect, 403: - | - | keep keep
connect, 100: - | interim
connect, 101: - | refused
upgrade, length: - | - | keep keep
upgrade, chunked: - | - | keep keep
upgrade, until close: - | close | close close
upgrade, close: - | - | keep close
upgrade, 1.0: - | keep-alive | keep close
upgrade, 204: - | - | keep keep
upgrade, 403: - | - | keep keep
upgrade, 100: - | interim
upgrade, 101: - | tunnel
";
    assert_eq!(table(KEEP), expected.trim_start());
}

/// `option http-server-close` and `option httpclose`: as without, but closed where it says so.
#[test]
fn policies_only_close() {
    for (request_name, request) in REQUESTS {
        for (response_name, response) in RESPONSES {
            let name = format!("{request_name}, {response_name}");
            let kept = row(request, response, KEEP);
            let server_close = row(request, response, SERVER_CLOSE);
            let close = row(request, response, CLOSE);
            if kept.ends_with("keep") || kept.ends_with("close") {
                assert!(server_close.ends_with(" close"), "{name}: {server_close}");
                assert!(close.ends_with("close close"), "{name}: {close}");
                let front =
                    |row: &str| row.rsplit_once(' ').map(|(front, _)| front.rsplit(' ').next().map(str::to_owned));
                assert_eq!(front(&server_close), front(&kept), "{name}");
            }
            let asked = if request.contains("HTTP/1.0") || request_name == "upgrade" { "-" } else { "close" };
            assert_eq!(server_close.split(' ').next(), Some(asked), "{name}");
        }
    }
}

#[test]
fn a_response_before_its_request_is_complete() {
    let post = REQUESTS[4].1;
    let mut relayed = begin(post, KEEP);
    answer(&mut relayed, RESPONSES[6].1).expect("a response");
    assert_eq!(relayed.after(), None, "the rest of the request is still content");
    relayed.on_request_end();
    let after = relayed.after().expect("over");
    assert_eq!((after.front, after.back), (Persistence::Keep, Persistence::Keep));

    let mut abandoned = begin(post, KEEP);
    answer(&mut abandoned, RESPONSES[6].1).expect("a response");
    abandoned.abandon_request();
    let after = abandoned.after().expect("over");
    assert_eq!((after.front, after.back), (Persistence::Close, Persistence::Close));
}

#[test]
fn no_tunnel_before_the_request_is_complete() {
    let request = "POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 9\r\n\r\n";
    let mut exchange = begin(request, KEEP);
    assert!(answer(&mut exchange, RESPONSES[8].1).is_err());
    let mut exchange = begin(request, KEEP);
    exchange.on_request_end();
    assert_eq!(answer(&mut exchange, RESPONSES[8].1), Ok(Reply::Tunnel));
    assert!(exchange.is_tunnel());
}

#[test]
fn our_own_responses() {
    let mut exchange = begin(REQUESTS[0].1, KEEP);
    assert_eq!(exchange.on_own_response(), ConnectionOption::Silent);
    assert_eq!(exchange.after().map(|after| after.front), Some(Persistence::Keep));
    let mut exchange = begin(REQUESTS[4].1, KEEP);
    assert_eq!(exchange.on_own_response(), ConnectionOption::Close, "content is outstanding");
    let mut exchange = begin(REQUESTS[3].1, KEEP);
    assert_eq!(exchange.on_own_response(), ConnectionOption::KeepAlive);
    let mut exchange = begin(REQUESTS[0].1, KEEP);
    exchange.close_front();
    assert_eq!(exchange.on_own_response(), ConnectionOption::Close);
}

#[test]
#[should_panic(expected = "a request has one response")]
fn no_page_behind_a_response() {
    let mut exchange = begin(REQUESTS[0].1, KEEP);
    answer(&mut exchange, RESPONSES[0].1).expect("a response");
    exchange.on_own_response();
}

#[test]
fn an_upgrade_that_a_rule_removes_is_not_asked_for() {
    let bytes = REQUESTS[7].1.as_bytes();
    let mut request = Request::new(Limits::default());
    request.read(bytes);
    assert_eq!(request.fields_mut().delete(bytes, b"upgrade"), Ok(1));
    let mut exchange = Exchange::begin(&request, SERVER_CLOSE);
    assert_eq!(exchange.request_option(), ConnectionOption::Close);
    let mut buffer = [0; 256];
    let size = request.write(bytes, exchange.request_option(), &mut buffer).expect("room");
    assert_eq!(buffer[..size], *b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    assert!(answer(&mut exchange, RESPONSES[8].1).is_err());
}

#[test]
fn pages_end_what_they_must() {
    let front = |request: &str, status: Status| {
        let mut exchange = begin(request, KEEP);
        let mut buffer = [0; 512];
        let size = exchange.answer(status.page(), &mut buffer).expect("room");
        let says_close = buffer[..size].windows(17).any(|window| window == b"connection: close");
        let after = exchange.after().expect("over");
        assert_eq!(says_close, after.front == Persistence::Close, "{status:?}");
        after.front
    };
    assert_eq!(front(REQUESTS[0].1, Status::Forbidden), Persistence::Keep);
    assert_eq!(front(REQUESTS[0].1, Status::BadRequest), Persistence::Close);
    assert_eq!(front(REQUESTS[0].1, Status::RequestTimeout), Persistence::Close);
    assert_eq!(front(REQUESTS[1].1, Status::Forbidden), Persistence::Close);
    assert_eq!(front(REQUESTS[4].1, Status::Forbidden), Persistence::Close, "content is outstanding");
}
