//! A thread beside the shard that does what of handshakes takes a costly signature, while the shard goes on with everybody else.
//!
//! ```text
//!   shard: line of errands ── Signer::give ──▶ orders ──▶ Desk::work (its thread)
//!          Event::Errand  ◀── Signer::take ◀── done  ◀────────┘ wakes the shard
//! ```
//!
//! **Invariant:** of each signer's shard no more than [`IN_HAND_MOST`] errands are with it; the others wait in the shard's own line, where those
//! that nobody waits for any more cost nothing.

use crossbeam::queue::ArrayQueue;
use driver::{SessionId, Waker};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use tls::Errand;

/// One that is being done, and the next, so that the thread need not wait for the shard in between.
const IN_HAND_MOST: usize = 2;

/// The shard's end.
pub struct Signer {
    desk: Arc<Desk>,
    thread: Thread,
    in_hand: usize,
}

/// What both ends see.
pub struct Desk {
    orders: ArrayQueue<(SessionId, Errand)>,
    done: ArrayQueue<(SessionId, Errand)>,
    /// The shard has left.
    is_closed: AtomicBool,
    waker: Waker,
}

impl Desk {
    /// `waker` wakes the shard.
    pub fn new(waker: Waker) -> Desk {
        let queue = || ArrayQueue::new(IN_HAND_MOST);
        Desk { orders: queue(), done: queue(), is_closed: AtomicBool::new(false), waker }
    }

    /// Does what comes, until the shard leaves.
    pub fn work(&self) {
        while !self.is_closed.load(Ordering::Acquire) {
            if !self.work_once() {
                // Whoever gives an order, or closes, unparks after that.
                thread::park();
            }
        }
    }

    /// Does one errand. `false`: there is none.
    pub fn work_once(&self) -> bool {
        let Some((id, mut errand)) = self.orders.pop() else { return false };
        errand.run();
        assert!(self.done.push((id, errand)).is_ok(), "no more errands come back than were given");
        self.waker.wake();
        true
    }
}

impl Signer {
    /// `thread` is the one that works at the desk.
    pub fn new(desk: Arc<Desk>, thread: Thread) -> Signer {
        Signer { desk, thread, in_hand: 0 }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.in_hand < IN_HAND_MOST
    }

    pub(crate) fn in_hand(&self) -> usize {
        self.in_hand
    }

    /// To be called where there is room.
    pub(crate) fn give(&mut self, id: SessionId, errand: Errand) {
        assert!(self.desk.orders.push((id, errand)).is_ok(), "somebody has looked for room");
        self.in_hand += 1;
        self.thread.unpark();
    }

    /// An errand that is done, and whose it was.
    pub(crate) fn take(&mut self) -> Option<(SessionId, Errand)> {
        let done = self.desk.done.pop()?;
        self.in_hand -= 1;
        Some(done)
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.desk.is_closed.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
