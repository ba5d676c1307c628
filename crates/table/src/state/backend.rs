//! A backend's state: its counts, and the one balancer that every shard picks from.

use std::num::NonZeroU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::utils::CachePadded;

use crate::balance::{Assignment, Balancer, Passed, PickKey, Preview, Ticket, Waiter};
use crate::{Admin, Backend, Bells, Conns, Health, Inboxes, LastMisread, Server, ServerAddr, Tally, Warmth};

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
    /// The last response that could not be read.
    pub last_misread: LastMisread,
    balancer: Mutex<Balancer>,
    /// Where those who waited are told what they got.
    inboxes: Arc<Inboxes>,
    bells: Arc<Bells>,
    seen: CachePadded<Seen>,
}

/// What readers without the lock may know. Relaxed: they are hints to them, and the balancer decides under its lock.
#[derive(Debug, Default)]
struct Seen {
    /// Active in the upper half, backup in the lower, so that both are of the same moment.
    usable: AtomicU64,
    nbsrv: AtomicU32,
    queued: AtomicU32,
    queued_most: AtomicU32,
    waiting: AtomicU32,
}

/// How many servers may be picked (`2 active and 0 backup servers left`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usable {
    pub active: u32,
    pub backup: u32,
}

impl BackendState {
    pub(crate) fn new(shard_count: u16, inboxes: Arc<Inboxes>, bells: Arc<Bells>) -> BackendState {
        BackendState {
            conns: Conns::new(shard_count),
            tally: Tally::new(shard_count),
            last_misread: LastMisread::default(),
            balancer: Mutex::new(Balancer::default()),
            inboxes,
            bells,
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

    /// Sessions that wait for any server of this backend (`qcur`).
    pub fn queued(&self) -> u32 {
        self.seen.queued.load(Relaxed)
    }

    /// The most that waited for any server at once (`qmax`).
    pub fn queued_most(&self) -> u32 {
        self.seen.queued_most.load(Relaxed)
    }

    /// Sessions that wait, for any server or for a certain one.
    pub fn waiting(&self) -> u32 {
        self.seen.waiting.load(Relaxed)
    }

    /// Checks found `server` up or down. One that comes up with a `slowstart` is [cold](Warmth::COLD) from that moment on.
    pub fn set_health(&self, server: &Server, health: Health) {
        self.change(server, |server| server.state.set_health(health));
    }

    /// The operator took `server` out or back; who comes back is cold like one that came up.
    pub fn set_admin(&self, server: &Server, admin: Admin) {
        self.change(server, |server| server.state.set_admin(admin));
    }

    /// The server that `server` tracks was taken out or back.
    pub fn set_inherited_admin(&self, server: &Server, admin: Admin) {
        self.change(server, |server| server.state.set_inherited_admin(admin));
    }

    /// The operator moves `server`: new connections go there (`set server … addr`), also if it had no address before. A reload that
    /// brings another address ends that.
    pub fn move_to(&self, server: &Server, addr: ServerAddr) {
        self.change(server, |server| server.move_to(Some(addr)));
    }

    /// The operator changed the run-time weight, 0 to [`WEIGHT_MOST`](crate::WEIGHT_MOST).
    ///
    /// # Panics
    /// If the weight is above that.
    pub fn set_weight(&self, server: &Server, weight: u16) {
        assert!(weight <= crate::WEIGHT_MOST);
        self.change(server, |server| server.state.set_weight(weight));
    }

    /// Time has passed for a server that warms up; `None`: it is warm. One that is warm already stays so.
    pub fn set_warmth(&self, server: &Server, warmth: Option<Warmth>) {
        self.change(server, |server| {
            if server.state.warmth().is_some() {
                server.state.set_warmth(warmth);
            }
        });
    }

    /// The operator changed how many connections `server` takes. A higher limit serves whoever waits at once; a lower one ends
    /// nothing.
    pub fn set_maxconn(&self, server: &Server, most: Option<NonZeroU32>) {
        self.change(server, |server| server.state.set_maxconn(most));
    }

    /// Sweeps over all that must hold between two calls; for tests.
    pub fn check(&self) -> Result<(), String> {
        self.lock().check()
    }

    pub(crate) fn assign(self: &Arc<BackendState>, key: &PickKey<'_>, waiter: Waiter) -> Assignment {
        self.with(|balancer| balancer.assign(key, waiter, self))
    }

    pub(crate) fn leave(&self, ticket: Ticket) -> Option<Passed> {
        self.with(|balancer| balancer.leave(ticket))
    }

    pub(crate) fn preview(&self, key: &PickKey<'_>) -> Preview {
        self.lock().preview(key)
    }

    pub(crate) fn pick(&self, key: &PickKey<'_>) -> Option<Arc<Server>> {
        self.lock().pick(key)
    }

    pub(crate) fn release(&self, server: &Server) {
        self.with(|balancer| balancer.release(server));
    }

    /// From now on picks are made from the servers of `backend`, by its algorithm.
    pub(crate) fn reconfigure(&self, backend: &Backend) {
        self.with(|balancer| {
            balancer.reconfigure(backend);
            self.show(balancer);
        });
    }

    fn change(&self, server: &Server, change: impl FnOnce(&Server)) {
        self.with(|balancer| {
            let was_up = server.state.is_up();
            change(server);
            server.on_changed(was_up);
            balancer.on_changed(server);
            self.show(balancer);
        });
    }

    /// Does something under the lock. Those who got a server by it are told under the same lock and woken behind it.
    fn with<R>(&self, act: impl FnOnce(&mut Balancer) -> R) -> R {
        let mut balancer = self.lock();
        let result = act(&mut balancer);
        self.show_lines(&balancer);
        let rings = self.inboxes.put(balancer.grants_mut());
        drop(balancer);
        self.bells.ring(rings);
        result
    }

    fn show(&self, balancer: &Balancer) {
        let Usable { active, backup } = balancer.usable();
        self.seen.usable.store(u64::from(active) << 32 | u64::from(backup), Relaxed);
        self.seen.nbsrv.store(balancer.nbsrv(), Relaxed);
    }

    fn show_lines(&self, balancer: &Balancer) {
        let (queued, waiting) = balancer.queued();
        // Mostly nobody waits, and then nothing is written that other shards read.
        if (queued, waiting) != (self.queued(), self.waiting()) {
            self.seen.queued.store(queued, Relaxed);
            self.seen.waiting.store(waiting, Relaxed);
            self.seen.queued_most.fetch_max(queued, Relaxed);
        }
    }

    /// A panic under the lock is a bug of ours that ends the shard it happened on; the others need not follow.
    fn lock(&self) -> MutexGuard<'_, Balancer> {
        self.balancer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
