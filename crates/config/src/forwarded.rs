//! Reads `option forwarded` (configuration.txt, 3.4, §4.2 "option forwarded").

use crate::diagnostic::{Diagnostic, Lead};
use crate::line::Line;
use crate::reports::Reports;

/// What servers are told in `Forwarded` (RFC 7239).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Forwarded {
    pub has_proto: bool,
    pub has_host: bool,
    pub has_by: bool,
    /// Of [`has_by`](Self::has_by).
    pub has_by_port: bool,
    pub has_for: bool,
    /// Of [`has_for`](Self::has_for).
    pub has_for_port: bool,
}

/// `None`: something in it is refused.
pub(crate) fn read(line: Line<'_>, reports: &mut Reports) -> Result<Option<Forwarded>, Diagnostic> {
    let mut read = Forwarded::default();
    if line.count() == 2 {
        return Ok(Some(Forwarded { has_proto: true, has_for: true, ..read }));
    }
    for at in 2..line.count() {
        let said = match line.word(at) {
            "proto" => &mut read.has_proto,
            "host" => &mut read.has_host,
            "by" => &mut read.has_by,
            "by_port" => &mut read.has_by_port,
            "for" => &mut read.has_for,
            "for_port" => &mut read.has_for_port,
            word @ ("host-expr" | "by-expr" | "by_port-expr" | "for-expr" | "for_port-expr") => {
                reports.refuse(line.span(at), format!("option forwarded {word}"));
                return Ok(None);
            }
            _ => {
                let message = "'option forwarded' only supports optional values: 'proto', 'host', 'host-expr', 'by', \
                               'by-expr', 'by_port', 'by_port-expr', 'for', 'for-expr', 'for_port' and 'for_port-expr'.";
                return Err(line.alert(at, message));
            }
        };
        *said = true;
    }
    for (port, has_port, name, has_name) in
        [("by_port", read.has_by_port, "by", read.has_by), ("for_port", read.has_for_port, "for", read.has_for)]
    {
        if has_port && !has_name {
            let message = format!(
                "'option forwarded' : '{port}' will be ignored because both '{name}' and '{name}-expr' are unset"
            );
            reports.push(Diagnostic::warning(Lead::Spaced, line.span_from(0), message));
        }
    }
    Ok(Some(read))
}
