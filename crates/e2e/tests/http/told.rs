//! What logs and counters are told of exchanges.

use std::io::{Read, Write};

use super::{HTTP, LATE, Rig, get};
use e2e::Subject;

e2e::scenarios! {
    shared: [
        captures_and_the_forwarded_address,
        counters,
    ],
    alone: [],
}

fn captures_and_the_forwarded_address(subject: Subject) {
    let template = format!(
        "{HTTP}
        frontend taken
            bind @taken@
            option forwardfor except 10.0.0.0/8
            capture request header X-User len 4
            capture request header X-None len 9
            capture response header X-S len 9
            default_backend be"
    );
    let rig = Rig::new(subject, &template);
    let (got, _) = rig.talk(
        "taken",
        &get("/ok").replace("Host", "x-user: a\r\nX-User: b{onk}ers\r\nX-Forwarded-For: 9.9.9.9\r\nHost"),
        false,
    );
    assert!(got.ends_with("body"), "{got}");
    assert_eq!(
        rig.line("/ok"),
        "taken be/s T/T/T/T/T 200 57 - - ---- 1/1/0/0/0 0/0 {b#7Bon|} {a} \"GET /ok HTTP/1.1\""
    );
    let seen = rig.origin.seen_when(0, "the request", |seen| seen.bytes.ends_with(b"\r\n\r\n"));
    let expected = "GET /ok HTTP/1.1\r\nx-user: a\r\nx-user: b{onk}ers\r\nx-forwarded-for: 9.9.9.9\r\nhost: x\r\n\
                    x-forwarded-for: 127.0.0.1\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&seen.bytes), expected);
}

/// `management.txt` §9.1.
fn counters(subject: Subject) {
    let rig = Rig::new(subject, HTTP);
    for request in [get("/ok"), get("/none"), get("/close"), "garbage\r\n\r\n".into()] {
        rig.talk("fe", &request, false);
    }
    rig.logs.lines_with("fe ", 4);
    let first = Stats::read(&rig);
    let counts = |row: &str| {
        ["stot", "req_tot", "hrsp_2xx", "hrsp_4xx", "hrsp_5xx", "ereq", "eresp"]
            .map(|name| first.of(row, name))
            .join(" ")
    };
    assert_eq!(counts("fe,FRONTEND,"), "4 4 2 1 1 1 ");
    assert_eq!(counts("be,s,"), "3 2 2 0 0  1");
    assert_eq!(counts("be,BACKEND,"), "3 3 2 0 1  1");
    rig.talk("fe", &get("/late"), false);
    rig.logs.lines_with("fe ", 5);
    let then = Stats::read(&rig);
    let number = |row: &str, name: &str| then.of(row, name).parse::<u64>().expect("a number");
    assert!(number("fe,FRONTEND,", "req_rate_max") >= 1);
    for row in ["be,s,", "be,BACKEND,"] {
        let least = LATE.as_millis() as u64;
        assert!((least..10_000).contains(&number(row, "rtime_max")), "{} ms", number(row, "rtime_max"));
        assert!(number(row, "rtime") >= 1);
    }
}

/// An answer to `show stat`.
struct Stats(String);

impl Stats {
    fn read(rig: &Rig) -> Stats {
        let path = rig._admin.path().join("admin");
        let mut socket = std::os::unix::net::UnixStream::connect(path).expect("the admin socket");
        socket.write_all(b"show stat\n").expect("it listens");
        let mut csv = String::new();
        socket.read_to_string(&mut csv).expect("it answers");
        Stats(csv)
    }

    /// A cell of the row that begins so.
    fn of(&self, row: &str, name: &str) -> &str {
        let names: Vec<&str> = self.0.lines().next().expect("a header").split(',').collect();
        let line =
            self.0.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no {row} in {}", self.0));
        line.split(',').nth(names.iter().position(|known| *known == name).expect("a column")).expect("a cell")
    }
}
