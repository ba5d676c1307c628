//! One turn, in order.

use crate::listeners::Listener;
use crate::sweep::{Lot, Whose};
use crate::tuning::tuning_of;
use crate::{Life, Mail, Notice, Report, Shard, waiter};
use driver::{Addr, Done, Driver, Errno, Fd, Instant, SessionId, Tag, Tuning};
use session::{Ask, Event, KeptFor, Link, MustBeProven, Reusable, View};
use std::sync::Arc;
use table::{Assignment, Grant, PickKey, Server, ServerState};

impl<D: Driver> Shard<D> {
    /// Waits for something to happen, and does all that follows from it.
    pub fn turn(&mut self) -> Result<(), Errno> {
        let mut done = std::mem::take(&mut self.done);
        self.driver.turn(self.deadline(), &mut done)?;
        self.mailbox.pulse().beat();
        self.stats.turns += 1;
        self.now = self.driver.now();
        self.read_mail();
        self.look_at_table();
        self.take_grants();
        self.take_errands();
        for (tag, done) in done.drain(..) {
            self.on_done(tag, done);
        }
        self.done = done;
        self.fire_timers();
        self.shake_hands();
        self.sweep();
        self.list();
        self.purge();
        self.look_after_own();
        self.let_go();
        self.tend_listeners();
        self.tidy();
        self.mailbox.pulse().beat();
        Ok(())
    }

    fn deadline(&self) -> Option<Instant> {
        let has_more = !self.sweeps.is_empty() || !self.listings.is_empty() || self.can_shake_hands();
        if has_more || self.must_not_wait() {
            return Some(self.now);
        }
        let opens_at = |listener: &Listener, rate| self.opens_at(listener, rate);
        let listeners_due = self.listeners.deadline(opens_at);
        let connections_due = [self.idle_due, self.own.due].into_iter().flatten().min();
        [self.wheel.next(), listeners_due, connections_due, self.tidy_due].into_iter().flatten().min()
    }

    fn on_done(&mut self, tag: Tag, done: Done) {
        match tag {
            Tag::Session { id, side } => {
                self.receive(id, side, done);
                self.step_ready();
            }
            Tag::Listener(index) => match done {
                Done::Readable(_) | Done::Cancelled => self.on_listener_done(index),
                Done::Connected(_)
                | Done::Received(_)
                | Done::Sent { .. }
                | Done::Filled(_)
                | Done::Drained { .. }
                | Done::Entrusted(..)
                | Done::AlertSent(_)
                | Done::RecordReceived { .. }
                | Done::Finished(_)
                | Done::Closed => {
                    unreachable!("listeners are asked for readiness only")
                }
            },
        }
    }

    fn read_mail(&mut self) {
        while let Some(mail) = self.mailbox.take() {
            match mail {
                Mail::Prepare(table) => {
                    let result = self.listeners.prepare(&mut self.driver, &table, self.index);
                    self.port.tell(Notice::Prepared { shard: self.index, generation: table.generation, result });
                }
                Mail::Forget => self.listeners.forget(&mut self.driver),
                Mail::Drain => self.drain(),
                Mail::Stop => self.stop(),
                Mail::Shutdown { whose, why } => self.sweeps.add(whose, Lot::End(why), self.now),
                Mail::List(serial) => self.listings.add(serial),
                Mail::Follow(serial) => {
                    self.listeners.follow();
                    self.orders.push(serial);
                }
                Mail::Export => {
                    let count = (self.passage)(&self.listeners.exportable());
                    self.port.tell(Notice::Exported { shard: self.index, count });
                }
                Mail::Report => self.port.tell(Notice::Report(Box::new(self.report()))),
            }
        }
    }

    /// Goes over to the table that control has published, if it is a new one.
    fn look_at_table(&mut self) {
        let published = self.published.load();
        if published.generation == self.table.generation || self.life != Life::Serving {
            return;
        }
        self.table = View::new(Arc::clone(published));
        self.stats.reloads += 1;
        self.outbox.limit_messages(self.table.global.messages);
        self.listeners.adopt(&mut self.driver, &self.table);
        if self.table.frontends.iter().any(|frontend| frontend.maxconn_per_source.is_some()) {
            self.sweeps.add(Whose::Everybody, Lot::Census, self.now);
        }
        self.port.tell(Notice::Adopted { shard: self.index, generation: self.table.generation });
    }

    fn drain(&mut self) {
        if self.life == Life::Serving {
            self.life = Life::Draining;
            self.listeners.forget(&mut self.driver);
            self.listeners.leave();
            self.sweeps.add(Whose::Everybody, Lot::Retirement, self.now);
        }
    }

    pub(crate) fn stop(&mut self) {
        if self.life != Life::Stopped {
            // What was granted to those who left is not lost with us.
            self.take_grants();
            self.life = Life::Stopped;
            self.purge();
            self.port.tell(Notice::Stopped { shard: self.index });
        }
    }

    fn report(&self) -> Report {
        Report {
            shard: self.index,
            stats: self.stats.clone(),
            driver: self.driver.stats(),
            sessions_count: self.slots.live_count(),
            buffers_used: self.driver.pool().used_count(),
        }
    }

    fn fire_timers(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.fire(self.now, &mut due);
        for index in due.drain(..) {
            // A slot is disarmed when its session leaves, so whoever is there now is who was filed.
            let Some((id, _)) = self.slots.at(index) else { continue };
            let session = self.slots.get_mut(id).expect("found a moment ago");
            session.handle_timeout(self.now, &mut self.outbox);
            self.settle(id);
            self.step_ready();
        }
        self.due = due;
    }

    /// One event in, and everything that follows from it out.
    pub(crate) fn step(&mut self, id: SessionId, event: Event) {
        self.ready.push_back((id, event));
        self.step_ready();
    }

    pub(crate) fn step_ready(&mut self) {
        while let Some((id, event)) = self.ready.pop_front() {
            let session = self.slots.get_mut(id).expect("a slot is reused after its last completion only");
            session.handle(self.now, event, &mut self.outbox);
            self.settle(id);
        }
    }

    /// Drains the outbox of one session: carries out its ops, answers its questions, passes on what it tells.
    pub(crate) fn settle(&mut self, id: SessionId) {
        if !self.outbox.ops.is_empty() {
            self.carry_out(id);
        }
        if !self.outbox.asks.is_empty() {
            self.answer_all(id);
        }
        if !self.outbox.records.is_empty() {
            self.outbox.records.drain(..).for_each(|record| self.port.record(record));
        }
        if let Some(end) = self.outbox.end.take() {
            self.stats.ends.count(end);
        }
        let session = self.slots.get_mut(id).expect("settled while it lives");
        if session.is_closed() {
            self.vacate(id);
        } else if let Some(deadline) = session.deadline() {
            self.wheel.arm(id.index, deadline);
        }
    }

    fn carry_out(&mut self, id: SessionId) {
        let mut ops = std::mem::take(&mut self.outbox.ops);
        for (side, op) in ops.drain(..) {
            if let Some(done) = self.driver.submit(Tag::Session { id, side }, op) {
                self.receive(id, side, done);
            }
        }
        self.outbox.ops = ops;
    }

    fn answer_all(&mut self, id: SessionId) {
        let mut asks = std::mem::take(&mut self.outbox.asks);
        asks.drain(..).for_each(|ask| self.answer(id, ask));
        self.outbox.asks = asks;
    }

    fn answer(&mut self, id: SessionId, ask: Ask) {
        match ask {
            Ask::Server { hash, avoid, imposed, takes_down } => {
                let is_free = imposed.is_none() && avoid.is_none();
                let preferred = if is_free { self.preferred(id) } else { None };
                let avoid = avoid.as_ref().map(|server| &*server.state);
                let imposed = imposed.as_ref().map(|server| &*server.state);
                let (random, preferred) = (self.random.next(), preferred.as_deref());
                let event = self.pick(id, &PickKey { hash, random, avoid, imposed, takes_down, preferred });
                // Ahead of everything else that waits: an answer is the next thing that its session hears.
                self.ready.push_front((id, event));
            }
            Ask::Socket(server) => {
                let event = self.assign(id, server);
                self.ready.push_front((id, event));
            }
            Ask::Source(fd) => {
                let addr = self.driver.local_addr(fd).unwrap_or(Addr::Unnamed);
                self.ready.push_front((id, Event::Source(addr)));
            }
            Ask::Errand(errand) => self.send_on_errand(id, errand),
            Ask::Alarm(server, trouble) => self.port.tell(Notice::Failing(server, trouble)),
            Ask::Keep { server, kept, of: KeptFor::Anybody { is_proven } } => self.keep(&server, kept, is_proven),
            Ask::Keep { server, kept, of: KeptFor::Client(introduction) } => {
                self.keep_own(id, &server, kept, introduction)
            }
            Ask::Release { table, backend, server } => table.backend(backend).release(&server),
        }
    }

    fn pick(&mut self, id: SessionId, key: &PickKey<'_>) -> Event {
        let session = self.slots.get_mut(id).expect("settled while it lives");
        let backend = session.backend().expect("questions about servers follow the choice of a backend");
        match backend.assign(key, waiter::of(self.index, id)) {
            Assignment::Server(server) => self.assign(id, server),
            Assignment::Queued(ticket, server) => Event::Queued(ticket, server),
            Assignment::LineFull(server) => Event::LineFull(server),
            Assignment::NoServer => Event::NoServer,
        }
    }

    /// The server to which the client has a connection of its own, where that counts for more than the balance.
    fn preferred(&mut self, id: SessionId) -> Option<Arc<ServerState>> {
        let session = self.slots.get_mut(id).expect("settled while it lives");
        let backend = session.backend().expect("questions about servers follow the choice of a backend");
        if !backend.http.prefers_last && !session.is_authenticated_by_connection() {
            return None;
        }
        let backend = Arc::clone(backend);
        self.server_of_own(id, &backend)
    }

    /// Servers for those who stood in a line. Who has left it meanwhile has left his place to the next.
    fn take_grants(&mut self) {
        while let Some(grant) = self.inboxes.take(self.index) {
            let id = waiter::session(grant.waiter);
            let is_waiting = self.slots.get_mut(id).is_some_and(|session| session.waits_with(grant.ticket));
            if !is_waiting {
                grant.hand_back();
                continue;
            }
            let Grant { server, passed, .. } = grant;
            let link = self.link(id, &server);
            self.step(id, Event::Granted { server, link, passed });
        }
    }

    fn assign(&mut self, id: SessionId, server: Arc<Server>) -> Event {
        let link = self.link(id, &server);
        Event::Assigned { server, link }
    }

    /// A connection that rests, if the session may use one, else a socket for a new one.
    fn link(&mut self, id: SessionId, server: &Server) -> Result<Link, Errno> {
        let session = self.slots.get_mut(id).expect("it has asked");
        if let Some(reusable) = session.reuse(server) {
            let whom = session.whom(server);
            let kept = match reusable {
                Reusable::Anybodys(MustBeProven(must_be_proven)) => self.kept(server, whom.as_ref(), must_be_proven),
                Reusable::Own(introduction) => self.own(id, server, whom.as_ref(), &introduction),
            };
            if let Some(kept) = kept {
                return Ok(Link::Kept(kept));
            }
        }
        self.socket(server).map(Link::Fresh)
    }

    fn socket(&mut self, server: &Server) -> Result<Fd, Errno> {
        let socket = self.driver.socket(&session::addr_of(&server.address())).and_then(|fd| self.tuned(fd, server));
        self.stats.socket_failed += u64::from(socket.is_err());
        socket
    }

    fn tuned(&mut self, fd: Fd, server: &Server) -> Result<Fd, Errno> {
        let tuned = self.driver.tune(fd, &Tuning::default(), &tuning_of(&server.settings.tuning));
        if tuned.is_err() {
            self.driver.discard(fd);
        }
        tuned.map(|()| fd)
    }

    fn vacate(&mut self, id: SessionId) {
        self.wheel.disarm(id.index);
        self.discard_own(id);
        let session = self.slots.get_mut(id).expect("it has just closed");
        let frontend = &session.frontend().state;
        if !session.is_identified() {
            // It took its turn among the sessions and has not become one.
            let taken_at = session.accepted_at().since(Instant::EPOCH);
            self.table.process.session_rate.give_back(taken_at);
            frontend.session_rate.give_back(taken_at);
        }
        frontend.limiter.release(self.index);
        self.table.process.limiter.release(self.index);
        if session.comes_by_tls() {
            self.table.process.tls.limiter.release(self.index);
        }
        self.slots.vacate(id);
        self.stats.closed += 1;
        self.descriptors_freed += 1;
    }
}
