//! What is known of each socket: what waits on it, and what the kernel last said of it.
//!
//! ```text
//!                  edge                     moved something, not all
//!   Nothing ──────────────▶ Ready ─────────────────────────────────────▶ Perhaps
//!      ▲                      │                                             │
//!      └── the kernel said that nothing is left, or moved less than asked ◀─┘
//! ```
//!
//! **Invariant:** a socket whose readiness is `Nothing`, and that is watched, gets an edge when that changes. Edges speak
//! of changes only, so `Nothing` follows from an answer of the kernel and never from a guess.

use crate::budget::Share;
use crate::poller::Edge;
use buf::Lease;
use driver::{Done, Errno, Fd, Pipe, Tag};

/// Whether an attempt is worth its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// No: an edge will tell, once the socket is watched.
    Nothing,
    /// It may be.
    Perhaps,
    /// The kernel said so, and nothing was taken since.
    Ready,
}

/// Whether the kernel tells what becomes of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// It was not asked to, or the shard has heard that it refused.
    Unasked,
    /// It had no room for one more when it was last asked.
    Refused,
    /// It does until the socket is closed.
    Standing,
}

/// What may wait for a socket to be readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    Readable,
    Recv { count_max: u32 },
    Fill { count_max: u32 },
}

/// What may wait for a socket to be writable.
#[derive(Debug)]
pub(crate) enum Outbound {
    Connect,
    Send { lease: Lease, start: u32, end: u32 },
    Drain(Pipe),
    Alert([u8; 2]),
}

/// An op that waits in its lane.
#[derive(Debug)]
pub(crate) struct InFlight<O> {
    pub(crate) tag: Tag,
    pub(crate) op: O,
    /// It ends at the next turn, whatever the socket says.
    pub(crate) is_cancelled: bool,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) inbound: Option<InFlight<Inbound>>,
    pub(crate) outbound: Option<InFlight<Outbound>>,
    pub(crate) readable: Readiness,
    pub(crate) writable: Readiness,
    /// Something may lie behind the bytes that were received, though they were fewer than there was room for: an end, an
    /// error, urgent data, at which the kernel interrupts a receive (`tcp(7)`), or a record of TLS that is no data, at which it does
    /// so, too, where it opens them.
    pub(crate) has_mark: bool,
    pub(crate) watch: Watch,
    /// Others hold the same open socket under numbers of their own.
    pub(crate) is_shared: bool,
    pub(crate) share: Share,
}

pub(crate) struct Sockets {
    /// By number.
    table: Vec<Socket>,
}

// An idle session has two of them.
const _: () = assert!(size_of::<Socket>() <= 88);

/// Descriptors that are no sockets of sessions.
const BESIDE_SESSIONS: usize = 64;

impl Sockets {
    pub(crate) fn new(sessions_max: u32) -> Sockets {
        Sockets { table: Vec::with_capacity(2 * sessions_max as usize + BESIDE_SESSIONS) }
    }

    /// A number names a new socket.
    pub(crate) fn open(&mut self, fd: Fd) {
        let number = number(fd);
        if number >= self.table.len() {
            self.table.resize_with(number + 1, Socket::new);
        }
        debug_assert!(
            self.table[number].is_free() && self.table[number].watch != Watch::Standing,
            "socket {} was not closed",
            fd.0
        );
    }

    /// Its number may name another from now on.
    pub(crate) fn close(&mut self, fd: Fd) -> Socket {
        self.assert_free(fd, "closing it", Socket::is_free);
        std::mem::replace(self.of(fd), Socket::new())
    }

    pub(crate) fn of(&mut self, fd: Fd) -> &mut Socket {
        &mut self.table[number(fd)]
    }

    /// Notes an edge. Answers whether an op waits for it.
    pub(crate) fn on_edge(&mut self, fd: Fd, edge: Edge) -> bool {
        let socket = self.of(fd);
        socket.has_mark |= edge.has_mark;
        if edge.is_readable {
            socket.readable = Readiness::Ready;
        }
        if edge.is_writable {
            socket.writable = Readiness::Ready;
        }
        (edge.is_readable && socket.inbound.is_some()) || (edge.is_writable && socket.outbound.is_some())
    }

    /// Whether there is something to receive or to accept, from the kernel if that is not known.
    pub(crate) fn settle_readable(&mut self, fd: Fd) -> bool {
        let socket = self.of(fd);
        if socket.readable == Readiness::Perhaps {
            let is_readable = socket::is_readable(fd);
            socket.readable = if is_readable { Readiness::Ready } else { Readiness::Nothing };
        }
        socket.readable == Readiness::Ready
    }

    pub(crate) fn assert_free(&mut self, fd: Fd, what: &str, is_free: impl FnOnce(&Socket) -> bool) {
        let socket = self.of(fd);
        assert!(is_free(socket), "socket {}: {what} while something is in flight on it: {socket:?}", fd.0);
    }

    pub(crate) fn in_flight_count(&self) -> usize {
        let of = |socket: &Socket| usize::from(socket.inbound.is_some()) + usize::from(socket.outbound.is_some());
        self.table.iter().map(of).sum()
    }
}

impl Socket {
    /// Nothing is known to have arrived on a new socket, and nothing was sent that could fill it.
    fn new() -> Socket {
        Socket {
            inbound: None,
            outbound: None,
            readable: Readiness::Nothing,
            writable: Readiness::Perhaps,
            has_mark: false,
            watch: Watch::Unasked,
            is_shared: false,
            share: Share::default(),
        }
    }

    /// Whether the watch was refused since this was last asked.
    pub(crate) fn take_refusal(&mut self) -> bool {
        let is_refused = self.watch == Watch::Refused;
        if is_refused {
            self.watch = Watch::Unasked;
        }
        is_refused
    }

    fn is_free(&self) -> bool {
        self.inbound.is_none() && self.outbound.is_none()
    }

    /// Answers whether there was something to cancel.
    pub(crate) fn cancel(&mut self) -> bool {
        let inbound = self.inbound.as_mut().map(|in_flight| &mut in_flight.is_cancelled);
        let outbound = self.outbound.as_mut().map(|in_flight| &mut in_flight.is_cancelled);
        let victims = inbound.into_iter().chain(outbound);
        victims.map(|is_cancelled| *is_cancelled = true).count() > 0
    }

    /// Bytes were received. `is_last`: the kernel has no more of them.
    pub(crate) fn on_received(&mut self, is_last: bool) {
        self.readable = if is_last && !self.has_mark { Readiness::Nothing } else { Readiness::Perhaps };
    }

    /// Bytes were sent. `is_all`: as many as were to be.
    pub(crate) fn on_sent(&mut self, is_all: bool) {
        self.writable = if is_all { Readiness::Perhaps } else { Readiness::Nothing };
    }
}

impl<O> InFlight<O> {
    pub(crate) fn new(tag: Tag, op: O) -> InFlight<O> {
        InFlight { tag, op, is_cancelled: false }
    }
}

impl Inbound {
    pub(crate) fn failed(self, errno: Errno) -> Done {
        match self {
            Inbound::Readable => Done::Readable(Err(errno)),
            Inbound::Recv { .. } => Done::Received(Err(errno)),
            Inbound::Fill { .. } => Done::Filled(Err(errno)),
        }
    }
}

impl Outbound {
    pub(crate) fn failed(self, errno: Errno) -> Done {
        match self {
            Outbound::Connect => Done::Connected(Err(errno)),
            Outbound::Send { lease, .. } => Done::Sent { lease, result: Err(errno) },
            Outbound::Drain(pipe) => Done::Drained { pipe, result: Err(errno) },
            Outbound::Alert(_) => Done::AlertSent(Err(errno)),
        }
    }
}

fn number(fd: Fd) -> usize {
    usize::try_from(fd.0).expect("sockets have numbers from zero")
}
