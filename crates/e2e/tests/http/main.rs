//! `mode http`: what a client gets, what a server gets and what the log says, for the ways in which an exchange goes. The reference
//! runs the same table.

mod connections;
mod exchanges;
mod told;
mod ways;

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use e2e::client::End;
use e2e::peers::Conversation;
use e2e::{LogServer, Origin, Proxy, Refusing, Setup, Subject, http, mask};

const HTTP: &str = "
    global
        nbthread 1
        stats socket @admin@ level admin
        log @log@ local2
    defaults
        mode http
        log global
        option httplog
        retries 0
        timeout connect 1s
        timeout client 2s
        timeout server 1s
    frontend fe
        bind @fe@
        default_backend be
    frontend nobody
        bind @nobody@
        default_backend dead
    backend be
        server s @s@
    backend dead
        server s @dead@
";

/// Answers behind which the server has left.
static LEFT: AtomicUsize = AtomicUsize::new(0);

struct Rig {
    proxy: Proxy,
    origin: Origin,
    logs: LogServer,
    _admin: tempfile::TempDir,
}

impl Rig {
    fn new(subject: Subject, template: &str) -> Rig {
        let (logs, origin, dead) = (LogServer::udp(), Origin::serve(serve), Refusing::new());
        let admin = tempfile::TempDir::new().expect("a temporary directory");
        let setup = Setup::new(subject, template).with("log", logs.target()).with("s", origin.target());
        let path = admin.path().join("admin").display().to_string();
        let proxy = setup.with("dead", dead.target()).with("admin", path).start();
        Rig { proxy, origin, logs, _admin: admin }
    }

    /// Says `steps` on a connection of its own, with its last words ends its half if it is told to, and hears what comes.
    fn talk(&self, listener: &str, request: &str, is_ended: bool) -> (String, End) {
        let mut client = self.proxy.connect(listener);
        let _ = client.try_say(request);
        if is_ended {
            client.finish();
        }
        let (bytes, end) = client.to_end();
        (String::from_utf8_lossy(&bytes).into_owned(), end)
    }

    /// The line of the exchange whose request line holds `part`.
    fn line(&self, part: &str) -> String {
        masked(&self.logs.line_with(part))
    }
}

/// A line behind the date, with its times masked. HAProxy 2.6 counts the bytes of responses that it makes itself, 3.4 does not.
fn masked(line: &str) -> String {
    let line = mask::line(line);
    let (_, rest) = line.split_once("[DATE] ").expect("an accept date");
    let mut words: Vec<String> = rest.split(' ').map(str::to_owned).collect();
    let times: Vec<&str> = words[2].split('/').map(|time| if time == "-1" { "-1" } else { "T" }).collect();
    let is_own = times[3] == "-1";
    words[2] = times.join("/");
    if is_own {
        words[4] = "0".into();
    }
    words.join(" ")
}

/// What the server of `/late` takes at least for its answer: a time of response that shows in the counters, and long enough for the
/// client's end to be seen first.
const LATE: Duration = Duration::from_millis(50);

/// Answers by what is asked for.
fn serve(mut conversation: Conversation) -> io::Result<()> {
    while let Some(head) = http::head(&mut conversation)? {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let answer: &[u8] = match path {
            "/ok" | "/late" => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-S: a\r\n\r\nbody",
            "/chunked" => {
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7;x=y\r\nbodyabc\r\n0\r\nX-T: t\r\n\r\n"
            }
            "/last" => b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast",
            "/none" => b"HTTP/1.1 204 No Content\r\n\r\n",
            "/half" => b"HTTP/1.1 200 OK\r\nCont",
            "/bad" => b"garbage\r\n\r\n",
            "/short" | "/stall" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbody",
            "/until" => b"HTTP/1.1 200 OK\r\n\r\nuntil",
            "/echo" | "/early" => b"",
            "/continue" => b"HTTP/1.1 100 Continue\r\n\r\n",
            "/upgrade" => b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nhi",
            "/close" | "/silent" => b"",
            other => panic!("no such path: {other}"),
        };
        if path == "/late" {
            std::thread::sleep(LATE);
        }
        conversation.write_all(answer)?;
        match path {
            "/last" => {
                conversation.finish()?;
                LEFT.fetch_add(1, Ordering::SeqCst);
                conversation.read_to_end();
                return Ok(());
            }
            "/close" | "/half" | "/short" | "/until" | "/bad" => return Ok(()),
            "/silent" | "/stall" => {
                conversation.read_to_end();
                return Ok(());
            }
            "/upgrade" => return conversation.echo(),
            "/continue" => {
                conversation.hear(4)?;
                conversation.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            }
            "/early" => conversation.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?,
            "/echo" => {
                let length =
                    head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse().ok());
                let content = conversation.hear(length.unwrap_or(0))?;
                conversation
                    .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len()).as_bytes())?;
                conversation.write_all(&content)?;
            }
            _ => (),
        }
    }
    Ok(())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}
