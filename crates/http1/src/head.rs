//! Reading a head: a first line, field lines, an empty line. What requests and responses have in common.
//!
//! ```text
//!             first line                empty line
//!   Line ────────────────▶ Fields ────────────────▶ Over(Complete)
//!    │                       │
//!    └───────────────────────┴───▶ Over(Refused)
//! ```
//!
//! **Invariant:** the verdict depends on the bytes alone, not on how they arrived.

use crate::fields::Fields;
use crate::lines::{Line, Lines};
use crate::{Limits, Refusal};
use std::ops::Range;

/// What a reader of a head or a trailer section answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call again with these bytes and more.
    Incomplete,
    /// The head is these many bytes long. What follows is content, or the next message.
    Complete { head_size: usize },
    /// It is no valid message, whatever follows.
    Refused(Refusal),
}

/// How far a head has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    lines: Lines,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Line,
    Fields,
    Over(Progress),
}

/// What requests and responses do not have in common.
pub(crate) trait Head {
    /// Why a first line is refused that is too long.
    const LINE_TOO_LONG: Refusal;
    /// Why it is refused if it begins with what cannot begin one.
    const LINE_MALFORMED: Refusal;

    /// Whether a first line may begin so. What speaks another protocol, such as TLS, need not be heard to the end of a line.
    fn may_begin(first: u8) -> bool;

    /// Reads the first line, which is at `range`.
    fn on_line(&mut self, bytes: &[u8], range: Range<usize>) -> Result<(), Refusal>;

    /// Judges the fields together.
    fn on_fields(&mut self, bytes: &[u8]) -> Result<(), Refusal>;

    fn parts(&mut self) -> (&mut Reading, &mut Fields);
}

impl Default for Reading {
    fn default() -> Reading {
        Reading { lines: Lines::default(), stage: Stage::Line }
    }
}

impl Reading {
    /// Bytes of the head, once it is whole.
    pub(crate) fn head_size(&self) -> Option<usize> {
        match self.stage {
            Stage::Over(Progress::Complete { head_size }) => Some(head_size),
            Stage::Line | Stage::Fields | Stage::Over(Progress::Incomplete | Progress::Refused(_)) => None,
        }
    }
}

/// Reads on. `bytes` are all bytes of the message so far, and perhaps bytes behind it.
pub(crate) fn read(head: &mut impl Head, limits: Limits, bytes: &[u8]) -> Progress {
    let mut reading = *head.parts().0;
    if let Stage::Over(progress) = reading.stage {
        return progress;
    }
    let progress = match advance(head, &mut reading, limits, bytes) {
        Ok(None) => Progress::Incomplete,
        Ok(Some(head_size)) => Progress::Complete { head_size },
        Err(refusal) => Progress::Refused(refusal),
    };
    if progress != Progress::Incomplete {
        reading.stage = Stage::Over(progress);
    }
    *head.parts().0 = reading;
    progress
}

fn advance<H: Head>(
    head: &mut H,
    reading: &mut Reading,
    limits: Limits,
    bytes: &[u8],
) -> Result<Option<usize>, Refusal> {
    while let Stage::Line = reading.stage {
        let first = bytes.get(reading.lines.consumed());
        if first.is_some_and(|&first| !H::may_begin(first) && !matches!(first, b'\r' | b'\n')) {
            return Err(H::LINE_MALFORMED);
        }
        match reading.lines.next(bytes, limits.received_size_max) {
            // RFC 9112 §2.2: empty lines before a request are skipped. Servers that send a CR LF too many behind a content are
            // older than RFC 2068, and still there.
            Line::Whole(line) if line.is_empty() => {}
            Line::Whole(line) => {
                head.on_line(bytes, line)?;
                reading.stage = Stage::Fields;
            }
            Line::Partial => return Ok(None),
            Line::TooLong => return Err(H::LINE_TOO_LONG),
            Line::Broken => return Err(Refusal::Octet),
        }
    }
    let Some(head_size) = head.parts().1.read(bytes, &mut reading.lines)? else { return Ok(None) };
    head.on_fields(bytes)?;
    Ok(Some(head_size))
}
