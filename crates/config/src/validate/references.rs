//! Names of other sections, of servers and of lists of users: whatever a line names must be there, and be what the line takes it for.

use super::Checker;
use crate::acl::{Operand, Test};
use crate::diagnostic::{Lead, place_of};
use crate::error_page::ErrorSource;
use crate::fetch::{Fetch, MessagePart, Number, ProxyRef, ServerRef, UserlistRef};
use crate::http_rule::{Format, HttpAction, ReplyContent};
use crate::source::{Span, Spanned};
use crate::tree::{Config, Mode, Proxy, Role};
use std::collections::{HashMap, HashSet};

/// Proxies and servers by name, so that a hundred thousand lines are looked up in one pass.
pub(super) struct Names<'a> {
    proxies: HashMap<&'a str, &'a Proxy>,
    /// Of the proxies whose servers were asked for.
    servers: HashMap<&'a str, HashSet<&'a str>>,
}

impl<'a> Names<'a> {
    pub(super) fn of(config: &'a Config) -> Names<'a> {
        let mut names = Names { proxies: HashMap::new(), servers: HashMap::new() };
        for proxy in &config.proxies {
            names.proxies.entry(&proxy.name.value).or_insert(proxy);
        }
        names
    }

    pub(super) fn backend(&self, name: &str) -> Option<&'a Proxy> {
        self.proxies.get(name).copied().filter(|proxy| proxy.role.has_back())
    }

    pub(super) fn has_server(&mut self, proxy: &str, server: &str) -> bool {
        let Some((name, proxy)) = self.proxies.get_key_value(proxy) else { return false };
        let names = || proxy.servers.iter().map(|server| server.name.value.as_str()).collect();
        self.servers.entry(name).or_insert_with(names).contains(server)
    }

    pub(super) fn backend_names(&self) -> impl Iterator<Item = &'a str> {
        self.proxies.iter().filter(|(_, proxy)| proxy.role.has_back()).map(|(name, _)| *name)
    }
}

impl Checker<'_, '_> {
    /// The backend that a frontend sends connections to must exist and speak its mode.
    pub(super) fn target(&mut self, proxy: &Proxy, name: &Spanned<String>, keyword: &str, role: &str) {
        let own = &proxy.name.value;
        let Some(backend) = self.names.backend(name) else {
            let message = format!("Proxy '{own}': unable to find required {keyword}: '{}'.", name.value);
            let guess = self.guesser.name(name, self.names.backend_names());
            let hint = match guess {
                Some(guess) => guess,
                None => "no 'backend' or 'listen' section has this name".to_string(),
            };
            return self.alert(name.span, message, Some(hint));
        };
        if backend.name.span == proxy.name.span {
            return self.alert(
                name.span,
                format!("Proxy '{own}': loop detected for {keyword}: '{}'.", name.value),
                None,
            );
        }
        if proxy.settings.mode == Mode::Http && backend.settings.mode == Mode::Tcp {
            let message = format!(
                "http {} '{own}' ({}) tries to use incompatible tcp {} '{}' ({}) {role} (see 'mode').",
                proxy.role.noun(),
                place_of(proxy.name.span, self.sources),
                backend.role.noun(),
                backend.name.value,
                place_of(backend.name.span, self.sources),
            );
            self.alert(name.span, message, None);
        }
    }

    /// `http-errors` sections that pages and rules name.
    pub(super) fn error_sections(&mut self, proxy: &Proxy) {
        let own = &proxy.name.value;
        let is_known = |name: &str| self.errors.contains(&name);
        let mut complaints: Vec<(Span, String)> = Vec::new();
        for rule in proxy.http.all() {
            let (HttpAction::Deny(reply) | HttpAction::Return(reply) | HttpAction::Tarpit(reply)) = &rule.action else {
                continue;
            };
            let ReplyContent::Section(name) = &reply.content else { continue };
            if !is_known(name) {
                let message = format!(
                    "Proxy '{own}': unknown http-errors section '{}' referenced by an http reply .",
                    name.value
                );
                complaints.push((name.span, message));
            }
        }
        for page in &proxy.settings.http.pages {
            let ErrorSource::Section(name) = &page.source else { continue };
            if !is_known(name) && !complaints.iter().any(|(span, _)| *span == name.span) {
                let message = format!(
                    "proxy '{own}': unknown http-errors section '{}' (at {}).",
                    name.value,
                    place_of(name.span, self.sources)
                );
                complaints.push((name.span, message));
            }
        }
        complaints.into_iter().for_each(|(span, message)| self.alert(span, message, None));
    }

    /// Proxies and servers that ACLs and conditions name.
    pub(super) fn references(&mut self, proxy: &Proxy) {
        let of_acls = proxy.acls.iter().map(|acl| &acl.test);
        let terms = proxy.conditions().flat_map(|(_, condition)| &condition.any_of);
        let anonymous = terms.flatten().filter_map(|term| match &term.operand {
            Operand::Anonymous(test) => Some(test),
            Operand::Named(_) | Operand::Predefined(_) | Operand::Unserved => None,
        });
        let of_tests = of_acls.chain(anonymous).filter_map(Test::fetch);
        let of_rules = proxy.http.all().flat_map(|rule| rule.action.expressions()).chain(proxy.tcp.expressions());
        let of_rules = of_rules.map(|expression| &expression.fetch);
        let of_balance = proxy.settings.hashed_expression().map(|expression| &expression.fetch);
        let formats = proxy.rules.iter().map(|rule| &rule.computed);
        let formats = formats.chain(proxy.use_servers.iter().map(|rule| &rule.computed)).flatten();
        let formats = formats.chain(proxy.settings.unique_id.format.as_deref());
        let formats = formats.chain(proxy.proxy_tlvs());
        let replies = proxy.settings.http.pages.iter().filter_map(|page| match &page.source {
            ErrorSource::Reply(reply) => Some(reply),
            ErrorSource::File(_) | ErrorSource::Location(..) | ErrorSource::Section(_) => None,
        });
        let of_replies = replies.flat_map(|reply| reply.expressions()).map(|expression| &expression.fetch);
        let of_formats = formats.flat_map(Format::expressions).map(|expression| &expression.fetch);
        let of_lines = proxy.log_formats().flat_map(|(_, _, line)| line.samples()).map(|expression| &expression.fetch);
        let of_checks = proxy.of_checks().map(|expression| &expression.fetch);
        let of_formats = of_formats.chain(of_lines).chain(of_balance).chain(of_checks);
        for fetch in of_tests.chain(of_rules).chain(of_replies).chain(of_formats) {
            if let Fetch::Message(MessagePart::Authorized(list) | MessagePart::Groups(list)) = fetch {
                self.userlist_reference(proxy, list);
            }
            let Fetch::Number(number) = fetch else { continue };
            match number {
                Number::UsableServers(of) => self.proxy_reference(proxy, of, "nbsrv", Role::Backend),
                Number::BackendConnections(of) => self.proxy_reference(proxy, of, "be_conn", Role::Backend),
                Number::FrontendConnections(of) => self.proxy_reference(proxy, of, "fe_conn", Role::Frontend),
                Number::ServerConnections(of) => self.server_reference(proxy, of, "srv_conn"),
                Number::ServerIsUp(of) => self.server_reference(proxy, of, "srv_is_up"),
                Number::BackendLoad(load, of) => self.proxy_reference(proxy, of, load.keyword(), Role::Backend),
                Number::FrontendLoad(load, of) => self.proxy_reference(proxy, of, load.keyword(), Role::Frontend),
                Number::ServerLoad(load, of) => self.server_reference(proxy, of, load.keyword()),
                Number::Port(_) | Number::FrontendId | Number::BackendId | Number::Truth(_) | Number::Constant(_) => {}
            }
        }
    }

    pub(super) fn userlist_reference(&mut self, proxy: &Proxy, list: &UserlistRef) {
        if !self.userlists.contains(&&*list.name) {
            let message = format!(
                "unable to find userlist '{}' referenced in arg 1 of ACL keyword 'http_auth' in proxy '{}'.",
                list.name, proxy.name.value
            );
            self.alert_at(Lead::Tight, list.span, message, None);
        }
    }

    pub(super) fn use_servers(&mut self, proxy: &Proxy) {
        for rule in proxy.use_servers.iter().filter(|rule| rule.computed.is_none()) {
            let (own, server) = (&*proxy.name.value, &*rule.server.value);
            if self.is_readable && !self.names.has_server(own, server) {
                let noun = proxy.role.noun();
                let message =
                    format!("{noun} '{own}' : unable to find server '{server}' referenced in a 'use-server' rule.");
                let guess = self.guesser.name(server, proxy.servers.iter().map(|server| server.name.as_str()));
                self.alert(rule.server.span, message, guess);
            }
        }
    }

    fn proxy_reference(&mut self, proxy: &Proxy, of: &ProxyRef, fetch: &str, wanted: Role) {
        let own = &proxy.name.value;
        let has_side = |proxy: &Proxy| {
            if wanted == Role::Backend { proxy.role.has_back() } else { proxy.role.has_front() }
        };
        let message = match &of.name {
            None if has_side(proxy) => return,
            None => format!(
                "proxy '{own}', referenced in arg 1 of ACL keyword '{fetch}' in proxy '{own}', has not {} capability.",
                wanted.keyword()
            ),
            Some(name) if self.names.proxies.get(name.as_str()).is_some_and(|proxy| has_side(proxy)) => return,
            Some(name) => format!(
                "unable to find {} '{name}' referenced in arg 1 of ACL keyword '{fetch}' in proxy '{own}'.",
                wanted.keyword()
            ),
        };
        self.alert_at(Lead::Tight, of.span, message, None);
    }

    fn server_reference(&mut self, proxy: &Proxy, of: &ServerRef, fetch: &str) {
        let (own, server) = (&*proxy.name.value, &*of.server);
        let of_proxy = of.proxy.name.as_deref().unwrap_or(own);
        let message = if server.is_empty() {
            format!("missing server name in arg 1 of ACL keyword '{fetch}' in proxy '{own}'.")
        } else if of.proxy.name.is_some() && self.names.backend(of_proxy).is_none() {
            format!("unable to find proxy '{of_proxy}' referenced in arg 1 of ACL keyword '{fetch}' in proxy '{own}'.")
        } else if self.is_readable && !self.names.has_server(of_proxy, server) {
            format!(
                "unable to find server '{server}' in proxy '{of_proxy}', referenced in arg 1 of ACL keyword '{fetch}' \
                 in proxy '{own}'."
            )
        } else {
            return;
        };
        self.alert_at(Lead::Tight, of.proxy.span, message, None);
    }
}
