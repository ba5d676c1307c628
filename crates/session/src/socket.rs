//! The two sockets of a session, and what is in flight on them. Where there is TLS it stands here, between a socket and a flow: a
//! flow asks and is answered as if there were none.

use crate::secure::Secure;
use crate::{Outbox, Session};
use driver::{Done, Ending, Fd, Instant, Op, Side};

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) fd: Fd,
    pub(crate) in_flight: u8,
    /// When bytes last moved on this socket.
    pub(crate) active_at: Instant,
    /// What its bytes are encrypted by.
    pub(crate) secure: Option<Box<Secure>>,
    /// How it is to be closed.
    pub(crate) ending: Ending,
    /// The close is in flight: nothing may follow it.
    pub(crate) is_closing: bool,
}

impl Socket {
    pub(crate) fn new(fd: Fd, now: Instant) -> Socket {
        Socket { fd, in_flight: 0, active_at: now, secure: None, ending: Ending::Orderly, is_closing: false }
    }
}

impl Session {
    pub(crate) fn on_done(&mut self, now: Instant, side: Side, done: Done, out: &mut Outbox) {
        let socket = self.socket_mut(side);
        socket.in_flight = socket.in_flight.checked_sub(1).expect("a completion follows an op of ours");
        let of_flow = match &mut socket.secure {
            Some(secure) => secure.on_done(done),
            None => Some(done),
        };
        if let Some(done) = of_flow {
            self.on_flow_done(now, side, done, out);
        }
    }

    /// What happened, as the flow asked for it.
    pub(crate) fn on_flow_done(&mut self, now: Instant, side: Side, done: Done, out: &mut Outbox) {
        match done {
            Done::Connected(result) => self.on_connected(now, result, out),
            Done::Received(result) => self.on_received(now, side, result, out),
            Done::Sent { lease, result } => self.on_sent(now, side, lease, result, out),
            Done::Filled(result) => self.on_filled(now, side, result, out),
            Done::Drained { pipe, result } => self.on_drained(now, side, pipe, result, out),
            Done::Finished(result) => self.on_finished(side, result, out),
            Done::Closed => self.on_closed(side),
            Done::Cancelled => (),
            Done::Entrusted(..) | Done::AlertSent(_) | Done::RecordReceived { .. } => {
                unreachable!("flows know of no TLS")
            }
            Done::Readable(_) => unreachable!("sessions ask for bytes, not for readiness"),
        }
    }

    /// What a flow asks of its socket.
    pub(crate) fn submit(&mut self, side: Side, op: Op, out: &mut Outbox) {
        let op = match &mut self.socket_mut(side).secure {
            Some(secure) => secure.ask(op),
            None => Some(op),
        };
        if let Some(op) = op {
            self.submit_to_socket(side, op, out);
        }
    }

    pub(crate) fn submit_to_socket(&mut self, side: Side, op: Op, out: &mut Outbox) {
        let socket = self.socket_mut(side);
        socket.in_flight += 1;
        socket.is_closing |= matches!(op, Op::Close { .. });
        out.op(side, op);
    }

    pub(crate) fn in_flight_count(&self) -> u8 {
        self.front.in_flight + self.back.as_ref().map_or(0, |back| back.in_flight)
    }

    pub(crate) fn socket(&self, side: Side) -> Option<&Socket> {
        match side {
            Side::Front => Some(&self.front),
            Side::Back => self.back.as_ref(),
        }
    }

    pub(crate) fn socket_mut(&mut self, side: Side) -> &mut Socket {
        match side {
            Side::Front => &mut self.front,
            Side::Back => self.back.as_mut().expect("an op for the back implies its socket"),
        }
    }
}
