//! No proxy: the generators talk to the origins. What they reach so is the most that any proxy could be measured at.

use std::ffi::OsString;

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{Job, Subject};

/// A column of the table.
pub(super) struct Direct;

impl Subject for Direct {
    fn name(&self) -> &str {
        "direct"
    }

    fn version(&self) -> Result<String> {
        Ok("no proxy: the generators' own ceiling".to_owned())
    }

    fn command(&self, _job: &Job) -> Result<Option<Vec<OsString>>> {
        Ok(None)
    }

    fn reload_signal(&self) -> Option<Signal> {
        None
    }
}
