//! What sessions meet counts, too.

use super::{port, started};
use e2e::{Origin, Subject, wait};

e2e::scenarios! {
    shared: [
        what_sessions_meet_counts,
    ],
    alone: [],
}

/// `configuration.txt`: observe layer4, error-limit, on-error. The server refuses connections, and somebody else is asked how it is.
fn what_sessions_meet_counts(subject: Subject) {
    let (well, refusing, spare) = (Origin::mute(), e2e::Refusing::new(), Origin::named("spare"));
    let listen = |name: &str, on_error: &str| {
        format!(
            "listen {name}
                bind @{name}@
                retries 0
                server s1 @s1@ check port @well@ inter 60s fastinter 4s observe layer4 error-limit 3 {on_error}
                server b1 @spare@ backup\n"
        )
    };
    let sections = [
        listen("sooner", "on-error fastinter"),
        listen("usual", ""),
        listen("sudden", "on-error sudden-death"),
        listen("down", "on-error mark-down"),
    ];
    let places = [("s1", refusing.target().to_string()), ("well", port(&well)), ("spare", spare.target())];
    let rig = started(subject, &sections.concat(), &places);
    let columns = ["status", "check_status", "check_health", "chkfail", "hanafail"];
    let found = |name: &str| {
        let row = rig.admin.row(name, "s1");
        columns.map(|column| row.get(column).map_or("", String::as_str).trim_start_matches("* ").to_owned())
    };
    for (name, expected) in [
        ("sooner", ["UP", "L4OK", "4", "0", "1"]),
        ("usual", ["UP 2/3", "HANA", "3", "1", "1"]),
        ("sudden", ["UP 1/3", "HANA", "2", "1", "1"]),
        ("down", ["DOWN", "HANA", "0", "1", "1"]),
    ] {
        rig.admin.wait_for(name, "s1", "check_health", "4");
        for _ in 0..2 {
            rig._proxy.connect(name).to_end();
        }
        assert_eq!(found(name), ["UP", "L4OK", "4", "0", "0"], "{name}");
        rig._proxy.connect(name).to_end();
        wait::until(&format!("{name} to be {expected:?}"), wait::SOON, || found(name) == expected);
    }
    // The session that made it too many may have ended meanwhile, or not.
    let line = rig.line("Server down/s1 is DOWN");
    let expected = "<145>DATE haproxy[PID]: Server down/s1 is DOWN, reason: Health analyze, info: \"Detected 3 consecutive errors, \
                    last one was: L4 unsuccessful connection\". 0 active and 1 backup servers left. Running on backup. ";
    assert!(line.starts_with(expected), "{line}");
}
