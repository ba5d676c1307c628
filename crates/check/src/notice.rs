//! The log lines of a server that goes up or down, and of a backend that loses its last server.
//!
//! Alerting rules match these lines word for word, so they are HAProxy's to the last full stop.

use std::fmt;

use crate::Outcome;

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How urgent it is.
    pub severity: Severity,
    /// The text, without time, tag or end of line.
    pub text: String,
}

/// The severities of RFC 5424 §6.2.1 that these lines have. The number is the one that a syslog priority contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is served any more.
    Emergency = 0,
    /// Somebody must look.
    Alert = 1,
    /// Normal, but worth knowing.
    Notice = 5,
}

/// Which server. Displays the beginning of a line, such as `Backup Server px/b1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerName<'a> {
    /// The name of the backend.
    pub backend: &'a str,
    /// The name of the server in it.
    pub server: &'a str,
    /// Whether the server line says `backup`.
    pub is_backup: bool,
}

/// How many servers of the backend can be used after the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usable {
    /// Those that are not backups.
    pub active: usize,
    /// Those that are.
    pub backup: usize,
}

/// What the change meant to the streams of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// On the server now.
    pub current: usize,
    /// Taken out of its queue to be balanced again.
    pub requeued: usize,
    /// Waiting in the backend.
    pub queued: usize,
}

/// A server was taken out of use by a check.
pub fn server_down(name: ServerName<'_>, outcome: &Outcome, left: Usable, streams: Streams) -> Notice {
    let Usable { active, backup } = left;
    let Streams { current, requeued, queued } = streams;
    let on_backup = left.on_backup();
    let text = format!(
        "{name} is DOWN, {outcome}. {active} active and {backup} backup servers left.{on_backup} \
         {current} sessions active, {requeued} requeued, {queued} remaining in queue."
    );
    Notice { severity: Severity::Alert, text }
}

/// A server was taken into use by a check. `requeued` streams were given to it, `queued` are left in the backend.
pub fn server_up(name: ServerName<'_>, outcome: &Outcome, online: Usable, requeued: usize, queued: usize) -> Notice {
    let Usable { active, backup } = online;
    let on_backup = online.on_backup();
    let text = format!(
        "{name} is UP, {outcome}. {active} active and {backup} backup servers online.{on_backup} \
         {requeued} sessions requeued, {queued} total in queue."
    );
    Notice { severity: Severity::Notice, text }
}

/// No server of the backend can be used any more. It follows the line of the last one.
pub fn backend_down(backend: &str) -> Notice {
    Notice { severity: Severity::Emergency, text: format!("backend {backend} has no server available!") }
}

impl Usable {
    fn on_backup(self) -> &'static str {
        if self.active == 0 && self.backup > 0 { " Running on backup." } else { "" }
    }
}

impl fmt::Display for ServerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_backup { "Backup Server" } else { "Server" };
        write!(f, "{kind} {}/{}", self.backend, self.server)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Status;

    const IDLE: Streams = Streams { current: 0, requeued: 0, queued: 0 };

    fn outcome(status: Status, info: &str, millis: u64) -> Outcome {
        Outcome { status, code: 0, info: info.as_bytes().to_vec(), duration: Duration::from_millis(millis) }
    }

    fn active(server: &str) -> ServerName<'_> {
        ServerName { backend: "px", server, is_backup: false }
    }

    fn check(notice: Notice, severity: u8, text: &str) {
        assert_eq!(notice.text, text);
        assert_eq!(notice.severity as u8, severity);
    }

    /// The lines as HAProxy 2.6.12 logged them, with their severities.
    #[test]
    fn as_logged_by_haproxy() {
        let refused = &outcome(Status::Layer4Failed, "Connection refused", 0);
        let passed = &outcome(Status::Layer4Passed, "", 0);
        let backup = ServerName { backend: "px", server: "b1", is_backup: true };
        check(
            server_down(active("s1"), refused, Usable { active: 2, backup: 0 }, IDLE),
            1,
            "Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. \
             2 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        );
        check(
            server_down(active("s1"), refused, Usable { active: 0, backup: 1 }, IDLE),
            1,
            "Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. \
             0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.",
        );
        check(
            server_down(active("t1"), &outcome(Status::Layer4TimedOut, "", 301), Usable { active: 0, backup: 0 }, IDLE),
            1,
            "Server px/t1 is DOWN, reason: Layer4 timeout, check duration: 301ms. \
             0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        );
        check(
            server_down(backup, refused, Usable { active: 1, backup: 0 }, IDLE),
            1,
            "Backup Server px/b1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", \
             check duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, \
             0 remaining in queue.",
        );
        check(
            server_up(active("s1"), passed, Usable { active: 1, backup: 1 }, 0, 0),
            5,
            "Server px/s1 is UP, reason: Layer4 check passed, check duration: 0ms. \
             1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
        );
        check(
            server_up(backup, passed, Usable { active: 1, backup: 1 }, 0, 0),
            5,
            "Backup Server px/b1 is UP, reason: Layer4 check passed, check duration: 0ms. \
             1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
        );
        check(backend_down("px"), 0, "backend px has no server available!");
    }

    #[test]
    fn every_count_has_its_place() {
        let streams = Streams { current: 3, requeued: 4, queued: 5 };
        let passed = &outcome(Status::Layer4Passed, "", 6);
        let down = server_down(active("s1"), passed, Usable { active: 1, backup: 2 }, streams).text;
        assert!(down.ends_with(
            "check duration: 6ms. 1 active and 2 backup servers left. \
             3 sessions active, 4 requeued, 5 remaining in queue."
        ));
        let up = server_up(active("s1"), passed, Usable { active: 0, backup: 2 }, 4, 5).text;
        assert!(up.ends_with(
            "0 active and 2 backup servers online. Running on backup. 4 sessions requeued, 5 total in queue."
        ));
    }
}
