//! Reads what rules keep and tell: `set-var(NAME) EXPRESSION` and its kin (configuration.txt §4.2).

use crate::acl::Expression;
use crate::capture;
use crate::diagnostic::Diagnostic;
use crate::effect::Effect;
use crate::fetch::End;
use crate::format;
use crate::http_rule::{Scope, Variable};
use crate::http_rule_reader::{Outcome, Rule, RuleList, named_variable};
use crate::keywords::effects::EffectName;
use crate::keywords::tcp_rules::TcpList;
use crate::log;
use crate::sample_reader::{self, Read};

/// The effect in word 1.
pub(crate) fn effect(name: EffectName, rule: &mut Rule<'_, '_>) -> Outcome<Effect> {
    match name {
        EffectName::Capture => capture::action(rule),
        EffectName::SetSrc => of_expression(rule, |expression| Effect::SetAddress(End::Source, expression)),
        EffectName::SetDst => of_expression(rule, |expression| Effect::SetAddress(End::Destination, expression)),
        EffectName::SetSrcPort => of_expression(rule, |expression| Effect::SetPort(End::Source, expression)),
        EffectName::SetDstPort => of_expression(rule, |expression| Effect::SetPort(End::Destination, expression)),
        EffectName::SetLogLevel => level(rule),
        EffectName::SetVar => {
            let Some(variable) = variable(rule)? else { return Ok(None) };
            of_expression(rule, |expression| Effect::SetVariable(variable, expression))
        }
        EffectName::SetVarFmt => {
            let Some(variable) = variable(rule)? else { return Ok(None) };
            Ok(format::read(rule, 2)?.map(|format| (Effect::SetVariableText(variable, format), 3)))
        }
        EffectName::UnsetVar => Ok(variable(rule)?.map(|variable| (Effect::UnsetVariable(variable), 2))),
    }
}

fn of_expression(rule: &mut Rule<'_, '_>, effect: impl FnOnce(Expression) -> Effect) -> Outcome<Effect> {
    Ok(expression(rule)?.map(|expression| (effect(expression), 3)))
}

/// An expression in word 2.
pub(crate) fn expression(rule: &mut Rule<'_, '_>) -> Result<Option<Expression>, Diagnostic> {
    let Some(word) = rule.line.rest(2).first().filter(|_| !rule.ends_at(2)) else {
        return Err(rule.alert(2, "missing fetch method"));
    };
    let read = sample_reader::expression(word, &mut rule.reports.guesser);
    match read.map_err(|(message, hint)| rule.alert(2, message).hint_if(hint))? {
        Read::Sample(expression, _, None) => {
            rule.must_be_there(word, &expression)?;
            Ok(Some(expression))
        }
        Read::Sample(_, _, Some(_)) => {
            let name = word.split(['(', ',']).next().unwrap_or_default();
            Err(rule.alert(2, format!("unknown fetch method '{name}'")))
        }
        Read::Unserved => {
            rule.refuse(&format!(" {}", &word.text));
            Ok(None)
        }
    }
}

/// The variable in the action's parentheses. `None`: its scope is refused.
fn variable(rule: &mut Rule<'_, '_>) -> Result<Option<Variable>, Diagnostic> {
    let word = rule.line.word(1);
    let inside = word.find('(').map(|start| &word[start + 1..]);
    let Some(text) = inside.and_then(|inside| inside.strip_suffix(')')) else {
        let message = format!(
            "invalid or incomplete action '{word}'. Expects 'set-var(<var-name>)', 'set-var-fmt(<var-name>)' or \
             'unset-var(<var-name>)'"
        );
        return Err(rule.alert(1, message));
    };
    if text.contains(',') {
        rule.refuse(" with a condition of its own");
        return Ok(None);
    }
    match named_variable(text) {
        Ok(Some(variable)) if lives_in(variable.scope, rule.list) => Ok(Some(variable)),
        Ok(_) => {
            rule.refuse(&format!("({text})"));
            Ok(None)
        }
        Err(message) => Err(rule.alert(1, message)),
    }
}

/// Whether a rule of the list can set a variable of the scope: to HAProxy the others are never set.
fn lives_in(scope: Scope, list: RuleList) -> bool {
    match (scope, list) {
        (Scope::Session, _) => true,
        (Scope::Check, _) | (_, RuleList::Tcp(TcpList::Connection | TcpList::Session)) => false,
        (Scope::Response, RuleList::Tcp(TcpList::Content | TcpList::BackContent)) => false,
        (Scope::Request, RuleList::Tcp(TcpList::Response)) => false,
        (Scope::Transaction | Scope::Request | Scope::Response, RuleList::Http(_) | RuleList::Tcp(_)) => true,
    }
}

/// `LEVEL`
fn level(rule: &mut Rule<'_, '_>) -> Outcome<Effect> {
    let word = rule.line.word(2);
    let level = match word {
        "silent" => None,
        other => Some(
            log::level(other)
                .ok_or_else(|| rule.alert(2, "expects exactly 1 argument (log level name or 'silent')"))?,
        ),
    };
    Ok(Some((Effect::SetLogLevel(level), 3)))
}
