//! Reads formats that are filled while a session goes on: texts with `%[expression]`, `%%` and the aliases of log formats that can be filled then.

use crate::acl::Expression;
use crate::diagnostic::Diagnostic;
use crate::fetch::{End, Fetch, MessagePart, Number, SessionPart, Speaker};
use crate::http_rule::{Format, FormatPart};
use crate::http_rule_reader::Rule;
use crate::lexer::Word;
use crate::log_format::{self, LogFlags, LogPart, PLAIN, Why};
use crate::reports::Reports;
use crate::sample_reader::Complaint;

/// Reads word `at` of a rule. `None`: something in it is refused.
pub(crate) fn read(rule: &mut Rule<'_, '_>, at: usize) -> Result<Option<Format>, Diagnostic> {
    let Some(word) = rule.line.rest(at).first() else { return Err(rule.alert(at, "expects a format")) };
    let whose = format!("{} {}", rule.ruleset.keyword(), rule.name());
    let read = of_word(word, rule.ruleset.speaker(), Blanks::Kept, &whose, rule.reports);
    read.map_err(|(message, hint)| rule.alert(at, message.trim_end_matches('.')).hint_if(hint))
}

/// What becomes of several blanks in a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blanks {
    Kept,
    /// They are one, and none at the beginning.
    Merged,
}

/// Reads a word, where messages of `speaker` are at hand. `None`: something in it is refused, by the name of `whose` it is.
///
/// # Errors
/// What is wrong with it, in HAProxy's words.
pub(crate) fn of_word(
    word: &Word<'_>,
    speaker: Speaker,
    blanks: Blanks,
    whose: &str,
    reports: &mut Reports,
) -> Result<Option<Format>, Complaint> {
    let line = log_format::read(word, word.span, &mut reports.guesser);
    let mut is_refused = false;
    for fault in &line.faults {
        match &fault.why {
            Why::Invalid(message, hint) => return Err((message.clone(), hint.clone())),
            Why::Unserved(what) => {
                reports.refuse(word.span, what);
                is_refused = true;
            }
            Why::Inert(what, why) => reports.note_inert(word.span, what, why),
            // What an alias is here, and a sample, is seen below.
            Why::HttpOnly(_) | Why::HttpLater(_) | Why::Gone(_) => (),
        }
    }
    let mut parts = Vec::new();
    for part in line.parts {
        match part {
            LogPart::Text(text) => push_text(&mut parts, &text),
            LogPart::Blank if blanks == Blanks::Merged => parts.push(FormatPart::Blank),
            LogPart::Blank => push_text(&mut parts, " "),
            // As in HAProxy, flags do not concern samples here.
            LogPart::Sample { expression, .. } => {
                must_be_there(speaker, word.strip_prefix("%[").unwrap_or(word), &expression)
                    .map_err(|message| (message, None))?;
                parts.push(FormatPart::Sample(expression));
            }
            LogPart::Alias { name, flags } => match of_alias(name, speaker).filter(|_| is_written(flags)) {
                Some((text, fetch)) => {
                    push_text(&mut parts, text);
                    let expression = Expression { span: word.span, fetch, converters: Vec::new() };
                    parts.push(match flags.is_hexadecimal {
                        true => FormatPart::Hexadecimal(expression),
                        false => FormatPart::Sample(expression),
                    });
                }
                None => {
                    reports.refuse(word.span, format!("{whose} with %{name}"));
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

/// Whether aliases are written so here: flags other than `X` are not.
fn is_written(flags: LogFlags) -> bool {
    LogFlags { is_hexadecimal: false, ..flags } == PLAIN
}

/// Blames a sample that is never there where messages of `speaker` are at hand.
pub(crate) fn must_be_there(speaker: Speaker, sample: &str, expression: &Expression) -> Result<(), String> {
    if speaker == Speaker::Client && matches!(expression.fetch, Fetch::BackTls(_)) {
        return Err(format!(
            "sample fetch <{sample}> may not be reliably used here because it needs 'server-side connection' which is \
             not available here"
        ));
    }
    let Fetch::Message(part) = &expression.fetch else { return Ok(()) };
    if part.speaker() == speaker {
        return Ok(());
    }
    let is_of_line = matches!(part, MessagePart::Status | MessagePart::Version(Speaker::Server));
    let what = match speaker {
        Speaker::Client if is_of_line => "HTTP response",
        Speaker::Client => "HTTP response headers",
        Speaker::Server => "HTTP request headers",
    };
    Err(absent(sample, what))
}

/// HAProxy's words for that, without a full stop.
pub(crate) fn absent(sample: &str, needed: &str) -> String {
    format!(
        "sample fetch <{sample}> may not be reliably used here because it needs '{needed}' which is not available here"
    )
}

/// The aliases that are filled here: a text, and what is asked.
fn of_alias(name: &str, speaker: Speaker) -> Option<(&'static str, Fetch)> {
    let message = |part| (speaker == Speaker::Client).then_some(("", Fetch::Message(part)));
    let session = |part| Some(("", Fetch::Session(part)));
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
        "H" => Some(("", Fetch::Hostname)),
        "ID" => session(SessionPart::UniqueId),
        "Ts" => session(SessionPart::AcceptSeconds),
        "pid" => session(SessionPart::ProcessId),
        "rt" => session(SessionPart::Number),
        "HV" if speaker == Speaker::Client => Some(("HTTP/", Fetch::Message(MessagePart::Version(Speaker::Client)))),
        _ => None,
    }
}

fn push_text(parts: &mut Vec<FormatPart>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => (),
        Some(FormatPart::Text(before)) => before.push_str(text),
        Some(FormatPart::Sample(_) | FormatPart::Hexadecimal(_) | FormatPart::Blank) | None => {
            parts.push(FormatPart::Text(text.to_string()))
        }
    }
}
