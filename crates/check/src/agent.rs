//! What an agent says of its server (CFG 5.2, `agent-check`): one line of words, in any order and any case.
//!
//! | word | means |
//! |---|---|
//! | `up`, `down`, `stopped`, `fail` | the server's health |
//! | `ready`, `drain`, `maint` | its administrative state |
//! | `75%` | its weight, of that in the file |
//! | `maxconn:N` | its limit of connections |
//! | `#…` to the end | a remark about its health |
//!
//! Of two words of a kind the last one counts. Whoever runs the check does what the line says, in this order: state, weight, limit,
//! health; what it could not do is told with the outcome.

use std::time::Duration;

use proxyline::Version;

use crate::script::{Action, Script, ScriptBuilder, Timeouts};
use crate::{Outcome, Status};

/// An agent's line, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The word for its health, as it was said, and whether it means up.
    health: Option<(String, bool)>,
    /// What it says of the administrative state.
    pub order: Option<Order>,
    /// `75%`
    pub weight: Option<String>,
    /// What stands behind `maxconn:`.
    pub maxconn: Option<String>,
    /// The first word that means nothing.
    unknown: Option<String>,
    remark: String,
}

/// An administrative state, as agents call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ready,
    Drain,
    Maint,
}

/// A check that asks an agent: what is said to it first, if anything; the outcome is its line, for [`Report::of`].
pub fn agent_script(says: &[u8], timeouts: Timeouts) -> Script {
    let mut script = ScriptBuilder::new(None::<Version>);
    script.send(says);
    script.step(Action::HearLine, None);
    script.build(timeouts)
}

impl Report {
    /// Reads the outcome of an [`agent_script`]; `None` if the agent did not say a line.
    pub fn of(outcome: &Outcome) -> Option<Report> {
        (outcome.status == Status::Unchanged).then(|| Report::read(&outcome.info))
    }

    fn read(line: &[u8]) -> Report {
        let mut report = Report::default();
        let mut rest = line;
        loop {
            let blanks = rest.iter().take_while(|&&byte| is_between(byte)).count();
            rest = &rest[blanks..];
            match rest.first() {
                None => return report,
                Some(b'#') => {
                    report.remark = String::from_utf8_lossy(rest[1..].trim_ascii_start()).into_owned();
                    return report;
                }
                Some(_) => {
                    let (word, behind) = rest.split_at(rest.iter().take_while(|&&byte| !is_between(byte)).count());
                    report.take(&String::from_utf8_lossy(word));
                    rest = behind;
                }
            }
        }
    }

    fn take(&mut self, word: &str) {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "up" => self.health = Some((word.to_string(), true)),
            "down" | "stopped" | "fail" => self.health = Some((word.to_string(), false)),
            "ready" => self.order = Some(Order::Ready),
            "drain" => self.order = Some(Order::Drain),
            "maint" => self.order = Some(Order::Maint),
            _ if lower.starts_with("maxconn:") => self.maxconn = Some(word["maxconn:".len()..].to_string()),
            _ if lower.starts_with(|first: char| first.is_ascii_digit()) && lower.contains('%') => {
                self.weight = Some(word.to_string());
            }
            _ => self.unknown = self.unknown.take().or_else(|| Some(word.to_string())),
        }
    }

    /// What is told of it. `warning` is what was wrong with its weight or its limit.
    pub fn outcome(&self, warning: Option<&str>, duration: Duration) -> Outcome {
        let complaint = self.unknown.as_deref().or(warning);
        let (status, info) = match (&self.health, &self.unknown, warning) {
            (Some((word, is_up)), _, _) => {
                // That it is down is too important to speak of anything else.
                let about = if self.remark.is_empty() || *is_up { complaint } else { None };
                let about = about.unwrap_or(&self.remark);
                let about = if about.is_empty() { String::new() } else { format!(" ({about})") };
                let status = if *is_up { Status::Layer7Passed } else { Status::Layer7WrongStatus };
                (status, format!("via agent : {word}{about}"))
            }
            (None, Some(word), _) => (Status::Unchanged, format!("agent reports an error : {word}")),
            (None, None, Some(warning)) => (Status::Unchanged, format!("agent warns : {warning}")),
            (None, None, None) => (Status::Unchanged, String::new()),
        };
        Outcome { status, code: 0, info: info.into_bytes(), duration }
    }
}

/// What divides words.
fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str, warning: Option<&str>) -> String {
        let outcome = Report::read(line.as_bytes()).outcome(warning, Duration::ZERO);
        format!("{} {}", outcome.status.word(), String::from_utf8_lossy(&outcome.info)).trim_end().to_string()
    }

    /// As HAProxy 2.6 took the same lines.
    #[test]
    fn what_is_told_of_a_line() {
        for (line, warning, expected) in [
            ("up", None, "L7OK via agent : up"),
            ("Down", None, "L7STS via agent : Down"),
            ("stopped", None, "L7STS via agent : stopped"),
            ("up foo", None, "L7OK via agent : up (foo)"),
            ("50%,up,ready#x", None, "L7OK via agent : up (ready#x)"),
            ("down #some reason, here", None, "L7STS via agent : down (some reason, here)"),
            ("down #some reason here", Some("odd"), "L7STS via agent : down (some reason here)"),
            ("down x", Some("odd"), "L7STS via agent : down (x)"),
            ("up #fine", None, "L7OK via agent : up (fine)"),
            ("up #fine", Some("odd"), "L7OK via agent : up (odd)"),
            ("10% up down", None, "L7STS via agent : down"),
            ("down#gone", None, "CHECKED agent reports an error : down#gone"),
            ("-5%", None, "CHECKED agent reports an error : -5%"),
            ("maxconn:x", Some("odd"), "CHECKED agent warns : odd"),
            ("50%", None, "CHECKED"),
            ("", None, "CHECKED"),
        ] {
            assert_eq!(told(line, warning), expected, "{line}");
        }
    }

    #[test]
    fn the_last_of_a_kind_counts() {
        let report = Report::read(b"\t75% MAINT,Drain maxconn:1 MaxConn:30 100% # 3%");
        assert_eq!((report.order, report.weight.as_deref()), (Some(Order::Drain), Some("100%")));
        assert_eq!((report.maxconn.as_deref(), report.remark.as_str()), (Some("30"), "3%"));
    }

    #[test]
    fn any_bytes_are_a_line() {
        let report = Report::read(b"\xff\x00 maxconn:\xc3\xa9 %");
        assert_eq!(report.maxconn.as_deref(), Some("é"));
        assert_eq!(told("ümaxconn", None), "CHECKED agent reports an error : ümaxconn");
    }
}
