//! What one end says when it does not go on (RFC 8446 §6, RFC 5246 §7.2).

use crate::failure::Refusal;

/// An alert that is sent once both have agreed, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alert {
    CloseNotify = 0,
    UnexpectedMessage = 10,
    BadRecordMac = 20,
    RecordOverflow = 22,
    IllegalParameter = 47,
    DecodeError = 50,
    ProtocolVersion = 70,
    InternalError = 80,
    NoRenegotiation = 100,
}

/// Levels of alerts (RFC 5246 §7.2).
pub(crate) const WARNING: u8 = 1;
pub(crate) const FATAL: u8 = 2;

/// Why a connection on which both had agreed does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The peer is told.
    Ours(Alert),
    /// The peer says so, with this number.
    Theirs(u8),
}

impl Alert {
    pub(crate) fn bytes(self) -> [u8; 2] {
        let level = match self {
            Alert::CloseNotify | Alert::NoRenegotiation => WARNING,
            Alert::UnexpectedMessage
            | Alert::BadRecordMac
            | Alert::RecordOverflow
            | Alert::IllegalParameter
            | Alert::DecodeError
            | Alert::ProtocolVersion
            | Alert::InternalError => FATAL,
        };
        [level, self as u8]
    }
}

impl From<Alert> for Fault {
    fn from(alert: Alert) -> Fault {
        Fault::Ours(alert)
    }
}

impl Fault {
    pub(crate) fn refusal(self) -> Refusal {
        match self {
            Fault::Theirs(number) => Refusal::Alert(number),
            Fault::Ours(Alert::BadRecordMac) => Refusal::Undecipherable,
            Fault::Ours(Alert::UnexpectedMessage | Alert::IllegalParameter) => Refusal::Unexpected,
            Fault::Ours(Alert::RecordOverflow | Alert::DecodeError | Alert::ProtocolVersion) => Refusal::BadMessage,
            Fault::Ours(Alert::InternalError | Alert::CloseNotify | Alert::NoRenegotiation) => Refusal::Internal,
        }
    }
}
