//! Conditions over a connection: ORs of ANDs of ACLs, each an OR of tests (`configuration.txt: section 7`).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::{BackendId, FrontendId, IpSet, ServerId, Table};

/// What a condition may ask about a connection.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The client, as its PROXY header says it where one was accepted; `None` for a client on a unix socket.
    pub src: Option<SocketAddr>,
    /// What the client connected to. May be left out where [`Frontend::rules_need_dst`](crate::Frontend::rules_need_dst) says no.
    pub dst: Option<SocketAddr>,
    /// Whose counts are meant by `nbsrv(be)` and its like.
    pub table: &'a Table,
}

/// `if …` or `unless …` of a rule.
#[derive(Clone, Debug)]
pub struct Condition {
    /// `unless`: the whole is turned around.
    pub unless: bool,
    /// Holds if all terms of any of them hold (`a b or c`).
    pub alternatives: Vec<Vec<Term>>,
}

/// `name` or `!name` within a condition.
#[derive(Clone, Debug)]
pub struct Term {
    pub negated: bool,
    pub acl: Arc<Acl>,
}

/// All `acl` lines of one name, or an anonymous `{ … }`: matches if any of its tests does.
#[derive(Clone, Debug)]
pub struct Acl {
    pub name: Arc<str>,
    pub tests: Vec<Test>,
}

/// A fetch and what it is compared with. A fetch that finds nothing matches nothing.
#[derive(Clone, Debug)]
pub enum Test {
    Address {
        fetch: AddressFetch,
        nets: IpSet,
    },
    Number {
        fetch: NumberFetch,
        ranges: Vec<NumberRange>,
    },
    /// Any number but zero: boolean fetches without patterns, and `-m bool`.
    True(NumberFetch),
    /// `-m found` on an address.
    AddressFound(AddressFetch),
    /// `-m found` on a number.
    NumberFound(NumberFetch),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFetch {
    Src,
    Dst,
}

/// Fetches that give a number; a boolean is 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberFetch {
    SrcPort,
    DstPort,
    /// Servers that connections are spread over.
    Nbsrv(BackendId),
    BeConn(BackendId),
    FeConn(FrontendId),
    SrvConn(ServerId),
    SrvIsUp(ServerId),
    /// `always_true`, `always_false`.
    Always(bool),
}

/// Numbers from `least` to `most`, both included; `None` is without bound (`5`, `1:10`, `gt 3`, `:8`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange {
    pub least: Option<i64>,
    pub most: Option<i64>,
}

impl Condition {
    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        let holds = self.alternatives.iter().any(|terms| terms.iter().all(|term| term.holds(facts)));
        holds != self.unless
    }

    /// Whether it looks at [`Facts::dst`].
    pub fn needs_dst(&self) -> bool {
        self.tests().any(Test::needs_dst)
    }

    /// Whether every id in it has a place in `table`.
    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.tests().all(|test| test.fits(table))
    }

    fn tests(&self) -> impl Iterator<Item = &Test> {
        self.alternatives.iter().flatten().flat_map(|term| &term.acl.tests)
    }
}

impl Term {
    fn holds(&self, facts: &Facts<'_>) -> bool {
        self.acl.matches(facts) != self.negated
    }
}

impl Acl {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        self.tests.iter().any(|test| test.matches(facts))
    }
}

impl Test {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        match self {
            Test::Address { fetch, nets } => fetch.of(facts).is_some_and(|addr| nets.contains(addr)),
            Test::Number { fetch, ranges } => {
                fetch.of(facts).is_some_and(|number| ranges.iter().any(|range| range.contains(number)))
            }
            Test::True(fetch) => fetch.of(facts).is_some_and(|number| number != 0),
            Test::AddressFound(fetch) => fetch.of(facts).is_some(),
            Test::NumberFound(fetch) => fetch.of(facts).is_some(),
        }
    }

    fn needs_dst(&self) -> bool {
        match self {
            Test::Address { fetch, .. } | Test::AddressFound(fetch) => *fetch == AddressFetch::Dst,
            Test::Number { fetch, .. } | Test::True(fetch) | Test::NumberFound(fetch) => *fetch == NumberFetch::DstPort,
        }
    }

    fn fits(&self, table: &Table) -> bool {
        match self {
            Test::Address { .. } | Test::AddressFound(_) => true,
            Test::Number { fetch, .. } | Test::True(fetch) | Test::NumberFound(fetch) => fetch.fits(table),
        }
    }
}

impl AddressFetch {
    fn of(self, facts: &Facts<'_>) -> Option<IpAddr> {
        match self {
            AddressFetch::Src => facts.src.map(|addr| addr.ip()),
            AddressFetch::Dst => facts.dst.map(|addr| addr.ip()),
        }
    }
}

impl NumberFetch {
    fn of(self, facts: &Facts<'_>) -> Option<i64> {
        let table = facts.table;
        match self {
            NumberFetch::SrcPort => facts.src.map(|addr| i64::from(addr.port())),
            NumberFetch::DstPort => facts.dst.map(|addr| i64::from(addr.port())),
            NumberFetch::Nbsrv(backend) => Some(i64::from(table.backend(backend).state.nbsrv())),
            NumberFetch::BeConn(backend) => Some(table.backend(backend).state.conns.current() as i64),
            NumberFetch::FeConn(frontend) => Some(table.frontend(frontend).state.conns.current() as i64),
            NumberFetch::SrvConn(server) => Some(i64::from(table.server(server).state.conns())),
            NumberFetch::SrvIsUp(server) => Some(i64::from(table.server(server).state.is_up())),
            NumberFetch::Always(truth) => Some(i64::from(truth)),
        }
    }

    fn fits(self, table: &Table) -> bool {
        match self {
            NumberFetch::SrcPort | NumberFetch::DstPort | NumberFetch::Always(_) => true,
            NumberFetch::Nbsrv(BackendId(backend)) | NumberFetch::BeConn(BackendId(backend)) => {
                (backend as usize) < table.backends.len()
            }
            NumberFetch::FeConn(FrontendId(frontend)) => (frontend as usize) < table.frontends.len(),
            NumberFetch::SrvConn(ServerId { backend, index }) | NumberFetch::SrvIsUp(ServerId { backend, index }) => {
                let backend = table.backends.get(backend.0 as usize);
                backend.is_some_and(|backend| (index as usize) < backend.servers.len())
            }
        }
    }
}

impl NumberRange {
    /// Exactly `number` (`eq`, and a number without an operator).
    pub fn exactly(number: i64) -> NumberRange {
        NumberRange { least: Some(number), most: Some(number) }
    }

    fn contains(self, number: i64) -> bool {
        self.least.is_none_or(|least| least <= number) && self.most.is_none_or(|most| number <= most)
    }
}
