//! From bytes to a verdict: which version it is, and whether the header is whole.
//!
//! ```text
//!                  first bytes            rest
//!   Incomplete ──────────────▶ Incomplete ─────▶ Complete
//!        │                          │
//!        └──────────▶ Invalid ◀─────┘
//! ```
//!
//! **Invariant:** the verdict on a prefix never contradicts the verdict on the whole. Every strict prefix of a header
//! is `Incomplete`, and what extends an `Invalid` prefix is `Invalid`.

use crate::{Addresses, Error, Tlvs, v1, v2};

/// What the bytes received so far amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A header may still come of it: call again with these bytes and more.
    Incomplete,
    /// A header; the client's own bytes begin after [`Received::header_len`].
    Complete(Received<'a>),
    /// No header can come of it, whatever follows. The connection must be dropped (PP §2).
    Invalid(Error),
}

/// A header that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// What to use in place of the connection's addresses. `None` means that the connection's own stay: the header is
    /// `LOCAL` or `UNKNOWN`, or of a family or transport that is not TCP over IPv4 or IPv6.
    pub addresses: Option<Addresses>,
    /// Length of the header in bytes, at most [`HEADER_SIZE_MAX`](crate::HEADER_SIZE_MAX).
    pub header_len: usize,
    /// What a version 2 header says beyond addresses; empty for all others.
    pub tlvs: Tlvs<'a>,
}

/// Reads the header at the start of `bytes`, which may end anywhere inside or after it.
///
/// Both versions are recognised (PP §2.2). An answer other than `Incomplete` comes at the earliest byte that settles
/// it, so that a peer which speaks something else is not held until a timeout.
pub fn decode(bytes: &[u8]) -> Decoded<'_> {
    if begins(bytes, v1::SIGNATURE) {
        return v1::decode(bytes);
    }
    if begins(bytes, v2::SIGNATURE) {
        return v2::decode(bytes);
    }
    Decoded::Invalid(Error::NotHeader)
}

/// Whether `bytes` starts with `signature`, or could when more of it arrives.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(byte, expected)| byte == expected)
}

/// Why a reader stopped before the end of the header.
pub(crate) enum Stop {
    /// The bytes ended first.
    Incomplete,
    /// A rule is broken.
    Invalid(Error),
}

impl<'a> From<Result<Received<'a>, Stop>> for Decoded<'a> {
    fn from(result: Result<Received<'a>, Stop>) -> Decoded<'a> {
        match result {
            Ok(received) => Decoded::Complete(received),
            Err(Stop::Incomplete) => Decoded::Incomplete,
            Err(Stop::Invalid(error)) => Decoded::Invalid(error),
        }
    }
}
