//! What the service manager is told (`sd_notify(3)`): datagrams to the socket that `$NOTIFY_SOCKET` names.
//!
//! ```text
//!   start ── READY ──▶ serving ── RELOADING ──▶ reading ── READY ──▶ serving ── STOPPING ──▶
//! ```

use nix::time::{ClockId, clock_gettime};
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Whoever started the process, if it wants to be told.
#[derive(Debug)]
pub(crate) struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
}

impl Manager {
    /// Whom the environment names.
    pub(crate) fn of_environment() -> Manager {
        Manager { socket: std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name)) }
    }

    pub(crate) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nMAINPID={}\nSTATUS={status}\n", std::process::id()));
    }

    /// systemd waits for the next READY; the time tells it that this is not an older reload (`sd_notify(3)`: MONOTONIC_USEC).
    pub(crate) fn reloading(&self) {
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reloading\n", now.as_micros()));
    }

    pub(crate) fn stopping(&self, status: &str) {
        self.tell(&format!("STOPPING=1\nSTATUS={status}\n"));
    }

    fn tell(&self, text: &str) {
        if let Some((socket, to)) = &self.socket {
            // A manager that does not listen does not want to know, and nobody waits for it.
            let _ = socket.send_to_addr(text.as_bytes(), to);
        }
    }
}

/// A path, or with a leading `@` a name in the abstract namespace.
fn connect(name: &OsStr) -> Option<(UnixDatagram, SocketAddr)> {
    let to = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, to.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(server: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let count = server.recv(&mut bytes).expect("a datagram");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    #[test]
    fn paths_and_abstract_names() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let abstract_name = format!("tidegate-notify-test-{}", std::process::id());
        let addr = SocketAddr::from_abstract_name(&abstract_name).expect("short enough");
        let servers = [
            (path.clone().into_os_string(), UnixDatagram::bind(&path).expect("a socket")),
            (format!("@{abstract_name}").into(), UnixDatagram::bind_addr(&addr).expect("nobody else has the name")),
        ];
        for (name, server) in servers {
            let manager = Manager { socket: connect(&name) };
            manager.ready("Serving");
            assert_eq!(heard(&server), format!("READY=1\nMAINPID={}\nSTATUS=Serving\n", std::process::id()));
            manager.reloading();
            let text = heard(&server);
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some("RELOADING=1"));
            let time = lines.next().and_then(|line| line.strip_prefix("MONOTONIC_USEC=")).expect("the second line");
            assert!(time.parse::<u64>().is_ok_and(|time| time > 0), "{time}");
            manager.stopping("Stopping");
            assert_eq!(heard(&server), "STOPPING=1\nSTATUS=Stopping\n");
        }
    }

    #[test]
    fn nobody_is_told_nothing() {
        Manager { socket: None }.ready("Serving");
        Manager { socket: connect(OsStr::new("/nonexistent/notify")) }.ready("Serving");
    }
}
