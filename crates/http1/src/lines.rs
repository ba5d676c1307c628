//! Lines out of bytes that arrive in pieces. Each byte is looked at once, however the pieces are cut.

use std::ops::Range;

/// How far the lines of a message have been read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lines {
    /// Where the next line begins.
    start: usize,
    /// Up to where its end was searched for.
    searched: usize,
}

pub(crate) enum Line {
    /// A line without what ends it. It holds no CR, LF or NUL.
    Whole(Range<usize>),
    /// Its end is still to come.
    Partial,
    /// Its end is not among the bytes that a message may have.
    TooLong,
    /// A CR that is not before an LF, or a NUL.
    Broken,
}

impl Lines {
    /// Bytes that whole lines have used up.
    pub(crate) fn consumed(self) -> usize {
        self.start
    }

    /// The next line of `bytes`, which are all bytes of the message so far, of at most `size_max`.
    ///
    /// RFC 9112 §2.2: a lone LF may end a line, and HAProxy takes it. It is never sent on: what is written ends its lines with
    /// CR LF. A lone CR is invalid there, and RFC 9110 §5.5 calls CR and NUL dangerous in values: one search finds all three.
    pub(crate) fn next(&mut self, bytes: &[u8], size_max: usize) -> Line {
        let bytes = &bytes[..bytes.len().min(size_max)];
        let unfinished = if bytes.len() == size_max { Line::TooLong } else { Line::Partial };
        let Some(end) = memchr::memchr3(b'\r', b'\n', 0, &bytes[self.searched..]).map(|at| self.searched + at) else {
            self.searched = bytes.len();
            return unfinished;
        };
        let next = match &bytes[end..] {
            [b'\n', ..] => end + 1,
            [b'\r', b'\n', ..] => end + 2,
            [b'\r'] => {
                self.searched = end;
                return unfinished;
            }
            _ => return Line::Broken,
        };
        let whole = self.start..end;
        (self.start, self.searched) = (next, next);
        Line::Whole(whole)
    }
}
