//! The control thread's loop: one event in, everything that follows from it, then the next.
//!
//! It waits for all of its sources at once and for none of them alone: shards answer by notices, the configuration is read on a
//! thread of its own, checks are tasks that report.

mod standing;

use crate::admin::{self, Admin, AdminSockets, Asked, Collect, Prepared, Wish};
use crate::checks::{self, Checks, Finished};
use crate::clock::{self, Moment};
use crate::console::{Console, Urgency};
use crate::evictions::Evictions;
use crate::handover::{Handover, Occasion, Step};
use crate::history::History;
use crate::ledger::Ledger;
use crate::load::{Defaults, Files, Loaded};
use crate::log::Log;
use crate::manager::Manager;
use crate::news::News;
use crate::pages::{self, Visit};
use crate::reading::{Reading, Result as ReadingResult};
use crate::reloads::Reloads;
use crate::report;
use crate::server_states::ServerStates;
use crate::settings::ProcessSettings;
use crate::shutdowns::Shutdowns;
use crate::signals::{Request, Signals, StopSignal};
use crate::uio::{self, Runtime};
use crate::warmups::Warmups;
use crate::watch::{Finding, LOOK_EVERY, Watch};
use arc_swap::ArcSwap;
use config::{IoEngine, Source};
use driver::Instant;
use jiff::tz::TimeZone;
use session::Shutdown;
use shard::{ControlPort, Mail, Mailbox, Notice, Whose};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use table::{BackendId, LogLevel, ShardIndex, Standing, StateBook, Table};

/// What control works with. Shards run already, by an empty table and without listeners.
pub struct Parts {
    pub files: Files,
    pub book: StateBook,
    /// What is to be served first: a table with listeners.
    pub first: Loaded,
    pub defaults: Defaults,
    /// Holds [`empty_table`](crate::empty_table).
    pub published: Arc<ArcSwap<Table>>,
    /// One per shard, in their order.
    pub mailboxes: Vec<Arc<Mailbox>>,
    pub port: Arc<ControlPort>,
    /// An eventfd that is readable when the port has news.
    pub news: OwnedFd,
    /// What this thread runs on: the engine of the shards.
    pub runtime: Runtime,
    /// Of the first table, as far as they are bound already.
    pub admin_sockets: AdminSockets,
    /// How sockets of the shards are had.
    pub collect: Collect,
    /// Called once, when the first table is in force. What it cannot do ends the process.
    pub on_serving: OnServing,
}

/// What follows from serving: telling whoever waits for it. `Err` says what is wrong.
pub type OnServing = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// Why the process shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The first table could not be put in force.
    CannotStart,
    Terminated(StopSignal),
    /// `SIGUSR1`, and the last session has ended.
    Drained,
    /// A shard does not turn any more: its thread cannot be joined.
    Stuck,
}

impl Exit {
    /// The exit code that HAProxy has for it; for a shard that is stuck, that of an abort.
    pub fn code(self) -> u8 {
        match self {
            Exit::CannotStart => 1,
            Exit::Terminated(StopSignal::Terminate) => 143,
            Exit::Terminated(StopSignal::Interrupt) => 130,
            Exit::Drained => 0,
            Exit::Stuck => 134,
        }
    }

    /// The same, where HAProxy's master would end (`-W`): it is told to terminate, and does.
    pub fn code_of_master(self) -> u8 {
        match self {
            Exit::Terminated(StopSignal::Terminate) => 0,
            Exit::CannotStart | Exit::Terminated(StopSignal::Interrupt) | Exit::Drained | Exit::Stuck => self.code(),
        }
    }
}

/// Runs control on this thread until the process shall end. What is to be said has been said on standard error and in the log.
///
/// Signals must be blocked in every thread ([`block_signals`](crate::block_signals)).
pub fn run(parts: Parts) -> Exit {
    let pid = std::process::id();
    let ended = uio::block_on(parts.runtime, async {
        let signals = Signals::system()?;
        Ok(Control::new(parts, signals, Console::stderr(pid))?.serve().await)
    });
    ended.and_then(|ended| ended).unwrap_or_else(|err: io::Error| {
        let text = format!("the control thread cannot run: {}", driver::Errno::of(&err));
        Console::stderr(pid).say(Urgency::Alert, &text);
        Exit::CannotStart
    })
}

/// How long shards are given to say that they have stopped.
const STOP_MOST: Duration = Duration::from_secs(1);

/// Log records that are written before other events have their turn.
const RECORDS_MOST: usize = 1024;

pub(crate) struct Control {
    files: Files,
    defaults: Defaults,
    /// What the first file wanted to run on, and what came of it.
    engine: (IoEngine, Runtime),
    published: Arc<ArcSwap<Table>>,
    mailboxes: Vec<Arc<Mailbox>>,
    port: Arc<ControlPort>,
    news: News,
    signals: Signals,
    console: Console,
    log: Log,
    checks: Checks,
    ledger: Ledger,
    warmups: Warmups,
    evictions: Evictions,
    history: History,
    admin: Admin,
    pages: pages::Memory,
    process: admin::Process,
    sessions: admin::Sessions,
    followings: admin::Followings,
    exports: admin::Exports,
    reloads: Reloads,
    shutdowns: Shutdowns,
    watch: Watch,
    look_at: Instant,
    handover: Handover,
    /// The table in force.
    table: Arc<Table>,
    /// The files that it was made of.
    sources: Vec<Source>,
    /// What is under way to the shards.
    coming: Option<Loaded>,
    /// Bound before control was there, and not taken yet.
    admin_sockets: AdminSockets,
    /// The admin sockets that it brings.
    admin_coming: Option<Prepared>,
    reading: Reading,
    /// Asked for since the last reading began. However often: it is read once.
    is_reload_wanted: bool,
    generation_next: u64,
    on_serving: Option<OnServing>,
    manager: Manager,
    /// What the file in force says about the process.
    settings: ProcessSettings,
    life: Life,
}

/// How far the process has come. **Invariant:** only forward.
#[derive(Debug)]
enum Life {
    Starting,
    Serving,
    /// A soft stop was asked for, and `grace` says to serve on for a while.
    Lingering {
        until: Instant,
    },
    /// `until`: `hard-stop-after`.
    Draining {
        silent: BTreeSet<u16>,
        until: Option<Instant>,
    },
    Stopping {
        silent: BTreeSet<u16>,
        exit: Exit,
        until: Instant,
    },
    Ended(Exit),
}

enum Event {
    Checked(Finished),
    Wished(Wish),
    Asked(Request),
    Read(Box<ReadingResult>),
    News,
    Time,
}

impl Control {
    /// Must be called inside of the runtime.
    pub(crate) fn new(parts: Parts, signals: Signals, console: Console) -> io::Result<Control> {
        let Parts {
            files,
            book,
            first,
            defaults,
            published,
            mailboxes,
            port,
            news,
            runtime,
            on_serving,
            admin_sockets,
            collect,
        } = parts;
        let now = clock::now();
        let reloads = Reloads::new(now, report::said(&first, console.pid()));
        Ok(Control {
            files,
            engine: (first.io_engine, runtime),
            news: News::new(news)?,
            signals,
            log: Log::new(console.pid(), TimeZone::system()),
            console,
            checks: Checks::new(runtime),
            ledger: Ledger::default(),
            warmups: Warmups::default(),
            evictions: Evictions::default(),
            history: History::default(),
            sources: Vec::new(),
            admin: Admin::new(),
            pages: pages::Memory::new()?,
            sessions: admin::Sessions::default(),
            followings: admin::Followings::default(),
            exports: admin::Exports::new(collect),
            reloads,
            process: report::process(mailboxes.len(), runtime, &defaults),
            admin_coming: None,
            shutdowns: Shutdowns::new(mailboxes.len()),
            admin_sockets,
            watch: Watch::new(mailboxes.len(), now),
            look_at: now + LOOK_EVERY,
            handover: Handover::new(mailboxes.len() as u16),
            table: published.load_full(),
            generation_next: published.load().generation + 1,
            settings: first.process.clone(),
            coming: Some(first),
            defaults,
            reading: Reading::Idle(book),
            is_reload_wanted: false,
            on_serving: Some(on_serving),
            manager: Manager::of_environment(),
            life: Life::Starting,
            published,
            mailboxes,
            port,
        })
    }

    pub(crate) async fn serve(mut self) -> Exit {
        self.start();
        loop {
            self.advance();
            if let Life::Ended(exit) = self.life {
                self.end();
                return exit;
            }
            match self.next().await {
                Event::Checked(finished) => self.on_checked(finished),
                Event::Wished(Wish::Command(asked)) => self.on_command(asked),
                Event::Wished(Wish::Page(visit)) => self.on_visit(visit),
                Event::Wished(Wish::Sockets(reply)) => self.exports.ask(&self.mailboxes, reply),
                Event::Asked(request) => self.on_request(request),
                Event::Read(result) => self.on_read(*result),
                Event::News => self.on_news(),
                Event::Time => (),
            }
        }
    }

    async fn next(&mut self) -> Event {
        let sleep = self.deadline().since(clock::now());
        tokio::select! {
            biased;
            request = self.signals.next() => Event::Asked(request.expect("signals are readable")),
            finished = self.checks.next() => Event::Checked(finished),
            wish = self.admin.next() => Event::Wished(wish),
            result = self.reading.next() => Event::Read(Box::new(result)),
            news = self.news.next() => {
                news.expect("an eventfd is readable");
                Event::News
            }
            () = tokio::time::sleep(sleep) => Event::Time,
        }
    }

    fn deadline(&self) -> Instant {
        let stopping = match self.life {
            Life::Stopping { until, .. } | Life::Lingering { until } => Some(until),
            Life::Draining { until, .. } => until,
            Life::Starting | Life::Serving | Life::Ended(_) => None,
        };
        let queues = [self.shutdowns.deadline(), self.evictions.deadline()];
        let coming = [self.handover.deadline(), self.warmups.deadline(), stopping];
        coming.into_iter().chain(queues).flatten().fold(self.look_at, Instant::min)
    }

    fn start(&mut self) {
        let first = self.coming.as_ref().and_then(|first| first.table.clone());
        match first {
            Some(table) if self.prepare_admin() => self.begin(table, Occasion::Start),
            Some(_) | None => self.life = Life::Ended(Exit::CannotStart),
        }
    }

    /// Binds the admin sockets of the table that comes; says why if that fails.
    fn prepare_admin(&mut self) -> bool {
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

    fn on_command(&mut self, asked: Asked) {
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

    fn on_visit(&mut self, visit: Visit) {
        let response = self.at_desk(|desk| pages::answer(desk, &visit));
        // As above.
        let _ = visit.reply.send(response);
    }

    /// Reads or changes what an operator may, and sees to what follows from it.
    fn at_desk<R>(&mut self, act: impl FnOnce(&mut admin::Desk<'_>) -> R) -> R {
        let mut desk = admin::Desk {
            table: &self.table,
            checks: &mut self.checks,
            ledger: &mut self.ledger,
            warmups: &mut self.warmups,
            evictions: &mut self.evictions,
            history: &self.history,
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

    /// Takes the steps that depend on the state and the time alone.
    fn advance(&mut self) {
        let now = clock::now();
        if let Some(step) = self.handover.handle_timeout(now) {
            self.carry_out(step);
        }
        for whose in self.evictions.due(&self.table, now) {
            self.shutdowns.order(&whose, Shutdown::Operator, now);
        }
        self.shutdowns.post(&self.mailboxes, now);
        self.warmups.advance(&self.table, now);
        if now >= self.look_at {
            self.look_at = now + LOOK_EVERY;
            self.look(now);
        }
        match &self.life {
            Life::Lingering { until } if now >= *until => {
                self.console.say(Urgency::Notice, "Grace period expired, proceeding with soft-stop now.");
                self.drain();
            }
            Life::Draining { silent, .. } if silent.is_empty() => self.life = Life::Ended(Exit::Drained),
            Life::Draining { until: Some(until), .. } if now >= *until => self.stop_hard(),
            Life::Stopping { silent, exit, until } if silent.is_empty() || now >= *until => {
                self.life = Life::Ended(*exit);
            }
            Life::Serving if self.is_reload_wanted && self.handover.is_resting() => self.read(),
            Life::Starting
            | Life::Serving
            | Life::Lingering { .. }
            | Life::Draining { .. }
            | Life::Stopping { .. }
            | Life::Ended(_) => (),
        }
    }

    fn on_request(&mut self, request: Request) {
        match (request, &self.life) {
            (Request::Stop(signal), _) => self.stop(Exit::Terminated(signal)),
            (Request::Drain, Life::Starting | Life::Serving) => self.stop_softly(),
            (Request::Reload, Life::Starting | Life::Serving) => self.is_reload_wanted = true,
            (Request::Dump, _) => self.post_all(|| Mail::Report),
            (Request::Pause, Life::Serving | Life::Lingering { .. }) => self.pause_all(),
            (Request::Resume, Life::Serving | Life::Lingering { .. }) => self.resume_all(),
            // All that is started listens at once.
            (Request::Pause | Request::Resume, Life::Starting) => (),
            (
                Request::Drain | Request::Reload | Request::Pause | Request::Resume,
                Life::Lingering { .. } | Life::Draining { .. } | Life::Stopping { .. } | Life::Ended(_),
            ) => (),
        }
    }

    fn stop(&mut self, exit: Exit) {
        self.manager.stopping("Stopping");
        self.abandon();
        self.post_all(|| Mail::Stop);
        self.life = Life::Stopping { silent: self.all(), exit, until: clock::now() + STOP_MOST };
    }

    fn stop_softly(&mut self) {
        self.manager.stopping("Waiting for the last connections to end");
        let Some(grace) = self.settings.grace else { return self.drain() };
        self.console.say(Urgency::Notice, &format!("Scheduling a soft-stop in {} ms.", grace.as_millis()));
        self.life = Life::Lingering { until: clock::now() + grace };
    }

    /// `hard-stop-after`: what is left is cut.
    fn stop_hard(&mut self) {
        self.console.say(Urgency::Warning, "soft-stop running for too long, performing a hard-stop.");
        for text in report::proxies(&self.table).iter().filter_map(report::Proxy::hard_stopped) {
            self.console.say(Urgency::Warning, &text);
            self.log.tell_all(&self.table, LogLevel::Warning, &text, &mut self.console);
        }
        self.stop(Exit::Drained);
    }

    fn drain(&mut self) {
        self.abandon();
        self.post_all(|| Mail::Drain);
        // A successor may serve the same addresses already.
        self.admin.close_pages();
        let until = self.settings.hard_stop_after.map(|after| clock::now() + after);
        self.life = Life::Draining { silent: self.all(), until };
        let stopped = report::proxies(&self.table).into_iter().filter(|proxy| !proxy.is_stopped).collect();
        self.tell_stopped(Arc::clone(&self.table), stopped);
    }

    /// What is under way to the shards will not come. They forget it themselves when they drain or stop.
    fn abandon(&mut self) {
        self.handover = Handover::new(self.mailboxes.len() as u16);
        self.coming = None;
        self.admin_coming = None;
    }

    fn on_checked(&mut self, finished: Finished) {
        self.at_desk(|desk| desk.on_checked(finished));
    }

    /// Ends sessions on all shards.
    pub(crate) fn shut_down(&mut self, whose: &Whose, why: Shutdown) {
        self.shutdowns.order(whose, why, clock::now());
    }

    /// Something happened to a server of this backend.
    fn tell_of_server(&mut self, backend: BackendId, line: &checks::Line) {
        let urgency = if line.level == LogLevel::Emerg { Urgency::Alert } else { Urgency::Warning };
        self.console.say(urgency, &line.on_console);
        let targets = &self.table.backend(backend).log_targets;
        self.log.tell(&self.table, targets, line.level, &line.text, &mut self.console);
    }

    fn on_news(&mut self) {
        self.port.clear();
        while let Some(notice) = self.port.take_notice() {
            self.on_notice(notice);
        }
        let written = self.write_records(RECORDS_MOST);
        self.news.expect_more(written == RECORDS_MOST);
    }

    fn on_notice(&mut self, notice: Notice) {
        let step = match notice {
            Notice::Prepared { shard, generation, result } => {
                self.handover.on_prepared(shard, generation, result, clock::now())
            }
            Notice::Adopted { shard, generation } => self.handover.on_adopted(shard, generation),
            Notice::Stopped { shard } => {
                self.on_stopped(shard);
                None
            }
            Notice::Listed(part) => {
                self.sessions.on_part(part, clock::now());
                None
            }
            Notice::Followed { shard, serial, refused } => {
                self.on_followed(shard, serial, refused);
                None
            }
            Notice::Failing(server) => {
                self.at_desk(|desk| desk.on_failing(&server));
                None
            }
            Notice::Exported { shard, count } => {
                if let Err(err) = self.exports.on_exported(&self.mailboxes, shard, count) {
                    let text = format!("Listening sockets cannot be handed over ({}).", driver::Errno::of(&err));
                    self.console.say(Urgency::Warning, &text);
                }
                None
            }
            Notice::Report(found) => {
                self.console.say(Urgency::Notice, &report::shard(&found));
                None
            }
        };
        if let Some(step) = step {
            self.carry_out(step);
        }
    }

    fn on_stopped(&mut self, shard: ShardIndex) {
        match &mut self.life {
            Life::Draining { silent, .. } | Life::Stopping { silent, .. } => {
                silent.remove(&shard.0);
            }
            Life::Starting | Life::Serving | Life::Lingering { .. } | Life::Ended(_) => (),
        }
    }

    /// Writes at most so many records; answers how many.
    fn write_records(&mut self, most: usize) -> usize {
        let now = Moment::now();
        for written in 0..most {
            let Some(record) = self.port.take_record() else { return written };
            self.log.record(&record, &now, &mut self.console);
        }
        most
    }

    fn read(&mut self) {
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

    fn on_read(&mut self, result: ReadingResult) {
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

    fn begin(&mut self, table: Arc<Table>, occasion: Occasion) {
        let step = self.handover.begin(table, occasion, clock::now());
        self.carry_out(step);
    }

    fn carry_out(&mut self, step: Step) {
        match step {
            Step::Prepare(table) => self.post_all(|| Mail::Prepare(Arc::clone(&table))),
            Step::Publish(table) => self.publish(table),
            Step::GiveUp(refusal) => self.give_up(&refusal),
            Step::Finish => self.finish(),
        }
    }

    fn publish(&mut self, table: Arc<Table>) {
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
        }
        for (backend, line) in told {
            self.tell_of_server(backend, &line);
        }
        let is_gone = |proxy: &report::Proxy| !proxy.is_stopped && !report::has_proxy(&self.table, &proxy.name);
        let gone = report::proxies(&before).into_iter().filter(is_gone).collect();
        self.tell_stopped(before, gone);
    }

    /// At the start: the servers are as files say that they were, before the first connection finds them otherwise.
    fn restore(&mut self, table: &Table) -> Vec<(BackendId, checks::Line)> {
        let states = self.coming.as_mut().map(|coming| std::mem::take(&mut coming.server_states)).unwrap_or_default();
        if states == ServerStates::default() {
            return Vec::new();
        }
        let now = clock::now();
        self.checks.adopt(table);
        self.ledger.adopt(table, now);
        states.apply(table, &mut self.checks, &mut self.ledger, now)
    }

    fn finish(&mut self) {
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

    /// The start is over.
    fn serve_on(&mut self) {
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

    fn give_up(&mut self, refusal: &crate::handover::Refusal) {
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
    fn refuse(&mut self, why: &str) {
        self.history.on_refused(why, self.table.generation, clock::now());
        let text = format!("Configuration not reloaded: {why}. Generation {} stays in force.", self.table.generation);
        self.manager.ready(&text);
        self.reloads.on_refused(&Urgency::Alert.line(self.console.pid(), &text));
        self.console.say(Urgency::Alert, &text);
        self.log.tell_all(&self.table, LogLevel::Alert, &text, &mut self.console);
    }

    fn tell_stopped(&mut self, table: Arc<Table>, proxies: Vec<report::Proxy>) {
        for proxy in proxies {
            let text = proxy.stopped();
            self.console.say(Urgency::Warning, &text);
            self.log.tell(&table, &proxy.log_targets, LogLevel::Warning, &text, &mut self.console);
        }
    }

    fn look(&mut self, now: Instant) {
        if self.admin.has_pages() {
            self.pages.trends.look(&self.table, now);
        }
        let beats = self.mailboxes.iter().map(|mailbox| mailbox.pulse().beats());
        for finding in self.watch.look(now, beats) {
            let (urgency, text) = report::finding(finding);
            self.console.say(urgency, &text);
            if let Finding::Lost(_) = finding {
                self.life = Life::Ended(Exit::Stuck);
            }
        }
    }

    /// The last words: what the shards have told until now, and what was lost.
    fn end(&mut self) {
        self.write_records(usize::MAX);
        let unwritten = self.port.records_dropped();
        if unwritten > 0 {
            self.console
                .say(Urgency::Notice, &report::lines_lost("more came at once than could be written", unwritten));
        }
        for (sink, count) in self.log.losses() {
            self.console.say(Urgency::Notice, &report::lines_lost(&format!("{sink} did not take them in time"), count));
        }
    }

    fn post_all(&mut self, mail: impl Fn() -> Mail) {
        for (index, mailbox) in self.mailboxes.iter().enumerate() {
            if mailbox.post(mail()).is_err() {
                self.console.say(Urgency::Alert, &format!("Shard {index} does not read its mail."));
            }
        }
    }

    fn all(&self) -> BTreeSet<u16> {
        (0..self.mailboxes.len() as u16).collect()
    }
}

#[cfg(test)]
mod tests;
