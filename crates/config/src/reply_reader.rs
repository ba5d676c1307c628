//! Reads what `http-request return` and `deny` tell a client (configuration.txt §4.4 "return").

use crate::diagnostic::Diagnostic;
use crate::format;
use crate::http_rule::{Reply, ReplyContent};
use crate::http_rule_reader::{Outcome, Rule};
use crate::source::Spanned;
use crate::value::natural;

/// The statuses that have a page.
pub(crate) const PAGES: [u16; 21] =
    [200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502, 503, 504];

/// `deny [deny_status CODE]`, or all that `return` takes.
pub(crate) fn denial(rule: &mut Rule<'_, '_>, default: u16) -> Outcome<Reply> {
    let page = |status| Reply { status, content: ReplyContent::Page, content_type: None, fields: Vec::new() };
    if rule.ends_at(2) {
        return Ok(Some((page(default), 2)));
    }
    if rule.line.word(2) == "deny_status" && rule.ends_at(4) {
        let status = status(rule, 3)?;
        must_have_page(rule, 3, status)?;
        return Ok(Some((page(status), 4)));
    }
    reply(rule, 2, default)
}

/// `[status CODE] [content-type TYPE] [string TEXT | lf-string FORMAT | file PATH | …] [hdr NAME FORMAT]…` from word `at` on.
pub(crate) fn reply(rule: &mut Rule<'_, '_>, mut at: usize, default: u16) -> Outcome<Reply> {
    let line = rule.line;
    let mut reply = Reply { status: default, content: ReplyContent::Nothing, content_type: None, fields: Vec::new() };
    let (mut type_at, mut status_at) = (at, at);
    let mut is_refused = false;
    while !rule.ends_at(at) {
        let word = line.word(at);
        let value = line.word(at + 1);
        let has_content = reply.content != ReplyContent::Nothing;
        match word {
            "status" | "deny_status" => {
                reply.status = status(rule, at + 1)?;
                status_at = at + 1;
            }
            "content-type" if value.is_empty() => {
                return Err(rule.alert(at, "'content-type' expects <ctype> as argument"));
            }
            "content-type" => {
                reply.content_type = Some(value.to_string());
                type_at = at;
            }
            "default-errorfiles" => {
                reply.content = ReplyContent::Page;
                at += 1;
                continue;
            }
            "string" | "lf-string" | "file" | "lf-file" | "errorfile" | "errorfiles" if has_content => {
                return Err(
                    rule.alert(at, "at most one of 'string', 'lf-string', 'file', 'lf-file' and 'errorfile' is taken")
                );
            }
            "string" | "lf-string" | "file" | "lf-file" | "errorfile" | "errorfiles" if value.is_empty() => {
                return Err(rule.alert(at, format!("'{word}' expects an argument")));
            }
            "string" => reply.content = ReplyContent::Text(value.to_string()),
            "lf-string" => match format::read(rule, at + 1)? {
                Some(format) => reply.content = ReplyContent::Format(format),
                None => is_refused = true,
            },
            "file" => reply.content = ReplyContent::File(Spanned::new(value.to_string(), line.span(at + 1))),
            "lf-file" => reply.content = ReplyContent::FormatFile(Spanned::new(value.to_string(), line.span(at + 1))),
            "errorfile" => reply.content = ReplyContent::ErrorFile(Spanned::new(value.to_string(), line.span(at + 1))),
            "errorfiles" => reply.content = ReplyContent::Section(Spanned::new(value.to_string(), line.span(at + 1))),
            "hdr" => {
                if value.is_empty() || line.word(at + 2).is_empty() {
                    return Err(rule.alert(at, "'hdr' expects <name> and <value> as arguments"));
                }
                match format::read(rule, at + 2)? {
                    Some(format) => reply.fields.push((value.to_string(), format)),
                    None => is_refused = true,
                }
                at += 1;
            }
            // The condition's reader words the complaint.
            _ => break,
        }
        at += 2;
    }
    let has_payload = matches!(&reply.content, ReplyContent::Text(text) if !text.is_empty())
        || matches!(reply.content, ReplyContent::Format(_) | ReplyContent::File(_) | ReplyContent::FormatFile(_));
    if has_payload && reply.content_type.is_none() {
        return Err(rule.alert(at, "a content type must be defined when non-empty payload is configured"));
    }
    if !has_payload && let Some(content_type) = reply.content_type.take() {
        let message = format!(
            "content-type '{content_type}' ignored by the http reply because neither errorfile nor payload defined."
        );
        rule.warn(type_at, message);
    }
    if matches!(reply.content, ReplyContent::Page | ReplyContent::Section(_)) {
        must_have_page(rule, status_at, reply.status)?;
    }
    Ok((!is_refused).then_some((reply, at)))
}

fn status(rule: &Rule<'_, '_>, at: usize) -> Result<u16, Diagnostic> {
    let word = rule.line.word(at);
    if rule.ends_at(at) {
        return Err(rule.alert(at, "'status' expects <status_code> as argument"));
    }
    let status = natural::<u16>(word).filter(|status| (200..=599).contains(status));
    status.ok_or_else(|| rule.alert(at, format!("Unexpected status code '{word}'")))
}

fn must_have_page(rule: &Rule<'_, '_>, at: usize, status: u16) -> Result<(), Diagnostic> {
    match PAGES.contains(&status) {
        true => Ok(()),
        false => {
            let message = format!("status code '{status}' not handled by default with 'default-errorfiles' argument.");
            Err(rule.alert(at, message))
        }
    }
}
