//! How many descriptors a shard may open, and so how many sessions it can hold.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a shard opens beside its sessions, listeners and pipes: its ring, wake-ups, standard streams.
const BESIDE_SESSIONS: u64 = 32;

/// Each session has two sockets.
const PER_SESSION: u64 = 2;

/// Each pipe has two ends.
const PER_PIPE: u64 = 2;

/// Most sessions that a shard is ever made for: its buffers are named with 16 bits, and each session may hold two.
const SESSIONS_MOST: u64 = 32_000;

/// Raises the soft limit to the hard one, and says what it is now.
pub(crate) fn raise_limit() -> u64 {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft }
}

/// Sessions that one shard can hold under this limit. The limit counts for each shard: each has a file table of its own.
pub(crate) fn sessions_per_shard(limit: u64, listeners: usize, pipes: u32) -> u32 {
    let left = limit.saturating_sub(BESIDE_SESSIONS + listeners as u64 + PER_PIPE * u64::from(pipes));
    (left / PER_SESSION).min(SESSIONS_MOST) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sockets_a_session() {
        assert_eq!(sessions_per_shard(20_000, 2, 64), 9_919);
        assert_eq!(sessions_per_shard(1_000_000, 2, 8), 32_000);
        assert_eq!(sessions_per_shard(160, 2, 64), 0);
    }
}
