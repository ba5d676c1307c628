//! The balancer of a backend: which server takes the next connection.
//!
//! It holds the newest table's servers, in file order; a server's place in that order is its *seat*. The algorithms know seats
//! and weights only. What they share is here: who is usable, whether active or backup servers serve, and the counts.
//!
//! **Invariant:** a seat is in `usable` and in the algorithm's order exactly while its server
//! [is usable](crate::ServerState::is_usable); hence no other is ever picked.
//! **Invariant:** nobody waits for a place that is free (`waiting`).

mod fit;
mod least_conn;
mod queue;
mod random;
mod ring;
mod round_robin;
mod seat;
mod shares;
mod static_map;
mod waiting;

use std::collections::{BTreeSet, HashMap};
use std::ptr;
use std::sync::Arc;

use self::fit::Fit;
use self::least_conn::LeastConn;
use self::queue::Queue;
use self::random::Random;
use self::ring::Ring;
use self::round_robin::RoundRobin;
use self::seat::{Crowd, Seat, Side, Sides};
use self::shares::Shares;
use self::static_map::StaticMap;
use crate::{Admin, Backend, BackendLimits, Balance, Health, Mapping, Server, ServerState, Usable};

pub use self::queue::{Grant, Passed, Ticket, Waiter};
pub use self::waiting::{Assignment, Preview};

/// What a pick depends on beside the servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct PickKey<'a> {
    /// What it belongs to a server by ([`Backend::hash`]); `None`: to none.
    pub hash: Option<u32>,
    /// A number drawn uniformly for this pick; `balance random` stretches it into its draws, the others ignore it.
    pub random: u64,
    /// The server that just failed this connection: another one is taken if there is one. A map of hashes holds to its
    /// server until the checks take it away.
    pub avoid: Option<&'a ServerState>,
    /// The server that a rule or a cookie names: taken while it is up, whatever the algorithm says.
    pub imposed: Option<&'a ServerState>,
    /// It is taken although it is down.
    pub takes_down: bool,
    /// The server that the client has a connection to still: taken rather than another one, unless too many wait for it. Of clients
    /// that belong to no server.
    pub preferred: Option<&'a ServerState>,
}

impl PickKey<'_> {
    /// The same, of somebody whom nothing but the algorithm leads to a server.
    pub(crate) fn unbound(&self) -> Self {
        PickKey { imposed: None, preferred: None, ..*self }
    }
}

#[derive(Debug)]
pub(crate) struct Balancer {
    seats: Vec<Seat>,
    balance: Balance,
    all_backups: bool,
    usable: Sides<BTreeSet<usize>>,
    algorithm: Algorithm,
    limits: BackendLimits,
    shares: Shares,
    /// Those who wait for any server.
    queue: Queue,
    ticket_next: u64,
    /// Connections that were picked for and not released, those on servers that have left the set included.
    served_count: u32,
    /// Sessions in all lines, and one that is just being assigned.
    waiting_count: u32,
    /// Places that were given to waiters and are to be told to them.
    grants: Vec<Grant>,
}

/// Where a connection can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// This server has a place for it.
    Place(usize),
    /// It belongs to this server, which has none.
    Line(usize),
    /// No server has a place.
    Full,
    /// No server is usable.
    Nobody,
}

#[derive(Clone, Debug)]
enum Algorithm {
    RoundRobin(Sides<RoundRobin>),
    LeastConn(Sides<LeastConn>),
    First,
    StaticRr(StaticMap),
    HashMap(StaticMap),
    HashRing(Sides<Ring>),
    Random { draws: u32, servers: Random },
}

/// No servers: what a backend has before its first table takes over.
impl Default for Balancer {
    fn default() -> Balancer {
        Balancer {
            seats: Vec::new(),
            balance: Balance::First,
            all_backups: false,
            usable: Sides::default(),
            algorithm: Algorithm::First,
            limits: BackendLimits::default(),
            shares: Shares::default(),
            queue: Queue::of_backend(),
            ticket_next: 0,
            served_count: 0,
            waiting_count: 0,
            grants: Vec::new(),
        }
    }
}

impl Balancer {
    /// Chooses a server that has a place and counts the connection on it.
    pub(crate) fn pick(&mut self, key: &PickKey<'_>) -> Option<Arc<Server>> {
        match self.find(key) {
            Found::Place(seat) => Some(self.take(seat)),
            Found::Line(_) | Found::Full | Found::Nobody => None,
        }
    }

    /// Takes a connection off a server, which may have left the set since it was picked. Its place goes to who waits longest.
    pub(crate) fn release(&mut self, server: &Server) {
        server.state.on_released();
        self.served_count -= 1;
        let seat = self.seat_of(&server.state);
        if let Some(seat) = seat {
            self.on_counted(seat);
        }
        self.on_freed(seat);
    }

    /// Health, weight, limit or administrative state of a server changed.
    pub(crate) fn on_changed(&mut self, server: &Server) {
        if let Some(seat) = self.seat_of(&server.state) {
            self.update(seat);
            self.serve_all();
        }
    }

    /// Exchanges the servers for those of `backend`. If nothing changed that matters to the order, the order goes on. Whoever
    /// waits keeps his ticket and stands where the new servers and their limits want him.
    pub(crate) fn reconfigure(&mut self, backend: &Backend) {
        let waiting = self.dissolve_lines();
        self.limits = backend.limits;
        self.exchange(backend);
        for (ticket, waiting) in waiting {
            self.place(ticket, waiting);
        }
    }

    fn exchange(&mut self, backend: &Backend) {
        let before = std::mem::take(&mut self.seats);
        before.iter().for_each(|seat| seat.server.state.set_seat(None));
        let known: HashMap<&str, &Server> = before.iter().map(|seat| (&*seat.server.name, &*seat.server)).collect();
        for (seat, server) in backend.servers.iter().enumerate() {
            apply_line(server, known.get(&*server.name).copied());
            server.state.set_seat(Some(seat));
        }

        let same_order = self.balance == backend.balance
            && self.all_backups == backend.all_backups
            && before.len() == backend.servers.len()
            && before.iter().zip(&backend.servers).all(|(seat, server)| seat.counts_like(server));
        if same_order {
            let seats = before.into_iter().zip(&backend.servers);
            self.seats = seats.map(|(seat, server)| Seat { server: server.clone(), ..seat }).collect();
        } else {
            self.balance = backend.balance;
            self.all_backups = backend.all_backups;
            self.seat_anew(&backend.servers);
        }
    }

    pub(crate) fn usable(&self) -> Usable {
        Usable { active: self.usable.active.len() as u32, backup: self.usable.backup.len() as u32 }
    }

    pub(crate) fn nbsrv(&self) -> u32 {
        let Usable { active, backup } = self.usable();
        match active {
            0 if self.all_backups => backup,
            0 => backup.min(1),
            active => active,
        }
    }

    fn find(&mut self, key: &PickKey<'_>) -> Found {
        let imposed = key.imposed.filter(|state| key.takes_down || state.is_up());
        match imposed.and_then(|state| self.seat_of(state)) {
            Some(seat) if self.has_place(seat) => return Found::Place(seat),
            Some(seat) if self.seats[seat].is_usable => return Found::Line(seat),
            // Nobody waits for one that takes nobody.
            Some(_) | None => (),
        }
        if self.nbsrv() == 0 {
            return Found::Nobody;
        }
        if let Some(seat) = self.bound(key) {
            return if self.has_place(seat) { Found::Place(seat) } else { Found::Line(seat) };
        }
        if let Some(seat) = self.preferred(key) {
            return if self.has_place(seat) { Found::Place(seat) } else { Found::Line(seat) };
        }
        // Whoever waits for any server came first, and would not wait if one had a place.
        if self.is_full() || !self.queue.is_empty() {
            return Found::Full;
        }
        self.choose(key).map_or(Found::Full, Found::Place)
    }

    /// `configuration.txt: option prefer-last-server, max-keep-alive-queue`
    fn preferred(&self, key: &PickKey<'_>) -> Option<usize> {
        let seat = self.seat_of(key.preferred?)?;
        let is_short = self.limits.kept_queue_max.is_none_or(|most| self.seats[seat].line.len() < most);
        (self.seats[seat].is_usable && (self.has_place(seat) || is_short)).then_some(seat)
    }

    /// The server that this connection belongs to, if the algorithm binds clients to servers.
    fn bound(&mut self, key: &PickKey<'_>) -> Option<usize> {
        let (side, hash) = (self.side()?, key.hash?);
        let avoid = key.avoid.and_then(|state| self.seat_of(state));
        let (seats, usable, served) = (&self.seats, self.usable.of(side), self.served_count);
        match &mut self.algorithm {
            Algorithm::HashMap(map) => map.fresh(|| shares(seats, usable)).at(hash),
            Algorithm::HashRing(sides) => {
                let percent = self.limits.share_percent;
                let slots = percent.map(|percent| self.shares.slots(seats, usable, percent.get(), served));
                let has_room = |seat| slots.as_ref().is_none_or(|slots| slots.has_room(seat));
                sides.of(side).nearest(hash, |seat| Some(seat) != avoid && has_room(seat))
            }
            Algorithm::RoundRobin(_)
            | Algorithm::LeastConn(_)
            | Algorithm::First
            | Algorithm::StaticRr(_)
            | Algorithm::Random { .. } => None,
        }
    }

    /// A server that has a place, by the algorithm.
    fn choose(&mut self, key: &PickKey<'_>) -> Option<usize> {
        let avoid = key.avoid.and_then(|state| self.seat_of(state));
        let crowd = self.crowd();
        let Some(side) = self.side() else {
            return self.usable.backup.first().copied().filter(|&seat| self.seats[seat].has_place(crowd));
        };
        let (seats, usable, served) = (&self.seats, self.usable.of(side), self.served_count);
        let fit = |seat: usize| match seats[seat].has_place(crowd) {
            false => Fit::Full,
            true if Some(seat) == avoid => Fit::Avoided,
            true => Fit::Wanted,
        };
        match &mut self.algorithm {
            Algorithm::RoundRobin(sides) => sides.of_mut(side).choose(fit),
            Algorithm::LeastConn(sides) => sides.of(side).choose(fit),
            Algorithm::First => fit::first(usable.iter().copied(), fit),
            Algorithm::StaticRr(map) | Algorithm::HashMap(map) => map.fresh(|| shares(seats, usable)).next(fit),
            Algorithm::HashRing(sides) => sides.of_mut(side).next(fit),
            Algorithm::Random { draws, servers } => {
                let percent = self.limits.share_percent;
                let slots = percent.map(|percent| self.shares.slots(seats, usable, percent.get(), served));
                let fit = |seat: usize| match fit(seat) {
                    Fit::Wanted if slots.as_ref().is_some_and(|slots| !slots.has_room(seat)) => Fit::Avoided,
                    fit @ (Fit::Wanted | Fit::Avoided | Fit::Full) => fit,
                };
                let load = |seat: usize| (seats[seat].conns(), seats[seat].weight);
                servers.fresh(|| weights(seats, usable)).choose(*draws, key.random, fit, load)
            }
        }
    }

    /// Which servers are balanced over. `None`: the first backup stands alone, whatever the algorithm (configuration.txt: option
    /// allbackups): there is nothing to balance, and none to go to instead. HAProxy's static map lets later backups in if the
    /// first weighs more than 1.
    fn side(&self) -> Option<Side> {
        if !self.usable.active.is_empty() {
            Some(Side::Active)
        } else if self.all_backups {
            Some(Side::Backup)
        } else {
            None
        }
    }

    /// Counts a connection on a server.
    fn take(&mut self, seat: usize) -> Arc<Server> {
        let server = self.seats[seat].server.clone();
        server.state.on_picked();
        self.served_count += 1;
        self.on_counted(seat);
        server
    }

    /// `maxconn` of the backend: as many connections as it may have over all its servers.
    fn is_full(&self) -> bool {
        self.limits.maxconn.is_some_and(|most| self.served_count >= most.get())
    }

    fn has_place(&self, seat: usize) -> bool {
        !self.is_full() && self.seats[seat].has_place(self.crowd())
    }

    fn crowd(&self) -> Crowd {
        Crowd { present: self.served_count + self.waiting_count, full: self.limits.fullconn }
    }

    fn seat_of(&self, state: &ServerState) -> Option<usize> {
        let seat = state.seat()?;
        // A seat number of another backend's server means nothing here.
        self.seats.get(seat).filter(|found| ptr::eq(&*found.server.state, state)).map(|_| seat)
    }

    fn seat_anew(&mut self, servers: &[Arc<Server>]) {
        self.seats = servers.iter().map(|server| Seat::new(server.clone())).collect();
        self.shares.expire();
        self.usable = Sides::default();
        for (index, seat) in self.seats.iter().enumerate().filter(|(_, seat)| seat.is_usable) {
            self.usable.of_mut(seat.side()).insert(index);
        }
        let (seats, count) = (&self.seats, self.seats.len());
        let members = |side| weights(seats, self.usable.of(side));
        self.algorithm = match self.balance {
            Balance::RoundRobin => Algorithm::RoundRobin(Sides::new(|side| RoundRobin::new(count, members(side)))),
            Balance::LeastConn => Algorithm::LeastConn(Sides::new(|side| {
                let mut order = LeastConn::new(count);
                members(side).for_each(|(seat, weight)| order.enter(seat, weight, seats[seat].conns()));
                order
            })),
            Balance::First => Algorithm::First,
            Balance::StaticRr => Algorithm::StaticRr(StaticMap::new(servers)),
            Balance::Hash(Mapping::Map) => Algorithm::HashMap(StaticMap::new(servers)),
            Balance::Hash(Mapping::Ring) => Algorithm::HashRing(Sides::new(|side| {
                let mut ring = Ring::new(servers.iter().map(|server| server.settings.number.value));
                members(side).for_each(|(seat, weight)| ring.resize(seat, weight));
                ring
            })),
            Balance::Random { draws } => Algorithm::Random { draws, servers: Random::default() },
        };
    }

    /// Makes the algorithm count a server as its state says.
    fn update(&mut self, seat: usize) {
        let entry = &mut self.seats[seat];
        let (was_usable, old_weight) = (entry.is_usable, entry.weight);
        entry.read_state();
        let (is_usable, weight, side, conns) = (entry.is_usable, entry.weight, entry.side(), entry.conns());
        if (was_usable, old_weight) == (is_usable, weight) || !(was_usable || is_usable) {
            return;
        }
        self.shares.expire();
        if is_usable {
            self.usable.of_mut(side).insert(seat);
        } else {
            self.usable.of_mut(side).remove(&seat);
        }
        match &mut self.algorithm {
            Algorithm::RoundRobin(sides) => {
                let order = sides.of_mut(side);
                match (was_usable, is_usable) {
                    (false, _) => order.enter(seat, weight),
                    (true, true) => order.reweigh(seat, weight),
                    (true, false) => order.leave(seat),
                }
            }
            Algorithm::LeastConn(sides) => {
                let order = sides.of_mut(side);
                if was_usable {
                    order.leave(seat);
                }
                if is_usable {
                    order.enter(seat, weight, conns);
                }
            }
            Algorithm::First => {}
            Algorithm::StaticRr(map) | Algorithm::HashMap(map) => map.expire(),
            Algorithm::HashRing(sides) => sides.of_mut(side).resize(seat, if is_usable { weight } else { 0 }),
            Algorithm::Random { servers, .. } => servers.expire(),
        }
    }

    /// A server has one connection more or less.
    fn on_counted(&mut self, seat: usize) {
        let entry = &self.seats[seat];
        if let Algorithm::LeastConn(sides) = &mut self.algorithm {
            sides.of_mut(entry.side()).reposition(seat, entry.conns());
        }
    }
}

/// The usable servers of one side with what their lines say of their weight, in file order: maps that do not move know no slow
/// start.
fn shares<'a>(seats: &'a [Seat], usable: &'a BTreeSet<usize>) -> impl Iterator<Item = (usize, u16)> + 'a {
    usable.iter().map(|&seat| (seat, seats[seat].server.state.weight()))
}

/// The usable servers of one side with their effective weights, in file order.
fn weights<'a>(seats: &'a [Seat], usable: &'a BTreeSet<usize>) -> impl Iterator<Item = (usize, u16)> + 'a {
    usable.iter().map(|&seat| (seat, seats[seat].weight))
}

/// Gives the state what its line says, where the line is new or says something else than `before`
/// (see [`Table::take_over`](crate::Table::take_over)).
fn apply_line(server: &Server, before: Option<&Server>) {
    let (settings, state) = (&server.settings, &server.state);
    if before.is_none_or(|before| before.settings.weight != settings.weight) {
        state.set_weight(settings.weight);
    }
    if before.is_none_or(|before| before.settings.maxconn != settings.maxconn) {
        state.set_maxconn(settings.maxconn);
    }
    if before.is_none_or(|before| before.settings.disabled != settings.disabled) {
        let was_up = state.is_up();
        if settings.disabled {
            state.set_admin(Admin::Maint);
        } else if state.own_admin() == Admin::Maint {
            state.set_admin(Admin::Ready);
        }
        server.on_changed(was_up);
    }
    if settings.slowstart.is_none() {
        state.set_warmth(None);
    }
    let was_up = state.is_up();
    match before {
        Some(before) if before.addr == server.addr => server.look_where_it_is(),
        Some(_) | None => server.move_to(None),
    }
    server.on_changed(was_up);
    if settings.track.is_none() {
        state.set_inherited_admin(Admin::Ready);
    }
    if settings.check.is_none() && settings.agent.is_none() && settings.track.is_none() {
        state.set_health(Health::Up);
    }
}
