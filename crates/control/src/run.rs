//! The control thread's loop: one event in, everything that follows from it, then the next.
//!
//! It waits for all of its sources at once and for none of them alone: shards answer by notices, the configuration is read on a
//! thread of its own, checks are tasks that report.

mod desk;
mod life;
mod reload;
mod standing;

pub use life::Exit;
use life::Life;

use crate::admin::{self, Admin, AdminSockets, Collect, Prepared, Wish};
use crate::certificates::Shelf;
use crate::checks::{Checks, Finished};
use crate::clock::{self, Moment};
use crate::console::{Console, Urgency};
use crate::evictions::Evictions;
use crate::handover::Handover;
use crate::history::History;
use crate::ledger::Ledger;
use crate::load::{Defaults, Files, Loaded};
use crate::log::Log;
use crate::manager::Manager;
use crate::news::News;
use crate::pages;
use crate::reading::{Reading, Result as ReadingResult};
use crate::reloads::Reloads;
use crate::report;
use crate::settings::ProcessSettings;
use crate::shutdowns::Shutdowns;
use crate::signals::{Request, Signals};
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
use std::sync::atomic::Ordering::Relaxed;
use table::{StateBook, Table};

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

/// Log records that are written before other events have their turn.
const RECORDS_MOST: usize = 1024;

pub(crate) struct Control {
    files: Files,
    defaults: Defaults,
    /// What the first file wanted to run on, and what came of it.
    engine: (IoEngine, Runtime),
    /// Bytes of a message that the buffers of the shards were made for.
    buffer_size: usize,
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
    /// What the listeners of the table in force show.
    shelf: Shelf,
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
        let world = &published.load().process;
        world.pid.store(console.pid(), Relaxed);
        clock::tell(&world.wall);
        Ok(Control {
            files,
            engine: (first.io_engine, runtime),
            buffer_size: first.table.as_ref().map_or(0, |table| table.global.messages.sent_size_max),
            news: News::new(news)?,
            signals,
            log: Log::new(console.pid(), TimeZone::system()),
            console,
            checks: Checks::new(runtime),
            ledger: Ledger::default(),
            warmups: Warmups::default(),
            evictions: Evictions::default(),
            history: History::default(),
            shelf: Shelf::default(),
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

    /// Ends sessions on all shards.
    pub(crate) fn shut_down(&mut self, whose: &Whose, why: Shutdown) {
        self.shutdowns.order(whose, why, clock::now());
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
            Notice::Failing(server, trouble) => {
                self.at_desk(|desk| desk.on_failing(&server, trouble));
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

    /// Writes at most so many records; answers how many.
    fn write_records(&mut self, most: usize) -> usize {
        let now = Moment::now();
        for written in 0..most {
            let Some(record) = self.port.take_record() else { return written };
            self.log.record(&record, &now, &mut self.console);
        }
        most
    }

    fn look(&mut self, now: Instant) {
        clock::tell(&self.table.process.wall);
        self.look_at_certificates(now);
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
