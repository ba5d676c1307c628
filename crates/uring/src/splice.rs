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
//! Whoever is ready stands in line ([`Uring::splice_ready`]): what is short comes first, and a turn moves only so much.
//!
//! A fill takes its pipe when its socket is readable, and gives it back at once if nothing came: a flow that rests holds
//! none.

use crate::Uring;
use crate::in_flight::{Kept, Key, Patience};
use crate::naps::Naps;
use crate::prepare::writable;
use driver::{Done, Errno, Fd, Filled, Pipe, Tag};
use socket::{Stock, set_nonblocking};
use std::collections::VecDeque;

/// The pipes of a shard, and what is known of the sockets that they are used with.
pub(crate) struct Splicer {
    pub(crate) stock: Stock,
    /// Fills and drains whose socket is ready, in the order in which it became so.
    pub(crate) ready: VecDeque<Key>,
    /// Fills that will stand there soon.
    pub(crate) naps: Naps,
    /// By number: sockets that were made non-blocking. `splice` looks at the socket's own flag, and would wait.
    nonblocking: Vec<bool>,
}

const NUMBERS_STEP: usize = 1024;

impl Uring {
    /// Moves what is ready to be moved, first come first served, until the turn has moved enough. An op in line is still in
    /// flight: one that is cancelled completes when its turn comes.
    pub(crate) fn splice_ready(&mut self, done: &mut Vec<(Tag, Done)>) {
        while !self.splicer.stock.is_turn_over() {
            let waiting_count = self.splicer.ready.len();
            let Some(key) = self.splicer.ready.pop_front() else { return };
            let (tag, fd, kept) = self.in_flight.remove(key);
            let finished = match kept {
                Kept::Fill(count_max) => Some(Done::Filled(self.splicer.fill(fd, count_max, waiting_count))),
                Kept::Drain(pipe, patience) => self.on_writable(tag, fd, pipe, patience),
                Kept::Alert(alert, patience) => self.on_room_for_alert(tag, fd, alert, patience),
                Kept::Readable | Kept::Connect(_) | Kept::Receive(..) | Kept::Send(_) | Kept::Close => {
                    unreachable!("only what the shard does itself stands in line for it")
                }
            };
            done.extend(finished.map(|done| (tag, done)));
        }
    }

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

    /// The socket of an alert is writable.
    fn on_room_for_alert(&mut self, tag: Tag, fd: Fd, alert: [u8; 2], patience: Patience) -> Option<Done> {
        match (socket::send_alert(fd, alert), patience) {
            (Err(Errno::EAGAIN | Errno::EINTR), Patience::Waits) => {
                self.start(tag, fd, writable(fd), Kept::Alert(alert, patience));
                None
            }
            (Err(Errno::EAGAIN | Errno::EINTR), Patience::Cancelled) => Some(Done::AlertSent(Err(Errno::ECANCELED))),
            (result, Patience::Waits | Patience::Cancelled) => Some(Done::AlertSent(result)),
        }
    }
}

impl Splicer {
    pub(crate) fn new(pipes_max: u32) -> Splicer {
        Splicer { stock: Stock::new(pipes_max), ready: VecDeque::new(), naps: Naps::new(), nonblocking: Vec::new() }
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
    /// A socket that was readable and gives nothing is to be received from, and not waited for again: from an urgent mark
    /// on (RFC 9293 §3.8.5) nothing is spliced though it stays readable, so that any client could make this spin.
    fn fill(&mut self, fd: Fd, count_max: u32, waiting_count: usize) -> Result<Filled, Errno> {
        let Some(mut pipe) = self.stock.take() else { return Ok(Filled::NoPipe) };
        self.make_nonblocking(fd);
        match self.stock.fill(fd, &mut pipe, count_max, waiting_count) {
            Ok(0) => Ok(Filled::End),
            Ok(_) => Ok(Filled::Bytes(pipe)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(Filled::NoPipe),
            Err(errno) => Err(errno),
        }
    }

    fn drain(&mut self, fd: Fd, pipe: &mut Pipe) -> Result<u32, Errno> {
        self.make_nonblocking(fd);
        self.stock.drain(fd, pipe)
    }

    /// Once for each socket. Receives and sends of the ring wait as before: they look at their own flags.
    fn make_nonblocking(&mut self, fd: Fd) {
        let number = usize::try_from(fd.0).expect("sockets have numbers from zero");
        if number >= self.nonblocking.len() {
            self.nonblocking.resize((number + 1).next_multiple_of(NUMBERS_STEP), false);
        }
        if !std::mem::replace(&mut self.nonblocking[number], true) {
            set_nonblocking(fd, true).expect("an open socket takes this flag");
        }
    }
}
