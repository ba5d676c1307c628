//! Handshakes in line: what a peer says before TLS is agreed on costs far more than anything else that it may say (a signature takes as
//! long as moving megabytes). So it waits until whoever else has something in this turn is served, and a turn goes on with one of them:
//! an exchange needs several turns, and each of them waits for all that a turn does. What the others want sent in this turn is handed
//! over before.
//!
//! To the session it is as if its receive were not complete yet. When its time is up, or its client is given up for another reason,
//! what it has in line costs nothing any more.

use crate::Shard;
use driver::{Done, Driver, Received, SessionId, Side};
use session::Event;
use std::collections::VecDeque;

/// What was received in the middle of a handshake, first come first served.
#[derive(Default)]
pub(crate) struct Handshakes {
    line: VecDeque<(SessionId, Side, Done)>,
}

impl Handshakes {
    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }
}

impl<D: Driver> Shard<D> {
    /// Something happened to a session: now, or when handshakes have their turn.
    pub(crate) fn receive(&mut self, id: SessionId, side: Side, done: Done) {
        let has_bytes = matches!(done, Done::Received(Ok(Received::Bytes { .. })));
        if has_bytes && self.slots.get_mut(id).is_some_and(|session| session.is_shaking_hands(side)) {
            self.handshakes.line.push_back((id, side, done));
        } else {
            self.ready.push_back((id, Event::Done(side, done)));
        }
    }

    /// Goes on with the first in line, behind those that were given up.
    pub(crate) fn shake_hands(&mut self) {
        while let Some((id, side, done)) = self.handshakes.line.pop_front() {
            let is_given_up = self.slots.get_mut(id).is_none_or(|session| session.is_ending());
            if !is_given_up {
                self.driver.flush();
            }
            self.step(id, Event::Done(side, done));
            if !is_given_up {
                return;
            }
        }
    }
}
