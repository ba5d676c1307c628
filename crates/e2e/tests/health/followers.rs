//! Servers whose health is that of others, or is given before the first check.

use super::{started, told_since};
use e2e::{Origin, Subject};

e2e::scenarios! {
    shared: [
        servers_that_follow_another,
    ],
    alone: [],
}

/// What is told when `px/s1` leaves, and with it all who follow it: `line` makes one of a name, whom it follows, and how many
/// active and backup servers are left.
fn all_leave(line: impl Fn(&str, &str, u32, u32) -> String) -> [String; 7] {
    [
        line("Server px/s1", "", 1, 1),
        line("Server other/t1", " via px/s1", 1, 0),
        line("Server other/t2", " via other/t1", 0, 0),
        "<144>backend other has no server available!".to_owned(),
        line("Backup Server px/b1", " via px/s1", 1, 0),
        line("Server px/s2", " via px/s1", 0, 0),
        "<144>backend px has no server available!".to_owned(),
    ]
}

/// `configuration.txt`: track. Health and administrative state, in this backend and another, over two steps.
fn servers_that_follow_another(subject: Subject) {
    let mut origin = Origin::mute();
    let address = origin.address();
    let backends = "backend px
        server s1 @s1@ check inter 100ms
        server s2 @s1@ track s1
        server b1 @s1@ backup track px/s1
    backend other
        server t1 @s1@ track px/s1
        server t2 @s1@ track t1";
    let rig = started(subject, backends, &[("s1", origin.target())]);
    let after = |command: &str, lines: &[&str]| {
        let told = rig.logs.lines().len();
        assert_eq!(rig.admin.ask(command), "\n", "{command}");
        assert_eq!(told_since(&rig.logs, told, lines.len()), lines, "{command}");
    };
    let status_of = |proxy: &str, server: &str| rig.admin.row(proxy, server)["status"].clone();
    rig.admin.wait_for("px", "s1", "check_health", "4");
    let row = rig.admin.row("other", "t2");
    assert_eq!((row["status"].as_str(), row["tracked"].as_str(), row.get("check_status")), ("UP", "other/t1", None));

    let told = rig.logs.lines().len();
    origin.stop();
    drop(origin);
    let left = |active: u32, backup: u32| {
        format!(
            "{active} active and {backup} backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
        )
    };
    assert_eq!(
        told_since(&rig.logs, told, 7),
        [
            format!(
                "<145>Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: \
                 Tms. {}",
                left(1, 1)
            ),
            format!("<145>Server other/t1 is DOWN via px/s1. {}", left(1, 0)),
            format!("<145>Server other/t2 is DOWN via other/t1. {}", left(0, 0)),
            "<144>backend other has no server available!".to_owned(),
            format!("<145>Backup Server px/b1 is DOWN via px/s1. {}", left(1, 0)),
            format!("<145>Server px/s2 is DOWN via px/s1. {}", left(0, 0)),
            "<144>backend px has no server available!".to_owned(),
        ]
    );
    assert_eq!((status_of("px", "s2"), status_of("other", "t2")), ("DOWN".to_owned(), "DOWN".to_owned()));
    let told = rig.logs.lines().len();
    let _again = Origin::at(address, |mut client| {
        client.read_to_end();
        Ok(())
    });
    let up = told_since(&rig.logs, told, 5);
    assert_eq!(
        up[1..],
        [
            "<149>Server other/t1 is UP via px/s1. 1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
            "<149>Server other/t2 is UP via other/t1. 2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
            "<149>Backup Server px/b1 is UP via px/s1. 1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
            "<149>Server px/s2 is UP via px/s1. 2 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.",
        ]
    );

    let maintained = |name: &str, via: &str, active: u32, backup: u32| {
        format!("<145>{name} is going DOWN for maintenance{via}. {}", left(active, backup))
    };
    after("set server px/s1 state maint", &all_leave(maintained).each_ref().map(String::as_str));
    assert_eq!(
        [("px", "s1"), ("px", "s2"), ("other", "t2")].map(|(proxy, server)| status_of(proxy, server)),
        ["MAINT", "MAINT (via px/s1)", "MAINT (via other/t1)"]
    );
    // What it is told itself it keeps when the other one leaves maintenance.
    after("set server other/t1 state maint", &[]);
    after(
        "set server px/s1 state ready",
        &[
            "<149>Server px/s1 is UP/READY (leaving forced maintenance).",
            "<149>Server other/t1 remains in forced maintenance.",
            "<149>Backup Server px/b1 is UP/READY (leaving maintenance).",
            "<149>Server px/s2 is UP/READY (leaving maintenance).",
        ],
    );
    assert_eq!(
        [("other", "t1"), ("other", "t2")].map(|(proxy, server)| status_of(proxy, server)),
        ["MAINT", "MAINT (via other/t1)"]
    );
    // `UP 1/3` until the first check of the other one.
    rig.admin.wait_for("px", "s2", "status", "UP");
    after(
        "set server other/t1 state ready",
        &[
            "<149>Server other/t1 is UP/READY (leaving forced maintenance).",
            "<149>Server other/t2 is UP/READY (leaving maintenance).",
        ],
    );
    let drained = |name: &str, via: &str, active: u32, backup: u32| {
        format!(
            "<149>{name} enters drain state{via}. {active} active and {backup} backup servers online. 0 sessions requeued, 0 \
             total in queue."
        )
    };
    after("set server px/s1 state drain", &all_leave(drained).each_ref().map(String::as_str));
    let state = rig.admin.ask("show servers state");
    let words = |line: &str| line.split(' ').skip(3).take(4).map(str::to_owned).collect::<Vec<_>>().join(" ");
    let states: Vec<String> = state.lines().skip(2).filter(|line| line.contains(" px ")).map(words).collect();
    assert_eq!(states, ["s1 127.0.0.1 2 8", "s2 127.0.0.1 2 16", "b1 127.0.0.1 2 16"]);
    after(
        "set server px/s1 state ready",
        &[
            "<149>Server px/s1 is UP (leaving forced drain).",
            "<149>Server other/t1 is UP (leaving forced drain).",
            "<149>Server other/t2 is UP (leaving forced drain).",
            "<149>Backup Server px/b1 is UP (leaving forced drain).",
            "<149>Server px/s2 is UP (leaving forced drain).",
        ],
    );
    assert_eq!(rig.admin.ask("set server px/s2 health down"), "cannot change health on a tracking server.\n\n");
}

/// HAProxy 2.6 does not know `init-state` yet.
#[test]
fn servers_that_begin_down() {
    let _turn = e2e::run::turn(e2e::run::Machine::Shared);
    let (origin, refusing) = (Origin::mute(), e2e::Refusing::new());
    let backend = "backend px
        default-server check inter 100ms
        server down @s1@ init-state down
        server fully_down @s1@ init-state fully-down
        server refusing @refusing@ init-state fully-down
        server fully_up @refusing@ init-state fully-up";
    let places = [("s1", origin.target()), ("refusing", refusing.target().to_string())];
    let rig = started(Subject::Tidegate, backend, &places);
    for (server, expected) in [
        ("down", "<149>DATE haproxy[PID]: Server px/down is UP, reason: Layer4 check passed"),
        ("fully_down", "<149>DATE haproxy[PID]: Server px/fully_down is UP, reason: Layer4 check passed"),
        ("fully_up", "<145>DATE haproxy[PID]: Server px/fully_up is DOWN, reason: Layer4 connection problem"),
    ] {
        let line = rig.line(&format!("Server px/{server} is "));
        assert!(line.starts_with(expected), "{line}");
    }
    assert_eq!(rig.columns("refusing", ["status", "chkfail", "chkdown"]), ["DOWN", "0", "0"]);
    assert_eq!(rig.columns("fully_up", ["chkfail"]), ["3"]);
    assert!(!rig.logs.lines().iter().any(|line| line.contains("px/refusing")), "{:?}", rig.logs.lines());
}
