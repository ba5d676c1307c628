//! Health checks, without I/O.
//!
//! ```text
//!   first_delay ──▶ Probe ──▶ Outcome ──▶ Health ──▶ Transition ──▶ Notice
//!   when to begin   one check  what came   rise and   up or down     what the log
//!                              of it       fall                      says
//! ```
//!
//! Whoever runs the checks owns the sockets and the clock. It does what a [`Probe`] asks for
//! on behalf of its [`Script`], gives the [`Outcome`] to
//! the [`Health`] of the server, and comes back after [`Health::interval`], counted from the end of the check.
//!
//! Times, counters and texts are HAProxy's. Where its versions differ in a text, this is the one of 2.6. The rules stand
//! in its configuration manual ("CFG" in what follows), sections 4.2 and 5.2.
#![forbid(unsafe_code)]

mod errno;
mod health;
mod notice;
mod outcome;
mod pattern;
mod preset;
mod probe;
mod script;
mod spread;

pub use errno::Errno;
pub use health::{Health, Settings, Transition};
pub use notice::{Notice, ServerName, Severity, Streams, Usable, backend_down, server_down, server_up};
pub use outcome::{Outcome, Status};
pub use pattern::{Pattern, regex};
pub use preset::Preset;
pub use probe::{Event, Next, Probe};
pub use regex::bytes::Regex;
pub use script::{Action, Connect, Ending, Expect, Saying, Script, ScriptBuilder, Step, Timeouts};
pub use spread::{first_delay, smallest_interval};
