//! What the operator's rules make of messages: which lists are asked when, and what follows from their rulings.
//!
//! ```text
//!   request ──frontend's──▶ use_backend ──backend's──▶ server
//!   response ◀─after-response─┬─ frontend's ◀── backend's ◀── server
//!                             └─ responses of our own
//! ```

use super::Transaction;
use super::content::{Asked, AskedBack, Gathering, Wait};
use super::request::policy;
use crate::connect::is_same;
use crate::early::Rules;
use crate::tally::clock;
use crate::{Ask, Cause, End, Ends, Moment, Outbox, Phase, Session};
use driver::{Ending, Instant};
use http1::{Body, Exchange, Framing, Method, Reply};
use std::time::Duration;
use table::{
    Answered, Backend, BackendId, Captures, Case, Course, Facts, FrontendId, Head, Heard, HttpRule, HttpRules,
    Patience, RulePlace, Ruling, Scope, Server, ShardIndex, Table, Words,
};

impl Session {
    /// Asks the rules on requests that a section has, from where they stand. Says whether the request goes on.
    pub(super) fn passes_request_rules(&mut self, whose: Rules, now: Instant, out: &mut Outbox) -> bool {
        let table = self.table.clone();
        if whose == Rules::Backend && self.is_own_backend(&table) {
            return true;
        }
        let front = table.frontend(self.frontend);
        let (rules, time, buffers) = match (whose, self.backend.map(|backend| table.backend(backend))) {
            (Rules::Backend, Some(back)) => {
                (&back.http.rules.request, back.timeouts.http_request, back.http.buffers_requests)
            }
            (Rules::Frontend | Rules::Backend, _) => {
                (&front.http.rules.request, front.timeouts.http_request, front.http.buffers_requests)
            }
        };
        if rules.is_empty() && !buffers {
            return true;
        }
        let is_asked = |asked: &Asked| asked.whose == whose;
        let mut asked = self.transaction().and_then(|it| it.asked.filter(is_asked)).unwrap_or(Asked::begin(whose));
        let mut wanted = (buffers && !asked.is_buffered).then_some(Patience { time, least: None });
        asked.is_buffered = true;
        loop {
            self.http_mut().transaction.as_mut().expect("a request is asked about").asked = Some(asked);
            if wanted.is_some_and(|patience| !self.has_content(patience, now, out)) {
                return false;
            }
            let ruling = self.ask_request_rules(rules, &mut asked.place);
            let Ruling::Awaiting(patience) = ruling else {
                return self.follow_request_ruling(ruling, whose, now, out);
            };
            wanted = Some(patience);
        }
    }

    /// Asks these rules on requests, of which none waits for anything. Says whether the request goes on.
    pub(super) fn passes(&mut self, rules: &[HttpRule], whose: Rules, now: Instant, out: &mut Outbox) -> bool {
        let ruling = self.ask_request_rules(rules, &mut { RulePlace::BEGIN });
        self.follow_request_ruling(ruling, whose, now, out)
    }

    fn ask_request_rules(&mut self, rules: &[HttpRule], place: &mut RulePlace) -> Ruling {
        let table = self.table.clone();
        let (tls, announced) = (self.tls_client().cloned(), self.announced.clone());
        let facts =
            Facts { announced: announced.as_deref().unwrap_or_default(), ..self.facts_beside(&table, tls.as_deref()) };
        let active_at = clock(self.active_at());
        let exchange_count = self.exchange_count();
        let http = self.http.as_mut().expect("a request is asked about");
        let transaction = http.transaction.as_mut().expect("a request is asked about");
        let Transaction { request, up, facts: told, scratch, .. } = &mut **transaction;
        let course = Course {
            shard: self.shard,
            accepted_at: clock(self.accepted_at),
            now: active_at,
            listener: self.listener,
            is_first_exchange: exchange_count == 0,
            identity: &self.identity,
            captures: Captures::none(),
            status: None,
            server: None,
            spent: None,
        };
        let mut case = Case {
            facts: Facts { course: Some(course), ..facts },
            head: Head::Request(request),
            bytes: up.gathered.bytes(),
            variables: &mut self.variables,
            line_level: &mut told.line_level,
            captures: &mut told.captures,
            scratch,
            edits_failed: 0,
        };
        let ruling = case.ask(rules, place);
        let edits_failed = case.edits_failed;
        let ends = Ends { source: case.facts.src, destination: case.facts.dst };
        if ends != self.ends() {
            self.ends_by_rule = Some(Box::new(ends));
        }
        count_failed_edits(&table, (self.frontend, self.backend, None), self.shard, edits_failed);
        ruling
    }

    /// Says whether the request goes on.
    fn follow_request_ruling(&mut self, ruling: Ruling, whose: Rules, now: Instant, out: &mut Outbox) -> bool {
        let is_dropped = ruling == Ruling::Dropped;
        let (cause, words) = match ruling {
            Ruling::Passed => return true,
            Ruling::Awaiting(_) => unreachable!("they are asked on when it has come"),
            Ruling::Served(service) => {
                if whose == Rules::Frontend {
                    self.count_interception();
                }
                self.serve(service, now, out);
                return false;
            }
            Ruling::Delayed(words) => {
                self.tarpit(words, whose, now, out);
                return false;
            }
            Ruling::Denied(words) => (Cause::Denied, Some(words)),
            Ruling::Answered(words) => (Cause::Answered, Some(words)),
            Ruling::Rejected | Ruling::Dropped => (Cause::Rejected, None),
            Ruling::Failed => (Cause::RuleFailed, None),
        };
        let transaction = self.http_mut().transaction.as_mut().expect("a request is asked about");
        if cause != Cause::Rejected {
            transaction.facts.routed_at = Some(now);
        }
        transaction.own = words;
        if matches!(cause, Cause::Denied | Cause::Rejected) {
            self.count_request_denial();
        }
        if cause == Cause::Answered && whose == Rules::Frontend {
            self.count_interception();
        }
        self.end_with(End::new(Moment::Request, cause), out);
        if is_dropped {
            self.front.ending = Ending::Silent;
        }
        false
    }

    /// The request goes to a service of our own. A backend that was chosen already is what it counts for.
    pub(super) fn serve(&mut self, service: BackendId, now: Instant, out: &mut Outbox) {
        let section = self.backend.replace(service);
        if section.is_none() {
            self.count_backend(now);
        }
        let table = self.table.clone();
        let is_retiring = self.http_mut().is_retiring;
        let policy = policy(table.frontend(self.frontend), Some(table.backend(service)), is_retiring);
        let transaction = self.http_mut().transaction.as_mut().expect("a request was asked about");
        transaction.facts.routed_at = Some(now);
        transaction.section = section;
        transaction.exchange = Some(Exchange::begin(&transaction.request, policy));
        self.enter(Phase::Assigning);
        out.ask(Ask::Server { avoid: None, imposed: None, hash: None, takes_down: false });
    }

    /// The client is told after a while that it is denied (`configuration.txt: tarpit`).
    fn tarpit(&mut self, words: Words, whose: Rules, now: Instant, out: &mut Outbox) {
        let delay = match (whose, self.backend_ref()) {
            (Rules::Backend, Some(backend)) => backend.timeouts.tarpit,
            (Rules::Frontend | Rules::Backend, _) => self.frontend().timeouts.tarpit,
        };
        self.count_request_denial();
        let transaction = self.http_mut().transaction.as_mut().expect("a request was asked about");
        transaction.own = Some(words);
        transaction.facts.held_until = delay.map(|delay| now + delay);
        self.enter(Phase::Tarpitted);
        if delay.is_none() {
            self.end_tarpit(now, out);
        }
    }

    /// The while is over, or the client does not wait for its end.
    pub(super) fn end_tarpit(&mut self, now: Instant, out: &mut Outbox) {
        self.assigned_at = Some(now);
        self.end_with(End::new(Moment::Tarpit, Cause::Denied), out);
    }

    pub(super) fn tarpit_deadline(&self) -> Option<Instant> {
        self.transaction()?.facts.held_until
    }

    /// How an exchange ended that a service has answered.
    pub(crate) fn end_of_service(&self, end: End) -> End {
        match self.is_served() && end.cause == Cause::Complete {
            true => End::new(Moment::Request, Cause::Answered),
            false => end,
        }
    }

    /// Whether a service of our own answers.
    pub(crate) fn is_served(&self) -> bool {
        self.http.is_some() && self.backend_ref().is_some_and(|backend| backend.http.is_service)
    }

    /// The backend whose counters tell of it: where a service answers, the one that it answers for.
    pub(crate) fn counted_backend(&self) -> Option<&Backend> {
        match self.transaction().and_then(|transaction| transaction.section) {
            Some(section) => Some(self.table.backend(section)),
            None => self.backend_ref(),
        }
    }

    /// Asks the rules on responses: the backend's, then the frontend's, then those behind both. Some wait for content.
    ///
    /// # Errors
    /// The response is not sent on.
    pub(super) fn ask_response_rules(
        &mut self,
        transaction: &mut Transaction,
        answer: Answer,
        now: Instant,
    ) -> Result<Wait, End> {
        self.variables.end(Scope::Request);
        if self.ask_until_wait(transaction, answer, now)? == Wait::Open {
            return Ok(Wait::Open);
        }
        self.give_cookie(transaction)?;
        self.keep_cookies_from_caches(transaction)?;
        self.ask_each(transaction, None)?;
        Ok(Wait::Over)
    }

    /// The backend's `http-response`, then the frontend's, from where they stand.
    fn ask_until_wait(&mut self, transaction: &mut Transaction, answer: Answer, now: Instant) -> Result<Wait, End> {
        let table = self.table.clone();
        let lists = self.lists(&table, |rules| &rules.response);
        let (mut list, mut place) = (0, RulePlace::BEGIN);
        if let Some(mut asked) = transaction.asked_back.take() {
            if self.look_at_response(&mut asked.gathering, transaction)? == Wait::Open {
                transaction.asked_back = Some(asked);
                return Ok(Wait::Open);
            }
            (list, place) = (asked.list, asked.place);
        }
        while let Some(rules) = lists.get(list) {
            let ruling = self.ask_of_response(transaction, rules, None, &mut place);
            if let Ruling::Awaiting(patience) = ruling {
                if answer.framing == Framing::Tunnel {
                    continue;
                }
                let mut gathering = Gathering::new(Body::new(answer.framing), patience, now);
                if self.look_at_response(&mut gathering, transaction)? == Wait::Open {
                    let Answer { before, reply, .. } = answer;
                    transaction.asked_back = Some(AskedBack { list, place, gathering, before, reply });
                    return Ok(Wait::Open);
                }
            } else if ruling == Ruling::Passed {
                (list, place) = (list + 1, RulePlace::BEGIN);
            } else {
                return Err(self.end_by_response_ruling(transaction, ruling));
            }
        }
        Ok(Wait::Over)
    }

    /// The client is to come back to this server (`configuration.txt: cookie`).
    fn give_cookie(&mut self, transaction: &mut Transaction) -> Result<(), End> {
        let Transaction { request, response, down, persistence: Some(persistence), imposed, .. } = transaction else {
            return Ok(());
        };
        let now = self.wall();
        let cookie = self.backend_ref().and_then(|backend| backend.http.cookie.as_ref());
        let (Some(cookie), Some(server)) = (cookie, &self.server) else { return Ok(()) };
        let named = imposed.as_ref().or(persistence.server.as_ref());
        let is_named = named.is_some_and(|named| is_same(named, server));
        let answered = Answered { server, is_named, is_post: request.method() == Method::Post, now };
        let given = cookie.give(persistence, response, down.gathered.bytes(), answered);
        given.map_err(|_| End::new(Moment::Headers, Cause::RuleFailed))
    }

    /// `configuration.txt: option checkcache`
    fn keep_cookies_from_caches(&mut self, transaction: &mut Transaction) -> Result<(), End> {
        let is_checked = self.backend_ref().is_some_and(|backend| backend.http.checks_cache);
        let Transaction { response, down, facts, own, .. } = transaction;
        if !is_checked || !table::leaks_cookie(response, down.gathered.bytes()) {
            return Ok(());
        }
        *own = Some(Words::Page(502));
        facts.responded_at = None;
        self.count_response_denial();
        Err(End::new(Moment::Headers, Cause::Denied))
    }

    /// What the clock on the wall shows, since 1970.
    pub(super) fn wall(&self) -> Duration {
        self.table.process.wall.at(clock(self.active_at()))
    }

    /// Whether there are rules that responses of our own pass.
    pub(super) fn has_after_rules(&self) -> bool {
        let of_back = self.backend_ref().is_some_and(|backend| !backend.http.rules.after_response.is_empty());
        of_back || !self.frontend().http.rules.after_response.is_empty()
    }

    /// Asks those of a response that was made here, of these bytes.
    pub(super) fn ask_after_rules(&mut self, transaction: &mut Transaction, text: &[u8]) -> Result<(), End> {
        self.variables.end(Scope::Request);
        self.ask_each(transaction, Some(text))
    }

    /// `http-after-response`: the backend's, then the frontend's. `own` are the bytes of a response of our own.
    fn ask_each(&mut self, transaction: &mut Transaction, own: Option<&[u8]>) -> Result<(), End> {
        let table = self.table.clone();
        for rules in self.lists(&table, |rules| &rules.after_response) {
            let ruling = self.ask_of_response(transaction, rules, own, &mut { RulePlace::BEGIN });
            if ruling != Ruling::Passed {
                return Err(self.end_by_response_ruling(transaction, ruling));
            }
        }
        Ok(())
    }

    /// The backend's list, and the frontend's.
    fn lists<'t>(&self, table: &'t Table, list: fn(&HttpRules) -> &[HttpRule]) -> [&'t [HttpRule]; 2] {
        let of_back = match self.backend {
            Some(backend) if !self.is_own_backend(table) => list(&table.backend(backend).http.rules),
            Some(_) | None => &[],
        };
        [of_back, list(&table.frontend(self.frontend).http.rules)]
    }

    fn ask_of_response(
        &mut self,
        transaction: &mut Transaction,
        rules: &[HttpRule],
        own: Option<&[u8]>,
        place: &mut RulePlace,
    ) -> Ruling {
        if rules.is_empty() {
            return Ruling::Passed;
        }
        let table = self.table.clone();
        let (tls, back_tls) = (self.tls_client().cloned(), self.tls_server().cloned());
        let announced = self.announced.clone();
        let facts = Facts {
            announced: announced.as_deref().unwrap_or_default(),
            back_tls: back_tls.as_deref(),
            ..self.facts_beside(&table, tls.as_deref())
        };
        let active_at = clock(self.active_at());
        let Transaction { response, down, facts: told, scratch, .. } = transaction;
        let course = Course {
            shard: self.shard,
            accepted_at: clock(self.accepted_at),
            now: active_at,
            listener: self.listener,
            is_first_exchange: self.exchange_count() == 0,
            identity: &self.identity,
            captures: Captures::none(),
            status: Some(response.status()),
            server: self.server.as_deref(),
            spent: Some(self.spent(told)),
        };
        let mut case = Case {
            facts: Facts { course: Some(course), ..facts },
            head: Head::Response(response),
            bytes: own.unwrap_or(down.gathered.bytes()),
            variables: &mut self.variables,
            line_level: &mut told.line_level,
            captures: &mut told.captures,
            scratch,
            edits_failed: 0,
        };
        let ruling = case.ask(rules, place);
        let edits_failed = case.edits_failed;
        let whose = (self.frontend, self.backend, self.server.as_deref());
        count_failed_edits(&table, whose, self.shard, edits_failed);
        ruling
    }

    #[cold]
    fn end_by_response_ruling(&mut self, transaction: &mut Transaction, ruling: Ruling) -> End {
        let is_dropped = ruling == Ruling::Dropped;
        let (cause, words) = match ruling {
            Ruling::Served(_) | Ruling::Delayed(_) => unreachable!("rules on responses have no such actions"),
            Ruling::Passed | Ruling::Awaiting(_) => unreachable!("only a ruling that ends the list is followed"),
            Ruling::Denied(words) => (Cause::Denied, Some(words)),
            Ruling::Answered(words) => (Cause::Answered, Some(words)),
            Ruling::Rejected | Ruling::Dropped => (Cause::Rejected, None),
            Ruling::Failed => (Cause::RuleFailed, None),
        };
        transaction.own = words;
        transaction.facts.responded_at = None;
        if cause == Cause::Denied {
            self.count_response_denial();
        }
        if is_dropped {
            self.front.ending = Ending::Silent;
            // As HAProxy tells it.
            return End::new(Moment::Request, cause);
        }
        End::new(Moment::Headers, cause)
    }

    /// A `listen` section has one list of rules, which stands on both of its sides.
    pub(super) fn is_own_backend(&self, table: &Table) -> bool {
        self.backend.is_some_and(|backend| table.backend(backend).name == table.frontend(self.frontend).name)
    }

    /// What rules may know beside a message and variables.
    fn facts_beside<'t>(&self, table: &'t Table, tls: Option<&'t tls::Client>) -> Facts<'t> {
        let Ends { source, destination } = self.ends();
        Facts {
            backend: self.backend,
            heard: Heard::Nothing,
            tls,
            ..Facts::new(table, self.frontend, source, destination)
        }
    }
}

/// What a response is to its exchange.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    /// The exchange without it.
    pub(super) before: Exchange,
    pub(super) reply: Reply,
    /// Of its content.
    pub(super) framing: Framing,
}

/// At the frontend, the backend and the server, as far as they are known.
fn count_failed_edits(
    table: &Table,
    (frontend, backend, server): (FrontendId, Option<BackendId>, Option<&Server>),
    shard: ShardIndex,
    count: u64,
) {
    if count > 0 {
        table.frontend(frontend).state.tally.of(shard).edits_failed.add(count);
        if let Some(backend) = backend {
            table.backend(backend).state.tally.of(shard).edits_failed.add(count);
        }
        if let Some(server) = server {
            server.state.tally.of(shard).edits_failed.add(count);
        }
    }
}
