//! The control thread: configuration → table, health checks, reload, signals, logs.
//!
//! ```text
//!   files ──load──▶ Table ──handover──▶ shards bind ──▶ published (ArcSwap) ──▶ shards adopt
//!                     │
//!                     ├──▶ checks ──▶ server states, log
//!   signals ──────────┤
//!   port (news) ──────┴──▶ notices of shards, records of sessions ──▶ log ──▶ sinks
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `run` | the loop: which events there are, what follows from each |
//! | `load`, `reading`, `environment` | files → everything there is to say about them, at the start and again |
//! | `settings` | what the file says about the process itself |
//! | `lower/`, `resolve` | tree → table; host names → addresses |
//! | `handover` | how a table gets to all shards or to none |
//! | `checks/` | which server is checked when, and what a result changes |
//! | `ledger` | when servers changed, and how long they were down |
//! | `admin/` | the admin sockets: who asks what, and what is answered |
//! | `pages/` | what operators and their tools look at over HTTP |
//! | `log/` | lines in HAProxy's words, and where they go |
//! | `console`, `report`, `stdio` | what is said on standard error, without waiting for its reader |
//! | `shutdowns` | orders to end sessions, until the shards have them |
//! | `manager` | what the service manager is told |
//! | `trends` | how many sessions every server got lately |
//! | `signals`, `news` | descriptors that say that something is asked for |
//! | `watch` | whether the shards turn |
//! | `clock` | monotonic time on the wall |
//! | `uio` | the runtime and its connections |
//!
//! Everything here is one thread's, but for the reading of a configuration. It never waits for a shard: it asks by mail and goes
//! on until the answer comes.
//!
//! **Invariant:** shards have descriptor tables of their own, so nothing of this thread's runtime may be woken from theirs. Only
//! the eventfd of the port crosses.
#![forbid(unsafe_code)]

mod admin;
mod certificates;
mod checks;
mod clock;
mod console;
mod environment;
mod evictions;
mod handover;
mod history;
mod ledger;
mod load;
mod log;
mod lower;
mod manager;
mod news;
mod pages;
mod pem;
mod reading;
mod reloads;
mod report;
mod resolve;
mod run;
mod server_states;
mod settings;
mod shutdowns;
mod signals;
mod stdio;
mod trends;
mod uio;
mod warmups;
mod watch;

pub use admin::{AdminSockets, Collect};
pub use clock::Moment;
pub use config::IoEngine;
pub use load::{Defaults, Files, KernelTls, Loaded, empty_table, load};
pub use log::{calendar, envelope, format};
pub use report::unbindable;
pub use run::{Exit, OnServing, Parts, run};
pub use settings::{CpuMaps, ProcessSettings};
pub use signals::{StopSignal, block_signals};
pub use uio::Runtime;
