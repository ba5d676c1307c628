//! What a connection does, case by case, as Linux does it: tcp(7), shutdown(2), RFC 9293.

use crate::rig::{Rig, millis, recv, sorted};
use driver::{Driver, Ending, Op};
use sim::{Network, Options, Outcome, Reading};

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
