//! `errorfile`, `errorloc` and its kin, `monitor-uri`, `monitor fail` (configuration.txt §4.2).

use crate::acl_reader::{self, Reader};
use crate::diagnostic::Diagnostic;
use crate::http_rule::Reply;
use crate::http_rule_reader::Rule;
use crate::line::Line;
use crate::reply_reader::{self, PAGES};
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::{HttpSettings, Proxy};
use crate::value::natural;
use std::collections::HashSet;

/// What is sent in place of the page of a status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorPage {
    pub status: u16,
    pub source: ErrorSource,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ErrorSource {
    /// A whole response in a file.
    File(Spanned<String>),
    /// A redirection with this code.
    Location(u16, String),
    /// What an `http-errors` section has for the status, if anything.
    Section(Spanned<String>),
    /// `http-error`
    Reply(Box<Reply>),
}

/// `http-errors NAME`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpErrors {
    pub name: Spanned<String>,
    /// In file order: a later one of the same status replaces an earlier one.
    pub pages: Vec<ErrorPage>,
}

/// A line of an `http-errors` section.
pub(crate) fn of_section(line: Line<'_>, errors: &mut HttpErrors) -> Result<(), Diagnostic> {
    if line.keyword() != "errorfile" {
        return Err(line.alert(0, format!("unknown keyword '{}' in 'http-errors' section", line.keyword())));
    }
    errors.pages.push(error_page(line, None)?);
    Ok(())
}

/// `errorfiles NAME [STATUS …]`; without any, all that the section has.
pub(crate) fn section(line: Line<'_>, settings: &mut HttpSettings) -> Result<(), Diagnostic> {
    let name = line.word(1);
    if name.is_empty() {
        return Err(line.alert(1, "errorfiles : expects <name> as argument."));
    }
    let mut statuses = Vec::new();
    for at in 2..line.count() {
        let status = natural::<u16>(line.word(at)).filter(|status| PAGES.contains(status));
        let message = || format!("errorfiles : status code '{}' not handled.", line.word(at));
        statuses.push(status.ok_or_else(|| line.alert(at, message()))?);
    }
    let statuses = if statuses.is_empty() { PAGES.to_vec() } else { statuses };
    let source = ErrorSource::Section(Spanned::new(name.to_string(), line.span(1)));
    settings.pages.extend(statuses.into_iter().map(|status| ErrorPage { status, source: source.clone() }));
    Ok(())
}

/// `http-error status CODE …`, with what `return` takes. A later line about the same status replaces an earlier one.
pub(crate) fn reply(line: Line<'_>, settings: &mut HttpSettings, reports: &mut Reports) -> Result<(), Diagnostic> {
    let mut rule = Rule::of_error(line, reports);
    if line.word(1) != "status" {
        return Err(rule.alert(1, "expects at least a <status> as arguments"));
    }
    let Some((reply, next)) = reply_reader::reply(&mut rule, 1, 0)? else { return Ok(()) };
    if !line.word(next).is_empty() {
        return Err(rule.alert(next, format!("unknown keyword '{}'", line.word(next))));
    }
    if !PAGES.contains(&reply.status) {
        return Err(rule.alert(2, format!("status code '{}' not handled", reply.status)));
    }
    settings.pages.retain(|known| known.status != reply.status);
    settings.pages.push(ErrorPage { status: reply.status, source: ErrorSource::Reply(Box::new(reply)) });
    Ok(())
}

/// `errorfile STATUS FILE`, and with a `code` `errorloc… STATUS URL`. A later line about the same status replaces an earlier one.
pub(crate) fn page(line: Line<'_>, code: Option<u16>, settings: &mut HttpSettings) -> Result<(), Diagnostic> {
    let page = error_page(line, code)?;
    settings.pages.retain(|known| known.status != page.status);
    settings.pages.push(page);
    Ok(())
}

fn error_page(line: Line<'_>, code: Option<u16>) -> Result<ErrorPage, Diagnostic> {
    let keyword = line.keyword();
    let (word, target) = (line.word(1), line.word(2));
    if target.is_empty() {
        let noun = if code.is_some() { "url" } else { "file" };
        return Err(line.alert(1, format!("{keyword} : expects <status_code> and <{noun}> as arguments.")));
    }
    let status = natural::<u16>(word).filter(|status| PAGES.contains(status));
    let status = status.ok_or_else(|| line.alert(1, format!("{keyword} : status code '{word}' not handled.")))?;
    line.ends_at(3, keyword)?;
    let source = match code {
        None => ErrorSource::File(Spanned::new(target.to_string(), line.span(2))),
        Some(code) => ErrorSource::Location(code, target.to_string()),
    };
    Ok(ErrorPage { status, source })
}

/// `monitor-uri URI`
pub(crate) fn monitor_uri(line: Line<'_>) -> Result<String, Diagnostic> {
    match line.word(1) {
        "" => Err(line.alert(1, "'monitor-uri' expects an URI.")),
        uri => {
            line.ends_at(2, "monitor-uri")?;
            Ok(uri.to_string())
        }
    }
}

/// `monitor fail if|unless CONDITION`
pub(crate) fn monitor(
    line: Line<'_>,
    proxy: &mut Proxy,
    acls: &HashSet<String>,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    if line.word(1) != "fail" {
        return Err(line.alert(1, "'monitor' only supports 'fail'."));
    }
    if !matches!(line.word(2), "if" | "unless") {
        return Err(line.alert(2, "'monitor fail' requires either 'if' or 'unless' followed by a condition."));
    }
    let reader = Reader { prefix: "error detected while parsing a 'monitor fail' condition : ", end: "." };
    proxy.monitor_fail.push(acl_reader::condition(line, 2, acls, &reader, reports)?);
    Ok(())
}
