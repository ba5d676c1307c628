//! What is remembered of a frontend.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::{Bells, Conns, LastMisread, Limiter, RateLimit, Sources, Tally};

/// What is remembered of a frontend beyond a reload.
#[derive(Debug)]
pub struct FrontendState {
    /// HAProxy's `feconn`, and the total that is told when the frontend stops.
    pub conns: Conns,
    pub tally: Tally,
    /// Lines written about its sessions (`%lc`). Counted by whoever writes them.
    pub lines_logged: AtomicU64,
    /// Its `maxconn`.
    pub limiter: Limiter,
    /// Its `rate-limit sessions`.
    pub session_rate: RateLimit,
    /// Below its `maxconn-per-source`.
    pub sources: Sources,
    /// The last request that could not be read.
    pub last_misread: LastMisread,
    standing: AtomicU8,
}

/// What is remembered of one of its listeners beyond a reload, where listeners are counted (`option socket-stats`).
#[derive(Debug)]
pub struct ListenerState {
    pub conns: Conns,
    pub tally: Tally,
}

impl ListenerState {
    pub(crate) fn new(shard_count: u16) -> ListenerState {
        ListenerState { conns: Conns::new(shard_count), tally: Tally::new(shard_count) }
    }
}

/// Whether a frontend takes connections. Until the next configuration, which opens every frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Open,
    /// Refuses connections until it is opened again; keeps its addresses.
    Paused,
    /// Has given its addresses up.
    Stopped,
}

impl Standing {
    const ALL: [Standing; 3] = [Standing::Open, Standing::Paused, Standing::Stopped];
}

impl FrontendState {
    pub(crate) fn new(shard_count: u16, bells: Arc<Bells>) -> FrontendState {
        FrontendState {
            conns: Conns::new(shard_count),
            tally: Tally::new(shard_count),
            lines_logged: AtomicU64::new(0),
            limiter: Limiter::new(shard_count, bells.clone()),
            session_rate: RateLimit::new(bells),
            sources: Sources::default(),
            last_misread: LastMisread::default(),
            standing: AtomicU8::new(Standing::Open as u8),
        }
    }

    pub fn standing(&self) -> Standing {
        Standing::ALL[usize::from(self.standing.load(Ordering::Acquire))]
    }

    /// Says how it stands from now on. Its listeners follow when their shards are told to look.
    pub fn stand(&self, standing: Standing) {
        self.standing.store(standing as u8, Ordering::Release);
    }
}
