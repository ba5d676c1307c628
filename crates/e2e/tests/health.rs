//! What else has a say in a server's health beside its checks: agents and operators. And that every check can be told.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use e2e::{Admin, LogServer, Origin, Proxy, Setup, Subject, mask, wait};

e2e::scenarios! {
    shared: [
        agents_say_how_their_servers_are,
        agents_say_what_their_servers_take,
        agents_that_say_nothing_useful,
        operators_say_it_for_agents,
        operators_send_checks_elsewhere,
        every_check_can_be_told,
        servers_that_follow_another,
        what_sessions_meet_counts,
    ],
    alone: [],
}

const DEFAULTS: &str = "
    global
        nbthread @threads@
        log @log@ local2
        stats socket @socket@ level admin
    defaults
        mode tcp
        log global
        timeout connect 1s
        timeout client 60s
        timeout server 60s
    listen idle
        bind @idle@
";

struct Rig {
    logs: LogServer,
    admin: Admin,
    _proxy: Proxy,
}

fn started(subject: Subject, backends: &str, places: &[(&str, String)]) -> Rig {
    let (logs, admin) = (LogServer::udp(), Admin::new());
    let mut setup = Setup::new(subject, &format!("{DEFAULTS}\n{backends}")).with("log", logs.target());
    setup = setup.with("socket", admin.path().display());
    for (name, value) in places {
        setup = setup.with(name, value);
    }
    Rig { _proxy: setup.start(), logs, admin }
}

/// Somebody who says this to whoever connects, until it is changed.
#[derive(Clone)]
struct Word(Arc<Mutex<&'static str>>);

impl Word {
    fn new(word: &'static str) -> Word {
        Word(Arc::new(Mutex::new(word)))
    }

    fn set(&self, word: &'static str) {
        *self.0.lock().expect("no panic under the lock") = word;
    }

    fn agent(&self) -> Origin {
        let word = self.clone();
        Origin::serve(move |mut client| {
            let said = *word.0.lock().expect("no panic under the lock");
            client.write_all(said.as_bytes())?;
            client.finish()?;
            client.read_to_end();
            Ok(())
        })
    }
}

fn port(origin: &Origin) -> String {
    origin.address().port().to_string()
}

impl Rig {
    /// The line with `part`, without what comes before it.
    fn line(&self, part: &str) -> String {
        self.logs.masked(part)
    }

    fn columns<const N: usize>(&self, server: &str, columns: [&str; N]) -> [String; N] {
        let row = self.admin.row("px", server);
        // While a check is under way its status has a star before it.
        columns.map(|column| row.get(column).map_or("", String::as_str).trim_start_matches("* ").to_owned())
    }
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
        server hears @s1@ agent-check agent-port @hears@ agent-addr 127.0.0.1 agent-send hello\\n send-proxy-v2";
    let places = [("mute", port(&mute)), ("empty", port(&empty)), ("hears", port(&hears)), ("s1", origin.target())];
    let rig = started(subject, backend, &places);
    for (server, expected) in [
        ("mute", ["L7TOUT", "", "1", "no check"]),
        ("empty", ["L7RSP", "TCPCHK got an empty response at step 2", "1", "no check"]),
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
    let lines = [
        maintained("Server px/s1", "", 1, 1),
        maintained("Server other/t1", " via px/s1", 1, 0),
        maintained("Server other/t2", " via other/t1", 0, 0),
        "<144>backend other has no server available!".to_owned(),
        maintained("Backup Server px/b1", " via px/s1", 1, 0),
        maintained("Server px/s2", " via px/s1", 0, 0),
        "<144>backend px has no server available!".to_owned(),
    ];
    after("set server px/s1 state maint", &lines.each_ref().map(String::as_str));
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
    let lines = [
        drained("Server px/s1", "", 1, 1),
        drained("Server other/t1", " via px/s1", 1, 0),
        drained("Server other/t2", " via other/t1", 0, 0),
        "<144>backend other has no server available!".to_owned(),
        drained("Backup Server px/b1", " via px/s1", 1, 0),
        drained("Server px/s2", " via px/s1", 0, 0),
        "<144>backend px has no server available!".to_owned(),
    ];
    after("set server px/s1 state drain", &lines.each_ref().map(String::as_str));
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

/// So many lines after the first `told`, without date and tag.
fn told_since(logs: &LogServer, told: usize, count: usize) -> Vec<String> {
    let lines = wait::value(&format!("{count} lines"), wait::SOON, || {
        let lines = logs.lines();
        (lines.len() >= told + count).then_some(lines)
    });
    lines[told..].iter().map(|line| mask::line(line).replace("DATE haproxy[PID]: ", "")).collect()
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
