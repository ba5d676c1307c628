//! From files that were read to a table in force, at the start and at every reload, and what is said of it.

use super::{Control, Exit, Life};
use crate::certificates::Found;
use crate::checks;
use crate::clock::{self, Moment};
use crate::console::Urgency;
use crate::handover::{Occasion, Refusal, Step};
use crate::reading::Result as ReadingResult;
use crate::report;
use crate::server_states::ServerStates;
use shard::Mail;
use std::sync::Arc;
use table::{BackendId, LogLevel, Standing, Table};

impl Control {
    pub(super) fn start(&mut self) {
        let first = self.coming.as_ref().and_then(|first| first.table.clone());
        match first {
            Some(table) if self.prepare_admin() => self.begin(table, Occasion::Start),
            Some(_) | None => self.life = Life::Ended(Exit::CannotStart),
        }
    }

    /// Binds the admin sockets of the table that comes; says why if that fails.
    pub(super) fn prepare_admin(&mut self) -> bool {
        let settings = self.coming.as_ref().map(|coming| coming.admin.clone()).unwrap_or_default();
        match self.admin.prepare(settings, std::mem::take(&mut self.admin_sockets)) {
            Ok(prepared) => {
                self.admin_coming = Some(prepared);
                true
            }
            Err(failure) => {
                let text = report::admin_failure(&failure);
                self.console.say(Urgency::Alert, &text);
                self.log.tell_all(&self.table, LogLevel::Alert, &text, &mut self.console);
                false
            }
        }
    }

    pub(super) fn read(&mut self) {
        if self.reading.is_busy() {
            return;
        }
        self.is_reload_wanted = false;
        self.reloads.begin();
        self.manager.reloading();
        self.history.begin(Moment::now());
        if let Err(err) = self.reading.begin(self.files.clone(), self.generation_next, self.defaults.clone()) {
            self.refuse(&format!("no thread to read it: {}", driver::Errno::of(&err)));
        }
    }

    pub(super) fn on_read(&mut self, result: ReadingResult) {
        let loaded = self.reading.finish(result);
        if !matches!(self.life, Life::Serving) {
            return;
        }
        let said = report::said(&loaded, self.console.pid());
        self.console.print(said.as_bytes());
        self.reloads.on_read(said);
        for alert in report::alerts(&loaded) {
            self.log.tell_all(&self.table, LogLevel::Alert, &alert, &mut self.console);
        }
        if let Some(text) = report::shard_count_changed(loaded.nbthread, self.mailboxes.len()) {
            self.console.say(Urgency::Warning, &text);
        }
        match &loaded.table {
            None => self.refuse("it has errors"),
            Some(_) if !loaded.has_listener => self.refuse("it has no listener"),
            Some(table) => {
                let (first, runtime) = self.engine;
                if let Some(text) = report::engine_changed(loaded.io_engine, first, runtime) {
                    self.console.say(Urgency::Warning, &text);
                }
                let wanted = table.global.messages.sent_size_max;
                if let Some(text) = report::buffer_size_changed(wanted, self.buffer_size) {
                    self.console.say(Urgency::Warning, &text);
                }
                let table = Arc::clone(table);
                self.coming = Some(loaded);
                if self.prepare_admin() {
                    self.begin(table, Occasion::Reload);
                } else {
                    self.coming = None;
                    self.refuse("not all of its admin sockets can be bound");
                }
            }
        }
    }

    pub(super) fn begin(&mut self, table: Arc<Table>, occasion: Occasion) {
        let step = self.handover.begin(table, occasion, clock::now());
        self.carry_out(step);
    }

    pub(super) fn carry_out(&mut self, step: Step) {
        match step {
            Step::Prepare(table) => self.post_all(|| Mail::Prepare(Arc::clone(&table))),
            Step::Publish(table) => self.publish(table),
            Step::GiveUp(refusal) => self.give_up(&refusal),
            Step::Finish => self.finish(),
        }
    }

    pub(super) fn publish(&mut self, table: Arc<Table>) {
        let is_any_closed = table.frontends.iter().any(|frontend| frontend.state.standing() != Standing::Open);
        table.take_over();
        let told = self.restore(&table);
        self.published.store(Arc::clone(&table));
        self.mailboxes.iter().for_each(|mailbox| mailbox.wake());
        if is_any_closed {
            self.open_after_reload();
        }
        // More connections may be allowed than before.
        self.checks.adopt(&table);
        self.ledger.adopt(&table, clock::now());
        self.warmups.adopt(&table, clock::now());
        if let Some(prepared) = self.admin_coming.take() {
            self.admin.adopt(prepared);
        }
        self.generation_next = table.generation + 1;
        let before = std::mem::replace(&mut self.table, table);
        self.history.on_published(&before, &self.table);
        if let Some(coming) = &mut self.coming {
            self.sources = std::mem::take(&mut coming.sources);
            self.shelf = std::mem::take(&mut coming.shelf);
        }
        for (backend, line) in told {
            self.tell_of_server(backend, &line);
        }
        let is_gone = |proxy: &report::Proxy| !proxy.is_stopped && !report::has_proxy(&self.table, &proxy.name);
        let gone = report::proxies(&before).into_iter().filter(is_gone).collect();
        self.tell_stopped(before, gone);
    }

    /// At the start: the servers are as files say that they were, before the first connection finds them otherwise.
    pub(super) fn restore(&mut self, table: &Arc<Table>) -> Vec<(BackendId, checks::Line)> {
        let states = self.coming.as_mut().map(|coming| std::mem::take(&mut coming.server_states)).unwrap_or_default();
        if states == ServerStates::default() {
            return Vec::new();
        }
        let now = clock::now();
        self.checks.adopt(table);
        self.ledger.adopt(table, now);
        states.apply(table, &mut self.checks, &mut self.ledger, now)
    }

    pub(super) fn finish(&mut self) {
        if let Some(taken) = self.coming.take() {
            self.settings = taken.process;
        }
        match self.life {
            Life::Starting => self.serve_on(),
            Life::Serving => {
                self.history.on_taken(self.table.generation, clock::now());
                self.reloads.on_adopted(clock::now());
                let text = report::reloaded(&self.table);
                self.manager.ready(&text);
                self.console.say(Urgency::Notice, &text);
                self.log.tell_all(&self.table, LogLevel::Notice, &text, &mut self.console);
            }
            Life::Lingering { .. } | Life::Draining { .. } | Life::Stopping { .. } | Life::Ended(_) => (),
        }
    }

    /// Files of certificates may have changed (`tidegate.watch-certificates`).
    pub(super) fn look_at_certificates(&mut self, now: driver::Instant) {
        for found in self.shelf.look(now) {
            let (urgency, level, text) = match found {
                Found::Taken(path) => {
                    (Urgency::Notice, LogLevel::Notice, format!("Certificate '{path}' was taken over from its file."))
                }
                Found::Refused(path, why) => {
                    let text = format!("Certificate '{path}' stays as it was: {why}");
                    (Urgency::Warning, LogLevel::Warning, text)
                }
            };
            self.console.say(urgency, &text);
            self.log.tell_all(&self.table, level, &text, &mut self.console);
        }
    }

    /// The start is over.
    pub(super) fn serve_on(&mut self) {
        self.life = Life::Serving;
        let told = self.on_serving.take().map_or(Ok(()), |on_serving| on_serving());
        match told {
            Ok(()) => self.manager.ready("Serving"),
            Err(text) => {
                self.console.say(Urgency::Alert, &text);
                self.life = Life::Ended(Exit::CannotStart);
            }
        }
    }

    pub(super) fn give_up(&mut self, refusal: &Refusal) {
        self.post_all(|| Mail::Forget);
        self.admin_coming = None;
        let coming = self.coming.take().expect("a table is under way");
        // Its number may still be in the mail of a shard that did not answer.
        self.generation_next += 1;
        for text in report::refusal(refusal, &coming) {
            self.console.say(Urgency::Alert, &text);
            self.log.tell_all(&self.table, LogLevel::Alert, &text, &mut self.console);
        }
        if let Life::Starting = self.life {
            self.console.say(Urgency::Alert, "Some protocols failed to start their listeners! Exiting.");
            self.life = Life::Ended(Exit::CannotStart);
        } else {
            self.refuse("not all of its addresses can be bound");
        }
    }

    /// A reload that is not taken: everything stays as it was.
    pub(super) fn refuse(&mut self, why: &str) {
        self.history.on_refused(why, self.table.generation, clock::now());
        let text = format!("Configuration not reloaded: {why}. Generation {} stays in force.", self.table.generation);
        self.manager.ready(&text);
        self.reloads.on_refused(&Urgency::Alert.line(self.console.pid(), &text));
        self.console.say(Urgency::Alert, &text);
        self.log.tell_all(&self.table, LogLevel::Alert, &text, &mut self.console);
    }

    pub(super) fn tell_stopped(&mut self, table: Arc<Table>, proxies: Vec<report::Proxy>) {
        for proxy in proxies {
            let text = proxy.stopped();
            self.console.say(Urgency::Warning, &text);
            self.log.tell(&table, &proxy.log_targets, LogLevel::Warning, &text, &mut self.console);
        }
    }
}
