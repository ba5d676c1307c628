//! Taking a place below a limit of the whole process, and giving it back.

use crate::configuration::{self, Process};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use table::{ShardIndex, Table};

/// One shard at the door.
pub struct Door {
    table: Arc<Table>,
    shard: ShardIndex,
}

impl Door {
    /// The first of eight shards, far below the limit.
    pub fn new() -> Door {
        let mut process = Process::new();
        process.publish(&configuration::farm("leastconn", 1));
        let table = process.table();
        table.process.limiter.set_limit(100_000);
        Door { table, shard: ShardIndex(0) }
    }

    /// Another shard at the same door.
    pub fn twin(&self) -> Door {
        Door { table: Arc::clone(&self.table), shard: ShardIndex(1) }
    }

    /// Only so many are let in by both together: places go back and forth between the shards.
    pub fn narrow(&self, most: u32) {
        self.table.process.limiter.set_limit(most);
    }

    /// One in, one out, below `maxconn`.
    ///
    pub fn pass(&self) {
        let limiter = &self.table.process.limiter;
        while !limiter.admit(self.shard) {
            std::hint::spin_loop();
        }
        limiter.release(self.shard);
    }

    /// One in, below a limit of sessions per second that is never reached.
    pub fn pass_in_time(&self, now: Duration) -> bool {
        self.table.process.session_rate.admit_or_wait(self.shard, now)
    }

    /// Sets the limit of sessions per second; 0 is none.
    pub fn set_rate(&self, most: u32) {
        self.table.process.session_rate.set_limit(most);
    }

    /// One in, one out, below `maxconn-per-source`, of 65,536 addresses.
    pub fn pass_by_source(&self, number: u16) -> bool {
        let [high, low] = number.to_be_bytes();
        let addr = IpAddr::V4(Ipv4Addr::new(192, 0, high, low));
        let sources = &self.table.frontends[0].state.sources;
        let is_admitted = sources.admit(addr, NonZeroU32::MIN);
        sources.release(addr);
        is_admitted
    }
}

impl Default for Door {
    fn default() -> Door {
        Door::new()
    }
}
