//! Tests: expressions, and patterns from lines and files.

use super::Lowering;
use super::acls::net_of;
use super::lists;
use config::{End, Matching, Method, Number, Patterns, Proxy, ProxyRef, ServerRef};
use std::sync::Arc;
use table::{Compare, Expression, Fetch, IpSet, List, Matcher, NumberRange, Test, TextPatterns};

/// Patterns, and the lists that they are in.
type Members = Vec<(Patterns, Arc<List>)>;

impl Lowering<'_> {
    /// The tests of some lines that are alternatives. Lines that ask the same in the same way become one.
    pub(super) fn tests(&mut self, lines: &[&config::Test], proxy: &Proxy, owner: &str) -> Vec<Test> {
        let mut questions: Vec<(&config::Expression, &Matching, Members)> = Vec::new();
        for line in lines {
            let (expression, matching) = match line {
                config::Test::Sample { expression, matching } => (expression, &**matching),
                config::Test::Unserved => unreachable!("refused before it is lowered"),
            };
            let members = self.members(expression, matching, owner);
            let is_same = |(first, like, _): &&mut (&config::Expression, &Matching, Members)| {
                first.fetch == expression.fetch
                    && first.converters == expression.converters
                    && like.method == matching.method
                    && like.is_case_insensitive == matching.is_case_insensitive
            };
            match questions.iter_mut().find(is_same) {
                Some((_, _, all)) => all.extend(members),
                None => questions.push((expression, matching, members)),
            }
        }
        let mut tests = Vec::with_capacity(questions.len());
        for (expression, matching, members) in questions {
            let Expression { fetch, converters } = self.expression(expression, proxy);
            let (patterns, lists): (Vec<Patterns>, Vec<Arc<List>>) = members.into_iter().unzip();
            let (matcher, group) = (matcher(matching, &patterns), lists::group(matching, lists));
            tests.push(Test { fetch, converters, matcher, group });
        }
        tests
    }

    pub(super) fn expression(&mut self, expression: &config::Expression, proxy: &Proxy) -> Expression {
        let converters = expression.converters.iter().filter_map(|made| self.converter(made)).collect();
        Expression { fetch: self.fetch(&expression.fetch, proxy), converters }
    }

    /// What was checked to exist and is not in the table is disabled: there is nobody to be counted.
    pub(super) fn fetch(&mut self, fetch: &config::Fetch, proxy: &Proxy) -> Fetch {
        match fetch {
            config::Fetch::Address(end) => address(*end),
            config::Fetch::Number(number) => self.number(number, proxy).unwrap_or(Fetch::Always(false)),
            config::Fetch::FrontendName => Fetch::FeName,
            config::Fetch::BackendName => Fetch::BeName,
            config::Fetch::Text(text) => Fetch::Bytes(text.as_bytes().into()),
            config::Fetch::Tls(part) => Fetch::Tls(super::parts::tls(part)),
            config::Fetch::Announced(kind) => Fetch::Announced(*kind),
            config::Fetch::BackTls(part) => Fetch::BackTls(super::parts::tls(part)),
            config::Fetch::Variable(variable) => Fetch::Variable(self.variable(variable)),
            config::Fetch::Session(part) => {
                self.keeps_captures |= part.is_captured();
                Fetch::Session(super::parts::session(*part))
            }
            config::Fetch::Hostname => Fetch::Bytes(crate::log::hostname().into_bytes().into()),
            config::Fetch::Environment(name) => match self.config.variables.var(name, self.environment) {
                Some(value) => Fetch::Bytes(value.into_bytes().into()),
                None => Fetch::Nothing,
            },
            config::Fetch::VariableOr(variable, default) => {
                Fetch::VariableOr(self.variable(variable), default.as_bytes().into())
            }
            config::Fetch::Octets(octets) => Fetch::Bytes(octets.as_slice().into()),
            config::Fetch::Random(range) => Fetch::Random(*range),
            config::Fetch::Uuid => Fetch::Uuid,
            config::Fetch::WaitEnd => Fetch::WaitEnd,
            config::Fetch::Message(part) => Fetch::Message(self.message(part)),
            config::Fetch::Payload(speaker, part) => {
                Fetch::Payload(super::parts::speaker(*speaker), super::parts::part(*part))
            }
        }
    }

    fn number(&mut self, number: &Number, proxy: &Proxy) -> Option<Fetch> {
        match number {
            Number::Port(End::Source) => Some(Fetch::SrcPort),
            Number::Port(End::Destination) => Some(Fetch::DstPort),
            Number::UsableServers(of) => self.names.backend(name(of, proxy)).map(Fetch::Nbsrv),
            Number::BackendConnections(of) => self.names.backend(name(of, proxy)).map(Fetch::BeConn),
            Number::FrontendConnections(of) => self.names.frontend(name(of, proxy)).map(Fetch::FeConn),
            Number::ServerConnections(of) => self.server_named(of, proxy).map(Fetch::SrvConn),
            Number::ServerIsUp(of) => self.server_named(of, proxy).map(Fetch::SrvIsUp),
            Number::BackendLoad(load, of) => {
                let load = super::parts::back_load(*load);
                self.names.backend(name(of, proxy)).map(|backend| Fetch::BackLoad(load, backend))
            }
            Number::FrontendLoad(load, of) => {
                let load = super::parts::front_load(*load);
                self.names.frontend(name(of, proxy)).map(|frontend| Fetch::FrontLoad(load, frontend))
            }
            Number::ServerLoad(load, of) => {
                let load = super::parts::server_load(*load);
                self.server_named(of, proxy).map(|server| Fetch::ServerLoad(load, server))
            }
            Number::FrontendId => Some(Fetch::FeId),
            Number::BackendId => Some(Fetch::BeId),
            Number::Truth(truth) => Some(Fetch::Always(*truth)),
            Number::Constant(number) => Some(Fetch::Int(*number)),
        }
    }

    fn server_named(&mut self, of: &ServerRef, proxy: &Proxy) -> Option<table::ServerId> {
        self.names.server(name(&of.proxy, proxy), &of.server)
    }
}

/// Without a name, the proxy that the ACL stands in is meant.
fn name<'p>(of: &'p ProxyRef, proxy: &'p Proxy) -> &'p str {
    of.name.as_deref().unwrap_or(&proxy.name)
}

pub(super) fn address(end: End) -> Fetch {
    match end {
        End::Source => Fetch::Src,
        End::Destination => Fetch::Dst,
    }
}

fn matcher(matching: &Matching, patterns: &[Patterns]) -> Matcher {
    let ranges = || patterns.iter().flat_map(ranges_of).map(range).collect();
    match matching.method {
        Method::Found => Matcher::Found,
        Method::Boolean => Matcher::True,
        Method::Integer | Method::Version => Matcher::Numbers(ranges()),
        Method::Length => Matcher::Lengths(ranges()),
        Method::Ip => {
            let nets = patterns.iter().flat_map(networks_of).map(|net| net_of(net.address, net.prefix));
            Matcher::Nets(IpSet::new(nets))
        }
        Method::Text(how) => {
            let texts = patterns.iter().flat_map(texts_of).map(Vec::as_slice);
            let patterns = TextPatterns::new(compare(how), matching.is_case_insensitive, texts);
            Matcher::Text(patterns.expect("expressions are compiled when they are read"))
        }
    }
}

fn networks_of(patterns: &Patterns) -> &[config::IpNet] {
    match patterns {
        Patterns::Networks(networks) => networks,
        Patterns::None | Patterns::Ranges(_) | Patterns::Texts(_) => &[],
    }
}

fn ranges_of(patterns: &Patterns) -> &[config::Range] {
    match patterns {
        Patterns::Ranges(ranges) => ranges,
        Patterns::None | Patterns::Networks(_) | Patterns::Texts(_) => &[],
    }
}

fn texts_of(patterns: &Patterns) -> &[Vec<u8>] {
    match patterns {
        Patterns::Texts(texts) => texts,
        Patterns::None | Patterns::Networks(_) | Patterns::Ranges(_) => &[],
    }
}

/// The ends of all numbers are no bounds.
pub(super) fn range(range: &config::Range) -> NumberRange {
    let least = Some(range.first).filter(|&first| first > i64::MIN);
    let most = Some(range.last).filter(|&last| last < i64::MAX);
    NumberRange { least, most }
}

pub(super) fn compare(compare: config::Compare) -> Compare {
    match compare {
        config::Compare::Whole | config::Compare::Binary => Compare::Whole,
        config::Compare::Begin => Compare::Begin,
        config::Compare::End => Compare::End,
        config::Compare::Inside => Compare::Inside,
        config::Compare::Directory => Compare::Directory,
        config::Compare::Domain => Compare::Domain,
        config::Compare::Regex => Compare::Regex,
    }
}
