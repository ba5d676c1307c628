//! A relay of ours that does nothing else, as a subject.

use std::ffi::OsString;

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{Floors, Job, Subject};
use crate::{floor::Means, scenario::Scenario};

/// A column of the table.
pub(super) struct Floor {
    name: &'static str,
    means: Means,
    floors: Floors,
}

impl Floor {
    pub(super) fn new(name: &'static str, means: Means, floors: Floors) -> Self {
        Floor { name, means, floors }
    }
}

impl Subject for Floor {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> Result<String> {
        Ok(match self.means {
            Means::Copy => "a minimal epoll relay, recv and send".to_owned(),
            Means::Splice => "a minimal epoll relay, splice through pipes".to_owned(),
        })
    }

    fn command(&self, job: &Job) -> Result<Option<Vec<OsString>>> {
        let means = match self.means {
            Means::Copy => "copy",
            Means::Splice => "splice",
        };
        let origins: Vec<String> = job.origins.iter().map(ToString::to_string).collect();
        let mut command = vec![std::env::current_exe()?.into_os_string()];
        let arguments = ["floor", means, "--listen", &job.listen.to_string(), "--origins", &origins.join(",")];
        command.extend(arguments.map(OsString::from));
        command.extend(["--shards".into(), job.shards.to_string().into()]);
        Ok(Some(command))
    }

    fn reload_signal(&self) -> Option<Signal> {
        None
    }

    fn is_apt(&self, scenario: &Scenario) -> bool {
        match self.floors {
            Floors::WhereNamed => scenario.floor == Some(self.means),
            Floors::Everywhere => !scenario.is_reloaded,
        }
    }
}
