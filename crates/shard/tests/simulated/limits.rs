//! All limits, watched over every step: what was there before may stay, nothing comes on top.

use std::sync::Arc;
use table::{Limiter, Server, Table};

/// What there was before a step.
pub(crate) struct Watch {
    table: Arc<Table>,
    /// On every server.
    conns: Vec<(Arc<Server>, u32)>,
    /// In the process and at every frontend.
    admitted: Vec<u32>,
}

impl Watch {
    /// `table` is in force, or is about to be.
    pub(crate) fn begin(table: Arc<Table>) -> Watch {
        let servers = table.backends.iter().flat_map(|backend| backend.servers.clone());
        let conns = servers.map(|server| (server.clone(), server.state.conns())).collect();
        let admitted = limiters(&table).map(Limiter::admitted).collect();
        Watch { table, conns, admitted }
    }

    pub(crate) fn end(self) {
        for (server, before) in self.conns {
            let (now, limit) = (server.state.conns(), server.state.maxconn());
            assert!(
                now <= before || limit.is_none_or(|most| now <= most.get()),
                "{now} connections on {}, {before} before, {limit:?} allowed",
                server.name
            );
        }
        for (limiter, before) in limiters(&self.table).zip(self.admitted) {
            let (now, limit) = (limiter.admitted(), limiter.limit());
            assert!(now <= before.max(limit), "{now} sessions, {before} before, {limit} allowed");
        }
        for backend in &self.table.backends {
            backend.state.check().expect("nobody waits while there is a place");
        }
    }
}

fn limiters(table: &Table) -> impl Iterator<Item = &Limiter> {
    let frontends = table.frontends.iter().map(|frontend| &frontend.state.limiter);
    [&table.process.limiter].into_iter().chain(frontends)
}
