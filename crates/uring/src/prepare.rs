//! Op → submission: one of the two matches over op kinds.
//!
//! **Invariant:** whatever address a [`Submission`] holds is of memory that its [`Kept`] owns, or, for the wake-up, its
//! [`Wakeup`]; or it holds none. Only this file makes submissions.

use crate::in_flight::{Kept, Key, Patience, Receive};
use crate::provided::GROUP;
use buf::Lease;
use driver::{Addr, Done, Ending, Fd, Hope, Op, Pipe};
use io_uring::squeue::{Entry, Flags};
use io_uring::{opcode, types};
use socket::{Name, Waiting, Wakeup};

/// What is to be done for an op.
pub(crate) enum Prepared {
    /// It was done by a call that never waits, or cannot be done.
    Now(Done),
    /// The ring does it.
    Queue(Fd, Submission, Kept),
    /// A call that never waits does it, or says that the ring must wait for the socket.
    Drain(Fd, Pipe),
    /// A call that never waits does it, once nothing is being sent.
    Finish(Fd),
    /// It is about other ops.
    Cancel(Fd),
}

/// One entry for the submission queue.
pub(crate) struct Submission(Entry);

/// Names no op: completions of cancels, which say nothing that the victim's does not.
pub(crate) const CANCEL: u64 = u64::MAX;
/// Names no op: the read of the wake-up.
pub(crate) const WAKE: u64 = u64::MAX - 1;

/// `linux/io_uring.h`: wait for readiness before the first attempt.
const IORING_RECVSEND_POLL_FIRST: u16 = 1;

/// `has_buffers`: a receive may find a buffer at its first attempt. If not, it waits for bytes before it looks for one.
pub(crate) fn prepare(op: Op, has_buffers: bool) -> Prepared {
    match op {
        Op::Readable { fd } => Prepared::Queue(fd, waiting(fd), Kept::Readable),
        Op::Connect { fd, addr } => connect(fd, &addr),
        Op::Recv { fd, hope, count_max } => {
            let hope = if has_buffers { hope } else { Hope::Later };
            Prepared::Queue(fd, receive(fd, hope, count_max), Kept::Receive(Receive::Waiting, count_max))
        }
        Op::Send { fd, lease, start, end } => send(fd, lease, start, end),
        Op::Fill { fd, count_max } => Prepared::Queue(fd, readable(fd), Kept::Fill(count_max)),
        Op::Drain { fd, pipe } => Prepared::Drain(fd, pipe),
        Op::Entrust { fd, way, keys } => Prepared::Now(Done::Entrusted(way, socket::entrust(fd, way, &keys))),
        Op::SendAlert { fd, alert } => Prepared::Queue(fd, writable(fd), Kept::Alert(alert, Patience::Waits)),
        Op::RecvRecord { fd, mut lease } => {
            let result = socket::receive_record(fd, lease.bytes_mut());
            Prepared::Now(Done::RecordReceived { lease, result })
        }
        Op::Finish { fd } => Prepared::Finish(fd),
        Op::Cancel { fd } => Prepared::Cancel(fd),
        Op::Close { fd, ending } => close(fd, ending),
    }
}

/// Completes when somebody waits to be accepted.
fn waiting(fd: Fd) -> Submission {
    poll(fd, libc::POLLIN)
}

/// Completes when bytes, an end or an error can be read.
fn readable(fd: Fd) -> Submission {
    poll(fd, libc::POLLIN | libc::POLLRDHUP)
}

/// Completes when there is room to send, or never will be.
pub(crate) fn writable(fd: Fd) -> Submission {
    poll(fd, libc::POLLOUT)
}

/// Completes once.
fn poll(fd: Fd, events: libc::c_short) -> Submission {
    Submission(opcode::PollAdd::new(types::Fd(fd.0), events as u32).build())
}

fn connect(fd: Fd, addr: &Addr) -> Prepared {
    match (addr, Name::encode(addr)) {
        (_, Err(errno)) => Prepared::Now(Done::Connected(Err(errno))),
        // The ring would wait for a full backlog in a worker thread.
        (Addr::Unix(_) | Addr::Unnamed, Ok(name)) => {
            Prepared::Now(Done::Connected(socket::connect_unix(fd, &name, Waiting::InKernel)))
        }
        (Addr::Ip(_), Ok(name)) => {
            let name = Box::new(name);
            let entry = opcode::Connect::new(types::Fd(fd.0), name.as_ptr(), name.size()).build();
            Prepared::Queue(fd, Submission(entry), Kept::Connect(name))
        }
    }
}

/// A receive that the kernel gives a provided buffer when bytes are there, whose length limits it, too.
pub(crate) fn receive(fd: Fd, hope: Hope, count_max: u32) -> Submission {
    let ioprio = match hope {
        Hope::Soon => 0,
        Hope::Later => IORING_RECVSEND_POLL_FIRST,
    };
    // Zero is as much as the buffer has room for.
    let limit = if count_max == u32::MAX { 0 } else { count_max };
    let recv = opcode::Recv::new(types::Fd(fd.0), std::ptr::null_mut(), limit).ioprio(ioprio).buf_group(GROUP);
    Submission(recv.build().flags(Flags::BUFFER_SELECT))
}

fn send(fd: Fd, lease: Lease, start: u32, end: u32) -> Prepared {
    let bytes = &lease.bytes()[start as usize..end as usize];
    debug_assert!(!bytes.is_empty(), "a send of nothing");
    let send = opcode::Send::new(types::Fd(fd.0), bytes.as_ptr(), end - start).flags(libc::MSG_NOSIGNAL);
    Prepared::Queue(fd, Submission(send.build()), Kept::Send(lease))
}

fn close(fd: Fd, ending: Ending) -> Prepared {
    match ending {
        Ending::Orderly => (),
        Ending::Reset => socket::reset_on_close(fd),
        Ending::Silent => socket::silence_on_close(fd),
    }
    Prepared::Queue(fd, Submission(opcode::Close::new(types::Fd(fd.0)).build()), Kept::Close)
}

/// Ends one op. It names the op and not the socket, so that it cannot reach one that is submitted later.
pub(crate) fn cancel(victim: Key) -> Submission {
    let entry = opcode::AsyncCancel::new(victim.user_data()).build().user_data(CANCEL);
    Submission(entry.flags(Flags::SKIP_SUCCESS))
}

/// Ends everything in flight on the ring.
pub(crate) fn cancel_any() -> Submission {
    let entry = opcode::AsyncCancel2::new(types::CancelBuilder::any()).build();
    Submission(entry.user_data(CANCEL).flags(Flags::SKIP_SUCCESS))
}

/// Completes when a shard is woken, and empties the eventfd.
pub(crate) fn read_wakeup(wakeup: &Wakeup) -> Submission {
    let size = size_of::<u64>() as u32;
    let read = opcode::Read::new(types::Fd(wakeup.number()), wakeup.count().cast(), size);
    Submission(read.build().user_data(WAKE))
}

impl Submission {
    pub(crate) fn named(self, key: Key) -> Submission {
        Submission(self.0.user_data(key.user_data()))
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.0
    }
}

/// The ops of the kernel that this file makes, for the probe.
pub(crate) const USED: [(u8, &str); 7] = [
    (opcode::PollAdd::CODE, "IORING_OP_POLL_ADD"),
    (opcode::Connect::CODE, "IORING_OP_CONNECT"),
    (opcode::Recv::CODE, "IORING_OP_RECV"),
    (opcode::Send::CODE, "IORING_OP_SEND"),
    (opcode::Close::CODE, "IORING_OP_CLOSE"),
    (opcode::AsyncCancel::CODE, "IORING_OP_ASYNC_CANCEL"),
    (opcode::Read::CODE, "IORING_OP_READ"),
];
