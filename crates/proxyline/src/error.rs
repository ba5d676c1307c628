//! Why there is no header: what a peer did, in the words that HAProxy logs for it.

use thiserror::Error;

/// How the wait for a header failed.
///
/// [`decode`](crate::decode) makes the last three. The others depend on the connection and the clock, and are made by
/// whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Error {
    /// The peer ended the connection without having sent anything.
    #[error("Connection closed while waiting for PROXY protocol header")]
    Closed,
    /// The connection broke.
    #[error("Connection error while waiting for PROXY protocol header")]
    Aborted,
    /// The header was not complete in time.
    #[error("Timeout while waiting for PROXY protocol header")]
    Timeout,
    /// The peer ended the connection inside of the header.
    #[error("Truncated PROXY protocol header received")]
    Truncated,
    /// The first bytes are neither signature.
    #[error("Received something which does not look like a PROXY protocol header")]
    NotHeader,
    /// A signature was there, what follows breaks the rules.
    #[error("Received an invalid PROXY protocol header")]
    BadHeader,
    /// A version 1 line names a protocol other than `TCP4`, `TCP6` and `UNKNOWN`.
    #[error("Received an unhandled protocol in the PROXY protocol header")]
    BadProtocol,
}

impl Error {
    /// The error for a peer that ends its side after `received` bytes of an incomplete header.
    pub fn at_end(received: usize) -> Error {
        match received {
            0 => Error::Closed,
            _ => Error::Truncated,
        }
    }
}
