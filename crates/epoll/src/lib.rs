//! [`Driver`] on epoll: for machines whose kernel refuses io_uring.
//!
//! ```text
//!   submit ─▶ attempt ── done at once ─▶ answer
//!                │ not yet, or not now
//!                ▼
//!              lane of its socket ◀── ready: the socket's turn comes in `line`
//!                │ attempt                         ▲
//!                ▼                                 │ edges, once a turn
//!   turn ◀──── done                              epoll
//! ```
//!
//! The kernel touches nothing between two calls: what an op owns lies in its socket's lane until the op completes. A socket
//! is watched from its first wait to its close, for everything and for edges only, and its readiness is remembered. So a
//! socket costs one call to watch, however often it waits.
//!
//! **Invariant:** an op that waits is in line to be attempted, or starved and in line for a buffer, or else its socket is
//! watched and nothing is there for it, so that an edge will come.
//! **Invariant:** a turn attempts each op at most once, and what completes within [`submit`](Driver::submit) is limited for
//! each turn: nobody waits for a flow that never rests.
#![deny(unsafe_code)]

mod attempt;
mod budget;
mod line;
#[allow(unsafe_code, reason = "the calls of epoll itself")]
mod poller;
mod setup;
mod sockets;
mod start;

pub use setup::Options;

use budget::Budget;
use buf::Pool;
use driver::{
    Accepted, Addr, Done, Driver, DriverStats, Ending, Errno, Fd, Hope, Instant, ListenSpec, Op, Tag, Thread, Tuning,
    WAIT_MOST, Waker,
};
use line::Line;
use poller::{Events, Poller, Wait};
use socket::{Neighbours, Stock, Waiting, Wakeup};
use sockets::{Inbound, Outbound, Readiness, Sockets, Watch};

/// One shard's epoll instance, with its buffers, its pipes, and the ops that wait.
pub struct Epoll {
    poller: Poller,
    events: Events,
    sockets: Sockets,
    /// Sockets whose ops are attempted in the next turn.
    line: Line,
    /// Sockets whose receive found no buffer.
    starved: Line,
    budget: Budget,
    pool: Pool,
    stock: Stock,
    neighbours: Neighbours,
    wakeup: Wakeup,
    stats: DriverStats,
}

impl Epoll {
    /// To be called in the thread that will use it.
    pub fn new(options: Options) -> Result<Epoll, Errno> {
        let pool = Pool::new(options.buffer_count, options.buffer_size).map_err(|err| Errno::of(&err))?;
        let poller = Poller::new()?;
        poller.watch_wakeup(&options.wakeup)?;
        Ok(Epoll {
            poller,
            events: Events::default(),
            sockets: Sockets::new(options.sessions_max),
            line: Line::default(),
            starved: Line::default(),
            budget: Budget::default(),
            pool,
            stock: Stock::new(options.pipes_max),
            neighbours: Neighbours::default(),
            wakeup: options.wakeup,
            stats: DriverStats::default(),
        })
    }

    /// Ops that have not completed yet.
    pub fn in_flight_count(&self) -> usize {
        self.sockets.in_flight_count()
    }

    /// Pipes that the system refused to make.
    pub fn pipes_refused_count(&self) -> u64 {
        self.stock.refused_count()
    }

    fn finish(&mut self, fd: Fd) -> Done {
        self.sockets.assert_free(fd, "ending our half", |socket| socket.outbound.is_none());
        Done::Finished(socket::finish(fd))
    }

    /// What waits ends at the next turn.
    fn cancel(&mut self, fd: Fd) -> Done {
        if self.sockets.of(fd).cancel() {
            self.line.join(fd);
        }
        Done::Cancelled
    }

    fn close(&mut self, fd: Fd, ending: Ending) -> Done {
        match ending {
            Ending::Orderly => (),
            Ending::Reset => socket::reset_on_close(fd),
            Ending::Silent => socket::silence_on_close(fd),
        }
        self.discard(fd);
        Done::Closed
    }

    fn opened(&mut self, fd: Fd) -> Fd {
        self.sockets.open(fd);
        fd
    }

    /// From now on the kernel tells every change of this socket.
    pub(crate) fn watch(&mut self, fd: Fd) -> Result<(), Errno> {
        let socket = self.sockets.of(fd);
        if socket.watch != Watch::Standing {
            let watched = self.poller.watch(fd);
            socket.watch = if watched.is_ok() { Watch::Standing } else { Watch::Refused };
            watched?;
        }
        Ok(())
    }

    /// Waits, unless there is something to do. Afterwards every socket that an edge spoke of is in line.
    fn wait(&mut self, deadline: Option<Instant>) -> Result<(), Errno> {
        let feeds = !self.starved.is_empty() && self.pool.free_count() > 0;
        let wait = if feeds || !self.line.is_empty() { Wait::Look } else { self.wait_until(deadline) };
        self.stats.enters += 1;
        self.poller.wait(wait, &mut self.events)?;
        for event in self.events.iter() {
            match event.fd {
                Some(fd) => {
                    if self.sockets.on_edge(fd, event.edge) {
                        self.line.join(fd);
                    }
                }
                None => self.wakeup.on_read(),
            }
        }
        Ok(())
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Wait {
        let Some(deadline) = deadline else { return Wait::Forever };
        let span = deadline.since(self.now());
        if span.is_zero() { Wait::Look } else { Wait::For(span.min(WAIT_MOST)) }
    }

    /// Serves receives that found no buffer, as long as there is one. Those that have waited longest come first.
    fn feed_starved(&mut self, done: &mut Vec<(Tag, Done)>) {
        for _ in 0..self.starved.count() {
            if self.pool.free_count() == 0 {
                return;
            }
            let Some(fd) = self.starved.next() else { return };
            self.attend(fd, done);
        }
    }

    /// Until the turn has spliced enough: the rest stays in line.
    fn serve_line(&mut self, done: &mut Vec<(Tag, Done)>) {
        while !self.stock.is_turn_over()
            && let Some(fd) = self.line.next()
        {
            self.attend(fd, done);
        }
    }
}

impl Driver for Epoll {
    fn now(&self) -> Instant {
        socket::now()
    }

    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn socket(&mut self, addr: &Addr) -> Result<Fd, Errno> {
        socket::connector(addr, Waiting::Outside).map(|fd| self.opened(fd))
    }

    /// A path that a dead listener left behind is taken over. `EADDRINUSE` if its listener lives. A socket that is bound
    /// and does not listen yet looks dead: only one shard may bind a path.
    fn bind(&mut self, spec: &ListenSpec) -> Result<Fd, Errno> {
        socket::bound(spec).map(|fd| self.opened(fd))
    }

    fn adopt(&mut self, inherited: i32) -> Result<Fd, Errno> {
        let fd = socket::adopted(inherited).map(|fd| self.opened(fd))?;
        self.sockets.of(fd).is_shared = true;
        Ok(fd)
    }

    fn take(&mut self, number: i32) -> Result<Fd, Errno> {
        let fd = socket::taken(number).map(|fd| self.opened(fd))?;
        // Whoever opened it may hold it still.
        self.sockets.of(fd).is_shared = true;
        Ok(fd)
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

    /// A listener that could not be watched when it was to be waited for is `ENOBUFS` once nobody is left in its queue: the
    /// shard rests and looks again, as for want of descriptors. Told once for each refusal; if all that it heard were that
    /// nobody waits, it would ask for readiness at once, in vain again.
    fn accept(&mut self, listener: Fd) -> Result<Option<Accepted>, Errno> {
        let accepted = socket::accept(listener, Waiting::Outside)?;
        let socket = self.sockets.of(listener);
        socket.readable = Readiness::Perhaps;
        match &accepted {
            Some(accepted) => self.sockets.open(accepted.fd),
            None if socket.take_refusal() => return Err(Errno::ENOBUFS),
            None => (),
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
        let socket = self.sockets.close(fd);
        // A description that others hold too would be watched on after our number for it is gone.
        if socket.watch == Watch::Standing && socket.is_shared {
            self.poller.forget(fd);
        }
        socket::close(fd);
        self.stock.on_descriptor_closed();
    }

    fn thread(&self) -> Option<Thread> {
        Some(socket::thread())
    }

    fn fetch(&mut self, from: Thread, number: Fd) -> Result<Fd, Errno> {
        let fd = self.neighbours.fetch(from, number).map(|fd| self.opened(fd))?;
        let socket = self.sockets.of(fd);
        // Whoever had it holds it for a little while.
        socket.is_shared = true;
        socket.has_mark = socket::has_layer(fd);
        Ok(fd)
    }

    fn let_go(&mut self, fd: Fd) {
        self.sockets.of(fd).is_shared = true;
        self.discard(fd);
    }

    fn submit(&mut self, tag: Tag, op: Op) -> Option<Done> {
        let done = match op {
            Op::Readable { fd } => self.start_readable(tag, fd),
            Op::Connect { fd, addr } => self.start_connect(tag, fd, &addr),
            Op::Recv { fd, hope, count_max } => self.start_inbound(tag, fd, Inbound::Recv { count_max }, hope),
            Op::Send { fd, lease, start, end } => self.start_outbound(tag, fd, Outbound::Send { lease, start, end }),
            Op::Fill { fd, count_max } => self.start_inbound(tag, fd, Inbound::Fill { count_max }, Hope::Later),
            Op::Drain { fd, pipe } => self.start_outbound(tag, fd, Outbound::Drain(pipe)),
            Op::Entrust { fd, way, keys } => Some(self.entrust(fd, way, &keys)),
            Op::SendAlert { fd, alert } => self.start_outbound(tag, fd, Outbound::Alert(alert)),
            Op::RecvRecord { fd, lease } => Some(self.receive_record(fd, lease)),
            Op::Finish { fd } => Some(self.finish(fd)),
            Op::Cancel { fd } => Some(self.cancel(fd)),
            Op::Close { fd, ending } => Some(self.close(fd, ending)),
        };
        self.stats.completions += u64::from(done.is_some());
        done
    }

    fn turn(&mut self, deadline: Option<Instant>, done: &mut Vec<(Tag, Done)>) -> Result<(), Errno> {
        let before = done.len();
        self.stock.close_spoiled();
        self.stock.on_turn();
        self.wait(deadline)?;
        self.budget.renew();
        self.feed_starved(done);
        self.serve_line(done);
        self.stats.completions += (done.len() - before) as u64;
        Ok(())
    }

    /// Every op has been tried when it was submitted.
    fn flush(&mut self) {}

    fn tidy(&mut self, buffers_least: usize) {
        self.pool.trim(buffers_least);
    }

    fn waker(&self) -> Waker {
        self.wakeup.waker()
    }

    fn stats(&self) -> DriverStats {
        self.stats
    }
}
