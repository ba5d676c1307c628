//! Handshakes in line: what a peer says before TLS is agreed on costs far more than anything else that it may say (a signature takes as
//! long as moving megabytes). So it waits until whoever else has something in this turn is served, and a turn goes on with one of them:
//! an exchange needs several turns, and each of them waits for all that a turn does. What the others want sent in this turn is handed
//! over before.
//!
//! To the session it is as if its receive were not complete yet. When its time is up, or its client is given up for another reason,
//! what it has in line costs nothing any more.
//!
//! What sessions leave to others (`Ask::Errand`) waits in a line of its own for the shard's signer. Without one it is done here, as the one
//! handshake of its turn.

use crate::Shard;
use driver::{Done, Driver, Received, SessionId, Side};
use session::Event;
use std::collections::VecDeque;
use tls::Errand;

/// What sessions have left to others, by what has become of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errands {
    pub left: u64,
    /// Done, and taken back by a session that goes on.
    pub taken_back: u64,
    /// Done for a session that had left meanwhile.
    pub late: u64,
    /// Passed over in the line: its session had left before anybody began.
    pub passed_over: u64,
}

/// First come first served.
#[derive(Default)]
pub(crate) struct Handshakes {
    /// What was received in the middle of a handshake.
    line: VecDeque<(SessionId, Side, Done)>,
    /// What is left to others. A session has one at most.
    errands: VecDeque<(SessionId, Errand)>,
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

    pub(crate) fn send_on_errand(&mut self, id: SessionId, errand: Errand) {
        self.stats.errands.left += 1;
        self.handshakes.errands.push_back((id, errand));
    }

    /// Whether a handshake in line would go on in the next turn.
    pub(crate) fn can_shake_hands(&self) -> bool {
        let is_errand_due = self.signer.is_none() && !self.handshakes.errands.is_empty();
        is_errand_due || !self.handshakes.line.is_empty()
    }

    /// What comes back from the signer.
    pub(crate) fn take_errands(&mut self) {
        while let Some((id, errand)) = self.signer.as_mut().and_then(|signer| signer.take()) {
            self.bring_back(id, errand);
        }
    }

    /// Goes on with the first in line, behind those that were given up.
    pub(crate) fn shake_hands(&mut self) {
        if self.signer.is_none() && self.run_errand() {
            return;
        }
        self.go_on();
        self.give_errands();
    }

    fn go_on(&mut self) {
        while let Some((id, side, done)) = self.handshakes.line.pop_front() {
            let is_given_up = self.is_given_up(id);
            if !is_given_up {
                self.driver.flush();
            }
            self.step(id, Event::Done(side, done));
            if !is_given_up {
                return;
            }
        }
    }

    /// Gives the signer as much as it takes.
    fn give_errands(&mut self) {
        while self.signer.as_ref().is_some_and(|signer| signer.has_room()) {
            let Some((id, errand)) = self.next_errand() else { return };
            if let Some(signer) = &mut self.signer {
                signer.give(id, errand);
            }
        }
    }

    /// Does one here. `false`: there is none.
    fn run_errand(&mut self) -> bool {
        let Some((id, mut errand)) = self.next_errand() else { return false };
        self.driver.flush();
        errand.run();
        self.bring_back(id, errand);
        true
    }

    /// The first that somebody waits for.
    fn next_errand(&mut self) -> Option<(SessionId, Errand)> {
        while let Some((id, errand)) = self.handshakes.errands.pop_front() {
            if !self.is_given_up(id) {
                return Some((id, errand));
            }
            self.stats.errands.passed_over += 1;
        }
        None
    }

    fn bring_back(&mut self, id: SessionId, errand: Errand) {
        if self.is_given_up(id) {
            self.stats.errands.late += 1;
            return;
        }
        self.stats.errands.taken_back += 1;
        self.step(id, Event::Errand(errand));
    }

    /// **Invariant:** what was left to others waits in line, is with the signer, or has come to one of its ends.
    pub(crate) fn check_errands(&self) -> Result<(), String> {
        let Errands { left, taken_back, late, passed_over } = self.stats.errands;
        let in_hand = self.signer.as_ref().map_or(0, |signer| signer.in_hand());
        let under_way = (self.handshakes.errands.len() + in_hand) as u64;
        if left == taken_back + late + passed_over + under_way {
            return Ok(());
        }
        Err(format!("{:?}, and {under_way} under way", self.stats.errands))
    }

    fn is_given_up(&mut self, id: SessionId) -> bool {
        self.slots.get_mut(id).is_none_or(|session| session.is_ending())
    }
}
