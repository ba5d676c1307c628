//! What is to be checked, and how a new table changes it: decisions without I/O.

use check::{Health, Script, Settings, first_delay, smallest_interval};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use table::{Admin, BackendId, CheckSettings, Place, Server, ServerAddr, ServerId, Table, Tuning};

/// Who is asked how a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The server itself.
    Check,
    /// Somebody beside it (`agent-check`).
    Agent,
}

/// What a check is known by over reloads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) backend: Arc<str>,
    pub(super) server: Arc<str>,
    pub(super) kind: Kind,
}

/// What the operator wants otherwise, as long as the file says what it said then.
#[derive(Clone, Debug)]
pub(super) struct Amendment {
    of: CheckSettings,
    pub(super) place: Place,
    /// What is said to the agent first.
    pub(super) says: Option<String>,
}

impl Kind {
    const ALL: [Kind; 2] = [Kind::Check, Kind::Agent];

    pub(super) fn settings(self, server: &Server) -> Option<&CheckSettings> {
        match self {
            Kind::Check => server.settings.check.as_ref(),
            Kind::Agent => server.settings.agent.as_ref(),
        }
    }

    /// Maintenance is without checks (`configuration.txt: disabled`), but an agent may end it.
    fn is_wanted(self, server: &Server) -> bool {
        match self {
            Kind::Check => server.state.admin() != Admin::Maint,
            Kind::Agent => true,
        }
    }
}

impl Key {
    pub(super) fn of(server: &Server, kind: Kind) -> Key {
        Key { backend: Arc::clone(&server.backend_name), server: Arc::clone(&server.name), kind }
    }
}

impl Amendment {
    /// None yet to what the file says.
    pub(super) fn to(settings: &CheckSettings) -> Amendment {
        Amendment { of: settings.clone(), place: Place::default(), says: None }
    }
}

/// How a server is checked. A check goes on undisturbed as long as this stays the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) to: ServerAddr,
    pub(super) script: Script,
    /// What the script knows by number.
    pub(super) formulas: Arc<[table::Formula]>,
    pub(super) settings: Settings,
    /// What sockets are set to that connect to the server.
    pub(super) tuning: Tuning,
}

/// A server that a table wants checked.
pub(super) struct Wanted {
    pub(super) key: Key,
    pub(super) id: ServerId,
    pub(super) plan: Plan,
}

/// What a new table means to a server's check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing changed.
    Keep,
    /// It was not checked before.
    Start,
    /// It is checked in another way now, and keeps its health.
    Resettle,
}

/// What is to be checked of a table, in file order.
pub(super) fn wanted(table: &Table, amendments: &HashMap<Key, Amendment>) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (id, server) in servers(table) {
        for kind in Kind::ALL {
            if let Some(settings) = kind.settings(server).filter(|_| kind.is_wanted(server)) {
                let key = Key::of(server, kind);
                let plan = plan(server, settings, amendments.get(&key));
                wanted.push(Wanted { key, id, plan });
            }
        }
    }
    wanted
}

/// Forgets what the operator wanted of servers that the file speaks of otherwise now, or not at all.
pub(super) fn forget(amendments: &mut HashMap<Key, Amendment>, paused: &mut HashSet<Key>, table: &Table) {
    let mut known = HashMap::new();
    for (_, server) in servers(table) {
        for kind in Kind::ALL {
            known.extend(kind.settings(server).map(|settings| (Key::of(server, kind), settings)));
        }
    }
    amendments.retain(|key, amendment| known.get(key).is_some_and(|&settings| *settings == amendment.of));
    paused.retain(|key| known.contains_key(key));
}

pub(super) fn servers(table: &Table) -> impl Iterator<Item = (ServerId, &Server)> {
    table.backends.iter().zip(0..).flat_map(|(backend, number)| {
        let id = move |index| ServerId { backend: BackendId(number), index };
        backend.servers.iter().zip(0..).map(move |(server, index)| (id(index), &**server))
    })
}

/// What becomes of each of `wanted`, in their order. Whatever runs and is not among them ends.
pub(super) fn reconcile<'a>(plan_of: impl Fn(&Key) -> Option<&'a Plan>, wanted: &[Wanted]) -> Vec<Verdict> {
    let verdict = |wanted: &Wanted| match plan_of(&wanted.key) {
        None => Verdict::Start,
        Some(plan) if *plan == wanted.plan => Verdict::Keep,
        Some(_) => Verdict::Resettle,
    };
    wanted.iter().map(verdict).collect()
}

/// How long the first check of each new or changed server waits, spread so that they do not all come at once.
pub(super) fn delays(verdicts: &[Verdict], wanted: &[Wanted], most: Option<Duration>) -> Vec<Duration> {
    let interval = |wanted: &Wanted| Health::new(wanted.plan.settings).interval();
    let smallest = smallest_interval(wanted.iter().map(interval));
    let count = verdicts.iter().filter(|&&verdict| verdict != Verdict::Keep).count() as u32;
    let mut next = 0;
    let delay = |(verdict, wanted): (&Verdict, &Wanted)| match verdict {
        Verdict::Keep => Duration::ZERO,
        Verdict::Start | Verdict::Resettle => {
            let index = next;
            next += 1;
            first_delay(index, count, smallest, interval(wanted), most)
        }
    };
    verdicts.iter().zip(wanted).map(delay).collect()
}

fn plan(server: &Server, check: &CheckSettings, amendment: Option<&Amendment>) -> Plan {
    let CheckSettings { place, mut script, formulas, inter, fastinter, downinter, rise, fall, begins } = check.clone();
    let amended = amendment.map(|amendment| amendment.place).unwrap_or_default();
    if let Some(says) = amendment.and_then(|amendment| amendment.says.as_deref()) {
        script = check::agent_script(says.as_bytes(), script.timeouts);
    }
    // As far as it has no place of its own a check follows its server.
    let to = amended.or(place).of(&server.address());
    let settings = Settings { inter, fastinter, downinter, rise, fall, begins };
    Plan { to, script, formulas, settings, tuning: server.settings.tuning.clone() }
}

/// Those that run and are not wanted any more.
pub(super) fn ended<T>(running: &HashMap<Key, T>, wanted: &[Wanted]) -> Vec<Key> {
    let wanted: std::collections::HashSet<&Key> = wanted.iter().map(|wanted| &wanted.key).collect();
    running.keys().filter(|&key| !wanted.contains(key)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(inter_millis: u64) -> Plan {
        let inter = Duration::from_millis(inter_millis);
        Plan {
            to: ServerAddr::Ip(([192, 0, 2, 1], 143).into()),
            script: Script::connect_only(None, check::Timeouts { inter, connect: None, check: None }),
            formulas: Arc::new([]),
            settings: Settings::every(inter),
            tuning: Tuning::default(),
        }
    }

    fn key(server: &str) -> Key {
        Key { backend: "be".into(), server: server.into(), kind: Kind::Check }
    }

    fn wanted(servers: &[(&str, u64)]) -> Vec<Wanted> {
        let id = ServerId { backend: BackendId(0), index: 0 };
        servers.iter().map(|&(server, inter)| Wanted { key: key(server), id, plan: plan(inter) }).collect()
    }

    #[test]
    fn same_changed_new_and_gone() {
        let running = HashMap::from(
            [("same", 2000), ("changed", 2000), ("gone", 2000)].map(|(name, inter)| (key(name), plan(inter))),
        );
        let wanted = wanted(&[("new", 2000), ("same", 2000), ("changed", 500)]);
        let verdicts = reconcile(|key| running.get(key), &wanted);
        assert_eq!(verdicts, [Verdict::Start, Verdict::Keep, Verdict::Resettle]);
        assert_eq!(ended(&running, &wanted), [key("gone")]);
    }

    #[test]
    fn another_address_is_another_way_of_checking() {
        let moved = Plan { to: ServerAddr::Ip(([192, 0, 2, 2], 143).into()), ..plan(2000) };
        let wanted = wanted(&[("s", 2000)]);
        assert_eq!(reconcile(|_| Some(&moved), &wanted), [Verdict::Resettle]);
    }

    /// The start of ten servers as HAProxy 2.6 spread it (2 s over all of them), and of those alone that a reload adds.
    #[test]
    fn first_checks_are_spread() {
        let names: Vec<String> = (0..10).map(|index| format!("s{index}")).collect();
        let servers: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 2000)).collect();
        let wanted = wanted(&servers);
        let all = delays(&[Verdict::Start; 10], &wanted, None);
        let millis: Vec<u128> = all.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [0, 200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800]);

        let mut verdicts = [Verdict::Keep; 10];
        (verdicts[3], verdicts[7]) = (Verdict::Start, Verdict::Resettle);
        let some = delays(&verdicts, &wanted, None);
        assert_eq!((some[3].as_millis(), some[7].as_millis()), (0, 1000));
    }
}
