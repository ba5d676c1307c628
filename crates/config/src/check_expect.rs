//! Reads `tcp-check expect` and `http-check expect` (configuration.txt §4.2): what both have in common, which is all but the patterns.

use crate::check_formula;
use crate::diagnostic::Diagnostic;
use crate::line::Line;
use crate::reports::Reports;
use crate::tree::CheckExpect;
use crate::value::natural;

/// The patterns of one of the two.
pub(crate) trait Patterns {
    type Pattern;

    /// Reads the pattern whose kind, without `!`, is `name` and stands at `at`. What follows it is not empty.
    fn read(
        &mut self,
        line: Line<'_>,
        at: usize,
        name: &str,
        reports: &mut Reports,
    ) -> Result<Read<Self::Pattern>, Diagnostic>;

    /// HAProxy's complaint about a word that is none of them, and no option either.
    fn unknown(&self, got: &str) -> String;
}

/// A word where a pattern may stand.
pub(crate) enum Read<P> {
    /// With so many words, its name included.
    Pattern(P, usize),
    /// HAProxy knows it, and Tidegate does not serve it.
    Unserved(P),
    /// The same, and that was told.
    Refused(P),
    Unknown,
}

/// `expect [comment TEXT] [min-recv N] [error-status S] … [!] PATTERN-KIND PATTERN`; `None` where it has a part that is not served,
/// which has been told.
pub(crate) fn expect<P: Patterns>(
    line: Line<'_>,
    patterns: &mut P,
    reports: &mut Reports,
) -> Result<Option<CheckExpect<P::Pattern>>, Diagnostic> {
    let owner = format!("{} expect", line.keyword());
    let fail = |at, message: String| line.alert(at, format!("'{owner}' : {message}"));
    if line.count() < 3 {
        return Err(fail(2, "expects at least a matching pattern as arguments.".into()));
    }
    let (mut pattern, mut is_inverse, mut is_served) = (None, false, true);
    let mut received_least = None;
    let (mut ok_status, mut error_status, mut timeout_status) = (None, None, None);
    let (mut on_success, mut on_error, mut code, mut said_of_it) = (None, None, None, None);
    let mut at = 2;
    while at < line.count() {
        let (name, span) = (line.word(at), line.span(at));
        let bare = name.strip_prefix('!').unwrap_or(name);
        let value = line.word(at + 1);
        if name == "!" {
            is_inverse = true;
            at += 1;
            continue;
        }
        match bare {
            "comment" => said_of_it = Some(comment(line, at, &owner, "")?),
            "min-recv" => {
                let message = || fail(at + 1, "'min-recv' expects a integer as argument.".into());
                // HAProxy's -1 is what holds without the word.
                received_least = match value {
                    "-1" => None,
                    _ => Some(natural(value).ok_or_else(message)?),
                };
            }
            "error-status" => error_status = Some(status(line, at, &["L4CON", "L6RSP", "L7RSP", "L7STS"])?),
            "tout-status" => timeout_status = Some(status(line, at, &["L4TOUT", "L6TOUT", "L7TOUT"])?),
            "ok-status" => ok_status = Some(status(line, at, &["L4OK", "L6OK", "L7OK", "L7OKC"])?),
            "on-success" | "on-error" | "status-code" if value.is_empty() => {
                let what = if bare == "status-code" { "an expression" } else { "a string" };
                return Err(fail(at + 1, format!("'{bare}' expects {what} as argument.")));
            }
            "on-success" | "on-error" => {
                let format = check_formula::format(line, at + 1, &owner, reports)?;
                is_served &= format.is_some();
                *(if bare == "on-success" { &mut on_success } else { &mut on_error }) = format;
            }
            "status-code" => {
                let lead = "error detected while parsing status-code expression : ";
                code = check_formula::expression(line, at + 1, &owner, lead, reports)?;
                is_served &= code.is_some();
            }
            kind => {
                // What has words of its own sees to it that they are there.
                let is_bare = value.is_empty() && !matches!(kind, "hdr" | "fhdr");
                let read = if is_bare { Read::Unknown } else { patterns.read(line, at, kind, reports)? };
                let (read, words) = match read {
                    Read::Pattern(read, words) => (read, words),
                    Read::Unserved(read) => {
                        reports.refuse(span, format!("{owner} {kind}"));
                        is_served = false;
                        (read, 2)
                    }
                    Read::Refused(read) => {
                        is_served = false;
                        (read, 2)
                    }
                    Read::Unknown if is_pattern(kind) && value.is_empty() => {
                        return Err(fail(at + 1, format!("'{kind}' expects a <pattern> as argument.")));
                    }
                    Read::Unknown => {
                        let diagnostic = fail(at, patterns.unknown(kind));
                        return Err(diagnostic.hint_if(pattern.is_some().then(|| quoted(line, at - 1))));
                    }
                };
                if pattern.replace(read).is_some() {
                    return Err(fail(at, "only on pattern expected.".into()));
                }
                is_inverse ^= name.starts_with('!');
                at += words - 2;
            }
        }
        at += 2;
    }
    let Some(pattern) = pattern else { return Err(fail(line.count(), "pattern not found.".into())) };
    Ok(is_served.then_some(CheckExpect {
        pattern,
        is_inverse,
        received_least,
        ok_status,
        error_status,
        timeout_status,
        on_success,
        on_error,
        code,
        comment: said_of_it,
    }))
}

/// Whether a word announces a pattern in either kind of script.
fn is_pattern(word: &str) -> bool {
    let kinds = ["string", "rstring", "binary", "rbinary", "string-lf", "binary-lf", "status", "rstatus"];
    kinds.contains(&word)
}

/// `comment TEXT` at the end of a line; `end` is how HAProxy ends the complaint.
pub(crate) fn comment(line: Line<'_>, at: usize, owner: &str, end: &str) -> Result<String, Diagnostic> {
    match line.word(at + 1) {
        "" => Err(line.alert(at + 1, format!("'{owner}' : 'comment' expects a string as argument.{end}"))),
        text => Ok(text.to_string()),
    }
}

fn status(line: Line<'_>, at: usize, known: &[&str]) -> Result<String, Diagnostic> {
    let (name, word) = (line.word(at), line.word(at + 1));
    if known.contains(&word) {
        return Ok(word.to_string());
    }
    let (last, first) = known.split_last().expect("at least one status");
    let list = format!("'{}' or '{last}'", first.join("', '"));
    Err(line
        .alert(at + 1, format!("'{} expect' : '{name}' only supports {list} status (got '{word}')..", line.keyword())))
}

/// How it should have been written, for those who left out the quotes.
pub(crate) fn quoted(line: Line<'_>, from: usize) -> String {
    let whole: Vec<&str> = (from..line.count()).map(|index| line.word(index)).collect();
    format!("a text with blanks needs quotes: \"{}\"", whole.join(" "))
}
