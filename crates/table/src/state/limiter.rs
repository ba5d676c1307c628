//! A limit that holds over all shards, of which each shard keeps a few places for itself.
//!
//! ```text
//!                 a batch, when the shard has none left
//!   pool ─────────────────────────────────────────────────▶ spare places of a shard ──admit──▶ sessions
//!    ▲ ◀───────────────────────────────────────────────────  ▲                                     │
//!    │    what is above the mark; everything, when a shard   └───────────── release ───────────────┘
//!    │    waits, when the limit was lowered, or when the
//!    └─── pool is dry and another shard asks
//! ```
//!
//! In the common case a shard takes and gives places in a cache line of its own, and reads one that hardly anybody writes. Batch,
//! mark and everything rare go through the pool's lock.
//!
//! **Invariant:** places in the pool, spare places and admitted ones add up to the limit. The pool may owe some (a negative number):
//! then the limit was lowered below what is admitted, and until the debt is paid nobody is admitted.
//!
//! **Never too many.** A place changes hands by one atomic step, so the sum stands. When a limit is lowered, the debt is declared
//! first and the spare places are collected then; a shard takes a spare place first and looks for a debt then. In the one order of
//! all these steps either the shard sees the debt and gives the place up, or it had it before the limit was lowered.
//!
//! **Nobody waits while a place is spare.** Who finds nothing declares that it waits, and then collects the spare places of all
//! shards once more. Who releases makes its place spare first, and looks for waiters then. Either the collector finds the place, or
//! the releaser sees the waiter, puts everything into the pool and rings. What a shard takes from the pool meanwhile it takes under
//! the lock; what it keeps in reserve is found by the next who collects, and while somebody waits nobody takes a reserve.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::utils::CachePadded;

use super::bells::{Bells, Rings};
use crate::ShardIndex;

/// `maxconn` of a frontend or of the process.
#[derive(Debug)]
pub struct Limiter {
    spare: Box<[CachePadded<AtomicU32>]>,
    signs: CachePadded<Signs>,
    pool: Mutex<Pool>,
    bells: Arc<Bells>,
}

/// What every admission and every release looks at, and what changes rarely.
#[derive(Debug, Default)]
struct Signs {
    is_in_debt: AtomicBool,
    /// Shards that found no place, a bit each.
    waiting: AtomicU64,
    /// Places that a shard takes at once; above twice as many it gives some back.
    batch: AtomicU32,
}

#[derive(Debug)]
struct Pool {
    free: i64,
    limit: u32,
    /// What the file said last; the operator may have said something else since.
    configured: Option<u32>,
}

/// Most places that a shard takes at once.
const BATCH_MOST: u32 = 32;

/// No limit: more than there are descriptors.
pub const UNLIMITED: u32 = u32::MAX;

impl Limiter {
    /// Without a place, until somebody says how many there are.
    pub(crate) fn new(shard_count: u16, bells: Arc<Bells>) -> Limiter {
        Limiter {
            spare: (0..shard_count).map(|_| CachePadded::default()).collect(),
            signs: CachePadded::default(),
            pool: Mutex::new(Pool { free: 0, limit: 0, configured: None }),
            bells,
        }
    }

    /// Takes a place, or sees to it that the shard is woken when there may be one.
    pub fn admit_or_wait(&self, shard: ShardIndex) -> bool {
        if self.admit(shard) {
            return true;
        }
        self.signs.waiting.fetch_or(1 << shard.0, SeqCst);
        if !self.admit(shard) {
            return false;
        }
        self.signs.waiting.fetch_and(!(1 << shard.0), SeqCst);
        // Another shard may have been told that this one waits and have left its places in the pool for it.
        self.ring_if_free();
        true
    }

    /// Takes a place, if one is free anywhere.
    pub fn admit(&self, shard: ShardIndex) -> bool {
        let take = |spare: u32| spare.checked_sub(1);
        if self.spare_of(shard).fetch_update(SeqCst, SeqCst, take).is_err() {
            return self.admit_from_pool(shard);
        }
        if self.signs.is_in_debt.load(SeqCst) {
            let mut pool = self.lock();
            pool.free += 1;
            self.settle(&pool);
            drop(pool);
            return self.admit_from_pool(shard);
        }
        true
    }

    /// Gives a place back.
    pub fn release(&self, shard: ShardIndex) {
        let spare = self.spare_of(shard).fetch_add(1, SeqCst) + 1;
        let Signs { is_in_debt, waiting, batch } = &*self.signs;
        if is_in_debt.load(SeqCst) || waiting.load(SeqCst) != 0 || spare > 2 * batch.load(SeqCst) {
            self.give_back(shard);
        }
    }

    /// Whether this shard has found no place and has not been woken since.
    pub fn is_waiting(&self, shard: ShardIndex) -> bool {
        self.signs.waiting.load(SeqCst) & (1 << shard.0) != 0
    }

    /// Changes the limit at once. A lower one ends nothing: places that come back pay for it first.
    pub fn set_limit(&self, most: u32) {
        let mut pool = self.lock();
        pool.free += i64::from(most) - i64::from(pool.limit);
        pool.limit = most;
        let share = most / (8 * self.spare.len() as u32);
        self.signs.batch.store(share.clamp(1, BATCH_MOST), SeqCst);
        if pool.free < 0 {
            self.signs.is_in_debt.store(true, SeqCst);
            self.collect(&mut pool);
        }
        self.settle(&pool);
        drop(pool);
        self.ring_if_free();
    }

    /// What the file says. It counts if it says something else than before: what the operator said meanwhile stays otherwise.
    pub(crate) fn configure(&self, most: u32) {
        let before = self.lock().configured.replace(most);
        if before != Some(most) {
            self.set_limit(most);
        }
    }

    /// The limit in force; [`UNLIMITED`] where there is none.
    pub fn limit(&self) -> u32 {
        self.lock().limit
    }

    /// Places taken; exact while nobody takes or gives any.
    pub fn admitted(&self) -> u32 {
        let pool = self.lock();
        let spare: i64 = self.spare.iter().map(|spare| i64::from(spare.load(SeqCst))).sum();
        u32::try_from(i64::from(pool.limit) - pool.free - spare).unwrap_or(0)
    }

    fn admit_from_pool(&self, shard: ShardIndex) -> bool {
        let mut pool = self.lock();
        if pool.free <= 0 {
            self.collect(&mut pool);
            self.settle(&pool);
        }
        if pool.free <= 0 {
            return false;
        }
        let batch = self.batch(&pool);
        pool.free -= i64::from(batch);
        self.spare_of(shard).fetch_add(batch - 1, SeqCst);
        true
    }

    fn give_back(&self, shard: ShardIndex) {
        let mut pool = self.lock();
        pool.free += i64::from(self.spare_of(shard).swap(0, SeqCst));
        self.settle(&pool);
        if pool.free > 0 && self.signs.waiting.load(SeqCst) == 0 {
            let batch = self.batch(&pool);
            pool.free -= i64::from(batch);
            self.spare_of(shard).fetch_add(batch, SeqCst);
        }
        drop(pool);
        self.ring_if_free();
    }

    /// Wakes those who wait, if there is something to be had.
    fn ring_if_free(&self) {
        if self.signs.waiting.load(SeqCst) == 0 {
            return;
        }
        let pool = self.lock();
        let waiting = if pool.free > 0 { self.signs.waiting.swap(0, SeqCst) } else { 0 };
        drop(pool);
        self.bells.ring(Rings(waiting));
    }

    /// Puts the spare places of all shards into the pool.
    fn collect(&self, pool: &mut Pool) {
        pool.free += self.spare.iter().map(|spare| i64::from(spare.swap(0, SeqCst))).sum::<i64>();
    }

    fn settle(&self, pool: &Pool) {
        self.signs.is_in_debt.store(pool.free < 0, SeqCst);
    }

    /// How many places a shard may take out of a pool that has some: one, while others wait.
    fn batch(&self, pool: &Pool) -> u32 {
        let most = if self.signs.waiting.load(SeqCst) == 0 { self.signs.batch.load(SeqCst) } else { 1 };
        u32::try_from(pool.free).map_or(most, |free| free.min(most))
    }

    fn spare_of(&self, shard: ShardIndex) -> &AtomicU32 {
        &self.spare[usize::from(shard.0)]
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
