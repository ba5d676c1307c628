//! Whom the process is once it has what only root may take: HAProxy's order is group, supplementary groups, user.
//!
//! The C library carries each step to every thread of the process. Capabilities are each thread's own: a thread says itself which
//! it keeps, and hands them down to the threads that it starts.

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::unistd::{Gid, Uid, getgroups, setgid, setgroups, setuid};

/// Whom to become. `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    /// A process that has changed its user dumps no core and cannot be traced, unless this is asked for.
    pub is_dumpable: bool,
}

/// What the system does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Gid(u32),
    Uid(u32),
    /// Capabilities could not be given up.
    Rights(Errno),
    Dumpable(Errno),
}

impl Identity {
    /// Becomes it, in all threads. `Ok` tells whether the supplementary groups are gone, if they were to go.
    pub fn assume(self) -> Result<bool, Refusal> {
        let mut has_dropped_groups = true;
        if let Some(gid) = self.gid {
            let has_groups = getgroups().is_ok_and(|groups| !groups.is_empty());
            has_dropped_groups = !has_groups || setgroups(&[]).is_ok();
            setgid(Gid::from_raw(gid)).map_err(|_| Refusal::Gid(gid))?;
        }
        if let Some(uid) = self.uid {
            setuid(Uid::from_raw(uid)).map_err(|_| Refusal::Uid(uid))?;
        }
        if self.is_dumpable {
            prctl::set_dumpable(true).map_err(Refusal::Dumpable)?;
        }
        Ok(has_dropped_groups)
    }
}

/// Whether a thread takes the one capability that it may keep over to another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Binding ports below 1024 (`capabilities(7)`: `CAP_NET_BIND_SERVICE`): a reload may name new ones.
    Ports,
    Nothing,
}

impl Keep {
    /// What this thread can keep: to be called before the change of identity, in the thread that is to start the others.
    pub fn prepare() -> Keep {
        let can = capabilities().is_ok_and(|held| held.permitted & PORTS != 0);
        // A thread that is started from now on inherits this.
        if can && set_keeping(true).is_ok() { Keep::Ports } else { Keep::Nothing }
    }

    /// Gives up everything else. To be called after the change of identity, in every thread that starts others.
    pub fn settle(self) -> Result<(), Errno> {
        match self {
            Keep::Ports if !Uid::effective().is_root() => {
                set_capabilities(Capabilities { effective: PORTS, permitted: PORTS })?;
                set_keeping(false)
            }
            Keep::Ports => set_keeping(false),
            Keep::Nothing => Ok(()),
        }
    }
}

/// `CAP_NET_BIND_SERVICE` in the first word of a set.
const PORTS: u32 = 1 << 10;

/// `_LINUX_CAPABILITY_VERSION_3`: two words for each set.
const VERSION: u32 = 0x2008_0522;

/// The first words of this thread's sets; the second ones hold nothing that is kept here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Capabilities {
    effective: u32,
    permitted: u32,
}

/// `struct __user_cap_header_struct`
#[repr(C)]
struct Header {
    version: u32,
    /// 0 is the calling thread.
    pid: i32,
}

/// `struct __user_cap_data_struct`
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Word {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

fn capabilities() -> Result<Capabilities, Errno> {
    let mut header = Header { version: VERSION, pid: 0 };
    let mut words = [Word::default(); 2];
    // SAFETY: the kernel reads `header` and writes the two words of its version to `words` during the call.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, words.as_mut_ptr()) };
    Errno::result(result)?;
    Ok(Capabilities { effective: words[0].effective, permitted: words[0].permitted })
}

fn set_capabilities(held: Capabilities) -> Result<(), Errno> {
    let mut header = Header { version: VERSION, pid: 0 };
    let first = Word { effective: held.effective, permitted: held.permitted, inheritable: 0 };
    let words = [first, Word::default()];
    // SAFETY: the kernel reads `header` and the two words of its version from `words` during the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, words.as_ptr()) };
    Errno::result(result).map(drop)
}

/// Whether what this thread may do survives a change from root to another user.
fn set_keeping(on: bool) -> Result<(), Errno> {
    // SAFETY: no memory is touched.
    let result = unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, libc::c_ulong::from(on), 0, 0, 0) };
    Errno::result(result).map(drop)
}
