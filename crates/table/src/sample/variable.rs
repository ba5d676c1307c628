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
/// configuration has names. Who has none holds a pointer.
#[derive(Clone, Debug, Default)]
pub struct Variables(Option<Box<Known>>);

#[derive(Clone, Debug, Default)]
struct Known(Vec<(Variable, Value<'static>)>);

/// Of those who have none.
static NONE: Variables = Variables(None);

impl Variables {
    pub fn none() -> &'static Variables {
        &NONE
    }

    pub fn value_of(&self, variable: Variable) -> Option<Value<'_>> {
        self.0.as_ref()?.0.iter().find(|(known, _)| *known == variable).map(|(_, value)| value.borrowed())
    }

    pub fn set(&mut self, variable: Variable, value: Value<'static>) {
        let known = &mut self.0.get_or_insert_default().0;
        match known.iter_mut().find(|(known, _)| *known == variable) {
            Some((_, known)) => *known = value,
            None => known.push((variable, value)),
        }
    }

    pub fn unset(&mut self, variable: Variable) {
        self.retain(|known| known != variable);
    }

    /// Sets it, or unsets it where it is to have no value.
    pub fn put(&mut self, variable: Variable, value: Option<Value<'static>>) {
        match value {
            Some(value) => self.set(variable, value),
            None => self.unset(variable),
        }
    }

    /// The time of one scope is over.
    pub fn end(&mut self, scope: Scope) {
        self.retain(|known| known.scope != scope);
    }

    fn retain(&mut self, keeps: impl Fn(Variable) -> bool) {
        self.0.iter_mut().for_each(|known| known.0.retain(|(known, _)| keeps(*known)));
    }
}
