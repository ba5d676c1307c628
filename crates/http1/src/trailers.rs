//! What follows the last chunk: field lines that are sent on, but never become part of the head (RFC 9112 §7.1.2).

use crate::fields::Fields;
use crate::known::Known;
use crate::lines::Lines;
use crate::write::{NoRoom, Out};
use crate::{Limits, Progress};

/// A trailer section. Read and written as a head is, without a first line.
#[derive(Clone, Debug)]
pub struct Trailers {
    lines: Lines,
    fields: Fields,
    over: Option<Progress>,
}

impl Trailers {
    pub fn new(limits: Limits) -> Trailers {
        Trailers { lines: Lines::default(), fields: Fields::new(limits), over: None }
    }

    /// Makes it ready for the next section. Keeps its memory.
    pub fn clear(&mut self) {
        self.lines = Lines::default();
        self.fields.clear();
        self.over = None;
    }

    /// Reads on. `bytes` are all bytes of the section so far, and perhaps bytes behind it.
    pub fn read(&mut self, bytes: &[u8]) -> Progress {
        if let Some(progress) = self.over {
            return progress;
        }
        let progress = match self.fields.read(bytes, &mut self.lines) {
            Ok(Some(head_size)) => Progress::Complete { head_size },
            Ok(None) => return Progress::Incomplete,
            Err(refusal) => Progress::Refused(refusal),
        };
        if let Progress::Complete { .. } = progress {
            self.drop_forbidden();
        }
        self.over = Some(progress);
        progress
    }

    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Writes the section with the empty line that ends it. Says how many bytes it has.
    pub fn write(&self, bytes: &[u8], buffer: &mut [u8]) -> Result<usize, NoRoom> {
        Out::new(buffer).trailers(&self.fields, bytes)
    }

    /// RFC 9110 §6.5.1: fields for framing, routing and the connection mean nothing here. Another reader might merge them.
    fn drop_forbidden(&mut self) {
        self.fields.retain(|_, entry| entry.known == Known::Other);
    }
}
