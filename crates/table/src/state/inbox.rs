//! How a server that became free gets to the session that waits for it, on whatever shard that is.
//!
//! A grant is put into the box of the waiter's shard while the backend's lock is held, and the bell is rung once it is not:
//! whoever finds that his ticket is gone finds the grant in the box, if he looks.
//!
//! **Invariant:** a box holds at most one grant per session of its shard, as a session waits for one server at a time and looks
//! into the box before it waits again.

use crossbeam::queue::SegQueue;
use crossbeam::utils::CachePadded;

use super::bells::Rings;
use crate::{Grant, ShardIndex};

/// The boxes of all shards.
#[derive(Debug)]
pub struct Inboxes {
    boxes: Box<[CachePadded<SegQueue<Grant>>]>,
}

impl Inboxes {
    pub(crate) fn new(shard_count: u16) -> Inboxes {
        Inboxes { boxes: (0..shard_count).map(|_| CachePadded::default()).collect() }
    }

    /// The next grant for this shard.
    pub fn take(&self, shard: ShardIndex) -> Option<Grant> {
        self.of(shard).pop()
    }

    pub fn is_empty(&self, shard: ShardIndex) -> bool {
        self.of(shard).is_empty()
    }

    /// Empties `grants` into the boxes; the result says who is to be woken.
    pub(crate) fn put(&self, grants: &mut Vec<Grant>) -> Rings {
        let mut rings = Rings::default();
        for grant in grants.drain(..) {
            rings.add(grant.waiter.shard);
            self.of(grant.waiter.shard).push(grant);
        }
        rings
    }

    fn of(&self, shard: ShardIndex) -> &SegQueue<Grant> {
        &self.boxes[usize::from(shard.0)]
    }
}
