//! What operators and their tools ask for, and what follows from it.

use super::{Control, Life};
use crate::admin::{self, Asked};
use crate::checks::{self, Finished};
use crate::console::Urgency;
use crate::pages::{self, Visit};
use table::{BackendId, LogLevel};

impl Control {
    pub(super) fn on_command(&mut self, asked: Asked) {
        match self.at_desk(|desk| admin::answer(desk, &asked)) {
            // A client that has gone does not want to know.
            admin::Reply::Now(answer) => drop(asked.reply.send(answer)),
            admin::Reply::Sessions(wanted) => self.sessions.ask(&self.mailboxes, wanted, asked.reply),
            admin::Reply::Reload if matches!(self.life, Life::Starting | Life::Serving) => {
                self.reloads.wait(asked.reply);
                self.is_reload_wanted = true;
            }
            admin::Reply::Reload => drop(asked.reply.send("Success=0\n--\n".into())),
            admin::Reply::Stand(frontend, standing) => self.stand(frontend, standing, asked.reply),
        }
    }

    pub(super) fn on_visit(&mut self, visit: Visit) {
        let response = self.at_desk(|desk| pages::answer(desk, &visit));
        // As above.
        let _ = visit.reply.send(response);
    }

    /// Reads or changes what an operator may, and sees to what follows from it.
    pub(super) fn at_desk<R>(&mut self, act: impl FnOnce(&mut admin::Desk<'_>) -> R) -> R {
        let mut desk = admin::Desk {
            table: &self.table,
            checks: &mut self.checks,
            ledger: &mut self.ledger,
            warmups: &mut self.warmups,
            evictions: &mut self.evictions,
            history: &self.history,
            shelf: &mut self.shelf,
            sources: &self.sources,
            files: &self.files,
            process: &self.process,
            settings: &self.settings,
            reloads: &self.reloads,
            pages: &self.pages,
            sockets: self.admin.sockets().collect(),
            logs_dropped: self.port.records_dropped() + self.log.losses().map(|(_, count)| count).sum::<u64>(),
            is_stopping: !matches!(self.life, Life::Starting | Life::Serving),
            is_reloading: !self.handover.is_resting(),
            told: Vec::new(),
            shut_down: Vec::new(),
        };
        let result = act(&mut desk);
        let admin::Desk { told, shut_down, .. } = desk;
        for (backend, line) in told {
            self.tell_of_server(backend, &line);
        }
        for (whose, why) in shut_down {
            self.shut_down(&whose, why);
        }
        result
    }

    pub(super) fn on_checked(&mut self, finished: Finished) {
        self.at_desk(|desk| desk.on_checked(finished));
    }

    /// Something happened to a server of this backend.
    pub(super) fn tell_of_server(&mut self, backend: BackendId, line: &checks::Line) {
        let urgency = if line.level == LogLevel::Emerg { Urgency::Alert } else { Urgency::Warning };
        self.console.say(urgency, &line.on_console);
        let targets = &self.table.backend(backend).log_targets;
        self.log.tell(&self.table, targets, line.level, &line.text, &mut self.console);
    }
}
