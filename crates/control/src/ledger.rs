//! When every server and every backend last changed, how long it has been down, and how often it went down.
//!
//! Whoever changes a server has the ledger look at it afterwards; it compares with what it saw before. Known by name, so a reload
//! starts nothing anew.

use driver::Instant;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use table::{Admin, Backend, BackendId, Health, Server, ServerId, Table};

#[derive(Default)]
pub(crate) struct Ledger {
    servers: HashMap<(Arc<str>, Arc<str>), Entry>,
    backends: HashMap<Arc<str>, Entry>,
}

/// What is known of one server, or of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    standing: Standing,
    changed_at: Instant,
    /// Until `changed_at`.
    downtime: Duration,
    /// How often it went down.
    pub(crate) downs: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Up,
    Draining,
    Stopping,
    Down,
    Maintained,
}

impl Ledger {
    /// Looks at everything in `table`, and forgets what is not.
    pub(crate) fn adopt(&mut self, table: &Table, now: Instant) {
        let (mut servers, mut backends) = (HashMap::new(), HashMap::new());
        for backend in &table.backends {
            for server in &backend.servers {
                let key = key(server);
                let known = self.servers.get(&key).copied();
                servers.insert(key, Entry::seen(known, standing(server), now));
            }
            let known = self.backends.get(&backend.name).copied();
            backends.insert(Arc::clone(&backend.name), Entry::seen(known, standing_of_all(backend), now));
        }
        *self = Ledger { servers, backends };
    }

    /// Something about a server has changed.
    pub(crate) fn look(&mut self, table: &Table, id: ServerId, now: Instant) {
        let (backend, server) = (table.backend(id.backend), table.server(id));
        if let Some(entry) = self.servers.get_mut(&key(server)) {
            *entry = Entry::seen(Some(*entry), standing(server), now);
        }
        if let Some(entry) = self.backends.get_mut(&backend.name) {
            *entry = Entry::seen(Some(*entry), standing_of_all(backend), now);
        }
    }

    /// Its last change is known to have been so long ago, as far as this machine has run so long.
    pub(crate) fn set_age(&mut self, table: &Table, id: ServerId, age: Duration, now: Instant) {
        if let Some(entry) = self.servers.get_mut(&key(table.server(id))) {
            let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
            entry.changed_at = Instant::from_nanos(now.nanos().saturating_sub(age));
        }
    }

    pub(crate) fn server(&self, server: &Server) -> Option<&Entry> {
        self.servers.get(&key(server))
    }

    pub(crate) fn backend(&self, table: &Table, id: BackendId) -> Option<&Entry> {
        self.backends.get(&table.backend(id).name)
    }

    /// Starts to count anew how often anything went down (`clear counters all`).
    pub(crate) fn clear(&mut self) {
        self.servers.values_mut().chain(self.backends.values_mut()).for_each(|entry| entry.downs = 0);
    }
}

impl Entry {
    /// How long ago it last changed.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.since(self.changed_at)
    }

    /// How long it has been out of service altogether.
    pub(crate) fn downtime(&self, now: Instant) -> Duration {
        let present = if self.standing.is_out() { self.age(now) } else { Duration::ZERO };
        self.downtime + present
    }

    fn seen(known: Option<Entry>, standing: Standing, now: Instant) -> Entry {
        match known {
            None => Entry { standing, changed_at: now, downtime: Duration::ZERO, downs: 0 },
            Some(entry) if entry.standing == standing => entry,
            Some(entry) => Entry {
                standing,
                changed_at: now,
                downtime: entry.downtime(now),
                downs: entry.downs + u64::from(standing == Standing::Down),
            },
        }
    }
}

impl Standing {
    fn is_out(self) -> bool {
        match self {
            Standing::Up | Standing::Draining | Standing::Stopping => false,
            Standing::Down | Standing::Maintained => true,
        }
    }
}

fn key(server: &Server) -> (Arc<str>, Arc<str>) {
    (Arc::clone(&server.backend_name), Arc::clone(&server.name))
}

fn standing(server: &Server) -> Standing {
    match (server.state.admin(), server.state.health()) {
        (Admin::Maint, _) => Standing::Maintained,
        (Admin::Ready | Admin::Drain, Health::Down) => Standing::Down,
        (Admin::Ready | Admin::Drain, Health::Stopping) => Standing::Stopping,
        (Admin::Drain, Health::Up) => Standing::Draining,
        (Admin::Ready, Health::Up) => Standing::Up,
    }
}

/// A backend is up while it has a server to go to, or never had one.
fn standing_of_all(backend: &Backend) -> Standing {
    let is_up = backend.servers.is_empty() || backend.state.nbsrv() > 0;
    if is_up { Standing::Up } else { Standing::Down }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::EPOCH + Duration::from_secs(seconds)
    }

    fn walk(steps: &[(u64, Standing)]) -> Entry {
        let mut entry = None;
        for &(seconds, standing) in steps {
            entry = Some(Entry::seen(entry, standing, at(seconds)));
        }
        entry.expect("a step")
    }

    #[test]
    fn downtime_is_the_sum_of_all_absences() {
        use Standing::{Down, Draining, Maintained, Up};
        let entry = walk(&[(0, Up), (10, Down), (15, Down), (20, Up), (30, Maintained), (40, Down), (45, Draining)]);
        assert_eq!((entry.downs, entry.downtime(at(100)).as_secs(), entry.age(at(100)).as_secs()), (2, 25, 55));
        let entry = walk(&[(0, Up), (10, Down)]);
        assert_eq!((entry.downs, entry.downtime(at(15)).as_secs(), entry.age(at(15)).as_secs()), (1, 5, 5));
    }

    #[test]
    fn starting_in_maintenance_is_no_fall() {
        let entry = walk(&[(3, Standing::Maintained)]);
        assert_eq!((entry.downs, entry.downtime(at(5)).as_secs()), (0, 2));
    }
}
