//! What an op does once its socket may be ready: the two matches over ops that wait.

use crate::Epoll;
use crate::sockets::{InFlight, Inbound, Outbound, Readiness};
use buf::Lease;
use driver::{Done, Errno, Fd, Filled, Keys, Pipe, Received, Tag, Way};

impl Epoll {
    /// A socket's turn has come: its ops are attempted, or ended if they were cancelled.
    pub(crate) fn attend(&mut self, fd: Fd, done: &mut Vec<(Tag, Done)>) {
        if let Some(in_flight) = self.sockets.of(fd).inbound.take() {
            self.attend_inbound(fd, in_flight, done);
        }
        if let Some(in_flight) = self.sockets.of(fd).outbound.take() {
            self.attend_outbound(fd, in_flight, done);
        }
    }

    fn attend_inbound(&mut self, fd: Fd, in_flight: InFlight<Inbound>, done: &mut Vec<(Tag, Done)>) {
        let InFlight { tag, op, is_cancelled } = in_flight;
        if is_cancelled {
            done.push((tag, op.failed(Errno::ECANCELED)));
            return;
        }
        if self.sockets.of(fd).readable != Readiness::Nothing
            && let Some(completed) = self.attempt_inbound(fd, op)
        {
            done.push((tag, completed));
            return;
        }
        match self.watch(fd) {
            Ok(()) => self.sockets.of(fd).inbound = Some(in_flight),
            Err(errno) => done.push((tag, op.failed(errno))),
        }
    }

    fn attend_outbound(&mut self, fd: Fd, in_flight: InFlight<Outbound>, done: &mut Vec<(Tag, Done)>) {
        let InFlight { tag, op, is_cancelled } = in_flight;
        if is_cancelled {
            done.push((tag, op.failed(Errno::ECANCELED)));
            return;
        }
        let op = if self.sockets.of(fd).writable == Readiness::Nothing {
            op
        } else {
            match self.attempt_outbound(fd, op) {
                Ok(completed) => return done.push((tag, completed)),
                Err(op) => op,
            }
        };
        match self.watch(fd) {
            Ok(()) => self.sockets.of(fd).outbound = Some(InFlight::new(tag, op)),
            Err(errno) => done.push((tag, op.failed(errno))),
        }
    }

    /// `None`: it cannot be done yet.
    pub(crate) fn attempt_inbound(&mut self, fd: Fd, op: Inbound) -> Option<Done> {
        match op {
            Inbound::Readable => self.sockets.settle_readable(fd).then_some(Done::Readable(Ok(()))),
            Inbound::Recv { count_max } => self.receive(fd, count_max),
            Inbound::Fill { count_max } => self.fill(fd, count_max),
        }
    }

    /// `Err`: it cannot be done yet.
    pub(crate) fn attempt_outbound(&mut self, fd: Fd, op: Outbound) -> Result<Done, Outbound> {
        match op {
            Outbound::Connect => Ok(Done::Connected(self.connected(fd))),
            Outbound::Send { lease, start, end } => self.send(fd, lease, start, end),
            Outbound::Drain(pipe) => self.drain(fd, pipe),
            Outbound::Alert(alert) => self.send_alert(fd, alert),
        }
    }

    fn receive(&mut self, fd: Fd, count_max: u32) -> Option<Done> {
        let Some(mut lease) = self.pool.lease() else {
            self.starve(fd);
            return None;
        };
        let size = lease.receive_size().min(count_max as usize);
        let received = uninterrupted(|| socket::receive(fd, &mut lease.bytes_mut()[..size]));
        let socket = self.sockets.of(fd);
        match received {
            Ok(0) => {
                socket.readable = Readiness::Perhaps;
                Some(Done::Received(Ok(Received::End)))
            }
            Ok(count) => {
                let is_full = count as usize == size;
                let more = is_full && socket::unread_count(fd).is_ok_and(|count| count > 0);
                socket.on_received(!more);
                Some(Done::Received(Ok(Received::Bytes { lease, count, more })))
            }
            Err(Errno::EAGAIN) => {
                socket.readable = Readiness::Nothing;
                None
            }
            Err(errno) => {
                socket.readable = Readiness::Perhaps;
                Some(Done::Received(Err(errno)))
            }
        }
    }

    /// There is no buffer. If there are no bytes either, none is needed yet.
    fn starve(&mut self, fd: Fd) {
        if self.sockets.settle_readable(fd) && self.starved.join(fd) {
            self.stats.starved += 1;
        }
    }

    fn fill(&mut self, fd: Fd, count_max: u32) -> Option<Done> {
        let Some(mut pipe) = self.stock.take() else {
            return self.sockets.settle_readable(fd).then_some(Done::Filled(Ok(Filled::NoPipe)));
        };
        let filled = uninterrupted(|| self.stock.fill(fd, &mut pipe, count_max, self.line.count()));
        let socket = self.sockets.of(fd);
        // A full pipe looks like an empty socket: only `EAGAIN` tells that nothing is left.
        socket.readable = Readiness::Perhaps;
        match filled {
            Ok(0) => Some(Done::Filled(Ok(Filled::End))),
            Ok(_) => Some(Done::Filled(Ok(Filled::Bytes(pipe)))),
            // From an urgent mark on (RFC 9293 §3.8.5) nothing is spliced, and what lies behind has had its edge.
            Err(Errno::EAGAIN) if socket.has_mark => {
                self.sockets.settle_readable(fd).then_some(Done::Filled(Ok(Filled::NoPipe)))
            }
            Err(Errno::EAGAIN) => {
                socket.readable = Readiness::Nothing;
                None
            }
            Err(errno) => Some(Done::Filled(Err(errno))),
        }
    }

    /// Its socket became writable, which ends a connect one way or the other (`connect(2)`: `EINPROGRESS`).
    fn connected(&mut self, fd: Fd) -> Result<(), Errno> {
        self.sockets.of(fd).writable = Readiness::Perhaps;
        socket::failure(fd)
    }

    fn send(&mut self, fd: Fd, lease: Lease, start: u32, end: u32) -> Result<Done, Outbound> {
        let bytes = &lease.bytes()[start as usize..end as usize];
        debug_assert!(!bytes.is_empty(), "a send of nothing");
        let sent = uninterrupted(|| socket::send(fd, bytes));
        let socket = self.sockets.of(fd);
        match sent {
            Ok(count) => {
                socket.on_sent(count == end - start);
                Ok(Done::Sent { lease, result: Ok(count) })
            }
            Err(Errno::EAGAIN) => {
                socket.writable = Readiness::Nothing;
                Err(Outbound::Send { lease, start, end })
            }
            Err(errno) => Ok(Done::Sent { lease, result: Err(errno) }),
        }
    }

    fn drain(&mut self, fd: Fd, mut pipe: Pipe) -> Result<Done, Outbound> {
        let drained = uninterrupted(|| self.stock.drain(fd, &mut pipe));
        let socket = self.sockets.of(fd);
        match drained {
            Ok(count) => {
                // The kernel may stop between two pages of a pipe: only `EAGAIN` tells that the socket is full.
                socket.writable = Readiness::Perhaps;
                self.stats.spliced_bytes += u64::from(count);
                Ok(Done::Drained { pipe, result: Ok(count) })
            }
            Err(Errno::EAGAIN) => {
                socket.writable = Readiness::Nothing;
                Err(Outbound::Drain(pipe))
            }
            Err(errno) => Ok(Done::Drained { pipe, result: Err(errno) }),
        }
    }
}

impl Epoll {
    /// From now on the kernel may open what comes.
    pub(crate) fn entrust(&mut self, fd: Fd, way: Way, keys: &Keys) -> Done {
        let result = socket::entrust(fd, way, keys);
        if way == Way::Inbound {
            let socket = self.sockets.of(fd);
            socket.has_mark = true;
            socket.readable = Readiness::Perhaps;
        }
        Done::Entrusted(way, result)
    }

    pub(crate) fn receive_record(&mut self, fd: Fd, mut lease: Lease) -> Done {
        let result = socket::receive_record(fd, lease.bytes_mut());
        self.sockets.of(fd).readable = Readiness::Perhaps;
        Done::RecordReceived { lease, result }
    }

    fn send_alert(&mut self, fd: Fd, alert: [u8; 2]) -> Result<Done, Outbound> {
        let sent = uninterrupted(|| socket::send_alert(fd, alert).map(|()| 0));
        self.sockets.of(fd).on_sent(sent != Err(Errno::EAGAIN));
        match sent {
            Err(Errno::EAGAIN) => Err(Outbound::Alert(alert)),
            result => Ok(Done::AlertSent(result.map(drop))),
        }
    }
}

/// A signal may interrupt a call that has moved nothing yet; no edge would follow.
fn uninterrupted(mut call: impl FnMut() -> Result<u32, Errno>) -> Result<u32, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => (),
            result => return result,
        }
    }
}
