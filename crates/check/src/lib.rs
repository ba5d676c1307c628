//! Health checks, without I/O.
//!
//! ```text
//!   first_delay ──▶ Probe ──▶ Outcome ──▶ Health ──▶ Notice
//!   when to begin   one check  what came   rise and   what the log
//!                              of it       fall       says
//! ```
//!
//! Whoever runs the checks owns the sockets and the clock. It does what a [`Probe`] asks for
//! on behalf of its [`Script`], gives the [`Outcome`] to
//! the [`Health`] of the server, and comes back after [`Health::interval`], counted from the end of the check.
//!
//! Times, counters and texts are HAProxy's. Where its versions differ in a text, this is the one of 2.6. The rules stand
//! in its configuration manual ("CFG" in what follows), sections 4.2 and 5.2.
#![forbid(unsafe_code)]

mod agent;
mod course;
mod errno;
mod field;
mod formula;
mod health;
mod http;
mod notice;
mod outcome;
mod pattern;
mod preset;
mod probe;
mod script;
mod secure;
mod spread;

pub use agent::{Order, Report, agent_script};
pub use errno::Errno;
pub use field::{FieldPattern, How, Likeness};
pub use formula::{Formula, Formulas, Text};
pub use health::{Begins, Health, Settings};
pub use http::{ExpectResponse, Request, Wanted};
pub use http1::{Method, Version as HttpVersion};
pub use notice::{
    Asked, Notice, ServerName, Severity, Streams, Usable, Why, checked, server_down, server_stopping, server_up,
};
pub use outcome::{Outcome, Status};
pub use pattern::{Pattern, regex};
pub use preset::Preset;
pub use probe::{Event, Next, Probe};
pub use regex::bytes::Regex;
pub use script::{Action, Connect, Ending, Expect, Saying, Script, ScriptBuilder, Step, Timeouts, Tls};
pub use spread::{first_delay, jittered, smallest_interval};
