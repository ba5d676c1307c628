//! Reads `option` lines, with `no` and `default` before them (configuration.txt §4.2, "option …").

use crate::diagnostic::{Diagnostic, Lead};
use crate::forwarded;
use crate::http_check;
use crate::keywords::find;
use crate::keywords::option::{CheckName, Keyword, LogWay, Row, Sides, TABLE, Way};
use crate::line::{Line, Negation};
use crate::log;
use crate::net;
use crate::proxy::{Home, ignored};
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::{Check, ForwardFor, Keeping, LogStyle, Redispatch, Role};
use crate::value::natural;

/// `[no|default] option NAME …`.
pub(crate) fn option(line: Line<'_>, home: &mut Home<'_>, reports: &mut Reports) -> Result<(), Diagnostic> {
    let name = line.word(1);
    if name.is_empty() {
        return Err(Diagnostic::alert(Lead::Tight, line.span(1), "'option' expects an option name."));
    }
    let row = find(TABLE, name, |row| row.name);
    if line.negation != Negation::Plain && !row.is_some_and(|row| row.is_invertible) {
        let message = format!("negation/default is not supported for option '{name}'.");
        return Err(Diagnostic::alert(Lead::Tight, line.span(1), message));
    }
    let Some(row) = row else { return Err(unknown(line, name, reports)) };
    if !is_in_place(line, row, home, reports) {
        return Ok(());
    }
    let is_on = line.negation == Negation::Plain;
    // Switching off what nothing can switch on needs no support.
    let what = || format!("option {name}");
    let keyword = if is_on { reports.weigh(row.meaning, line.span_from(0), what)? } else { row.meaning.keyword() };
    match keyword {
        Some(keyword) => read(keyword, line, is_on, home, reports),
        None => Ok(()),
    }
}

fn unknown(line: Line<'_>, name: &str, reports: &mut Reports) -> Diagnostic {
    let message = match reports.guesser.keyword(name, TABLE.iter().map(|row| row.name)) {
        Some(guess) => format!("unknown option '{name}'; did you mean '{guess}' maybe ?"),
        None => format!("unknown option '{name}'."),
    };
    line.alert(1, message)
}

/// Whether the option means anything in this section; HAProxy warns and goes on when it does not.
fn is_in_place(line: Line<'_>, row: &Row, home: &Home<'_>, reports: &mut Reports) -> bool {
    let Home::Proxy(proxy, _) = home else { return true };
    let is_log_style = matches!(row.name, "tcplog" | "httplog" | "httpslog");
    if is_log_style && proxy.role == Role::Backend {
        let message =
            format!("backend '{}' : 'option {}' directive is ignored in backends.", &proxy.name.value, row.name);
        reports.push(Diagnostic::warning(Lead::Spaced, line.span_from(0), message));
        return false;
    }
    match ignored(row.scope, row.name, proxy) {
        None => true,
        Some(message) => {
            reports.push(Diagnostic::warning(Lead::Spaced, line.span_from(0), message));
            false
        }
    }
}

fn read(
    keyword: Keyword,
    line: Line<'_>,
    is_on: bool,
    home: &mut Home<'_>,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let name = format!("option {}", line.word(1));
    let whole = line.span_from(0);
    let settings = home.settings();
    match keyword {
        Keyword::AllBackups => {
            line.ends_at(2, &name)?;
            settings.has_all_backups = is_on;
        }
        Keyword::AbortOnClose => {
            line.ends_at(2, &name)?;
            settings.http.aborts_on_close = said(line).map(|is_on| Spanned::new(is_on, whole));
        }
        Keyword::CheckCache => {
            line.ends_at(2, &name)?;
            settings.http.checks_cache = is_on;
        }
        Keyword::Splice(way) => {
            line.ends_at(2, &name)?;
            let said = said(line);
            let splice = &mut settings.splice;
            match way {
                Way::Auto => splice.auto = said,
                Way::Request => splice.request = said,
                Way::Response => splice.response = said,
            }
        }
        Keyword::Ktls => {
            line.ends_at(3, &name)?;
            settings.ktls = ktls(line)?;
        }
        Keyword::Log(way) => {
            line.ends_at(2, &name)?;
            let options = &mut settings.log_options;
            match way {
                LogWay::Asap => options.is_early = is_on,
                LogWay::DontNormal => options.skips_normal = is_on,
                LogWay::DontNull => options.skips_null = is_on,
                LogWay::SeparateErrors => options.separates_errors = is_on,
            }
        }
        Keyword::SocketStats => {
            line.ends_at(2, &name)?;
            settings.has_socket_stats = is_on;
        }
        Keyword::LogHealthChecks => {
            line.ends_at(2, &name)?;
            settings.logs_health_checks = is_on;
        }
        Keyword::Keepalive(sides) => {
            line.ends_at(2, &name)?;
            if matches!(sides, Sides::Client | Sides::Both) {
                settings.client_keepalive.is_on = is_on;
            }
            if matches!(sides, Sides::Server | Sides::Both) {
                settings.server_keepalive.is_on = is_on;
            }
        }
        Keyword::Keeping(keeping) => {
            line.ends_at(2, &name)?;
            match is_on {
                true => settings.http.keeping = keeping,
                // Only what was said is taken back.
                false if settings.http.keeping == keeping => settings.http.keeping = Keeping::default(),
                false => {}
            }
        }
        Keyword::Check(check) => settings.check = Some(Spanned::new(server_check(check, line, &name)?, whole)),
        Keyword::TcpLog => {
            line.ends_at(2, &name)?;
            log::set_style(home, Spanned::new(LogStyle::Tcp, whole), reports);
        }
        Keyword::HttpLog => {
            let has_clf = line.word(2) == "clf";
            line.ends_at(if has_clf { 3 } else { 2 }, &name)?;
            if has_clf {
                reports.refuse(whole, "option httplog clf");
            }
            log::set_style(home, Spanned::new(LogStyle::Http, whole), reports);
        }
        Keyword::Redispatch => settings.redispatch = if is_on { redispatch(line)? } else { Redispatch::Off },
        Keyword::ForwardFor => settings.http.forward_for = Some(Spanned::new(forward_for(line)?, whole)),
        Keyword::OriginalTo => settings.http.original_to = Some(Spanned::new(original_to(line)?, whole)),
        Keyword::Forwarded => {
            let read = forwarded::read(line, reports)?;
            settings.http.forwarded = read.map(|read| Spanned::new(read, whole));
        }
        Keyword::BufferRequest => {
            line.ends_at(2, &name)?;
            settings.http.buffers_requests = is_on;
        }
        Keyword::IgnoreProbes => {
            line.ends_at(2, &name)?;
            settings.http.ignores_probes = is_on;
        }
        Keyword::PretendKeepalive => {
            line.ends_at(2, &name)?;
            settings.http.pretends_keepalive = is_on;
        }
        Keyword::PreferLastServer => {
            line.ends_at(2, &name)?;
            settings.http.prefers_last = is_on;
        }
        Keyword::Persist => {
            line.ends_at(2, &name)?;
            settings.persists = is_on;
        }
        Keyword::HttpCheck => {
            let request = http_check::option(line, reports)?;
            settings.check = Some(Spanned::new(Check::Http, whole));
            http_check::own(&mut settings.http_script).request = request;
        }
    }
    Ok(())
}

/// `option ktls auto`, `option ktls off`; `no option ktls` is the latter.
fn ktls(line: Line<'_>) -> Result<Option<bool>, Diagnostic> {
    match (line.negation, line.word(2)) {
        (Negation::Plain, "auto") => Ok(Some(true)),
        (Negation::Plain, "off") | (Negation::No, _) => Ok(Some(false)),
        (Negation::Plain, _) => Err(line.alert(2, "'option ktls' expects 'auto' or 'off'.")),
        (Negation::Default, _) => Ok(None),
    }
}

/// Of an option that is neither on nor off where the file says nothing.
fn said(line: Line<'_>) -> Option<bool> {
    match line.negation {
        Negation::Plain => Some(true),
        Negation::No => Some(false),
        Negation::Default => None,
    }
}

/// `option NAME` of a check by name; `smtpchk` alone has words of its own.
fn server_check(check: CheckName, line: Line<'_>, name: &str) -> Result<Check, Diagnostic> {
    line.ends_at(if check == CheckName::Smtp { 4 } else { 2 }, name)?;
    Ok(match check {
        CheckName::Tcp => Check::Script,
        CheckName::Redis => Check::Redis,
        CheckName::SslHello => Check::SslHello,
        CheckName::Imap => Check::Imap,
        CheckName::Pop3 => Check::Pop3,
        CheckName::Lmtp => Check::Lmtp,
        CheckName::Smtp => match (line.word(2), line.word(3)) {
            (_, "") => Check::Smtp { greeting: "HELO localhost".into() },
            (hello, domain) => {
                let hello = if hello == "EHLO" { hello } else { "HELO" };
                Check::Smtp { greeting: format!("{hello} {domain}") }
            }
        },
    })
}

fn redispatch(line: Line<'_>) -> Result<Redispatch, Diagnostic> {
    line.ends_at(3, "option redispatch")?;
    let word = line.word(2);
    let number = |digits: &str| {
        let message = format!("'option redispatch' expects an optional integer argument (got '{word}').");
        natural(digits).ok_or_else(|| line.alert(2, message))
    };
    Ok(match word.strip_prefix('-') {
        _ if word.is_empty() => Redispatch::FromLast(1),
        Some(digits) => match number(digits)? {
            0 => Redispatch::Off,
            count => Redispatch::FromLast(count),
        },
        None => match number(word)? {
            0 => Redispatch::Off,
            count => Redispatch::Every(count),
        },
    })
}

/// A repeated line starts anew: its `except` does not carry over from `defaults`.
fn forward_for(line: Line<'_>) -> Result<ForwardFor, Diagnostic> {
    let mut read = ForwardFor::default();
    let mut at = 2;
    while at < line.count() {
        at = match line.word(at) {
            "if-none" => {
                read.is_if_none = true;
                at + 1
            }
            _ => match told(line, at, &mut read)? {
                Some(next) => next,
                None => {
                    let message =
                        "'option forwardfor' only supports optional values: 'except', 'header' and 'if-none'.";
                    return Err(line.alert(at, message));
                }
            },
        };
    }
    Ok(read)
}

fn original_to(line: Line<'_>) -> Result<ForwardFor, Diagnostic> {
    let mut read = ForwardFor::default();
    let mut at = 2;
    while at < line.count() {
        let message = "'option originalto' only supports optional values: 'except' and 'header'.";
        at = told(line, at, &mut read)?.ok_or_else(|| line.alert(at, message))?;
    }
    Ok(read)
}

/// `except NET` or `header NAME` at word `at`, and what comes behind it; `None` for another word.
fn told(line: Line<'_>, at: usize, read: &mut ForwardFor) -> Result<Option<usize>, Diagnostic> {
    let name = line.word(1);
    match line.word(at) {
        "except" => {
            let message = || format!("'option {name} except' expects <address>[/mask] as argument.");
            read.except = Some(net::parse(line.word(at + 1)).ok_or_else(|| line.alert(at + 1, message()))?);
        }
        "header" => {
            let header = Some(line.word(at + 1)).filter(|header| !header.is_empty());
            let message = || format!("'option {name} header' expects <header_name> as argument.");
            read.header = Some(header.ok_or_else(|| line.alert(at + 1, message()))?.to_string());
        }
        _ => return Ok(None),
    }
    Ok(Some(at + 2))
}
