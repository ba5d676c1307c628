//! Rules on connections, sessions and contents (`configuration.txt: tcp-request, tcp-response, use-server`).

use std::time::Duration;

use crate::{Change, Condition, Effect, Facts, Format, PersistRule, Persisting, ServerId, Table, Verdict, route};

/// One `tcp-request …` or `tcp-response content` line.
#[derive(Clone, Debug)]
pub struct Rule<A = Action> {
    /// Without one it always holds.
    pub condition: Option<Condition>,
    pub deed: Deed<A>,
}

/// What a rule does.
#[derive(Clone, Debug)]
pub enum Deed<A = Action> {
    /// No rule behind it is asked.
    Decide(A),
    /// Something is kept or told, and the next rule is asked.
    Effect(Effect),
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Action {
    /// Also where no rule holds.
    #[default]
    Accept,
    Reject,
    /// Ends it, and the client is not told.
    Drop,
}

/// What a `tcp-response content` rule makes of the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResponseAction {
    /// Also where no rule holds.
    #[default]
    Accept,
    /// Ends it; the client does not get what was looked at.
    Reject,
    /// Ends the server's side of it; the client gets what has come so far.
    Close,
    /// As `Reject`, and the client is not told.
    Drop,
}

/// Rules on contents, and how long they may wait for them.
#[derive(Clone, Debug)]
pub struct Inspection<A = Action> {
    /// In file order: the first that holds decides; without one the connection is accepted.
    pub rules: Vec<Rule<A>>,
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
    /// `ignore-persist` and `force-persist`, in file order: the first that holds decides.
    pub persistence: Vec<PersistRule>,
    /// `option persist`: a server that a cookie or a rule names is tried although it is down.
    pub persists: bool,
    /// `tcp-response content`: before the client hears of the server.
    pub response: Inspection<ResponseAction>,
}

/// `use-server S if|unless …`
#[derive(Clone, Debug)]
pub struct UseServer {
    pub condition: Condition,
    pub server: ServerSwitch,
}

/// Which server a rule imposes.
#[derive(Clone, Debug)]
pub enum ServerSwitch {
    To(ServerId),
    /// The one of this name; if none has it, no rule behind it is asked.
    Named(Format),
}

/// How far rules have come that were asked from a place on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<A = Action> {
    /// The rule with this index decides: the first of them that holds.
    Decided(usize, A),
    /// That depends on bytes which have not come.
    Open,
    /// A rule holds that changes this. The others are to be asked when it is made, from their place on.
    Changes(Change),
    /// None of them decides.
    Passed,
}

/// Asks rules, in order, from a place on, which moves with them. Who waits for bytes begins anew when they have come, as HAProxy does:
/// what a rule keeps of them may be more by then.
pub fn ask<A: Copy>(rules: &[Rule<A>], place: &mut usize, facts: &Facts<'_>) -> Asked<A> {
    for (index, rule) in rules.iter().enumerate().skip(*place) {
        *place = index + 1;
        match rule.condition.as_ref().map_or(Verdict::Yes, |condition| condition.verdict(facts)) {
            Verdict::Yes => (),
            Verdict::Open => return Asked::Open,
            Verdict::No => continue,
        }
        match &rule.deed {
            Deed::Decide(action) => return Asked::Decided(index, *action),
            Deed::Effect(effect) if effect.is_open(facts) => return Asked::Open,
            Deed::Effect(effect) => {
                if let Some(change) = effect.change(facts) {
                    return Asked::Changes(change);
                }
            }
        }
    }
    Asked::Passed
}

impl<A> Default for Inspection<A> {
    fn default() -> Inspection<A> {
        Inspection { rules: Vec::new(), delay: None }
    }
}

impl<A> Inspection<A> {
    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        conditions(&self.rules)
    }

    fn effects_fit(&self, table: &Table) -> bool {
        effects_fit(&self.rules, table)
    }
}

impl Admission {
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        conditions(&self.connection).chain(conditions(&self.session)).chain(self.content.conditions())
    }

    pub(crate) fn effects_fit(&self, table: &Table) -> bool {
        effects_fit(&self.connection, table) && effects_fit(&self.session, table) && self.content.effects_fit(table)
    }
}

impl BackendRules {
    /// The server that a rule imposes.
    pub fn server<'f>(&self, facts: impl FnOnce() -> Facts<'f>, persisting: Persisting) -> Option<ServerId> {
        if self.servers.is_empty() {
            return None;
        }
        self.imposing(&facts(), persisting).map(|(_, server)| server)
    }

    /// The server that a rule imposes, and the index of that rule: of those that hold, the first whose server is up.
    pub fn imposing(&self, facts: &Facts<'_>, persisting: Persisting) -> Option<(usize, ServerId)> {
        let takes_down = self.takes_down(persisting);
        for (index, rule) in self.servers.iter().enumerate().filter(|(_, rule)| rule.condition.holds(facts)) {
            let server = match &rule.server {
                ServerSwitch::To(server) => *server,
                ServerSwitch::Named(format) => server_named(format, facts)?,
            };
            if takes_down || facts.table.server(server).state.is_up() {
                return Some((index, server));
            }
        }
        None
    }

    /// What the operator makes of persistence for this session.
    pub fn persisting<'f>(&self, facts: impl FnOnce() -> Facts<'f>) -> Persisting {
        if self.persistence.is_empty() {
            return Persisting::Usual;
        }
        PersistRule::judge(&self.persistence, &facts())
    }

    /// Whether a server that is named is tried although it is down.
    pub fn takes_down(&self, persisting: Persisting) -> bool {
        self.persists || persisting == Persisting::Forced
    }

    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let of_servers = self.servers.iter().map(|rule| &rule.condition);
        let of_persistence = self.persistence.iter().map(|rule| &rule.condition);
        self.request.conditions().chain(of_servers).chain(of_persistence).chain(self.response.conditions())
    }

    /// Whether every id in it has a place in `table`.
    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.conditions().all(|condition| condition.fits(table))
            && self.request.effects_fit(table)
            && self.response.effects_fit(table)
            && self.servers.iter().all(|rule| match &rule.server {
                ServerSwitch::To(server) => table.has_server(*server),
                ServerSwitch::Named(format) => format.fits(table),
            })
    }
}

/// A server of the backend that was chosen.
fn server_named(format: &Format, facts: &Facts<'_>) -> Option<ServerId> {
    let (name, backend) = (route::name(format, facts)?, facts.backend?);
    let index = facts.table.backend(backend).servers.iter().position(|server| *server.name == *name)?;
    Some(ServerId { backend, index: index as u32 })
}

fn conditions<A>(rules: &[Rule<A>]) -> impl Iterator<Item = &Condition> {
    rules.iter().filter_map(|rule| rule.condition.as_ref())
}

fn effects_fit<A>(rules: &[Rule<A>], table: &Table) -> bool {
    rules.iter().all(|rule| match &rule.deed {
        Deed::Decide(_) => true,
        Deed::Effect(effect) => effect.fits(table),
    })
}
