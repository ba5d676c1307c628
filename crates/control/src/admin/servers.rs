//! `show servers state` and `show servers conn`: one line per server, in HAProxy's fields.

use super::facts::Facts;
use check::Status;
use std::fmt::Write;
use table::{Admin, Backend, Proxy, Server, ServerAddr};

/// The version of the format (`management.txt` §9.3).
const VERSION: u32 = 1;

const STATE_HEADER: &str = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
     srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state \
     bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr \
     srv_agent_port";

/// Bits of `srv_admin_state`.
const FORCED_MAINT: u32 = 0x01;
const CONFIGURED_MAINT: u32 = 0x04;
const FORCED_DRAIN: u32 = 0x08;

/// Bits of `srv_check_state`.
const CHECK_ENABLED: u32 = 0x02;
const CHECK_CONFIGURED: u32 = 0x04;
const CHECK_PAUSED: u32 = 0x08;

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

type Line = fn(&Facts<'_>, &Proxy, &Backend, &Server, u32) -> String;

fn lines(facts: &Facts<'_>, name: &str, line: Line) -> Option<String> {
    if !name.is_empty() && facts.table.backend_named(name).is_none() {
        return None;
    }
    let mut lines = String::new();
    for proxy in &facts.table.proxies {
        let Some(id) = proxy.backend else { continue };
        let backend = facts.table.backend(id);
        if name.is_empty() || *backend.name == *name {
            for (server, number) in backend.servers.iter().zip(1..) {
                lines.push_str(&line(facts, proxy, backend, server, number));
                lines.push('\n');
            }
        }
    }
    Some(lines)
}

fn state_of(facts: &Facts<'_>, proxy: &Proxy, backend: &Backend, server: &Server, number: u32) -> String {
    let (addr, port) = place(&server.address());
    let is_checked = server.settings.check.is_some();
    let finding = facts.finding(server);
    let (status, result) = match finding.and_then(|finding| finding.last) {
        Some(outcome) => (status_number(outcome.status), if outcome.status.is_passed() { 3 } else { 2 }),
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
         0 0 0 - {port} - 0 {check_port} {check_addr} - 0",
        be_id = proxy.number,
        be_name = backend.name,
        name = server.name,
        op = operational(server),
        admin = administrative(server),
        uweight = server.state.weight(),
        iweight = server.settings.weight,
        check = check_state(server, is_checked),
        check_port = 0,
        check_addr = "-",
    )
}

fn conn_of(facts: &Facts<'_>, proxy: &Proxy, backend: &Backend, server: &Server, number: u32) -> String {
    let (addr, port) = place(&server.address());
    let (now, most) = (server.state.conns(), server.state.conns_most());
    let mut line = format!(
        "{}/{} {}/{number} {addr} {port} - 5000 {now} {now} {most} {most} 0 0 0 -1 0",
        backend.name, server.name, proxy.number
    );
    for _ in 0..facts.process.shard_count {
        // A string takes this.
        let _ = write!(line, " 0");
    }
    line
}

/// 0 stopped, 1 starting, 2 running.
fn operational(server: &Server) -> u32 {
    match (server.state.is_up(), server.state.warmth()) {
        (false, _) => 0,
        (true, Some(_)) => 1,
        (true, None) => 2,
    }
}

fn administrative(server: &Server) -> u32 {
    let configured = if server.settings.disabled { CONFIGURED_MAINT } else { 0 };
    configured
        | match server.state.admin() {
            Admin::Ready => 0,
            Admin::Drain => FORCED_DRAIN,
            Admin::Maint => FORCED_MAINT,
        }
}

fn check_state(server: &Server, is_checked: bool) -> u32 {
    let configured = if is_checked { CHECK_CONFIGURED | CHECK_ENABLED } else { 0 };
    let paused = if server.state.admin() == Admin::Maint { CHECK_PAUSED } else { 0 };
    configured | paused
}

/// HAProxy's numbers for what a check found.
fn status_number(status: Status) -> u32 {
    match status {
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
        Status::Layer7WrongStatus => 17,
    }
}

/// Address and port, as two words.
fn place(addr: &ServerAddr) -> (String, u16) {
    match addr {
        ServerAddr::Ip(addr) => (addr.ip().to_string(), addr.port()),
        ServerAddr::Unix(_) | ServerAddr::Abstract(_) => (addr.to_string(), 0),
    }
}
