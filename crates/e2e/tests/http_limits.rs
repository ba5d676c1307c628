//! How large a message may be: `tune.bufsize`, `tune.maxrewrite`, `tune.http.maxhdr`. The reference draws the same lines.

use std::io::{self, Write};

use e2e::peers::Conversation;
use e2e::{Origin, Proxy, Setup, Subject, http};

e2e::scenarios! {
    shared: [heads_have_so_many_lines, heads_have_so_many_bytes, responses_have_so_many_bytes],
    alone: [],
}

fn start(subject: Subject, settings: &str, origin: &Origin) -> Proxy {
    let template = format!(
        "
    global
        nbthread 1
        {settings}
    defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
    listen fe
        bind @fe@
        server s @s@
"
    );
    Setup::new(subject, &template).with("s", origin.target()).start()
}

/// Answers with a field of as many bytes as the path says.
fn answer(mut conversation: Conversation) -> io::Result<()> {
    let head = http::head(&mut conversation)?.unwrap_or_default();
    let size = head.split(['/', ' ']).nth(2).and_then(|size| size.parse().ok()).unwrap_or(0);
    conversation
        .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {}\r\n\r\n", "x".repeat(size)).as_bytes())
}

/// The status of the answer to a request, and the bytes of its head.
fn asked(proxy: &Proxy, path: &str, fields: &str) -> (String, usize) {
    let mut client = proxy.connect("fe");
    // The connection ends behind the answer, and no field says so. Whoever refuses need not take all of it.
    client.try_say(format!("GET {path} HTTP/1.0\r\nHost: h\r\n{fields}\r\n")).ok();
    let (answer, _) = client.to_end();
    let text = String::from_utf8_lossy(&answer).into_owned();
    (text.split(' ').nth(1).unwrap_or_default().to_owned(), answer.len())
}

fn heads_have_so_many_lines(subject: Subject) {
    let origin = Origin::serve(answer);
    let lines = |count: usize| (0..count).map(|number| format!("X-{number}: x\r\n")).collect::<String>();
    for (settings, fitting) in [("tune.http.maxhdr 20", 18), ("", 99), ("tune.http.maxhdr 300", 298)] {
        let proxy = start(subject, settings, &origin);
        assert_eq!(asked(&proxy, "/0", &lines(fitting)).0, "200", "{settings}");
        assert_eq!(asked(&proxy, "/0", &lines(fitting + 1)).0, "400", "{settings}");
    }
}

fn heads_have_so_many_bytes(subject: Subject) {
    let origin = Origin::serve(answer);
    let field = |size: usize| format!("X: {}\r\n", "x".repeat(size));
    for (settings, fitting, failing) in [
        ("", 15_000, 17_000),
        ("tune.bufsize 65536", 64_000, 66_000),
        ("tune.bufsize 65536\n tune.maxrewrite 20000", 45_000, 47_000),
        ("tune.bufsize 8192", 7_000, 8_500),
    ] {
        let proxy = start(subject, settings, &origin);
        assert_eq!(asked(&proxy, "/0", &field(fitting)).0, "200", "{settings}");
        // RFC 6585 §5 has a status of its own for this.
        let refusal = if subject == Subject::Tidegate { "431" } else { "400" };
        assert_eq!(asked(&proxy, "/0", &field(failing)).0, refusal, "{settings}");
    }
}

fn responses_have_so_many_bytes(subject: Subject) {
    let origin = Origin::serve(answer);
    for (settings, fitting, failing) in [("", 15_000, 17_000), ("tune.bufsize 65536", 64_000, 66_000)] {
        let proxy = start(subject, settings, &origin);
        let (status, size) = asked(&proxy, &format!("/{fitting}"), "");
        assert!(status == "200" && size > fitting, "{settings}: {status}, {size} bytes");
        assert_eq!(asked(&proxy, &format!("/{failing}"), "").0, "502", "{settings}");
    }
}
