//! An exchange that is over: what becomes of both connections.

use super::request::keeps_back;
use super::stream::Sending;
use super::{Hearing, Transaction};
use crate::flow::{Flow, Piece};
use crate::{Ask, Cause, End, KeptFor, Moment, Outbox, Phase, Session};
use driver::{Hope, Instant, Side};
use http1::{After, Persistence};
use std::sync::Arc;

impl Session {
    /// The exchange is over, and everything of it was sent.
    pub(super) fn on_exchange_over(&mut self, now: Instant, after: After, out: &mut Outbox) {
        let is_unread = self.transaction().is_some_and(Transaction::has_unread);
        let kept = self.kept_back(after);
        self.end_exchange(now, after.front, is_unread, kept, out);
    }

    /// The server's connection, if another exchange may follow on it: nothing of this one is outstanding there, and nothing that was not
    /// asked for has come.
    fn kept_back(&mut self, after: After) -> Option<Ask> {
        let http = self.http.as_ref()?;
        let transaction = http.transaction.as_ref()?;
        let server = self.server.as_ref()?;
        let is_clean = http.back == Hearing::Quiet
            && transaction.down.gathered.is_empty()
            && transaction.up.sending == Sending::Nothing
            && transaction.up.body.is_done();
        let may_serve = keeps_back(self.frontend(), self.backend_ref()) && !self.is_served();
        let of = match self.is_kept_for_client(server) {
            true => KeptFor::Client(self.introduction(server)?),
            false => KeptFor::Anybody { is_proven: http.is_back_kept },
        };
        let is_quiet = self.back.as_ref()?.in_flight == 0;
        if after.back == Persistence::Close || !is_clean || !may_serve || !is_quiet {
            return None;
        }
        let server = Arc::clone(server);
        let kept = self.take_kept()?;
        Some(Ask::Keep { server, kept, of })
    }

    /// Tells of the exchange, and goes on with what its front is for.
    pub(super) fn end_exchange(
        &mut self,
        now: Instant,
        front: Persistence,
        is_unread: bool,
        kept: Option<Ask>,
        out: &mut Outbox,
    ) {
        let gathered = self.http_mut().transaction.as_mut().map(|transaction| {
            let mut gathered = std::mem::take(&mut transaction.up.gathered);
            // No server was sent the head of a request that is answered here.
            if !transaction.up.is_begun && front == Persistence::Keep {
                gathered.consume(transaction.head_size);
            }
            gathered
        });
        self.conclude(now, End::new(Moment::Done, Cause::Complete), out);
        if let Some(kept) = kept {
            out.ask(kept);
        }
        self.leave_back(out);
        if front == Persistence::Close {
            return if is_unread { self.linger(out) } else { self.close_resting(out) };
        }
        if let Some(gathered) = gathered.filter(|gathered| !gathered.is_empty()) {
            let transaction = self.transaction_or_new(now, out);
            transaction.facts.began_at = now;
            transaction.up.gathered = gathered;
        }
        self.enter(Phase::Parting);
    }

    /// Once the server's socket is closed, the next request is read.
    pub(super) fn advance_parting(&mut self, now: Instant, out: &mut Outbox) {
        if self.is_back_closed(out) {
            self.await_next(now, out);
        }
    }

    /// Both connections belong to what they have agreed on (RFC 9110 §7.8, §9.3.6): what is there already comes first.
    #[cold]
    pub(super) fn become_tunnel(&mut self, now: Instant, out: &mut Outbox) {
        self.enter(Phase::Relaying);
        for side in [Side::Front, Side::Back] {
            self.touch(side, now);
            let piece = self.take_gathered(side);
            let hearing = *self.http_mut().hearing(side);
            match (piece, hearing) {
                (Some(piece), _) => {
                    self.count_bytes(side, piece.end - piece.start);
                    self.drain(side, piece, out);
                }
                (None, Hearing::Quiet) => self.fill(side, Hope::Later, out),
                (None, Hearing::Filling) => *self.flow_from(side) = Flow::Filling,
                (None, Hearing::Ended) => self.finish(side.other(), out),
                (None, Hearing::Broken) => return self.end_with(End::new(self.moment(), Cause::Aborted(side)), out),
            }
        }
    }

    /// What came of one side before both became a tunnel.
    pub(crate) fn take_gathered(&mut self, side: Side) -> Option<Piece> {
        self.http.as_mut()?.transaction.as_mut()?.stream_from(side).gathered.take()
    }
}
