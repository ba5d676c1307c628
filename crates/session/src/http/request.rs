//! Waiting for a request, reading its head, and what follows from it.

use super::{Hearing, Http, Transaction};
use crate::early::Rules;
use crate::flow::Flow;
use crate::{Cause, End, Ends, Moment, Outbox, Phase, Session};
use driver::{Hope, Instant, Side};
use http1::{Exchange, Persistence, Policy, Progress, Refusal};
use table::{Backend, ForwardFor, Forwarded, Frontend, Keeping, LineLevel, Persisting, Seeking, Words};

impl Session {
    /// It is known who the client is: its first request is waited for. Whether a PROXY header came first or not, the client is
    /// heard already, or bytes of it are there.
    pub(crate) fn start_http(&mut self, now: Instant, out: &mut Outbox) {
        let mut transaction = out.transaction();
        transaction.facts.began_at = now;
        let mut front = Hearing::Quiet;
        match std::mem::replace(&mut self.request, Flow::Resting) {
            Flow::Held(piece) => {
                let overflow = self.early.take().and_then(|early| early.gathered.overflow);
                transaction.up.gathered.piece = Some(piece);
                transaction.up.gathered.overflow = overflow;
                transaction.facts.heard_at = Some(now);
            }
            Flow::Filling => front = Hearing::Filling,
            flow @ (Flow::Resting
            | Flow::Draining { .. }
            | Flow::Splicing
            | Flow::EndHeld
            | Flow::Finishing
            | Flow::Ended) => unreachable!("the client is heard from the start: {flow:?}"),
        }
        self.http = Some(Box::new(Http {
            rested_at: now,
            exchange_count: 0,
            front,
            back: Hearing::Quiet,
            is_back_kept: false,
            is_retiring: false,
            transaction: Some(transaction),
        }));
        self.enter(Phase::Awaiting);
        if front == Hearing::Quiet {
            self.read_request(now, out);
        }
    }

    /// The exchange before is over, and the client may send another request, or has sent it already.
    pub(super) fn await_next(&mut self, now: Instant, out: &mut Outbox) {
        self.enter(Phase::Awaiting);
        let http = self.http_mut();
        match (&http.transaction, http.front) {
            (None, _) if http.is_retiring => self.close_resting(out),
            (Some(_), _) => self.read_request(now, out),
            (None, Hearing::Ended | Hearing::Broken) => self.on_client_gone(true, out),
            (None, Hearing::Quiet | Hearing::Filling) => self.hear(Side::Front, Hope::Later, out),
        }
    }

    /// Looks at what has come of a head.
    pub(super) fn read_request(&mut self, now: Instant, out: &mut Outbox) {
        let Http { front, transaction, .. } = self.http_mut();
        let (front, transaction) = (*front, transaction.as_mut().expect("something has come"));
        match transaction.request.read(transaction.up.gathered.bytes()) {
            Progress::Incomplete if front.is_over() => self.on_client_gone(true, out),
            Progress::Incomplete => self.hear(Side::Front, Hope::Later, out),
            Progress::Complete { head_size } => {
                transaction.head_size = head_size;
                self.on_request(now, out);
            }
            Progress::Refused(refusal) => self.refuse_request(refusal, out),
        }
    }

    /// The head is whole.
    fn on_request(&mut self, now: Instant, out: &mut Outbox) {
        let table = self.table.clone();
        let frontend = table.frontend(self.frontend);
        let is_retiring = self.http_mut().is_retiring;
        let transaction = self.http_mut().transaction.as_mut().expect("its head was just read");
        let Transaction { request, exchange, up, facts, .. } = &mut **transaction;
        facts.on_head(&table, frontend);
        let size = super::facts::request_size(request, up.gathered.bytes());
        up.expect(request.framing());
        *exchange = Some(Exchange::begin(request, policy(frontend, None, is_retiring)));
        self.count_bytes(Side::Front, size);
        self.ask_frontend(now, out);
        // A client that leaves while it waits is noticed; one that has sent more already is heard when that is done with.
        if !self.phase.is_ending() && self.transaction().is_some_and(Transaction::is_all_head) {
            self.hear(Side::Front, Hope::Later, out);
        }
    }

    /// Asks the rules of the frontend on, from where they stand, and goes as far as they let it.
    pub(super) fn ask_frontend(&mut self, now: Instant, out: &mut Outbox) {
        if self.is_let_in(Rules::Frontend, now, out)
            && self.passes_request_rules(Rules::Frontend, now, out)
            && !self.is_for_page(Rules::Frontend, now, out)
        {
            self.choose_backend(now, out);
        }
    }

    /// It counts as a request from now on. Says whether it goes on.
    pub(super) fn take_request(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let table = self.table.clone();
        let frontend = table.frontend(self.frontend);
        let transaction = self.http_mut().transaction.as_mut().expect("its head was just read");
        let Transaction { request, up, facts, .. } = &mut **transaction;
        facts.on_request(request, up.gathered.bytes(), &table, frontend);
        self.count_request(now);
        !self.is_monitored(frontend, now, out)
    }

    /// Whether it is asked how the proxy is, which is answered here (`configuration.txt: monitor-uri`).
    fn is_monitored(&mut self, frontend: &Frontend, now: Instant, out: &mut Outbox) -> bool {
        let Some(monitor) = &frontend.http.monitor else { return false };
        let transaction = self.transaction().expect("its head was just read");
        if transaction.request.target(transaction.up.gathered.bytes()) != &*monitor.uri {
            return false;
        }
        let is_failing = monitor.fail.iter().any(|condition| condition.holds(&self.facts(true)));
        let transaction = self.http_mut().transaction.as_mut().expect("its head was just read");
        transaction.facts.routed_at = Some(now);
        transaction.facts.line_level = LineLevel::Silent;
        transaction.own = Some(Words::Page(if is_failing { 503 } else { 200 }));
        self.count_interception();
        self.end_with(End::new(Moment::Request, Cause::Answered), out);
        true
    }

    /// The backend is chosen, and the request is made ready for its servers. Says whether it goes on.
    pub(crate) fn prepare_request(&mut self, now: Instant, persisting: Persisting, out: &mut Outbox) -> bool {
        if !self.is_let_in(Rules::Backend, now, out)
            || !self.passes_request_rules(Rules::Backend, now, out)
            || self.is_for_page(Rules::Backend, now, out)
            || !self.has_posted_content(now, out)
        {
            return false;
        }
        let imposed = self.server_by_rule(persisting);
        let table = self.table.clone();
        let frontend = table.frontend(self.frontend);
        let backend = table.backend(self.backend.expect("it was chosen a moment ago"));
        let Ends { source, destination } = self.ends();
        let (client, destination) = (source.map(|addr| addr.ip()), destination.map(|addr| addr.ip()));
        let wall = self.wall();
        let is_retiring = self.http_mut().is_retiring;
        let transaction = self.http_mut().transaction.as_mut().expect("a request chose the backend");
        transaction.facts.routed_at = Some(now);
        let Transaction { request, exchange, up, persistence, .. } = &mut **transaction;
        *exchange = Some(Exchange::begin(request, policy(frontend, Some(backend), is_retiring)));
        if let Some(cookie) = &backend.http.cookie {
            let takes_down = backend.rules.takes_down(persisting);
            let (servers, is_assigned) = (&backend.servers[..], imposed.is_some());
            let asked = Seeking { servers, persisting, is_assigned, takes_down, now: wall };
            match cookie.read(request, up.gathered.bytes(), asked) {
                Ok(read) => *persistence = Some(read),
                Err(_) => {
                    self.refuse_request(Refusal::FieldsSize, out);
                    return false;
                }
            }
        }
        transaction.imposed = imposed;
        if let Some(header) = &frontend.unique_id.header
            && let Some(text) = self.identity.text(&self.facts(true)).map(<[u8]>::to_vec)
            && !self.add_field(header, &text, out)
        {
            return false;
        }
        let (front, back) = (&frontend.http, &backend.http);
        if let Some(forwarded) = &back.forwarded {
            let element = forwarded.element(&self.facts(true));
            let transaction = self.http_mut().transaction.as_mut().expect("a request chose the backend");
            let Transaction { request, up, .. } = &mut **transaction;
            if Forwarded::tell(&element, request.fields_mut(), up.gathered.bytes()).is_err() {
                self.refuse_request(Refusal::FieldsSize, out);
                return false;
            }
        }
        let forwarded = [
            ((front.forward_for.as_ref(), back.forward_for.as_ref()), client),
            ((front.original_to.as_ref(), back.original_to.as_ref()), destination),
        ];
        for (options, addr) in forwarded {
            let header = addr.and_then(|addr| forward_header(options, addr));
            let (Some(header), Some(addr)) = (header, addr) else { continue };
            let Transaction { request, up, .. } = self.transaction().expect("a request chose the backend");
            let is_there = || request.fields().values(up.gathered.bytes(), header.name.as_bytes()).next().is_some();
            if header.is_if_none && is_there() {
                continue;
            }
            if !self.add_field(header.name, addr.to_string().as_bytes(), out) {
                return false;
            }
        }
        let cut = self.transaction().and_then(|transaction| transaction.cut);
        if let Some(cause) = cut {
            self.abort_with(End::new(Moment::Request, cause), out);
        }
        cut.is_none()
    }

    /// Says whether the request has room for it; else it is refused.
    fn add_field(&mut self, name: &str, value: &[u8], out: &mut Outbox) -> bool {
        let transaction = self.http_mut().transaction.as_mut().expect("a request chose the backend");
        let is_added = transaction.request.fields_mut().add(name.as_bytes(), value).is_ok();
        if !is_added {
            self.refuse_request(Refusal::FieldsSize, out);
        }
        is_added
    }

    #[cold]
    pub(super) fn refuse_request(&mut self, refusal: Refusal, out: &mut Outbox) {
        self.end_with(End::new(Moment::Request, Cause::Malformed(Side::Front, refusal)), out);
    }

    /// The client has gone without a whole request. One that was served before and asks for nothing more does just that.
    #[cold]
    pub(super) fn on_client_gone(&mut self, can_be_answered: bool, out: &mut Outbox) {
        let end = End::new(Moment::Request, Cause::Aborted(Side::Front));
        match self.transaction() {
            None => self.close_resting(out),
            Some(transaction) if transaction.facts.heard_at.is_none() && self.frontend().http.ignores_probes => {
                self.forget_probe(out);
            }
            Some(_) if can_be_answered => self.end_with(end, out),
            Some(_) => self.abort_with(end, out),
        }
    }

    /// A client that has said nothing: there is nothing to tell of it (`configuration.txt: option http-ignore-probes`).
    #[cold]
    fn forget_probe(&mut self, out: &mut Outbox) {
        if let Some(transaction) = self.http_mut().transaction.take() {
            out.recycle(transaction);
        }
        self.close_resting(out);
    }

    /// Nothing is under way, and nobody is missed.
    pub(super) fn close_resting(&mut self, out: &mut Outbox) {
        self.abort_with(End::new(Moment::Done, Cause::Complete), out);
    }

    /// A client that was silent for too long. At rest it is left without a word.
    #[cold]
    pub(super) fn on_request_late(&mut self, out: &mut Outbox) {
        match self.transaction() {
            None => self.close_resting(out),
            Some(transaction) if transaction.facts.heard_at.is_none() && self.frontend().http.ignores_probes => {
                self.forget_probe(out);
            }
            Some(_) => self.end_with(End::new(Moment::Request, Cause::Idle(Side::Front)), out),
        }
    }

    /// `configuration.txt: timeout http-request, http-keep-alive, client`.
    pub(super) fn request_deadline(&self) -> Option<Instant> {
        let http = self.http.as_ref()?;
        let timeouts = &self.frontend().timeouts;
        let whole = match &http.transaction {
            None => timeouts.http_keep_alive.or(timeouts.http_request).map(|rest| http.rested_at + rest),
            Some(transaction) => timeouts.http_request.map(|whole| transaction.facts.began_at + whole),
        };
        let silence = timeouts.client.map(|client| self.front.active_at.max(http.rested_at) + client);
        [whole, silence].into_iter().flatten().min()
    }
}

impl Transaction {
    /// Nothing has come behind the head.
    fn is_all_head(&self) -> bool {
        self.up.gathered.bytes().len() == self.head_size
    }
}

/// The field that tells a server whose request it is.
struct ForwardHeader<'a> {
    name: &'a str,
    is_if_none: bool,
}

/// `configuration.txt: option forwardfor`. Frontend or backend ask for it; the backend's name for the field comes first, and either
/// may leave out the client.
fn forward_header<'a>(
    (front, back): (Option<&'a ForwardFor>, Option<&'a ForwardFor>),
    client: std::net::IpAddr,
) -> Option<ForwardHeader<'a>> {
    let name = &back.or(front)?.header;
    let mut both = front.into_iter().chain(back);
    let is_excepted = both.clone().any(|option| option.excepts(client));
    let is_if_none = both.all(|option| option.is_if_none);
    (!is_excepted).then_some(ForwardHeader { name, is_if_none })
}

/// What a running HAProxy does with the three options (`option http-keep-alive`, `http-server-close`, `httpclose`): what is said of
/// a backend concerns its servers.
pub(super) fn policy(frontend: &Frontend, backend: Option<&Backend>, is_retiring: bool) -> Policy {
    let kept_if = |is_kept| if is_kept { Persistence::Keep } else { Persistence::Close };
    Policy {
        front: kept_if(frontend.http.keeping != Keeping::Nothing && !is_retiring),
        back: kept_if(keeps_back(frontend, backend) || backend.is_some_and(|backend| backend.http.pretends_keepalive)),
    }
}

/// Whether a server's connection may serve another exchange.
pub(super) fn keeps_back(frontend: &Frontend, backend: Option<&Backend>) -> bool {
    let of_back = backend.map_or(Keeping::Both, |backend| backend.http.keeping);
    frontend.http.keeping.max(of_back) == Keeping::Both
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(header: &str, except: Option<&str>, is_if_none: bool) -> ForwardFor {
        let except = except.map(|net| net.parse().expect("a network"));
        ForwardFor { except, header: header.into(), is_if_none }
    }

    /// As HAProxy 2.6 and 3.4 do it.
    #[test]
    fn whose_word_counts_for_the_forwarded_address() {
        let check =
            |front: Option<ForwardFor>, back: Option<ForwardFor>, client: &str, expected: Option<(&str, bool)>| {
                let client = client.parse().expect("an address");
                let header = forward_header((front.as_ref(), back.as_ref()), client);
                assert_eq!(header.map(|header| (header.name, header.is_if_none)), expected);
            };
        let local = || Some(option("x-forwarded-for", Some("127.0.0.0/8"), false));
        check(None, None, "192.0.2.1", None);
        check(local(), None, "192.0.2.1", Some(("x-forwarded-for", false)));
        check(local(), None, "127.0.0.1", None);
        check(local(), None, "::ffff:127.0.0.1", Some(("x-forwarded-for", false)));
        check(Some(option("a", None, true)), local(), "127.0.0.1", None);
        check(Some(option("a", None, true)), Some(option("b", None, true)), "::1", Some(("b", true)));
        check(Some(option("a", None, true)), Some(option("b", None, false)), "::1", Some(("b", false)));
    }
}
