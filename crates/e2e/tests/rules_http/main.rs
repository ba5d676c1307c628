//! Rules on messages of HTTP: what they make of requests and responses, what clients are answered, what the log says of it. The
//! reference runs the same table.

mod aliases;
mod answers;
mod cookies;
mod edits;
mod effects;
mod lengths;
mod words;

use e2e::{LogServer, Origin, Proxy, Setup, Subject};

const BACKEND: &str = "backend be\n server s @s@\n";

struct Rig {
    proxy: Proxy,
    origin: Origin,
    logs: LogServer,
}

impl Rig {
    /// A listener `fe` with these rules, in front of a backend with those.
    fn new(subject: Subject, front: &str, back: &str) -> Rig {
        let sections = format!(
            "{BACKEND}
    frontend fe
        bind @fe@
        {front}
        default_backend ruled
    backend ruled
        {back}
        server s @s@
"
        );
        Rig::of(subject, &sections)
    }

    fn of(subject: Subject, sections: &str) -> Rig {
        let (logs, origin) = (LogServer::udp(), Origin::answering(answered));
        let setup = Setup::logged(subject, "mode http\n option httplog", sections).with("log", logs.target());
        Rig { proxy: setup.with("threads", 1).with("s", origin.target()).start(), origin, logs }
    }

    /// What a client gets that asks on a connection of its own.
    fn ask(&self, request: &str) -> String {
        let mut client = self.proxy.connect("fe");
        client.say(request);
        client.finish();
        String::from_utf8_lossy(&client.to_end().0).into_owned()
    }

    /// What the server gets when a client asks for this.
    fn forwarded(&self, request: &str) -> String {
        let index = self.origin.seen().len();
        let got = self.ask(request);
        assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{request}: {got}");
        let seen = self.origin.seen_when(index, "the request", |seen| seen.bytes.ends_with(b"\r\n\r\n"));
        String::from_utf8_lossy(&seen.bytes).into_owned()
    }

    /// The line of the exchange whose request line holds `part`, behind the date.
    fn line(&self, part: &str) -> String {
        self.logs.behind_date(part)
    }
}

fn answered(head: &str) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let own = "Set-Cookie: SRV=own; path=/\r\nSet-Cookie: other=1\r\n";
    let more = match path {
        _ if path.ends_with("/own") => own,
        _ if path.ends_with("/fresh") => "Cache-Control: max-age=9\r\n",
        _ if path.ends_with("/private") => "Cache-Control: private\r\nETag: x\r\n",
        _ => "X-S: a\r\nX-List: ab, cd\r\n",
    };
    format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n{more}\r\nbody")
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x.y\r\n\r\n")
}

fn page(status: &str, length: usize, text: &str, field: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n{field}\r\n\
         <html><body><h1>{status}</h1>\n{text}\n</body></html>\n"
    )
}
