//! All limits, watched over every step: what was there before may stay, nothing comes on top.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use table::{Limiter, RateLimit, Server, Table};

/// What there was before a step.
pub(crate) struct Watch {
    table: Arc<Table>,
    /// On every server.
    conns: Vec<(Arc<Server>, u32)>,
    /// In the process and at every frontend.
    admitted: Vec<u32>,
    /// In the second that is counted, in the process and at every frontend.
    rates: Vec<(u64, u64)>,
    /// Of each client address, at every frontend.
    sources: Vec<BTreeMap<IpAddr, u32>>,
}

impl Watch {
    /// `table` is in force, or is about to be.
    pub(crate) fn begin(table: Arc<Table>) -> Watch {
        let servers = table.backends.iter().flat_map(|backend| backend.servers.clone());
        let conns = servers.map(|server| (server.clone(), server.state.conns())).collect();
        let admitted = limiters(&table).map(Limiter::admitted).collect();
        let rates = rates(&table).map(RateLimit::counted).collect();
        let sources = table.frontends.iter().map(|frontend| frontend.state.sources.counts()).collect();
        Watch { table, conns, admitted, rates, sources }
    }

    /// `is_counting`: those who were there before a reload are being counted by their addresses.
    pub(crate) fn end(self, is_counting: bool) {
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
        for (rate, before) in rates(&self.table).zip(self.rates) {
            let ((second, now), limit) = (rate.counted(), u64::from(rate.limit()));
            let was = if second == before.0 { before.1 } else { 0 };
            assert!(limit == 0 || now <= was.max(limit), "{now} in a second, {was} before, {limit} allowed");
        }
        for (frontend, before) in self.table.frontends.iter().zip(self.sources) {
            let sources = &frontend.state.sources;
            let Some(most) = sources.most().filter(|_| !is_counting) else { continue };
            for (addr, now) in sources.counts() {
                let was = before.get(&addr).copied().unwrap_or(0);
                assert!(now <= was.max(most.get()), "{now} sessions of {addr}, {was} before, {most} allowed");
            }
        }
        for backend in &self.table.backends {
            backend.state.check().expect("nobody waits while there is a place");
        }
    }
}

fn rates(table: &Table) -> impl Iterator<Item = &RateLimit> {
    let frontends = table.frontends.iter().map(|frontend| &frontend.state.session_rate);
    [&table.process.connection_rate, &table.process.session_rate].into_iter().chain(frontends)
}

fn limiters(table: &Table) -> impl Iterator<Item = &Limiter> {
    let frontends = table.frontends.iter().map(|frontend| &frontend.state.limiter);
    [&table.process.limiter].into_iter().chain(frontends)
}
