//! What a line says of an exchange of HTTP (`configuration.txt` §8.2.3, §8.8).
//!
//! These texts come from peers: what could break a line, or the braces around it, is escaped as HAProxy escapes it.

use super::format::Clocks;
use super::line::{Facts, append, push_millis, push_number, push_text};
use session::Exchanged;
use table::{Captured, ExchangeField, Style};

/// Appends a field that only an exchange can fill. A session without one, such as a tunnel that a client never asked for, leaves
/// what HAProxy writes for nothing.
pub(super) fn push(facts: &Facts<'_>, field: ExchangeField, style: Style, clocks: &mut Clocks, out: &mut Vec<u8>) {
    let Some(exchange) = facts.progress.exchange.as_deref() else { return push_text("", style, out) };
    let begun = facts.context.now.wall_at(exchange.began_at);
    let handshake = facts.progress.times.handshake;
    match field {
        ExchangeField::ActiveTime => facts.push_growing(facts.progress.times.total.as_millis(), out),
        ExchangeField::IdleTime => push_millis(Some(exchange.idle), out),
        ExchangeField::RequestDate => clocks.local.date(begun).push_accept(out),
        ExchangeField::RequestDateLocal => clocks.local.date(begun).push_common(out),
        ExchangeField::RequestDateUtc => clocks.utc.date(begun).push_common(out),
        ExchangeField::RequestTime => push_millis(exchange.request_time, out),
        ExchangeField::RequestTimeWithIdle => {
            push_millis(exchange.request_time.map(|request| request + exchange.idle + handshake), out);
        }
        ExchangeField::ResponseTime => push_millis(exchange.response_time, out),
        ExchangeField::Status => match exchange.status {
            Some(status) => append(out, format_args!("{status}")),
            None => out.extend_from_slice(b"-1"),
        },
        // Cookies are not captured.
        ExchangeField::RequestCookie | ExchangeField::ResponseCookie => push_text("", style, out),
        ExchangeField::RequestLine => push_said(or_bad(&exchange.line), style, out),
        ExchangeField::RequestNumber => push_number(exchange.number, style, out),
        ExchangeField::RequestMethod => push_said(word(exchange, 0), style, out),
        ExchangeField::RequestTarget => push_said(word(exchange, 1), style, out),
        ExchangeField::RequestVersion => push_said(word(exchange, 2), style, out),
        ExchangeField::RequestPath => push_said(split_target(exchange).0, style, out),
        ExchangeField::RequestQuery => push_said(split_target(exchange).1, style, out),
    }
}

/// `{first|second|}`; nothing where nothing is captured.
pub(super) fn push_captures(facts: &Facts<'_>, which: fn(&Exchanged) -> &[Captured], style: Style, out: &mut Vec<u8>) {
    let captures = facts.progress.exchange.as_deref().map_or(&[][..], which);
    if captures.is_empty() {
        return;
    }
    let quote: &[u8] = if style.is_quoted { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    table::push_captures(captures, out);
    out.extend_from_slice(quote);
}

/// `first second -`
pub(super) fn push_words(facts: &Facts<'_>, which: fn(&Exchanged) -> &[Captured], style: Style, out: &mut Vec<u8>) {
    let captures = facts.progress.exchange.as_deref().map_or(&[][..], which);
    table::push_words(captures, style.is_quoted, out);
}

fn push_said(text: &[u8], style: Style, out: &mut Vec<u8>) {
    let quote: &[u8] = if style.is_quoted { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    table::push_line(text, out);
    out.extend_from_slice(quote);
}

fn or_bad(text: &[u8]) -> &[u8] {
    if text.is_empty() { b"<BADREQ>" } else { text }
}

/// The method, the target or the version. Of a long line the last may be cut off.
fn word(exchange: &Exchanged, index: usize) -> &[u8] {
    or_bad(exchange.line.splitn(3, |&byte| byte == b' ').nth(index).unwrap_or_default())
}

/// The path, and the query with its `?`.
fn split_target(exchange: &Exchanged) -> (&[u8], &[u8]) {
    let target = word(exchange, 1);
    let at = target.iter().position(|&byte| byte == b'?').unwrap_or(target.len());
    target.split_at(at)
}
