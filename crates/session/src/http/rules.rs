//! What the operator's rules make of messages: which lists are asked when, and what follows from their rulings.
//!
//! ```text
//!   request ──frontend's──▶ use_backend ──backend's──▶ server
//!   response ◀─after-response─┬─ frontend's ◀── backend's ◀── server
//!                             └─ responses of our own
//! ```

use super::Transaction;
use super::request::policy;
use crate::connect::is_same;
use crate::early::Rules;
use crate::tally::clock;
use crate::{Ask, Cause, End, Moment, Outbox, Phase, Session};
use driver::Instant;
use http1::{Exchange, Method};
use table::{
    Answered, BackendId, Captures, Case, Course, Facts, FrontendId, Head, Heard, HttpRule, HttpRules, Ruling, Scope,
    Server, ShardIndex, Table, Words,
};

impl Session {
    /// Asks the rules on requests that a section has. Says whether the request goes on.
    pub(super) fn passes_request_rules(&mut self, whose: Rules, now: Instant, out: &mut Outbox) -> bool {
        let table = self.table.clone();
        let rules = match (whose, self.backend) {
            (Rules::Backend, Some(_)) if self.is_own_backend(&table) => return true,
            (Rules::Backend, Some(backend)) => &table.backend(backend).http.rules.request,
            (Rules::Frontend | Rules::Backend, _) => &table.frontend(self.frontend).http.rules.request,
        };
        if rules.is_empty() {
            return true;
        }
        let (tls, announced) = (self.tls_client().cloned(), self.announced.clone());
        let facts =
            Facts { announced: announced.as_deref().unwrap_or_default(), ..self.facts_beside(&table, tls.as_deref()) };
        let active_at = clock(self.active_at());
        let http = self.http.as_mut().expect("a request is asked about");
        let transaction = http.transaction.as_mut().expect("a request is asked about");
        let Transaction { request, up, facts: told, scratch, .. } = &mut **transaction;
        let course = Course {
            shard: self.shard,
            accepted_at: clock(self.accepted_at),
            now: active_at,
            identity: &self.identity,
            captures: Captures::none(),
            status: None,
            server: None,
        };
        let mut case = Case {
            facts: Facts { course: Some(course), ..facts },
            head: Head::Request(request),
            bytes: up.gathered.bytes(),
            variables: &mut http.variables,
            line_level: &mut told.line_level,
            captures: &mut told.captures,
            scratch,
            edits_failed: 0,
        };
        let ruling = case.ask(rules);
        let edits_failed = case.edits_failed;
        count_failed_edits(&table, (self.frontend, self.backend, None), self.shard, edits_failed);
        let (cause, words) = match ruling {
            Ruling::Passed => return true,
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
            Ruling::Rejected => (Cause::Rejected, None),
            Ruling::Failed => (Cause::RuleFailed, None),
        };
        if cause != Cause::Rejected {
            told.routed_at = Some(now);
        }
        transaction.own = words;
        if matches!(cause, Cause::Denied | Cause::Rejected) {
            self.count_request_denial();
        }
        if cause == Cause::Answered && whose == Rules::Frontend {
            self.count_interception();
        }
        self.end_with(End::new(Moment::Request, cause), out);
        false
    }

    /// The request goes to a service of our own instead of a backend, which is left if there is one.
    pub(super) fn serve(&mut self, service: BackendId, now: Instant, out: &mut Outbox) {
        if let Some(backend) = self.backend_ref() {
            backend.state.conns.close(self.shard);
        }
        self.backend = Some(service);
        self.count_backend(now);
        let table = self.table.clone();
        let is_retiring = self.http_mut().is_retiring;
        let policy = policy(table.frontend(self.frontend), Some(table.backend(service)), is_retiring);
        let transaction = self.http_mut().transaction.as_mut().expect("a request was asked about");
        transaction.facts.routed_at = Some(now);
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
        let is_served = self.http.is_some() && self.backend_ref().is_some_and(|backend| backend.http.is_service);
        match is_served && end.cause == Cause::Complete {
            true => End::new(Moment::Request, Cause::Answered),
            false => end,
        }
    }

    /// Asks the rules on responses: the backend's, then the frontend's, then those behind both.
    ///
    /// # Errors
    /// The response is not sent on.
    pub(super) fn ask_response_rules(&mut self, transaction: &mut Transaction) -> Result<(), End> {
        self.http_mut().variables.end(Scope::Request);
        self.ask_each(transaction, None, |rules| &rules.response)?;
        self.give_cookie(transaction)?;
        self.ask_each(transaction, None, |rules| &rules.after_response)
    }

    /// The client is to come back to this server (`configuration.txt: cookie`).
    fn give_cookie(&mut self, transaction: &mut Transaction) -> Result<(), End> {
        let Transaction { request, response, down, persistence: Some(persistence), imposed, .. } = transaction else {
            return Ok(());
        };
        let cookie = self.backend_ref().and_then(|backend| backend.http.cookie.as_ref());
        let (Some(cookie), Some(server)) = (cookie, &self.server) else { return Ok(()) };
        let named = imposed.as_ref().or(persistence.server.as_ref());
        let is_named = named.is_some_and(|named| is_same(named, server));
        let answered = Answered { server, is_named, is_post: request.method() == Method::Post };
        let given = cookie.give(persistence, response, down.gathered.bytes(), answered);
        given.map_err(|_| End::new(Moment::Headers, Cause::RuleFailed))
    }

    /// Whether there are rules that responses of our own pass.
    pub(super) fn has_after_rules(&self) -> bool {
        let of_back = self.backend_ref().is_some_and(|backend| !backend.http.rules.after_response.is_empty());
        of_back || !self.frontend().http.rules.after_response.is_empty()
    }

    /// Asks those of a response that was made here, of these bytes.
    pub(super) fn ask_after_rules(&mut self, transaction: &mut Transaction, text: &[u8]) -> Result<(), End> {
        self.http_mut().variables.end(Scope::Request);
        self.ask_each(transaction, Some(text), |rules| &rules.after_response)
    }

    /// The backend's list, then the frontend's. `own` are the bytes of a response of our own.
    fn ask_each(
        &mut self,
        transaction: &mut Transaction,
        own: Option<&[u8]>,
        list: fn(&HttpRules) -> &[HttpRule],
    ) -> Result<(), End> {
        let table = self.table.clone();
        let of_back = match self.backend {
            Some(backend) if !self.is_own_backend(&table) => list(&table.backend(backend).http.rules),
            Some(_) | None => &[],
        };
        let of_front = list(&table.frontend(self.frontend).http.rules);
        for rules in [of_back, of_front].into_iter().filter(|rules| !rules.is_empty()) {
            let (tls, back_tls) = (self.tls_client().cloned(), self.tls_server().cloned());
            let announced = self.announced.clone();
            let facts = Facts {
                announced: announced.as_deref().unwrap_or_default(),
                back_tls: back_tls.as_deref(),
                ..self.facts_beside(&table, tls.as_deref())
            };
            let active_at = clock(self.active_at());
            let Transaction { response, down, facts: told, scratch, own: answer, .. } = transaction;
            let course = Course {
                shard: self.shard,
                accepted_at: clock(self.accepted_at),
                now: active_at,
                identity: &self.identity,
                captures: Captures::none(),
                status: Some(response.status()),
                server: self.server.as_deref(),
            };
            let mut case = Case {
                facts: Facts { course: Some(course), ..facts },
                head: Head::Response(response),
                bytes: own.unwrap_or(down.gathered.bytes()),
                variables: &mut self.http.as_mut().expect("it speaks HTTP").variables,
                line_level: &mut told.line_level,
                captures: &mut told.captures,
                scratch,
                edits_failed: 0,
            };
            let ruling = case.ask(rules);
            let edits_failed = case.edits_failed;
            let whose = (self.frontend, self.backend, self.server.as_deref());
            count_failed_edits(&table, whose, self.shard, edits_failed);
            let (cause, words) = match ruling {
                Ruling::Passed => continue,
                Ruling::Served(_) | Ruling::Delayed(_) => unreachable!("rules on responses have no such actions"),
                Ruling::Denied(words) => (Cause::Denied, Some(words)),
                Ruling::Answered(words) => (Cause::Answered, Some(words)),
                Ruling::Rejected => (Cause::Rejected, None),
                Ruling::Failed => (Cause::RuleFailed, None),
            };
            *answer = words;
            told.responded_at = None;
            if cause == Cause::Denied {
                self.count_response_denial();
            }
            return Err(End::new(Moment::Headers, cause));
        }
        Ok(())
    }

    /// A `listen` section has one list of rules, which stands on both of its sides.
    fn is_own_backend(&self, table: &Table) -> bool {
        self.backend.is_some_and(|backend| table.backend(backend).name == table.frontend(self.frontend).name)
    }

    /// What rules may know beside a message and variables.
    fn facts_beside<'t>(&self, table: &'t Table, tls: Option<&'t tls::Client>) -> Facts<'t> {
        Facts {
            backend: self.backend,
            heard: Heard::Nothing,
            tls,
            ..Facts::new(table, self.frontend, self.client.ip(), self.destination.ip())
        }
    }
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
