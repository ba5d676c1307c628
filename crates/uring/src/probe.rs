//! Whether this kernel lets us work, found out before anything depends on it.

pub use crate::refused::{Evidence, Refused, Step, diagnose};

use crate::prepare::USED;
use crate::provided::Provided;
use crate::setup::{Features, Ring, Sizes};
use driver::Errno;
use std::fs;

/// Makes a small ring as a shard would, and asks it for everything that shards use. It is gone afterwards.
pub fn probe() -> Result<Features, Refused> {
    let sizes = Sizes { submissions: 8, completions: 16, in_flight_most: 0 };
    let ring = Ring::new(sizes)?;
    ask_for_ops(&ring)?;
    let provided = Provided::new(&ring, 2).map_err(|errno| refuse(Step::BufferRing, errno, sizes.locked_size()))?;
    let features = ring.features;
    // The ring goes before the memory that it knows.
    drop(ring);
    drop(provided);
    Ok(features)
}

fn ask_for_ops(ring: &Ring) -> Result<(), Refused> {
    let mut known = io_uring::Probe::new();
    let asked = ring.submitter().register_probe(&mut known);
    asked.map_err(|err| refuse(Step::Operation("IORING_REGISTER_PROBE"), Errno::of(&err), 0))?;
    match USED.iter().find(|(code, _)| !known.is_supported(*code)) {
        Some((_, name)) => Err(refuse(Step::Operation(name), Errno::EINVAL, 0)),
        None => Ok(()),
    }
}

/// The cause of a failure, after a look around.
pub(crate) fn refuse(step: Step, errno: Errno, needed: u64) -> Refused {
    diagnose(gather(step, errno, needed))
}

fn gather(step: Step, errno: Errno, needed: u64) -> Evidence {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let exempt = capabilities(&status).is_some_and(|held| held & CAP_IPC_LOCK != 0);
    Evidence {
        step,
        errno,
        release: read("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".into()),
        disabled: number("/proc/sys/kernel/io_uring_disabled"),
        group: number("/proc/sys/kernel/io_uring_group"),
        seccomp: field(&status, "Seccomp:").and_then(|value| value.parse().ok()),
        selinux: number::<u8>("/sys/fs/selinux/enforce") == Some(1),
        memlock: if exempt { None } else { memlock_limit() },
        needed,
    }
}

/// `capabilities(7)`.
const CAP_IPC_LOCK: u64 = 1 << 14;

fn capabilities(status: &str) -> Option<u64> {
    u64::from_str_radix(field(status, "CapEff:")?, 16).ok()
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number<T: std::str::FromStr>(path: &str) -> Option<T> {
    read(path)?.parse().ok()
}

fn memlock_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one `limit` during the call.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    if result != 0 || limit.rlim_cur == libc::RLIM_INFINITY { None } else { Some(limit.rlim_cur) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `proc(5)`.
    #[test]
    fn status_lines_are_read() {
        let status = "Name:\tx\nCapEff:\t0000000000004000\nSeccomp:\t2\nSeccomp_filters:\t1\n";
        assert_eq!(capabilities(status), Some(CAP_IPC_LOCK));
        assert_eq!(field(status, "Seccomp:"), Some("2"));
        assert_eq!(capabilities(""), None);
    }

    #[test]
    fn this_kernel_passes() {
        probe().expect("the other tests of this crate need it too");
    }
}
