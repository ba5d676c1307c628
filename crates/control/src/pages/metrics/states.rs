//! States, which are told as a series each, and how many servers of a backend are in which.

use super::text::{Kind, Text, label};
use crate::admin::field::Value;
use crate::admin::stat::{COLUMNS, Column, Row};

pub(super) const PROXY_STATES: &[&str] = &["DOWN", "UP"];

pub(super) const LISTENER_STATES: &[&str] = &["WAITING", "OPEN", "FULL"];

pub(super) const SERVER_STATES: &[&str] = &["DOWN", "UP", "MAINT", "DRAIN", "NOLB"];

/// Results of checks, in HAProxy's order. Those without a check of ours stay 0.
pub(super) const CHECK_STATES: &[&str] = &[
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK", "L7OKC",
    "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

/// The state that a cell speaks of: `UP 1/3` and `no check` are UP, `MAINT (via b/s)` is MAINT, a result of a check is itself.
pub(super) fn state(cell: &str) -> &str {
    match cell {
        "OPEN" | "PAUSED" | "no check" => "UP",
        "STOP" => "DOWN",
        _ => cell.split(' ').next().unwrap_or_default(),
    }
}

/// What backends tell of their servers.
pub(super) fn aggregated(servers: &[&Row], text: &mut Text) {
    for (name, column, by, states) in [
        ("haproxy_backend_agg_server_status", Column::AggServerStatus, Column::Status, SERVER_STATES),
        ("haproxy_backend_agg_server_check_status", Column::AggServerCheckStatus, Column::Status, SERVER_STATES),
        ("haproxy_backend_agg_check_status", Column::AggCheckStatus, Column::CheckStatus, CHECK_STATES),
    ] {
        if servers.is_empty() {
            return;
        }
        text.family(name, Kind::Gauge, COLUMNS[column as usize].doc);
        // The servers of a backend follow each other.
        for of_backend in servers.chunk_by(|one, other| one.iid == other.iid) {
            let proxy = of_backend[0].get(Column::Pxname).map(ToString::to_string).unwrap_or_default();
            let labels = label("proxy", &proxy);
            for present in states {
                let is_in = |row: &&&Row| matches!(row.get(by), Some(Value::Text(cell)) if state(cell) == *present);
                text.sample_of(name, &labels, ("state", present), of_backend.iter().filter(is_in).count());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::state;

    #[test]
    fn states_of_cells() {
        for (cell, expected) in [
            ("OPEN", "UP"),
            ("PAUSED", "UP"),
            ("no check", "UP"),
            ("UP 2/3", "UP"),
            ("DOWN 1/2", "DOWN"),
            ("MAINT (via be/s1)", "MAINT"),
            ("DRAIN 1/3", "DRAIN"),
            ("STOP", "DOWN"),
            ("L4OK", "L4OK"),
        ] {
            assert_eq!(state(cell), expected, "{cell}");
        }
    }
}
