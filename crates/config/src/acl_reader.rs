//! Reads `acl` lines and conditions.

use crate::acl::{Acl, Condition, End, Number, Operand, Predefined, ProxyRef, Range, ServerRef, Term, Test};
use crate::diagnostic::{Diagnostic, Lead};
use crate::keywords::fetch;
use crate::lexer::Word;
use crate::line::Line;
use crate::net;
use crate::reports::Reports;
use crate::source::{Span, Spanned};
use crate::value::natural;
use std::collections::HashSet;

/// `acl NAME FETCH …`.
pub(crate) fn acl(line: Line<'_>, reports: &mut Reports) -> Result<Acl, Diagnostic> {
    let name = line.word(1);
    if let Some(character) = name.chars().find(|character| !is_name_character(*character)) {
        return Err(line.alert(1, format!("character '{character}' is not permitted in acl name '{name}'.")));
    }
    if name.is_empty() {
        return Err(line.alert(1, "'acl' expects a name and a test as arguments."));
    }
    if name.eq_ignore_ascii_case("or") {
        return Err(line.alert(
            1,
            format!(
                "acl name '{name}' will never match. 'or' is used to express a logical disjunction within a condition."
            ),
        ));
    }
    let owner = format!("ACL '{name}'");
    let test = test(line.rest(2), line.span(line.count()), &owner, reports)?;
    Ok(Acl { name: Spanned::new(name.to_string(), line.span(1)), test })
}

/// `if …` or `unless …` from word `at` on. `acls` are the names that the proxy has declared so far.
pub(crate) fn condition(
    line: Line<'_>,
    at: usize,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<Condition, Diagnostic> {
    let words = line.rest(at + 1);
    let mut any_of = vec![Vec::new()];
    let mut is_negated = false;
    let mut is_dangling = false;
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let bare = word.trim_start_matches('!');
        is_negated ^= (word.len() - bare.len()) % 2 == 1;
        index += 1;
        if bare.is_empty() {
            continue;
        }
        if bare.eq_ignore_ascii_case("or") || bare == "||" {
            is_dangling |= is_negated;
            is_negated = false;
            any_of.push(Vec::new());
            continue;
        }
        let (operand, last) = if bare == "{" {
            let length = words[index..].iter().position(|word| &word.text == "}");
            let Some(length) = length else {
                return Err(RULE.fail(word.span, "missing closing '}' in condition."));
            };
            let inside = &words[index..index + length];
            let closing = words[index + length].span;
            index += length + 1;
            (Operand::Anonymous(test(inside, closing, RULE.owner, reports)?), closing)
        } else {
            (named(bare, word.span, acls, reports)?, word.span)
        };
        let term = Term { span: word.span.to(last), is_negated, operand };
        is_negated = false;
        any_of.last_mut().expect("there is always a last alternative").push(term);
    }
    let span = line.span_from(at);
    if is_dangling || is_negated || any_of.iter().any(Vec::is_empty) {
        // HAProxy accepts such a condition; what it then decides is written nowhere.
        reports.refuse_with(span, "condition without a term", "say TRUE or FALSE, or drop the 'or' or '!'");
    }
    Ok(Condition { span, is_unless: line.word(at) == "unless", any_of })
}

fn named(name: &str, span: Span, acls: &HashSet<String>, reports: &mut Reports) -> Result<Operand, Diagnostic> {
    if acls.contains(name) {
        return Ok(Operand::Named(name.to_string()));
    }
    match name {
        "TRUE" => Ok(Operand::Predefined(Predefined::True)),
        "FALSE" => Ok(Operand::Predefined(Predefined::False)),
        "LOCALHOST" => Ok(Operand::Predefined(Predefined::Localhost)),
        _ if fetch::PREDEFINED_UNSERVED.contains(&name) => {
            reports.refuse(span, format!("acl {name}"));
            Ok(Operand::Unserved)
        }
        _ => {
            let guess = reports.guesser.name(name, acls.iter().map(String::as_str));
            let hint = match guess {
                Some(guess) => guess,
                None => "an 'acl' line must stand above the rule that uses it; words of a condition are all required, \
                         so write no 'and'; put blanks around '{' and '}'"
                    .to_string(),
            };
            Err(RULE.fail(span, format!("no such ACL : '{name}'.")).hint(hint))
        }
    }
}

/// One test: the words of an `acl` line behind its name, or what stands between `{` and `}`.
fn test(words: &[Word<'_>], end: Span, owner: &str, reports: &mut Reports) -> Result<Test, Diagnostic> {
    let reader = Reader { owner };
    let Some(expression) = words.first() else {
        return Err(reader.fail(end, "missing fetch method in ACL expression ''."));
    };
    let fetch = reader.fetch(expression, reports)?;
    let (fetch, flags_at) = match fetch {
        Some(fetch) => (fetch, 1),
        None => {
            reports.refuse(expression.span, format!("acl fetch {}", &expression.text));
            return Ok(Test::Unserved);
        }
    };
    let (flags, patterns) = reader.flags(&words[flags_at..], reports)?;
    if flags.is_refused {
        return Ok(Test::Unserved);
    }
    reader.patterns(fetch, flags, patterns, expression, reports)
}

/// What a fetch yields.
enum Fetch {
    Address(End),
    Number(Number),
    /// Numbers that are 0 or 1 match when they are 1 if no pattern is given.
    Boolean(Number),
    PathBegins,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Default,
    Found,
    Boolean,
    Integer,
    Ip,
    Begins,
}

struct Flags {
    method: Method,
    is_case_insensitive: bool,
    /// `--` says that no pattern is meant.
    is_deliberate: bool,
    /// A flag that is not served was there.
    is_refused: bool,
}

/// Reads a test, and words complaints for the line it stands in.
struct Reader<'a> {
    owner: &'a str,
}

/// The conditions of `use_backend`.
const RULE: Reader<'static> = Reader { owner: "switching rule" };

impl Reader<'_> {
    /// `NAME`, `NAME(ARGUMENT)` or `NAME,CONVERTER…`; `None` for what is known but not read.
    fn fetch(&self, word: &Word<'_>, reports: &mut Reports) -> Result<Option<Fetch>, Diagnostic> {
        let text: &str = word;
        let name_length = text.find(['(', ',']).unwrap_or(text.len());
        let (name, rest) = text.split_at(name_length);
        let in_expression = format!("in ACL expression '{text}'.");
        let Some(keyword) = fetch::find(name) else {
            let guess = reports.guesser.name(name, fetch::READ.iter().copied());
            return Err(self.fail(word.span, format!("unknown fetch method '{name}' {in_expression}")).hint_if(guess));
        };
        let (argument, rest) = match rest.strip_prefix('(') {
            None => ("", rest),
            Some(inside) => inside
                .split_once(')')
                .ok_or_else(|| self.fail(word.span, format!("fetch method '{name}' : expected ')' {in_expression}")))?,
        };
        if !rest.is_empty() && !rest.starts_with(',') {
            let message = format!("missing comma after fetch keyword '{name}' {in_expression}");
            return Err(self.fail(word.span, message));
        }
        let Some(keyword) = keyword.filter(|_| rest.is_empty()) else { return Ok(None) };
        self.read(keyword, name, argument, word).map(Some)
    }

    fn read(&self, keyword: fetch::Keyword, name: &str, argument: &str, word: &Word<'_>) -> Result<Fetch, Diagnostic> {
        let surplus = |argument: &str| {
            let message = format!(
                "fetch method '{name}' : expected ')' before '{argument})' in ACL expression '{}'.",
                &word.text
            );
            Err(self.fail(word.span, message))
        };
        let without = |fetch| if argument.is_empty() { Ok(fetch) } else { surplus(argument) };
        if let Some((_, second)) = argument.split_once(',') {
            return surplus(&format!(",{second}"));
        }
        let proxy = |name: &str| ProxyRef {
            name: Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_string),
            span: word.span,
        };
        let server = || {
            let (of, server) = argument.rsplit_once('/').unwrap_or(("", argument));
            ServerRef { proxy: proxy(of), server: server.trim().to_string() }
        };
        match keyword {
            fetch::Keyword::Src => without(Fetch::Address(End::Source)),
            fetch::Keyword::Dst => without(Fetch::Address(End::Destination)),
            fetch::Keyword::SrcPort => without(Fetch::Number(Number::Port(End::Source))),
            fetch::Keyword::DstPort => without(Fetch::Number(Number::Port(End::Destination))),
            fetch::Keyword::AlwaysTrue => without(Fetch::Boolean(Number::Constant(true))),
            fetch::Keyword::AlwaysFalse => without(Fetch::Boolean(Number::Constant(false))),
            fetch::Keyword::PathBeg => without(Fetch::PathBegins),
            fetch::Keyword::Nbsrv => Ok(Fetch::Number(Number::UsableServers(proxy(argument)))),
            fetch::Keyword::BeConn => Ok(Fetch::Number(Number::BackendConnections(proxy(argument)))),
            fetch::Keyword::FeConn => Ok(Fetch::Number(Number::FrontendConnections(proxy(argument)))),
            fetch::Keyword::SrvConn => Ok(Fetch::Number(Number::ServerConnections(server()))),
            fetch::Keyword::SrvIsUp => Ok(Fetch::Boolean(Number::ServerIsUp(server()))),
        }
    }

    /// The flags behind the fetch; they end at `--` or at the first word without a dash.
    fn flags<'w, 't>(
        &self,
        words: &'w [Word<'t>],
        reports: &mut Reports,
    ) -> Result<(Flags, &'w [Word<'t>]), Diagnostic> {
        let mut flags =
            Flags { method: Method::Default, is_case_insensitive: false, is_deliberate: false, is_refused: false };
        let mut at = 0;
        while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
            at += 1;
            match &*word.text {
                "--" => {
                    flags.is_deliberate = true;
                    break;
                }
                "-i" => flags.is_case_insensitive = true,
                // Names are never resolved in ACLs here, so there is nothing to forbid.
                "-n" => {}
                "-m" => {
                    let name = words.get(at).map_or("", |word| &word.text);
                    let span = word.span.to(words.get(at).map_or(word.span, |word| word.span));
                    at += 1;
                    match name {
                        "found" => flags.method = Method::Found,
                        "bool" => flags.method = Method::Boolean,
                        "int" => flags.method = Method::Integer,
                        "ip" => flags.method = Method::Ip,
                        "beg" => flags.method = Method::Begins,
                        "bin" | "len" | "str" | "sub" | "reg" | "dir" | "dom" | "end" => {
                            flags.is_refused = true;
                            reports.refuse(span, format!("acl -m {name}"));
                        }
                        _ => {
                            let message = format!("unknown matching method '{name}' when parsing ACL expression.");
                            return Err(self.fail(span, message));
                        }
                    }
                }
                "-f" | "-u" | "-M" => {
                    flags.is_refused = true;
                    reports.refuse(word.span, format!("acl {}", &word.text));
                    at += usize::from(&*word.text != "-M");
                }
                other => {
                    let message = format!(
                        "'{other}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'."
                    );
                    return Err(self.fail(word.span, message));
                }
            }
        }
        Ok((flags, words.get(at..).unwrap_or_default()))
    }

    fn patterns(
        &self,
        fetch: Fetch,
        flags: Flags,
        patterns: &[Word<'_>],
        expression: &Word<'_>,
        reports: &mut Reports,
    ) -> Result<Test, Diagnostic> {
        let mut refuse_method = |name: &str| {
            reports.refuse(expression.span, format!("acl {} with -m {name}", &expression.text));
            Ok(Test::Unserved)
        };
        let test = match (fetch, flags.method) {
            (Fetch::Address(_) | Fetch::Number(_) | Fetch::Boolean(_), Method::Found) => {
                return Ok(Test::Constant(true));
            }
            (Fetch::Address(end), Method::Default | Method::Ip) => {
                let networks = patterns.iter().map(|word| self.network(word)).collect::<Result<_, _>>()?;
                Test::Address { end, networks }
            }
            (Fetch::Number(number), Method::Default | Method::Integer) => {
                Test::Number { number, ranges: self.ranges(patterns)? }
            }
            (Fetch::Boolean(number), Method::Default) if patterns.is_empty() => {
                return Ok(Test::Number { number, ranges: vec![Range { first: 1, last: 1 }] });
            }
            (Fetch::Boolean(number), Method::Default | Method::Integer) => {
                Test::Number { number, ranges: self.ranges(patterns)? }
            }
            (Fetch::Number(number) | Fetch::Boolean(number), Method::Boolean) => {
                let ranges = vec![Range { first: i64::MIN, last: -1 }, Range { first: 1, last: i64::MAX }];
                return Ok(Test::Number { number, ranges });
            }
            (Fetch::PathBegins, Method::Default | Method::Begins) => {
                reports.refuse(expression.span, "acl fetch path_beg");
                let prefixes = patterns.iter().map(|word| word.text.to_string()).collect();
                Test::PathBegins { prefixes, is_case_insensitive: flags.is_case_insensitive }
            }
            (Fetch::Address(_), Method::Boolean) => return refuse_method("bool"),
            (Fetch::Address(_), Method::Integer) => return refuse_method("int"),
            (Fetch::Address(_) | Fetch::Number(_) | Fetch::Boolean(_), Method::Begins) => return refuse_method("beg"),
            (Fetch::Number(_) | Fetch::Boolean(_), Method::Ip) => return refuse_method("ip"),
            (Fetch::PathBegins, Method::Found) => return refuse_method("found"),
            (Fetch::PathBegins, Method::Boolean) => return refuse_method("bool"),
            (Fetch::PathBegins, Method::Integer) => return refuse_method("int"),
            (Fetch::PathBegins, Method::Ip) => return refuse_method("ip"),
        };
        if patterns.is_empty() {
            if !flags.is_deliberate {
                reports.push(never_matches(expression));
            }
            return Ok(Test::Constant(false));
        }
        Ok(test)
    }

    fn network(&self, word: &Word<'_>) -> Result<crate::tree::IpNet, Diagnostic> {
        net::parse(word).ok_or_else(|| {
            let message = format!("'{}' is not a valid IPv4 or IPv6 address.", &word.text);
            let is_name = word.starts_with(|character: char| character.is_ascii_alphabetic()) && !word.contains(':');
            self.fail(word.span, message).hint_if(is_name.then_some("names are not resolved in ACLs"))
        })
    }

    /// Numbers and ranges, each under the last operator before it.
    fn ranges(&self, patterns: &[Word<'_>]) -> Result<Vec<Range>, Diagnostic> {
        let mut operator = None;
        let mut ranges = Vec::new();
        for word in patterns {
            match Operator::named(word) {
                Some(named) => operator = Some(named),
                None => ranges.push(self.range(word, operator)?),
            }
        }
        Ok(ranges)
    }

    fn range(&self, word: &Word<'_>, operator: Option<Operator>) -> Result<Range, Diagnostic> {
        let text: &str = word;
        let operator_or_equal = operator.unwrap_or(Operator::Equal);
        let Some((first, last)) = text.split_once(':') else {
            let Some(number) = integer(text) else {
                let message = match operator {
                    Some(_) => format!("'{text}' is neither a number nor a supported operator."),
                    None => format!("'{text}' is not a number."),
                };
                return Err(self.fail(word.span, message));
            };
            return Ok(operator_or_equal.range(number));
        };
        if operator_or_equal != Operator::Equal {
            let message = format!("'{text}' is a range, which takes no operator.");
            return Err(self.fail(word.span, message));
        }
        let bound = |text: &str, open| if text.is_empty() { Some(open) } else { integer(text) };
        match (bound(first, i64::MIN), bound(last, i64::MAX)) {
            (Some(first), Some(last)) if first <= last && text != ":" => Ok(Range { first, last }),
            _ => Err(self.fail(word.span, format!("'{text}' is not a valid number range."))),
        }
    }

    fn fail(&self, span: Span, message: impl AsRef<str>) -> Diagnostic {
        let message = format!("error detected while parsing {} : {}", self.owner, message.as_ref());
        Diagnostic::alert(Lead::Spaced, span, message)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    GreaterEqual,
    Greater,
    LessEqual,
    Less,
}

impl Operator {
    fn named(word: &str) -> Option<Operator> {
        Some(match word {
            "eq" => Operator::Equal,
            "ge" => Operator::GreaterEqual,
            "gt" => Operator::Greater,
            "le" => Operator::LessEqual,
            "lt" => Operator::Less,
            _ => return None,
        })
    }

    fn range(self, number: i64) -> Range {
        match self {
            Operator::Equal => Range { first: number, last: number },
            Operator::GreaterEqual => Range { first: number, ..Range::ALL },
            Operator::Greater => Range { first: number.saturating_add(1), ..Range::ALL },
            Operator::LessEqual => Range { last: number, ..Range::ALL },
            Operator::Less => Range { last: number.saturating_sub(1), ..Range::ALL },
        }
    }
}

/// A decimal integer with an optional minus sign. One too long for 64 bits is as good as the largest.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude: i64 = natural(digits).unwrap_or(i64::MAX);
    Some(if digits.len() < text.len() { -magnitude } else { magnitude })
}

fn never_matches(expression: &Word<'_>) -> Diagnostic {
    let message = format!(
        "parsing acl keyword '{}' :\n\
         no pattern to match against were provided, so this ACL will never match.\n\
         If this is what you intended, please add '--' to get rid of this warning.\n\
         If you intended to match only for existence, please use '-m found'.\n\
         If you wanted to force an int to match as a bool, please use '-m bool'.",
        &expression.text
    );
    Diagnostic::warning(Lead::Bare, expression.span, message)
}

pub(crate) fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.:".contains(character)
}
