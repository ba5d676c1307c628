//! `log` lines: targets, facilities, levels (configuration.txt §4.2 "log", RFC 5424 §6.2.1).

use crate::address::{self, AddressError, LogAddress};
use crate::diagnostic::{Diagnostic, Lead};
use crate::environment::Environment;
use crate::line::{Line, Negation};
use crate::reports::Reports;
use crate::source::Spanned;
use crate::tree::{Log, LogTarget};
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

/// The envelope of a log line. Only `Local` is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// RFC 3164 without the host name: HAProxy's default for syslog.
    #[default]
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

/// `log ADDRESS [len N] [format F] [sample …] FACILITY [MAX [MIN]]`; `None` when the address is of no served kind.
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
        Ok(address) => {
            refuse_unserved(&address, line, reports);
            Some(address)
        }
        Err(AddressError::Invalid(message)) => return Err(line.alert(1, format!("log : {message}"))),
        Err(AddressError::Unserved(what)) => {
            reports.refuse(line.span(1), format!("log {what}"));
            None
        }
    };

    let mut at = 2;
    let mut length_max = 1024;
    let mut format = LogFormat::Local;
    loop {
        match line.word(at) {
            "len" => {
                length_max = natural(line.word(at + 1)).filter(|length| *length >= 80).ok_or_else(|| {
                    let word = line.word(at + 1);
                    line.alert(at + 1, format!("log : invalid log length '{word}', must be between 80 and 65535"))
                })?;
            }
            "format" => {
                format = named(FORMATS, line, at + 1, "unknown log format", reports)?;
                if format != LogFormat::Local {
                    reports.refuse(line.span(at).to(line.span(at + 1)), format!("log format {}", line.word(at + 1)));
                }
            }
            "sample" => reports.refuse(line.span(at).to(line.span(at + 1)), "log sample"),
            "profile" => reports.refuse(line.span(at).to(line.span(at + 1)), "log profile"),
            _ => break,
        }
        at += 2;
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
        facility,
        level_max,
        level_min,
    }))
}

fn refuse_unserved(address: &LogAddress, line: Line<'_>, reports: &mut Reports) {
    match address {
        LogAddress::Udp { .. } | LogAddress::Unix(_) | LogAddress::Stdout | LogAddress::Stderr => {}
        LogAddress::Abstract(_) => reports.refuse(line.span(1), "log abns@"),
        LogAddress::Descriptor(_) => reports.refuse(line.span(1), "log fd@"),
    }
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
            let guess = reports.guesser.name(word, table.iter().map(|(name, _)| *name));
            Err(Diagnostic::alert(Lead::Spaced, line.span(at), format!("log : {complaint} '{word}'")).hint_if(guess))
        }
    }
}
