//! Requests for the statistics page of a section (`configuration.txt: stats enable` and its kin). Who may look and act is asked here;
//! what answers is a service.

use crate::early::Rules;
use crate::{Outbox, Session};
use driver::Instant;

impl Session {
    /// Whether the request is for the page of this section. If so, it goes no further.
    pub(super) fn is_for_page(&mut self, whose: Rules, now: Instant, out: &mut Outbox) -> bool {
        let table = self.table.clone();
        let page = match (whose, self.backend) {
            // A `listen` section has one page, which was asked for already.
            (Rules::Backend, Some(_)) if self.is_own_backend(&table) => None,
            (Rules::Backend, Some(backend)) => table.backend(backend).http.stats.as_ref(),
            (Rules::Frontend | Rules::Backend, _) => table.frontend(self.frontend).http.stats.as_ref(),
        };
        let transaction = self.transaction().expect("its head was just read");
        let (request, bytes) = (&transaction.request, transaction.up.gathered.bytes());
        let Some(page) = page.filter(|page| page.is_asked(request, bytes)) else { return false };
        if !self.passes(&page.rules, whose, now, out) {
            // HAProxy's logs name the page, and say that there was nothing to wait for.
            self.waited = table.backend(page.shown_by).servers.first().cloned();
            (self.assigned_at, self.connected_at) = (Some(now), Some(now));
            return true;
        }
        if whose == Rules::Frontend {
            self.count_interception();
        }
        let facts = self.facts(true);
        let acting = page.acting.as_ref().filter(|acting| acting.admin.iter().any(|admin| admin.holds(&facts)));
        self.serve(acting.map_or(page.shown_by, |acting| acting.served_by), now, out);
        true
    }
}
