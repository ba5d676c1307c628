//! What a side says before it may be sent on: gathered in one buffer, for a PROXY header or for rules to look at.

use crate::flow::Piece;
use buf::Lease;
use driver::{Hope, Instant};

/// The first bytes of a side.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// In the buffer of the first of them; `None` before anything has come.
    pub(crate) piece: Option<Piece>,
    /// What that buffer had no room for. It goes out behind the piece.
    pub(crate) overflow: Option<Piece>,
}

/// The client's first bytes, and who waits for them.
#[derive(Debug)]
pub(crate) struct Early {
    pub(crate) gathered: Gathered,
    pub(crate) rules: Rules,
    /// When the rules were first asked.
    pub(crate) began_at: Instant,
    pub(crate) patience: Patience,
}

/// Whose `tcp-request content` rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    Frontend,
    Backend,
}

/// Whether more is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Waiting,
    /// The rules' delay is over.
    Over,
    /// The side has ended its half: nothing more will come.
    AtEnd,
}

impl Early {
    pub(crate) fn new(now: Instant) -> Early {
        let (rules, patience) = (Rules::Frontend, Patience::Waiting);
        Early { gathered: Gathered::default(), rules, began_at: now, patience }
    }
}

impl Gathered {
    /// Puts what came behind what is there, as far as there is room.
    pub(crate) fn gather(&mut self, lease: Lease, count: u32) {
        let Some(known) = &mut self.piece else {
            self.piece = Some(Piece { lease, start: 0, end: count, hope: Hope::Later });
            return;
        };
        let room = known.lease.size() - known.end as usize;
        let fitting = room.min(count as usize);
        let end = known.end as usize;
        known.lease.bytes_mut()[end..end + fitting].copy_from_slice(&lease.bytes()[..fitting]);
        known.end += fitting as u32;
        if fitting < count as usize {
            self.overflow = Some(Piece { lease, start: fitting as u32, end: count, hope: Hope::Later });
        }
    }

    /// What rules may look at.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.piece.as_ref().map_or(&[], |piece| &piece.lease.bytes()[piece.start as usize..piece.end as usize])
    }

    pub(crate) fn is_full(&self) -> bool {
        self.overflow.is_some() || self.piece.as_ref().is_some_and(|piece| piece.end as usize == piece.lease.size())
    }
}
