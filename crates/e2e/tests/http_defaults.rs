//! What operators write once for many sections: rules in named `defaults`, and pages that are made anew each time (`http-error`). The
//! reference runs the same table.

use e2e::peers::Refusing;
use e2e::{LogServer, Origin, Proxy, Setup, Subject};

e2e::scenarios! {
    shared: [
        rules_before_those_of_sections,
        pages_that_are_made,
    ],
    alone: [],
}

const HEAD: &str = "
    global
        nbthread 1
        log @log@ local2
";

const SETTINGS: &str = "
        mode http
        log global
        option httplog
        timeout connect 1s
        timeout client 5s
        timeout server 5s
        retries 0
";

struct Rig {
    proxy: Proxy,
    origin: Origin,
    _logs: LogServer,
}

impl Rig {
    fn new(subject: Subject, sections: &str) -> Rig {
        let (logs, origin, dead) = (LogServer::udp(), Origin::answering(|_| ANSWER), Refusing::new());
        let template = format!("{HEAD}{sections}");
        let setup = Setup::new(subject, &template).with("log", logs.target()).with("s", origin.target());
        Rig { proxy: setup.with("dead", dead.target()).start(), origin, _logs: logs }
    }

    /// What the client of a request gets.
    fn ask(&self, listener: &str, path: &str) -> String {
        self.say(listener, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    }

    fn say(&self, listener: &str, bytes: &str) -> String {
        let mut client = self.proxy.connect(listener);
        client.say(bytes);
        String::from_utf8_lossy(&client.to_end().0).into_owned()
    }

    /// The fields `x-…` of the request that came last, as the server got it.
    fn seen(&self) -> Vec<String> {
        let seen = self.origin.seen();
        let text = String::from_utf8_lossy(&seen.last().expect("a request").bytes).into_owned();
        text.split("\r\n").filter(|line| line.starts_with("x-")).map(str::to_owned).collect()
    }
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// `configuration.txt` §4: rules of named `defaults` sections, and their ACLs.
fn rules_before_those_of_sections(subject: Subject) {
    let sections = format!(
        "
    defaults of-fronts
{SETTINGS}
        acl is_a path_beg /a
        tcp-request connection reject if {{ src 127.0.0.2 }}
        http-request set-header X-Order d
        http-request set-header X-A yes if is_a
        http-request deny deny_status 404 if {{ path /denied }}
        http-response set-header X-R d
        http-after-response set-header X-After d
    defaults of-backs
{SETTINGS}
        acl is_a path_beg /a/back
        http-request set-header X-Order \"%[req.fhdr(x-order)]b\"
        http-request set-header X-B yes if is_a
    frontend fe from of-fronts
        bind @fe@
        acl is_a path_beg /own
        tcp-request connection accept if {{ src 127.0.0.3 }}
        http-request set-header X-Order \"%[req.fhdr(x-order)]f\"
        http-request set-header X-Own yes if is_a
        http-response set-header X-R \"%[res.fhdr(x-r)]f\"
        default_backend be
    frontend other from of-fronts
        bind @other@
        default_backend be
    backend be from of-backs
        http-request set-header X-Order \"%[req.fhdr(x-order)]o\"
        server s @s@
"
    );
    let rig = Rig::new(subject, &sections);
    let check = |listener: &str, path: &str, fields: &[&str]| {
        let answer = rig.ask(listener, path);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let mut seen = rig.seen();
        seen.sort_unstable();
        assert_eq!(seen, fields, "{listener} {path}");
        answer
    };
    let answer = check("fe", "/", &["x-order: dfbo"]);
    assert!(answer.contains("\r\nx-r: df\r\n") && answer.contains("\r\nx-after: d\r\n"), "{answer}");
    let answer = check("other", "/", &["x-order: dbo"]);
    assert!(answer.contains("\r\nx-r: d\r\n"), "{answer}");
    // Three sections have an ACL of the same name, and each sees its own.
    check("fe", "/a", &["x-a: yes", "x-order: dfbo"]);
    check("fe", "/own", &["x-order: dfbo", "x-own: yes"]);
    check("fe", "/a/back", &["x-a: yes", "x-b: yes", "x-order: dfbo"]);
    assert!(rig.ask("fe", "/denied").starts_with("HTTP/1.1 404 "));
    let mut client = e2e::Client::from("127.0.0.2".parse().expect("an address"), rig.proxy.address("fe"));
    let _ = client.try_say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.to_end().0, b"");
}

/// `configuration.txt: http-error`.
fn pages_that_are_made(subject: Subject) {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("room for a page");
        path.display().to_string()
    };
    let (plain, whole) =
        (file("plain", "plain text"), file("whole", "HTTP/1.1 501 Own\r\ncontent-length: 3\r\n\r\nown"));
    let sections = format!(
        "
    defaults
{SETTINGS}
        http-error status 404 content-type text/plain lf-string \"no %[path] for %[src]\" hdr X-P %[path]
        http-error status 403
        http-error status 503 content-type text/plain string \"of all\"
        http-error status 501 errorfile {whole}
    frontend fe
        bind @fe@
        http-request deny deny_status 404 if {{ path_beg /none }}
        http-request deny if {{ path /denied }}
        http-request deny deny_status 501 if {{ path /own }}
        use_backend dead if {{ path /dead }}
        use_backend deaf if {{ path /deaf }}
        default_backend empty
    backend dead
        http-error status 503 content-type text/plain file {plain} hdr X-M %[method]
        server s @dead@
    backend deaf
        server s @dead@
    backend empty
"
    );
    let rig = Rig::new(subject, &sections);
    for (path, expected) in [
        (
            "/none/here",
            "HTTP/1.1 404 Not Found\r\nx-p: /none/here\r\ncontent-length: 27\r\ncontent-type: text/plain\r\n\r\n\
             no /none/here for 127.0.0.1",
        ),
        ("/denied", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
        ("/own", "HTTP/1.1 501 Own\r\ncontent-length: 3\r\n\r\nown"),
        (
            "/dead",
            "HTTP/1.1 503 Service Unavailable\r\nx-m: GET\r\ncontent-length: 10\r\ncontent-type: text/plain\r\n\r\nplain text",
        ),
        ("/deaf", "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 6\r\ncontent-type: text/plain\r\n\r\nof all"),
        ("/empty", "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 6\r\ncontent-type: text/plain\r\n\r\nof all"),
    ] {
        assert_eq!(rig.ask("fe", path).replace("connection: close\r\n", ""), expected, "{path}");
    }
}

/// As HAProxy 3.4: what cannot be read is answered with the operator's page. 2.6 has its own for that.
#[test]
fn pages_for_what_is_no_request() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let path = directory.path().join("late");
    std::fs::write(&path, "HTTP/1.1 408 Late\r\nContent-Length: 4\r\n\r\nlate").expect("room for a page");
    let sections = format!(
        "
    frontend fe
        bind @fe@
{SETTINGS}
        timeout http-request 100ms
        http-error status 400 content-type text/plain string odd hdr X-Src %[src]
        errorfile 408 {}
    frontend quiet
        bind @quiet@
{SETTINGS}
        errorfile 400 /dev/null
",
        path.display()
    );
    let rig = Rig::new(Subject::Tidegate, &sections);
    assert_eq!(
        rig.say("fe", "GARBAGE\r\n\r\n"),
        "HTTP/1.1 400 Bad Request\r\nx-src: 127.0.0.1\r\ncontent-length: 3\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nodd"
    );
    assert_eq!(rig.say("fe", "GET / HT"), "HTTP/1.1 408 Late\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlate");
    assert_eq!(rig.say("quiet", "GARBAGE\r\n\r\n"), "");
}
