//! The steps of a session: an event is recorded by whoever knows what it means, then [`Session::advance`] takes what follows from the
//! state alone.

use crate::flow::{Flow, Pace};
use crate::gather::Gathered;
use crate::{Arrival, Cause, End, Event, Moment, Outbox, Phase, Session, Shutdown, Socket};
use driver::{Hope, Instant, Side};
use table::{Identity, Passed, Pin, Variables};

impl Session {
    /// Takes over an accepted connection and starts with it.
    pub fn start(arrival: Arrival, now: Instant, out: &mut Outbox) -> Session {
        let Arrival { table, frontend, listener, expects_header, fd, client, destination, shard } = arrival;
        let mut session = Session {
            phase: Phase::Greeting,
            front: Socket::new(fd, now),
            back: None,
            request: Flow::Resting,
            request_pace: Pace::default(),
            response: Flow::Resting,
            response_pace: Pace::default(),
            table,
            frontend,
            backend: None,
            server: None,
            hash: None,
            pin: Pin::Free,
            avoided: None,
            wait: None,
            waited: None,
            passed: Passed::default(),
            early: None,
            review: None,
            http: None,
            shard,
            listener,
            retries: 0,
            is_redispatched: false,
            is_bound_by_credentials: false,
            is_counted_by_source: false,
            header_end: 0,
            header_left: 0,
            client,
            destination,
            variables: Variables::default(),
            ends_by_rule: None,
            announced: None,
            accepted_at: now,
            attempt_at: now,
            identified_at: None,
            assigned_at: None,
            connected_at: None,
            source: None,
            identity: Identity::default(),
            is_told: false,
            bytes_in: 0,
            bytes_out: 0,
            end: None,
        };
        session.count_arrival(now);
        if session.is_turned_away(out) {
            session.advance(now, out);
            return session;
        }
        // Heard from the start: an early client is read while the server is connected, and one that leaves is noticed.
        let is_securing = !expects_header && session.secure_front(now, Gathered::default());
        session.fill(Side::Front, Hope::Soon, out);
        if !expects_header && !is_securing {
            session.on_identified(now, out);
        }
        session.advance(now, out);
        session
    }

    /// Takes one event. The outbox must be drained before the next one.
    pub fn handle(&mut self, now: Instant, event: Event, out: &mut Outbox) {
        match event {
            Event::Done(side, done) => self.on_done(now, side, done, out),
            Event::Assigned { server, link } => self.on_assigned(now, server, link, out),
            Event::Queued(ticket, server) => self.on_queued(now, ticket, server, out),
            Event::Granted { server, link, passed } => self.on_granted(now, server, link, passed, out),
            Event::LineFull(server) => self.on_line_full(server, out),
            Event::NoServer => self.on_no_server(out),
            Event::Source(addr) => self.on_source(now, addr, out),
            Event::Errand(errand) => self.on_errand(errand),
        }
        self.advance(now, out);
        debug_assert_eq!(self.check(), Ok(()));
    }

    /// To be called at or after [`deadline`](Session::deadline); earlier calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.phase {
            Phase::Greeting if self.is_securing() => self.refuse_handshake(tls::Failure::Timeout, out),
            Phase::Greeting => self.refuse_greeting(proxyline::Error::Timeout, out),
            Phase::Queued => self.on_queue_late(out),
            Phase::Inspecting => self.on_inspection_late(now, out),
            Phase::Connecting => self.on_connect_late(now, out),
            Phase::Resting => self.attempt_again(out),
            Phase::Relaying if self.review_deadline().is_some_and(|deadline| deadline <= now) => {
                self.on_review_late(now, out);
            }
            Phase::Heading | Phase::Relaying => self.on_idle(out),
            Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Exchanging
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering => {
                self.on_http_late(now, out);
            }
            Phase::Aborting => self.on_farewell_late(out),
            Phase::Assigning | Phase::Retreating | Phase::Closing | Phase::Closed => (),
        }
        self.advance(now, out);
        debug_assert_eq!(self.check(), Ok(()));
    }

    /// Ends it because it is told to. One that ends already does so for its own cause.
    pub fn shut_down(&mut self, now: Instant, why: Shutdown, out: &mut Outbox) {
        // HAProxy says how far a session had come only where it was not served yet: `DC`, but `D-`.
        let moment = match self.moment() {
            Moment::Data | Moment::LastData => Moment::Done,
            moment @ (Moment::Request
            | Moment::Tarpit
            | Moment::Queue
            | Moment::Connect
            | Moment::Headers
            | Moment::Done) => moment,
        };
        self.end_with(End::new(moment, Cause::ShutDown(why)), out);
        self.advance(now, out);
        debug_assert_eq!(self.check(), Ok(()));
    }

    /// When the session wants to be looked at. It moves with every message; only its being reached matters.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Greeting => {
                let timeouts = &self.frontend().timeouts;
                Some(self.accepted_at + timeouts.client_handshake.or(timeouts.client)?)
            }
            Phase::Queued => Some(self.wait.as_ref()?.since + self.backend_ref()?.timeouts.queue?),
            Phase::Inspecting => self.inspection_deadline(),
            Phase::Connecting => Some(self.attempt_at + self.backend_ref()?.timeouts.connect?),
            Phase::Resting => Some(self.attempt_at),
            Phase::Heading | Phase::Relaying => {
                let idle = self.idle_deadline().map(|(deadline, _)| deadline);
                [idle, self.review_deadline()].into_iter().flatten().min()
            }
            Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Exchanging
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering => self.http_deadline(),
            Phase::Aborting => self.farewell_deadline(),
            Phase::Assigning | Phase::Retreating | Phase::Closing | Phase::Closed => None,
        }
    }

    /// Takes the steps that follow from the state alone, whatever just happened.
    pub(crate) fn advance(&mut self, now: Instant, out: &mut Outbox) {
        self.advance_phase(now, out);
        while let Some((side, news)) = self.step_secure(out) {
            self.on_news(now, side, news, out);
            self.advance_phase(now, out);
        }
    }

    pub(crate) fn advance_phase(&mut self, now: Instant, out: &mut Outbox) {
        if self.speaks_http() {
            self.advance_http(now, out);
        }
        if self.phase == Phase::Retreating {
            self.advance_retreat(now, out);
        }
        if self.phase == Phase::Relaying && self.is_relayed() {
            self.end = Some(End::new(Moment::Done, Cause::Complete));
            self.enter(Phase::Aborting);
        }
        let is_quiet = self.in_flight_count() == 0 || cfg!(feature = "plant_close_in_flight");
        if self.phase == Phase::Aborting && is_quiet && !self.says_farewell(now, out) {
            self.close(now, out);
        }
        if self.phase == Phase::Closing && self.in_flight_count() == 0 {
            self.back = None;
            self.count_departure();
            self.enter(Phase::Closed);
        }
    }

    pub(crate) fn enter(&mut self, phase: Phase) {
        assert!(self.phase.may_become(phase), "from {:?} to {phase:?}", self.phase);
        self.phase = phase;
    }
}
