//! What operators change of servers: weights, states, health, addresses, limits.

use super::{Rig, shown};
use e2e::{Origin, Subject};

e2e::scenarios! {
    shared: [
        weights,
        server_states,
        health_by_hand,
        addresses,
        limits_of_servers,
        answers_about_servers,
    ],
    alone: [],
}

fn weights(subject: Subject) {
    let rig = Rig::start(subject);
    for (line, answer) in [
        ("get weight ls/l1", "10 (initial 10)\n\n"),
        ("set weight ls/l1 50%", "\n"),
        ("get weight ls/l1", "5 (initial 10)\n\n"),
        ("set server ls/l1 weight 256", "\n"),
        ("get weight ls/l1", "256 (initial 10)\n\n"),
        ("set server ls/l1 weight 257", "Absolute weight can only be between 0 and 256 inclusive.\n\n"),
        ("set server ls/l1 weight", "Require <weight> or <weight%>.\n\n"),
        ("set weight be/s1 0; get weight be/s1", "\n0 (initial 1)\n\n"),
    ] {
        assert_eq!(rig.admin.ask(line), answer, "{line}");
    }
    assert_eq!(shown(&rig.admin.row("ls", "l1"), "weight uweight"), "weight=256 uweight=256");
    assert_eq!(shown(&rig.admin.row("be", "BACKEND"), "status weight act"), "status=DOWN weight=0 act=0");
    let mut client = rig.proxy.connect("fe");
    assert!(client.try_say("hello\n").and_then(|()| client.try_line()).is_err(), "no server is left");
    rig.admin.ask("set weight be/s1 100%");
    rig.visit("fe");
}

fn server_states(subject: Subject) {
    let rig = Rig::start(subject);
    let status = |proxy: &str, name: &str| rig.admin.row(proxy, name)["status"].clone();
    let mut held = rig.proxy.connect("ls");
    held.ask("hello");
    assert_eq!(rig.admin.ask("set server ls/l1 state drain"), "\n");
    assert_eq!(status("ls", "l1"), "DRAIN");
    assert_eq!(held.ask("still"), "still", "a drained server keeps what it has");
    assert_eq!(rig.admin.ask("disable server ls/l1"), "\n");
    assert_eq!((status("ls", "l1"), status("ls", "BACKEND")), ("MAINT".into(), "DOWN".into()));
    assert_eq!(held.ask("still"), "still");
    let mut client = rig.proxy.connect("ls");
    assert!(client.try_say("hello\n").and_then(|()| client.try_line()).is_err());
    assert_eq!(rig.admin.ask("enable server ls/l1"), "\n");
    assert_eq!((status("ls", "l1"), status("ls", "BACKEND")), ("no check".into(), "UP".into()));
    rig.visit("ls");
    assert_eq!(rig.admin.ask("set server ls/l2 state ready"), "\n");
    assert_eq!(status("ls", "l2"), "no check");
    // The checks of a server begin when it leaves maintenance, and find that nobody is there.
    assert_eq!(rig.admin.ask("set server be/s2 state ready"), "\n");
    let row = rig.admin.wait_for("be", "s2", "status", "DOWN");
    assert_eq!(shown(&row, "check_status last_chk chkdown chkfail check_health"), {
        "check_status=L4CON last_chk=Connection refused chkdown=1 chkfail=1 check_health=0"
    });
    let state = rig.admin.ask("show servers state ls");
    let words: Vec<&str> = state.lines().nth(2).expect("a server").split(' ').collect();
    assert_eq!(words[..4], ["4", "ls", "1", "l1"]);
    assert_eq!(words[5..9], ["2", "0", "10", "10"]);
}

fn health_by_hand(subject: Subject) {
    let rig = Rig::start(subject);
    assert_eq!(rig.admin.ask("set server be/s1 health down"), "\n");
    assert_eq!(shown(&rig.admin.row("be", "s1"), "status"), "status=DOWN");
    assert_eq!(shown(&rig.admin.row("be", "BACKEND"), "status"), "status=DOWN");
    assert_eq!(rig.admin.ask("set server be/s1 health up"), "\n");
    rig.visit("fe");
    assert_eq!(rig.admin.ask("disable health be/s2"), "\n");
    assert_eq!(rig.admin.ask("set server be/s2 state ready"), "\n");
    let answer = "Health check was not configured on this server, cannot enable.\n\n";
    assert_eq!(rig.admin.ask("enable health be/s1"), answer);
    assert_eq!(rig.admin.ask("enable agent be/s1"), "Agent was not configured on this server, cannot enable.\n\n");
}

fn addresses(subject: Subject) {
    let rig = Rig::start(subject);
    let other = Origin::named("other");
    let (from, to) = (rig.origin.address(), other.address());
    let text = format!(
        "no need to change the addr, port changed from '{}' to '{}' by 'stats socket command'\n\n",
        from.port(),
        to.port()
    );
    let mut held = rig.proxy.connect("fe");
    held.ask("hello");
    assert_eq!(rig.admin.ask(&format!("set server be/s1 addr 127.0.0.1 port {}", to.port())), text);
    assert_eq!(rig.proxy.connect("fe").line(), "other");
    assert_eq!(held.ask("still"), "still", "who is there stays there");
    assert_eq!(
        rig.admin.ask("set server be/s1 addr nonsense!"),
        "Invalid addr 'nonsense!' by 'stats socket command'\n\n"
    );
    let same = format!("set server be/s1 addr 127.0.0.1 port {}", to.port());
    let text = "no need to change the addr, no need to change the port by 'stats socket command'\n\n";
    assert_eq!(rig.admin.ask(&same), text);
}

fn limits_of_servers(subject: Subject) {
    let rig = Rig::start(subject);
    assert_eq!(rig.admin.ask("set maxconn server be/s1 1"), "\n");
    let mut first = rig.proxy.connect("fe");
    first.ask("hello");
    let mut second = rig.proxy.connect("fe");
    second.say("hello\n");
    let row = rig.admin.wait_for("be", "BACKEND", "qcur", "1");
    assert_eq!(shown(&row, "qmax scur"), "qmax=1 scur=2");
    assert_eq!(shown(&rig.admin.row("be", "s1"), "scur slim qcur"), "scur=1 slim=1 qcur=0");
    assert_eq!(rig.admin.ask("set maxconn server be/s1 2"), "\n");
    assert_eq!(second.line(), "hello", "who waits is served at once");
}

fn answers_about_servers(subject: Subject) {
    let rig = Rig::start(subject);
    for (line, answer) in [
        ("get weight be/nobody", "No such server.\n\n"),
        ("get weight nothing", "Require 'backend/server'.\n\n"),
        ("get weight nothing/s1", "No such backend.\n\n"),
        ("disable server be/nobody", "No such server.\n\n"),
        ("set server be/s1 state foo", "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"),
        ("set server be/s1 agent up", "agent checks are not enabled on this server.\n\n"),
    ] {
        assert_eq!(rig.admin.ask(line), answer, "{line}");
    }
    assert!(rig.admin.ask("set server be/s1").starts_with("usage: set server <backend>/<server> addr | agent"));
}
