//! The epoll instance itself: four system calls, and what their events mean.

use driver::{Errno, Fd};
use socket::{Wakeup, check, last_errno};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

pub(crate) struct Poller {
    epoll: OwnedFd,
    precision: Precision,
}

/// How finely this kernel can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    /// `epoll_pwait2` (5.11, and not everywhere allowed).
    Nanos,
    /// `epoll_wait`.
    Millis,
}

/// How long a turn waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It takes what is there.
    Look,
    For(Duration),
    Forever,
}

/// What the kernel told in one turn.
pub(crate) struct Events {
    buffer: Box<[libc::epoll_event]>,
    count: usize,
}

/// One socket's change, or the wake-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// `None`: the shard was woken.
    pub(crate) fd: Option<Fd>,
    pub(crate) edge: Edge,
}

/// What became possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) is_readable: bool,
    pub(crate) is_writable: bool,
    /// An end, an error or urgent data is there, perhaps behind bytes.
    pub(crate) has_mark: bool,
}

/// Events of one turn. What does not fit is told in the next; the kernel goes round.
const EVENTS_MOST: usize = 512;

/// What every socket is watched for. It is never changed: what nobody waits for is remembered.
const WATCHED: i32 = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET;

/// What an event of the wake-up carries in place of a socket's number.
const WAKE: u64 = u64::MAX;

/// `linux/time_types.h`: `struct __kernel_timespec`.
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanos: i64,
}

impl Poller {
    pub(crate) fn new() -> Result<Poller, Errno> {
        // SAFETY: no memory is touched.
        let number = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: it was just opened, and nobody else knows it.
        let epoll = unsafe { OwnedFd::from_raw_fd(number) };
        let mut poller = Poller { epoll, precision: Precision::Nanos };
        if poller.wait(Wait::Look, &mut Events::default()).is_err() {
            poller.precision = Precision::Millis;
        }
        Ok(poller)
    }

    /// If something is possible already, an edge tells so. `ENOBUFS` where `epoll_ctl(2)` has `ENOSPC`: this user watches as
    /// many sockets as `fs.epoll.max_user_watches` allows, a want of the kernel's memory like any other.
    pub(crate) fn watch(&self, fd: Fd) -> Result<(), Errno> {
        match self.control(libc::EPOLL_CTL_ADD, fd.0, WATCHED, fd.0 as u64) {
            Err(Errno(libc::ENOSPC)) => Err(Errno::ENOBUFS),
            watched => watched,
        }
    }

    /// The wake-up is never read: every write to it is an edge, and its count has room for more than there will be.
    pub(crate) fn watch_wakeup(&self, wakeup: &Wakeup) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_ADD, wakeup.number(), libc::EPOLLIN | libc::EPOLLET, WAKE)
    }

    /// For sockets that stay open when our number for them is closed; others are forgotten by the kernel.
    pub(crate) fn forget(&self, fd: Fd) {
        let forgotten = self.control(libc::EPOLL_CTL_DEL, fd.0, 0, 0);
        assert_eq!(forgotten, Ok(()), "socket {} was watched", fd.0);
    }

    fn control(&self, operation: i32, number: RawFd, events: i32, data: u64) -> Result<(), Errno> {
        let mut event = libc::epoll_event { events: events as u32, u64: data };
        // SAFETY: the kernel reads one `event` during the call.
        check(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), operation, number, &raw mut event) }).map(drop)
    }

    /// Waits for events. Being interrupted is not an error: there are none then.
    pub(crate) fn wait(&self, wait: Wait, events: &mut Events) -> Result<(), Errno> {
        let waited = match self.precision {
            Precision::Nanos => self.wait_nanos(wait, events),
            Precision::Millis => self.wait_millis(wait, events),
        };
        events.count = match waited {
            Err(Errno::EINTR) => 0,
            count => count?,
        };
        Ok(())
    }

    fn wait_nanos(&self, wait: Wait, events: &mut Events) -> Result<usize, Errno> {
        let limit = wait.limit().map(|span| KernelTimespec {
            seconds: span.as_secs().try_into().unwrap_or(i64::MAX),
            nanos: i64::from(span.subsec_nanos()),
        });
        let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
        let (epoll, buffer) = (self.epoll.as_raw_fd(), &mut events.buffer);
        let no_signals = ptr::null::<libc::sigset_t>();
        // SAFETY: during the call the kernel writes at most `len` events to `buffer`, and reads the time at `limit`.
        let count = unsafe {
            libc::syscall(libc::SYS_epoll_pwait2, epoll, buffer.as_mut_ptr(), buffer.len(), limit, no_signals, 0usize)
        };
        usize::try_from(count).map_err(|_| last_errno())
    }

    fn wait_millis(&self, wait: Wait, events: &mut Events) -> Result<usize, Errno> {
        let (epoll, buffer) = (self.epoll.as_raw_fd(), &mut events.buffer);
        // SAFETY: the kernel writes at most `len` events to `buffer` during the call.
        let count = unsafe { libc::epoll_wait(epoll, buffer.as_mut_ptr(), buffer.len() as i32, wait.millis()) };
        usize::try_from(count).map_err(|_| last_errno())
    }
}

impl Wait {
    fn limit(self) -> Option<Duration> {
        match self {
            Wait::Look => Some(Duration::ZERO),
            Wait::For(span) => Some(span),
            Wait::Forever => None,
        }
    }

    /// Rounded up: a turn that ends before its deadline would only be followed by another.
    fn millis(self) -> i32 {
        match self.limit() {
            Some(span) => i32::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX),
            None => -1,
        }
    }
}

impl Default for Events {
    fn default() -> Events {
        Events { buffer: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_MOST].into(), count: 0 }
    }
}

impl Events {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        self.buffer[..self.count].iter().map(|event| {
            let fd = if event.u64 == WAKE { None } else { Some(Fd(event.u64 as i32)) };
            Event { fd, edge: Edge::of(event.events as i32) }
        })
    }
}

impl Edge {
    /// `epoll_ctl(2)`. An end of both halves, or an error, ends whatever waits.
    fn of(events: i32) -> Edge {
        let has = |mask: i32| events & mask != 0;
        let ends = libc::EPOLLHUP | libc::EPOLLERR;
        Edge {
            is_readable: has(libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLPRI | ends),
            is_writable: has(libc::EPOLLOUT | ends),
            has_mark: has(libc::EPOLLRDHUP | libc::EPOLLPRI | ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn waiting_is_never_shorter_than_asked() {
        let mut poller = Poller::new().expect("a descriptor");
        for precision in [Precision::Nanos, Precision::Millis] {
            poller.precision = precision;
            let (before, span) = (Instant::now(), Duration::from_micros(1500));
            poller.wait(Wait::For(span), &mut Events::default()).expect("no error");
            assert!(before.elapsed() >= span, "{precision:?}");
        }
    }

    #[test]
    fn milliseconds_are_rounded_up() {
        assert_eq!(Wait::Look.millis(), 0);
        assert_eq!(Wait::For(Duration::from_nanos(1)).millis(), 1);
        assert_eq!(Wait::For(Duration::from_millis(7)).millis(), 7);
        assert_eq!(Wait::For(driver::WAIT_MOST).millis(), 3_600_000);
        assert_eq!(Wait::Forever.millis(), -1);
    }

    /// `epoll_ctl(2)`: "Stream socket peer closed connection, or shut down writing half of connection."
    #[test]
    fn what_events_mean() {
        let edge = |is_readable, is_writable, has_mark| Edge { is_readable, is_writable, has_mark };
        assert_eq!(Edge::of(libc::EPOLLIN), edge(true, false, false));
        assert_eq!(Edge::of(libc::EPOLLOUT), edge(false, true, false));
        assert_eq!(Edge::of(libc::EPOLLIN | libc::EPOLLRDHUP), edge(true, false, true));
        assert_eq!(Edge::of(libc::EPOLLERR), edge(true, true, true));
    }
}
