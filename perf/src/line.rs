//! The line between the rig and its generators: questions on standard input, JSON on standard output.

use std::io::{self, Read, Write};

use serde::Serialize;

/// What the rig asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The counts since the last question. Any whole line asks for them.
    Count,
    /// Nothing more: the rig has closed its end, or is gone.
    End,
}

/// The child's end of the line.
pub(crate) struct Line {
    stdin: io::Stdin,
}

impl Line {
    pub(crate) fn new() -> Self {
        Line { stdin: io::stdin() }
    }

    /// Reads one question; to be called when standard input is readable. A question is a line of one byte and its end.
    pub(crate) fn question(&mut self) -> io::Result<Question> {
        let mut bytes = [0; 2];
        match self.stdin.lock().read_exact(&mut bytes) {
            Ok(()) => Ok(Question::Count),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Question::End),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn answer(&mut self, answer: &impl Serialize) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        serde_json::to_writer(&mut stdout, answer)?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }
}
