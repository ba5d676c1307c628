//! A hash table that one writes while many read, without a lock for who reads: each bucket is a short list that is replaced whole.
//!
//! A change copies some pointers, however many keys there are. When buckets have become long on average, the one who writes makes a
//! table of twice as many, and puts it in the place of this one.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use arc_swap::ArcSwapOption;

use super::index::Item;

/// Items by their keys. Of several with one key the one with the smallest number is found.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Empty. Keys may come from clients, who must not know which of them meet, and its hashes are like no other's.
    hashes: HashMap<(), ()>,
    /// As many as a power of two.
    slots: Box<[ArcSwapOption<Bucket>]>,
    /// Written by the one who writes.
    count: AtomicUsize,
}

/// By number.
type Bucket = Vec<Arc<Item>>;

/// Items per bucket, on average, from which on there are to be more buckets.
const LOAD_MOST: usize = 4;

impl Buckets {
    pub(super) fn with_room(count: usize) -> Buckets {
        let slots = (count / (LOAD_MOST / 2)).max(1).next_power_of_two();
        let slots = (0..slots).map(|_| ArcSwapOption::empty()).collect();
        Buckets { hashes: HashMap::new(), slots, count: AtomicUsize::new(0) }
    }

    pub(super) fn find(&self, key: &[u8]) -> Option<Arc<Item>> {
        let bucket = self.slot(key).load();
        bucket.as_ref()?.iter().find(|item| *item.key == *key).cloned()
    }

    pub(super) fn insert(&self, item: Arc<Item>) {
        let slot = self.slot(&item.key);
        let mut bucket = slot.load().as_deref().cloned().unwrap_or_default();
        bucket.insert(bucket.partition_point(|known| known.number < item.number), item);
        slot.store(Some(Arc::new(bucket)));
        self.count.store(self.count.load(Relaxed) + 1, Relaxed);
    }

    /// Says whether it was there.
    pub(super) fn remove(&self, key: &[u8], number: u64) -> bool {
        let slot = self.slot(key);
        let mut bucket = slot.load().as_deref().cloned().unwrap_or_default();
        let Ok(place) = bucket.binary_search_by_key(&number, |item| item.number) else { return false };
        bucket.remove(place);
        slot.store((!bucket.is_empty()).then(|| Arc::new(bucket)));
        self.count.store(self.count.load(Relaxed) - 1, Relaxed);
        true
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.count.load(Relaxed) > self.slots.len() * LOAD_MOST
    }

    /// The same in twice as many buckets.
    pub(super) fn grown(&self) -> Buckets {
        let grown = Buckets::with_room(self.slots.len() * LOAD_MOST);
        for slot in &self.slots {
            slot.load().iter().flat_map(|bucket| bucket.iter()).for_each(|item| grown.insert(Arc::clone(item)));
        }
        grown
    }

    fn slot(&self, key: &[u8]) -> &ArcSwapOption<Bucket> {
        &self.slots[self.hashes.hasher().hash_one(key) as usize & (self.slots.len() - 1)]
    }
}
