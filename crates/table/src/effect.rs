//! What rules change on the way to what becomes of a message or a connection: what is kept of it, and what is told of it
//! (`configuration.txt: set-var, unset-var, set-src, capture, set-log-level`).
//!
//! An effect is asked with the facts of its moment and answers with the change; whoever has the facts makes it.

use std::net::{IpAddr, SocketAddr};

use crate::sample::{Expression, Facts, Format, Speaker, Value, Variable};
use crate::{LogLevel, Table};

/// What a rule does that lets the next one be asked.
#[derive(Clone, Debug)]
pub enum Effect {
    /// `set-var`. An expression without a value leaves the variable as it was.
    SetVariable(Variable, Expression),
    /// `set-var-fmt`
    SetVariableText(Variable, Format),
    UnsetVariable(Variable),
    /// What the log, servers and later rules are told of where the client is. Without a value nothing changes.
    SetAddr(Whence, Expression),
    /// The same of its port.
    SetPort(Whence, Expression),
    /// A sample is kept in a slot of the frontend's captures of this side's message.
    Capture(Speaker, usize, Expression),
    /// The level of the log line.
    SetLogLevel(LineLevel),
}

/// An end of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// `set-src`: the client.
    Source,
    /// `set-dst`: what it connected to.
    Destination,
}

/// What rules have said of an exchange's log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineLevel {
    #[default]
    Usual,
    Forced(LogLevel),
    Silent,
}

/// What an effect comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `None`: it is unset.
    Variable(Variable, Option<Value<'static>>),
    Addr(Whence, IpAddr),
    Port(Whence, u16),
    Captured(Speaker, usize, Box<[u8]>),
    LineLevel(LineLevel),
}

impl Effect {
    /// What changes; `None`: there is no value that anything could be changed to.
    pub fn change(&self, facts: &Facts<'_>) -> Option<Change> {
        Some(match self {
            Effect::SetVariable(variable, expression) => {
                Change::Variable(*variable, Some(expression.value(facts)?.into_owned()))
            }
            Effect::SetVariableText(variable, format) => {
                let mut text = Vec::new();
                format.append(facts, &mut text);
                Change::Variable(*variable, Some(Value::Bytes(text.into())))
            }
            Effect::UnsetVariable(variable) => Change::Variable(*variable, None),
            Effect::SetAddr(whence, expression) => Change::Addr(*whence, expression.value(facts)?.to_addr()?),
            // A text that is no number is 0 to HAProxy, and of numbers that are too large the low bits count.
            Effect::SetPort(whence, expression) => {
                Change::Port(*whence, expression.value(facts)?.to_int().unwrap_or(0) as u16)
            }
            Effect::Capture(whose, slot, expression) => captured(*whose, *slot, expression, facts)?,
            Effect::SetLogLevel(level) => Change::LineLevel(*level),
        })
    }

    /// Whether it depends on bytes which have not come, and waits for them. Only captures do (`configuration.txt: tcp-request content
    /// capture`).
    pub(crate) fn is_open(&self, facts: &Facts<'_>) -> bool {
        match self {
            Effect::Capture(_, _, expression) => !facts.is_final() && !expression.is_settled(facts),
            Effect::SetVariable(..)
            | Effect::SetVariableText(..)
            | Effect::UnsetVariable(_)
            | Effect::SetAddr(..)
            | Effect::SetPort(..)
            | Effect::SetLogLevel(_) => false,
        }
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        match self {
            Effect::SetVariable(_, expression)
            | Effect::SetAddr(_, expression)
            | Effect::SetPort(_, expression)
            | Effect::Capture(_, _, expression) => expression.fits(table),
            Effect::SetVariableText(_, format) => format.fits(table),
            Effect::UnsetVariable(_) | Effect::SetLogLevel(_) => true,
        }
    }
}

impl Whence {
    /// Puts an address in the place of the one that was known of that end. Its port stays.
    pub fn put_addr(self, addr: IpAddr, known: &mut Option<SocketAddr>) {
        *known = Some(SocketAddr::new(addr, known.map_or(0, |known| known.port())));
    }

    /// Puts a port in the place of the one that was known, if any was.
    pub fn put_port(self, port: u16, known: &mut Option<SocketAddr>) {
        known.iter_mut().for_each(|known| known.set_port(port));
    }
}

/// Of a frontend without such a slot nothing is kept.
fn captured(whose: Speaker, slot: usize, expression: &Expression, facts: &Facts<'_>) -> Option<Change> {
    let http = &facts.table.frontend(facts.frontend).http;
    let captures = match whose {
        Speaker::Client => &http.request_captures,
        Speaker::Server => &http.response_captures,
    };
    let kept = captures.get(slot)?.cut(&expression.value(facts)?.into_bytes()).into();
    Some(Change::Captured(whose, slot, kept))
}
