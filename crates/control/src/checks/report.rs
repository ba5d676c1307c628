//! A server that goes up or down: the balancer learns of it, and the log.

use super::track;
use check::{Notice, ServerName, Severity, Streams, Why};
use session::Shutdown;
use shard::Whose;
use std::sync::Arc;
use table::{Admin, Backend, BackendId, Health, LogLevel, Server, ServerId, Table, Usable};

/// A server is to be something else than it is.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) server: ServerId,
    pub(crate) to: Health,
    pub(crate) why: Why,
}

/// A line about it, for the log targets of the backend and for standard error, where HAProxy words one of them differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) level: LogLevel,
    pub(crate) text: String,
    pub(crate) on_console: String,
}

/// What follows from a change.
#[derive(Default)]
pub(crate) struct Aftermath {
    /// The servers that have changed.
    pub(crate) changed: Vec<ServerId>,
    /// What is to be told, in order, each line to the log of its backend.
    pub(crate) lines: Vec<(BackendId, Line)>,
    /// Whose sessions are to end.
    pub(crate) shutdowns: Vec<(Whose, Shutdown)>,
}

/// Carries a change out; answers what follows from it.
pub(crate) fn apply(table: &Table, change: Change) -> Aftermath {
    let mut aftermath = Aftermath::default();
    aftermath.change(table, change);
    aftermath
}

impl Aftermath {
    fn change(&mut self, table: &Table, Change { server: id, to, why }: Change) {
        let (backend, server) = (table.backend(id.backend), table.server(id));
        let present = server.state.health();
        if present == to {
            return;
        }
        if server.state.admin() == Admin::Maint {
            // It shows when maintenance ends.
            backend.state.set_health(server, to);
        } else {
            self.tell(table, id, to, &why);
        }
        for follower in track::followers(table, server) {
            let why = Why::Via { backend: Arc::clone(&backend.name), server: Arc::clone(&server.name) };
            self.change(table, Change { server: follower, to, why });
        }
    }

    fn tell(&mut self, table: &Table, id: ServerId, to: Health, why: &Why) {
        let (backend, server) = (table.backend(id.backend), table.server(id));
        let (present, before) = (server.state.health(), backend.state.usable());
        let was_stopping = present == Health::Stopping || server.state.admin() == Admin::Drain;
        backend.state.set_health(server, to);
        let (name, after) = (name(backend, server), backend.state.usable());
        let queued = backend.state.queued() as usize;
        let notice = match to {
            Health::Up => check::server_up(name, why, shown(after), 0, queued),
            Health::Stopping => check::server_stopping(name, why, shown(after), 0, queued),
            Health::Down => {
                let streams = Streams { current: server.state.conns() as usize, requeued: 0, queued };
                check::server_down(name, why, shown(after), streams, was_stopping)
            }
        };
        self.changed.push(id);
        self.lines.push((id.backend, line(notice)));
        self.shutdowns.extend(match to {
            Health::Up => on_marked_up(backend, server),
            Health::Stopping => None,
            Health::Down => on_marked_down(server),
        });
        if is_any(before) && !is_any(after) {
            self.lines.push((id.backend, without_server(table, &backend.name)));
        }
    }
}

/// How lines call a server.
pub(crate) fn name<'a>(backend: &'a Backend, server: &'a Server) -> ServerName<'a> {
    ServerName { backend: &backend.name, server: &server.name, is_backup: server.settings.backup }
}

/// `configuration.txt: on-marked-down`.
pub(crate) fn on_marked_down(server: &Server) -> Option<(Whose, Shutdown)> {
    let whose = || (Whose::Server(Arc::clone(&server.state)), Shutdown::ServerDown);
    server.settings.shuts_sessions_when_down.then(whose)
}

/// `configuration.txt: on-marked-up`. A backup that comes up, or a server that takes no connections, is no reason to leave a backup.
fn on_marked_up(backend: &Backend, server: &Server) -> Option<(Whose, Shutdown)> {
    let is_meant = server.settings.shuts_backups_when_up && !server.settings.backup && server.state.weight() > 0;
    is_meant.then(|| (Whose::Backups(Arc::clone(&backend.state)), Shutdown::ActiveUp))
}

/// HAProxy calls a `listen` section a proxy, and quotes the name on standard error.
pub(crate) fn without_server(table: &Table, name: &str) -> Line {
    let kind = if table.frontend_named(name).is_some() { "proxy" } else { "backend" };
    let says = |name: &str| format!("{kind} {name} has no server available!");
    Line { level: LogLevel::Emerg, text: says(name), on_console: says(&format!("'{name}'")) }
}

pub(crate) fn line(notice: Notice) -> Line {
    Line { level: level(notice.severity), on_console: notice.text.clone(), text: notice.text }
}

fn level(severity: Severity) -> LogLevel {
    match severity {
        Severity::Alert => LogLevel::Alert,
        Severity::Notice => LogLevel::Notice,
    }
}

pub(crate) fn shown(usable: Usable) -> check::Usable {
    check::Usable { active: usable.active as usize, backup: usable.backup as usize }
}

/// Whether any server can be used.
pub(crate) fn is_any(usable: Usable) -> bool {
    usable.active + usable.backup > 0
}
