//! Which backend a connection goes to.

use crate::{BackendId, Facts, Frontend};

/// The backend of the first rule that holds, else the default; `None` if there is neither
/// (`configuration.txt: use_backend, default_backend`). The rule wins even if its backend has no server left.
pub fn route(frontend: &Frontend, facts: &Facts<'_>) -> Option<BackendId> {
    let chosen = switching(frontend, facts).map(|index| frontend.rules[index].backend);
    chosen.or(frontend.default_backend)
}

/// The index of the rule that chooses the backend: the first that holds.
pub fn switching(frontend: &Frontend, facts: &Facts<'_>) -> Option<usize> {
    let holds = |rule: &crate::UseBackend| rule.condition.as_ref().is_none_or(|condition| condition.holds(facts));
    frontend.rules.iter().position(holds)
}
