//! Reads `option httpchk` and `http-check` lines (configuration.txt §4.2).

use crate::check_expect::{self, Patterns, Read, comment};
use crate::check_formula;
use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::format::literal;
use crate::http_rule::{Format, FormatPart};
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tcp_check;
use crate::tree::{HttpCheck, HttpFieldPattern, HttpPattern, HttpScript, HttpSend, HttpVersion, Likeness, Settings};
use crate::value::natural;

/// The script that a section's own line belongs to: an inherited one is forgotten.
pub(crate) fn own(script: &mut HttpScript) -> &mut HttpScript {
    if script.is_inherited {
        *script = HttpScript::default();
    }
    script
}

/// `option httpchk [METHOD] [URI] [VERSION [HOST]]`: one word is the URI; of two or more the first is the method.
pub(crate) fn option(line: Line<'_>, reports: &mut Reports) -> Result<HttpSend, Diagnostic> {
    line.ends_at(6, "option httpchk")?;
    (2..line.count().min(4)).try_for_each(|at| plain(line, at))?;
    let word = |index| Some(line.word(index)).filter(|word| !word.is_empty()).map(str::to_string);
    if line.count() <= 3 {
        return Ok(HttpSend { uri: word(2).as_deref().map(literal), ..HttpSend::default() });
    }
    let mut read = HttpSend { method: word(2), uri: word(3).as_deref().map(literal), ..HttpSend::default() };
    if let Some(text) = word(4) {
        hidden(line, &text, &mut read, reports)?;
    }
    read.fields.extend(word(5).map(|host| ("host".to_string(), literal(&host))));
    Ok(read)
}

/// A version, behind which fields and a body may hide in the way of old: `HTTP/1.1\r\nHost:\ www`.
fn hidden(line: Line<'_>, text: &str, read: &mut HttpSend, reports: &mut Reports) -> Result<(), Diagnostic> {
    let (head, body) = text.split_once("\r\n\r\n").map_or((text, None), |(head, body)| (head, Some(body)));
    let mut lines = head.split("\r\n");
    read.version = version(line, 4, lines.next().unwrap_or_default(), reports)?;
    for field in lines.filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once(':').ok_or_else(|| {
            line.alert(4, format!("'option httpchk' : unable to parse headers in version string: '{field}'."))
        })?;
        read.fields.push((name.trim().to_string(), literal(value.trim())));
    }
    read.body = body.filter(|body| !body.is_empty()).map(literal);
    if head.len() < text.len() || !read.fields.is_empty() {
        let message = "'option httpchk' : hiding headers or body at the end of the version string is deprecated. Please, \
                       consider to use 'http-check send' directive instead.";
        reports.push(Diagnostic::warning(Lead::Tight, line.span(4), message));
    }
    Ok(())
}

/// Responses are read as HTTP/1, whatever the file hoped for.
fn version(line: Line<'_>, at: usize, word: &str, reports: &mut Reports) -> Result<Option<HttpVersion>, Diagnostic> {
    match word {
        "HTTP/1.0" => Ok(Some(HttpVersion::Http10)),
        "HTTP/1.1" => Ok(Some(HttpVersion::Http11)),
        other if other.starts_with("HTTP/") => {
            reports.refuse(line.span(at), format!("a check with {other}"));
            Ok(None)
        }
        other => Err(line
            .alert(at, format!("'{}' : '{other}' is no version of HTTP.", owner(line)))
            .hint("versions are 'HTTP/1.0' and 'HTTP/1.1'")),
    }
}

/// A method or a URI has neither blanks nor ends of lines: it would be another request.
fn plain(line: Line<'_>, at: usize) -> Result<(), Diagnostic> {
    let word = line.word(at);
    if word.bytes().all(|byte| byte > b' ' && byte != 0x7f) {
        return Ok(());
    }
    Err(line.alert(at, format!("'{}' : blanks and control characters are not allowed in '{word}'.", owner(line))))
}

fn owner(line: Line<'_>) -> String {
    format!("{} {}", line.keyword(), line.word(1))
}

/// One `http-check` line.
pub(crate) fn line(
    line: Line<'_>,
    settings: &mut Settings,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let read = match line.word(1) {
        "disable-on-404" => {
            line.ends_at(2, "http-check")?;
            settings.disables_on_404 = true;
            return Ok(());
        }
        "send-state" => {
            line.ends_at(2, "http-check")?;
            settings.tells_state = true;
            return Ok(());
        }
        "comment" => match line.word(2) {
            "" => return Err(line.alert(2, "'http-check comment' : expects a string as argument.")),
            text => Some(HttpCheck::Comment(text.to_string())),
        },
        "connect" => tcp_check::connect(line, environment, reports)?.map(HttpCheck::Connect),
        "send" => send(line, reports)?.map(HttpCheck::Send),
        "expect" => check_expect::expect(line, &mut HttpPatterns, reports)?.map(Box::new).map(HttpCheck::Expect),
        name if check_formula::is_variable(name) => check_formula::variable(line, reports)?.map(HttpCheck::Variable),
        name => {
            let message = format!(
                "'http-check' only supports 'disable-on-404', 'send-state', 'comment', 'connect', 'send', 'expect', \
                 'set-var-fmt(*)', 'set-var(*)', 'unset-var(*)'. but got '{name}'"
            );
            let known = ["disable-on-404", "send-state", "comment", "connect", "send", "expect"];
            let guess = reports.guesser.name(name, known);
            return Err(line.alert(1, message).hint_if(guess));
        }
    };
    let script = own(&mut settings.http_script);
    if let Some(step) = read {
        in_order(line, &script.steps, &step)?;
        script.steps.push(Spanned::new(step, line.span_from(0)));
    }
    Ok(())
}

/// A connection is used for one request and what is expected of its answer; the first may go without saying.
fn in_order(line: Line<'_>, before: &[Spanned<HttpCheck>], step: &HttpCheck) -> Result<(), Diagnostic> {
    let is_passive = |step: &HttpCheck| matches!(step, HttpCheck::Comment(_) | HttpCheck::Variable(_));
    let last = before.iter().rev().find(|step| !is_passive(&step.value));
    let has_connect = before.iter().any(|step| matches!(step.value, HttpCheck::Connect(_)));
    let lacking = match (last.map(|last| &last.value), step) {
        (None, _) | (_, HttpCheck::Comment(_) | HttpCheck::Variable(_)) => return Ok(()),
        (Some(_), HttpCheck::Connect(_)) if !has_connect => {
            let message = "'http-check connect' : first step MUST also be a 'connect', optionally preceded by a 'set-var', an \
                           'unset-var' or a 'comment', when there is a 'connect' step in the tcp-check ruleset.";
            return Err(line.alert(1, message));
        }
        (
            Some(HttpCheck::Send(_) | HttpCheck::Expect(_) | HttpCheck::Comment(_) | HttpCheck::Variable(_)),
            HttpCheck::Send(_),
        ) => "connect",
        (Some(HttpCheck::Connect(_)), HttpCheck::Expect(_)) => "send",
        (Some(HttpCheck::Connect(_) | HttpCheck::Send(_)), HttpCheck::Connect(_)) => "expect",
        (Some(_), HttpCheck::Connect(_) | HttpCheck::Send(_) | HttpCheck::Expect(_)) => return Ok(()),
    };
    let (name, number) = (line.word(1), before.len() + 1);
    let message = format!(
        "'http-check {name}' : unable to add http-check {name} rule at step {number} (missing {lacking} rule).."
    );
    Err(line.alert(1, message))
}

/// `send [meth M] [uri U] [ver V] [hdr NAME VALUE]… [body TEXT] [comment TEXT]`.
fn send(line: Line<'_>, reports: &mut Reports) -> Result<Option<HttpSend>, Diagnostic> {
    let fail = |at, message: String| line.alert(at, format!("'http-check send' : {message}"));
    let (mut read, mut is_served) = (HttpSend::default(), true);
    let mut at = 2;
    while at < line.count() {
        let (name, value) = (line.word(at), line.word(at + 1));
        if matches!(name, "meth" | "uri" | "uri-lf" | "ver" | "body" | "body-lf") && value.is_empty() {
            return Err(fail(at + 1, format!("'{name}' expects a string as argument..")));
        }
        let mut taken = 2;
        match name {
            "meth" => {
                plain(line, at + 1)?;
                read.method = Some(value.to_string());
            }
            "uri" => {
                plain(line, at + 1)?;
                read.uri = Some(literal(value));
            }
            "uri-lf" | "body-lf" => {
                let format = check_formula::format(line, at + 1, "http-check send", reports)?;
                is_served &= format.is_some();
                *(if name == "uri-lf" { &mut read.uri } else { &mut read.body }) = format;
            }
            "ver" => read.version = version(line, at + 1, value, reports)?,
            "body" => read.body = Some(literal(value)),
            "comment" => read.comment = Some(comment(line, at, "http-check send", ".")?),
            "hdr" => {
                taken = 3;
                let name = field_name(line, at, &read.fields)?;
                match check_formula::format(line, at + 2, "http-check send", reports)? {
                    Some(value) => read.fields.push((name, value)),
                    None => is_served = false,
                }
            }
            other => {
                let message = format!(
                    "expects 'comment', 'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body' or 'body-lf' but got '{other}' as \
                     argument.."
                );
                return Err(fail(at, message));
            }
        }
        at += taken;
    }
    Ok(is_served.then_some(read))
}

/// The name of `hdr NAME VALUE`: what would make two requests of one is no field.
fn field_name(line: Line<'_>, at: usize, before: &[(String, Format)]) -> Result<String, Diagnostic> {
    let fail = |at, message: String| line.alert(at, format!("'http-check send' : {message}"));
    let (name, value) = (line.word(at + 1), line.word(at + 2));
    if name.is_empty() || value.is_empty() {
        return Err(fail(at, "'hdr' expects <name> and <value> as arguments.".into()));
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(is_token) {
        return Err(fail(at + 1, format!("'{name}' is no name of a header.")));
    }
    if value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err(fail(at + 2, format!("the value of '{name}' has more than one line.")));
    }
    let host = before.iter().find(|(known, _)| known.eq_ignore_ascii_case("host"));
    if let Some((_, known)) = host.filter(|_| name.eq_ignore_ascii_case("host")) {
        let known = if let [FormatPart::Text(known)] = &known.0[..] { known.as_str() } else { "a format" };
        return Err(fail(at + 1, format!("'{name}' header already defined (previous value is '{known}').")));
    }
    Ok(name.to_string())
}

/// What `http-check expect` looks at: the status, the fields, and the content.
struct HttpPatterns;

impl Patterns for HttpPatterns {
    type Pattern = HttpPattern;

    fn read(
        &mut self,
        line: Line<'_>,
        at: usize,
        name: &str,
        reports: &mut Reports,
    ) -> Result<Read<HttpPattern>, Diagnostic> {
        let value = Spanned::new(line.word(at + 1).to_string(), line.span(at + 1));
        Ok(match name {
            "status" => Read::Pattern(HttpPattern::Status(codes(line, at + 1)?), 2),
            "rstatus" => Read::Pattern(HttpPattern::StatusRegex(value), 2),
            "string" => Read::Pattern(HttpPattern::String(value), 2),
            "rstring" => Read::Pattern(HttpPattern::Regex(value), 2),
            "string-lf" => match check_formula::format(line, at + 1, "http-check expect", reports)? {
                Some(format) => Read::Pattern(HttpPattern::StringFormat(format), 2),
                None => Read::Refused(HttpPattern::String(value)),
            },
            "hdr" | "fhdr" => return field_pattern(line, at, reports),
            _ => Read::Unknown,
        })
    }

    fn unknown(&self, got: &str) -> String {
        format!(
            "'only supports min-recv, [!]string', '[!]rstring', '[!]string-lf', '[!]status', '[!]rstatus', [!]hdr, [!]fhdr or \
             comment but got '{got}' as argument.."
        )
    }
}

/// `hdr|fhdr name|name-lf [-m HOW] NAME [value|value-lf [-m HOW] VALUE]`
fn field_pattern(line: Line<'_>, at: usize, reports: &mut Reports) -> Result<Read<HttpPattern>, Diagnostic> {
    let kind = line.word(at).trim_start_matches('!');
    let fail = |at, message: &str| line.alert(at, format!("'http-check expect' : '{kind}'{message}."));
    if !matches!(line.word(at + 1), "name" | "name-lf") || line.word(at + 2).is_empty() {
        return Err(fail(at + 1, " expects at the name keyword as first argument followed by a pattern"));
    }
    let (name, mut next) = likeness(line, at, at + 1, reports)?;
    let mut value = None;
    let has_value = matches!(line.word(next), "value" | "value-lf");
    if has_value {
        if line.word(next + 1).is_empty() {
            return Err(fail(next + 1, " expect a pattern with the value keyword"));
        }
        (value, next) = likeness(line, at, next, reports)?;
    }
    let is_whole = kind == "fhdr";
    Ok(match name {
        Some(name) if value.is_some() || !has_value => {
            Read::Pattern(HttpPattern::Field(HttpFieldPattern { name, value, is_whole }), next - at)
        }
        Some(_) | None => Read::Refused(HttpPattern::Status(Vec::new())),
    })
}

/// `name|name-lf|value|value-lf [-m HOW] PATTERN` at `from`, and the word behind it. `None`: something in it is refused.
fn likeness(
    line: Line<'_>,
    at: usize,
    from: usize,
    reports: &mut Reports,
) -> Result<(Option<Likeness>, usize), Diagnostic> {
    let kind = line.word(at).trim_start_matches('!');
    let fail = |at, message: String| Err(line.alert(at, format!("'http-check expect' : '{kind}'{message}.")));
    let is_format = line.word(from).ends_with("-lf");
    let has_method = line.word(from + 1) == "-m";
    let at = if has_method { from + 3 } else { from + 1 };
    let method = if has_method { line.word(from + 2) } else { "str" };
    if method.is_empty() || line.word(at).is_empty() {
        let known = "'str', 'beg', 'end', 'sub' or 'reg'";
        return fail(at, format!(" : '-m' expects at a matching pattern ({known})"));
    }
    let made: fn(Format) -> Likeness = match method {
        "str" => Likeness::Whole,
        "beg" => Likeness::Begin,
        "end" => Likeness::End,
        "sub" => Likeness::Inside,
        "reg" if is_format => {
            return fail(from, ": log-format string is not supported with a regex matching method".into());
        }
        "reg" => {
            let expression = Spanned::new(line.word(at).to_string(), line.span(at));
            return Ok((Some(Likeness::Regex(expression)), at + 1));
        }
        other => {
            let known = "'str', 'beg', 'end', 'sub' or 'reg'";
            return fail(from + 2, format!(" : '-m' only supports {known} (got '{other}')"));
        }
    };
    let text = match is_format {
        true => check_formula::format(line, at, "http-check expect", reports)?,
        false => Some(literal(line.word(at))),
    };
    Ok((text.map(made), at + 1))
}

/// `200,300-399`
fn codes(line: Line<'_>, at: usize) -> Result<Vec<(u16, u16)>, Diagnostic> {
    let word = line.word(at);
    let fail = |message: String| line.alert(at, format!("'http-check expect' : {message}"));
    if let Some(character) = word.chars().find(|character| !matches!(character, '0'..='9' | '-' | ',')) {
        return Err(fail(format!("invalid character '{character}' in the list of status codes.")));
    }
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = natural(first).zip(natural(last)).filter(|(first, last)| first <= last);
        range.ok_or_else(|| fail(format!("invalid range of status codes '{word}'.")))
    };
    word.split(',').map(range).collect()
}
