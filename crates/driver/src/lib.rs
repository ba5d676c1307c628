//! The words between a shard and the world: what it asks for ([`Op`]), what it hears back ([`Done`]), and who carries them
//! ([`Driver`]).
//!
//! An op owns everything the kernel may touch until its done arrives. A driver decides nothing: it is the only thing that
//! differs between production (io_uring) and simulation.
//!
//! **Invariant:** every submitted op completes exactly once, cancelled ones included.
//! **Invariant:** a driver answers for a socket only until its `Close` has completed.
#![forbid(unsafe_code)]

mod address;
mod errno;
mod keys;
mod pipe;
mod time;
mod tuning;

pub use address::{Addr, UNIX_NAME_MOST};
pub use errno::Errno;
pub use keys::{Keys, Way};
pub use pipe::{Pipe, Pipes};
pub use time::Instant;
pub use tuning::{Keepalive, Source, Tuning};

use buf::{Lease, Pool};
use std::sync::Arc;
use std::time::Duration;

/// Names a session slot. The generation tells a reused slot from the one an op was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId {
    pub index: u32,
    pub generation: u32,
}

/// Which of a session's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Towards the client.
    Front,
    /// Towards the server.
    Back,
}

/// Names who hears about a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    Session {
        id: SessionId,
        side: Side,
    },
    /// A listener, by the shard's own number for it.
    Listener(u32),
}

/// A socket as its driver knows it: a descriptor of the shard's own file table on the kernel, a table index in simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fd(pub i32);

/// How much a receive hopes for, so that a driver can skip an attempt that would find nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hope {
    /// Bytes are probably there: try at once.
    Soon,
    /// The peer was just answered or is resting: wait for readiness first.
    Later,
}

/// How a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What was sent still arrives, then an end of stream.
    Orderly,
    /// A reset: the peer sees a cut (RFC 9293 §3.5.2). Unsent bytes are dropped.
    Reset,
    /// The peer is told nothing, and believes the connection to stand. Where we may not do that, what it is told gets no further than
    /// the first router.
    Silent,
}

/// What a shard asks of the world.
#[derive(Debug)]
pub enum Op {
    /// Completes when a connection waits on this listener, or at once if one does.
    Readable {
        fd: Fd,
    },
    Connect {
        fd: Fd,
        addr: Addr,
    },
    /// Receives into a buffer that the driver takes from its pool when bytes have arrived, not before: as many as it has room for, and
    /// `count_max` at most, which is not zero.
    Recv {
        fd: Fd,
        hope: Hope,
        count_max: u32,
    },
    /// Sends bytes `start..end` of the lease. May send fewer.
    Send {
        fd: Fd,
        lease: Lease,
        start: u32,
        end: u32,
    },
    /// Waits until bytes have arrived, then takes an empty pipe from the driver's stock and moves them into it without
    /// passing user space, `count_max` of them at most and never none. So a flow that rests holds no pipe, as it holds no buffer.
    Fill {
        fd: Fd,
        count_max: u32,
    },
    /// Moves what the pipe holds into the socket. May move less.
    Drain {
        fd: Fd,
        pipe: Pipe,
    },
    /// Has the kernel open the records that come from here on, or seal those that are sent: the socket's bytes are plain for us then. Of
    /// what it is about nothing is in flight. Completes at once.
    Entrust {
        fd: Fd,
        way: Way,
        keys: Keys,
    },
    /// Sends an alert (RFC 8446 §6) on a socket whose records the kernel seals, behind all that was sent before. It is said when there is
    /// room for all of that: what the kernel has only sealed by then would be lost with the socket's half.
    SendAlert {
        fd: Fd,
        alert: [u8; 2],
    },
    /// Takes the record that a receive (`EIO`) or a fill (`EINVAL`) found on a socket whose records the kernel opens, and that is not
    /// data. Completes at once.
    RecvRecord {
        fd: Fd,
        lease: Lease,
    },
    /// Ends our sending half.
    Finish {
        fd: Fd,
    },
    /// Ends every op in flight on the socket. Each of them still completes, possibly with success; the cancel itself may
    /// complete before them.
    Cancel {
        fd: Fd,
    },
    /// Nothing else may be in flight on the socket.
    Close {
        fd: Fd,
        ending: Ending,
    },
}

/// How an op went. An op that moved a lease out brings it back.
#[derive(Debug)]
pub enum Done {
    Readable(Result<(), Errno>),
    Connected(Result<(), Errno>),
    Received(Result<Received, Errno>),
    Sent {
        lease: Lease,
        result: Result<u32, Errno>,
    },
    Filled(Result<Filled, Errno>),
    /// Bytes that left the pipe.
    Drained {
        pipe: Pipe,
        result: Result<u32, Errno>,
    },
    Entrusted(Way, Result<(), Errno>),
    AlertSent(Result<(), Errno>),
    /// Of which kind the record was, and how many bytes of the lease were in it.
    RecordReceived {
        lease: Lease,
        result: Result<(u8, u32), Errno>,
    },
    Finished(Result<(), Errno>),
    Cancelled,
    Closed,
}

#[derive(Debug)]
pub enum Received {
    /// Bytes `0..count` of the lease, at least one. `more`: the socket already holds further bytes.
    Bytes { lease: Lease, count: u32, more: bool },
    /// The peer ended its sending half.
    End,
}

#[derive(Debug)]
pub enum Filled {
    /// The pipe holds bytes, at least one ([`Pipe::held`]).
    Bytes(Pipe),
    /// The peer ended its sending half.
    End,
    /// Bytes are there, but no pipe could be had for them, or they cannot go through one (urgent data): they are to be
    /// received instead.
    NoPipe,
}

/// A connection taken from a listener.
#[derive(Debug)]
pub struct Accepted {
    pub fd: Fd,
    /// The client's address as the kernel names it; [`Addr::Unnamed`] for clients of unix sockets.
    pub peer: Addr,
}

/// What a listening socket is to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListenSpec {
    pub addr: Addr,
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// `Some(true)` takes IPv6 only, `Some(false)` IPv4 as well; `None` leaves it to the system.
    pub v6_only: Option<bool>,
    /// The device that packets have to come through (`socket(7)`: `SO_BINDTODEVICE`); without meaning for unix sockets.
    pub device: Option<Arc<str>>,
    /// Without meaning but for paths.
    pub ownership: Ownership,
}

/// Who owns the path of a unix socket, and who may connect. What is `None` is as the process makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// Permission bits.
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

impl ListenSpec {
    /// A socket of which nothing special is wanted.
    pub fn at(addr: Addr, backlog: u32) -> ListenSpec {
        ListenSpec { addr, backlog, v6_only: None, device: None, ownership: Ownership::default() }
    }
}

/// A thread of the process with a file table of its own, as the kernel numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thread(pub i32);

/// What a driver counts about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriverStats {
    /// Entries into the kernel to submit and wait.
    pub enters: u64,
    pub completions: u64,
    /// Receives that found no buffer and waited for one.
    pub starved: u64,
    /// Bytes that went from socket to socket through a pipe.
    pub spliced_bytes: u64,
    /// Times the submission queue was full and had to be flushed early.
    pub queue_full: u64,
}

/// One shard's way to the world. Single-threaded; only its [`Wake`] may be used from elsewhere.
pub trait Driver {
    /// Monotonic time since the driver's epoch. Drivers own the clock; nobody else reads one.
    fn now(&self) -> Instant;

    /// The buffers of this shard, for bytes that it makes itself.
    fn pool(&self) -> &Pool;

    /// A new stream socket of the family that `addr` needs. Synchronous, so that every op has a socket to be cancelled by.
    fn socket(&mut self, addr: &Addr) -> Result<Fd, Errno>;

    /// A socket bound to `spec.addr`, not yet listening: nothing is queued on it, so it may be given up without harm.
    fn bind(&mut self, spec: &ListenSpec) -> Result<Fd, Errno>;

    /// A listening socket that the process inherited under this number (`fd@N`), as one of this driver's own.
    fn adopt(&mut self, inherited: i32) -> Result<Fd, Errno>;

    /// A listening socket that was opened for this driver alone before it was made: it becomes the driver's own, number and all.
    fn take(&mut self, number: i32) -> Result<Fd, Errno>;

    /// Sets what differs between what a socket `was` set to and what is `wanted` of it. Sockets that are not of TCP stay as they
    /// are. Count, idle and interval of keepalive that are no longer wanted stay, too.
    fn tune(&mut self, fd: Fd, was: &Tuning, wanted: &Tuning) -> Result<(), Errno>;

    /// Makes a bound socket listen.
    fn listen(&mut self, fd: Fd, backlog: u32) -> Result<(), Errno>;

    /// Makes a listening socket refuse: it keeps its address, resets those who wait, and can listen again. For sockets that nobody
    /// else holds, bound to a port that was named, and with nothing in flight.
    fn unlisten(&mut self, fd: Fd) -> Result<(), Errno>;

    /// Takes the next waiting connection. `None`: nobody waits.
    fn accept(&mut self, listener: Fd) -> Result<Option<Accepted>, Errno>;

    /// Our own address on a connected or listening socket.
    fn local_addr(&mut self, fd: Fd) -> Result<Addr, Errno>;

    /// Whether bytes, an end or an error wait to be received on a connected socket on which nothing is in flight.
    fn is_readable(&mut self, fd: Fd) -> bool;

    /// Closes a socket on which nothing was ever in flight, or nothing is any more.
    fn discard(&mut self, fd: Fd);

    /// The thread in whose file table this driver's sockets are; `None`: nobody can fetch them from there.
    fn thread(&self) -> Option<Thread>;

    /// A connection of another driver, on which nothing is in flight and never will be there, as one of this driver's own. It is open
    /// twice until the other one lets it go.
    fn fetch(&mut self, from: Thread, number: Fd) -> Result<Fd, Errno>;

    /// Closes the number of a connection that another driver has fetched. The connection goes on.
    fn let_go(&mut self, fd: Fd);

    /// Starts an op. `Some`: it is complete already, and no further completion follows.
    #[must_use]
    fn submit(&mut self, tag: Tag, op: Op) -> Option<Done>;

    /// Submits what is queued, waits for a completion, a wake-up or `deadline`, and appends what completed. One entry into
    /// the kernel.
    fn turn(&mut self, deadline: Option<Instant>, done: &mut Vec<(Tag, Done)>) -> Result<(), Errno>;

    /// Hands over what was submitted so far, and completes nothing: for a shard that is about to be busy for longer than anybody should
    /// wait.
    fn flush(&mut self);

    /// Gives memory that a burst has left behind back to the system, down to what so many buffers need. Called
    /// at times: what was needed since the last call is taken for what will be.
    fn tidy(&mut self, buffers_least: usize);

    /// Ends the wait of a turn from another thread. Wakes may be merged, never lost.
    fn waker(&self) -> Waker;

    fn stats(&self) -> DriverStats;
}

/// Ends the wait of a shard's turn, from any thread.
pub type Waker = Arc<dyn Wake>;

/// What a [`Waker`] does.
pub trait Wake: Send + Sync {
    fn wake(&self);
}

impl Side {
    pub fn other(self) -> Side {
        match self {
            Side::Front => Side::Back,
            Side::Back => Side::Front,
        }
    }
}

impl Op {
    /// The socket that this op is for.
    pub fn fd(&self) -> Fd {
        match *self {
            Op::Readable { fd }
            | Op::Connect { fd, .. }
            | Op::Recv { fd, .. }
            | Op::Send { fd, .. }
            | Op::Fill { fd, .. }
            | Op::Drain { fd, .. }
            | Op::Entrust { fd, .. }
            | Op::SendAlert { fd, .. }
            | Op::RecvRecord { fd, .. }
            | Op::Finish { fd }
            | Op::Cancel { fd }
            | Op::Close { fd, .. } => fd,
        }
    }
}

/// Longest wait a driver accepts in one turn; a later deadline is waited for in several.
pub const WAIT_MOST: Duration = Duration::from_secs(3600);
