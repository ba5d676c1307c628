//! Who signs for the shards of one seed's life: somebody who works when it suits, somebody who never does, or each shard itself.

use crate::mix::Mix;
use driver::Waker;
use shard::{Desk, Signer};
use sim::{Rng, World};
use std::sync::Arc;

/// A desk for each shard; none: the shards do it themselves.
pub(crate) struct Signers {
    desks: Vec<Arc<Desk>>,
    leisure: Rng,
    /// Nobody works as long as the life lasts.
    are_absent: bool,
    /// Errands that were run.
    pub(crate) ran: u64,
}

impl Signers {
    pub(crate) fn of(seed: u64, mix: Mix, wakers: &[Waker]) -> Signers {
        let desk = |waker: &Waker| Arc::new(Desk::new(Arc::clone(waker)));
        let count = if seed.is_multiple_of(2) { 0 } else { wakers.len() };
        let mut leisure = Rng::new(seed ^ 0x7369_676e);
        // Where nobody may be turned away, somebody has to come.
        let are_absent = mix.has_faults() && leisure.chance(200);
        Signers { desks: wakers.iter().take(count).map(desk).collect(), leisure, are_absent, ran: 0 }
    }

    /// The end of one of the shards.
    pub(crate) fn of_shard(&self, index: usize) -> Option<Signer> {
        self.desks.get(index).map(|desk| Signer::new(Arc::clone(desk), std::thread::current()))
    }

    /// Works for one of the shards, as long as that suits.
    pub(crate) fn work(&mut self, index: usize, world: &World) {
        let Some(desk) = self.desks.get(index).filter(|_| !self.are_absent) else { return };
        // A world in which nothing else happens would go on to its next deadline at once.
        while (world.is_quiet() || self.leisure.chance(300)) && desk.work_once() {
            self.ran += 1;
        }
    }

    /// Does all that lies there, also where nobody has worked so far. `false`: nothing did.
    pub(crate) fn work_off(&mut self) -> bool {
        let before = self.ran;
        for desk in &self.desks {
            while desk.work_once() {
                self.ran += 1;
            }
        }
        self.ran > before
    }

    /// Whether the shards leave before that.
    pub(crate) fn are_left(&mut self) -> bool {
        self.leisure.chance(300)
    }
}
