//! Heads that are edited, contents that are moved unseen, exchanges state by state, messages of every shape, pages byte for byte.

mod contents;
mod edits;
mod exchange;
mod generated;
mod pages;
