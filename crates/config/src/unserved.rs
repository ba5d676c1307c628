//! The pass that refuses what HAProxy does and Tidegate does not, so that nothing is read and then ignored.
//!
//! Reading and refusing are apart: the tree is complete before anything is refused, and serving a keyword means moving
//! its row in `keywords/`, nothing here.

use crate::acl::{Operand, Predefined, Test};
use crate::diagnostic::{Diagnostic, Lead, Level, Stage};
use crate::effect::Effect;
use crate::fetch::Fetch;
use crate::http_rule::Format;
use crate::log_format::{Fault, Why};
use crate::reasons::reason_for;
use crate::source::Span;
use crate::tree::{Config, Mode, Proxy};

/// Words of the configuration that Tidegate does not act on, or that nobody else does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unserved {
    pub span: Span,
    /// The keyword, with what it belongs to: `http-request`, `option httplog`, `server maxconn`.
    pub what: String,
    pub verdict: Verdict,
}

/// What follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// An ALERT: starting without it would be another configuration.
    Refused,
    /// The same, with a way around it.
    RefusedBecause(&'static str),
    /// An ALERT where the file must run with HAProxy, too (`tidegate.strict-haproxy`); else nothing.
    Ours,
    /// A NOTICE: it cannot change what a client or a server sees, for this reason.
    Inert(&'static str),
}

/// One diagnostic for everything in the tree that is not served, in file order.
pub fn unserved(config: &Config) -> Vec<Diagnostic> {
    let is_told = |found: &&Unserved| found.verdict != Verdict::Ours || config.global.is_strict;
    let mut found: Vec<Unserved> = config.unserved.iter().filter(is_told).cloned().collect();
    for proxy in config.proxies.iter().filter(|proxy| !proxy.settings.is_disabled) {
        for (_, span, line) in proxy.log_formats() {
            found.extend(line.faults.iter().filter_map(|fault| of_format(fault, span, proxy.settings.mode)));
        }
        found.extend(of_modes(config, proxy));
    }
    // Sections inherit one format from `defaults`; it is spoken of once.
    found.sort_by(|one, other| (one.span, &one.what).cmp(&(other.span, &other.what)));
    found.dedup();
    found.iter().map(Unserved::diagnostic).collect()
}

fn of_format(fault: &Fault, span: Span, mode: Mode) -> Option<Unserved> {
    match &fault.why {
        Why::HttpLater(name) if mode == Mode::Http => {
            Some(Unserved { span, what: format!("log format %{name}"), verdict: Verdict::Refused })
        }
        Why::Unserved(what) => Some(Unserved { span, what: what.clone(), verdict: Verdict::Refused }),
        Why::Inert(what, why) => Some(Unserved { span, what: what.clone(), verdict: Verdict::Inert(why) }),
        Why::Invalid(..) | Why::Gone(_) | Why::HttpOnly(_) | Why::HttpLater(_) => None,
    }
}

/// What is served in one mode, and not where it meets the other.
fn of_modes(config: &Config, proxy: &Proxy) -> Vec<Unserved> {
    let refused = |span, what: &str| Unserved { span, what: what.into(), verdict: Verdict::Refused };
    if proxy.settings.mode == Mode::Http {
        let responses = proxy.tcp.response.iter().map(|rule| rule.deed.span);
        let responses = responses.map(|span| refused(span, "tcp-response content in mode http"));
        let bytes = proxy.tcp.expressions().filter(|expression| matches!(expression.fetch, Fetch::Payload(..)));
        let bytes = bytes.map(|expression| refused(expression.span, "a sample of bytes in mode http"));
        return responses.chain(bytes).collect();
    }
    let rules = proxy.http.all().map(|rule| refused(rule.span, "a rule on HTTP in mode tcp"));
    let aborts = proxy.settings.http.aborts_on_close.as_ref().filter(|option| option.value);
    let aborts = aborts.map(|option| refused(option.span, "option abortonclose in mode tcp"));
    let is_http = |name: &str| {
        let mut backends = config.proxies.iter().filter(|proxy| proxy.role.has_back());
        backends.any(|backend| *backend.name.value == *name && backend.settings.mode == Mode::Http)
    };
    let default = proxy.settings.default_backend.as_ref().filter(|_| proxy.role.has_front());
    let of_acls = proxy.acls.iter().map(|acl| (acl.name.span, &acl.test));
    let terms = proxy.conditions().flat_map(|(_, condition)| condition.any_of.iter().flatten());
    let of_terms = terms.filter_map(|term| match &term.operand {
        Operand::Anonymous(test) => Some((term.span, test)),
        Operand::Named(_) | Operand::Predefined(_) | Operand::Unserved => None,
    });
    let is_of_http =
        |operand: &Operand| matches!(operand, Operand::Predefined(Predefined::Method(_) | Predefined::Version(_)));
    let terms = proxy.conditions().flat_map(|(_, condition)| condition.any_of.iter().flatten());
    let predefined = terms.filter(|term| is_of_http(&term.operand));
    let predefined = predefined.map(|term| refused(term.span, "an ACL of HTTP in mode tcp"));
    let asks_message = |(_, test): &(Span, &Test)| matches!(test.fetch(), Some(Fetch::Message(_)));
    let asked = of_acls.chain(of_terms).filter(asks_message);
    let asked = asked.map(|(span, test)| refused(span, &format!("acl fetch {} in mode tcp", test.keyword())));
    let told = proxy.tcp.effects().filter_map(|(span, effect)| match effect {
        Effect::Capture(..) => Some(refused(span, "tcp-request content capture in mode tcp")),
        Effect::SetLogLevel(_) => Some(refused(span, "tcp-request content set-log-level in mode tcp")),
        Effect::SetVariable(..)
        | Effect::SetVariableText(..)
        | Effect::UnsetVariable(_)
        | Effect::SetAddress(..)
        | Effect::SetPort(..) => None,
    });
    let computed = proxy.rules.iter().filter_map(|rule| rule.computed.as_ref());
    let computed = computed
        .chain(proxy.settings.unique_id.format.as_deref())
        .chain(proxy.proxy_tlvs())
        .flat_map(Format::expressions)
        .chain(proxy.tcp.expressions());
    let computed = computed.filter(|expression| expression.fetch.is_of_http());
    let computed = computed.map(|expression| refused(expression.span, "a sample of HTTP in mode tcp"));
    let targets = proxy.rules.iter().map(|rule| &rule.backend).chain(default).filter(|name| is_http(name));
    let targets = targets.map(|name| refused(name.span, "a backend in mode http behind a frontend in mode tcp"));
    targets.chain(told).chain(computed).chain(asked).chain(predefined).chain(rules).chain(aborts).collect()
}

impl Unserved {
    fn diagnostic(&self) -> Diagnostic {
        let say = |level, message| Diagnostic::new(level, Stage::Serving, Lead::Spaced, self.span, message);
        let refused = || say(Level::Alert, format!("'{}' is not supported by Tidegate yet", self.what));
        match self.verdict {
            Verdict::Refused => refused().hint_if(reason_for(&self.what).map(str::to_string)),
            Verdict::RefusedBecause(hint) => refused().hint(hint),
            Verdict::Ours => say(
                Level::Alert,
                format!("'{}' is a keyword of Tidegate's own, which 'tidegate.strict-haproxy' forbids", self.what),
            ),
            Verdict::Inert(why) => say(Level::Notice, format!("'{}' has no effect in Tidegate: {why}", self.what)),
        }
    }
}
