//! A backend: servers, how to choose between them, and how long to wait for them.

use std::sync::Arc;
use std::time::Duration;

use crate::balance::PickKey;
use crate::{BackendState, Mode, Redispatch, Server, Splice};

/// `backend NAME`, or the server's half of `listen NAME`.
#[derive(Debug)]
pub struct Backend {
    pub name: Arc<str>,
    pub mode: Mode,
    /// In file order.
    pub servers: Vec<Arc<Server>>,
    pub balance: Balance,
    /// `option allbackups`: once no active server is left, balance over all backups instead of using the first.
    pub all_backups: bool,
    /// `None`: every attempt goes to the same server. See [`Backend::retry`].
    pub redispatch: Option<Redispatch>,
    /// Attempts after the first (`retries`).
    pub retries: u32,
    pub timeouts: BackendTimeouts,
    pub splice: Splice,
    /// Places in [`Table::log_targets`](crate::Table::log_targets) for what happens to its servers (`Server … is DOWN`).
    pub log_targets: Vec<usize>,
    pub state: Arc<BackendState>,
}

impl Backend {
    /// Chooses a server for a connection and counts the connection on it; `None` if none is usable.
    ///
    /// The choice is made from the newest table's servers, whatever table this backend belongs to.
    ///
    /// **Invariant:** what was picked is given back exactly once, by [`release`](Self::release).
    pub fn pick(&self, key: &PickKey<'_>) -> Option<Arc<Server>> {
        self.state.pick(key)
    }

    /// Ends what [`pick`](Self::pick) began: the connection is no longer on the server.
    pub fn release(&self, server: &Server) {
        self.state.release(server);
    }
}

/// `balance` (`configuration.txt: balance`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Balance {
    RoundRobin,
    StaticRr,
    LeastConn,
    First,
    Source,
    /// `random(draws)`: the least loaded of so many servers drawn by weight.
    Random {
        draws: u32,
    },
}

/// The server side's time limits; `None` is without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendTimeouts {
    pub connect: Option<Duration>,
    /// Inactivity (`timeout server`).
    pub server: Option<Duration>,
    /// Inactivity once one direction is closed (`timeout server-fin`).
    pub server_fin: Option<Duration>,
    /// Inactivity of both sides where a tunnel was set up (`timeout tunnel`).
    pub tunnel: Option<Duration>,
    /// How long a health check waits for an answer once it is connected; `None`: the check's interval rules.
    pub check: Option<Duration>,
}
