//! Reads what sections of HTTP say of asking servers: over which connections, under which name, and when again (configuration.txt §4.2).

use crate::diagnostic::Diagnostic;
use crate::field_name;
use crate::line::Line;
use crate::reports::Reports;
use crate::tree::{RetryEvent, Reuse};

/// `http-send-name-header NAME`; `None`: it is refused.
pub(crate) fn name_header(line: Line<'_>, reports: &mut Reports) -> Result<Option<String>, Diagnostic> {
    let name = line.word(1);
    if name.is_empty() {
        return Err(line.alert(1, "'http-send-name-header' requires a header string."));
    }
    field_name::must_be_one(name).map_err(|message| line.alert(1, format!("http-send-name-header : {message}.")))?;
    if field_name::is_of_connection(name) {
        reports.refuse_with(line.span(1), format!("http-send-name-header {name}"), field_name::WHY);
        return Ok(None);
    }
    Ok(Some(name.to_string()))
}

pub(crate) fn http_reuse(line: Line<'_>) -> Result<Reuse, Diagnostic> {
    line.ends_at(2, "http-reuse")?;
    Ok(match line.word(1) {
        "never" => Reuse::Never,
        "safe" => Reuse::Safe,
        "aggressive" => Reuse::Aggressive,
        "always" => Reuse::Always,
        _ => return Err(line.alert(1, "'http-reuse' only supports 'never', 'safe', 'aggressive', 'always'.")),
    })
}

/// `max-keep-alive-queue COUNT`: `None` is without limit.
pub(crate) fn keep_alive_queue(line: Line<'_>) -> Result<Option<u32>, Diagnostic> {
    let word = line.word(1);
    line.ends_at(2, "max-keep-alive-queue")?;
    if word.is_empty() {
        let message = "'max-keep-alive-queue' expects expects an integer value (or -1 to disable)";
        return Err(line.alert(1, message));
    }
    let digits = word.strip_prefix('-').unwrap_or(word);
    if let Some(odd) = digits.chars().find(|character| !character.is_ascii_digit()) {
        let message = format!("'max-keep-alive-queue' : unexpected character '{odd}' in integer value '{word}'");
        return Err(line.alert(1, message));
    }
    // What is more than there can be is no limit, either.
    Ok(digits.parse().ok().filter(|_| !word.starts_with('-')))
}

/// `retry-on WORD …`. Early data is never sent to a server, so none of it is refused (`0rtt-rejected`).
pub(crate) fn retry_on(line: Line<'_>) -> Result<Vec<RetryEvent>, Diagnostic> {
    const STATUSES: [u16; 10] = [401, 403, 404, 408, 425, 500, 501, 502, 503, 504];
    use RetryEvent::{ConnFailure, EmptyResponse, JunkResponse, ResponseTimeout, Status};
    let words: Vec<&str> = (1..).map(|at| line.word(at)).take_while(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err(line.alert(0, "'retry-on' needs at least one keyword to specify when to retry"));
    }
    if words.len() > 1 && words.contains(&"none") {
        return Err(line.alert(1, "'retry-on' 'none' keyworld only usable alone"));
    }
    let mut events = Vec::new();
    for (at, word) in (1..).zip(words) {
        match word {
            "none" | "0rtt-rejected" => (),
            "conn-failure" => events.push(ConnFailure),
            "empty-response" => events.push(EmptyResponse),
            "junk-response" => events.push(JunkResponse),
            "response-timeout" => events.push(ResponseTimeout),
            "all-retryable-errors" => {
                events.extend([ConnFailure, EmptyResponse, JunkResponse, ResponseTimeout]);
                events.extend([500, 502, 503, 504].map(Status));
            }
            _ => {
                let status = word.parse().ok().filter(|status| STATUSES.contains(status));
                let unknown = || line.alert(at, format!("'retry-on': unknown keyword '{word}'"));
                events.push(Status(status.ok_or_else(unknown)?));
            }
        }
    }
    Ok(events)
}
