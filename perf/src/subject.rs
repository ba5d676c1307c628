//! What is measured: Tidegate, and those it is compared with. A further one is a further [`Subject`] in [`all`].

mod direct;
mod floor;
mod haproxy;
mod nginx;

use std::{
    ffi::OsString,
    net::SocketAddrV4,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::{
    floor::Means,
    scenario::{HttpProxy, Scenario},
};

/// The work of one trial, as a subject has to configure itself for it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// A directory that lives as long as the trial.
    pub(crate) directory: PathBuf,
    pub(crate) listen: SocketAddrV4,
    pub(crate) origins: Vec<SocketAddrV4>,
    /// Threads or worker processes that relay.
    pub(crate) shards: usize,
    /// How many connections the scenario opens at most.
    pub(crate) connections: usize,
    /// How long a connection may rest, for either side.
    pub(crate) idle_timeout: Duration,
    /// Whether the scenario reloads it.
    pub(crate) is_reloaded: bool,
    /// It speaks HTTP, and how; without, it relays.
    pub(crate) http: Option<HttpProxy>,
    /// The file with its certificate, if it speaks TLS with clients.
    pub(crate) certificate: Option<PathBuf>,
}

impl Job {
    /// Writes the configuration beside the trial's other files, and says where.
    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

/// A proxy, or what stands in for one.
pub(crate) trait Subject {
    /// The column's name.
    fn name(&self) -> &str;
    /// What it says of itself; the error says why it cannot be measured here.
    fn version(&self) -> Result<String>;
    /// The program and its arguments, its configuration written. It stays in the foreground. None when there is no program:
    /// then the generators connect to the origins.
    fn command(&self, job: &Job) -> Result<Option<Vec<OsString>>>;
    /// What makes it read its configuration again; none when it cannot.
    fn reload_signal(&self) -> Option<Signal>;
    /// Whether it takes part in `scenario`.
    fn is_apt(&self, scenario: &Scenario) -> bool {
        !scenario.is_reloaded || self.reload_signal().is_some()
    }
}

/// Where the minimal relays take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Floors {
    /// Each in the scenarios that name it.
    WhereNamed,
    /// Both in all scenarios, and beside them what the generators reach without any relay.
    Everywhere,
}

/// The name of the column whose ratios the table shows.
pub(crate) const TIDEGATE: &str = "tidegate";
/// The name of the column that the plots are relative to.
pub(crate) const HAPROXY: &str = "haproxy";

pub(crate) const NGINX: &str = "nginx";
pub(crate) const HAPROXY_SPLICE: &str = "haproxy splice-auto";

/// All subjects, in the order of the table's columns. `tidegate` is the binary to measure.
pub(crate) fn all(tidegate: &Path, floors: Floors) -> Vec<Box<dyn Subject>> {
    let mut subjects: Vec<Box<dyn Subject>> = vec![
        Box::new(haproxy::HaproxyLike::tidegate(TIDEGATE, tidegate, "")),
        Box::new(haproxy::HaproxyLike::tidegate("tidegate epoll", tidegate, "tidegate.io-engine epoll")),
        Box::new(haproxy::HaproxyLike::haproxy()),
        Box::new(haproxy::HaproxyLike::haproxy_splice()),
        Box::new(nginx::Nginx),
        Box::new(floor::Floor::new("floor copy", Means::Copy, floors)),
        Box::new(floor::Floor::new("floor splice", Means::Splice, floors)),
    ];
    match floors {
        Floors::WhereNamed => {}
        Floors::Everywhere => subjects.push(Box::new(direct::Direct)),
    }
    subjects
}

/// The first line that `program ARGUMENT` prints, on either stream.
fn first_line(program: &Path, argument: &str) -> Result<String> {
    let output = match Command::new(program).arg(argument).output() {
        Ok(output) => output,
        Err(error) => bail!("{} cannot be started: {error}", program.display()),
    };
    let text = [output.stdout, output.stderr].concat();
    let line = String::from_utf8_lossy(&text).lines().next().map(ToOwned::to_owned);
    line.with_context(|| format!("{} {argument} says nothing", program.display()))
}

/// The program called `name` in PATH or where system programs are: not everyone's PATH has those.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from));
    places.map(|place| place.join(name)).find(|file| file.is_file())
}
