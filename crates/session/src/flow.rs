//! One direction of a session: bytes on their way from one socket to the other.
//!
//! ```text
//!              fill                 bytes                  sent, all of it
//!   Resting ─────────▶ Filling ──────────────▶ Draining ────────────────────▶ Resting
//!                        │  │                     ▲
//!                        │  │ bytes, too early    │ the way is open
//!                        │  └───────▶ Held ───────┘
//!                        │ end of stream
//!                        ├───────▶ EndHeld ───────┐ the way is open
//!                        └────────────────────────┴──▶ Finishing ──▶ Ended
//! ```
//!
//! **Invariant:** at most one op is in flight for a flow (`Filling`, `Draining`, `Finishing`), so its bytes never reorder.
//! **Invariant:** a flow holds at most one buffer, and only while there are bytes in it.

use buf::Lease;
use driver::Hope;

#[derive(Debug)]
pub(crate) enum Flow {
    /// Nothing in flight and nothing held.
    Resting,
    /// A receive is in flight.
    Filling,
    /// Bytes came before they may be sent on: the server is not connected yet.
    Held(Piece),
    /// Bytes `start..end` of a lease are being sent; the op holds the lease. `hope`: what the next receive may expect.
    Draining { start: u32, end: u32, hope: Hope },
    /// The end of stream came before it may be passed on.
    EndHeld,
    /// The end of stream is being passed on.
    Finishing,
    Ended,
}

/// Bytes `start..end` of a lease, not sent yet.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) lease: Lease,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) hope: Hope,
}

impl Flow {
    /// Whether bytes are on their way that the receiver has not got yet.
    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            Flow::Held(_) | Flow::Draining { .. } => true,
            Flow::Resting | Flow::Filling | Flow::EndHeld | Flow::Finishing | Flow::Ended => false,
        }
    }

    /// Whether the sender has ended its half.
    pub(crate) fn is_at_end(&self) -> bool {
        match self {
            Flow::EndHeld | Flow::Finishing | Flow::Ended => true,
            Flow::Resting | Flow::Filling | Flow::Held(_) | Flow::Draining { .. } => false,
        }
    }
}

/// What a receive that follows a message of this kind may hope for.
pub(crate) fn hope_after(more: bool) -> Hope {
    if more { Hope::Soon } else { Hope::Later }
}
