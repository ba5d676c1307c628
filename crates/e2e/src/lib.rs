//! The end-to-end rig: the real `tidegate` binary, or Debian's haproxy in its place, between real peers on loopback.
//!
//! A scenario is a function of the [`Subject`] under test. [`scenarios!`] makes two tests of it, `haproxy::NAME` and
//! `tidegate::NAME`: the reference proves that what a scenario expects is what HAProxy does, and Tidegate has to do the same.
//!
//! ```text
//!   Client ──► Proxy (a Subject and its configuration) ──► Origin, Dovecot, Refusing, BlackHole
//!                 └──► LogServer
//! ```
//!
//! **Invariant:** every process and every directory that a test makes is gone when the test ends, also when it panics.
//! **Invariant:** nothing waits by sleeping for a guessed time; [`wait`] polls a condition under a deadline.

#![forbid(unsafe_code)]

pub mod admin;
pub mod browser;
pub mod client;
pub mod dovecot;
pub mod http;
pub mod load;
pub mod mail;
pub mod mask;
pub mod needs;
pub mod nginx;
pub mod peers;
pub mod ports;
pub mod process;
pub mod proxy;
pub mod python;
pub mod rsyslog;
pub mod run;
pub mod secure_origin;
pub mod soak;
pub mod syslog;
pub mod tls;
pub mod wait;

pub use admin::{Admin, Row};
pub use browser::Browser;
pub use client::{Client, End};
pub use load::Load;
pub use needs::Subject;
pub use peers::{BlackHole, Crowd, Origin, Refusing};
pub use proxy::{Proxy, Setup};
pub use syslog::{DeafLogServer, LogServer};
