//! What came of one check: a status word, a code, a text, a duration (CFG 5.2, `check_status`).

use std::fmt::{self, Write};
use std::time::Duration;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was found.
    pub status: Status,
    /// What the server answered as a number, such as `503`; 0 when it has no such thing. Shown where [`Status::has_code`].
    pub code: u16,
    /// What is to be said about it, as bytes that the server may have chosen.
    pub info: Vec<u8>,
    /// From the beginning of the check to its end.
    pub duration: Duration,
}

/// What a check found. Displays HAProxy's description, such as `Layer4 check passed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// There was no socket to connect, or nothing behind the path of a Unix socket, or the connection broke later.
    SocketFailed,
    /// The server accepted the connection, and the PROXY header if there was one to send.
    Layer4Passed,
    /// It did neither in time.
    Layer4TimedOut,
    /// The connection was refused or broke at once.
    Layer4Failed,
    /// It answered as a server that knows TLS.
    Layer6Passed,
    /// It should have, and was silent.
    Layer6TimedOut,
    /// It answered something else.
    Layer6Invalid,
    /// It was silent, or did not say what was expected in time.
    Layer7TimedOut,
    /// It said something else.
    Layer7Invalid,
    /// It said what was expected.
    Layer7Passed,
    /// It said that it serves whom it has, and wants nobody new (`http-check disable-on-404`).
    Layer7PassedConditionally,
    /// It said in its protocol's words that it does not want to.
    Layer7WrongStatus,
    /// What its sessions met speaks against it (`observe`).
    Analyzed,
    /// An agent said something, and nothing about health.
    Unchanged,
}

impl Status {
    /// Every status there is.
    pub const ALL: [Status; 14] = [
        Status::SocketFailed,
        Status::Layer4Passed,
        Status::Layer4TimedOut,
        Status::Layer4Failed,
        Status::Layer6Passed,
        Status::Layer6TimedOut,
        Status::Layer6Invalid,
        Status::Layer7TimedOut,
        Status::Layer7Invalid,
        Status::Layer7Passed,
        Status::Layer7PassedConditionally,
        Status::Layer7WrongStatus,
        Status::Analyzed,
        Status::Unchanged,
    ];

    /// Whether the server counts as healthy.
    pub fn is_passed(self) -> bool {
        match self {
            Status::Layer4Passed | Status::Layer6Passed | Status::Layer7Passed | Status::Layer7PassedConditionally => {
                true
            }
            Status::SocketFailed
            | Status::Layer4TimedOut
            | Status::Layer4Failed
            | Status::Layer6TimedOut
            | Status::Layer6Invalid
            | Status::Layer7TimedOut
            | Status::Layer7Invalid
            | Status::Layer7WrongStatus
            | Status::Analyzed
            | Status::Unchanged => false,
        }
    }

    /// The word of the `check_status` column in `show stat`.
    pub fn word(self) -> &'static str {
        match self {
            Status::SocketFailed => "SOCKERR",
            Status::Layer4Passed => "L4OK",
            Status::Layer4TimedOut => "L4TOUT",
            Status::Layer4Failed => "L4CON",
            Status::Layer6Passed => "L6OK",
            Status::Layer6TimedOut => "L6TOUT",
            Status::Layer6Invalid => "L6RSP",
            Status::Layer7TimedOut => "L7TOUT",
            Status::Layer7Invalid => "L7RSP",
            Status::Layer7Passed => "L7OK",
            Status::Layer7PassedConditionally => "L7OKC",
            Status::Layer7WrongStatus => "L7STS",
            Status::Analyzed => "HANA",
            Status::Unchanged => "CHECKED",
        }
    }

    /// The status that a file names by its word (`tcp-check expect … error-status L7STS`).
    pub fn from_word(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether a code belongs to it: the server understood, and answered.
    pub fn has_code(self) -> bool {
        matches!(self, Status::Layer7Passed | Status::Layer7PassedConditionally | Status::Layer7WrongStatus)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::SocketFailed => "Socket error",
            Status::Layer4Passed => "Layer4 check passed",
            Status::Layer4TimedOut => "Layer4 timeout",
            Status::Layer4Failed => "Layer4 connection problem",
            Status::Layer6Passed => "Layer6 check passed",
            Status::Layer6TimedOut => "Layer6 timeout",
            Status::Layer6Invalid => "Layer6 invalid response",
            Status::Layer7TimedOut => "Layer7 timeout",
            Status::Layer7Invalid => "Layer7 invalid response",
            Status::Layer7Passed => "Layer7 check passed",
            Status::Layer7PassedConditionally => "Layer7 check conditionally passed",
            Status::Layer7WrongStatus => "Layer7 wrong status",
            Status::Analyzed => "Health analyze",
            Status::Unchanged => "No status change",
        })
    }
}

/// `reason: …[, code: …][, info: "…"], check duration: …ms`, the middle of a log line.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reason: {}", self.status)?;
        if self.status.has_code() {
            write!(f, ", code: {}", self.code)?;
        }
        if !self.info.is_empty() {
            f.write_str(", info: \"")?;
            self.info.iter().try_for_each(|&byte| write_byte(f, byte))?;
            f.write_char('"')?;
        }
        // What sessions met is no check, and took no time.
        if self.status != Status::Analyzed {
            write!(f, ", check duration: {}ms", self.duration.as_millis())?;
        }
        Ok(())
    }
}

/// What cannot stand in a quoted word of a log line is shown as its number: a server must not be able to forge a line.
fn write_byte(f: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    match byte {
        b'<' | b'>' | b'"' => write!(f, "<{byte:02X}>"),
        b' '..=b'~' => f.write_char(byte as char),
        _ => write!(f, "<{byte:02X}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: Status, code: u16, info: &[u8]) -> String {
        Outcome { status, code, info: info.to_vec(), duration: Duration::from_micros(12_999) }.to_string()
    }

    /// As HAProxy 2.6 logs them.
    #[test]
    fn texts() {
        for (status, code, info, text) in [
            (Status::Layer4Passed, 0, "", "reason: Layer4 check passed, check duration: 12ms"),
            (Status::Layer4TimedOut, 0, "", "reason: Layer4 timeout, check duration: 12ms"),
            (
                Status::Layer4Failed,
                0,
                "Connection refused",
                "reason: Layer4 connection problem, info: \"Connection refused\", check duration: 12ms",
            ),
            (
                Status::Layer7Passed,
                0,
                "(tcp-check)",
                "reason: Layer7 check passed, code: 0, info: \"(tcp-check)\", check duration: 12ms",
            ),
            (
                Status::Layer7WrongStatus,
                503,
                "Service Unavailable",
                "reason: Layer7 wrong status, code: 503, info: \"Service Unavailable\", check duration: 12ms",
            ),
            (
                Status::Layer7Invalid,
                0,
                "* OK imap",
                "reason: Layer7 invalid response, info: \"* OK imap\", check duration: 12ms",
            ),
            (Status::Layer6Passed, 0, "", "reason: Layer6 check passed, check duration: 12ms"),
        ] {
            assert_eq!(shown(status, code, info.as_bytes()), text);
        }
    }

    #[test]
    fn a_server_cannot_forge_a_line() {
        let info = b"go \"away\"\r\n<b>\xe9\x7f";
        let expected =
            "reason: Layer7 invalid response, info: \"go <22>away<22><0D><0A><3C>b<3E><E9><7F>\", check duration: 12ms";
        assert_eq!(shown(Status::Layer7Invalid, 0, info), expected);
    }

    #[test]
    fn words() {
        for status in Status::ALL {
            assert_eq!(Status::from_word(status.word()), Some(status));
            assert_eq!(status.is_passed(), status.word()[2..].starts_with("OK"));
        }
    }
}
