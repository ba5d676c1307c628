//! Turns: when they end, what they bring, in which order, and what is left of a driver.

use crate::rig::{Rig, TAG, describe, millis, recv};
use driver::{Driver, Hope, Op};
use sim::{Network, Options, Outcome, Reading};
use std::collections::HashSet;
use std::time::Duration;

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
