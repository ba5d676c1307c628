//! Bytes that have come and are not on their way yet: in one buffer, so that they can be looked at as a whole.

use crate::flow::Piece;
use buf::Lease;
use driver::Hope;

/// Most bytes that somebody waits for, in a buffer that may have room for more: HAProxy's `tune.bufsize`, and a head beside it.
pub(crate) const GATHERED_MOST: usize = 20 * 1024;

/// What came in several pieces, put together in the buffer of the first one.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// `None` before anything has come.
    pub(crate) piece: Option<Piece>,
    /// What that buffer had no room for. It comes behind the piece.
    pub(crate) overflow: Option<Piece>,
}

impl Gathered {
    /// Puts what came behind what is there, as far as there is room.
    pub(crate) fn gather(&mut self, lease: Lease, count: u32) {
        let Some(known) = &mut self.piece else {
            self.piece = Some(Piece { lease, start: 0, end: count, hope: Hope::Later });
            return;
        };
        if known.lease.size() - (known.end as usize) < count as usize {
            known.move_to_front();
        }
        let room = known.lease.size() - known.end as usize;
        let fitting = room.min(count as usize);
        let end = known.end as usize;
        known.lease.bytes_mut()[end..end + fitting].copy_from_slice(&lease.bytes()[..fitting]);
        known.end += fitting as u32;
        if fitting < count as usize {
            self.overflow = Some(Piece { lease, start: fitting as u32, end: count, hope: Hope::Later });
        }
    }

    /// What may be looked at.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.piece.as_ref().map_or(&[], Piece::bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.piece.is_none()
    }

    /// Whether as much has come as anybody waits for.
    pub(crate) fn is_full(&self) -> bool {
        self.holds(GATHERED_MOST)
    }

    /// Whether so many bytes have come, or as many as a buffer holds.
    pub(crate) fn holds(&self, count: usize) -> bool {
        let is_full = |piece: &Piece| piece.bytes().len() >= piece.lease.size().min(count);
        self.overflow.is_some() || self.piece.as_ref().is_some_and(is_full)
    }

    /// The first `count` bytes are done with.
    pub(crate) fn consume(&mut self, count: usize) {
        let Some(piece) = &mut self.piece else {
            assert_eq!(count, 0, "nothing is there");
            return;
        };
        piece.start += count as u32;
        assert!(piece.start <= piece.end, "more than there is");
        if piece.start == piece.end {
            self.piece = self.overflow.take();
        }
    }

    /// The first bytes, with their buffer; what follows comes to the front.
    pub(crate) fn take(&mut self) -> Option<Piece> {
        std::mem::replace(&mut self.piece, self.overflow.take())
    }

    /// Puts a piece in front of what is there.
    pub(crate) fn put_back(&mut self, piece: Piece) {
        assert!(self.overflow.is_none(), "there is room for two pieces");
        self.overflow = self.piece.replace(piece);
    }
}

impl Piece {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.lease.bytes()[self.start as usize..self.end as usize]
    }

    fn move_to_front(&mut self) {
        self.lease.bytes_mut().copy_within(self.start as usize..self.end as usize, 0);
        self.end -= self.start;
        self.start = 0;
    }
}
