//! Who is let in, what each may do, in which form it asks, and that none of them harms anybody.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use super::{Rig, shown};
use e2e::admin::{self, Admin};
use e2e::ports::Reservation;
use e2e::{Client, Origin, Setup, Subject, wait};

e2e::scenarios! {
    shared: [
        levels,
        lists_prompts_and_payloads,
        no_more_clients_than_allowed,
        sockets_of_every_kind,
        a_reload_keeps_socket_and_listeners,
    ],
    alone: [
        clients_that_misbehave_harm_nobody,
    ],
}

fn levels(subject: Subject) {
    let admin = Admin::new();
    let origin = Origin::echo();
    let template = "
        global
            stats socket @socket@ level admin
            stats socket @operator@
            stats socket @user@ level user mode 600
        defaults
            mode tcp
            timeout connect 1s
            timeout client 1s
            timeout server 1s
        listen px
            bind @px@
            server s1 @s1@
    ";
    let (operator, user) = (admin.path_of("operator"), admin.path_of("user"));
    let _proxy = Setup::new(subject, template)
        .with("socket", admin.path().display())
        .with("operator", operator.display())
        .with("user", user.display())
        .with("s1", origin.target())
        .start();
    const DENIED: &str = "Permission denied\n\n";
    let asked = [
        (&user, "show cli level", "user\n\n"),
        (&user, "show env HOME", DENIED),
        (&user, "clear counters", DENIED),
        (&user, "show errors", DENIED),
        (&user, "operator;show cli level", "Permission denied\n\nuser\n\n"),
        (&operator, "show cli level", "operator\n\n"),
        (&operator, "clear counters", "\n"),
        (&operator, "clear counters all", DENIED),
        (&operator, "user;show env HOME", "\nPermission denied\n\n"),
    ];
    for (path, line, answer) in asked {
        assert_eq!(admin::ask(path, line), answer, "{line}");
    }
    assert_eq!(admin.ask("show cli level;operator;show cli level"), "admin\n\n\noperator\n\n");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&user).expect("a socket").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let listed = admin.ask("show cli sockets");
    assert!(
        listed.starts_with("# socket lvl processes\n") && listed.contains(&format!("unix@{} user all", user.display()))
    );
}

fn lists_prompts_and_payloads(subject: Subject) {
    let rig = Rig::start(subject);
    assert_eq!(rig.admin.ask("show cli level;show backend"), "admin\n\n# name\nls\nbe\ndead\n\n");
    assert_eq!(rig.admin.ask("show cli level\nshow cli level"), "admin\n\nadmin\n\n");
    assert_eq!(rig.admin.ask("show cli level <<\nwhatever\n"), "admin\n\n");
    let mut stream = rig.admin.connect();
    stream.write_all(b"prompt\n").expect("it listens");
    read_until(&mut stream, "\n> ");
    stream.write_all(b"show cli level\n").expect("it listens");
    assert_eq!(read_until(&mut stream, "\n> "), "admin\n\n> ");
    stream.write_all(b"set timeout cli 5s\n").expect("it listens");
    assert_eq!(read_until(&mut stream, "\n> "), "\n> ");
    stream.write_all(b"quit\n").expect("it listens");
    assert_eq!(admin::read_to_end(&mut stream).expect("an end"), "");
}

fn read_until(stream: &mut impl Read, end: &str) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("more comes");
        heard.push(byte[0]);
    }
    String::from_utf8(heard).expect("ASCII")
}

/// HAProxy 2.6 lets a client that has not said anything stay.
#[test]
fn silent_clients_are_sent_away() {
    let rig = Rig::with(Subject::Tidegate, "stats timeout 300ms", "");
    let mut stream = rig.admin.connect();
    assert_eq!(admin::read_to_end(&mut stream).expect("an end"), "");
    let mut stream = rig.admin.connect();
    stream.write_all(b"show inf").expect("it listens");
    assert_eq!(admin::read_to_end(&mut stream).expect("an end"), "");
}

fn no_more_clients_than_allowed(subject: Subject) {
    let rig = Rig::with(subject, "stats maxconn 2", "");
    let mut held: Vec<_> = (0..2).map(|_| rig.admin.connect()).collect();
    for stream in &mut held {
        stream.write_all(b"prompt\n").expect("it listens");
        read_until(stream, "\n> ");
    }
    let mut third = rig.admin.connect();
    third.write_all(b"show cli level\n").expect("the kernel takes it");
    third.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    assert!(third.read(&mut [0]).is_err(), "the third waits");
    held.pop();
    third.set_read_timeout(Some(wait::SOON)).expect("a timeout");
    assert_eq!(admin::read_to_end(&mut third).expect("an answer"), "admin\n\n");
}

/// `configuration.txt: stats socket`: at a path, at an address, and on a socket that listens already.
fn sockets_of_every_kind(subject: Subject) {
    let (admin, origin, tcp) = (Admin::new(), Origin::echo(), Reservation::loopback());
    let inherited = UnixListener::bind(admin.path_of("inherited")).expect("free");
    // A copy that its programs inherit: what Rust opens is closed at exec.
    let copy = nix::unistd::dup(&inherited).expect("no limit is near");
    let global = "stats socket @socket@ level admin
        stats socket @tcp@ level operator name for-tools
        stats socket @inherited@ level admin";
    let setup = Setup::relay(subject, global, &origin).with("socket", admin.path().display());
    let setup = setup.with("tcp", format!("ipv4@{}", tcp.address()));
    let setup = setup.with("inherited", "\"fd@${ADMIN}\"").environment("ADMIN", &copy.as_raw_fd().to_string());
    let _proxy = setup.start();
    drop((copy, inherited));
    assert_eq!(admin.ask("show cli level"), "admin\n\n");
    let mut client = Client::to(tcp.address());
    client.say("show cli level\n");
    client.finish();
    assert_eq!(client.to_end().0, b"operator\n\n");
    assert_eq!(admin::ask(&admin.path_of("inherited"), "show cli level"), "admin\n\n");
    let sockets = admin.ask("show cli sockets");
    let shown =
        |address: &str, level: &str| sockets.lines().any(|line| line.starts_with(&format!("{address} {level} ")));
    assert!(shown(&format!("ipv4@{}", tcp.address()), "operator"), "{sockets}");
    assert!(shown(&format!("unix@{}", admin.path().display()), "admin"), "{sockets}");
}

fn a_reload_keeps_socket_and_listeners(subject: Subject) {
    let mut rig = Rig::start(subject);
    rig.visit("fe");
    rig.admin.wait_for("fe", "FRONTEND", "stot", "1");
    let text = rig.proxy.template().replace("maxconn 200", "maxconn 300");
    rig.proxy.rewrite(&text);
    rig.proxy.reload();
    wait::until("the new limit", wait::SOON, || rig.admin.ask("show info").contains("Maxconn: 300\n"));
    if subject == Subject::Tidegate {
        assert_eq!(shown(&rig.admin.row("fe", "FRONTEND"), "stot bin"), "stot=1 bin=6", "counts go on");
    }
    rig.visit("fe");
}

fn clients_that_misbehave_harm_nobody(subject: Subject) {
    let rig = Rig::start(subject);
    let mut client = rig.proxy.connect("fe");
    // One that never reads, one that sends a megabyte without an end, and noise.
    let mut deaf = rig.admin.connect();
    deaf.write_all("show stat;".repeat(200).as_bytes()).expect("it listens");
    deaf.write_all(b"\n").expect("it listens");
    // Whoever does not read what is sent is left alone with it, too.
    let mut endless = rig.admin.connect();
    endless.set_write_timeout(Some(Duration::from_secs(1))).expect("not zero");
    let _ = endless.write_all(&vec![b'x'; 1 << 20]);
    let mut noise = rig.admin.connect();
    let _ = noise.write_all(&(0..=255).cycle().take(10_000).collect::<Vec<u8>>());
    for _ in 0..50 {
        assert_eq!(client.ask("hello"), "hello");
        assert_eq!(rig.admin.ask("show cli level"), "admin\n\n");
    }
    assert!(rig.proxy.resident_kib() < 200 * 1024);
}
