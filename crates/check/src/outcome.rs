//! What came of one check: a status word, a duration, and the texts that go with them (CFG 5.2, `check_status`).

use std::fmt;
use std::time::Duration;

use crate::Errno;

/// The result of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was found.
    pub status: Status,
    /// From the beginning of the check to its end.
    pub duration: Duration,
}

/// What a check found. Displays HAProxy's description, such as `Layer4 check passed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The server accepted the connection, and the PROXY header if there was one to send.
    Layer4Passed,
    /// It did neither in time.
    Layer4TimedOut,
    /// The connection was refused or broke.
    Layer4Failed(Errno),
    /// There was no socket to connect, or nothing behind the path of a Unix socket.
    SocketFailed(Errno),
}

impl Status {
    /// Whether the server counts as healthy.
    pub fn is_passed(self) -> bool {
        match self {
            Status::Layer4Passed => true,
            Status::Layer4TimedOut | Status::Layer4Failed(_) | Status::SocketFailed(_) => false,
        }
    }

    /// The word of the `check_status` column in `show stat`.
    pub fn word(self) -> &'static str {
        match self {
            Status::Layer4Passed => "L4OK",
            Status::Layer4TimedOut => "L4TOUT",
            Status::Layer4Failed(_) => "L4CON",
            Status::SocketFailed(_) => "SOCKERR",
        }
    }

    /// The text that logs show after `info:`.
    ///
    /// HAProxy tells what the network answered from what its own system refused, by the words in front of the error.
    pub fn detail(self) -> Option<String> {
        match self {
            Status::Layer4Passed | Status::Layer4TimedOut => None,
            Status::Layer4Failed(errno) if errno.is_from_network() => Some(errno.to_string()),
            Status::Layer4Failed(errno) | Status::SocketFailed(errno) => {
                Some(format!("General socket error ({errno})"))
            }
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Layer4Passed => "Layer4 check passed",
            Status::Layer4TimedOut => "Layer4 timeout",
            Status::Layer4Failed(_) => "Layer4 connection problem",
            Status::SocketFailed(_) => "Socket error",
        })
    }
}

/// `reason: …[, info: "…"], check duration: …ms`, the middle of a log line.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reason: {}", self.status)?;
        if let Some(detail) = self.status.detail() {
            write!(f, ", info: \"{detail}\"")?;
        }
        write!(f, ", check duration: {}ms", self.duration.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As HAProxy 2.6 logs them.
    #[test]
    fn texts() {
        let cases = [
            (Status::Layer4Passed, "L4OK", "reason: Layer4 check passed, check duration: 12ms"),
            (Status::Layer4TimedOut, "L4TOUT", "reason: Layer4 timeout, check duration: 12ms"),
            (
                Status::Layer4Failed(Errno(111)),
                "L4CON",
                "reason: Layer4 connection problem, info: \"Connection refused\", check duration: 12ms",
            ),
            (
                Status::Layer4Failed(Errno(101)),
                "L4CON",
                "reason: Layer4 connection problem, info: \"General socket error (Network is unreachable)\", \
                 check duration: 12ms",
            ),
            (
                Status::SocketFailed(Errno(2)),
                "SOCKERR",
                "reason: Socket error, info: \"General socket error (No such file or directory)\", check duration: 12ms",
            ),
            (
                Status::SocketFailed(Errno(111)),
                "SOCKERR",
                "reason: Socket error, info: \"General socket error (Connection refused)\", check duration: 12ms",
            ),
        ];
        for (status, word, text) in cases {
            assert_eq!(status.word(), word);
            assert_eq!(Outcome { status, duration: Duration::from_micros(12_999) }.to_string(), text);
            assert_eq!(status.is_passed(), word == "L4OK");
        }
    }
}
