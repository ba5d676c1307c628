//! Lists of patterns that change while the process lives: those of ACLs, and maps (`management.txt: show map`, `add acl`,
//! `prepare map` and their kin; `configuration.txt: set-map`, `add-acl` and theirs).
//!
//! ```text
//!   operators, rules ──change──▶ List: entries in order, under a lock
//!                                  │ each change, alone or as a version
//!                                  ▼
//!   rules ──ask──▶ Group ──▶ Use: an Index, replaced in parts; no lock
//!                    └─────▶ until the first change: the matcher or map that was made of the file
//! ```
//!
//! Most lists are never changed, and what was made of them when the file was read is the fastest there is. So a list costs whoever
//! asks one look at a flag. The first change makes indexes of everything that is asked together with it; from then on a change
//! costs what it concerns, however long the list is ([`buckets`]).
//!
//! **Invariant:** while nobody holds a list's lock, its indexes hold its current version's entries, if it has any.

mod buckets;
mod entries;
mod group;
mod index;

#[cfg(test)]
mod tests;

pub use entries::Entry;
pub use group::{Found, Group, How, Pattern, ReadPattern, Use};

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use entries::Entries;

/// One list, however many rules ask it.
#[derive(Debug, Default)]
pub struct List(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    entries: Entries,
    uses: Vec<Arc<Use>>,
    /// Who is to ask the indexes once something has changed.
    groups: Vec<Arc<Group>>,
    is_indexed: bool,
}

/// A list as operators find it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: u32,
    /// The file's name, as the configuration has it; `None` for patterns that stand in the configuration itself.
    pub file: Option<Box<str>>,
    /// Where it comes from, and who asks it.
    pub description: Box<str>,
    /// An ACL asks it.
    pub is_acl: bool,
    /// Its patterns have values.
    pub is_map: bool,
    pub list: Arc<List>,
}

/// Which entries are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector<'a> {
    /// All with this text.
    Key(&'a [u8]),
    /// The one with this number.
    Number(u64),
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListFault {
    /// A text is no pattern, or no value, for somebody who asks: HAProxy's sentence without its full stop.
    Unreadable(String),
    /// There is no such entry.
    Unknown,
    /// Nobody has prepared such a version.
    Future,
    /// It cannot become the current version.
    OutOfRange,
}

impl List {
    /// An entry of the file, behind those that there are. Whoever calls this has read it, and nobody asks the list yet.
    pub fn push(&self, key: &[u8], value: Option<&[u8]>) {
        let inner = &mut *self.lock();
        let version = inner.entries.current;
        inner.entries.add(key, value, version);
    }

    /// Somebody asks it like this from now on. Who asks alike shares an index.
    pub fn used(&self, read: Arc<dyn ReadPattern>) -> Arc<Use> {
        let inner = &mut *self.lock();
        let known = inner.uses.iter().find(|known| known.read.like() == read.like());
        known.cloned().unwrap_or_else(|| {
            let made = Arc::new(Use::new(read));
            inner.uses.push(Arc::clone(&made));
            made
        })
    }

    /// These are to look at indexes once something has changed.
    pub fn joined(&self, group: &Arc<Group>) {
        self.lock().groups.push(Arc::clone(group));
    }

    /// The version that is asked, and the last that was prepared.
    pub fn versions(&self) -> (u32, u32) {
        let inner = self.lock();
        (inner.entries.current, inner.entries.next)
    }

    /// Entries of all versions.
    pub fn entry_count(&self) -> usize {
        self.lock().entries.count()
    }

    /// The entries of a version, or of the current one, in the order in which they came.
    pub fn entries(&self, version: Option<u32>) -> Vec<Entry> {
        let inner = self.lock();
        inner.entries.of(version.unwrap_or(inner.entries.current)).map(|(_, entry)| entry.clone()).collect()
    }

    /// What each of those who ask finds for a text.
    pub fn ask(&self, text: &[u8]) -> Vec<(Arc<Use>, Option<Found>)> {
        let uses = {
            let inner = &mut *self.lock();
            inner.index();
            inner.uses.clone()
        };
        let found = |used: Arc<Use>| {
            let found = used.find(crate::Value::Bytes(text.into()));
            (used, found)
        };
        uses.into_iter().map(found).collect()
    }

    /// One more entry, of the current version or of one that was prepared.
    ///
    /// # Errors
    /// It means nothing to somebody who asks, or nobody has prepared the version.
    pub fn add(&self, key: &[u8], value: Option<&[u8]>, version: Option<u32>) -> Result<(), ListFault> {
        self.change(|inner| inner.add(key, value, version))
    }

    /// What the entries of this key say, or, where there is none, one more entry (`set-map`).
    ///
    /// # Errors
    /// It means nothing to somebody who asks.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<(), ListFault> {
        self.change(|inner| match inner.set(Selector::Key(key), value) {
            Err(ListFault::Unknown) => inner.add(key, Some(value), None),
            made => made,
        })
    }

    /// An entry, unless there is one of this key (`add-acl`).
    ///
    /// # Errors
    /// It means nothing to somebody who asks.
    pub fn add_once(&self, key: &[u8]) -> Result<(), ListFault> {
        self.change(|inner| match inner.selected(Selector::Key(key)).is_empty() {
            true => inner.add(key, None, None),
            false => Ok(()),
        })
    }

    /// Another value for entries of the current version.
    ///
    /// # Errors
    /// There is no such entry, or the value is none.
    pub fn set(&self, which: Selector<'_>, value: &[u8]) -> Result<(), ListFault> {
        self.change(|inner| inner.set(which, value))
    }

    /// # Errors
    /// There is no such entry.
    pub fn delete(&self, which: Selector<'_>) -> Result<(), ListFault> {
        self.change(|inner| {
            let numbers = inner.selected(which);
            numbers.iter().for_each(|&number| inner.remove(number));
            if numbers.is_empty() { Err(ListFault::Unknown) } else { Ok(()) }
        })
    }

    /// Forgets all entries of a version, or of the current one.
    pub fn clear(&self, version: Option<u32>) {
        let cleared = self.change(|inner| {
            let version = version.unwrap_or(inner.entries.current);
            inner.entries.retain(|entry| entry.version != version);
            inner.rebuild();
            Ok(())
        });
        debug_assert!(cleared.is_ok());
    }

    /// The number of a new version, to be filled and to be committed.
    pub fn prepare(&self) -> u32 {
        let inner = &mut *self.lock();
        inner.entries.next = inner.entries.next.wrapping_add(1);
        inner.entries.next
    }

    /// This version is asked from now on, and those before it are forgotten.
    ///
    /// # Errors
    /// It was not prepared, or is over.
    pub fn commit(&self, version: u32) -> Result<(), ListFault> {
        self.change(|inner| {
            let Entries { current, next, .. } = inner.entries;
            if version.wrapping_sub(current.wrapping_add(1)) >= next.wrapping_sub(current) {
                return Err(ListFault::OutOfRange);
            }
            inner.entries.current = version;
            inner.entries.retain(|entry| entry.version.wrapping_sub(version).cast_signed() >= 0);
            inner.rebuild();
            Ok(())
        })
    }

    /// Sees that everybody who asks this list asks indexes, and changes it. No two locks are held at once.
    fn change(&self, change: impl FnOnce(&mut Inner) -> Result<(), ListFault>) -> Result<(), ListFault> {
        let asleep: Vec<Arc<Group>> = {
            let inner = &mut *self.lock();
            inner.index();
            inner.groups.iter().filter(|group| !group.is_changed()).cloned().collect()
        };
        for group in asleep {
            group.lists().for_each(|list| list.lock().index());
            group.wake();
        }
        change(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, key: &[u8], value: Option<&[u8]>, version: Option<u32>) -> Result<(), ListFault> {
        let version = version.unwrap_or(self.entries.current);
        if version.wrapping_sub(self.entries.next).cast_signed() > 0 {
            return Err(ListFault::Future);
        }
        for used in &self.uses {
            used.read(key, value)?;
        }
        let number = self.entries.add(key, value, version);
        if version == self.entries.current {
            self.uses.iter().for_each(|used| used.insert(number, key, value));
        }
        Ok(())
    }

    fn set(&mut self, which: Selector<'_>, value: &[u8]) -> Result<(), ListFault> {
        let numbers = self.selected(which);
        if numbers.is_empty() {
            return Err(ListFault::Unknown);
        }
        for used in &self.uses {
            used.read_value(value)?;
        }
        for number in numbers {
            if let Some(key) = self.entries.set(number, value) {
                self.uses.iter().for_each(|used| {
                    used.remove(number, &key);
                    used.insert(number, &key, Some(value));
                });
            }
        }
        Ok(())
    }

    /// Their numbers. Only entries of the current version are found by their keys.
    fn selected(&self, which: Selector<'_>) -> Vec<u64> {
        match which {
            Selector::Key(key) => self.entries.with_key(key),
            Selector::Number(number) => self.entries.has(number).then_some(number).into_iter().collect(),
        }
    }

    fn remove(&mut self, number: u64) {
        if let Some(entry) = self.entries.remove(number) {
            self.uses.iter().for_each(|used| used.remove(number, &entry.key));
        }
    }

    /// Makes what is needed to ask it and to change it.
    fn index(&mut self) {
        if !self.is_indexed {
            self.is_indexed = true;
            self.entries.index();
            self.rebuild();
        }
    }

    fn rebuild(&self) {
        let current = || self.entries.of(self.entries.current);
        self.uses.iter().for_each(|used| used.rebuild(current()));
    }
}
