//! What the client says before it may be sent on: gathered in one buffer, for a PROXY header or for rules to look at. What a server
//! says is `review`'s.

use crate::gather::Gathered;
use driver::Instant;

/// The client's first bytes, and who waits for them.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) gathered: Gathered,
    pub(crate) rules: Rules,
    /// When the rules were first asked.
    pub(crate) began_at: Instant,
    pub(crate) patience: Patience,
}

/// Whose `tcp-request content` rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    Frontend,
    Backend,
}

/// Whether more is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Waiting,
    /// The rules' delay is over.
    Over,
    /// The side has ended its half: nothing more will come.
    AtEnd,
}

impl Early {
    pub(crate) fn new(now: Instant) -> Early {
        let (rules, patience) = (Rules::Frontend, Patience::Waiting);
        Early { gathered: Gathered::default(), rules, began_at: now, patience }
    }
}
