//! What else operators say of messages: the order of sections, conditions, logs.

use super::{BACKEND, Rig, get, page};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        words_of_operators,
    ],
    alone: [],
}

/// `configuration.txt: errorfile, errorloc302, errorloc303, monitor-uri, monitor fail`.
fn words_of_operators(subject: Subject) {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("room for a page");
        path.display().to_string()
    };
    let old =
        file("403", "HTTP/1.0 403 Not You\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n<html>403\n</html>\n");
    let bare = file("404", "HTTP/1.1 404 Not Here\nX-A: b\n\nno\ncr\n");
    let framed = file("503", "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nbusy\n");
    let sections = format!(
        "{BACKEND}
    frontend fe
        bind @fe@
        errorfile 403 {bare}
        errorfile 403 {old}
        errorfile 404 {bare}
        errorfile 503 {framed}
        errorfile 410 /dev/null
        errorloc 500 http://x/500
        errorloc303 405 /405
        monitor-uri /monitor
        monitor fail if {{ req.hdr(x-fail) -m found }}
        http-request deny if {{ path /403 }}
        http-request deny deny_status 404 if {{ path /404 }}
        http-request deny deny_status 410 if {{ path /410 }}
        http-request deny deny_status 500 if {{ path /500 }}
        http-request deny deny_status 405 if {{ path /405 }}
        http-request deny deny_status 503 if {{ path /503 }}
        http-after-response set-header X-After %[status] if {{ status 503 }}
        use_backend own if {{ path_beg /own }}
        default_backend ruled
    backend own
        errorfile 404 {old}
        http-request deny deny_status 404 if {{ path /own404 }}
        http-request deny deny_status 503 if {{ path /own503 }}
        server s @s@
    backend ruled
        server s @s@
"
    );
    let rig = Rig::of(subject, &sections);
    let old = "HTTP/1.0 403 Not You\r\ncache-control: no-cache\r\n\r\n<html>403\n</html>\n";
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 5\r\nx-after: 503\r\n\r\nbusy\n";
    let elsewhere = |status: &str, to: &str| {
        format!("HTTP/1.1 {status}\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: {to}\r\n\r\n")
    };
    for (path, expected, status) in [
        ("/403", old.to_owned(), "403"),
        ("/404", "HTTP/1.1 404 Not Here\r\nx-a: b\r\nconnection: close\r\n\r\nno\ncr\n".into(), "404"),
        ("/410", String::new(), "410"),
        ("/500", elsewhere("302 Found", "http://x/500"), "500"),
        ("/405", elsewhere("303 See Other", "/405"), "405"),
        ("/503", busy.into(), "503"),
        ("/own404", old.into(), "404"),
        ("/own503", busy.into(), "503"),
    ] {
        assert_eq!(rig.ask(&get(path)), expected, "{path}");
        let line = rig.line(&format!("\"GET {path} "));
        assert_eq!(line.split(' ').nth(3), Some(status), "{line}");
    }
    let fine = page("200 OK", 58, "Service ready.", "");
    assert_eq!(rig.ask(&get("/monitor")), fine);
    assert_eq!(rig.ask(&get("/monitor").replace("GET", "POST")), fine);
    assert_eq!(rig.ask(&get("/monitor").replace("\r\n\r\n", "\r\nX-Fail: 1\r\n\r\n")), busy);
    assert!(rig.ask(&get("/monitor?x")).ends_with("\r\n\r\nbody"), "only that very target is answered");
    rig.line("\"GET /monitor?x ");
    let is_of_monitor = |line: &String| line.contains("/monitor HTTP");
    assert!(!rig.logs.lines().iter().any(is_of_monitor), "{:#?}", rig.logs.lines());
}
