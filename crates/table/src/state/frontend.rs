//! A frontend's counts.

use crate::{Conns, Tally};

/// What is remembered of a frontend beyond a reload.
#[derive(Debug)]
pub struct FrontendState {
    /// HAProxy's `feconn`, and the total that is told when the frontend stops.
    pub conns: Conns,
    pub tally: Tally,
}

impl FrontendState {
    pub(crate) fn new(shard_count: u16) -> FrontendState {
        FrontendState { conns: Conns::new(shard_count), tally: Tally::new(shard_count) }
    }
}
