//! Reads the `stats` lines of proxies: statistics pages (configuration.txt §4.2 "stats enable" and its kin).

use crate::acl_reader::{self, Reader};
use crate::diagnostic::{Diagnostic, Lead};
use crate::http_rule::{HttpAction, ReplyContent};
use crate::http_rule_reader;
use crate::keywords::http_rules::Ruleset;
use crate::line::Line;
use crate::page::StatsPage;
use crate::proxy::Home;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::value::{TimeError, natural, time};
use std::time::Duration;

const WORDS: [&str; 13] = [
    "admin",
    "auth",
    "enable",
    "hide-version",
    "http-request",
    "realm",
    "refresh",
    "scope",
    "show-desc",
    "show-legends",
    "show-modules",
    "show-node",
    "uri",
];

const EXPECTED: &str = "expects 'admin', 'uri', 'realm', 'auth', 'scope', 'enable', 'hide-version', 'show-node', \
                        'show-desc' or 'show-legends'.";

/// `stats WORD …`. Each of them makes a page, with defaults for what the others would say.
pub(crate) fn stats(line: Line<'_>, home: &mut Home<'_>, reports: &mut Reports) -> Result<(), Diagnostic> {
    match line.word(1) {
        "" => {
            let message = format!("missing keyword in 'stats', {EXPECTED}");
            Err(Diagnostic::alert(Lead::Tight, line.span(1), message))
        }
        "admin" => admin(line, home, reports),
        "http-request" => rule(line, home, reports),
        _ => {
            let page = page(line, home);
            setting(line, page, reports)
        }
    }
}

/// The page of a section. The first line of its own replaces what it inherited.
fn page<'a>(line: Line<'_>, home: &'a mut Home<'_>) -> &'a mut StatsPage {
    let slot = &mut home.settings().stats;
    if slot.as_ref().is_none_or(|page| page.is_inherited) {
        *slot = Some(StatsPage::new(line.span_from(0)));
    }
    slot.as_mut().expect("set above")
}

fn setting(line: Line<'_>, page: &mut StatsPage, reports: &mut Reports) -> Result<(), Diagnostic> {
    match line.word(1) {
        "enable" => {}
        "uri" => page.uri = Some(argument(line, "'uri' needs an URI prefix.")?),
        "realm" => page.realm = Some(argument(line, "'realm' needs an realm name.")?.value),
        "auth" => page.accounts.push(argument(line, "'auth' needs a user:password account.")?.value),
        "scope" => page.scopes.push(argument(line, "'scope' needs a proxy name.")?),
        "refresh" => page.refresh = Some(refresh(line)?).filter(|refresh| !refresh.is_zero()),
        "hide-version" => page.hides_version = true,
        "show-legends" => page.shows_legends = true,
        "show-node" => page.node = Some(node(line)?),
        "show-desc" if line.count() < 3 => {
            let message = "'show-desc' requires a parameter or 'desc' to be set in the global section.";
            reports.push(Diagnostic::warning(Lead::Tight, line.span_from(0), message));
        }
        "show-desc" => {
            let words: Vec<&str> = (2..line.count()).map(|index| line.word(index)).collect();
            page.description = Some(words.join(" "));
        }
        "show-modules" => {
            reports.note_inert(
                line.span_from(0),
                "stats show-modules",
                "there are no modules with counters of their own",
            );
        }
        other => {
            let message = format!("unknown stats parameter '{other}', {EXPECTED}");
            let guess = reports.guesser.name(other, WORDS);
            return Err(Diagnostic::alert(Lead::Tight, line.span(1), message).hint_if(guess));
        }
    }
    Ok(())
}

/// `stats admin if|unless CONDITION`.
fn admin(line: Line<'_>, home: &mut Home<'_>, reports: &mut Reports) -> Result<(), Diagnostic> {
    let Home::Proxy(proxy, acls) = home else {
        let message = "'stats admin' not allowed in 'defaults' section.";
        return Err(Diagnostic::alert(Lead::Tight, line.span(0), message));
    };
    if !matches!(line.word(2), "if" | "unless") {
        let message = "'stats admin' requires either 'if' or 'unless' followed by a condition.";
        return Err(line.alert(2, message));
    }
    let reader = Reader { prefix: "error detected while parsing a 'stats admin' rule : ", end: "." };
    let condition = acl_reader::condition(line, 2, acls, &reader, reports)?;
    proxy.stats_admin.push(Spanned::new(condition, line.span_from(0)));
    page(line, home);
    Ok(())
}

/// `stats http-request allow|deny|auth … [if|unless CONDITION]`. HAProxy reads every action of `http-request` here, and carries out
/// these three.
fn rule(line: Line<'_>, home: &mut Home<'_>, reports: &mut Reports) -> Result<(), Diagnostic> {
    let Home::Proxy(proxy, acls) = home else {
        return Err(Diagnostic::alert(Lead::Tight, line.span(0), "'stats' not allowed in 'defaults' section."));
    };
    let inner = Line::new(line.rest(1), line.negation);
    let Some(rule) = http_rule_reader::read(inner, Ruleset::Request, proxy, acls, reports)? else { return Ok(()) };
    let is_plain_denial = |action: &HttpAction| matches!(action, HttpAction::Deny(reply) if reply.content == ReplyContent::Page && reply.fields.is_empty());
    let is_carried_out =
        matches!(&rule.action, HttpAction::Allow | HttpAction::Challenge(_)) || is_plain_denial(&rule.action);
    match is_carried_out {
        true => proxy.stats_rules.push(rule),
        false => reports.refuse(line.span_from(0), format!("stats http-request {} with what follows it", line.word(2))),
    }
    page(line, home);
    Ok(())
}

fn argument(line: Line<'_>, missing: &str) -> Result<Spanned<String>, Diagnostic> {
    match line.word(2) {
        "" => Err(line.alert(2, missing)),
        word => Ok(Spanned::new(word.to_string(), line.span(2))),
    }
}

/// `None` is the node's own name.
fn node(line: Line<'_>) -> Result<Option<String>, Diagnostic> {
    let word = line.word(2);
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if !word.chars().all(is_name) {
        let message = "'stats show-node' invalid node name - should be a string with digits(0-9), letters(A-Z, a-z), \
                       hyphen(-) or underscode(_).";
        return Err(Diagnostic::alert(Lead::Spaced, line.span(2), message));
    }
    Ok(Some(word.to_string()).filter(|name| !name.is_empty()))
}

/// Without a unit it is in seconds.
fn refresh(line: Line<'_>) -> Result<Duration, Diagnostic> {
    let word = line.word(2);
    if let Some(seconds) = natural::<u32>(word) {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let fail = |message: String| Diagnostic::alert(Lead::Tight, line.span(2), message);
    if word.is_empty() {
        return Err(fail("'stats refresh' expects an interval.".to_string()));
    }
    time(word).map_err(|error| match error {
        TimeError::Overflow => {
            fail(format!("timer overflow in argument '{word}' to stats refresh interval, maximum value is 2147483647 ms (~24.8 days)."))
        }
        TimeError::Unexpected(character) => {
            fail(format!("unexpected character '{character}' in argument to stats refresh interval."))
        }
    })
}
