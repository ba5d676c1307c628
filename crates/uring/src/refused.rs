//! Why the kernel refuses io_uring: from evidence to a cause, and from a cause to what the operator can do.

use driver::Errno;
use std::fmt;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `io_uring_setup`, with the flags that we need.
    Setup,
    /// Registering a ring of provided buffers.
    BufferRing,
    /// Asking for one kind of operation.
    Operation(&'static str),
    /// Reserving the buffers themselves.
    Buffers,
}

/// What was seen when it failed. `None` where the system does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub step: Step,
    pub errno: Errno,
    /// The running kernel: `6.1.0-13-amd64`.
    pub release: String,
    /// `kernel.io_uring_disabled`.
    pub disabled: Option<u8>,
    /// `kernel.io_uring_group`; negative if there is none.
    pub group: Option<i64>,
    /// `Seccomp:` in `/proc/thread-self/status`; 2 means that a filter is installed.
    pub seccomp: Option<u8>,
    /// SELinux is there and enforces.
    pub selinux: bool,
    /// `RLIMIT_MEMLOCK` in bytes; `None` if unlimited, or if this process is exempt (`CAP_IPC_LOCK`).
    pub memlock: Option<u64>,
    /// Bytes that were to be locked.
    pub needed: u64,
}

/// Why there is no ring. Its text names the cause, what shows it, and the repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A sysctl forbids it.
    Disabled { sysctl: u8, group: Option<i64> },
    /// A seccomp filter forbids it, as container engines install.
    Seccomp { errno: Errno },
    /// SELinux probably forbids it: nothing else that is known to does.
    Selinux { errno: Errno },
    /// The kernel was built without it.
    NotBuilt { release: String },
    /// The kernel is older than what we need.
    TooOld { missing: &'static str, release: String },
    /// The process may not lock that much memory.
    Memlock { limit: u64, needed: u64 },
    /// The kernel has no memory for it, or none in one piece.
    NoMemory { needed: u64 },
    /// None of the causes that are known.
    Other { step: Step, errno: Errno, release: String },
}

const FILTERED: u8 = 2;

/// From what was seen to the cause. Pure, so that every case can be shown without the kernel that has it.
pub fn diagnose(evidence: Evidence) -> Refused {
    let Evidence { step, errno, release, .. } = evidence;
    match errno {
        Errno::EPERM | Errno::EACCES => match (evidence.disabled, evidence.seccomp) {
            (Some(sysctl @ 1..), _) => Refused::Disabled { sysctl, group: evidence.group },
            (_, Some(FILTERED)) => Refused::Seccomp { errno },
            _ if evidence.selinux => Refused::Selinux { errno },
            _ => Refused::Other { step, errno, release },
        },
        // Some engines let what they do not know fail as if it did not exist.
        Errno::ENOSYS if evidence.seccomp == Some(FILTERED) => Refused::Seccomp { errno },
        Errno::ENOSYS => Refused::NotBuilt { release },
        Errno::EINVAL => too_old(step, errno, release),
        Errno::ENOMEM => match evidence.memlock {
            Some(limit) if step != Step::Buffers => Refused::Memlock { limit, needed: evidence.needed },
            _ => Refused::NoMemory { needed: evidence.needed },
        },
        _ => Refused::Other { step, errno, release },
    }
}

fn too_old(step: Step, errno: Errno, release: String) -> Refused {
    match step {
        Step::Setup => Refused::TooOld { missing: "IORING_SETUP_DEFER_TASKRUN", release },
        Step::BufferRing => Refused::TooOld { missing: "IORING_REGISTER_PBUF_RING", release },
        Step::Operation(missing) => Refused::TooOld { missing, release },
        Step::Buffers => Refused::Other { step, errno, release },
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("io_uring refused: ")?;
        match self {
            Refused::Disabled { sysctl, group } => disabled(f, *sysctl, *group),
            Refused::Seccomp { errno } => write!(
                f,
                "{errno:?}; a seccomp filter is active (Seccomp: 2 in /proc/self/status), as Docker, containerd and Podman \
                 install by default. Fix: run with a profile that allows io_uring_setup, io_uring_enter and \
                 io_uring_register (docker run --security-opt seccomp=PROFILE.json)."
            ),
            Refused::Selinux { errno } => write!(
                f,
                "{errno:?}; SELinux is enforcing. Fix: look for the denial with 'ausearch -m AVC -ts recent' and allow \
                 io_uring for this domain (audit2allow)."
            ),
            Refused::NotBuilt { release } => write!(
                f,
                "ENOSYS; kernel {release} was built without io_uring (as RHEL 9.0 to 9.2 are), or is older than 5.1. \
                 Fix: run kernel 6.1 or newer with CONFIG_IO_URING=y."
            ),
            Refused::TooOld { missing, release } => {
                write!(f, "kernel {release} does not know {missing}. Fix: run kernel 6.1 or newer.")
            }
            Refused::Memlock { limit, needed } => write!(
                f,
                "ENOMEM; RLIMIT_MEMLOCK is {limit} bytes for all processes of this user, and this ring needs {needed}. \
                 Fix: LimitMEMLOCK=infinity in the unit (ulimit -l unlimited), or CAP_IPC_LOCK."
            ),
            Refused::NoMemory { needed } => write!(
                f,
                "ENOMEM; the kernel has not {needed} bytes of memory for it, or not in one piece. Fix: free memory \
                 (echo 1 > /proc/sys/vm/compact_memory helps against fragmentation), or lower maxconn."
            ),
            Refused::Other { step, errno, release } => {
                write!(
                    f,
                    "{errno:?} ({errno}) from {step} on kernel {release}. Fix: none is known; please report this."
                )
            }
        }
    }
}

/// `sysctl/kernel.rst`: 1 allows privileged processes and the members of a group, 2 nobody.
fn disabled(f: &mut fmt::Formatter<'_>, sysctl: u8, group: Option<i64>) -> fmt::Result {
    let origin = if sysctl >= 2 { " (RHEL default)" } else { "" };
    write!(f, "EPERM; kernel.io_uring_disabled={sysctl}{origin}")?;
    if let (1, Some(group)) = (sysctl, group) {
        write!(f, ", kernel.io_uring_group={group}")?;
    }
    write!(f, ". Fix: sysctl -w kernel.io_uring_disabled=0")?;
    if sysctl == 1 {
        write!(f, ", or set kernel.io_uring_group to a group of this user")?;
    }
    f.write_str(".")
}

impl std::error::Error for Refused {}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Setup => f.write_str("io_uring_setup"),
            Step::BufferRing => f.write_str("IORING_REGISTER_PBUF_RING"),
            Step::Operation(name) => f.write_str(name),
            Step::Buffers => f.write_str("mmap"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine on which nothing is wrong but that the call failed.
    fn seen(step: Step, errno: Errno) -> Evidence {
        Evidence {
            step,
            errno,
            release: "6.12.0".into(),
            disabled: Some(0),
            group: Some(-1),
            seccomp: Some(0),
            selinux: false,
            memlock: None,
            needed: 1_318_912,
        }
    }

    fn check(evidence: Evidence, starts: &str, holds: &str) {
        let text = diagnose(evidence).to_string();
        assert!(text.starts_with(&format!("io_uring refused: {starts}")), "{text}");
        assert!(text.contains(holds), "{text}");
        assert!(text.contains("Fix: "), "{text}");
    }

    #[test]
    fn causes_by_evidence() {
        let setup = |errno| seen(Step::Setup, errno);
        check(
            Evidence { disabled: Some(2), ..setup(Errno::EPERM) },
            "EPERM; kernel.io_uring_disabled=2 (RHEL default). Fix: sysctl -w kernel.io_uring_disabled=0.",
            "",
        );
        check(
            Evidence { disabled: Some(1), group: Some(990), ..setup(Errno::EPERM) },
            "EPERM; kernel.io_uring_disabled=1, kernel.io_uring_group=990. Fix:",
            "io_uring_group",
        );
        // A sysctl that forbids is the nearer cause: a profile that allows it would not help.
        check(
            Evidence { disabled: Some(2), seccomp: Some(2), ..setup(Errno::EPERM) },
            "EPERM; kernel.io_uring_disabled=2",
            "",
        );
        check(Evidence { seccomp: Some(2), ..setup(Errno::EPERM) }, "EPERM; a seccomp filter", "--security-opt");
        check(Evidence { seccomp: Some(2), ..setup(Errno::ENOSYS) }, "ENOSYS; a seccomp filter", "--security-opt");
        check(Evidence { selinux: true, ..setup(Errno::EACCES) }, "EACCES; SELinux", "ausearch");
        check(
            Evidence { release: "5.14.0-70.el9".into(), ..setup(Errno::ENOSYS) },
            "ENOSYS; kernel 5.14.0-70.el9",
            "6.1",
        );
        check(Evidence { release: "5.15.0".into(), ..setup(Errno::EINVAL) }, "kernel 5.15.0", "DEFER_TASKRUN");
        check(seen(Step::BufferRing, Errno::EINVAL), "kernel 6.12.0", "PBUF_RING");
        check(seen(Step::Operation("IORING_OP_SEND"), Errno::EINVAL), "kernel 6.12.0", "IORING_OP_SEND");
        check(
            Evidence { memlock: Some(8 << 20), ..setup(Errno::ENOMEM) },
            "ENOMEM; RLIMIT_MEMLOCK is 8388608 bytes",
            "needs 1318912. Fix: LimitMEMLOCK=infinity",
        );
        check(setup(Errno::ENOMEM), "ENOMEM; the kernel has not 1318912 bytes", "compact_memory");
        check(Evidence { memlock: Some(1), ..seen(Step::Buffers, Errno::ENOMEM) }, "ENOMEM; the kernel has not", "");
        check(setup(Errno::EMFILE), "EMFILE (Too many open files) from io_uring_setup on kernel 6.12.0", "");
        check(setup(Errno::EPERM), "EPERM (Operation not permitted) from io_uring_setup", "report");
    }
}
