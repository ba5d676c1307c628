//! The health checks: one per server, known by name over reloads.
//!
//! A check is a task that waits, knocks once and says what it found. What follows from that is decided where all of them are
//! known, in the order in which the results come; the next check of the server is then another task.
//!
//! **Invariant:** each server has at most one task, so results wait in bounded number.

mod plan;
mod report;
mod task;

pub(crate) use report::{Aftermath, Change, Line, apply, is_any, without_server};

use crate::uio::{self, Runtime};
use check::{Health, Outcome};
use plan::{Key, Plan, Verdict};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use table::{Server, ServerId, Table};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// A check that never rests would leave nothing for the others.
const INTERVAL_LEAST: Duration = Duration::from_millis(1);

/// Every server that is checked.
pub(crate) struct Checks {
    runtime: Runtime,
    running: HashMap<Key, Running>,
    serial_next: u64,
    sender: UnboundedSender<Finished>,
    results: UnboundedReceiver<Finished>,
}

struct Running {
    /// Where the server stands in the table in force.
    server: ServerId,
    plan: Plan,
    health: Health,
    task: JoinHandle<()>,
    /// What the last check found.
    last: Option<Outcome>,
    /// Checks that failed while the server was up.
    failures: u64,
    /// The operator wants none for the time being.
    is_paused: bool,
    /// Tells the present task's result from one that was under way when the plan changed.
    serial: u64,
}

/// What is known of a server by its checks.
#[derive(Clone, Copy)]
pub(crate) struct Finding<'a> {
    pub(crate) health: &'a Health,
    pub(crate) last: Option<&'a Outcome>,
    /// Checks that failed while the server was up.
    pub(crate) failures: u64,
}

/// A check is over.
pub(crate) struct Finished {
    key: Key,
    serial: u64,
    outcome: Outcome,
}

impl Checks {
    /// Checks that are carried out on `runtime`, which is the one of this thread.
    pub(crate) fn new(runtime: Runtime) -> Checks {
        let (sender, results) = unbounded_channel();
        Checks { runtime, running: HashMap::new(), serial_next: 0, sender, results }
    }

    /// Checks what `table` wants checked, from now on. Checks that it does not change go on undisturbed.
    pub(crate) fn adopt(&mut self, table: &Table) {
        let wanted = plan::wanted(table);
        for key in plan::ended(&self.running, &wanted) {
            let ended = self.running.remove(&key).expect("it runs");
            ended.task.abort();
        }
        let verdicts = plan::reconcile(|key| self.running.get(key).map(|running| &running.plan), &wanted);
        let delays = plan::delays(&verdicts, &wanted);
        for ((verdict, delay), wanted) in verdicts.into_iter().zip(delays).zip(wanted) {
            match verdict {
                Verdict::Keep => self.running.get_mut(&wanted.key).expect("it runs").server = wanted.id,
                Verdict::Start => self.start(table, wanted, delay),
                Verdict::Resettle => self.resettle(wanted, delay),
            }
        }
    }

    /// Waits for the next result. Dropping the wait loses none.
    pub(crate) async fn next(&mut self) -> Finished {
        self.results.recv().await.expect("we hold a sender ourselves")
    }

    /// What is known of a server; `None` if it is not checked.
    pub(crate) fn finding(&self, server: &Server) -> Option<Finding<'_>> {
        let running = self.running.get(&(Arc::clone(&server.backend_name), Arc::clone(&server.name)))?;
        Some(Finding { health: &running.health, last: running.last.as_ref(), failures: running.failures })
    }

    /// Counts failures anew (`clear counters all`).
    pub(crate) fn clear_counts(&mut self) {
        self.running.values_mut().for_each(|running| running.failures = 0);
    }

    /// Stops to check a server, or goes on with it (`disable health`, `enable health`). Its health stays meanwhile.
    pub(crate) fn set_paused(&mut self, server: &Server, is_paused: bool) {
        let key = (Arc::clone(&server.backend_name), Arc::clone(&server.name));
        let Some(running) = self.running.get_mut(&key).filter(|running| running.is_paused != is_paused) else { return };
        running.is_paused = is_paused;
        running.task.abort();
        // A result that is under way counts no more.
        running.serial = 0;
        if !is_paused {
            let plan = running.plan.clone();
            let (task, serial) = self.spawn(&key, &plan, Duration::ZERO);
            let running = self.running.get_mut(&key).expect("found above");
            (running.task, running.serial) = (task, serial);
        }
    }

    /// The operator knows how a server's health is; its checks go on from there.
    pub(crate) fn force(&mut self, server: &Server, is_up: bool) {
        let key = (Arc::clone(&server.backend_name), Arc::clone(&server.name));
        if let Some(running) = self.running.get_mut(&key) {
            running.health.force(is_up);
        }
    }

    /// Takes a result, and sees to the next check of the server.
    pub(crate) fn on_finished(&mut self, finished: Finished) -> Option<Change> {
        let Finished { key, serial, outcome } = finished;
        let running = self.running.get_mut(&key).filter(|running| running.serial == serial)?;
        running.failures += u64::from(running.health.is_up() && !outcome.status.is_passed());
        let transition = running.health.observe(&outcome);
        running.last = Some(outcome.clone());
        let (server, plan, interval) = (running.server, running.plan.clone(), running.health.interval());
        let (task, serial) = self.spawn(&key, &plan, interval.max(INTERVAL_LEAST));
        let running = self.running.get_mut(&key).expect("found above");
        (running.task, running.serial) = (task, serial);
        transition.map(|transition| Change { server, transition, outcome })
    }

    fn start(&mut self, table: &Table, wanted: plan::Wanted, delay: Duration) {
        // A server that left and came back may still be remembered as down by its sessions. It starts like any other.
        if table.server(wanted.id).state.health() == table::Health::Down {
            let backend = table.backend(wanted.id.backend);
            backend.state.set_health(table.server(wanted.id), table::Health::Up);
        }
        let health = Health::new(wanted.plan.settings);
        let (task, serial) = self.spawn(&wanted.key, &wanted.plan, delay);
        self.running.insert(
            wanted.key,
            Running {
                server: wanted.id,
                plan: wanted.plan,
                health,
                task,
                last: None,
                failures: 0,
                is_paused: false,
                serial,
            },
        );
    }

    fn resettle(&mut self, wanted: plan::Wanted, delay: Duration) {
        let is_paused = self.running.get(&wanted.key).is_some_and(|running| running.is_paused);
        let (task, serial) = self.spawn(&wanted.key, &wanted.plan, delay);
        if is_paused {
            task.abort();
        }
        let running = self.running.get_mut(&wanted.key).expect("it runs");
        running.task.abort();
        running.health.resettle(wanted.plan.settings);
        (running.server, running.plan, running.task, running.serial) = (wanted.id, wanted.plan, task, serial);
    }

    /// Starts the task of a server's next check, `delay` from now.
    fn spawn(&mut self, key: &Key, plan: &Plan, delay: Duration) -> (JoinHandle<()>, u64) {
        self.serial_next += 1;
        let (key, plan, serial, sender) = (key.clone(), plan.clone(), self.serial_next, self.sender.clone());
        let runtime = self.runtime;
        let task = uio::spawn(async move {
            tokio::time::sleep(delay).await;
            let outcome = task::check(runtime, &plan).await;
            // Nobody is left to hear of it only when the process ends.
            let _ = sender.send(Finished { key, serial, outcome });
        });
        (task, serial)
    }
}
