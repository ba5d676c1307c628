//! What a thread does once, before it builds its driver: a file table of its own, and a CPU.
//!
//! With a table of its own a shard shares no lock with the others when it opens and closes sockets, and `RLIMIT_NOFILE`
//! counts for each shard. A number then means one file here and another there, so the numbers that cross threads
//! (wake-ups, inherited listeners) are opened before, and kept in every table.

use crate::sys::check;
use driver::Errno;
use std::cell::Cell;

thread_local! {
    static HAS_OWN_FILES: Cell<bool> = const { Cell::new(false) };
}

/// Gives this thread a file table of its own, a copy of the process's (`unshare(2)`: `CLONE_FILES`).
pub fn unshare_files() -> Result<(), Errno> {
    // SAFETY: no memory is touched. Every descriptor keeps its number and its file in the copy.
    check(unsafe { libc::unshare(libc::CLONE_FILES) })?;
    HAS_OWN_FILES.set(true);
    Ok(())
}

/// Closes this thread's copies of all descriptors but the standard three and `keep`. What another thread closes later
/// would otherwise stay open here: a listener that was given up would still take connections.
///
/// To be called right after [`unshare_files`], which it asserts, before this thread opens anything.
pub fn close_inherited(keep: &[i32]) -> Result<(), Errno> {
    assert!(has_own_files(), "closing the descriptors of the whole process");
    let mut kept: Vec<u32> = keep.iter().filter_map(|&fd| u32::try_from(fd).ok()).filter(|&fd| fd >= 3).collect();
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept {
        close_range(first, fd)?;
        first = fd + 1;
    }
    close_range(first, i32::MAX as u32)
}

/// Closes `first..end`.
fn close_range(first: u32, end: u32) -> Result<(), Errno> {
    if first >= end {
        return Ok(());
    }
    // SAFETY: no memory is touched. The table is this thread's own, and holds copies that nothing in it has used yet.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, end - 1, 0) };
    check(result as i32).map(drop)
}

/// Whether numbers mean something else here than in the rest of the process.
pub(crate) fn has_own_files() -> bool {
    HAS_OWN_FILES.get()
}

/// Binds this thread to these CPUs. `EINVAL` if the process may use none of them.
pub fn pin(cpus: &[usize]) -> Result<(), Errno> {
    const WORD_BITS: usize = u64::BITS as usize;
    /// As many CPUs as the kernel can be built for.
    const CPUS_MOST: usize = 8192;
    if cpus.iter().any(|&cpu| cpu >= CPUS_MOST) {
        return Err(Errno::EINVAL);
    }
    let mut mask = [0u64; CPUS_MOST / WORD_BITS];
    for cpu in cpus {
        mask[cpu / WORD_BITS] |= 1 << (cpu % WORD_BITS);
    }
    // SAFETY: the kernel reads `size_of_val(&mask)` bytes of `mask` during the call; zero names the calling thread.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&mask), mask.as_ptr().cast()) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    fn is_open(fd: i32) -> bool {
        // SAFETY: no memory is touched.
        unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
    }

    /// In one test, because other threads of this process open descriptors meanwhile; only ours are looked at.
    #[test]
    fn a_thread_closes_its_copies_and_nobody_elses() {
        let files: Vec<_> = (0..3).map(|_| std::fs::File::open("/dev/null").expect("always there")).collect();
        let numbers: Vec<i32> = files.iter().map(AsRawFd::as_raw_fd).collect();
        let theirs = numbers.clone();
        let seen = std::thread::spawn(move || {
            unshare_files().expect("no privilege is needed");
            close_inherited(&[theirs[1], -1, 0]).expect("Linux 5.9");
            theirs.iter().map(|&fd| is_open(fd)).collect::<Vec<bool>>()
        });
        assert_eq!(seen.join().expect("no panic"), [false, true, false]);
        assert!(numbers.into_iter().all(is_open));
    }

    #[test]
    fn shared_descriptors_are_not_closed() {
        let refusal = std::thread::spawn(|| close_inherited(&[])).join();
        assert!(refusal.is_err(), "asserted");
    }

    #[test]
    fn a_thread_stays_on_its_cpu() {
        std::thread::spawn(|| {
            // SAFETY: no memory is touched.
            let here = unsafe { libc::sched_getcpu() } as usize;
            pin(&[here]).expect("it runs there");
            assert_eq!(pin(&[1 << 20]), Err(Errno::EINVAL));
        })
        .join()
        .expect("no panic");
    }
}
