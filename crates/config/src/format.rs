//! Reads formats of rules: texts with `%[expression]`, `%%` and the aliases of log formats that a rule can fill.

use crate::acl::{End, Expression, Fetch, MessagePart, Number, Speaker};
use crate::diagnostic::Diagnostic;
use crate::http_rule::{Format, FormatPart};
use crate::http_rule_reader::Rule;
use crate::keywords::http_rules::Ruleset;
use crate::lexer::Word;
use crate::log_format::{self, LogPart, PLAIN, Why};

/// Reads word `at`. `None`: something in it is refused.
pub(crate) fn read(rule: &mut Rule<'_, '_>, at: usize) -> Result<Option<Format>, Diagnostic> {
    let Some(word) = rule.line.rest(at).first() else { return Err(rule.alert(at, "expects a format")) };
    let line = log_format::read(word, word.span, &mut rule.reports.guesser);
    let mut is_refused = false;
    for fault in &line.faults {
        match &fault.why {
            Why::Invalid(message, hint) => {
                return Err(rule.alert(at, message.trim_end_matches('.')).hint_if(hint.clone()));
            }
            Why::Unserved(what) => {
                rule.reports.refuse(word.span, what);
                is_refused = true;
            }
            Why::Inert(what, why) => rule.reports.note_inert(word.span, what, why),
            // What an alias is in a rule is seen below.
            Why::HttpOnly(_) | Why::HttpLater(_) | Why::Sample(_) => (),
        }
    }
    let mut parts = Vec::new();
    for part in line.parts {
        match part {
            LogPart::Text(text) => push_text(&mut parts, &text),
            // Rules write blanks as they are.
            LogPart::Blank => push_text(&mut parts, " "),
            // As in HAProxy, flags do not concern samples here.
            LogPart::Sample { expression, .. } => {
                must_be_there(rule, at, word, &expression)?;
                parts.push(FormatPart::Sample(expression));
            }
            LogPart::Alias { name, flags } => match of_alias(name, rule.ruleset).filter(|_| flags == PLAIN) {
                Some((text, fetch)) => {
                    push_text(&mut parts, text);
                    let expression = Expression { span: word.span, fetch, converters: Vec::new() };
                    parts.push(FormatPart::Sample(expression));
                }
                None => {
                    rule.refuse(&format!(" with %{name}"));
                    is_refused = true;
                }
            },
        }
    }
    Ok((!is_refused).then_some(Format(parts)))
}

/// What is not a format: `%` means nothing in it.
pub(crate) fn literal(text: &str) -> Format {
    Format(vec![FormatPart::Text(text.to_string())])
}

/// Blames a sample that is never there where the rule stands.
pub(crate) fn must_be_there(
    rule: &Rule<'_, '_>,
    at: usize,
    word: &Word<'_>,
    expression: &Expression,
) -> Result<(), Diagnostic> {
    let wanted = match rule.ruleset {
        Ruleset::Request => Speaker::Client,
        Ruleset::Response | Ruleset::AfterResponse => Speaker::Server,
    };
    let Fetch::Message(part) = &expression.fetch else { return Ok(()) };
    if part.speaker() == wanted {
        return Ok(());
    }
    let is_of_line = matches!(part, MessagePart::Status | MessagePart::Version(Speaker::Server));
    let what = match wanted {
        Speaker::Client if is_of_line => "HTTP response",
        Speaker::Client => "HTTP response headers",
        Speaker::Server => "HTTP request headers",
    };
    let message = format!(
        "sample fetch <{}> may not be reliably used here because it needs '{what}' which is not available here",
        &word.text
    );
    Err(rule.alert(at, message))
}

/// The aliases that a rule can fill: a text, and what is asked.
fn of_alias(name: &str, ruleset: Ruleset) -> Option<(&'static str, Fetch)> {
    let message = |part| (ruleset == Ruleset::Request).then_some(("", Fetch::Message(part)));
    match name {
        "ci" => Some(("", Fetch::Address(End::Source))),
        "cp" => Some(("", Fetch::Number(Number::Port(End::Source)))),
        "fi" => Some(("", Fetch::Address(End::Destination))),
        "fp" => Some(("", Fetch::Number(Number::Port(End::Destination)))),
        "f" => Some(("", Fetch::FrontendName)),
        "b" => Some(("", Fetch::BackendName)),
        "HM" => message(MessagePart::Method),
        "HP" => message(MessagePart::Path),
        "HU" => message(MessagePart::Target),
        "HV" if ruleset == Ruleset::Request => Some(("HTTP/", Fetch::Message(MessagePart::Version(Speaker::Client)))),
        _ => None,
    }
}

fn push_text(parts: &mut Vec<FormatPart>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => (),
        Some(FormatPart::Text(before)) => before.push_str(text),
        Some(FormatPart::Sample(_)) | None => parts.push(FormatPart::Text(text.to_string())),
    }
}
