//! Which metric of HAProxy's exporter is which field of `show info`.

use super::text::Kind::{self, Counter, Gauge};
use super::text::{Text, label};
use crate::admin::{Facts, info};

/// The metric behind `haproxy_process_`, its kind, and the field.
const FAMILIES: &[(&str, Kind, &str)] = &[
    ("nbthread", Gauge, "Nbthread"),
    ("nbproc", Gauge, "Nbproc"),
    ("relative_process_id", Gauge, "Process_num"),
    ("uptime_seconds", Gauge, "Uptime_sec"),
    ("pool_failures_total", Counter, "PoolFailed"),
    ("max_fds", Gauge, "Ulimit-n"),
    ("max_sockets", Gauge, "Maxsock"),
    ("max_connections", Gauge, "Maxconn"),
    ("hard_max_connections", Gauge, "Hard_maxconn"),
    ("current_connections", Gauge, "CurrConns"),
    ("connections_total", Counter, "CumConns"),
    ("requests_total", Counter, "CumReq"),
    ("max_ssl_connections", Gauge, "MaxSslConns"),
    ("current_ssl_connections", Gauge, "CurrSslConns"),
    ("ssl_connections_total", Counter, "CumSslConns"),
    ("max_pipes", Gauge, "Maxpipes"),
    ("pipes_used_total", Counter, "PipesUsed"),
    ("pipes_free_total", Counter, "PipesFree"),
    ("current_connection_rate", Gauge, "ConnRate"),
    ("limit_connection_rate", Gauge, "ConnRateLimit"),
    ("max_connection_rate", Gauge, "MaxConnRate"),
    ("current_session_rate", Gauge, "SessRate"),
    ("limit_session_rate", Gauge, "SessRateLimit"),
    ("max_session_rate", Gauge, "MaxSessRate"),
    ("current_ssl_rate", Gauge, "SslRate"),
    ("limit_ssl_rate", Gauge, "SslRateLimit"),
    ("max_ssl_rate", Gauge, "MaxSslRate"),
    ("current_frontend_ssl_key_rate", Gauge, "SslFrontendKeyRate"),
    ("max_frontend_ssl_key_rate", Gauge, "SslFrontendMaxKeyRate"),
    ("frontend_ssl_reuse", Gauge, "SslFrontendSessionReuse_pct"),
    ("current_backend_ssl_key_rate", Gauge, "SslBackendKeyRate"),
    ("max_backend_ssl_key_rate", Gauge, "SslBackendMaxKeyRate"),
    ("ssl_cache_lookups_total", Counter, "SslCacheLookups"),
    ("ssl_cache_misses_total", Counter, "SslCacheMisses"),
    ("http_comp_bytes_in_total", Counter, "CompressBpsIn"),
    ("http_comp_bytes_out_total", Counter, "CompressBpsOut"),
    ("limit_http_comp", Gauge, "CompressBpsRateLim"),
    ("current_tasks", Gauge, "Tasks"),
    ("current_run_queue", Gauge, "Run_queue"),
    ("idle_time_percent", Gauge, "Idle_pct"),
    ("stopping", Gauge, "Stopping"),
    ("jobs", Gauge, "Jobs"),
    ("unstoppable_jobs", Gauge, "Unstoppable Jobs"),
    ("listeners", Gauge, "Listeners"),
    ("active_peers", Gauge, "ActivePeers"),
    ("connected_peers", Gauge, "ConnectedPeers"),
    ("dropped_logs_total", Counter, "DroppedLogs"),
    ("busy_polling_enabled", Gauge, "BusyPolling"),
    ("failed_resolutions", Counter, "FailedResolutions"),
    ("bytes_out_total", Counter, "TotalBytesOut"),
    ("spliced_bytes_out_total", Counter, "TotalSplicedBytesOut"),
    ("bytes_out_rate", Gauge, "BytesOutRate"),
    ("recv_logs_total", Counter, "CumRecvLogs"),
    ("max_memory_bytes", Gauge, "Memmax_bytes"),
    ("pool_allocated_bytes", Gauge, "PoolAlloc_bytes"),
    ("pool_used_bytes", Gauge, "PoolUsed_bytes"),
    ("start_time_seconds", Gauge, "Start_time_sec"),
];

/// The same of ours, behind `tidegate_process_`.
const OWN: &[(&str, Kind, &str)] = &[
    ("frontend_ssl_broken_total", Counter, "SslFrontendBroken"),
    ("backend_ssl_broken_total", Counter, "SslBackendBroken"),
];

/// HAProxy counts here what zlib holds; of what is not built in it says that it is no number.
const WITHOUT_VALUE: [(&str, &str); 2] =
    [("current_zlib_memory", "there is no compression"), ("max_zlib_memory", "there is no compression")];

pub(super) fn render(facts: &Facts<'_>, text: &mut Text) {
    let fields = info::fields(facts);
    let of = |product: &'static str, families: &'static [_]| families.iter().map(move |family| (product, family));
    for (product, (name, kind, field)) in of("haproxy", FAMILIES).chain(of("tidegate", OWN)) {
        let found = fields.iter().find(|found| found.name == *field);
        let found = found.unwrap_or_else(|| panic!("`show info` has no field '{field}'"));
        let name = format!("{product}_process_{name}");
        text.family(&name, *kind, found.doc);
        text.sample(&name, "", &found.value);
    }
    for (name, help) in WITHOUT_VALUE {
        let name = format!("haproxy_process_{name}");
        text.family(&name, Gauge, help);
        text.sample(&name, "", "NaN");
    }
    let name = "haproxy_process_build_info";
    text.family(name, Gauge, "version of HAProxy whose behaviour is followed, and that of Tidegate");
    let version = label("version", config::COMPATIBLE_VERSION);
    let own = label("tidegate", env!("CARGO_PKG_VERSION"));
    text.sample(name, &format!("{version},{own}"), 1);
}
