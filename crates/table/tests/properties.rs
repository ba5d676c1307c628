//! What holds for any history of picks, releases, changes and reloads.

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use common::weight;
use proptest::prelude::*;
use table::{Admin, Backend, Balance, Health, Mapping, PickKey, Server, ServerSettings, StateBook};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const ALGORITHMS: [Balance; 7] = [
    Balance::RoundRobin,
    Balance::StaticRr,
    Balance::LeastConn,
    Balance::First,
    Balance::Hash(Mapping::Map),
    Balance::Hash(Mapping::Ring),
    Balance::Random { draws: 2 },
];

/// One thing that happens to a backend. Numbers choose among what there is, modulo how much there is.
#[derive(Clone, Debug)]
enum Step {
    Pick { random: u64, source: Option<u32>, avoid: Option<usize> },
    Release(usize),
    Health(usize, bool),
    Admin(usize, u8),
    Weight(usize, u16),
    Reload { balance: usize, servers: Vec<(bool, u16, bool)>, all_backups: bool },
}

fn steps(reloads: bool) -> impl Strategy<Value = Vec<Step>> {
    let pick = (any::<u64>(), any::<Option<u32>>(), any::<Option<usize>>());
    let line = (prop::bool::weighted(0.8), 0_u16..6, prop::bool::weighted(0.3));
    let reload = (0..ALGORITHMS.len(), prop::collection::vec(line, NAMES.len()), any::<bool>());
    let step = prop_oneof![
        10 => pick.prop_map(|(random, source, avoid)| Step::Pick { random, source, avoid }),
        6 => any::<usize>().prop_map(Step::Release),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(server, up)| Step::Health(server, up)),
        1 => (any::<usize>(), 0_u8..3).prop_map(|(server, admin)| Step::Admin(server, admin)),
        2 => (any::<usize>(), 0_u16..20).prop_map(|(server, weight)| Step::Weight(server, weight)),
        u32::from(reloads) => reload
            .prop_map(|(balance, servers, all_backups)| Step::Reload { balance, servers, all_backups }),
    ];
    prop::collection::vec(step, 1..120)
}

struct History {
    book: StateBook,
    backend: Arc<Backend>,
    all_backups: bool,
    open: Vec<(Arc<Backend>, Arc<Server>)>,
}

impl History {
    fn new(balance: Balance, lines: &[(&str, ServerSettings)], all_backups: bool) -> History {
        let mut book = StateBook::new(1);
        let backend = common::backend(&mut book, balance, all_backups, lines);
        let backend = common::in_force(&book, backend);
        History { book, backend, all_backups, open: Vec::new() }
    }

    fn server(&self, number: usize) -> Option<&Arc<Server>> {
        let servers = &self.backend.servers;
        number.checked_rem(servers.len()).map(|index| &servers[index])
    }

    /// Whom a pick may choose: the usable servers of the side that serves.
    fn candidates(&self) -> Vec<Arc<Server>> {
        let usable = self.backend.servers.iter().filter(|server| server.state.is_usable());
        let (backup, active): (Vec<_>, Vec<_>) = usable.cloned().partition(|server| server.settings.backup);
        match (active.is_empty(), self.all_backups) {
            (false, _) => active,
            (true, true) => backup,
            (true, false) => backup.into_iter().take(1).collect(),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Pick { random, source, avoid } => return self.pick(*random, *source, *avoid),
            Step::Release(number) => {
                if let Some(index) = number.checked_rem(self.open.len()) {
                    // Often by the table of the time when it was picked, which is no longer in force.
                    let (backend, server) = self.open.swap_remove(index);
                    backend.release(&server);
                }
            }
            Step::Health(number, up) => {
                let health = if *up { Health::Up } else { Health::Down };
                self.server(*number).inspect(|server| self.backend.state.set_health(server, health));
            }
            Step::Admin(number, admin) => {
                let admin = [Admin::Ready, Admin::Drain, Admin::Maint][usize::from(*admin)];
                self.server(*number).inspect(|server| self.backend.state.set_admin(server, admin));
            }
            Step::Weight(number, weight) => {
                self.server(*number).inspect(|server| self.backend.state.set_weight(server, *weight));
            }
            Step::Reload { balance, servers, all_backups } => {
                let lines = NAMES.iter().zip(servers).filter(|(_, (is_there, ..))| *is_there);
                let settings = |&(_, weight, backup): &(bool, u16, bool)| ServerSettings {
                    weight,
                    backup,
                    ..ServerSettings::default()
                };
                let lines: Vec<_> = lines.map(|(name, line)| (*name, settings(line))).collect();
                self.all_backups = *all_backups;
                let backend = common::backend(&mut self.book, ALGORITHMS[*balance], *all_backups, &lines);
                self.backend = common::in_force(&self.book, backend);
            }
        }
        Ok(())
    }

    fn pick(&mut self, random: u64, source: Option<u32>, avoid: Option<usize>) -> Result<(), TestCaseError> {
        let candidates = self.candidates();
        let avoid = avoid.and_then(|number| self.server(number)).cloned();
        let key =
            PickKey { hash: source, random, avoid: avoid.as_ref().map(|server| &*server.state), ..PickKey::default() };
        let Some(server) = self.backend.pick(&key) else {
            prop_assert!(candidates.is_empty(), "somebody could have been picked");
            return Ok(());
        };
        prop_assert!(
            candidates.iter().any(|candidate| Arc::ptr_eq(candidate, &server)),
            "{} is not usable",
            server.name
        );
        let holds_to_server = self.backend.balance == Balance::Hash(Mapping::Map) && source.is_some();
        if avoid.is_some_and(|avoid| Arc::ptr_eq(&avoid, &server)) && !holds_to_server {
            prop_assert_eq!(candidates.len(), 1, "{} was to be avoided", &server.name);
        }
        self.open.push((self.backend.clone(), server));
        Ok(())
    }

    /// The state tells what happened, whatever happened.
    fn check(&self) -> Result<(), TestCaseError> {
        let mut open: HashMap<&str, u32> = HashMap::new();
        self.open.iter().for_each(|(_, server)| *open.entry(&server.name).or_default() += 1);
        for server in &self.backend.servers {
            prop_assert_eq!(server.state.conns(), open.get(&*server.name).copied().unwrap_or(0));
        }
        let usable = self.backend.state.usable();
        let count = |backup| {
            let servers = self.backend.servers.iter();
            servers.filter(|server| server.settings.backup == backup && server.state.is_usable()).count() as u32
        };
        prop_assert_eq!((usable.active, usable.backup), (count(false), count(true)));
        prop_assert_eq!(self.backend.state.nbsrv() as usize, self.candidates().len());
        Ok(())
    }
}

fn equal_servers() -> Vec<(&'static str, ServerSettings)> {
    NAMES.iter().map(|name| (*name, ServerSettings::default())).collect()
}

proptest! {
    #[test]
    fn only_usable_servers_are_picked_and_all_counts_return_to_zero(first in 0..ALGORITHMS.len(), steps in steps(true)) {
        let mut history = History::new(ALGORITHMS[first], &equal_servers(), false);
        for step in &steps {
            history.step(step)?;
            history.check()?;
        }
        for (backend, server) in std::mem::take(&mut history.open) {
            backend.release(&server);
            prop_assert!(server.state.conns_total() > 0);
        }
        history.check()?;
    }

    /// leastconn against a model that looks at every server at every pick.
    #[test]
    fn least_conn_picks_the_least_loaded(weights in prop::collection::vec(0_u16..40, 1..8), steps in steps(false)) {
        let lines: Vec<_> = NAMES.iter().zip(weights).map(|(name, w)| (*name, weight(w))).collect();
        let mut history = History::new(Balance::LeastConn, &lines, false);
        for step in &steps {
            let loads: Vec<_> = history.candidates().iter().map(|server| (model_load(server), server.clone())).collect();
            let before = history.open.len();
            if let Step::Pick { random, source, .. } = step {
                history.pick(*random, *source, None)?;
            } else {
                history.step(step)?;
            }
            if history.open.len() > before {
                let (_, picked) = history.open.last().expect("a pick is kept");
                let least = loads.iter().map(|(load, _)| *load).min().expect("a picked server was a candidate");
                let (load, _) = loads.iter().find(|(_, server)| Arc::ptr_eq(server, picked)).expect("as above");
                prop_assert_eq!(*load, least, "{} is not the least loaded", &picked.name);
            }
        }
    }
}

/// HAProxy's measure of load (`lb_fwlc.c`): 4096 for each connection, the coming one included, over 16 times the weight.
fn model_load(server: &Server) -> u64 {
    match u64::from(server.state.conns()) {
        0 => 0,
        conns => (conns + 1) * 4096 / (u64::from(server.state.weight()) * 16),
    }
}

/// Picks `rounds` times the sum of weights on each of eight threads at once.
fn spread(balance: Balance, weights: &[u16], rounds: usize) -> Vec<u64> {
    let lines: Vec<_> = NAMES.iter().zip(weights).map(|(name, w)| (*name, weight(*w))).collect();
    let backend = History::new(balance, &lines, false).backend;
    let picks = rounds * weights.iter().map(|&weight| usize::from(weight)).sum::<usize>();
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let backend = &backend;
            scope.spawn(move || {
                for pick in 0..picks as u64 {
                    let key = PickKey { random: thread << 32 | pick, ..PickKey::default() };
                    let server = backend.pick(&key).expect("all servers are usable");
                    backend.release(&server);
                }
            });
        }
    });
    assert!(backend.servers.iter().all(|server| server.state.conns() == 0));
    backend.servers.iter().map(|server| server.state.conns_total()).collect()
}

#[test]
fn eight_threads_in_turn_are_exact() {
    for balance in [Balance::RoundRobin, Balance::StaticRr] {
        assert_eq!(spread(balance, &[1, 1, 1, 1], 500), [4000; 4], "{balance:?}");
        assert_eq!(spread(balance, &[3, 1, 4], 200), [4800, 1600, 6400], "{balance:?}");
    }
}

#[test]
fn eight_threads_that_stay_fill_servers_evenly() {
    let backend = History::new(Balance::LeastConn, &equal_servers(), false).backend;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let stay = || (0..1000).for_each(|_| drop(backend.pick(&PickKey::default())));
            scope.spawn(stay);
        }
    });
    assert!(backend.servers.iter().all(|server| server.state.conns() == 1000));
}

#[test]
fn random_draws_follow_the_weights() {
    // One draw: 32,000 draws of probability 1/8, 2/8 and 5/8 leave their means by less than 5 standard deviations.
    let counts = spread(Balance::Random { draws: 1 }, &[1, 2, 5], 500);
    for (count, eighths) in counts.iter().zip([1.0_f64, 2.0, 5.0]) {
        let (mean, deviation) = (4000.0 * eighths, (32_000.0 * eighths / 8.0 * (1.0 - eighths / 8.0)).sqrt());
        assert!((*count as f64 - mean).abs() < 5.0 * deviation, "{counts:?}");
    }
}

#[test]
fn random_takes_the_less_loaded_of_its_draws() {
    let backend = History::new(Balance::Random { draws: 2 }, &equal_servers(), false).backend;
    (0..8000).for_each(|random| drop(backend.pick(&PickKey { random, ..PickKey::default() })));
    let conns: Vec<_> = backend.servers.iter().map(|server| server.state.conns()).collect();
    // Two choices keep the fullest within log log n of the mean (Mitzenmacher 1996); a single draw would stray by dozens.
    assert!(conns.iter().all(|conns| conns.abs_diff(1000) < 8), "{conns:?}");
}
