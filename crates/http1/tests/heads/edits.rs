//! Edits: what rules do to a head between reading and writing.

use http1::{ConnectionOption, EditError, Fields, Limits, Progress, Refusal, Request, Response};

const REQUEST: &[u8] =
    b"GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nX-One: 1\r\nCookie: a\r\nx-one: 2\r\nContent-Length: 0\r\n\r\n";

fn request(bytes: &[u8]) -> Request {
    let mut request = Request::new(Limits::default());
    assert_eq!(request.read(bytes), Progress::Complete { head_size: bytes.len() });
    request
}

fn written(request: &Request, bytes: &[u8]) -> String {
    let mut buffer = [0; 16_384];
    let size = request.write(bytes, ConnectionOption::Silent, &mut buffer).expect("room");
    buffer[..size].escape_ascii().to_string()
}

/// Edits the fields of [`REQUEST`], and compares what comes behind its Host.
fn check(edit: impl FnOnce(&mut Fields) -> Result<usize, EditError>, expected: Result<usize, EditError>, lines: &str) {
    let mut request = request(REQUEST);
    assert_eq!(edit(request.fields_mut()), expected);
    let expected = format!("GET /a/b?c=d HTTP/1.1\r\nhost: example.org\r\n{}\r\n", lines.replace('|', "\r\n"));
    assert_eq!(written(&request, REQUEST), expected.as_bytes().escape_ascii().to_string());
}

const AS_IT_WAS: &str = "x-one: 1|cookie: a|x-one: 2|content-length: 0|";

#[test]
fn fields() {
    let ok = |result: Result<(), EditError>| result.map(|()| 0);
    let bytes = REQUEST;
    check(|_| Ok(0), Ok(0), AS_IT_WAS);
    check(|fields| ok(fields.add(b"X-Two", b" v ")), Ok(0), "x-one: 1|cookie: a|x-one: 2|content-length: 0|x-two: v|");
    check(|fields| ok(fields.set(bytes, b"X-ONE", b"3")), Ok(0), "cookie: a|content-length: 0|x-one: 3|");
    check(|fields| fields.delete(bytes, b"x-ONE"), Ok(2), "cookie: a|content-length: 0|");
    check(|fields| fields.delete(bytes, b"x-two"), Ok(0), AS_IT_WAS);
    check(
        |fields| fields.rename(bytes, b"X-One", b"X-Long-Name"),
        Ok(2),
        "x-long-name: 1|cookie: a|x-long-name: 2|content-length: 0|",
    );
    check(
        |fields| ok(fields.replace(bytes, b"x-one", 1, b"two")),
        Ok(0),
        "x-one: 1|cookie: a|x-one: two|content-length: 0|",
    );
    check(|fields| ok(fields.replace(bytes, b"x-one", 2, b"none")), Ok(0), AS_IT_WAS);
}

#[test]
fn nothing_that_makes_two_messages_of_one() {
    let ok = |result: Result<(), EditError>| result.map(|()| 0);
    let bytes = REQUEST;
    for value in [&b"a\r\nX: b"[..], b"a\n", b"\r", b"\0"] {
        check(|fields| ok(fields.add(b"x-two", value)), Err(EditError::Invalid), AS_IT_WAS);
        check(|fields| ok(fields.set(bytes, b"x-one", value)), Err(EditError::Invalid), AS_IT_WAS);
        check(|fields| ok(fields.replace(bytes, b"x-one", 0, value)), Err(EditError::Invalid), AS_IT_WAS);
    }
    for name in [&b""[..], b"a b", b"a:", b"a\r\n", b"a\0"] {
        check(|fields| ok(fields.add(name, b"v")), Err(EditError::Invalid), AS_IT_WAS);
        check(|fields| fields.rename(bytes, b"x-one", name), Err(EditError::Invalid), AS_IT_WAS);
    }
    for name in [&b"Content-Length"[..], b"transfer-encoding", b"Connection", b"Upgrade", b"Keep-Alive", b"te"] {
        check(|fields| ok(fields.add(name, b"v")), Err(EditError::Reserved), AS_IT_WAS);
        check(|fields| ok(fields.set(bytes, name, b"v")), Err(EditError::Reserved), AS_IT_WAS);
        check(|fields| fields.rename(bytes, b"x-one", name), Err(EditError::Reserved), AS_IT_WAS);
    }
    check(|fields| fields.delete(bytes, b"content-length"), Err(EditError::Reserved), AS_IT_WAS);
}

#[test]
fn the_first_line() {
    let bytes = REQUEST;
    let line = |edit: &dyn Fn(&mut Request) -> Result<(), EditError>| {
        let mut request = request(bytes);
        let before = written(&request, bytes);
        match edit(&mut request) {
            Ok(()) => written(&request, bytes).split("\\r").next().expect("a line").to_owned(),
            Err(error) => {
                assert_eq!(written(&request, bytes), before, "an edit that fails changes nothing");
                format!("{error:?}")
            }
        }
    };
    assert_eq!(line(&|request| request.set_method(b"DELETE")), "DELETE /a/b?c=d HTTP/1.1");
    assert_eq!(line(&|request| request.set_method(b"G T")), "Invalid");
    assert_eq!(line(&|request| request.set_method(b"HEAD")), "Reserved");
    assert_eq!(line(&|request| request.set_method(b"CONNECT")), "Reserved");
    assert_eq!(line(&|request| request.set_target(b"/x")), "GET /x HTTP/1.1");
    assert_eq!(line(&|request| request.set_target(b"/x HTTP/1.1\r\nA: b")), "Invalid");
    assert_eq!(line(&|request| request.set_target(b"*")), "Invalid");
    assert_eq!(line(&|request| request.set_path(bytes, b"/x")), "GET /x?c=d HTTP/1.1");
    assert_eq!(line(&|request| request.set_path(bytes, b"x")), "Invalid");
    assert_eq!(line(&|request| request.set_path_and_query(bytes, b"/x?y")), "GET /x?y HTTP/1.1");
    assert_eq!(line(&|request| request.set_query(bytes, b"y=z")), "GET /a/b?y=z HTTP/1.1");
}

#[test]
fn parts_of_targets() {
    for (target, path, query) in [
        ("/a/b?c=d", "/a/b", Some("c=d")),
        ("/a", "/a", None),
        ("/?", "/", Some("")),
        ("/a?b?c", "/a", Some("b?c")),
        ("http://h/a?b", "/a", Some("b")),
        ("http://h", "", None),
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes();
        let request = request(&bytes);
        assert_eq!(request.path(&bytes), path.as_bytes(), "{target}");
        assert_eq!(request.query(&bytes), query.map(str::as_bytes), "{target}");
    }
}

#[test]
fn an_absolute_target_keeps_its_authority() {
    let bytes = b"GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut request = request(bytes);
    request.set_path(bytes, b"/x").expect("a path");
    assert_eq!(request.target(bytes), b"http://h/x?b");
}

#[test]
fn limits_are_met() {
    let limits = Limits { received_size_max: 200, sent_size_max: 200, field_count_max: 3 };
    let bytes = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut request = Request::new(limits);
    assert_eq!(request.read(bytes), Progress::Complete { head_size: bytes.len() });
    let fields = request.fields_mut();
    assert_eq!(fields.add(b"a", &[b'x'; 200]), Err(EditError::NoRoom));
    assert_eq!(fields.set(bytes, b"host", &[b'x'; 200]), Err(EditError::NoRoom));
    assert_eq!(fields.replace(bytes, b"host", 0, &[b'x'; 200]), Err(EditError::NoRoom));
    assert_eq!(fields.rename(bytes, b"host", &[b'x'; 200]), Err(EditError::NoRoom));
    assert_eq!(fields.add(b"a", b"1"), Ok(()));
    assert_eq!(fields.add(b"b", b"2"), Ok(()));
    assert_eq!(fields.add(b"c", b"3"), Ok(()), "only what is received is counted");
    assert_eq!(fields.set(bytes, b"a", b"4"), Ok(()), "one goes, one comes");
    assert_eq!(request.set_target(&[b'/'; 200]), Err(EditError::NoRoom));
    assert_eq!(written(&request, bytes), r"GET / HTTP/1.1\r\nhost: h\r\nb: 2\r\nc: 3\r\na: 4\r\n\r\n");
}

#[test]
fn what_edits_allow_fits_when_it_is_written() {
    let limits = Limits { received_size_max: 200, sent_size_max: 200, field_count_max: 50 };
    let bytes = b"GET / HTTP/1.0\r\nHost: h\r\n\r\n";
    let mut request = Request::new(limits);
    assert_eq!(request.read(bytes), Progress::Complete { head_size: bytes.len() });
    while request.fields_mut().add(b"n", b"v").is_ok() {}
    let mut buffer = [0; 200];
    for option in [ConnectionOption::Silent, ConnectionOption::Close, ConnectionOption::KeepAlive] {
        request.write(bytes, option, &mut buffer).expect("the reserve is part of the sum");
    }
    let mut small = [0; 60];
    request.write(bytes, ConnectionOption::Silent, &mut small).expect_err("no room");
}

/// What is changed while a head is read finds no room either.
#[test]
fn a_head_that_may_be_received_but_not_sent() {
    let limits = Limits { received_size_max: 200, sent_size_max: 60, field_count_max: 9 };
    for head in [
        "OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 5\r\n\r\n",
        "GET http://host.example:80/ HTTP/1.1\r\nHost: host.example\r\n\r\n",
    ] {
        let mut request = Request::new(limits);
        assert_eq!(request.read(head.as_bytes()), Progress::Refused(Refusal::FieldsSize), "{head}");
    }
}

#[test]
fn a_head_that_was_cleared_reads_the_next() {
    let mut request = request(REQUEST);
    request.fields_mut().add(b"left", b"over").expect("room");
    request.clear();
    let next = b"POST /next HTTP/1.0\r\n\r\n";
    assert_eq!(request.read(next), Progress::Complete { head_size: next.len() });
    assert_eq!(written(&request, next), r"POST /next HTTP/1.0\r\n\r\n");
}

#[test]
fn statuses() {
    let bytes = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let mut response = Response::new(Limits::default());
    assert_eq!(response.read(bytes), Progress::Complete { head_size: bytes.len() });
    assert_eq!(response.set_status(204, b""), Err(EditError::Reserved));
    assert_eq!(response.set_status(100, b""), Err(EditError::Invalid));
    assert_eq!(response.set_status(503, b"a\r\nb"), Err(EditError::Invalid));
    assert_eq!(response.set_status(503, b"Slow Down"), Ok(()));
    assert_eq!((response.status(), response.reason(bytes)), (503, &b"Slow Down"[..]));
    assert_eq!(response.set_status(500, b""), Ok(()));
    assert_eq!(response.reason(bytes), b"Internal Server Error");
}
