//! ACLs and conditions: names become places in the table.

use super::Lowering;
use config::{End, Number, Operand, Predefined, Proxy, ProxyRef, ServerRef};
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use table::{Acl, AddressFetch, Condition, IpSet, NumberFetch, NumberRange, Term, Test};

/// The ACLs of one proxy by name.
pub(super) type Acls = HashMap<String, Arc<Acl>>;

impl Lowering<'_> {
    /// Lines of one name are one ACL.
    pub(super) fn acls(&mut self, proxy: &Proxy) -> Acls {
        let mut tests: HashMap<String, Vec<Test>> = HashMap::new();
        for acl in &proxy.acls {
            let test = self.test(&acl.test, proxy);
            tests.entry(acl.name.value.clone()).or_default().push(test);
        }
        let acl = |(name, tests): (String, Vec<Test>)| (name.clone(), Arc::new(Acl { name: name.into(), tests }));
        tests.into_iter().map(acl).collect()
    }

    pub(super) fn condition(&mut self, condition: &config::Condition, proxy: &Proxy, acls: &Acls) -> Condition {
        let mut alternatives = Vec::with_capacity(condition.any_of.len());
        for terms in &condition.any_of {
            alternatives.push(terms.iter().map(|term| self.term(term, proxy, acls)).collect());
        }
        Condition { unless: condition.is_unless, alternatives }
    }

    fn term(&mut self, term: &config::Term, proxy: &Proxy, acls: &Acls) -> Term {
        let acl = match &term.operand {
            Operand::Named(name) => {
                Arc::clone(acls.get(name).expect("a name without an ACL is refused while it is read"))
            }
            Operand::Anonymous(test) => unnamed("{ }", self.test(test, proxy)),
            Operand::Predefined(Predefined::True) => unnamed("TRUE", constant(true)),
            Operand::Predefined(Predefined::False) => unnamed("FALSE", constant(false)),
            Operand::Predefined(Predefined::Localhost) => unnamed("LOCALHOST", localhost()),
            Operand::Unserved => unreachable!("refused before it is lowered"),
        };
        Term { negated: term.is_negated, acl }
    }

    fn test(&mut self, test: &config::Test, proxy: &Proxy) -> Test {
        match test {
            config::Test::Address { end, networks } => {
                let fetch = match end {
                    End::Source => AddressFetch::Src,
                    End::Destination => AddressFetch::Dst,
                };
                Test::Address { fetch, nets: IpSet::new(networks.iter().map(|net| net_of(net.address, net.prefix))) }
            }
            config::Test::Number { number, ranges } => {
                Test::Number { fetch: self.number(number, proxy), ranges: ranges.iter().map(range).collect() }
            }
            config::Test::Constant(truth) => constant(*truth),
            config::Test::PathBegins { .. } | config::Test::Unserved => unreachable!("refused before it is lowered"),
        }
    }

    /// What was checked to exist and is not in the table is disabled: there is nobody to be counted.
    fn number(&mut self, number: &Number, proxy: &Proxy) -> NumberFetch {
        let found = match number {
            Number::Port(End::Source) => Some(NumberFetch::SrcPort),
            Number::Port(End::Destination) => Some(NumberFetch::DstPort),
            Number::UsableServers(of) => self.names.backend(name(of, proxy)).map(NumberFetch::Nbsrv),
            Number::BackendConnections(of) => self.names.backend(name(of, proxy)).map(NumberFetch::BeConn),
            Number::FrontendConnections(of) => self.names.frontend(name(of, proxy)).map(NumberFetch::FeConn),
            Number::ServerConnections(of) => self.server_named(of, proxy).map(NumberFetch::SrvConn),
            Number::ServerIsUp(of) => self.server_named(of, proxy).map(NumberFetch::SrvIsUp),
            Number::Constant(truth) => Some(NumberFetch::Always(*truth)),
        };
        found.unwrap_or(NumberFetch::Always(false))
    }

    fn server_named(&mut self, of: &ServerRef, proxy: &Proxy) -> Option<table::ServerId> {
        self.names.server(name(&of.proxy, proxy), &of.server)
    }
}

/// Without a name, the proxy that the ACL stands in is meant.
fn name<'p>(of: &'p ProxyRef, proxy: &'p Proxy) -> &'p str {
    of.name.as_deref().unwrap_or(&proxy.name)
}

fn unnamed(name: &str, test: Test) -> Arc<Acl> {
    Arc::new(Acl { name: name.into(), tests: vec![test] })
}

fn constant(truth: bool) -> Test {
    Test::True(NumberFetch::Always(truth))
}

/// `src 127.0.0.1/8 ::1` (`configuration.txt` §7.4).
fn localhost() -> Test {
    let nets = [net_of(Ipv4Addr::LOCALHOST.into(), 8), net_of(Ipv6Addr::LOCALHOST.into(), 128)];
    Test::Address { fetch: AddressFetch::Src, nets: IpSet::new(nets) }
}

fn net_of(address: IpAddr, prefix: u8) -> IpNet {
    IpNet::new(address, prefix).expect("a prefix is no longer than its address").trunc()
}

/// The ends of all numbers are no bounds.
fn range(range: &config::Range) -> NumberRange {
    let least = Some(range.first).filter(|&first| first > i64::MIN);
    let most = Some(range.last).filter(|&last| last < i64::MAX);
    NumberRange { least, most }
}
