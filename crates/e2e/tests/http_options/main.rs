//! What sections of HTTP do beside their rules: cookies that bring clients back, and what `option` says of messages and connections. The
//! reference runs the same tables.

mod addresses;
mod connections;
mod cookies;
mod pages;

use std::sync::{Arc, Condvar, Mutex};

use e2e::{Admin, LogServer, Origin, Proxy, Refusing, Setup, Subject};

const DEFAULTS: &str = r#"
    global
        nbthread 1
        log @log@ local2
        stats socket @socket@ level admin
    defaults
        mode http
        log global
        balance roundrobin
        log-format "%HU %b/%s %ST %tsc %rc"
        timeout connect 100ms
        timeout client 5s
        timeout http-request 300ms
        timeout server 5s
"#;

struct Rig {
    proxy: Proxy,
    origin: Origin,
    logs: LogServer,
    admin: Admin,
    /// Requests for what ends with `/hold` are answered once this is done.
    hold: Arc<Hold>,
    _refusing: Refusing,
}

/// What is waited for.
#[derive(Default)]
struct Hold {
    is_over: Mutex<bool>,
    changed: Condvar,
}

impl Hold {
    fn wait(&self) {
        let is_over = self.is_over.lock().expect("nobody panics under the lock");
        drop(self.changed.wait_while(is_over, |is_over| !*is_over));
    }

    fn end(&self) {
        *self.is_over.lock().expect("nobody panics under the lock") = true;
        self.changed.notify_all();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.hold.end();
    }
}

impl Rig {
    /// A frontend `fe` with these lines, and backends by the first directory of a path.
    fn new(subject: Subject, front: &str, backends: &[(&str, &str)]) -> Rig {
        let mut text = format!("{DEFAULTS}\n frontend fe\n bind @fe@\n {front}\n");
        backends.iter().for_each(|(name, _)| text.push_str(&format!(" use_backend {name} if {{ path_dir {name} }}\n")));
        backends.iter().for_each(|(name, lines)| text.push_str(&format!(" backend {name}\n {lines}\n")));
        Rig::of(subject, &text)
    }

    /// These sections.
    fn of(subject: Subject, text: &str) -> Rig {
        let (logs, refusing, admin, hold) = (LogServer::udp(), Refusing::new(), Admin::new(), Arc::<Hold>::default());
        let held = Arc::clone(&hold);
        let origin = Origin::answering(move |head| answered(head, &held));
        let setup = Setup::new(subject, text).with("log", logs.target()).with("s", origin.target());
        let setup = setup.with("socket", admin.path().display()).with("dead", refusing.target());
        Rig { proxy: setup.start(), origin, logs, admin, hold, _refusing: refusing }
    }

    /// What a client gets that asks on a connection of its own.
    fn ask(&self, method: &str, path: &str, fields: &str) -> String {
        let mut client = self.proxy.connect("fe");
        client.say(format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{fields}Connection: close\r\n\r\n"));
        String::from_utf8_lossy(&client.to_end().0).into_owned()
    }

    /// The head that came to the server for this path.
    fn seen(&self, path: &str) -> Option<String> {
        let seen = self.origin.seen();
        let texts: Vec<_> = seen.iter().map(|seen| String::from_utf8_lossy(&seen.bytes)).collect();
        let mut heads = texts.iter().flat_map(|text| text.split("\r\n\r\n"));
        heads.find(|head| head.contains(&format!(" {path} "))).map(str::to_owned)
    }
}

fn answered(head: &str, held: &Hold) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let fields = match path {
        _ if path.ends_with("/own") => "Set-Cookie: other=1\r\nSet-Cookie: SRV=own; path=/\r\n",
        _ if path.ends_with("/leak") => "Set-Cookie: a=1\r\nETag: x\r\n",
        _ if path.ends_with("/hold") => {
            held.wait();
            ""
        }
        _ if path.ends_with("/odd") => "Set-Cookie: SRV = own ; path=/\r\nSet-Cookie: SRV=\r\n",
        _ => "",
    };
    format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{fields}\r\n")
}

/// The values of a field, in order.
fn values<'t>(head: &'t str, name: &str) -> Vec<&'t str> {
    head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}
