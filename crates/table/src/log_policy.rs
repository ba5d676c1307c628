//! What a frontend tells of its sessions, when, and to whom (`configuration.txt` §8.3).

use crate::{Captured, Expression, Facts, LogLine, Table};

/// What samples were when the line was due, in the order of their pieces; `None`: not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    pub line: Box<[Captured]>,
    pub structured: Box<[Captured]>,
}

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
    has_samples: bool,
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
            has_samples: false,
        };
        policy.with(None, None, LogOptions::default())
    }

    /// The other two lines, and the options.
    pub fn with(self, error_line: Option<LogLine>, structured: Option<LogLine>, options: LogOptions) -> LogPolicy {
        let policy = LogPolicy { error_line, structured, options, ..self };
        let (is_late, has_source) = (policy.lines().any(LogLine::is_late), policy.lines().any(LogLine::has_source));
        let has_samples = policy.lines().any(|line| line.samples().next().is_some());
        LogPolicy { is_late, has_source, has_samples, ..policy }
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

    /// The line that tells of a session, or of a connection that never became one.
    pub fn line(&self, is_stillborn: bool) -> Option<&LogLine> {
        match (&self.format, &self.error_line) {
            (_, error_line) if is_stillborn => error_line.as_ref(),
            (LogFormat::Line(line), _) => Some(line),
            (LogFormat::Connect, _) => None,
        }
    }

    /// What the samples of its lines are now; `None` where they have none.
    pub fn sampled(&self, is_stillborn: bool, facts: &Facts<'_>) -> Option<Box<Sampled>> {
        let all = |line: &LogLine| {
            let value = |expression: &Expression| Some(expression.value(facts)?.into_bytes().into());
            line.samples().map(value).collect()
        };
        self.has_samples.then(|| {
            let line = self.line(is_stillborn).map(all).unwrap_or_default();
            let structured = self.structured.as_ref().map(all).unwrap_or_default();
            Box::new(Sampled { line, structured })
        })
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.lines().flat_map(LogLine::samples).all(|expression| expression.fits(table))
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
