//! Two flows between two sockets, as they are: bytes, half-closes, errors, inactivity.

use crate::flow::{Flow, Piece, hope_after, is_much};
use crate::secure::Secure;
use crate::{Cause, End, Moment, Outbox, Phase, Session};
use buf::Lease;
use driver::{Errno, Filled, Hope, Instant, Op, Pipe, Received, Side};
use std::time::Duration;
use table::Splice;

impl Session {
    /// The way is open: what was held goes out, both sides are heard.
    pub(crate) fn relay(&mut self, now: Instant, out: &mut Outbox) {
        if self.http.is_some() {
            return self.start_exchange(now);
        }
        self.enter(Phase::Relaying);
        self.touch(Side::Front, now);
        self.touch(Side::Back, now);
        match std::mem::replace(&mut self.request, Flow::Resting) {
            Flow::Held(piece) => self.drain(Side::Front, piece, out),
            Flow::EndHeld => self.finish(Side::Back, out),
            Flow::Filling => self.request = Flow::Filling,
            flow @ (Flow::Resting | Flow::Draining { .. } | Flow::Splicing | Flow::Finishing | Flow::Ended) => {
                unreachable!("the request is heard from the start, and goes nowhere before: {flow:?}")
            }
        }
        self.hear_server(now, out);
    }

    pub(crate) fn on_received(&mut self, now: Instant, side: Side, result: Result<Received, Errno>, out: &mut Outbox) {
        if self.speaks_http() {
            return self.on_http_received(now, side, result, out);
        }
        let flow = std::mem::replace(self.flow_from(side), Flow::Resting);
        debug_assert!(matches!(flow, Flow::Filling), "received into {flow:?}");
        match result {
            Ok(Received::Bytes { lease, count, more }) => {
                self.touch(side, now);
                self.on_bytes(now, side, Piece { lease, start: 0, end: count, hope: hope_after(more) }, out);
            }
            Ok(Received::End) => self.on_stream_end(now, side, out),
            // The rules' delay is over, and what was received is to be sent first.
            Err(Errno::ECANCELED) if self.phase == Phase::Inspecting => self.judge(now, out),
            Err(Errno::ECANCELED) if side == Side::Back && self.is_reviewing() => self.judge_response(now, out),
            Err(_) => self.on_broken(side, out),
        }
    }

    pub(crate) fn on_sent(
        &mut self,
        now: Instant,
        side: Side,
        lease: Lease,
        result: Result<u32, Errno>,
        out: &mut Outbox,
    ) {
        if self.phase == Phase::Heading {
            return self.on_header_sent(now, lease, result, out);
        }
        if self.speaks_http() {
            return self.on_http_sent(now, side, lease, result, out);
        }
        if self.phase.is_ending() {
            return;
        }
        let from = side.other();
        let flow = std::mem::replace(self.flow_from(from), Flow::Resting);
        let Flow::Draining { start, end, hope } = flow else { unreachable!("sent out of {flow:?}") };
        match result {
            Ok(count) => {
                self.touch(side, now);
                match start + count {
                    start if start < end && !cfg!(feature = "plant_short_send") => {
                        self.drain(from, Piece { lease, start, end, hope }, out)
                    }
                    _ => self.go_on(from, hope, out),
                }
            }
            Err(_) => {
                *self.flow_from(from) = flow;
                self.on_broken(side, out);
            }
        }
    }

    /// A pipe was filled, or could not be.
    pub(crate) fn on_filled(&mut self, now: Instant, side: Side, result: Result<Filled, Errno>, out: &mut Outbox) {
        if self.speaks_http() {
            return self.on_http_filled(now, side, result, out);
        }
        let flow = std::mem::replace(self.flow_from(side), Flow::Resting);
        debug_assert!(matches!(flow, Flow::Filling), "filled into {flow:?}");
        match result {
            // What a session gives up goes with its pipe.
            Ok(_) if self.phase.is_ending() => (),
            Ok(Filled::Bytes(pipe)) => {
                self.touch(side, now);
                self.count_bytes(side, pipe.held());
                self.pace_from(side).on_spliced(pipe.held());
                self.splice(side, pipe, out);
            }
            Ok(Filled::NoPipe) => {
                self.pace_from(side).demote();
                self.fill(side, Hope::Soon, out);
            }
            Ok(Filled::End) => self.on_stream_end(now, side, out),
            Err(_) => self.on_broken(side, out),
        }
    }

    /// Some of what a pipe held was sent.
    pub(crate) fn on_drained(
        &mut self,
        now: Instant,
        side: Side,
        pipe: Pipe,
        result: Result<u32, Errno>,
        out: &mut Outbox,
    ) {
        if self.phase.is_ending() {
            return;
        }
        if self.speaks_http() {
            return self.on_http_drained(now, side, pipe, result, out);
        }
        let from = side.other();
        match result {
            Ok(_) => {
                self.touch(side, now);
                if pipe.held() > 0 {
                    self.splice(from, pipe, out);
                } else {
                    drop(pipe);
                    self.fill(from, Hope::Soon, out);
                }
            }
            Err(_) => self.on_broken(side, out),
        }
    }

    pub(crate) fn on_finished(&mut self, side: Side, result: Result<(), Errno>, out: &mut Outbox) {
        if self.speaks_http() {
            // Whether its half could be ended or not: a client that stays is left soon.
            return;
        }
        *self.flow_from(side.other()) = Flow::Ended;
        if result.is_err() {
            self.on_broken(side, out);
        }
    }

    /// When the first side has been silent for too long, and which one that is.
    pub(crate) fn idle_deadline(&self) -> Option<(Instant, Side)> {
        // HAProxy looks at the client first: of two that are due together, the client's is the one that counts.
        let front = self.idle_deadline_of(Side::Front).map(|deadline| (deadline, Side::Front));
        let back = self.idle_deadline_of(Side::Back).map(|deadline| (deadline, Side::Back));
        match (front, back) {
            (Some(front), Some(back)) => Some(if back.0 < front.0 { back } else { front }),
            (front, back) => front.or(back),
        }
    }

    pub(crate) fn on_idle(&mut self, out: &mut Outbox) {
        let (_, side) = self.idle_deadline().expect("an idle deadline was reached");
        self.end_with(End::new(self.moment(), Cause::Idle(side)), out);
    }

    /// How far the session has come, for whoever ends it now.
    pub(crate) fn moment(&self) -> Moment {
        match self.phase {
            Phase::Greeting | Phase::Inspecting | Phase::Awaiting | Phase::Gathering => Moment::Request,
            Phase::Tarpitted => Moment::Tarpit,
            Phase::Exchanging => self.exchange_moment(),
            Phase::Answering | Phase::Parting | Phase::Lingering => Moment::Done,
            Phase::Queued => Moment::Queue,
            Phase::Assigning | Phase::Connecting | Phase::Retreating | Phase::Resting => Moment::Connect,
            Phase::Heading | Phase::Relaying | Phase::Aborting | Phase::Closing | Phase::Closed => {
                let is_server_done = matches!(self.request, Flow::Ended) && self.response.is_at_end();
                if is_server_done { Moment::LastData } else { Moment::Data }
            }
        }
    }

    pub(crate) fn is_relayed(&self) -> bool {
        matches!((&self.request, &self.response), (Flow::Ended, Flow::Ended))
    }

    pub(crate) fn touch(&mut self, side: Side, now: Instant) {
        self.socket_mut(side).active_at = now;
    }

    /// A piece has left: what was received early comes before anything new.
    fn go_on(&mut self, from: Side, hope: Hope, out: &mut Outbox) {
        let early = self.early.take_if(|_| from == Side::Front);
        let overflow = early.and_then(|early| early.gathered.overflow);
        if let Some(piece) = overflow.or_else(|| self.take_gathered(from)) {
            return self.drain(from, piece, out);
        }
        if from == Side::Back && self.review.is_some() {
            return self.on_reviewed_sent(hope, out);
        }
        self.fill(from, hope, out);
    }

    pub(crate) fn fill(&mut self, from: Side, hope: Hope, out: &mut Outbox) {
        let fd = self.socket_mut(from).fd;
        *self.flow_from(from) = Flow::Filling;
        let is_spliced = self.pace_from(from).is_promoted() && self.takes_pipes(from.other());
        self.submit(
            from,
            if is_spliced { Op::Fill { fd, count_max: u32::MAX } } else { Op::Recv { fd, hope, count_max: u32::MAX } },
            out,
        );
    }

    fn on_bytes(&mut self, now: Instant, side: Side, piece: Piece, out: &mut Outbox) {
        match self.phase {
            Phase::Greeting => self.on_greeting_bytes(now, piece.lease, piece.end, out),
            Phase::Inspecting => self.on_inspected_bytes(now, piece.lease, piece.end, out),
            Phase::Assigning
            | Phase::Queued
            | Phase::Connecting
            | Phase::Retreating
            | Phase::Resting
            | Phase::Heading => {
                self.count_bytes(side, piece.end);
                *self.flow_from(side) = Flow::Held(piece);
            }
            Phase::Relaying => {
                self.count_bytes(side, piece.end);
                if side == Side::Back && self.is_reviewing() {
                    return self.on_reviewed_bytes(now, piece.lease, piece.end, out);
                }
                if self.may_splice(side) {
                    let is_much = is_much(piece.end, &piece.lease);
                    self.pace_from(side).on_received(is_much);
                }
                self.drain(side, piece, out);
            }
            // It came too late to matter; the lease goes back.
            Phase::Aborting => (),
            Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Exchanging
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering => unreachable!("HTTP hears for itself"),
            Phase::Closing | Phase::Closed => unreachable!("nothing is in flight any more"),
        }
    }

    pub(crate) fn on_stream_end(&mut self, now: Instant, side: Side, out: &mut Outbox) {
        match self.phase {
            Phase::Greeting => self.on_greeting_end(out),
            Phase::Queued => self.on_client_left(out),
            Phase::Inspecting => self.on_inspected_end(now, out),
            Phase::Assigning | Phase::Connecting | Phase::Retreating | Phase::Resting | Phase::Heading => {
                *self.flow_from(side) = Flow::EndHeld;
            }
            Phase::Relaying if side == Side::Back && self.is_reviewing() => self.on_reviewed_end(now, out),
            Phase::Relaying => self.finish(side.other(), out),
            Phase::Aborting => (),
            Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Exchanging
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering => unreachable!("HTTP hears for itself"),
            Phase::Closing | Phase::Closed => unreachable!("nothing is in flight any more"),
        }
    }

    /// The connection on this side is no more.
    fn on_broken(&mut self, side: Side, out: &mut Outbox) {
        match self.phase {
            Phase::Greeting => self.refuse_greeting(proxyline::Error::Aborted, out),
            Phase::Inspecting
            | Phase::Assigning
            | Phase::Queued
            | Phase::Connecting
            | Phase::Retreating
            | Phase::Resting
            | Phase::Heading
            | Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Exchanging
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering
            | Phase::Relaying => self.end_with(End::new(self.moment(), Cause::Aborted(side)), out),
            // What was cancelled says so here.
            Phase::Aborting | Phase::Closing | Phase::Closed => (),
        }
    }

    pub(crate) fn drain(&mut self, from: Side, piece: Piece, out: &mut Outbox) {
        let Piece { lease, start, end, hope } = piece;
        debug_assert!(start < end);
        let to = from.other();
        let fd = self.socket_mut(to).fd;
        *self.flow_from(from) = Flow::Draining { start, end, hope };
        self.submit(to, Op::Send { fd, lease, start, end }, out);
    }

    /// Whether what goes to this side may come in a pipe.
    pub(crate) fn takes_pipes(&mut self, to: Side) -> bool {
        self.socket_mut(to).secure.as_mut().is_none_or(|secure| secure.takes_pipes())
    }

    fn splice(&mut self, from: Side, pipe: Pipe, out: &mut Outbox) {
        let to = from.other();
        let fd = self.socket_mut(to).fd;
        *self.flow_from(from) = Flow::Splicing;
        self.submit(to, Op::Drain { fd, pipe }, out);
    }

    /// `configuration.txt: option splice-auto, splice-request, splice-response`.
    pub(crate) fn may_splice(&self, from: Side) -> bool {
        let secure = |side| self.socket(side).and_then(|socket| socket.secure.as_deref());
        if !secure(from).is_none_or(Secure::may_fill) || !secure(from.other()).is_none_or(Secure::may_drain) {
            return false;
        }
        let of_backend = self.backend_ref().map_or(Splice::NEVER, |backend| backend.splice);
        let splice = self.frontend().splice.and(of_backend);
        match from {
            Side::Front => splice.request,
            Side::Back => splice.response,
        }
    }

    /// Passes an end of stream on. The last of the two goes out with the close that follows: a system call less for each
    /// connection, and as orderly, because nothing of `to` is left unread.
    pub(crate) fn finish(&mut self, to: Side, out: &mut Outbox) {
        if matches!(self.flow_from(to), Flow::Ended) && !self.is_secure(to) {
            *self.flow_from(to.other()) = Flow::Ended;
            return;
        }
        let fd = self.socket_mut(to).fd;
        *self.flow_from(to.other()) = Flow::Finishing;
        self.submit(to, Op::Finish { fd }, out);
    }

    /// A side is timed while something is in flight on its socket: a receive that waits for it, or bytes that it takes.
    fn idle_deadline_of(&self, side: Side) -> Option<Instant> {
        let (from, to) = match side {
            Side::Front => (&self.request, &self.response),
            Side::Back => (&self.response, &self.request),
        };
        let is_heading = self.phase == Phase::Heading && side == Side::Back;
        let is_timed =
            is_heading || matches!(from, Flow::Filling) || matches!(to, Flow::Draining { .. } | Flow::Splicing);
        let is_half_closed = from.is_at_end() || matches!(to, Flow::Finishing | Flow::Ended);
        let timeout = self.inactivity_timeout(side, is_half_closed)?;
        is_timed.then(|| self.socket(side).expect("relaying implies both sockets").active_at + timeout)
    }

    /// `configuration.txt: timeout client, server, tunnel, client-fin, server-fin`.
    fn inactivity_timeout(&self, side: Side, is_half_closed: bool) -> Option<Duration> {
        let back = &self.backend_ref()?.timeouts;
        let front = &self.frontend().timeouts;
        let (plain, fin) = match side {
            Side::Front => (front.client, front.client_fin),
            Side::Back => (back.server, back.server_fin),
        };
        let tunnel = back.tunnel.filter(|_| !self.speaks_http());
        fin.filter(|_| is_half_closed).or(tunnel).or(plain)
    }
}
