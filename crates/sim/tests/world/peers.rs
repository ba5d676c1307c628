//! What peers do: scripts, servers, and the faults that hit them.

use crate::rig::{Rig, ip, millis};
use driver::{Driver, Errno, Fd, Op};
use sim::{Behaviour, Departure, Faults, Harm, Options, Outcome, Reach, Reading, Script};

fn connect(rig: &mut Rig, port: u16) -> (Fd, Vec<String>) {
    let fd = rig.socket();
    let heard = rig.run(Op::Connect { fd, addr: ip(port) });
    (fd, heard)
}

#[test]
fn a_server_greets_and_echoes() {
    let mut rig = Rig::calm();
    let (fd, served) = rig.connected(Script::new().send("+OK\r\n").echo());
    assert_eq!(rig.recv(fd), ["received +OK\r\n"]);
    assert_eq!(rig.send(fd, b"NOOP\r\n"), ["sent 6"]);
    assert_eq!(rig.recv(fd), ["received NOOP\r\n"]);
    assert_eq!(rig.run(Op::Finish { fd }), ["finished"]);
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert_eq!((served.received(), served.departure()), (b"NOOP\r\n".to_vec(), Some(Departure::Closed)));
    assert_eq!(served.other_addr(), rig.sim.local_addr(fd).expect("connected"));
}

#[test]
fn a_script_waits_for_what_it_awaits() {
    let mut rig = Rig::calm();
    let script =
        Script::new().await_bytes(2).send("one").await_bytes(2).pause(millis(5)).send("two").await_end().send("end");
    let (fd, _served) = rig.connected(script.hold());
    assert!(rig.send(fd, b"ab") == ["sent 2"] && rig.recv(fd) == ["received one"]);
    assert_eq!(rig.send(fd, b"c"), ["sent 1"]);
    let before = rig.sim.now();
    assert_eq!(rig.send(fd, b"d"), ["sent 1"]);
    assert_eq!(rig.recv(fd), ["received two"]);
    assert!(rig.sim.now() >= before + millis(5));
    assert_eq!(rig.run(Op::Finish { fd }), ["finished"]);
    assert_eq!(rig.recv(fd), ["received end"]);
    assert!(rig.recv(fd).is_empty(), "it holds the connection");
}

#[test]
fn a_script_that_awaits_in_vain_closes() {
    let mut rig = Rig::calm();
    let (fd, served) = rig.connected(Script::new().await_bytes(9).send("never").hold());
    assert_eq!(rig.run(Op::Finish { fd }), ["finished"]);
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert_eq!(served.departure(), Some(Departure::Closed));
}

#[test]
fn a_server_may_reset_after_some_bytes_or_finish_first() {
    let mut rig = Rig::calm();
    let (fd, _served) = rig.connected(Script::new().await_bytes(3).reset());
    assert_eq!(rig.send(fd, b"abc"), ["sent 3"]);
    assert_eq!(rig.recv(fd), ["received ECONNRESET"]);

    let (fd, served) = rig.connected(Script::new().finish());
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert_eq!(rig.send(fd, b"abc"), ["sent 3"]);
    rig.world.pass(millis(1));
    assert_eq!((served.received(), served.has_finished()), (b"abc".to_vec(), true));
}

#[test]
fn a_slow_reader_reads_slowly() {
    let mut rig = Rig::calm();
    let (fd, served) = rig.connected(Script::silent().reading(Reading::Slowly { bytes: 2, every: millis(10) }));
    let op = rig.send_op(fd, b"abcdef");
    rig.start(op);
    rig.world.pass(millis(1));
    assert_eq!(served.received(), b"ab");
    rig.world.pass(millis(10));
    assert_eq!(served.received(), b"abcd");
    rig.world.pass(millis(10));
    assert_eq!(served.received(), b"abcdef");
}

#[test]
fn a_peer_that_vanishes_says_and_hears_nothing() {
    let mut rig = Rig::calm();
    let (fd, served) = rig.connected(Script::new().send("x").vanish().send("y"));
    assert_eq!(rig.recv(fd), ["received x"]);
    assert_eq!(rig.send(fd, b"z"), ["sent 1"], "the kernel takes it");
    assert!(rig.recv(fd).is_empty());
    assert_eq!((served.received_count(), served.departure()), (0, Some(Departure::Vanished)));
}

#[test]
fn servers_are_switched_when_it_is_time() {
    let mut rig = Rig::calm();
    let server = rig.world.server(ip(25), Behaviour::echo());
    let start = rig.world.now();
    let switches = [
        (1, Reach::Refuses, "connected ECONNREFUSED"),
        (3, Reach::Unreachable(Errno::EHOSTUNREACH), "connected EHOSTUNREACH"),
        (5, Reach::Accepts, "connected"),
    ];
    let (first, heard) = connect(&mut rig, 25);
    assert_eq!(heard, ["connected"]);
    for (at, reach, _) in switches {
        server.switch(start + millis(at * 10_000), reach);
    }
    for (at, _, expected) in switches {
        let span = (start + millis(at * 10_000)).since(rig.world.now());
        rig.world.pass(span + millis(1));
        assert_eq!(connect(&mut rig, 25).1, [expected]);
    }
    assert_eq!(server.connection_count(), 2);
    assert_eq!(rig.send(first, b"x"), ["sent 1"], "a switch does not touch what exists");
    assert_eq!(rig.recv(first), ["received x"]);
    server.reset_all(rig.world.now());
    assert_eq!(rig.recv(first), ["received ECONNRESET"]);
    assert!(server.connections().iter().all(|peer| peer.harm() == Some(Harm::Reset)));
}

#[test]
fn scripts_are_taken_in_turn() {
    let mut rig = Rig::calm();
    rig.world.server(ip(25), Behaviour::varying(vec![Script::new().send("a"), Script::new().send("b")]));
    let said: Vec<_> = (0..3)
        .flat_map(|_| {
            let (fd, _) = connect(&mut rig, 25);
            rig.recv(fd)
        })
        .collect();
    assert_eq!(said, ["received a", "received b", "received a"]);
}

#[test]
fn faults_strike_and_are_told() {
    let always = |change: fn(&mut Faults)| {
        let mut faults = Faults::none();
        change(&mut faults);
        let mut rig = Rig::new(Options { faults, ..Options::calm() });
        let server = rig.world.server(ip(25), Behaviour::echo());
        (rig.sim.socket(&ip(25)), rig, server)
    };
    let (fd, ..) = always(|faults| faults.socket_permille = 1000);
    assert!(fd.expect_err("it always fails").is_exhaustion());

    let (fd, mut rig, _) = always(|faults| faults.refuse_permille = 1000);
    let fd = fd.expect("no such fault");
    assert_eq!(rig.run(Op::Connect { fd, addr: ip(25) }), ["connected ECONNREFUSED"]);

    let (fd, mut rig, _) = always(|faults| faults.black_hole_permille = 1000);
    let fd = fd.expect("no such fault");
    assert!(rig.run(Op::Connect { fd, addr: ip(25) }).is_empty());

    let (fd, mut rig, server) = always(|faults| faults.reset_permille = 1000);
    let fd = fd.expect("no such fault");
    assert_eq!(rig.run(Op::Connect { fd, addr: ip(25) }), ["connected"]);
    assert_eq!(rig.recv(fd), ["received ECONNRESET"]);
    assert_eq!(server.connections()[0].harm(), Some(Harm::Reset));

    let (_, mut rig, _) = always(|faults| faults.abort_permille = 1000);
    let listener = rig.listen(ip(110), 8);
    let client = rig.world.connect_in(ip(110));
    rig.world.pass(millis(1));
    assert!(matches!(rig.sim.accept(listener), Err(Errno::ECONNABORTED)));
    assert!(rig.sim.accept(listener).expect("nobody is left").is_none());
    assert_eq!(client.harm(), Some(Harm::Abort));
}

#[test]
fn a_client_begins_when_it_is_time() {
    let mut rig = Rig::calm();
    let listener = rig.listen(ip(110), 8);
    let at = rig.world.now() + millis(70);
    let client = rig.world.client(at, ip(110), Script::new().send("hi").close());
    rig.world.pass(millis(69));
    assert_eq!((client.outcome(), client.connected_at()), (Outcome::Connecting, None));
    assert_eq!(rig.run(Op::Readable { fd: listener }), ["readable"]);
    assert!(client.connected_at().is_some_and(|connected| connected >= at));
    let fd = rig.sim.accept(listener).expect("no fault").expect("one waits").fd;
    assert_eq!(rig.recv(fd), ["received hi"]);
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert_eq!(client.departure(), Some(Departure::Closed));
}
