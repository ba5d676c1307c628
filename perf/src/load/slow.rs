//! Readers that take far less than their origin would send.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use nix::sys::epoll::EpollFlags;

use super::{Desk, Workload, later::Later};
use crate::{
    pattern::{CHUNK, SOURCE},
    stream::{Scratch, Sink},
    tally::Tally,
};

/// How often each reader takes its share.
const TICK: Duration = Duration::from_millis(10);
const TICKS_PER_SECOND: u64 = 100;

struct Reader {
    socket: TcpStream,
    is_begun: bool,
    sink: Sink,
}

/// The workload.
pub(crate) struct SlowReader {
    readers: Vec<Option<Reader>>,
    share: usize,
    scratch: Scratch,
    later: Later,
    tick: Option<Instant>,
}

impl SlowReader {
    /// A reader's share of one tick is at most [`CHUNK`] bytes.
    pub(crate) fn new(flows: usize, bytes_per_second: u64) -> Self {
        let mut later = Later::default();
        (0..flows).for_each(|slot| later.push(slot));
        let share = (bytes_per_second / TICKS_PER_SECOND).max(1) as usize;
        assert!(share <= CHUNK);
        SlowReader { readers: (0..flows).map(|_| None).collect(), share, scratch: Scratch::new(), later, tick: None }
    }

    fn open(&mut self, slot: usize, desk: &mut Desk) {
        match desk.dialer.dial() {
            Ok(socket) if desk.poller.add(&socket, EpollFlags::EPOLLOUT, slot as u64).is_ok() => {
                self.readers[slot] = Some(Reader { socket, is_begun: false, sink: Sink::default() });
            }
            Ok(_) => {
                desk.tally.failures.own += 1;
                self.later.push(slot);
            }
            Err(undialled) => {
                undialled.note(&mut desk.tally.failures);
                self.later.push(slot);
            }
        }
    }

    fn read_share(&mut self, slot: usize, desk: &mut Desk) {
        let Some(reader) = &mut self.readers[slot] else { return };
        let bytes = &mut self.scratch.0[..self.share];
        let failure = match reader.socket.read(bytes) {
            Ok(count) if count > 0 && reader.sink.take(&bytes[..count]) => {
                desk.tally.bytes_received += count as u64;
                return;
            }
            Ok(0) => &mut desk.tally.failures.lost,
            Ok(_) => &mut desk.tally.failures.corrupt,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) if !reader.is_begun => return,
            Err(_) => &mut desk.tally.failures.lost,
        };
        *failure += 1;
        self.readers[slot] = None;
        self.later.push(slot);
    }
}

impl Workload for SlowReader {
    /// The connection stands: say what it is for. From then on only the clock makes it read, and an event is its end.
    fn handle(&mut self, slot: usize, _flags: EpollFlags, desk: &mut Desk) {
        let Some(reader) = self.readers.get_mut(slot).and_then(Option::as_mut) else { return };
        let failure = if reader.is_begun {
            &mut desk.tally.failures.lost
        } else {
            reader.is_begun = reader.socket.write(&[SOURCE]).is_ok();
            // Asks for nothing; the kernel reports a reset all the same.
            if reader.is_begun && desk.poller.modify(&reader.socket, EpollFlags::empty(), slot as u64).is_ok() {
                return;
            }
            &mut desk.tally.failures.refused
        };
        *failure += 1;
        self.readers[slot] = None;
        self.later.push(slot);
    }

    fn handle_timeout(&mut self, now: Instant, desk: &mut Desk) {
        for slot in self.later.take_due(now) {
            self.open(slot, desk);
        }
        if self.tick.is_none_or(|tick| tick <= now) {
            self.tick = Some(now + TICK);
            (0..self.readers.len()).for_each(|slot| self.read_share(slot, desk));
        }
    }

    fn deadline(&self) -> Option<Instant> {
        [self.tick, self.later.deadline()].into_iter().flatten().min()
    }

    fn is_ready(&self) -> bool {
        self.readers.iter().all(|reader| reader.as_ref().is_some_and(|reader| reader.is_begun))
    }

    fn held(&self, tally: &mut Tally) -> u64 {
        let held = self.readers.iter().flatten().count();
        tally.failures.missing += (self.readers.len() - held) as u64;
        held as u64
    }
}
