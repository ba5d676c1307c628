//! How a ring is made: its flags, its sizes, what is registered with it.

use crate::probe::{Step, refuse};
use crate::refused::Refused;
use driver::Errno;
use io_uring::{IoUring, Submitter, squeue};
use socket::Wakeup;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// What a shard's ring is made for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sessions that may exist at once. Bounds what is in flight, and so the queues.
    pub sessions_max: u32,
    /// Buffers of the shard's pool. At most 65,536 are used: the kernel names them with 16 bits.
    pub buffer_count: u32,
    /// Bytes of one buffer.
    pub buffer_size: usize,
    /// Pipes that may exist at once, each of two descriptors. Flows beyond them are copied.
    pub pipes_max: u32,
    /// Ends the wait of a turn from other threads.
    pub wakeup: Wakeup,
}

/// The kernel's maximum (`IORING_MAX_CQ_ENTRIES`). Completions beyond it wait inside the kernel (`IORING_FEAT_NODROP`).
const CQ_MOST: u32 = 1 << 16;

/// What the submission queue may hold between two entries. More than that goes in several.
const SQ_LEAST: u32 = 1024;
const SQ_MOST: u32 = 4096;

/// Listeners, the wake-up and their cancels, which belong to no session.
const BESIDE_SESSIONS: u32 = 1024;

/// Two flows, a connect or the close after them, and a cancel that came too late for each.
const COMPLETIONS_PER_SESSION: u32 = 4;

/// Sizes of one ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) submissions: u32,
    pub(crate) completions: u32,
    /// Ops that may be in flight.
    pub(crate) in_flight_most: u32,
}

/// What this kernel offers beyond what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Submissions need no index array (6.6).
    pub no_sqarray: bool,
    /// Waiting in the ring need not count as waiting for I/O (6.15): an idle shard shows as idle.
    pub no_iowait: bool,
    /// The ring is entered by an index, without looking up its descriptor (5.18).
    pub registered: bool,
}

/// A ring and how it is entered. Belongs to the thread that made it (`IORING_SETUP_SINGLE_ISSUER`).
pub(crate) struct Ring {
    ring: IoUring,
    pub(crate) features: Features,
    /// What names the ring to `io_uring_enter`, and the flags that every entry carries.
    pub(crate) entry: Entry,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) fd: i32,
    pub(crate) flags: u32,
}

impl Sizes {
    pub(crate) fn of(sessions_max: u32) -> Sizes {
        let submissions = sessions_max.clamp(SQ_LEAST, SQ_MOST).next_power_of_two();
        let wanted = sessions_max.saturating_mul(COMPLETIONS_PER_SESSION).saturating_add(BESIDE_SESSIONS);
        let completions = wanted.clamp(2 * submissions, CQ_MOST).next_power_of_two();
        Sizes { submissions, completions, in_flight_most: wanted }
    }

    /// Bytes that the kernel locks for such a ring (`io_uring_setup(2)`: submissions of 64 bytes, completions of 16).
    pub(crate) fn locked_size(self) -> u64 {
        u64::from(self.submissions) * 64 + u64::from(self.completions) * 16 + 2 * 4096
    }
}

impl Ring {
    pub(crate) fn new(sizes: Sizes) -> Result<Ring, Refused> {
        let refused = |errno: Errno| refuse(Step::Setup, errno, sizes.locked_size());
        let (ring, no_sqarray) = match patiently(|| build(sizes, true)) {
            Err(Errno::EINVAL) => patiently(|| build(sizes, false)).map(|ring| (ring, false)),
            built => built.map(|ring| (ring, true)),
        }
        .map_err(refused)?;
        let registered = register(&ring);
        let no_iowait = ring.params().is_feature_no_iowait();
        let features = Features { no_sqarray, no_iowait, registered: registered.is_some() };
        let entry = Entry::of(&ring, registered, no_iowait);
        Ok(Ring { ring, features, entry })
    }

    pub(crate) fn submitter(&self) -> Submitter<'_> {
        self.ring.submitter()
    }

    pub(crate) fn submission(&mut self) -> squeue::SubmissionQueue<'_> {
        self.ring.submission()
    }

    pub(crate) fn completion(&mut self) -> io_uring::CompletionQueue<'_> {
        self.ring.completion()
    }
}

/// How often the kernel may say that it has no memory for a ring, and the first pause behind that; each next one is twice as
/// long, a second in all.
const ATTEMPTS: u32 = 11;
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// A ring's pages are taken in one go, from what lies free at that moment. Where files fill the memory that may be too little
/// even though gigabytes could be had at once, as is seen on 6.18 beside a large copy. Asking sets the kernel freeing.
fn patiently<T>(mut attempt: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(Errno::ENOMEM) => std::thread::sleep(pause),
            done => return done,
        }
        pause *= 2;
    }
    attempt()
}

/// `DEFER_TASKRUN`: completions are worked on when we enter to collect them, and never interrupt. It came with 6.1, and
/// everything else that is used here earlier, but for what [`Features`] names. `SUBMIT_ALL`: one bad
/// submission does not hold back those behind it. `NO_SQARRAY`: see [`Features`].
fn build(sizes: Sizes, no_sqarray: bool) -> Result<IoUring, Errno> {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_submit_all().setup_cqsize(sizes.completions).dontfork();
    if no_sqarray {
        builder.setup_no_sqarray();
    }
    builder.build(sizes.submissions).map_err(|err| Errno::of(&err))
}

/// `linux/io_uring.h`: `struct io_uring_rsrc_update`.
#[repr(C, align(8))]
struct RingUpdate {
    offset: u32,
    reserved: u32,
    fd: u64,
}

/// `linux/io_uring.h`: `enum io_uring_register_op`.
const IORING_REGISTER_RING_FDS: u32 = 20;
const ANY_OFFSET: u32 = u32::MAX;

/// Registers the ring's own descriptor and answers with its index. The crate's way of doing this is bound to a borrow of
/// the ring, which a driver that also reads its queues cannot keep.
fn register(ring: &IoUring) -> Option<i32> {
    let mut update = RingUpdate { offset: ANY_OFFSET, reserved: 0, fd: ring.as_raw_fd() as u64 };
    // SAFETY: the kernel reads and writes one `update` during the call.
    let done = unsafe {
        libc::syscall(libc::SYS_io_uring_register, ring.as_raw_fd(), IORING_REGISTER_RING_FDS, &raw mut update, 1)
    };
    if done == 1 { i32::try_from(update.offset).ok() } else { None }
}

impl Entry {
    fn of(ring: &IoUring, registered: Option<i32>, no_iowait: bool) -> Entry {
        use io_uring::EnterFlags;
        let mut flags = EnterFlags::EXT_ARG;
        flags.set(EnterFlags::REGISTERED_RING, registered.is_some());
        flags.set(EnterFlags::NO_IOWAIT, no_iowait);
        Entry { fd: registered.unwrap_or_else(|| ring.as_raw_fd()), flags: flags.bits() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sessions_max: u32, submissions: u32, completions: u32) {
        let sizes = Sizes::of(sessions_max);
        assert_eq!((sizes.submissions, sizes.completions), (submissions, completions), "{sessions_max} sessions");
    }

    #[test]
    fn queues_are_sized_for_the_worst_case() {
        check(1, 1024, 2048);
        check(1000, 1024, 8192);
        check(10_000, 4096, 65_536);
        check(1_000_000, 4096, 65_536);
        check(u32::MAX, 4096, 65_536);
    }

    #[test]
    fn memory_that_is_not_free_yet_is_waited_for() {
        let mut answers = [Err(Errno::ENOMEM), Err(Errno::ENOMEM), Ok(7)].into_iter();
        assert_eq!(patiently(|| answers.next().expect("three attempts")), Ok(7));
        let mut attempts = 0;
        let denied = || {
            attempts += 1;
            Err::<(), _>(Errno::EPERM)
        };
        assert_eq!((patiently(denied), attempts), (Err(Errno::EPERM), 1));
    }

    #[test]
    fn the_largest_ring_can_be_made() {
        let ring = Ring::new(Sizes::of(1_000_000)).expect("this kernel, as the other tests need it");
        assert!(ring.ring.params().is_feature_nodrop());
        assert!(ring.features.registered, "5.18, and the floor is 6.1");
    }
}
