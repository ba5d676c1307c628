//! The shard's stock of pipes: made when they are wanted, closed when they are spoiled, never more than a number.
//!
//! ```text
//!   vacant ── make ──▶ free ──▶ lent ── given back empty ──▶ free
//!      ▲                          └──── given back with bytes in it: spoiled
//!      └──────────────── close ◀────────────┘
//! ```
//!
//! A system that refuses a pipe is asked again only after [`REST`] requests, or when a descriptor that it was short of may
//! have become free.
//!
//! **Invariant:** a pipe that is free is empty: one that was spoiled is closed, and its number becomes vacant.

use crate::portion::Portions;
use crate::splice::ignores_sigpipe;
use crate::sys::{check, last_errno};
use driver::{Errno, Pipe, Pipes};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Pipes of a process without privilege: together they hold 64 MiB, which is what one user may have (`pipe(7)`:
/// `pipe-user-pages-soft`; `CAP_SYS_RESOURCE` is exempt). Its shards share them.
pub const PIPES: u32 = 64;

/// What a pipe may hold, the best first: a larger one moves more bytes for each call and each wait, a smaller one may be
/// all that an unprivileged process is allowed (`pipe(7)`: `pipe-max-size`, `pipe-user-pages-soft`). A pipe below the last
/// of them has two pages, each of which may hold a single segment: copying is better.
///
/// CPU time of the relaying thread for each gigabyte, kernel 6.18, 2 vCPU (busy with other work, so the order is what
/// counts), `relay_bulk 8 6` and `relay_bulk 1 6`; a copy is a receive into 16 KiB and a send:
///
/// ```text
///                copy     64 KiB    256 KiB    512 KiB      1 MiB      2 MiB
///   8 flows   1.2–1.6  0.57–0.63  0.33–0.36  0.33–0.35  0.24–0.30  0.28–0.34
///   1 flow    0.9–1.1       0.44       0.48          –       0.40          –
/// ```
const SIZES: [i32; 3] = [1 << 20, 1 << 18, 1 << 16];

/// Requests that are answered with no pipe after the system has refused one.
const REST: u32 = 1000;

/// Pipes to splice with, and the right to use one ([`Pipe`]).
pub struct Stock {
    rights: Pipes,
    /// By number; none where it is vacant.
    ends: Vec<Option<Ends>>,
    vacant: Vec<u32>,
    refusal: Option<Refusal>,
    refused_count: u64,
    pub(crate) portions: Portions,
}

/// Both ends of a pipe, and the bytes that it holds at most.
pub(crate) struct Ends {
    read: OwnedFd,
    write: OwnedFd,
    size: u32,
}

struct Refusal {
    errno: Errno,
    /// Requests until the system is asked again.
    rest: u32,
}

impl Stock {
    /// An empty stock of at most `pipes_max`. Asserts that the process ignores `SIGPIPE`, as Rust's start of one has it:
    /// the kernel raises it where a splice meets a socket that cannot be sent to any more, and unlike a send cannot be
    /// told not to.
    pub fn new(pipes_max: u32) -> Stock {
        assert!(pipes_max == 0 || ignores_sigpipe(), "splicing in a process that SIGPIPE would end");
        Stock {
            rights: Pipes::new(),
            ends: (0..pipes_max).map(|_| None).collect(),
            vacant: (0..pipes_max).rev().collect(),
            refusal: None,
            refused_count: 0,
            portions: Portions::default(),
        }
    }

    /// A pipe that is empty; `None` if all are in use, or the system makes none.
    pub fn take(&mut self) -> Option<Pipe> {
        self.rights.take().or_else(|| self.take_new(Ends::make))
    }

    fn take_new(&mut self, make: impl FnOnce() -> Result<Ends, Errno>) -> Option<Pipe> {
        self.close_spoiled();
        let number = *self.vacant.last()?;
        if self.rests() {
            return None;
        }
        match make() {
            Ok(ends) => {
                self.vacant.pop();
                self.ends[number as usize] = Some(ends);
                self.refusal = None;
                self.rights.add(number);
                self.rights.take()
            }
            Err(errno) => {
                self.refused_count += 1;
                self.refusal = Some(Refusal { errno, rest: REST });
                None
            }
        }
    }

    fn rests(&mut self) -> bool {
        let Some(refusal) = &mut self.refusal else { return false };
        let rests = refusal.rest > 0;
        refusal.rest = refusal.rest.saturating_sub(1);
        rests
    }

    /// Gives back what lies in pipes that were given up with bytes in them.
    pub fn close_spoiled(&mut self) {
        while let Some(number) = self.rights.take_spoiled() {
            self.ends[number as usize] = None;
            self.vacant.push(number);
            self.on_descriptor_closed();
        }
    }

    /// A shortage of descriptors may be over.
    pub fn on_descriptor_closed(&mut self) {
        self.refusal.take_if(|refusal| refusal.errno.is_exhaustion());
    }

    /// Times that the system made no pipe.
    pub fn refused_count(&self) -> u64 {
        self.refused_count
    }

    pub(crate) fn ends(&self, pipe: &Pipe) -> &Ends {
        self.ends[pipe.index() as usize].as_ref().expect("a pipe that is lent is open")
    }
}

impl Ends {
    fn make() -> Result<Ends, Errno> {
        let mut numbers = [-1; 2];
        // SAFETY: the kernel writes two descriptors to `numbers` during the call.
        check(unsafe { libc::pipe2(numbers.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) })?;
        // SAFETY: it was just opened, and nobody else knows it.
        let read = unsafe { OwnedFd::from_raw_fd(numbers[0]) };
        // SAFETY: as above.
        let write = unsafe { OwnedFd::from_raw_fd(numbers[1]) };
        let size = enlarge(write.as_raw_fd())?;
        Ok(Ends { read, write, size })
    }

    pub(crate) fn read(&self) -> RawFd {
        self.read.as_raw_fd()
    }

    pub(crate) fn write(&self) -> RawFd {
        self.write.as_raw_fd()
    }

    pub(crate) fn size(&self) -> u32 {
        self.size
    }
}

/// The largest of [`SIZES`] that the system allows, or why it does not allow the smallest.
fn enlarge(pipe: RawFd) -> Result<u32, Errno> {
    for size in SIZES {
        // SAFETY: no memory is touched.
        let result = unsafe { libc::fcntl(pipe, libc::F_SETPIPE_SZ, size) };
        if let Ok(size) = u32::try_from(result) {
            return Ok(size);
        }
    }
    Err(last_errno())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_are_made_when_they_are_wanted_and_used_again() {
        let mut stock = Stock::new(2);
        let first = stock.take().expect("no limit is near");
        assert!(stock.ends(&first).size() >= 1 << 16);
        let ends = (stock.ends(&first).read(), stock.ends(&first).write());
        drop(first);
        let first = stock.take().expect("it is free again");
        assert_eq!((stock.ends(&first).read(), stock.ends(&first).write()), ends);
        let second = stock.take().expect("two are allowed");
        assert!(stock.take().is_none(), "a third is not");
        assert_eq!(stock.refused_count(), 0, "the system had no part in it");
        drop((first, second));
    }

    #[test]
    fn a_spoiled_pipe_is_closed_and_made_anew() {
        let mut stock = Stock::new(1);
        let mut pipe = stock.take().expect("no limit is near");
        let write = stock.ends(&pipe).write();
        // SAFETY: the kernel reads three bytes of a constant during the call.
        let written = unsafe { libc::write(write, b"abc".as_ptr().cast(), 3) };
        pipe.on_filled(u32::try_from(written).expect("an empty pipe has room"));
        drop(pipe);
        let pipe = stock.take().expect("made anew");
        let mut byte = 0u8;
        // SAFETY: the kernel writes at most one byte, to `byte`, during the call.
        let read = unsafe { libc::read(stock.ends(&pipe).read(), (&raw mut byte).cast(), 1) };
        assert_eq!((read, last_errno()), (-1, Errno::EAGAIN), "nothing is left of what was in it");
    }

    #[test]
    fn a_system_that_refuses_is_not_asked_at_every_request() {
        let mut stock = Stock::new(1);
        let mut asked = 0;
        for _ in 0..REST + 2 {
            let pipe = stock.take_new(|| {
                asked += 1;
                Err(Errno::EPERM)
            });
            assert!(pipe.is_none());
            stock.on_descriptor_closed();
        }
        assert_eq!((asked, stock.refused_count()), (2, 2), "a closed descriptor is no help against a limit of pipes");
    }

    #[test]
    fn a_descriptor_that_was_closed_is_a_reason_to_ask() {
        let mut stock = Stock::new(1);
        assert!(stock.take_new(|| Err(Errno::EMFILE)).is_none());
        assert!(stock.take().is_none());
        stock.on_descriptor_closed();
        assert!(stock.take().is_some());
    }
}
