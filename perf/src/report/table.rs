//! The table, in Markdown: one line for each scenario and subject.

use std::fmt::Write;

use crate::{
    cpus::Layout,
    results::{Cell, Results, Row},
    scenario::Unit,
    statistics::Spread,
    subject::TIDEGATE,
    trial::Finding,
};

/// The whole page.
pub(super) fn markdown(results: &Results) -> String {
    let mut text = preface(results);
    text.push_str(
        "\n| scenario | subject | rate | cost of one | CPU | p50 | p99 | p99.9 | RSS | PSS \
         | cost ratio | rate ratio | p99 ratio | failures and notes |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for row in &results.rows {
        row.cells.iter().for_each(|cell| line(&mut text, row, cell));
    }
    text.push_str(LEGEND);
    let _ = writeln!(text);
    for row in &results.rows {
        let pace = row.per_second.map_or_else(String::new, |rate| format!(" ({rate:.0} requests per second)"));
        let cpus = if row.cpus == results.cpus { String::new() } else { format!(" ({})", place(&row.cpus)) };
        let _ = writeln!(text, "- **{}**: {}{pace}{cpus}.", row.scenario, row.about);
    }
    text
}

const LEGEND: &str = "
Medians over the rounds. *Cost of one*: CPU time of the subject's whole process tree (kernel workers included) for one
gigabyte, round trip or connection; for connections that stand, bytes of its resident memory for one. *CPU*: that time over
the time that passed; well below 100 % per shard, the generators were the limit, and the rate says little. *Ratios*:
Tidegate's value over this subject's, both of the same round; median, and in parentheses the least and the greatest.
Below 1 is better for cost and p99, above 1 for the rate. *Floors* are relays that do nothing but relay: what the work itself
costs on this kernel. Each stands beside the work that it is cheapest for.
";

fn preface(results: &Results) -> String {
    let machine = &results.machine;
    let mut text = format!(
        "# Tidegate beside its peers, {}\n\n{} × {}, {:.0} GiB, Linux {}, {}; {}; {} shard{}, {} round{} of {} s, {:.0} s in all.\n",
        machine.time,
        machine.cpus,
        machine.cpu_model,
        machine.memory_bytes as f64 / f64::from(1 << 30),
        machine.kernel,
        machine.congestion,
        machine.commit.as_ref().map_or_else(|| "no commit".to_owned(), |commit| format!("commit {commit}")),
        results.shards,
        plural(results.shards),
        results.rounds,
        plural(results.rounds),
        results.window_seconds,
        results.took_seconds,
    );
    if results.is_quick {
        text.push_str("\n**A smoke test: it shows that things work. Its figures mean nothing.**\n");
    }
    let _ = writeln!(text, "\nWhere a line says nothing else: {}.", place(&results.cpus));
    if machine.load_before > 0.25 {
        let busy = machine.load_before;
        let _ = writeln!(text, "\n**The machine was not idle before the run: {busy:.2} running tasks per CPU.**");
    }
    let _ = writeln!(text);
    for known in &results.subjects {
        let _ = writeln!(text, "- {}: {}", known.name, known.version);
    }
    for missing in &results.missing {
        let _ = writeln!(text, "- **{} is missing**: {}", missing.name, missing.version);
    }
    text
}

fn place(cpus: &Layout) -> String {
    let list = |cpus: &[usize]| cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    if cpus.is_shared() {
        format!("subjects, generators and origins share the CPUs {}", list(&cpus.rig))
    } else {
        format!("subjects on CPU {}, generators and origins on CPU {}", list(&cpus.subject), list(&cpus.rig))
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn line(text: &mut String, row: &Row, cell: &Cell) {
    let median = |part: fn(&Finding) -> f64| cell.spread(part).map(|spread| spread.median);
    let shown = |value: Option<f64>, show: &dyn Fn(f64) -> String| value.map_or_else(|| "–".to_owned(), show);
    let percentile = |part: fn(&Finding) -> f64| shown(median(part).filter(|value| *value > 0.0), &duration);
    let cpu = median(|finding| finding.cpu_seconds / finding.seconds).filter(|share| *share > 0.0);
    let columns = [
        row.scenario.to_owned(),
        cell.subject.clone(),
        shown(median(|finding| finding.rate), &|rate| show_rate(row.unit, rate)),
        shown(median(|finding| finding.cost).filter(|cost| *cost != 0.0), &|cost| show_cost(row.unit, cost)),
        shown(cpu, &|share| format!("{:.0} %", 100.0 * share)),
        percentile(|finding| percentile_of(finding, 0)),
        percentile(|finding| percentile_of(finding, 1)),
        percentile(|finding| percentile_of(finding, 2)),
        shown(median(|finding| finding.rss as f64).filter(|bytes| *bytes > 0.0), &mebibytes),
        shown(median(|finding| finding.pss as f64).filter(|bytes| *bytes > 0.0), &mebibytes),
        ratio(row, cell, |finding| finding.cost),
        ratio(row, cell, |finding| finding.rate),
        ratio(row, cell, |finding| percentile_of(finding, 1)),
        notes(row, cell),
    ];
    let _ = writeln!(text, "| {} |", columns.join(" | "));
}

/// Percentile number `index` of [`Finding::latency`], in nanoseconds; 0 when nothing was timed.
fn percentile_of(finding: &Finding, index: usize) -> f64 {
    finding.latency.map_or(0.0, |percentiles| percentiles[index] as f64)
}

fn ratio(row: &Row, cell: &Cell, part: fn(&Finding) -> f64) -> String {
    if cell.subject == TIDEGATE {
        return String::new();
    }
    let spread = row.ratio(cell, part).filter(|spread| spread.max > 0.0);
    spread.map_or_else(|| "–".to_owned(), |Spread { median, min, max }| format!("{median:.2} ({min:.2}–{max:.2})"))
}

fn show_rate(unit: Unit, rate: f64) -> String {
    match unit {
        Unit::Gigabyte => format!("{rate:.2} GB/s"),
        Unit::RoundTrip | Unit::Connection => format!("{:.1} k/s", rate / 1e3),
        Unit::Held => format!("{rate:.0} held"),
    }
}

fn show_cost(unit: Unit, cost: f64) -> String {
    match unit {
        Unit::Gigabyte => format!("{cost:.3} s"),
        Unit::RoundTrip | Unit::Connection => format!("{:.2} µs", cost * 1e6),
        Unit::Held => format!("{cost:.0} B"),
    }
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        1e9.. => format!("{:.2} s", nanoseconds / 1e9),
        1e6.. => format!("{:.2} ms", nanoseconds / 1e6),
        _ => format!("{:.0} µs", nanoseconds / 1e3),
    }
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

fn notes(row: &Row, cell: &Cell) -> String {
    let mut notes = Vec::new();
    for finding in cell.findings.iter().flatten() {
        if finding.failures.sum() > 0 {
            notes.push(finding.failures.describe());
        }
    }
    notes.extend(cell.errors.iter().map(|error| error.replace('|', "/")));
    let median = |part: fn(&Finding) -> f64| cell.spread(part).map_or(0.0, |spread| spread.median);
    if row.unit == Unit::Held {
        let (slab, tcp) =
            (median(|finding| finding.kernel_slab_per_connection), median(|f| f.kernel_tcp_per_connection));
        notes.push(format!("kernel, all four sockets of each: {slab:.0} B slab, {tcp:.0} B TCP"));
    }
    if row.is_reloaded {
        let (reloads, processes) = (median(|finding| finding.reloads as f64), median(|f| f.processes as f64));
        notes.push(format!("{reloads:.0} reloads, {processes:.0} processes at the end"));
    }
    notes.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_units() {
        assert_eq!(show_rate(Unit::Gigabyte, 3.214), "3.21 GB/s");
        assert_eq!(show_rate(Unit::RoundTrip, 45_230.0), "45.2 k/s");
        assert_eq!(show_cost(Unit::Gigabyte, 0.3124), "0.312 s");
        assert_eq!(show_cost(Unit::Connection, 41.3e-6), "41.30 µs");
        assert_eq!(show_cost(Unit::Held, 3612.4), "3612 B");
        assert_eq!([999e3, 1.5e6, 2e9].map(duration), ["999 µs", "1.50 ms", "2.00 s"]);
    }
}
