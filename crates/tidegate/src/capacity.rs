//! How many shards there will be, how many sessions they hold, and whether that is what the file asks for.

use crate::descriptors::Allowance;
use crate::shards;
use control::Loaded;
use table::Table;

/// What the process is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) shard_count: u16,
    /// Sessions that each shard holds at most.
    pub(crate) sessions_max: u32,
}

/// The system gives too few descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    /// What the file asks for; `None`: not even one connection fits.
    maxconn: Option<u32>,
    capacity: Capacity,
    descriptors: u64,
    needed: u64,
}

impl Capacity {
    /// Of a file under this allowance.
    pub(crate) fn of(loaded: &Loaded, table: &Table, allowance: Allowance) -> Capacity {
        let cpus = shards::cpus().len().min(64) as u16;
        let shard_count = loaded.nbthread.unwrap_or(cpus).clamp(1, 64);
        let pipes = shards::pipes_max(shard_count);
        Capacity { shard_count, sessions_max: allowance.sessions_per_shard(listener_count(table), pipes) }
    }

    /// Connections that all shards hold together.
    pub(crate) fn total(self) -> u32 {
        self.sessions_max.saturating_mul(u32::from(self.shard_count))
    }

    /// Whether what the file asks for fits. `maxconn` is what the file says, or what is derived where it says nothing.
    pub(crate) fn holds(self, maxconn: u32, table: &Table, allowance: Allowance) -> Result<(), Shortage> {
        let shards = u64::from(self.shard_count);
        let shortage = |maxconn: Option<u32>| {
            let sessions = u64::from(maxconn.unwrap_or(1)).div_ceil(shards);
            let needed = Allowance::needed(sessions, listener_count(table), shards::pipes_max(self.shard_count));
            Shortage { maxconn, capacity: self, descriptors: allowance.descriptors, needed }
        };
        match self.sessions_max {
            0 => Err(shortage(None)),
            _ if maxconn > self.total() => Err(shortage(Some(maxconn))),
            _ => Ok(()),
        }
    }
}

/// For `-c`: whether this system could hold what the file asks for. `loaded` was read with [`u32::MAX`] in the place of a `maxconn`
/// that is not set.
pub(crate) fn look(loaded: &Loaded, table: &Table) -> Result<(), Shortage> {
    let allowance = Allowance::look(&loaded.process);
    let maxconn = Some(table.global.maxconn).filter(|&maxconn| maxconn < u32::MAX).unwrap_or(1);
    Capacity::of(loaded, table, allowance).holds(maxconn, table, allowance)
}

fn listener_count(table: &Table) -> usize {
    table.frontends.iter().map(|frontend| frontend.binds.len()).sum()
}

impl std::fmt::Display for Shortage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shortage { maxconn, capacity, descriptors, needed } = *self;
        match maxconn {
            None => write!(
                f,
                "No connection fits into {descriptors} file descriptors. Raise 'ulimit -n' to {needed} at least."
            ),
            Some(maxconn) => write!(
                f,
                "Cannot hold maxconn {maxconn}: {} shards with {descriptors} file descriptors each hold {} connections. \
                 Raise 'ulimit -n' to {needed}, or lower maxconn.",
                capacity.shard_count,
                capacity.total(),
            ),
        }
    }
}
