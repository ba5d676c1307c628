//! The balancer of a backend: which server takes the next connection.
//!
//! It holds the newest table's servers, in file order; a server's place in that order is its *seat*. The algorithms know seats
//! and weights only. What they share is here: who is usable, whether active or backup servers serve, and the counts.
//!
//! **Invariant:** a seat is in `usable` and in the algorithm's order exactly while its server
//! [is usable](crate::ServerState::is_usable); hence no other is ever picked.
//!
//! A limit of connections per server, once there is one, is judged in [`Balancer::pick`]: it sees the whole state at once.

mod least_conn;
mod random;
mod round_robin;
mod source;
mod static_map;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::ptr;
use std::sync::Arc;

use self::least_conn::LeastConn;
use self::random::Random;
use self::round_robin::RoundRobin;
use self::static_map::StaticMap;
use crate::{Admin, Backend, Balance, Health, Server, ServerState, Usable};

/// What a pick depends on beside the servers.
#[derive(Clone, Copy, Debug, Default)]
pub struct PickKey<'a> {
    /// The client's address for `balance source`; `None` for a client on a unix socket.
    pub source: Option<IpAddr>,
    /// A number drawn uniformly for this pick; `balance random` stretches it into its draws, the others ignore it.
    pub random: u64,
    /// The server that just failed this connection: another one is taken if there is one. `balance source` holds to its
    /// server until the checks take it away.
    pub avoid: Option<&'a ServerState>,
}

#[derive(Debug)]
pub(crate) struct Balancer {
    seats: Vec<Seat>,
    balance: Balance,
    all_backups: bool,
    usable: Sides<BTreeSet<usize>>,
    algorithm: Algorithm,
}

/// A server, and how the algorithm counts it at present.
#[derive(Debug)]
struct Seat {
    server: Arc<Server>,
    weight: u16,
    is_usable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Active,
    Backup,
}

#[derive(Debug, Default)]
struct Sides<T> {
    active: T,
    backup: T,
}

#[derive(Debug)]
enum Algorithm {
    RoundRobin(Sides<RoundRobin>),
    LeastConn(Sides<LeastConn>),
    First,
    StaticRr(StaticMap),
    Source(StaticMap),
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
        }
    }
}

impl Balancer {
    /// Chooses a server and counts the connection on it.
    pub(crate) fn pick(&mut self, key: &PickKey<'_>) -> Option<Arc<Server>> {
        let seat = self.choose(key)?;
        let server = self.seats[seat].server.clone();
        server.state.on_picked();
        self.on_counted(seat);
        Some(server)
    }

    /// Takes a connection off a server, which may have left the set since it was picked.
    pub(crate) fn release(&mut self, server: &Server) {
        server.state.on_released();
        if let Some(seat) = self.seat_of(&server.state) {
            self.on_counted(seat);
        }
    }

    /// Health, weight or administrative state of a server changed.
    pub(crate) fn on_changed(&mut self, server: &Server) {
        if let Some(seat) = self.seat_of(&server.state) {
            self.update(seat);
        }
    }

    /// Exchanges the servers for those of `backend`. If nothing changed that matters to the order, the order goes on.
    pub(crate) fn reconfigure(&mut self, backend: &Backend) {
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

    fn choose(&mut self, key: &PickKey<'_>) -> Option<usize> {
        let side = if !self.usable.active.is_empty() {
            Side::Active
        } else if self.all_backups {
            Side::Backup
        } else {
            // The first backup stands alone, whatever the algorithm (configuration.txt: option allbackups): there is nothing to
            // balance, and none to go to instead. HAProxy's static map lets later backups in if the first weighs more than 1.
            return self.usable.backup.first().copied();
        };
        let avoid = key.avoid.and_then(|state| self.seat_of(state));
        let usable = self.usable.of(side);
        match &mut self.algorithm {
            Algorithm::RoundRobin(sides) => sides.of_mut(side).choose(avoid),
            Algorithm::LeastConn(sides) => sides.of(side).choose(avoid),
            Algorithm::First => {
                usable.iter().copied().find(|&seat| Some(seat) != avoid).or_else(|| usable.first().copied())
            }
            Algorithm::StaticRr(map) => map.fresh(|| weights(&self.seats, usable)).next(avoid),
            Algorithm::Source(map) => match key.source {
                Some(addr) => map.fresh(|| weights(&self.seats, usable)).at(source::hash(addr)),
                None => map.fresh(|| weights(&self.seats, usable)).next(avoid),
            },
            Algorithm::Random { draws, servers } => {
                let seats = &self.seats;
                let load = |seat: usize| (seats[seat].server.state.conns(), seats[seat].weight);
                servers.fresh(|| weights(seats, usable)).choose(*draws, key.random, avoid, load)
            }
        }
    }

    fn seat_of(&self, state: &ServerState) -> Option<usize> {
        let seat = state.seat()?;
        // A seat number of another backend's server means nothing here.
        self.seats.get(seat).filter(|found| ptr::eq(&*found.server.state, state)).map(|_| seat)
    }

    fn seat_anew(&mut self, servers: &[Arc<Server>]) {
        self.seats = servers.iter().map(|server| Seat::new(server.clone())).collect();
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
            Balance::Source => Algorithm::Source(StaticMap::new(servers)),
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
            Algorithm::StaticRr(map) | Algorithm::Source(map) => map.expire(),
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

impl Seat {
    fn new(server: Arc<Server>) -> Seat {
        let (weight, is_usable) = (server.state.weight(), server.state.is_usable());
        Seat { server, weight, is_usable }
    }

    fn read_state(&mut self) {
        self.weight = self.server.state.weight();
        self.is_usable = self.server.state.is_usable();
    }

    fn side(&self) -> Side {
        if self.server.settings.backup { Side::Backup } else { Side::Active }
    }

    fn conns(&self) -> u32 {
        self.server.state.conns()
    }

    /// Whether `server` may sit here without any algorithm seeing a difference.
    fn counts_like(&self, server: &Server) -> bool {
        self.server.name == server.name
            && self.server.settings.backup == server.settings.backup
            && self.server.settings.weight == server.settings.weight
            && self.weight == server.state.weight()
            && self.is_usable == server.state.is_usable()
    }
}

impl<T> Sides<T> {
    fn new(mut make: impl FnMut(Side) -> T) -> Sides<T> {
        Sides { active: make(Side::Active), backup: make(Side::Backup) }
    }

    fn of(&self, side: Side) -> &T {
        match side {
            Side::Active => &self.active,
            Side::Backup => &self.backup,
        }
    }

    fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Active => &mut self.active,
            Side::Backup => &mut self.backup,
        }
    }
}

/// The usable servers of one side with their weights, in file order.
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
    if before.is_none_or(|before| before.settings.disabled != settings.disabled) {
        if settings.disabled {
            state.set_admin(Admin::Maint);
        } else if state.admin() == Admin::Maint {
            state.set_admin(Admin::Ready);
        }
    }
    if settings.check.is_none() {
        state.set_health(Health::Up);
    }
}
