//! The counts of the whole process.

use crate::{Conns, Tally};

/// What is counted over all frontends.
#[derive(Debug)]
pub struct ProcessState {
    /// HAProxy's `actconn`: client connections of all frontends.
    pub conns: Conns,
    pub tally: Tally,
}

impl ProcessState {
    pub(crate) fn new(shard_count: u16) -> ProcessState {
        ProcessState { conns: Conns::new(shard_count), tally: Tally::new(shard_count) }
    }
}
