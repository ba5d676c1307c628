//! What the log and standard error are told when an operator changes a server, in HAProxy's words.

use crate::checks::{Line, name, shown};
use table::{Admin, Backend, Health, LogLevel, Server};

/// What is wanted of a server: by the operator, and by the server that it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    own: Admin,
    inherited: Admin,
    is_placed: bool,
}

impl Wish {
    pub(super) fn of(server: &Server) -> Wish {
        let state = &server.state;
        Wish { own: state.own_admin(), inherited: state.inherited_admin(), is_placed: state.is_placed() }
    }

    /// What takes it further out.
    pub(super) fn effective(self) -> Admin {
        if self.is_placed { self.own.max(self.inherited) } else { Admin::Maint }
    }
}

/// What is wanted of a server has changed; its state is the one after that. `via`: backend and server that it follows in this.
pub(super) fn on_admin(
    backend: &Backend,
    server: &Server,
    before: Wish,
    after: Wish,
    via: Option<(&str, &str)>,
) -> Vec<Line> {
    let name = name(backend, server);
    let via = via.map(|(backend, server)| format!(" via {backend}/{server}")).unwrap_or_default();
    let health = server.state.health();
    let word = if health == Health::Down { "DOWN" } else { "UP" };
    let remains = |kind: &str| match after {
        Wish { own, .. } if own == after.effective() => notice(format!("{name} remains in forced {kind}.")),
        Wish { .. } => notice(format!("{name} remains in {kind}.")),
    };
    let forced = if before.own == Admin::Maint { "forced " } else { "" };
    if after.is_placed && !before.is_placed {
        return vec![notice(match after.effective() {
            Admin::Maint => format!("{name} resolves again but remains in maintenance."),
            Admin::Drain => format!("{name} is {word}/DRAIN (resolves again)."),
            Admin::Ready => format!("{name} is {word}/READY (resolves again)."),
        })];
    }
    match (before.effective(), after.effective()) {
        (Admin::Ready | Admin::Drain, Admin::Maint) if health == Health::Down => {
            vec![notice(format!("{name} was DOWN and now enters maintenance{via}."))]
        }
        (was, Admin::Maint) if was != Admin::Maint => {
            let was_stopping = was == Admin::Drain || health == Health::Stopping;
            let level = if was_stopping { LogLevel::Notice } else { LogLevel::Alert };
            vec![line(level, format!("{name} is going DOWN for maintenance{via}. {}", left(backend, server)))]
        }
        (Admin::Maint, Admin::Ready) => vec![notice(format!("{name} is {word}/READY (leaving {forced}maintenance)."))],
        (Admin::Maint, Admin::Drain) => {
            vec![notice(format!("{name} is {word}/DRAIN (leaving {forced}maintenance).")), remains("drain mode")]
        }
        (Admin::Ready, Admin::Drain) => vec![notice(format!("{name} enters drain state{via}. {}", online(backend)))],
        (Admin::Drain, Admin::Ready) => vec![notice(format!("{name} is {word} (leaving forced drain)."))],
        // Of two wishes one has gone, and the other keeps it where it is.
        (Admin::Maint, _) if after.own < before.own || after.inherited < before.inherited => {
            vec![remains("maintenance")]
        }
        (Admin::Drain, _) if after.own < before.own || after.inherited < before.inherited => {
            vec![remains("drain mode")]
        }
        (Admin::Ready | Admin::Drain | Admin::Maint, Admin::Ready | Admin::Drain | Admin::Maint) => Vec::new(),
    }
}

fn left(backend: &Backend, server: &Server) -> String {
    let (current, queued) = (server.state.conns(), backend.state.queued());
    format!("{} {current} sessions active, 0 requeued, {queued} remaining in queue.", usable(backend, "left"))
}

fn online(backend: &Backend) -> String {
    let queued = backend.state.queued();
    format!("{} 0 sessions requeued, {queued} total in queue.", usable(backend, "online"))
}

fn usable(backend: &Backend, verb: &str) -> String {
    shown(backend.state.usable()).words(verb)
}

fn notice(text: String) -> Line {
    line(LogLevel::Notice, text)
}

fn line(level: LogLevel, text: String) -> Line {
    Line { level, on_console: text.clone(), text }
}
