//! What commands that only read are functions of.

use crate::checks::{Checks, Finding, Kind};
use crate::clock::Moment;
use crate::ledger::Ledger;
use driver::Instant;
use std::time::Duration;
use table::{Frontend, Server, Standing, Table};

/// The process at one moment, lent for as long as an answer takes to be written.
pub(crate) struct Facts<'a> {
    pub(crate) table: &'a Table,
    pub(crate) checks: &'a Checks,
    pub(crate) ledger: &'a Ledger,
    pub(crate) process: &'a Process,
    /// What the machine is called.
    pub(crate) node: &'a str,
    pub(crate) description: Option<&'a str>,
    /// Log lines that nobody took.
    pub(crate) logs_dropped: u64,
    pub(crate) is_stopping: bool,
    pub(crate) now: Moment,
}

/// What does not change while the process lives.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    pub(crate) node: String,
    pub(crate) shard_count: usize,
    pub(crate) engine: &'static str,
    /// Whether the kernel can do TLS for connections.
    pub(crate) kernel_tls: &'static str,
    pub(crate) descriptors_max: u64,
    /// Client connections that the process can hold.
    pub(crate) capacity: u32,
    pub(crate) started: Moment,
}

impl Facts<'_> {
    /// The monotonic clock, as tallies read it.
    pub(crate) fn clock(&self) -> Duration {
        self.now.instant.since(Instant::EPOCH)
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.now.instant.since(self.process.started.instant)
    }

    /// What the checks know of a server.
    pub(crate) fn finding(&self, server: &Server) -> Option<Finding<'_>> {
        self.checks.finding(server, Kind::Check)
    }

    /// What the agent says of a server.
    pub(crate) fn agent(&self, server: &Server) -> Option<Finding<'_>> {
        self.checks.finding(server, Kind::Agent)
    }

    /// Connections that `maxconn` of the process can be set to.
    pub(crate) fn maxconn_most(&self) -> u32 {
        self.process.capacity.max(self.table.global.maxconn)
    }

    /// Connections that a frontend admits.
    pub(crate) fn frontend_limit(&self, frontend: &Frontend) -> u32 {
        frontend.state.limiter.limit().min(self.table.process.limiter.limit())
    }

    /// How a frontend stands.
    pub(crate) fn standing(&self, frontend: &Frontend) -> Standing {
        if self.is_stopping { Standing::Stopped } else { frontend.state.standing() }
    }
}
