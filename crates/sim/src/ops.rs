//! The shard's ops: how they start, when they can complete, and with what.
//!
//! ```text
//!   submit ──▶ in a lane ──▶ attempt ──▶ done
//!                 ▲            │ not yet: until something arrives
//!                 └────────────┘ no buffer: starved, until a lease is back
//! ```
//!
//! A cancel marks what is in flight when it is submitted. A marked op completes at its next attempt, one way or the other.

use crate::connection::{Holder, Phase};
use crate::schedule::Event;
use crate::socket::{Hunger, InFlight, Lane, OpId, OpKey, Role, Work, own_addr};
use crate::state::{ConnId, DeskId, End, State};
use driver::{Addr, Done, Ending, Errno, Fd, Filled, Hope, Op, Pipe, Received, Tag};
use std::time::Duration;

/// `ENOTCONN`: the transport endpoint is not connected (errno(3)).
const ENOTCONN: Errno = Errno(107);

impl State {
    pub(crate) fn submit(&mut self, tag: Tag, op: Op) -> Option<Done> {
        self.note(|state| vec![format!("{} {tag:?} submits {op:?}", state.now)]);
        let done = match op {
            Op::Readable { fd } => self.start_readable(fd, tag),
            Op::Connect { fd, addr } => self.start_connect(fd, addr, tag),
            Op::Recv { fd, hope, count_max } => self.start_recv(fd, hope, count_max, tag),
            Op::Send { fd, lease, start, end } => {
                assert!(start < end && end as usize <= lease.size(), "{start}..{end} is not a part of the lease");
                let work = Work::Send { lease, start: start as usize, end: end as usize };
                self.start_maybe_at_once(fd, Lane::Outbound, tag, work)
            }
            Op::Fill { fd, count_max } => {
                assert!(count_max > 0, "a fill with nothing looks like the end of the stream");
                self.start_maybe_at_once(fd, Lane::Inbound, tag, Work::Fill { count_max })
            }
            Op::Drain { fd, pipe } => {
                assert!(pipe.held() > 0, "a drain of nothing");
                self.start_maybe_at_once(fd, Lane::Outbound, tag, Work::Drain(pipe))
            }
            // This kernel has no TLS.
            Op::Entrust { way, .. } => Some(Done::Entrusted(way, Err(Errno::ENOENT))),
            Op::SendAlert { .. } => Some(Done::AlertSent(Err(Errno::EINVAL))),
            Op::RecvRecord { lease, .. } => Some(Done::RecordReceived { lease, result: Err(Errno::EINVAL) }),
            Op::Finish { fd } => self.start_finish(fd, tag),
            Op::Cancel { fd } => self.start_cancel(fd, tag),
            Op::Close { fd, ending } => self.start_close(fd, ending, tag),
        };
        if let Some(done) = &done {
            self.stats.completions += 1;
            let line = self.options.has_trace.then(|| format!("{} {tag:?} at once {done:?}", self.now));
            self.trace.extend(line);
        }
        done
    }

    fn start_readable(&mut self, fd: Fd, tag: Tag) -> Option<Done> {
        let role = &self.sockets.named(fd).role;
        assert!(matches!(role, Role::Listening(_)), "{fd:?} does not listen");
        self.start(fd, Lane::Inbound, tag, Work::Readable)
    }

    fn start_connect(&mut self, fd: Fd, addr: Addr, tag: Tag) -> Option<Done> {
        let role = &self.sockets.named(fd).role;
        assert!(matches!(role, Role::Fresh), "{fd:?} was used before: a connect takes a new socket");
        self.knock(fd, addr);
        self.start(fd, Lane::Outbound, tag, Work::Connect)
    }

    fn start_recv(&mut self, fd: Fd, hope: Hope, count_max: u32, tag: Tag) -> Option<Done> {
        match hope {
            Hope::Soon => self.start_maybe_at_once(fd, Lane::Inbound, tag, Work::Recv { count_max }),
            Hope::Later => self.start(fd, Lane::Inbound, tag, Work::Recv { count_max }),
        }
    }

    fn start_finish(&mut self, fd: Fd, tag: Tag) -> Option<Done> {
        let result = match self.stream_of(fd) {
            Some((conn, end)) if self.connections[conn.0].is_up(end) => {
                self.finish(conn, end);
                Ok(())
            }
            Some(_) | None => Err(ENOTCONN),
        };
        self.start_maybe_at_once(fd, Lane::Outbound, tag, Work::Finish(result))
    }

    /// Reaches what is in flight now, and nothing that is submitted later.
    fn start_cancel(&mut self, fd: Fd, tag: Tag) -> Option<Done> {
        self.sockets.start_cancel(fd);
        for lane in Lane::BOTH {
            if let Some(in_flight) = self.sockets.named(fd).lane_mut(lane) {
                in_flight.is_cancelled = true;
                self.retry(fd, lane);
            }
        }
        let delay = self.completion_delay();
        self.plan(delay, Event::Cancelled { fd, tag });
        None
    }

    fn start_close(&mut self, fd: Fd, ending: Ending, tag: Tag) -> Option<Done> {
        self.sockets.start_close(fd);
        let role = self.sockets.find(fd).expect("it is closing").role.clone();
        self.let_go(fd, role, ending);
        let delay = self.completion_delay();
        self.plan(delay, Event::Closed { fd, tag });
        None
    }

    pub(crate) fn discard(&mut self, fd: Fd) {
        self.sockets.named(fd);
        let role = self.sockets.close(fd).role;
        self.let_go(fd, role, Ending::Orderly);
    }

    /// What a close does to the world.
    pub(crate) fn let_go(&mut self, fd: Fd, role: Role, ending: Ending) {
        match role {
            Role::Fresh => (),
            Role::Bound(spec) => {
                self.places.remove(&spec.addr);
            }
            Role::Listening(listener) => self.stop_listening(listener, fd),
            Role::Stream(conn, end) | Role::Fetched(conn, end) => {
                let copies = &mut self.connections[conn.0].end(end).copies;
                if *copies > 0 {
                    *copies -= 1;
                } else {
                    self.leave(conn, end, ending);
                }
            }
        }
    }

    /// A number of our own for a connection of another driver. Its own number stays until it closes that.
    pub(crate) fn fetch(&mut self, from: DeskId, number: Fd) -> Result<Fd, Errno> {
        self.may_open()?;
        let at = std::mem::replace(&mut self.sockets.at, from);
        let socket = self.sockets.named(number);
        assert!(socket.is_idle(), "{number:?} is fetched with an op in flight");
        let Role::Stream(conn, end) = socket.role else { panic!("{number:?} is no connection") };
        socket.role = Role::Fetched(conn, end);
        self.sockets.at = at;
        let fd = self.sockets.open(Role::Stream(conn, end));
        let terminal = self.connections[conn.0].end(end);
        terminal.holder = Holder::Socket(fd);
        terminal.copies += 1;
        Ok(fd)
    }

    fn start(&mut self, fd: Fd, lane: Lane, tag: Tag, work: Work) -> Option<Done> {
        self.sockets.start(fd, lane, tag, work);
        self.retry(fd, lane);
        None
    }

    fn start_maybe_at_once(&mut self, fd: Fd, lane: Lane, tag: Tag, work: Work) -> Option<Done> {
        let op = self.sockets.start(fd, lane, tag, work);
        if self.rng.chance(self.options.network.immediate_permille) {
            let key = OpKey { fd, lane, op };
            if let Some((_, done)) = self.attempt(key) {
                return Some(done);
            }
        }
        self.retry(fd, lane);
        None
    }

    /// Plans an attempt at the op in this lane, if there is one.
    pub(crate) fn retry(&mut self, fd: Fd, lane: Lane) {
        let delay = self.completion_delay();
        let Some(in_flight) = self.sockets.find(fd).and_then(|socket| socket.lane_mut(lane)) else { return };
        if std::mem::replace(&mut in_flight.is_planned, true) {
            return;
        }
        let op = in_flight.id;
        self.plan(delay, Event::Attempt { fd, lane, op });
    }

    pub(crate) fn on_attempt(&mut self, fd: Fd, lane: Lane, op: OpId) {
        let key = OpKey { fd, lane, op };
        if let Some(completed) = self.attempt(key) {
            self.complete(fd, completed);
        }
    }

    pub(crate) fn on_cancelled(&mut self, fd: Fd, tag: Tag) {
        if self.sockets.end_cancel(fd) {
            self.complete(fd, (tag, Done::Cancelled));
        }
    }

    pub(crate) fn on_closed(&mut self, fd: Fd, tag: Tag) {
        let owner = self.sockets.owner(fd);
        if self.sockets.end_close(fd) {
            self.desk(owner.expect("it was open")).done.push((tag, Done::Closed));
        }
    }

    fn complete(&mut self, fd: Fd, completed: (Tag, Done)) {
        let owner = self.sockets.owner(fd).expect("what completes is open");
        self.desk(owner).done.push(completed);
    }

    /// Completes an op if it can, or must since it was cancelled.
    fn attempt(&mut self, key: OpKey) -> Option<(Tag, Done)> {
        let InFlight { id, tag, work, is_cancelled, hunger, .. } = self.sockets.take(key)?;
        if is_cancelled && !self.rng.chance(self.options.network.race_permille) {
            return Some((tag, work.cancelled()));
        }
        let work = match self.perform(key.fd, tag, work) {
            Ok(done) => return Some((tag, done)),
            Err(work) if is_cancelled => return Some((tag, work.cancelled())),
            Err(work) => work,
        };
        let starves = matches!(work, Work::Recv { .. }) && self.is_readable(key.fd);
        if starves && hunger != Hunger::Waiting {
            self.stats.starved += u64::from(hunger == Hunger::None);
            self.starved.push_back(key);
        }
        let hunger = if starves { Hunger::Waiting } else { hunger };
        let back = InFlight { id, tag, work, is_cancelled, is_planned: false, hunger };
        self.sockets.put_back(key, back);
        None
    }

    /// Does what the op asks for, or gives it back if that cannot be done yet.
    fn perform(&mut self, fd: Fd, tag: Tag, work: Work) -> Result<Done, Work> {
        match work {
            Work::Readable => self.perform_readable(fd).map(Done::Readable).ok_or(Work::Readable),
            Work::Connect => self.perform_connect(fd).map(Done::Connected).ok_or(Work::Connect),
            Work::Recv { count_max } => {
                self.perform_recv(fd, count_max).map(Done::Received).ok_or(Work::Recv { count_max })
            }
            Work::Send { lease, start, end } => match self.perform_send(fd, &lease.bytes()[start..end]) {
                Some(result) => Ok(Done::Sent { lease, result }),
                None => Err(Work::Send { lease, start, end }),
            },
            Work::Fill { count_max } => {
                let filled = self.perform_fill(fd, tag, count_max);
                filled.map(Done::Filled).ok_or(Work::Fill { count_max })
            }
            Work::Drain(mut pipe) => match self.perform_drain(fd, tag, &mut pipe) {
                Some(result) => Ok(Done::Drained { pipe, result }),
                None => Err(Work::Drain(pipe)),
            },
            Work::Finish(result) => Ok(Done::Finished(result)),
        }
    }

    fn perform_readable(&mut self, fd: Fd) -> Option<Result<(), Errno>> {
        let Role::Listening(listener) = self.sockets.find(fd)?.role else { return None };
        (!self.listeners[listener.0].queue.is_empty()).then_some(Ok(()))
    }

    fn perform_connect(&mut self, fd: Fd) -> Option<Result<(), Errno>> {
        let (conn, _) = self.stream_of(fd)?;
        match self.connections[conn.0].phase {
            Phase::Knocking => None,
            Phase::Made => Some(Ok(())),
            Phase::Failed(errno) => Some(Err(errno)),
        }
    }

    /// As with provided buffers: a buffer must be at hand before the receive learns what has come, be it an end.
    fn perform_recv(&mut self, fd: Fd, count_max: u32) -> Option<Result<Received, Errno>> {
        let (conn, end) = match self.readable_stream_of(fd)? {
            Ok(stream) => stream,
            Err(errno) => return Some(Err(errno)),
        };
        let mut lease = self.pool.lease()?;
        let arrived = self.connections[conn.0].inbound(end).arrived().min(lease.receive_size()).min(count_max as usize);
        let most = self.maybe_short(arrived);
        let mut filled = 0;
        let result = self.read(conn, end, most, |bytes| {
            lease.bytes_mut()[filled..filled + bytes.len()].copy_from_slice(bytes);
            filled += bytes.len();
        })?;
        Some(result.map(|count| match count {
            0 => Received::End,
            _ => Received::Bytes {
                lease,
                count: count as u32,
                more: self.connections[conn.0].inbound(end).arrived() > 0,
            },
        }))
    }

    /// As with buffers: a pipe must be at hand before the fill learns what has come, be it an end.
    fn perform_fill(&mut self, fd: Fd, tag: Tag, count_max: u32) -> Option<Result<Filled, Errno>> {
        let (conn, end) = match self.readable_stream_of(fd)? {
            Ok(stream) => stream,
            Err(errno) => return Some(Err(errno)),
        };
        let is_refused = self.rng.chance(self.options.faults.pipe_permille);
        let pipe = if is_refused { None } else { self.pipes.take(&mut self.rng) };
        let Some(mut pipe) = pipe else { return Some(Ok(Filled::NoPipe)) };
        let arrived = self.connections[conn.0].inbound(end).arrived().min(self.pipes.size(&pipe));
        let most = self.maybe_short(arrived.min(count_max as usize));
        let mut bytes = Vec::with_capacity(most);
        let result = self.read(conn, end, most, |piece| bytes.extend(piece))?;
        Some(result.map(|count| match count {
            0 => Filled::End,
            _ => {
                self.pipes.fill(&mut pipe, tag, &bytes);
                Filled::Bytes(pipe)
            }
        }))
    }

    fn perform_drain(&mut self, fd: Fd, tag: Tag, pipe: &mut Pipe) -> Option<Result<u32, Errno>> {
        let bytes = self.pipes.bytes(pipe, tag).to_vec();
        let result = self.perform_send(fd, &bytes)?;
        if let Ok(count) = result {
            self.pipes.drain(pipe, count as usize);
            self.stats.spliced_bytes += u64::from(count);
        }
        Some(result)
    }

    fn perform_send(&mut self, fd: Fd, bytes: &[u8]) -> Option<Result<u32, Errno>> {
        let Some((conn, end)) = self.stream_of(fd) else { return Some(Err(Errno::EPIPE)) };
        match self.connections[conn.0].phase {
            Phase::Knocking => return None,
            Phase::Failed(_) => return Some(Err(Errno::EPIPE)),
            Phase::Made => (),
        }
        let most = self.maybe_short(bytes.len());
        let written = self.write(conn, end, &bytes[..most])?;
        Some(written.map(|count| count as u32))
    }

    fn maybe_short(&mut self, count: usize) -> usize {
        let is_short = count > 1 && self.rng.chance(self.options.network.short_permille);
        if is_short { self.rng.between(1, count) } else { count }
    }

    /// Attempts what starved, as far as there are buffers again.
    pub(crate) fn feed_starved(&mut self) {
        for _ in 0..self.pool.free_count() {
            let Some(key) = self.starved.pop_front() else { break };
            let socket = self.sockets.find(key.fd);
            let in_flight = socket.and_then(|socket| socket.lane_mut(key.lane));
            let Some(in_flight) = in_flight.filter(|in_flight| in_flight.id == key.op) else { continue };
            in_flight.hunger = Hunger::Fed;
            self.retry(key.fd, key.lane);
        }
    }

    pub(crate) fn is_readable(&mut self, fd: Fd) -> bool {
        self.stream_of(fd).is_some_and(|(conn, end)| self.connections[conn.0].is_readable(end))
    }

    /// The connection of a socket on which a read has something to say. `None`: not yet.
    fn readable_stream_of(&mut self, fd: Fd) -> Option<Result<(ConnId, End), Errno>> {
        let Some((conn, end)) = self.stream_of(fd) else { return Some(Err(ENOTCONN)) };
        let connection = &self.connections[conn.0];
        match connection.phase {
            Phase::Failed(_) => Some(Err(ENOTCONN)),
            Phase::Knocking | Phase::Made => connection.is_readable(end).then_some(Ok((conn, end))),
        }
    }

    /// The connection of a socket, once a connect was asked for or it was accepted.
    fn stream_of(&mut self, fd: Fd) -> Option<(ConnId, End)> {
        match self.sockets.find(fd)?.role {
            Role::Stream(conn, end) => Some((conn, end)),
            Role::Fetched(..) | Role::Fresh | Role::Bound(_) | Role::Listening(_) => None,
        }
    }

    /// A new connection of ours sets out.
    fn knock(&mut self, fd: Fd, addr: Addr) {
        let port = self.ephemeral_port();
        let own = own_addr(&addr, port);
        let conn = self.new_connection(Holder::Socket(fd), own, addr, Duration::ZERO);
        self.sockets.named(fd).role = Role::Stream(conn, End::Asker);
    }
}
