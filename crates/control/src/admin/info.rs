//! `show info`: the process, in HAProxy's fields.

use super::facts::Facts;
use super::field::{Tags, Value, json_tail, quoted};
use crate::clock::Moment;
use std::fmt::Write;
use std::time::Duration;
use table::KeysWith;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain { is_described: bool },
    Typed { is_described: bool },
    Json,
}

/// One line.
pub(crate) struct Field {
    /// HAProxy's number; it leaves some out.
    position: u32,
    pub(crate) name: &'static str,
    tags: Tags,
    pub(crate) value: Value,
    pub(crate) doc: &'static str,
}

pub(crate) fn render(facts: &Facts<'_>, form: Form) -> String {
    let fields = fields(facts);
    let mut out = String::new();
    match form {
        Form::Plain { is_described } => {
            for Field { name, value, doc, .. } in &fields {
                end(&mut out, format!("{name}: {value}"), doc, is_described);
            }
        }
        Form::Typed { is_described } => {
            for Field { position, name, tags, value, doc } in &fields {
                let line = format!("{position}.{name}.1:{}:{}:{value}", tags.0, value.kind());
                end(&mut out, line, doc, is_described);
            }
        }
        Form::Json => {
            let object = |Field { position, name, tags, value, .. }: &Field| {
                let name = quoted(name);
                format!("{{\"field\":{{\"pos\":{position},\"name\":{name}}},{}}}", json_tail(*tags, value))
            };
            let objects: Vec<String> = fields.iter().map(object).collect();
            // A string takes this.
            let _ = writeln!(out, "[{}]", objects.join(","));
        }
    }
    out
}

fn end(out: &mut String, line: String, doc: &str, is_described: bool) {
    out.push_str(&line);
    if is_described {
        let _ = write!(out, ":\"{doc}\"");
    }
    out.push('\n');
}

/// As HAProxy writes it: `0d 0h00m01s`.
fn uptime(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{days}d {hours}h{minutes:02}m{:02}s", seconds % 60)
}

pub(crate) fn fields(facts: &Facts<'_>) -> Vec<Field> {
    let (process, clock, state) = (facts.process, facts.clock(), &facts.table.process);
    let totals = state.tally.totals();
    let listeners: usize = facts.table.frontends.iter().map(|frontend| frontend.binds.len()).sum();
    let connections = state.conns.current();
    let bytes_out: u64 = facts.table.frontends.iter().map(|frontend| frontend.state.tally.totals().bytes_out).sum();
    let Moment { wall, .. } = process.started;
    let mut fields = Fields::default();
    fields.text("Name", "POSV", "HAProxy", "name of the product that is answered for");
    fields.text("Version", "POSV", config::COMPATIBLE_VERSION, "version of HAProxy whose behaviour is followed");
    fields.text("Release_date", "POSV", RELEASE_DATE, "date of that version");
    fields.u32("Nbthread", "CGSV", process.shard_count, "shards, a thread each");
    fields.u32("Nbproc", "CGSV", 1_u32, "processes; always one");
    fields.u32("Process_num", "KGPV", 1_u32, "number of this process; always one");
    fields.u32("Pid", "SGPV", process.pid, "process id");
    fields.text("Uptime", "MDPV", uptime(facts.uptime()), "time since the start");
    fields.u32("Uptime_sec", "MDPV", facts.uptime().as_secs(), "seconds since the start");
    for (name, tags) in [("Memmax_MB", "CLPV"), ("PoolAlloc_MB", "MGPV"), ("PoolUsed_MB", "MGPV")] {
        fields.u32(name, tags, 0_u32, "memory is not limited by pools");
    }
    fields.u32("PoolFailed", "MCPV", 0_u32, "memory is not limited by pools");
    fields.u32("Ulimit-n", "CLPV", process.descriptors_max, "descriptors that a shard may have");
    fields.u32("Maxsock", "CLPV", process.descriptors_max, "descriptors that a shard may have");
    fields.u32("Maxconn", "CLPV", state.limiter.limit(), "most client connections");
    fields.u32("Hard_maxconn", "CLPV", facts.maxconn_most(), "most that it can be set to");
    fields.u32("CurrConns", "MGPV", connections, "client connections now");
    fields.u32("CumConns", "MCPV", totals.connections, "client connections so far");
    fields.u32("CumReq", "MCPV", totals.sessions, "sessions so far");
    let tls = &state.tls;
    fields.u32("MaxSslConns", "MMPV", facts.table.global.tls_conns, "most clients with TLS; 0 is no limit");
    fields.u32("CurrSslConns", "MGPV", tls.conns.current(), "clients with TLS now");
    fields.u32("CumSslConns", "MCPV", tls.conns.total(), "clients with TLS so far");
    for (name, tags) in [("Maxpipes", "CLPV"), ("PipesUsed", "MGPV"), ("PipesFree", "MGPV")] {
        fields.u32(name, tags, 0_u32, "pipes belong to the shards");
    }
    fields.u32("ConnRate", "MRPV", state.tally.connection_rate(clock), "connections over the last second");
    fields.u32("ConnRateLimit", "CLPV", state.connection_rate.limit(), "limit of connections per second");
    fields.u32("MaxConnRate", "MMPV", state.tally.connection_rate_peak(clock), "most connections in a second");
    fields.u32("SessRate", "MRPV", state.tally.session_rate(clock), "sessions over the last second");
    fields.u32("SessRateLimit", "CLPV", state.session_rate.limit(), "limit of sessions per second");
    fields.u32("MaxSessRate", "MRPV", state.tally.session_rate_peak(clock), "most sessions in a second");
    let (client, server) = (KeysWith::Client, KeysWith::Server);
    fields.u32("SslRate", "MRPV", tls.rate(clock), "clients with TLS over the last second");
    fields.u32("SslRateLimit", "CLPV", tls.rate.limit(), "limit of clients with TLS per second");
    fields.u32("MaxSslRate", "MMPV", tls.rate_peak(clock), "most clients with TLS in a second");
    fields.u32("SslFrontendKeyRate", "MGPV", tls.key_rate(client, clock), "new keys with clients over the last second");
    fields.u32(
        "SslFrontendMaxKeyRate",
        "MMPV",
        tls.key_rate_peak(client, clock),
        "most new keys with clients in a second",
    );
    fields.u32(
        "SslFrontendSessionReuse_pct",
        "MGPV",
        tls.reuse_percent(clock),
        "clients that need no new keys, of a hundred",
    );
    fields.u32("SslBackendKeyRate", "MRPV", tls.key_rate(server, clock), "new keys with servers over the last second");
    fields.u32(
        "SslBackendMaxKeyRate",
        "MMPV",
        tls.key_rate_peak(server, clock),
        "most new keys with servers in a second",
    );
    for (name, tags) in [("SslCacheLookups", "MCPV"), ("SslCacheMisses", "MCPV")] {
        fields.u32(name, tags, 0_u32, "sessions are taken up by tickets");
    }
    for (name, tags) in [("CompressBpsIn", "MRPV"), ("CompressBpsOut", "MRPV"), ("CompressBpsRateLim", "CLPV")] {
        fields.u32(name, tags, 0_u32, "there is no compression");
    }
    // Two numbers are those of a compression library.
    fields.skip(2);
    fields.u32("Tasks", "MGPV", connections, "sessions now");
    fields.u32("Run_queue", "MGPV", 0_u32, "sessions that are stepped; none, whenever anybody looks");
    fields.u32("Idle_pct", "MaPV", 100_u32, "not measured");
    fields.text("node", "COSV", facts.node, "name of the machine");
    match facts.description {
        Some(description) => fields.text("description", "COSV", description, "what the file says of this machine"),
        None => fields.skip(1),
    }
    fields.u32("Stopping", "MGPV", u32::from(facts.is_stopping), "whether it ends with its last session");
    fields.u32("Jobs", "MGPV", connections + listeners as u64, "sessions and listeners");
    fields.u32("Unstoppable Jobs", "MGPV", 0_u32, "what would hold up the end");
    fields.u32("Listeners", "MGPV", listeners, "listeners");
    fields.u32("ActivePeers", "MGPV", 0_u32, "there are no peers");
    fields.u32("ConnectedPeers", "MGPV", 0_u32, "there are no peers");
    fields.u32("DroppedLogs", "MGPV", facts.logs_dropped, "log lines that nobody took");
    fields.u32("BusyPolling", "MGPV", 0_u32, "shards sleep when there is nothing to do");
    fields.u32("FailedResolutions", "MGPV", 0_u32, "names are resolved when the file is read");
    fields.u64("TotalBytesOut", "MGPV", bytes_out, "bytes to clients");
    fields.u64("TotalSplicedBytesOut", "MGPV", 0, "not told apart");
    fields.u64("BytesOutRate", "MRPV", 0, "not measured");
    fields.u32("DebugCommandsIssued", "MGPV", 0_u32, "there are none");
    fields.u32("CumRecvLogs", "MCPV", 0_u32, "logs are not received");
    fields.text("Build info", "POSV", config::COMPATIBLE_VERSION, "version of HAProxy whose behaviour is followed");
    fields.u32("Memmax_bytes", "CLPV", 0_u32, "memory is not limited by pools");
    fields.u64("PoolAlloc_bytes", "MGPV", 0, "memory is not limited by pools");
    fields.u64("PoolUsed_bytes", "MGPV", 0, "memory is not limited by pools");
    fields.u32("Start_time_sec", "MDPV", wall.as_second(), "time of the start, in seconds since 1970");
    fields.text("Tainted", "SGPV", "0", "whether something questionable was done to it");
    fields.u32("TotalWarnings", "MCPV", 0_u32, "not counted");
    fields.u32("MaxconnReached", "MCPV", 0_u32, "not counted");
    fields.u32("BootTime_ms", "MDPV", 0_u32, "not measured");
    fields.u32("Niced_tasks", "MGPV", 0_u32, "sessions are treated alike");
    fields.u64("CurrStreams", "MGPV", connections, "sessions now");
    fields.u64("CumStreams", "MGPV", totals.sessions, "sessions so far");
    fields.u32("BlockedTrafficWarnings", "MGPV", 0_u32, "shards that did not turn are reported in the log");
    fields.u64("PatternsAdded", "MGPV", 0, "not counted");
    fields.u64("PatternsFreed", "MGPV", 0, "not counted");
    fields.u32("NbThreadGroups", "CGSV", 1_u32, "shards need no groups");
    // Ours.
    fields.text("Tidegate", "POSV", env!("CARGO_PKG_VERSION"), "version of Tidegate");
    fields.text("Io_engine", "COSV", process.engine, "what moves the bytes");
    fields.u64("Generation", "MCPV", facts.table.generation, "configurations since the start");
    fields.text("Kernel_tls", "COSV", process.kernel_tls, "whether the kernel can do TLS for connections");
    let broken = "connections with TLS that ended with a record that was not right";
    fields.u64("SslFrontendBroken", "MCPV", tls.broken(client), broken);
    fields.u64("SslBackendBroken", "MCPV", tls.broken(server), broken);
    fields.list
}

/// Of HAProxy 3.4.0.
const RELEASE_DATE: &str = "2026/06/03";

/// Fields that are numbered as they come.
#[derive(Default)]
struct Fields {
    list: Vec<Field>,
    next: u32,
}

impl Fields {
    fn skip(&mut self, count: u32) {
        self.next += count;
    }

    fn add(&mut self, name: &'static str, tags: &'static str, value: Value, doc: &'static str) {
        self.list.push(Field { position: self.next, name, tags: Tags(tags), value, doc });
        self.next += 1;
    }

    fn text(&mut self, name: &'static str, tags: &'static str, text: impl Into<String>, doc: &'static str) {
        self.add(name, tags, Value::text(text), doc);
    }

    fn u32(&mut self, name: &'static str, tags: &'static str, value: impl TryInto<u32>, doc: &'static str) {
        self.add(name, tags, Value::u32(value), doc);
    }

    fn u64(&mut self, name: &'static str, tags: &'static str, value: u64, doc: &'static str) {
        self.add(name, tags, Value::U64(value), doc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes() {
        assert_eq!(uptime(Duration::from_secs(1)), "0d 0h00m01s");
        assert_eq!(uptime(Duration::from_secs(3 * 86_400 + 14 * 3_600 + 7 * 60 + 59)), "3d 14h07m59s");
    }
}
