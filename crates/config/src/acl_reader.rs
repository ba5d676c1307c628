//! Reads `acl` lines and conditions.

use crate::acl::{Acl, Condition, Expression, Matching, Operand, Predefined, Term, Test};
use crate::diagnostic::{Diagnostic, Lead};
use crate::keywords::fetch_names;
use crate::lexer::Word;
use crate::line::Line;
use crate::pattern::{Compare, Method, PatternReader};
use crate::reports::Reports;
use crate::sample_reader::{self, Read, Type};
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
    let prefix = format!("error detected while parsing ACL '{name}' : ");
    let reader = Reader { prefix: &prefix, end: "." };
    let test = test(line.rest(2), line.span(line.count()), &reader, reports)?;
    Ok(Acl { name: Spanned::new(name.to_string(), line.span(1)), test })
}

/// `if …` or `unless …` from word `at` on. `acls` are the names that the proxy has declared so far; `reader` words complaints.
pub(crate) fn condition(
    line: Line<'_>,
    at: usize,
    acls: &HashSet<String>,
    reader: &Reader<'_>,
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
                return Err(reader.fail(word.span, "missing closing '}' in condition"));
            };
            let inside = &words[index..index + length];
            let closing = words[index + length].span;
            index += length + 1;
            (Operand::Anonymous(test(inside, closing, reader, reports)?), closing)
        } else {
            (named(bare, word.span, acls, reader, reports)?, word.span)
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

fn named(
    name: &str,
    span: Span,
    acls: &HashSet<String>,
    reader: &Reader<'_>,
    reports: &mut Reports,
) -> Result<Operand, Diagnostic> {
    if acls.contains(name) {
        return Ok(Operand::Named(name.to_string()));
    }
    match name {
        "TRUE" => Ok(Operand::Predefined(Predefined::True)),
        "FALSE" => Ok(Operand::Predefined(Predefined::False)),
        "LOCALHOST" => Ok(Operand::Predefined(Predefined::Localhost)),
        "REQ_CONTENT" => Ok(Operand::Predefined(Predefined::RequestContent)),
        "WAIT_END" => Ok(Operand::Predefined(Predefined::WaitEnd)),
        "HTTP" => Ok(Operand::Predefined(Predefined::Http)),
        "HTTP_1.0" => Ok(Operand::Predefined(Predefined::Version("1.0"))),
        "HTTP_1.1" => Ok(Operand::Predefined(Predefined::Version("1.1"))),
        "METH_CONNECT" => Ok(Operand::Predefined(Predefined::Method(&["CONNECT"]))),
        "METH_DELETE" => Ok(Operand::Predefined(Predefined::Method(&["DELETE"]))),
        "METH_GET" => Ok(Operand::Predefined(Predefined::Method(&["GET", "HEAD"]))),
        "METH_HEAD" => Ok(Operand::Predefined(Predefined::Method(&["HEAD"]))),
        "METH_OPTIONS" => Ok(Operand::Predefined(Predefined::Method(&["OPTIONS"]))),
        "METH_POST" => Ok(Operand::Predefined(Predefined::Method(&["POST"]))),
        "METH_PUT" => Ok(Operand::Predefined(Predefined::Method(&["PUT"]))),
        "METH_TRACE" => Ok(Operand::Predefined(Predefined::Method(&["TRACE"]))),
        _ if fetch_names::PREDEFINED_UNSERVED.contains(&name) => {
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
            Err(reader.fail(span, format!("no such ACL : '{name}'")).hint(hint))
        }
    }
}

/// One test: the words of an `acl` line behind its name, or what stands between `{` and `}`.
fn test(words: &[Word<'_>], end: Span, reader: &Reader<'_>, reports: &mut Reports) -> Result<Test, Diagnostic> {
    let Some(word) = words.first() else {
        return Err(reader.fail(end, "missing fetch method in ACL expression ''"));
    };
    let read = sample_reader::expression(word, &mut reports.guesser);
    let read = read.map_err(|(message, hint)| {
        reader.fail(word.span, format!("{message} in ACL expression '{}'", &word.text)).hint_if(hint)
    })?;
    match read {
        Read::Sample(expression, kind, method) => {
            let (mut flags, words) = reader.flags(&words[1..])?;
            flags.method = flags.method.or(method);
            reader.sample(expression, kind, flags, words, word, reports)
        }
        Read::Unserved => {
            reports.refuse(word.span, format!("acl fetch {}", &word.text));
            Ok(Test::Unserved)
        }
    }
}

#[derive(Default)]
struct Flags {
    method: Option<Method>,
    is_case_insensitive: bool,
    /// `--` says that no pattern is meant.
    is_deliberate: bool,
    files: Vec<Spanned<String>>,
    id: Option<u32>,
    is_map: bool,
}

/// Reads a test, and words complaints for the line it stands in.
pub(crate) struct Reader<'a> {
    /// What comes before the sentence.
    pub(crate) prefix: &'a str,
    /// What comes after it.
    pub(crate) end: &'static str,
}

/// The conditions of `use_backend` and `use-server`.
pub(crate) const SWITCHING: Reader<'static> =
    Reader { prefix: "error detected while parsing switching rule : ", end: "." };

impl Reader<'_> {
    /// The flags behind the fetch; they end at `--` or at the first word without a dash.
    fn flags<'w, 't>(&self, words: &'w [Word<'t>]) -> Result<(Flags, &'w [Word<'t>]), Diagnostic> {
        let mut flags = Flags::default();
        let mut at = 0;
        while let Some(word) = words.get(at).filter(|word| word.starts_with('-')) {
            at += 1;
            let value = words.get(at).map_or("", |word| &word.text);
            let span = word.span.to(words.get(at).map_or(word.span, |word| word.span));
            match &*word.text {
                "--" => {
                    flags.is_deliberate = true;
                    break;
                }
                "-i" => flags.is_case_insensitive = true,
                // Names are never resolved in ACLs here, so there is nothing to forbid.
                "-n" => {}
                "-m" => {
                    at += 1;
                    let unknown =
                        || self.fail(span, format!("unknown matching method '{value}' when parsing ACL expression"));
                    flags.method = Some(Method::named(value).ok_or_else(unknown)?);
                }
                "-f" => {
                    at += 1;
                    flags.files.push(Spanned::new(value.to_string(), span));
                }
                "-M" => flags.is_map = true,
                "-u" => {
                    at += 1;
                    let id = natural(value).ok_or_else(|| self.fail(span, "the argument of -u must be an integer"));
                    flags.id = Some(id?);
                }
                other => {
                    let message = format!(
                        "'{other}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'"
                    );
                    return Err(self.fail(word.span, message));
                }
            }
        }
        Ok((flags, words.get(at..).unwrap_or_default()))
    }

    fn sample(
        &self,
        expression: Expression,
        kind: Type,
        flags: Flags,
        words: &[Word<'_>],
        named: &Word<'_>,
        reports: &mut Reports,
    ) -> Result<Test, Diagnostic> {
        let has_patterns = !words.is_empty() || !flags.files.is_empty();
        let method = match (flags.method.or_else(|| kind.method()), kind) {
            // A truth with patterns is a number that is compared with them.
            (Some(Method::Boolean), Type::Boolean) if has_patterns && flags.method.is_none() => Method::Integer,
            (Some(method), _) => method,
            (None, _) => {
                let name = named.split(['(', ',']).next().unwrap_or_default();
                let message = format!(
                    "matching method must be specified first (using '-m') when using a sample fetch of this type ('{name}')"
                );
                return Err(self.fail(named.span, message));
            }
        };
        if method == Method::Text(Compare::Binary) && !matches!(kind, Type::Text | Type::Binary) {
            // HAProxy compares the bytes of memory then.
            reports.refuse(named.span, format!("acl {} with -m bin", &named.text));
            return Ok(Test::Unserved);
        }
        let mut reader = PatternReader::new(method, flags.is_case_insensitive);
        for word in words {
            reader.word(word).map_err(|message| {
                let is_name =
                    word.starts_with(|character: char| character.is_ascii_alphabetic()) && !word.contains(':');
                let hint = (method == Method::Ip && is_name).then_some("names are not resolved in ACLs");
                self.fail(word.span, message).hint_if(hint)
            })?;
        }
        if method.takes_patterns() && !has_patterns && !flags.is_deliberate {
            reports.push(never_matches(named));
        }
        let Flags { is_case_insensitive, files, id, is_map, .. } = flags;
        let PatternReader { patterns, written, .. } = reader;
        let matching = Box::new(Matching { method, is_case_insensitive, patterns, files, written, id, is_map });
        Ok(Test::Sample { expression, matching })
    }

    fn fail(&self, span: Span, message: impl AsRef<str>) -> Diagnostic {
        let message = format!("{}{}{}", self.prefix, message.as_ref(), self.end);
        Diagnostic::alert(Lead::Spaced, span, message)
    }
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
