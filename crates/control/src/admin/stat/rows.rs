//! The rows of `show stat`: which columns apply to what, and what they say.

use super::weights::{shown_weight, throttle, weight};
use super::{Column, Row, Subject};
use crate::admin::facts::Facts;
use crate::checks::{Finding, Kind, root, tracked};
use check::Health;
use std::time::Duration;
use table::{
    Admin, Backend, BackendId, Balance, Bind, BindAddr, CheckSettings, Frontend, FrontendId, HashKey, ListenerState,
    Mode, Proxy, Server, ServerId, Standing, Tally, Totals,
};

/// `show stat IID TYPE SID`: -1, or no bit at all, is any.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The number of a proxy.
    pub(crate) proxy: Option<u32>,
    pub(crate) frontends: bool,
    pub(crate) backends: bool,
    pub(crate) servers: bool,
    pub(crate) listeners: bool,
    /// The number of a server, or of a listener.
    pub(crate) server: Option<u32>,
    pub(crate) hidden: Hidden,
}

/// Servers that are not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    None,
    /// `no-maint`
    Maintained,
    /// `up`: all that are not.
    Down,
}

impl Filter {
    pub(crate) const ALL: Filter = Filter {
        proxy: None,
        frontends: true,
        backends: true,
        servers: true,
        listeners: true,
        server: None,
        hidden: Hidden::None,
    };

    fn shows(&self, server: &Server) -> bool {
        let is_hidden = match self.hidden {
            Hidden::None => false,
            Hidden::Maintained => server.state.admin() == Admin::Maint,
            Hidden::Down => !server.state.is_up(),
        };
        self.servers && self.server.is_none_or(|wanted| wanted == server.settings.number.value) && !is_hidden
    }
}

/// The rows that `filter` lets through, in the order of the file: a frontend, its listeners if they are counted, then the servers of a
/// backend, then the backend.
pub(crate) fn rows<'a>(facts: &'a Facts<'a>, filter: &'a Filter) -> impl Iterator<Item = Row> + 'a {
    let wanted = |proxy: &&Proxy| filter.proxy.is_none_or(|number| number == proxy.number.value);
    facts.table.proxies.iter().filter(wanted).flat_map(move |proxy| {
        let front = proxy.frontend.filter(|_| filter.frontends).map(|id| frontend(facts, proxy.number.value, id));
        let back = proxy.backend.filter(|_| filter.backends);
        let back = back.map(|id| backend(facts, proxy.number.value, id, filter.hidden));
        let servers = proxy.backend.into_iter().flat_map(move |backend| {
            let servers = facts.table.backend(backend).servers.iter().zip(0..);
            let servers = servers.filter(|(server, _)| filter.shows(server));
            servers.map(move |(_, index)| server(facts, proxy.number.value, ServerId { backend, index }))
        });
        let counted = proxy.frontend.filter(|_| filter.listeners).into_iter();
        let counted = counted.flat_map(move |id| listeners(facts, proxy.number.value, id, filter.server));
        front.into_iter().chain(counted).chain(servers).chain(back)
    })
}

fn frontend(facts: &Facts<'_>, iid: u32, id: FrontendId) -> Row {
    let frontend: &Frontend = facts.table.frontend(id);
    let (state, now) = (&frontend.state, facts.clock());
    let totals = state.tally.totals();
    let mut row = Row::new(Subject::Frontend, iid, 0);
    row.text(Column::Pxname, &*frontend.name);
    row.text(Column::Svname, "FRONTEND");
    row.u32(Column::Scur, state.conns.current());
    row.u32(Column::Smax, state.conns.peak());
    row.u32(Column::Slim, facts.frontend_limit(frontend));
    traffic(&mut row, &state.tally);
    row.u64(Column::Dreq, totals.requests_denied);
    row.u64(Column::Ereq, totals.requests_failed);
    row.text(Column::Status, word(facts.standing(frontend)));
    row.u32(Column::Rate, state.tally.session_rate(now));
    row.u32(Column::RateLim, state.session_rate.limit());
    row.u32(Column::RateMax, state.tally.session_rate_peak(now));
    row.u32(Column::ReqRate, state.tally.request_rate(now));
    row.u32(Column::ReqRateMax, state.tally.request_rate_peak(now));
    row.u64(Column::ReqTot, totals.requests);
    exchanges(&mut row, frontend.mode, &totals);
    zeros(&mut row, &[Column::CompIn, Column::CompOut, Column::CompByp, Column::CompRsp]);
    row.text(Column::Mode, frontend.mode.word());
    row.u32(Column::ConnRate, state.tally.connection_rate(now));
    row.u32(Column::ConnRateMax, state.tally.connection_rate_peak(now));
    row.u64(Column::ConnTot, totals.connections);
    row.u64(Column::Dcon, totals.connections_denied);
    row.u64(Column::Dses, totals.sessions_denied);
    row.u64(Column::Eint, totals.internal_errors);
    if frontend.mode == Mode::Http {
        row.u64(Column::Intercepted, totals.intercepted);
    }
    row.u64(Column::Wrew, totals.edits_failed);
    zeros(&mut row, &[Column::SessOther, Column::H1sess, Column::H2sess, Column::H3sess]);
    zeros(&mut row, &[Column::ReqOther, Column::H1req, Column::H2req, Column::H3req]);
    handshakes(&mut row, &state.tally);
    zeros(&mut row, HTTP);
    row
}

/// The listeners of a frontend that counts them, or the one with this number.
fn listeners<'a>(facts: &'a Facts<'a>, iid: u32, id: FrontendId, only: Option<u32>) -> impl Iterator<Item = Row> + 'a {
    let frontend = facts.table.frontend(id);
    let wanted = move |bind: &&Bind| only.is_none_or(|number| number == bind.number);
    let counted = |bind: &'a Bind| Some((bind, bind.state.as_deref()?));
    let listeners = frontend.binds.iter().filter(wanted).filter_map(counted);
    listeners.map(move |(bind, state)| listener(frontend, bind, state, iid))
}

fn listener(frontend: &Frontend, bind: &Bind, state: &ListenerState, iid: u32) -> Row {
    let totals = state.tally.totals();
    let mut row = Row::new(Subject::Listener, iid, bind.number);
    row.text(Column::Pxname, &*frontend.name);
    // HAProxy's name for one that has none.
    row.text(Column::Svname, bind.name.as_deref().map_or_else(|| format!("sock-{}", bind.number), str::to_owned));
    row.u32(Column::Scur, state.conns.current());
    row.u32(Column::Smax, state.conns.peak());
    // It has no limit of its own.
    row.u32(Column::Slim, 0_u32);
    traffic(&mut row, &state.tally);
    row.u64(Column::Dreq, totals.requests_denied);
    row.u64(Column::Ereq, totals.requests_failed);
    // Also while its frontend is paused.
    row.text(Column::Status, "OPEN");
    row.text(Column::Addr, address(&bind.addr));
    row.text(Column::Mode, frontend.mode.word());
    row.u64(Column::Dcon, totals.connections_denied);
    row.u64(Column::Dses, totals.sessions_denied);
    row.u64(Column::Eint, totals.internal_errors);
    row.u64(Column::Wrew, totals.edits_failed);
    handshakes(&mut row, &state.tally);
    row
}

/// Of a unix socket HAProxy shows the kind alone.
fn address(addr: &BindAddr) -> String {
    match addr {
        BindAddr::Ip(addr) => addr.to_string(),
        BindAddr::Unix(_) => "unix".into(),
        BindAddr::Abstract(_) => "abns".into(),
        BindAddr::Inherited(_) => addr.to_string(),
    }
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Open => "OPEN",
        Standing::Paused => "PAUSED",
        Standing::Stopped => "STOP",
    }
}

/// Requests and responses by their statuses; in another mode there are none.
fn exchanges(row: &mut Row, mode: Mode, totals: &Totals) {
    match mode {
        Mode::Tcp => (),
        Mode::Http => {
            row.u64(Column::ReqTot, totals.requests);
            row.u64(Column::Hrsp1xx, totals.responses_1xx);
            row.u64(Column::Hrsp2xx, totals.responses_2xx);
            row.u64(Column::Hrsp3xx, totals.responses_3xx);
            row.u64(Column::Hrsp4xx, totals.responses_4xx);
            row.u64(Column::Hrsp5xx, totals.responses_5xx);
            row.u64(Column::HrspOther, totals.responses_other);
        }
    }
}

fn backend(facts: &Facts<'_>, iid: u32, id: BackendId, hidden: Hidden) -> Row {
    let backend: &Backend = facts.table.backend(id);
    let (state, now) = (&backend.state, facts.clock());
    let mut row = Row::new(Subject::Backend, iid, 0);
    row.text(Column::Pxname, &*backend.name);
    row.text(Column::Svname, "BACKEND");
    row.u32(Column::Scur, state.conns.current());
    row.u32(Column::Smax, state.conns.peak());
    row.u32(Column::Slim, backend.limits.fullconn);
    row.u32(Column::Qcur, state.queued());
    row.u32(Column::Qmax, state.queued_most());
    traffic(&mut row, &state.tally);
    row.u64(Column::Dreq, state.tally.totals().requests_denied);
    towards_servers(&mut row, facts, &state.tally);
    let usable = state.usable();
    let is_up = backend.servers.is_empty() || state.nbsrv() > 0;
    let word = if is_up { "UP" } else { "DOWN" };
    match hidden {
        Hidden::None => row.text(Column::Status, word),
        Hidden::Maintained | Hidden::Down => {
            row.text(Column::Status, format!("{word} ({}/{})", state.nbsrv(), backend.servers.len()));
        }
    }
    row.u32(Column::Weight, weight(backend));
    row.u32(Column::Uweight, weight(backend));
    row.u32(Column::Act, usable.active);
    row.u32(Column::Bck, usable.backup);
    if let Some(entry) = facts.ledger.backend(facts.table, id) {
        row.u64(Column::Chkdown, entry.downs);
        row.u32(Column::Lastchg, entry.age(facts.now.instant).as_secs());
        row.u32(Column::Downtime, entry.downtime(facts.now.instant).as_secs());
    }
    row.u32(Column::Rate, state.tally.session_rate(now));
    row.u32(Column::RateMax, state.tally.session_rate_peak(now));
    zeros(&mut row, &[Column::CompIn, Column::CompOut, Column::CompByp, Column::CompRsp]);
    exchanges(&mut row, backend.mode, &state.tally.totals());
    row.text(Column::Mode, backend.mode.word());
    row.text(Column::Algo, algorithm(backend));
    gauges(&mut row, &[Column::AggServerStatus, Column::AggServerCheckStatus, Column::AggCheckStatus]);
    handshakes(&mut row, &state.tally);
    zeros(&mut row, HTTP);
    row
}

fn server(facts: &Facts<'_>, iid: u32, id: ServerId) -> Row {
    let server: &Server = facts.table.server(id);
    let (state, now) = (&server.state, facts.clock());
    let mut row = Row::new(Subject::Server, iid, server.settings.number.value);
    row.text(Column::Pxname, &*server.backend_name);
    row.text(Column::Svname, &*server.name);
    row.u32(Column::Scur, state.conns());
    row.u32(Column::Smax, state.conns_most());
    if let Some(most) = state.maxconn() {
        row.u32(Column::Slim, most.get());
    }
    row.u32(Column::Qcur, state.queued());
    row.u32(Column::Qmax, state.queued_most());
    if let Some(most) = server.settings.maxqueue {
        row.u32(Column::Qlimit, most.get());
    }
    traffic(&mut row, &state.tally);
    towards_servers(&mut row, facts, &state.tally);
    row.text(Column::Status, status(facts, server));
    row.u32(Column::Weight, shown_weight(u32::from(state.effective_weight())));
    row.u32(Column::Uweight, state.weight());
    if state.warmth().is_some() && state.weight() > 0 && state.admin() == Admin::Ready {
        row.u32(Column::Throttle, throttle(server));
    }
    row.u32(Column::Act, u32::from(!server.settings.backup));
    row.u32(Column::Bck, u32::from(server.settings.backup));
    if let Some(entry) = facts.ledger.server(server) {
        row.u32(Column::Lastchg, entry.age(facts.now.instant).as_secs());
        if server.settings.check.is_some() {
            row.u64(Column::Chkdown, entry.downs);
            row.u32(Column::Downtime, entry.downtime(facts.now.instant).as_secs());
        }
    }
    row.u32(Column::Rate, state.tally.session_rate(now));
    row.u32(Column::RateMax, state.tally.session_rate_peak(now));
    checked(&mut row, facts, server);
    if let Some(tracked) = &server.settings.track {
        row.text(Column::Tracked, format!("{}/{}", tracked.backend, tracked.server));
    }
    if state.is_placed() {
        row.text(Column::Addr, server.address().to_string());
    }
    let mode = facts.table.backend(id.backend).mode;
    exchanges(&mut row, mode, &state.tally.totals());
    row.text(Column::Mode, mode.word());
    let resting = state.resting();
    row.u32(Column::SrvIcur, resting.all);
    row.u32(Column::SafeConnCur, resting.proven);
    row.u32(Column::IdleConnCur, resting.all - resting.proven);
    gauges(&mut row, &[Column::PrivIdleCur, Column::Srid]);
    if let Some(most) = server.settings.pool.most {
        row.u32(Column::SrcIlim, most);
    }
    row.u32(Column::UsedConnCur, state.conns());
    row.u32(Column::NeedConnEst, state.conns_most());
    handshakes(&mut row, &state.tally);
    row
}

/// What has a server's health in it.
fn checked(row: &mut Row, facts: &Facts<'_>, server: &Server) {
    let is_maintained = server.state.admin() == Admin::Maint;
    if let Some(settings) = &server.settings.check
        && !facts.checks.is_paused(server, Kind::Check)
    {
        row.u64(Column::Chkfail, facts.checks.failures(server));
        if server.settings.observe.is_some() {
            row.u64(Column::Hanafail, facts.checks.alarms(server));
        }
        if !is_maintained {
            found(row, &CHECK, facts.finding(server), settings);
        }
    }
    if let Some(settings) = &server.settings.agent
        && !facts.checks.is_paused(server, Kind::Agent)
    {
        found(row, &AGENT, facts.agent(server), settings);
    }
}

/// The columns about a check.
struct Columns {
    status: Column,
    code: Column,
    duration: Column,
    description: Column,
    said: Column,
    rise: Column,
    fall: Column,
    health: Column,
}

const CHECK: Columns = Columns {
    status: Column::CheckStatus,
    code: Column::CheckCode,
    duration: Column::CheckDuration,
    description: Column::CheckDesc,
    said: Column::LastChk,
    rise: Column::CheckRise,
    fall: Column::CheckFall,
    health: Column::CheckHealth,
};

const AGENT: Columns = Columns {
    status: Column::AgentStatus,
    code: Column::AgentCode,
    duration: Column::AgentDuration,
    description: Column::AgentDesc,
    said: Column::LastAgt,
    rise: Column::AgentRise,
    fall: Column::AgentFall,
    health: Column::AgentHealth,
};

fn found(row: &mut Row, columns: &Columns, finding: Option<Finding<'_>>, settings: &CheckSettings) {
    match finding.and_then(|finding| finding.last) {
        Some(outcome) => {
            row.text(columns.status, outcome.status.word());
            if outcome.status.has_code() {
                row.u32(columns.code, outcome.code);
            }
            if outcome.status != check::Status::Analyzed {
                row.u64(columns.duration, millis(outcome.duration));
            }
            row.text(columns.description, outcome.status.to_string());
            row.text(columns.said, String::from_utf8_lossy(&outcome.info));
        }
        None => {
            row.text(columns.status, "INI");
            row.text(columns.description, "Initializing");
            row.text(columns.said, "");
        }
    }
    row.u32(columns.rise, settings.rise);
    row.u32(columns.fall, settings.fall);
    row.u32(columns.health, finding.map_or(0, |finding| finding.health.points()));
}

/// A server's status in HAProxy's words.
pub(crate) fn status(facts: &Facts<'_>, server: &Server) -> String {
    // Who follows another one stands as that one stands.
    let root = root(facts.table, server);
    let health = facts.finding(root).map(|finding| finding.health);
    let agent = facts.agent(root).map(|finding| finding.health);
    // Where the operator has said how it is, no check may have found it yet.
    let is_moving = |is_up: bool| health.filter(|health| health.is_up() == is_up && !health.is_steady());
    let moving = |word: &str, is_up: bool| match is_moving(is_up).map(Health::progress) {
        Some((points, most)) => format!("{word} {points}/{most}"),
        None => word.into(),
    };
    match (server.state.admin(), server.state.health()) {
        (Admin::Maint, _) if !server.state.is_placed() => "MAINT (resolution)".into(),
        (Admin::Maint, _) => match tracked(facts.table, server) {
            Some(tracked) if server.state.own_admin() != Admin::Maint => {
                format!("MAINT (via {}/{})", tracked.backend_name, tracked.name)
            }
            Some(_) | None => "MAINT".into(),
        },
        (Admin::Ready | Admin::Drain, table::Health::Down) => match agent {
            Some(agent) if !agent.is_up() => "DOWN (agent)".into(),
            Some(_) | None => moving("DOWN", false),
        },
        (Admin::Ready | Admin::Drain, table::Health::Stopping) => moving("NOLB", true),
        (Admin::Drain, table::Health::Up) if agent.is_some() => "DRAIN (agent)".into(),
        (Admin::Drain, table::Health::Up) => moving("DRAIN", true),
        (Admin::Ready, table::Health::Up) if health.is_none() => "no check".into(),
        (Admin::Ready, table::Health::Up) => moving("UP", true),
    }
}

/// What every kind of row counts.
fn traffic(row: &mut Row, tally: &Tally) {
    let totals = tally.totals();
    row.u64(Column::Stot, totals.sessions);
    row.u64(Column::Bin, totals.bytes_in);
    row.u64(Column::Bout, totals.bytes_out);
    row.u64(Column::Dresp, totals.responses_denied);
    // What was received is what is sent on.
    row.u64(Column::Reqbin, totals.bytes_in);
    row.u64(Column::Reqbout, totals.bytes_in);
    row.u64(Column::Resbin, totals.bytes_out);
    row.u64(Column::Resbout, totals.bytes_out);
}

/// TLS with clients, or with servers. Whether a client wanted to know what authorities say the library does not tell.
fn handshakes(row: &mut Row, tally: &Tally) {
    let totals = tally.totals();
    row.u64(Column::SslSess, totals.tls_sessions);
    row.u64(Column::SslReusedSess, totals.tls_resumed);
    row.u64(Column::SslFailedHandshake, totals.tls_failed);
    zeros(row, &[Column::SslOcspStaple, Column::SslFailedOcspStaple]);
}

/// What backends and servers count.
fn towards_servers(row: &mut Row, facts: &Facts<'_>, tally: &Tally) {
    let totals = tally.totals();
    row.u64(Column::Econ, totals.connects_failed);
    row.u64(Column::Eresp, totals.responses_failed);
    row.u64(Column::Wretr, totals.retries);
    row.u64(Column::Wredis, totals.redispatches);
    row.u64(Column::Lbtot, totals.picks);
    row.u64(Column::CliAbrt, totals.client_aborts);
    row.u64(Column::SrvAbrt, totals.server_aborts);
    let last = tally.since_last_session(facts.clock());
    let seconds = last.map_or(-1, |ago| i32::try_from(ago.as_secs()).unwrap_or(i32::MAX));
    row.set(Column::Lastsess, crate::admin::field::Value::S32(seconds));
    row.u32(Column::Qtime, tally.recent(|traffic| &traffic.queue_time));
    row.u32(Column::Ctime, tally.recent(|traffic| &traffic.connect_time));
    row.u32(Column::Rtime, tally.recent(|traffic| &traffic.response_time));
    row.u32(Column::Ttime, tally.recent(|traffic| &traffic.total_time));
    row.u64(Column::Connect, totals.connects);
    row.u64(Column::Reuse, totals.reuses);
    row.u32(Column::QtimeMax, tally.peaks().queue_time.get());
    row.u32(Column::CtimeMax, tally.peaks().connect_time.get());
    row.u32(Column::RtimeMax, tally.peaks().response_time.get());
    row.u32(Column::TtimeMax, tally.peaks().total_time.get());
    row.u64(Column::Eint, totals.internal_errors);
    row.u64(Column::Wrew, totals.edits_failed);
}

/// Counters of what does not happen here.
fn zeros(row: &mut Row, columns: &[Column]) {
    columns.iter().for_each(|&column| row.u64(column, 0));
}

fn gauges(row: &mut Row, columns: &[Column]) {
    columns.iter().for_each(|&column| row.u32(column, 0_u32));
}

const HTTP: &[Column] = &[
    Column::H2HeadersRcvd,
    Column::H2DataRcvd,
    Column::H2SettingsRcvd,
    Column::H2RstStreamRcvd,
    Column::H2GoawayRcvd,
    Column::H2DetectedConnProtocolErrors,
    Column::H2DetectedStrmProtocolErrors,
    Column::H2RstStreamResp,
    Column::H2GoawayResp,
    Column::H2OpenConnections,
    Column::H2BackendOpenStreams,
    Column::H2TotalConnections,
    Column::H2BackendTotalStreams,
    Column::H1OpenConnections,
    Column::H1OpenStreams,
    Column::H1TotalConnections,
    Column::H1TotalStreams,
    Column::H1BytesIn,
    Column::H1BytesOut,
    Column::H1SplicedBytesIn,
    Column::H1SplicedBytesOut,
];

/// HAProxy's word for it.
fn algorithm(backend: &Backend) -> &'static str {
    match backend.balance {
        Balance::RoundRobin => "roundrobin",
        Balance::StaticRr => "static-rr",
        Balance::LeastConn => "leastconn",
        Balance::First => "first",
        Balance::Hash(_) => match &backend.hashing.key {
            HashKey::Source => "source",
            HashKey::Uri(_) => "uri",
            HashKey::Parameter(_) | HashKey::PostedParameter(_) => "url_param",
            HashKey::Field { .. } => "hdr",
            HashKey::Expression(_) => "hash",
        },
        Balance::Random { .. } => "random",
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
