//! Which metric of HAProxy's exporter is which column of `show stat`.

use super::labels;
use super::states::{CHECK_STATES, LISTENER_STATES, PROXY_STATES, SERVER_STATES};
use super::text::{Kind, Text};
use crate::admin::field::Value;
use crate::admin::stat::{COLUMNS, Column, Row, Subject};
use Subject::{Backend, Frontend, Listener, Server};

const ALL: &[Subject] = &[Frontend, Listener, Backend, Server];
const ALL_BUT_LISTENERS: &[Subject] = &[Frontend, Backend, Server];
const ALL_BUT_SERVERS: &[Subject] = &[Frontend, Listener, Backend];
const PROXIES: &[Subject] = &[Frontend, Backend];
const CLIENTS: &[Subject] = &[Frontend, Listener];
const FARM: &[Subject] = &[Backend, Server];
const FRONTENDS: &[Subject] = &[Frontend];
const BACKENDS: &[Subject] = &[Backend];
const SERVERS: &[Subject] = &[Server];

/// A metric of frontends, of listeners, of backends or of servers.
pub(super) struct Family {
    /// Behind `haproxy_frontend_` and its like.
    name: &'static str,
    kind: Kind,
    column: Column,
    shape: Shape,
    /// Whom it is told of.
    whose: Whose,
}

/// How a cell becomes samples.
enum Shape {
    Number,
    /// A number of milliseconds, told in seconds.
    Millis,
    /// A sample for each of these, 1 for the one that is.
    States(&'static [&'static str]),
    /// The same for the states that such a row can be in.
    Status,
    /// A sample for each class of status codes; the column is the first of them.
    Codes,
}

enum Whose {
    Everybody,
    /// Proxies of mode http, and their servers.
    Http,
    /// Servers that are checked.
    Checked,
}

const fn gauge(name: &'static str, column: Column) -> Family {
    Family { name, kind: Kind::Gauge, column, shape: Shape::Number, whose: Whose::Everybody }
}

const fn counter(name: &'static str, column: Column) -> Family {
    Family { kind: Kind::Counter, ..gauge(name, column) }
}

const fn seconds(name: &'static str, column: Column) -> Family {
    Family { shape: Shape::Millis, ..gauge(name, column) }
}

const fn states(name: &'static str, column: Column, states: &'static [&'static str]) -> Family {
    Family { shape: Shape::States(states), ..gauge(name, column) }
}

const fn http(family: Family) -> Family {
    Family { whose: Whose::Http, ..family }
}

const fn checked(family: Family) -> Family {
    Family { whose: Whose::Checked, ..family }
}

const RESPONSES: Family = Family { shape: Shape::Codes, ..http(counter("http_responses_total", Column::Hrsp1xx)) };

const STATUS: Family = Family { shape: Shape::Status, ..gauge("status", Column::Status) };

/// In HAProxy's order, by whose rows tell of them.
const FAMILIES: &[(&[Subject], &[Family])] = &[
    (FARM, &[gauge("current_queue", Column::Qcur), gauge("max_queue", Column::Qmax)]),
    (
        ALL,
        &[
            gauge("current_sessions", Column::Scur),
            gauge("max_sessions", Column::Smax),
            gauge("limit_sessions", Column::Slim),
            counter("sessions_total", Column::Stot),
            counter("bytes_in_total", Column::Bin),
            counter("bytes_out_total", Column::Bout),
        ],
    ),
    (ALL_BUT_SERVERS, &[counter("requests_denied_total", Column::Dreq)]),
    (ALL, &[counter("responses_denied_total", Column::Dresp)]),
    (CLIENTS, &[counter("request_errors_total", Column::Ereq)]),
    (
        FARM,
        &[
            counter("connection_errors_total", Column::Econ),
            counter("response_errors_total", Column::Eresp),
            counter("retry_warnings_total", Column::Wretr),
            counter("redispatch_warnings_total", Column::Wredis),
        ],
    ),
    (ALL, &[STATUS]),
    (FRONTENDS, &[gauge("limit_session_rate", Column::RateLim)]),
    (FARM, &[gauge("weight", Column::Weight)]),
    (BACKENDS, &[gauge("active_servers", Column::Act), gauge("backup_servers", Column::Bck)]),
    (SERVERS, &[counter("check_failures_total", Column::Chkfail)]),
    (
        FARM,
        &[
            counter("check_up_down_total", Column::Chkdown),
            gauge("check_last_change_seconds", Column::Lastchg),
            counter("downtime_seconds_total", Column::Downtime),
        ],
    ),
    (SERVERS, &[gauge("queue_limit", Column::Qlimit), gauge("current_throttle", Column::Throttle)]),
    (FARM, &[counter("loadbalanced_total", Column::Lbtot)]),
    (ALL_BUT_LISTENERS, &[gauge("max_session_rate", Column::RateMax)]),
    (
        SERVERS,
        &[
            checked(states("check_status", Column::CheckStatus, CHECK_STATES)),
            checked(gauge("check_code", Column::CheckCode)),
            checked(seconds("check_duration_seconds", Column::CheckDuration)),
        ],
    ),
    (ALL_BUT_LISTENERS, &[RESPONSES]),
    (FRONTENDS, &[http(gauge("http_requests_rate_max", Column::ReqRateMax))]),
    (PROXIES, &[http(counter("http_requests_total", Column::ReqTot))]),
    (FARM, &[counter("client_aborts_total", Column::CliAbrt), counter("server_aborts_total", Column::SrvAbrt)]),
    (
        PROXIES,
        &[
            http(counter("http_comp_bytes_in_total", Column::CompIn)),
            http(counter("http_comp_bytes_out_total", Column::CompOut)),
            http(counter("http_comp_bytes_bypassed_total", Column::CompByp)),
            http(counter("http_comp_responses_total", Column::CompRsp)),
        ],
    ),
    (
        FRONTENDS,
        &[
            gauge("connections_rate_max", Column::ConnRateMax),
            counter("connections_total", Column::ConnTot),
            http(counter("intercepted_requests_total", Column::Intercepted)),
        ],
    ),
    (CLIENTS, &[counter("denied_connections_total", Column::Dcon), counter("denied_sessions_total", Column::Dses)]),
    (
        FARM,
        &[
            gauge("last_session_seconds", Column::Lastsess),
            seconds("queue_time_average_seconds", Column::Qtime),
            seconds("connect_time_average_seconds", Column::Ctime),
            seconds("response_time_average_seconds", Column::Rtime),
            seconds("total_time_average_seconds", Column::Ttime),
        ],
    ),
    (ALL, &[counter("failed_header_rewriting_total", Column::Wrew)]),
    (FARM, &[counter("connection_attempts_total", Column::Connect), counter("connection_reuses_total", Column::Reuse)]),
    (
        PROXIES,
        &[
            http(counter("http_cache_lookups_total", Column::CacheLookups)),
            http(counter("http_cache_hits_total", Column::CacheHits)),
        ],
    ),
    (SERVERS, &[gauge("idle_connections_current", Column::SrvIcur), gauge("idle_connections_limit", Column::SrcIlim)]),
    (
        FARM,
        &[
            seconds("max_queue_time_seconds", Column::QtimeMax),
            seconds("max_connect_time_seconds", Column::CtimeMax),
            seconds("max_response_time_seconds", Column::RtimeMax),
            seconds("max_total_time_seconds", Column::TtimeMax),
        ],
    ),
    (ALL, &[counter("internal_errors_total", Column::Eint)]),
    (
        SERVERS,
        &[
            gauge("unsafe_idle_connections_current", Column::IdleConnCur),
            gauge("safe_idle_connections_current", Column::SafeConnCur),
            gauge("used_connections_current", Column::UsedConnCur),
            gauge("need_connections_current", Column::NeedConnEst),
        ],
    ),
    (FARM, &[gauge("uweight", Column::Uweight)]),
];

/// The columns of [`Shape::Codes`], with their label.
const CODES: [(&str, Column); 6] = [
    ("1xx", Column::Hrsp1xx),
    ("2xx", Column::Hrsp2xx),
    ("3xx", Column::Hrsp3xx),
    ("4xx", Column::Hrsp4xx),
    ("5xx", Column::Hrsp5xx),
    ("other", Column::HrspOther),
];

/// All families of rows of one kind. One that nobody is told of is left out.
pub(super) fn render(subject: Subject, rows: &[&Row], text: &mut Text) {
    let rows: Vec<(&Row, String)> = rows.iter().map(|row| (*row, labels(row))).collect();
    let families = FAMILIES.iter().filter(|(subjects, _)| subjects.contains(&subject));
    for family in families.flat_map(|(_, families)| *families) {
        let name = format!("haproxy_{}_{}", word(subject), family.name);
        let mut told = rows.iter().filter(|(row, _)| family.whose.includes(row)).peekable();
        if told.peek().is_some() {
            text.family(&name, family.kind, COLUMNS[family.column as usize].doc);
            told.for_each(|(row, labels)| family.samples(&name, row, labels, text));
        }
    }
}

impl Whose {
    fn includes(&self, row: &Row) -> bool {
        match self {
            Whose::Everybody => true,
            Whose::Http => matches!(row.get(Column::Mode), Some(Value::Text(mode)) if mode == "http"),
            Whose::Checked => row.get(Column::CheckStatus).is_some(),
        }
    }
}

impl Family {
    fn samples(&self, name: &str, row: &Row, labels: &str, text: &mut Text) {
        let value = row.get(self.column);
        match self.shape {
            Shape::Number => match value {
                Some(value) => text.sample(name, labels, value),
                // What could be there and never was.
                None if matches!(self.whose, Whose::Checked | Whose::Http) => text.sample(name, labels, 0),
                None => text.sample(name, labels, "NaN"),
            },
            Shape::Millis => match value {
                Some(value) => text.sample(name, labels, format_args!("{:.6}", seconds_of(value))),
                None => text.sample(name, labels, "NaN"),
            },
            Shape::States(states) => sample_states(states, name, value, labels, text),
            Shape::Status => sample_states(states_of(row.subject), name, value, labels, text),
            Shape::Codes => {
                for (code, column) in CODES {
                    match row.get(column) {
                        Some(value) => text.sample_of(name, labels, ("code", code), value),
                        None => text.sample_of(name, labels, ("code", code), 0),
                    }
                }
            }
        }
    }
}

fn sample_states(states: &[&str], name: &str, value: Option<&Value>, labels: &str, text: &mut Text) {
    let word = value.map(ToString::to_string).unwrap_or_default();
    // What is a state itself is not another one's word for it: listeners are OPEN, frontends then UP.
    let is_own = states.contains(&word.as_str());
    let present = if is_own { word.as_str() } else { super::states::state(&word) };
    for &state in states {
        text.sample_of(name, labels, ("state", state), u8::from(state == present));
    }
}

fn states_of(subject: Subject) -> &'static [&'static str] {
    match subject {
        Frontend | Backend => PROXY_STATES,
        Listener => LISTENER_STATES,
        Server => SERVER_STATES,
    }
}

fn word(subject: Subject) -> &'static str {
    match subject {
        Frontend => "frontend",
        Listener => "listener",
        Backend => "backend",
        Server => "server",
    }
}

fn seconds_of(value: &Value) -> f64 {
    match value {
        Value::U32(millis) => f64::from(*millis) / 1000.0,
        Value::U64(millis) => *millis as f64 / 1000.0,
        Value::S32(millis) => f64::from(*millis) / 1000.0,
        Value::Text(_) => f64::NAN,
    }
}
