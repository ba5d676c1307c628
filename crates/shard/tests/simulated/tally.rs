//! What happened in the lives of seeds.

use shard::{Ends, Errands};

/// What happened in a life, so that a run can show that it was about something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Clients that got everything and saw a clean end.
    pub(crate) whole: u64,
    pub(crate) ends: Ends,
    pub(crate) starved: u64,
    pub(crate) limit_reached: u64,
    pub(crate) accept_exhausted: u64,
    pub(crate) reloads: u64,
    pub(crate) retried: u64,
    /// Sessions that stood in a line before they got a server.
    pub(crate) queued: u64,
    /// In `mode http`: exchanges on a connection that had served another, and servers that failed in one.
    pub(crate) reused: u64,
    pub(crate) failed: u64,
    /// What handshakes have left to signers, and how much of that those have done; what is missing the shards did themselves.
    pub(crate) errands: Errands,
    pub(crate) errands_ran: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Tally) {
        self.whole += other.whole;
        self.add_ends(&other.ends);
        self.queued += other.queued;
        self.starved += other.starved;
        self.limit_reached += other.limit_reached;
        self.accept_exhausted += other.accept_exhausted;
        self.reloads += other.reloads;
        self.retried += other.retried;
        self.reused += other.reused;
        self.failed += other.failed;
        self.add_errands(&other.errands);
        self.errands_ran += other.errands_ran;
    }

    pub(crate) fn add_ends(&mut self, ends: &Ends) {
        self.ends.complete += ends.complete;
        self.ends.aborted += ends.aborted;
        self.ends.idle += ends.idle;
        self.ends.unreachable += ends.unreachable;
        self.ends.connect_late += ends.connect_late;
        self.ends.no_server += ends.no_server;
        self.ends.queue_late += ends.queue_late;
        self.ends.rejected += ends.rejected;
        self.ends.bad_header += ends.bad_header;
        self.ends.bad_handshake += ends.bad_handshake;
        self.ends.shut_down += ends.shut_down;
    }

    pub(crate) fn add_errands(&mut self, errands: &Errands) {
        self.errands.left += errands.left;
        self.errands.taken_back += errands.taken_back;
        self.errands.late += errands.late;
        self.errands.passed_over += errands.passed_over;
    }

    /// A simulation in which nothing happens proves nothing.
    pub(crate) fn assert_eventful(&self) {
        let Tally { ends, .. } = self;
        let rare = [ends.idle, ends.aborted, ends.unreachable, ends.connect_late, ends.no_server, ends.bad_header];
        let waits = [ends.queue_late, self.queued, ends.shut_down];
        let stops = [self.starved, self.limit_reached, self.accept_exhausted, self.reloads, self.retried];
        let all = rare.into_iter().chain(waits).chain(stops);
        assert!(self.whole > 50_000 && all.min() > Some(500), "{self:?}");
        // A client address at its limit is rarer.
        assert!(ends.rejected > 50, "{self:?}");
    }

    /// Handshakes are left to others, done by them and by the shards, and taken back by sessions that go on.
    fn assert_errands(&self) {
        let Errands { left, taken_back, late, passed_over } = self.errands;
        let by_shards = (taken_back + late).saturating_sub(self.errands_ran);
        assert!([left, taken_back, self.errands_ran, by_shards].into_iter().min() > Some(100), "{self:?}");
        // Those that nobody waits for any more, when they come back or before they are begun, are rarer.
        assert!(late.min(passed_over) > 4, "{self:?}");
    }

    /// The same of streams over TLS, of which there are fewer.
    pub(crate) fn assert_eventful_for_tls(&self) {
        self.assert_errands();
        let Tally { starved, limit_reached, reloads, retried, ends, .. } = self;
        let rare = [ends.idle, ends.aborted, ends.unreachable, ends.bad_handshake];
        let all = rare.into_iter().chain([*starved, *limit_reached, *reloads, *retried]);
        assert!(self.whole > 500 && all.min() > Some(20), "{self:?}");
    }

    /// The same of exchanges over TLS.
    pub(crate) fn assert_eventful_for_https(&self) {
        self.assert_errands();
        let Tally { starved, limit_reached, reloads, retried, queued, reused, failed, .. } = *self;
        let all = [starved, limit_reached, reloads, retried, queued, reused, failed, self.ends.bad_handshake];
        assert!(self.whole > 200 && all.into_iter().min() > Some(20), "{self:?}");
    }

    /// The same of exchanges.
    pub(crate) fn assert_eventful_for_http(&self) {
        let Tally { starved, limit_reached, reloads, retried, queued, reused, failed, .. } = *self;
        let all = [starved, limit_reached, reloads, retried, queued, reused, failed, self.ends.aborted];
        assert!(self.whole > 1_000 && all.into_iter().min() > Some(50), "{self:?}");
    }
}
