//! One direction of a connection: bytes on their way, bytes that have arrived, and how it ends.
//!
//! ```text
//!   write ──▶ [ on the way ... | arrived ... ] ──▶ read        capacity bounds both together
//! ```
//!
//! **Invariant:** `arrived <= bytes.len() <= capacity`.

use driver::Instant;
use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Stream {
    /// Written and not yet read, oldest first; the first `arrived` of them may be read.
    bytes: VecDeque<u8>,
    arrived: usize,
    capacity: usize,
    is_finished: bool,
    end_has_arrived: bool,
    /// What is still on its way will never arrive.
    is_cut: bool,
    /// The writer found no room and waits to hear of some.
    is_blocked: bool,
    /// Nothing arrives before what was sent earlier.
    arrives_last: Instant,
}

impl Stream {
    pub(crate) fn new(capacity: usize) -> Stream {
        Stream {
            bytes: VecDeque::new(),
            arrived: 0,
            capacity,
            is_finished: false,
            end_has_arrived: false,
            is_cut: false,
            is_blocked: false,
            arrives_last: Instant::EPOCH,
        }
    }

    pub(crate) fn arrived(&self) -> usize {
        self.arrived
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// The end was sent, and everything before it was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.end_has_arrived && self.arrived == 0
    }

    pub(crate) fn end_has_arrived(&self) -> bool {
        self.end_has_arrived
    }

    /// When something arrives that would by itself arrive at `at`.
    pub(crate) fn arrival_at(&mut self, at: Instant) -> Instant {
        self.arrives_last = self.arrives_last.max(at);
        self.arrives_last
    }

    /// Takes what there is room for. Zero: the writer waits.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        assert!(!self.is_finished, "nothing is written behind an end");
        let count = bytes.len().min(self.capacity - self.bytes.len());
        self.is_blocked = count == 0;
        self.bytes.extend(&bytes[..count]);
        count
    }

    pub(crate) fn has_room(&self) -> bool {
        self.bytes.len() < self.capacity
    }

    pub(crate) fn finish(&mut self) {
        self.is_finished = true;
    }

    pub(crate) fn arrive(&mut self, count: usize) {
        if !self.is_cut {
            self.arrived += count;
        }
    }

    pub(crate) fn arrive_end(&mut self) {
        self.end_has_arrived |= !self.is_cut;
    }

    /// Hands up to `most` arrived bytes to `sink`, in one or two pieces.
    pub(crate) fn read(&mut self, most: usize, mut sink: impl FnMut(&[u8])) -> usize {
        let count = most.min(self.arrived);
        let (front, back) = self.bytes.as_slices();
        let split = count.min(front.len());
        sink(&front[..split]);
        if count > split {
            sink(&back[..count - split]);
        }
        self.bytes.drain(..count);
        self.arrived -= count;
        count
    }

    /// True once after room was made for a writer that waits for it.
    pub(crate) fn takes_unblocking(&mut self) -> bool {
        self.has_room() && std::mem::take(&mut self.is_blocked)
    }

    /// Loses what has not arrived. What has may still be read.
    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
        self.bytes.truncate(self.arrived);
    }

    /// Loses everything: its reader is gone.
    pub(crate) fn abandon(&mut self) {
        self.is_cut = true;
        self.arrived = 0;
        self.bytes = VecDeque::new();
    }

    pub(crate) fn check(&self) {
        assert!(self.arrived <= self.bytes.len(), "more has arrived than was sent");
        assert!(self.bytes.len() <= self.capacity, "a stream holds more than it can");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(stream: &mut Stream, most: usize) -> Vec<u8> {
        let mut read = Vec::new();
        stream.read(most, |bytes| read.extend(bytes));
        stream.check();
        read
    }

    #[test]
    fn only_what_has_arrived_is_read() {
        let mut stream = Stream::new(8);
        assert_eq!(stream.write(b"abcdef"), 6);
        assert_eq!(drained(&mut stream, 8), b"");
        stream.arrive(4);
        assert_eq!(drained(&mut stream, 3), b"abc");
        assert_eq!(stream.write(b"ghijk"), 5);
        stream.arrive(7);
        assert_eq!(drained(&mut stream, 100), b"defghijk");
    }

    #[test]
    fn a_full_stream_blocks_its_writer_until_something_is_read() {
        let mut stream = Stream::new(2);
        assert_eq!(stream.write(b"abc"), 2);
        assert_eq!(stream.write(b"c"), 0);
        assert!(!stream.takes_unblocking());
        stream.arrive(2);
        drained(&mut stream, 1);
        assert!(stream.takes_unblocking() && !stream.takes_unblocking());
    }

    #[test]
    fn a_cut_keeps_what_has_arrived() {
        let mut stream = Stream::new(8);
        stream.write(b"abcd");
        stream.arrive(2);
        stream.cut();
        stream.arrive(2);
        assert_eq!(drained(&mut stream, 8), b"ab");
    }
}
