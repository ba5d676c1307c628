//! From the choice of a backend to a server that has taken the connection: attempts, retries, redispatch.
//!
//! Where the next attempt goes is the table's to say ([`Backend::retry`](table::Backend::retry)); here it is carried out: the
//! failed socket is closed first, and a server that refused is left alone for a while.

use crate::secure::Secure;
use crate::{Ask, Cause, End, Kept, Link, Moment, Outbox, Phase, Session, Socket};
use driver::{Addr, Errno, Instant, Op, Side};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use table::{Backend, Health, Observed, Pin, Retry, RetryEvent, Server, ServerAddr, Trouble};

/// How long a server that refused is left alone, unless `timeout connect` is shorter (`configuration.txt: retries`).
const REST: Duration = Duration::from_secs(1);

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Refused(Errno),
    /// The server's TLS came to nothing.
    Handshake(tls::Failure),
    Late,
}

impl Session {
    pub(crate) fn on_assigned(
        &mut self,
        now: Instant,
        server: Arc<Server>,
        link: Result<Link, Errno>,
        out: &mut Outbox,
    ) {
        assert!(
            matches!(self.phase, Phase::Assigning | Phase::Queued),
            "assigned to one who asked, not in {:?}",
            self.phase
        );
        if self.server.is_none() {
            self.assigned_at = Some(now);
            let avoided = self.avoided.take();
            self.count_pick(now, avoided.as_deref(), &server);
            if avoided.is_some_and(|avoided| !is_same(&avoided, &server)) {
                self.is_redispatched = true;
                self.on_http_redispatched();
            }
        }
        self.count_attempt(now, &server, matches!(link, Ok(Link::Kept(_))));
        let addr = addr_of(&server.address());
        self.server = Some(server);
        match link {
            Ok(Link::Kept(Kept { fd, secured })) => {
                let secure = secured.map(|secured| Box::new(Secure::wake(secured)));
                self.back = Some(Socket { secure, ..Socket::new(fd, now) });
                self.enter(Phase::Connecting);
                self.connected_at = Some(now);
                self.start_exchange_on_kept(now);
            }
            Ok(Link::Fresh(fd)) => {
                self.back = Some(Socket::new(fd, now));
                self.enter(Phase::Connecting);
                self.attempt_at = now;
                self.submit(Side::Back, Op::Connect { fd, addr }, out);
            }
            Err(errno) => self.end_with(End::new(Moment::Connect, Cause::Exhausted(errno)), out),
        }
    }

    pub(crate) fn on_no_server(&mut self, out: &mut Outbox) {
        assert_eq!(self.phase, Phase::Assigning, "questions are answered before anything else happens");
        self.end_with(End::new(Moment::Connect, Cause::NoServer), out);
    }

    pub(crate) fn on_connected(&mut self, now: Instant, result: Result<(), Errno>, out: &mut Outbox) {
        match (self.phase, result) {
            (Phase::Connecting, Ok(())) if self.begins_tls(now, out) => (),
            (Phase::Connecting, Ok(())) => {
                self.on_reached(now, out);
                self.introduce(now, out);
            }
            (Phase::Connecting, Err(errno)) => self.on_attempt_failed(now, Failure::Refused(errno), out),
            // A connect that was given up may still succeed; its socket is closed all the same.
            (Phase::Retreating | Phase::Answering | Phase::Aborting, _) => (),
            (phase, _) => unreachable!("no connect is in flight in {phase:?}"),
        }
    }

    /// The connection to the server stands.
    pub(crate) fn on_reached(&mut self, now: Instant, out: &mut Outbox) {
        self.connected_at = Some(now);
        self.on_served_well(Observed::Connections);
        self.tell_or_ask(now, out);
    }

    /// The line that is due now may show an address that only the shard can find out.
    fn tell_or_ask(&mut self, now: Instant, out: &mut Outbox) {
        match &self.back {
            Some(back) if self.frontend().log.has_source() => out.ask(Ask::Source(back.fd)),
            // Of HTTP it is the response that is waited for.
            Some(_) | None if self.speaks_http() => (),
            Some(_) | None => self.tell_connected(now, out),
        }
    }

    pub(crate) fn on_source(&mut self, now: Instant, addr: Addr, out: &mut Outbox) {
        self.source = Some(Box::new(addr));
        if !self.speaks_http() {
            self.tell_connected(now, out);
        }
    }

    pub(crate) fn on_connect_late(&mut self, now: Instant, out: &mut Outbox) {
        let fd = self.back.as_ref().expect("connecting implies a back socket").fd;
        self.on_attempt_failed(now, Failure::Late, out);
        if self.phase == Phase::Retreating {
            self.submit(Side::Back, Op::Cancel { fd }, out);
        }
    }

    /// Closes the socket of a failed attempt once nothing is in flight on it, then tries again.
    pub(crate) fn advance_retreat(&mut self, now: Instant, out: &mut Outbox) {
        let failed = self.back.as_ref().map(|&Socket { fd, ending, in_flight, .. }| (fd, ending, in_flight));
        match failed {
            Some((fd, ending, 0)) => self.submit(Side::Back, Op::Close { fd, ending }, out),
            Some(_) => (),
            None if self.attempt_at > now => self.enter(Phase::Resting),
            None => self.attempt_again(out),
        }
    }

    pub(crate) fn attempt_again(&mut self, out: &mut Outbox) {
        self.enter(Phase::Assigning);
        match &self.server {
            Some(server) => out.ask(Ask::Socket(Arc::clone(server))),
            None => {
                out.ask(Ask::Server { hash: self.hash, avoid: self.avoided.clone(), imposed: None, takes_down: false })
            }
        }
    }

    /// Gives up, or sees to another attempt: where, and when.
    pub(crate) fn on_attempt_failed(&mut self, now: Instant, failure: Failure, out: &mut Outbox) {
        self.on_trouble(Trouble::Unreachable, out);
        let backend = Arc::clone(self.backend().expect("connecting implies a backend"));
        let may_retry = backend.http.retry_on.has(RetryEvent::ConnFailure);
        let Some(retry) = backend.retry(u32::from(self.retries) + 1, self.pin).filter(|_| may_retry) else {
            let cause = match failure {
                Failure::Refused(errno) => Cause::Unreachable(errno),
                Failure::Handshake(failure) => Cause::Unsecured(failure),
                Failure::Late => Cause::ConnectLate,
            };
            return self.end_with(End::new(Moment::Connect, cause), out);
        };
        let pauses = self.retreat(&backend, retry, out);
        let rest = match failure {
            Failure::Refused(_) | Failure::Handshake(_) if pauses => {
                backend.timeouts.connect.map_or(REST, |connect| connect.min(REST))
            }
            Failure::Refused(_) | Failure::Handshake(_) | Failure::Late => Duration::ZERO,
        };
        self.attempt_at = now + rest;
    }

    /// Leaves the server of an attempt that failed, for another attempt there or elsewhere. Says whether one that was refused pauses
    /// before it.
    pub(crate) fn retreat(&mut self, backend: &Backend, retry: Retry, out: &mut Outbox) -> bool {
        self.retries = self.retries.saturating_add(1);
        self.enter(Phase::Retreating);
        self.abandon_tls();
        let is_down = self.server.as_ref().is_some_and(|server| server.state.health() == Health::Down);
        let (goes_elsewhere, pauses) = match retry {
            Retry::Same { .. } if is_down && backend.redispatch.is_some() && self.pin != Pin::Forced => (true, false),
            Retry::Same { pause } => (false, pause),
            Retry::Redispatch { pause } => (true, pause),
        };
        if goes_elsewhere {
            self.avoided = self.server.clone();
            self.pin = Pin::Free;
            self.release_server(out);
        } else {
            self.count_retry();
        }
        pauses
    }

    /// What a session meets may count for its server's health (`configuration.txt: observe`).
    pub(crate) fn on_trouble(&self, trouble: Trouble, out: &mut Outbox) {
        let Some(server) = &self.server else { return };
        let Some(observe) = server.settings.observe.filter(|observe| observe.counts(trouble)) else { return };
        if server.state.on_trouble(&observe) {
            out.ask(Ask::Alarm(Arc::clone(server), trouble));
        }
    }

    /// There was no trouble with what is looked at.
    pub(crate) fn on_served_well(&self, with: Observed) {
        let is_meant = |server: &&Arc<Server>| server.settings.observe.is_some_and(|observe| observe.of == with);
        if let Some(server) = self.server.as_ref().filter(is_meant) {
            server.state.forget_errors();
        }
    }
}

/// Whether two tables mean the same server: the state is what both share.
pub(crate) fn is_same(one: &Server, other: &Server) -> bool {
    Arc::ptr_eq(&one.state, &other.state)
}

/// A server's address in a driver's words.
pub fn addr_of(addr: &ServerAddr) -> Addr {
    match addr {
        ServerAddr::Ip(addr) => Addr::Ip(*addr),
        // It had an address when it was picked, and a reload has taken it: whoever connects to port 0 is refused.
        ServerAddr::Nowhere(_) => Addr::Ip((Ipv4Addr::LOCALHOST, 0).into()),
        ServerAddr::Unix(path) => Addr::Unix(Arc::clone(path)),
        ServerAddr::Abstract(name) => Addr::Unix([b"\0", &name[..]].concat().into()),
    }
}
