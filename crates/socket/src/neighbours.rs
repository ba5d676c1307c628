//! Connections out of another thread's file table (`pidfd_getfd(2)`): a copy under a number of our own, at once and without that
//! thread's help.

use crate::sys::check;
use driver::{Errno, Fd, Thread};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The threads that something was fetched from. Kernels before Linux 6.9 name no single threads, and sandboxes may refuse the call.
#[derive(Debug, Default)]
pub struct Neighbours {
    known: Vec<(Thread, OwnedFd)>,
}

/// The calling thread.
pub fn thread() -> Thread {
    // SAFETY: no memory is touched.
    Thread(unsafe { libc::gettid() })
}

impl Neighbours {
    /// A copy of what a thread has under this number. It is open twice until that thread closes it.
    pub fn fetch(&mut self, from: Thread, number: Fd) -> Result<Fd, Errno> {
        let found = self.known.iter().position(|(known, _)| *known == from);
        let index = match found {
            Some(index) => index,
            None => {
                self.known.push((from, open(from)?));
                self.known.len() - 1
            }
        };
        let thread = self.known[index].1.as_raw_fd();
        // SAFETY: no memory is touched.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_getfd, thread, number.0, 0) };
        check(result as i32).map(Fd)
    }
}

fn open(thread: Thread) -> Result<OwnedFd, Errno> {
    /// `linux/pidfd.h`
    const PIDFD_THREAD: i32 = libc::O_EXCL;
    // SAFETY: no memory is touched.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, thread.0, PIDFD_THREAD) };
    let number = check(result as i32)?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
