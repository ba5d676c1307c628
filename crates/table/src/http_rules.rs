//! Rules on messages of HTTP (`configuration.txt: http-request, http-response, http-after-response, redirect`).
//!
//! ```text
//!   Case ──▶ rule ──▶ rule ──▶ … ──▶ Passed
//!              │ edits the message, keeps variables: the next rule sees what this one made
//!              └──▶ Denied, Answered, Rejected, Failed: no rule behind it is asked
//! ```
//!
//! A rule is asked with the message as the rules before have left it. Nothing here knows where the message came from or goes to.

use std::net::SocketAddr;
use std::time::Duration;

use http1::{EditError, Fields, Request, Response};

use crate::effect::{Change, Effect, LineLevel, Whence};
use crate::http_edit::Edit;
use crate::reply::{Redirect, Reply, Words};
use crate::sample::{Captures, Course, Facts, Heard, Message, Variables};
use crate::{BackendId, Condition, ListRule, Table};

/// The rules of a section, each list in file order.
#[derive(Clone, Debug, Default)]
pub struct HttpRules {
    /// `http-request`, and the older `redirect` lines behind them.
    pub request: Vec<HttpRule>,
    /// `http-response`: what servers answer.
    pub response: Vec<HttpRule>,
    /// `http-after-response`: whatever clients are answered.
    pub after_response: Vec<HttpRule>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct HttpRule {
    /// Without one it always holds.
    pub condition: Option<Condition>,
    pub action: HttpAction,
}

/// What a rule does.
#[derive(Clone, Debug)]
pub enum HttpAction {
    /// No more rules of this list are asked.
    Allow,
    /// The client is answered with this; it counts as denied.
    Deny(Reply),
    /// The same, after a while.
    Tarpit(Reply),
    /// The client is answered with this.
    Return(Reply),
    Redirect(Redirect),
    /// The client is asked for a name and a password in this realm.
    Challenge(Box<str>),
    /// The connection ends without an answer.
    Reject,
    /// The same, and the client is not told.
    Drop,
    /// Something is kept or told, and the next rule is asked.
    Effect(Effect),
    /// A service of our own answers, in place of a server.
    Serve(BackendId),
    Edit(Edit),
    /// `set-map`, `add-acl` and theirs. What cannot be done is not done.
    ChangeList(ListRule),
    /// Whether an edit of a later rule of this list that cannot be made ends the exchange.
    StrictMode(bool),
    /// The rules behind it are asked once so much of the content has come.
    WaitForContent(Patience),
}

/// What is waited for of a message's content, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The exchange ends if it takes longer; `None`: it may take any time.
    pub time: Option<Duration>,
    /// So many octets are enough; `None`: all of them, or as many as a buffer holds.
    pub least: Option<u64>,
}

/// Where the rules of a list stand that is not asked to its end at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulePlace {
    /// The rule that is asked next.
    next: usize,
    is_strict: bool,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It goes on.
    Passed,
    /// A rule denies it, and these words are sent instead.
    Denied(Words),
    /// The same, after a while.
    Delayed(Words),
    /// These words are sent instead.
    Answered(Words),
    /// The connection ends without a word.
    Rejected,
    /// The same, and the client is not told.
    Dropped,
    /// It goes to this service.
    Served(BackendId),
    /// An edit could not be made.
    Failed,
    /// The rules are to be asked on from their place when so much of the content has come.
    Awaiting(Patience),
}

/// A message that rules are asked about, and what they may change.
#[derive(Debug)]
pub struct Case<'m> {
    /// What is known beside the message and the variables.
    pub facts: Facts<'m>,
    pub head: Head<'m>,
    /// Those that the head was read from.
    pub bytes: &'m [u8],
    pub variables: &'m mut Variables,
    pub line_level: &'m mut LineLevel,
    pub captures: &'m mut Captures,
    /// Memory for texts under way.
    pub scratch: &'m mut Vec<u8>,
    /// Edits that could not be made.
    pub edits_failed: u64,
}

/// The head of a message.
#[derive(Debug)]
pub enum Head<'m> {
    Request(&'m mut Request),
    Response(&'m mut Response),
}

impl HttpRules {
    pub(crate) fn fits(&self, table: &Table) -> bool {
        let lists = [&self.request, &self.response, &self.after_response];
        lists.into_iter().flatten().all(|rule| rule.fits(table))
    }
}

impl HttpRule {
    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.fits(table)) && self.action.fits(table)
    }
}

impl HttpAction {
    fn fits(&self, table: &Table) -> bool {
        match self {
            HttpAction::Deny(reply) | HttpAction::Tarpit(reply) | HttpAction::Return(reply) => reply.fits(table),
            HttpAction::Redirect(redirect) => redirect.fits(table),
            HttpAction::Edit(edit) => edit.fits(table),
            HttpAction::Effect(effect) => effect.fits(table),
            HttpAction::ChangeList(rule) => rule.fits(table),
            HttpAction::Serve(service) => table.has_backend(*service),
            HttpAction::Allow
            | HttpAction::Challenge(_)
            | HttpAction::Reject
            | HttpAction::Drop
            | HttpAction::StrictMode(_)
            | HttpAction::WaitForContent(_) => true,
        }
    }
}

impl RulePlace {
    /// No rule was asked.
    pub const BEGIN: RulePlace = RulePlace { next: 0, is_strict: true };
}

impl Case<'_> {
    /// Asks the rules of one list, in order, from a place on, which moves with them.
    pub fn ask(&mut self, rules: &[HttpRule], place: &mut RulePlace) -> Ruling {
        let ruling = self.ask_each(rules, place);
        match self.head.reconcile(self.bytes) {
            Err(_) if ruling == Ruling::Passed => Ruling::Failed,
            Ok(()) | Err(_) => ruling,
        }
    }

    fn ask_each(&mut self, rules: &[HttpRule], place: &mut RulePlace) -> Ruling {
        while let Some(rule) = self.next_that_holds(rules, place) {
            match &rule.action {
                HttpAction::Allow => return Ruling::Passed,
                HttpAction::Deny(reply) => return Ruling::Denied(reply.words(&self.facts())),
                HttpAction::Tarpit(reply) => return Ruling::Delayed(reply.words(&self.facts())),
                HttpAction::Return(reply) => return Ruling::Answered(reply.words(&self.facts())),
                HttpAction::Redirect(redirect) => {
                    if let Some(words) = redirect.words(&self.facts()) {
                        return Ruling::Answered(words);
                    }
                }
                HttpAction::Challenge(realm) => return Ruling::Answered(Words::Challenge(realm.clone())),
                HttpAction::Reject => return Ruling::Rejected,
                HttpAction::Drop => return Ruling::Dropped,
                HttpAction::Effect(effect) => {
                    let change = effect.change(&self.facts());
                    change.into_iter().for_each(|change| self.make(change));
                }
                HttpAction::Serve(service) => return Ruling::Served(*service),
                HttpAction::Edit(edit) => {
                    let is_made = self.edit(edit).is_ok();
                    self.edits_failed += u64::from(!is_made);
                    if !is_made && place.is_strict {
                        return Ruling::Failed;
                    }
                }
                HttpAction::ChangeList(rule) => rule.make(&self.facts()),
                HttpAction::StrictMode(is_on) => place.is_strict = *is_on,
                HttpAction::WaitForContent(patience) => return Ruling::Awaiting(*patience),
            }
        }
        Ruling::Passed
    }

    /// The facts change only with what a rule does, so all that do not hold are asked with the same ones.
    fn next_that_holds<'r>(&self, rules: &'r [HttpRule], place: &mut RulePlace) -> Option<&'r HttpRule> {
        let facts = self.facts();
        let mut rest = rules.iter().skip(place.next);
        let found = rest.find(|rule| rule.condition.as_ref().is_none_or(|condition| condition.holds(&facts)));
        place.next = rules.len() - rest.len();
        found
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        let message = match &self.head {
            Head::Request(request) => Message::Request { request, bytes: self.bytes },
            Head::Response(response) => Message::Response { response, bytes: self.bytes },
        };
        let course = self.facts.course.map(|course| Course { captures: self.captures, ..course });
        Facts { heard: Heard::Message(message), variables: self.variables, course, ..self.facts }
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::Variable(variable, value) => self.variables.put(variable, value),
            Change::Addr(whence, addr) => whence.put_addr(addr, self.whence(whence)),
            Change::Port(whence, port) => whence.put_port(port, self.whence(whence)),
            Change::Captured(whose, slot, kept) => self.captures.put(whose, slot, kept),
            Change::LineLevel(level) => *self.line_level = level,
        }
    }

    fn whence(&mut self, whence: Whence) -> &mut Option<SocketAddr> {
        match whence {
            Whence::Source => &mut self.facts.src,
            Whence::Destination => &mut self.facts.dst,
        }
    }

    fn edit(&mut self, edit: &Edit) -> Result<(), EditError> {
        let mut text = std::mem::take(self.scratch);
        text.clear();
        let made = edit.make(self, &mut text);
        *self.scratch = text;
        made
    }
}

impl Head<'_> {
    pub(crate) fn fields(&self) -> &Fields {
        match self {
            Head::Request(request) => request.fields(),
            Head::Response(response) => response.fields(),
        }
    }

    pub(crate) fn fields_mut(&mut self) -> &mut Fields {
        match self {
            Head::Request(request) => request.fields_mut(),
            Head::Response(response) => response.fields_mut(),
        }
    }

    /// # Panics
    /// It is a response: only rules on requests edit what responses do not have.
    pub(crate) fn request(&mut self) -> &mut Request {
        match self {
            Head::Request(request) => request,
            Head::Response(_) => panic!("a rule on requests is asked about a request"),
        }
    }

    fn reconcile(&mut self, bytes: &[u8]) -> Result<(), EditError> {
        match self {
            Head::Request(request) => request.reconcile_host(bytes),
            Head::Response(_) => Ok(()),
        }
    }
}
