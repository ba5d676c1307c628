//! Buffers, and the right to use one.
//!
//! A [`Pool`] is one region of memory cut into chunks of equal size. A [`Lease`] is the right to touch one chunk: while an
//! operation is in flight its driver holds the lease, so nobody else *can* touch those bytes. The aliasing rule is a move.
//!
//! ```text
//!            lease()                    lend()
//!   Free ───────────────▶ Leased ───────────────▶ Lent (the kernel may write to it at any time)
//!    ▲                     │  ▲                     │
//!    └─────── drop ────────┘  └──── reclaim(index) ─┘
//! ```
//!
//! A lent chunk belongs to a ring of provided buffers: the kernel picks one by its index when bytes have arrived, and the
//! driver takes it back by that index. So a connection that rests holds no buffer at all.
//!
//! The region is reserved, not touched: a pool may be as large as its worst case, and costs what was used of it. The free
//! list is a stack, so what is used stays small; [`Pool::trim`] gives back to the system what a burst has left behind.
//!
//! **Invariant:** every chunk is free, leased or lent, and is in exactly one of these states.

mod region;

use region::Region;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::rc::Rc;

/// One region of chunks, owned by one thread.
#[derive(Clone)]
pub struct Pool {
    shared: Rc<Shared>,
}

/// The right to read and write one chunk. Dropping it gives the chunk back to its pool.
pub struct Lease {
    shared: Rc<Shared>,
    index: u32,
}

/// A chunk that the kernel may write to: where it lies and how to name it. Made by [`Lease::lend`].
#[derive(Clone, Copy, Debug)]
pub struct Lent {
    /// For the driver's ring entry. Valid until the pool and all its leases are gone.
    pub start: *mut u8,
    /// Bytes that may be written: [`Lease::receive_size`].
    pub size: usize,
    /// What [`Pool::reclaim`] takes.
    pub index: u16,
}

struct Shared {
    region: Region,
    chunk_size: usize,
    free: RefCell<Vec<u32>>,
    state: Box<[Cell<State>]>,
    /// The most chunks that were in use at once since the last trim.
    used_most: Cell<usize>,
    /// Chunks from this one on have no memory: they were not leased since the last trim, or ever.
    touched_end: Cell<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Leased,
    Lent,
}

impl Pool {
    /// Reserves `count` chunks of `chunk_size` bytes each, zeroed.
    pub fn new(count: u32, chunk_size: usize) -> std::io::Result<Pool> {
        assert!(count > 0 && chunk_size > 0, "an empty pool serves nobody");
        let region = Region::reserve(count as usize * chunk_size)?;
        let shared = Shared {
            region,
            chunk_size,
            free: RefCell::new((0..count).rev().collect()),
            state: (0..count).map(|_| Cell::new(State::Free)).collect(),
            used_most: Cell::new(0),
            touched_end: Cell::new(0),
        };
        Ok(Pool { shared: Rc::new(shared) })
    }

    /// `None` means that the pool is empty: the caller waits, it never allocates.
    pub fn lease(&self) -> Option<Lease> {
        let index = self.shared.free.borrow_mut().pop()?;
        self.shared.enter(index, State::Free, State::Leased);
        self.shared.used_most.set(self.shared.used_most.get().max(self.used_count()));
        self.shared.touched_end.set(self.shared.touched_end.get().max(index + 1));
        Some(Lease { shared: Rc::clone(&self.shared), index })
    }

    /// Takes back a lent chunk that the kernel has filled. `None` if that chunk was not lent.
    pub fn reclaim(&self, index: u16) -> Option<Lease> {
        let state = self.shared.state.get(usize::from(index))?;
        if state.get() != State::Lent {
            return None;
        }
        state.set(State::Leased);
        Some(Lease { shared: Rc::clone(&self.shared), index: u32::from(index) })
    }

    pub fn free_count(&self) -> usize {
        self.shared.free.borrow().len()
    }

    /// Chunks that are leased or lent.
    pub fn used_count(&self) -> usize {
        self.shared.state.len() - self.free_count()
    }

    /// Bytes of one chunk.
    pub fn chunk_size(&self) -> usize {
        self.shared.chunk_size
    }

    /// Whether more than so many chunks have memory, used or not.
    pub fn is_larger_than(&self, least: usize) -> bool {
        self.shared.touched_end.get() as usize > least
    }

    /// Returns the memory of free chunks to the system, but for twice as many as were in use at once since the last call, and for
    /// `least` of them. Their right of use is unchanged; they read as zeroes or as before.
    pub fn trim(&self, least: usize) {
        let shared = &*self.shared;
        let used_most = shared.used_most.replace(self.used_count());
        let kept = u32::try_from(least.max(2 * used_most)).unwrap_or(u32::MAX);
        let touched = shared.touched_end.get();
        if touched <= kept {
            return;
        }
        // The lowest chunks are handed out first again, so the tail of the region stays untouched.
        shared.free.borrow_mut().sort_unstable_by(|left, right| right.cmp(left));
        let mut end = touched;
        shared.touched_end.set(kept);
        for index in (kept..touched).rev() {
            if shared.state[index as usize].get() != State::Free {
                shared.forget(index + 1..end);
                end = index;
                shared.touched_end.set(shared.touched_end.get().max(index + 1));
            }
        }
        shared.forget(kept..end);
    }
}

impl Lease {
    pub fn bytes(&self) -> &[u8] {
        let shared = &*self.shared;
        // SAFETY: this lease is the only right to its chunk (`State::Leased`), so no `&mut` to these bytes exists elsewhere;
        // the region is initialised and outlived by `shared`.
        unsafe { std::slice::from_raw_parts(shared.start(self.index), shared.chunk_size) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let shared = &*self.shared;
        // SAFETY: as in `bytes`, and `&mut self` excludes every other borrow through this lease.
        unsafe { std::slice::from_raw_parts_mut(shared.start(self.index), shared.chunk_size) }
    }

    /// Where the kernel reads or writes. The driver keeps the lease until the operation's last completion.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.shared.start(self.index)
    }

    /// Bytes.
    pub fn size(&self) -> usize {
        self.shared.chunk_size
    }

    /// How many bytes a receive puts into it at most. It leaves as much room as TLS needs around them, so that what came in one
    /// buffer goes out in one buffer.
    pub fn receive_size(&self) -> usize {
        receive_size(self.shared.chunk_size)
    }

    /// Turns the right of use into a chunk for the kernel to pick. `Err` gives the lease back: the ring names chunks with
    /// 16 bits, and this one lies beyond them.
    pub fn lend(self) -> Result<Lent, Lease> {
        let Ok(index) = u16::try_from(self.index) else { return Err(self) };
        let lent = Lent { start: self.shared.start(self.index), size: self.receive_size(), index };
        self.shared.enter(self.index, State::Leased, State::Lent);
        // The right now lies with the kernel; `reclaim` makes a new lease of it. Only the reference count is given up here.
        let lease = std::mem::ManuallyDrop::new(self);
        // SAFETY: `lease` is never used or dropped again, so its `Rc` is read out exactly once.
        drop(unsafe { std::ptr::read(&lease.shared) });
        Ok(lent)
    }
}

/// Of 36 KiB all but 144 bytes.
fn receive_size(chunk_size: usize) -> usize {
    chunk_size - chunk_size / 256
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.enter(self.index, State::Leased, State::Free);
        self.shared.free.borrow_mut().push(self.index);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.index)
    }
}

impl Shared {
    fn start(&self, index: u32) -> *mut u8 {
        self.region.at(index as usize * self.chunk_size, self.chunk_size)
    }

    /// These chunks are free.
    fn forget(&self, chunks: Range<u32>) {
        let (start, count) = (chunks.start as usize, chunks.len());
        if count > 0 {
            self.region.forget(start * self.chunk_size, count * self.chunk_size);
        }
    }

    fn enter(&self, index: u32, from: State, to: State) {
        let state = self.state[index as usize].replace(to);
        assert_eq!(state, from, "chunk {index} goes to {to:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pool(count: u32) -> Pool {
        Pool::new(count, 64).expect("a few hundred bytes")
    }

    #[test]
    fn an_empty_pool_says_so_and_recovers() {
        let pool = pool(1);
        let lease = pool.lease().expect("one is free");
        assert!(pool.lease().is_none());
        drop(lease);
        assert!(pool.lease().is_some());
    }

    #[test]
    fn a_lent_chunk_is_reclaimed_once() {
        let pool = pool(2);
        let lent = pool.lease().expect("free").lend().expect("16 bits are enough");
        assert_eq!(pool.free_count(), 1);
        assert!(pool.reclaim(lent.index ^ 1).is_none(), "the other chunk was never lent");
        let lease = pool.reclaim(lent.index).expect("lent");
        assert!(pool.reclaim(lent.index).is_none());
        drop(lease);
        assert_eq!(pool.free_count(), 2);
    }

    #[test]
    fn leases_outlive_the_pool_handle() {
        let pool = pool(1);
        let mut lease = pool.lease().expect("free");
        drop(pool);
        lease.bytes_mut()[63] = 7;
        assert_eq!(lease.bytes()[63], 7);
    }

    #[test]
    fn trim_keeps_what_is_leased() {
        let pool = Pool::new(8, 4096).expect("eight pages");
        let mut held: Vec<Lease> = (0..8).map(|_| pool.lease().expect("free")).collect();
        held.iter_mut().for_each(|lease| lease.bytes_mut().fill(9));
        let kept = held.swap_remove(3);
        drop(held);
        assert!(pool.is_larger_than(7));
        let is_kept = |lease: &Lease| lease.bytes().iter().all(|&byte| byte == 9);
        pool.trim(2);
        assert!(pool.is_larger_than(7), "twice what was just needed is kept");
        pool.trim(2);
        assert!(is_kept(&kept));
        assert_eq!((pool.free_count(), pool.is_larger_than(4), pool.is_larger_than(3)), (7, false, true));
        // The lowest come first, and have what they had; the others have nothing.
        let held: Vec<Lease> = (0..7).map(|_| pool.lease().expect("free")).collect();
        let kept_count = held.iter().filter(|lease| is_kept(lease)).count();
        assert_eq!(kept_count, if cfg!(miri) { 7 } else { 2 });
    }

    proptest! {
        /// Whatever the order of leasing, lending and returning: no chunk is in two hands, none is lost.
        #[test]
        fn chunks_are_disjoint_and_none_is_lost(steps in proptest::collection::vec((0u8..4, 0usize..8), 0..200)) {
            let pool = pool(6);
            let mut held: Vec<(Lease, u8)> = Vec::new();
            let mut lent: Vec<u16> = Vec::new();
            for (number, (step, at)) in steps.into_iter().enumerate() {
                let mark = number as u8;
                match step {
                    0 | 1 => {
                        if let Some(mut lease) = pool.lease() {
                            lease.bytes_mut().fill(mark);
                            held.push((lease, mark));
                        }
                    }
                    2 if !held.is_empty() => drop(held.swap_remove(at % held.len())),
                    3 if !held.is_empty() => {
                        let (lease, _) = held.swap_remove(at % held.len());
                        lent.push(lease.lend().expect("six chunks").index);
                    }
                    _ => {
                        if let Some(index) = lent.pop() {
                            let mut lease = pool.reclaim(index).expect("it was lent");
                            lease.bytes_mut().fill(mark);
                            held.push((lease, mark));
                        }
                    }
                }
                prop_assert_eq!(held.len() + lent.len() + pool.free_count(), 6);
                for (lease, mark) in &held {
                    prop_assert!(lease.bytes().iter().all(|byte| byte == mark));
                }
            }
        }
    }
}
