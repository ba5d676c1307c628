//! A backend's state: its counts, and the one balancer that every shard picks from.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::utils::CachePadded;

use crate::balance::{Balancer, PickKey};
use crate::{Admin, Backend, Conns, Health, Server, Tally};

/// What is remembered of a backend beyond a reload.
///
/// The lock is taken once per connection to pick and once to release, never per read or write. Exactness over the process is
/// bought with it: two shards never see the same gap.
#[derive(Debug)]
pub struct BackendState {
    /// HAProxy's `beconn`, and the total that is told when the proxy stops. Counted from the moment the backend was chosen,
    /// whether a server is found or not.
    pub conns: Conns,
    pub tally: Tally,
    balancer: Mutex<Balancer>,
    seen: CachePadded<Seen>,
}

/// What readers without the lock may know. Relaxed: they are hints to them, and the balancer decides under its lock.
#[derive(Debug, Default)]
struct Seen {
    /// Active in the upper half, backup in the lower, so that both are of the same moment.
    usable: AtomicU64,
    nbsrv: AtomicU32,
}

/// How many servers may be picked (`2 active and 0 backup servers left`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usable {
    pub active: u32,
    pub backup: u32,
}

impl BackendState {
    pub(crate) fn new(shard_count: u16) -> BackendState {
        BackendState {
            conns: Conns::new(shard_count),
            tally: Tally::new(shard_count),
            balancer: Mutex::new(Balancer::default()),
            seen: CachePadded::default(),
        }
    }

    pub fn usable(&self) -> Usable {
        let both = self.seen.usable.load(Relaxed);
        Usable { active: (both >> 32) as u32, backup: both as u32 }
    }

    /// How many servers connections are spread over (`configuration.txt: nbsrv`): the active ones; without any, the first
    /// backup alone or, with `option allbackups`, all of them.
    pub fn nbsrv(&self) -> u32 {
        self.seen.nbsrv.load(Relaxed)
    }

    /// Checks found `server` up or down.
    pub fn set_health(&self, server: &Server, health: Health) {
        self.change(server, |server| server.state.set_health(health));
    }

    /// The operator took `server` out or back.
    pub fn set_admin(&self, server: &Server, admin: Admin) {
        self.change(server, |server| server.state.set_admin(admin));
    }

    /// The operator changed the run-time weight, 0 to [`WEIGHT_MOST`](crate::WEIGHT_MOST).
    ///
    /// # Panics
    /// If the weight is above that.
    pub fn set_weight(&self, server: &Server, weight: u16) {
        assert!(weight <= crate::WEIGHT_MOST);
        self.change(server, |server| server.state.set_weight(weight));
    }

    pub(crate) fn pick(&self, key: &PickKey<'_>) -> Option<Arc<Server>> {
        self.lock().pick(key)
    }

    pub(crate) fn release(&self, server: &Server) {
        self.lock().release(server);
    }

    /// From now on picks are made from the servers of `backend`, by its algorithm.
    pub(crate) fn reconfigure(&self, backend: &Backend) {
        let mut balancer = self.lock();
        balancer.reconfigure(backend);
        self.show(&balancer);
    }

    fn change(&self, server: &Server, change: impl FnOnce(&Server)) {
        let mut balancer = self.lock();
        change(server);
        balancer.on_changed(server);
        self.show(&balancer);
    }

    fn show(&self, balancer: &Balancer) {
        let Usable { active, backup } = balancer.usable();
        self.seen.usable.store(u64::from(active) << 32 | u64::from(backup), Relaxed);
        self.seen.nbsrv.store(balancer.nbsrv(), Relaxed);
    }

    /// A panic under the lock is a bug of ours that ends the shard it happened on; the others need not follow.
    fn lock(&self) -> MutexGuard<'_, Balancer> {
        self.balancer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
