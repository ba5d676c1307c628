//! How the process ends: at once, when the last session has, or after a while.
//!
//! ```text
//! Starting → Serving → [Lingering: grace] → Draining → Ended(Drained)
//!      └────────┴───────────────┴──────────────┴─────▶ Stopping → Ended(Terminated)
//! ```

use super::Control;
use crate::clock;
use crate::console::Urgency;
use crate::handover::Handover;
use crate::report;
use crate::signals::{Request, StopSignal};
use driver::Instant;
use shard::Mail;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use table::{LogLevel, ShardIndex};

/// How long shards are given to say that they have stopped.
const STOP_MOST: Duration = Duration::from_secs(1);

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

/// How far the process has come. **Invariant:** only forward.
#[derive(Debug)]
pub(super) enum Life {
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

impl Control {
    pub(super) fn on_request(&mut self, request: Request) {
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

    pub(super) fn stop(&mut self, exit: Exit) {
        self.manager.stopping("Stopping");
        self.table.process.is_stopping.store(true, Relaxed);
        self.abandon();
        self.post_all(|| Mail::Stop);
        self.life = Life::Stopping { silent: self.all(), exit, until: clock::now() + STOP_MOST };
    }

    pub(super) fn stop_softly(&mut self) {
        self.manager.stopping("Waiting for the last connections to end");
        self.table.process.is_stopping.store(true, Relaxed);
        let Some(grace) = self.settings.grace else { return self.drain() };
        self.console.say(Urgency::Notice, &format!("Scheduling a soft-stop in {} ms.", grace.as_millis()));
        self.life = Life::Lingering { until: clock::now() + grace };
    }

    /// `hard-stop-after`: what is left is cut.
    pub(super) fn stop_hard(&mut self) {
        self.console.say(Urgency::Warning, "soft-stop running for too long, performing a hard-stop.");
        for text in report::proxies(&self.table).iter().filter_map(report::Proxy::hard_stopped) {
            self.console.say(Urgency::Warning, &text);
            self.log.tell_all(&self.table, LogLevel::Warning, &text, &mut self.console);
        }
        self.stop(Exit::Drained);
    }

    pub(super) fn drain(&mut self) {
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
    pub(super) fn abandon(&mut self) {
        self.handover = Handover::new(self.mailboxes.len() as u16);
        self.coming = None;
        self.admin_coming = None;
    }

    pub(super) fn on_stopped(&mut self, shard: ShardIndex) {
        match &mut self.life {
            Life::Draining { silent, .. } | Life::Stopping { silent, .. } => {
                silent.remove(&shard.0);
            }
            Life::Starting | Life::Serving | Life::Lingering { .. } | Life::Ended(_) => (),
        }
    }

    /// The last words: what the shards have told until now, and what was lost.
    pub(super) fn end(&mut self) {
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
}
