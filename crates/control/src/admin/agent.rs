//! What follows from the result of a check, and what an agent wants done: the same as if an operator wanted it.

use super::desk::Desk;
use super::server::{self, Target};
use crate::checks::{Finished, News};
use check::{Order, Report};
use table::{Admin, Server, Trouble};

impl Desk<'_> {
    /// Takes the result of a check, and does what follows from it.
    pub(crate) fn on_checked(&mut self, mut finished: Finished) {
        if let Some((id, report)) = self.checks.report(&finished) {
            let target = Target::at(self.table, id);
            let warning = self.obey(&target, &report);
            let duration = finished.outcome.duration;
            finished.outcome = report.outcome(warning.map(str::trim_end), duration);
        }
        let news = self.checks.on_finished(self.table, finished);
        self.on_news(news);
    }

    /// Sessions met too many errors at this server. It may have left the table meanwhile.
    pub(crate) fn on_failing(&mut self, server: &Server, last: Trouble) {
        if let Some(id) = self.table.server_named(&server.backend_name, &server.name) {
            let news = self.checks.on_failing(self.table, id, last);
            self.on_news(news);
        }
    }

    fn on_news(&mut self, News { line, change }: News) {
        self.told.extend(line);
        if let Some(change) = change {
            self.change_health(change);
        }
    }

    /// State, weight and limit, in this order; what of it could not be done is answered.
    fn obey(&mut self, target: &Target, report: &Report) -> Option<&'static str> {
        if let Some(order) = report.order {
            let admin = match order {
                Order::Ready => Admin::Ready,
                Order::Drain => Admin::Drain,
                Order::Maint => Admin::Maint,
            };
            server::set_admin(self, target, admin);
        }
        let weight = report.weight.as_deref().and_then(|word| server::weigh(self, target, word).err());
        let maxconn = report.maxconn.as_deref().and_then(|word| server::limit(self, target, word).err());
        weight.or(maxconn)
    }
}
