//! In-process benchmarks: what single parts of Tidegate cost, without a socket and without a second process.
//!
//! | command | what it shows | what it needs |
//! |---|---|---|
//! | `cargo bench -p benches` | times | nothing |
//! | `cargo bench -p benches --bench balance -- 10000` | times of some | nothing |
//! | `cargo bench -p benches --features instructions --bench instructions` | instructions | valgrind, gungraun-runner 0.20 |
//! | `cargo test -p benches` | that each of them still runs: once, unmeasured | nothing |
//!
//! This library holds the work; `parts/` measures it. Both measures run the same work, so a time that moved can be told from
//! a machine that was busy: instructions do not depend on who else runs.
//!
//! | module | part |
//! |---|---|
//! | `configuration` | a file → tree → table → published, at the start and at a reload |
//! | `routing` | which backend a connection goes to |
//! | `admit` | a place below the limits |
//! | `balance` | which server it gets, and giving it back |
//! | `relay` | turns of a shard whose sessions are busy, with messages or with requests, on the simulated driver |
//! | `wheel` | timers of 10,000 slots |
//! | `header` | PROXY headers, out and in |
//! | `heads` | heads of HTTP/1: read, written; chunks |
//! | `line` | log lines |
//! | `side_by_side` | two shards at once |
//!
//! All tables come from configuration text, so a benchmark means what an operator would write.
#![forbid(unsafe_code)]

pub mod admit;
pub mod balance;
pub mod configuration;
pub mod header;
pub mod heads;
pub mod line;
pub mod relay;
pub mod routing;
pub mod side_by_side;
pub mod wheel;

/// The product's allocator: what is built from a large file is mostly allocation.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
