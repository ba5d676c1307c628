//! The end of a ring: cancel everything, wait until nothing is in flight, take every buffer back.
//!
//! Memory that the kernel may still write to must not be given away, so there is no way out but the last completion. It
//! comes at once, since everything in flight can be cancelled; if it does not, the process ends rather than go on.

use crate::Uring;
use crate::enter::Wait;
use crate::finish::Completion;
use crate::in_flight::Key;
use crate::prepare::{CANCEL, WAKE, cancel_any};
use driver::Driver;
use std::time::Duration;

/// How long the last completion may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// After this, what was submitted since is cancelled as well.
const ROUND: Duration = Duration::from_millis(50);

impl Uring {
    fn drain(&mut self) {
        let deadline = self.now() + PATIENCE;
        self.forget_starved();
        self.forget_ready();
        while self.in_flight.count() > 0 || self.wake_is_armed {
            if self.now() > deadline {
                give_up(&format!("{} operations are in flight after {PATIENCE:?}", self.in_flight.count()));
            }
            self.submit_held();
            self.queue(cancel_any());
            if let Err(errno) = self.ring.enter(Wait::For(ROUND)) {
                give_up(&format!("{errno:?}"));
            }
            self.collect_last();
        }
        if let Err(errno) = self.provided.retire(&self.ring, &self.pool) {
            give_up(&format!("{errno:?}"));
        }
    }

    fn forget_starved(&mut self) {
        while let Some(key) = self.next_starved() {
            self.in_flight.remove(key);
        }
    }

    fn forget_ready(&mut self) {
        while let Some(key) = self.splicer.ready.pop_front().or_else(|| self.splicer.naps.forget()) {
            self.in_flight.remove(key);
        }
    }

    /// What completes now is heard by nobody: buffers go back, that is all.
    fn collect_last(&mut self) {
        let completions: Vec<Completion> = self.ring.completion().map(|entry| Completion::of(&entry)).collect();
        for completion in completions {
            let lease = completion.buffer().map(|index| self.provided.take(&self.pool, index));
            drop(lease);
            match completion.user_data {
                CANCEL => (),
                WAKE => self.wake_is_armed = false,
                user_data => drop(self.in_flight.remove(Key::from_user_data(user_data))),
            }
        }
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        self.drain();
    }
}

fn give_up(why: &str) -> ! {
    eprintln!("io_uring does not end: {why}. Buffers may still be written to; aborting.");
    std::process::abort();
}
