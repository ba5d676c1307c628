//! What the socket of `-S` answers as HAProxy's master (`management.txt` §9.4).

use super::client::Answer;
use super::commands::{Call, Run, Spec, spec};
use super::desk::Desk;
use super::{manners, tell};
use config::Access;
use std::fmt::Write;
use std::time::Duration;

pub(super) const TABLE: &[Spec] = &[
    spec(&["reload"], "reload", "read the configuration again, and say how it went", Access::Admin, Run::Reload),
    spec(
        &["show", "proc"],
        "show proc [debug]",
        "the process, as the master and as its worker",
        Access::Operator,
        Run::Desk(processes),
    ),
    spec(
        &["show", "startup-logs"],
        "show startup-logs",
        "what was said of the configuration when it was read last",
        Access::Operator,
        Run::Desk(startup_logs),
    ),
    manners::LEVEL,
    spec(
        &["show", "version"],
        "show version",
        "version of HAProxy whose behaviour is followed",
        Access::User,
        Run::Client(tell::version),
    ),
    manners::OPERATOR,
    manners::USER,
    manners::HELP,
    manners::PROMPT,
    manners::QUIT,
];

/// What `help` says of the prefixes.
pub(super) const PREFIXES: &str = "  @!<pid>                                 : send a command to the <pid> process\n  \
     @<relative pid>                         : send a command to the <relative pid> process\n  \
     @master                                 : send a command to the master process\n";

/// `show proc`: one process in two rows.
fn processes(desk: &mut Desk<'_>, _: &Call<'_>) -> Answer {
    let facts = desk.facts();
    let (pid, version) = (facts.process.pid, config::COMPATIBLE_VERSION);
    let reloads = desk.reloads;
    let row = |kind: &str, count: &str, age: Duration| {
        format!("{pid:<15} {kind:<15} {count:<15} {:<15} {version:<15}\n", uptime(age))
    };
    let mut text =
        format!("{:<15} {:<15} {:<15} {:<15} {:<15}\n", "#<PID>", "<type>", "<reloads>", "<uptime>", "<version>");
    let counts = format!("{} [failed: {}]", reloads.count(), reloads.failures());
    text.push_str(&row("master", &counts, facts.uptime()));
    // A string takes this.
    let _ = write!(text, "# workers\n{}", row("worker", "0", reloads.age(facts.now.instant)));
    text.into()
}

fn startup_logs(desk: &mut Desk<'_>, _: &Call<'_>) -> Answer {
    desk.reloads.said().into()
}

/// As HAProxy writes it here: `0d00h00m01s`.
fn uptime(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{days}d{hours:02}h{minutes:02}m{:02}s", seconds % 60)
}
