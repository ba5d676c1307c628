//! Going to the background (`-D`, `daemon`): the process splits, one half serves and the other, which somebody waits for,
//! lives until it knows how the start went.
//!
//! ```text
//!   started ──fork──▶ starter: waits ────────── "it serves" ─▶ exit 0
//!              │                   └── it ended before that ─▶ exit as it did
//!              └────▶ daemon: starts, says so, gives up the standard streams, serves
//! ```
//!
//! So errors of the start are seen by whoever started it, in the output and in the exit code.
//!
//! **Invariant:** a split process has one thread: locks that another thread held would stay locked in the daemon for ever.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::SigSet;
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe2, read, setsid, write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// What a shell adds to a signal's number when it ended a process.
const BY_SIGNAL: i32 = 128;

/// Somebody who waits to hear that the daemon serves.
#[derive(Debug)]
pub struct Starter {
    waits: OwnedFd,
    null: Arc<OwnedFd>,
}

/// Splits the process and returns in the half that is to serve, the leader of a session of its own. The other half waits, and ends
/// with the exit code of the start.
///
/// # Panics
/// If the process has more than one thread.
pub fn detach() -> Result<Starter, Errno> {
    assert_eq!(thread_count(), 1, "a process with several threads cannot be split");
    let (hears, waits) = pipe2(OFlag::O_CLOEXEC)?;
    // Opened now: a jail has no devices.
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    // SAFETY: there is no other thread whose locks or half-done work the child could inherit, as was just asserted.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(hears);
            // A process that was just made leads no group, so this cannot fail.
            setsid()?;
            Ok(Starter { waits, null: Arc::new(null) })
        }
        ForkResult::Parent { child } => {
            drop(waits);
            std::process::exit(outcome(hears, child))
        }
    }
}

impl Starter {
    /// What threads with file tables of their own put in the place of their standard streams.
    pub fn null(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.null)
    }

    /// The start is over and the process serves: the starter ends with success, and nothing holds its output open.
    pub fn tell(self) -> Result<(), Errno> {
        leave_standard_streams(&self.null)?;
        match write(&self.waits, b"+") {
            // A starter that was killed does not want to know.
            Ok(_) | Err(Errno::EPIPE) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

/// Puts `null` in the place of this thread's standard streams, whether or not it shares them with other threads.
pub fn leave_standard_streams(null: &impl AsFd) -> Result<(), Errno> {
    dup2_stdin(null)?;
    dup2_stdout(null)?;
    dup2_stderr(null)
}

/// The exit code for the starter.
fn outcome(hears: OwnedFd, child: Pid) -> i32 {
    // Whoever waits for the start may give up waiting.
    let _ = SigSet::all().thread_unblock();
    loop {
        match read(&hears, &mut [0]) {
            Ok(1..) => return 0,
            Err(Errno::EINTR) => (),
            // The daemon has ended without a word; its end is its last one.
            Ok(0) | Err(_) => return exit_code(child),
        }
    }
}

fn exit_code(child: Pid) -> i32 {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => return code,
            Ok(WaitStatus::Signaled(_, signal, _)) => return BY_SIGNAL + signal as i32,
            Ok(_) | Err(Errno::EINTR) => (),
            Err(_) => return 1,
        }
    }
}

fn thread_count() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}
