//! What control says about itself and the shards: the words of its messages.

use crate::admin;
use crate::clock::Moment;
use crate::console::Urgency;
use crate::handover::Refusal;
use crate::load::{Defaults, KernelTls, Loaded};
use crate::uio::Runtime;
use crate::watch::Finding;
use config::{Diagnostic, IoEngine};
use driver::Addr;
use shard::{PrepareFailure, Report};
use std::net::SocketAddr;
use std::sync::Arc;
use table::{Standing, Table};

/// Lines of a broken configuration that go to the log; standard error gets all of them.
const ALERTS_MOST: usize = 20;

/// A proxy and what it has served.
pub(crate) struct Proxy {
    pub(crate) name: Arc<str>,
    pub(crate) log_targets: Vec<usize>,
    /// An operator has stopped it before.
    pub(crate) is_stopped: bool,
    front_total: u64,
    front_current: u64,
    back_total: u64,
}

impl Proxy {
    /// What a hard stop cuts; nothing if no connection is left.
    pub(crate) fn hard_stopped(&self) -> Option<String> {
        let Proxy { name, front_current, .. } = self;
        (*front_current > 0)
            .then(|| format!("Proxy {name} hard-stopped ({front_current} remaining conns will be closed)."))
    }

    pub(crate) fn stopped(&self) -> String {
        let Proxy { name, front_total, back_total, .. } = self;
        format!("Proxy {name} stopped (cumulated conns: FE: {front_total}, BE: {back_total}).")
    }
}

/// What a shard holds, for whoever asks by signal.
pub(crate) fn shard(report: &Report) -> String {
    let Report { shard, sessions_count, buffers_used, driver, .. } = report;
    format!(
        "Shard {}: {}, {}, {} entries into the kernel, {} receives that waited for a buffer.",
        shard.0,
        plural(*sessions_count as usize, "session"),
        plural(*buffers_used, "buffer"),
        driver.enters,
        driver.starved,
    )
}

/// The proxies of a table. A `listen` section is one.
pub(crate) fn proxies(table: &Table) -> Vec<Proxy> {
    let back_total =
        |name: &str| table.backend_named(name).map_or(0, |backend| table.backend(backend).state.conns.total());
    let fronts = table.frontends.iter().map(|frontend| Proxy {
        name: Arc::clone(&frontend.name),
        log_targets: frontend.log.targets.clone(),
        is_stopped: frontend.state.standing() == Standing::Stopped,
        front_total: frontend.state.conns.total(),
        front_current: frontend.state.conns.current(),
        back_total: back_total(&frontend.name),
    });
    let backs = table.backends.iter().filter(|backend| table.frontend_named(&backend.name).is_none());
    let backs = backs.map(|backend| Proxy {
        name: Arc::clone(&backend.name),
        log_targets: backend.log_targets.clone(),
        is_stopped: false,
        front_total: 0,
        front_current: 0,
        back_total: backend.state.conns.total(),
    });
    fronts.chain(backs).collect()
}

pub(crate) fn has_proxy(table: &Table, name: &str) -> bool {
    table.frontend_named(name).is_some() || table.backend_named(name).is_some()
}

pub(crate) fn reloaded(table: &Table) -> String {
    let (generation, frontends, backends) = (table.generation, table.frontends.len(), table.backends.len());
    let (fronts, backs) = (plural(frontends, "frontend"), plural(backends, "backend"));
    format!("Configuration reloaded: generation {generation}, {fronts}, {backs}.")
}

/// At the end of the process.
pub(crate) fn lines_lost(why: &str, count: u64) -> String {
    format!("{count} log lines were lost: {why}.")
}

/// Shards are made at the start, and sessions live on them: a reload cannot change their number.
pub(crate) fn shard_count_changed(nbthread: Option<u16>, shard_count: usize) -> Option<String> {
    let wanted = nbthread.filter(|&wanted| usize::from(wanted) != shard_count)?;
    Some(format!("'nbthread {wanted}' takes effect at the next start; {shard_count} run until then."))
}

/// The engine is chosen at the start. `first` is what the file wanted then, `runtime` what came of it.
pub(crate) fn engine_changed(wanted: IoEngine, first: IoEngine, runtime: Runtime) -> Option<String> {
    let used = match (wanted, runtime) {
        (IoEngine::Auto | IoEngine::IoUring, Runtime::IoUring) | (IoEngine::Epoll, Runtime::Plain) => return None,
        // It was asked for, and there was no ring.
        (IoEngine::Auto, Runtime::Plain) if first == IoEngine::Auto => return None,
        (IoEngine::Epoll, Runtime::IoUring) => IoEngine::IoUring,
        (IoEngine::Auto | IoEngine::IoUring, Runtime::Plain) => IoEngine::Epoll,
    };
    let (wanted, used) = (wanted.word(), used.word());
    Some(format!("'tidegate.io-engine {wanted}' takes effect at the next start; {used} is kept until then."))
}

/// Buffers are made at the start: a reload makes messages that were to be longer than the buffers hold no longer than they do.
pub(crate) fn buffer_size_changed(wanted: usize, first: usize) -> Option<String> {
    let has_room = wanted <= first.max(http1::Limits::default().sent_size_max);
    (!has_room).then(|| format!("'tune.bufsize {wanted}' takes effect at the next start; {first} is kept until then."))
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Everything that is to be said of a configuration, as it is printed.
pub(crate) fn said(loaded: &Loaded, pid: u32) -> String {
    let mut said = Vec::new();
    loaded.print(pid, false, &mut said).expect("memory takes everything");
    String::from_utf8_lossy(&said).into_owned()
}

/// The errors of a configuration, one line each, for the log.
pub(crate) fn alerts(loaded: &Loaded) -> impl Iterator<Item = String> {
    let alerts = loaded.diagnostics.iter().filter(|diagnostic| Diagnostic::is_alert(diagnostic)).take(ALERTS_MOST);
    let line = |diagnostic: &Diagnostic| diagnostic.sentence(&loaded.sources).lines().next().map(str::to_owned);
    alerts.filter_map(line).map(|line| format!("config : {line}")).collect::<Vec<_>>().into_iter()
}

pub(crate) fn refusal(refusal: &Refusal, loaded: &Loaded) -> Vec<String> {
    match refusal {
        Refusal::Unbindable(failure) => vec![unbindable(failure, loaded)],
        Refusal::Silent(shards) => {
            let line = |shard: &table::ShardIndex| format!("Shard {} did not bind its listeners in time.", shard.0);
            shards.iter().map(line).collect()
        }
    }
}

/// What there is to say about an address of a configuration that cannot be bound: HAProxy 3.4's words for each family.
pub fn unbindable(failure: &PrepareFailure, loaded: &Loaded) -> String {
    let PrepareFailure { frontend, addr, errno } = failure;
    let place = loaded.bind_place(frontend, addr).unwrap_or_else(|| "?".into());
    let what = match addr {
        Addr::Ip(SocketAddr::V4(_)) => format!("protocol tcpv4: cannot bind socket ({errno}) for [{addr}]."),
        Addr::Ip(SocketAddr::V6(_)) => format!("protocol tcpv6: cannot bind socket ({errno}) for [{addr}]."),
        Addr::Unix(_) => format!("protocol unix_stream: cannot bind UNIX socket ({errno}) [{addr}]."),
        Addr::Unnamed => format!("cannot use the inherited socket ({errno})."),
    };
    format!("Binding [{place}] for frontend {frontend}: {what}")
}

/// HAProxy calls the proxy of its admin sockets GLOBAL.
pub(crate) fn admin_failure(failure: &admin::Failure) -> String {
    let admin::Failure { place, what, errno } = failure;
    format!("Binding for frontend GLOBAL: {what} ({errno}) [{place}].")
}

/// What `show info` tells of a process that starts now.
pub(crate) fn process(shard_count: usize, runtime: Runtime, defaults: &Defaults) -> admin::Process {
    let name = nix::sys::utsname::uname().map(|name| name.nodename().to_string_lossy().into_owned());
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    admin::Process {
        pid: std::process::id(),
        node: name.unwrap_or_default(),
        shard_count,
        engine: match runtime {
            Runtime::IoUring => IoEngine::IoUring.word(),
            Runtime::Plain => IoEngine::Epoll.word(),
        },
        kernel_tls: match defaults.kernel_tls {
            KernelTls::Present => "available",
            KernelTls::Absent(_) => "none",
        },
        descriptors_max: limit.map_or(0, |(soft, _)| soft),
        capacity: defaults.maxconn,
        started: Moment::now(),
    }
}

pub(crate) fn finding(finding: Finding) -> (Urgency, String) {
    match finding {
        Finding::Stuck(shard) => {
            (Urgency::Alert, format!("Shard {} has been in the same turn for two seconds.", shard.0))
        }
        Finding::Recovered(shard, after) => {
            (Urgency::Notice, format!("Shard {} turns again after {} ms.", shard.0, after.as_millis()))
        }
        Finding::Lost(shard) => (
            Urgency::Alert,
            format!("Shard {} has been in the same turn for ten seconds. Ending the process.", shard.0),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_that_wait_for_a_restart() {
        use IoEngine::{Auto, Epoll, IoUring};
        let epoll = "'tidegate.io-engine epoll' takes effect at the next start; io_uring is kept until then.";
        let io_uring = "'tidegate.io-engine io_uring' takes effect at the next start; epoll is kept until then.";
        let auto = "'tidegate.io-engine auto' takes effect at the next start; epoll is kept until then.";
        let table = [
            (Auto, Auto, Runtime::IoUring, None),
            (IoUring, Auto, Runtime::IoUring, None),
            (Epoll, Auto, Runtime::IoUring, Some(epoll)),
            (Auto, IoUring, Runtime::IoUring, None),
            (Epoll, IoUring, Runtime::IoUring, Some(epoll)),
            (Auto, Auto, Runtime::Plain, None),
            (IoUring, Auto, Runtime::Plain, Some(io_uring)),
            (Epoll, Auto, Runtime::Plain, None),
            (Auto, Epoll, Runtime::Plain, Some(auto)),
            (IoUring, Epoll, Runtime::Plain, Some(io_uring)),
            (Epoll, Epoll, Runtime::Plain, None),
        ];
        for (wanted, first, runtime, expected) in table {
            assert_eq!(engine_changed(wanted, first, runtime).as_deref(), expected, "{wanted:?} {first:?} {runtime:?}");
        }
    }
}
