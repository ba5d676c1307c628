//! One trial: one subject does the work of one scenario once, and is watched.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use serde::Serialize;

use crate::{
    certificate::Key,
    cpus::Layout,
    helper::Helper,
    kernel::KernelMemory,
    load::{Order, Ready, Work},
    origin,
    proxy::{Proxy, free_port},
    scenario::{Scenario, Unit, connections},
    subject::{Job, Subject},
    tally::{Count, Failures, merge_latencies},
    tree::{self, Resident},
    wire::TlsClient,
};

/// How many connections one origin or generator serves: below what the usual limit of descriptors allows.
const CONNECTIONS_PER_PROCESS: usize = 9_500;

/// How long a generator may take until everything it opens stands.
const READY_MAX: Duration = Duration::from_secs(60);

/// Between two reloads.
const RELOAD_EVERY: Duration = Duration::from_millis(100);

/// What all trials of a run have in common.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) layout: Layout,
    pub(crate) shards: usize,
    pub(crate) window: Duration,
}

impl Terms {
    /// Those of a scenario that has shards of its own.
    pub(crate) fn of(&self, scenario: &Scenario) -> Result<Self> {
        match scenario.shards {
            Some(shards) => Ok(Terms { layout: Layout::new(shards)?, shards, ..self.clone() }),
            None => Ok(self.clone()),
        }
    }
}

/// What a trial found. Sizes in bytes, latencies in nanoseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Finding {
    /// How long was measured.
    pub(crate) seconds: f64,
    /// Work done in that time, in the scenario's unit.
    pub(crate) units: f64,
    /// Units per second; for connections that stand, how many.
    pub(crate) rate: f64,
    /// CPU seconds of the subject's process tree.
    pub(crate) cpu_seconds: f64,
    /// CPU seconds of the kernel's ksoftirqd threads on the subject's CPUs, which no process is charged for.
    pub(crate) softirqd_seconds: f64,
    /// What one unit costs: CPU seconds, or bytes of user space for a connection that stands.
    pub(crate) cost: f64,
    /// (p50, p99, p99.9); none when nothing was timed.
    pub(crate) latency: Option<[u64; 3]>,
    /// Latency by percentile, for the plot.
    pub(crate) percentiles: Vec<(f64, u64)>,
    pub(crate) rss: u64,
    pub(crate) pss: u64,
    /// Processes of the tree at the end of the window.
    pub(crate) processes: usize,
    /// What the connections added to the kernel's memory, with both ends of both sides, per connection.
    pub(crate) kernel_slab_per_connection: f64,
    pub(crate) kernel_tcp_per_connection: f64,
    pub(crate) reloads: u64,
    pub(crate) failures: Failures,
}

/// The percentiles that a latency plot shows.
const PERCENTILES: [f64; 12] = [0.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99];

/// Lets `subject` do `works`, which are those of `scenario`, perhaps paced.
pub(crate) fn run(
    scenario: &Scenario,
    works: &[Work],
    subject: &dyn Subject,
    terms: &Terms,
    scratch: &Path,
) -> Result<Finding> {
    let directory = tempfile::tempdir_in(scratch).context("a directory for the trial")?;
    let processes = scenario.connections().div_ceil(CONNECTIONS_PER_PROCESS).max(terms.layout.rig.len()).min(90);
    let mut origins = start_origins(processes, terms)?;
    let certificate = scenario.tls.map(|tls| certificate(tls.key, directory.path())).transpose()?;
    let job = Job {
        directory: directory.path().to_owned(),
        listen: std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, free_port()?),
        origins: origins.addresses,
        shards: terms.shards,
        connections: scenario.connections(),
        idle_timeout: scenario.idle_timeout,
        is_reloaded: scenario.is_reloaded,
        http: scenario.http,
        certificate,
    };
    let tls = scenario.tls.map(|tls| tls.client);
    let mut proxy = Proxy::start(subject, &job, tls, &terms.layout.subject)?;
    let before = (proxy.pid().map_or_else(Resident::default, tree::resident), KernelMemory::now());
    let mut loads = start_loads(works, tls, processes, &proxy, terms)?;
    thread::sleep(scenario.warm_up);

    let early = [count(&mut loads)?, count(&mut origins.helpers)?].concat();
    let watch = Watch::begin(&proxy, terms)?;
    let reload = if scenario.is_reloaded { subject.reload_signal() } else { None };
    let reloads = wait(terms.window, &proxy, reload)?;
    let (seconds, cpu_seconds, softirqd_seconds) = watch.end(&proxy, terms)?;
    let after = (proxy.pid().map_or_else(Resident::default, tree::resident), KernelMemory::now());
    let counts = count(&mut loads)?;
    let served = count(&mut origins.helpers)?;
    proxy.check_alive()?;

    let mut finding = Finding { seconds, cpu_seconds, softirqd_seconds, reloads, ..Finding::default() };
    for count in &early {
        // What is not there, or not answered, before the window is counted again in it, if it still is so.
        finding.failures.add(&Failures { missing: 0, stalled: 0, ..count.failures });
    }
    finding.with_counts(scenario.unit, &counts, &served)?.with_memory(scenario.unit, before, after)
}

impl Finding {
    fn with_counts(mut self, unit: Unit, counts: &[Count], served: &[Count]) -> Result<Self> {
        let sum = |part: fn(&Count) -> u64, of: &[Count]| of.iter().map(part).sum::<u64>() as f64;
        let held = sum(|count| count.held, counts);
        self.units = match unit {
            Unit::Gigabyte => (sum(|c| c.bytes_received, counts) + sum(|c| c.bytes_received, served)) / 1e9,
            Unit::RoundTrip => sum(|count| count.round_trips, counts),
            Unit::Connection => sum(|count| count.connections, counts),
            Unit::Held => held,
        };
        for count in counts.iter().chain(served) {
            self.failures.add(&count.failures);
        }
        // Nothing done at all, and nothing known to have failed, is a failure as well.
        if self.units == 0.0 && self.failures.sum() == 0 {
            self.failures.stalled = 1;
        }
        // The generators' own clocks: they count until they are asked.
        let counted = counts.iter().map(|count| count.seconds).sum::<f64>() / counts.len() as f64;
        ensure!(counted > 0.0, "a window of no length");
        (self.rate, self.cost) = match unit {
            Unit::Held => (held, 0.0),
            Unit::Gigabyte | Unit::RoundTrip | Unit::Connection => {
                (self.units / counted, self.cpu_seconds / self.seconds * counted / self.units)
            }
        };
        // Where round trips are counted, visits beside them are only in their way.
        let is_told = |count: &&Count| unit != Unit::RoundTrip || count.round_trips > 0;
        let latencies = merge_latencies(counts.iter().filter(is_told))?;
        if !latencies.is_empty() {
            let at = |quantile| latencies.value_at_quantile(quantile);
            self.latency = Some([at(0.5), at(0.99), at(0.999)]);
            self.percentiles = PERCENTILES.map(|percent| (percent, at(percent / 100.0))).to_vec();
        }
        Ok(self)
    }

    fn with_memory(
        mut self,
        unit: Unit,
        before: (Resident, KernelMemory),
        after: (Resident, KernelMemory),
    ) -> Result<Self> {
        self.rss = after.0.rss;
        self.pss = after.0.pss;
        self.processes = after.0.processes;
        match unit {
            Unit::Held => {
                let per = |before: u64, after: u64| (after as f64 - before as f64) / self.units;
                self.cost = per(before.0.rss, after.0.rss);
                self.kernel_slab_per_connection = per(before.1.slab, after.1.slab);
                self.kernel_tcp_per_connection = per(before.1.tcp, after.1.tcp);
            }
            Unit::Gigabyte | Unit::RoundTrip | Unit::Connection => {}
        }
        Ok(self)
    }
}

/// Writes a certificate and its key, and says where.
fn certificate(key: Key, directory: &Path) -> Result<PathBuf> {
    let path = directory.join("certificate.pem");
    std::fs::write(&path, key.pem()?).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

struct Origins {
    helpers: Vec<Helper>,
    addresses: Vec<std::net::SocketAddrV4>,
}

fn start_origins(processes: usize, terms: &Terms) -> Result<Origins> {
    let mut helpers = Vec::new();
    for process in 0..processes {
        helpers.push(Helper::start(&terms.layout.rig, &["origin", &process.to_string()])?);
    }
    let mut addresses = Vec::new();
    for helper in &mut helpers {
        addresses.extend(helper.answer::<origin::Hello>()?.addresses);
    }
    Ok(Origins { helpers, addresses })
}

/// Starts the generators, and returns when everything that they open stands.
fn start_loads(
    works: &[Work],
    tls: Option<TlsClient>,
    processes: usize,
    proxy: &Proxy,
    terms: &Terms,
) -> Result<Vec<Helper>> {
    let mut loads = Vec::new();
    for work in works.iter().flat_map(|work| split(work, processes)) {
        let process = u8::try_from(loads.len()).context("too many generators")?;
        let order = Order { work, tls, targets: proxy.targets.clone(), process };
        loads.push(Helper::start(&terms.layout.rig, &["load", &serde_json::to_string(&order)?])?);
    }
    for load in &mut loads {
        let _: Ready = load.answer_within(READY_MAX)?;
    }
    Ok(loads)
}

/// A work in up to `parts` equal parts; none of them without a connection.
fn split(work: &Work, parts: usize) -> Vec<Work> {
    let parts = parts.min(connections(work)).max(1);
    let share = |whole: usize, part: usize| whole * (part + 1) / parts - whole * part / parts;
    let part = |part: usize| match *work {
        Work::RequestResponse { connections, active, size, per_second } => Work::RequestResponse {
            connections: share(connections, part),
            active: share(active, part).min(share(connections, part)),
            size,
            per_second: per_second.map(|whole| whole / parts as f64),
        },
        Work::ConnectRequestClose { concurrent, size } => {
            Work::ConnectRequestClose { concurrent: share(concurrent, part), size }
        }
        Work::Bulk { flows, direction } => Work::Bulk { flows: share(flows, part), direction },
        Work::Http { connections, active, exchange, per_second } => Work::Http {
            connections: share(connections, part),
            active: share(active, part).min(share(connections, part)),
            exchange,
            per_second: per_second.map(|whole| whole / parts as f64),
        },
        Work::SlowReader { flows, bytes_per_second } => {
            Work::SlowReader { flows: share(flows, part), bytes_per_second }
        }
    };
    (0..parts).map(part).collect()
}

/// The counts of all helpers since the last time they were asked: asked at once, then collected.
fn count(helpers: &mut [Helper]) -> Result<Vec<Count>> {
    helpers.iter_mut().try_for_each(Helper::ask)?;
    helpers.iter_mut().map(Helper::answer).collect()
}

/// Lets the window pass, with a reload every 100 ms if there is a signal for it. How many reloads there were.
fn wait(window: Duration, proxy: &Proxy, reload: Option<Signal>) -> Result<u64> {
    let end = Instant::now() + window;
    let Some(signal) = reload else {
        thread::sleep(window);
        return Ok(0);
    };
    let mut reloads = 0;
    while Instant::now() < end {
        proxy.signal(signal)?;
        reloads += 1;
        thread::sleep(RELOAD_EVERY.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(reloads)
}

/// CPU times at the beginning of a window.
struct Watch {
    begun: Instant,
    own: Option<tree::CpuTime>,
    softirqd: tree::CpuTime,
}

impl Watch {
    fn begin(proxy: &Proxy, terms: &Terms) -> Result<Self> {
        let softirqd = tree::softirqd_time(&terms.layout.subject)?;
        let own = proxy.pid().map(tree::cpu_time).transpose()?;
        Ok(Watch { begun: Instant::now(), own, softirqd })
    }

    /// (seconds, CPU seconds of the tree, CPU seconds of ksoftirqd)
    fn end(self, proxy: &Proxy, terms: &Terms) -> Result<(f64, f64, f64)> {
        let own = proxy.pid().map(tree::cpu_time).transpose()?;
        let seconds = self.begun.elapsed().as_secs_f64();
        let cpu_seconds = own.zip(self.own).map_or(0.0, |(now, before)| now - before);
        Ok((seconds, cpu_seconds, tree::softirqd_time(&terms.layout.subject)? - self.softirqd))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_make_the_whole() {
        let whole = Work::RequestResponse { connections: 9001, active: 100, size: 200, per_second: Some(900.0) };
        let parts = split(&whole, 3);
        let sizes: Vec<(usize, usize, f64)> = parts
            .iter()
            .map(|part| match *part {
                Work::RequestResponse { connections, active, per_second: Some(rate), .. } => {
                    (connections, active, rate)
                }
                Work::RequestResponse { .. }
                | Work::ConnectRequestClose { .. }
                | Work::Bulk { .. }
                | Work::Http { .. }
                | Work::SlowReader { .. } => unreachable!("a part is of the kind of its whole"),
            })
            .collect();
        assert_eq!(sizes, [(3000, 33, 300.0), (3000, 33, 300.0), (3001, 34, 300.0)]);
    }

    #[test]
    fn no_part_is_empty() {
        let parts = split(&Work::ConnectRequestClose { concurrent: 2, size: 200 }, 8);
        assert_eq!(parts, vec![Work::ConnectRequestClose { concurrent: 1, size: 200 }; 2]);
    }
}
