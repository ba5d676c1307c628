//! How bytes skip user space: `splice(2)` from a socket into a pipe, and from the pipe into another socket.
//!
//! ```text
//!   socket ── the ring: readable ──▶ fill ──▶ pipe ──▶ drain ──▶ socket
//!                                                        └─ full: the ring says when it is writable
//! ```
//!
//! The ring's own splice is always handed to a worker thread and costs two to three times as much for each byte. So the
//! ring says when a socket is ready, and the shard makes the call, which does not wait.
//!
//! A fill takes its pipe when its socket is readable, and gives it back at once if nothing came: a flow that rests holds
//! none.
//!
//! **Invariant:** a pipe is empty when it is filled and is not when it is drained, so `EAGAIN` always speaks of the socket.

use crate::Uring;
use crate::in_flight::{Kept, Patience};
use crate::pipes::Stock;
use crate::prepare::writable;
use crate::socket::{last_errno, set_nonblocking};
use driver::{Done, Errno, Fd, Filled, Pipe, Tag};
use std::os::fd::RawFd;
use std::ptr::null_mut;

/// The pipes of a shard, and what is known of the sockets that they are used with.
pub(crate) struct Splicer {
    pub(crate) stock: Stock,
    /// By number: sockets that were made non-blocking. `splice` looks at the socket's own flag, and would wait.
    nonblocking: Vec<bool>,
}

const NUMBERS_STEP: usize = 1024;

impl Uring {
    /// The socket of a drain is writable, or may be.
    pub(crate) fn on_writable(&mut self, tag: Tag, fd: Fd, mut pipe: Pipe, patience: Patience) -> Option<Done> {
        let result = match (self.splicer.drain(fd, &mut pipe), patience) {
            (Err(Errno::EAGAIN | Errno::EINTR), Patience::Waits) => {
                self.start(tag, fd, writable(fd), Kept::Drain(pipe, patience));
                return None;
            }
            (Err(Errno::EAGAIN | Errno::EINTR), Patience::Cancelled) => Err(Errno::ECANCELED),
            (result, Patience::Waits | Patience::Cancelled) => result,
        };
        self.stats.spliced_bytes += u64::from(result.unwrap_or(0));
        Some(Done::Drained { pipe, result })
    }
}

impl Splicer {
    /// The kernel raises `SIGPIPE` where a splice meets a socket that cannot be sent to any more; unlike a send, it cannot
    /// be told not to.
    pub(crate) fn new(pipes_max: u32) -> Splicer {
        assert!(pipes_max == 0 || ignores_sigpipe(), "splicing in a process that SIGPIPE would end");
        Splicer { stock: Stock::new(pipes_max), nonblocking: Vec::new() }
    }

    /// A number names a new socket.
    pub(crate) fn on_opened(&mut self, fd: Fd) {
        if let Some(flag) = self.nonblocking.get_mut(fd.0 as usize) {
            *flag = false;
        }
    }

    /// Takes what has come to a socket that is readable. As with buffers, a pipe must be at hand before it is known what that
    /// is, be it an end.
    ///
    /// One call takes what is there and fits. A second one could only find an error behind the bytes, and a socket
    /// reports each of its errors once: this op has no room for both.
    ///
    /// A socket that was readable and gives nothing is to be received from, and not waited for again: from an urgent mark
    /// on (RFC 9293 §3.8.5) nothing is spliced though it stays readable, so that any client could make this spin.
    pub(crate) fn fill(&mut self, fd: Fd) -> Result<Filled, Errno> {
        let Some(mut pipe) = self.stock.take() else { return Ok(Filled::NoPipe) };
        self.make_nonblocking(fd);
        let ends = self.stock.ends(&pipe);
        match splice(fd.0, ends.write(), ends.size()) {
            Ok(0) => Ok(Filled::End),
            Ok(count) => {
                pipe.on_filled(count);
                Ok(Filled::Bytes(pipe))
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Filled::NoPipe),
            Err(errno) => Err(errno),
        }
    }

    /// Asks for what the pipe holds and no more, without `SPLICE_F_MORE`: its last bytes leave at once, though
    /// the kernel itself delays those before them for as long as it moves further ones.
    fn drain(&mut self, fd: Fd, pipe: &mut Pipe) -> Result<u32, Errno> {
        assert!(pipe.held() > 0, "a drain of nothing");
        self.make_nonblocking(fd);
        let count = splice(self.stock.ends(pipe).read(), fd.0, pipe.held())?;
        assert!(count > 0, "a pipe of {} bytes is empty", pipe.held());
        pipe.on_drained(count);
        Ok(count)
    }

    /// Once for each socket. Receives and sends of the ring wait as before: they look at their own flags.
    fn make_nonblocking(&mut self, fd: Fd) {
        let number = usize::try_from(fd.0).expect("sockets have numbers from zero");
        if number >= self.nonblocking.len() {
            self.nonblocking.resize((number + 1).next_multiple_of(NUMBERS_STEP), false);
        }
        if !std::mem::replace(&mut self.nonblocking[number], true) {
            set_nonblocking(fd.0, true).expect("an open socket takes this flag");
        }
    }
}

/// Moves up to `most` bytes between a socket and a pipe.
fn splice(from: RawFd, to: RawFd, most: u32) -> Result<u32, Errno> {
    const FLAGS: u32 = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    // SAFETY: without offsets, no memory is touched.
    let moved = unsafe { libc::splice(from, null_mut(), to, null_mut(), most as usize, FLAGS) };
    u32::try_from(moved).map_err(|_| last_errno())
}

fn ignores_sigpipe() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the kernel writes one `action` during the call.
    let result = unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr()) };
    assert_eq!(result, 0, "every system has this signal");
    // SAFETY: it was zeroed, which is a value of all its fields, and then written.
    let action = unsafe { action.assume_init() };
    action.sa_sigaction != libc::SIG_DFL
}
