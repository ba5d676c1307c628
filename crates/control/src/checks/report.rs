//! A server that goes up or down: the balancer learns of it, and the log.

use check::{Notice, Outcome, ServerName, Severity, Streams, Transition};
use table::{Health, LogLevel, ServerId, Table, Usable};

/// What a check changed.
#[derive(Clone, Copy, Debug)]
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

/// Carries a change out; answers what is to be told, in order.
pub(crate) fn apply(table: &Table, change: Change) -> Vec<Line> {
    let Change { server: id, transition, outcome } = change;
    let (backend, server) = (table.backend(id.backend), table.server(id));
    let name = ServerName { backend: &backend.name, server: &server.name, is_backup: server.settings.backup };
    let before = backend.state.usable();
    match transition {
        Transition::WentUp => {
            backend.state.set_health(server, Health::Up);
            let online = shown(backend.state.usable());
            vec![line(check::server_up(name, outcome, online, 0, 0))]
        }
        Transition::WentDown => {
            backend.state.set_health(server, Health::Down);
            let left = backend.state.usable();
            let streams = Streams { current: server.state.conns() as usize, requeued: 0, queued: 0 };
            let mut lines = vec![line(check::server_down(name, outcome, shown(left), streams))];
            if is_any(before) && !is_any(left) {
                lines.push(without_server(table, &backend.name));
            }
            lines
        }
    }
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
