//! [`Driver`] on io_uring: one ring for each shard, made and used by the shard's own thread.
//!
//! ```text
//!   submit ─▶ prepare ─▶ in_flight ─▶ submission queue ─┐
//!                                                       ├─ enter, once a turn
//!   turn ◀── finish ◀─── in_flight ◀─ completion queue ─┘
//! ```
//!
//! An op's memory (a [`Lease`](buf::Lease), an address) lives in the table of what is in flight, from its submission to
//! its last completion. Receives take their buffers from a ring of provided buffers when bytes have arrived. One that
//! finds none is kept here until there is one: a shard never sees `ENOBUFS`.
//!
//! Nothing is ever handed to the kernel's worker threads: sockets are waited for by poll, and what the ring would give to
//! a worker (`shutdown`, `splice`, a unix `connect`) is called by the shard, because it does not wait.
//!
//! **Invariant:** a connection's socket is blocking, so that the ring waits for it, until it is spliced.
//! **Invariant:** every op completes exactly once, and a lease is back in the pool once its last holder dropped it, also
//! when the driver is dropped with ops in flight.

mod drain;
mod enter;
mod finish;
mod in_flight;
mod naps;
mod prepare;
mod probe;
mod provided;
mod refused;
mod setup;
mod splice;
mod starved;

pub use probe::{Evidence, Refused, Step, diagnose, probe};
pub use setup::{Features, Options};
pub use socket::{PIPES, Wakeup, close_inherited, pin, unshare_files};

use buf::Pool;
use driver::{
    Accepted, Addr, Done, Driver, DriverStats, Errno, Fd, Hope, Instant, ListenSpec, Op, Tag, Thread, Tuning,
    WAIT_MOST, Waker,
};
use enter::Wait;
use finish::{Completion, cancelled_receive, finish};
use in_flight::{Ending, InFlight, Kept, Key, Patience, Receive};
use prepare::{CANCEL, Prepared, Submission, WAKE, cancel, prepare, read_wakeup, receive};
use provided::Provided;
use setup::{Ring, Sizes};
use socket::{Neighbours, Waiting};
use splice::Splicer;
use starved::Starved;
use std::collections::VecDeque;

/// One shard's ring, with its buffers and everything that is in flight on it. Stays in the thread that made it.
pub struct Uring {
    // Fields are dropped in this order: the ring goes before the memory that it knows.
    ring: Ring,
    provided: Provided,
    in_flight: InFlight,
    pool: Pool,
    starved: Starved,
    splicer: Splicer,
    neighbours: Neighbours,
    wakeup: Wakeup,
    wake_is_armed: bool,
    /// What completed without the kernel, for the next turn.
    early: Vec<(Tag, Done)>,
    /// Submissions that found no room even after a flush, in their order.
    held: VecDeque<Submission>,
    /// Completions of this turn; empty between turns.
    completions: Vec<Completion>,
    stats: DriverStats,
}

/// Starved receives that are tried at once when there is a buffer for at least one of them.
const RETRIED_LEAST: usize = 16;

impl Uring {
    /// To be called in the thread that will use it.
    pub fn new(options: Options) -> Result<Uring, Refused> {
        let sizes = Sizes::of(options.sessions_max);
        let ring = Ring::new(sizes)?;
        let count = options.buffer_count.min(u32::from(u16::MAX) + 1);
        let reserved = u64::from(count) * options.buffer_size as u64;
        let pool = Pool::new(count, options.buffer_size)
            .map_err(|err| probe::refuse(Step::Buffers, Errno::of(&err), reserved))?;
        let provided =
            Provided::new(&ring, count).map_err(|errno| probe::refuse(Step::BufferRing, errno, sizes.locked_size()))?;
        let mut driver = Uring {
            ring,
            provided,
            in_flight: InFlight::new(sizes.in_flight_most),
            pool,
            starved: Starved::default(),
            splicer: Splicer::new(options.pipes_max),
            neighbours: Neighbours::default(),
            wakeup: options.wakeup,
            wake_is_armed: false,
            early: Vec::new(),
            held: VecDeque::new(),
            completions: Vec::new(),
            stats: DriverStats::default(),
        };
        driver.arm_wake();
        Ok(driver)
    }

    /// What this kernel offers.
    pub fn features(&self) -> Features {
        self.ring.features
    }

    /// Ops that have not completed yet.
    pub fn in_flight_count(&self) -> u32 {
        self.in_flight.count()
    }

    /// Times that the system made no pipe though the stock was not used up.
    pub fn refused_pipe_count(&self) -> u64 {
        self.splicer.stock.refused_count()
    }

    fn start(&mut self, tag: Tag, fd: Fd, submission: Submission, kept: Kept) {
        if let Kept::Close = kept {
            self.assert_idle(fd);
        }
        let key = self.in_flight.insert(tag, fd, kept);
        self.queue(submission.named(key));
    }

    /// Requests the end of what is in flight on a socket. Their own completions say what came of it.
    fn cancel(&mut self, fd: Fd) {
        let mut next = self.in_flight.first_on(fd);
        while let Some(key) = next {
            next = self.in_flight.after(key);
            match self.in_flight.on_cancelled(key) {
                Ending::Ask => self.queue(cancel(key)),
                Ending::Asked => (),
                Ending::Withdraw => self.cancel_starved(key),
            }
        }
    }

    fn cancel_starved(&mut self, key: Key) {
        let (tag, _, _) = self.in_flight.remove(key);
        let in_flight = &mut self.in_flight;
        self.starved.on_cancelled(|&key| in_flight.receive(key) == Some(&mut Receive::Starved));
        self.early.push((tag, cancelled_receive()));
    }

    /// Queues a submission. A full queue is flushed; what finds no room then waits for the next turn.
    fn queue(&mut self, submission: Submission) {
        if self.held.is_empty() {
            if self.push(&submission) {
                return;
            }
            self.stats.queue_full += 1;
            // An error here shows again when the turn enters, and is reported there.
            let _ = self.ring.enter(Wait::Not);
            if self.push(&submission) {
                return;
            }
        }
        self.held.push_back(submission);
    }

    fn push(&mut self, submission: &Submission) -> bool {
        // SAFETY: what a submission points to is owned by its entry of `in_flight`, or by `wakeup`. The entry is removed
        // only with the op's last completion, and `drain` waits for those before anything here is dropped.
        unsafe { self.ring.submission().push(submission.entry()) }.is_ok()
    }

    fn submit_held(&mut self) {
        while let Some(submission) = self.held.pop_front() {
            if !self.push(&submission) {
                self.held.push_front(submission);
                return;
            }
        }
    }

    /// Submits starved receives again, if there is a buffer. They wait for readiness first, so that a silent one holds up
    /// nobody. Answers whether more of them could be tried at once.
    fn retry_starved(&mut self) -> bool {
        if self.starved.is_empty() || self.provided.count() == 0 {
            return false;
        }
        for _ in 0..self.provided.count().max(RETRIED_LEAST) {
            let Some(key) = self.next_starved() else { return false };
            let fd = self.in_flight.fd(key);
            *self.in_flight.receive(key).expect("it was starved") = Receive::Waiting;
            self.queue(receive(fd, Hope::Later, self.in_flight.count_max(key)).named(key));
        }
        !self.starved.is_empty()
    }

    fn next_starved(&mut self) -> Option<Key> {
        let in_flight = &mut self.in_flight;
        self.starved.pop(|key| in_flight.receive(key) == Some(&mut Receive::Starved))
    }

    fn collect(&mut self, done: &mut Vec<(Tag, Done)>) {
        let mut completions = std::mem::take(&mut self.completions);
        completions.extend(self.ring.completion().map(|entry| Completion::of(&entry)));
        for completion in completions.drain(..) {
            match completion.user_data {
                CANCEL => (),
                WAKE => self.on_wake(completion),
                user_data => self.on_completion(Key::from_user_data(user_data), completion, done),
            }
        }
        self.completions = completions;
    }

    fn on_completion(&mut self, key: Key, completion: Completion, done: &mut Vec<(Tag, Done)>) {
        self.stats.completions += 1;
        let lease = completion.buffer().map(|index| self.provided.take(&self.pool, index));
        if completion.asks_again() && self.on_asks_again(key, completion, done) {
            return;
        }
        if completion.result().is_ok() && self.in_flight.is_spliced(key) {
            self.on_ready(key, completion);
            return;
        }
        let (tag, _, kept) = self.in_flight.remove(key);
        let finished = finish(kept, completion, lease);
        if let Done::Closed = finished {
            self.splicer.stock.on_descriptor_closed();
        }
        done.push((tag, finished));
    }

    /// The socket of a fill, a drain or an alert is ready.
    fn on_ready(&mut self, key: Key, completion: Completion) {
        let large = self.in_flight.large_fill(key).filter(|_| !completion.is_hung_up());
        let rests = large.is_some_and(|fd| self.splicer.naps.lay(fd, key, socket::now()));
        if !rests {
            self.splicer.ready.push_back(key);
        }
    }

    /// Fills that have rested enough stand in line again.
    fn rouse(&mut self) {
        if self.splicer.naps.due().is_none() {
            return;
        }
        let now = self.now();
        while let Some(key) = self.splicer.naps.rise(now) {
            self.splicer.ready.push_back(key);
        }
    }

    /// A receive that found no buffer waits for one, unless its cancel is under way. Answers whether the completion is
    /// dealt with: another op's is not.
    fn on_asks_again(&mut self, key: Key, completion: Completion, done: &mut Vec<(Tag, Done)>) -> bool {
        let Some(receive) = self.in_flight.receive(key) else { return false };
        match receive {
            Receive::Waiting => {
                *receive = Receive::Starved;
                self.starved.push(key);
                self.stats.starved += u64::from(completion.result() == Err(Errno::ENOBUFS));
            }
            Receive::Cancelled => {
                let (tag, _, _) = self.in_flight.remove(key);
                done.push((tag, cancelled_receive()));
            }
            Receive::Starved => unreachable!("the kernel does not have a starved receive"),
        }
        true
    }

    fn arm_wake(&mut self) {
        self.queue(read_wakeup(&self.wakeup));
        self.wake_is_armed = true;
    }

    fn on_wake(&mut self, completion: Completion) {
        match completion.result() {
            Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => (),
            Err(errno) => panic!("reading the wake-up, descriptor {}: {errno:?}", self.wakeup.number()),
        }
        self.wakeup.on_read();
        self.arm_wake();
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Wait {
        let Some(deadline) = deadline else { return Wait::Forever };
        let span = deadline.since(self.now());
        if span.is_zero() { Wait::Look } else { Wait::For(span.min(WAIT_MOST)) }
    }

    fn assert_idle(&self, fd: Fd) {
        assert!(self.in_flight.first_on(fd).is_none(), "closing socket {} while something is in flight on it", fd.0);
    }
}

impl Driver for Uring {
    fn now(&self) -> Instant {
        socket::now()
    }

    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn socket(&mut self, addr: &Addr) -> Result<Fd, Errno> {
        let fd = socket::connector(addr, Waiting::InKernel)?;
        self.splicer.on_opened(fd);
        Ok(fd)
    }

    /// A path that a dead listener left behind is taken over. `EADDRINUSE` if its listener lives. A socket that is bound
    /// and does not listen yet looks dead: only one shard may bind a path.
    fn bind(&mut self, spec: &ListenSpec) -> Result<Fd, Errno> {
        socket::bound(spec)
    }

    fn adopt(&mut self, inherited: i32) -> Result<Fd, Errno> {
        socket::adopted(inherited)
    }

    fn take(&mut self, number: i32) -> Result<Fd, Errno> {
        socket::taken(number)
    }

    fn tune(&mut self, fd: Fd, was: &Tuning, wanted: &Tuning) -> Result<(), Errno> {
        socket::tune(fd, was, wanted)
    }

    fn listen(&mut self, fd: Fd, backlog: u32) -> Result<(), Errno> {
        socket::listen(fd, backlog)
    }

    fn unlisten(&mut self, fd: Fd) -> Result<(), Errno> {
        socket::unlisten(fd)
    }

    fn accept(&mut self, listener: Fd) -> Result<Option<Accepted>, Errno> {
        let accepted = socket::accept(listener, Waiting::InKernel)?;
        if let Some(accepted) = &accepted {
            self.splicer.on_opened(accepted.fd);
        }
        Ok(accepted)
    }

    fn local_addr(&mut self, fd: Fd) -> Result<Addr, Errno> {
        socket::local_addr(fd)
    }

    fn is_readable(&mut self, fd: Fd) -> bool {
        socket::is_readable(fd)
    }

    fn discard(&mut self, fd: Fd) {
        self.assert_idle(fd);
        socket::close(fd);
        self.splicer.stock.on_descriptor_closed();
    }

    fn thread(&self) -> Option<Thread> {
        Some(socket::thread())
    }

    fn fetch(&mut self, from: Thread, number: Fd) -> Result<Fd, Errno> {
        let fd = self.neighbours.fetch(from, number)?;
        self.splicer.on_opened(fd);
        Ok(fd)
    }

    fn let_go(&mut self, fd: Fd) {
        self.discard(fd);
    }

    fn submit(&mut self, tag: Tag, op: Op) -> Option<Done> {
        match prepare(op, self.provided.count() > 0) {
            Prepared::Now(done) => Some(done),
            Prepared::Queue(fd, submission, kept) => {
                self.start(tag, fd, submission, kept);
                None
            }
            Prepared::Drain(fd, pipe) => self.on_writable(tag, fd, pipe, Patience::Waits),
            Prepared::Finish(fd) => {
                assert!(!self.in_flight.is_sending_on(fd), "ending socket {} before what is being sent", fd.0);
                Some(Done::Finished(socket::finish(fd)))
            }
            Prepared::Cancel(fd) => {
                self.cancel(fd);
                Some(Done::Cancelled)
            }
        }
    }

    fn turn(&mut self, deadline: Option<Instant>, done: &mut Vec<(Tag, Done)>) -> Result<(), Errno> {
        self.submit_held();
        self.splicer.stock.close_spoiled();
        self.splicer.stock.on_turn();
        self.provided.refill(&self.pool);
        let is_retrying = self.retry_starved();
        let is_ready = is_retrying || !self.early.is_empty() || !self.held.is_empty() || !self.splicer.ready.is_empty();
        let deadline = [deadline, self.splicer.naps.due()].into_iter().flatten().min();
        let wait = if is_ready { Wait::Look } else { self.wait_until(deadline) };
        self.stats.enters += 1;
        self.ring.enter(wait)?;
        done.append(&mut self.early);
        self.collect(done);
        self.rouse();
        self.splice_ready(done);
        Ok(())
    }

    fn flush(&mut self) {
        self.submit_held();
        if !self.ring.submission().is_empty() {
            self.stats.enters += 1;
            // An error here shows again when the turn enters, and is reported there.
            let _ = self.ring.enter(Wait::Not);
        }
    }

    fn tidy(&mut self, buffers_least: usize) {
        // Every buffer that the kernel has picked is known as long as no completion waits to be seen.
        if self.ring.completion().is_empty() && !self.ring.submission().cq_overflow() {
            self.provided.retract(&self.pool);
        }
        self.pool.trim(buffers_least);
    }

    fn waker(&self) -> Waker {
        self.wakeup.waker()
    }

    fn stats(&self) -> DriverStats {
        self.stats
    }
}
