//! What is counted of TLS with clients over the whole process, and how much of it there may be.

use std::sync::Arc;
use std::time::Duration;

use crate::{Bells, Conns, Limiter, RateLimit, ShardIndex, Tally};

/// What `show info` tells of TLS.
#[derive(Debug)]
pub struct TlsState {
    /// Clients with TLS, from their first word of it to their end.
    pub conns: Conns,
    /// Most of them at once (`maxsslconn`).
    pub limiter: Limiter,
    /// Most that come in a second (`maxsslrate`).
    pub rate: RateLimit,
    /// Its connections are those that began with a handshake, its sessions those whose handshake made new keys.
    front: Tally,
    /// The same of servers, whose connections nobody counts.
    back: Tally,
}

/// With whom keys were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysWith {
    Client,
    Server,
}

impl TlsState {
    pub(crate) fn new(shard_count: u16, bells: &Arc<Bells>) -> TlsState {
        TlsState {
            conns: Conns::new(shard_count),
            limiter: Limiter::new(shard_count, bells.clone()),
            rate: RateLimit::new(bells.clone()),
            front: Tally::new(shard_count),
            back: Tally::new(shard_count),
        }
    }

    /// A client begins with it, `at` on the monotonic clock. **Invariant:** followed by exactly one `conns.close`.
    pub fn on_begun(&self, shard: ShardIndex, at: Duration) {
        self.conns.open(shard);
        self.front.on_connection(shard, at);
    }

    /// A handshake made new keys: no earlier session was taken up again.
    pub fn on_keys(&self, shard: ShardIndex, with: KeysWith, at: Duration) {
        self.keys(with).on_session(shard, at);
    }

    /// A connection on which both had agreed came to nothing: a record was not right, or the peer says that one of ours was not.
    pub fn on_broken(&self, shard: ShardIndex, with: KeysWith) {
        self.keys(with).of(shard).tls_failed.add(1);
    }

    /// How many of those there were.
    pub fn broken(&self, with: KeysWith) -> u64 {
        self.keys(with).totals().tls_failed
    }

    /// Clients that began with it over the last second before `at`.
    pub fn rate(&self, at: Duration) -> u64 {
        self.front.connection_rate(at)
    }

    /// The most of them in a second.
    pub fn rate_peak(&self, at: Duration) -> u64 {
        self.front.connection_rate_peak(at)
    }

    /// Handshakes with new keys over the last second before `at`.
    pub fn key_rate(&self, with: KeysWith, at: Duration) -> u64 {
        self.keys(with).session_rate(at)
    }

    /// The most of them in a second.
    pub fn key_rate_peak(&self, with: KeysWith, at: Duration) -> u64 {
        self.keys(with).session_rate_peak(at)
    }

    /// How many of a hundred clients took an earlier session up again, over the last second, rounded as HAProxy does.
    pub fn reuse_percent(&self, at: Duration) -> u64 {
        reuse_percent(self.rate(at), self.key_rate(KeysWith::Client, at))
    }

    fn keys(&self, with: KeysWith) -> &Tally {
        match with {
            KeysWith::Client => &self.front,
            KeysWith::Server => &self.back,
        }
    }
}

fn reuse_percent(rate: u64, key_rate: u64) -> u64 {
    if key_rate < rate { 100 - (100 * key_rate + (rate - 1) / 2) / rate } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents() {
        for (rate, key_rate, expected) in [(0, 0, 0), (10, 10, 0), (10, 0, 100), (10, 5, 50), (3, 1, 67), (4, 5, 0)] {
            assert_eq!(reuse_percent(rate, key_rate), expected, "{key_rate} of {rate}");
        }
    }
}
