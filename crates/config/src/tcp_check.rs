//! Reads `tcp-check` lines (configuration.txt §4.2, "tcp-check …").

use crate::address::{self, AddressError};
use crate::diagnostic::Diagnostic;
use crate::environment::Environment;
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::{CheckText, TcpCheck, TcpConnect, TcpExpect};
use crate::value::natural;

/// One line; `None` where it has a part that is not served, which has been told.
pub(crate) fn line(
    line: Line<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Option<TcpCheck>, Diagnostic> {
    match line.word(1) {
        "comment" => match line.word(2) {
            "" => Err(line.alert(2, "'tcp-check comment' : expects a string as argument.")),
            text => Ok(Some(TcpCheck::Comment(text.to_string()))),
        },
        "connect" => connect(line, environment, reports),
        "send" => send(line, line.word(2).as_bytes().to_vec()),
        "send-binary" => match binary(line.word(2)) {
            Some(bytes) => send(line, bytes),
            None => {
                let message = format!(
                    "'tcp-check send-binary' : '{}' invalid binary string (an even number of hex digit is expected).",
                    line.word(2)
                );
                Err(line.alert(2, message))
            }
        },
        "expect" => expect(line, reports),
        name if name == "send-lf" || name == "send-binary-lf" || is_variable(name) => {
            reports.refuse(line.span_from(0), format!("tcp-check {name}"));
            Ok(None)
        }
        name => {
            let message = format!(
                "'tcp-check' only supports 'comment', 'connect', 'send', 'send-binary', 'expect', 'set-var-fmt(*)', \
                 'set-var(*)', 'unset-var(*)'. but got '{name}'"
            );
            let known = ["comment", "connect", "send", "send-binary", "expect"];
            let guess = reports.guesser.name(name, known);
            Err(line.alert(1, message).hint_if(guess))
        }
    }
}

fn is_variable(name: &str) -> bool {
    ["set-var", "unset-var"].iter().any(|variable| name.starts_with(variable))
}

/// `connect [default] [port N] [addr A] [send-proxy] [linger] [comment TEXT]`.
fn connect(
    line: Line<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Option<TcpCheck>, Diagnostic> {
    let fail = |at, message: String| line.alert(at, format!("'tcp-check connect' : {message}."));
    let mut read = TcpConnect::default();
    let mut is_served = true;
    let mut at = 2;
    while at < line.count() {
        let (name, value) = (line.word(at), line.word(at + 1));
        let mut taken = 2;
        match name {
            "default" | "send-proxy" | "linger" => {
                taken = 1;
                match name {
                    "default" => read.is_default = true,
                    "send-proxy" => read.sends_proxy = true,
                    _ => read.lingers = true,
                }
            }
            "port" if value.is_empty() => {
                return Err(fail(at + 1, "'port' expects a port number or a sample expression as argument.".into()));
            }
            "port" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let port = natural::<u16>(value).filter(|port| *port > 0);
                let message =
                    format!("expects a valid TCP port (from range 1 to 65535) or a sample expression, got {value}.");
                read.port = Some(port.ok_or_else(|| fail(at + 1, message))?);
            }
            "addr" if value.is_empty() => {
                return Err(fail(at + 1, "'addr' expects <ipv4|ipv6> as argument.".into()));
            }
            "addr" => match address::check(value, environment) {
                Ok((host, port)) => {
                    read.address = Some(Spanned::new(host, line.span(at + 1)));
                    read.port = read.port.or(port);
                }
                Err(AddressError::Invalid(message)) => return Err(fail(at + 1, format!("'addr' : {message}"))),
                Err(AddressError::Unserved(what)) => {
                    reports.refuse(line.span(at + 1), format!("tcp-check connect addr {what}"));
                    is_served = false;
                }
            },
            "comment" => read.comment = Some(comment(line, at, "tcp-check connect", ".")?),
            "port" | "sni" | "alpn" | "proto" | "via-socks4" | "ssl" => {
                taken = if matches!(name, "via-socks4" | "ssl") { 1 } else { 2 };
                reports.refuse(line.span(at).to(line.span(at + taken - 1)), format!("tcp-check connect {name}"));
                is_served = false;
            }
            other => {
                let message = format!(
                    "expects 'comment', 'port', 'addr', 'send-proxy', 'ssl', 'sni', 'alpn' or 'via-socks4', 'linger', \
                     'default' but got '{other}' as argument."
                );
                return Err(fail(at, message));
            }
        }
        at += taken;
    }
    Ok(is_served.then_some(TcpCheck::Connect(read)))
}

/// `send DATA [comment TEXT]`, and `send-binary` with the bytes read.
fn send(line: Line<'_>, bytes: Vec<u8>) -> Result<Option<TcpCheck>, Diagnostic> {
    let name = line.word(1);
    if line.word(2).is_empty() {
        let what = if name == "send" { "string" } else { "binary string" };
        return Err(line.alert(2, format!("'tcp-check {name}' : '{what}' expects a {name} as argument.")));
    }
    let comment = match line.word(3) {
        "" => None,
        "comment" => Some(comment(line, 3, "tcp-check send", ".")?),
        other => {
            let message = format!("'tcp-check {name}' : expects 'comment' but got '{other}' as argument..");
            return Err(line.alert(3, message).hint(quoted(line, 2)));
        }
    };
    Ok(Some(TcpCheck::Send { bytes, comment }))
}

fn comment(line: Line<'_>, at: usize, owner: &str, end: &str) -> Result<String, Diagnostic> {
    match line.word(at + 1) {
        "" => Err(line.alert(at + 1, format!("'{owner}' : 'comment' expects a string as argument.{end}"))),
        text => Ok(text.to_string()),
    }
}

/// `expect [comment TEXT] [min-recv N] [error-status S] … [!] PATTERN-KIND PATTERN`.
fn expect(line: Line<'_>, reports: &mut Reports) -> Result<Option<TcpCheck>, Diagnostic> {
    let fail = |at, message: String| line.alert(at, format!("'tcp-check expect' : {message}"));
    if line.count() < 3 {
        return Err(fail(2, "expects at least a matching pattern as arguments.".into()));
    }
    let mut read = TcpExpect::default();
    let (mut text, mut is_inverse, mut is_served) = (None, false, true);
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
            "string" | "rstring" | "binary" | "rbinary" | "string-lf" | "binary-lf" => {
                if text.is_some() {
                    return Err(fail(at, "only on pattern expected.".into()));
                }
                if value.is_empty() {
                    return Err(fail(at + 1, format!("'{bare}' expects a <pattern> as argument.")));
                }
                is_inverse ^= name.starts_with('!');
                let value = Spanned::new(value.to_string(), line.span(at + 1));
                text = Some(match bare {
                    "string" => CheckText::String(value),
                    "rstring" => CheckText::Regex(value),
                    "rbinary" => CheckText::BinaryRegex(value),
                    "binary" => CheckText::Binary(binary(&value).ok_or_else(|| {
                        fail(at + 1, "invalid binary string (an even number of hex digit is expected).".into())
                    })?),
                    _ => {
                        reports.refuse(span, format!("tcp-check expect {bare}"));
                        is_served = false;
                        CheckText::String(value)
                    }
                });
            }
            "comment" => read.comment = Some(comment(line, at, "tcp-check expect", "")?),
            "min-recv" => {
                let message = || fail(at + 1, "'min-recv' expects a integer as argument.".into());
                // HAProxy's -1 is what holds without the word.
                read.received_least = match value {
                    "-1" => None,
                    _ => Some(natural(value).ok_or_else(message)?),
                };
            }
            "error-status" => read.error_status = Some(status(line, at, &["L4CON", "L6RSP", "L7RSP", "L7STS"])?),
            "tout-status" => read.timeout_status = Some(status(line, at, &["L4TOUT", "L6TOUT", "L7TOUT"])?),
            "ok-status" if value == "L7OKC" => {
                reports.refuse(span.to(line.span(at + 1)), "tcp-check expect ok-status L7OKC");
                is_served = false;
            }
            "ok-status" => read.ok_status = Some(status(line, at, &["L4OK", "L6OK", "L7OK", "L7OKC"])?),
            "on-success" | "on-error" if value.contains("%[") || value.contains("%{") => {
                reports.refuse(span.to(line.span(at + 1)), format!("tcp-check expect {bare} with a log-format"));
                is_served = false;
            }
            "on-success" => read.on_success = Some(value.to_string()),
            "on-error" => read.on_error = Some(value.to_string()),
            "status-code" => {
                reports.refuse(span.to(line.span(at + 1)), "tcp-check expect status-code");
                is_served = false;
            }
            got => {
                let message = format!(
                    "'only supports min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', \
                     '[!]binary-lf' or comment but got '{got}' as argument.."
                );
                return Err(fail(at, message).hint_if(text.is_some().then(|| quoted(line, at - 1))));
            }
        }
        at += 2;
    }
    let Some(text) = text else { return Err(fail(line.count(), "pattern not found.".into())) };
    read.text = text;
    read.is_inverse = is_inverse;
    Ok(is_served.then_some(TcpCheck::Expect(read)))
}

fn status(line: Line<'_>, at: usize, known: &[&str]) -> Result<String, Diagnostic> {
    let (name, word) = (line.word(at), line.word(at + 1));
    if known.contains(&word) {
        return Ok(word.to_string());
    }
    let (last, first) = known.split_last().expect("at least one status");
    let list = format!("'{}' or '{last}'", first.join("', '"));
    Err(line.alert(at + 1, format!("'tcp-check expect' : '{name}' only supports {list} status (got '{word}')..")))
}

/// How it should have been written, for those who left out the quotes.
fn quoted(line: Line<'_>, from: usize) -> String {
    let whole: Vec<&str> = (from..line.count()).map(|index| line.word(index)).collect();
    format!("a text with blanks needs quotes: \"{}\"", whole.join(" "))
}

/// Pairs of hexadecimal digits.
fn binary(word: &str) -> Option<Vec<u8>> {
    let digits = word.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u8]| {
        let digit = |digit: u8| (digit as char).to_digit(16);
        Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
    };
    digits.chunks(2).map(byte).collect()
}
