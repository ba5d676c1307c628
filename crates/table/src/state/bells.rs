//! How a shard is woken by whoever frees something that it waits for.

use std::fmt;
use std::sync::OnceLock;

use crate::ShardIndex;

/// Wakes a shard: ends the wait of its turn, or sees to it that it does not wait.
pub type Bell = Box<dyn Fn() + Send + Sync>;

/// One bell per shard, hung up when the shard starts.
pub struct Bells {
    /// `None`: the shard has not started, so nothing of it waits.
    bells: Box<[OnceLock<Bell>]>,
}

/// Shards that are to be woken, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub(crate) struct Rings(pub(crate) u64);

impl Bells {
    /// # Panics
    /// If there are more than 64 shards.
    pub(crate) fn new(shard_count: u16) -> Bells {
        assert!(shard_count <= 64, "one bit per shard");
        Bells { bells: (0..shard_count).map(|_| OnceLock::new()).collect() }
    }

    /// Says how this shard is woken. Once, when it starts.
    ///
    /// # Panics
    /// If it was said before.
    pub fn hang(&self, shard: ShardIndex, bell: Bell) {
        let is_first = self.bells[usize::from(shard.0)].set(bell).is_ok();
        assert!(is_first, "a shard starts once");
    }

    /// Wakes this one.
    pub fn wake(&self, shard: ShardIndex) {
        let mut rings = Rings::default();
        rings.add(shard);
        self.ring(rings);
    }

    pub(crate) fn ring(&self, Rings(mut shards): Rings) {
        while shards != 0 {
            if let Some(bell) = self.bells[shards.trailing_zeros() as usize].get() {
                bell();
            }
            shards &= shards - 1;
        }
    }
}

impl Rings {
    pub(crate) fn add(&mut self, shard: ShardIndex) {
        self.0 |= 1 << shard.0;
    }
}

impl fmt::Debug for Bells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bells", self.bells.len())
    }
}
