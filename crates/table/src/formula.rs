//! What a health check makes anew each time: the texts, numbers and variables that its script knows by number only.

use std::sync::Arc;

use crate::Table;
use crate::sample::{Expression, Facts, Format, Value, Variable, Variables};

/// One of them (`configuration.txt: http-check`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formula {
    /// `…-lf`, `on-error` and their kin.
    Text(Format),
    /// `status-code`
    Value(Expression),
    /// `set-var`
    Keep(Variable, Expression),
    /// `set-var-fmt`
    KeepText(Variable, Format),
    /// `unset-var`
    Forget(Variable),
    /// `http-check send-state`: how the server stands, which is for whoever runs its checks to say. `node` is the name of this machine.
    Standing { node: Arc<str> },
}

impl Formula {
    /// The text of a formula that has one.
    pub fn text(&self, facts: &Facts<'_>) -> Vec<u8> {
        let mut text = Vec::new();
        match self {
            Formula::Text(format) => format.append(facts, &mut text),
            Formula::Value(expression) => {
                text.extend(expression.value(facts).map(|value| value.into_bytes().into_owned()).unwrap_or_default());
            }
            Formula::Keep(..) | Formula::KeepText(..) | Formula::Forget(_) | Formula::Standing { .. } => {}
        }
        text
    }

    /// The number of a formula that has one.
    pub fn number(&self, facts: &Facts<'_>) -> Option<i64> {
        match self {
            Formula::Value(expression) => expression.value(facts)?.to_int(),
            Formula::Text(_)
            | Formula::Keep(..)
            | Formula::KeepText(..)
            | Formula::Forget(_)
            | Formula::Standing { .. } => None,
        }
    }

    /// `variables` as they are when the formula has done what it says. A sample that is not there changes nothing.
    pub fn carry_out(&self, facts: &Facts<'_>, mut variables: Variables) -> Variables {
        match self {
            Formula::Keep(variable, expression) => {
                if let Some(value) = expression.value(facts) {
                    variables.set(*variable, value.into_owned());
                }
            }
            Formula::KeepText(variable, format) => {
                let mut text = Vec::new();
                format.append(facts, &mut text);
                variables.set(*variable, Value::Bytes(text.into()));
            }
            Formula::Forget(variable) => variables.unset(*variable),
            Formula::Text(_) | Formula::Value(_) | Formula::Standing { .. } => {}
        }
        variables
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        match self {
            Formula::Text(format) | Formula::KeepText(_, format) => format.fits(table),
            Formula::Value(expression) | Formula::Keep(_, expression) => expression.fits(table),
            Formula::Forget(_) | Formula::Standing { .. } => true,
        }
    }
}
