//! A server that goes up or down: the balancer learns of it, and the log.

use check::{Notice, Outcome, ServerName, Severity, Streams, Transition};
use session::Shutdown;
use shard::Whose;
use std::sync::Arc;
use table::{Backend, Health, LogLevel, Server, ServerId, Table, Usable};

/// What a check changed.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) server: ServerId,
    pub(crate) transition: Transition,
    pub(crate) outcome: Outcome,
}

/// A line about it, for the log targets of the backend and for standard error, where HAProxy words one of them differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) level: LogLevel,
    pub(crate) text: String,
    pub(crate) on_console: String,
}

/// What follows from a change.
pub(crate) struct Aftermath {
    /// What is to be told, in order.
    pub(crate) lines: Vec<Line>,
    /// Whose sessions are to end.
    pub(crate) shutdown: Option<(Whose, Shutdown)>,
}

/// Carries a change out; answers what follows from it.
pub(crate) fn apply(table: &Table, change: Change) -> Aftermath {
    let Change { server: id, transition, outcome } = change;
    let (backend, server) = (table.backend(id.backend), table.server(id));
    let name = ServerName { backend: &backend.name, server: &server.name, is_backup: server.settings.backup };
    let before = backend.state.usable();
    match transition {
        Transition::WentUp => {
            backend.state.set_health(server, Health::Up);
            let online = shown(backend.state.usable());
            let lines = vec![line(check::server_up(name, &outcome, online, 0, 0))];
            Aftermath { lines, shutdown: on_marked_up(backend, server) }
        }
        Transition::WentDown => {
            backend.state.set_health(server, Health::Down);
            let left = backend.state.usable();
            let streams = Streams { current: server.state.conns() as usize, requeued: 0, queued: 0 };
            let mut lines = vec![line(check::server_down(name, &outcome, shown(left), streams))];
            if is_any(before) && !is_any(left) {
                lines.push(without_server(table, &backend.name));
            }
            Aftermath { lines, shutdown: on_marked_down(server) }
        }
    }
}

/// `configuration.txt: on-marked-down`.
fn on_marked_down(server: &Server) -> Option<(Whose, Shutdown)> {
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

fn line(notice: Notice) -> Line {
    Line { level: level(notice.severity), on_console: notice.text.clone(), text: notice.text }
}

fn level(severity: Severity) -> LogLevel {
    match severity {
        Severity::Emergency => LogLevel::Emerg,
        Severity::Alert => LogLevel::Alert,
        Severity::Notice => LogLevel::Notice,
    }
}

fn shown(usable: Usable) -> check::Usable {
    check::Usable { active: usable.active as usize, backup: usable.backup as usize }
}

/// Whether any server can be used.
pub(crate) fn is_any(usable: Usable) -> bool {
    usable.active + usable.backup > 0
}
