//! The one descriptor that shards write to: there is news at the port.

use crate::uio;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::read;
use std::io;
use std::os::fd::OwnedFd;
use tokio::io::unix::AsyncFd;

pub(crate) struct News {
    eventfd: AsyncFd<OwnedFd>,
    /// Not everything was taken at the last look.
    has_more: bool,
}

impl News {
    /// Must be called inside of the runtime.
    pub(crate) fn new(eventfd: OwnedFd) -> io::Result<News> {
        // Writers never wait for an eventfd whose count is read, so this changes nothing for them.
        fcntl(&eventfd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(News { eventfd: uio::watch(eventfd)?, has_more: false })
    }

    /// Whether the next wait is to end at once.
    pub(crate) fn expect_more(&mut self, has_more: bool) {
        self.has_more = has_more;
    }

    /// Waits until there may be news. Dropping the wait loses none.
    pub(crate) async fn next(&mut self) -> io::Result<()> {
        if self.has_more {
            // Lets the tasks of the checks have their turn in between.
            tokio::task::yield_now().await;
            return Ok(());
        }
        loop {
            let mut ready = self.eventfd.readable().await?;
            match read(ready.get_inner(), &mut [0; 8]) {
                Ok(_) => return Ok(()),
                Err(Errno::EAGAIN) => ready.clear_ready(),
                Err(Errno::EINTR) => (),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
