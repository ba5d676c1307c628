//! The limits of servers and backends, watched over every step: what was there before may stay, nothing comes on top.

use std::sync::Arc;
use table::{Server, Table};

/// What was on every server before a step.
pub(crate) struct Watch {
    table: Arc<Table>,
    conns: Vec<(Arc<Server>, u32)>,
}

impl Watch {
    /// `table` is in force, or is about to be.
    pub(crate) fn begin(table: Arc<Table>) -> Watch {
        let servers = table.backends.iter().flat_map(|backend| backend.servers.clone());
        let conns = servers.map(|server| (server.clone(), server.state.conns())).collect();
        Watch { table, conns }
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
        for backend in &self.table.backends {
            backend.state.check().expect("nobody waits while there is a place");
        }
    }
}
