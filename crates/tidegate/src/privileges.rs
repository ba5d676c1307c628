//! How the process gives up what only root may do, and how the shards come to live in a jail of their own.
//!
//! ```text
//!   control:  ── start ──────────── wait ── group, user ── go ──────────── wait ─▶ serves, outside of the jail
//!                  └─▶ jail's thread: chroot ──┘            └─▶ starts the shards ──┘ ends
//! ```
//!
//! A root directory belongs to a thread and those that it starts; the user belongs to the process. So the thread that starts the
//! shards enters the jail while it may, and starts them when nobody has root's rights any more.

use crate::say::say;
use crate::shards::{self, Plan, Shards, StartFailure};
use crate::start::Failure;
use control::ProcessSettings;
use driver::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use process::identity::{Identity, Keep, Refusal};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// A thread in the jail that waits to start the shards. The process has its new identity.
pub(crate) struct Jailed {
    go: Sender<(Plan, u16)>,
    started: Receiver<Result<Shards, StartFailure>>,
}

impl Jailed {
    pub(crate) fn enter(settings: &ProcessSettings) -> Result<Jailed, Failure> {
        let keep = if settings.uid.is_some() { Keep::prepare() } else { Keep::Nothing };
        let (go, gone) = channel();
        let (tell_entered, entered) = channel();
        let (tell_started, started) = channel();
        let jail = settings.jail.clone();
        let jailed = move || {
            let result = jail.map_or(Ok(()), |jail| process::jail::enter(&jail).map_err(|_| Failure::Jail(jail)));
            let is_in = result.is_ok();
            tell_entered.send(result).expect("control waits for it");
            if !is_in {
                return;
            }
            // Control gives up before it says go only when the process ends.
            let Ok((plan, count)) = gone.recv() else { return };
            let shards = match keep.settle() {
                Ok(()) => shards::start(plan, count),
                Err(errno) => Err(StartFailure::Rights(Errno(errno as i32))),
            };
            tell_started.send(shards).expect("control waits for it");
        };
        let thread = thread::Builder::new().name("jail".into()).spawn(jailed);
        thread.map_err(|err| Failure::Shards(StartFailure::Thread(err)))?;
        entered.recv().expect("the thread says how it went")?;
        assume(settings)?;
        keep.settle().map_err(|errno| Failure::Identity(Refusal::Rights(errno)))?;
        Ok(Jailed { go, started })
    }

    /// Starts the shards in the jail.
    pub(crate) fn start(self, plan: Plan, count: u16) -> Result<Shards, StartFailure> {
        self.go.send((plan, count)).expect("the thread waits for it");
        self.started.recv().expect("the thread says how it went")
    }
}

/// Becomes whom the file names.
fn assume(settings: &ProcessSettings) -> Result<(), Failure> {
    if settings.uid.is_some() {
        // From Linux 6.14 on rings are charged to their user, who may have next to nothing. Whoever is not root cannot do this, and
        // whose rings do not fit hears so.
        let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    }
    let ProcessSettings { uid, gid, is_dumpable, .. } = *settings;
    let has_dropped_groups = Identity { uid, gid, is_dumpable }.assume().map_err(Failure::Identity)?;
    if !has_dropped_groups {
        say!(
            Warning,
            "[tidegate.main()] Failed to drop supplementary groups. Using 'gid'/'group' without 'uid'/'user' is generally useless."
        );
    }
    Ok(())
}
