//! Reads the lines of `global` that are about the process itself: where it lives, as whom, within which limits
//! (configuration.txt §3.1).

use crate::cpu_map;
use crate::diagnostic::{Diagnostic, Lead};
use crate::keywords::global::ProcessKeyword as Keyword;
use crate::line::{Line, Negation};
use crate::reports::Reports;
use crate::source::{Span, Spanned};
use crate::tree::Global;
use crate::value::{TimeError, natural, time};
use std::time::Duration;

pub(crate) fn line(
    keyword: Keyword,
    line: Line<'_>,
    global: &mut Global,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    match keyword {
        Keyword::Chroot => text(line, "a directory").map(|value| first(&mut global.chroot, value, line, reports)),
        Keyword::Pidfile => text(line, "a file name").map(|value| first(&mut global.pidfile, value, line, reports)),
        Keyword::User => {
            let value = text(line, "a user name")?;
            first_of_two(&mut global.user, &global.uid, value, "user/uid", reports);
            Ok(())
        }
        Keyword::Group => {
            let value = text(line, "a group name")?;
            first_of_two(&mut global.group, &global.gid, value, "group/gid", reports);
            Ok(())
        }
        Keyword::Uid => {
            let value = number(line)?;
            first_of_two(&mut global.uid, &global.user, value, "user/uid", reports);
            Ok(())
        }
        Keyword::Gid => {
            let value = number(line)?;
            first_of_two(&mut global.gid, &global.group, value, "group/gid", reports);
            Ok(())
        }
        Keyword::Daemon => flag(line).map(|span| global.daemon = Some(span)),
        Keyword::UlimitN => number(line).map(|value| first(&mut global.ulimit_n, value, line, reports)),
        Keyword::FdHardLimit => number(line).map(|value| first(&mut global.fd_hard_limit, value, line, reports)),
        Keyword::StrictLimits => flag(line).map(|_| global.takes_less = line.negation == Negation::No),
        Keyword::SetDumpable => flag(line).map(|_| global.is_dumpable = line.negation == Negation::Plain),
        Keyword::MasterWorker => master_worker(line).map(|()| global.is_master = true),
        Keyword::HardStopAfter => duration(line).map(|value| global.hard_stop_after = Some(value)),
        Keyword::Grace => duration(line).map(|value| global.grace = Some(value)),
        Keyword::Node => node(line).map(|value| global.node = Some(value)),
        Keyword::Description => description(line).map(|value| global.description = Some(value)),
        Keyword::CpuMap => cpu_map::line(line).map(|value| global.cpu_maps.push(value)),
    }
}

/// What was said first stays.
fn first<T>(slot: &mut Option<Spanned<T>>, value: Spanned<T>, line: Line<'_>, reports: &mut Reports) {
    match slot {
        None => *slot = Some(value),
        Some(first) => again(&format!("'{}'", line.keyword()), line.span(0), first.span, reports),
    }
}

/// As [`first`], where two keywords say the same: a name and a number.
fn first_of_two<T, U>(
    slot: &mut Option<Spanned<T>>,
    twin: &Option<Spanned<U>>,
    value: Spanned<T>,
    what: &str,
    reports: &mut Reports,
) {
    let said = slot.as_ref().map(|value| value.span).or(twin.as_ref().map(|value| value.span));
    match said {
        None => *slot = Some(value),
        Some(first) => again(what, value.span, first, reports),
    }
}

fn again(what: &str, span: Span, first: Span, reports: &mut Reports) {
    let message = format!("{what} already specified. Continuing.");
    let hint = format!("what line {} says stays", first.line);
    reports.push(Diagnostic::warning(Lead::Spaced, span, message).hint(hint));
}

fn flag(line: Line<'_>) -> Result<Span, Diagnostic> {
    line.ends_at(1, line.keyword())?;
    Ok(line.span(0))
}

fn text(line: Line<'_>, what: &str) -> Result<Spanned<String>, Diagnostic> {
    let name = line.keyword();
    line.ends_at(2, name)?;
    if line.word(1).is_empty() {
        return Err(line.alert(1, format!("'{name}' expects {what} as an argument.")));
    }
    Ok(Spanned::new(line.word(1).to_string(), line.span(1)))
}

/// HAProxy reads garbage as 0 here; a slip in a limit or an identity is better heard of.
fn number(line: Line<'_>) -> Result<Spanned<u32>, Diagnostic> {
    let name = line.keyword();
    line.ends_at(2, name)?;
    let value = natural(line.word(1));
    let value = value.ok_or_else(|| line.alert(1, format!("'{name}' expects an integer argument.")))?;
    Ok(Spanned::new(value, line.span(1)))
}

fn duration(line: Line<'_>) -> Result<Spanned<Duration>, Diagnostic> {
    let name = line.keyword();
    line.ends_at(2, name)?;
    let word = line.word(1);
    if word.is_empty() {
        return Err(line.alert(1, format!("'{name}' expects <time> as argument.")));
    }
    let value = time(word).map_err(|error| match error {
        TimeError::Overflow => line.alert(
            1,
            format!("timer overflow in argument <{word}> to <{name}>, maximum value is 2147483647 ms (~24.8 days)."),
        ),
        TimeError::Unexpected(character) => {
            line.alert(1, format!("unexpected character '{character}' in argument to <{name}>."))
        }
    })?;
    Ok(Spanned::new(value, line.span(1)))
}

fn master_worker(line: Line<'_>) -> Result<(), Diagnostic> {
    line.ends_at(2, "master-worker")?;
    match line.word(1) {
        "" | "no-exit-on-failure" => Ok(()),
        _ => Err(line.alert(1, "'master-worker' only supports 'no-exit-on-failure' option.")),
    }
}

/// The rest of the line, its words a space apart.
fn description(line: Line<'_>) -> Result<Spanned<String>, Diagnostic> {
    if line.count() < 2 {
        return Err(Diagnostic::alert(Lead::Tight, line.span(1), "'description' expects a string argument."));
    }
    let words: Vec<&str> = (1..line.count()).map(|index| line.word(index)).collect();
    Ok(Spanned::new(words.join(" "), line.span_from(1)))
}

fn node(line: Line<'_>) -> Result<Spanned<String>, Diagnostic> {
    line.ends_at(2, "node")?;
    let word = line.word(1);
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    if word.is_empty() || !word.chars().all(is_name) {
        let message = "'node' requires valid node name - non-empty string with digits(0-9), letters(A-Z, a-z), dot(.), \
                       hyphen(-) or underscode(_).";
        return Err(Diagnostic::alert(Lead::Tight, line.span(1), message));
    }
    Ok(Spanned::new(word.to_string(), line.span(1)))
}
