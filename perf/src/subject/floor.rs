//! A relay of ours that does nothing else, as a subject.

use std::ffi::OsString;

use anyhow::Result;
use nix::sys::signal::Signal;

use super::{Job, Subject};
use crate::floor::Means;

/// A column of the table.
pub(super) struct Floor {
    name: &'static str,
    means: Means,
}

impl Floor {
    pub(super) fn new(name: &'static str, means: Means) -> Self {
        Floor { name, means }
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
}
