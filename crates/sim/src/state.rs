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
use driver::{Addr, Done, DriverStats, Instant, Tag, WAIT_MOST, Wake};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// A driver of the world, in the order in which they came.
    #[derive(Default)]
    DeskId;
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

/// What a world has for one of its drivers.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) done: Vec<(Tag, Done)>,
    pub(crate) alarm: Arc<Alarm>,
    /// How many turns of all drivers there had been when it last waited, and until when it did.
    turned_at: u64,
    waits_until: Option<Instant>,
}

/// Set by a wake, reset by the next turn.
#[derive(Default)]
pub(crate) struct Alarm(AtomicBool);

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
    pub(crate) desks: Vec<Desk>,
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
            desks: vec![Desk::default()],
            stats: DriverStats::default(),
            pool,
            trace: Vec::new(),
            ports_given: 0,
            clients_named: 0,
        }
    }

    /// One turn of the driver whose turn it is: something completes, somebody wakes it, or the deadline comes.
    ///
    /// Drivers that share a world turn one after the other, so it waits no longer than until another one has something to do. One that has not
    /// turned since this one did waits for nothing.
    pub(crate) fn turn(&mut self, deadline: Option<Instant>, done: &mut Vec<(Tag, Done)>) {
        self.stats.enters += 1;
        self.feed_starved();
        let cost = self.rng.span(Duration::ZERO, self.options.network.turn_cost_most);
        self.advance(self.now + cost);
        let is_spurious = self.rng.chance(self.options.network.spurious_permille);
        let own = deadline.map(|deadline| self.wait_until(deadline));
        let at = self.sockets.at;
        let turn = self.stats.enters;
        let desk = self.desk(at);
        let turned_at = std::mem::replace(&mut desk.turned_at, turn);
        desk.waits_until = own;
        let waiting = |desk: &&Desk| desk.turned_at > turned_at;
        let until = self.desks.iter().filter(waiting).filter_map(|desk| desk.waits_until).min();
        while !is_spurious && !self.desks.iter().filter(waiting).any(Desk::is_called) {
            match (self.schedule.next_at(), until) {
                (Some(next), until) if until.is_none_or(|until| next <= until) => self.advance(next),
                (Some(_) | None, Some(until)) => {
                    self.now = self.now.max(until);
                    break;
                }
                (Some(_) | None, None) => break,
            }
        }
        let desk = self.desk(at);
        desk.alarm.0.store(false, Ordering::Release);
        let mut new = std::mem::take(&mut desk.done);
        self.stats.completions += new.len() as u64;
        self.note(|state| new.iter().map(|(tag, done)| format!("{} {tag:?} {done:?}", state.now)).collect());
        done.append(&mut new);
    }

    pub(crate) fn desk(&mut self, id: DeskId) -> &mut Desk {
        &mut self.desks[id.0]
    }

    /// One driver more.
    pub(crate) fn add_desk(&mut self) -> DeskId {
        self.desks.push(Desk::default());
        DeskId(self.desks.len() - 1)
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
            Event::Wake => self.desks.iter().for_each(|desk| desk.alarm.wake()),
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

impl Desk {
    /// Something is there for it.
    pub(crate) fn is_called(&self) -> bool {
        !self.done.is_empty() || self.alarm.0.load(Ordering::Acquire)
    }
}

impl Wake for Alarm {
    fn wake(&self) {
        self.0.store(true, Ordering::Release);
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
