//! Standing in the line for a server: until one is granted, it takes too long, or the client leaves.

use crate::flow::Flow;
use crate::{Cause, End, Link, Moment, Outbox, Phase, Session};
use driver::{Errno, Instant, Side};
use std::sync::Arc;
use table::{Passed, Server, Ticket};

/// A place in a line.
#[derive(Debug)]
pub(crate) struct Wait {
    pub(crate) ticket: Ticket,
    pub(crate) since: Instant,
    /// The only server that is waited for, if it is only one.
    server: Option<Arc<Server>>,
}

impl Session {
    /// Whether it stands in a line with this ticket: a grant for any other is not for it.
    pub fn waits_with(&self, ticket: Ticket) -> bool {
        self.wait.as_ref().is_some_and(|wait| wait.ticket == ticket)
    }

    pub(crate) fn on_queued(&mut self, now: Instant, ticket: Ticket, server: Option<Arc<Server>>, out: &mut Outbox) {
        assert_eq!(self.phase, Phase::Assigning, "questions are answered before anything else happens");
        self.enter(Phase::Queued);
        self.wait = Some(Box::new(Wait { ticket, since: now, server }));
        // It may have left before it had to wait.
        if matches!(self.request, Flow::EndHeld) || self.has_left() {
            self.on_client_left(out);
        }
    }

    pub(crate) fn on_granted(
        &mut self,
        now: Instant,
        server: Arc<Server>,
        link: Result<Link, Errno>,
        passed: Passed,
        out: &mut Outbox,
    ) {
        assert_eq!(self.phase, Phase::Queued, "only those who wait are granted something");
        self.wait = None;
        self.count_passed(passed);
        self.on_assigned(now, server, link, out);
    }

    pub(crate) fn on_line_full(&mut self, server: Arc<Server>, out: &mut Outbox) {
        assert_eq!(self.phase, Phase::Assigning, "questions are answered before anything else happens");
        self.waited = Some(server);
        self.end_with(End::new(Moment::Queue, Cause::QueueFull), out);
    }

    pub(crate) fn on_queue_late(&mut self, out: &mut Outbox) {
        self.end_with(End::new(Moment::Queue, Cause::QueueLate), out);
    }

    /// The client has ended its half and had sent nothing: there is nobody to serve any more. Had it sent something, that would
    /// still have to be delivered. Of requests `option abortonclose` says what becomes.
    pub(crate) fn on_client_left(&mut self, out: &mut Outbox) {
        if !self.speaks_http() {
            self.request = Flow::EndHeld;
        }
        self.end_with(End::new(Moment::Queue, Cause::Aborted(Side::Front)), out);
    }

    /// Leaves the line, if it stands in one. A grant that is under way finds nobody, and the shard hands it back.
    pub(crate) fn stop_waiting(&mut self) {
        let Some(wait) = self.wait.take() else { return };
        let passed = self.backend_ref().and_then(|backend| backend.leave(wait.ticket));
        self.count_passed(passed.unwrap_or_default());
        self.waited = wait.server;
    }

    /// A session may have stood in several lines, one after the other: a retry may bring it into the next.
    fn count_passed(&mut self, Passed { server, backend }: Passed) {
        self.passed.server = self.passed.server.saturating_add(server);
        self.passed.backend = self.passed.backend.saturating_add(backend);
    }
}
