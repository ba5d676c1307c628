//! Messages to whoever started the process, in HAProxy's form, and the bell that shards ring for control.

use driver::{Errno, Wake, Waker};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// As HAProxy prints it.
pub(crate) type Pid = u32;

/// `[ALERT]    (pid) : text` on stderr.
macro_rules! say {
    ($level:ident, $($text:tt)*) => {
        eprintln!("{:<10} ({}) : {}", $crate::say::Level::$level.word(), std::process::id(), format!($($text)*))
    };
}
pub(crate) use say;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    Alert,
    Warning,
    Notice,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Level::Alert => "[ALERT]",
            Level::Warning => "[WARNING]",
            Level::Notice => "[NOTICE]",
        }
    }
}

/// A panic is a fault of ours: the process ends with it, instead of serving on with a shard less.
pub(crate) fn abort_on_panic() {
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        show(panic);
        std::process::abort();
    }));
}

/// Wakes the control thread, from any shard.
pub(crate) struct Bell {
    eventfd: Arc<EventFd>,
}

struct Rope(Arc<EventFd>);

impl Bell {
    pub(crate) fn new() -> Result<Bell, Errno> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let eventfd = EventFd::from_flags(flags).map_err(|errno| Errno(errno as i32))?;
        Ok(Bell { eventfd: Arc::new(eventfd) })
    }

    pub(crate) fn waker(&self) -> Waker {
        Arc::new(Rope(self.eventfd.clone()))
    }

    /// The number that every shard's file table must keep.
    pub(crate) fn number(&self) -> RawFd {
        self.eventfd.as_fd().as_raw_fd()
    }

    /// What control listens to. A copy: the shards go on to ring the number that they know.
    pub(crate) fn into_fd(self) -> OwnedFd {
        self.eventfd.as_fd().try_clone_to_owned().expect("a descriptor for the control thread")
    }
}

impl Wake for Rope {
    fn wake(&self) {
        // It fails only when 2^64 rings went unheard, and then control has been rung.
        let _ = self.0.write(1);
    }
}
