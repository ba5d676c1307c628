//! Rules on connections, sessions and contents (`configuration.txt: tcp-request, use-server`).

use std::time::Duration;

use crate::{Condition, Facts, ServerId, Table, Verdict};

/// One `tcp-request …` line.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Without one it always holds.
    pub condition: Option<Condition>,
    pub action: Action,
}

/// What a rule does with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Accept,
    Reject,
}

/// Rules on contents, and how long they may wait for them.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// In file order: the first that holds decides; without one the connection is accepted.
    pub rules: Vec<Rule>,
    /// `inspect-delay`; without one nothing is waited for.
    pub delay: Option<Duration>,
}

/// The rules that decide whether a client is taken, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// `tcp-request connection`: at the accept, before a PROXY header.
    pub connection: Vec<Rule>,
    /// `tcp-request session`: once it is known who the client is.
    pub session: Vec<Rule>,
    /// `tcp-request content`: before the backend is chosen.
    pub content: Inspection,
}

/// The rules of a backend.
#[derive(Clone, Debug, Default)]
pub struct BackendRules {
    /// `tcp-request content`: before a server is chosen.
    pub request: Inspection,
    /// `use-server`, in file order.
    pub servers: Vec<UseServer>,
}

/// `use-server S if|unless …`
#[derive(Clone, Debug)]
pub struct UseServer {
    pub condition: Condition,
    pub server: ServerId,
}

/// The first rule that holds; `None` while that depends on bytes which have not come.
pub fn judge(rules: &[Rule], facts: &Facts<'_>) -> Option<Action> {
    for rule in rules {
        match rule.condition.as_ref().map_or(Verdict::Yes, |condition| condition.verdict(facts)) {
            Verdict::Yes => return Some(rule.action),
            Verdict::Open => return None,
            Verdict::No => (),
        }
    }
    Some(Action::Accept)
}

impl Inspection {
    /// What the rules say, or `None` to wait for more.
    pub fn judge(&self, facts: &Facts<'_>) -> Option<Action> {
        judge(&self.rules, facts)
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        conditions(&self.rules)
    }
}

impl Admission {
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        conditions(&self.connection).chain(conditions(&self.session)).chain(self.content.conditions())
    }
}

impl BackendRules {
    /// The server that a rule imposes: of the rules that hold, the first whose server is up.
    pub fn server(&self, facts: &Facts<'_>) -> Option<ServerId> {
        let is_up = |id: ServerId| facts.table.server(id).state.is_up();
        let rule = self.servers.iter().find(|rule| rule.condition.holds(facts) && is_up(rule.server))?;
        Some(rule.server)
    }

    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let of_servers = self.servers.iter().map(|rule| &rule.condition);
        self.request.conditions().chain(of_servers)
    }

    /// Whether every id in it has a place in `table`.
    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.conditions().all(|condition| condition.fits(table))
            && self.servers.iter().all(|rule| table.has_server(rule.server))
    }
}

fn conditions(rules: &[Rule]) -> impl Iterator<Item = &Condition> {
    rules.iter().filter_map(|rule| rule.condition.as_ref())
}
