//! Reads `clitcpka-*` and `srvtcpka-*`: how connections that rest are probed (configuration.txt §4.2).

use crate::diagnostic::{Diagnostic, Lead};
use crate::keywords::proxy::{Probe, Side};
use crate::line::Line;
use crate::reports::Reports;
use crate::tree::Settings;
use crate::value::{TimeError, natural, time_of_seconds};
use std::time::Duration;

/// What Linux takes (`tcp(7)`): probes, and seconds.
const COUNT_MOST: u32 = 127;
const SECONDS_MOST: u64 = 32_767;

pub(crate) fn line(
    side: Side,
    probe: Probe,
    line: Line<'_>,
    settings: &mut Settings,
    reports: &mut Reports,
) -> Result<(), Diagnostic> {
    let keepalive = match side {
        Side::Client => &mut settings.client_keepalive,
        Side::Server => &mut settings.server_keepalive,
    };
    match probe {
        Probe::Count => keepalive.count = count(line, reports)?,
        Probe::Idle => keepalive.idle = seconds(line, reports)?,
        Probe::Interval => keepalive.interval = seconds(line, reports)?,
    }
    Ok(())
}

/// 0 leaves it to the system.
fn count(line: Line<'_>, reports: &mut Reports) -> Result<Option<u32>, Diagnostic> {
    let word = argument(line)?;
    if let Some(character) = word.chars().find(|character| !character.is_ascii_digit()) {
        let name = line.keyword();
        return Err(line.alert(1, format!("'{name}' : unexpected character '{character}' in integer value '{word}'")));
    }
    let count = natural(word).unwrap_or(u32::MAX);
    if count > COUNT_MOST {
        return Ok(beyond(line, &format!("1 to {COUNT_MOST}"), reports));
    }
    Ok(Some(count).filter(|&count| count > 0))
}

/// In seconds unless it has a unit; a part of a second counts as a whole one. 0 leaves it to the system.
fn seconds(line: Line<'_>, reports: &mut Reports) -> Result<Option<Duration>, Diagnostic> {
    let (name, word) = (line.keyword(), argument(line)?);
    let time = time_of_seconds(word).map_err(|error| match error {
        TimeError::Overflow => line.alert(
            1,
            format!("timer overflow in argument '{word}' to '{name}' (maximum value is 2147483647 ms or ~24.8 days)"),
        ),
        TimeError::Unexpected(character) => {
            line.alert(1, format!("unexpected character '{character}' in argument to <{name}>."))
        }
    })?;
    let seconds = time.as_millis().div_ceil(1_000) as u64;
    if seconds > SECONDS_MOST {
        return Ok(beyond(line, &format!("1 to {SECONDS_MOST} seconds"), reports));
    }
    Ok(Some(Duration::from_secs(seconds)).filter(|time| !time.is_zero()))
}

fn argument(line: Line<'_>) -> Result<&str, Diagnostic> {
    let name = line.keyword();
    line.ends_at(2, name)?;
    Some(line.word(1))
        .filter(|word| !word.is_empty())
        .ok_or_else(|| line.alert(1, format!("'{name}' expects an integer value")))
}

/// HAProxy asks the kernel for it all the same, and does not say that the kernel refuses.
fn beyond<T>(line: Line<'_>, range: &str, reports: &mut Reports) -> Option<T> {
    let message = format!("'{}' : the kernel takes {range}, so this has no effect.", line.keyword());
    reports.push(Diagnostic::warning(Lead::Spaced, line.span(1), message));
    None
}
