//! The pipes of a world: queues of bytes, each of a size of its own, and who has filled them.
//!
//! **Invariant:** what lies in a pipe leaves it on behalf of the session that filled it, in order, or not at all.
//! **Invariant:** a pipe that is lent for a fill is empty.

use crate::rng::Rng;
use driver::{Pipe, Pipes, Tag};
use std::collections::VecDeque;
use std::ops::RangeInclusive;

pub(crate) struct Stock {
    rights: Pipes,
    /// By number. Made when they are wanted, `count_most` at most.
    pipes: Vec<Contents>,
    count_most: usize,
    sizes: RangeInclusive<usize>,
}

struct Contents {
    bytes: VecDeque<u8>,
    size: usize,
    /// On whose behalf it was filled.
    filler: Option<Tag>,
}

impl Stock {
    pub(crate) fn new(count_most: usize, sizes: RangeInclusive<usize>) -> Stock {
        assert!(*sizes.start() > 0 && !sizes.is_empty(), "a pipe holds something");
        Stock { rights: Pipes::new(), pipes: Vec::new(), count_most, sizes }
    }

    /// An empty pipe; `None` if all are lent.
    pub(crate) fn take(&mut self, rng: &mut Rng) -> Option<Pipe> {
        if let Some(number) = self.rights.take_spoiled() {
            self.pipes[number as usize] = Contents::new(rng, &self.sizes);
            self.rights.add(number);
        }
        if let Some(pipe) = self.rights.take() {
            let contents = &self.pipes[pipe.index() as usize];
            assert!(contents.bytes.is_empty(), "{pipe:?} is lent with somebody's bytes in it");
            return Some(pipe);
        }
        if self.pipes.len() == self.count_most {
            return None;
        }
        self.rights.add(self.pipes.len() as u32);
        self.pipes.push(Contents::new(rng, &self.sizes));
        self.rights.take()
    }

    /// Bytes that an empty pipe takes.
    pub(crate) fn size(&self, pipe: &Pipe) -> usize {
        self.contents(pipe).size
    }

    /// Bytes that arrived for this session go in.
    pub(crate) fn fill(&mut self, pipe: &mut Pipe, filler: Tag, bytes: &[u8]) {
        let contents = self.contents_mut(pipe);
        contents.filler = Some(filler);
        contents.bytes.extend(bytes);
        assert!(contents.bytes.len() <= contents.size, "{pipe:?} holds more than it can");
        pipe.on_filled(bytes.len() as u32);
    }

    /// What this session may send of what it has filled in: all of it.
    pub(crate) fn bytes(&mut self, pipe: &Pipe, drainer: Tag) -> &[u8] {
        let contents = self.contents_mut(pipe);
        let filler = contents.filler.expect("an empty pipe is not drained");
        assert!(is_same_owner(filler, drainer), "{drainer:?} drains what {filler:?} has filled");
        contents.bytes.make_contiguous()
    }

    /// The first `count` bytes have left.
    pub(crate) fn drain(&mut self, pipe: &mut Pipe, count: usize) {
        self.contents_mut(pipe).bytes.drain(..count);
        pipe.on_drained(count as u32);
    }

    pub(crate) fn lent_count(&self) -> usize {
        self.rights.lent_count()
    }

    pub(crate) fn check(&self, pipe: &Pipe) {
        assert_eq!(self.contents(pipe).bytes.len(), pipe.held() as usize, "{pipe:?} lies about what it holds");
    }

    fn contents(&self, pipe: &Pipe) -> &Contents {
        &self.pipes[pipe.index() as usize]
    }

    fn contents_mut(&mut self, pipe: &Pipe) -> &mut Contents {
        self.check(pipe);
        &mut self.pipes[pipe.index() as usize]
    }
}

impl Contents {
    /// Small ones are as likely as large ones.
    fn new(rng: &mut Rng, sizes: &RangeInclusive<usize>) -> Contents {
        let (least, most) = (*sizes.start(), *sizes.end());
        let halved_most = (most / least).ilog2() as usize;
        let size = most >> rng.between(0, halved_most);
        Contents { bytes: VecDeque::with_capacity(size), size, filler: None }
    }
}

/// A session has two sides, and moves bytes from one to the other.
fn is_same_owner(one: Tag, other: Tag) -> bool {
    match (one, other) {
        (Tag::Session { id: one, .. }, Tag::Session { id: other, .. }) => one == other,
        (Tag::Listener(one), Tag::Listener(other)) => one == other,
        (Tag::Session { .. }, Tag::Listener(_)) | (Tag::Listener(_), Tag::Session { .. }) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::{SessionId, Side};

    fn session(index: u32, side: Side) -> Tag {
        Tag::Session { id: SessionId { index, generation: 0 }, side }
    }

    fn stock() -> (Stock, Rng) {
        (Stock::new(1, 1..=1), Rng::new(1))
    }

    #[test]
    fn a_spoiled_pipe_is_clean_for_the_next() {
        let (mut stock, mut rng) = stock();
        let mut pipe = stock.take(&mut rng).expect("one is allowed");
        assert!(stock.take(&mut rng).is_none(), "a second is not");
        stock.fill(&mut pipe, session(1, Side::Front), b"a");
        drop(pipe);
        assert_eq!(stock.lent_count(), 0);
        let mut pipe = stock.take(&mut rng).expect("made anew");
        stock.fill(&mut pipe, session(2, Side::Front), b"b");
        assert_eq!(stock.bytes(&pipe, session(2, Side::Back)), b"b");
    }

    #[test]
    #[should_panic(expected = "has filled")]
    fn bytes_for_a_stranger_are_noticed() {
        let (mut stock, mut rng) = stock();
        let mut pipe = stock.take(&mut rng).expect("one is allowed");
        stock.fill(&mut pipe, session(1, Side::Front), b"a");
        stock.bytes(&pipe, session(2, Side::Back));
    }

    #[test]
    fn sizes_of_all_magnitudes_are_drawn() {
        let mut rng = Rng::new(3);
        let mut sizes: Vec<usize> = (0..1000).map(|_| Contents::new(&mut rng, &(1..=1 << 16)).size).collect();
        sizes.sort_unstable();
        assert_eq!((sizes[0], sizes[999]), (1, 1 << 16));
        assert!((128..=512).contains(&sizes[500]), "{}", sizes[500]);
    }
}
