//! Reads `tcp-request`, `tcp-response` and `use-server` lines (configuration.txt §4.2).

use crate::acl::Condition;
use crate::acl_reader::{self, Reader};
use crate::capture;
use crate::diagnostic::{Diagnostic, Lead, Level, Stage};
use crate::effect::Effect;
use crate::effect_reader;
use crate::http_rule_reader::{Outcome, Rule};
use crate::keywords::effects::EffectName;
use crate::keywords::tcp_rules::{ACTIONS, Meaning, RESPONSE_ACTIONS, TcpList};
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::switching;
use crate::tree::{Proxy, Role, TcpDeed, TcpRule, UseServer};
use crate::value::{TimeError, time};
use std::collections::HashSet;
use std::time::Duration;

/// `tcp-request connection|session|content ACTION …` and `tcp-request inspect-delay TIME`.
pub(crate) fn tcp_request(
    line: Line<'_>,
    proxy: &mut Proxy,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let place = format!("{} '{}'", proxy.role.noun(), proxy.name.value);
    match line.word(1) {
        "" => Err(line.alert(1, format!("missing argument for 'tcp-request' in {place}"))),
        "inspect-delay" => {
            let delay = inspect_delay(line, &place)?;
            proxy.tcp.inspect_delay = (!delay.is_zero()).then(|| Spanned::new(delay, line.span_from(0)));
            Ok(())
        }
        level @ ("connection" | "session") if !proxy.role.has_front() => {
            let message =
                format!("tcp-request {level} is not allowed because backend {} is not a frontend", proxy.name.value);
            Err(line.alert(1, message))
        }
        level @ ("connection" | "session" | "content") => {
            let list = match level {
                "connection" => TcpList::Connection,
                "session" => TcpList::Session,
                _ if proxy.role == Role::Backend => TcpList::BackContent,
                _ => TcpList::Content,
            };
            let rule = rule(line, (list, ACTIONS), proxy, acls, reports)?;
            let rules = match list {
                TcpList::Connection => &mut proxy.tcp.connection,
                TcpList::Session => &mut proxy.tcp.session,
                TcpList::Content | TcpList::BackContent | TcpList::Response => &mut proxy.tcp.content,
            };
            rules.extend(rule);
            Ok(())
        }
        other => {
            let message =
                format!("'tcp-request' expects 'inspect-delay', 'connection', or 'content' in {place} (got '{other}')");
            let guess = reports.guesser.name(other, ["inspect-delay", "connection", "session", "content"]);
            Err(line.alert(1, message).hint_if(guess))
        }
    }
}

/// `tcp-response content ACTION …` and `tcp-response inspect-delay TIME`.
pub(crate) fn tcp_response(
    line: Line<'_>,
    proxy: &mut Proxy,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let place = format!("{} '{}'", proxy.role.noun(), proxy.name.value);
    match line.word(1) {
        "" => Err(line.alert(1, format!("missing argument for 'tcp-response' in {place}"))),
        level @ ("inspect-delay" | "content") if !proxy.role.has_back() => {
            let message =
                format!("tcp-response {level} is only allowed in 'backend' sections or 'defaults' section with a name");
            Err(line.alert(1, message))
        }
        "inspect-delay" => {
            let delay = inspect_delay(line, &place)?;
            proxy.tcp.response_delay = (!delay.is_zero()).then(|| Spanned::new(delay, line.span_from(0)));
            Ok(())
        }
        "content" => {
            let rule = rule(line, (TcpList::Response, RESPONSE_ACTIONS), proxy, acls, reports)?;
            proxy.tcp.response.extend(rule);
            Ok(())
        }
        other => {
            let message = format!("'tcp-response' expects 'inspect-delay' or 'content' in {place} (got '{other}')");
            let guess = reports.guesser.name(other, ["inspect-delay", "content"]);
            Err(line.alert(1, message).hint_if(guess))
        }
    }
}

/// `use-server NAME if|unless CONDITION`.
pub(crate) fn use_server(
    line: Line<'_>,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<UseServer, Diagnostic> {
    if line.word(1).is_empty() {
        return Err(line.alert(1, "'use-server' expects a server name."));
    }
    if !matches!(line.word(2), "if" | "unless") {
        let message = "'use-server' requires either 'if' or 'unless' followed by a condition.";
        return Err(line.alert(2, message));
    }
    let computed = switching::computed(line, reports).map_err(|(message, hint)| {
        let message = format!("use-server rule failed to parse log-format '{}' : {message}", line.word(1));
        Diagnostic::new(Level::Alert, Stage::Checking, Lead::Capital, line.span(1), message).hint_if(hint)
    })?;
    let condition = acl_reader::condition(line, 2, acls, &acl_reader::SWITCHING, reports)?;
    Ok(UseServer { server: Spanned::new(line.word(1).to_string(), line.span(1)), computed, condition })
}

/// The action in word 2, and its condition; `None` for one that is refused.
fn rule<A: Copy>(
    line: Line<'_>,
    (list, actions): (TcpList, &[(&str, Meaning<A>)]),
    proxy: &mut Proxy,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<Option<TcpRule<A>>, Diagnostic> {
    let place = &*format!("{} '{}'", proxy.role.noun(), proxy.name.value);
    let (keyword, level, word) = (line.keyword(), line.word(1), line.word(2));
    let name = &word[..word.find('(').unwrap_or(word.len())];
    let known =
        actions.iter().find(|(known, _)| *known == name || name.starts_with("track-sc") && *known == "track-sc0");
    let is_later = |(_, meaning): &&(&str, Meaning<A>)| {
        matches!(meaning, Meaning::Effect(EffectName::SetLogLevel)) && list.is_early()
    };
    let known = known.filter(|found| !is_later(found));
    let (deed, next) = match known {
        Some((_, Meaning::Served(action))) => (TcpDeed::Decide(*action), 3),
        Some((_, Meaning::Effect(EffectName::Capture))) if list.is_early() => {
            let message = format!("'{name} {}' is not allowed in '{keyword} {level}' rules in {place}", line.word(3));
            return Err(line.alert(2, message));
        }
        Some((_, Meaning::Effect(effect))) => match effect_of(*effect, line, list, reports)? {
            Some((effect, next)) => {
                let behind = Line::new(line.rest(1), line.negation);
                let with_slot = capture::effect_with_slot(effect, behind, proxy);
                let lead = format!("'{} capture' : ", list.keyword());
                (TcpDeed::Effect(with_slot.map_err(|message| line.alert(2, lead + &message))?), next)
            }
            None => return Ok(None),
        },
        Some((_, Meaning::Refused)) => {
            reports.refuse(line.span_from(0), format!("{keyword} {level} {name}"));
            return Ok(None);
        }
        None => {
            let message = format!("'{keyword} {level}' expects 'accept' or 'reject' in {place} (got '{word}').");
            let guess = reports.guesser.name(word, actions.iter().map(|(name, _)| *name));
            return Err(line.alert(2, message).hint_if(guess));
        }
    };
    let condition = condition(line, next, place, acls, reports)?;
    Ok(Some(TcpRule { deed: Spanned::new(deed, line.span(2)), condition }))
}

/// What a rule keeps, and the word behind it; `None` if that is refused.
fn effect_of(name: EffectName, line: Line<'_>, list: TcpList, reports: &mut Reports) -> Outcome<Effect> {
    let lead = match name {
        EffectName::Capture => format!("'{} {}' : ", list.keyword(), line.word(2)),
        EffectName::SetDst
        | EffectName::SetDstPort
        | EffectName::SetLogLevel
        | EffectName::SetSrc
        | EffectName::SetSrcPort
        | EffectName::SetVar
        | EffectName::SetVarFmt
        | EffectName::UnsetVar => String::new(),
    };
    let behind = Line::new(line.rest(1), line.negation);
    let mut rule = Rule::of_tcp(behind, list, lead, reports);
    Ok(effect_reader::effect(name, &mut rule)?.map(|(effect, next)| (effect, next + 1)))
}

/// The condition that begins in word `at`.
fn condition(
    line: Line<'_>,
    at: usize,
    place: &str,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<Option<Condition>, Diagnostic> {
    let rule = format!("'{} {} {}'", line.keyword(), line.word(1), line.word(2));
    match line.word(at) {
        "" => Ok(None),
        word @ ("if" | "unless") => {
            let prefix = format!("{rule} : error detected in {place} while parsing '{word}' condition : ");
            let reader = Reader { prefix: &prefix, end: "" };
            acl_reader::condition(line, at, acls, &reader, reports).map(Some)
        }
        other => Err(line.alert(at, format!("{rule} only accepts 'if' or 'unless', in {place} (got '{other}')"))),
    }
}

fn inspect_delay(line: Line<'_>, place: &str) -> Result<Duration, Diagnostic> {
    let expects = format!("'{} inspect-delay' expects a positive delay in milliseconds, in {place}", line.keyword());
    if line.word(2).is_empty() {
        return Err(line.alert(2, expects));
    }
    let delay = time(line.word(2)).map_err(|error| match error {
        TimeError::Unexpected(character) => line.alert(2, format!("{expects} (unexpected character '{character}')")),
        TimeError::Overflow => line.alert(2, format!("{expects} (timer overflow in '{}')", line.word(2))),
    })?;
    line.ends_at(3, &format!("{} inspect-delay", line.keyword()))?;
    Ok(delay)
}
