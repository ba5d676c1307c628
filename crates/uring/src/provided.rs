//! The ring of provided buffers: the kernel picks one when bytes have arrived, so that a receive which waits holds none.
//!
//! ```text
//!   pool ── refill, before each entry ──▶ ring ── the kernel fills one ──▶ completion ── take ──▶ lease
//! ```
//!
//! A buffer's id is its chunk's index in the pool. At most half of the pool lies in the ring, so that the shard finds
//! buffers for what it says itself.
//!
//! **Invariant:** `lent_count` chunks are lent, each of them in the ring or named by a completion that was not seen yet.

use crate::setup::Ring;
use buf::{Lease, Pool};
use driver::Errno;
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// The one buffer group of a ring.
pub(crate) const GROUP: u16 = 0;

/// Buffers that may lie ready. A turn that needs more of them starves receives until the next.
const LENT_MOST: u16 = 256;

/// Buffers that lie ready when little comes.
const LENT_LEAST: u16 = 16;

/// Turns in a row that need less than an eighth of what lies ready, until it becomes half as much.
const QUIET_MOST: u16 = 1000;

/// The kernel wants the ring to start a page (`io_uring_register_buf_ring(3)`).
const PAGE: usize = 4096;

pub(crate) struct Provided {
    entries: NonNull<BufRingEntry>,
    layout: Layout,
    /// Entries of the ring, less one.
    mask: u16,
    /// Counts up without end; the kernel reads it from the ring's first entry.
    tail: u16,
    lent_count: u16,
    lent_most: u16,
    /// How many lie ready at present. As few as suffice: the kernel fills them in turn, and what lies in megabytes of them has left
    /// the caches when it is looked at.
    lent_wanted: u16,
    quiet: u16,
    /// Most that a turn has needed since the last [`retract`](Provided::retract).
    taken_most: u16,
}

impl Provided {
    /// A ring for the buffers of a pool with `pool_count` of them, made known to the kernel.
    pub(crate) fn new(ring: &Ring, pool_count: u32) -> Result<Provided, Errno> {
        let lent_most = (pool_count / 2).clamp(1, u32::from(LENT_MOST)) as u16;
        let size = lent_most.next_power_of_two();
        let layout = Layout::array::<BufRingEntry>(size.into()).and_then(|layout| layout.align_to(PAGE));
        let layout = layout.expect("a few kilobytes");
        // SAFETY: the layout has a size of at least one entry.
        let start = unsafe { alloc_zeroed(layout) };
        let entries = NonNull::new(start.cast()).ok_or(Errno::ENOMEM)?;
        let provided = Provided {
            entries,
            layout,
            mask: size - 1,
            tail: 0,
            lent_count: 0,
            lent_most,
            lent_wanted: LENT_LEAST.min(lent_most),
            quiet: 0,
            taken_most: 0,
        };
        let address = provided.entries.as_ptr() as u64;
        // SAFETY: the entries lie there until `provided` is dropped. Its two owners, `Uring` and `probe`, drop their ring
        // first.
        unsafe { ring.submitter().register_buf_ring_with_flags(address, size, GROUP, 0) }
            .map_err(|err| Errno::of(&err))?;
        Ok(provided)
    }

    /// Gives the kernel what the pool has, up to the ring's share.
    pub(crate) fn refill(&mut self, pool: &Pool) {
        self.adapt();
        let before = self.tail;
        while self.lent_count < self.lent_wanted {
            let Some(lease) = pool.lease() else { break };
            let lent = lease.lend().expect("`Uring` makes its pool no larger than 16 bits can name");
            // SAFETY: `mask` keeps the index inside the allocation.
            let entry = unsafe { self.entries.add(usize::from(self.tail & self.mask)) };
            // SAFETY: the kernel reads entries before the tail that it knows; this one lies behind it, because no more
            // are lent than the ring has entries. Nobody else has a reference to it.
            let entry = unsafe { &mut *entry.as_ptr() };
            entry.set_addr(lent.start as u64);
            entry.set_len(lent.size as u32);
            entry.set_bid(lent.index);
            self.tail = self.tail.wrapping_add(1);
            self.lent_count += 1;
        }
        if self.tail != before {
            self.publish_tail();
        }
    }

    /// More lie ready as soon as a turn has needed half of them, fewer when many turns have needed hardly any.
    fn adapt(&mut self) {
        let taken = self.lent_wanted.saturating_sub(self.lent_count);
        self.taken_most = self.taken_most.max(taken);
        if taken > self.lent_wanted / 8 {
            self.quiet = 0;
        }
        if taken > self.lent_wanted / 2 {
            self.lent_wanted = (2 * self.lent_wanted).min(self.lent_most);
        } else if self.quiet < QUIET_MOST {
            self.quiet += 1;
        } else {
            self.quiet = 0;
            self.lent_wanted = (self.lent_wanted / 2).max(LENT_LEAST.min(self.lent_most));
        }
    }

    /// Takes back what lies ready and was not needed since the last call, as far as twice as much as was remains.
    ///
    /// No completion may wait to be seen. The kernel picks buffers from the other end, and only while the shard's own thread is in it
    /// (`IORING_SETUP_DEFER_TASKRUN`): now it reads neither the entries nor the tail.
    pub(crate) fn retract(&mut self, pool: &Pool) {
        let wanted = (2 * std::mem::take(&mut self.taken_most)).max(LENT_LEAST).min(self.lent_wanted);
        self.lent_wanted = wanted;
        while self.lent_count > wanted {
            self.tail = self.tail.wrapping_sub(1);
            // SAFETY: `mask` keeps the index inside the allocation.
            let entry = unsafe { self.entries.add(usize::from(self.tail & self.mask)) };
            // SAFETY: it was initialised with the allocation, and nobody else has a reference to it.
            let index = unsafe { entry.as_ref() }.bid();
            drop(self.take(pool, index));
        }
        self.publish_tail();
    }

    fn publish_tail(&self) {
        // SAFETY: `entries` is the start of the ring, in memory that is initialised.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: the field is aligned and lives as long as the ring; from here on it is accessed as an atomic only, and
        // setting an entry's address, length and id leaves it alone.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    /// Takes back the buffer that a completion names.
    pub(crate) fn take(&mut self, pool: &Pool, index: u16) -> Lease {
        let lease = pool.reclaim(index).expect("the kernel names a buffer that was lent to it, once");
        self.lent_count -= 1;
        lease
    }

    /// Buffers that a receive may find, as far as we have heard.
    pub(crate) fn count(&self) -> usize {
        self.lent_count.into()
    }

    /// Takes back everything. No receive may be in flight.
    pub(crate) fn retire(&mut self, ring: &Ring, pool: &Pool) -> Result<(), Errno> {
        ring.submitter().unregister_buf_ring(GROUP).map_err(|err| Errno::of(&err))?;
        for index in 0..=u16::MAX {
            if self.lent_count == 0 {
                break;
            }
            if let Some(lease) = pool.reclaim(index) {
                self.lent_count -= 1;
                drop(lease);
            }
        }
        assert_eq!(self.lent_count, 0, "every lent buffer is in the pool");
        Ok(())
    }
}

impl Drop for Provided {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout. The kernel has pinned the pages that it may still read.
        unsafe { dealloc(self.entries.as_ptr().cast(), self.layout) };
    }
}
