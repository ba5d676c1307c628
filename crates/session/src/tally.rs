//! What a session adds to the counters of its frontend, its backend, its servers and the process, at the moments at which HAProxy
//! adds it (`management.txt` §9.1).

use crate::connect::is_same;
use crate::{Cause, End, Moment, Session};
use driver::{Instant, Side};
use std::time::Duration;
use table::{Counter, KeysWith, ListenerState, Mode, Server, Took, Traffic};

impl Session {
    pub(crate) fn count_arrival(&self, now: Instant) {
        let (process, frontend) = (&self.table.process, &self.frontend().state);
        process.conns.open(self.shard);
        process.tally.on_connection(self.shard, clock(now));
        frontend.conns.open(self.shard);
        frontend.tally.on_connection(self.shard, clock(now));
        if let Some(listener) = self.listener_state() {
            listener.conns.open(self.shard);
            // A listener has no other sessions than its connections, turned away or not.
            listener.tally.on_session(self.shard, clock(now));
        }
    }

    /// What is counted of its listener alone, if listeners are counted.
    fn listener_state(&self) -> Option<&ListenerState> {
        self.frontend().listener_state(self.listener)
    }

    /// Counts where it arrived: at the frontend, and at the listener if those are counted.
    pub(crate) fn count_at_front(&self, count: impl Fn(&Traffic)) {
        count(self.frontend().state.tally.of(self.shard));
        if let Some(listener) = self.listener_state() {
            count(listener.tally.of(self.shard));
        }
    }

    /// TLS with the client begins.
    pub(crate) fn count_tls(&self, now: Instant) {
        self.table.process.tls.on_begun(self.shard, clock(now));
    }

    /// TLS was agreed on: with new keys, unless an earlier session was taken up again.
    pub(crate) fn count_keys(&self, now: Instant, side: Side) {
        let is_resumed = self.agreed_with(side).is_some_and(|agreed| agreed.is_resumed);
        let count = |traffic: &Traffic| {
            let counter = if is_resumed { &traffic.tls_resumed } else { &traffic.tls_sessions };
            counter.add(1);
        };
        let with = match side {
            Side::Front => {
                self.count_at_front(count);
                KeysWith::Client
            }
            Side::Back => {
                self.count_at(self.server.as_deref(), count);
                KeysWith::Server
            }
        };
        if !is_resumed {
            self.table.process.tls.on_keys(self.shard, with, clock(now));
        }
    }

    /// TLS came to nothing. Those whose time was up HAProxy does not count.
    pub(crate) fn count_failed_handshake(&self, side: Side, failure: tls::Failure) {
        let count = |traffic: &Traffic| traffic.tls_failed.add(u64::from(failure != tls::Failure::Timeout));
        match side {
            Side::Front => self.count_at_front(count),
            Side::Back => self.count_at(self.server.as_deref(), count),
        }
    }

    /// What came behind a handshake was not right.
    pub(crate) fn count_broken_tls(&self, side: Side) {
        let with = match side {
            Side::Front => KeysWith::Client,
            Side::Back => KeysWith::Server,
        };
        self.table.process.tls.on_broken(self.shard, with);
    }

    pub(crate) fn count_departure(&mut self) {
        if std::mem::take(&mut self.is_counted_by_source)
            && let Some(addr) = self.client.ip()
        {
            self.frontend().state.sources.release(addr.ip());
        }
        if let Some(listener) = self.listener_state() {
            listener.conns.close(self.shard);
        }
        if self.is_secure(Side::Front) {
            self.table.process.tls.conns.close(self.shard);
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
        // A service of our own is no choice of a balancer.
        if self.is_served() {
            return;
        }
        match failed {
            None => {
                if let Some(backend) = self.counted_backend() {
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

    pub(crate) fn count_attempt(&self, now: Instant, server: &Server, is_reused: bool) {
        server.state.tally.on_session(self.shard, clock(now));
        server.state.tally.on_served(self.shard, clock(now));
        self.count_at(Some(server), |traffic| if is_reused { traffic.reuses.add(1) } else { traffic.connects.add(1) });
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
        self.count_at_front(|traffic| add(traffic, count));
        if let Some(backend) = self.counted_backend() {
            add(backend.state.tally.of(self.shard), count);
        }
        if let Some(server) = &self.server {
            add(server.state.tally.of(self.shard), count);
        }
    }

    /// Bytes that came behind a PROXY header. What HTTP counts it counts when it is read.
    pub(crate) fn count_early_bytes(&mut self, count: u32) {
        if self.frontend().mode == Mode::Tcp {
            self.count_bytes(Side::Front, count);
        }
    }

    /// A request was read.
    pub(crate) fn count_request(&self, now: Instant) {
        self.frontend().state.tally.on_request(self.shard, clock(now));
    }

    /// A server has answered.
    pub(crate) fn count_response(&self, status: u16) {
        if let Some(server) = &self.server {
            let traffic = server.state.tally.of(self.shard);
            traffic.requests.add(1);
            responses(traffic, Some(status)).add(1);
        }
    }

    /// An exchange is over, however it went.
    fn count_exchange(&self, end: End) {
        let status = self.status(end);
        let is_request = !self.is_request_turned_away();
        let count = |traffic: &Traffic| {
            traffic.requests.add(is_request.into());
            responses(traffic, status).add(1);
        };
        count(self.frontend().state.tally.of(self.shard));
        if let Some(backend) = self.counted_backend() {
            count(backend.state.tally.of(self.shard));
        }
        let is_ours = matches!(
            end.cause,
            Cause::ShutDown(_) | Cause::Denied | Cause::Answered | Cause::Rejected | Cause::RuleFailed
        );
        let is_request_at_fault = end.moment == Moment::Request && !is_ours;
        if is_request_at_fault || matches!(end.cause, Cause::Malformed(Side::Front, _)) {
            self.count_at_front(|traffic| traffic.requests_failed.add(1));
        }
    }

    /// Why it ended, and how long it took. To be called before the server is released.
    pub(crate) fn count_end(&self, now: Instant, end: End) {
        let server = self.server.as_deref().or(self.waited.as_deref());
        if self.is_exchange_open() {
            self.count_exchange(end);
        }
        match end.cause {
            Cause::Malformed(Side::Back, _) => self.count_at(server, |traffic| traffic.responses_failed.add(1)),
            Cause::Aborted(Side::Back) | Cause::Idle(Side::Back) if end.moment == Moment::Headers => {
                self.count_at(server, |traffic| traffic.responses_failed.add(1));
            }
            Cause::Aborted(Side::Front) | Cause::Idle(Side::Front) => {
                self.count_at(server, |traffic| traffic.client_aborts.add(1));
            }
            Cause::Aborted(Side::Back) => self.count_at(server, |traffic| {
                traffic.responses_failed.add(1);
                traffic.server_aborts.add(1);
            }),
            Cause::Idle(Side::Back) => self.count_at(server, |traffic| traffic.server_aborts.add(1)),
            Cause::Unreachable(_)
            | Cause::Unsecured(_)
            | Cause::ConnectLate
            | Cause::NoServer
            | Cause::QueueLate
            | Cause::QueueFull => {
                self.count_at(server, |traffic| traffic.connects_failed.add(1));
            }
            Cause::Exhausted(_) => self.count_at(server, |traffic| traffic.internal_errors.add(1)),
            Cause::RuleFailed => {
                self.count_at_front(|traffic| traffic.internal_errors.add(1));
                self.count_at(server, |traffic| traffic.internal_errors.add(1));
            }
            Cause::Complete
            | Cause::BadHeader(_)
            | Cause::BadHandshake(_)
            | Cause::NotAdmitted
            | Cause::Rejected
            | Cause::Denied
            | Cause::Answered
            | Cause::Malformed(Side::Front, _)
            | Cause::ShutDown(_) => (),
        }
        self.count_times(now);
    }

    /// A server reset its connection before it had answered. HAProxy counts that beside what becomes of the exchange, also where the
    /// request is sent again.
    pub(crate) fn count_server_reset(&self) {
        self.count_at(self.server.as_deref(), |traffic| traffic.responses_failed.add(1));
    }

    /// A rule on contents rejected what the client said: where it arrived, whosever rule that is.
    pub(crate) fn count_denial(&self) {
        self.frontend().state.tally.of(self.shard).requests_denied.add(1);
    }

    /// A request was answered where it arrived, in place of a server.
    pub(crate) fn count_interception(&self) {
        self.frontend().state.tally.of(self.shard).intercepted.add(1);
    }

    /// A rule of HTTP denied a request.
    pub(crate) fn count_request_denial(&self) {
        self.count_at_front(|traffic| traffic.requests_denied.add(1));
        self.count_at(None, |traffic| traffic.requests_denied.add(1));
    }

    /// A rule rejected what the server said.
    pub(crate) fn count_response_denial(&self) {
        self.count_at_front(|traffic| traffic.responses_denied.add(1));
        self.count_at(self.server.as_deref(), |traffic| traffic.responses_denied.add(1));
    }

    /// Of sessions that reached a server.
    fn count_times(&self, now: Instant) {
        let (Some(assigned), Some(connected)) = (self.assigned_at, self.connected_at) else { return };
        let Some(server) = self.server.as_ref().filter(|_| !self.is_served()) else { return };
        let (began, routed) = self.began_at();
        let queue = assigned.since(routed);
        let response = self.responded_at().map(|responded| responded.since(connected));
        let took = Took { queue, connect: connected.since(assigned), response, total: now.since(began) };
        if let Some(backend) = self.counted_backend() {
            backend.state.tally.on_times(self.shard, took);
        }
        server.state.tally.on_times(self.shard, took);
    }

    /// At the session's backend, and at a server of it.
    fn count_at(&self, server: Option<&Server>, add: impl Fn(&Traffic)) {
        if let Some(backend) = self.counted_backend() {
            add(backend.state.tally.of(self.shard));
        }
        if let Some(server) = server {
            add(server.state.tally.of(self.shard));
        }
    }
}

/// The counter of responses with this status.
fn responses(traffic: &Traffic, status: Option<u16>) -> &Counter {
    match status.map(|status| status / 100) {
        Some(1) => &traffic.responses_1xx,
        Some(2) => &traffic.responses_2xx,
        Some(3) => &traffic.responses_3xx,
        Some(4) => &traffic.responses_4xx,
        Some(5) => &traffic.responses_5xx,
        Some(_) | None => &traffic.responses_other,
    }
}

/// The monotonic clock, as tallies read it.
pub(crate) fn clock(now: Instant) -> Duration {
    now.since(Instant::EPOCH)
}
