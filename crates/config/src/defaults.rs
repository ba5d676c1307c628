//! `defaults` sections: settings that sections inherit, and rules that are asked before their own (configuration.txt §4).

use crate::acl::{Condition, Operand};
use crate::diagnostic::{Diagnostic, Lead};
use crate::line::Line;
use crate::source::{Span, Spanned};
use crate::tree::{Proxy, Role, Settings};
use std::collections::HashSet;

/// One of them.
pub(crate) struct Defaults {
    pub(crate) span: Span,
    pub(crate) name: Option<String>,
    pub(crate) settings: Settings,
    /// A section that is nobody's, for the rules and ACLs of those that inherit from it.
    pub(crate) rules: Proxy,
    /// The names of its ACLs, which nobody else sees.
    pub(crate) acls: HashSet<String>,
    /// What inherits its rules: frontends, or backends.
    heirs: Option<Role>,
}

impl Defaults {
    pub(crate) fn new(span: Span, name: Option<String>, settings: Settings) -> Defaults {
        let own = Spanned::new(name.clone().unwrap_or_default(), span);
        let rules = Proxy::new(Role::Listen, own, Settings::default());
        Defaults { span, name, settings, rules, acls: HashSet::new(), heirs: None }
    }

    pub(crate) fn has_rules(&self) -> bool {
        let tcp = &self.rules.tcp;
        let has_requests = !tcp.connection.is_empty() || !tcp.session.is_empty() || !tcp.content.is_empty();
        has_requests || !tcp.response.is_empty() || !self.rules.http.is_empty()
    }

    /// Gives a section the rules, whose ACLs get names that no section can write. `place` is where this one stands.
    pub(crate) fn give_rules(&mut self, heir: &mut Proxy, line: Line<'_>, place: &str) -> Result<(), Diagnostic> {
        let rules = &self.rules;
        heir.tcp.inspect_delay = rules.tcp.inspect_delay;
        heir.tcp.response_delay = rules.tcp.response_delay;
        if !self.has_rules() {
            return Ok(());
        }
        let has_admission = !rules.tcp.connection.is_empty() || !rules.tcp.session.is_empty();
        let message = match (heir.role, self.heirs) {
            (Role::Listen, _) => {
                Some("a listen section cannot inherit from a defaults section defining TCP/HTTP rules.".to_string())
            }
            (Role::Frontend, Some(Role::Backend)) | (Role::Backend, Some(Role::Frontend)) => Some(format!(
                "frontends and backends cannot inherit from the same defaults section if it defines TCP/HTTP rules \
                 (defaults section at {place})."
            )),
            (Role::Backend, _) if has_admission => Some(format!(
                "a backend section cannot inherit from a defaults section defining 'tcp-request connection' or \
                 'tcp-request session' rules (defaults section at {place})."
            )),
            (Role::Frontend, _) if !rules.tcp.response.is_empty() => Some(format!(
                "a frontend section cannot inherit from a defaults section defining 'tcp-response content' rules \
                 (defaults section at {place})."
            )),
            (Role::Frontend | Role::Backend, _) => None,
        };
        if let Some(message) = message {
            return Err(Diagnostic::alert(Lead::Tight, line.span(0), message));
        }
        self.heirs = Some(heir.role);
        heir.acls = rules.acls.clone();
        heir.http = rules.http.clone();
        heir.tcp = rules.tcp.clone();
        let section = &self.rules.name.value;
        heir.acls.iter_mut().for_each(|acl| acl.name.value = within(section, &acl.name.value));
        conditions(heir).for_each(|condition| rename(condition, section));
        Ok(())
    }
}

/// A slash is in no name of an ACL.
fn within(section: &str, name: &str) -> String {
    format!("{section}/{name}")
}

fn conditions(proxy: &mut Proxy) -> impl Iterator<Item = &mut Condition> {
    let (tcp, http) = (&mut proxy.tcp, &mut proxy.http);
    let of_requests = tcp.connection.iter_mut().chain(&mut tcp.session).chain(&mut tcp.content);
    let of_tcp = of_requests.map(|rule| &mut rule.condition).chain(tcp.response.iter_mut().map(|it| &mut it.condition));
    let of_http = http.request.iter_mut().chain(&mut http.response).chain(&mut http.after_response);
    of_tcp.chain(of_http.map(|rule| &mut rule.condition)).flatten()
}

fn rename(condition: &mut Condition, section: &str) {
    for term in condition.any_of.iter_mut().flatten() {
        match &mut term.operand {
            Operand::Named(name) => *name = within(section, name),
            Operand::Anonymous(_) | Operand::Predefined(_) | Operand::Unserved => (),
        }
    }
}
