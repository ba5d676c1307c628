//! Everything that a world holds, and how time moves through it.
//!
//! Time only moves here. An event never runs another one: it plans it. So nothing recurses, and the order of what happens
//! is the order of the schedule.

use crate::actor::Actor;
use crate::connection::Connection;
use crate::listener::{Listener, Place};
use crate::options::Options;
use crate::pipes::Stock;
use crate::rng::Rng;
use crate::schedule::{Arrival, Event, Schedule};
use crate::script::{Reach, Script};
use crate::socket::{OpKey, Sockets};
use buf::Pool;
use driver::{Addr, Done, DriverStats, Instant, Tag, WAIT_MOST};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $($(#[$doc])* #[derive(Clone, Copy, Debug, PartialEq, Eq)] pub(crate) struct $name(pub(crate) usize);)*
    };
}

ids! {
    /// Never reused.
    ConnId;
    /// Never reused.
    ActorId;
    ServerId;
    ListenerId;
}

/// The ports from 49152 to 65535 are for whoever does not choose one (RFC 6335 §6).
pub(crate) const EPHEMERAL_PORTS: u16 = 16384;

/// Which end of a connection: the one that asked for it, or the one that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Asker,
    Asked,
}

pub(crate) struct Server {
    pub(crate) addr: Addr,
    pub(crate) reach: Reach,
    pub(crate) scripts: Vec<Script>,
    /// In the order in which they were accepted.
    pub(crate) actors: Vec<ActorId>,
    /// How many of `actors` were handed out to a hand-driven test.
    pub(crate) taken_count: usize,
}

pub(crate) struct State {
    pub(crate) rng: Rng,
    pub(crate) now: Instant,
    pub(crate) options: Options,
    pub(crate) schedule: Schedule,
    pub(crate) sockets: Sockets,
    pub(crate) connections: Vec<Connection>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) servers: Vec<Server>,
    pub(crate) listeners: Vec<Listener>,
    /// Who is found at an address. Looked up only, never iterated: its order is not the seed's.
    pub(crate) places: HashMap<Addr, Place>,
    pub(crate) inherited: HashMap<i32, ListenerId>,
    /// Receives that found bytes and no buffer, first come first served.
    pub(crate) starved: VecDeque<OpKey>,
    pub(crate) done: Vec<(Tag, Done)>,
    pub(crate) is_woken: bool,
    pub(crate) stats: DriverStats,
    pub(crate) pool: Pool,
    pub(crate) pipes: Stock,
    pub(crate) trace: Vec<String>,
    ports_given: u16,
    clients_named: u32,
}

impl State {
    pub(crate) fn new(seed: u64, options: Options) -> State {
        let mut rng = Rng::new(seed);
        let pool =
            Pool::new(options.buffer_count, options.buffer_size).expect("address space for the buffers of a world");
        State {
            sockets: Sockets::new(rng.chance(options.network.reuse_permille)),
            rng,
            now: Instant::EPOCH,
            pipes: Stock::new(options.pipe_count, options.pipe_size_least..=options.pipe_size_most),
            options,
            schedule: Schedule::default(),
            connections: Vec::new(),
            actors: Vec::new(),
            servers: Vec::new(),
            listeners: Vec::new(),
            places: HashMap::new(),
            inherited: HashMap::new(),
            starved: VecDeque::new(),
            done: Vec::new(),
            is_woken: false,
            stats: DriverStats::default(),
            pool,
            trace: Vec::new(),
            ports_given: 0,
            clients_named: 0,
        }
    }

    /// One turn of the driver: something completes, somebody wakes it, or the deadline comes.
    pub(crate) fn turn(&mut self, deadline: Option<Instant>, done: &mut Vec<(Tag, Done)>) {
        self.stats.enters += 1;
        self.feed_starved();
        let cost = self.rng.span(Duration::ZERO, self.options.network.turn_cost_most);
        self.advance(self.now + cost);
        self.is_woken |= self.rng.chance(self.options.network.spurious_permille);
        let until = deadline.map(|deadline| self.wait_until(deadline));
        while self.done.is_empty() && !self.is_woken {
            match (self.schedule.next_at(), until) {
                (Some(next), until) if until.is_none_or(|until| next <= until) => self.advance(next),
                (Some(_) | None, Some(until)) => {
                    self.now = self.now.max(until);
                    break;
                }
                (Some(_) | None, None) => break,
            }
        }
        self.is_woken = false;
        self.stats.completions += self.done.len() as u64;
        self.note(|state| state.done.iter().map(|(tag, done)| format!("{} {tag:?} {done:?}", state.now)).collect());
        done.append(&mut self.done);
    }

    /// When a wait for `deadline` ends by itself: late by a little, as on a kernel, and never after more than `WAIT_MOST`.
    fn wait_until(&mut self, deadline: Instant) -> Instant {
        if deadline <= self.now {
            return self.now;
        }
        let lateness = self.rng.span(Duration::ZERO, self.options.network.lateness_most);
        (deadline + lateness).min(self.now + WAIT_MOST)
    }

    /// Lets `span` pass for the network and the peers. What completes meanwhile waits for the next turn.
    pub(crate) fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(next) = self.schedule.next_at().filter(|&next| next <= until) {
            self.advance(next);
        }
        self.now = self.now.max(until);
    }

    /// Moves the clock to `to`, or not at all if it is later already, and lets happen what is due.
    fn advance(&mut self, to: Instant) {
        self.now = self.now.max(to);
        while let Some(event) = self.schedule.pop_due(self.now) {
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Begin { actor } => self.begin(actor),
            Event::Knock { conn, tries } => self.on_knock(conn, tries),
            Event::Answer { conn, result } => self.on_answer(conn, result),
            Event::Accepted { conn } => self.on_accepted(conn),
            Event::Arrive { conn, toward, what } => self.on_arrival(conn, toward, what),
            Event::Attempt { fd, lane, op } => self.on_attempt(fd, lane, op),
            Event::Cancelled { fd, tag } => self.on_cancelled(fd, tag),
            Event::Closed { fd, tag } => self.on_closed(fd, tag),
            Event::Nudge { actor } => self.run(actor),
            Event::Strike { conn, end, harm } => self.strike(conn, end, harm),
            Event::Switch { server, reach } => self.servers[server.0].reach = reach,
            Event::ResetAll { server } => self.reset_all(server),
            Event::Wake => self.is_woken = true,
        }
    }

    pub(crate) fn plan(&mut self, delay: Duration, event: Event) {
        self.schedule.plan(self.now + delay, event);
    }

    /// Plans what reaches one end of a connection, after all that was sent to it before.
    pub(crate) fn plan_arrival(&mut self, conn: ConnId, toward: End, what: Arrival) {
        let at = self.now + self.latency();
        let at = self.connections[conn.0].stream(toward).arrival_at(at);
        self.schedule.plan(at, Event::Arrive { conn, toward, what });
    }

    pub(crate) fn latency(&mut self) -> Duration {
        self.rng.span(self.options.network.latency_least, self.options.network.latency_most)
    }

    pub(crate) fn completion_delay(&mut self) -> Duration {
        self.rng.span(Duration::ZERO, self.options.network.completion_delay_most)
    }

    /// Appends lines to the trace, if one is kept.
    pub(crate) fn note(&mut self, lines: impl FnOnce(&State) -> Vec<String>) {
        if self.options.has_trace {
            let lines = lines(self);
            self.trace.extend(lines);
        }
    }

    /// The next of the ports that are given out by turns.
    pub(crate) fn ephemeral_port(&mut self) -> u16 {
        let port = u16::MAX - EPHEMERAL_PORTS + 1 + self.ports_given;
        self.ports_given = (self.ports_given + 1) % EPHEMERAL_PORTS;
        port
    }

    /// The address of a client that did not choose one, from the networks for documentation (RFC 5737, RFC 3849).
    pub(crate) fn client_addr(&mut self, to: &Addr) -> Addr {
        let count = self.clients_named;
        self.clients_named += 1;
        let port = 10000 + (count / 250 % 50000) as u16;
        match to {
            Addr::Ip(SocketAddr::V4(_)) => {
                Addr::Ip(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, (count % 250) as u8 + 1)), port))
            }
            Addr::Ip(SocketAddr::V6(_)) => {
                let ip = [0x2001, 0xdb8, 1, 0, 0, 0, 0, (count % 250) as u16 + 1];
                Addr::Ip(SocketAddr::new(IpAddr::V6(ip.into()), port))
            }
            Addr::Unix(_) | Addr::Unnamed => Addr::Unnamed,
        }
    }
}

impl End {
    pub(crate) fn other(self) -> End {
        match self {
            End::Asker => End::Asked,
            End::Asked => End::Asker,
        }
    }

    pub(crate) fn index(self) -> usize {
        match self {
            End::Asker => 0,
            End::Asked => 1,
        }
    }
}
