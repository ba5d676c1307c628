//! What a process does to itself, once, and what it tells those who started it.
//!
//! | file | what it knows |
//! |---|---|
//! | `detach` | going to the background, and telling the starter how the start went |
//! | `identity` | the user and the groups, and what is kept of root's rights |
//! | `jail` | a root directory of its own |
//! | `rights` | listening sockets of a predecessor |
//! | `pidfile` | the file that says which process it is |
//!
//! Everything here concerns the whole process, so it is done while the process has one thread.

mod detach;
pub mod identity;
pub mod jail;
mod pidfile;
pub mod rights;

pub use detach::{Starter, detach, leave_standard_streams};
pub use pidfile::PidFile;
