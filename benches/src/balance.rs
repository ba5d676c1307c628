//! Which server a connection gets, and giving it back.

use crate::configuration::{self, Process};
use sim::Rng;
use std::sync::Arc;
use std::time::{Duration, Instant};
use table::{Backend, PickKey, Server};

/// Connections of one shard on a backend: with every turn one comes and another goes.
pub struct Churn {
    backend: Arc<Backend>,
    held: Vec<Arc<Server>>,
    rng: Rng,
}

/// Connections that stand on each server meanwhile.
const CONNS_PER_SERVER: usize = 4;

impl Churn {
    /// `balance` as in HAProxy's keyword of that name, perhaps with another line behind it. Who is bound by a hash has any.
    ///
    /// # Panics
    /// If there is no such algorithm, or no server.
    pub fn new(balance: &str, server_count: usize) -> Churn {
        let mut process = Process::new();
        process.publish(&configuration::farm(balance, server_count));
        Churn::on(process.table().backends[0].clone())
    }

    /// Another shard's connections on the same backend.
    pub fn twin(&self) -> Churn {
        Churn::on(self.backend.clone())
    }

    fn on(backend: Arc<Backend>) -> Churn {
        let held_count = backend.servers.len() * CONNS_PER_SERVER;
        let mut churn = Churn { backend, held: Vec::with_capacity(held_count + 1), rng: Rng::new(1) };
        (0..held_count).for_each(|_| churn.pick());
        churn
    }

    /// One pick, and one release of a connection that anyone of those there may be: servers do not become free in the order in
    /// which they were picked, and their states are spread over memory.
    pub fn turn(&mut self) {
        self.pick();
        self.release();
    }

    /// The same, and what of its time the pick took. Asking the clock twice is in it.
    pub fn pick_of_turn(&mut self) -> Duration {
        let begun = Instant::now();
        self.pick();
        let taken = begun.elapsed();
        self.release();
        taken
    }

    fn release(&mut self) {
        let gone = self.rng.below(self.held.len());
        self.backend.release(&self.held.swap_remove(gone));
    }

    fn pick(&mut self) {
        let random = self.rng.draw();
        let key = PickKey { random, hash: Some(random as u32), ..PickKey::default() };
        self.held.push(self.backend.pick(&key).expect("every server is up"));
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.held.iter().for_each(|server| self.backend.release(server));
    }
}
