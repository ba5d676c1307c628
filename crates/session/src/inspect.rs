//! The rules that a client has to pass, and the way to its backend: `tcp-request connection`, `session` and `content`,
//! `use_backend`, `use-server` (`configuration.txt: tcp-request`).
//!
//! ```text
//!   accepted ──connection──▶ identified ──session──▶ Inspecting ──content of the frontend──▶ use_backend
//!                                                        ▲                                       │
//!                                                        └──── content of the backend ◀──────────┤
//!                                                                          │ accepted            ▼
//!                                                                          └──────────────▶ Assigning
//! ```
//!
//! While rules wait for more, bytes are received and kept; they are what the server hears first. Waiting ends with the delay of
//! the rules, with the client's last byte, and when the buffer is full.

use crate::early::{Early, Patience, Rules};
use crate::flow::Flow;
use crate::tally::clock;
use crate::{Ask, Cause, End, Ends, Moment, Outbox, Phase, Session};
use buf::Lease;
use driver::{Addr, Ending, Hope, Instant, Op, Side};
use std::net::SocketAddr;
use std::sync::Arc;
use table::{
    Action, Admission, Asked, Change, Course, Facts, Heard, Inspection, Mode, Payload, Persisting, Pin, Rule, Scope,
    Server, Whence,
};

impl Session {
    /// Whether `tcp-request connection` turns the client away, which then sees a reset.
    pub(crate) fn is_turned_away(&mut self, out: &mut Outbox) -> bool {
        let ending = match self.admitted(|admission| &admission.connection) {
            Action::Accept => return false,
            Action::Reject => Ending::Reset,
            Action::Drop => Ending::Silent,
        };
        self.count_at_front(|traffic| traffic.connections_denied.add(1));
        self.end_with(End::new(Moment::Request, Cause::NotAdmitted), out);
        self.front.ending = ending;
        true
    }

    /// It is known who the client is: it is taken, unless a rule or a limit turns it away, and what it says is looked at if there are rules
    /// for that.
    pub(crate) fn on_identified(&mut self, now: Instant, out: &mut Outbox) {
        let action = self.admitted(|admission| &admission.session);
        if action != Action::Accept {
            self.count_at_front(|traffic| traffic.sessions_denied.add(1));
            self.end_with(End::new(Moment::Request, Cause::NotAdmitted), out);
            if action == Action::Drop {
                self.front.ending = Ending::Silent;
            }
            return;
        }
        if !self.take_place_of_source() {
            self.count_at_front(|traffic| traffic.sessions_denied.add(1));
            self.front.ending = Ending::Reset;
            return self.end_with(End::new(Moment::Request, Cause::NotAdmitted), out);
        }
        self.identified_at = Some(now);
        self.count_session(now);
        self.tell_arrival(out);
        if self.frontend().mode == Mode::Http {
            return self.start_http(now, out);
        }
        match self.frontend().admission.content.rules.is_empty() {
            true => self.choose_backend(now, out),
            false => self.inspect(now, Rules::Frontend, out),
        }
    }

    /// Whether the client's address has a session left (`maxconn-per-source`). Clients without an address are not told apart.
    fn take_place_of_source(&mut self) -> bool {
        let (Some(most), Some(addr)) = (self.frontend().state.sources.most(), self.client.ip()) else { return true };
        let is_admitted = self.frontend().state.sources.admit(addr.ip(), most);
        self.is_counted_by_source = is_admitted;
        is_admitted
    }

    /// The frontend may limit the sessions of an address since a reload: one that was there before is counted, too.
    pub fn join_sources(&mut self) {
        let is_to_count = self.is_identified() && !self.is_counted_by_source && !self.is_ending();
        let sources = &self.frontend().state.sources;
        let addr = self.client.ip().filter(|_| is_to_count && sources.most().is_some());
        if let Some(addr) = addr {
            sources.join(addr.ip());
            self.is_counted_by_source = true;
        }
    }

    /// More from the client, in a buffer of its own.
    pub(crate) fn on_inspected_bytes(&mut self, now: Instant, lease: Lease, count: u32, out: &mut Outbox) {
        self.count_bytes(Side::Front, count);
        self.early_mut().gathered.gather(lease, count);
        self.judge(now, out);
    }

    /// The client ended its half.
    pub(crate) fn on_inspected_end(&mut self, now: Instant, out: &mut Outbox) {
        let early = self.early_mut();
        early.patience = Patience::AtEnd;
        if early.gathered.is_empty() {
            self.request = Flow::EndHeld;
        }
        self.judge(now, out);
    }

    /// When the rules wait no longer, or the client has been silent for too long.
    pub(crate) fn inspection_deadline(&self) -> Option<Instant> {
        let early = self.early.as_ref()?;
        let delay = self.inspection(early.rules)?.delay.filter(|_| early.patience == Patience::Waiting);
        let silence = self.frontend().timeouts.client.map(|client| self.front.active_at + client);
        [delay.map(|delay| early.began_at + delay), silence].into_iter().flatten().min()
    }

    pub(crate) fn on_inspection_late(&mut self, now: Instant, out: &mut Outbox) {
        let silence = self.frontend().timeouts.client.map(|client| self.front.active_at + client);
        if silence.is_some_and(|deadline| deadline <= now) {
            return self.end_with(End::new(Moment::Request, Cause::Idle(Side::Front)), out);
        }
        let early = self.early_mut();
        early.patience = Patience::Over;
        // What was gathered has to go out before what a receive in flight may still bring.
        if !early.gathered.is_empty() && matches!(self.request, Flow::Filling) {
            let fd = self.front.fd;
            return self.submit(Side::Front, Op::Cancel { fd }, out);
        }
        self.judge(now, out);
    }

    /// Asks the rules, and goes as far as they let it.
    pub(crate) fn judge(&mut self, now: Instant, out: &mut Outbox) {
        let early = self.early.as_ref().expect("inspecting implies that something is waited for");
        let whose = early.rules;
        let waits = early.patience == Patience::Waiting && !early.gathered.is_full();
        match self.ask_on_contents(whose, waits) {
            None if matches!(self.request, Flow::Resting) => self.fill(Side::Front, Hope::Later, out),
            None => (),
            Some(Action::Accept) => match whose {
                Rules::Frontend => self.choose_backend(now, out),
                Rules::Backend => self.ask_for_server(now, out),
            },
            Some(action @ (Action::Reject | Action::Drop)) => {
                self.count_denial();
                self.end_with(End::new(Moment::Request, Cause::Rejected), out);
                if action == Action::Drop {
                    self.front.ending = Ending::Silent;
                }
            }
        }
    }

    fn inspect(&mut self, now: Instant, rules: Rules, out: &mut Outbox) {
        let mut early = self.early.take().unwrap_or_else(|| Box::new(Early::new(now)));
        if matches!(self.request, Flow::Held(_))
            && let Flow::Held(piece) = std::mem::replace(&mut self.request, Flow::Resting)
        {
            early.gathered.piece = Some(piece);
        }
        early.rules = rules;
        early.began_at = now;
        if early.patience == Patience::Over {
            early.patience = Patience::Waiting;
        }
        self.early = Some(early);
        if self.phase != Phase::Inspecting {
            self.enter(Phase::Inspecting);
        }
        self.judge(now, out);
    }

    pub(crate) fn choose_backend(&mut self, now: Instant, out: &mut Outbox) {
        let Some(backend) = table::route(self.frontend(), || self.facts(true)) else {
            return self.end_with(End::new(Moment::Connect, Cause::NoServer), out);
        };
        self.backend = Some(backend);
        self.count_backend(now);
        let backend = self.table.backend(backend);
        // A `listen` section has one list of rules, which was asked already.
        let has_rules = !backend.rules.request.rules.is_empty() && backend.name != self.frontend().name;
        // Of a request they are asked when it is made ready.
        match has_rules && !self.speaks_http() {
            true => self.inspect(now, Rules::Backend, out),
            false => self.ask_for_server(now, out),
        }
    }

    pub(crate) fn ask_for_server(&mut self, now: Instant, out: &mut Outbox) {
        let backend = self.backend_ref().expect("it was chosen a moment ago");
        let persisting = backend.rules.persisting(|| self.facts(true));
        let imposed = match self.speaks_http() {
            true if !self.prepare_request(now, persisting, out) => return,
            true => self.named_server(),
            false => self.server_by_rule(persisting),
        };
        let backend = self.backend_ref().expect("it was chosen a moment ago");
        let takes_down = backend.rules.takes_down(persisting);
        self.hash = backend.hash(|| self.facts(true));
        self.pin = match persisting {
            Persisting::Forced => Pin::Forced,
            Persisting::Usual | Persisting::Ignored if imposed.is_some() => Pin::Bound,
            Persisting::Usual | Persisting::Ignored => Pin::Free,
        };
        if let Some(mut early) = self.early.take() {
            if let Some(piece) = early.gathered.piece.take() {
                self.request = Flow::Held(piece);
            }
            self.early = early.gathered.overflow.is_some().then_some(early);
        }
        if !self.speaks_http() {
            self.variables.end(Scope::Request);
        }
        self.enter(Phase::Assigning);
        out.ask(Ask::Server { hash: self.hash, avoid: None, imposed, takes_down });
    }

    /// The server that `use-server` names.
    pub(crate) fn server_by_rule(&self, persisting: Persisting) -> Option<Arc<Server>> {
        let server = self.backend_ref()?.rules.server(|| self.facts(true), persisting)?;
        Some(Arc::clone(self.table.server(server)))
    }

    /// What rules that look at no contents do with the client.
    fn admitted(&mut self, rules: fn(&Admission) -> &[Rule]) -> Action {
        let table = self.table.clone();
        let rules = rules(&table.frontend(self.frontend).admission);
        if rules.is_empty() {
            return Action::Accept;
        }
        self.ask_rules(rules, |session| Facts { heard: Heard::Nothing, ..session.facts(true) }).unwrap_or_default()
    }

    /// What a section's rules on contents do with the client, who may say more if they wait for it; `None`: they do.
    pub(crate) fn ask_on_contents(&mut self, whose: Rules, waits: bool) -> Option<Action> {
        let table = self.table.clone();
        let inspection = match whose {
            Rules::Frontend => &table.frontend(self.frontend).admission.content,
            Rules::Backend => {
                let backend = self.backend.expect("the backend is chosen before its rules are asked");
                &table.backend(backend).rules.request
            }
        };
        let is_final = !waits || inspection.delay.is_none();
        self.ask_rules(&inspection.rules, |session| session.facts(is_final))
    }

    /// Asks rules from the first on, each with what those before it have kept; `None`: they wait for more.
    pub(crate) fn ask_rules<A: Copy + Default>(
        &mut self,
        rules: &[Rule<A>],
        facts: impl for<'f> Fn(&'f Session) -> Facts<'f>,
    ) -> Option<A> {
        let mut place = 0;
        loop {
            match table::ask(rules, &mut place, &facts(self)) {
                Asked::Decided(_, action) => return Some(action),
                Asked::Passed => return Some(A::default()),
                Asked::Open => return None,
                Asked::Changes(change) => self.make(change),
            }
        }
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::Variable(variable, value) => self.variables.put(variable, value),
            Change::Addr(whence, addr) => self.change_end(whence, |known| whence.put_addr(addr, known)),
            Change::Port(whence, port) => self.change_end(whence, |known| whence.put_port(port, known)),
            Change::Captured(whose, slot, kept) => self.keep_capture(whose, slot, kept),
            Change::LineLevel(level) => self.set_line_level(level),
        }
    }

    /// What is said of an end before it is known who the client is, is true of its connection, later of the exchange under way.
    fn change_end(&mut self, whence: Whence, change: impl FnOnce(&mut Option<SocketAddr>)) {
        let Ends { mut source, mut destination } = self.ends();
        match whence {
            Whence::Source => change(&mut source),
            Whence::Destination => change(&mut destination),
        }
        if self.identified_at.is_some() {
            self.ends_by_rule = Some(Box::new(Ends { source, destination }));
            return;
        }
        source.into_iter().for_each(|source| self.client = Addr::Ip(source));
        destination.into_iter().for_each(|destination| self.destination = Addr::Ip(destination));
    }

    pub(crate) fn inspection(&self, rules: Rules) -> Option<&Inspection> {
        match rules {
            Rules::Frontend => Some(&self.frontend().admission.content),
            Rules::Backend => self.backend_ref().map(|backend| &backend.rules.request),
        }
    }

    /// What rules may know now.
    pub(crate) fn facts(&self, is_final: bool) -> Facts<'_> {
        let bytes = match (&self.early, &self.request) {
            (Some(early), _) => early.gathered.bytes(),
            (None, Flow::Held(piece)) => piece.bytes(),
            (None, _) => &[],
        };
        let heard = match self.message() {
            Some(message) if is_final => Heard::Message(message),
            Some(message) => Heard::Unfinished(message),
            None => Heard::Client(Payload { bytes, is_final }),
        };
        let Ends { source, destination } = self.ends();
        Facts {
            src: source,
            dst: destination,
            frontend: self.frontend,
            backend: self.backend,
            heard,
            tls: self.tls_client().map(|client| &**client),
            back_tls: self.tls_server().map(|server| &**server),
            announced: self.announced(),
            variables: &self.variables,
            course: Some(self.course()),
            table: &self.table,
        }
    }

    /// How far it has come.
    pub(crate) fn course(&self) -> Course<'_> {
        Course {
            shard: self.shard,
            accepted_at: clock(self.accepted_at),
            now: clock(self.active_at()),
            listener: self.listener,
            is_first_exchange: self.exchange_count() == 0,
            identity: &self.identity,
            captures: self.captures(),
            status: self.told_status(),
            server: self.server.as_deref(),
            spent: None,
        }
    }

    /// When bytes last moved on either side.
    pub(crate) fn active_at(&self) -> Instant {
        self.back.as_ref().map_or(self.front.active_at, |back| back.active_at.max(self.front.active_at))
    }

    fn early_mut(&mut self) -> &mut Early {
        self.early.as_mut().expect("inspecting implies that something is waited for")
    }
}
