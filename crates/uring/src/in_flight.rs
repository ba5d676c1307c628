//! The table of owned ops: what the kernel may touch lives here until the op's last completion.
//!
//! ```text
//!   user_data = generation << 32 | index        by socket: first ──▶ entry ──▶ entry ──▶ ∎
//! ```
//!
//! Entries come in blocks, allocated when they are first needed, and never move. Those of one socket are chained, so that
//! cancelling costs what is in flight on that socket and nothing else.
//!
//! **Invariant:** a key names one op: the generation of its index changes when the op leaves.
//! **Invariant:** a chain holds every op in flight on its socket but a close, whose number may be in use again before its
//! completion is seen.

use crate::naps::LARGE;
use buf::Lease;
use driver::{Fd, Pipe, Tag};
use socket::Name;

/// Names one op in flight; its bits are the submission's `user_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u64);

/// What an op keeps while the kernel may touch it, and what its completion must know.
#[derive(Debug)]
pub(crate) enum Kept {
    Readable,
    /// The address lies still in its box.
    Connect(#[expect(dead_code, reason = "only the kernel reads it")] Box<Name>),
    /// How far it has come, and so many bytes at most.
    Receive(Receive, u32),
    Send(Lease),
    /// The socket is waited for, and so many bytes of it at most.
    Fill(u32),
    /// The socket is waited for; the kernel does not know of the pipe.
    Drain(Pipe, Patience),
    /// The socket is waited for; the kernel does not know of the alert.
    Alert([u8; 2], Patience),
    Close,
}

/// Whether what goes out may wait again when its socket turns out not to be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Waits,
    /// Its cancel follows, or has come already.
    Cancelled,
}

/// What the end of an op takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The kernel is asked for it.
    Ask,
    /// It was asked already.
    Asked,
    /// The kernel does not have the op.
    Withdraw,
}

/// How far a receive has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receive {
    /// The kernel has it.
    Waiting,
    /// It found no buffer. The driver has it, until there is one.
    Starved,
    /// The kernel has it, and its cancel follows: it must not wait again.
    Cancelled,
}

pub(crate) struct InFlight {
    blocks: Vec<Box<[Entry]>>,
    /// First entry on each socket, by its number.
    chains: Vec<u32>,
    free: u32,
    count: u32,
    count_most: u32,
}

#[derive(Debug)]
struct Entry {
    generation: u32,
    /// The next entry of this socket's chain; of a free entry, the next free one.
    next: u32,
    op: Option<InFlightOp>,
}

#[derive(Debug)]
struct InFlightOp {
    tag: Tag,
    fd: Fd,
    kept: Kept,
}

const NONE: u32 = u32::MAX;
const BLOCK: usize = 512;
const CHAINS_STEP: usize = 1024;

// Two armed receives are most of what an idle session costs here.
const _: () = assert!(size_of::<Entry>() <= 48);

impl InFlight {
    /// Room for `count_most` ops, allocated as they come.
    pub(crate) fn new(count_most: u32) -> InFlight {
        InFlight { blocks: Vec::new(), chains: Vec::new(), free: NONE, count: 0, count_most }
    }

    pub(crate) fn insert(&mut self, tag: Tag, fd: Fd, kept: Kept) -> Key {
        assert!(self.count < self.count_most, "more than {} ops in flight", self.count_most);
        if self.free == NONE {
            self.grow();
        }
        let index = self.free;
        let next = if is_chained(&kept) { std::mem::replace(self.chain(fd), index) } else { NONE };
        let entry = self.entry(index);
        let free = std::mem::replace(&mut entry.next, next);
        let previous = entry.op.replace(InFlightOp { tag, fd, kept });
        assert!(previous.is_none(), "entry {index} was free");
        let generation = entry.generation;
        self.free = free;
        self.count += 1;
        Key(u64::from(generation) << 32 | u64::from(index))
    }

    /// Ends an op: the kernel is done with what it kept.
    pub(crate) fn remove(&mut self, key: Key) -> (Tag, Fd, Kept) {
        let free = self.free;
        let entry = self.entry(key.index());
        assert_eq!(entry.generation, key.generation(), "a completion of an op that is over");
        let op = entry.op.take().expect("a completion belongs to an op in flight");
        entry.generation = entry.generation.wrapping_add(1);
        let next = std::mem::replace(&mut entry.next, free);
        self.free = key.index();
        self.count -= 1;
        if is_chained(&op.kept) {
            self.unchain(op.fd, key.index(), next);
        }
        (op.tag, op.fd, op.kept)
    }

    /// The first of the ops on a socket; [`InFlight::after`] names the next.
    pub(crate) fn first_on(&self, fd: Fd) -> Option<Key> {
        let index = usize::try_from(fd.0).ok().and_then(|number| self.chains.get(number)).copied()?;
        self.key(index)
    }

    pub(crate) fn after(&self, key: Key) -> Option<Key> {
        self.key(self.peek(key.index()).next)
    }

    /// How far this receive has come; `None` if it is over, or no receive.
    pub(crate) fn receive(&mut self, key: Key) -> Option<&mut Receive> {
        match self.kept(key)? {
            Kept::Receive(receive, _) => Some(receive),
            Kept::Readable
            | Kept::Connect(_)
            | Kept::Send(_)
            | Kept::Fill(_)
            | Kept::Drain(..)
            | Kept::Alert(..)
            | Kept::Close => None,
        }
    }

    /// How many bytes this receive takes at most.
    pub(crate) fn count_max(&self, key: Key) -> u32 {
        match self.peek(key.index()).op.as_ref().map(|op| &op.kept) {
            Some(Kept::Receive(_, count_max)) => *count_max,
            Some(_) | None => unreachable!("a receive is in flight"),
        }
    }

    /// The socket of a fill that has much to bring.
    pub(crate) fn large_fill(&mut self, key: Key) -> Option<Fd> {
        let op = self.entry(key.index()).op.as_ref()?;
        matches!(op.kept, Kept::Fill(count_max) if count_max >= LARGE).then_some(op.fd)
    }

    /// Whether the shard does it itself, once its socket, which it waits for, is ready.
    pub(crate) fn is_spliced(&mut self, key: Key) -> bool {
        match self.kept(key) {
            Some(Kept::Fill(_) | Kept::Drain(..) | Kept::Alert(..)) => true,
            Some(Kept::Readable | Kept::Connect(_) | Kept::Receive(..) | Kept::Send(_) | Kept::Close) | None => false,
        }
    }

    /// Notes that an op is to end, where it might wait again otherwise. Answers what that takes.
    pub(crate) fn on_cancelled(&mut self, key: Key) -> Ending {
        match self.kept(key).expect("an op in flight") {
            Kept::Receive(receive, _) => receive.on_cancelled(),
            Kept::Drain(_, patience) | Kept::Alert(_, patience) => patience.on_cancelled(),
            Kept::Readable | Kept::Connect(_) | Kept::Send(_) | Kept::Fill(_) | Kept::Close => Ending::Ask,
        }
    }

    /// Whether bytes are on their way out of this socket.
    pub(crate) fn is_sending_on(&self, fd: Fd) -> bool {
        let ops = std::iter::successors(self.first_on(fd), |&key| self.after(key));
        ops.filter_map(|key| self.peek(key.index()).op.as_ref())
            .any(|op| matches!(op.kept, Kept::Send(_) | Kept::Drain(..) | Kept::Alert(..)))
    }

    pub(crate) fn fd(&self, key: Key) -> Fd {
        let entry = self.peek(key.index());
        entry.op.as_ref().filter(|_| entry.generation == key.generation()).expect("an op in flight").fd
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    fn kept(&mut self, key: Key) -> Option<&mut Kept> {
        let entry = self.entry(key.index());
        if entry.generation != key.generation() {
            return None;
        }
        entry.op.as_mut().map(|op| &mut op.kept)
    }

    fn key(&self, index: u32) -> Option<Key> {
        if index == NONE {
            return None;
        }
        let generation = self.peek(index).generation;
        Some(Key(u64::from(generation) << 32 | u64::from(index)))
    }

    fn unchain(&mut self, fd: Fd, index: u32, next: u32) {
        let first = self.chain(fd);
        if *first == index {
            *first = next;
            return;
        }
        let mut at = *first;
        // Two flows and a connect are all that one socket has in flight: this walk is short.
        while self.peek(at).next != index {
            at = self.peek(at).next;
        }
        self.entry(at).next = next;
    }

    fn chain(&mut self, fd: Fd) -> &mut u32 {
        let number = usize::try_from(fd.0).expect("sockets have numbers from zero");
        if number >= self.chains.len() {
            self.chains.resize((number + 1).next_multiple_of(CHAINS_STEP), NONE);
        }
        &mut self.chains[number]
    }

    fn grow(&mut self) {
        let first = (self.blocks.len() * BLOCK) as u32;
        let entry = |offset: u32| {
            let next = if offset + 1 == BLOCK as u32 { NONE } else { first + offset + 1 };
            Entry { generation: 0, next, op: None }
        };
        self.blocks.push((0..BLOCK as u32).map(entry).collect());
        self.free = first;
    }

    fn entry(&mut self, index: u32) -> &mut Entry {
        &mut self.blocks[index as usize / BLOCK][index as usize % BLOCK]
    }

    fn peek(&self, index: u32) -> &Entry {
        &self.blocks[index as usize / BLOCK][index as usize % BLOCK]
    }
}

impl Receive {
    fn on_cancelled(&mut self) -> Ending {
        match self {
            Receive::Waiting => {
                *self = Receive::Cancelled;
                Ending::Ask
            }
            Receive::Starved => Ending::Withdraw,
            Receive::Cancelled => Ending::Asked,
        }
    }
}

impl Patience {
    fn on_cancelled(&mut self) -> Ending {
        match std::mem::replace(self, Patience::Cancelled) {
            Patience::Waits => Ending::Ask,
            Patience::Cancelled => Ending::Asked,
        }
    }
}

impl Key {
    pub(crate) fn from_user_data(bits: u64) -> Key {
        Key(bits)
    }

    pub(crate) fn user_data(self) -> u64 {
        self.0
    }

    fn index(self) -> u32 {
        self.0 as u32
    }

    fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

fn is_chained(kept: &Kept) -> bool {
    match kept {
        Kept::Readable
        | Kept::Connect(_)
        | Kept::Receive(..)
        | Kept::Send(_)
        | Kept::Fill(_)
        | Kept::Drain(..)
        | Kept::Alert(..) => true,
        Kept::Close => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: Tag = Tag::Listener(7);

    fn on(table: &InFlight, fd: Fd) -> Vec<Key> {
        std::iter::successors(table.first_on(fd), |&key| table.after(key)).collect()
    }

    #[test]
    fn a_chain_holds_what_is_in_flight_on_its_socket() {
        let mut table = InFlight::new(16);
        let keys: Vec<Key> = (0..3).map(|_| table.insert(TAG, Fd(5), Kept::Readable)).collect();
        let elsewhere = table.insert(TAG, Fd(4000), Kept::Readable);
        table.insert(TAG, Fd(5), Kept::Close);
        assert_eq!(on(&table, Fd(5)), [keys[2], keys[1], keys[0]]);
        table.remove(keys[1]);
        assert_eq!(on(&table, Fd(5)), [keys[2], keys[0]]);
        table.remove(keys[2]);
        table.remove(keys[0]);
        assert_eq!(on(&table, Fd(5)), []);
        assert_eq!(on(&table, Fd(4000)), [elsewhere]);
        assert_eq!(on(&table, Fd(i32::MAX)), []);
        assert_eq!(table.count(), 2);
    }

    #[test]
    fn a_key_does_not_survive_its_op() {
        let mut table = InFlight::new(1);
        let old = table.insert(TAG, Fd(3), Kept::Receive(Receive::Waiting, u32::MAX));
        table.remove(old);
        let new = table.insert(TAG, Fd(3), Kept::Receive(Receive::Starved, u32::MAX));
        assert_ne!(old, new);
        assert_eq!(table.receive(old), None);
        assert_eq!(table.receive(new), Some(&mut Receive::Starved));
    }

    #[test]
    fn what_waits_is_asked_to_end_once() {
        let mut table = InFlight::new(4);
        let pipes = driver::Pipes::new();
        pipes.add(0);
        let pipe = pipes.take().expect("it is there");
        for kept in [Kept::Receive(Receive::Waiting, u32::MAX), Kept::Drain(pipe, Patience::Waits)] {
            let key = table.insert(TAG, Fd(3), kept);
            assert_eq!(table.on_cancelled(key), Ending::Ask);
            assert_eq!(table.on_cancelled(key), Ending::Asked);
        }
        let starved = table.insert(TAG, Fd(3), Kept::Receive(Receive::Starved, u32::MAX));
        assert_eq!(table.on_cancelled(starved), Ending::Withdraw);
    }

    #[test]
    #[should_panic(expected = "a completion of an op that is over")]
    fn a_second_completion_is_noticed() {
        let mut table = InFlight::new(2);
        let key = table.insert(TAG, Fd(3), Kept::Readable);
        table.remove(key);
        table.remove(key);
    }

    #[test]
    #[should_panic(expected = "more than 600 ops in flight")]
    fn the_bound_is_a_bound() {
        let mut table = InFlight::new(600);
        for fd in 0..601 {
            table.insert(TAG, Fd(fd), Kept::Readable);
        }
    }
}
