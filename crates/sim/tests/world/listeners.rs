//! Who may connect, who waits and who is turned away, as on Linux: accept(2), listen(2), tcp(7), unix(7).

use crate::rig::{Rig, ip, millis, sorted};
use driver::{Addr, Driver, Ending, Errno, ListenSpec, Op};
use sim::{Faults, Options, Outcome, Script};
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

#[test]
fn connects_are_refused_where_nobody_listens() {
    let mut rig = Rig::calm();
    let bound = rig.bind(ip(9)).expect("free");
    for addr in [ip(4), ip(9), Addr::Unix((*b"\0none").into())] {
        let fd = rig.socket();
        assert_eq!(rig.run(Op::Connect { fd, addr }), ["connected ECONNREFUSED"]);
        assert_eq!(rig.send(fd, b"x"), ["sent EPIPE"]);
        rig.close(fd, Ending::Orderly);
    }
    let fd = rig.socket();
    let addr = Addr::Unix((*b"/run/none").into());
    assert_eq!(rig.run(Op::Connect { fd, addr }), ["connected ENOENT"]);
    rig.sim.discard(bound);
}

#[test]
fn a_connect_that_nobody_answers_waits_until_it_is_cancelled() {
    let mut rig = Rig::calm();
    let server = rig.world.server(ip(0), sim::Behaviour::echo().reach(sim::Reach::BlackHole));
    let fd = rig.socket();
    assert!(rig.run(Op::Connect { fd, addr: server.addr() }).is_empty());
    rig.start(Op::Cancel { fd });
    assert_eq!(sorted(rig.heard()), ["cancelled", "connected ECANCELED"]);
    rig.close(fd, Ending::Orderly);
    assert_eq!(rig.world.open_count(), 0);
}

#[test]
fn a_listener_is_readable_while_somebody_waits() {
    let mut rig = Rig::calm();
    let listener = rig.listen(ip(110), 8);
    rig.start(Op::Readable { fd: listener });
    assert!(rig.heard().is_empty());
    let peers = [rig.world.connect_in(ip(110)), rig.world.connect_in(ip(110))];
    assert_eq!(rig.heard(), ["readable"]);
    for peer in &peers {
        let accepted = rig.sim.accept(listener).expect("no fault").expect("two wait");
        assert_eq!(accepted.peer, peer.addr());
        assert_eq!(rig.sim.local_addr(accepted.fd), Ok(ip(110)));
    }
    assert!(rig.sim.accept(listener).expect("no fault").is_none());
    rig.start(Op::Readable { fd: listener });
    assert!(rig.heard().is_empty());
    rig.start(Op::Cancel { fd: listener });
    assert_eq!(sorted(rig.heard()), ["cancelled", "readable ECANCELED"]);
}

#[test]
fn a_bound_socket_queues_nothing_and_a_discarded_listener_resets_its_queue() {
    let mut rig = Rig::calm();
    let fd = rig.bind(ip(110)).expect("free");
    assert_eq!(rig.bind(ip(110)), Err(Errno::EADDRINUSE));
    let early = rig.world.connect_in(ip(110));
    rig.world.pass(millis(1));
    assert_eq!(early.outcome(), Outcome::Failed(Errno::ECONNREFUSED));

    rig.sim.listen(fd, 8).expect("bound");
    let queued = rig.world.connect_in(ip(110));
    rig.world.pass(millis(1));
    assert_eq!(queued.outcome(), Outcome::Open);
    rig.sim.discard(fd);
    rig.world.pass(millis(1));
    assert_eq!(queued.outcome(), Outcome::Reset);
    assert!(rig.bind(ip(110)).is_ok(), "the address is free again");
}

#[test]
fn a_full_backlog_makes_clients_knock_again() {
    let mut rig = Rig::calm();
    let listener = rig.listen(ip(110), 1);
    let peers: Vec<_> = (0..3).map(|_| rig.world.connect_in(ip(110))).collect();
    rig.world.pass(millis(500));
    let open_count = |peers: &[sim::Peer]| peers.iter().filter(|peer| peer.outcome() == Outcome::Open).count();
    assert_eq!(open_count(&peers), 2, "a backlog of one holds two");
    rig.sim.accept(listener).expect("no fault").expect("two wait");
    rig.world.pass(Duration::from_secs(1));
    assert_eq!(open_count(&peers), 3);
}

#[test]
fn a_handshake_that_is_called_off_leaves_no_trace() {
    let mut rig = Rig::calm();
    let listener = rig.listen(ip(110), 8);
    let fd = rig.socket();
    rig.start(Op::Connect { fd, addr: ip(110) });
    // The request has arrived after 5 us; the answer is still on its way.
    rig.world.pass(Duration::from_micros(7));
    rig.start(Op::Cancel { fd });
    let mut done = Vec::new();
    rig.sim.turn(Some(rig.sim.now()), &mut done).expect("no error");
    assert_eq!(done.len(), 2, "{done:?}");
    rig.close(fd, Ending::Orderly);
    assert!(rig.sim.accept(listener).expect("no fault").is_none());
    rig.world.check();
}

#[test]
fn the_descriptor_limit_is_met_before_the_queue() {
    let faults = Faults { fds_max: 2, ..Faults::none() };
    let mut rig = Rig::new(Options { faults, ..Options::calm() });
    let listener = rig.listen(ip(110), 8);
    let fd = rig.socket();
    let peer = rig.world.connect_in(ip(110));
    rig.world.pass(millis(1));
    assert!(matches!(rig.sim.accept(listener), Err(Errno::EMFILE)));
    assert_eq!(rig.sim.socket(&ip(1)), Err(Errno::EMFILE));
    assert_eq!(rig.bind(ip(111)), Err(Errno::EMFILE));
    assert_eq!(peer.outcome(), Outcome::Open, "it still waits");
    rig.sim.discard(fd);
    assert!(rig.sim.accept(listener).expect("there is room").is_some());
}

#[test]
fn an_inherited_listener_keeps_its_queue() {
    let mut rig = Rig::calm();
    rig.world.inherit(5, &ListenSpec::at(ip(143), 8));
    assert_eq!(rig.sim.adopt(6), Err(Errno(9)), "EBADF");
    let peer = rig.world.connect_in(ip(143));
    rig.world.pass(millis(1));
    let fd = rig.sim.adopt(5).expect("inherited");
    rig.sim.discard(fd);
    rig.world.pass(millis(1));
    assert_eq!(peer.outcome(), Outcome::Open);
    let fd = rig.sim.adopt(5).expect("still there");
    assert!(rig.sim.accept(fd).expect("no fault").is_some());
}

#[test]
fn an_ipv6_wildcard_maps_ipv4_clients() {
    let mut rig = Rig::calm();
    let wildcard = Addr::Ip(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 993));
    let listener = rig.listen(wildcard.clone(), 8);
    let from = SocketAddr::from(([203, 0, 113, 9], 4000));
    rig.world.client_from(rig.world.now(), from, ip(993), Script::silent());
    rig.world.pass(millis(1));
    let accepted = rig.sim.accept(listener).expect("no fault").expect("one waits");
    assert_eq!(accepted.peer.to_string(), "::ffff:203.0.113.9:4000");
    rig.sim.discard(accepted.fd);
    rig.sim.discard(listener);

    let fd = rig.sim.bind(&ListenSpec { v6_only: Some(true), ..ListenSpec::at(wildcard, 8) }).expect("free");
    rig.sim.listen(fd, 8).expect("bound");
    let refused = rig.world.connect_in(ip(993));
    rig.world.pass(millis(1));
    assert_eq!(refused.outcome(), Outcome::Failed(Errno::ECONNREFUSED));
}

#[test]
fn unix_clients_have_no_name_and_know_no_reset() {
    let mut rig = Rig::calm();
    let path = Addr::Unix((*b"/run/lmtp").into());
    let listener = rig.listen(path.clone(), 8);
    let peer = rig.world.connect_in(path);
    rig.world.pass(millis(1));
    let accepted = rig.sim.accept(listener).expect("no fault").expect("one waits");
    assert_eq!(accepted.peer, Addr::Unnamed);
    rig.close(accepted.fd, Ending::Reset);
    assert_eq!(peer.outcome(), Outcome::Ended);
}

#[test]
fn a_listener_of_ours_can_be_connected_to_by_us() {
    let mut rig = Rig::calm();
    let listener = rig.listen(ip(110), 8);
    let near = rig.socket();
    assert_eq!(rig.run(Op::Connect { fd: near, addr: ip(110) }), ["connected"]);
    let far = rig.sim.accept(listener).expect("no fault").expect("one waits").fd;
    assert_eq!(rig.send(near, b"to myself"), ["sent 9"]);
    assert_eq!(rig.recv(far), ["received to myself"]);
}
