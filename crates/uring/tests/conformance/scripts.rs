//! One script for each behaviour that shards rely on. What a script says must be the same in every world.

use crate::stage::{Stage, World, anywhere};
use buf::Lease;
use driver::{Addr, Done, Driver, Ending, Fd, Hope, Instant, ListenSpec, Op, Received};
use std::time::Duration;

/// Buffers of the driver in every world: few, so that scripts can use them up.
pub(crate) const BUFFER_COUNT: u32 = 4;
/// Bytes of each.
pub(crate) const BUFFER_SIZE: usize = 4096;
/// Pipes of the driver in every world.
pub(crate) const PIPE_COUNT: u32 = 1;

fn recv(fd: Fd) -> Op {
    Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX }
}

pub(crate) fn recv_then_cancel<W: World>(stage: &mut Stage<W>) {
    let (fd, _) = stage.connection();
    stage.submit(recv(fd));
    stage.nothing_happens();
    stage.submit(Op::Cancel { fd });
    stage.say_next(2);
}

/// Also before it has reached the kernel at all.
pub(crate) fn recv_and_cancel_in_one_turn<W: World>(stage: &mut Stage<W>) {
    let (fd, _) = stage.connection();
    stage.submit(Op::Recv { fd, hope: Hope::Later, count_max: u32::MAX });
    stage.submit(Op::Cancel { fd });
    stage.say_next(2);
}

/// A cancel ends what is in flight and never what comes later.
pub(crate) fn cancel_then_send<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.submit(Op::Cancel { fd });
    stage.send(fd, b"later");
    stage.say_next(2);
    let bytes = stage.world.read(peer, 5);
    stage.say(String::from_utf8_lossy(&bytes));
}

/// A second cancel finds an op whose end is already requested.
pub(crate) fn cancel_twice<W: World>(stage: &mut Stage<W>) {
    let (fd, _) = stage.connection();
    stage.submit(recv(fd));
    stage.submit(Op::Cancel { fd });
    stage.submit(Op::Cancel { fd });
    stage.say_next(3);
}

pub(crate) fn data_then_end<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.submit(Op::Recv { fd, hope: Hope::Later, count_max: u32::MAX });
    stage.nothing_happens();
    stage.world.send(peer, b"hello");
    stage.say_next(1);
    stage.world.finish(peer);
    for _ in 0..2 {
        stage.submit(recv(fd));
        stage.say_next(1);
    }
}

/// `more` is set while the socket holds bytes beyond the buffer, of which a receive leaves a 256th free.
pub(crate) fn more_is_told<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.world.send(peer, &[b'x'; BUFFER_SIZE + 10]);
    stage.nothing_happens();
    for _ in 0..2 {
        stage.submit(recv(fd));
        let done = stage.take_one();
        let Done::Received(Ok(Received::Bytes { count, more, .. })) = done else { panic!("{done:?}") };
        stage.say(format!("{count} bytes, more: {more}"));
    }
}

pub(crate) fn reset_while_receiving<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.submit(recv(fd));
    stage.nothing_happens();
    stage.world.reset(peer);
    stage.say_next(1);
    stage.submit(recv(fd));
    stage.say_next(1);
    stage.send(fd, b"too late");
    stage.say_next(1);
}

pub(crate) fn send_to_a_reset_peer<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.world.reset(peer);
    stage.nothing_happens();
    for _ in 0..2 {
        stage.send(fd, b"anybody?");
        stage.say_next(1);
    }
}

pub(crate) fn connect_is_refused<W: World>(stage: &mut Stage<W>) {
    let addr = stage.world.refusing();
    let fd = stage.driver().socket(&addr).expect("no limit is near");
    stage.submit(Op::Connect { fd, addr });
    stage.say_next(1);
    stage.submit(Op::Close { fd, ending: Ending::Orderly });
    stage.say_next(1);
}

/// It keeps its address meanwhile, if that was named: the kernel takes a port back that it has chosen itself.
pub(crate) fn a_listener_refuses_and_listens_again<W: World>(stage: &mut Stage<W>) {
    let (first, addr) = stage.listener();
    stage.driver().discard(first);
    let spec = ListenSpec { addr: addr.clone(), ..anywhere() };
    let listener = stage.driver().bind(&spec).expect("nobody has taken it");
    stage.driver().listen(listener, 16).expect("bound");
    let waiting = stage.world.client(&addr);
    stage.nothing_happens();
    stage.driver().unlisten(listener).expect("it listens");
    let ending = stage.world.ending(waiting);
    stage.say(ending);
    let fd = stage.driver().socket(&addr).expect("no limit is near");
    stage.submit(Op::Connect { fd, addr: addr.clone() });
    stage.say_next(1);
    stage.submit(Op::Close { fd, ending: Ending::Orderly });
    stage.say_next(1);
    stage.driver().listen(listener, 16).expect("bound");
    stage.world.client(&addr);
    stage.accept(listener);
    stage.say("accepted");
}

pub(crate) fn connect_succeeds<W: World>(stage: &mut Stage<W>) {
    let addr = stage.world.server();
    let fd = stage.driver().socket(&addr).expect("no limit is near");
    stage.submit(Op::Connect { fd, addr: addr.clone() });
    stage.say_next(1);
    let peer = stage.world.taken_by(&addr);
    stage.send(fd, b"hello");
    stage.say_next(1);
    let bytes = stage.world.read(peer, 5);
    stage.say(String::from_utf8_lossy(&bytes));
    stage.world.send(peer, b"* OK");
    stage.submit(recv(fd));
    stage.say_next(1);
}

pub(crate) fn connect_then_cancel<W: World>(stage: &mut Stage<W>) {
    let addr = stage.world.silent();
    let fd = stage.driver().socket(&addr).expect("no limit is near");
    stage.submit(Op::Connect { fd, addr });
    stage.nothing_happens();
    stage.submit(Op::Cancel { fd });
    stage.say_next(2);
    stage.submit(Op::Close { fd, ending: Ending::Orderly });
    stage.say_next(1);
}

pub(crate) fn two_are_accepted<W: World>(stage: &mut Stage<W>) {
    let (listener, addr) = stage.listener();
    stage.submit(Op::Readable { fd: listener });
    stage.nothing_happens();
    stage.world.client(&addr);
    stage.world.client(&addr);
    stage.say_next(1);
    stage.nothing_happens();
    for _ in 0..3 {
        let accepted = stage.driver().accept(listener).expect("no limit is near");
        stage.say(match accepted.map(|accepted| accepted.peer) {
            Some(Addr::Ip(_)) => "accepted",
            Some(Addr::Unix(_) | Addr::Unnamed) => "accepted from nowhere",
            None => "nobody waits",
        });
    }
}

pub(crate) fn readable_is_cancelled<W: World>(stage: &mut Stage<W>) {
    let (listener, _) = stage.listener();
    stage.submit(Op::Readable { fd: listener });
    stage.nothing_happens();
    stage.submit(Op::Cancel { fd: listener });
    stage.say_next(2);
    stage.driver().discard(listener);
}

pub(crate) fn an_orderly_close<W: World>(stage: &mut Stage<W>) {
    closes(stage, Ending::Orderly);
}

pub(crate) fn a_close_by_reset<W: World>(stage: &mut Stage<W>) {
    closes(stage, Ending::Reset);
}

fn closes<W: World>(stage: &mut Stage<W>, ending: Ending) {
    let (fd, peer) = stage.connection();
    stage.send(fd, b"bye");
    stage.say_next(1);
    let bytes = stage.world.read(peer, 3);
    stage.say(String::from_utf8_lossy(&bytes));
    stage.submit(Op::Close { fd, ending });
    stage.say_next(1);
    stage.nothing_happens();
    let ending = stage.world.ending(peer);
    stage.say(ending);
}

/// Receives byte after byte and keeps every lease, until one receive waits though its byte is there.
fn starve<W: World>(stage: &mut Stage<W>, fd: Fd, peer: W::Peer) -> Vec<Lease> {
    let mut held = Vec::new();
    loop {
        stage.world.send(peer, b"x");
        stage.submit(recv(fd));
        match stage.take_soon().pop() {
            Some(Done::Received(Ok(Received::Bytes { lease, .. }))) => held.push(lease),
            Some(done) => panic!("{done:?}"),
            None => break,
        }
    }
    stage.say(format!("{} buffers are held", held.len()));
    let starved = stage.driver().stats().starved;
    stage.say(format!("starved: {starved}"));
    held
}

pub(crate) fn a_starved_receive_recovers<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    let mut held = starve(stage, fd, peer);
    held.pop();
    stage.say_next(1);
}

pub(crate) fn a_starved_receive_is_cancelled<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    let held = starve(stage, fd, peer);
    stage.submit(Op::Cancel { fd });
    stage.say_next(2);
    drop(held);
    stage.submit(recv(fd));
    stage.say_next(1);
}

/// A receive that starves must not keep a buffer from one whose bytes are there.
pub(crate) fn a_silent_receive_starves_nobody<W: World>(stage: &mut Stage<W>) {
    let (silent, _) = stage.connection();
    let (fd, peer) = stage.connection();
    let mut held = starve(stage, fd, peer);
    stage.submit(recv(silent));
    stage.nothing_happens();
    held.pop();
    stage.say_next(1);
    let starved = stage.driver().stats().starved;
    stage.say(format!("starved: {starved}"));
}

pub(crate) fn a_half_close_leaves_the_other_half<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.submit(recv(fd));
    stage.submit(Op::Finish { fd });
    stage.say_next(1);
    let ending = stage.world.ending(peer);
    stage.say(ending);
    stage.world.send(peer, b"still here");
    stage.say_next(1);
    stage.send(fd, b"after the end");
    stage.say_next(1);
    stage.world.finish(peer);
    stage.submit(recv(fd));
    stage.say_next(1);
}

/// A send into a full socket waits until the peer reads, and nothing is lost on the way.
pub(crate) fn a_full_socket_makes_sends_wait<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    let (sent, waits) = fill(stage, fd);
    stage.say(if waits { "a send waits" } else { "a socket without a limit" });
    check_pattern(&stage.world.read(peer, sent), 0);
    let done = stage.take_one();
    let Done::Sent { result, .. } = done else { panic!("{done:?}") };
    let count = result.expect("the peer reads") as usize;
    check_pattern(&stage.world.read(peer, count), sent);
    stage.say("all of it arrived");
}

pub(crate) fn a_waiting_send_is_cancelled<W: World>(stage: &mut Stage<W>) {
    let (fd, _) = stage.connection();
    fill(stage, fd);
    stage.submit(Op::Cancel { fd });
    stage.say_next(2);
    stage.submit(Op::Close { fd, ending: Ending::Reset });
    stage.say_next(1);
}

/// Sends a pattern until a send waits. Answers how many bytes were sent before it.
fn fill<W: World>(stage: &mut Stage<W>, fd: Fd) -> (usize, bool) {
    let mut sent = 0;
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (sent..sent + BUFFER_SIZE).map(pattern).collect();
        stage.send(fd, &bytes);
        match stage.take_soon().pop() {
            Some(Done::Sent { result, .. }) => sent += result.expect("nobody ended it") as usize,
            Some(done) => panic!("{done:?}"),
            None => return (sent, true),
        }
    }
    (sent, false)
}

/// The byte at this place of the stream.
pub(crate) fn pattern(at: usize) -> u8 {
    (at % 251) as u8
}

pub(crate) fn check_pattern(bytes: &[u8], start: usize) {
    assert!(bytes.iter().enumerate().all(|(offset, &byte)| byte == pattern(start + offset)), "bytes in disorder");
}

pub(crate) fn a_wake_ends_a_turn<W: World>(stage: &mut Stage<W>) {
    let waker = stage.driver().waker();
    for wakes in [1, 3] {
        (0..wakes).for_each(|_| waker.wake());
        stage.turn_until(None);
        stage.say("woken");
    }
    stage.nothing_happens();
    stage.say("and not again");
}

pub(crate) fn a_past_deadline_does_not_wait<W: World>(stage: &mut Stage<W>) {
    let (fd, _) = stage.connection();
    stage.submit(recv(fd));
    let before = stage.driver().now();
    for _ in 0..10 {
        stage.turn_until(Some(Instant::EPOCH));
    }
    let passed = stage.driver().now().since(before);
    stage.say(if passed < Duration::from_secs(5) { "at once" } else { "late" });
}

pub(crate) fn a_bound_socket_is_discarded<W: World>(stage: &mut Stage<W>) {
    let driver = stage.driver();
    let fd = driver.bind(&anywhere()).expect("a free port");
    let addr = driver.local_addr(fd).expect("bound");
    driver.discard(fd);
    let again = driver.bind(&ListenSpec { addr: addr.clone(), ..anywhere() }).expect("free again");
    let same = driver.local_addr(again).expect("bound") == addr;
    driver.discard(again);
    stage.say(format!("the same address: {same}"));
}

/// Another driver goes on with it; its owner has closed its own number.
pub(crate) fn a_fetched_connection_goes_on<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    let (copy, mut owner) = fetch(stage, fd);
    owner.let_go(fd);
    stage.submit(recv(copy));
    stage.world.send(peer, b"hello");
    stage.say_next(1);
    stage.send(copy, b"bye");
    stage.say_next(1);
    let bytes = stage.world.read(peer, 3);
    stage.say(String::from_utf8_lossy(&bytes));
    close_fetched(stage, copy);
    let ending = stage.world.ending(peer);
    stage.say(ending);
}

/// Whoever has fetched it may be done with it before its owner has closed its number.
pub(crate) fn a_connection_ends_when_nobody_holds_it<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    let (copy, mut owner) = fetch(stage, fd);
    close_fetched(stage, copy);
    stage.nothing_happens();
    stage.say(if owner.is_readable(fd) { "over" } else { "still open" });
    owner.let_go(fd);
    let ending = stage.world.ending(peer);
    stage.say(ending);
}

/// A number of a new driver, which is the stage's from now on, for a connection of the one before.
fn fetch<W: World>(stage: &mut Stage<W>, fd: Fd) -> (Fd, W::Driver) {
    let mut neighbour = stage.world.beside();
    let thread = stage.driver().thread().expect("there are two drivers");
    let copy = neighbour.fetch(thread, fd).expect("it is open, and Linux 6.9 knows single threads");
    (copy, std::mem::replace(stage.driver(), neighbour))
}

fn close_fetched<W: World>(stage: &mut Stage<W>, copy: Fd) {
    stage.submit(Op::Close { fd: copy, ending: Ending::Orderly });
    stage.say_next(1);
}
