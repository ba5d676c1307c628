//! Servers that their sessions are to leave slowly (`set server B/S state drain pace N/s`, an argument of our own): so many sessions
//! per second are ended, until none is left or the operator thinks otherwise.
//!
//! Shards know the sessions. Each is given the same purse at every step and ends one session of the server per coin that it takes out,
//! so all of them together end no more than there are coins.

use driver::Instant;
use shard::{Purse, Whose};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use table::{Admin, Server, Table};

type Key = (Arc<str>, Arc<str>);

/// Between two steps, if one session is due at each of them at least.
const STEP: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(crate) struct Evictions {
    running: HashMap<Key, Eviction>,
}

struct Eviction {
    /// Sessions per second.
    pace: NonZeroU32,
    begun: Instant,
    /// Coins that were given out since.
    given: u64,
    next_at: Instant,
}

impl Evictions {
    /// When [`due`](Evictions::due) has something to say; `None` while nobody is to leave.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.running.values().map(|eviction| eviction.next_at).min()
    }

    /// From now on so many sessions of `server` per second are ended. A new pace takes the place of the old one.
    pub(crate) fn begin(&mut self, server: &Server, pace: NonZeroU32, now: Instant) {
        let step = STEP.max(Duration::from_secs(1) / pace.get());
        self.running.insert(key(server), Eviction { pace, begun: now, given: 0, next_at: now + step });
    }

    /// Nobody more is to leave.
    pub(crate) fn end(&mut self, server: &Server) {
        self.running.remove(&key(server));
    }

    /// Whose sessions are to end now. A server that is no longer drained, that has none left or that has gone is let alone.
    pub(crate) fn due(&mut self, table: &Table, now: Instant) -> Vec<Whose> {
        if self.deadline().is_none_or(|at| at > now) {
            return Vec::new();
        }
        let mut orders = Vec::new();
        self.running.retain(|(backend, name), eviction| {
            if eviction.next_at > now {
                return true;
            }
            let servers = table.backend_named(backend).map(|id| &table.backend(id).servers);
            let server = servers.and_then(|servers| servers.iter().find(|server| server.name == *name));
            let Some(server) = server.filter(|server| server.state.admin() == Admin::Drain && server.state.conns() > 0)
            else {
                return false;
            };
            let coins = eviction.coins(now);
            if coins > 0 {
                orders.push(Whose::SomeOf(Arc::clone(&server.state), Purse::new(coins)));
            }
            true
        });
        orders
    }
}

impl Eviction {
    /// How many more may leave: as many as the time since the beginning is worth, less those that did.
    fn coins(&mut self, now: Instant) -> u32 {
        let pace = u128::from(self.pace.get());
        let worth = u64::try_from(now.since(self.begun).as_millis() * pace / 1000).unwrap_or(u64::MAX);
        let coins = worth.saturating_sub(self.given);
        self.given = worth;
        self.next_at = now + STEP.max(Duration::from_secs(1) / self.pace.get());
        // A thread that was held up does not make up for it at once.
        u32::try_from(coins).unwrap_or(u32::MAX).min(self.pace.get())
    }
}

fn key(server: &Server) -> Key {
    (Arc::clone(&server.backend_name), Arc::clone(&server.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coins(pace: u32, at: &[u64]) -> Vec<u32> {
        let pace = NonZeroU32::new(pace).expect("a pace");
        let mut eviction = Eviction { pace, begun: Instant::EPOCH, given: 0, next_at: Instant::EPOCH };
        at.iter().map(|&millis| eviction.coins(Instant::EPOCH + Duration::from_millis(millis))).collect()
    }

    #[test]
    fn coins_add_up_to_the_pace() {
        assert_eq!(coins(25, &[100, 200, 300, 400, 1000]), [2, 3, 2, 3, 15]);
        assert_eq!(coins(1, &[1000, 2000, 3001]), [1, 1, 1]);
        assert_eq!(coins(10, &[5000]), [10], "late is late");
    }
}
