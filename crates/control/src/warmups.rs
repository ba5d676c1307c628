//! Servers that take their time after they came up (`slowstart`): since when, and how far each has come.
//!
//! The balancer makes a server cold in the moment in which it comes up; here its warmth rises, step by step.

use driver::Instant;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use table::{Server, Table, Warmth};

/// Between two steps (`server_warmup` of HAProxy).
const STEP: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Warmups {
    since: HashMap<(Arc<str>, Arc<str>), Instant>,
    step_at: Option<Instant>,
}

impl Warmups {
    /// When [`advance`](Warmups::advance) is due; `None` while all are warm.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.step_at
    }

    /// Something about a server has changed.
    pub(crate) fn look(&mut self, server: &Server, now: Instant) {
        match server.state.warmth() {
            Some(_) => {
                self.since.entry(key(server)).or_insert(now);
                self.step_at = self.step_at.or(Some(now + STEP));
            }
            None => {
                self.since.remove(&key(server));
            }
        }
    }

    /// Another table is in force: servers may have gone, and others may have come back by it.
    pub(crate) fn adopt(&mut self, table: &Table, now: Instant) {
        let before = std::mem::take(&mut self.since);
        for server in table.backends.iter().flat_map(|backend| &backend.servers) {
            if server.state.warmth().is_some() {
                let since = before.get(&key(server)).copied().unwrap_or(now);
                self.since.insert(key(server), since);
            }
        }
        self.step_at = (!self.since.is_empty()).then(|| self.step_at.unwrap_or(now + STEP));
    }

    /// Lets everybody be as warm as it is time for, if a step is due.
    pub(crate) fn advance(&mut self, table: &Table, now: Instant) {
        if self.step_at.is_none_or(|at| at > now) {
            return;
        }
        for backend in &table.backends {
            for server in backend.servers.iter().filter(|server| server.state.warmth().is_some()) {
                let since = *self.since.entry(key(server)).or_insert(now);
                let passed = now.since(since).as_secs();
                let warmth = server.settings.slowstart.and_then(|slowstart| Warmth::after(passed, slowstart));
                backend.state.set_warmth(server, warmth);
                if warmth.is_none() {
                    self.since.remove(&key(server));
                }
            }
        }
        self.step_at = (!self.since.is_empty()).then(|| now + STEP);
    }
}

fn key(server: &Server) -> (Arc<str>, Arc<str>) {
    (Arc::clone(&server.backend_name), Arc::clone(&server.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::tests::table_of;
    use table::Health;

    #[test]
    fn from_cold_to_warm() {
        let table = table_of("listen px\n bind :1001\n server s 192.0.2.1:1 check slowstart 3s weight 10\n");
        table.take_over();
        let backend = &table.backends[0];
        let (server, state) = (&backend.servers[0], &backend.servers[0].state);
        let at = |seconds| Instant::EPOCH + Duration::from_secs(seconds);
        let mut warmups = Warmups::default();
        warmups.look(server, at(1));
        assert_eq!((state.warmth(), warmups.deadline()), (None, None), "nobody starts cold");
        backend.state.set_health(server, Health::Down);
        warmups.look(server, at(2));
        backend.state.set_health(server, Health::Up);
        warmups.look(server, at(5));
        let mut weights = vec![state.effective_weight()];
        while let Some(due) = warmups.deadline() {
            warmups.advance(&table, due);
            weights.push(state.effective_weight());
        }
        assert_eq!(weights, [10, 60, 110, 160], "in sixteenths");
        assert_eq!(state.weight(), 10);
    }
}
