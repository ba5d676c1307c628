//! The part of a handshake that takes a costly signature, for whoever has the time: in another thread, if need be.
//!
//! ```text
//!   Connection ── take_errand ──▶ Errand ── run ──▶ Errand ── welcome ──▶ Connection
//! ```
//!
//! The library signs in the midst of its answer to a hello, and cannot be stopped there. So the whole answer is the errand: the handshake
//! leaves its connection with what the client has said, and comes back with what is to be said to that.

use crate::handshake::{Handshake, Progress};

/// A handshake that has left its connection.
pub struct Errand {
    handshake: Box<Handshake>,
    /// What the client has said.
    heard: Vec<u8>,
    /// What is said to that.
    output: Vec<u8>,
    progress: Progress,
}

/// Which signatures connections leave to others ([`Connection::take_errand`](crate::Connection::take_errand)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aside {
    #[default]
    None,
    /// Those by RSA keys: they take sixteen times as long as others (`perf/results/signatures.md`).
    Costly,
    All,
}

impl Errand {
    pub(crate) fn new(handshake: Box<Handshake>, heard: Vec<u8>) -> Errand {
        Errand { handshake, heard, output: Vec::new(), progress: Progress::More }
    }

    /// Does it. This is what takes the time.
    pub fn run(&mut self) {
        let mut heard = std::mem::take(&mut self.heard);
        self.progress = self.handshake.answer(&mut heard, &mut self.output);
    }

    pub(crate) fn into_parts(self) -> (Box<Handshake>, Vec<u8>, Progress) {
        (self.handshake, self.output, self.progress)
    }
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Errand")
    }
}
