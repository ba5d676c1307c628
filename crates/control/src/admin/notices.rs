//! What the log and standard error are told when an operator changes a server, in HAProxy's words.

use crate::checks::Line;
use check::ServerName;
use table::{Admin, Backend, Health, LogLevel, Server};

/// The operator changed what it wants of a server. The server's state is the one after that.
pub(super) fn on_admin(backend: &Backend, server: &Server, before: Admin, after: Admin) -> Vec<Line> {
    let name = name(backend, server);
    let is_up = server.state.health() == Health::Up;
    match (before, after) {
        (Admin::Ready | Admin::Drain, Admin::Maint) if !is_up => {
            vec![notice(format!("{name} was DOWN and now enters maintenance."))]
        }
        (Admin::Ready | Admin::Drain, Admin::Maint) => {
            vec![notice(format!("{name} is going DOWN for maintenance. {}", left(backend, server)))]
        }
        (Admin::Maint, Admin::Ready) => vec![notice(format!("{name} is UP/READY (leaving forced maintenance)."))],
        (Admin::Maint, Admin::Drain) => vec![
            notice(format!("{name} is UP/DRAIN (leaving forced maintenance).")),
            notice(format!("{name} remains in forced drain mode.")),
        ],
        (Admin::Ready, Admin::Drain) => vec![notice(format!("{name} enters drain state. {}", online(backend)))],
        (Admin::Drain, Admin::Ready) => {
            let word = if is_up { "UP" } else { "DOWN" };
            vec![notice(format!("{name} is {word} (leaving forced drain)."))]
        }
        (Admin::Ready, Admin::Ready) | (Admin::Drain, Admin::Drain) | (Admin::Maint, Admin::Maint) => Vec::new(),
    }
}

/// The operator said how a server's health is.
pub(super) fn on_health(backend: &Backend, server: &Server, health: Health) -> Line {
    let name = name(backend, server);
    match health {
        Health::Up => notice(format!("{name} is UP, changed from CLI. {}", online(backend))),
        Health::Down => line(LogLevel::Alert, format!("{name} is DOWN, changed from CLI. {}", left(backend, server))),
    }
}

fn name<'a>(backend: &'a Backend, server: &'a Server) -> ServerName<'a> {
    ServerName { backend: &backend.name, server: &server.name, is_backup: server.settings.backup }
}

fn left(backend: &Backend, server: &Server) -> String {
    let (current, queued) = (server.state.conns(), backend.state.queued());
    format!("{} {current} sessions active, 0 requeued, {queued} remaining in queue.", usable(backend, "left"))
}

fn online(backend: &Backend) -> String {
    let queued = backend.state.queued();
    format!("{} 0 sessions requeued, {queued} total in queue.", usable(backend, "online"))
}

fn usable(backend: &Backend, word: &str) -> String {
    let table::Usable { active, backup } = backend.state.usable();
    let on_backup = if active == 0 && backup > 0 { " Running on backup." } else { "" };
    format!("{active} active and {backup} backup servers {word}.{on_backup}")
}

fn notice(text: String) -> Line {
    line(LogLevel::Notice, text)
}

fn line(level: LogLevel, text: String) -> Line {
    Line { level, on_console: text.clone(), text }
}
