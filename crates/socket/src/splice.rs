//! How bytes skip user space: `splice(2)` from a socket into a pipe, and from the pipe into another socket.
//!
//! `splice` looks at the socket's own flag, and would wait on one that is blocking: both ways take non-blocking sockets.
//!
//! **Invariant:** a pipe is empty when it is filled and is not when it is drained, so `EAGAIN` always speaks of the socket.

use crate::pipes::Stock;
use crate::portion::portion;
use crate::sys::check_count;
use driver::{Errno, Fd, Pipe};
use std::os::fd::RawFd;
use std::ptr::null_mut;

impl Stock {
    /// A turn begins, which may move as much as any other.
    pub fn on_turn(&mut self) {
        self.portions.on_turn();
    }

    /// Whether this turn has moved so much that whoever else is ready waits for the next.
    pub fn is_turn_over(&self) -> bool {
        self.portions.is_turn_over()
    }

    /// Moves what has arrived into an empty pipe, `count_max` bytes at most; zero is the end of the stream. One call, which takes
    /// what is there, fits, and is one's due among the `waiting_count` who are ready: a second one could only find an error
    /// behind the bytes, and a socket reports each of its errors once.
    pub fn fill(&mut self, from: Fd, pipe: &mut Pipe, count_max: u32, waiting_count: usize) -> Result<u32, Errno> {
        assert_eq!(pipe.held(), 0, "a fill takes an empty pipe");
        assert!(count_max > 0, "a fill with nothing looks like the end of the stream");
        let ends = self.ends(pipe);
        let most = ends.size().min(portion(waiting_count)).min(count_max);
        let count = splice(from.0, ends.write(), most)?;
        pipe.on_filled(count);
        self.portions.on_moved(count);
        Ok(count)
    }

    /// Moves what the pipe holds into a socket, at least one byte. Asks for no more than that, without `SPLICE_F_MORE`: its
    /// last bytes leave at once, though the kernel itself delays those before them for as long as it moves further ones.
    pub fn drain(&mut self, to: Fd, pipe: &mut Pipe) -> Result<u32, Errno> {
        assert!(pipe.held() > 0, "a drain of nothing");
        let count = splice(self.ends(pipe).read(), to.0, pipe.held())?;
        assert!(count > 0, "a pipe of {} bytes is empty", pipe.held());
        pipe.on_drained(count);
        self.portions.on_moved(count);
        Ok(count)
    }
}

/// Moves up to `most` bytes between a socket and a pipe.
fn splice(from: RawFd, to: RawFd, most: u32) -> Result<u32, Errno> {
    const FLAGS: u32 = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    // SAFETY: without offsets, no memory is touched.
    check_count(unsafe { libc::splice(from, null_mut(), to, null_mut(), most as usize, FLAGS) })
}

pub(crate) fn ignores_sigpipe() -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the kernel writes one `action` during the call.
    let result = unsafe { libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr()) };
    assert_eq!(result, 0, "every system has this signal");
    // SAFETY: it was zeroed, which is a value of all its fields, and then written.
    let action = unsafe { action.assume_init() };
    action.sa_sigaction != libc::SIG_DFL
}
