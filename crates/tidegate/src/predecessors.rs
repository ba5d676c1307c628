//! Those who serve now and are to go once this process serves (`-sf`, `-st`).

use crate::args::Parting;
use control::ProcessSettings;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Processes that are told to go. Each must be told while it may be: before root's rights are given up, if it is not the user's own.
#[derive(Debug)]
pub(crate) struct Predecessors {
    /// Told when this process serves.
    later: Vec<(Parting, Pid)>,
}

impl Predecessors {
    /// Everything listens already: whoever would not hear of a user without rights is told now.
    pub(crate) fn new(predecessors: &[(Parting, i32)], settings: &ProcessSettings) -> Predecessors {
        let all = predecessors.iter().map(|&(parting, pid)| (parting, Pid::from_raw(pid)));
        let (later, now): (Vec<_>, Vec<_>) = all.partition(|&(_, pid)| may_tell(pid, settings));
        now.into_iter().for_each(tell);
        Predecessors { later }
    }

    pub(crate) fn part(self) {
        self.later.into_iter().for_each(tell);
    }
}

/// Whether the process still may signal `pid` as whom it is going to be (`kill(2)`).
fn may_tell(pid: Pid, settings: &ProcessSettings) -> bool {
    let Some(uid) = settings.uid else { return true };
    let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { return true };
    // proc(5): real, effective, saved and file system's.
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    uids.split_ascii_whitespace().next().and_then(|real| real.parse().ok()) == Some(uid)
}

fn tell((parting, pid): (Parting, Pid)) {
    let signal = match parting {
        Parting::Finish => Signal::SIGUSR1,
        Parting::Terminate => Signal::SIGTERM,
    };
    match kill(pid, signal) {
        // A pid file may outlive its process.
        Ok(()) | Err(Errno::ESRCH) => (),
        Err(errno) => crate::say::say!(Warning, "[tidegate.main()] cannot tell process {pid} to go ({errno})"),
    }
}
