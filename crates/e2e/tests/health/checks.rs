//! Checks that operators send elsewhere, and checks of which all is told.

use super::{Word, port, started};
use e2e::{Origin, Subject, mask};

e2e::scenarios! {
    shared: [
        operators_send_checks_elsewhere,
        every_check_can_be_told,
    ],
    alone: [],
}

/// `management.txt` §9.3: set server … check-addr, check-port, health stopping.
fn operators_send_checks_elsewhere(subject: Subject) {
    let (origin, refusing) = (Origin::mute(), e2e::Refusing::new());
    let backend = "backend px\n server s1 @s1@ check inter 100ms\n server s2 @s1@";
    let rig = started(subject, backend, &[("s1", origin.target())]);
    rig.admin.wait_for("px", "s1", "check_health", "4");
    let refused = refusing.target().to_string();
    let (_, refused) = refused.rsplit_once(':').expect("an address");
    assert_eq!(rig.admin.ask(&format!("set server px/s1 check-port {refused}")), "\n");
    rig.admin.wait_for("px", "s1", "status", "DOWN");
    assert_eq!(rig.admin.ask(&format!("set server px/s1 check-addr 127.0.0.1 port {}", port(&origin))), "\n");
    rig.admin.wait_for("px", "s1", "status", "UP");
    for (command, expected) in [
        ("set server px/s1 check-port x", "provided port is not an integer"),
        ("set server px/s1 check-port", "set server <b>/<s> check-port requires a port."),
        ("set server px/s1 check-addr foo", "invalid addr 'foo'"),
        ("set server px/s2 check-port 80", "health checks are not enabled on this server"),
        ("enable health px/s2", "Health check was not configured on this server, cannot enable."),
        ("set server px/s2 health foo", "'set server <srv> health' expects 'up', 'stopping', or 'down'."),
    ] {
        assert_eq!(rig.admin.ask(command).trim_end(), expected, "{command}");
    }
    rig.admin.ask("set server px/s2 health stopping");
    assert_eq!(
        rig.line("Server px/s2 is stopping"),
        "<149>DATE haproxy[PID]: Server px/s2 is stopping, changed from CLI. 1 active and 0 backup servers online. 0 sessions \
         requeued, 0 total in queue."
    );
    rig.admin.wait_for("px", "s2", "status", "NOLB");
    rig.admin.ask("set server px/s2 health down");
    // It was on its way already: that is less urgent.
    assert_eq!(
        rig.line("Server px/s2 is DOWN"),
        "<149>DATE haproxy[PID]: Server px/s2 is DOWN, changed from CLI. 1 active and 0 backup servers left. 0 sessions active, \
         0 requeued, 0 remaining in queue."
    );
    // Who is not checked for the time being has no columns of it.
    rig.admin.ask("disable health px/s1");
    let row = rig.admin.row("px", "s1");
    assert!(!row.contains_key("check_status") && !row.contains_key("check_health"), "{row:?}");
    assert_eq!(row["status"], "no check");
    rig.admin.ask("enable health px/s1");
    rig.admin.wait_for("px", "s1", "check_health", "4");
}

/// `configuration.txt`: option log-health-checks. What was told of a check is not told again of the server.
fn every_check_can_be_told(subject: Subject) {
    let (word, mut origin) = (Word::new("up\n"), Origin::mute());
    let address = origin.address();
    let agent = word.agent();
    let backend = "backend px
        option log-health-checks
        server s1 @s1@ check inter 100ms
        server b1 @s1@ backup agent-check agent-port @agent@ agent-inter 100ms";
    let rig = started(subject, backend, &[("s1", origin.target()), ("agent", port(&agent))]);
    assert_eq!(
        rig.line("Health check for server px/s1 succeeded"),
        "<149>DATE haproxy[PID]: Health check for server px/s1 succeeded, reason: Layer4 check passed, check duration: Tms, \
         status: 3/3 UP."
    );
    assert_eq!(
        rig.line("Agent check for backup server px/b1 succeeded"),
        "<149>DATE haproxy[PID]: Agent check for backup server px/b1 succeeded, reason: Layer7 check passed, code: 0, info: \
         \"via agent : up\", check duration: Tms, status: 1/1 UP."
    );
    origin.stop();
    drop(origin);
    for (points, standing) in [("2/3", "UP"), ("1/3", "UP"), ("0/2", "DOWN")] {
        assert_eq!(
            rig.line(&format!("status: {points} {standing}")),
            format!(
                "<149>DATE haproxy[PID]: Health check for server px/s1 failed, reason: Layer4 connection problem, info: \
                 \"Connection refused\", check duration: Tms, status: {points} {standing}."
            )
        );
    }
    assert_eq!(
        rig.line("Server px/s1 is DOWN"),
        "<145>DATE haproxy[PID]: Server px/s1 is DOWN. 0 active and 1 backup servers left. Running on backup. 0 sessions active, \
         0 requeued, 0 remaining in queue."
    );
    let _again = Origin::at(address, |mut client| {
        client.read_to_end();
        Ok(())
    });
    assert_eq!(
        rig.line("Server px/s1 is UP"),
        "<149>DATE haproxy[PID]: Server px/s1 is UP. 1 active and 1 backup servers online. 0 sessions requeued, 0 total in queue."
    );
    let told =
        rig.logs.lines().iter().map(|line| mask::line(line)).filter(|line| line.contains("check for server")).count();
    assert_eq!(told, 6, "once per change: {:?}", rig.logs.lines());
}
