//! Accepting: only when there is a place for a connection, and no faster than a turn can bear.
//!
//! A listener is asked for readiness, not for connections: what was not asked for stays in the kernel's queue, neither reset
//! nor forgotten, until a place is free. A quiet listener takes one connection per readiness; each time more were waiting it
//! takes twice as many in a row, so that a burst costs one call per connection and a lone client does not pay for a second.

use crate::listeners::{Lack, Listener, Purpose, Rate, Watch};
use crate::{Life, Notice, Shard};
use driver::{Accepted, Addr, Driver, Instant, Op, Tag};
use session::{Arrival, Session};
use std::time::Duration;
use table::{FrontendState, RateLimit};

/// Most connections that one listener takes in a turn.
const BATCH_MOST: u32 = 64;

/// The limits per second, in the order in which one after the other lets a connection pass.
const RATES: [Rate; 3] = [Rate::FrontendSessions, Rate::Connections, Rate::Sessions];

/// The same of a listener with TLS.
const RATES_TLS: [Rate; 4] = [Rate::FrontendSessions, Rate::Connections, Rate::Sessions, Rate::Tls];

/// How long accepting rests when the system is out of descriptors and none of ours is closed meanwhile.
const REST: Duration = Duration::from_millis(100);

impl<D: Driver> Shard<D> {
    /// Somebody waits at this listener, or it was told to leave. Accepting comes last in a turn, after those who are connected.
    pub(crate) fn on_listener_done(&mut self, index: u32) {
        let listener = self.listeners.get_mut(index).expect("a listener stays until its ops have completed");
        listener.in_flight -= 1;
        self.listeners.rest(index, Watch::Waiting(Lack::Turn));
    }

    /// Looks after the listeners for which nothing is in flight: those where somebody waits, those that are new or leave.
    pub(crate) fn tend_listeners(&mut self) {
        let is_freed = std::mem::take(&mut self.descriptors_freed) > 0;
        for index in self.listeners.take_untended() {
            let Some(listener) = self.listeners.get_mut(index) else { continue };
            // Its readiness op was told to end: the last completion brings it back here.
            if listener.is_cancelled && listener.in_flight > 0 {
                continue;
            }
            listener.is_cancelled = false;
            let purpose = listener.purpose();
            let is_patient = matches!(purpose, Purpose::Serve | Purpose::Empty);
            match (listener.watch, purpose) {
                (Watch::Armed, Purpose::Serve) | (Watch::Resting, Purpose::Rest) => (),
                (Watch::Armed, Purpose::Rest | Purpose::Empty | Purpose::Go) => self.disarm(index),
                (Watch::Idle, Purpose::Serve) => self.arm(index),
                (Watch::Resting | Watch::Refused(_), Purpose::Serve) => self.get_up(index),
                (Watch::Resting | Watch::Refused(_), Purpose::Empty | Purpose::Go) => self.discard(index),
                (Watch::Refused(_), Purpose::Rest) => listener.lie_down(&mut self.driver),
                (Watch::Exhausted(until), _) if is_patient && until > self.now && !is_freed => {
                    self.listeners.rest(index, Watch::Exhausted(until));
                }
                (Watch::Waiting(lack), _) if is_patient && self.lacks(index, lack) => {
                    self.listeners.rest(index, Watch::Waiting(lack));
                }
                (Watch::Idle | Watch::Waiting(_) | Watch::Exhausted(_), _) => self.accept_from(index),
            }
        }
        self.tell_settled();
        if self.life == Life::Draining && self.listeners.is_empty() && self.slots.live_count() == 0 {
            self.stop();
        }
    }

    /// Whether a listener can go on without anything else happening first.
    pub(crate) fn must_not_wait(&self) -> bool {
        let is_due = |listener: &Listener| match listener.watch {
            Watch::Idle => true,
            Watch::Waiting(lack) => !self.lacks_at(listener, lack),
            Watch::Exhausted(_) => self.descriptors_freed > 0,
            Watch::Armed | Watch::Resting | Watch::Refused(_) => false,
        };
        self.listeners.untended().any(is_due)
    }

    fn lacks(&self, index: u32, lack: Lack) -> bool {
        self.listeners.get(index).is_some_and(|listener| self.lacks_at(listener, lack))
    }

    /// Whether what was missing still is. Of a place it is known: the limiter says so when there may be one.
    fn lacks_at(&self, listener: &Listener, lack: Lack) -> bool {
        match lack {
            Lack::Turn => false,
            Lack::Slot => self.slots.is_full(),
            Lack::FrontendPlace => listener.frontend().state.limiter.is_waiting(self.index),
            Lack::ProcessPlace => self.table.process.limiter.is_waiting(self.index),
            Lack::TlsPlace => self.table.process.tls.limiter.is_waiting(self.index),
            Lack::Time(rate) => self.opens_at(listener, rate) > self.now,
        }
    }

    /// When a limit per second lets the next one in.
    pub(crate) fn opens_at(&self, listener: &Listener, rate: Rate) -> Instant {
        Instant::EPOCH + self.rate(&listener.frontend().state, rate).opens_at()
    }

    fn rate<'a>(&'a self, frontend: &'a FrontendState, rate: Rate) -> &'a RateLimit {
        match rate {
            Rate::FrontendSessions => &frontend.session_rate,
            Rate::Connections => &self.table.process.connection_rate,
            Rate::Sessions => &self.table.process.session_rate,
            Rate::Tls => &self.table.process.tls.rate,
        }
    }

    fn accept_from(&mut self, index: u32) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        let (fd, purpose, is_tls) = (listener.fd, listener.purpose(), listener.is_tls);
        if purpose == Purpose::Rest && !listener.can_refuse() {
            return listener.lie_down(&mut self.driver);
        }
        let (table, frontend) = (listener.table.clone(), listener.frontend);
        let frontend = &table.frontend(frontend).state;
        let batch = if purpose == Purpose::Serve { listener.batch } else { BATCH_MOST };
        for taken in 0..batch {
            if let Err(lack) = self.take_place(frontend, is_tls) {
                self.stats.limit_reached += 1;
                return self.hold_back(index, Watch::Waiting(lack));
            }
            match self.driver.accept(fd) {
                Ok(Some(accepted)) => self.start_session(index, accepted),
                Ok(None) => {
                    self.give_place_back(frontend, is_tls);
                    self.set_batch(index, taken.max(1));
                    return self.on_empty(index);
                }
                Err(errno) => {
                    self.give_place_back(frontend, is_tls);
                    if errno.is_exhaustion() {
                        self.stats.accept_exhausted += 1;
                        let until = self.now + REST;
                        return self.hold_back(index, Watch::Exhausted(until));
                    }
                    self.stats.accept_failed += 1;
                }
            }
        }
        // As many were waiting as were taken: there may be more, and the next readiness will say so.
        self.set_batch(index, (batch * 2).min(BATCH_MOST));
        match purpose {
            Purpose::Serve => self.arm(index),
            Purpose::Rest | Purpose::Empty | Purpose::Go => self.listeners.rest(index, Watch::Waiting(Lack::Turn)),
        }
    }

    /// Nobody is left in a listener's queue.
    fn on_empty(&mut self, index: u32) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        match listener.purpose() {
            Purpose::Serve => self.arm(index),
            Purpose::Rest => listener.lie_down(&mut self.driver),
            Purpose::Empty | Purpose::Go => self.discard(index),
        }
    }

    /// Somebody may wait in a listener's queue and cannot be served now.
    fn hold_back(&mut self, index: u32, watch: Watch) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        match listener.purpose() {
            Purpose::Serve | Purpose::Empty => self.listeners.rest(index, watch),
            Purpose::Rest => listener.lie_down(&mut self.driver),
            Purpose::Go => self.discard(index),
        }
    }

    /// Its frontend is open again.
    fn get_up(&mut self, index: u32) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        match listener.get_up(&mut self.driver) {
            Ok(()) => self.arm(index),
            Err(errno) => listener.watch = Watch::Refused(errno),
        }
    }

    /// Tells control that all listeners do what their frontends want, as far as they can.
    fn tell_settled(&mut self) {
        if self.orders.is_empty() || !self.listeners.is_settled() {
            return;
        }
        let refused = self.listeners.refused();
        for serial in self.orders.drain(..) {
            self.port.tell(Notice::Followed { shard: self.index, serial, refused: refused.clone() });
        }
    }

    /// Takes a place for one more session: here, at its frontend and in the process, and its turn in this second.
    fn take_place(&self, frontend: &FrontendState, is_tls: bool) -> Result<(), Lack> {
        if self.slots.is_full() {
            return Err(Lack::Slot);
        }
        if !frontend.limiter.admit_or_wait(self.index) {
            return Err(Lack::FrontendPlace);
        }
        if !self.table.process.limiter.admit_or_wait(self.index) {
            frontend.limiter.release(self.index);
            return Err(Lack::ProcessPlace);
        }
        if is_tls && !self.table.process.tls.limiter.admit_or_wait(self.index) {
            self.release_place(frontend, false);
            return Err(Lack::TlsPlace);
        }
        let now = self.now.since(Instant::EPOCH);
        let rates = rates(is_tls);
        for (taken, &rate) in rates.iter().enumerate() {
            if !self.rate(frontend, rate).admit_or_wait(self.index, now) {
                rates[..taken].iter().for_each(|&rate| self.rate(frontend, rate).give_back(now));
                self.release_place(frontend, is_tls);
                return Err(Lack::Time(rate));
            }
        }
        Ok(())
    }

    fn give_place_back(&self, frontend: &FrontendState, is_tls: bool) {
        let now = self.now.since(Instant::EPOCH);
        rates(is_tls).iter().for_each(|&rate| self.rate(frontend, rate).give_back(now));
        self.release_place(frontend, is_tls);
    }

    fn release_place(&self, frontend: &FrontendState, is_tls: bool) {
        frontend.limiter.release(self.index);
        self.table.process.limiter.release(self.index);
        if is_tls {
            self.table.process.tls.limiter.release(self.index);
        }
    }

    fn start_session(&mut self, index: u32, Accepted { fd, peer }: Accepted) {
        let listener = self.listeners.get_mut(index).expect("it was accepted from");
        let destination = match &listener.local {
            Some(addr) => addr.clone(),
            None => self.driver.local_addr(fd).unwrap_or(Addr::Unnamed),
        };
        let arrival = Arrival {
            table: listener.table.clone(),
            frontend: listener.frontend,
            listener: listener.number,
            expects_header: listener.accept_proxy,
            fd,
            client: peer,
            destination,
            shard: self.index,
        };
        self.stats.accepted += 1;
        let id = self.slots.vacancy().expect("a place was taken");
        self.wheel.grow(self.slots.count());
        let session = Session::start(arrival, self.now, &mut self.outbox);
        self.slots.occupy(id, session);
        self.settle(id);
        self.step_ready();
    }

    fn arm(&mut self, index: u32) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        listener.watch = Watch::Armed;
        let op = Op::Readable { fd: listener.fd };
        self.submit_for(index, op);
    }

    /// Ends the readiness op of a listener that leaves or rests. Whichever of the two completes last brings the listener back here.
    fn disarm(&mut self, index: u32) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        listener.is_cancelled = true;
        let op = Op::Cancel { fd: listener.fd };
        self.submit_for(index, op);
    }

    fn submit_for(&mut self, index: u32, op: Op) {
        let listener = self.listeners.get_mut(index).expect("its op was just made");
        listener.in_flight += 1;
        if self.driver.submit(Tag::Listener(index), op).is_some() {
            self.on_listener_done(index);
        }
    }

    fn set_batch(&mut self, index: u32, batch: u32) {
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.batch = batch;
        }
    }

    fn discard(&mut self, index: u32) {
        if let Some(listener) = self.listeners.remove(index) {
            self.driver.discard(listener.fd);
        }
    }
}

fn rates(is_tls: bool) -> &'static [Rate] {
    if is_tls { &RATES_TLS } else { &RATES }
}
