//! One direction of an exchange: what has come, where the content is in it, what is on its way.
//!
//! ```text
//!   gathered:  │ head │ content … (framing) … content │ of the next message │
//!                     └────────── a run ─────────────┘
//!                       sent from where it lies; the lease comes back for what is behind
//! ```

use super::retry::Replay;
use crate::flow::{PIECE_LEAST, Pace, Piece};
use crate::gather::Gathered;
use buf::Lease;
use driver::Hope;
use http1::{Body, Framing, Limits, PartKind, Progress, Refusal, Trailers};

/// A content of so many octets is spliced from its beginning on, behind what came with its head.
const LONG: u64 = 2 * PIECE_LEAST as u64;

/// Content of so many bytes costs more to copy than its head.
const MOVED_LEAST: usize = 1024;

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) gathered: Gathered,
    pub(super) sending: Sending,
    pub(super) body: Body,
    /// The head is sent, or being sent: what is gathered is content.
    pub(super) is_begun: bool,
    /// Content alone is sent on, without the framing of its chunks.
    pub(super) is_unwrapped: bool,
    pub(super) trailers: Trailers,
    /// What the next receive may expect.
    pub(super) hope: Hope,
    pub(super) pace: Pace,
    /// Of a request: what was sent of it.
    pub(super) replay: Replay,
}

/// What is on its way to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Nothing,
    /// Bytes `start..end` of a lease; `next..filled` are looked at when it comes back.
    Piece {
        start: u32,
        end: u32,
        next: u32,
        filled: u32,
    },
    /// Content in a pipe.
    Pipe,
    /// The receiver takes nothing any more.
    Broken,
}

/// A lease, and what of it is to be sent.
pub(super) struct Outgoing {
    pub(super) lease: Lease,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) next: u32,
    pub(super) filled: u32,
}

/// Bytes in a row that are sent on.
struct Run {
    start: usize,
    end: usize,
    /// With what behind them is not sent on.
    consumed: usize,
    /// Octets of content among them.
    content_size: u32,
}

/// What comes next of a content.
pub(super) enum Next {
    /// So many octets of content are among it.
    Send(Outgoing, u32),
    /// The trailer section lies whole in what is gathered, so many bytes long.
    Trailers(usize),
    /// More has to come first.
    More,
    Done,
}

impl Stream {
    pub(super) fn new(limits: Limits) -> Stream {
        Stream {
            gathered: Gathered::default(),
            sending: Sending::Nothing,
            body: Body::new(Framing::None),
            is_begun: false,
            is_unwrapped: false,
            trailers: Trailers::new(limits),
            hope: Hope::Later,
            pace: Pace::default(),
            replay: Replay::Off,
        }
    }

    pub(super) fn clear(&mut self) {
        self.gathered = Gathered::default();
        self.sending = Sending::Nothing;
        self.body = Body::new(Framing::None);
        self.is_begun = false;
        self.is_unwrapped = false;
        self.trailers.clear();
        self.hope = Hope::Later;
        self.pace = Pace::default();
        self.replay = Replay::Off;
    }

    /// The content that follows is of this framing. One that says beforehand that it is long need not show that it is fast.
    pub(super) fn expect(&mut self, framing: Framing) {
        self.body = Body::new(framing);
        if matches!(framing, Framing::Length(length) if length >= LONG) {
            self.pace = Pace::promoted();
        }
    }

    /// So much has come at once.
    pub(super) fn on_received(&mut self, is_much: bool) {
        if self.is_begun && !self.pace.is_promoted() {
            self.pace.on_received(is_much);
        }
    }

    /// How many bytes may go through a pipe next; `None`: they are to be received.
    pub(super) fn spliced_count_max(&self) -> Option<u32> {
        let left = self.body.data_left();
        let is_worth_it = self.pace.is_promoted() && left >= u64::from(PIECE_LEAST);
        debug_assert!(left == 0 || self.gathered.is_empty(), "what has come goes first");
        is_worth_it.then(|| u32::try_from(left).unwrap_or(u32::MAX))
    }

    pub(super) fn is_sending(&self) -> bool {
        matches!(self.sending, Sending::Piece { .. } | Sending::Pipe)
    }

    /// Whether only the end of the connection says where the content ends, and it has not been reached.
    pub(super) fn is_until_close(&self) -> bool {
        self.is_begun && !self.body.is_done() && (self.is_unwrapped || self.body.data_left() == u64::MAX)
    }

    /// What is to be done about the content.
    pub(super) fn next(&mut self) -> Result<Next, Refusal> {
        loop {
            let run = self.run(usize::MAX)?;
            if run.start < run.end {
                let Some(Piece { lease, start, end: filled, .. }) = self.gathered.take() else {
                    unreachable!("a run lies in what is gathered");
                };
                let at = |offset: usize| start + offset as u32;
                let (start, end, next) = (at(run.start), at(run.end), at(run.consumed));
                return Ok(Next::Send(Outgoing { lease, start, end, next, filled }, run.content_size));
            }
            self.gathered.consume(run.consumed);
            if run.consumed > 0 {
                continue;
            }
            if !self.body.awaits_trailers() {
                return Ok(if self.body.is_done() { Next::Done } else { Next::More });
            }
            return match self.trailers.read(self.gathered.bytes()) {
                Progress::Incomplete => Ok(Next::More),
                Progress::Complete { head_size } => Ok(Next::Trailers(head_size)),
                Progress::Refused(refusal) => Err(refusal),
            };
        }
    }

    /// Puts a head that was written to the first `written` bytes of a lease in front of the content that came behind the `received`
    /// bytes of its original, so that both go out in one piece. Says what goes out, and how many octets of content are in it.
    pub(super) fn join(
        &mut self,
        mut lease: Lease,
        written: usize,
        received: usize,
    ) -> Result<(Outgoing, u32), Refusal> {
        let is_worth_it = self.gathered.bytes().len() >= received + MOVED_LEAST;
        if is_worth_it && written <= received {
            return self.join_in_place(&lease.bytes()[..written], received);
        }
        self.gathered.consume(received);
        let (filled, content_size) = self.copy_behind(&mut lease, written)?;
        Ok((Outgoing::whole(lease, filled), content_size))
    }

    /// A head that has not grown finds room where its original was: the content stays where it is.
    fn join_in_place(&mut self, head: &[u8], received: usize) -> Result<(Outgoing, u32), Refusal> {
        self.gathered.consume(received);
        let run = self.run(usize::MAX)?;
        let Some(mut piece) = self.gathered.take() else { unreachable!("content came behind the head") };
        // What is not sent of the content lies between the head and the run, if anything does.
        let content = piece.start as usize + run.start;
        let start = content - head.len();
        piece.lease.bytes_mut()[start..content].copy_from_slice(head);
        let at = |offset: usize| piece.start + offset as u32;
        let (start, end, next) = (start as u32, at(run.end), at(run.consumed));
        Ok((Outgoing { lease: piece.lease, start, end, next, filled: piece.end }, run.content_size))
    }

    /// Copies content behind the `filled` bytes of a head, as far as there is room: a short message goes out in one piece. Says how
    /// many bytes there are then, and how many of them are octets of content.
    fn copy_behind(&mut self, lease: &mut Lease, mut filled: usize) -> Result<(usize, u32), Refusal> {
        let mut content_size = 0;
        loop {
            let run = self.run(lease.receive_size().saturating_sub(filled))?;
            let size = run.end - run.start;
            lease.bytes_mut()[filled..filled + size].copy_from_slice(&self.gathered.bytes()[run.start..run.end]);
            filled += size;
            content_size += run.content_size;
            self.gathered.consume(run.consumed);
            if run.consumed == 0 {
                return Ok((filled, content_size));
            }
        }
    }

    /// The next bytes that are sent on, among the first `size_max` of those that are gathered.
    fn run(&mut self, size_max: usize) -> Result<Run, Refusal> {
        let bytes = self.gathered.bytes();
        let bytes = &bytes[..bytes.len().min(size_max)];
        let mut run = Run { start: 0, end: 0, consumed: 0, content_size: 0 };
        while let Some(part) = self.body.next(&bytes[run.consumed..])? {
            let is_sent = match part.kind {
                PartKind::Data => true,
                PartKind::Framing => !self.is_unwrapped,
                PartKind::Extension => false,
            };
            let is_first = run.start == run.end;
            if is_sent && is_first {
                run.start = run.consumed;
            }
            run.consumed += part.size;
            if is_sent {
                run.end = run.consumed;
            }
            if part.kind == PartKind::Data {
                run.content_size += part.size as u32;
            }
            // A gap ends a run.
            if !is_sent && !is_first {
                break;
            }
        }
        Ok(run)
    }
}
