//! How many descriptors a shard may open, and so how many sessions it can hold.

use control::ProcessSettings;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a shard opens beside its sessions, listeners and pipes: its ring, wake-ups, standard streams.
const BESIDE_SESSIONS: u64 = 32;

/// Each session has two sockets.
const PER_SESSION: u64 = 2;

/// Each pipe has two ends.
const PER_PIPE: u64 = 2;

/// Most sessions that a shard is ever made for: its buffers are named with 16 bits, and each session may hold two.
const SESSIONS_MOST: u64 = 32_000;

/// Descriptors that a file table may hold, and what would be too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub(crate) descriptors: u64,
}

/// `ulimit-n` asks for more than the system gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CannotRaise {
    pub(crate) wanted: u64,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

impl Allowance {
    /// What this process could have, without taking it.
    pub(crate) fn look(settings: &ProcessSettings) -> Allowance {
        let (_, hard) = limits();
        Allowance { descriptors: hard }.within(settings)
    }

    /// Raises the limit as far as it goes, or to what the file asks for. It is never lowered: `fd-hard-limit` is for that.
    pub(crate) fn take(settings: &ProcessSettings) -> Result<Allowance, CannotRaise> {
        let (soft, hard) = limits();
        let wanted = settings.descriptors_wanted.map_or(hard, |wanted| wanted.max(soft));
        match raise(wanted, hard) {
            Ok(()) => Ok(Allowance { descriptors: wanted }.within(settings)),
            // Nobody asked for a number.
            Err(_) if settings.descriptors_wanted.is_none() => Ok(Allowance { descriptors: soft }.within(settings)),
            Err(_) if settings.takes_less => {
                let descriptors = raise(hard, hard).map_or(soft, |()| hard);
                Ok(Allowance { descriptors }.within(settings))
            }
            Err(_) => Err(CannotRaise { wanted, soft, hard }),
        }
    }

    /// Sessions that one shard can hold. The limit counts for each shard: each has a file table of its own.
    pub(crate) fn sessions_per_shard(self, listeners: usize, pipes: u32) -> u32 {
        let beside = BESIDE_SESSIONS + listeners as u64 + PER_PIPE * u64::from(pipes);
        (self.descriptors.saturating_sub(beside) / PER_SESSION).min(SESSIONS_MOST) as u32
    }

    /// Descriptors per shard for so many sessions of each.
    pub(crate) fn needed(sessions_per_shard: u64, listeners: usize, pipes: u32) -> u64 {
        BESIDE_SESSIONS + listeners as u64 + PER_PIPE * u64::from(pipes) + PER_SESSION * sessions_per_shard
    }

    fn within(self, settings: &ProcessSettings) -> Allowance {
        let most = settings.descriptors_most.unwrap_or(u64::MAX);
        Allowance { descriptors: self.descriptors.min(most) }
    }
}

impl std::fmt::Display for CannotRaise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let CannotRaise { wanted, soft, hard } = self;
        write!(f, "Cannot raise FD limit to {wanted}, current limit is {soft} and hard limit is {hard}.")
    }
}

fn limits() -> (u64, u64) {
    getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024))
}

/// A privileged process may raise the hard limit as well.
fn raise(wanted: u64, hard: u64) -> Result<(), Errno> {
    setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted.max(hard))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(descriptors: u64, listeners: usize, pipes: u32) -> u32 {
        Allowance { descriptors }.sessions_per_shard(listeners, pipes)
    }

    #[test]
    fn two_sockets_a_session() {
        assert_eq!(sessions(20_000, 2, 64), 9_919);
        assert_eq!(sessions(1_000_000, 2, 8), 32_000);
        assert_eq!(sessions(160, 2, 64), 0);
        assert_eq!(sessions(Allowance::needed(500, 3, 8), 3, 8), 500);
    }

    #[test]
    fn a_limit_of_the_file_lowers_the_systems() {
        let settings = ProcessSettings { descriptors_most: Some(100), ..ProcessSettings::default() };
        assert_eq!(Allowance { descriptors: 1_000 }.within(&settings), Allowance { descriptors: 100 });
        assert_eq!(Allowance { descriptors: 50 }.within(&settings), Allowance { descriptors: 50 });
    }
}
