//! What is known of a session beside what is heard of it, and what it keeps of an exchange's messages for those who ask later.

use std::borrow::Cow;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::{Facts, Speaker, Value};
use crate::{Identity, Server, ShardIndex};

/// How far a session has come. Times are of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    pub shard: ShardIndex,
    pub accepted_at: Duration,
    pub now: Duration,
    pub identity: &'a Identity,
    pub captures: &'a Captures,
    /// What the client was told, or is being told.
    pub status: Option<u16>,
    /// The server that was chosen.
    pub server: Option<&'a Server>,
}

/// A value that was captured; `None`: there was no such field.
pub type Captured = Option<Box<[u8]>>;

/// What was said in an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    /// `METHOD target VERSION`; empty where that is not known or nobody will ask.
    pub line: Vec<u8>,
    /// In the order of `capture request header`.
    pub request: Vec<Captured>,
    pub response: Vec<Captured>,
    /// The response's.
    pub version: Option<http1::Version>,
}

/// Something of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionPart {
    /// `unique-id`, `%ID`
    UniqueId,
    /// `%rt`
    Number,
    /// `%Ts`: when it was accepted, in seconds since 1970.
    AcceptSeconds,
    /// `%pid`
    ProcessId,
    /// `thread`: of which shard it is.
    Thread,
    /// `date(offset,unit)`: what time it is, in whole units since 1970, and so many of them later.
    Date(i64, DateUnit),
    /// `srv_name`
    ServerName,
    /// `capture.req.hdr(index)`, `capture.res.hdr(index)`
    Captured(Speaker, u32),
    /// `capture.req.method`
    RequestMethod,
    /// `capture.req.uri`
    RequestTarget,
    /// `capture.req.ver`
    RequestVersion,
    /// `capture.res.ver`
    ResponseVersion,
}

/// In what `date` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateUnit {
    Seconds,
    Milliseconds,
    Microseconds,
}

impl Captures {
    pub const NONE: Captures = Captures { line: Vec::new(), request: Vec::new(), response: Vec::new(), version: None };

    pub fn none() -> &'static Captures {
        static NONE: Captures = Captures::NONE;
        &NONE
    }

    /// Keeps the memory.
    pub fn clear(&mut self) {
        self.line.clear();
        self.request.clear();
        self.response.clear();
        self.version = None;
    }

    /// A word of the request line.
    pub(crate) fn word(&self, index: usize) -> Option<&[u8]> {
        self.line.splitn(3, |&byte| byte == b' ').nth(index).filter(|word| !word.is_empty())
    }
}

impl SessionPart {
    pub(super) fn of<'a>(self, facts: &Facts<'a>) -> Option<Value<'a>> {
        let course = facts.course?;
        let captures = course.captures;
        let text = |text: &'a [u8]| Value::Bytes(Cow::Borrowed(text));
        let process = &facts.table.process;
        match self {
            SessionPart::UniqueId => course.identity.text(facts).map(text),
            SessionPart::Number => Some(Value::Int(course.number(facts).try_into().unwrap_or(i64::MAX))),
            SessionPart::AcceptSeconds => {
                Some(Value::Int(process.wall.at(course.accepted_at).as_secs().try_into().unwrap_or(i64::MAX)))
            }
            SessionPart::Date(offset, unit) => {
                let time = process.wall.at(course.now);
                let count = match unit {
                    DateUnit::Seconds => u128::from(time.as_secs()),
                    DateUnit::Milliseconds => time.as_millis(),
                    DateUnit::Microseconds => time.as_micros(),
                };
                Some(Value::Int(i64::try_from(count).unwrap_or(i64::MAX).saturating_add(offset)))
            }
            SessionPart::Thread => Some(Value::Int(course.shard.0.into())),
            SessionPart::ProcessId => Some(Value::Int(process.pid.load(Relaxed).into())),
            SessionPart::ServerName => Some(Value::text(&course.server?.name)),
            SessionPart::Captured(speaker, index) => {
                let captured = match speaker {
                    Speaker::Client => &captures.request,
                    Speaker::Server => &captures.response,
                };
                captured.get(index as usize)?.as_deref().map(text)
            }
            SessionPart::RequestMethod => captures.word(0).map(text),
            SessionPart::RequestTarget => captures.word(1).map(text),
            SessionPart::RequestVersion => captures.word(2).map(text),
            SessionPart::ResponseVersion => Some(text(match captures.version? {
                http1::Version::Http10 => b"HTTP/1.0",
                http1::Version::Http11 => b"HTTP/1.1",
            })),
        }
    }
}
