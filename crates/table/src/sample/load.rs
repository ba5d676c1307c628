//! How busy parts of the table are (`configuration.txt` §7.3.2: `queue`, `connslots`, `be_conn_free` and their kin).

use std::time::Duration;

use crate::{Backend, Frontend, Server, WEIGHT_SCALE};

/// What is asked of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackLoad {
    /// `queue`: sessions that wait, for any of its servers or for a certain one.
    Queue,
    /// `avg_queue`: the same for each server that connections are spread over, rounded up.
    AverageQueue,
    /// `connslots`: connections and sessions in lines that its servers have room for.
    Slots,
    /// `be_conn_free`: connections that its usable servers have room for.
    FreeConns,
    /// `be_sess_rate`
    SessionRate,
}

/// What is asked of a frontend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontLoad {
    /// `fe_sess_rate`
    SessionRate,
    /// `fe_req_rate`
    RequestRate,
}

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerLoad {
    /// `srv_conn_free`
    FreeConns,
    /// `srv_queue`: sessions that wait for it alone.
    Queue,
    /// `srv_sess_rate`
    SessionRate,
    /// `srv_weight`: by which connections are spread now, in whole numbers.
    Weight,
    /// `srv_uweight`: what the operator wants.
    WeightWanted,
    /// `srv_iweight`: what the file says.
    WeightConfigured,
}

/// What HAProxy says of room that has no limit.
const WITHOUT_LIMIT: i64 = -1;

impl BackLoad {
    pub(super) fn of(self, backend: &Backend, now: Duration) -> i64 {
        let waiting = i64::from(backend.state.waiting());
        match self {
            BackLoad::Queue => waiting,
            BackLoad::AverageQueue => match i64::from(backend.state.nbsrv()) {
                // HAProxy's number for nobody to wait for.
                0 => waiting * 3,
                servers => (waiting + servers - 1) / servers,
            },
            BackLoad::Slots => sum(backend, |server| {
                let places = i64::from(server.settings.maxqueue?.get());
                Some(room(server)? + (places - i64::from(server.state.queued())).max(0))
            }),
            BackLoad::FreeConns => sum(backend, room),
            BackLoad::SessionRate => rate(backend.state.tally.session_rate(now)),
        }
    }
}

impl FrontLoad {
    pub(super) fn of(self, frontend: &Frontend, now: Duration) -> i64 {
        match self {
            FrontLoad::SessionRate => rate(frontend.state.tally.session_rate(now)),
            FrontLoad::RequestRate => rate(frontend.state.tally.request_rate(now)),
        }
    }
}

impl ServerLoad {
    pub(super) fn of(self, server: &Server, now: Duration) -> i64 {
        match self {
            ServerLoad::FreeConns => room(server).unwrap_or(WITHOUT_LIMIT),
            ServerLoad::Queue => server.state.queued().into(),
            ServerLoad::Weight => server.state.effective_weight().div_ceil(WEIGHT_SCALE).into(),
            ServerLoad::WeightWanted => server.state.weight().into(),
            ServerLoad::WeightConfigured => server.settings.weight.into(),
            ServerLoad::SessionRate => rate(server.state.tally.session_rate(now)),
        }
    }
}

/// Of the servers that are usable; without limit as soon as one of them is.
fn sum(backend: &Backend, room: impl Fn(&Server) -> Option<i64>) -> i64 {
    let usable = backend.servers.iter().filter(|server| server.state.is_usable());
    usable.map(|server| room(server)).sum::<Option<i64>>().unwrap_or(WITHOUT_LIMIT)
}

/// Connections that it has room for; `None` is without limit.
fn room(server: &Server) -> Option<i64> {
    let most = i64::from(server.state.maxconn()?.get());
    Some((most - i64::from(server.state.conns())).max(0))
}

fn rate(rate: u64) -> i64 {
    i64::try_from(rate).unwrap_or(i64::MAX)
}
