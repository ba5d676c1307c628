//! Requests and their echoes over connections that stay; also connections that only stand.

use std::{
    io::{ErrorKind, Read, Write},
    time::{Duration, Instant},
};

use nix::sys::epoll::EpollFlags;

use super::{Desk, Workload, later::Later, pace::Pace};
use crate::{
    pattern::PATTERN,
    tally::{STALL, Tally},
    wire::Wire,
};

/// How many connections are on their way up at a time: below any listen backlog (nginx's is 511).
const OPENING_MAX: usize = 128;

/// When no connection has come up for this long, the measurement begins with those that stand.
const PATIENCE: Duration = Duration::from_secs(3);

/// The largest request.
pub(crate) const SIZE_MAX: usize = 4096;

enum Phase {
    /// The first request could not be sent yet.
    Connecting,
    /// The first request is out: its echo proves that the connection reaches an origin.
    Opening {
        received: usize,
    },
    Resting,
    Waiting {
        since: Instant,
        received: usize,
    },
}

struct Link {
    socket: Wire,
    phase: Phase,
    sequence: u64,
}

/// What an event did to a link.
enum Outcome {
    Pending,
    /// The first echo is complete.
    Opened,
    /// An echo is complete; its request was sent, or due, at `since`.
    Answered {
        since: Instant,
    },
    /// The connection never came up.
    Refused,
    Lost,
    Corrupt,
}

/// The workload.
pub(crate) struct RequestResponse {
    links: Vec<Option<Link>>,
    size: usize,
    active: usize,
    pace: Pace,
    unopened: Vec<usize>,
    later: Later,
    opening: usize,
    held: usize,
    progress: Instant,
    is_running: bool,
}

impl RequestResponse {
    /// `size` is at most [`SIZE_MAX`].
    pub(crate) fn new(connections: usize, active: usize, size: usize, per_second: Option<f64>) -> Self {
        assert!(size <= SIZE_MAX && active <= connections);
        RequestResponse {
            links: (0..connections).map(|_| None).collect(),
            size,
            active,
            pace: Pace::at(per_second),
            unopened: (0..connections).rev().collect(),
            later: Later::default(),
            opening: 0,
            held: 0,
            progress: Instant::now(),
            is_running: false,
        }
    }

    fn open_more(&mut self, desk: &mut Desk) {
        while self.opening < OPENING_MAX {
            let Some(slot) = self.unopened.pop() else { return };
            match desk.dialer.dial() {
                Ok(socket) => self.open(slot, desk.wires.over(socket), desk),
                Err(undialled) => {
                    undialled.note(&mut desk.tally.failures);
                    self.later.push(slot);
                }
            }
        }
    }

    fn open(&mut self, slot: usize, socket: Wire, desk: &mut Desk) {
        let mut link = Link { socket, phase: Phase::Connecting, sequence: 0 };
        let outcome = link.greet(slot, self.size);
        let flags = match link.phase {
            Phase::Connecting => link.socket.awaited(),
            Phase::Opening { .. } | Phase::Resting | Phase::Waiting { .. } => EpollFlags::EPOLLIN,
        };
        if desk.poller.add(&link.socket, flags, slot as u64).is_err() {
            desk.tally.failures.own += 1;
            self.later.push(slot);
            return;
        }
        self.links[slot] = Some(link);
        self.opening += 1;
        self.on_outcome(slot, outcome, desk);
    }

    fn on_outcome(&mut self, slot: usize, outcome: Outcome, desk: &mut Desk) {
        match outcome {
            Outcome::Pending => {}
            Outcome::Opened => self.on_opened(slot, desk),
            Outcome::Answered { since } => self.on_answered(slot, since, desk),
            Outcome::Refused => {
                desk.tally.failures.refused += 1;
                self.drop_link(slot);
            }
            Outcome::Lost => {
                desk.tally.failures.lost += 1;
                self.drop_link(slot);
            }
            Outcome::Corrupt => {
                desk.tally.failures.corrupt += 1;
                self.drop_link(slot);
            }
        }
    }

    fn on_opened(&mut self, slot: usize, desk: &mut Desk) {
        self.opening -= 1;
        self.held += 1;
        self.progress = Instant::now();
        if self.is_running {
            self.ask_next(slot, self.progress, desk);
        } else if self.held == self.links.len() {
            self.run(desk);
        }
        self.open_more(desk);
    }

    /// The measurement may begin: every active connection starts to ask.
    fn run(&mut self, desk: &mut Desk) {
        self.is_running = true;
        let now = Instant::now();
        self.pace.start(now);
        for slot in 0..self.active {
            if self.links[slot].is_some() {
                self.ask_next(slot, now, desk);
            }
        }
    }

    fn on_answered(&mut self, slot: usize, since: Instant, desk: &mut Desk) {
        let now = Instant::now();
        desk.tally.round_trips += 1;
        desk.tally.on_latency(now - since);
        self.ask_next(slot, now, desk);
    }

    fn ask_next(&mut self, slot: usize, now: Instant, desk: &mut Desk) {
        if slot >= self.active {
            return;
        }
        if let Some(since) = self.pace.on_free(slot, now) {
            self.ask(slot, since, desk);
        }
    }

    fn ask(&mut self, slot: usize, since: Instant, desk: &mut Desk) {
        let Some(link) = &mut self.links[slot] else { return };
        let outcome = link.ask(slot, self.size, since);
        self.on_outcome(slot, outcome, desk);
    }

    fn drop_link(&mut self, slot: usize) {
        let Some(link) = self.links[slot].take() else { return };
        match link.phase {
            Phase::Connecting | Phase::Opening { .. } => self.opening -= 1,
            Phase::Resting | Phase::Waiting { .. } => self.held -= 1,
        }
        self.pace.on_gone(slot);
        self.later.push(slot);
    }
}

impl Workload for RequestResponse {
    fn handle(&mut self, slot: usize, _flags: EpollFlags, desk: &mut Desk) {
        let Some(link) = self.links.get_mut(slot).and_then(Option::as_mut) else { return };
        let outcome = match link.phase {
            Phase::Connecting => {
                let outcome = link.greet(slot, self.size);
                let awaited = match link.phase {
                    Phase::Connecting => link.socket.awaited(),
                    Phase::Opening { .. } | Phase::Resting | Phase::Waiting { .. } => EpollFlags::EPOLLIN,
                };
                if desk.poller.modify(&link.socket, awaited, slot as u64).is_err() { Outcome::Lost } else { outcome }
            }
            Phase::Opening { .. } | Phase::Waiting { .. } => link.receive(slot, self.size),
            // Nothing was asked: whatever comes is wrong, and mostly it is the end.
            Phase::Resting => Outcome::Lost,
        };
        self.on_outcome(slot, outcome, desk);
    }

    fn handle_timeout(&mut self, now: Instant, desk: &mut Desk) {
        self.unopened.extend(self.later.take_due(now));
        self.open_more(desk);
        if !self.is_running && now >= self.progress + PATIENCE {
            self.run(desk);
        }
        let due = self.pace.take_due(now);
        desk.tally.failures.stalled += due.dropped;
        for (slot, since) in due.sends {
            self.ask(slot, since, desk);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let patience = (!self.is_running).then(|| self.progress + PATIENCE);
        [patience, self.pace.deadline(), self.later.deadline()].into_iter().flatten().min()
    }

    fn is_ready(&self) -> bool {
        self.is_running
    }

    fn held(&self, tally: &mut Tally) -> u64 {
        let now = Instant::now();
        let is_stalled = |link: &&Link| matches!(link.phase, Phase::Waiting { since, .. } if now - since > STALL);
        tally.failures.stalled += self.links.iter().flatten().filter(is_stalled).count() as u64;
        tally.failures.missing += (self.links.len() - self.held) as u64;
        self.held as u64
    }
}

impl Link {
    /// Sends the first request, as soon as the connection stands.
    fn greet(&mut self, slot: usize, size: usize) -> Outcome {
        match self.socket.write(PATTERN.message(slot, self.sequence, size)) {
            Ok(sent) if sent == size => {
                self.phase = Phase::Opening { received: 0 };
                Outcome::Pending
            }
            Ok(_) => Outcome::Lost,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Outcome::Pending,
            Err(_) => Outcome::Refused,
        }
    }

    fn ask(&mut self, slot: usize, size: usize, since: Instant) -> Outcome {
        self.sequence += 1;
        match self.socket.write(PATTERN.message(slot, self.sequence, size)) {
            Ok(sent) if sent == size => {
                self.phase = Phase::Waiting { since, received: 0 };
                Outcome::Pending
            }
            // One request is in flight at most, and any send buffer holds it: what cannot be sent will never be.
            Ok(_) | Err(_) => Outcome::Lost,
        }
    }

    fn receive(&mut self, slot: usize, size: usize) -> Outcome {
        let so_far = match self.phase {
            Phase::Opening { received } | Phase::Waiting { received, .. } => received,
            Phase::Connecting | Phase::Resting => return Outcome::Pending,
        };
        let mut bytes = [0; SIZE_MAX];
        let count = match self.socket.read(&mut bytes) {
            Ok(0) => return Outcome::Lost,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Outcome::Pending,
            Err(_) => return Outcome::Lost,
        };
        let expected = &PATTERN.message(slot, self.sequence, size)[so_far..];
        if expected.get(..count) != Some(&bytes[..count]) {
            return Outcome::Corrupt;
        }
        let received = so_far + count;
        match (&mut self.phase, received == size) {
            (Phase::Opening { received: so_far } | Phase::Waiting { received: so_far, .. }, false) => {
                *so_far = received;
                Outcome::Pending
            }
            (Phase::Waiting { since, .. }, true) => {
                let since = *since;
                self.phase = Phase::Resting;
                Outcome::Answered { since }
            }
            (Phase::Opening { .. } | Phase::Connecting | Phase::Resting, _) => {
                self.phase = Phase::Resting;
                Outcome::Opened
            }
        }
    }
}
