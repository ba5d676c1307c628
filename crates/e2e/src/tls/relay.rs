//! A relay to one server, for scenarios about TLS between both.

use crate::proxy::Ended;
use crate::{Admin, LogServer, Proxy, Setup, Subject};

const RELAY: &str = "
    global
        nbthread @threads@
        log @log@ local2
        stats socket @admin@ level admin
    defaults
        mode @mode@
        log global
        option tcplog
        timeout connect 2s
        timeout client 10s
        timeout server 10s
        @defaults@
    frontend px
        bind @px@
        default_backend servers
    backend servers
        server s1 @s1@ @server@
        @more@";

/// A proxy that clients reach in clear, and its one server, whose line says how it is reached.
pub struct Relay {
    setup: Setup,
    logs: LogServer,
    admin: Admin,
}

impl Relay {
    /// `target` is where the server listens, `server` what stands behind it on its line.
    pub fn new(subject: Subject, target: &str, server: &str) -> Relay {
        let (logs, admin) = (LogServer::udp(), Admin::new());
        let setup = Setup::new(subject, RELAY).with("log", logs.target()).with("admin", admin.path().display());
        let setup = setup.with("s1", target).with("server", server).with("mode", "tcp");
        let setup = setup.with("defaults", "").with("more", "");
        Relay { setup, logs, admin }
    }

    /// Puts `value` where the text says `@name@`: `mode`, `threads`, lines of `defaults`, and `more` of the backend.
    pub fn with(self, name: &str, value: &str) -> Relay {
        Relay { setup: self.setup.with(name, value), ..self }
    }

    /// Sets a variable of its environment.
    pub fn environment(self, name: &str, value: &str) -> Relay {
        Relay { setup: self.setup.environment(name, value), ..self }
    }

    /// Starts it, with a server for its log and one for its commands.
    pub fn start(self) -> (Proxy, LogServer, Admin) {
        (self.setup.start(), self.logs, self.admin)
    }

    /// Runs it until it ends by itself, for what does not start.
    pub fn run_to_end(self) -> Ended {
        self.setup.run_to_end()
    }
}
