//! The order in which servers are picked, held to sequences that were recorded from HAProxy.
//!
//! A recording is a configuration followed by what was done and seen: `pick` connects and disconnects, `open` connects and stays,
//! `from` connects from an address; the names are those of the servers that answered, `-` where none did. A `dead` server
//! refuses connections although it counts as up; the connection is then tried once more, elsewhere if the algorithm allows.

mod common;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use table::{Admin, Backend, Balance, Facts, FrontendId, Mapping, PickKey, Server, ServerSettings, StateBook, Table};

struct Replay {
    backend: Arc<Backend>,
    /// A client's facts need one.
    table: Table,
    dead: Vec<String>,
    open: HashMap<String, Vec<Arc<Server>>>,
}

impl Replay {
    fn connect(&self, source: Option<IpAddr>) -> Option<Arc<Server>> {
        let client = Facts::new(&self.table, FrontendId(0), source.map(|addr| (addr, 9).into()), None);
        let hash = self.backend.hash(|| client);
        let key = PickKey { hash, ..PickKey::default() };
        let first = self.backend.pick(&key)?;
        if !self.is_dead(&first) {
            return Some(first);
        }
        self.backend.release(&first);
        let second = self.backend.pick(&PickKey { avoid: Some(&first.state), ..key })?;
        if !self.is_dead(&second) {
            return Some(second);
        }
        self.backend.release(&second);
        None
    }

    fn is_dead(&self, server: &Server) -> bool {
        self.dead.iter().any(|name| **name == *server.name)
    }

    fn connect_and_leave(&self, source: Option<IpAddr>) -> String {
        let Some(server) = self.connect(source) else { return "-".into() };
        self.backend.release(&server);
        server.name.to_string()
    }

    fn server(&self, name: &str) -> &Server {
        self.backend.servers.iter().find(|server| *server.name == *name).expect("recordings name known servers")
    }

    /// Does what a line of the recording says was done, and gives the line as it would have been recorded of us.
    fn replay(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let state = self.backend.state.clone();
        match words[..] {
            ["pick", ..] => {
                let names: Vec<_> = words[1..].iter().map(|_| self.connect_and_leave(None)).collect();
                return format!("pick {}", names.join(" "));
            }
            ["open", ..] => {
                let names: Vec<_> = words[1..].iter().map(|_| self.connect_and_stay()).collect();
                return format!("open {}", names.join(" "));
            }
            ["from", ..] => {
                let addrs = words[1..].iter().map(|word| word.split('=').next().expect("split gives one part"));
                let pairs = addrs.map(|addr| format!("{addr}={}", self.connect_and_leave(Some(addr.parse().unwrap()))));
                return format!("from {}", pairs.collect::<Vec<_>>().join(" "));
            }
            ["close", ..] => {
                for name in &words[1..] {
                    let server = self.open.get_mut(*name).and_then(Vec::pop).expect("what is closed was open");
                    self.backend.release(&server);
                }
            }
            ["down", name] => state.set_admin(self.server(name), Admin::Maint),
            ["drain", name] => state.set_admin(self.server(name), Admin::Drain),
            ["up" | "ready", name] => state.set_admin(self.server(name), Admin::Ready),
            ["weight", name, weight] => state.set_weight(self.server(name), weight.parse().unwrap()),
            _ => panic!("not a line of a recording: {line}"),
        }
        line.to_owned()
    }

    fn connect_and_stay(&mut self) -> String {
        let server = self.connect(None).expect("recordings stay only where a server answers");
        let name = server.name.to_string();
        self.open.entry(name.clone()).or_default().push(server);
        name
    }
}

fn start(lines: &[&str]) -> Replay {
    let (mut balance, mut all_backups, mut servers, mut dead) = (None, false, Vec::new(), Vec::new());
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["balance", name] => {
                balance = Some(match name {
                    "roundrobin" => Balance::RoundRobin,
                    "static-rr" => Balance::StaticRr,
                    "leastconn" => Balance::LeastConn,
                    "first" => Balance::First,
                    "source" => Balance::Hash(Mapping::Map),
                    _ => panic!("{name}"),
                });
            }
            ["option", "allbackups"] => all_backups = true,
            ["option", "redispatch"] | ["retries", "1"] => {}
            ["server", name, ..] => {
                let mut settings = ServerSettings::default();
                let mut params = words[2..].iter();
                while let Some(param) = params.next() {
                    match *param {
                        "weight" => settings.weight = params.next().unwrap().parse().unwrap(),
                        "backup" => settings.backup = true,
                        "disabled" => settings.disabled = true,
                        "dead" => dead.push(name.to_owned()),
                        _ => panic!("{line}"),
                    }
                }
                servers.push((name, settings));
            }
            _ => panic!("{line}"),
        }
    }
    let mut book = StateBook::new(1);
    let backend = common::backend(&mut book, balance.expect("a recording names its algorithm"), all_backups, &servers);
    let table = common::empty(&book);
    Replay { backend: common::in_force(&book, backend), table, dead, open: HashMap::new() }
}

fn check(recordings: &str) {
    let mut checked = 0;
    for recording in recordings.split("\n== ").skip(1) {
        let mut lines = recording.lines().filter(|line| !line.is_empty());
        let title = lines.next().expect("a recording has a title");
        let lines: Vec<&str> = lines.collect();
        let is_set_up =
            |line: &&str| ["balance", "option", "retries", "server"].iter().any(|word| line.starts_with(word));
        let (set_up, steps) = lines.split_at(lines.iter().position(|line| !is_set_up(line)).unwrap_or(lines.len()));
        let mut replay = start(set_up);
        for (number, line) in steps.iter().enumerate() {
            assert_eq!(replay.replay(line), *line, "{title}: step {number}");
            checked += 1;
        }
    }
    assert!(checked > 0, "no recording was found");
}

#[test]
fn round_robin() {
    check(include_str!("golden/round_robin.txt"));
}

#[test]
fn static_rr() {
    check(include_str!("golden/static_rr.txt"));
}

#[test]
fn least_conn() {
    check(include_str!("golden/least_conn.txt"));
}

#[test]
fn first() {
    check(include_str!("golden/first.txt"));
}

#[test]
fn source() {
    check(include_str!("golden/source.txt"));
}

#[test]
fn random_histories() {
    check(include_str!("golden/histories.txt"));
}
