//! Which sockets listen for which frontend, and how a new table changes them.
//!
//! ```text
//!                    prepare: bind what is missing           adopt: the table is published
//!   (nothing) ─────────────────────────────────▶ bound ────────────────────────────────────▶ listening
//!                                                  │ forget                        paused ▲   │ not in the next table, or stopped
//!                                                  ▼                                      ▼   ▼
//!                                               discarded ◀── cancelled, queue emptied ──── leaving
//! ```
//!
//! Binding comes first, on every shard, before any of them uses anything: a bound socket queues nobody, so it may be given up
//! without harm. A socket whose address stays is not touched at all.
//!
//! A paused listener serves whoever waits in its queue as far as there are places, and refuses from then on, like HAProxy's. Where
//! others hold the socket too, and at a path, it cannot refuse: whoever comes waits there.
//!
//! **Invariant:** a listener's readiness op is in flight at most once, and its socket is discarded only when nothing is.

use crate::PrepareFailure;
use crate::places::{Heirloom, Key, Origin, Place, places};
use driver::{Addr, Driver, Errno, Fd, Instant, Tuning};
use session::View;
use std::collections::HashMap;
use std::net::SocketAddr;
use table::{BindAddr, Frontend, FrontendId, ShardIndex, Standing, Table};

#[derive(Default)]
pub(crate) struct Listeners {
    slots: Vec<Option<Listener>>,
    /// Listening before this shard was there, and not taken yet.
    heirlooms: Vec<Heirloom>,
    /// Bound for a table that is not published yet.
    bound: Vec<(Key, Fd)>,
    /// Those with no readiness op in flight: they want to be looked at.
    untended: Vec<u32>,
}

/// A listening socket.
pub(crate) struct Listener {
    pub(crate) fd: Fd,
    key: Key,
    /// What sessions from here start with: the table that the frontend's id belongs to.
    pub(crate) table: View,
    pub(crate) frontend: FrontendId,
    /// HAProxy's number for it within the frontend.
    pub(crate) number: u32,
    pub(crate) accept_proxy: bool,
    pub(crate) is_tls: bool,
    /// Where it listens, if that says where every client connected to; `None` for wildcards.
    pub(crate) local: Option<Addr>,
    backlog: u32,
    tuning: Tuning,
    pub(crate) watch: Watch,
    leave: Leave,
    /// Its readiness op was told to end.
    pub(crate) is_cancelled: bool,
    /// The readiness op and its cancel, as far as they have not completed.
    pub(crate) in_flight: u8,
    /// Connections to take in a row before asking again whether there are more.
    pub(crate) batch: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// A readiness op is in flight.
    Armed,
    /// Connections may wait in the queue: they are accepted as soon as there is what is missing.
    Waiting(Lack),
    /// The system refused to make more descriptors: not before this time, or before one of ours was closed.
    Exhausted(Instant),
    /// Nothing in flight; to be armed.
    Idle,
    /// Nothing in flight, and nobody is served: its frontend is paused.
    Resting,
    /// It was to listen again, and the system refused. Tried again when control says something of frontends.
    Refused(Errno),
}

/// Whether a listener is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    Stays,
    /// Once all who wait in its queue are served, however long that takes.
    Patiently,
    /// Whoever waits is served if there is a place.
    AtOnce,
}

/// What a listener is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Serve,
    Rest,
    /// Serve whoever waits, and go.
    Empty,
    Go,
}

/// What keeps a listener from accepting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Its turn: everything is there.
    Turn,
    /// A slot of this shard.
    Slot,
    /// A place below the limit of its frontend. The limiter wakes the shard.
    FrontendPlace,
    /// A place below the limit of the process. The limiter wakes the shard.
    ProcessPlace,
    /// The same of clients with TLS.
    TlsPlace,
    /// Time, below a limit per second.
    Time(Rate),
}

/// Which limit per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    /// `rate-limit sessions` of its frontend.
    FrontendSessions,
    /// `maxconnrate`
    Connections,
    /// `maxsessrate`
    Sessions,
    /// `maxsslrate`
    Tls,
}

impl Listeners {
    /// Those that will listen for the first table, if it wants them.
    pub(crate) fn new(heirlooms: Vec<Heirloom>) -> Listeners {
        Listeners { heirlooms, ..Listeners::default() }
    }

    /// Binds what `table` needs and is not there. On failure nothing is left behind.
    pub(crate) fn prepare<D: Driver>(
        &mut self,
        driver: &mut D,
        table: &Table,
        shard: ShardIndex,
    ) -> Result<(), PrepareFailure> {
        self.forget(driver);
        for place in places(table) {
            let is_there = self.slots.iter().flatten().any(|listener| listener.key == place.key && listener.stays());
            if is_there || place.is_shared() && !self.may_open(&place, shard) {
                continue;
            }
            if let Err(errno) = self.open(driver, &place) {
                self.forget(driver);
                let frontend = table.frontend(place.frontend).name.clone();
                return Err(PrepareFailure { frontend, addr: place.key.shown(), errno });
            }
        }
        Ok(())
    }

    /// Of sockets that cannot be made twice the first shard makes those that a reload brings, and serves them alone.
    fn may_open(&self, place: &Place, shard: ShardIndex) -> bool {
        shard.0 == 0 || self.heirlooms.iter().any(|heirloom| heirloom.key == place.key)
    }

    /// Takes what is there for this place, which may be several sockets, or makes one.
    fn open<D: Driver>(&mut self, driver: &mut D, place: &Place) -> Result<(), Errno> {
        let is_ours = |heirloom: &mut Heirloom| heirloom.key == place.key;
        let heirlooms: Vec<Heirloom> = self.heirlooms.extract_if(.., is_ours).collect();
        for heirloom in &heirlooms {
            let fd = driver.take(heirloom.number)?;
            self.bound.push((heirloom.key.clone(), fd));
        }
        if heirlooms.is_empty() {
            let fd = match place.origin() {
                Origin::Inherited(number) => driver.adopt(number)?,
                Origin::Bound(spec) => driver.bind(&spec)?,
            };
            self.bound.push((place.key.clone(), fd));
            driver.tune(fd, &Tuning::default(), &place.tuning)?;
        }
        Ok(())
    }

    /// Gives up what was bound for a table that will not come.
    pub(crate) fn forget<D: Driver>(&mut self, driver: &mut D) {
        for (_, fd) in self.bound.drain(..) {
            driver.discard(fd);
        }
    }

    /// Serves by `table` from now on: known sockets go over to it, prepared ones start to listen, all others leave.
    pub(crate) fn adopt<D: Driver>(&mut self, driver: &mut D, table: &View) {
        let mut prepared: HashMap<Key, Vec<Fd>> = HashMap::new();
        for (key, fd) in self.bound.drain(..) {
            prepared.entry(key).or_default().push(fd);
        }
        let mut known: HashMap<Key, Vec<usize>> = HashMap::new();
        for (index, listener) in self.slots.iter_mut().enumerate() {
            if let Some(listener) = listener.as_mut().filter(|listener| listener.stays()) {
                listener.leave = Leave::Patiently;
                known.entry(listener.key.clone()).or_default().push(index);
            }
        }
        for place in places(table) {
            for &index in known.get(&place.key).into_iter().flatten() {
                let listener = self.slots[index].as_mut().expect("known a moment ago");
                listener.leave = Leave::Stays;
                listener.serve(driver, table, &place);
            }
            for fd in prepared.remove(&place.key).unwrap_or_default() {
                if driver.listen(fd, place.backlog).is_err() {
                    driver.discard(fd);
                    continue;
                }
                let local = driver.local_addr(fd).ok().filter(is_specific);
                let listener = Listener {
                    fd,
                    table: table.clone(),
                    frontend: place.frontend,
                    number: place.number,
                    accept_proxy: place.accept_proxy,
                    is_tls: place.is_tls,
                    local,
                    backlog: place.backlog,
                    tuning: place.tuning.clone(),
                    watch: Watch::Idle,
                    leave: Leave::Stays,
                    is_cancelled: false,
                    in_flight: 0,
                    batch: 1,
                    key: place.key.clone(),
                };
                self.add(listener);
            }
        }
        for fd in prepared.into_values().flatten() {
            driver.discard(fd);
        }
        self.tend_all();
    }

    /// All leave: no new connections beyond those that wait already.
    pub(crate) fn leave(&mut self) {
        for listener in self.slots.iter_mut().flatten() {
            listener.leave = Leave::Patiently;
        }
        self.tend_all();
    }

    /// Frontends stand otherwise than before: their listeners are to be looked at.
    pub(crate) fn follow(&mut self) {
        for listener in self.slots.iter_mut().flatten() {
            if listener.stays() && listener.frontend().state.standing() == Standing::Stopped {
                listener.leave = Leave::AtOnce;
            }
        }
        self.tend_all();
    }

    /// Whether every listener does what its frontend wants. Those that leave patiently do.
    pub(crate) fn is_settled(&self) -> bool {
        self.slots.iter().flatten().all(|listener| match listener.purpose() {
            Purpose::Serve => listener.watch != Watch::Resting,
            Purpose::Rest => listener.watch == Watch::Resting,
            Purpose::Empty => true,
            Purpose::Go => false,
        })
    }

    /// A listener that could not listen again.
    pub(crate) fn refused(&self) -> Option<PrepareFailure> {
        self.slots.iter().flatten().find_map(|listener| {
            let Watch::Refused(errno) = listener.watch else { return None };
            Some(PrepareFailure { frontend: listener.frontend().name.clone(), addr: listener.key.shown(), errno })
        })
    }

    /// What a successor may go on with: sockets that listen, and that it cannot have from elsewhere.
    pub(crate) fn exportable(&self) -> Vec<Fd> {
        let listening = self.slots.iter().flatten().filter(|listener| listener.purpose() == Purpose::Serve);
        let ours = listening.filter(|listener| !matches!(listener.key.addr(), BindAddr::Inherited(_)));
        ours.map(|listener| listener.fd).collect()
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Listener> {
        self.slots.get(index as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Listener> {
        self.slots.get_mut(index as usize)?.as_mut()
    }

    /// Takes a listener out whose socket is to be discarded.
    pub(crate) fn remove(&mut self, index: u32) -> Option<Listener> {
        let listener = self.slots.get_mut(index as usize)?.take()?;
        assert_eq!(listener.in_flight, 0, "its ops have completed");
        Some(listener)
    }

    /// Notes that a listener is to be looked at, and why nothing is in flight for it.
    pub(crate) fn rest(&mut self, index: u32, watch: Watch) {
        if let Some(listener) = self.get_mut(index) {
            listener.watch = watch;
            self.untended.push(index);
        }
    }

    /// Those that want to be looked at; each is noted again if it still does afterwards.
    pub(crate) fn take_untended(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.untended)
    }

    pub(crate) fn untended(&self) -> impl Iterator<Item = &Listener> {
        self.untended.iter().filter_map(|&index| self.slots.get(index as usize)?.as_ref())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// When the first listener tries again that the system left without descriptors, or that a limit per second holds up, which
    /// opens at the time that `opens_at` says.
    pub(crate) fn deadline(&self, opens_at: impl Fn(&Listener, Rate) -> Instant) -> Option<Instant> {
        let retry = |listener: &Listener| match listener.watch {
            Watch::Exhausted(until) => Some(until),
            Watch::Waiting(Lack::Time(rate)) => Some(opens_at(listener, rate)),
            Watch::Waiting(Lack::Turn | Lack::Slot | Lack::FrontendPlace | Lack::ProcessPlace | Lack::TlsPlace)
            | Watch::Armed
            | Watch::Idle
            | Watch::Resting
            | Watch::Refused(_) => None,
        };
        self.untended().filter_map(retry).min()
    }

    fn tend_all(&mut self) {
        self.untended = (0..self.slots.len() as u32).collect();
    }

    fn add(&mut self, listener: Listener) {
        match self.slots.iter().position(Option::is_none) {
            Some(index) => self.slots[index] = Some(listener),
            None => self.slots.push(Some(listener)),
        }
    }
}

impl Listener {
    pub(crate) fn frontend(&self) -> &Frontend {
        self.table.frontend(self.frontend)
    }

    fn serve<D: Driver>(&mut self, driver: &mut D, table: &View, place: &Place) {
        self.table = table.clone();
        self.frontend = place.frontend;
        self.number = place.number;
        self.accept_proxy = place.accept_proxy;
        self.is_tls = place.is_tls;
        self.backlog = place.backlog;
        // One that cannot be tuned serves as it is: the table is in force already.
        if driver.tune(self.fd, &self.tuning, &place.tuning).is_ok() {
            self.tuning = place.tuning.clone();
        }
    }

    fn stays(&self) -> bool {
        self.leave == Leave::Stays
    }

    pub(crate) fn purpose(&self) -> Purpose {
        match (self.leave, self.frontend().state.standing()) {
            (Leave::Patiently, _) => Purpose::Empty,
            (Leave::AtOnce, _) => Purpose::Go,
            (Leave::Stays, Standing::Open) => Purpose::Serve,
            (Leave::Stays, Standing::Paused | Standing::Stopped) => Purpose::Rest,
        }
    }

    /// Stops listening, where that is its own affair.
    pub(crate) fn lie_down<D: Driver>(&mut self, driver: &mut D) {
        // One that cannot be made to refuse lets them wait.
        if self.can_refuse() && !matches!(self.watch, Watch::Refused(_)) {
            let _ = driver.unlisten(self.fd);
        }
        self.watch = Watch::Resting;
    }

    /// Listens again.
    pub(crate) fn get_up<D: Driver>(&mut self, driver: &mut D) -> Result<(), Errno> {
        if self.can_refuse() { driver.listen(self.fd, self.backlog) } else { Ok(()) }
    }

    pub(crate) fn can_refuse(&self) -> bool {
        match self.key.addr() {
            BindAddr::Ip(_) => true,
            BindAddr::Unix(_) | BindAddr::Abstract(_) | BindAddr::Inherited(_) => false,
        }
    }
}

/// Whether a listener's own address says what its clients connected to.
fn is_specific(addr: &Addr) -> bool {
    match addr {
        Addr::Ip(SocketAddr::V4(addr)) => !addr.ip().is_unspecified(),
        Addr::Ip(SocketAddr::V6(addr)) => !addr.ip().is_unspecified(),
        Addr::Unix(_) | Addr::Unnamed => true,
    }
}
