//! Content that skips user space: where much of it is sure to come without framing in between, it goes through a pipe, and no
//! further than its end.
//!
//! ```text
//!   next: More ──┬─ much is left, and it comes fast ──▶ Fill (at most what is left) ──▶ Drain ──▶ next
//!                └─ little, or slowly ────────────────▶ Recv
//! ```
//!
//! **Invariant:** what is behind the content never reaches the pipe: a fill takes no more than [`http1::Body::data_left`].

use super::retry::Replay;
use super::stream::Sending;
use super::{Hearing, Stream};
use crate::{Outbox, Phase, Session};
use driver::{Errno, Filled, Hope, Instant, Op, Pipe, Side};

impl Session {
    /// Waits for more of a content.
    pub(super) fn hear_content(&mut self, side: Side, stream: &Stream, out: &mut Outbox) {
        let count_max = stream.spliced_count_max().filter(|_| self.may_splice(side));
        let count_max = count_max.filter(|_| self.takes_pipes(side.other()));
        let Some(count_max) = count_max else { return self.hear(side, stream.hope, out) };
        let hearing = self.http_mut().hearing(side);
        if *hearing == Hearing::Quiet {
            *hearing = Hearing::Filling;
            let fd = self.socket_mut(side).fd;
            self.submit(side, Op::Fill { fd, count_max }, out);
        }
    }

    pub(crate) fn on_http_filled(&mut self, now: Instant, side: Side, result: Result<Filled, Errno>, out: &mut Outbox) {
        *self.http_mut().hearing(side) = match result {
            Ok(Filled::Bytes(_) | Filled::NoPipe) => Hearing::Quiet,
            Ok(Filled::End) => Hearing::Ended,
            Err(_) => Hearing::Broken,
        };
        if self.phase.is_ending() || side == Side::Back && self.phase != Phase::Exchanging {
            return;
        }
        match result {
            Ok(Filled::Bytes(pipe)) => {
                self.touch(side, now);
                self.pass_on(now, side, pipe, out);
            }
            Ok(Filled::NoPipe) => {
                if let Some(transaction) = &mut self.http_mut().transaction {
                    let stream = transaction.stream_from(side);
                    stream.pace.demote();
                    stream.hope = Hope::Soon;
                }
            }
            // How much that matters depends on what was expected.
            Ok(Filled::End) => (),
            Err(_) => self.on_http_broken(side, out),
        }
    }

    /// Some of what a pipe held was sent.
    pub(crate) fn on_http_drained(
        &mut self,
        now: Instant,
        side: Side,
        pipe: Pipe,
        result: Result<u32, Errno>,
        out: &mut Outbox,
    ) {
        match result {
            Err(_) => return self.on_http_broken(side, out),
            Ok(_) => self.touch(side, now),
        }
        if self.phase != Phase::Exchanging {
            // What a session gives up goes with its pipe.
            return;
        }
        if pipe.held() > 0 {
            let fd = self.socket_mut(side).fd;
            return self.submit(side, Op::Drain { fd, pipe }, out);
        }
        if let Some(transaction) = &mut self.http_mut().transaction {
            transaction.stream_from(side.other()).sending = Sending::Nothing;
        }
    }

    /// A part of a content is in a pipe. Where nobody takes it any more it goes with the pipe, and the content never ends: its
    /// connection is not used again.
    fn pass_on(&mut self, now: Instant, from: Side, pipe: Pipe, out: &mut Outbox) {
        let is_exchanging = self.phase == Phase::Exchanging;
        let Some(transaction) = self.http_mut().transaction.as_mut().filter(|_| is_exchanging) else { return };
        let stream = transaction.stream_from(from);
        if stream.sending == Sending::Broken {
            return;
        }
        stream.body.skip(u64::from(pipe.held()));
        stream.pace.on_spliced(pipe.held());
        stream.hope = Hope::Soon;
        stream.sending = Sending::Pipe;
        stream.replay = Replay::Off;
        self.count_bytes(from, pipe.held());
        let to = from.other();
        // Its receiver is given time from now on.
        self.touch(to, now);
        let fd = self.socket_mut(to).fd;
        self.submit(to, Op::Drain { fd, pipe }, out);
    }
}
