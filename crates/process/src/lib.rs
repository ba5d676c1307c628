//! What a process does to itself, once, and what it tells those who started it.
//!
//! | file | what it knows |
//! |---|---|
//! | `detach` | going to the background, and telling the starter how the start went |
//! | `pidfile` | the file that says which process it is |
//!
//! Everything here concerns the whole process, so it is done while the process has one thread.

mod detach;
mod pidfile;

pub use detach::{Starter, detach, leave_standard_streams};
pub use pidfile::PidFile;
