//! What commands work on: control, as far as they may see and change it.

use super::facts::{Facts, Process};
use super::socket::Place;
use crate::certificates::Shelf;
use crate::checks::{self, Aftermath, Change, Checks, Line};
use crate::clock::{self, Moment};
use crate::evictions::Evictions;
use crate::history::History;
use crate::ledger::Ledger;
use crate::load::Files;
use crate::pages;
use crate::reloads::Reloads;
use crate::settings::ProcessSettings;
use crate::warmups::Warmups;
use config::{Access, Source};
use session::Shutdown;
use shard::Whose;
use std::sync::Arc;
use table::{Backend, BackendId, Server, ServerId, Table};

/// Lent for one command.
pub(crate) struct Desk<'a> {
    pub(crate) table: &'a Arc<Table>,
    pub(crate) checks: &'a mut Checks,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) warmups: &'a mut Warmups,
    pub(crate) history: &'a History,
    pub(crate) shelf: &'a mut Shelf,
    /// What the table in force was made of, and where its files are.
    pub(crate) sources: &'a [Source],
    pub(crate) files: &'a Files,
    pub(crate) evictions: &'a mut Evictions,
    pub(crate) process: &'a Process,
    /// What the file in force says about the process.
    pub(crate) settings: &'a ProcessSettings,
    pub(crate) pages: &'a pages::Memory,
    pub(crate) reloads: &'a Reloads,
    /// Where commands are taken, and of whom.
    pub(crate) sockets: Vec<(&'a Place, Access)>,
    pub(crate) logs_dropped: u64,
    pub(crate) is_stopping: bool,
    /// A table is under way to the shards.
    pub(crate) is_reloading: bool,
    /// What is to be told of it, each with the backend whose log it is for.
    pub(crate) told: Vec<(BackendId, Line)>,
    /// Whose sessions are to end.
    pub(crate) shut_down: Vec<(Whose, Shutdown)>,
}

impl Desk<'_> {
    /// Everything as it is at this moment.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            table: self.table,
            checks: self.checks,
            ledger: self.ledger,
            process: self.process,
            node: self.settings.node.as_deref().unwrap_or(&self.process.node),
            description: self.settings.description.as_deref(),
            logs_dropped: self.logs_dropped,
            is_stopping: self.is_stopping,
            now: Moment::now(),
        }
    }

    /// Changes a server, and sees to what follows: the ledger looks at it, and a backend that lost its last server says so.
    pub(super) fn change(&mut self, id: ServerId, change: impl FnOnce(&Backend, &Server)) {
        let backend = self.table.backend(id.backend);
        let before = backend.state.usable();
        change(backend, self.table.server(id));
        let after = backend.state.usable();
        self.ledger.look(self.table, id, clock::now());
        self.warmups.look(self.table.server(id), clock::now());
        if checks::is_any(before) && !checks::is_any(after) {
            self.told.push((id.backend, checks::without_server(self.table, &backend.name)));
        }
    }

    /// A server's health is another one now.
    pub(super) fn change_health(&mut self, change: Change) {
        let Aftermath { changed, lines, shutdowns } = checks::apply(self.table, change);
        for id in changed {
            self.ledger.look(self.table, id, clock::now());
            self.warmups.look(self.table.server(id), clock::now());
        }
        self.told.extend(lines);
        self.shut_down.extend(shutdowns);
    }

    /// Tells of a server what stands before what follows from it: before the lines from `at` on.
    pub(super) fn tell_from(&mut self, at: usize, id: ServerId, lines: Vec<Line>) {
        let lines = lines.into_iter().map(|line| (id.backend, line));
        self.told.splice(at..at, lines);
    }
}
