//! A shard's own handle on the published table.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use table::Table;

/// The table that a session started with. Cloned per session, and counted within one thread: the count of the `Arc` inside is
/// shared by all shards, and every connection would fight over its cache line.
#[derive(Clone, Debug)]
#[expect(clippy::redundant_allocation, reason = "the allocation buys a count that no other shard writes")]
pub struct View(Rc<Arc<Table>>);

impl View {
    pub fn new(table: Arc<Table>) -> View {
        View(Rc::new(table))
    }

    /// For those who take it to another thread.
    pub fn shared(&self) -> Arc<Table> {
        Arc::clone(&self.0)
    }
}

impl Deref for View {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.0
    }
}
