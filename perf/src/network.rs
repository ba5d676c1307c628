//! The network that a run happens in: a namespace of its own, so that what the machine's network was set up for has no say.
//!
//! Congestion control weighs most. The kernel's own default is cubic, and so is that of the usual distributions. Some clouds
//! set bbr, which spaces segments with timers: over a loopback interface those timers and the smaller bursts are a great part
//! of what any relay of bytes costs, the same for all, and they hide what tells one relay from another.

use std::{fs, process::Command};

use anyhow::{Context, Result, ensure};
use nix::sched::{CloneFlags, unshare};

/// Which algorithm new sockets of this namespace get (tcp(7), `tcp_congestion_control`).
const CONGESTION: &str = "/proc/sys/net/ipv4/tcp_congestion_control";

/// Moves this process, and all that it starts from now on, into a network of its own, where sockets use the congestion
/// control `algorithm`. `host` stays in the machine's network and changes nothing there; so does, with a word about it, a
/// process that may not make a network.
///
/// To be called before the process has a second thread: a namespace belongs to a thread (unshare(2)).
pub(crate) fn enter(algorithm: &str) -> Result<()> {
    if algorithm == "host" {
        return Ok(());
    }
    if let Err(error) = unshare(CloneFlags::CLONE_NEWNET) {
        eprintln!("in the machine's own network, with {}: {error}", congestion());
        return Ok(());
    }
    let up = Command::new("ip").args(["link", "set", "dev", "lo", "up"]).status().context("start ip")?;
    ensure!(up.success(), "ip cannot set the loopback interface up");
    fs::write(CONGESTION, algorithm).with_context(|| format!("use the congestion control {algorithm}"))
}

/// The congestion control that sockets get now; empty when the kernel does not tell.
pub(crate) fn congestion() -> String {
    fs::read_to_string(CONGESTION).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use nix::unistd::geteuid;

    use super::*;

    #[test]
    fn a_run_has_a_network_of_its_own() {
        let before = congestion();
        let inside = std::thread::spawn(|| enter("reno").map(|()| congestion())).join().unwrap().unwrap();
        // Without the right to make one, the run stays where it is.
        let expected = if geteuid().is_root() { "reno" } else { &before };
        assert_eq!((inside.as_str(), congestion()), (expected, before.clone()));
    }
}
