//! epoll, with timeouts finer than its milliseconds.

use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
        time::TimeSpec,
    },
};

/// A set of descriptors to wait for, level-triggered.
pub(crate) struct Poller {
    epoll: Epoll,
}

impl Poller {
    pub(crate) fn new() -> nix::Result<Self> {
        Ok(Poller { epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)? })
    }

    pub(crate) fn add(&self, fd: impl AsFd, flags: EpollFlags, token: u64) -> nix::Result<()> {
        self.epoll.add(fd, EpollEvent::new(flags, token))
    }

    pub(crate) fn modify(&self, fd: impl AsFd, flags: EpollFlags, token: u64) -> nix::Result<()> {
        self.epoll.modify(fd, &mut EpollEvent::new(flags, token))
    }

    /// How many events came; none when a signal did.
    pub(crate) fn wait(&self, events: &mut [EpollEvent], timeout: EpollTimeout) -> nix::Result<usize> {
        match self.epoll.wait(events, timeout) {
            Err(Errno::EINTR) => Ok(0),
            other => other,
        }
    }

    /// Like [`wait`](Self::wait), until `deadline` to the nanosecond. Costs one call more, and only when nothing is there yet.
    pub(crate) fn wait_until(&self, events: &mut [EpollEvent], deadline: Option<Instant>) -> nix::Result<usize> {
        let Some(deadline) = deadline else { return self.wait(events, EpollTimeout::NONE) };
        let count = self.wait(events, EpollTimeout::ZERO)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if count > 0 || left == Duration::ZERO {
            return Ok(count);
        }
        match ppoll(&mut [PollFd::new(self.epoll.0.as_fd(), PollFlags::POLLIN)], Some(TimeSpec::from(left)), None) {
            Ok(0) | Err(Errno::EINTR) => Ok(0),
            Ok(_) => self.wait(events, EpollTimeout::ZERO),
            Err(errno) => Err(errno),
        }
    }
}
