//! What is remembered of a frontend.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::{Bells, Conns, Limiter, Tally};

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
}

impl FrontendState {
    pub(crate) fn new(shard_count: u16, bells: Arc<Bells>) -> FrontendState {
        FrontendState {
            conns: Conns::new(shard_count),
            tally: Tally::new(shard_count),
            lines_logged: AtomicU64::new(0),
            limiter: Limiter::new(shard_count, bells),
        }
    }
}
