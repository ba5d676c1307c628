//! What is kept of messages for log lines: `capture`, `declare capture`, and rules that capture (configuration.txt §4.2, §4.4).

use crate::diagnostic::Diagnostic;
use crate::effect::Effect;
use crate::effect_reader;
use crate::http_rule::HttpAction;
use crate::http_rule_reader::{Outcome, Rule, RuleList};
use crate::keywords::http_rules::Ruleset;
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::{Capture, Proxy};
use crate::value::natural;

/// No slot has this number: the rule makes one.
const OWN_SLOT: u32 = u32::MAX;

/// `capture request|response header NAME len N`; cookies are refused.
pub(crate) fn statement(line: Line<'_>, proxy: &mut Proxy, reports: &mut Reports) -> Result<(), Diagnostic> {
    let side = line.word(1);
    let list = match side {
        "request" => &mut proxy.captures,
        "response" => &mut proxy.response_captures,
        "cookie" => {
            reports.refuse(line.span_from(0), "capture cookie");
            return Ok(());
        }
        _ => return Err(line.alert(1, "'capture' expects 'cookie' or 'request header' or 'response header'.")),
    };
    if line.word(2) != "header" || line.word(4) != "len" || line.count() < 6 {
        return Err(line.alert(2, format!("'capture {side}' expects 'header' <header_name> 'len' <len>.")));
    }
    let length = natural(line.word(5)).filter(|length| *length > 0);
    let message = format!("'capture {side} header' expects a positive length (got '{}').", line.word(5));
    let length_max = length.ok_or_else(|| line.alert(5, message))?;
    line.ends_at(6, &format!("capture {side} header"))?;
    list.push(Capture { header: Some(Spanned::new(line.word(3).to_string(), line.span(3))), length_max });
    Ok(())
}

/// `declare capture request|response len N`
pub(crate) fn declare(line: Line<'_>, proxy: &mut Proxy) -> Result<(), Diagnostic> {
    if line.word(1) != "capture" {
        let message = "'declare' needs a second keyword that specify the type of declaration ('capture')";
        return Err(line.alert(1, message));
    }
    let list = match line.word(2) {
        "request" => &mut proxy.captures,
        "response" => &mut proxy.response_captures,
        _ => return Err(line.alert(2, "'declare capture' requires a direction ('request' or 'response')")),
    };
    if line.word(3) != "len" {
        return Err(line.alert(3, "'declare capture' requires a capture length ('len')"));
    }
    let length: Option<u32> = natural(line.word(4));
    let message = "'declare capture': 'len' requires a numeric value that represents the capture length";
    let length_max = length.ok_or_else(|| line.alert(4, message))?;
    if length_max == 0 {
        return Err(line.alert(4, "length must be > 0"));
    }
    line.ends_at(5, "declare capture")?;
    list.push(Capture { header: None, length_max });
    Ok(())
}

/// `EXPRESSION len N | id N`. One with `len` is given its slot by [`with_slot`].
pub(crate) fn action(rule: &mut Rule<'_, '_>) -> Outcome<Effect> {
    const USAGE: &str = "expects <expression> [ 'len' <length> | id <idx> ]";
    if let RuleList::Tcp(_) = rule.list {
        return of_content(rule);
    }
    let line = rule.line;
    if line.word(2).is_empty() || line.word(4).is_empty() {
        return Err(rule.alert(2, USAGE));
    }
    let Some(expression) = effect_reader::expression(rule)? else { return Ok(None) };
    let number: Option<u32> = natural(line.word(4));
    let slot = match (line.word(3), rule.list) {
        ("len", RuleList::Http(Ruleset::Request)) => match number {
            Some(0) => return Err(rule.alert(4, "length must be > 0")),
            Some(_) => OWN_SLOT,
            None => return Err(rule.alert(4, USAGE)),
        },
        ("id", _) => number.filter(|slot| *slot != OWN_SLOT).ok_or_else(|| rule.alert(4, USAGE))?,
        ("len", RuleList::Http(_)) => return Err(rule.alert(3, "expects 'id', found 'len'")),
        (_, _) => return Err(rule.alert(3, USAGE)),
    };
    Ok(Some((Effect::Capture(expression, slot), 5)))
}

/// `EXPRESSION len N` of a rule on contents.
fn of_content(rule: &mut Rule<'_, '_>) -> Outcome<Effect> {
    let Some(expression) = effect_reader::expression(rule)? else { return Ok(None) };
    if rule.line.word(3) != "len" {
        return Err(rule.alert(3, "a positive 'len' argument is mandatory"));
    }
    match natural::<u32>(rule.line.word(4)) {
        Some(1..) => Ok(Some((Effect::Capture(expression, OWN_SLOT), 5))),
        Some(0) | None => Err(rule.alert(4, "length must be > 0")),
    }
}

/// The same action; a capture that has none has a slot of its own from now on.
///
/// # Errors
/// The section has no clients whose captures these could be.
pub(crate) fn with_slot(action: HttpAction, line: Line<'_>, proxy: &mut Proxy) -> Result<HttpAction, String> {
    let HttpAction::Effect(effect) = action else { return Ok(action) };
    effect_with_slot(effect, line, proxy).map(HttpAction::Effect)
}

/// The same for an effect, of which the line tells the length in word 4.
pub(crate) fn effect_with_slot(effect: Effect, line: Line<'_>, proxy: &mut Proxy) -> Result<Effect, String> {
    let Effect::Capture(expression, OWN_SLOT) = effect else { return Ok(effect) };
    if !proxy.role.has_front() {
        return Err(format!("proxy '{}' has no frontend capability", proxy.name.value));
    }
    let slot = proxy.captures.len() as u32;
    let length_max = natural(line.word(4)).unwrap_or(1);
    proxy.captures.push(Capture { header: None, length_max });
    Ok(Effect::Capture(expression, slot))
}
