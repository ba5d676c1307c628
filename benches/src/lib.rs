//! In-process benchmarks.
#![forbid(unsafe_code)]
