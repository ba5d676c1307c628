//! Reads formats that are filled while a session goes on: texts with `%[expression]`, `%%` and the aliases of log formats that can be filled then.

use crate::acl::Expression;
use crate::alias::{Content, Filler, Kind, Stage, filler};
use crate::diagnostic::Diagnostic;
use crate::fetch::{Fetch, MessagePart, Speaker};
use crate::http_rule::{Format, FormatPart};
use crate::http_rule_reader::{Rule, RuleList};
use crate::lexer::Word;
use crate::log_format::{self, LogFlags, LogPart, Why};
use crate::place::Place;
use crate::proxy_header;
use crate::reports::Reports;
use crate::sample_reader::Complaint;
use crate::source::Span;

/// Reads word `at` of a rule. `None`: something in it is refused.
pub(crate) fn read(rule: &mut Rule<'_, '_>, at: usize) -> Result<Option<Format>, Diagnostic> {
    let Some(word) = rule.line.rest(at).first() else { return Err(rule.alert(at, "expects a format")) };
    let whose = format!("{} {}", rule.list.keyword(), rule.name());
    let read = of_word(word, rule.list.speaker(), Blanks::Kept, &whose, rule.reports);
    let read = read.map_err(|(message, hint)| rule.alert(at, message.trim_end_matches('.')).hint_if(hint))?;
    let RuleList::Tcp(list) = rule.list else { return Ok(read) };
    match read.as_ref().and_then(|format| missing(format, list.place())) {
        Some(needs) => Err(rule.alert(at, absent(word.strip_prefix("%[").unwrap_or(word), needs))),
        None => Ok(read),
    }
}

/// What a sample of it needs that is not there in rules of the place.
fn missing(format: &Format, place: Place) -> Option<&'static str> {
    let mut fetches = format.expressions().map(|expression| &expression.fetch);
    fetches.find(|fetch| fetch.conflicts_with(place)).map(Fetch::needs_in_rules)
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
    let stage = match speaker {
        // A server is told when it is connected to.
        Speaker::Client if whose == proxy_header::TLV => Stage::Server,
        Speaker::Client => Stage::Request,
        Speaker::Server if whose.contains("-check") => Stage::Server,
        Speaker::Server => Stage::Response,
    };
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
            LogPart::Alias { name, flags } => {
                match filler(name, stage, flags.is_quoted).filter(|_| !flags.is_escaped) {
                    Some(filler) => push_alias(&mut parts, filler, flags, word.span),
                    None => {
                        reports.refuse(word.span, format!("{whose} with %{name}"));
                        is_refused = true;
                    }
                }
            }
        }
    }
    Ok((!is_refused).then_some(Format(parts)))
}

/// What is not a format: `%` means nothing in it.
pub(crate) fn literal(text: &str) -> Format {
    Format(vec![FormatPart::Text(text.to_string())])
}

/// An empty text is nothing, whatever flag `M` says.
fn push_alias(parts: &mut Vec<FormatPart>, filler: Filler, flags: LogFlags, span: Span) {
    let quote = match filler.kind {
        Kind::Text | Kind::Address if flags.is_quoted => "\"",
        Kind::Text | Kind::Address | Kind::Number | Kind::Plain => "",
    };
    push_text(parts, quote);
    match filler.content {
        Content::Fixed(text) => push_text(parts, text),
        Content::Sample(fetch, converters) => {
            let expression = Expression { span, fetch, converters };
            parts.push(match filler.kind {
                Kind::Address | Kind::Number if flags.is_hexadecimal => FormatPart::Hexadecimal(expression),
                Kind::Text | Kind::Address | Kind::Number | Kind::Plain => FormatPart::Sample(expression),
            });
        }
    }
    push_text(parts, quote);
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

fn push_text(parts: &mut Vec<FormatPart>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => (),
        Some(FormatPart::Text(before)) => before.push_str(text),
        Some(FormatPart::Sample(_) | FormatPart::Hexadecimal(_) | FormatPart::Blank) | None => {
            parts.push(FormatPart::Text(text.to_string()))
        }
    }
}
