//! Which sockets listen for which frontend, and how a new table changes them.
//!
//! ```text
//!                    prepare: bind what is missing           adopt: the table is published
//!   (nothing) ─────────────────────────────────▶ bound ────────────────────────────────────▶ listening
//!                                                  │ forget                                    │ not in the next table
//!                                                  ▼                                           ▼
//!                                               discarded ◀── cancelled, queue emptied ──── leaving
//! ```
//!
//! Binding comes first, on every shard, before any of them uses anything: a bound socket queues nobody, so it may be given up
//! without harm. A socket whose address stays is not touched at all.
//!
//! **Invariant:** a listener's readiness op is in flight at most once, and its socket is discarded only when nothing is.

use crate::PrepareFailure;
use driver::{Addr, Driver, Errno, Fd, Instant, ListenSpec};
use session::View;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use table::{Bind, BindAddr, FrontendId, ShardIndex, Table};

#[derive(Default)]
pub(crate) struct Listeners {
    slots: Vec<Option<Listener>>,
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
    /// Its number within the frontend, from 1.
    pub(crate) number: u16,
    pub(crate) accept_proxy: bool,
    /// Where it listens, if that says where every client connected to; `None` for wildcards.
    pub(crate) local: Option<Addr>,
    pub(crate) watch: Watch,
    pub(crate) is_leaving: bool,
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
    /// Connections may wait in the queue: they are accepted as soon as there is a place for one.
    Waiting,
    /// The system refused to make more descriptors: not before this time, or before one of ours was closed.
    Exhausted(Instant),
    /// Nothing in flight; to be armed.
    Idle,
}

/// What makes two binds the same socket. `nth` tells apart an address that is bound more than once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    addr: BindAddr,
    v6_only: Option<bool>,
    nth: u16,
}

/// One bind of a table, with what a listener needs to know.
struct Wanted {
    key: Key,
    frontend: FrontendId,
    number: u16,
    accept_proxy: bool,
    backlog: u32,
}

impl Listeners {
    /// Binds what `table` needs and is not there. On failure nothing is left behind.
    pub(crate) fn prepare<D: Driver>(
        &mut self,
        driver: &mut D,
        table: &Table,
        shard: ShardIndex,
    ) -> Result<(), PrepareFailure> {
        self.forget(driver);
        for wanted in wanted(table, shard) {
            if self.slots.iter().flatten().any(|listener| listener.key == wanted.key && !listener.is_leaving) {
                continue;
            }
            match bind(driver, &wanted) {
                Ok(fd) => self.bound.push((wanted.key, fd)),
                Err(errno) => {
                    self.forget(driver);
                    let frontend = table.frontend(wanted.frontend).name.clone();
                    return Err(PrepareFailure { frontend, addr: shown(&wanted.key.addr), errno });
                }
            }
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
    pub(crate) fn adopt<D: Driver>(&mut self, driver: &mut D, table: &View, shard: ShardIndex) {
        let mut prepared: HashMap<Key, Fd> = self.bound.drain(..).collect();
        let mut known: HashMap<Key, usize> = HashMap::new();
        for (index, listener) in self.slots.iter_mut().enumerate() {
            if let Some(listener) = listener.as_mut().filter(|listener| !listener.is_leaving) {
                listener.is_leaving = true;
                known.insert(listener.key.clone(), index);
            }
        }
        for wanted in wanted(table, shard) {
            if let Some(&index) = known.get(&wanted.key) {
                let listener = self.slots[index].as_mut().expect("known a moment ago");
                listener.is_leaving = false;
                listener.serve(table, &wanted);
            } else if let Some(fd) = prepared.remove(&wanted.key)
                && driver.listen(fd, wanted.backlog).is_ok()
            {
                let local = driver.local_addr(fd).ok().filter(is_specific);
                let listener = Listener {
                    fd,
                    table: table.clone(),
                    frontend: wanted.frontend,
                    number: wanted.number,
                    accept_proxy: wanted.accept_proxy,
                    local,
                    watch: Watch::Idle,
                    is_leaving: false,
                    is_cancelled: false,
                    in_flight: 0,
                    batch: 1,
                    key: wanted.key,
                };
                self.add(listener);
            }
        }
        for fd in prepared.into_values() {
            driver.discard(fd);
        }
        self.tend_all();
    }

    /// All leave: no new connections beyond those that wait already.
    pub(crate) fn leave(&mut self) {
        for listener in self.slots.iter_mut().flatten() {
            listener.is_leaving = true;
        }
        self.tend_all();
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

    /// When the first listener that the system left without descriptors tries again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let retry = |listener: &Listener| match listener.watch {
            Watch::Exhausted(until) => Some(until),
            Watch::Armed | Watch::Waiting | Watch::Idle => None,
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
    fn serve(&mut self, table: &View, wanted: &Wanted) {
        self.table = table.clone();
        self.frontend = wanted.frontend;
        self.number = wanted.number;
        self.accept_proxy = wanted.accept_proxy;
    }
}

/// The binds of a table that this shard listens on. A unix socket cannot be bound twice, so the first shard has it alone.
fn wanted(table: &Table, shard: ShardIndex) -> Vec<Wanted> {
    let mut counts: HashMap<(BindAddr, Option<bool>), u16> = HashMap::new();
    let mut all = Vec::new();
    for (index, frontend) in table.frontends.iter().enumerate() {
        for (number, Bind { addr, v6_only, accept_proxy, backlog, .. }) in frontend.binds.iter().enumerate() {
            let is_ours = match addr {
                BindAddr::Ip(_) | BindAddr::Inherited(_) => true,
                BindAddr::Unix(_) | BindAddr::Abstract(_) => shard.0 == 0,
            };
            let nth = counts.entry((addr.clone(), *v6_only)).or_insert(0);
            let key = Key { addr: addr.clone(), v6_only: *v6_only, nth: *nth };
            *nth += 1;
            if is_ours {
                let frontend = FrontendId(index as u32);
                let number = number as u16 + 1;
                all.push(Wanted { key, frontend, number, accept_proxy: *accept_proxy, backlog: *backlog });
            }
        }
    }
    all
}

fn bind<D: Driver>(driver: &mut D, wanted: &Wanted) -> Result<Fd, Errno> {
    if let BindAddr::Inherited(number) = wanted.key.addr {
        return driver.adopt(number);
    }
    let spec = ListenSpec { addr: shown(&wanted.key.addr), backlog: wanted.backlog, v6_only: wanted.key.v6_only };
    driver.bind(&spec)
}

fn shown(addr: &BindAddr) -> Addr {
    match addr {
        BindAddr::Ip(addr) => Addr::Ip(*addr),
        BindAddr::Unix(path) => Addr::Unix(Arc::clone(path)),
        BindAddr::Abstract(name) => Addr::Unix([b"\0", &name[..]].concat().into()),
        BindAddr::Inherited(_) => Addr::Unnamed,
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
