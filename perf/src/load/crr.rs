//! Connect, request, echo, close; and again.

use std::{
    io::{ErrorKind, Read, Write},
    time::Instant,
};

use nix::sys::epoll::EpollFlags;

use super::{Desk, Workload, later::Later, rr::SIZE_MAX};
use crate::{
    pattern::PATTERN,
    tally::{STALL, Tally},
    wire::Wire,
};

struct Visit {
    socket: Wire,
    since: Instant,
    phase: Phase,
}

enum Phase {
    Connecting,
    Waiting { received: usize },
}

/// What an event did to a visit.
enum Outcome {
    Pending,
    Answered,
    Refused,
    Lost,
    Corrupt,
}

/// The workload.
pub(crate) struct ConnectRequestClose {
    visits: Vec<Option<Visit>>,
    size: usize,
    later: Later,
    begun: u64,
}

impl ConnectRequestClose {
    /// `size` is at most [`SIZE_MAX`].
    pub(crate) fn new(concurrent: usize, size: usize) -> Self {
        assert!(size <= SIZE_MAX);
        let mut later = Later::default();
        (0..concurrent).for_each(|slot| later.push(slot));
        ConnectRequestClose { visits: (0..concurrent).map(|_| None).collect(), size, later, begun: 0 }
    }

    fn begin(&mut self, slot: usize, desk: &mut Desk) {
        self.begun += 1;
        let since = Instant::now();
        let socket = match desk.dialer.dial() {
            Ok(socket) => desk.wires.over(socket),
            Err(undialled) => {
                undialled.note(&mut desk.tally.failures);
                return self.later.push(slot);
            }
        };
        let mut visit = Visit { socket, since, phase: Phase::Connecting };
        let outcome = visit.ask(slot, self.size);
        let flags = match visit.phase {
            Phase::Connecting => visit.socket.awaited(),
            Phase::Waiting { .. } => EpollFlags::EPOLLIN,
        };
        if desk.poller.add(&visit.socket, flags, slot as u64).is_err() {
            desk.tally.failures.own += 1;
            return self.later.push(slot);
        }
        self.visits[slot] = Some(visit);
        self.on_outcome(slot, outcome, desk);
    }

    fn on_outcome(&mut self, slot: usize, outcome: Outcome, desk: &mut Desk) {
        let failures = &mut desk.tally.failures;
        match outcome {
            Outcome::Pending => return,
            Outcome::Answered => return self.on_answered(slot, desk),
            Outcome::Refused => failures.refused += 1,
            Outcome::Lost => failures.lost += 1,
            Outcome::Corrupt => failures.corrupt += 1,
        }
        self.visits[slot] = None;
        self.later.push(slot);
    }

    fn on_answered(&mut self, slot: usize, desk: &mut Desk) {
        if let Some(mut visit) = self.visits[slot].take() {
            visit.socket.say_end();
            desk.tally.connections += 1;
            desk.tally.on_latency(visit.since.elapsed());
        }
        self.begin(slot, desk);
    }
}

impl Workload for ConnectRequestClose {
    fn handle(&mut self, slot: usize, _flags: EpollFlags, desk: &mut Desk) {
        let Some(visit) = self.visits.get_mut(slot).and_then(Option::as_mut) else { return };
        let outcome = match visit.phase {
            Phase::Connecting => {
                let outcome = visit.ask(slot, self.size);
                let awaited = match visit.phase {
                    Phase::Connecting => visit.socket.awaited(),
                    Phase::Waiting { .. } => EpollFlags::EPOLLIN,
                };
                if desk.poller.modify(&visit.socket, awaited, slot as u64).is_err() { Outcome::Lost } else { outcome }
            }
            Phase::Waiting { received } => visit.receive(slot, self.size, received),
        };
        self.on_outcome(slot, outcome, desk);
    }

    fn handle_timeout(&mut self, now: Instant, desk: &mut Desk) {
        for slot in self.later.take_due(now) {
            self.begin(slot, desk);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.later.deadline()
    }

    fn is_ready(&self) -> bool {
        self.begun > 0
    }

    fn held(&self, tally: &mut Tally) -> u64 {
        let now = Instant::now();
        let stalled = self.visits.iter().flatten().filter(|visit| now - visit.since > STALL).count();
        tally.failures.stalled += stalled as u64;
        self.visits.iter().flatten().count() as u64
    }
}

impl Visit {
    fn ask(&mut self, slot: usize, size: usize) -> Outcome {
        match self.socket.write(PATTERN.message(slot, 0, size)) {
            Ok(sent) if sent == size => {
                self.phase = Phase::Waiting { received: 0 };
                Outcome::Pending
            }
            Ok(_) => Outcome::Lost,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Outcome::Pending,
            Err(_) => Outcome::Refused,
        }
    }

    fn receive(&mut self, slot: usize, size: usize, so_far: usize) -> Outcome {
        let mut bytes = [0; SIZE_MAX];
        let count = match self.socket.read(&mut bytes) {
            Ok(0) => return Outcome::Lost,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Outcome::Pending,
            Err(_) => return Outcome::Lost,
        };
        if PATTERN.message(slot, 0, size)[so_far..].get(..count) != Some(&bytes[..count]) {
            return Outcome::Corrupt;
        }
        if so_far + count == size {
            return Outcome::Answered;
        }
        self.phase = Phase::Waiting { received: so_far + count };
        Outcome::Pending
    }
}
