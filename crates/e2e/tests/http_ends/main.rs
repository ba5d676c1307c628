//! Exchanges that a side does not bring to their end: what the other side hears, what the log says, and what is counted of it. The reference
//! runs the same rows.

mod clients;
mod contents;
mod resets;

use std::io::{self, Write};
use std::sync::{Mutex, mpsc};

use e2e::peers::Conversation;
use e2e::{Admin, LogServer, Origin, Proxy, Setup, Subject, http, wait};

const GLOBAL: &str = "
    global
        nbthread 1
        @engine@
        stats socket @socket@ level admin
        log @log@ local2
    defaults
        mode http
        log global
        option httplog
        retries 0
        timeout connect 1s
        timeout client 8s
        timeout server 8s
";

struct Rig {
    proxy: Proxy,
    admin: Admin,
    logs: LogServer,
}

impl Rig {
    fn new(subject: Subject, sections: &str, origin: &Origin) -> Rig {
        Rig::on("", subject, sections, origin)
    }

    fn on(engine: &str, subject: Subject, sections: &str, origin: &Origin) -> Rig {
        let (admin, logs) = (Admin::new(), LogServer::udp());
        let setup = Setup::new(subject, &format!("{GLOBAL}{sections}")).with("s", origin.target());
        let setup = setup.with("engine", engine);
        let proxy = setup.with("socket", admin.path().display()).with("log", logs.target()).start();
        Rig { proxy, admin, logs }
    }

    /// Waits until these columns of each of the rows say this.
    fn assert_counted(&self, rows: &[(&str, &str)], columns: &str, expected: &str, what: &str) {
        let cell = |proxy: &str, name: &str, column: &str| {
            self.admin.row(proxy, name).get(column).map_or("-", String::as_str).to_owned()
        };
        for (proxy, name) in rows {
            let counted = || columns.split(' ').map(|column| cell(proxy, name, column)).collect::<Vec<_>>().join(" ");
            wait::within(wait::SOON, || (counted() == expected).then_some(()));
            assert_eq!(counted(), expected, "{columns} of {proxy}/{name}: {what}");
        }
    }
}

/// What moves the bytes, as a line of `global`.
fn engines(subject: Subject) -> &'static [&'static str] {
    match subject {
        Subject::Haproxy => &[""],
        Subject::Tidegate => &["tidegate.io-engine io_uring", "tidegate.io-engine epoll"],
    }
}

/// How a server leaves.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    Ends,
    Resets,
}

/// Says what is asked for, waits until that has been heard, and leaves.
fn leave(mut conversation: Conversation, heard: &Mutex<mpsc::Receiver<Leaving>>) -> io::Result<()> {
    let head = http::head(&mut conversation)?.unwrap_or_default();
    let half = "x".repeat(50);
    let answer = match head.split(' ').nth(1) {
        Some("/length") => format!("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{half}"),
        Some("/chunks") => format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n32\r\n{half}\r\n"),
        Some("/chunk") => format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{half}"),
        Some("/large") => format!("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n{}", "x".repeat(1_000_000)),
        Some("/early") => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
        Some("/until") => format!("HTTP/1.1 200 OK\r\n\r\n{half}"),
        Some("/tunnel") => {
            format!("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n{half}")
        }
        other => panic!("no such path: {other:?}"),
    };
    conversation.write_all(answer.as_bytes())?;
    let leaving = heard.lock().expect("nobody panics under the lock").recv_timeout(wait::SOON);
    match leaving.expect("the client hears it") {
        Leaving::Ends => conversation.finish(),
        Leaving::Resets => {
            conversation.reset();
            Ok(())
        }
    }
}
