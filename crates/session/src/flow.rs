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
//! `Filling` and `Draining` are the same with a pipe instead of a buffer; which of the two a flow uses next, its [`Pace`] says.
//!
//! **Invariant:** at most one op is in flight for a flow (`Filling`, `Draining`, `Finishing`), so its bytes never reorder.
//! **Invariant:** a flow holds at most one buffer or pipe, and only while there are bytes in it.

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
    Draining {
        start: u32,
        end: u32,
        hope: Hope,
    },
    /// The bytes of a pipe are being sent; the op holds the pipe.
    Splicing,
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

/// How fast a flow is: whether it copies or splices.
///
/// Splicing costs less per byte and more per message (`perf/results/`), so a flow that brings much several times in a row
/// is promoted, and one that brings little is demoted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    is_promoted: bool,
    /// Pieces in a row that speak against what the flow does now.
    streak: u8,
}

/// Pieces in a row with [`PIECE_LEAST`] that promote a flow.
const PROMOTE: u8 = 3;
/// Pieces in a row below [`PIECE_LEAST`] that demote it.
const DEMOTE: u8 = 4;
/// Bytes that are worth two calls of `splice(2)`.
pub(crate) const PIECE_LEAST: u32 = 16 * 1024;

impl Pace {
    /// Of a flow that is known to be busy.
    pub(crate) fn promoted() -> Pace {
        Pace { is_promoted: true, streak: 0 }
    }

    pub(crate) fn is_promoted(self) -> bool {
        self.is_promoted
    }

    pub(crate) fn on_received(&mut self, is_much: bool) {
        self.streak = if is_much { self.streak.saturating_add(1) } else { 0 };
        if self.streak >= PROMOTE {
            *self = Pace::promoted();
        }
    }

    pub(crate) fn on_spliced(&mut self, count: u32) {
        self.streak = if count < PIECE_LEAST { self.streak + 1 } else { 0 };
        if self.streak >= DEMOTE {
            self.demote();
        }
    }

    pub(crate) fn demote(&mut self) {
        *self = Pace::default();
    }
}

impl Flow {
    /// Whether bytes are on their way that the receiver has not got yet.
    pub(crate) fn has_unsent(&self) -> bool {
        match self {
            Flow::Held(_) | Flow::Draining { .. } | Flow::Splicing => true,
            Flow::Resting | Flow::Filling | Flow::EndHeld | Flow::Finishing | Flow::Ended => false,
        }
    }

    /// Whether the sender has ended its half.
    pub(crate) fn is_at_end(&self) -> bool {
        match self {
            Flow::EndHeld | Flow::Finishing | Flow::Ended => true,
            Flow::Resting | Flow::Filling | Flow::Held(_) | Flow::Draining { .. } | Flow::Splicing => false,
        }
    }
}

/// Whether a receive has brought so much that splicing would have cost less.
pub(crate) fn is_much(count: u32, lease: &Lease) -> bool {
    count as usize >= lease.receive_size().min(PIECE_LEAST as usize)
}

/// What a receive that follows a message of this kind may hope for.
pub(crate) fn hope_after(more: bool) -> Hope {
    if more { Hope::Soon } else { Hope::Later }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_pieces_promote_and_small_pieces_demote() {
        let mut pace = Pace::default();
        for is_much in [true, true, false, true, true] {
            pace.on_received(is_much);
            assert!(!pace.is_promoted());
        }
        pace.on_received(true);
        assert!(pace.is_promoted());
        for count in [1, 1, 1, PIECE_LEAST, 1, 1, 1] {
            pace.on_spliced(count);
            assert!(pace.is_promoted());
        }
        pace.on_spliced(1);
        assert_eq!(pace, Pace::default());
    }
}
