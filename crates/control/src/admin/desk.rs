//! What commands work on: control, as far as they may see and change it.

use super::facts::{Facts, Process};
use super::socket::SocketSpec;
use crate::checks::Checks;
use crate::clock::Moment;
use crate::ledger::Ledger;
use std::sync::Arc;
use table::Table;

/// Lent for one command.
pub(crate) struct Desk<'a> {
    pub(crate) table: &'a Arc<Table>,
    pub(crate) checks: &'a mut Checks,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) process: &'a Process,
    pub(crate) sockets: Vec<&'a SocketSpec>,
    pub(crate) logs_dropped: u64,
    pub(crate) is_stopping: bool,
}

impl Desk<'_> {
    /// Everything as it is at this moment.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            table: self.table,
            checks: self.checks,
            ledger: self.ledger,
            process: self.process,
            logs_dropped: self.logs_dropped,
            is_stopping: self.is_stopping,
            now: Moment::now(),
        }
    }
}
