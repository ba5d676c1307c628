//! Rules that choose, accept and reject; captures.

use crate::acl::{Condition, Expression};
use crate::effect::Effect;
use crate::http_rule::Format;
use crate::source::{Span, Spanned};
use std::time::Duration;

/// `use_backend NAME [if|unless CONDITION]`.
#[derive(Clone, Debug)]
pub struct UseBackend {
    pub backend: Spanned<String>,
    /// The name is made anew for each connection. A name that nobody has leads to the default.
    pub computed: Option<Format>,
    /// Always, when absent.
    pub condition: Option<Condition>,
}

/// The `tcp-request` and `tcp-response` lines of a proxy, each list in file order.
#[derive(Clone, Debug, Default)]
pub struct TcpRules {
    pub connection: Vec<TcpRule>,
    pub session: Vec<TcpRule>,
    pub content: Vec<TcpRule>,
    /// How long content rules wait for content; not at all unless set.
    pub inspect_delay: Option<Spanned<Duration>>,
    /// `tcp-response content`
    pub response: Vec<TcpRule<TcpResponseAction>>,
    pub response_delay: Option<Spanned<Duration>>,
}

/// `tcp-request … ACTION [if|unless CONDITION]`, `tcp-response content …`.
#[derive(Clone, Debug)]
pub struct TcpRule<A = TcpAction> {
    pub deed: Spanned<TcpDeed<A>>,
    /// Always, when absent.
    pub condition: Option<Condition>,
}

/// What a rule does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TcpDeed<A = TcpAction> {
    /// No rule behind it is asked.
    Decide(A),
    /// The next rule is asked.
    Effect(Effect),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpAction {
    Accept,
    Reject,
    /// `silent-drop`
    Drop,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpResponseAction {
    Accept,
    Reject,
    /// Closes the connection with the server.
    Close,
    /// `silent-drop`
    Drop,
}

impl TcpRules {
    /// Every effect of them.
    pub(crate) fn effects(&self) -> impl Iterator<Item = (Span, &Effect)> {
        let of_requests = self.connection.iter().chain(&self.session).chain(&self.content).filter_map(TcpRule::effect);
        of_requests.chain(self.response.iter().filter_map(TcpRule::effect))
    }

    /// Every expression in them, but for those of conditions.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.effects().flat_map(|(_, effect)| effect.expressions())
    }
}

impl<A> TcpRule<A> {
    fn effect(&self) -> Option<(Span, &Effect)> {
        match &self.deed.value {
            TcpDeed::Decide(_) => None,
            TcpDeed::Effect(effect) => Some((self.deed.span, effect)),
        }
    }
}

/// `use-server NAME if|unless CONDITION`.
#[derive(Clone, Debug)]
pub struct UseServer {
    pub server: Spanned<String>,
    /// The name is made anew for each connection. A name that nobody has ends the list.
    pub computed: Option<Format>,
    pub condition: Condition,
}

/// `capture request|response header NAME len N`; of one that rules fill (`declare capture`) there is no header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capture {
    pub header: Option<Spanned<String>>,
    pub length_max: u32,
}
