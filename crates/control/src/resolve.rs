//! Host names, asked of the system's resolver while a configuration is read (`configuration.txt: init-addr`, `libc`).

use config::{Family, Host};
use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};

/// Who knows addresses of names.
pub(crate) trait Resolve {
    /// All addresses of a name, in the order of preference; empty if there are none.
    fn addresses(&mut self, name: &str) -> Vec<IpAddr>;
}

/// The system's resolver. It may take seconds: not for a thread that others wait for.
pub(crate) struct System;

impl Resolve for System {
    fn addresses(&mut self, name: &str) -> Vec<IpAddr> {
        (name, 0).to_socket_addrs().map(|found| found.map(|addr| addr.ip()).collect()).unwrap_or_default()
    }
}

/// Where servers were last, by backend and name.
pub(crate) type LastAddresses = HashMap<(String, String), IpAddr>;

/// Asks for each name once per configuration: a farm names the same few hosts on thousands of lines.
pub(crate) struct Resolver<'r> {
    source: &'r mut dyn Resolve,
    known: HashMap<String, Vec<IpAddr>>,
    last: LastAddresses,
    /// IPv6 is as good as not there.
    is_v4_only: bool,
}

impl<'r> Resolver<'r> {
    pub(crate) fn new(source: &'r mut dyn Resolve, is_v4_only: bool) -> Resolver<'r> {
        Resolver { source, known: HashMap::new(), last: LastAddresses::new(), is_v4_only }
    }

    pub(crate) fn with_last(self, last: LastAddresses) -> Resolver<'r> {
        Resolver { last, ..self }
    }

    /// Where the server was when its state was written to a file.
    pub(crate) fn last(&self, backend: &str, server: &str) -> Option<IpAddr> {
        self.last.get(&(backend.to_owned(), server.to_owned())).copied()
    }

    /// The address of a host: the first of IPv4 unless only IPv6 exists or is asked for. `Err` gives the name that has none.
    pub(crate) fn ip<'h>(&mut self, host: &'h Host) -> Result<IpAddr, &'h str> {
        match host {
            Host::Ip(ip) => Ok(*ip),
            Host::Name { name, family } => {
                let known = match self.known.get(name) {
                    Some(known) => known,
                    None => self.known.entry(name.clone()).or_insert(self.source.addresses(name)),
                };
                let v4 = || known.iter().find(|ip| ip.is_ipv4());
                let v6 = || known.iter().find(|ip| ip.is_ipv6() && !self.is_v4_only);
                let found = match family {
                    Family::Any => v4().or_else(v6),
                    Family::V4 => v4(),
                    Family::V6 => v6(),
                };
                found.copied().ok_or(name)
            }
        }
    }
}

/// Names that a test makes up.
#[cfg(test)]
pub(crate) struct Table(pub(crate) &'static [(&'static str, &'static [&'static str])]);

#[cfg(test)]
impl Resolve for Table {
    fn addresses(&mut self, name: &str) -> Vec<IpAddr> {
        let row = self.0.iter().find(|row| row.0 == name);
        row.map(|row| row.1.iter().map(|ip| ip.parse().expect("an address")).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        let mut table = Table(&[("both", &["2001:db8::1", "192.0.2.1"]), ("six", &["2001:db8::6"])]);
        let mut resolver = Resolver::new(&mut table, false);
        let mut check = |name: &str, family, expected: Option<&str>| {
            let host = Host::Name { name: name.into(), family };
            let expected = expected.map(|ip| ip.parse().expect("an address")).ok_or(name);
            assert_eq!(resolver.ip(&host), expected, "{name} {family:?}");
        };
        check("both", Family::Any, Some("192.0.2.1"));
        check("both", Family::V6, Some("2001:db8::1"));
        check("six", Family::Any, Some("2001:db8::6"));
        check("six", Family::V4, None);
        check("none", Family::Any, None);
        let six = Host::Name { name: "six".into(), family: Family::Any };
        assert_eq!(Resolver::new(&mut table, true).ip(&six), Err("six"));
    }

    #[test]
    fn a_name_is_asked_for_once() {
        struct Counting(u32);
        impl Resolve for Counting {
            fn addresses(&mut self, _: &str) -> Vec<IpAddr> {
                self.0 += 1;
                Vec::new()
            }
        }
        let mut counting = Counting(0);
        let mut resolver = Resolver::new(&mut counting, false);
        let host = Host::Name { name: "x".into(), family: Family::Any };
        assert_eq!((resolver.ip(&host), resolver.ip(&host)), (Err("x"), Err("x")));
        assert_eq!(counting.0, 1);
    }
}
