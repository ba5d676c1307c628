//! Requests and their responses over HTTP: one after the other on connections that stay, or each on a connection of its own.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use nix::sys::epoll::EpollFlags;

use super::{Desk, Exchange, Workload, later::Later, pace::Pace};
use crate::{
    http::{Arrival, Incoming, Outgoing},
    stream::Scratch,
    tally::{STALL, Tally},
};

/// How many connections are on their way up at a time: below any listen backlog (nginx's is 511).
const OPENING_MAX: usize = 128;

/// When no connection has come up for this long, the measurement begins with those that stand.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The request is not sent to its end.
    Asking,
    Waiting,
    Resting,
}

struct Link {
    socket: TcpStream,
    phase: Phase,
    /// Its first response has not come.
    is_opening: bool,
    /// The poller reports room to send.
    is_watched_for_room: bool,
    since: Instant,
    request: Outgoing,
    response: Incoming,
}

/// What an event did to a link.
enum Outcome {
    Pending,
    /// The response is whole, with so many bytes of content.
    Answered(u64),
    Refused,
    Lost,
    Corrupt,
}

/// The workload.
pub(crate) struct Http {
    links: Vec<Option<Link>>,
    exchange: Exchange,
    active: usize,
    pace: Pace,
    unopened: Vec<usize>,
    later: Later,
    opening: usize,
    held: usize,
    progress: Instant,
    is_running: bool,
    scratch: Scratch,
}

impl Http {
    pub(crate) fn new(connections: usize, active: usize, exchange: Exchange, per_second: Option<f64>) -> Self {
        assert!(active <= connections);
        Http {
            links: (0..connections).map(|_| None).collect(),
            exchange,
            active,
            pace: Pace::at(per_second),
            unopened: (0..connections).rev().collect(),
            later: Later::default(),
            opening: 0,
            held: 0,
            progress: Instant::now(),
            is_running: false,
            scratch: Scratch::new(),
        }
    }

    fn open_more(&mut self, desk: &mut Desk) {
        while self.opening < OPENING_MAX {
            let Some(slot) = self.unopened.pop() else { return };
            let since = Instant::now();
            match desk.dialer.dial() {
                Ok(socket) => self.open(slot, socket, since, desk),
                Err(undialled) => {
                    undialled.note(&mut desk.tally.failures);
                    self.later.push(slot);
                }
            }
        }
    }

    fn open(&mut self, slot: usize, socket: TcpStream, since: Instant, desk: &mut Desk) {
        let Exchange { is_put, size, is_kept } = self.exchange;
        if desk.poller.add(&socket, EpollFlags::EPOLLIN, slot as u64).is_err() {
            desk.tally.failures.own += 1;
            return self.later.push(slot);
        }
        self.links[slot] = Some(Link {
            socket,
            phase: Phase::Asking,
            is_opening: true,
            is_watched_for_room: false,
            since,
            request: Outgoing::request(if is_put { "PUT" } else { "GET" }, size, !is_kept),
            response: Incoming::default(),
        });
        self.opening += 1;
        self.ask(slot, desk);
    }

    /// Sends what can be sent of the request.
    fn ask(&mut self, slot: usize, desk: &mut Desk) {
        let Some(link) = &mut self.links[slot] else { return };
        let outcome = link.ask(slot, desk);
        self.on_outcome(slot, outcome, desk);
    }

    fn on_outcome(&mut self, slot: usize, outcome: Outcome, desk: &mut Desk) {
        let failures = &mut desk.tally.failures;
        match outcome {
            Outcome::Pending => return,
            Outcome::Answered(size) => return self.on_answered(slot, size, desk),
            Outcome::Refused => failures.refused += 1,
            Outcome::Lost => failures.lost += 1,
            Outcome::Corrupt => failures.corrupt += 1,
        }
        self.drop_link(slot);
        self.later.push(slot);
    }

    fn on_answered(&mut self, slot: usize, size: u64, desk: &mut Desk) {
        let Some(link) = &mut self.links[slot] else { return };
        let now = Instant::now();
        link.phase = Phase::Resting;
        let was_opening = std::mem::replace(&mut link.is_opening, false);
        if was_opening {
            self.opening -= 1;
            self.held += 1;
            self.progress = now;
        }
        // The first exchange of a connection that stays proves that it stands, and is not counted.
        if !self.exchange.is_kept || !was_opening {
            desk.tally.round_trips += 1;
            desk.tally.connections += u64::from(!self.exchange.is_kept);
            desk.tally.bytes_received += size;
            desk.tally.on_latency(now - link.since);
        }
        if !self.exchange.is_kept {
            self.drop_link(slot);
            self.unopened.push(slot);
            self.is_running = true;
        } else if self.is_running {
            self.ask_next(slot, now, desk);
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
            if self.links[slot].as_ref().is_some_and(|link| link.phase == Phase::Resting) {
                self.ask_next(slot, now, desk);
            }
        }
    }

    fn ask_next(&mut self, slot: usize, now: Instant, desk: &mut Desk) {
        if slot >= self.active {
            return;
        }
        if let Some(since) = self.pace.on_free(slot, now) {
            self.ask_again(slot, since, desk);
        }
    }

    /// `since`: when the request was due.
    fn ask_again(&mut self, slot: usize, since: Instant, desk: &mut Desk) {
        let Some(link) = &mut self.links[slot] else { return };
        link.since = since;
        link.phase = Phase::Asking;
        link.request.begin_again();
        self.ask(slot, desk);
    }

    fn drop_link(&mut self, slot: usize) {
        let Some(link) = self.links[slot].take() else { return };
        if link.is_opening {
            self.opening -= 1;
        } else {
            self.held -= 1;
        }
        self.pace.on_gone(slot);
    }
}

impl Workload for Http {
    fn handle(&mut self, slot: usize, _flags: EpollFlags, desk: &mut Desk) {
        let Some(link) = self.links.get_mut(slot).and_then(Option::as_mut) else { return };
        let outcome = match link.phase {
            Phase::Asking => link.ask(slot, desk),
            Phase::Waiting => match link.response.read(&link.socket, &mut self.scratch) {
                Arrival::Pending => Outcome::Pending,
                Arrival::Whole(message) if message.is_ok => Outcome::Answered(message.size),
                Arrival::Whole(_) | Arrival::Corrupt => Outcome::Corrupt,
                Arrival::Ended => Outcome::Lost,
            },
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
            self.ask_again(slot, since, desk);
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
        let is_stalled = |link: &&Link| link.phase != Phase::Resting && now - link.since > STALL;
        tally.failures.stalled += self.links.iter().flatten().filter(is_stalled).count() as u64;
        if !self.exchange.is_kept {
            return self.links.iter().flatten().count() as u64;
        }
        tally.failures.missing += (self.links.len() - self.held) as u64;
        self.held as u64
    }
}

impl Link {
    fn ask(&mut self, slot: usize, desk: &mut Desk) -> Outcome {
        let is_sent = match self.request.pump(&self.socket) {
            Ok(is_sent) => is_sent,
            Err(_) if self.is_opening && self.request.is_untouched() => return Outcome::Refused,
            Err(_) => return Outcome::Lost,
        };
        if is_sent {
            self.phase = Phase::Waiting;
        }
        if self.is_watched_for_room == is_sent {
            self.is_watched_for_room = !is_sent;
            let flags = if is_sent { EpollFlags::EPOLLIN } else { EpollFlags::EPOLLOUT };
            if desk.poller.modify(&self.socket, flags, slot as u64).is_err() {
                return Outcome::Lost;
            }
        }
        Outcome::Pending
    }
}
