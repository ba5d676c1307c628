//! A number that one thread writes and anybody reads.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Relaxed throughout: each value is exact and recent, and nothing is concluded from the order of two of them.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// A load and a store, as there is one writer: no locked instruction.
    pub fn add(&self, amount: u64) {
        self.set(self.get().wrapping_add(amount));
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }
}

/// The most that was seen. Unlike a [`Counter`] it has many writers, who seldom write.
#[derive(Debug, Default)]
pub struct Most(AtomicU64);

impl Most {
    pub fn raise(&self, value: u64) {
        if value > self.get() {
            self.0.fetch_max(value, Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(super) fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}
