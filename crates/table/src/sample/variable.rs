//! Variables of rules (`configuration.txt` §2.8): what `set-var` keeps and `var()` finds.

use super::Value;

/// How long a variable lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `sess`: as long as the client's connection.
    Session,
    /// `txn`: one request and its response.
    Transaction,
    /// `req`: until there is a response.
    Request,
    /// `res`: from there on.
    Response,
    /// `check`: one health check.
    Check,
}

/// A variable's name. Names are numbered by whoever makes the table, each of a scope once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Variable {
    pub scope: Scope,
    pub number: u32,
}

/// The variables of one client that are set: a few, so they are looked for one after the other. There are never more than the
/// configuration has names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(Vec<(Variable, Value<'static>)>);

/// Of those who have none.
static NONE: Variables = Variables(Vec::new());

impl Variables {
    pub fn none() -> &'static Variables {
        &NONE
    }

    pub fn value_of(&self, variable: Variable) -> Option<Value<'_>> {
        self.0.iter().find(|(known, _)| *known == variable).map(|(_, value)| value.borrowed())
    }

    pub fn set(&mut self, variable: Variable, value: Value<'static>) {
        match self.0.iter_mut().find(|(known, _)| *known == variable) {
            Some((_, known)) => *known = value,
            None => self.0.push((variable, value)),
        }
    }

    pub fn unset(&mut self, variable: Variable) {
        self.0.retain(|(known, _)| *known != variable);
    }

    /// The time of one scope is over.
    pub fn end(&mut self, scope: Scope) {
        self.0.retain(|(known, _)| known.scope != scope);
    }
}
