//! What rules keep, and what they tell logs and servers (configuration.txt: set-var, unset-var, set-src, set-dst, capture,
//! set-log-level). Rules on messages, on connections and on contents know the same ones.

use crate::acl::Expression;
use crate::fetch::End;
use crate::http_rule::{Format, Variable};
use crate::log::Level;

/// What a rule does that lets the next one be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    SetVariable(Variable, Expression),
    SetVariableText(Variable, Format),
    UnsetVariable(Variable),
    /// `set-src`, `set-dst`
    SetAddress(End, Expression),
    /// `set-src-port`, `set-dst-port`
    SetPort(End, Expression),
    /// A sample is kept in a slot of the frontend's captures of this message.
    Capture(Expression, u32),
    /// `None`: no line.
    SetLogLevel(Option<Level>),
}

impl Effect {
    /// Every expression in it.
    pub(crate) fn expressions(&self) -> Vec<&Expression> {
        match self {
            Effect::SetVariableText(_, value) => value.expressions().collect(),
            Effect::SetVariable(_, expression)
            | Effect::Capture(expression, _)
            | Effect::SetAddress(_, expression)
            | Effect::SetPort(_, expression) => vec![expression],
            Effect::UnsetVariable(_) | Effect::SetLogLevel(_) => Vec::new(),
        }
    }
}
