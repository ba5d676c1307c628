//! Rules on messages of HTTP: formats, texts from files, variables by number.

use super::Lowering;
use super::acls::Acls;
use super::samples::compare;
use crate::pages::Site;
use config::{Lead, Proxy, Stage};
use std::fs;
use table::{
    Edit, Effect, Format, FormatPart, HttpAction, HttpRule, HttpRules, LineLevel, ListChange, ListRule, Patience,
    Redirect, RedirectKind, Replacement, Scope, TargetPart, Variable, Whence, field_names,
};

impl Lowering<'_> {
    pub(super) fn http_rules(&mut self, proxy: &Proxy, acls: &Acls) -> HttpRules {
        use config::Speaker::{Client, Server};
        let config::HttpRules { request, response, after_response, redirects } = &proxy.http;
        let mut on_requests = self.http_list(request, Client, proxy, acls);
        on_requests.extend(self.http_list(redirects, Client, proxy, acls));
        HttpRules {
            request: on_requests,
            response: self.http_list(response, Server, proxy, acls),
            after_response: self.http_list(after_response, Server, proxy, acls),
        }
    }

    /// The number of a variable's name, the same wherever it stands.
    pub(super) fn variable(&mut self, variable: &config::Variable) -> Variable {
        let scope = match variable.scope {
            config::Scope::Session => Scope::Session,
            config::Scope::Transaction => Scope::Transaction,
            config::Scope::Request => Scope::Request,
            config::Scope::Response => Scope::Response,
            config::Scope::Check => Scope::Check,
        };
        let next = self.variables.len();
        let number = *self.variables.entry(variable.name.clone()).or_insert(next);
        Variable { scope, number: u32::try_from(number).expect("a file has fewer names") }
    }

    pub(super) fn http_list(
        &mut self,
        rules: &[config::HttpRule],
        whose: config::Speaker,
        proxy: &Proxy,
        acls: &Acls,
    ) -> Vec<HttpRule> {
        let mut lowered = Vec::with_capacity(rules.len());
        for rule in rules {
            let condition = rule.condition.as_ref().map(|condition| self.condition(condition, proxy, acls));
            lowered.extend(self.http_action(&rule.action, whose, proxy).map(|action| HttpRule { condition, action }));
        }
        lowered
    }

    /// `None` if a file cannot be read; that has been reported.
    fn http_action(
        &mut self,
        action: &config::HttpAction,
        whose: config::Speaker,
        proxy: &Proxy,
    ) -> Option<HttpAction> {
        Some(match action {
            config::HttpAction::Allow => HttpAction::Allow,
            config::HttpAction::Deny(reply) => HttpAction::Deny(self.reply(reply, whose, proxy)?),
            config::HttpAction::Tarpit(reply) => HttpAction::Tarpit(self.reply(reply, whose, proxy)?),
            config::HttpAction::Return(reply) => HttpAction::Return(self.reply(reply, whose, proxy)?),
            config::HttpAction::Redirect(redirect) => HttpAction::Redirect(self.redirect(redirect, proxy)),
            config::HttpAction::Reject => HttpAction::Reject,
            config::HttpAction::Drop => HttpAction::Drop,
            config::HttpAction::Effect(effect) => HttpAction::Effect(self.effect(effect, whose, proxy)),
            config::HttpAction::Challenge(realm) => {
                // The section's name, where the file does not say it (`configuration.txt: http-request auth`).
                let realm = realm.as_deref().unwrap_or(proxy.name.as_str());
                HttpAction::Challenge(super::pages::quoted(realm).into())
            }
            config::HttpAction::UseService(config::Service::Prometheus) => {
                HttpAction::Serve(self.service(proxy, "<PROMEX>", "", Site::MetricsAnywhere))
            }
            config::HttpAction::SetField { name, value } => {
                HttpAction::Edit(Edit::SetField(name.as_bytes().into(), self.format(value, proxy)))
            }
            config::HttpAction::AddField { name, value } => {
                HttpAction::Edit(Edit::AddField(name.as_bytes().into(), self.format(value, proxy)))
            }
            config::HttpAction::DeleteField { name, how: config::Compare::Whole } => {
                HttpAction::Edit(Edit::DeleteField(name.as_bytes().into()))
            }
            config::HttpAction::DeleteField { name, how } => {
                let names = field_names(compare(*how), name.as_bytes());
                HttpAction::Edit(Edit::DeleteFields(names.expect(COMPILED)))
            }
            config::HttpAction::ReplaceField { name, regex, value, is_each_element } => {
                let replacement = self.replacement(regex, value, proxy);
                let name = name.as_bytes().into();
                HttpAction::Edit(Edit::ReplaceField { name, replacement, is_each_element: *is_each_element })
            }
            config::HttpAction::SetMethod(format) => HttpAction::Edit(Edit::SetMethod(self.format(format, proxy))),
            config::HttpAction::SetTarget(part, format) => {
                HttpAction::Edit(Edit::SetTarget(target_part(*part), self.format(format, proxy)))
            }
            config::HttpAction::ReplaceTarget(part, regex, format) => {
                HttpAction::Edit(Edit::ReplaceTarget(target_part(*part), self.replacement(regex, format, proxy)))
            }
            config::HttpAction::SetStatus(status, reason) => {
                HttpAction::Edit(Edit::SetStatus(*status, reason.as_deref().unwrap_or_default().as_bytes().into()))
            }
            config::HttpAction::ChangeList { change, file, key } => HttpAction::ChangeList(ListRule {
                list: self.changed_list(file),
                key: self.format(key, proxy),
                change: match change {
                    config::ListChange::Put(value) => ListChange::Put(self.format(value, proxy)),
                    config::ListChange::Add => ListChange::Add,
                    config::ListChange::Delete => ListChange::Delete,
                },
            }),
            config::HttpAction::StrictMode(is_on) => HttpAction::StrictMode(*is_on),
            config::HttpAction::WaitForContent(config::Patience { time, least }) => {
                HttpAction::WaitForContent(Patience { time: Some(*time), least: *least })
            }
        })
    }

    pub(super) fn effect(&mut self, effect: &config::Effect, whose: config::Speaker, proxy: &Proxy) -> Effect {
        match effect {
            config::Effect::SetAddress(end, expression) => {
                Effect::SetAddr(whence(*end), self.expression(expression, proxy))
            }
            config::Effect::SetPort(end, expression) => {
                Effect::SetPort(whence(*end), self.expression(expression, proxy))
            }
            config::Effect::SetLogLevel(Some(level)) => {
                Effect::SetLogLevel(LineLevel::Forced(super::logs::level(*level)))
            }
            config::Effect::SetLogLevel(None) => Effect::SetLogLevel(LineLevel::Silent),
            config::Effect::SetVariable(variable, expression) => {
                Effect::SetVariable(self.variable(variable), self.expression(expression, proxy))
            }
            config::Effect::SetVariableText(variable, format) => {
                Effect::SetVariableText(self.variable(variable), self.format(format, proxy))
            }
            config::Effect::UnsetVariable(variable) => Effect::UnsetVariable(self.variable(variable)),
            config::Effect::Capture(expression, slot) => {
                Effect::Capture(super::parts::speaker(whose), *slot as usize, self.expression(expression, proxy))
            }
        }
    }

    pub(super) fn format(&mut self, format: &config::Format, proxy: &Proxy) -> Format {
        let part = |part: &config::FormatPart| match part {
            config::FormatPart::Text(text) => FormatPart::Text(text.as_bytes().into()),
            config::FormatPart::Blank => FormatPart::Blank,
            config::FormatPart::Sample(expression) => FormatPart::Sample(self.expression(expression, proxy)),
            config::FormatPart::Hexadecimal(expression) => FormatPart::Hexadecimal(self.expression(expression, proxy)),
        };
        Format::new(format.0.iter().map(part).collect())
    }

    fn replacement(&mut self, regex: &str, format: &config::Format, proxy: &Proxy) -> Replacement {
        Replacement::new(regex.as_bytes(), self.format(format, proxy)).expect(COMPILED)
    }

    fn redirect(&mut self, redirect: &config::Redirect, proxy: &Proxy) -> Redirect {
        Redirect {
            kind: match redirect.kind {
                config::RedirectKind::Location => RedirectKind::Location,
                config::RedirectKind::Prefix => RedirectKind::Prefix,
                config::RedirectKind::Scheme => RedirectKind::Scheme,
            },
            to: self.format(&redirect.to, proxy),
            status: redirect.code,
            drops_query: redirect.drops_query,
            appends_slash: redirect.appends_slash,
            ignores_empty: redirect.ignores_empty,
            cookie: redirect.cookie.as_deref().map(Into::into),
        }
    }

    /// What a file holds, if a buffer does, too.
    pub(super) fn file(&mut self, path: &config::Spanned<String>) -> Option<Box<[u8]>> {
        let buffer_size = super::messages(&self.config.global).sent_size_max;
        let message = match fs::read(&path.value) {
            Ok(bytes) if bytes.len() < buffer_size => return Some(bytes.into()),
            Ok(bytes) => format!("file '{}' exceeds the buffer size ({} > {buffer_size}).", path.value, bytes.len()),
            Err(_) => format!("error opening file '{}'.", path.value),
        };
        self.alert(Stage::Parsing, Lead::Spaced, path.span, message);
        None
    }
}

const COMPILED: &str = "expressions are compiled when they are read";

fn whence(end: config::End) -> Whence {
    match end {
        config::End::Source => Whence::Source,
        config::End::Destination => Whence::Destination,
    }
}

fn target_part(part: config::TargetPart) -> TargetPart {
    match part {
        config::TargetPart::Path => TargetPart::Path,
        config::TargetPart::PathAndQuery => TargetPart::PathAndQuery,
        config::TargetPart::Query => TargetPart::Query,
        config::TargetPart::Whole => TargetPart::Whole,
    }
}
