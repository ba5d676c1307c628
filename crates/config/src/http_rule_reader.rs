//! Reads `http-request`, `http-response`, `http-after-response` and `redirect` lines (configuration.txt §4.2).

use crate::acl::{Condition, Expression};
use crate::acl_reader::{self, Reader};
use crate::capture;
use crate::diagnostic::{Diagnostic, Lead};
use crate::effect_reader;
use crate::fetch::Speaker;
use crate::field_name;
use crate::format;
use crate::http_rule::{HttpAction, HttpRule, ListChange, Patience, Scope, Service, TargetPart, Variable};
use crate::keywords::http_rules::{Keyword, Ruleset};
use crate::keywords::tcp_rules::TcpList;
use crate::line::Line;
use crate::pattern::Compare;
use crate::redirect_reader;
use crate::reply_reader;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::Proxy;
use crate::value::{self, TimeError, natural};
use regex::bytes::RegexBuilder;
use std::collections::HashSet;

/// Where a rule stands, and whom its complaints go to.
pub(crate) struct Rule<'l, 'r> {
    pub(crate) line: Line<'l>,
    pub(crate) list: RuleList,
    /// `error detected in proxy 'l' while parsing 'http-request deny' rule : `
    lead: String,
    pub(crate) reports: &'r mut Reports,
}

/// The list of rules that a rule belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RuleList {
    /// On messages of HTTP.
    Http(Ruleset),
    /// On connections and contents. Of their lines the first word is left out: the action is word 1 here, too.
    Tcp(TcpList),
}

impl RuleList {
    /// How its lines begin.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            RuleList::Http(ruleset) => ruleset.keyword(),
            RuleList::Tcp(list) => list.keyword(),
        }
    }

    /// Whose message it is about.
    pub(crate) fn speaker(self) -> Speaker {
        match self {
            RuleList::Http(ruleset) => ruleset.speaker(),
            RuleList::Tcp(list) => list.speaker(),
        }
    }
}

/// What came of reading an action: nothing where it is refused, else with the word behind it.
pub(crate) type Outcome<T> = Result<Option<(T, usize)>, Diagnostic>;

impl<'l, 'r> Rule<'l, 'r> {
    /// One on connections or contents; `line` begins with its second word.
    pub(crate) fn of_tcp(line: Line<'l>, list: TcpList, lead: String, reports: &'r mut Reports) -> Rule<'l, 'r> {
        Rule { line, list: RuleList::Tcp(list), lead, reports }
    }

    /// An `http-error` line, which is read like a rule's reply.
    pub(crate) fn of_error(line: Line<'l>, reports: &'r mut Reports) -> Rule<'l, 'r> {
        Rule { line, list: RuleList::Http(Ruleset::Request), lead: "http-error : ".to_string(), reports }
    }
}

impl Rule<'_, '_> {
    /// An ALERT at word `at`, in HAProxy's form for mistakes in rules.
    pub(crate) fn alert(&self, at: usize, message: impl AsRef<str>) -> Diagnostic {
        let end = match self.list {
            RuleList::Http(_) => ".",
            RuleList::Tcp(_) => "",
        };
        self.line.alert(at, format!("{}{}{end}", self.lead, message.as_ref()))
    }

    /// Blames a sample that is never there where the rule is asked.
    pub(crate) fn must_be_there(&self, word: &str, expression: &Expression) -> Result<(), Diagnostic> {
        let (list, place) = match self.list {
            RuleList::Http(ruleset) => {
                let there = format::must_be_there(ruleset.speaker(), word, expression);
                return there.map_err(|message| self.alert(2, message));
            }
            RuleList::Tcp(list) => (list, list.place()),
        };
        if !expression.fetch.conflicts_with(place) {
            return Ok(());
        }
        // HAProxy blames the word in front of it, but for captures.
        let blamed = match (list, self.name()) {
            (TcpList::Content | TcpList::BackContent, "capture") => word.split(['(', ',']).next().unwrap_or_default(),
            (_, _) => self.line.word(1),
        };
        let needs = expression.fetch.needs_in_rules();
        let message =
            format!("fetch method '{blamed}' extracts information from '{needs}', none of which is available here");
        Err(self.alert(2, message))
    }

    pub(crate) fn warn(&mut self, at: usize, message: String) {
        self.reports.push(Diagnostic::warning(Lead::Spaced, self.line.span(at), message));
    }

    /// The name of the action, without its argument.
    pub(crate) fn name(&self) -> &str {
        let word = self.line.word(1);
        &word[..word.find('(').unwrap_or(word.len())]
    }

    pub(crate) fn refuse(&mut self, what: &str) {
        let what = format!("{} {}{what}", self.list.keyword(), self.name());
        self.reports.refuse(self.line.span_from(0), what);
    }

    /// Whether word `at` begins the condition, or there is none.
    pub(crate) fn ends_at(&self, at: usize) -> bool {
        matches!(self.line.word(at), "" | "if" | "unless")
    }
}

/// A line of one of the three rulesets.
pub(crate) fn rule(
    line: Line<'_>,
    ruleset: Ruleset,
    proxy: &mut Proxy,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let read = read(line, ruleset, proxy, acls, reports)?;
    let rules = match ruleset {
        Ruleset::Request => &mut proxy.http.request,
        Ruleset::Response => &mut proxy.http.response,
        Ruleset::AfterResponse => &mut proxy.http.after_response,
    };
    rules.extend(read);
    Ok(())
}

/// The rule of a line; `None` where something in it is refused.
pub(crate) fn read(
    line: Line<'_>,
    ruleset: Ruleset,
    proxy: &mut Proxy,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<Option<HttpRule>, Diagnostic> {
    let word = line.word(1);
    let name = &word[..word.find('(').unwrap_or(word.len())];
    let Some((_, keyword)) = ruleset.actions().find(|(known, _)| *known == name) else {
        return Err(unknown(line, ruleset, reports));
    };
    let Some(keyword) = keyword else {
        reports.refuse(line.span_from(0), format!("{} {name}", ruleset.keyword()));
        return Ok(None);
    };
    let lead = format!(
        "error detected in {} '{}' while parsing '{} {word}' rule : ",
        proxy.role.noun(),
        proxy.name.value,
        line.keyword()
    );
    let mut rule = Rule { line, list: RuleList::Http(ruleset), lead, reports };
    let Some((action, next)) = action(keyword, &mut rule)? else { return Ok(None) };
    let action = capture::with_slot(action, line, proxy).map_err(|message| rule.alert(1, message))?;
    let condition = condition(line, next, &format!("{} {word}", line.keyword()), acls, rule.reports)?;
    Ok(Some(HttpRule { span: line.span_from(0), action, condition }))
}

/// `redirect …`, the statement.
pub(crate) fn redirect(
    line: Line<'_>,
    proxy: &mut Proxy,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let lead = format!("error detected in {} '{}' while parsing redirect rule : ", proxy.role.noun(), proxy.name.value);
    let mut rule = Rule { line, list: RuleList::Http(Ruleset::Request), lead, reports };
    let Some((redirect, next)) = redirect_reader::redirect(1, false, &mut rule)? else { return Ok(()) };
    let condition = condition(line, next, "redirect", acls, rule.reports)?;
    let action = HttpAction::Redirect(redirect);
    proxy.http.redirects.push(HttpRule { span: line.span_from(0), action, condition });
    Ok(())
}

fn unknown(line: Line<'_>, ruleset: Ruleset, reports: &mut Reports) -> Diagnostic {
    let names: Vec<&str> = ruleset.actions().map(|(name, _)| name).collect();
    let listed: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let (keyword, word, listed) = (line.keyword(), line.word(1), listed.join(", "));
    if word.is_empty() {
        return line.alert(1, format!("'{keyword}' expects {listed}, but got '' (missing argument)."));
    }
    let guess = reports.guesser.keyword(word, names.iter().copied());
    let guess = guess.map_or(String::new(), |guess| format!(" Did you mean '{guess}' maybe ?"));
    line.alert(1, format!("'{keyword}' expects {listed}, but got '{word}'.{guess}"))
}

fn condition(
    line: Line<'_>,
    at: usize,
    rule: &str,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<Option<Condition>, Diagnostic> {
    match line.word(at) {
        "" => Ok(None),
        "if" | "unless" => {
            let prefix = format!("error detected while parsing an '{rule}' condition : ");
            acl_reader::condition(line, at, acls, &Reader { prefix: &prefix, end: "." }, reports).map(Some)
        }
        other => {
            let message =
                format!("'{rule}' expects either 'if' or 'unless' followed by a condition but found '{other}'.");
            Err(line.alert(at, message))
        }
    }
}

fn action(keyword: Keyword, rule: &mut Rule<'_, '_>) -> Outcome<HttpAction> {
    match keyword {
        Keyword::Allow => Ok(Some((HttpAction::Allow, 2))),
        Keyword::Reject => Ok(Some((HttpAction::Reject, 2))),
        Keyword::SilentDrop if rule.line.word(2) == "rst-ttl" => {
            rule.refuse(" rst-ttl");
            Ok(None)
        }
        Keyword::SilentDrop => Ok(Some((HttpAction::Drop, 2))),
        Keyword::Deny => {
            let default = match rule.list.speaker() {
                Speaker::Client => 403,
                Speaker::Server => 502,
            };
            Ok(reply_reader::denial(rule, default)?.map(|(reply, next)| (HttpAction::Deny(reply), next)))
        }
        Keyword::Tarpit => Ok(reply_reader::denial(rule, 500)?.map(|(reply, next)| (HttpAction::Tarpit(reply), next))),
        Keyword::UseService => service(rule),
        Keyword::Auth => match (rule.line.word(2), rule.line.word(3)) {
            ("realm", "") => Err(rule.alert(3, "missing realm value")),
            ("realm", realm) => Ok(Some((HttpAction::Challenge(Some(realm.to_string())), 4))),
            (_, _) => Ok(Some((HttpAction::Challenge(None), 2))),
        },
        Keyword::Return => {
            Ok(reply_reader::reply(rule, 2, 200)?.map(|(reply, next)| (HttpAction::Return(reply), next)))
        }
        Keyword::Redirect => {
            Ok(redirect_reader::redirect(2, true, rule)?.map(|(redirect, next)| (HttpAction::Redirect(redirect), next)))
        }
        Keyword::SetHeader | Keyword::AddHeader => field(keyword == Keyword::AddHeader, rule),
        Keyword::DelHeader => deletion(rule),
        Keyword::ReplaceHeader | Keyword::ReplaceValue => replacement(keyword == Keyword::ReplaceValue, rule),
        Keyword::SetMethod => single(rule, HttpAction::SetMethod),
        Keyword::SetPath => single(rule, |format| HttpAction::SetTarget(TargetPart::Path, format)),
        Keyword::SetPathq => single(rule, |format| HttpAction::SetTarget(TargetPart::PathAndQuery, format)),
        Keyword::SetQuery => single(rule, |format| HttpAction::SetTarget(TargetPart::Query, format)),
        Keyword::SetUri => single(rule, |format| HttpAction::SetTarget(TargetPart::Whole, format)),
        Keyword::ReplacePath => target_replacement(rule, TargetPart::Path),
        Keyword::ReplacePathq => target_replacement(rule, TargetPart::PathAndQuery),
        Keyword::ReplaceUri => target_replacement(rule, TargetPart::Whole),
        Keyword::SetMap => list_change(rule, None),
        Keyword::AddAcl => list_change(rule, Some(ListChange::Add)),
        Keyword::DelMap | Keyword::DelAcl => list_change(rule, Some(ListChange::Delete)),
        Keyword::SetStatus => status(rule),
        Keyword::StrictMode => strict_mode(rule),
        Keyword::WaitForBody => {
            Ok(patience(rule)?.map(|(patience, next)| (HttpAction::WaitForContent(patience), next)))
        }
        Keyword::Effect(name) => {
            Ok(effect_reader::effect(name, rule)?.map(|(effect, next)| (HttpAction::Effect(effect), next)))
        }
    }
}

/// `set-map(FILE) KEY VALUE`, or another change of what a key is there for: `NAME(FILE) KEY`.
fn list_change(rule: &mut Rule<'_, '_>, change: Option<ListChange>) -> Outcome<HttpAction> {
    let word = rule.line.word(1);
    let file = word.split_once('(').and_then(|(_, inside)| inside.strip_suffix(')')).filter(|file| !file.is_empty());
    let Some(file) = file else { return Err(rule.alert(1, "expects the name of a file in parentheses")) };
    let file = Spanned::new(file.to_string(), rule.line.span(1));
    let count = if change.is_none() { 2 } else { 1 };
    if (2..2 + count).any(|at| rule.ends_at(at)) {
        return Err(rule.alert(2, format!("expects exactly {count} arguments")));
    }
    let Some(key) = format::read(rule, 2)? else { return Ok(None) };
    let change = match change {
        Some(change) => change,
        None => match format::read(rule, 3)? {
            Some(value) => ListChange::Put(value),
            None => return Ok(None),
        },
    };
    Ok(Some((HttpAction::ChangeList { change, file, key }, 2 + count)))
}

/// `time TIME [at-least SIZE]`
fn patience(rule: &mut Rule<'_, '_>) -> Outcome<Patience> {
    let line = rule.line;
    let said = |at: usize| match line.word(at + 1) {
        "" => Err(rule.alert(at, format!("missing argument for '{}'", line.word(at)))),
        said => Ok(said),
    };
    if line.word(2) != "time" {
        return Err(rule.alert(2, "expects time <time> [ at-least <bytes> ]"));
    }
    let time = value::time(said(2)?).map_err(|error| match error {
        TimeError::Unexpected(character) => rule.alert(3, format!("unexpected character '{character}'")),
        TimeError::Overflow => rule.alert(3, "time overflow (maximum value is 2147483647 ms or ~24.8 days)"),
    })?;
    if line.word(4) != "at-least" {
        return Ok(Some((Patience { time, least: None }, 4)));
    }
    let text = said(4)?;
    let least = value::size(text).ok_or_else(|| {
        let character = text.chars().find(|character| !character.is_ascii_digit()).unwrap_or(' ');
        rule.alert(5, format!("unexpected character '{character}'"))
    })?;
    Ok(Some((Patience { time, least: Some(least).filter(|&least| least > 0) }, 6)))
}

/// `use-service NAME`
fn service(rule: &mut Rule<'_, '_>) -> Outcome<HttpAction> {
    match rule.line.word(2) {
        "prometheus-exporter" => Ok(Some((HttpAction::UseService(Service::Prometheus), 3))),
        "" | "if" | "unless" => Err(rule.alert(2, "'use-service' expects a service name.")),
        name if name.starts_with("lua.") => {
            rule.refuse(&format!(" {name}"));
            Ok(None)
        }
        name => Err(rule.alert(2, format!("'{name}' unknown service name."))),
    }
}

/// `NAME FORMAT`
fn field(is_added: bool, rule: &mut Rule<'_, '_>) -> Outcome<HttpAction> {
    if rule.line.word(2).is_empty() || rule.line.word(3).is_empty() {
        return Err(rule.alert(2, "expects exactly 2 arguments"));
    }
    let (Some(name), Some(value)) = (named_field(rule, 2)?, format::read(rule, 3)?) else { return Ok(None) };
    let action = match is_added {
        true => HttpAction::AddField { name, value },
        false => HttpAction::SetField { name, value },
    };
    Ok(Some((action, 4)))
}

/// The name of a field that a rule may write. Those by which messages are framed and connections kept are not among them.
fn named_field(rule: &mut Rule<'_, '_>, at: usize) -> Result<Option<String>, Diagnostic> {
    let name = rule.line.word(at);
    field_name::must_be_one(name).map_err(|message| rule.alert(at, message))?;
    if field_name::is_of_connection(name) {
        let what = format!("{} {} {name}", rule.list.keyword(), rule.line.word(1));
        rule.reports.refuse_with(rule.line.span(at), what, field_name::WHY);
        return Ok(None);
    }
    Ok(Some(name.to_string()))
}

/// `NAME [-m METHOD]`
fn deletion(rule: &mut Rule<'_, '_>) -> Outcome<HttpAction> {
    let line = rule.line;
    if rule.ends_at(2) {
        return Err(rule.alert(2, "expects at least 1 argument"));
    }
    let name = line.word(2).to_string();
    if line.word(3) != "-m" {
        let is_framing = ["content-length", "transfer-encoding"].iter().any(|known| name.eq_ignore_ascii_case(known));
        if is_framing {
            let what = format!("{} del-header {name}", rule.list.keyword());
            rule.reports.refuse_with(line.span(2), what, "this field says where a content ends");
            return Ok(None);
        }
        return Ok(Some((HttpAction::DeleteField { name, how: Compare::Whole }, 3)));
    }
    let how = match line.word(4) {
        "str" => Compare::Whole,
        "beg" => Compare::Begin,
        "end" => Compare::End,
        "sub" => Compare::Inside,
        "reg" => {
            regex(rule, 2)?;
            Compare::Regex
        }
        other => return Err(rule.alert(4, format!("-m with unsupported matching method '{other}'"))),
    };
    Ok(Some((HttpAction::DeleteField { name, how }, 5)))
}

/// `NAME REGEX FORMAT`
fn replacement(is_each_element: bool, rule: &mut Rule<'_, '_>) -> Outcome<HttpAction> {
    if (2..5).any(|at| rule.line.word(at).is_empty()) {
        return Err(rule.alert(2, "expects exactly 3 arguments"));
    }
    let (name, regex, value) = (named_field(rule, 2)?, regex(rule, 3)?, format::read(rule, 4)?);
    let (Some(name), Some(value)) = (name, value) else { return Ok(None) };
    Ok(Some((HttpAction::ReplaceField { name, regex, value, is_each_element }, 5)))
}

/// `REGEX FORMAT`
fn target_replacement(rule: &mut Rule<'_, '_>, part: TargetPart) -> Outcome<HttpAction> {
    if rule.line.word(2).is_empty() || rule.line.word(3).is_empty() {
        return Err(rule.alert(2, "expects exactly 2 arguments <match-regex> and <replace-format>"));
    }
    let regex = regex(rule, 2)?;
    Ok(format::read(rule, 3)?.map(|format| (HttpAction::ReplaceTarget(part, regex, format), 4)))
}

/// `FORMAT`
fn single(rule: &mut Rule<'_, '_>, action: impl FnOnce(crate::http_rule::Format) -> HttpAction) -> Outcome<HttpAction> {
    if rule.ends_at(2) {
        return Err(rule.alert(2, "expects exactly 1 argument <format>"));
    }
    Ok(format::read(rule, 2)?.map(|format| (action(format), 3)))
}

fn regex(rule: &Rule<'_, '_>, at: usize) -> Result<String, Diagnostic> {
    let text = rule.line.word(at);
    match RegexBuilder::new(text).unicode(false).build() {
        Ok(_) => Ok(text.to_string()),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
            Err(rule.alert(at, format!("regex '{text}' is invalid ({why})")))
        }
    }
}

/// `STATUS [reason TEXT]`
fn status(rule: &mut Rule<'_, '_>) -> Outcome<HttpAction> {
    let line = rule.line;
    if line.word(2).is_empty() {
        return Err(rule.alert(2, "expects 1 argument: <status>; or 3 arguments: <status> reason <fmt>"));
    }
    let status = natural::<u16>(line.word(2)).filter(|status| (100..=999).contains(status));
    let status = status.ok_or_else(|| rule.alert(2, "expects an integer status code between 100 and 999"))?;
    match (line.word(3), line.word(4)) {
        ("reason", text) if !text.is_empty() && !text.contains('%') => {
            Ok(Some((HttpAction::SetStatus(status, Some(text.to_string())), 5)))
        }
        ("reason", text) if !text.is_empty() => {
            rule.refuse(" with a format as its reason");
            Ok(None)
        }
        _ => Ok(Some((HttpAction::SetStatus(status, None), 3))),
    }
}

fn strict_mode(rule: &mut Rule<'_, '_>) -> Outcome<HttpAction> {
    let is_on = match rule.line.word(2) {
        "on" => true,
        "off" => false,
        "" | "if" | "unless" => return Err(rule.alert(2, "expects exactly 1 arguments")),
        other => {
            return Err(rule.alert(2, format!("Unexpected value '{other}'. Only 'on' and 'off' are supported")));
        }
    };
    Ok(Some((HttpAction::StrictMode(is_on), 3)))
}

/// `txn.name`; `None` for a scope that nothing here serves.
///
/// # Errors
/// What is wrong with it, in HAProxy's words.
pub(crate) fn named_variable(text: &str) -> Result<Option<Variable>, String> {
    let (scope, name) = text.split_once('.').unwrap_or((text, ""));
    let scope = match scope {
        "sess" => Some(Scope::Session),
        "txn" => Some(Scope::Transaction),
        "req" => Some(Scope::Request),
        "res" => Some(Scope::Response),
        "check" => Some(Scope::Check),
        "proc" => None,
        _ => {
            return Err(format!(
                "invalid variable name '{text}'. A variable name must be start by its scope. The scope can be 'proc', 'sess', \
                 'txn', 'req', 'res' or 'check'"
            ));
        }
    };
    let is_good = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.');
    if name.is_empty() || !name.chars().all(is_good) {
        return Err(format!("invalid variable name '{text}': letters, digits, '.' and '_' are allowed"));
    }
    Ok(scope.map(|scope| Variable { scope, name: name.to_string() }))
}
