//! Lines for servers: limits hold, nobody waits for a place that is free, and who came first is served first.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use proptest::prelude::*;
use table::{
    Assignment, Backend, BackendLimits, Balance, Grant, Health, Mapping, PickKey, Server, ServerSettings, ShardIndex,
    StateBook, Ticket, Waiter,
};

const SHARDS: u16 = 3;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const ALGORITHMS: [Balance; 7] = [
    Balance::RoundRobin,
    Balance::StaticRr,
    Balance::LeastConn,
    Balance::First,
    Balance::Hash(Mapping::Map),
    Balance::Hash(Mapping::Ring),
    Balance::Random { draws: 2 },
];

#[derive(Clone, Debug)]
enum Step {
    Ask { source: Option<u8>, random: u64 },
    Release(usize),
    Leave(usize),
    Health(usize, bool),
    Maxconn(usize, u32),
    Reload { balance: usize, lines: Vec<Line>, limits: (u32, u32) },
}

/// Is there, backup, maxconn, minconn.
type Line = (bool, bool, u32, u32);

fn line() -> impl Strategy<Value = Line> {
    (prop::bool::weighted(0.9), prop::bool::weighted(0.2), 0_u32..4, 0_u32..3)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let lines = prop::collection::vec(line(), NAMES.len());
    let step = prop_oneof![
        12 => (any::<Option<u8>>(), any::<u64>()).prop_map(|(source, random)| Step::Ask { source, random }),
        8 => any::<usize>().prop_map(Step::Release),
        2 => any::<usize>().prop_map(Step::Leave),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(server, up)| Step::Health(server, up)),
        1 => (any::<usize>(), 0_u32..4).prop_map(|(server, most)| Step::Maxconn(server, most)),
        1 => (0..ALGORITHMS.len(), lines, (0_u32..6, 1_u32..8))
            .prop_map(|(balance, lines, limits)| Step::Reload { balance, lines, limits }),
    ];
    prop::collection::vec(step, 1..150)
}

struct History {
    book: StateBook,
    backend: Arc<Backend>,
    on_servers: Vec<(Arc<Backend>, Arc<Server>)>,
    /// By ticket, with the table of the time.
    waiting: BTreeMap<Ticket, (Arc<Backend>, Waiter)>,
    session_next: u64,
}

impl History {
    fn new(balance: Balance, lines: &[(&str, ServerSettings)], limits: BackendLimits) -> History {
        let mut book = StateBook::new(SHARDS);
        let backend = Backend { limits, ..common::backend(&mut book, balance, false, lines) };
        let backend = common::in_force(&book, backend);
        History { book, backend, on_servers: Vec::new(), waiting: BTreeMap::new(), session_next: 0 }
    }

    fn server(&self, number: usize) -> Option<Arc<Server>> {
        number.checked_rem(self.backend.servers.len()).map(|index| self.backend.servers[index].clone())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let before = self.on_servers();
        let state = self.backend.state.clone();
        match step {
            Step::Ask { source, random } => self.ask(*source, *random),
            Step::Release(number) => {
                if let Some(index) = number.checked_rem(self.on_servers.len()) {
                    let (backend, server) = self.on_servers.swap_remove(index);
                    backend.release(&server);
                }
            }
            Step::Leave(number) => {
                if let Some(index) = number.checked_rem(self.waiting.len()) {
                    let ticket = *self.waiting.keys().nth(index).expect("in range");
                    let (backend, _) = self.waiting.remove(&ticket).expect("in range");
                    prop_assert!(backend.leave(ticket).is_some(), "grants are read after every step");
                }
            }
            Step::Health(number, up) => {
                let health = if *up { Health::Up } else { Health::Down };
                self.server(*number).inspect(|server| state.set_health(server, health));
            }
            Step::Maxconn(number, most) => {
                self.server(*number).inspect(|server| state.set_maxconn(server, NonZeroU32::new(*most)));
            }
            Step::Reload { balance, lines, limits } => {
                let lines = NAMES.iter().zip(lines).filter(|(_, (is_there, ..))| *is_there);
                let lines: Vec<_> = lines.map(|(name, line)| (*name, settings(*line))).collect();
                let (maxconn, fullconn) = *limits;
                let limits = BackendLimits { maxconn: NonZeroU32::new(maxconn), fullconn, ..BackendLimits::default() };
                let draft = common::backend(&mut self.book, ALGORITHMS[*balance], false, &lines);
                self.backend = common::in_force(&self.book, Backend { limits, ..draft });
            }
        }
        self.read_grants()?;
        self.check(&before)
    }

    fn ask(&mut self, source: Option<u8>, random: u64) {
        let key = PickKey { hash: source.map(u32::from), random, ..PickKey::default() };
        self.session_next += 1;
        let shard = ShardIndex((self.session_next % u64::from(SHARDS)) as u16);
        let waiter = Waiter { shard, session: self.session_next };
        match self.backend.assign(&key, waiter) {
            Assignment::Server(server) => self.on_servers.push((self.backend.clone(), server)),
            Assignment::Queued(ticket, _) => {
                self.waiting.insert(ticket, (self.backend.clone(), waiter));
            }
            Assignment::NoServer | Assignment::LineFull(_) => (),
        }
    }

    fn read_grants(&mut self) -> Result<(), TestCaseError> {
        let inboxes = self.book.process().inboxes.clone();
        for shard in (0..SHARDS).map(ShardIndex) {
            while let Some(grant) = inboxes.take(shard) {
                let (backend, waiter) = self.waiting.remove(&grant.ticket).expect("only those who wait are granted");
                prop_assert_eq!((waiter, waiter.shard), (grant.waiter, shard));
                self.on_servers.push((backend, grant.server.clone()));
            }
        }
        Ok(())
    }

    /// How many are on each server, those that have left the set included.
    fn on_servers(&self) -> HashMap<String, u32> {
        let mut counts = HashMap::new();
        self.on_servers.iter().for_each(|(_, server)| *counts.entry(server.name.to_string()).or_default() += 1);
        counts
    }

    fn check(&self, before: &HashMap<String, u32>) -> Result<(), TestCaseError> {
        let state = &self.backend.state;
        prop_assert_eq!(state.check(), Ok(()));
        prop_assert_eq!(state.waiting() as usize, self.waiting.len());
        let on_servers = self.on_servers();
        for server in &self.backend.servers {
            let conns = server.state.conns();
            prop_assert_eq!(conns, on_servers.get(&*server.name).copied().unwrap_or(0));
            let has_grown = conns > before.get(&*server.name).copied().unwrap_or(0);
            let limit = server.state.maxconn().map_or(u32::MAX, NonZeroU32::get);
            prop_assert!(!has_grown || conns <= limit, "{conns} on {}, {limit} allowed", server.name);
        }
        Ok(())
    }
}

fn settings((_, backup, maxconn, minconn): Line) -> ServerSettings {
    ServerSettings { backup, maxconn: NonZeroU32::new(maxconn), minconn, ..ServerSettings::default() }
}

fn limited(maxconn: u32) -> ServerSettings {
    ServerSettings { maxconn: NonZeroU32::new(maxconn), ..ServerSettings::default() }
}

proptest! {
    #[test]
    fn limits_hold_and_nobody_waits_for_a_free_place(first in 0..ALGORITHMS.len(), steps in steps()) {
        let lines = NAMES.map(|name| (name, limited(1)));
        let mut history = History::new(ALGORITHMS[first], &lines, BackendLimits::default());
        for step in &steps {
            history.step(step)?;
        }
        let waiting = std::mem::take(&mut history.waiting);
        for (ticket, (backend, _)) in waiting {
            prop_assert!(backend.leave(ticket).is_some());
        }
        for (backend, server) in std::mem::take(&mut history.on_servers) {
            backend.release(&server);
        }
        history.check(&HashMap::new())?;
    }
}

/// A backend of servers with so many places each, all of them taken.
fn full(balance: Balance, places: &[u32]) -> History {
    let lines: Vec<_> = NAMES.iter().zip(places).map(|(name, &most)| (*name, limited(most))).collect();
    let mut history = History::new(balance, &lines, BackendLimits::default());
    (0..places.iter().sum()).for_each(|_| history.ask(None, 1));
    assert!(history.waiting.is_empty(), "they all had a place");
    history
}

fn next_grant(history: &History) -> Option<Grant> {
    (0..SHARDS).find_map(|shard| history.book.process().inboxes.take(ShardIndex(shard)))
}

#[test]
fn who_came_first_is_served_first_whatever_frees_up() {
    for balance in ALGORITHMS {
        let mut history = full(balance, &[2, 1, 1]);
        (0..6).for_each(|_| history.ask(None, 7));
        let expected: Vec<Ticket> = history.waiting.keys().copied().collect();
        let mut served = Vec::new();
        for _ in 0..4 {
            let (backend, server) = history.on_servers.remove(0);
            backend.release(&server);
            let grant = next_grant(&history).expect("somebody waits");
            assert!(
                Arc::ptr_eq(&grant.server, &server),
                "{balance:?}: the place that was freed is the one that is given"
            );
            assert_eq!(grant.passed.backend as usize, served.len() + 1, "HAProxy counts from 1");
            served.push(grant.ticket);
        }
        assert_eq!(served, expected[..4], "{balance:?}");
        assert_eq!(history.backend.state.queued(), 2);
        assert_eq!(history.backend.state.queued_most(), 6);
    }
}

#[test]
fn a_place_that_its_waiter_does_not_want_goes_to_the_next() {
    let mut history = full(Balance::RoundRobin, &[1]);
    (0..2).for_each(|_| history.ask(None, 1));
    let (backend, server) = history.on_servers.remove(0);
    backend.release(&server);
    let grant = next_grant(&history).expect("the first waits");
    assert!(backend.leave(grant.ticket).is_none(), "too late: the grant is there");
    let first = grant.ticket;
    grant.hand_back();
    let grant = next_grant(&history).expect("the second waits");
    assert!(grant.ticket > first);
    assert_eq!(server.state.conns(), 1);
    grant.hand_back();
    assert_eq!((server.state.conns(), next_grant(&history).is_none()), (0, true));
}

#[test]
fn a_client_that_belongs_to_a_server_waits_for_that_server() {
    let mut history = full(Balance::Hash(Mapping::Map), &[]);
    let lines = NAMES.map(|name| (name, ServerSettings { maxqueue: NonZeroU32::new(2), ..limited(1) }));
    let backend = common::backend(&mut history.book, Balance::Hash(Mapping::Map), false, &lines);
    history.backend = common::in_force(&history.book, backend);
    (0..3).for_each(|_| history.ask(Some(1), 0));
    let (backend, server) = history.on_servers.remove(0);
    assert_eq!((server.state.queued(), backend.state.queued(), backend.state.waiting()), (2, 0, 2));
    let key = PickKey { hash: Some(1), ..PickKey::default() };
    let waiter = Waiter { shard: ShardIndex(0), session: 99 };
    assert!(matches!(backend.assign(&key, waiter), Assignment::LineFull(full) if Arc::ptr_eq(&full, &server)));

    backend.state.set_health(&server, Health::Down);
    let grant = next_grant(&history).expect("another server takes over");
    assert!(!Arc::ptr_eq(&grant.server, &server));
    assert_eq!((server.state.queued(), backend.state.waiting()), (0, 1));
}

#[test]
fn a_backend_has_a_limit_of_its_own() {
    let lines = NAMES.map(|name| (name, ServerSettings::default()));
    let limits = BackendLimits { maxconn: NonZeroU32::new(3), ..BackendLimits::default() };
    let mut history = History::new(Balance::LeastConn, &lines, limits);
    (0..5).for_each(|_| history.ask(None, 0));
    assert_eq!((history.on_servers.len(), history.waiting.len()), (3, 2));
    let (backend, server) = history.on_servers.remove(0);
    backend.release(&server);
    let grant = next_grant(&history).expect("there is room for one");
    assert_eq!(&*grant.server.name, "d", "by the algorithm, not where it was freed");
    assert_eq!(backend.state.check(), Ok(()));
}

/// `configuration.txt: fullconn`: with fullconn 10, minconn 1 and maxconn 5, a server takes 1 at first and 5 at 10.
#[test]
fn a_limit_grows_with_the_backend() {
    let settings = ServerSettings { minconn: 1, ..limited(5) };
    let limits = BackendLimits { fullconn: 10, ..BackendLimits::default() };
    let mut history = History::new(Balance::RoundRobin, &[("a", settings)], limits);
    let mut served = Vec::new();
    for _ in 0..12 {
        history.ask(None, 0);
        history.read_grants().expect("grants are for those who wait");
        served.push(history.on_servers.len());
    }
    assert_eq!(served, [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5], "present x maxconn / fullconn, at least minconn");
}

/// Eight threads, one place: never two at once, and everybody gets it in the end.
#[test]
fn one_place_for_eight_threads() {
    const EACH: u64 = 2_000;
    let mut book = StateBook::new(8);
    let backend = common::backend(&mut book, Balance::LeastConn, false, &[("a", limited(1))]);
    let backend = &common::in_force(&book, backend);
    let inboxes = &book.process().inboxes.clone();
    let inside = &AtomicU32::new(0);
    thread::scope(|scope| {
        for shard in (0..8).map(ShardIndex) {
            scope.spawn(move || {
                for session in 0..EACH {
                    let random = session << 8 | u64::from(shard.0);
                    let key = PickKey { random, ..PickKey::default() };
                    let server = match backend.assign(&key, Waiter { shard, session }) {
                        Assignment::Server(server) => server,
                        // Some do not wait, and find out too late or not.
                        Assignment::Queued(ticket, _) if session % 5 == 0 => match backend.leave(ticket) {
                            Some(_) => continue,
                            None => {
                                inboxes.take(shard).expect("what was granted is in the box").hand_back();
                                continue;
                            }
                        },
                        Assignment::Queued(ticket, _) => loop {
                            match inboxes.take(shard) {
                                Some(grant) => {
                                    assert_eq!(grant.ticket, ticket);
                                    break grant.server;
                                }
                                None => thread::yield_now(),
                            }
                        },
                        other @ (Assignment::LineFull(_) | Assignment::NoServer) => panic!("{other:?}"),
                    };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                    inside.fetch_sub(1, Ordering::SeqCst);
                    backend.release(&server);
                }
            });
        }
    });
    assert_eq!((backend.servers[0].state.conns(), backend.state.waiting()), (0, 0));
    assert_eq!(backend.state.check(), Ok(()));
}
