//! Entering the kernel: submit, wait, collect, in one call.

use crate::setup::Ring;
use driver::Errno;
use io_uring::EnterFlags;
use io_uring::types::{SubmitArgs, Timespec};
use socket::last_errno;
use std::time::Duration;

/// How long an entry waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It submits, and completes nothing that is not done on the spot.
    Not,
    /// It lets the kernel finish what it can.
    Look,
    /// It waits for one completion.
    For(Duration),
    Forever,
}

impl Ring {
    /// Submits what is queued and waits. Being interrupted and running out of time are not errors; neither is a kernel
    /// that is short of memory or has too many completions waiting: what was not submitted stays in the queue.
    pub(crate) fn enter(&mut self, wait: Wait) -> Result<(), Errno> {
        let submissions = self.submission().len();
        let timespec;
        let (completions, flags, args) = match wait {
            Wait::Not => (0, EnterFlags::empty(), SubmitArgs::new()),
            Wait::Look => (0, EnterFlags::GETEVENTS, SubmitArgs::new()),
            Wait::For(span) => {
                timespec = Timespec::from(span);
                (1, EnterFlags::GETEVENTS, SubmitArgs::new().timespec(&timespec))
            }
            Wait::Forever => (1, EnterFlags::GETEVENTS, SubmitArgs::new()),
        };
        // SAFETY: the kernel reads `args`, and the time that it points to, during the call. What the queued submissions
        // point to is owned as `Submission` says.
        let result = unsafe {
            libc::syscall(
                libc::SYS_io_uring_enter,
                self.entry.fd,
                submissions as u32,
                completions,
                self.entry.flags | flags.bits(),
                &raw const args,
                size_of::<SubmitArgs>(),
            )
        };
        if result >= 0 {
            return Ok(());
        }
        match last_errno() {
            Errno::ETIME | Errno::EINTR | Errno::EAGAIN | Errno(libc::EBUSY) => Ok(()),
            errno => Err(errno),
        }
    }
}
