//! A connection: two ends, a stream towards each, and what reading, writing and ending mean on Linux.
//!
//! ```text
//!   Knocking ── Answer(Ok) ──▶ Made ── both ends gone ──▶ (buffers given back)
//!      └────── Answer(Err) ──▶ Failed
//! ```
//!
//! The rules of ending are those of `tcp(7)` and of Linux' `tcp_recvmsg`, `tcp_sendmsg` and `tcp_close`: what arrived before
//! a reset may still be read; the error is reported once, to whoever asks first; a close over unread bytes is a reset, and so
//! is the answer to bytes for a socket that was closed.

use crate::listener::Place;
use crate::schedule::{Arrival, Event};
use crate::socket::Lane;
use crate::state::{ActorId, ConnId, End, ListenerId, State};
use crate::stream::Stream;
use driver::{Addr, Ending, Errno, Fd};

pub(crate) struct Connection {
    pub(crate) target: Addr,
    pub(crate) phase: Phase,
    /// Who agreed to take it.
    pub(crate) asked: Option<Place>,
    /// The asker's address as the asked end sees it.
    pub(crate) peer_addr: Addr,
    ends: [Terminal; 2],
    /// By the end that they lead to.
    streams: [Stream; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Knocking,
    Made,
    Failed(Errno),
}

/// One end of a connection.
pub(crate) struct Terminal {
    pub(crate) holder: Holder,
    /// Its own address, as it sees it.
    pub(crate) addr: Addr,
    /// What the next call that meets it reports, once.
    error: Option<Errno>,
    is_reset: bool,
    /// Numbers for it beside the holder's: it is left when the last one is closed.
    pub(crate) copies: u32,
    /// Nothing reaches it any more, and it does not know.
    pub(crate) has_vanished: bool,
}

/// Who has an end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The handshake has not come so far.
    Coming,
    Queued(ListenerId),
    Socket(Fd),
    Actor(ActorId),
    Gone,
}

impl Connection {
    pub(crate) fn new(asker: Holder, addr: Addr, target: Addr, capacities: [usize; 2]) -> Connection {
        let peer_addr = addr.clone();
        let ends = [Terminal::new(asker, addr), Terminal::new(Holder::Coming, target.clone())];
        Connection {
            target,
            phase: Phase::Knocking,
            asked: None,
            peer_addr,
            ends,
            streams: capacities.map(Stream::new),
        }
    }

    pub(crate) fn end(&mut self, end: End) -> &mut Terminal {
        &mut self.ends[end.index()]
    }

    pub(crate) fn holder(&self, end: End) -> Holder {
        self.ends[end.index()].holder
    }

    pub(crate) fn addr(&self, end: End) -> &Addr {
        &self.ends[end.index()].addr
    }

    pub(crate) fn has_vanished(&self, end: End) -> bool {
        self.ends[end.index()].has_vanished
    }

    pub(crate) fn is_reset(&self, end: End) -> bool {
        self.ends[end.index()].is_reset
    }

    /// The stream that leads to `end`.
    pub(crate) fn stream(&mut self, end: End) -> &mut Stream {
        &mut self.streams[end.index()]
    }

    pub(crate) fn inbound(&self, end: End) -> &Stream {
        &self.streams[end.index()]
    }

    pub(crate) fn outbound(&self, end: End) -> &Stream {
        &self.streams[end.other().index()]
    }

    /// The handshake is done, and nobody has cut the connection.
    pub(crate) fn is_up(&self, end: End) -> bool {
        self.phase == Phase::Made && !self.is_reset(end)
    }

    /// A read at `end` has something to say: bytes, an end or an error.
    pub(crate) fn is_readable(&self, end: End) -> bool {
        let stream = self.inbound(end);
        stream.arrived() > 0 || stream.is_at_end() || self.is_reset(end)
    }

    /// A unix socket knows no reset: its peer just sees the end (`unix(7)`).
    fn is_unix(&self) -> bool {
        matches!(self.target, Addr::Unix(_) | Addr::Unnamed)
    }

    pub(crate) fn check(&self) {
        self.streams.iter().for_each(Stream::check);
    }
}

impl Terminal {
    fn new(holder: Holder, addr: Addr) -> Terminal {
        Terminal { holder, addr, error: None, is_reset: false, copies: 0, has_vanished: false }
    }

    fn set_reset(&mut self, error: Errno) {
        self.is_reset = true;
        self.error = Some(error);
    }
}

impl State {
    /// Reads what has arrived at `end`; zero is the end of the stream. `None`: nothing to say yet.
    pub(crate) fn read(
        &mut self,
        conn: ConnId,
        end: End,
        most: usize,
        sink: impl FnMut(&[u8]),
    ) -> Option<Result<usize, Errno>> {
        let connection = &mut self.connections[conn.0];
        if !connection.is_readable(end) {
            return None;
        }
        let count = connection.stream(end).read(most, sink);
        let unblocked = connection.stream(end).takes_unblocking();
        if unblocked {
            self.plan_arrival(conn, end.other(), Arrival::Room);
        }
        let connection = &mut self.connections[conn.0];
        // An end that came before the reset is what a reader sees (`SOCK_DONE` in tcp_recvmsg).
        let failed = count == 0 && !connection.inbound(end).end_has_arrived();
        match connection.end(end).error.take_if(|_| failed) {
            Some(errno) => Some(Err(errno)),
            None => Some(Ok(count)),
        }
    }

    /// Sends what there is room for, at least one byte. `None`: there is no room; `Room` will arrive.
    pub(crate) fn write(&mut self, conn: ConnId, end: End, bytes: &[u8]) -> Option<Result<usize, Errno>> {
        let connection = &mut self.connections[conn.0];
        if connection.is_reset(end) || connection.outbound(end).is_finished() {
            return Some(Err(connection.end(end).error.take().unwrap_or(Errno::EPIPE)));
        }
        let count = connection.stream(end.other()).write(bytes);
        if count == 0 {
            return None;
        }
        let mut left = count;
        let mut pieces = self.rng.between(1, self.options.network.segments_most);
        while left > 0 {
            let piece = if pieces <= 1 { left } else { self.rng.between(1, left) };
            self.plan_arrival(conn, end.other(), Arrival::Bytes(piece));
            left -= piece;
            pieces = pieces.saturating_sub(1);
        }
        Some(Ok(count))
    }

    pub(crate) fn finish(&mut self, conn: ConnId, end: End) {
        let connection = &mut self.connections[conn.0];
        if connection.is_reset(end) || connection.outbound(end).is_finished() {
            return;
        }
        connection.stream(end.other()).finish();
        self.plan_arrival(conn, end.other(), Arrival::End);
    }

    /// `end` lets go of the connection.
    pub(crate) fn leave(&mut self, conn: ConnId, end: End, ending: Ending) {
        let connection = &mut self.connections[conn.0];
        let has_unread = connection.inbound(end).arrived() > 0;
        let is_reset = has_unread || ending == Ending::Reset && !connection.is_unix();
        match connection.phase {
            Phase::Knocking | Phase::Failed(_) => connection.end(end).holder = Holder::Gone,
            Phase::Made if ending == Ending::Silent => {
                connection.stream(end).abandon();
                connection.end(end).holder = Holder::Gone;
            }
            Phase::Made if is_reset => self.reset(conn, end),
            Phase::Made => {
                self.finish(conn, end);
                self.connections[conn.0].end(end).holder = Holder::Gone;
            }
        }
        self.forget_if_over(conn);
    }

    /// `end` cuts the connection and is gone.
    pub(crate) fn reset(&mut self, conn: ConnId, end: End) {
        let overtakes = self.rng.chance(self.options.network.reset_overtakes_permille);
        let connection = &mut self.connections[conn.0];
        let was_reset = connection.is_reset(end);
        connection.end(end).holder = Holder::Gone;
        connection.stream(end).abandon();
        if was_reset {
            return;
        }
        connection.end(end).is_reset = true;
        if overtakes && connection.holder(end.other()) != Holder::Coming {
            let latency = self.latency();
            self.plan(latency, Event::Arrive { conn, toward: end.other(), what: Arrival::Reset });
        } else {
            self.plan_arrival(conn, end.other(), Arrival::Reset);
        }
    }

    pub(crate) fn on_arrival(&mut self, conn: ConnId, toward: End, what: Arrival) {
        let connection = &mut self.connections[conn.0];
        if connection.has_vanished(toward) {
            return;
        }
        match what {
            Arrival::Bytes(_) if connection.holder(toward) == Holder::Gone => {
                return self.answer_with_reset(conn, toward);
            }
            Arrival::Bytes(count) => connection.stream(toward).arrive(count),
            Arrival::End => connection.stream(toward).arrive_end(),
            Arrival::Reset if connection.is_reset(toward) => return,
            Arrival::Reset => {
                let has_ended = connection.inbound(toward).end_has_arrived();
                // tcp_reset: a socket that has seen the end reports a broken pipe.
                connection.end(toward).set_reset(if has_ended { Errno::EPIPE } else { Errno::ECONNRESET });
                connection.stream(toward).cut();
                connection.stream(toward.other()).abandon();
            }
            Arrival::Room => (),
        }
        self.tell(conn, toward, what);
        self.forget_if_over(conn);
    }

    /// Bytes for a socket that was closed: whoever sent them learns so (RFC 9293 §3.10.7.1).
    fn answer_with_reset(&mut self, conn: ConnId, end: End) {
        if !self.connections[conn.0].is_reset(end) {
            self.reset(conn, end);
        }
    }

    /// Lets the holder of an end react to what has arrived.
    fn tell(&mut self, conn: ConnId, end: End, what: Arrival) {
        match self.connections[conn.0].holder(end) {
            Holder::Socket(fd) => {
                if what != Arrival::Room {
                    self.retry(fd, Lane::Inbound);
                }
                if matches!(what, Arrival::Room | Arrival::Reset) {
                    self.retry(fd, Lane::Outbound);
                }
            }
            Holder::Actor(actor) => self.run(actor),
            Holder::Coming | Holder::Queued(_) | Holder::Gone => (),
        }
    }

    /// Gives back the memory of a connection that nobody holds.
    fn forget_if_over(&mut self, conn: ConnId) {
        let connection = &mut self.connections[conn.0];
        for end in [End::Asker, End::Asked] {
            let unheard = connection.holder(end) == Holder::Gone && connection.holder(end.other()) == Holder::Gone;
            if unheard {
                connection.stream(end).abandon();
            }
        }
    }
}
