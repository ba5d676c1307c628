//! A root directory for some threads of the process (`chroot`).

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, chroot, mkdtemp};
use std::path::Path;

/// HAProxy's word for a directory that nobody else has.
const AUTO: &str = "auto";

/// Makes `directory` the root of this thread and of those that it starts; all other threads keep theirs. `auto` is an empty
/// directory that has no name any more.
pub fn enter(directory: &Path) -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_FS)?;
    if directory == Path::new(AUTO) {
        let nameless = mkdtemp(&std::env::temp_dir().join("tidegate-XXXXXX"))?;
        let entered = chdir(&nameless);
        // Whether it could be entered or not: nobody else will remove it.
        let removed = std::fs::remove_dir(&nameless);
        entered?;
        removed.map_err(|err| Errno::from_raw(err.raw_os_error().unwrap_or_default()))?;
    } else {
        chdir(directory)?;
    }
    chroot(".")?;
    chdir("/")
}
