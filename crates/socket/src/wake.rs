//! Other threads → this shard: an eventfd that its driver always waits for.
//!
//! An eventfd is made before the threads that use it unshare their file tables, and its number stays open in all of them
//! ([`close_inherited`](crate::close_inherited) keeps it), so any thread may wake any shard.
//!
//! ```text
//!   waker:  publish message → pending := true ── was false ──▶ write(eventfd)
//!   driver: hears of it     → pending := false → the shard looks for messages
//! ```
//!
//! **Invariant:** `pending` is cleared before the shard looks. A waker that finds it set published its message before the
//! clearing, so the look that follows sees it: wakes are merged, none is lost.

use crate::sys::{check, close, last_errno};
use crate::thread::has_own_files;
use driver::{Errno, Fd, Wake, Waker};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What wakes one shard. Clones wake the same one.
#[derive(Clone, Debug)]
pub struct Wakeup {
    eventfd: Arc<Eventfd>,
}

#[derive(Debug)]
struct Eventfd {
    fd: RawFd,
    pending: AtomicBool,
    /// Where a ring reads the count to; nobody looks at it. It lives here because an `Arc` never moves it.
    count: AtomicU64,
}

impl Wakeup {
    /// To be called before any thread that wakes or is woken unshares its file table.
    pub fn new() -> Result<Wakeup, Errno> {
        // Blocking, so that a ring waits for it. SAFETY: no memory is touched.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) })?;
        let eventfd = Eventfd { fd, pending: AtomicBool::new(false), count: AtomicU64::new(0) };
        Ok(Wakeup { eventfd: Arc::new(eventfd) })
    }

    pub fn waker(&self) -> Waker {
        let eventfd: Arc<Eventfd> = Arc::clone(&self.eventfd);
        eventfd
    }

    /// The number that every thread's file table must keep.
    pub fn number(&self) -> i32 {
        self.eventfd.fd
    }

    /// Where a ring may write eight bytes for as long as `self` lives.
    pub fn count(&self) -> *mut u64 {
        self.eventfd.count.as_ptr()
    }

    /// The driver has heard of the wake. The next one is written again.
    pub fn on_read(&self) {
        self.eventfd.pending.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Eventfd {
    fn wake(&self) {
        if self.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        let one = 1u64;
        // SAFETY: the kernel reads the eight bytes of `one` during the call.
        let written = unsafe { libc::write(self.fd, (&raw const one).cast(), size_of::<u64>()) };
        // It would wait only at 2^64 unread wakes, and `pending` allows one.
        assert!(written == 8, "waking through descriptor {}: {:?}", self.fd, last_errno());
    }
}

impl Drop for Eventfd {
    fn drop(&mut self) {
        // In a thread with files of its own, this number may have been closed and given to another file; and its table
        // ends with the thread anyway.
        if !has_own_files() {
            close(Fd(self.fd));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wakes_are_merged_until_they_are_read() {
        let wakeup = Wakeup::new().expect("a descriptor");
        let waker = wakeup.waker();
        let unread = || {
            let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", wakeup.number())).expect("open");
            let line = text.lines().find_map(|line| line.strip_prefix("eventfd-count:")).expect("proc(5)");
            u64::from_str_radix(line.trim(), 16).expect("hexadecimal")
        };
        waker.wake();
        waker.wake();
        assert_eq!(unread(), 1);
        wakeup.on_read();
        waker.wake();
        assert_eq!(unread(), 2);
    }
}
