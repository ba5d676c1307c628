//! Reads `tcp-check` lines (configuration.txt §4.2, "tcp-check …"), and the connects of both kinds of scripts.

use crate::address::{self, AddressError};
use crate::bind_tls;
use crate::check_expect::{self, Patterns, Read, comment, quoted};
use crate::check_formula;
use crate::diagnostic::Diagnostic;
use crate::environment::Environment;
use crate::line::Line;
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::{CheckText, TcpCheck, TcpConnect};
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
        "connect" => Ok(connect(line, environment, reports)?.map(TcpCheck::Connect)),
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
        "expect" => Ok(check_expect::expect(line, &mut TcpPatterns, reports)?.map(TcpCheck::Expect)),
        name if check_formula::is_variable(name) => Ok(check_formula::variable(line, reports)?.map(TcpCheck::Variable)),
        name if name == "send-lf" || name == "send-binary-lf" => {
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

/// `tcp-check|http-check connect [default] [port N] [addr A] [send-proxy] [ssl] [sni NAME] [alpn NAMES] [linger] [comment TEXT]`.
pub(crate) fn connect(
    line: Line<'_>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Option<TcpConnect>, Diagnostic> {
    let owner = format!("{} connect", line.keyword());
    let fail = |at, message: String| line.alert(at, format!("'{owner}' : {message}."));
    let mut read = TcpConnect::default();
    let mut is_served = true;
    let mut at = 2;
    while at < line.count() {
        let (name, value) = (line.word(at), line.word(at + 1));
        let mut taken = 2;
        match name {
            "default" | "send-proxy" | "linger" | "ssl" => {
                taken = 1;
                match name {
                    "default" => read.is_default = true,
                    "send-proxy" => read.sends_proxy = true,
                    "ssl" => read.is_secure = true,
                    _ => read.lingers = true,
                }
            }
            "sni" if value.is_empty() => return Err(fail(at + 1, "'sni' expects a string as argument.".into())),
            "sni" => read.name = Some(value.to_string()),
            "alpn" => {
                let names = bind_tls::protocols(name, value);
                read.alpn = Some(names.map_err(|message| fail(at + 1, message))?);
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
                    reports.refuse(line.span(at + 1), format!("{owner} addr {what}"));
                    is_served = false;
                }
            },
            "comment" => read.comment = Some(comment(line, at, &owner, ".")?),
            "port" | "proto" | "via-socks4" => {
                taken = if name == "via-socks4" { 1 } else { 2 };
                reports.refuse(line.span(at).to(line.span(at + taken - 1)), format!("{owner} {name}"));
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
    Ok(is_served.then_some(read))
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

/// What `tcp-check expect` looks for: bytes, anywhere in what was received.
struct TcpPatterns;

impl Patterns for TcpPatterns {
    type Pattern = CheckText;

    fn read(&mut self, line: Line<'_>, at: usize, name: &str, _: &mut Reports) -> Result<Read<CheckText>, Diagnostic> {
        let value = Spanned::new(line.word(at + 1).to_string(), line.span(at + 1));
        Ok(match name {
            "string" => Read::Pattern(CheckText::String(value), 2),
            "rstring" => Read::Pattern(CheckText::Regex(value), 2),
            "rbinary" => Read::Pattern(CheckText::BinaryRegex(value), 2),
            "binary" => {
                let bytes = binary(&value).ok_or_else(|| {
                    let message = "invalid binary string (an even number of hex digit is expected).";
                    line.alert(at + 1, format!("'tcp-check expect' : {message}"))
                })?;
                Read::Pattern(CheckText::Binary(bytes), 2)
            }
            "string-lf" | "binary-lf" => Read::Unserved(CheckText::String(value)),
            _ => Read::Unknown,
        })
    }

    fn unknown(&self, got: &str) -> String {
        format!(
            "'only supports min-recv, '[!]binary', '[!]string', '[!]rstring', '[!]string-lf''[!]rbinary', \
             '[!]binary-lf' or comment but got '{got}' as argument.."
        )
    }
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
