//! The log lines of a server that goes up or down, or wants nobody new.
//!
//! Alerting rules match these lines word for word, so they are HAProxy's to the last full stop.

use std::fmt;
use std::sync::Arc;

use crate::{Health, Outcome, Status};

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

/// What made a server change. Displays what lines say of it, such as `, reason: Layer4 timeout, check duration: 1ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A check found this.
    Found(Outcome),
    /// Somebody said so on an admin socket.
    Operator,
    /// A line before this one has said it ([`checked`]).
    Told,
    /// The server that it tracks has changed: its names.
    Via { backend: Arc<str>, server: Arc<str> },
}

/// What a line about a check begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Server,
    Agent,
}

/// What one check found, and where the server stands now (CFG 4.2, `option log-health-checks`).
pub fn checked(asked: Asked, name: ServerName<'_>, outcome: &Outcome, health: &Health, is_drained: bool) -> Notice {
    let ServerName { backend, server, is_backup } = name;
    let asked = match asked {
        Asked::Server => "Health",
        Asked::Agent => "Agent",
    };
    let kind = if is_backup { "backup server" } else { "server" };
    let verdict = match (outcome.status, outcome.status.is_passed()) {
        (Status::Layer7PassedConditionally, _) => "conditionally succeeded",
        (_, true) => "succeeded",
        (_, false) => "failed",
    };
    let word = match (health.is_up(), is_drained) {
        (true, true) => "DRAIN",
        (true, false) => "UP",
        (false, _) => "DOWN",
    };
    let (points, most) = health.progress();
    let text =
        format!("{asked} check for {kind} {backend}/{server} {verdict}, {outcome}, status: {points}/{most} {word}.");
    Notice { severity: Severity::Notice, text }
}

/// A server was taken out of use. That is less urgent if it wanted nobody new anyway.
pub fn server_down(name: ServerName<'_>, why: &Why, left: Usable, streams: Streams, was_stopping: bool) -> Notice {
    let Streams { current, requeued, queued } = streams;
    let text = format!(
        "{name} is DOWN{why}. {} {current} sessions active, {requeued} requeued, {queued} remaining in queue.",
        left.words("left")
    );
    Notice { severity: if was_stopping { Severity::Notice } else { Severity::Alert }, text }
}

/// A server was taken into use. `requeued` streams were given to it, `queued` are left in the backend.
pub fn server_up(name: ServerName<'_>, why: &Why, online: Usable, requeued: usize, queued: usize) -> Notice {
    let online = online.words("online");
    let text = format!("{name} is UP{why}. {online} {requeued} sessions requeued, {queued} total in queue.");
    Notice { severity: Severity::Notice, text }
}

/// A server wants nobody new, and serves on whom it has (CFG 4.2, `http-check disable-on-404`).
pub fn server_stopping(name: ServerName<'_>, why: &Why, online: Usable, requeued: usize, queued: usize) -> Notice {
    let online = online.words("online");
    let text = format!("{name} is stopping{why}. {online} {requeued} sessions requeued, {queued} total in queue.");
    Notice { severity: Severity::Notice, text }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Found(outcome) => write!(f, ", {outcome}"),
            Why::Operator => f.write_str(", changed from CLI"),
            Why::Told => Ok(()),
            Why::Via { backend, server } => write!(f, " via {backend}/{server}"),
        }
    }
}

impl Usable {
    /// `1 active and 0 backup servers left.`
    pub fn words(self, verb: &str) -> String {
        let Usable { active, backup } = self;
        let on_backup = if active == 0 && backup > 0 { " Running on backup." } else { "" };
        format!("{active} active and {backup} backup servers {verb}.{on_backup}")
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
    use crate::Settings;

    const IDLE: Streams = Streams { current: 0, requeued: 0, queued: 0 };

    fn found(status: Status, info: &str, millis: u64) -> Why {
        let duration = Duration::from_millis(millis);
        Why::Found(Outcome { status, code: 0, info: info.as_bytes().to_vec(), duration })
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
        let refused = &found(Status::Layer4Failed, "Connection refused", 0);
        let passed = &found(Status::Layer4Passed, "", 0);
        let backup = ServerName { backend: "px", server: "b1", is_backup: true };
        check(
            server_down(active("s1"), refused, Usable { active: 2, backup: 0 }, IDLE, false),
            1,
            "Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. \
             2 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        );
        check(
            server_down(active("s1"), refused, Usable { active: 0, backup: 1 }, IDLE, false),
            1,
            "Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. \
             0 active and 1 backup servers left. Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue.",
        );
        check(
            server_down(
                active("t1"),
                &found(Status::Layer4TimedOut, "", 301),
                Usable { active: 0, backup: 0 },
                IDLE,
                false,
            ),
            1,
            "Server px/t1 is DOWN, reason: Layer4 timeout, check duration: 301ms. \
             0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue.",
        );
        check(
            server_down(backup, refused, Usable { active: 1, backup: 0 }, IDLE, false),
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
        let stopping = Why::Found(Outcome {
            status: Status::Layer7PassedConditionally,
            code: 404,
            info: Vec::new(),
            duration: Duration::ZERO,
        });
        check(
            server_stopping(active("s1"), &stopping, Usable { active: 1, backup: 1 }, 0, 0),
            5,
            "Server px/s1 is stopping, reason: Layer7 check conditionally passed, code: 404, check duration: 0ms. \
             1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
        );
        check(
            server_down(active("s1"), &Why::Operator, Usable { active: 0, backup: 0 }, IDLE, true),
            5,
            "Server px/s1 is DOWN, changed from CLI. 0 active and 0 backup servers left. 0 sessions active, \
             0 requeued, 0 remaining in queue.",
        );
    }

    /// As HAProxy 2.6 logged them, with `rise 2` and `fall 3`.
    #[test]
    fn single_checks() {
        let (mut health, duration) = (Health::new(Settings::default()), Duration::from_millis(7));
        let backup = ServerName { backend: "px", server: "b1", is_backup: true };
        for (asked, name, status, is_drained, text) in [
            (
                Asked::Server,
                active("s1"),
                Status::Layer4Passed,
                false,
                "Health check for server px/s1 succeeded, reason: Layer4 check passed, check duration: 7ms, status: 3/3 UP.",
            ),
            (
                Asked::Server,
                backup,
                Status::Layer7PassedConditionally,
                true,
                "Health check for backup server px/b1 conditionally succeeded, reason: Layer7 check conditionally passed, \
                 code: 0, check duration: 7ms, status: 3/3 DRAIN.",
            ),
            (
                Asked::Agent,
                active("s1"),
                Status::Layer7TimedOut,
                false,
                "Agent check for server px/s1 failed, reason: Layer7 timeout, check duration: 7ms, status: 2/3 UP.",
            ),
        ] {
            health.observe(status);
            let outcome = Outcome { status, code: 0, info: Vec::new(), duration };
            check(checked(asked, name, &outcome, &health, is_drained), 5, text);
        }
    }

    #[test]
    fn every_count_has_its_place() {
        let streams = Streams { current: 3, requeued: 4, queued: 5 };
        let passed = &found(Status::Layer4Passed, "", 6);
        let down = server_down(active("s1"), passed, Usable { active: 1, backup: 2 }, streams, false).text;
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
