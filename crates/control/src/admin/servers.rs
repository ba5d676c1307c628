//! `show servers state` and `show servers conn`: one line per server, in HAProxy's fields.

use super::facts::Facts;
use crate::checks::Kind;
use check::Status;
use std::fmt::Write;
use table::{Admin, Backend, Health, Place, Proxy, Server, ServerAddr};

/// The version of the format (`management.txt` §9.3).
const VERSION: u32 = 1;

const STATE_HEADER: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
     srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
     bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr \
     srv_agent_port";

/// Bits of `srv_admin_state`.
const FORCED_MAINT: u32 = 0x01;
const INHERITED_MAINT: u32 = 0x02;
const CONFIGURED_MAINT: u32 = 0x04;
/// `init-addr`
const UNPLACED_MAINT: u32 = 0x20;
const FORCED_DRAIN: u32 = 0x08;
const INHERITED_DRAIN: u32 = 0x10;

/// Bits of `srv_check_state`.
const CHECK_ENABLED: u32 = 0x02;
const CHECK_CONFIGURED: u32 = 0x04;
const CHECK_PAUSED: u32 = 0x08;
const CHECK_OF_AGENT: u32 = 0x10;

/// All servers, or those of the backend that is named.
pub(super) fn state(facts: &Facts<'_>, backend: &str) -> String {
    let Some(lines) = lines(facts, backend, state_of) else { return NO_BACKEND.into() };
    format!("{VERSION}\n{STATE_HEADER}\n{lines}")
}

pub(super) fn conn(facts: &Facts<'_>, backend: &str) -> String {
    let Some(lines) = lines(facts, backend, conn_of) else { return NO_BACKEND.into() };
    let shards = facts.process.shard_count;
    format!(
        "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb safe_nb idle_lim \
         idle_cur idle_per_thr[{shards}]\n{lines}"
    )
}

const NO_BACKEND: &str = "Can't find backend.\n";

type Line = fn(&Facts<'_>, &Proxy, &Backend, &Server) -> String;

fn lines(facts: &Facts<'_>, name: &str, line: Line) -> Option<String> {
    if !name.is_empty() && facts.table.backend_named(name).is_none() {
        return None;
    }
    let mut lines = String::new();
    for proxy in &facts.table.proxies {
        let Some(id) = proxy.backend else { continue };
        let backend = facts.table.backend(id);
        if name.is_empty() || *backend.name == *name {
            for server in &backend.servers {
                lines.push_str(&line(facts, proxy, backend, server));
                lines.push('\n');
            }
        }
    }
    Some(lines)
}

fn state_of(facts: &Facts<'_>, proxy: &Proxy, backend: &Backend, server: &Server) -> String {
    let (addr, port) = place(&server.address());
    let (check_addr, check_port) = own_place(facts, server, Kind::Check);
    let (agent_addr, agent_port) = own_place(facts, server, Kind::Agent);
    let finding = facts.finding(server);
    let (status, result) = match finding.and_then(|finding| finding.last) {
        Some(outcome) => (status_number(outcome.status), result_number(outcome.status)),
        None => (1, 0),
    };
    let health = match finding {
        Some(finding) => finding.health.points(),
        // What it has without checks: rise by default, or nothing while it is out.
        None => {
            if server.state.is_up() {
                2
            } else {
                0
            }
        }
    };
    let since = facts.ledger.server(server).map_or(0, |entry| entry.age(facts.now.instant).as_secs());
    format!(
        "{be_id} {be_name} {number} {name} {addr} {op} {admin} {uweight} {iweight} {since} {status} {result} {health} {check} \
         {agent} {be_forced} {forced} - {port} - 0 {check_port} {check_addr} {agent_addr} {agent_port}",
        be_id = proxy.number.value,
        be_forced = u32::from(proxy.number.is_given),
        number = server.settings.number.value,
        forced = u32::from(server.settings.number.is_given),
        be_name = backend.name,
        name = server.name,
        op = operational(server),
        admin = administrative(server),
        uweight = server.state.weight(),
        iweight = server.settings.weight,
        check = check_state(facts, server, Kind::Check),
        agent = check_state(facts, server, Kind::Agent),
    )
}

fn conn_of(facts: &Facts<'_>, proxy: &Proxy, backend: &Backend, server: &Server) -> String {
    let (addr, port) = place(&server.address());
    let (now, most) = (server.state.conns(), server.state.conns_most());
    let mut line = format!(
        "{}/{} {}/{} {addr} {port} - 5000 {now} {now} {most} {most} 0 0 0 -1 0",
        backend.name, server.name, proxy.number.value, server.settings.number.value
    );
    for _ in 0..facts.process.shard_count {
        // A string takes this.
        let _ = write!(line, " 0");
    }
    line
}

/// 0 stopped, 1 starting, 2 running, 3 stopping.
fn operational(server: &Server) -> u32 {
    match (server.state.is_up(), server.state.health(), server.state.warmth()) {
        (false, _, _) | (true, Health::Down, _) => 0,
        (true, Health::Up, Some(_)) => 1,
        (true, Health::Up, None) => 2,
        (true, Health::Stopping, _) => 3,
    }
}

fn administrative(server: &Server) -> u32 {
    let configured = if server.settings.disabled { CONFIGURED_MAINT } else { 0 };
    let own = match server.state.own_admin() {
        Admin::Ready => 0,
        Admin::Drain => FORCED_DRAIN,
        Admin::Maint => FORCED_MAINT,
    };
    let inherited = match server.state.inherited_admin() {
        Admin::Ready => 0,
        Admin::Drain => INHERITED_DRAIN,
        Admin::Maint => INHERITED_MAINT,
    };
    let unplaced = if server.state.is_placed() { 0 } else { UNPLACED_MAINT };
    configured | own | inherited | unplaced
}

fn check_state(facts: &Facts<'_>, server: &Server, kind: Kind) -> u32 {
    let is_enabled = !facts.checks.is_paused(server, kind);
    let enabled = if is_enabled { CHECK_CONFIGURED | CHECK_ENABLED } else { CHECK_CONFIGURED };
    let configured = facts.checks.place(server, kind).map_or(0, |_| enabled);
    match kind {
        Kind::Check if server.state.admin() == Admin::Maint => configured | CHECK_PAUSED,
        Kind::Check => configured,
        Kind::Agent if configured > 0 => configured | CHECK_OF_AGENT,
        Kind::Agent => 0,
    }
}

/// Address and port that checks have of their own, as two words.
fn own_place(facts: &Facts<'_>, server: &Server, kind: Kind) -> (String, u16) {
    let Place { ip, port } = facts.checks.place(server, kind).unwrap_or_default();
    (ip.map_or("-".into(), |ip| ip.to_string()), port.unwrap_or(0))
}

/// 2 failed, 3 passed, 4 passed conditionally.
fn result_number(status: Status) -> u32 {
    match (status, status.is_passed()) {
        (Status::Layer7PassedConditionally, _) => 4,
        (_, true) => 3,
        (_, false) => 2,
    }
}

/// HAProxy's numbers for what a check found.
fn status_number(status: Status) -> u32 {
    match status {
        Status::Unchanged => 3,
        Status::Analyzed => 4,
        Status::SocketFailed => 5,
        Status::Layer4Passed => 6,
        Status::Layer4TimedOut => 7,
        Status::Layer4Failed => 8,
        Status::Layer6Passed => 9,
        Status::Layer6TimedOut => 10,
        Status::Layer6Invalid => 11,
        Status::Layer7TimedOut => 12,
        Status::Layer7Invalid => 13,
        // 14 separates those that have a code.
        Status::Layer7Passed => 15,
        Status::Layer7PassedConditionally => 16,
        Status::Layer7WrongStatus => 17,
    }
}

/// Address and port, as two words.
fn place(addr: &ServerAddr) -> (String, u16) {
    match addr {
        ServerAddr::Ip(addr) => (addr.ip().to_string(), addr.port()),
        ServerAddr::Nowhere(port) => ("-".to_string(), *port),
        ServerAddr::Unix(_) | ServerAddr::Abstract(_) => (addr.to_string(), 0),
    }
}
