//! Telling control which sessions there are: a part of the slots per turn, so that a hundred thousand of them keep nobody waiting.
//!
//! **Invariant:** every listing that was asked for ends with a part that says so.

use crate::{Notice, Shard};
use driver::{Addr, Driver, Instant, SessionId};
use session::Phase;
use std::collections::VecDeque;
use std::sync::Arc;
use table::ShardIndex;

/// Slots that are looked at in one turn.
const SLOTS_MOST: u32 = 1024;

/// A session, as `show sess` tells of it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: SessionId,
    pub phase: Phase,
    pub client: Addr,
    pub frontend: Arc<str>,
    pub backend: Option<Arc<str>>,
    pub server: Option<Arc<str>>,
    pub accepted_at: Instant,
    /// From the client.
    pub bytes_in: u64,
    /// From the server.
    pub bytes_out: u64,
}

/// Some of the sessions of a shard.
#[derive(Clone, Debug)]
pub struct Part {
    pub shard: ShardIndex,
    /// Of the listing: what control gave it.
    pub serial: u64,
    pub sessions: Vec<Listed>,
    pub is_last: bool,
}

/// The listings under way, in the order in which they were asked for.
#[derive(Default)]
pub(crate) struct Listings {
    waiting: VecDeque<Listing>,
}

struct Listing {
    serial: u64,
    /// The slot to look at next.
    next: u32,
}

impl Listings {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn add(&mut self, serial: u64) {
        self.waiting.push_back(Listing { serial, next: 0 });
    }
}

impl<D: Driver> Shard<D> {
    /// Tells of the next slots of the first listing.
    pub(crate) fn list(&mut self) {
        let Some(listing) = self.listings.waiting.front_mut() else { return };
        let (serial, first) = (listing.serial, listing.next);
        let count = self.slots.count() as u32;
        let end = first.saturating_add(SLOTS_MOST).min(count);
        listing.next = end;
        let is_last = end >= count;
        if is_last {
            self.listings.waiting.pop_front();
        }
        let listed = |(id, session): (SessionId, &session::Session)| {
            let (bytes_in, bytes_out) = session.bytes();
            Listed {
                id,
                phase: session.phase(),
                client: session.client().clone(),
                frontend: Arc::clone(session.frontend_name()),
                backend: session.backend().map(|backend| Arc::clone(&backend.name)),
                server: session.server().map(|server| Arc::clone(&server.name)),
                accepted_at: session.accepted_at(),
                bytes_in,
                bytes_out,
            }
        };
        let sessions = (first..end).filter_map(|index| self.slots.at(index).map(listed)).collect();
        self.port.tell(Notice::Listed(Part { shard: self.index, serial, sessions, is_last }));
    }
}
