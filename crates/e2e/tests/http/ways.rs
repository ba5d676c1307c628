//! Which server is asked, and which one next.

use std::io::Write;

use super::{HTTP, Rig, get, masked};
use e2e::client::End;
use e2e::{LogServer, Origin, Refusing, Setup, Subject, http};

e2e::scenarios! {
    shared: [
        ways_by_what_is_asked_for,
        requests_that_are_sent_again,
    ],
    alone: [],
}

/// `configuration.txt` §7.3.6.
fn ways_by_what_is_asked_for(subject: Subject) {
    let conditions = [
        ("path", "{ path /ok }"),
        ("begin", "{ path_beg /no }"),
        ("url", "{ url_sub ?a= }"),
        ("method", "METH_POST"),
        ("field", "{ req.hdr(x-user) -m sub bob }"),
        ("many", "{ hdr_cnt(x-many) gt 2 }"),
        ("number", "{ hdr_val(x-number) ge 7 }"),
        ("address", "{ hdr_ip(x-address) 10.0.0.0/8 }"),
        ("cookie", "{ req.cook(k) v }"),
        ("parameter", "{ urlp(p) -i YES }"),
        ("version", "HTTP_1.0"),
        ("base", "{ base_end y/until }"),
    ];
    let mut template = format!("{HTTP}\n frontend way\n bind @way@\n acl on_list hdr(x-list) b\n");
    for (name, condition) in conditions {
        template += &format!(" use_backend {name} if {condition}\n");
    }
    template += " use_backend list if on_list !{ path /other }\n default_backend be\n";
    for name in conditions.map(|(name, _)| name).into_iter().chain(["list"]) {
        template += &format!(" backend {name}\n server s @s@\n");
    }
    let rig = Rig::new(subject, &template);
    let asking = |number: usize, field: &str| format!("GET /until?{number} HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n");
    for (number, (request, backend)) in [
        (get("/ok"), "path"),
        (get("/none"), "begin"),
        (get("/until?a=0"), "url"),
        ("POST /until HTTP/1.1\r\nHost: x\r\n\r\n".into(), "method"),
        (asking(5, "X-User: a bobcat"), "field"),
        (asking(6, "X-Many: 1\r\nX-Many: 2, 3"), "many"),
        (asking(7, "X-Number: 12, 3"), "number"),
        (asking(8, "X-Address: 192.0.2.1, 10.1.2.3"), "address"),
        (asking(9, "Cookie: j=v; k=v"), "cookie"),
        (get("/until?o=1&p=yes"), "parameter"),
        ("GET /until HTTP/1.0\r\n\r\n".into(), "version"),
        ("GET /until HTTP/1.1\r\nHost: y\r\n\r\n".into(), "base"),
        (asking(13, "X-List: a, b ,c"), "list"),
        (asking(14, "X-List: a, bc"), "be"),
    ]
    .into_iter()
    .enumerate()
    {
        rig.talk("way", &request, true);
        let lines = rig.logs.lines_with(" way ", number + 1);
        let line = masked(lines.last().expect("it was waited for"));
        assert!(line.starts_with(&format!("way {backend}/s ")), "{request}: {line}");
    }
}

/// `configuration.txt: retry-on`. Of two servers in turn the first one fails each request, in the way that its path names.
fn requests_that_are_sent_again(subject: Subject) {
    let fails = Origin::serve(|mut conversation| {
        let head = http::head(&mut conversation)?.unwrap_or_default();
        match head.split([' ', '?']).nth(1) {
            Some("/junk") => conversation.write_all(b"garbage\r\n\r\n"),
            Some("/503") => conversation.write_all(b"HTTP/1.1 503 Gone\r\nContent-Length: 0\r\n\r\n"),
            Some("/404") => {
                conversation.write_all(b"HTTP/1.1 404 None\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            }
            Some("/late") => {
                conversation.read_to_end();
                Ok(())
            }
            Some("/long") => conversation.hear(100_000).map(drop),
            Some("/put") => conversation.hear(6).map(drop),
            _ => Ok(()),
        }
    });
    let serves = Origin::serve(|mut conversation| {
        let head = http::head(&mut conversation)?.unwrap_or_default();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
        let content = conversation.hear(length.unwrap_or(0))?;
        let size = content.len();
        conversation
            .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n").as_bytes())?;
        conversation.write_all(&content)
    });
    let logs = LogServer::udp();
    let template = "
        global
            nbthread 1
            log @log@ local2
        defaults
            mode http
            log global
            option httplog
            option http-server-close
            option redispatch
            retries 1
            timeout connect 1s
            timeout client 5s
            timeout server 1s
        listen again
            bind @again@
            balance roundrobin
            retry-on empty-response junk-response response-timeout 503
            server fails @fails@
            server serves @serves@
        listen never
            bind @never@
            balance roundrobin
            retry-on none
            server dead @dead@
            server serves @serves@";
    let dead = Refusing::new();
    let setup = Setup::new(subject, template).with("log", logs.target()).with("fails", fails.target());
    let proxy = setup.with("serves", serves.target()).with("dead", dead.target()).start();
    let talk = |listener: &str, request: &str, content: &str| {
        let mut client = proxy.connect(listener);
        let length = if content.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", content.len()) };
        client.say(format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}\r\n{content}"));
        let (bytes, end) = client.to_end();
        assert_eq!(end, End::Fin, "{request}");
        let line = masked(&logs.line_with(&format!("\"{request} HTTP/1.1\"")));
        (String::from_utf8_lossy(&bytes).into_owned(), line)
    };
    let ok = |content: &str| {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{content}", content.len())
    };
    for (request, content) in
        [("GET /empty", ""), ("GET /junk", ""), ("GET /503", ""), ("GET /late", ""), ("PUT /put", "object")]
    {
        let (got, line) = talk("again", request, content);
        assert_eq!(got, ok(content), "{request}");
        let expected = format!("again again/serves T/T/T/T/T 200 {} - - ---- 1/1/0/0/+1 0/0 ", 49 + content.len());
        assert!(line.starts_with(&expected), "{line} instead of {expected}");
    }
    // A status that is not named, and what does not fit into a buffer, are what they are.
    let (got, line) = talk("again", "GET /404", "");
    assert!(got.starts_with("HTTP/1.1 404 None\r\n"), "{got}");
    assert!(line.starts_with("again again/fails T/T/T/T/T 404 ") && line.contains(" ---- 1/1/0/0/0 "), "{line}");
    assert_eq!(talk("again", "GET /other", "").0, ok(""), "the other server's turn");
    let (got, line) = talk("again", "PUT /long", &"x".repeat(100_000));
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    assert!(line.starts_with("again again/fails T/T/T/-1/T 502 ") && line.contains(" SH-- 1/1/0/0/0 "), "{line}");
    // Without a word for it, a server that refuses is not tried again, and nobody goes elsewhere.
    let (got, line) = talk("never", "GET /dead", "");
    assert!(got.starts_with("HTTP/1.1 503 "), "{got}");
    assert!(line.starts_with("never never/dead T/T/-1/-1/T 503 ") && line.contains(" SC-- 1/1/0/0/0 "), "{line}");
}
