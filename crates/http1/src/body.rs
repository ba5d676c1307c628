//! Content as it streams: which bytes are content, which are framing, which are not sent on (RFC 9112 §6, §7.1).
//!
//! ```text
//!   Length(n)    ──n octets──▶ Done
//!   UntilClose   ──end of stream──▶ Done
//!   chunked:
//!
//!            digits            CR        LF, size > 0         size octets         CR         LF
//!   Size ────────────▶ Size ──────▶ SizeEnd ──────────▶ Data ─────────────▶ DataEnd ──▶ DataFeed ──▶ Size
//!                 ; SP  │  ▲ CR        │ LF, size = 0
//!                       ▼  │           ▼
//!       Blank ──;──▶ Extension      Trailers ──the section was read (Trailers)──▶ Done
//! ```
//!
//! Nothing is buffered: the caller sends on the parts that it is told to, from where they are. Chunk extensions are the only
//! bytes that are left out (RFC 9112 §7.1.1: a recipient ignores those it does not know, and nobody knows any).
//!
//! **Invariant:** the parts that are sent on are a content of the same framing, as strict as this reader: a lone LF, a
//! size that overflows or an extension that another reader might see differently are not among them.

use crate::Refusal;
use crate::framing::Framing;
use crate::limits::{CHUNK_LINE_SIZE_MAX, CHUNK_SIZE_MAX};
use crate::octets::is_blank;

/// Follows the content of one message.
#[derive(Clone, Debug)]
pub struct Body {
    state: State,
}

/// What the first bytes of those that were shown are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: PartKind,
    /// How many bytes; never zero.
    pub size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartKind {
    /// Content. Always sent on.
    Data,
    /// A chunk's size or what ends a chunk. Sent on with the content unless the next connection knows no chunks.
    Framing,
    /// Not sent on.
    Extension,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many octets are left.
    Length(u64),
    UntilClose,
    Chunk(Chunk),
    /// The last chunk has been read; a [`Trailers`](crate::Trailers) reads what follows.
    Trailers,
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunk {
    Size {
        size: u64,
        line_size: usize,
    },
    /// Blanks behind the size (RFC 9112 §7.1.1: `BWS`), then an extension or the end of the line.
    Blank {
        size: u64,
        line_size: usize,
    },
    Extension {
        size: u64,
        line_size: usize,
    },
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataEnd,
    DataFeed,
}

/// A size of 52 bits has 13 digits; some senders fill up with zeros to the width of their numbers.
const SIZE_DIGIT_COUNT_MAX: usize = 16;

impl Body {
    /// # Panics
    /// A tunnel has no content.
    pub fn new(framing: Framing) -> Body {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunk(Chunk::Size { size: 0, line_size: 0 }),
            Framing::UntilClose => State::UntilClose,
            Framing::Tunnel => panic!("a tunnel is not a message"),
        };
        Body { state }
    }

    /// Names the first part of `bytes`, which follow those that were named before. `None` says that no byte of these belongs
    /// to the content: there are none, or it has ended, or the trailer section begins.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Option<Part>, Refusal> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        match self.state {
            State::Length(left) | State::Chunk(Chunk::Data { left }) => {
                let size = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                self.skip(size as u64);
                Ok(Some(Part { kind: PartKind::Data, size }))
            }
            State::UntilClose => Ok(Some(Part { kind: PartKind::Data, size: bytes.len() })),
            State::Chunk(chunk) => self.on_framing(chunk, first, bytes).map(Some),
            State::Trailers | State::Done => Ok(None),
        }
    }

    /// Octets of content that are sure to come next, without framing between them: what may be moved without being looked at.
    pub fn data_left(&self) -> u64 {
        match self.state {
            State::Length(left) | State::Chunk(Chunk::Data { left }) => left,
            State::UntilClose => u64::MAX,
            State::Chunk(
                Chunk::Size { .. }
                | Chunk::Blank { .. }
                | Chunk::Extension { .. }
                | Chunk::SizeEnd { .. }
                | Chunk::DataEnd
                | Chunk::DataFeed,
            )
            | State::Trailers
            | State::Done => 0,
        }
    }

    /// So many octets of content were moved without being looked at.
    ///
    /// # Panics
    /// They are more than [`data_left`](Body::data_left).
    pub fn skip(&mut self, size: u64) {
        assert!(size <= self.data_left(), "bytes behind the content");
        self.state = match self.state {
            State::Length(left) if left == size => State::Done,
            State::Length(left) => State::Length(left - size),
            State::Chunk(Chunk::Data { left }) if left == size => State::Chunk(Chunk::DataEnd),
            State::Chunk(Chunk::Data { left }) => State::Chunk(Chunk::Data { left: left - size }),
            other @ (State::UntilClose | State::Chunk(_) | State::Trailers | State::Done) => other,
        };
    }

    /// The peer has ended its side. A content that is not complete then was cut, and whoever gets it must see that (RFC 9112 §8).
    pub fn on_end_of_stream(&mut self) -> Result<(), Refusal> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            State::Length(_) | State::Chunk(_) | State::Trailers => Err(Refusal::CutShort),
        }
    }

    /// The trailer section was read.
    pub fn on_trailers(&mut self) {
        assert!(self.awaits_trailers(), "a trailer section ends chunks");
        self.state = State::Done;
    }

    /// The next bytes are a trailer section.
    pub fn awaits_trailers(&self) -> bool {
        self.state == State::Trailers
    }

    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// RFC 9112 §7.1: `1*HEXDIG [ chunk-ext ] CRLF`, then so many octets and CRLF. A lone LF ends no such line: what one reader
    /// takes for an extension would be a chunk to another (CVE-2025-22871, CVE-2025-55315).
    fn on_framing(&mut self, chunk: Chunk, first: u8, bytes: &[u8]) -> Result<Part, Refusal> {
        let (kind, size, next) = match chunk {
            Chunk::Size { size, line_size } => on_size(size, line_size, bytes)?,
            Chunk::Blank { size, line_size } => on_blank(size, line_size, bytes)?,
            Chunk::Extension { size, line_size } => on_extension(size, line_size, bytes)?,
            Chunk::SizeEnd { size } => {
                expect(first, b'\n', Refusal::ChunkSize)?;
                let next = if size == 0 { State::Trailers } else { State::Chunk(Chunk::Data { left: size }) };
                (PartKind::Framing, 1, next)
            }
            // CVE-2025-43859: what follows the octets is not skipped unseen.
            Chunk::DataEnd => {
                expect(first, b'\r', Refusal::ChunkEnd)?;
                (PartKind::Framing, 1, State::Chunk(Chunk::DataFeed))
            }
            Chunk::DataFeed => {
                expect(first, b'\n', Refusal::ChunkEnd)?;
                (PartKind::Framing, 1, State::Chunk(Chunk::Size { size: 0, line_size: 0 }))
            }
            Chunk::Data { .. } => unreachable!("data is not framing"),
        };
        self.state = next;
        Ok(Part { kind, size })
    }
}

/// Digits are counted as they come: a size never overflows (CVE-2021-32714).
fn on_size(mut size: u64, line_size: usize, bytes: &[u8]) -> Result<(PartKind, usize, State), Refusal> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut count = 0;
    for value in bytes.iter().map_while(digit) {
        count += 1;
        size = size << 4 | u64::from(value);
        if size > CHUNK_SIZE_MAX || line_size + count > SIZE_DIGIT_COUNT_MAX {
            return Err(Refusal::ChunkSize);
        }
    }
    let line_size = line_size + count;
    let chunk = match bytes.get(count) {
        None => Chunk::Size { size, line_size },
        Some(_) if line_size == 0 => return Err(Refusal::ChunkSize),
        Some(b'\r') => return Ok((PartKind::Framing, count + 1, State::Chunk(Chunk::SizeEnd { size }))),
        Some(&byte) if byte != b';' && !is_blank(byte) => return Err(Refusal::ChunkSize),
        Some(_) if count == 0 => return on_blank(size, line_size, bytes),
        Some(_) => Chunk::Blank { size, line_size },
    };
    Ok((PartKind::Framing, count, State::Chunk(chunk)))
}

fn on_blank(size: u64, line_size: usize, bytes: &[u8]) -> Result<(PartKind, usize, State), Refusal> {
    let count = bytes.iter().position(|&byte| !is_blank(byte)).unwrap_or(bytes.len());
    let line_size = within_line(line_size + count)?;
    let chunk = match bytes.get(count) {
        Some(b';') => {
            return on_extension(size, line_size, &bytes[count..]).map(|(kind, more, next)| (kind, count + more, next));
        }
        Some(b'\r') if count == 0 => return Ok((PartKind::Framing, 1, State::Chunk(Chunk::SizeEnd { size }))),
        None | Some(b'\r') => Chunk::Blank { size, line_size },
        Some(_) => return Err(Refusal::ChunkSize),
    };
    Ok((PartKind::Extension, count, State::Chunk(chunk)))
}

/// Skips to the CR, which the next call names.
fn on_extension(size: u64, line_size: usize, bytes: &[u8]) -> Result<(PartKind, usize, State), Refusal> {
    let end = memchr::memchr3(b'\r', b'\n', 0, bytes);
    let count = end.unwrap_or(bytes.len());
    let line_size = within_line(line_size + count)?;
    match end.map(|at| bytes[at]) {
        Some(b'\r') if count == 0 => Ok((PartKind::Framing, 1, State::Chunk(Chunk::SizeEnd { size }))),
        None | Some(b'\r') => Ok((PartKind::Extension, count, State::Chunk(Chunk::Extension { size, line_size }))),
        Some(_) => Err(Refusal::ChunkSize),
    }
}

fn within_line(line_size: usize) -> Result<usize, Refusal> {
    if line_size > CHUNK_LINE_SIZE_MAX { Err(Refusal::ChunkLine) } else { Ok(line_size) }
}

fn expect(byte: u8, expected: u8, refusal: Refusal) -> Result<(), Refusal> {
    if byte == expected { Ok(()) } else { Err(refusal) }
}
