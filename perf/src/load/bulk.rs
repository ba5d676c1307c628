//! As many bytes as go through, in one direction or both.

use std::{
    io::{ErrorKind, Write},
    time::Instant,
};

use nix::sys::epoll::EpollFlags;

use super::{Desk, Direction, Workload, later::Later};
use crate::{
    pattern::{DUPLEX, SINK, SOURCE},
    stream::{Drained, Scratch, Sink, Source},
    tally::Tally,
    wire::Wire,
};

struct Flow {
    socket: Wire,
    is_begun: bool,
    source: Source,
    sink: Sink,
}

/// The workload.
pub(crate) struct Bulk {
    flows: Vec<Option<Flow>>,
    direction: Direction,
    scratch: Scratch,
    later: Later,
    begun: usize,
}

impl Bulk {
    pub(crate) fn new(flows: usize, direction: Direction) -> Self {
        let mut later = Later::default();
        (0..flows).for_each(|slot| later.push(slot));
        Bulk { flows: (0..flows).map(|_| None).collect(), direction, scratch: Scratch::new(), later, begun: 0 }
    }

    fn open(&mut self, slot: usize, desk: &mut Desk) {
        let socket = match desk.dialer.dial() {
            Ok(socket) => desk.wires.over(socket),
            Err(undialled) => {
                undialled.note(&mut desk.tally.failures);
                return self.later.push(slot);
            }
        };
        // Writable first in every direction: the byte that says which.
        if desk.poller.add(&socket, EpollFlags::EPOLLOUT, slot as u64).is_err() {
            desk.tally.failures.own += 1;
            return self.later.push(slot);
        }
        self.flows[slot] = Some(Flow { socket, is_begun: false, source: Source::default(), sink: Sink::default() });
    }

    /// Says what the flow is for. `false` when the connection is gone.
    fn begin(&mut self, slot: usize, desk: &mut Desk) -> bool {
        let Some(flow) = &mut self.flows[slot] else { return true };
        let (first, flags) = match self.direction {
            Direction::Down => (SOURCE, EpollFlags::EPOLLIN),
            Direction::Up => (SINK, EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP),
            Direction::Both => (DUPLEX, EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT),
        };
        match flow.socket.write(&[first]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return desk.poller.modify(&flow.socket, flow.socket.awaited(), slot as u64).is_ok();
            }
            Err(_) => return false,
        }
        flow.is_begun = true;
        self.begun += 1;
        desk.poller.modify(&flow.socket, flags, slot as u64).is_ok()
    }

    fn on_lost(&mut self, slot: usize) {
        if self.flows[slot].take().is_some_and(|flow| flow.is_begun) {
            self.begun -= 1;
        }
        self.later.push(slot);
    }
}

impl Workload for Bulk {
    fn handle(&mut self, slot: usize, flags: EpollFlags, desk: &mut Desk) {
        let Some(flow) = self.flows.get_mut(slot).and_then(Option::as_mut) else { return };
        if !flow.is_begun {
            if !self.begin(slot, desk) {
                desk.tally.failures.refused += 1;
                self.on_lost(slot);
            }
            return;
        }
        let is_ended = flags.intersects(EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
        if is_ended || flags.contains(EpollFlags::EPOLLOUT) && flow.source.pump(&mut flow.socket).is_err() {
            desk.tally.failures.lost += 1;
            return self.on_lost(slot);
        }
        if !flags.contains(EpollFlags::EPOLLIN) {
            return;
        }
        match flow.sink.drain_wire(&mut flow.socket, &mut self.scratch) {
            Drained::Bytes(received) => desk.tally.bytes_received += received,
            Drained::Ended => {
                desk.tally.failures.lost += 1;
                self.on_lost(slot);
            }
            Drained::Corrupt => {
                desk.tally.failures.corrupt += 1;
                self.on_lost(slot);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant, desk: &mut Desk) {
        for slot in self.later.take_due(now) {
            self.open(slot, desk);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.later.deadline()
    }

    fn is_ready(&self) -> bool {
        self.begun == self.flows.len()
    }

    fn held(&self, tally: &mut Tally) -> u64 {
        tally.failures.missing += (self.flows.len() - self.begun) as u64;
        self.begun as u64
    }
}
