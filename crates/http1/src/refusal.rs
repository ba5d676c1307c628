//! Why a message is not passed on, and what its sender is told.

use crate::Status;
use thiserror::Error;

/// The rule that a peer broke. A value, never a panic: whoever reads the connection answers with [`Refusal::status`] or, on
/// the server's side, with 502, and closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Refusal {
    #[error("a request line is not method, target and version with one space between them")]
    RequestLine,
    #[error("a status line is not version, three digits and a reason")]
    StatusLine,
    #[error("the version is not HTTP/1.0 or HTTP/1.1")]
    Version,
    #[error("the request target is malformed or does not fit the method")]
    Target,
    #[error("Host is missing, repeated, malformed, or differs from the target")]
    Host,
    #[error("a line holds a CR that does not end it, or a NUL")]
    Octet,
    #[error("a field line has no valid name")]
    FieldName,
    #[error("too many field lines")]
    FieldCount,
    #[error("the request target is too long")]
    TargetSize,
    #[error("the field lines are too long")]
    FieldsSize,
    #[error("Content-Length is not one number")]
    ContentLength,
    #[error("Transfer-Encoding does not end with one chunked, or stands in a message of HTTP/1.0")]
    TransferEncoding,
    #[error("a transfer coding other than chunked")]
    UnknownCoding,
    #[error("content where HTTP/1.0 expects none")]
    UnexpectedContent,
    #[error("Connection names too many options")]
    ConnectionOptions,
    #[error("Max-Forwards is used up")]
    MaxForwards,
    #[error("a WebSocket handshake without its key")]
    WebSocketKey,
    #[error("a change of protocol that was not asked for")]
    UnaskedUpgrade,
    #[error("a chunk without a valid size")]
    ChunkSize,
    #[error("a chunk that does not end where its size says")]
    ChunkEnd,
    #[error("too long a line before a chunk")]
    ChunkLine,
    #[error("the connection ended inside of a message")]
    CutShort,
}

impl Refusal {
    /// What a client is told whose request is refused. A server's response is refused with 502 whatever the reason.
    pub fn status(self) -> Status {
        match self {
            Refusal::TargetSize => Status::UriTooLong,
            Refusal::FieldsSize => Status::FieldsTooLarge,
            Refusal::UnexpectedContent => Status::ContentTooLarge,
            Refusal::UnknownCoding => Status::UnprocessableContent,
            Refusal::MaxForwards => Status::NotImplemented,
            Refusal::RequestLine
            | Refusal::StatusLine
            | Refusal::Version
            | Refusal::Target
            | Refusal::Host
            | Refusal::Octet
            | Refusal::FieldName
            | Refusal::FieldCount
            | Refusal::ContentLength
            | Refusal::TransferEncoding
            | Refusal::ConnectionOptions
            | Refusal::WebSocketKey
            | Refusal::UnaskedUpgrade
            | Refusal::ChunkSize
            | Refusal::ChunkEnd
            | Refusal::ChunkLine
            | Refusal::CutShort => Status::BadRequest,
        }
    }
}
