//! What a socket does, case by case, as Linux does it: tcp(7), unix(7), accept(2), shutdown(2), RFC 9293.

use crate::rig::{Rig, TAG, describe, ip, millis};
use driver::{Addr, Driver, Ending, Errno, Fd, Hope, ListenSpec, Op};
use sim::{Faults, Network, Options, Outcome, Reading, Script};
use std::collections::HashSet;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

fn recv(fd: Fd) -> Op {
    Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[test]
fn data_then_the_end() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    peer.send("hello");
    peer.finish();
    assert_eq!(rig.recv(fd), ["received hello"]);
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert_eq!(rig.recv(fd), ["received the end"], "an end stays");
}

#[test]
fn more_is_said_when_more_is_there() {
    let mut rig = Rig::new(Options { buffer_size: 4, ..Options::calm() });
    let (fd, peer) = rig.accepted();
    peer.send("sixsix");
    rig.world.pass(millis(1));
    assert_eq!(rig.recv(fd), ["received sixs and more"]);
    assert_eq!(rig.recv(fd), ["received ix"]);
}

#[test]
fn a_half_closed_connection_goes_on_the_other_way() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    assert_eq!(rig.run(Op::Finish { fd }), ["finished"]);
    assert_eq!(peer.outcome(), Outcome::Ended);
    assert_eq!(rig.send(fd, b"x"), ["sent EPIPE"]);
    peer.send("still here");
    assert_eq!(rig.recv(fd), ["received still here"]);
    peer.finish();
    assert_eq!(rig.recv(fd), ["received the end"]);
}

#[test]
fn a_reset_is_reported_once() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    rig.start(recv(fd));
    peer.reset();
    assert_eq!(rig.heard(), ["received ECONNRESET"]);
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert_eq!(rig.send(fd, b"x"), ["sent EPIPE"]);
    assert_eq!(rig.run(Op::Finish { fd }), ["finished errno 107"], "ENOTCONN");
}

#[test]
fn what_came_before_a_reset_may_be_read() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    peer.send("last words");
    peer.reset();
    rig.world.pass(millis(1));
    assert_eq!(rig.recv(fd), ["received last words"]);
    assert_eq!(rig.recv(fd), ["received ECONNRESET"]);
}

#[test]
fn a_send_may_be_the_one_to_learn_of_a_reset() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    peer.reset();
    rig.world.pass(millis(1));
    assert_eq!(rig.send(fd, b"x"), ["sent ECONNRESET"]);
    assert_eq!(rig.send(fd, b"x"), ["sent EPIPE"]);
    assert_eq!(rig.recv(fd), ["received the end"]);
}

#[test]
fn bytes_for_a_closed_peer_are_answered_with_a_reset() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    peer.close();
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert_eq!(rig.send(fd, b"x"), ["sent 1"], "the peer's kernel has not answered yet");
    assert_eq!(rig.send(fd, b"x"), ["sent EPIPE"], "the end was seen before the reset");
}

#[test]
fn an_orderly_close_is_an_end_and_a_reset_is_a_cut() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    assert_eq!(rig.send(fd, b"bye"), ["sent 3"]);
    rig.close(fd, Ending::Orderly);
    assert_eq!((peer.outcome(), peer.received()), (Outcome::Ended, b"bye".to_vec()));

    let (fd, peer) = rig.accepted();
    rig.close(fd, Ending::Reset);
    assert_eq!(peer.outcome(), Outcome::Reset);
}

#[test]
fn a_close_over_unread_bytes_is_a_reset() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    peer.send("nobody reads this");
    rig.world.pass(millis(1));
    rig.close(fd, Ending::Orderly);
    assert_eq!(peer.outcome(), Outcome::Reset);
}

#[test]
fn a_cancelled_receive_completes_and_so_does_the_cancel() {
    let mut rig = Rig::calm();
    let (fd, _peer) = rig.accepted();
    rig.start(recv(fd));
    assert!(rig.heard().is_empty());
    rig.start(Op::Cancel { fd });
    assert_eq!(sorted(rig.heard()), ["cancelled", "received ECANCELED"]);
}

#[test]
fn a_cancel_reaches_nothing_that_comes_later() {
    let mut rig = Rig::calm();
    let (fd, peer) = rig.accepted();
    rig.start(Op::Cancel { fd });
    rig.start(recv(fd));
    assert_eq!(rig.heard(), ["cancelled"]);
    peer.send("x");
    assert_eq!(rig.heard(), ["received x"]);
}

#[test]
fn a_cancel_may_come_too_late() {
    let mut seen = Vec::new();
    for race_permille in [0, 1000] {
        let network = Network { race_permille, ..Network::calm() };
        let mut rig = Rig::new(Options { network, ..Options::calm() });
        let (fd, peer) = rig.accepted();
        peer.send("x");
        rig.world.pass(millis(1));
        rig.start(recv(fd));
        rig.start(Op::Cancel { fd });
        seen.push(sorted(rig.heard()).pop().expect("two completions"));
        rig.close(fd, Ending::Orderly);
    }
    assert_eq!(seen, ["received ECANCELED", "received x"]);
}

#[test]
fn a_full_socket_makes_sends_short_and_then_wait() {
    let network = Network { socket_buffer_least: 10, socket_buffer_most: 10, ..Network::calm() };
    let mut rig = Rig::new(Options { network, ..Options::calm() });
    let (fd, peer) = rig.accepted();
    peer.read(Reading::Never);
    rig.world.pass(millis(1));
    assert_eq!(rig.send(fd, b"0123456789abc"), ["sent 10"]);
    let op = rig.send_op(fd, b"abc");
    rig.start(op);
    assert!(rig.heard().is_empty(), "there is no room");
    assert_eq!(rig.world.lease_count(), 1, "the waiting send owns its buffer");
    peer.read(Reading::AtOnce);
    assert_eq!(rig.heard(), ["sent 3"]);
    assert_eq!((peer.received(), rig.world.lease_count()), (b"0123456789abc".to_vec(), 0));
}

#[test]
fn a_waiting_send_can_be_cancelled() {
    let network = Network { socket_buffer_least: 1, socket_buffer_most: 1, ..Network::calm() };
    let mut rig = Rig::new(Options { network, ..Options::calm() });
    let (fd, peer) = rig.accepted();
    peer.read(Reading::Never);
    assert_eq!(rig.send(fd, b"ab"), ["sent 1"]);
    let op = rig.send_op(fd, b"b");
    rig.start(op);
    assert!(rig.heard().is_empty());
    rig.start(Op::Cancel { fd });
    assert_eq!(sorted(rig.heard()), ["cancelled", "sent ECANCELED"]);
    rig.close(fd, Ending::Reset);
    assert_eq!(rig.world.lease_count(), 0);
}

#[test]
fn a_receive_without_a_buffer_waits_for_one() {
    let mut rig = Rig::new(Options { buffer_count: 1, ..Options::calm() });
    let (fd, peer) = rig.accepted();
    let held = rig.sim.pool().lease();
    rig.start(recv(fd));
    assert!(rig.heard().is_empty());
    assert_eq!(rig.world.stats().starved, 0, "nothing has come yet");
    peer.send("x");
    assert!(rig.heard().is_empty());
    assert_eq!(rig.world.stats().starved, 1);
    drop(held);
    assert_eq!(rig.heard(), ["received x"]);
    assert_eq!(rig.world.stats().starved, 1, "counted once");
}

#[test]
fn a_starved_receive_can_be_cancelled() {
    let mut rig = Rig::new(Options { buffer_count: 1, ..Options::calm() });
    let (fd, peer) = rig.accepted();
    let held = rig.sim.pool().lease();
    peer.send("x");
    assert!(rig.recv(fd).is_empty());
    rig.start(Op::Cancel { fd });
    assert_eq!(sorted(rig.heard()), ["cancelled", "received ECANCELED"]);
    drop(held);
    assert_eq!(rig.recv(fd), ["received x"], "what has come is still there");
}

#[test]
fn a_receive_that_comes_too_late_for_a_buffer_waits_on() {
    let network = Network { completion_delay_most: millis(1), ..Network::calm() };
    let mut rig = Rig::new(Options { buffer_count: 1, network, ..Options::calm() });
    let (fd, peer) = rig.accepted();
    let held = rig.sim.pool().lease();
    peer.send("x");
    assert!(rig.recv(fd).is_empty());
    drop(held);
    let mut done = Vec::new();
    rig.sim.turn(Some(rig.sim.now()), &mut done).expect("no error");
    assert!(done.is_empty(), "it was told, and has not tried yet");
    let held = rig.sim.pool().lease();
    assert!(held.is_some() && rig.heard().is_empty());
    drop(held);
    assert_eq!(rig.heard(), ["received x"]);
    assert_eq!(rig.world.stats().starved, 1, "counted once");
}

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

#[test]
fn time_jumps_to_the_deadline_and_no_further() {
    let mut rig = Rig::calm();
    let start = rig.sim.now();
    let mut done = Vec::new();
    rig.sim.turn(Some(start + millis(250)), &mut done).expect("no error");
    assert_eq!(rig.sim.now(), start + millis(250));
    rig.sim.turn(Some(start), &mut done).expect("no error");
    assert_eq!(rig.sim.now(), start + millis(250), "a deadline that has passed is not waited for");
    rig.sim.turn(None, &mut done).expect("no error");
    assert!(done.is_empty() && rig.world.is_quiet(), "nothing can happen any more");
    let far = rig.sim.now() + Duration::from_secs(10_000);
    rig.sim.turn(Some(far), &mut done).expect("no error");
    assert_eq!(rig.sim.now(), start + millis(250) + driver::WAIT_MOST);
}

#[test]
fn a_wake_ends_a_turn_and_is_not_lost() {
    let mut rig = Rig::calm();
    let start = rig.sim.now();
    let waker = rig.sim.waker();
    std::thread::spawn(move || {
        waker.wake();
        waker.wake();
    })
    .join()
    .expect("a wake does not fail");
    let mut done = Vec::new();
    rig.sim.turn(Some(start + millis(9)), &mut done).expect("no error");
    assert_eq!(rig.sim.now(), start);
    rig.sim.turn(Some(start + millis(9)), &mut done).expect("no error");
    assert_eq!(rig.sim.now(), start + millis(9), "wakes are merged");
    rig.world.wake_at(start + millis(12));
    rig.sim.turn(Some(start + millis(20)), &mut done).expect("no error");
    assert_eq!(rig.sim.now(), start + millis(12));
}

#[test]
fn a_driver_that_is_dropped_gives_everything_back() {
    let network = Network { socket_buffer_least: 1, socket_buffer_most: 1, ..Network::calm() };
    let mut rig = Rig::new(Options { network, ..Options::calm() });
    let (fd, peer) = rig.accepted();
    peer.read(Reading::Never);
    assert_eq!(rig.send(fd, b"a"), ["sent 1"]);
    let op = rig.send_op(fd, b"b");
    rig.start(op);
    rig.start(recv(fd));
    rig.start(Op::Cancel { fd });
    let Rig { sim, world } = rig;
    drop(sim);
    assert_eq!((world.lease_count(), world.open_count(), world.in_flight_count()), (0, 0, 0));
    peer.read(Reading::AtOnce);
    world.pass(millis(1));
    assert_eq!(peer.outcome(), Outcome::Ended);
    world.check();
}

#[test]
fn immediate_completions_are_complete() {
    let network = Network { immediate_permille: 1000, ..Network::calm() };
    let mut rig = Rig::new(Options { network, ..Options::calm() });
    let (fd, peer) = rig.accepted();
    peer.send("x");
    rig.world.pass(millis(1));
    let done = rig.sim.submit(TAG, recv(fd)).expect("bytes are there");
    assert_eq!(describe(&done), "received x");
    drop(done);
    assert!(rig.recv(fd).is_empty(), "nothing is there: it waits");
    assert_eq!(rig.world.in_flight_count(), 1);
    peer.send("y");
    rig.world.pass(millis(1));
    assert_eq!(rig.heard(), ["received y"]);
    peer.send("z");
    rig.world.pass(millis(1));
    assert!(
        rig.sim.submit(TAG, Op::Recv { fd, hope: Hope::Later, count_max: u32::MAX }).is_none(),
        "later is not at once"
    );
}

#[test]
fn completions_of_two_sockets_come_in_any_order() {
    let network = Network { completion_delay_most: millis(1), ..Network::calm() };
    let orders: HashSet<Vec<String>> = (0..50)
        .map(|seed| {
            let mut rig = Rig::seeded(seed, Options { network: network.clone(), ..Options::calm() });
            let pairs = [rig.accepted(), rig.accepted()];
            for ((_, peer), text) in pairs.iter().zip(["one", "two"]) {
                peer.send(text);
            }
            rig.world.pass(millis(1));
            for (fd, _) in &pairs {
                rig.start(recv(*fd));
            }
            rig.heard()
        })
        .collect();
    assert_eq!(orders.len(), 2, "{orders:?}");
}

#[test]
fn numbers_are_reused_at_once_or_never() {
    let reused: Vec<bool> = [0, 1000]
        .map(|reuse_permille| {
            let network = Network { reuse_permille, ..Network::calm() };
            let mut rig = Rig::new(Options { network, ..Options::calm() });
            let fds = [rig.socket(), rig.socket(), rig.socket()];
            rig.sim.discard(fds[1]);
            rig.socket() == fds[1]
        })
        .into();
    assert_eq!(reused, [false, true]);
}

#[test]
#[should_panic = "closed with an op in flight"]
fn a_close_with_an_op_in_flight_is_our_fault() {
    let mut rig = Rig::calm();
    let (fd, _peer) = rig.accepted();
    rig.start(recv(fd));
    rig.start(Op::Close { fd, ending: Ending::Orderly });
}

#[test]
#[should_panic = "is not open"]
fn an_op_on_a_closed_socket_is_our_fault() {
    let mut rig = Rig::calm();
    let (fd, _peer) = rig.accepted();
    rig.close(fd, Ending::Orderly);
    rig.start(recv(fd));
}

#[test]
#[should_panic = "nothing follows a close"]
fn an_op_behind_a_close_is_our_fault() {
    let mut rig = Rig::calm();
    let (fd, _peer) = rig.accepted();
    rig.start(Op::Close { fd, ending: Ending::Orderly });
    rig.start(recv(fd));
}

#[test]
#[should_panic = "in this direction already"]
fn two_receives_at_once_are_our_fault() {
    let mut rig = Rig::calm();
    let (fd, _peer) = rig.accepted();
    rig.start(recv(fd));
    rig.start(recv(fd));
}
