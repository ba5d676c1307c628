//! Rules that change lists (`configuration.txt: set-map, del-map, add-acl, del-acl`).

use std::sync::Arc;

use crate::{Facts, Format, List, Selector, Table};

/// A rule's change of a list. Everybody sees it at once: the rules behind this one, and all shards.
#[derive(Clone, Debug)]
pub struct ListRule {
    pub list: Arc<List>,
    pub key: Format,
    pub change: ListChange,
}

/// What becomes of the entries with a rule's key.
#[derive(Clone, Debug)]
pub enum ListChange {
    /// `set-map`: they have this value; where there is none, there is one now.
    Put(Format),
    /// `add-acl`: there is one.
    Add,
    /// `del-map`, `del-acl`
    Delete,
}

impl ListRule {
    pub(crate) fn make(&self, facts: &Facts<'_>) {
        let filled = |format: &Format| {
            let mut text = Vec::new();
            format.append(facts, &mut text);
            text
        };
        let key = filled(&self.key);
        let made = match &self.change {
            ListChange::Put(value) => self.list.put(&key, &filled(value)),
            ListChange::Add => self.list.add_once(&key),
            ListChange::Delete => self.list.delete(Selector::Key(&key)),
        };
        // A client's words need not be a pattern, nor be in the list.
        drop(made);
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        let value = match &self.change {
            ListChange::Put(value) => Some(value),
            ListChange::Add | ListChange::Delete => None,
        };
        self.key.fits(table) && value.is_none_or(|value| value.fits(table))
    }
}
