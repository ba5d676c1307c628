//! Heads that are edited, contents that are moved unseen, exchanges state by state, pages byte for byte.

mod contents;
mod edits;
mod exchange;
mod pages;
