//! Which backend a connection goes to.

use crate::configuration::{ConfigFile, PREAMBLE, Process};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use table::{BackendId, Facts, FrontendId, Table};

/// One frontend, and a client whom the rules are asked about.
pub struct Routing {
    table: Arc<Table>,
    client: SocketAddr,
}

/// The client is in the last network that any rule names.
const CLIENT: ([u8; 4], u16) = ([10, 255, 255, 7], 40_000);

impl Routing {
    /// No rule: the default backend.
    pub fn default_only() -> Routing {
        Routing::of("")
    }

    /// So many rules over networks and counts, of which the last holds.
    pub fn last_of(rule_count: usize) -> Routing {
        let mut rules = String::new();
        for number in 1..rule_count {
            let [.., a, b] = (number as u32).to_be_bytes();
            writeln!(rules, "    use_backend other if {{ src 172.{}.{b}.0/24 }} {{ nbsrv(other) ge 1 }}", 16 + a % 16)
                .expect("memory");
        }
        rules.push_str("    use_backend other if { src 10.255.0.0/16 } { nbsrv(other) ge 1 }\n");
        Routing::of(&rules)
    }

    /// One rule on an ACL of so many networks that do not touch, up to 65,536 of them.
    pub fn among_networks(network_count: usize) -> Routing {
        let first = 65_536 - network_count;
        let networks: Vec<String> = (first..65_536)
            .map(|number| {
                let [.., a, b] = (number as u32).to_be_bytes();
                format!("10.{a}.{b}.0/25")
            })
            .collect();
        let mut rules = String::new();
        // HAProxy takes 64 words on a line.
        for line in networks.chunks(60) {
            writeln!(rules, "    acl known src {}", line.join(" ")).expect("memory");
        }
        rules.push_str("    use_backend other if known\n");
        Routing::of(&rules)
    }

    /// One rule on a file of so many addresses that do not touch (`acl … -f`), of which the client is the last.
    pub fn from_file(address_count: u32) -> Routing {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        let last = Ipv4Addr::from(CLIENT.0).to_bits();
        let addresses: String =
            (0..address_count).map(|number| format!("{}\n", Ipv4Addr::from_bits(last - 2 * number))).collect();
        file.write_all(addresses.as_bytes()).expect("room for a list");
        Routing::of(&format!("    use_backend other if {{ src -f {} }}\n", file.path().display()))
    }

    fn of(rules: &str) -> Routing {
        let text = format!(
            "{PREAMBLE}\
             frontend front\n    bind 127.0.0.1:1000\n{rules}    default_backend usual\n\n\
             backend usual\n    server a 10.0.0.1:10143\n\n\
             backend other\n    server b 10.0.0.2:10143\n"
        );
        let mut process = Process::new();
        process.publish(&ConfigFile::new(&text));
        Routing { table: process.table(), client: CLIENT.into() }
    }

    /// One decision.
    pub fn decide(&self) -> Option<BackendId> {
        table::route(&self.table.frontends[0], || Facts::new(&self.table, FrontendId(0), Some(self.client), None))
    }

    /// The place of the backend `other`, where every rule leads.
    pub fn other(&self) -> Option<BackendId> {
        self.table.backend_named("other")
    }
}
