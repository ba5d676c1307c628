//! Reads `redirect`, the statement and the action (configuration.txt §4.2 "redirect").

use crate::diagnostic::Diagnostic;
use crate::format;
use crate::http_rule::{Format, Redirect, RedirectKind};
use crate::http_rule_reader::{Outcome, Rule, RuleList};
use crate::keywords::http_rules::Ruleset;
use crate::value::natural;

/// `location|prefix|scheme TARGET [code N] [options]` from word `at` on. The target of the action is a format, that of the statement is
/// a text.
pub(crate) fn redirect(mut at: usize, is_format: bool, rule: &mut Rule<'_, '_>) -> Outcome<Redirect> {
    let line = rule.line;
    let mut target: Option<(RedirectKind, Format)> = None;
    let (mut code, mut cookie) = (302, None);
    let (mut drops_query, mut appends_slash, mut ignores_empty, mut is_refused) = (false, false, false, false);
    while !rule.ends_at(at) {
        let word = line.word(at);
        match word {
            "location" | "prefix" | "scheme" => {
                argument(rule, at)?;
                let kind = match word {
                    "location" => RedirectKind::Location,
                    "prefix" => RedirectKind::Prefix,
                    _ => RedirectKind::Scheme,
                };
                if rule.list != RuleList::Http(Ruleset::Request) && kind != RedirectKind::Location {
                    rule.refuse(&format!(" {word}"));
                    is_refused = true;
                }
                let read =
                    if is_format { format::read(rule, at + 1)? } else { Some(format::literal(line.word(at + 1))) };
                match read {
                    Some(format) => target = Some((kind, format)),
                    None => is_refused = true,
                }
                at += 1;
            }
            "code" => {
                argument(rule, at)?;
                let number = natural::<u16>(line.word(at + 1)).filter(|code| matches!(code, 301..=303 | 307 | 308));
                let message = format!(
                    "'code': unsupported HTTP code '{}' (must be one of 301, 302, 303, 307 or 308)",
                    line.word(at + 1)
                );
                code = number.ok_or_else(|| rule.alert(at + 1, message))?;
                at += 1;
            }
            "set-cookie" => {
                argument(rule, at)?;
                cookie = Some(format!("{}; path=/;", line.word(at + 1)));
                at += 1;
            }
            "clear-cookie" => {
                argument(rule, at)?;
                cookie = Some(format!("{}; path=/; Max-Age=0;", line.word(at + 1)));
                at += 1;
            }
            "drop-query" => drops_query = true,
            "append-slash" => appends_slash = true,
            "ignore-empty" => ignores_empty = true,
            "keep-query" | "set-cookie-fmt" => {
                rule.reports.refuse(line.span(at), format!("redirect {word}"));
                is_refused = true;
                at += usize::from(word == "set-cookie-fmt");
            }
            other => {
                let message = format!(
                    "expects 'code', 'prefix', 'location', 'scheme', 'set-cookie', 'clear-cookie', 'drop-query', 'ignore-empty' or \
                     'append-slash' (was '{other}')"
                );
                return Err(rule.alert(at, message));
            }
        }
        at += 1;
    }
    if is_refused {
        return Ok(None);
    }
    let Some((kind, to)) = target else {
        return Err(rule.alert(at, "redirection type expected ('prefix', 'location', or 'scheme')"));
    };
    Ok(Some((Redirect { kind, to, code, drops_query, appends_slash, ignores_empty, cookie }, at)))
}

fn argument(rule: &Rule<'_, '_>, at: usize) -> Result<(), Diagnostic> {
    match rule.line.word(at + 1) {
        "" => Err(rule.alert(at + 1, format!("missing argument for '{}'", rule.line.word(at)))),
        _ => Ok(()),
    }
}
