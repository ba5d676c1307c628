//! Frontends that pause, go on, or stop for good while the process serves.
//!
//! How a frontend stands is written into its state first; then all shards are told to look, and when all listeners have followed,
//! whoever gave the order is answered. A frontend that cannot listen again goes back to being paused, on all shards.

use super::Control;
use crate::admin::{Answer, FollowingClient, cannot_listen};
use crate::console::Urgency;
use crate::report;
use shard::PrepareFailure;
use std::sync::Arc;
use table::{FrontendId, LogLevel, ShardIndex, Standing, Table};
use tokio::sync::oneshot;

impl Control {
    /// An operator's order about one frontend, answered when it is carried out.
    pub(super) fn stand(&mut self, id: FrontendId, standing: Standing, reply: oneshot::Sender<Answer>) {
        self.say_standing(id, standing);
        let frontend = Arc::clone(&self.table.frontend(id).name);
        self.followings.begin(&self.mailboxes, Some(FollowingClient { frontend, reply }));
    }

    /// `SIGTTOU`
    pub(super) fn pause_all(&mut self) {
        self.stand_all(Standing::Open, Standing::Paused);
    }

    /// `SIGTTIN`
    pub(super) fn resume_all(&mut self) {
        self.stand_all(Standing::Paused, Standing::Open);
    }

    fn stand_all(&mut self, before: Standing, after: Standing) {
        for id in standing(&Arc::clone(&self.table), before) {
            self.say_standing(id, after);
        }
        self.followings.begin(&self.mailboxes, None);
    }

    /// The frontends of a new table are open: those that were not before are looked after.
    pub(super) fn open_after_reload(&mut self) {
        self.followings.begin(&self.mailboxes, None);
    }

    pub(super) fn on_followed(&mut self, shard: ShardIndex, serial: u64, refused: Option<PrepareFailure>) {
        let Some(failure) = self.followings.on_followed(shard, serial, refused) else { return };
        let text = cannot_listen(&failure);
        self.console.say(Urgency::Alert, &text);
        self.log.tell_all(&self.table, LogLevel::Alert, &text, &mut self.console);
        if let Some(id) = self.table.frontend_named(&failure.frontend) {
            self.table.frontend(id).state.stand(Standing::Paused);
            self.followings.begin(&self.mailboxes, None);
        }
    }

    /// Puts it down, and tells the log in HAProxy's words.
    fn say_standing(&mut self, id: FrontendId, standing: Standing) {
        let table = Arc::clone(&self.table);
        let frontend = table.frontend(id);
        frontend.state.stand(standing);
        let noun = if table.backend_named(&frontend.name).is_some() { "proxy" } else { "frontend" };
        let text = match standing {
            Standing::Paused => format!("Paused {noun} {}.", frontend.name),
            Standing::Open => format!("Resumed {noun} {}.", frontend.name),
            Standing::Stopped => {
                let stopped = report::proxies(&table).into_iter().filter(|proxy| proxy.name == frontend.name).collect();
                return self.tell_stopped(table, stopped);
            }
        };
        self.console.say(Urgency::Warning, &text);
        self.log.tell(&table, &frontend.log.targets, LogLevel::Warning, &text, &mut self.console);
    }
}

/// The frontends that stand so.
pub(super) fn standing(table: &Table, standing: Standing) -> Vec<FrontendId> {
    let ids = table.frontends.iter().zip(0..).filter(|(frontend, _)| frontend.state.standing() == standing);
    ids.map(|(_, index)| FrontendId(index)).collect()
}
