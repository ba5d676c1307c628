//! A shard of one page: it accepts, and sends back what it hears, by the rules that any owner of a driver must keep.

use crate::rig::ip;
use driver::{
    Done, Driver, Ending, Errno, Fd, Filled, Hope, Instant, ListenSpec, Op, Pipe, Received, SessionId, Side, Tag,
};
use sim::{Sim, World};
use std::time::Duration;

/// A client that makes no progress for so long is given up.
const IDLE_MOST: Duration = Duration::from_millis(500);
/// Accepting rests for so long when there are no descriptors.
const REST: Duration = Duration::from_millis(50);

/// An echo of what its clients say, listening on `ip(7)`. Every other session splices, for as long as there are pipes.
pub(crate) struct Echo {
    sim: Sim,
    world: World,
    listener: Fd,
    sessions: Vec<Session>,
    rests_until: Option<Instant>,
    /// Times that `accept` found no descriptor.
    pub(crate) exhausted_count: u32,
    /// Fills that found no pipe.
    pub(crate) pipeless_count: u32,
    /// A planted fault: the last byte of a long receive is lost.
    pub(crate) loses_bytes: bool,
}

struct Session {
    fd: Fd,
    phase: Phase,
    moved_at: Instant,
    /// What of the lease in flight is still to be sent.
    unsent: (u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    Echoing,
    Finishing,
    /// Until so many completions have come.
    Cancelling(u32),
    Closing,
    Gone,
}

impl Echo {
    pub(crate) fn new(mut sim: Sim) -> Echo {
        let spec = ListenSpec::at(ip(7), 16);
        let listener = sim.bind(&spec).expect("nobody else is there");
        sim.listen(listener, spec.backlog).expect("it is bound");
        let (world, sessions) = (sim.world(), Vec::new());
        let mut echo = Echo {
            sim,
            world,
            listener,
            sessions,
            rests_until: None,
            exhausted_count: 0,
            pipeless_count: 0,
            loses_bytes: false,
        };
        echo.submit(Tag::Listener(0), Op::Readable { fd: listener });
        echo
    }

    /// Turns until nothing can happen any more.
    pub(crate) fn run(&mut self) {
        let mut done = Vec::new();
        loop {
            let deadline = self.deadline();
            if self.world.is_quiet() && deadline.is_none() {
                break;
            }
            self.sim.turn(deadline, &mut done).expect("a simulation does not fail");
            for (tag, done) in done.drain(..) {
                self.handle(tag, done);
            }
            self.on_time();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let echoing = self.sessions.iter().filter(|session| session.phase == Phase::Echoing);
        echoing.map(|session| session.moved_at + IDLE_MOST).chain(self.rests_until).min()
    }

    fn on_time(&mut self) {
        let now = self.sim.now();
        if self.rests_until.take_if(|until| *until <= now).is_some() {
            self.accept();
        }
        for index in 0..self.sessions.len() {
            let session = &mut self.sessions[index];
            if session.phase == Phase::Echoing && session.moved_at + IDLE_MOST <= now {
                session.phase = Phase::Cancelling(2);
                let fd = session.fd;
                self.submit(tag_of(index), Op::Cancel { fd });
            }
        }
    }

    fn submit(&mut self, tag: Tag, op: Op) {
        if let Some(done) = self.sim.submit(tag, op) {
            self.handle(tag, done);
        }
    }

    fn accept(&mut self) {
        loop {
            match self.sim.accept(self.listener) {
                Ok(Some(accepted)) => {
                    let moved_at = self.sim.now();
                    self.sessions.push(Session { fd: accepted.fd, phase: Phase::Echoing, moved_at, unsent: (0, 0) });
                    self.listen(self.sessions.len() - 1);
                }
                Ok(None) => return self.submit(Tag::Listener(0), Op::Readable { fd: self.listener }),
                Err(Errno::ECONNABORTED) => (),
                Err(errno) => {
                    assert!(errno.is_exhaustion(), "{errno:?}");
                    self.exhausted_count += 1;
                    self.rests_until = Some(self.sim.now() + REST);
                    return;
                }
            }
        }
    }

    fn handle(&mut self, tag: Tag, done: Done) {
        let Tag::Session { id, .. } = tag else { return self.accept() };
        let index = id.index as usize;
        match (self.sessions[index].phase, done) {
            (Phase::Closing, Done::Closed) => self.sessions[index].phase = Phase::Gone,
            (Phase::Cancelling(1), _) => self.close(index, Ending::Reset),
            (Phase::Cancelling(left), _) => self.sessions[index].phase = Phase::Cancelling(left - 1),
            (Phase::Finishing, Done::Finished(_)) => self.close(index, Ending::Orderly),
            (Phase::Echoing, Done::Received(Ok(Received::Bytes { lease, count, .. }))) => {
                let lost = u32::from(self.loses_bytes && count > 100);
                self.sessions[index].unsent = (0, count - lost);
                self.send(index, lease);
            }
            (Phase::Echoing, Done::Filled(Ok(Filled::Bytes(pipe)))) => self.drain(index, pipe),
            (Phase::Echoing, Done::Drained { pipe, result: Ok(_) }) if pipe.held() > 0 => self.drain(index, pipe),
            (Phase::Echoing, Done::Drained { result: Ok(_), .. }) => self.listen(index),
            (Phase::Echoing, Done::Filled(Ok(Filled::NoPipe))) => {
                self.pipeless_count += 1;
                self.recv(index);
            }
            (Phase::Echoing, Done::Received(Ok(Received::End)) | Done::Filled(Ok(Filled::End))) => {
                self.sessions[index].phase = Phase::Finishing;
                let fd = self.sessions[index].fd;
                self.submit(tag, Op::Finish { fd });
            }
            (Phase::Echoing, Done::Sent { lease, result: Ok(count) }) => {
                self.sessions[index].unsent.0 += count;
                let (start, end) = self.sessions[index].unsent;
                if start < end { self.send(index, lease) } else { self.listen(index) }
            }
            (
                Phase::Echoing,
                Done::Received(Err(_))
                | Done::Sent { result: Err(_), .. }
                | Done::Filled(Err(_))
                | Done::Drained { result: Err(_), .. },
            ) => self.close(index, Ending::Reset),
            (phase, done) => panic!("{done:?} was not expected while {phase:?}"),
        }
    }

    fn listen(&mut self, index: usize) {
        if index.is_multiple_of(2) { self.recv(index) } else { self.fill(index) }
    }

    fn fill(&mut self, index: usize) {
        let session = &mut self.sessions[index];
        session.moved_at = self.sim.now();
        let fd = session.fd;
        self.submit(tag_of(index), Op::Fill { fd, count_max: u32::MAX });
    }

    fn drain(&mut self, index: usize, pipe: Pipe) {
        let session = &mut self.sessions[index];
        session.moved_at = self.sim.now();
        let fd = session.fd;
        self.submit(tag_of(index), Op::Drain { fd, pipe });
    }

    fn recv(&mut self, index: usize) {
        let session = &mut self.sessions[index];
        session.moved_at = self.sim.now();
        let fd = session.fd;
        self.submit(tag_of(index), Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
    }

    fn send(&mut self, index: usize, lease: buf::Lease) {
        let session = &mut self.sessions[index];
        session.moved_at = self.sim.now();
        let (fd, (start, end)) = (session.fd, session.unsent);
        self.submit(tag_of(index), Op::Send { fd, lease, start, end });
    }

    fn close(&mut self, index: usize, ending: Ending) {
        self.sessions[index].phase = Phase::Closing;
        let fd = self.sessions[index].fd;
        self.submit(tag_of(index), Op::Close { fd, ending });
    }
}

fn tag_of(index: usize) -> Tag {
    Tag::Session { id: SessionId { index: index as u32, generation: 0 }, side: Side::Front }
}
