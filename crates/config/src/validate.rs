//! What HAProxy checks once everything is read: lines that are right alone and wrong together.
//!
//! Texts and their order per proxy are HAProxy 2.6's; all problems are reported.

mod references;

use crate::acl::{Operand, Test};
use crate::address::{ServerAddress, ServerPort};
use crate::custom_id;
use crate::diagnostic::{Diagnostic, Lead, Level, Stage};
use crate::effect::Effect;
use crate::http_rule::HttpAction;
use crate::log_format::Why;
use crate::nearest::Guesser;
use crate::source::{Source, Span};
use crate::tracking;
use crate::tree::{Config, LogStyle, Mode, Observed, Proxy};
use crate::userlist::Userlist;
use references::Names;
use std::collections::HashMap;

/// Appends what is wrong with the tree as a whole.
///
/// `is_readable` says that every line was read. If not, complaints about what is *absent* from a section are left out:
/// they would blame a broken line a second time.
pub(crate) fn check(config: &Config, sources: &[Source], is_readable: bool, diagnostics: &mut Vec<Diagnostic>) {
    let errors = config.http_errors.iter().map(|errors| errors.name.as_str()).collect();
    let userlists = config.userlists.iter().map(|list| list.name.as_str()).collect();
    let mut checker = Checker {
        names: Names::of(config),
        errors,
        userlists,
        sources,
        is_readable,
        guesser: Guesser::default(),
        diagnostics,
    };
    for proxy in config.proxies.iter().filter(|proxy| !proxy.settings.is_disabled) {
        checker.proxy(proxy);
    }
    for proxy in config.proxies.iter().filter(|proxy| !proxy.settings.is_disabled) {
        checker.servers(proxy);
    }
    for list in &config.userlists {
        checker.userlist(list);
    }
    custom_id::check(config, sources, diagnostics);
    tracking::check(config, diagnostics);
}

struct Checker<'a, 'd> {
    names: Names<'a>,
    /// The names of `http-errors` sections.
    errors: Vec<&'a str>,
    userlists: Vec<&'a str>,
    sources: &'a [Source],
    is_readable: bool,
    guesser: Guesser,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Checker<'_, '_> {
    fn proxy(&mut self, proxy: &Proxy) {
        if proxy.role.has_front() {
            self.has_bind(proxy);
        }
        if let Some(name) = proxy.settings.default_backend.as_ref().filter(|_| proxy.role.has_front()) {
            self.target(proxy, name, "default_backend", "as its default backend");
        }
        for rule in proxy.rules.iter().filter(|rule| rule.computed.is_none()) {
            self.target(proxy, &rule.backend, "use_backend", "in a 'use_backend' rule");
        }
        self.captures(proxy);
        self.error_sections(proxy);
        self.references(proxy);
        self.use_servers(proxy);
        self.conflicts(proxy);
        self.timeouts(proxy);
        self.stats(proxy);
        self.forward_for(proxy);
        self.cookie(proxy);
        self.balance(proxy);
        self.log_style(proxy);
    }

    fn has_bind(&mut self, proxy: &Proxy) {
        if proxy.binds.is_empty() && self.is_readable {
            let message = format!(
                "{} '{}' has no 'bind' directive. Please declare it as a backend if this was intended.",
                proxy.role.noun(),
                proxy.name.value
            );
            self.warn(proxy.name.span, message);
        }
    }

    /// Slots that rules name. What a backend may name is seen when it serves a frontend.
    fn captures(&mut self, proxy: &Proxy) {
        let (rules, own) = (&proxy.http, &proxy.name.value);
        let lists = [
            ("http-request", &rules.request, &proxy.captures),
            ("http-response", &rules.response, &proxy.response_captures),
            ("http-after-response", &rules.after_response, &proxy.response_captures),
        ];
        for (keyword, rules, slots) in lists {
            for rule in rules.iter().filter(|_| proxy.role.has_front()) {
                let HttpAction::Effect(Effect::Capture(_, slot)) = rule.action else { continue };
                if slot as usize >= slots.len() {
                    let message = format!(
                        "Proxy '{own}': unable to find capture id '{slot}' referenced by {keyword} capture rule."
                    );
                    self.alert(rule.span, message, None);
                }
            }
        }
    }

    /// Users and groups name each other.
    fn userlist(&mut self, list: &Userlist) {
        let own = &list.name.value;
        for user in &list.users {
            let is_known = |name: &String| list.groups.iter().any(|group| group.name.value == *name);
            if let Some(group) = user.groups.iter().find(|name| !is_known(name)) {
                let message =
                    format!("userlist '{own}': no such group '{group}' specified in user '{}'", user.name.value);
                self.alert(user.name.span, message, None);
            }
        }
        for group in &list.groups {
            let is_known = |name: &String| list.users.iter().any(|user| user.name.value == *name);
            if let Some(user) = group.users.iter().find(|name| !is_known(name)) {
                let message =
                    format!("userlist '{own}': no such user '{user}' specified in group '{}'", group.name.value);
                self.alert(group.name.span, message, None);
            }
        }
    }

    /// Rules that ask for what cannot be known yet where they stand.
    fn conflicts(&mut self, proxy: &Proxy) {
        for (place, condition) in proxy.conditions() {
            for term in condition.any_of.iter().flatten() {
                let never = |test: &Test| test.conflicts_with(place);
                let message = match &term.operand {
                    Operand::Anonymous(test) if never(test) => {
                        format!(
                            "anonymous acl will never match{} because it uses keyword '{}' which is",
                            place.within(),
                            test.keyword()
                        )
                    }
                    Operand::Named(name) => {
                        let mut tests = proxy.tests_of(name).peekable();
                        if tests.peek().is_none() || !tests.all(never) {
                            continue;
                        }
                        format!(
                            "acl '{name}' will never match{} because it only involves keywords that are",
                            place.within()
                        )
                    }
                    Operand::Anonymous(_) | Operand::Predefined(_) | Operand::Unserved => continue,
                };
                let message = format!("{message} incompatible with '{}'", place.name());
                self.diagnostics.push(Diagnostic::warning(Lead::Spaced, term.span, message));
            }
        }
    }

    /// A side without its timers keeps dead connections for ever.
    fn timeouts(&mut self, proxy: &Proxy) {
        let timeouts = &proxy.settings.timeouts;
        let front_lacks = proxy.role.has_front() && !proxy.binds.is_empty() && timeouts.client.is_none();
        let back_lacks = proxy.role.has_back()
            && !proxy.servers.is_empty()
            && (timeouts.connect.is_none() || timeouts.server.is_none());
        if !self.is_readable || !(front_lacks || back_lacks) {
            return;
        }
        let message = format!(
            "missing timeouts for {} '{}'.\n\
             While not properly invalid, you will certainly encounter various problems\n\
             with such a configuration. To fix this, please ensure that all following\n\
             timeouts are set to a non-zero value: 'client', 'connect', 'server'.",
            proxy.role.noun(),
            proxy.name.value
        );
        self.warn(proxy.name.span, message);
    }

    fn stats(&mut self, proxy: &Proxy) {
        let Some(page) = &proxy.settings.stats else { return };
        let (noun, name) = (proxy.role.noun(), &proxy.name.value);
        if !proxy.stats_rules.is_empty() && (page.realm.is_some() || !page.accounts.is_empty()) {
            let message =
                format!("{noun} '{name}': stats 'auth'/'realm' and 'http-request' can't be used at the same time.");
            self.alert(page.span, message, None);
        }
        if proxy.settings.mode == Mode::Http {
            return;
        }
        self.warn(page.span, format!("'stats' statement ignored for {noun} '{name}' as it requires HTTP mode."));
    }

    fn cookie(&mut self, proxy: &Proxy) {
        let cookie = proxy.settings.http.cookie.as_ref();
        if let Some(cookie) = cookie.filter(|_| proxy.settings.mode == Mode::Tcp && proxy.role.has_back()) {
            let (noun, name) = (proxy.role.noun(), &proxy.name.value);
            let message = format!("'cookie' statement ignored for {noun} '{name}' as it requires HTTP mode.");
            self.warn(cookie.span, message);
        }
    }

    fn balance(&mut self, proxy: &Proxy) {
        let Some(balance) = proxy.settings.balance.as_ref().filter(|_| proxy.role.has_back()) else { return };
        if proxy.settings.mode == Mode::Tcp && balance.value.is_of_requests() {
            let (noun, name) = (proxy.role.noun(), &proxy.name.value);
            let message = format!(
                "Layer 7 hash not possible for {noun} '{name}' (needs 'mode http'). Falling back to round robin."
            );
            let warning = Diagnostic::new(Level::Warning, Stage::Checking, Lead::Spaced, balance.span, message);
            self.diagnostics.push(warning);
        }
    }

    fn forward_for(&mut self, proxy: &Proxy) {
        let http = &proxy.settings.http;
        let options = [
            ("forwardfor", http.forward_for.as_ref().map(|option| option.span)),
            ("originalto", http.original_to.as_ref().map(|option| option.span)),
            ("forwarded", http.forwarded.as_ref().map(|option| option.span).filter(|_| proxy.role.has_back())),
        ];
        for (name, option) in options {
            let Some(span) = option.filter(|_| proxy.settings.mode == Mode::Tcp) else { continue };
            let (noun, own) = (proxy.role.noun(), &proxy.name.value);
            self.warn(span, format!("'option {name}' ignored for {noun} '{own}' as it requires HTTP mode."));
        }
    }

    fn log_style(&mut self, proxy: &Proxy) {
        self.log_formats(proxy);
        let Some(style) = proxy.settings.log_style.as_ref().filter(|_| proxy.role.has_front()) else { return };
        let (noun, name) = (proxy.role.noun(), &proxy.name.value);
        if style.value == LogStyle::Http && proxy.settings.mode == Mode::Tcp {
            let message = format!(
                "'option httplog' not usable with {noun} '{name}' (needs 'mode http'). Falling back to 'option tcplog'."
            );
            let warning = Diagnostic::new(Level::Warning, Stage::Checking, Lead::Spaced, style.span, message);
            self.diagnostics.push(warning);
        }
        if proxy.settings.logs.is_empty() {
            let message = format!("log format ignored for {noun} '{name}' since it has no log address.");
            self.warn(style.span, message);
        }
    }

    /// HAProxy reads formats when everything else is read: one that another line overrides may be wrong.
    fn log_formats(&mut self, proxy: &Proxy) {
        for (keyword, span, line) in proxy.log_formats() {
            for fault in &line.faults {
                let (message, hint) = match &fault.why {
                    Why::Invalid(message, hint) => (message.clone(), hint.clone()),
                    Why::Gone(message) => (format!("{message}."), None),
                    Why::HttpOnly(name) | Why::HttpLater(name) if proxy.settings.mode == Mode::Tcp => {
                        (format!("format variable '{name}' is reserved for HTTP mode."), None)
                    }
                    // `unserved` speaks of these.
                    Why::HttpOnly(_) | Why::HttpLater(_) | Why::Unserved(_) | Why::Inert(..) => {
                        continue;
                    }
                };
                let message = format!("failed to parse {keyword} : {message}");
                let span = fault.span(line.length, span, self.sources);
                self.alert_at(Lead::Capital, span, message, hint);
            }
        }
    }

    fn servers(&mut self, proxy: &Proxy) {
        let mut first_lines: HashMap<&str, u32> = HashMap::with_capacity(proxy.servers.len());
        for server in &proxy.servers {
            let observed = server.options.observe.as_ref().filter(|observed| observed.value == Observed::Responses);
            if let Some(observed) = observed.filter(|_| proxy.settings.mode != Mode::Http) {
                let place = format!("'server {}/{}'", proxy.name.value, server.name.value);
                self.alert(observed.span, format!("{place} : 'layer7' can only be used in http proxies.."), None);
            }
            let (noun, own, name) = (proxy.role.noun(), &proxy.name.value, &server.name);
            match first_lines.get(name.as_str()) {
                Some(line) => {
                    let message = format!(
                        "{noun} '{own}', another server named '{}' was already defined at line {line}, please use \
                         distinct names.",
                        name.value
                    );
                    self.alert_at(Lead::Spaced, name.span, message, None);
                }
                None => {
                    first_lines.insert(name, name.span.line);
                }
            }
            let has_port = !matches!(server.address.value, ServerAddress::Tcp { port: ServerPort::Offset(0), .. });
            if let Some(check) = server.options.check.filter(|_| !has_port && server.options.check_port.is_none()) {
                let noun = "backend";
                let message =
                    format!("config: {noun} '{own}': server '{}' has neither service port nor check port.", name.value);
                let hint = "give the server a port, or the check one with 'port'";
                let place = if check.line == name.span.line { check } else { name.span };
                self.alert(place, message, Some(hint.to_string()));
            }
        }
    }

    fn warn(&mut self, span: Span, message: String) {
        self.diagnostics.push(Diagnostic::new(Level::Warning, Stage::Checking, Lead::Bare, span, message));
    }

    fn alert(&mut self, span: Span, message: String, hint: Option<String>) {
        self.alert_at(Lead::Bare, span, message, hint);
    }

    fn alert_at(&mut self, lead: Lead, span: Span, message: String, hint: Option<String>) {
        let diagnostic = Diagnostic::new(Level::Alert, Stage::Checking, lead, span, message);
        self.diagnostics.push(diagnostic.hint_if(hint));
    }
}
