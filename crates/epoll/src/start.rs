//! How an op begins: it is attempted at once, or takes its place in its socket's lane.

use crate::Epoll;
use crate::sockets::{InFlight, Inbound, Outbound, Readiness};
use driver::{Addr, Done, Errno, Fd, Hope, Tag};
use socket::Waiting;

impl Epoll {
    /// Attempts what is probably ready; else the op waits.
    pub(crate) fn start_inbound(&mut self, tag: Tag, fd: Fd, op: Inbound, hope: Hope) -> Option<Done> {
        self.sockets.assert_free(fd, "receiving", |socket| socket.inbound.is_none());
        if hope == Hope::Soon && self.may_receive(fd) {
            let done = self.attempt_inbound(fd, op);
            if done.is_some() {
                return done;
            }
        }
        let readiness = self.sockets.of(fd).readable;
        if let Err(errno) = self.await_turn(fd, readiness) {
            return Some(op.failed(errno));
        }
        self.sockets.of(fd).inbound = Some(InFlight::new(tag, op));
        None
    }

    /// Attempts it unless the socket is known to be full; else the op waits.
    pub(crate) fn start_outbound(&mut self, tag: Tag, fd: Fd, op: Outbound) -> Option<Done> {
        self.sockets.assert_free(fd, "sending", |socket| socket.outbound.is_none());
        let socket = self.sockets.of(fd);
        let op = if socket.writable != Readiness::Nothing && self.budget.spend(&mut socket.share) {
            match self.attempt_outbound(fd, op) {
                Ok(done) => return Some(done),
                Err(op) => op,
            }
        } else {
            op
        };
        let readiness = self.sockets.of(fd).writable;
        if let Err(errno) = self.await_turn(fd, readiness) {
            return Some(op.failed(errno));
        }
        self.sockets.of(fd).outbound = Some(InFlight::new(tag, op));
        None
    }

    /// What the kernel has nothing for waits for an edge; what was not attempted, for its turn.
    fn await_turn(&mut self, fd: Fd, readiness: Readiness) -> Result<(), Errno> {
        match readiness {
            Readiness::Nothing => self.watch(fd),
            Readiness::Perhaps | Readiness::Ready => {
                self.line.join(fd);
                Ok(())
            }
        }
    }

    /// Whether a receive may be attempted at once: there is a buffer that nobody has waited for longer, and work to spare.
    fn may_receive(&mut self, fd: Fd) -> bool {
        self.starved.is_empty() && self.pool.free_count() > 0 && self.budget.spend(&mut self.sockets.of(fd).share)
    }

    pub(crate) fn start_readable(&mut self, tag: Tag, fd: Fd) -> Option<Done> {
        // Accepting one connection does not tell whether there is another: listening again asks.
        self.sockets.settle_readable(fd);
        self.start_inbound(tag, fd, Inbound::Readable, Hope::Later)
    }

    pub(crate) fn start_connect(&mut self, tag: Tag, fd: Fd, addr: &Addr) -> Option<Done> {
        match self.connect(fd, addr) {
            Err(Errno(libc::EINPROGRESS) | Errno::EINTR) => {
                self.sockets.of(fd).writable = Readiness::Nothing;
                self.start_outbound(tag, fd, Outbound::Connect)
            }
            result => Some(Done::Connected(result)),
        }
    }

    fn connect(&self, fd: Fd, addr: &Addr) -> Result<(), Errno> {
        let name = socket::Name::encode(addr)?;
        match addr {
            Addr::Ip(_) => socket::connect(fd, &name),
            Addr::Unix(_) | Addr::Unnamed => socket::connect_unix(fd, &name, Waiting::Outside),
        }
    }
}
