//! Those who read HAProxy's language: HAProxy, and Tidegate. Both are given the same file.

use std::{
    ffi::OsString,
    fmt::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use nix::{
    sys::resource::{Resource, getrlimit},
    sys::signal::Signal,
};

use super::{HAPROXY, HAPROXY_SPLICE, Job, Subject, find, first_line};

/// Descriptors for listeners, logs, pollers and the like.
const SPARE: usize = 200;

/// What differs between the two beside their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Tidegate,
    Haproxy,
}

/// A column of the table.
pub(super) struct HaproxyLike {
    family: Family,
    name: &'static str,
    program: PathBuf,
    /// Lines that this column has in its `global` section, and others have not.
    global: &'static str,
    /// The same for its `defaults` section.
    defaults: &'static str,
    /// Descriptors that it needs besides two for each connection.
    spare: usize,
}

impl HaproxyLike {
    /// Tidegate, with a line of its own in `global`: an engine, say.
    pub(super) fn tidegate(name: &'static str, program: &Path, global: &'static str) -> Self {
        HaproxyLike { family: Family::Tidegate, name, program: program.to_owned(), global, defaults: "", spare: SPARE }
    }

    /// HAProxy as it is installed.
    pub(super) fn haproxy() -> Self {
        let program = find("haproxy").unwrap_or_else(|| "haproxy".into());
        HaproxyLike { family: Family::Haproxy, name: HAPROXY, program, global: "", defaults: "", spare: SPARE }
    }

    /// HAProxy that may splice. It sets descriptors aside for its pipes: by default so many that 9,000 connections do not fit.
    pub(super) fn haproxy_splice() -> Self {
        HaproxyLike {
            name: HAPROXY_SPLICE,
            global: "maxpipes 100",
            defaults: "option splice-auto",
            spare: SPARE + 200,
            ..Self::haproxy()
        }
    }

    fn configuration(&self, job: &Job) -> Result<String> {
        let mut text = format!("global\n    nbthread {}\n    maxconn {}\n", job.shards, self.connections(job)?);
        if !self.global.is_empty() {
            writeln!(text, "    {}", self.global)?;
        }
        if self.family == Family::Haproxy && job.is_reloaded {
            // What an operator writes for reloads that lose nothing: the new process takes the listeners over.
            let socket = job.directory.join("haproxy.sock");
            writeln!(text, "    stats socket {} mode 600 level admin expose-fd listeners", socket.display())?;
        }
        let idle = job.idle_timeout.as_millis();
        let mode = if job.http.is_some() { "http" } else { "tcp" };
        write!(text, "\ndefaults\n    mode {mode}\n    timeout connect 10s\n")?;
        write!(text, "    timeout client {idle}ms\n    timeout server {idle}ms\n")?;
        if !self.defaults.is_empty() {
            writeln!(text, "    {}", self.defaults)?;
        }
        if let Some(http) = job.http {
            write!(text, "    timeout http-request {idle}ms\n    timeout http-keep-alive {idle}ms\n")?;
            if http.is_server_closed {
                text.push_str("    option http-server-close\n");
            }
        }
        let listen = job.listen;
        write!(text, "\nfrontend front\n    bind {listen}")?;
        if let Some(certificate) = &job.certificate {
            write!(text, " ssl crt {} ssl-min-ver TLSv1.3", certificate.display())?;
        }
        text.push('\n');
        for rule in 0..job.http.map_or(0, |http| http.rules) {
            writeln!(text, "    acl rule{rule} path_beg /x/{rule:02}/\n    use_backend back if rule{rule}")?;
        }
        text.push_str("    default_backend back\n\nbackend back\n    balance roundrobin\n");
        for (number, origin) in (1..).zip(&job.origins) {
            writeln!(text, "    server s{number} {origin}")?;
        }
        Ok(text)
    }

    /// Both refuse to start with a `maxconn` that their descriptors cannot serve. HAProxy has those of one process; each shard
    /// of Tidegate has its own.
    fn connections(&self, job: &Job) -> Result<usize> {
        let descriptors = usize::try_from(getrlimit(Resource::RLIMIT_NOFILE)?.1).unwrap_or(usize::MAX);
        let served = descriptors.saturating_sub(self.spare) / 2;
        let most = match self.family {
            Family::Tidegate => served.saturating_mul(job.shards),
            Family::Haproxy => served,
        };
        // HAProxy keeps connections to servers only while a fifth of the descriptors that it counted on are in use
        // (`configuration.txt: tune.pool-low-fd-ratio`): with hardly more places than clients it would connect anew all the time.
        let wanted = if job.http.is_some() { 8 * job.connections } else { job.connections };
        Ok((wanted + 100).min(most))
    }
}

impl Subject for HaproxyLike {
    fn name(&self) -> &str {
        self.name
    }

    fn version(&self) -> Result<String> {
        first_line(&self.program, "-v")
    }

    fn command(&self, job: &Job) -> Result<Option<Vec<OsString>>> {
        let path = job.write("haproxy.cfg", &self.configuration(job)?).context("the configuration")?;
        let mut command = vec![self.program.clone().into_os_string(), "-db".into(), "-f".into(), path.into_os_string()];
        if self.family == Family::Haproxy && job.is_reloaded {
            // HAProxy reloads by a master that starts a new worker.
            command.insert(1, "-W".into());
        }
        Ok(Some(command))
    }

    fn reload_signal(&self) -> Option<Signal> {
        match self.family {
            Family::Tidegate => Some(Signal::SIGHUP),
            Family::Haproxy => Some(Signal::SIGUSR2),
        }
    }
}
