//! States of servers from a file, as another process left them (`load-server-state-from-file`; `management.txt` §9.3, `show servers
//! state`): read with the configuration at the start. A reload needs no file: states go on by name.
//!
//! What the file says holds unless the configuration has changed since: another weight, or another word on `disabled`, is obeyed
//! (`configuration.txt: server-state-file`). Addresses are those of the configuration, but for servers that are named
//! (`init-addr last`).

use crate::checks::{Checks, Kind, Line};
use crate::ledger::Ledger;
use crate::resolve::LastAddresses;
use config::{Config, Diagnostic, Lead, Level, Stage, StateSource};
use driver::Instant;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use table::{Admin, BackendId, Health, LogLevel, ServerId, Table, WEIGHT_MOST};

/// What was found, for every server that the configuration wants told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerStates {
    states: Vec<ServerState>,
}

/// One line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ServerState {
    backend: String,
    server: String,
    addr: Option<IpAddr>,
    operational: Operational,
    /// Bits of `srv_admin_state`.
    admin: u32,
    weight: u16,
    /// What the configuration said then.
    weight_configured: u16,
    unchanged_for: Duration,
    /// Bits of `srv_check_state`.
    check: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operational {
    Stopped,
    /// Running, starting or stopping.
    Running,
}

/// Why a file, or a line of it, is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    /// The first line is not the version that is read.
    Version,
    /// A line lacks fields, by its number from 1.
    Corrupted(usize),
    /// A field says what it cannot.
    Invalid { owner: String, field: &'static str, value: String },
}

const VERSION: &str = "1";
/// Up to and with `srv_port`: older writers stop there.
const FIELDS_LEAST: usize = 19;
const FIELDS_MOST: usize = 25;
/// A farm of a hundred thousand servers has a file of 10 MB.
const FILE_MOST: u64 = 64 << 20;

const FORCED_MAINT: u32 = 0x01;
const CONFIGURED_MAINT: u32 = 0x04;
const FORCED_DRAIN: u32 = 0x08;
const ADMIN_ALL: u32 = 0x7f;
const CHECK_ENABLED: u32 = 0x02;
const CHECK_CONFIGURED: u32 = 0x04;

impl ServerStates {
    /// Reads the files that `config` names. What cannot be read is a warning: the start does not fail for it.
    pub(crate) fn read(config: &Config, diagnostics: &mut Vec<Diagnostic>) -> ServerStates {
        let base = config.global.server_state_base.as_ref().map(|base| base.as_str());
        let mut global: HashSet<&str> = HashSet::new();
        let mut all = ServerStates::default();
        for proxy in config.proxies.iter().filter(|proxy| proxy.role.has_back() && !proxy.settings.is_disabled) {
            match proxy.settings.server_state {
                Some(StateSource::Global) => {
                    global.insert(&proxy.name);
                }
                Some(StateSource::Local) => {
                    let name = proxy.settings.server_state_file.as_deref().unwrap_or(&proxy.name);
                    let owner = Owner::Proxy(&proxy.name);
                    let states = of_file(&path(base, name), &owner, diagnostics);
                    all.states.extend(states.into_iter().filter(|state| state.backend == *proxy.name.value));
                }
                Some(StateSource::None) | None => (),
            }
        }
        if let Some(file) = config.global.server_state_file.as_ref() {
            let states = of_file(&path(base, file), &Owner::Global, diagnostics);
            all.states.extend(states.into_iter().filter(|state| global.contains(&*state.backend)));
        }
        all
    }

    /// Where the servers were.
    pub(crate) fn addresses(&self) -> LastAddresses {
        let placed = |state: &ServerState| Some(((state.backend.clone(), state.server.clone()), state.addr?));
        self.states.iter().filter_map(placed).collect()
    }

    /// Puts the servers of the first table into these states, before it is served. Answers what is to be told, each with the
    /// backend that it is about.
    pub(crate) fn apply(
        self,
        table: &Arc<Table>,
        checks: &mut Checks,
        ledger: &mut Ledger,
        now: Instant,
    ) -> Vec<(BackendId, Line)> {
        let mut indices: HashMap<BackendId, HashMap<&str, u32>> = HashMap::new();
        let mut told = Vec::new();
        for state in &self.states {
            let Some(backend) = table.backend_named(&state.backend) else { continue };
            let servers = &table.backend(backend).servers;
            let by_name = || servers.iter().zip(0..).map(|(server, index)| (&*server.name, index)).collect();
            let Some(&index) = indices.entry(backend).or_insert_with(by_name).get(&*state.server) else { continue };
            let id = ServerId { backend, index };
            told.extend(state.apply(table, id, checks).map(|line| (backend, line)));
            ledger.look(table, id, now);
            ledger.set_age(table, id, state.unchanged_for, now);
        }
        told
    }
}

impl ServerState {
    fn apply(&self, table: &Arc<Table>, id: ServerId, checks: &mut Checks) -> Option<Line> {
        let (backend, server) = (table.backend(id.backend), table.server(id));
        let settings = &server.settings;
        if self.weight_configured == settings.weight {
            backend.state.set_weight(server, self.weight);
        }
        let was_disabled = self.admin & CONFIGURED_MAINT != 0;
        let is_maintained = match (self.admin & FORCED_MAINT != 0, settings.disabled) {
            // The file says something else than it did then.
            (_, is_disabled) if is_disabled != was_disabled => is_disabled,
            (was_forced, _) => was_forced,
        };
        // A drain that came of a weight of zero ends with it.
        let is_drained = self.admin & FORCED_DRAIN != 0 && (self.weight_configured > 0 || settings.weight == 0);
        let admin = match (is_maintained, is_drained) {
            (true, _) => Admin::Maint,
            (false, true) => Admin::Drain,
            (false, false) => Admin::Ready,
        };
        if server.state.own_admin() != admin {
            backend.state.set_admin(server, admin);
            checks.adopt(table);
        }
        settings.check.as_ref()?;
        if self.check & CHECK_CONFIGURED != 0 && self.check & CHECK_ENABLED == 0 {
            checks.set_paused(server, Kind::Check, true);
        }
        // Who was in maintenance was stopped for that alone.
        if self.operational == Operational::Running || self.admin & FORCED_MAINT != 0 {
            return None;
        }
        checks.force(server, Kind::Check, false);
        backend.state.set_health(server, Health::Down);
        let usable = backend.state.usable();
        let text = format!(
            "{} {}/{} is DOWN, changed from server-state after a reload. {} active and {} backup servers left. \
             0 sessions active, 0 requeued, 0 remaining in queue.",
            if settings.backup { "Backup Server" } else { "Server" },
            backend.name,
            server.name,
            usable.active,
            usable.backup
        );
        Some(Line { level: LogLevel::Alert, on_console: text.clone(), text })
    }
}

/// Whose file it is, in HAProxy's words.
enum Owner<'a> {
    Global,
    Proxy(&'a str),
}

impl Owner<'_> {
    fn unopened(&self, path: &Path, why: &io::Error) -> String {
        let (path, why) = (path.display(), driver::Errno::of(why));
        match self {
            Owner::Global => format!("config: Can't open global server state file '{path}': {why}"),
            Owner::Proxy(name) => format!("Proxy '{name}': Can't open server state file '{path}': {why}."),
        }
    }

    fn fault(&self, path: &Path, fault: &Fault) -> String {
        let path = path.display();
        let (owner, kind) = match self {
            Owner::Global => ("config".to_string(), "global server state file"),
            Owner::Proxy(name) => (format!("Proxy '{name}'"), "server state file"),
        };
        match fault {
            Fault::Version => format!("{owner}: Can't get version of the {kind} '{path}'."),
            Fault::Corrupted(line) => format!("{owner}: corrupted {kind} '{path}' at line {line}."),
            Fault::Invalid { owner: server, field, value } => {
                format!("server-state application failed for server '{server}': invalid {field} value '{value}'")
            }
        }
    }
}

fn path(base: Option<&str>, name: &str) -> PathBuf {
    match base {
        Some(base) => Path::new(base).join(name),
        None => PathBuf::from(name),
    }
}

fn of_file(path: &Path, owner: &Owner<'_>, diagnostics: &mut Vec<Diagnostic>) -> Vec<ServerState> {
    let mut warn = |message: String| {
        let (level, stage, lead) = (Level::Warning, Stage::Checking, Lead::Bare);
        diagnostics.push(Diagnostic { level, stage, lead, span: None, message, hint: None });
    };
    let text = match contents(path) {
        Ok(text) => text,
        Err(why) => {
            warn(owner.unopened(path, &why));
            return Vec::new();
        }
    };
    let (states, faults) = parse(&text);
    faults.iter().for_each(|fault| warn(owner.fault(path, fault)));
    states
}

fn contents(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_MOST {
        return Err(io::Error::from_raw_os_error(nix::errno::Errno::EFBIG as i32));
    }
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines that can be taken, and what is wrong with the others.
fn parse(text: &str) -> (Vec<ServerState>, Vec<Fault>) {
    let mut lines = text.lines().zip(1..);
    if lines.next().is_none_or(|(first, _)| first.trim_end() != VERSION) {
        return (Vec::new(), vec![Fault::Version]);
    }
    let (mut states, mut faults) = (Vec::new(), Vec::new());
    for (line, number) in lines.filter(|(line, _)| !line.starts_with('#') && !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if !(FIELDS_LEAST..=FIELDS_MOST).contains(&fields.len()) {
            faults.push(Fault::Corrupted(number));
            continue;
        }
        match of_fields(&fields) {
            Ok(state) => states.push(state),
            Err(fault) => faults.push(fault),
        }
    }
    (states, faults)
}

fn of_fields(fields: &[&str]) -> Result<ServerState, Fault> {
    let number = |index: usize, field: &'static str, most: u32| {
        let value = fields[index];
        let number = value.parse::<u32>().ok().filter(|&number| number <= most);
        let owner = || format!("{}/{}", fields[1], fields[3]);
        number.ok_or_else(|| Fault::Invalid { owner: owner(), field, value: value.to_string() })
    };
    let weight_most = u32::from(WEIGHT_MOST);
    Ok(ServerState {
        backend: fields[1].to_string(),
        server: fields[3].to_string(),
        addr: fields[4].parse().ok().filter(|ip: &IpAddr| !ip.is_unspecified()),
        operational: match number(5, "srv_op_state", 3)? {
            0 => Operational::Stopped,
            _ => Operational::Running,
        },
        admin: number(6, "srv_admin_state", ADMIN_ALL)?,
        weight: number(7, "srv_uweight", weight_most)? as u16,
        weight_configured: number(8, "srv_iweight", weight_most)? as u16,
        unchanged_for: Duration::from_secs(u64::from(number(9, "srv_time_since_last_change", u32::MAX)?)),
        check: number(13, "srv_check_state", u32::MAX)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "1\n# be_id be_name srv_id srv_name srv_addr\n";

    /// Lines as HAProxy 2.6 wrote them.
    #[test]
    fn lines() {
        let text = "2 be 1 s1 127.0.0.1 2 0 7 10 9 1 0 2 0 0 0 0 - 29932 - 0 0 - - 0\n\
                    2 be 4 s4 127.0.0.1 0 1 1 1 0 1 0 0 14 0 0 0 - 29932 - 0 0 - - 0\n";
        let (states, faults) = parse(&format!("{HEADER}{text}"));
        assert_eq!(faults, []);
        let first = ServerState {
            backend: "be".into(),
            server: "s1".into(),
            addr: Some([127, 0, 0, 1].into()),
            operational: Operational::Running,
            admin: 0,
            weight: 7,
            weight_configured: 10,
            unchanged_for: Duration::from_secs(9),
            check: 0,
        };
        assert_eq!(states[0], first);
        assert_eq!((states[1].operational, states[1].admin, states[1].check), (Operational::Stopped, FORCED_MAINT, 14));
    }

    #[test]
    fn what_is_wrong() {
        let faults = |text: &str| parse(text).1;
        assert_eq!(faults(""), [Fault::Version]);
        assert_eq!(faults("2\n# x\n"), [Fault::Version]);
        assert_eq!(faults("garbage"), [Fault::Version]);
        assert_eq!(faults(HEADER), []);
        assert_eq!(faults("1\n# x\n2 be 1 s1 127.0.0.1 9 0 7\n\n"), [Fault::Corrupted(3)]);
        let line = "2 be 1 s1 127.0.0.1 2 0 999 10 9 1 0 2 0 0 0 0 - 29932 - 0 0 - - 0";
        let invalid = Fault::Invalid { owner: "be/s1".into(), field: "srv_uweight", value: "999".into() };
        assert_eq!(faults(&format!("1\n{line}\n")), [invalid]);
    }

    /// Whatever a line is cut to.
    #[test]
    fn no_file_panics() {
        let text = format!("{HEADER}2 be 1 s1 127.0.0.1 2 0 7 10 9 1 0 2 0 0 0 0 - 29932 - 0 0 - - 0\n");
        (0..text.len()).for_each(|end| drop(parse(&text[..end])));
        (0..text.len()).for_each(|begin| drop(parse(&format!("1\n{}", &text[begin..]))));
    }
}
