//! Agents, and operators in their place.

use std::io::{Read, Write};

use super::{Word, port, started};
use e2e::{Origin, Subject, wait};

e2e::scenarios! {
    shared: [
        agents_say_how_their_servers_are,
        agents_say_what_their_servers_take,
        agents_that_say_nothing_useful,
        operators_say_it_for_agents,
    ],
    alone: [],
}

/// `configuration.txt`: agent-check. What an agent says of health and state, and what the log says of it.
fn agents_say_how_their_servers_are(subject: Subject) {
    let (word, origin) = (Word::new("up\n"), Origin::mute());
    let agent = word.agent();
    let backend = "backend px
        # Rarely enough that no check comes between the agent's word and what follows from it: HAProxy would name the check.
        server s1 @s1@ check inter 900ms agent-check agent-port @agent@ agent-inter 100ms
        server s2 @s1@";
    let rig = started(subject, backend, &[("s1", origin.target()), ("agent", port(&agent))]);
    wait::until("the agent to be heard", wait::SOON, || {
        rig.columns("s1", ["agent_status", "last_agt", "agent_health", "check_status"])
            == ["L7OK", "via agent : up", "1", "L4OK"]
    });
    word.set("down #tests are red\r\n");
    assert_eq!(
        rig.line("Server px/s1 is DOWN"),
        "<145>DATE haproxy[PID]: Server px/s1 is DOWN, reason: Layer7 wrong status, code: 0, info: \"via agent : down (tests \
         are red)\", check duration: Tms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in \
         queue."
    );
    let columns = ["status", "agent_desc", "agent_health", "check_health", "chkfail", "chkdown"];
    let expected = ["DOWN (agent)", "Layer7 wrong status", "0", "4", "0", "1"];
    wait::until("it to be down", wait::SOON, || rig.columns("s1", columns) == expected);
    word.set("Up\n");
    assert_eq!(
        rig.line("Server px/s1 is UP, reason"),
        "<149>DATE haproxy[PID]: Server px/s1 is UP, reason: Layer7 check passed, code: 0, info: \"via agent : Up\", check \
         duration: Tms. 2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
    );
    word.set("drain\n");
    assert_eq!(
        rig.line("Server px/s1 enters drain"),
        "<149>DATE haproxy[PID]: Server px/s1 enters drain state. 1 active and 0 backup servers online. 0 sessions requeued, 0 \
         total in queue."
    );
    wait::until("it to be drained", wait::SOON, || {
        rig.columns("s1", ["status", "agent_status", "agent_desc"]) == ["DRAIN (agent)", "CHECKED", "No status change"]
    });
    word.set("ready\n");
    assert_eq!(
        rig.line("Server px/s1 is UP (leaving"),
        "<149>DATE haproxy[PID]: Server px/s1 is UP (leaving forced drain)."
    );
    // An agent is asked in maintenance, too, and ends it.
    word.set("maint\n");
    assert_eq!(
        rig.line("Server px/s1 is going DOWN"),
        "<145>DATE haproxy[PID]: Server px/s1 is going DOWN for maintenance. 1 active and 0 backup servers left. 0 sessions \
         active, 0 requeued, 0 remaining in queue."
    );
    wait::until("maintenance", wait::SOON, || rig.columns("s1", ["status", "agent_status"]) == ["MAINT", "CHECKED"]);
    word.set("ready up\n");
    assert_eq!(
        rig.line("Server px/s1 is UP/READY"),
        "<149>DATE haproxy[PID]: Server px/s1 is UP/READY (leaving forced maintenance)."
    );
    wait::until("it to be back", wait::SOON, || rig.columns("s1", ["status", "agent_status"]) == ["UP", "L7OK"]);
}

/// Weights, and limits of connections.
fn agents_say_what_their_servers_take(subject: Subject) {
    let (word, origin) = (Word::new("50%\n"), Origin::mute());
    let agent = word.agent();
    let backend = "backend px
        server s1 @s1@ weight 50 inter 100ms agent-check agent-port @agent@ agent-inter 100ms
        server s2 @s1@";
    let rig = started(subject, backend, &[("s1", origin.target()), ("agent", port(&agent))]);
    let wait_for = |columns: [&str; 3], expected: [&str; 3]| {
        wait::until(&format!("{columns:?} {expected:?}"), wait::SOON, || rig.columns("s1", columns) == expected);
    };
    wait_for(["weight", "status", "agent_status"], ["25", "no check", "CHECKED"]);
    word.set("maxconn:7,200%\n");
    wait_for(["weight", "slim", "last_agt"], ["100", "7", ""]);
    word.set("0%\n");
    wait_for(["weight", "slim", "act"], ["0", "7", "1"]);
    word.set("100% maxconn:0\n");
    wait_for(["weight", "slim", "act"], ["50", "", "1"]);
    word.set("maxconn:x\n");
    wait_for(
        ["weight", "agent_status", "last_agt"],
        ["50", "CHECKED", "agent warns : maxconn string empty or preceded by garbage"],
    );
    word.set("10x%\n");
    wait_for(
        ["weight", "agent_status", "last_agt"],
        ["50", "CHECKED", "agent warns : Trailing garbage in weight string"],
    );
    word.set("half\n");
    wait_for(["weight", "agent_status", "last_agt"], ["50", "CHECKED", "agent reports an error : half"]);
}

/// Who cannot be heard, or says nothing of health, says nothing against the server.
fn agents_that_say_nothing_useful(subject: Subject) {
    let (mute, empty, origin) = (Origin::mute(), Word::new("").agent(), Origin::mute());
    let cut = Word::new("down").agent();
    let hears = Origin::serve(|mut client| {
        let mut said = [0; 6];
        client.read_exact(&mut said)?;
        client.write_all(b"up\n")?;
        client.finish()?;
        client.read_to_end();
        Ok(())
    });
    let backend = "backend px
        default-server agent-inter 400ms
        server mute @s1@ agent-check agent-port @mute@
        server empty @s1@ agent-check agent-port @empty@
        server refusing @s1@ agent-check agent-port 1
        server cut @s1@ agent-check agent-port @cut@
        server hears @s1@ agent-check agent-port @hears@ agent-addr 127.0.0.1 agent-send hello\\n send-proxy-v2";
    let places = [
        ("mute", port(&mute)),
        ("empty", port(&empty)),
        ("cut", port(&cut)),
        ("hears", port(&hears)),
        ("s1", origin.target()),
    ];
    let rig = started(subject, backend, &places);
    for (server, expected) in [
        ("mute", ["L7TOUT", "", "1", "no check"]),
        ("empty", ["L7RSP", "TCPCHK got an empty response at step 2", "1", "no check"]),
        ("cut", ["L7TOUT", "Ignoring incomplete line from agent", "1", "no check"]),
        ("refusing", ["L4CON", "Connection refused", "1", "no check"]),
        ("hears", ["L7OK", "via agent : up", "1", "no check"]),
    ] {
        wait::until(&format!("the agent of {server}"), wait::SOON, || {
            let columns = rig.columns(server, ["agent_status", "last_agt", "agent_health", "status"]);
            columns.map(|text| text.replace("ECONNREFUSED returned by OS (Connection refused)", "Connection refused"))
                == expected
        });
    }
    assert_eq!(hears.bytes(0, 6), b"hello\n");
    assert!(!rig.logs.lines().iter().any(|line| line.contains("is DOWN")), "{:?}", rig.logs.lines());
}

/// `management.txt` §9.3: set server … agent, agent-addr, agent-port, agent-send, disable agent, enable agent.
fn operators_say_it_for_agents(subject: Subject) {
    let (one, two, origin) = (Word::new("75%\n"), Word::new("50%\n"), Origin::mute());
    let (agent, other) = (one.agent(), two.agent());
    let backend = "backend px
        server s1 @s1@ weight 100 agent-check agent-port @agent@ agent-inter 100ms
        server s2 @s1@";
    let rig = started(subject, backend, &[("s1", origin.target()), ("agent", port(&agent))]);
    let wait_for = |column: &str, value: &str| {
        rig.admin.wait_for("px", "s1", column, value);
    };
    wait_for("weight", "75");
    assert_eq!(rig.admin.ask("set server px/s1 agent down"), "\n");
    assert_eq!(
        rig.line("Server px/s1 is DOWN"),
        "<145>DATE haproxy[PID]: Server px/s1 is DOWN, changed from CLI. 1 active and 0 backup servers left. 0 sessions active, \
         0 requeued, 0 remaining in queue."
    );
    wait_for("status", "DOWN (agent)");
    assert_eq!(rig.admin.ask("set server px/s1 agent up"), "\n");
    wait_for("status", "no check");
    assert_eq!(rig.admin.ask(&format!("set server px/s1 agent-port {}", port(&other))), "\n");
    wait_for("weight", "50");
    assert_eq!(rig.admin.ask(&format!("set server px/s1 agent-addr 127.0.0.1 port {}", port(&agent))), "\n");
    wait_for("weight", "75");
    assert_eq!(rig.admin.ask("disable agent px/s1"), "\n");
    one.set("10%\n");
    assert!(!rig.admin.row("px", "s1").contains_key("agent_status"));
    let port_of = |column: usize| {
        let state = rig.admin.ask("show servers state px");
        state.lines().nth(2).expect("a server").split(' ').nth(column).map(str::to_owned)
    };
    assert_eq!((port_of(23).as_deref(), port_of(24)), (Some("127.0.0.1"), Some(port(&agent))));
    for (command, expected) in [
        ("set server px/s1 agent up", "agent checks are not enabled on this server.\n\n"),
        ("set server px/s1 agent-send x", "agent checks are not enabled on this server.\n\n"),
        ("set server px/s1 agent-port 1", "agent checks are not enabled on this server\n"),
        ("enable agent px/s2", "Agent was not configured on this server, cannot enable.\n\n"),
        ("disable agent px/s2", "\n"),
    ] {
        assert_eq!(rig.admin.ask(command).trim_end(), expected.trim_end(), "{command}");
    }
    assert_eq!(rig.admin.ask("enable agent px/s1"), "\n");
    wait_for("weight", "10");
    for (command, expected) in [
        ("set server px/s1 agent foo", "'set server <srv> agent' expects 'up' or 'down'."),
        ("set server px/s1 agent-port", "set server <b>/<s> agent-port requires a port."),
        ("set server px/s1 agent-port x", "provided port is not an integer"),
        ("set server px/s1 agent-port 99999", "provided port is invalid"),
        ("set server px/s1 agent-addr", "set server <b>/<s> agent-addr requires an address and optionally a port."),
        ("set server px/s1 agent-addr foo", "invalid addr 'foo'"),
    ] {
        assert_eq!(rig.admin.ask(command).trim_end(), expected, "{command}");
    }
}
