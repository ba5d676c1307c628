//! Where connections to servers rest, of all shards: each has a shelf, and what one lacks it fetches from another's.
//!
//! ```text
//!   shard A                       shelf of A                     shard B, which has none
//!     keep ── put ──▶ connection: number in A's file table
//!                          │ take_from ◀──────────────────────── link
//!                          │                                      fetch: a copy under a number of B's own
//!     let_go ◀── given up ─┘ ◀─────────────────────────────────── give_up, and a bell
//!     closes its number                                           an exchange
//! ```
//!
//! Whoever takes a connection off a shelf is the only one who knows it: its owner has nothing in flight there, and closes its number
//! only when it is told to. So nobody waits for anybody, and a shard that has ended meanwhile is one whose connections cannot be
//! fetched.
//!
//! **Invariant:** a connection is on one shelf or with one session, and its owner's number is open for as long as it is on the shelf
//! or being fetched.

use crate::idle::{Connection, Idle};
use crossbeam::utils::CachePadded;
use driver::{Fd, Thread};
use session::Whom;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use table::{Server, ShardIndex};

/// The shelves of a process.
pub struct Shelves {
    places: Box<[CachePadded<Place>]>,
}

#[derive(Default)]
struct Place {
    /// Whose numbers the connections have; once the shard is there, and if they can be fetched.
    thread: OnceLock<Thread>,
    shelf: Mutex<Shelf>,
    /// Something was given up since the owner last looked.
    has_given_up: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) idle: Idle,
    /// Numbers of the owner that others have copies of.
    given_up: Vec<Fd>,
}

impl Shelves {
    pub fn new(shard_count: u16) -> Shelves {
        Shelves { places: (0..shard_count).map(|_| CachePadded::default()).collect() }
    }

    /// A shard is there, and its sockets are in the file table of this thread.
    pub(crate) fn open(&self, shard: ShardIndex, thread: Option<Thread>) {
        if let Some(thread) = thread {
            let is_first = self.place(shard).thread.set(thread).is_ok();
            assert!(is_first, "a shard starts once");
        }
    }

    /// The shelf of this shard. Held for moments: no call of the system is made meanwhile.
    pub(crate) fn of(&self, shard: ShardIndex) -> MutexGuard<'_, Shelf> {
        self.place(shard).shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection to this server off another shard's shelf. It is to be [given up](Self::give_up), fetched or not.
    pub(crate) fn take_from(
        &self,
        owner: ShardIndex,
        server: &Server,
        whom: Option<&Whom>,
        must_be_proven: bool,
    ) -> Option<(Thread, Connection)> {
        let thread = *self.place(owner).thread.get()?;
        let mut shelf = self.of(owner);
        let taken = shelf.idle.take(server, whom, must_be_proven);
        if taken.is_none() && !shelf.idle.has(server) {
            server.state.rests_no_more_on(owner);
        }
        taken.map(|connection| (thread, connection))
    }

    /// The owner of this number has no more use for it.
    pub(crate) fn give_up(&self, owner: ShardIndex, number: Fd) {
        self.of(owner).given_up.push(number);
        self.place(owner).has_given_up.store(true, Ordering::Release);
    }

    /// The numbers of this shard that are to be closed.
    pub(crate) fn given_up(&self, shard: ShardIndex) -> Vec<Fd> {
        let has_given_up = &self.place(shard).has_given_up;
        if !has_given_up.load(Ordering::Relaxed) || !has_given_up.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut self.of(shard).given_up)
    }

    fn place(&self, shard: ShardIndex) -> &Place {
        &self.places[usize::from(shard.0)]
    }
}
