//! What a frontend tells of its sessions, when, and to whom (`configuration.txt` §8.3).

use crate::LogLine;

/// What a frontend logs, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPolicy {
    /// Places in [`Table::log_targets`](crate::Table::log_targets); empty is silence.
    pub targets: Vec<usize>,
    pub format: LogFormat,
    /// `error-log-format`: the line of a connection that never became a session.
    pub error_line: Option<LogLine>,
    /// `log-format-sd`: the structured data of RFC 5424.
    pub structured: Option<LogLine>,
    pub options: LogOptions,
    is_late: bool,
    has_source: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `Connect from …` when the connection arrives.
    Connect,
    /// `option tcplog`, `log-format`: one line for a session.
    Line(LogLine),
}

/// `option logasap` and its kin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// `logasap`: the line is written once the server is connected, with a `+` before what is not known yet.
    pub is_early: bool,
    /// `dontlognull`: no line without a byte from the client.
    pub skips_null: bool,
    /// `dontlog-normal`: no line for a session without trouble.
    pub skips_normal: bool,
    /// `log-separate-errors`: lines of sessions with trouble have the level `err`.
    pub separates_errors: bool,
}

impl LogPolicy {
    /// These targets, this format, and nothing else said.
    pub fn new(targets: Vec<usize>, format: LogFormat) -> LogPolicy {
        let policy = LogPolicy {
            targets,
            format,
            error_line: None,
            structured: None,
            options: LogOptions::default(),
            is_late: false,
            has_source: false,
        };
        policy.with(None, None, LogOptions::default())
    }

    /// The other two lines, and the options.
    pub fn with(self, error_line: Option<LogLine>, structured: Option<LogLine>, options: LogOptions) -> LogPolicy {
        let policy = LogPolicy { error_line, structured, options, ..self };
        let (is_late, has_source) = (policy.lines().any(LogLine::is_late), policy.lines().any(LogLine::has_source));
        LogPolicy { is_late, has_source, ..policy }
    }

    /// Whether the line of a session is due when its server is connected; else it is when the session has ended. One of its
    /// lines that has to wait makes all wait.
    pub fn tells_connected(&self) -> bool {
        match self.format {
            LogFormat::Connect => false,
            LogFormat::Line(_) => self.options.is_early || !self.is_late,
        }
    }

    /// Whether a line shows the address that the server was connected from.
    pub fn has_source(&self) -> bool {
        self.has_source && !self.targets.is_empty()
    }

    fn lines(&self) -> impl Iterator<Item = &LogLine> {
        let line = match &self.format {
            LogFormat::Connect => None,
            LogFormat::Line(line) => Some(line),
        };
        [line, self.error_line.as_ref(), self.structured.as_ref()].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Piece, Style};

    fn line(fields: &[Field]) -> LogLine {
        LogLine::new(fields.iter().map(|&field| Piece::Field(field, Style::default())).collect())
    }

    /// When HAProxy 2.6.12 wrote the line of a session that went on for a while.
    #[test]
    fn when_a_line_is_due() {
        let check = |format: &[Field], error: &[Field], structured: &[Field], is_early, expected| {
            let policy = LogPolicy::new(vec![0], LogFormat::Line(line(format)));
            let options = LogOptions { is_early, ..LogOptions::default() };
            let policy = policy.with(Some(line(error)), Some(line(structured)), options);
            assert_eq!(policy.tells_connected(), expected, "{format:?} {error:?} {structured:?} {is_early}");
        };
        check(&[Field::ClientIp, Field::Server], &[], &[], false, true);
        check(&[Field::TerminationCookies], &[], &[], false, true);
        check(&[Field::ClientIp, Field::BytesIn], &[], &[], false, false);
        check(&[Field::Termination], &[], &[], false, false);
        check(&[Field::ClientIp], &[Field::TotalTime], &[], false, false);
        check(&[Field::ClientIp], &[], &[Field::BytesOut], false, false);
        check(&[Field::ClientIp], &[], &[Field::Backend], false, true);
        check(&[Field::BytesOut], &[], &[], true, true);
        assert!(!LogPolicy::new(vec![0], LogFormat::Connect).tells_connected());
        assert!(!LogPolicy::new(vec![0], LogFormat::Line(LogLine::tcplog())).tells_connected());
    }

    #[test]
    fn an_address_that_costs_a_call_is_asked_for_only_if_it_is_shown() {
        let of = |targets, fields: &[Field]| LogPolicy::new(targets, LogFormat::Line(line(fields))).has_source();
        assert!(of(vec![0], &[Field::ClientIp, Field::SourcePort]));
        assert!(!of(vec![], &[Field::SourcePort]), "nobody is told");
        assert!(!of(vec![0], &[Field::ClientIp]));
    }
}
