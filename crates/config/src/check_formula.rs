//! Reads what checks make anew each time: formats, expressions and variables (configuration.txt §4.2 `http-check set-var(<var-name>)`,
//! `on-error`, `…-lf`).
//!
//! A check has no client and no frontend: what belongs to those cannot be asked.

use crate::acl::Expression;
use crate::diagnostic::Diagnostic;
use crate::fetch::{Fetch, Number, Speaker};
use crate::format::{self, Blanks, must_be_there};
use crate::http_rule::{Format, Scope, Variable};
use crate::http_rule_reader::named_variable;
use crate::line::Line;
use crate::reports::Reports;
use crate::sample_reader::{self, Read};
use crate::session_part::SessionPart;
use crate::tree::CheckVariable;

/// Reads word `at` as a format; `None` where something in it is refused, which has been told.
pub(crate) fn format(
    line: Line<'_>,
    at: usize,
    owner: &str,
    reports: &mut Reports,
) -> Result<Option<Format>, Diagnostic> {
    let Some(word) = line.rest(at).first() else { return Ok(Some(format::literal(""))) };
    let read = format::of_word(word, Speaker::Server, Blanks::Kept, owner, reports);
    let read = read.map_err(|(message, hint)| {
        line.alert(at, format!("'{owner}' : {}.", message.trim_end_matches('.'))).hint_if(hint)
    })?;
    let Some(format) = read else { return Ok(None) };
    for expression in format.expressions() {
        if !is_at_hand(&expression.fetch) {
            reports.refuse(word.span, format!("{owner} with a sample of a session"));
            return Ok(None);
        }
    }
    Ok(Some(format))
}

/// Reads word `at` as an expression; `None` where it is refused. `lead` says what it is for.
pub(crate) fn expression(
    line: Line<'_>,
    at: usize,
    owner: &str,
    lead: &str,
    reports: &mut Reports,
) -> Result<Option<Expression>, Diagnostic> {
    let fail = |message: String| line.alert(at, format!("'{owner}' : {lead}{message}."));
    let Some(word) = line.rest(at).first() else { return Err(fail("missing fetch method".into())) };
    let read = sample_reader::expression(word, &mut reports.guesser);
    match read.map_err(|(message, hint)| fail(message).hint_if(hint))? {
        Read::Sample(expression, _, None) => {
            must_be_there(Speaker::Server, word, &expression).map_err(fail)?;
            if is_at_hand(&expression.fetch) {
                return Ok(Some(expression));
            }
            reports.refuse(line.span(at), format!("{owner} with a sample of a session"));
            Ok(None)
        }
        Read::Sample(_, _, Some(_)) => {
            let name = word.split(['(', ',']).next().unwrap_or_default();
            Err(fail(format!("unknown fetch method '{name}'")))
        }
        Read::Unserved => {
            reports.refuse(line.span(at), format!("{owner} {}", word.text));
            Ok(None)
        }
    }
}

/// Whether a word begins like the action of a variable.
pub(crate) fn is_variable(name: &str) -> bool {
    ["set-var", "unset-var"].iter().any(|variable| name.starts_with(variable))
}

/// `set-var(NAME) EXPRESSION`, `set-var-fmt(NAME) FORMAT`, `unset-var(NAME)`; `None` where it is refused.
pub(crate) fn variable(line: Line<'_>, reports: &mut Reports) -> Result<Option<CheckVariable>, Diagnostic> {
    let word = line.word(1);
    let (action, inside) = word.split_once('(').unwrap_or((word, ""));
    let owner = format!("{} {word}", line.keyword());
    let name = inside.strip_suffix(')').filter(|_| matches!(action, "set-var" | "set-var-fmt" | "unset-var"));
    let Some(name) = name else {
        let action = if action.starts_with("unset-var") { "unset-var" } else { "set-var" };
        let message = format!(
            "'{owner}' : '{action}' : invalid or incomplete action '{word}'. Expects 'set-var(<var-name>)', \
             'set-var-fmt(<var-name>)' or 'unset-var(<var-name>)'."
        );
        return Err(line.alert(1, message));
    };
    let named =
        named_variable(name).map_err(|message| line.alert(1, format!("'{owner}' : '{action}' : {message}.")))?;
    let named = named.filter(|variable| match variable.scope {
        Scope::Check | Scope::Session => true,
        Scope::Transaction | Scope::Request | Scope::Response => false,
    });
    let Some(variable) = named else {
        reports.refuse(line.span(1), format!("{} {action} of such a scope", line.keyword()));
        return Ok(None);
    };
    // Here both live as long as the check.
    let variable = Variable { scope: Scope::Check, ..variable };
    let lead = format!("'{action}' : ");
    Ok(match action {
        "unset-var" => {
            line.ends_at(2, &owner)?;
            Some(CheckVariable::Unset(variable))
        }
        "set-var-fmt" => {
            line.ends_at(3, &owner)?;
            format(line, 2, &owner, reports)?.map(|format| CheckVariable::SetText(variable, format))
        }
        _ => {
            line.ends_at(3, &owner)?;
            expression(line, 2, &owner, &lead, reports)?.map(|expression| CheckVariable::Set(variable, expression))
        }
    })
}

/// Whether a check knows it, be it that there is none.
fn is_at_hand(fetch: &Fetch) -> bool {
    match fetch {
        Fetch::Message(_)
        | Fetch::Address(_)
        | Fetch::BackendName
        | Fetch::Text(_)
        | Fetch::Variable(_)
        | Fetch::VariableOr(..)
        | Fetch::Octets(_)
        | Fetch::Random(_)
        | Fetch::Uuid
        | Fetch::Hostname
        | Fetch::Environment(_)
        | Fetch::WaitEnd => true,
        Fetch::Number(number) => !matches!(number, Number::FrontendId),
        Fetch::Session(part) => matches!(part, SessionPart::Date(..) | SessionPart::ServerName),
        Fetch::FrontendName | Fetch::Tls(_) | Fetch::BackTls(_) | Fetch::Announced(_) | Fetch::Payload(..) => false,
    }
}
