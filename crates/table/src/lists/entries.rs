//! What a list holds, in the order in which it came, by number and by key.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of all entries that a list ever had, no two have the same.
    pub number: u64,
    pub key: Arc<[u8]>,
    /// A map's.
    pub value: Option<Arc<[u8]>>,
    pub(super) version: u32,
}

/// The entries of all versions.
#[derive(Debug, Default)]
pub(super) struct Entries {
    all: BTreeMap<u64, Entry>,
    /// Numbers by key, once somebody changes something.
    by_key: Option<HashMap<Arc<[u8]>, Vec<u64>>>,
    last: u64,
    /// The version that is asked.
    pub(super) current: u32,
    /// The last that was prepared.
    pub(super) next: u32,
}

impl Entries {
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn of(&self, version: u32) -> impl Iterator<Item = (u64, &Entry)> {
        self.all.iter().filter(move |(_, entry)| entry.version == version).map(|(&number, entry)| (number, entry))
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.all.contains_key(&number)
    }

    /// Numbers of the current version's entries with this key, ascending.
    pub(super) fn with_key(&self, key: &[u8]) -> Vec<u64> {
        let is_current = |number: &u64| self.all.get(number).is_some_and(|entry| entry.version == self.current);
        let numbers = self.by_key.as_ref().and_then(|by_key| by_key.get(key));
        numbers.into_iter().flatten().copied().filter(is_current).collect()
    }

    /// Says the entry's number.
    pub(super) fn add(&mut self, key: &[u8], value: Option<&[u8]>, version: u32) -> u64 {
        self.last += 1;
        let (number, key) = (self.last, Arc::<[u8]>::from(key));
        if let Some(by_key) = &mut self.by_key {
            by_key.entry(Arc::clone(&key)).or_default().push(number);
        }
        self.all.insert(number, Entry { number, key, value: value.map(Arc::from), version });
        number
    }

    /// Says its key, if an index has to be told.
    pub(super) fn set(&mut self, number: u64, value: &[u8]) -> Option<Arc<[u8]>> {
        let entry = self.all.get_mut(&number).filter(|entry| entry.value.as_deref() != Some(value))?;
        entry.value = Some(value.into());
        (entry.version == self.current).then(|| Arc::clone(&entry.key))
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.all.remove(&number)?;
        if let Some(by_key) = &mut self.by_key
            && let Some(numbers) = by_key.get_mut(&entry.key)
        {
            numbers.retain(|&known| known != number);
            if numbers.is_empty() {
                by_key.remove(&entry.key);
            }
        }
        Some(entry)
    }

    pub(super) fn retain(&mut self, keeps: impl Fn(&Entry) -> bool) {
        self.all.retain(|_, entry| keeps(entry));
        if self.by_key.take().is_some() {
            self.index();
        }
    }

    /// Makes the entries known by their keys.
    pub(super) fn index(&mut self) {
        let mut by_key: HashMap<Arc<[u8]>, Vec<u64>> = HashMap::with_capacity(self.all.len());
        for (&number, entry) in &self.all {
            by_key.entry(Arc::clone(&entry.key)).or_default().push(number);
        }
        self.by_key = Some(by_key);
    }
}
