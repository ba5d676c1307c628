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
    /// A line without what ends it.
    Whole(Range<usize>),
    /// Its end is still to come.
    Partial,
    /// Its end is not among the bytes that a message may have.
    TooLong,
}

impl Lines {
    /// Bytes that whole lines have used up.
    pub(crate) fn consumed(self) -> usize {
        self.start
    }

    /// The next line of `bytes`, which are all bytes of the message so far, of at most `size_max`.
    ///
    /// RFC 9112 §2.2: a lone LF may end a line, and HAProxy takes it. It is never sent on: what is written ends its lines with
    /// CR LF. A CR that does not end its line is left in it, and refused where the line is judged.
    pub(crate) fn next(&mut self, bytes: &[u8], size_max: usize) -> Line {
        let bytes = &bytes[..bytes.len().min(size_max)];
        let Some(feed) = memchr::memchr(b'\n', &bytes[self.searched..]).map(|at| self.searched + at) else {
            self.searched = bytes.len();
            return if bytes.len() == size_max { Line::TooLong } else { Line::Partial };
        };
        let line = &bytes[self.start..feed];
        let size = line.strip_suffix(b"\r").unwrap_or(line).len();
        let whole = self.start..self.start + size;
        self.start = feed + 1;
        self.searched = self.start;
        Line::Whole(whole)
    }
}
