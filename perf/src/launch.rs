//! The last steps before another program: pinned, with all the descriptors the limit allows, and never outliving the rig.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::Signal,
    },
    unistd::Pid,
};

/// Becomes `program`, pinned to `cpus`. Returns only if that fails.
pub(crate) fn become_program(cpus: &[usize], program: &[OsString]) -> Result<()> {
    let mut set = CpuSet::new();
    cpus.iter().try_for_each(|&cpu| set.set(cpu))?;
    sched_setaffinity(Pid::from_raw(0), &set).context("pin the process")?;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    // Survives execve(2): what the rig starts ends with the rig, however that ends.
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    let (name, arguments) = program.split_first().context("no program to start")?;
    let error = Command::new(name).args(arguments).exec();
    Err(anyhow!(error).context(format!("start {}", name.display())))
}

/// The command that becomes `program`, pinned to `cpus`, with nothing on its standard input.
pub(crate) fn command(cpus: &[usize], program: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let cpus: Vec<String> = cpus.iter().map(usize::to_string).collect();
    let mut command = Command::new(std::env::current_exe().context("where this program lies")?);
    command.arg("launch").arg("--cpus").arg(cpus.join(",")).arg("--").args(program).stdin(Stdio::null());
    Ok(command)
}
