//! What is known of a session beside what is heard of it, and what it keeps of an exchange's messages for those who ask later.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::{CapturesForm, Facts, LinePart, Speaker, Value};
use crate::{Identity, Passed, Server, ServerAddr, ShardIndex};

/// How far a session has come. Times are of the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    pub shard: ShardIndex,
    pub accepted_at: Duration,
    pub now: Duration,
    /// The number of the `bind` where it arrived, within its frontend.
    pub listener: u32,
    /// None came before this one on the client's connection.
    pub is_first_exchange: bool,
    pub identity: &'a Identity,
    pub captures: &'a Captures,
    /// What the client was told, or is being told.
    pub status: Option<u16>,
    /// The server that was chosen.
    pub server: Option<&'a Server>,
    /// What it took to get a response, where there is one.
    pub spent: Option<Spent>,
}

/// What it took an exchange to get its response. Of times that are `None` it has not come that far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub handshake: Duration,
    pub idle: Duration,
    pub request: Option<Duration>,
    pub queue: Option<Duration>,
    pub connect: Option<Duration>,
    pub response: Option<Duration>,
    pub retries: u16,
    pub is_redispatched: bool,
    pub passed: Passed,
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
    /// `%s`: the same, and `<NOSRV>` without one.
    ServerShown,
    /// `srv_id`
    ServerId,
    /// `%si`
    ServerAddress,
    /// `%sp`
    ServerPort,
    /// `%ft`: the frontend's name, with a tilde where the client uses TLS.
    Transport,
    /// `txn.status`, `%ST`: -1 without one.
    Status,
    /// `%ac` and its kin.
    Connections(ConnectionsOf),
    /// `%t` and its kin: when it was accepted, in milliseconds since 1970.
    AcceptMilliseconds,
    /// `fe_client_timeout` and its kin, in milliseconds; 0 is none.
    Timeout(TimeoutOf),
    /// `fe_defbe`
    DefaultBackend,
    /// `stopping`: the process ends as soon as nobody needs it any more.
    IsStopping,
    /// `http_first_req`
    IsFirstExchange,
    /// `so_id`
    ListenerId,
    /// `so_name`
    ListenerName,
    /// `%r` and its kin.
    Said(LinePart),
    /// `%hr` and its kin.
    Captures(Speaker, CapturesForm),
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
    /// `%rc`: attempts to connect that failed, behind a plus where one led elsewhere.
    Retries,
    /// `%sq`, `%bq`
    Passed(LineOf),
    /// `%TR` and its kin: -1 where it has not come that far.
    Spent(SpentOn),
}

/// In which line an exchange has waited for a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineOf {
    Server,
    Backend,
}

/// What an exchange has taken time for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpentOn {
    /// `%Th`
    Handshake,
    /// `%Ti`
    Idle,
    /// `%TR`
    Request,
    /// `%Tq`: those three.
    AllUntilRequest,
    /// `%Tw`
    Queue,
    /// `%Tc`
    Connect,
    /// `%Tr`
    Response,
}

/// Whose connections are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionsOf {
    Process,
    Frontend,
    /// 0 until one is chosen.
    Backend,
    /// The same.
    Server,
}

/// Whose patience is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutOf {
    /// The frontend's with its clients.
    Client,
    /// The backend's with its servers.
    Server,
    /// The backend's, with both.
    Tunnel,
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

    /// Where nobody will ask for captures there are no slots.
    pub fn put(&mut self, whose: Speaker, slot: usize, kept: Box<[u8]>) {
        let slots = match whose {
            Speaker::Client => &mut self.request,
            Speaker::Server => &mut self.response,
        };
        if let Some(slot) = slots.get_mut(slot) {
            *slot = Some(kept);
        }
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
            SessionPart::ServerShown => Some(Value::text(course.server.map_or("<NOSRV>", |server| &server.name))),
            SessionPart::ServerId => Some(Value::Int(course.server?.settings.number.value.into())),
            SessionPart::ServerAddress => server_addr(course.server?).map(|addr| Value::Addr(addr.ip())),
            SessionPart::ServerPort => server_addr(course.server?).map(|addr| Value::Int(addr.port().into())),
            SessionPart::Transport => {
                let name = facts.table.frontend(facts.frontend).name.as_bytes();
                Some(match facts.tls {
                    Some(_) => Value::Bytes(Cow::Owned([name, b"~"].concat())),
                    None => text(name),
                })
            }
            SessionPart::Status => Some(Value::Int(course.status.map_or(-1, i64::from))),
            SessionPart::Connections(of) => Some(Value::Int(of.count(facts, course.server))),
            SessionPart::AcceptMilliseconds => {
                let millis = process.wall.at(course.accepted_at).as_millis();
                Some(Value::Int(millis.try_into().unwrap_or(i64::MAX)))
            }
            SessionPart::Timeout(of) => {
                let timeout = match of {
                    TimeoutOf::Client => facts.table.frontend(facts.frontend).timeouts.client,
                    TimeoutOf::Server => facts.table.backend(facts.backend?).timeouts.server,
                    TimeoutOf::Tunnel => facts.table.backend(facts.backend?).timeouts.tunnel,
                };
                Some(Value::Int(timeout.unwrap_or_default().as_millis().try_into().unwrap_or(i64::MAX)))
            }
            SessionPart::DefaultBackend => {
                let backend = facts.table.frontend(facts.frontend).default_backend?;
                Some(Value::text(&facts.table.backend(backend).name))
            }
            SessionPart::IsStopping => Some(Value::Bool(process.is_stopping.load(Relaxed))),
            SessionPart::IsFirstExchange => Some(Value::Bool(course.is_first_exchange)),
            SessionPart::ListenerId => Some(Value::Int(course.listener.into())),
            SessionPart::ListenerName => {
                let binds = &facts.table.frontend(facts.frontend).binds;
                let bind = binds.iter().find(|bind| bind.number == course.listener)?;
                bind.name.as_deref().map(Value::text)
            }
            SessionPart::Said(part) => Some(Value::Bytes(part.of(captures))),
            SessionPart::Captures(speaker, form) => Some(Value::Bytes(form.of(captures, speaker).into())),
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
            SessionPart::Retries => Some(course.spent?.retries_shown()),
            SessionPart::Passed(LineOf::Server) => Some(Value::Int(course.spent?.passed.server.into())),
            SessionPart::Passed(LineOf::Backend) => Some(Value::Int(course.spent?.passed.backend.into())),
            SessionPart::Spent(on) => {
                let millis = course.spent?.on(on).map(|time| time.as_millis().try_into().unwrap_or(i64::MAX));
                Some(Value::Int(millis.unwrap_or(-1)))
            }
        }
    }
}

impl Spent {
    fn on(&self, on: SpentOn) -> Option<Duration> {
        match on {
            SpentOn::Handshake => Some(self.handshake),
            SpentOn::Idle => Some(self.idle),
            SpentOn::Request => self.request,
            SpentOn::AllUntilRequest => self.request.map(|request| request + self.idle + self.handshake),
            SpentOn::Queue => self.queue,
            SpentOn::Connect => self.connect,
            SpentOn::Response => self.response,
        }
    }

    fn retries_shown(&self) -> Value<'static> {
        let plus = if self.is_redispatched { "+" } else { "" };
        Value::Bytes(Cow::Owned(format!("{plus}{}", self.retries).into_bytes()))
    }
}

impl ConnectionsOf {
    fn count(self, facts: &Facts<'_>, server: Option<&Server>) -> i64 {
        let table = facts.table;
        let count = match self {
            ConnectionsOf::Process => table.process.conns.current(),
            ConnectionsOf::Frontend => table.frontend(facts.frontend).state.conns.current(),
            ConnectionsOf::Backend => facts.backend.map_or(0, |backend| table.backend(backend).state.conns.current()),
            ConnectionsOf::Server => server.map_or(0, |server| server.state.conns().into()),
        };
        count.try_into().unwrap_or(i64::MAX)
    }
}

fn server_addr(server: &Server) -> Option<SocketAddr> {
    match server.address() {
        ServerAddr::Ip(addr) => Some(addr),
        ServerAddr::Nowhere(_) | ServerAddr::Unix(_) | ServerAddr::Abstract(_) => None,
    }
}
