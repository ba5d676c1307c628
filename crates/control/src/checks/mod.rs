//! The health checks, and the questions to agents: known by the server's name over reloads.
//!
//! A check is a task that waits, knocks once and says what it found. What follows from that is decided where all of them are
//! known, in the order in which the results come; the next check of the server is then another task.
//!
//! **Invariant:** each server has at most one task of a kind, so results wait in bounded number.

mod formulas;
mod plan;
mod report;
mod standing;
mod task;
mod track;

pub(crate) use plan::Kind;
pub(crate) use report::{Aftermath, Change, Line, apply, is_any, line, name, on_marked_down, shown, without_server};
pub(crate) use track::{followers, root, tracked};

use crate::clock;
use crate::uio::{self, Runtime};
use check::{Asked, Health, Outcome, Report, Why};
use formulas::Knowledge;
use plan::{Amendment, Key, Plan, Verdict};
use standing::Voices;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use table::{Observe, Place, Reaction, Server, ServerId, ServerState, Table, Trouble, Variables};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// A check that never rests would leave nothing for the others.
const INTERVAL_LEAST: Duration = Duration::from_millis(1);

/// Every server that is checked, or whose agent is asked.
pub(crate) struct Checks {
    runtime: Runtime,
    /// The one in force, once there is one.
    table: Option<Arc<Table>>,
    running: HashMap<Key, Running>,
    /// What the operator wants none of for the time being.
    paused: HashSet<Key>,
    /// What the operator wants otherwise than the file.
    amendments: HashMap<Key, Amendment>,
    serial_next: u64,
    /// Where the next random number comes from.
    seed: u64,
    sender: UnboundedSender<Finished>,
    results: UnboundedReceiver<Finished>,
}

struct Running {
    /// Where the server stands in the table in force.
    server: ServerId,
    plan: Plan,
    health: Health,
    /// None while it is paused.
    task: Option<JoinHandle<()>>,
    /// What the last check found.
    last: Option<Outcome>,
    /// Checks that failed and made it worse.
    failures: u64,
    /// How often its sessions met too many errors.
    alarms: u64,
    /// Tells the present task's result from one that was under way when the plan changed.
    serial: u64,
}

/// What is known of a server by its checks, or by its agent.
#[derive(Clone, Copy)]
pub(crate) struct Finding<'a> {
    pub(crate) health: &'a Health,
    pub(crate) last: Option<&'a Outcome>,
}

/// A check is over.
pub(crate) struct Finished {
    key: Key,
    serial: u64,
    pub(crate) outcome: Outcome,
}

/// What follows from a result.
#[derive(Default)]
pub(crate) struct News {
    /// The result itself, if it is to be told (`option log-health-checks`).
    pub(crate) line: Option<(table::BackendId, Line)>,
    pub(crate) change: Option<Change>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Checks {
    /// Checks that are carried out on `runtime`, which is the one of this thread.
    pub(crate) fn new(runtime: Runtime) -> Checks {
        let (sender, results) = unbounded_channel();
        Checks {
            runtime,
            table: None,
            running: HashMap::new(),
            paused: HashSet::new(),
            amendments: HashMap::new(),
            serial_next: 0,
            seed: clock::now().since(driver::Instant::EPOCH).as_nanos() as u64,
            sender,
            results,
        }
    }

    /// Checks what `table` wants checked, from now on. Checks that it does not change go on undisturbed.
    pub(crate) fn adopt(&mut self, table: &Arc<Table>) {
        self.table = Some(Arc::clone(table));
        plan::forget(&mut self.amendments, &mut self.paused, table);
        let wanted = plan::wanted(table, &self.amendments);
        for key in plan::ended(&self.running, &wanted) {
            self.running.remove(&key);
        }
        let verdicts = plan::reconcile(|key| self.running.get(key).map(|running| &running.plan), &wanted);
        let delays = plan::delays(&verdicts, &wanted, table.spread.most);
        for ((verdict, delay), wanted) in verdicts.into_iter().zip(delays).zip(wanted) {
            match verdict {
                Verdict::Keep => self.running.get_mut(&wanted.key).expect("it runs").server = wanted.id,
                Verdict::Start => self.start(table, wanted, delay),
                Verdict::Resettle => self.resettle(table, wanted, delay),
            }
        }
        track::settle(table);
    }

    /// Waits for the next result. Dropping the wait loses none.
    pub(crate) async fn next(&mut self) -> Finished {
        self.results.recv().await.expect("we hold a sender ourselves")
    }

    /// What is known of a server; `None` if it is not checked, or not for the time being.
    pub(crate) fn finding(&self, server: &Server, kind: Kind) -> Option<Finding<'_>> {
        let key = Key::of(server, kind);
        let running = self.running.get(&key).filter(|_| !self.paused.contains(&key))?;
        Some(Finding { health: &running.health, last: running.last.as_ref() })
    }

    /// How often checks of a server failed and made it worse.
    pub(crate) fn failures(&self, server: &Server) -> u64 {
        self.running.get(&Key::of(server, Kind::Check)).map_or(0, |running| running.failures)
    }

    /// How often sessions of a server met too many errors.
    pub(crate) fn alarms(&self, server: &Server) -> u64 {
        self.running.get(&Key::of(server, Kind::Check)).map_or(0, |running| running.alarms)
    }

    /// Counts failures anew (`clear counters all`).
    pub(crate) fn clear_counts(&mut self) {
        self.running.values_mut().for_each(|running| (running.failures, running.alarms) = (0, 0));
    }

    /// Whether the operator wants none for the time being.
    pub(crate) fn is_paused(&self, server: &Server, kind: Kind) -> bool {
        self.paused.contains(&Key::of(server, kind))
    }

    /// Stops to check a server, or goes on with it (`disable health`, `enable agent` and the like). Its health stays meanwhile.
    pub(crate) fn set_paused(&mut self, server: &Server, kind: Kind, is_paused: bool) {
        let key = Key::of(server, kind);
        let is_new = if is_paused { self.paused.insert(key.clone()) } else { self.paused.remove(&key) };
        if is_new && self.running.contains_key(&key) {
            self.schedule(&key, Duration::ZERO, &server.state);
        }
    }

    /// Somebody knows better how a server's health is; its checks go on from there.
    pub(crate) fn force(&mut self, server: &Server, kind: Kind, is_up: bool) {
        if let Some(running) = self.running.get_mut(&Key::of(server, kind)) {
            running.health.force(is_up);
        }
    }

    /// Where a server is checked, as the file or the operator says.
    pub(crate) fn place(&self, server: &Server, kind: Kind) -> Option<Place> {
        let settings = kind.settings(server)?;
        let amended = self.amendments.get(&Key::of(server, kind)).map(|amendment| amendment.place);
        Some(amended.unwrap_or_default().or(settings.place))
    }

    /// The operator wants it checked elsewhere (`set server … check-port` and the like). To be followed by [`adopt`](Self::adopt).
    pub(crate) fn move_to(&mut self, server: &Server, kind: Kind, place: Place) {
        if let Some(amendment) = self.amend(server, kind) {
            amendment.place = place.or(amendment.place);
        }
    }

    /// The operator wants something else said to the agent. To be followed by [`adopt`](Self::adopt).
    pub(crate) fn say_to_agent(&mut self, server: &Server, text: &str) {
        if let Some(amendment) = self.amend(server, Kind::Agent) {
            amendment.says = Some(text.to_owned());
        }
    }

    fn amend(&mut self, server: &Server, kind: Kind) -> Option<&mut Amendment> {
        let settings = kind.settings(server)?;
        Some(self.amendments.entry(Key::of(server, kind)).or_insert_with(|| Amendment::to(settings)))
    }

    /// What an agent wants besides, and of which server; `None` if it is not asked any more, or did not say a line.
    pub(crate) fn report(&self, finished: &Finished) -> Option<(ServerId, Report)> {
        let Finished { key, serial, outcome } = finished;
        let running = self.running.get(key).filter(|running| running.serial == *serial)?;
        Some((running.server, Report::of(outcome)?)).filter(|_| key.kind == Kind::Agent)
    }

    /// Takes a result, sees to the next check of the server, and answers what it means to the server.
    pub(crate) fn on_finished(&mut self, table: &Table, finished: Finished) -> News {
        let Finished { key, serial, outcome } = finished;
        let Some(running) = self.running.get(&key).filter(|running| running.serial == serial) else {
            return News::default();
        };
        let server = table.server(running.server);
        if outcome.status.is_passed() && server.settings.observe.is_some() {
            server.state.forget_errors();
        }
        let news = self.take(table, &key, outcome);
        let interval = self.running[&key].health.interval();
        let interval = check::jittered(interval, table.spread.percent, self.random());
        self.schedule(&key, interval.max(INTERVAL_LEAST), &server.state);
        news
    }

    /// Sessions met too many errors in a row (`configuration.txt: observe, on-error`).
    pub(crate) fn on_failing(&mut self, table: &Table, id: ServerId, last: Trouble) -> News {
        let server = table.server(id);
        let key = Key::of(server, Kind::Check);
        let is_checked = self.running.contains_key(&key) && !self.paused.contains(&key);
        let Some(Observe { most, reaction, .. }) = server.settings.observe.filter(|_| is_checked) else {
            return News::default();
        };
        let running = self.running.get_mut(&key).expect("asked above");
        running.alarms += 1;
        let before = running.health.interval();
        let outcome = Outcome {
            status: check::Status::Analyzed,
            code: 0,
            info: format!("Detected {most} consecutive errors, last one was: {last}").into_bytes(),
            duration: Duration::ZERO,
        };
        match reaction {
            Reaction::CheckSooner | Reaction::FailCheck => {}
            Reaction::SuddenDeath => running.health.doubt(1),
            Reaction::MarkDown => running.health.doubt(0),
        }
        let sooner = running.plan.settings.fastinter;
        let news = match reaction {
            Reaction::CheckSooner => News::default(),
            Reaction::FailCheck | Reaction::SuddenDeath | Reaction::MarkDown => self.take(table, &key, outcome),
        };
        if sooner < before {
            self.schedule(&key, sooner.max(INTERVAL_LEAST), &server.state);
        }
        news
    }

    /// Records what was found, and answers what it means to the server.
    fn take(&mut self, table: &Table, key: &Key, outcome: Outcome) -> News {
        let running = self.running.get_mut(key).expect("only what runs has results");
        let is_new = running.last.as_ref().map(|last| last.status) != Some(outcome.status);
        // An agent that cannot be heard says nothing against its server.
        let counts = key.kind == Kind::Check || outcome.status.is_passed() || outcome.status.has_code();
        let has_moved = counts && running.health.observe(outcome.status);
        running.failures += u64::from(has_moved && !outcome.status.is_passed());
        running.last = Some(outcome.clone());
        let (id, health) = (running.server, running.health.clone());
        let (backend, server) = (table.backend(id.backend), table.server(id));
        let is_told = backend.logs_checks && (is_new || has_moved) && outcome.status != check::Status::Unchanged;
        let line = is_told.then(|| {
            let asked = match key.kind {
                Kind::Check => Asked::Server,
                Kind::Agent => Asked::Agent,
            };
            let is_drained = server.state.weight() == 0;
            (id.backend, line(check::checked(asked, name(backend, server), &outcome, &health, is_drained)))
        });
        let present = server.state.health();
        let to = self.voices(server).after(key.kind, present, outcome.status);
        let why = if backend.logs_checks { Why::Told } else { Why::Found(outcome) };
        News { line, change: (to != present).then_some(Change { server: id, to, why }) }
    }

    /// Good enough to keep checks apart: one step of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
    /// generators, 2014).
    fn random(&mut self) -> u32 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ self.seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed >> 32) as u32
    }

    /// Everybody who has a say in whether a server is up.
    fn voices(&self, server: &Server) -> Voices<'_> {
        let health = |kind| self.finding(server, kind).map(|finding| finding.health);
        Voices { check: health(Kind::Check), agent: health(Kind::Agent) }
    }

    fn start(&mut self, table: &Table, wanted: plan::Wanted, delay: Duration) {
        let (key, id) = (wanted.key, wanted.id);
        let health = Health::new(wanted.plan.settings);
        let running = Running {
            server: id,
            plan: wanted.plan,
            health,
            task: None,
            last: None,
            failures: 0,
            alarms: 0,
            serial: 0,
        };
        self.running.insert(key.clone(), running);
        let server = table.server(id);
        self.schedule(&key, delay, &server.state);
        if key.kind == Kind::Check {
            // A server that left and came back may still be remembered as down by its sessions. It starts like any other.
            let to = self.voices(server).at_start();
            if server.state.health() != to {
                table.backend(id.backend).state.set_health(server, to);
            }
        }
    }

    fn resettle(&mut self, table: &Table, wanted: plan::Wanted, delay: Duration) {
        let running = self.running.get_mut(&wanted.key).expect("it runs");
        running.health.resettle(wanted.plan.settings);
        (running.server, running.plan) = (wanted.id, wanted.plan);
        self.schedule(&wanted.key, delay, &table.server(wanted.id).state);
    }

    /// Starts the task of a server's next check, `delay` from now, in place of the one that there is. What that one finds counts no
    /// more.
    fn schedule(&mut self, key: &Key, delay: Duration, state: &Arc<ServerState>) {
        self.serial_next += 1;
        let serial = self.serial_next;
        let running = self.running.get_mut(key).expect("only what runs is scheduled");
        if let Some(before) = running.task.take() {
            before.abort();
        }
        running.serial = serial;
        if self.paused.contains(key) {
            return;
        }
        let (runtime, key, state) = (self.runtime, key.clone(), Arc::clone(state));
        let (plan, sender) = (running.plan.clone(), self.sender.clone());
        let table = self.table.as_ref().filter(|_| !plan.formulas.is_empty());
        let knowledge = table.map(|table| Knowledge {
            table: Arc::clone(table),
            server: running.server,
            formulas: Arc::clone(&plan.formulas),
            progress: running.health.to_string(),
            variables: Variables::default(),
        });
        running.task = Some(uio::spawn(async move {
            tokio::time::sleep(delay).await;
            let is_in_use = state.health() != table::Health::Down;
            let outcome = task::check(runtime, &plan, is_in_use, knowledge).await;
            // Nobody is left to hear of it only when the process ends.
            let _ = sender.send(Finished { key, serial, outcome });
        }));
    }
}
