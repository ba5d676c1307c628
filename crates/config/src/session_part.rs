//! What is known of a session beside its messages, as values (configuration.txt §7.3, §8.2.6).

use crate::fetch::Speaker;

/// Something of a session beside its messages, or of the exchange that it serves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SessionPart {
    /// `unique-id`, `%ID`: what `unique-id-format` makes of it.
    UniqueId,
    /// `%rt`
    Number,
    /// `%Ts`: when it was accepted, in seconds.
    AcceptSeconds,
    /// `%pid`, `pid`
    ProcessId,
    /// `thread`
    Thread,
    /// `date([offset[,unit]])`
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
    /// `%ft`
    Transport,
    /// `txn.status`, `%ST`
    Status,
    /// `act_conn`, `%ac` and its kin
    Connections(ConnectionsOf),
    /// `%t` and its kin: when it was accepted, in milliseconds.
    AcceptMilliseconds,
    /// `fe_client_timeout` and its kin
    Timeout(TimeoutOf),
    /// `fe_defbe`
    DefaultBackend,
    /// `stopping`
    IsStopping,
    /// `http_first_req`
    IsFirstExchange,
    /// `so_id`
    ListenerId,
    /// `so_name`
    ListenerName,
    /// `%r` and its kin
    Said(LinePart),
    /// `%hr` and its kin
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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LineOf {
    Server,
    Backend,
}

/// What an exchange has taken time for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConnectionsOf {
    Process,
    Frontend,
    Backend,
    Server,
}

/// Whose patience is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimeoutOf {
    /// `timeout client` of the frontend
    Client,
    /// `timeout server` of the backend
    Server,
    /// `timeout tunnel` of the backend
    Tunnel,
}

/// A piece of the request line.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LinePart {
    Whole,
    Method,
    Target,
    Version,
    Path,
    /// With its `?`.
    Query,
}

/// How several captures are one text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CapturesForm {
    /// `{first|second}`
    Braces,
    /// `first second`
    Words,
    /// `"first" "second"`
    QuotedWords,
}

/// In what `date` counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DateUnit {
    Seconds,
    Milliseconds,
    Microseconds,
}

impl SessionPart {
    /// Whether it is something that an exchange captures.
    pub fn is_captured(self) -> bool {
        match self {
            SessionPart::Captured(..)
            | SessionPart::Captures(..)
            | SessionPart::Said(_)
            | SessionPart::RequestMethod
            | SessionPart::RequestTarget
            | SessionPart::RequestVersion
            | SessionPart::ResponseVersion => true,
            SessionPart::UniqueId
            | SessionPart::Number
            | SessionPart::AcceptSeconds
            | SessionPart::ProcessId
            | SessionPart::Thread
            | SessionPart::Date(..)
            | SessionPart::ServerName
            | SessionPart::ServerShown
            | SessionPart::ServerId
            | SessionPart::ServerAddress
            | SessionPart::ServerPort
            | SessionPart::Transport
            | SessionPart::Status
            | SessionPart::Connections(_)
            | SessionPart::AcceptMilliseconds
            | SessionPart::Timeout(_)
            | SessionPart::DefaultBackend
            | SessionPart::IsStopping
            | SessionPart::IsFirstExchange
            | SessionPart::ListenerId
            | SessionPart::ListenerName
            | SessionPart::Retries
            | SessionPart::Passed(_)
            | SessionPart::Spent(_) => false,
        }
    }
}
