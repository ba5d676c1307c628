//! Which backend a connection goes to.

use crate::{BackendId, Facts, Format, Frontend, Mode, Switch};

/// The backend of the first rule that holds, else the default; `None` if there is neither
/// (`configuration.txt: use_backend, default_backend`). The rule wins even if its backend has no server left.
///
/// As everywhere where most have no rules, the facts are gathered only if one asks.
pub fn route<'f>(frontend: &Frontend, facts: impl FnOnce() -> Facts<'f>) -> Option<BackendId> {
    if frontend.rules.is_empty() {
        return frontend.default_backend;
    }
    let facts = &facts();
    let chosen = switching(frontend, facts).and_then(|index| frontend.rules[index].backend.of(frontend.mode, facts));
    chosen.or(frontend.default_backend)
}

/// The index of the rule that chooses the backend: the first that holds.
pub fn switching(frontend: &Frontend, facts: &Facts<'_>) -> Option<usize> {
    let holds = |rule: &crate::UseBackend| rule.condition.as_ref().is_none_or(|condition| condition.holds(facts));
    frontend.rules.iter().position(holds)
}

impl Switch {
    /// The backend that it leads to from a frontend of this mode, if there is one.
    pub fn of(&self, mode: Mode, facts: &Facts<'_>) -> Option<BackendId> {
        match self {
            Switch::To(backend) => Some(*backend),
            Switch::Named(format) => {
                let id = facts.table.backend_named(&name(format, facts)?)?;
                (facts.table.backend(id).mode == mode).then_some(id)
            }
        }
    }
}

/// What a format makes of a connection, if that can be the name of something.
pub(crate) fn name(format: &Format, facts: &Facts<'_>) -> Option<String> {
    let mut name = Vec::new();
    format.append(facts, &mut name);
    String::from_utf8(name).ok()
}
