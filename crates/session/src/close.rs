//! The way out: the cause is kept, what is in flight is cancelled and awaited, what is held is given up and told of, both sockets are
//! closed.

use crate::flow::Flow;
use crate::{Ask, Cause, End, Moment, Outbox, Phase, Session, Socket};
use driver::{Ending, Instant, Op, Side};
use std::sync::Arc;
use table::Server;

impl Session {
    /// Starts to end everything, or in `mode http` the exchange, if its client can still be told. What has ended already stays as it
    /// is: the first cause is the true one.
    #[cold]
    pub(crate) fn end_with(&mut self, end: End, out: &mut Outbox) {
        if self.phase.is_ending() {
            return;
        }
        if let Cause::Malformed(side, refusal) = end.cause {
            self.keep_misread(side, refusal);
        }
        if !self.is_answered(end, out) {
            self.abort_with(end, out);
        }
    }

    /// Starts to end everything.
    pub(crate) fn abort_with(&mut self, end: End, out: &mut Outbox) {
        self.end = Some(end);
        self.stop_waiting();
        self.mark_cuts(end.cause);
        self.enter(Phase::Aborting);
        for side in [Side::Front, Side::Back] {
            if let Some(socket) = self.socket(side).filter(|socket| socket.in_flight > 0 && !socket.is_closing) {
                let fd = socket.fd;
                self.submit(side, Op::Cancel { fd }, out);
            }
        }
    }

    /// A cut is passed on as a cut: whoever was promised bytes that will not come must not see a clean end.
    #[cold]
    pub(crate) fn mark_cuts(&mut self, cause: Cause) {
        if self.speaks_http() {
            return self.mark_http_cuts();
        }
        let is_reset = |side: Side| matches!(cause, Cause::Aborted(by) if by == side);
        if self.response.has_unsent() || is_reset(Side::Back) {
            self.front.ending = Ending::Reset;
        }
        let request_cut = self.request.has_unsent() || is_reset(Side::Front);
        if let Some(back) = self.back.as_mut().filter(|_| request_cut) {
            back.ending = Ending::Reset;
        }
    }

    /// Nothing is in flight: gives up what is held, tells how it went, and closes both sockets.
    pub(crate) fn close(&mut self, now: Instant, out: &mut Outbox) {
        self.early = None;
        self.review = None;
        self.request = Flow::Ended;
        self.response = Flow::Ended;
        let end = self.end.expect("a session ends for a cause");
        out.end = Some(end);
        self.conclude(now, end, out);
        self.http = None;
        self.enter(Phase::Closing);
        for side in [Side::Front, Side::Back] {
            if let Some(&Socket { fd, ending, .. }) = self.socket(side) {
                self.submit(side, Op::Close { fd, ending }, out);
            }
        }
    }

    /// Counts and tells how the session ended, or the exchange. Of a client that rests between two of them nothing is told.
    pub(crate) fn conclude(&mut self, now: Instant, end: End, out: &mut Outbox) {
        if self.http.is_some() && !self.is_exchange_open() {
            return;
        }
        let end = self.end_of_service(self.exchange_end().unwrap_or(end));
        if end.moment == Moment::Queue && end.cause != Cause::QueueFull {
            self.assigned_at = Some(now);
        }
        self.count_end(now, end);
        let (server, waited) = (self.server.take(), self.waited.clone());
        if let Some(backend) = self.counted_backend() {
            backend.state.conns.close(self.shard);
        }
        self.tell_end(now, end, server.as_ref().or(waited.as_ref()), out);
        self.release(server, out);
        if self.http.is_some() {
            self.forget_exchange(now, out);
        }
    }

    pub(crate) fn on_closed(&mut self, side: Side) {
        if side == Side::Back {
            self.back = None;
        }
    }

    pub(crate) fn release_server(&mut self, out: &mut Outbox) {
        let server = self.server.take();
        self.release(server, out);
    }

    fn release(&self, server: Option<Arc<Server>>, out: &mut Outbox) {
        let Some(server) = server else { return };
        let backend = self.backend.expect("a server belongs to a backend");
        out.ask(Ask::Release { table: self.table.clone(), backend, server });
    }
}
