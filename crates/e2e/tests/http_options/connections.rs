//! What `option` says of connections, and of clients on them.

use super::{DEFAULTS, Rig, values};
use e2e::{Subject, wait};

e2e::scenarios! {
    shared: [
        connections_that_are_not_kept,
        probes,
        connections_that_rest,
        clients_that_leave,
    ],
    alone: [],
}

/// `configuration.txt: option http-pretend-keepalive`
fn connections_that_are_not_kept(subject: Subject) {
    let backends = [
        ("told", "option http-server-close\n server s @s@"),
        ("pretended", "option http-server-close\n option http-pretend-keepalive\n server s @s@"),
        ("reused", "http-reuse always\n server s @s@"),
    ];
    let rig = Rig::new(subject, "", &backends);
    for (backend, expect, connections) in [("told", &["close"][..], 2), ("pretended", &[], 2), ("reused", &[], 1)] {
        let before = rig.origin.seen().len();
        for number in 0..2 {
            let path = format!("/{backend}/{number}");
            assert!(rig.ask("GET", &path, "").starts_with("HTTP/1.1 200"), "{path}");
            let head = rig.seen(&path).expect("it was asked");
            assert_eq!(values(&head, "connection"), expect, "{path}");
        }
        assert_eq!(rig.origin.seen().len() - before, connections, "{backend}");
    }
}

/// `configuration.txt: option http-ignore-probes`: who says nothing hears nothing.
fn probes(subject: Subject) {
    let rig = Rig::new(subject, "option http-ignore-probes", &[("be", "server s @s@")]);
    let mut silent = rig.proxy.connect("fe");
    assert_eq!(silent.to_end().0, b"", "no 408 for a client that was silent");
    let mut slow = rig.proxy.connect("fe");
    slow.say("GET");
    assert!(slow.to_end().0.starts_with(b"HTTP/1.1 408"), "one for a client that was slow");
}

/// `configuration.txt: pool-max-conn, pool-purge-delay`
fn connections_that_rest(subject: Subject) {
    let backends = [
        ("none", "http-reuse always\n server s @s@ pool-max-conn 0"),
        ("some", "http-reuse always\n server s @s@"),
        ("brief", "http-reuse always\n server s @s@ pool-purge-delay 200ms"),
    ];
    let rig = Rig::new(subject, "", &backends);
    for (backend, connections) in [("none", 3), ("some", 1)] {
        let before = rig.origin.seen().len();
        for number in 0..3 {
            let path = format!("/{backend}/{number}");
            assert!(rig.ask("GET", &path, "").starts_with("HTTP/1.1 200"), "{path}");
        }
        assert_eq!(rig.origin.seen().len() - before, connections, "{backend}");
    }
    let before = rig.origin.seen().len();
    for path in ["/brief/0", "/brief/1"] {
        assert!(rig.ask("GET", path, "").starts_with("HTTP/1.1 200"), "{path}");
        // HAProxy resets what nobody has wanted for so long.
        rig.origin.end_of(before);
    }
    assert_eq!(rig.origin.seen().len() - before, 2);
}

/// `configuration.txt: option abortonclose`: of clients that end their half while they wait for a response.
fn clients_that_leave(subject: Subject) {
    let section = |name: &str, option: &str| {
        format!("listen {name}\n bind @{name}@\n {option}\n timeout queue 5s\n server s @s@ maxconn 1\n")
    };
    let sections = section("on", "option abortonclose") + &section("off", "no option abortonclose");
    let rig = Rig::of(subject, &format!("{DEFAULTS}{sections}"));
    let ask = |listener: &str, path: &str| {
        let mut client = rig.proxy.connect(listener);
        client.say(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        client
    };
    // The first is with the server, and the second stands in line.
    let two = |listener: &str| {
        let path = format!("/{listener}/hold");
        let first = ask(listener, &path);
        wait::until(&path, wait::SOON, || rig.seen(&path).is_some());
        let second = ask(listener, &format!("/{listener}/waits"));
        wait::until("the second in line", wait::SOON, || rig.admin.row(listener, "BACKEND")["qcur"] == "1");
        (first, second)
    };
    let (mut first, mut second) = two("on");
    second.finish();
    assert_eq!(second.to_end().0, b"", "nobody is served who has left the line");
    first.finish();
    assert!(first.to_end().0.starts_with(b"HTTP/1.1 400 "));
    let (mut first, mut second) = two("off");
    second.finish();
    first.finish();
    rig.hold.end();
    for client in [&mut first, &mut second] {
        assert!(client.to_end().0.starts_with(b"HTTP/1.1 200 "));
    }
    for (path, expect) in [
        ("/on/waits", "on/<NOSRV> -1 CQ-- 0"),
        ("/on/hold", "on/s 400 CH-- 0"),
        ("/off/hold", "off/s 200 ---- 0"),
        ("/off/waits", "off/s 200 ---- 0"),
    ] {
        let line = rig.logs.line_with(&format!("{path} "));
        assert!(line.ends_with(&format!("{path} {expect}")), "{line}");
    }
}
