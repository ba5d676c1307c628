//! `log` lines: targets, facilities, levels (configuration.txt §4.2 "log", RFC 5424 §6.2.1); `log-tag`, `log-send-hostname`.

use crate::address::{self, AddressError};
use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::line::{Line, Negation};
use crate::log_format::{self, LogLine};
use crate::log_sample;
use crate::proxy::Home;
use crate::reports::Reports;
use crate::source::{Span, Spanned};
use crate::tree::{Log, LogStyle, LogTarget};
use crate::value::natural;

/// Syslog facilities by their number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Facility {
    Kern = 0,
    User,
    Mail,
    Daemon,
    Auth,
    Syslog,
    Lpr,
    News,
    Uucp,
    Cron,
    Auth2,
    Ftp,
    Ntp,
    Audit,
    Alert,
    Cron2,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

const FACILITIES: &[(&str, Facility)] = &[
    ("kern", Facility::Kern),
    ("user", Facility::User),
    ("mail", Facility::Mail),
    ("daemon", Facility::Daemon),
    ("auth", Facility::Auth),
    ("syslog", Facility::Syslog),
    ("lpr", Facility::Lpr),
    ("news", Facility::News),
    ("uucp", Facility::Uucp),
    ("cron", Facility::Cron),
    ("auth2", Facility::Auth2),
    ("ftp", Facility::Ftp),
    ("ntp", Facility::Ntp),
    ("audit", Facility::Audit),
    ("alert", Facility::Alert),
    ("cron2", Facility::Cron2),
    ("local0", Facility::Local0),
    ("local1", Facility::Local1),
    ("local2", Facility::Local2),
    ("local3", Facility::Local3),
    ("local4", Facility::Local4),
    ("local5", Facility::Local5),
    ("local6", Facility::Local6),
    ("local7", Facility::Local7),
];

/// Syslog severities by their number; a smaller one is more severe.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    Emerg = 0,
    Alert,
    Crit,
    Err,
    Warning,
    Notice,
    Info,
    Debug,
}

const LEVELS: &[(&str, Level)] = &[
    ("emerg", Level::Emerg),
    ("alert", Level::Alert),
    ("crit", Level::Crit),
    ("err", Level::Err),
    ("warning", Level::Warning),
    ("notice", Level::Notice),
    ("info", Level::Info),
    ("debug", Level::Debug),
];

/// The level of this name.
pub(crate) fn level(name: &str) -> Option<Level> {
    LEVELS.iter().find(|(known, _)| *known == name).map(|(_, level)| *level)
}

/// The envelope of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// RFC 3164 without the host name.
    Local,
    Rfc3164,
    Rfc5424,
    Priority,
    Short,
    Timed,
    Iso,
    Raw,
}

const FORMATS: &[(&str, LogFormat)] = &[
    ("local", LogFormat::Local),
    ("rfc3164", LogFormat::Rfc3164),
    ("rfc5424", LogFormat::Rfc5424),
    ("priority", LogFormat::Priority),
    ("short", LogFormat::Short),
    ("timed", LogFormat::Timed),
    ("iso", LogFormat::Iso),
    ("raw", LogFormat::Raw),
];

/// Longest line in bytes unless `len` says otherwise.
const LENGTH_MAX: u16 = 1024;

/// For those who wrote one of the options twice or in the wrong place.
const ORDER: &str = "the order is: 'len', 'format', 'sample', the facility, the levels; each at most once";

/// Whose `log` line it is: the global section cannot refer to itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Global,
    Proxy,
}

/// A `log` line of the global section.
pub(crate) fn global(
    line: Line<'_>,
    logs: &mut Vec<LogTarget>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    if line.negation == Negation::No {
        return cleared(line).map(|()| logs.clear());
    }
    if line.word(1) == "global" {
        return Err(line.alert(1, "log : 'global' is not supported for a global syslog server"));
    }
    logs.extend(target(line, Owner::Global, environment, reports)?);
    Ok(())
}

/// A `log` line of a proxy or of `defaults`.
pub(crate) fn proxy(
    line: Line<'_>,
    logs: &mut Vec<Log>,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    if line.negation == Negation::No {
        return cleared(line).map(|()| logs.clear());
    }
    if line.word(1) == "global" && line.count() == 2 {
        logs.push(Log::Global(line.span_from(0)));
        return Ok(());
    }
    logs.extend(target(line, Owner::Proxy, environment, reports)?.map(Log::Target));
    Ok(())
}

fn cleared(line: Line<'_>) -> Result<(), Diagnostic> {
    if line.count() > 1 { Err(line.alert(1, "log : 'no log' does not expect arguments")) } else { Ok(()) }
}

/// `log ADDRESS [len N] [format F] [sample RANGES:SIZE] FACILITY [MAX [MIN]]`; `None` when the address is of no served kind.
fn target(
    line: Line<'_>,
    owner: Owner,
    environment: &dyn Environment,
    reports: &mut Reports,
) -> Result<Option<LogTarget>, Diagnostic> {
    if line.count() < 3 {
        let global = if owner == Owner::Proxy { "or global" } else { "" };
        return Err(line.alert(line.count(), format!("log : expects <address> and <facility> {global} as arguments")));
    }
    let address = match address::log(line.word(1), environment) {
        Ok(address) => Some(address),
        Err(AddressError::Invalid(message)) => return Err(line.alert(1, format!("log : {message}"))),
        Err(AddressError::Unserved(what)) => {
            reports.refuse(line.span(1), format!("log {what}"));
            None
        }
    };

    let mut at = 2;
    let mut argument_of = |name: &str| {
        let is_there = line.word(at) == name;
        at += if is_there { 2 } else { 0 };
        is_there.then_some(at - 1)
    };
    // In this order and no other.
    let (length, format) = (argument_of("len"), argument_of("format"));
    let (sample, profile) = (argument_of("sample"), argument_of("profile"));
    let length_max = length.map_or(Ok(LENGTH_MAX), |at| length_max(line, at))?;
    let format = format.map(|at| named(FORMATS, line, at, "unknown log format", reports)).transpose()?;
    let sample = sample.map(|at| log_sample::read(line, at)).transpose()?;
    if let Some(at) = profile {
        reports.refuse(line.span(at - 1).to(line.span(at)), "log profile");
    }
    let facility = named(FACILITIES, line, at, "unknown log facility", reports)?;
    let mut level = |at: usize, absent, what| {
        if line.word(at).is_empty() { Ok(absent) } else { named(LEVELS, line, at, what, reports) }
    };
    let level_max = level(at + 1, Level::Debug, "unknown optional log level")?;
    let level_min = level(at + 2, Level::Emerg, "unknown optional minimum log level")?;
    if line.count() > at + 3 {
        let word = line.word(at + 3);
        return Err(line.alert(at + 3, format!("log : cannot handle unexpected argument '{word}'")));
    }
    Ok(address.map(|address| LogTarget {
        address: Spanned::new(address, line.span(1)),
        length_max,
        format,
        sample,
        facility,
        level_max,
        level_min,
    }))
}

fn length_max(line: Line<'_>, at: usize) -> Result<u16, Diagnostic> {
    let word = line.word(at);
    let message = || format!("log : invalid log length '{word}', must be between 80 and 65535");
    natural(word).filter(|length| *length >= 80).ok_or_else(|| line.alert(at, message()))
}

/// `log-tag TAG`, in any section.
pub(crate) fn tag(line: Line<'_>) -> Result<Spanned<String>, Diagnostic> {
    line.ends_at(2, "log-tag")?;
    if line.word(1).is_empty() {
        return Err(line.alert(1, "'log-tag' expects a tag for use in syslog."));
    }
    Ok(Spanned::new(line.word(1).to_string(), line.span(1)))
}

/// The one argument of `log-format` and its kin; its span is that of the argument.
pub(crate) fn format(line: Line<'_>, reports: &mut Reports) -> Result<Spanned<LogLine>, Diagnostic> {
    let name = line.keyword();
    match line.count() {
        1 => Err(line.alert(1, format!("{name} expects an argument."))),
        2 => Ok(Spanned::new(log_format::read(line.word(1), line.span(1), &mut reports.guesser), line.span(1))),
        _ => Err(line.alert(2, format!("{name} expects only one argument, don't forget to escape spaces!"))),
    }
}

/// `option tcplog` and `log-format` override each other; HAProxy warns when that happens in one `defaults` section.
pub(crate) fn set_style(home: &mut Home<'_>, style: Spanned<LogStyle>, reports: &mut Reports) {
    let is_defaults = home.keyword() == "defaults";
    let settings = home.settings();
    if let Some(before) = settings.log_style.as_ref().filter(|_| is_defaults) {
        reports.push(overridden(style.span, style.keyword(), before.keyword()));
    }
    settings.log_style = Some(style);
}

pub(crate) fn overridden(span: Span, keyword: &str, before: &str) -> Diagnostic {
    Diagnostic::warning(Lead::Tight, span, format!("'{keyword}' overrides previous '{before}' in 'defaults' section."))
}

/// `log-send-hostname [NAME]`: `None` is the system's name.
pub(crate) fn send_hostname(line: Line<'_>) -> Result<Spanned<Option<String>>, Diagnostic> {
    line.ends_at(2, "log-send-hostname")?;
    let name = Some(line.word(1)).filter(|name| !name.is_empty());
    Ok(Spanned::new(name.map(str::to_string), line.span_from(0)))
}

fn named<T: Copy>(
    table: &[(&'static str, T)],
    line: Line<'_>,
    at: usize,
    complaint: &str,
    reports: &mut Reports,
) -> Result<T, Diagnostic> {
    let word = line.word(at);
    match table.iter().find(|(name, _)| *name == word) {
        Some((_, value)) => Ok(*value),
        None => {
            let hint = match word {
                "len" | "format" | "sample" => Some(ORDER.to_string()),
                _ => reports.guesser.name(word, table.iter().map(|(name, _)| *name)),
            };
            Err(Diagnostic::alert(Lead::Spaced, line.span(at), format!("log : {complaint} '{word}'")).hint_if(hint))
        }
    }
}
