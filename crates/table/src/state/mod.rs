//! What outlives a table: counts, health, run-time weights and the balancers, shared by every table that knows the name.

pub(crate) mod backend;
pub(crate) mod bells;
pub(crate) mod chance;
pub(crate) mod frontend;
pub(crate) mod inbox;
pub(crate) mod limiter;
pub(crate) mod misread;
pub(crate) mod process;
pub(crate) mod rate_limit;
pub(crate) mod server;
pub(crate) mod sources;
pub(crate) mod tls;
pub(crate) mod wall;
pub(crate) mod warmth;
