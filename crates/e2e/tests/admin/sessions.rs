//! Sessions that operators look at, choose and end.

use std::time::Duration;

use super::Rig;
use e2e::Subject;

e2e::scenarios! {
    shared: [
        sessions_of_a_server_are_ended,
        sessions_are_shown_and_ended,
    ],
    alone: [],
}

fn sessions_of_a_server_are_ended(subject: Subject) {
    let rig = Rig::start(subject);
    let (mut meant, mut other) = (rig.proxy.connect("fe"), rig.proxy.connect("ls"));
    meant.ask("hello");
    other.ask("hello");
    assert_eq!(rig.admin.ask("shutdown sessions server be/s1"), "\n");
    assert!(meant.try_line().is_err(), "it was told to end");
    rig.admin.wait_for("be", "s1", "scur", "0");
    assert_eq!(other.ask("still"), "still");
    assert_eq!(rig.admin.ask("shutdown sessions server be/nobody"), "No such server.\n\n");
    rig.visit("fe");
}

fn sessions_are_shown_and_ended(subject: Subject) {
    let rig = Rig::start(subject);
    let (mut meant, mut other) = (rig.proxy.connect("fe"), rig.proxy.connect("fe"));
    meant.ask("hello");
    other.ask("hello");
    let shown = rig.admin.ask("show sess");
    let source = format!(" src={} fe=fe be=be srv=s1 ", meant.address());
    let line = shown.lines().find(|line| line.contains(&source)).unwrap_or_else(|| panic!("{source} in {shown}"));
    assert!(line.contains(": proto=tcpv4 "), "{line}");
    let id = line.split(':').next().expect("an id");
    assert!(rig.admin.ask(&format!("show sess {id}")).starts_with(id));
    assert_eq!(rig.admin.ask(&format!("shutdown session {id}")), "\n");
    assert!(meant.try_line().is_err(), "it was told to end");
    rig.admin.wait_for("be", "s1", "scur", "1");
    assert_eq!(other.ask("still"), "still");
    assert_eq!(rig.admin.ask("show sess 0x1"), "Session not found.\n\n");
    assert_eq!(rig.admin.ask("shutdown session 0x1"), "No such session (use 'show sess').\n\n");
    assert_eq!(rig.admin.ask("shutdown session"), "Session pointer expected (use 'show sess').\n\n");
}

/// HAProxy 3's; 2.6 has neither.
#[test]
fn sessions_are_chosen_and_time_passes() {
    let rig = Rig::start(Subject::Tidegate);
    let (mut front, mut listen) = (rig.proxy.connect("fe"), rig.proxy.connect("ls"));
    front.ask("hello");
    listen.ask("hello");
    let count = |filter: &str| rig.admin.ask(&format!("show sess {filter}")).matches(": proto=tcpv4 ").count();
    for (filter, expect) in [
        ("", 2),
        ("all", 2),
        ("frontend fe", 1),
        ("frontend refused", 0),
        ("backend ls", 1),
        ("server be/s1", 1),
        ("server be/s2", 0),
        ("older 0", 2),
        ("older 1h", 0),
    ] {
        assert_eq!(count(filter), expect, "{filter}");
    }
    assert_eq!(rig.admin.ask("show sess frontend nope"), "No such frontend.\n\n");
    assert!(rig.admin.ask("show sess help").starts_with("Usage: show sess "));
    let begun = std::time::Instant::now();
    assert_eq!(rig.admin.ask("wait 200; show cli level"), "Done.\n\nadmin\n\n");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(rig.admin.ask("wait 1s srv-removable be/s1").starts_with("Conditions are not supported."));
}
