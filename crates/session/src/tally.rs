//! What a session adds to the counters of its frontend, its backend, its servers and the process, at the moments at which HAProxy
//! adds it (`management.txt` §9.1).

use crate::connect::is_same;
use crate::early::Rules;
use crate::{Cause, End, Session};
use driver::{Instant, Side};
use std::time::Duration;
use table::{Server, Traffic};

impl Session {
    pub(crate) fn count_arrival(&self, now: Instant) {
        let (process, frontend) = (&self.table.process, &self.frontend().state);
        process.conns.open(self.shard);
        process.tally.on_connection(self.shard, clock(now));
        frontend.conns.open(self.shard);
        frontend.tally.on_connection(self.shard, clock(now));
    }

    pub(crate) fn count_departure(&mut self) {
        if std::mem::take(&mut self.is_counted_by_source)
            && let Some(addr) = self.client.ip()
        {
            self.frontend().state.sources.release(addr.ip());
        }
        self.frontend().state.conns.close(self.shard);
        self.table.process.conns.close(self.shard);
    }

    /// It is known who the client is: the connection has become a session.
    pub(crate) fn count_session(&self, now: Instant) {
        self.table.process.tally.on_session(self.shard, clock(now));
        self.frontend().state.tally.on_session(self.shard, clock(now));
    }

    /// A backend was chosen.
    pub(crate) fn count_backend(&self, now: Instant) {
        let backend = self.backend_ref().expect("it was chosen a moment ago");
        backend.state.conns.open(self.shard);
        backend.state.tally.on_session(self.shard, clock(now));
        backend.state.tally.of(self.shard).bytes_in.add(self.bytes_in);
    }

    /// The balancer chose `server`, after an attempt at `failed` if there was one.
    pub(crate) fn count_pick(&self, now: Instant, failed: Option<&Server>, server: &Server) {
        match failed {
            None => {
                if let Some(backend) = self.backend_ref() {
                    backend.state.tally.on_served(self.shard, clock(now));
                }
                self.count_at(Some(server), |traffic| traffic.picks.add(1));
                // What the client said before is for this server.
                server.state.tally.of(self.shard).bytes_in.add(self.bytes_in);
            }
            Some(failed) if is_same(failed, server) => self.count_at(Some(failed), |traffic| traffic.retries.add(1)),
            Some(failed) => {
                self.count_at(Some(failed), |traffic| traffic.redispatches.add(1));
                self.count_at(Some(server), |traffic| traffic.picks.add(1));
            }
        }
    }

    /// The same server is tried again.
    pub(crate) fn count_retry(&self) {
        self.count_at(self.server.as_deref(), |traffic| traffic.retries.add(1));
    }

    pub(crate) fn count_attempt(&self, now: Instant, server: &Server) {
        server.state.tally.on_session(self.shard, clock(now));
        server.state.tally.on_served(self.shard, clock(now));
        self.count_at(Some(server), |traffic| traffic.connects.add(1));
    }

    /// As they come, so that a connection that lives for days shows what it does.
    pub(crate) fn count_bytes(&mut self, from: Side, count: u32) {
        let count = u64::from(count);
        let add: fn(&Traffic, u64) = match from {
            Side::Front => {
                self.bytes_in += count;
                |traffic, count| traffic.bytes_in.add(count)
            }
            Side::Back => {
                self.bytes_out += count;
                |traffic, count| traffic.bytes_out.add(count)
            }
        };
        add(self.frontend().state.tally.of(self.shard), count);
        if let Some(backend) = self.backend_ref() {
            add(backend.state.tally.of(self.shard), count);
        }
        if let Some(server) = &self.server {
            add(server.state.tally.of(self.shard), count);
        }
    }

    /// Why it ended, and how long it took. To be called before the server is released.
    pub(crate) fn count_end(&self, now: Instant, end: End) {
        let server = self.server.as_deref().or(self.waited.as_deref());
        match end.cause {
            Cause::Aborted(Side::Front) | Cause::Idle(Side::Front) => {
                self.count_at(server, |traffic| traffic.client_aborts.add(1));
            }
            Cause::Aborted(Side::Back) | Cause::Idle(Side::Back) => {
                self.count_at(server, |traffic| traffic.server_aborts.add(1));
            }
            Cause::Unreachable(_) | Cause::ConnectLate | Cause::NoServer | Cause::QueueLate | Cause::QueueFull => {
                self.count_at(server, |traffic| traffic.connects_failed.add(1));
            }
            Cause::Exhausted(_) => self.count_at(server, |traffic| traffic.internal_errors.add(1)),
            Cause::Complete | Cause::BadHeader(_) | Cause::NotAdmitted | Cause::Rejected | Cause::ShutDown(_) => (),
        }
        self.count_times(now);
    }

    /// A rule on contents rejected what the client said.
    pub(crate) fn count_denial(&self, rules: Rules) {
        let state = match (rules, self.backend_ref()) {
            (Rules::Backend, Some(backend)) => &backend.state.tally,
            (Rules::Frontend | Rules::Backend, _) => &self.frontend().state.tally,
        };
        state.of(self.shard).requests_denied.add(1);
    }

    /// A rule rejected what the server said.
    pub(crate) fn count_response_denial(&self) {
        self.frontend().state.tally.of(self.shard).responses_denied.add(1);
        self.count_at(self.server.as_deref(), |traffic| traffic.responses_denied.add(1));
    }

    /// Of sessions that reached a server.
    fn count_times(&self, now: Instant) {
        let (Some(assigned), Some(connected)) = (self.assigned_at, self.connected_at) else { return };
        let queue = assigned.since(self.accepted_at);
        let (connect, total) = (connected.since(assigned), now.since(self.accepted_at));
        if let Some(backend) = self.backend_ref() {
            backend.state.tally.on_times(self.shard, queue, connect, total);
        }
        if let Some(server) = &self.server {
            server.state.tally.on_times(self.shard, queue, connect, total);
        }
    }

    /// At the session's backend, and at a server of it.
    fn count_at(&self, server: Option<&Server>, add: impl Fn(&Traffic)) {
        if let Some(backend) = self.backend_ref() {
            add(backend.state.tally.of(self.shard));
        }
        if let Some(server) = server {
            add(server.state.tally.of(self.shard));
        }
    }
}

/// The monotonic clock, as tallies read it.
fn clock(now: Instant) -> Duration {
    now.since(Instant::EPOCH)
}
