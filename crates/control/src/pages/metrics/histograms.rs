//! How long the parts of sessions took, as histograms: what HAProxy does not have, and so under a name of our own.

use super::text::{Kind, Text, label};
use crate::admin::latency::PARTS;
use std::time::Duration;
use table::{Distribution, Table, Tally};

/// The limits of the buckets, in seconds. A connection over loopback takes less than the first, a session of IMAP may last for days.
const LIMITS: [f64; 19] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0,
    86400.0,
];

/// Of backends.
pub(super) fn backends(table: &Table, text: &mut Text) {
    let rows = table.backends.iter().map(|backend| (label("proxy", &backend.name), &backend.state.tally));
    render("backend", &rows.collect::<Vec<_>>(), text);
}

/// Of servers, as soon as a session of theirs has ended.
pub(super) fn servers(table: &Table, text: &mut Text) {
    let servers = table.backends.iter().flat_map(|backend| &backend.servers);
    let rows = servers.map(|server| {
        let labels = format!("{},{}", label("proxy", &server.backend_name), label("server", &server.name));
        (labels, &server.state.tally)
    });
    render("server", &rows.collect::<Vec<_>>(), text);
}

fn render(subject: &str, rows: &[(String, &Tally)], text: &mut Text) {
    for part in PARTS {
        let name = format!("tidegate_{subject}_{}_time_seconds", part.word());
        let told: Vec<(&str, Distribution)> = rows
            .iter()
            .map(|(labels, tally)| (labels.as_str(), part.of(tally)))
            .filter(|(_, distribution)| distribution.count() > 0)
            .collect();
        if !told.is_empty() {
            text.family(&name, Kind::Histogram, part.doc());
        }
        told.iter().for_each(|(labels, distribution)| samples(&name, labels, distribution, text));
    }
}

fn samples(name: &str, labels: &str, distribution: &Distribution, text: &mut Text) {
    let bucket = format!("{name}_bucket");
    for limit in LIMITS {
        let count = distribution.count_within(Duration::from_secs_f64(limit));
        text.sample_of(&bucket, labels, ("le", &limit.to_string()), count);
    }
    text.sample_of(&bucket, labels, ("le", "+Inf"), distribution.count());
    text.sample(&format!("{name}_sum"), labels, distribution.sum().as_secs_f64());
    text.sample(&format!("{name}_count"), labels, distribution.count());
}
