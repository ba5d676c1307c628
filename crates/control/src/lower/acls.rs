//! ACLs and conditions: names become places in the table.

use super::Lowering;
use config::{End, Method, Operand, Predefined, Proxy, Span};
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use table::{
    Acl, Compare, Condition, Fetch, IpSet, Matcher, MessagePart, NumberRange, Part, Speaker, Term, Test, TextPatterns,
};

/// The ACLs of one proxy by name.
pub(super) type Acls = HashMap<String, Arc<Acl>>;

impl Lowering<'_> {
    /// Lines of one name are one ACL, and those of them that ask the same in the same way are one test: however many lines and
    /// files there are, they are looked up at once.
    pub(super) fn acls(&mut self, proxy: &Proxy) -> Acls {
        let mut lines: HashMap<&str, Vec<&config::Test>> = HashMap::new();
        for acl in &proxy.acls {
            lines.entry(&acl.name.value).or_default().push(&acl.test);
        }
        let acl = |(name, lines): (&str, Vec<&config::Test>)| {
            let tests = self.tests(&lines, proxy, &format!("ACL '{name}'"));
            (name.to_string(), Arc::new(Acl { name: name.into(), tests }))
        };
        lines.into_iter().map(acl).collect()
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
            Operand::Anonymous(test) => unnamed("{ }", self.tests(&[test], proxy, "condition")),
            Operand::Predefined(predefined) => self.predefined(*predefined, term.span),
            Operand::Unserved => unreachable!("refused before it is lowered"),
        };
        Term { negated: term.is_negated, acl }
    }

    /// `configuration.txt` §7.4.
    fn predefined(&mut self, predefined: Predefined, at: Span) -> Arc<Acl> {
        let (name, test) = match predefined {
            Predefined::True => ("TRUE", Test::new(Fetch::Always(true), Matcher::True)),
            Predefined::False => ("FALSE", Test::new(Fetch::Always(false), Matcher::True)),
            Predefined::Localhost => {
                let nets = [net_of(Ipv4Addr::LOCALHOST.into(), 8), net_of(Ipv6Addr::LOCALHOST.into(), 128)];
                ("LOCALHOST", Test::new(super::samples::address(End::Source), Matcher::Nets(IpSet::new(nets))))
            }
            Predefined::RequestContent => {
                let some = NumberRange { least: Some(1), most: None };
                let length = Fetch::Payload(Speaker::Client, Part::Length);
                ("REQ_CONTENT", Test::new(length, Matcher::Numbers(vec![some])))
            }
            Predefined::WaitEnd => ("WAIT_END", Test::new(Fetch::WaitEnd, Matcher::True)),
            Predefined::Method(names) => ("METH", equal(MessagePart::Method, names)),
            Predefined::Version(version) => ("HTTP", equal(MessagePart::Version, &[version])),
            Predefined::Http => ("HTTP", Test::new(Fetch::Payload(Speaker::Client, Part::Http), Matcher::True)),
        };
        let (fetch, method, written) = patterns_of(predefined);
        let group = self.predefined_list(at, fetch, method, written);
        unnamed(name, vec![Test { group, ..test }])
    }
}

/// As `configuration.txt` §7.4 has it: the fetch, how it is compared, and with what.
fn patterns_of(predefined: Predefined) -> (&'static str, Method, &'static [&'static str]) {
    match predefined {
        Predefined::True => ("always_true", Method::Boolean, &[]),
        Predefined::False => ("always_false", Method::Boolean, &[]),
        Predefined::Localhost => ("src", Method::Ip, &["127.0.0.1/8", "::1"]),
        Predefined::RequestContent => ("req.len", Method::Integer, &["1:"]),
        Predefined::WaitEnd => ("wait_end", Method::Boolean, &[]),
        Predefined::Http => ("req.proto_http", Method::Boolean, &[]),
        Predefined::Method(names) => ("method", Method::Text(config::Compare::Whole), names),
        Predefined::Version("1.0") => ("req.ver", Method::Text(config::Compare::Whole), &["1.0"]),
        Predefined::Version(_) => ("req.ver", Method::Text(config::Compare::Whole), &["1.1"]),
    }
}

/// A test for one of these texts.
fn equal(part: MessagePart, texts: &[&str]) -> Test {
    let texts = TextPatterns::new(Compare::Whole, false, texts.iter().map(|text| text.as_bytes()));
    Test::new(Fetch::Message(part), Matcher::Text(texts.expect("no expression")))
}

pub(super) fn unnamed(name: &str, tests: Vec<Test>) -> Arc<Acl> {
    Arc::new(Acl { name: name.into(), tests })
}

pub(super) fn net_of(address: IpAddr, prefix: u8) -> IpNet {
    IpNet::new(address, prefix).expect("a prefix is no longer than its address").trunc()
}
