//! A backend: servers, how to choose between them, and how long to wait for them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::balance::{Assignment, Passed, PickKey, Preview, Ticket, Waiter};
use crate::{BackendRules, BackendState, Facts, Hashing, HttpBack, Mode, Redispatch, Server, Splice};

/// `backend NAME`, or the server's half of `listen NAME`.
#[derive(Debug)]
pub struct Backend {
    pub name: Arc<str>,
    pub mode: Mode,
    pub rules: BackendRules,
    /// In file order.
    pub servers: Vec<Arc<Server>>,
    pub balance: Balance,
    /// What a connection's hash is made of; without meaning for algorithms that know none.
    pub hashing: Hashing,
    /// `option allbackups`: once no active server is left, balance over all backups instead of using the first.
    pub all_backups: bool,
    /// `None`: every attempt goes to the same server. See [`Backend::retry`].
    pub redispatch: Option<Redispatch>,
    /// Attempts after the first (`retries`).
    pub retries: u32,
    pub timeouts: BackendTimeouts,
    pub limits: BackendLimits,
    pub splice: Splice,
    /// Without meaning in a backend of another mode.
    pub http: HttpBack,
    /// Places in [`Table::log_targets`](crate::Table::log_targets) for what happens to its servers (`Server … is DOWN`).
    pub log_targets: Vec<usize>,
    /// Every check that finds something new is told (`option log-health-checks`).
    pub logs_checks: bool,
    pub state: Arc<BackendState>,
}

impl Backend {
    /// What a client with these facts belongs to a server by; `None`: to none.
    pub fn hash<'f>(&self, facts: impl FnOnce() -> Facts<'f>) -> Option<u32> {
        match self.balance {
            Balance::Hash(_) => self.hashing.of(&facts()),
            Balance::RoundRobin | Balance::StaticRr | Balance::LeastConn | Balance::First | Balance::Random { .. } => {
                None
            }
        }
    }

    /// Chooses a server for a connection and counts the connection on it, or gives the session a place in a line.
    ///
    /// The choice is made from the newest table's servers, whatever table this backend belongs to.
    ///
    /// **Invariant:** a server that was assigned is given back exactly once, by [`release`](Self::release); a place in a line
    /// ends with a [`Grant`](crate::Grant) or with [`leave`](Self::leave).
    pub fn assign(&self, key: &PickKey<'_>, waiter: Waiter) -> Assignment {
        let assignment = self.state.assign(key, waiter);
        match assignment {
            // Only a rule wanted this server, and `option redispatch` says that another will do (`configuration.txt: maxqueue`).
            Assignment::LineFull(_) if self.may_go_elsewhere(key) => self.state.assign(&key.unbound(), waiter),
            assignment @ (Assignment::LineFull(_)
            | Assignment::Server(_)
            | Assignment::Queued(..)
            | Assignment::NoServer) => assignment,
        }
    }

    /// What [`assign`](Self::assign) would answer at this moment, for whoever wants to know without asking for it.
    pub fn preview(&self, key: &PickKey<'_>) -> Preview {
        match self.state.preview(key) {
            Preview::LineFull(_) if self.may_go_elsewhere(key) => self.state.preview(&key.unbound()),
            preview @ (Preview::LineFull(_)
            | Preview::Server(_)
            | Preview::Line(_)
            | Preview::AnyLine
            | Preview::NoServer) => preview,
        }
    }

    fn may_go_elsewhere(&self, key: &PickKey<'_>) -> bool {
        key.preferred.is_some() || key.imposed.is_some() && self.redispatch.is_some()
    }

    /// As [`assign`](Self::assign), for one who does not wait; `None` if no server is usable or none has a place.
    pub fn pick(&self, key: &PickKey<'_>) -> Option<Arc<Server>> {
        self.state.pick(key)
    }

    /// Gives up a place in a line. `None`: a server has been granted meanwhile, and the [`Grant`](crate::Grant) is in the
    /// inbox of the waiter's shard already, which hands it back.
    pub fn leave(&self, ticket: Ticket) -> Option<Passed> {
        self.state.leave(ticket)
    }

    /// Ends what [`assign`](Self::assign) began: the connection is no longer on the server.
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
    /// By a hash of what the client is or wants ([`Hashing`]): `source`, `uri`, `url_param`, `hdr`, `hash`.
    Hash(Mapping),
    /// `random(draws)`: the least loaded of so many servers drawn by weight.
    Random {
        draws: u32,
    },
}

/// How a hash becomes a server (`configuration.txt: hash-type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mapping {
    /// By a table of all servers by weight: even, and made anew when a server comes or goes.
    Map,
    /// By points on a ring, of which a server takes its own along.
    Ring,
}

/// How much a backend takes beside what its servers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendLimits {
    /// Most connections on all its servers together; whoever comes on top waits. A keyword of our own.
    pub maxconn: Option<NonZeroU32>,
    /// Connections, waiting ones included, at which servers with `minconn` reach their `maxconn` (`fullconn`).
    pub fullconn: u32,
    /// No server is to have more than so many percent of its share of all connections, more than 100 (`hash-balance-factor`); only of
    /// [`Mapping::Ring`] and [`Balance::Random`].
    pub share_percent: Option<NonZeroU32>,
    /// Where so many wait for a server already, a client that would stay with it goes elsewhere (`max-keep-alive-queue`).
    pub kept_queue_max: Option<u32>,
}

impl Default for BackendLimits {
    fn default() -> BackendLimits {
        BackendLimits { maxconn: None, fullconn: 1, share_percent: None, kept_queue_max: None }
    }
}

/// The server side's time limits; `None` is without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackendTimeouts {
    pub connect: Option<Duration>,
    /// How long a session waits for a server (`timeout queue`, else `timeout connect`).
    pub queue: Option<Duration>,
    /// Inactivity (`timeout server`).
    pub server: Option<Duration>,
    /// Inactivity once one direction is closed (`timeout server-fin`).
    pub server_fin: Option<Duration>,
    /// Inactivity of both sides where a tunnel was set up (`timeout tunnel`).
    pub tunnel: Option<Duration>,
    /// How long the content of a request may take that is waited for (`timeout http-request`).
    pub http_request: Option<Duration>,
    /// As that of a frontend, for rules of the backend.
    pub tarpit: Option<Duration>,
    /// How long a health check waits for an answer once it is connected; `None`: the check's interval rules.
    pub check: Option<Duration>,
}
