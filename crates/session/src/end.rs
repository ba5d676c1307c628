//! Why a session ended, in one value that logs, counters and tests all read.

use driver::{Errno, Side};
use std::fmt;

/// Why it ended, and how far it had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct End {
    pub moment: Moment,
    pub cause: Cause,
}

/// How far the session had come (`configuration.txt` §8.5, second letter).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// Before it was known who the client is, or what it wants: the PROXY header, the rules.
    Request,
    /// While it was kept waiting for what a rule says.
    Tarpit,
    /// While it stood in a line for a server.
    Queue,
    /// Before a server had accepted the connection.
    Connect,
    /// The server had the request, and had not answered yet.
    Headers,
    /// Bytes were flowing.
    Data,
    /// The server was done; the client had not got everything.
    LastData,
    /// Both sides had ended.
    Done,
}

/// Who or what ended it (`configuration.txt` §8.5, first letter).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Both sides ended their halves.
    Complete,
    /// This side broke the connection.
    Aborted(Side),
    /// This side was silent, or did not take its bytes, for too long.
    Idle(Side),
    /// The server refused the last attempt, or could not be reached.
    Unreachable(Errno),
    /// The server took the connection, and its TLS came to nothing.
    Unsecured(tls::Failure),
    /// The server did not answer the last attempt in time.
    ConnectLate,
    /// No server was usable.
    NoServer,
    /// No server had a place in time (`timeout queue`).
    QueueLate,
    /// The line for its server was as long as it may be (`maxqueue`).
    QueueFull,
    /// What the client sent first was not a PROXY header.
    BadHeader(proxyline::Error),
    /// The client's TLS came to nothing.
    BadHandshake(tls::Failure),
    /// A `tcp-request connection` or `session` rule did not take the client. Nothing is logged of it.
    NotAdmitted,
    /// A `tcp-request content` or `tcp-response content` rule rejected what was said.
    Rejected,
    /// A rule of HTTP denied the message, and the client was told what the rule says.
    Denied,
    /// A rule of HTTP answered in place of a server.
    Answered,
    /// What a rule of HTTP wanted to write cannot be written.
    RuleFailed,
    /// What this side said is no valid message.
    Malformed(Side, http1::Refusal),
    /// We had no socket, address or buffer for it.
    Exhausted(Errno),
    /// Nobody on either side: it was told to end.
    ShutDown(Shutdown),
}

/// Why a session is told to end although both sides would go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// Its server was marked down (`on-marked-down shutdown-sessions`).
    ServerDown,
    /// It is on a backup server, and an active one is back (`on-marked-up shutdown-backup-sessions`).
    ActiveUp,
    /// The operator wants it.
    Operator,
}

impl End {
    pub fn new(moment: Moment, cause: Cause) -> End {
        End { moment, cause }
    }

    /// HAProxy's first two letters (`configuration.txt` §8.5): `--`, `cD`, `SC` …
    pub fn termination_code(self) -> TerminationCode {
        let who = match self.cause {
            Cause::Complete => b'-',
            Cause::Aborted(Side::Front) => b'C',
            Cause::Aborted(Side::Back) => b'S',
            Cause::Idle(Side::Front) => b'c',
            Cause::Idle(Side::Back) => b's',
            Cause::Unreachable(_) | Cause::Unsecured(_) | Cause::NoServer | Cause::QueueFull => b'S',
            Cause::ConnectLate | Cause::QueueLate => b's',
            Cause::BadHeader(_) | Cause::BadHandshake(_) => b'P',
            Cause::NotAdmitted | Cause::Rejected | Cause::Denied | Cause::Malformed(..) => b'P',
            Cause::Answered => b'L',
            Cause::RuleFailed => b'I',
            Cause::Exhausted(_) => b'R',
            Cause::ShutDown(Shutdown::ServerDown) => b'D',
            Cause::ShutDown(Shutdown::ActiveUp) => b'U',
            Cause::ShutDown(Shutdown::Operator) => b'K',
        };
        let when = match self.moment {
            Moment::Request => b'R',
            Moment::Tarpit => b'T',
            Moment::Queue => b'Q',
            Moment::Connect => b'C',
            Moment::Headers => b'H',
            Moment::Data => b'D',
            Moment::LastData => b'L',
            Moment::Done => b'-',
        };
        TerminationCode([who, when])
    }
}

/// Two ASCII letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TerminationCode([u8; 2]);

impl fmt::Display for TerminationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&letter| write!(f, "{}", letter as char))
    }
}

impl fmt::Debug for TerminationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
