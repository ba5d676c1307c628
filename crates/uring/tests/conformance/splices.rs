//! Scripts for what goes through a pipe. There is one pipe, so that scripts can use it up.

use crate::scripts::{BUFFER_SIZE, check_pattern, pattern};
use crate::stage::{Stage, World, describe};
use driver::{Done, Ending, Fd, Filled, Hope, Op, Pipe};

/// A pipe with these bytes, which `peer` sends to the socket.
fn filled<W: World>(stage: &mut Stage<W>, fd: Fd, peer: W::Peer, bytes: &[u8]) -> Pipe {
    stage.world.send(peer, bytes);
    stage.submit(Op::Fill { fd, count_max: u32::MAX });
    let Done::Filled(Ok(Filled::Bytes(pipe))) = stage.take_one() else { panic!("bytes have arrived") };
    assert_eq!(pipe.held() as usize, bytes.len(), "in a world without delays, they arrive together");
    pipe
}

/// Says the next completion, which is a drain, and keeps its pipe.
fn drained<W: World>(stage: &mut Stage<W>) -> Pipe {
    let Done::Drained { pipe, result } = stage.take_one() else { panic!("a drain is all that is in flight") };
    stage.say(format!("drained {result:?}, {} left", pipe.held()));
    pipe
}

fn say_bytes<W: World>(stage: &mut Stage<W>, peer: W::Peer, count: usize) {
    let bytes = stage.world.read(peer, count);
    stage.say(String::from_utf8_lossy(&bytes));
}

pub(crate) fn from_one_socket_to_another<W: World>(stage: &mut Stage<W>) {
    let (from, sender) = stage.connection();
    let (to, reader) = stage.connection();
    stage.submit(Op::Fill { fd: from, count_max: u32::MAX });
    stage.nothing_happens();
    stage.world.send(sender, b"hello");
    let Done::Filled(Ok(Filled::Bytes(pipe))) = stage.take_one() else { panic!("bytes have arrived") };
    stage.say(format!("filled {}", pipe.held()));
    stage.submit(Op::Drain { fd: to, pipe });
    stage.say_next(1);
    say_bytes(stage, reader, 5);
    stage.world.finish(sender);
    for _ in 0..2 {
        stage.submit(Op::Fill { fd: from, count_max: u32::MAX });
        stage.say_next(1);
    }
}

/// What lies behind is received, or filled by another op.
pub(crate) fn a_fill_takes_no_more_than_it_may<W: World>(stage: &mut Stage<W>) {
    let (from, sender) = stage.connection();
    let (to, reader) = stage.connection();
    stage.world.send(sender, b"hello, world");
    stage.nothing_happens();
    stage.submit(Op::Fill { fd: from, count_max: 5 });
    let Done::Filled(Ok(Filled::Bytes(pipe))) = stage.take_one() else { panic!("bytes have arrived") };
    stage.say(format!("filled {}", pipe.held()));
    stage.submit(Op::Drain { fd: to, pipe });
    stage.say_next(1);
    say_bytes(stage, reader, 5);
    stage.submit(Op::Fill { fd: from, count_max: 2 });
    stage.say_next(1);
    stage.submit(Op::Recv { fd: from, hope: Hope::Soon, count_max: u32::MAX });
    stage.say_next(1);
}

pub(crate) fn fill_then_cancel<W: World>(stage: &mut Stage<W>) {
    let (fd, _) = stage.connection();
    stage.submit(Op::Fill { fd, count_max: u32::MAX });
    stage.nothing_happens();
    stage.submit(Op::Cancel { fd });
    stage.say_next(2);
}

/// Also before it has reached the kernel at all.
pub(crate) fn fill_and_cancel_in_one_turn<W: World>(stage: &mut Stage<W>) {
    let (fd, _) = stage.connection();
    stage.submit(Op::Fill { fd, count_max: u32::MAX });
    stage.submit(Op::Cancel { fd });
    stage.say_next(2);
}

pub(crate) fn reset_while_filling<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.submit(Op::Fill { fd, count_max: u32::MAX });
    stage.nothing_happens();
    stage.world.reset(peer);
    stage.say_next(1);
    stage.submit(Op::Fill { fd, count_max: u32::MAX });
    stage.say_next(1);
}

/// The error must not be lost by a fill that has bytes to tell of.
pub(crate) fn bytes_before_a_reset_are_filled<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.world.send(peer, b"hello");
    stage.nothing_happens();
    stage.world.reset(peer);
    stage.nothing_happens();
    for _ in 0..2 {
        stage.submit(Op::Fill { fd, count_max: u32::MAX });
        stage.say_next(1);
    }
}

pub(crate) fn drain_to_a_reset_peer<W: World>(stage: &mut Stage<W>) {
    let (from, sender) = stage.connection();
    let (to, reader) = stage.connection();
    let mut pipe = filled(stage, from, sender, b"hello");
    stage.world.reset(reader);
    stage.nothing_happens();
    for _ in 0..2 {
        stage.submit(Op::Drain { fd: to, pipe });
        pipe = drained(stage);
    }
}

pub(crate) fn a_half_close_leaves_the_drain<W: World>(stage: &mut Stage<W>) {
    let (from, sender) = stage.connection();
    let (to, reader) = stage.connection();
    stage.world.finish(reader);
    stage.submit(Op::Fill { fd: to, count_max: u32::MAX });
    stage.say_next(1);
    let pipe = filled(stage, from, sender, b"there");
    stage.submit(Op::Drain { fd: to, pipe });
    stage.say_next(1);
    say_bytes(stage, reader, 5);
}

/// What we have ended takes no more bytes, and still brings some.
pub(crate) fn nothing_is_drained_after_the_end<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    stage.submit(Op::Finish { fd });
    stage.say_next(1);
    let pipe = filled(stage, fd, peer, b"hello");
    stage.say(format!("filled {}", pipe.held()));
    stage.submit(Op::Drain { fd, pipe });
    stage.say_next(1);
}

/// A drain into a full socket waits until the peer reads, and nothing is lost on the way.
pub(crate) fn a_full_socket_makes_drains_wait<W: World>(stage: &mut Stage<W>) {
    let (from, sender) = stage.connection();
    let (to, reader) = stage.connection();
    let mut moved = stuff(stage, from, sender, to);
    stage.say("a drain waits");
    check_pattern(&stage.world.read(reader, moved), 0);
    loop {
        let Done::Drained { pipe, result } = stage.take_one() else { panic!("a drain is all that is in flight") };
        let count = result.expect("the peer reads") as usize;
        check_pattern(&stage.world.read(reader, count), moved);
        moved += count;
        if pipe.held() == 0 {
            break;
        }
        stage.submit(Op::Drain { fd: to, pipe });
    }
    stage.say("all of it arrived");
}

pub(crate) fn a_waiting_drain_is_cancelled<W: World>(stage: &mut Stage<W>) {
    let (from, sender) = stage.connection();
    let (to, _) = stage.connection();
    stuff(stage, from, sender, to);
    stage.submit(Op::Cancel { fd: to });
    let mut lines: Vec<String> = stage.take(2).iter().map(without_rest).collect();
    lines.sort();
    lines.into_iter().for_each(|line| stage.say(line));
    stage.submit(Op::Close { fd: to, ending: Ending::Reset });
    stage.say_next(1);
}

/// How much the pipe still held depends on the sizes of the sockets' buffers.
fn without_rest(done: &Done) -> String {
    if let Done::Drained { result, .. } = done { format!("drained {result:?}") } else { describe(done) }
}

/// Splices a pattern until a drain waits. Answers how many bytes were moved before it.
fn stuff<W: World>(stage: &mut Stage<W>, from: Fd, sender: W::Peer, to: Fd) -> usize {
    let (mut sent, mut moved) = (0, 0);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (sent..sent + BUFFER_SIZE).map(pattern).collect();
        sent += bytes.len();
        let mut pipe = filled(stage, from, sender, &bytes);
        while pipe.held() > 0 {
            stage.submit(Op::Drain { fd: to, pipe });
            match stage.take_soon().pop() {
                Some(Done::Drained { pipe: back, result }) => {
                    moved += result.expect("nobody ended it") as usize;
                    pipe = back;
                }
                Some(done) => panic!("{done:?}"),
                None => return moved,
            }
        }
    }
    panic!("a socket without a limit");
}

/// What has arrived is received instead.
pub(crate) fn a_fill_without_a_pipe_takes_nothing<W: World>(stage: &mut Stage<W>) {
    let (other, other_peer) = stage.connection();
    let (fd, peer) = stage.connection();
    let _only = filled(stage, other, other_peer, b"x");
    stage.submit(Op::Fill { fd, count_max: u32::MAX });
    stage.nothing_happens();
    stage.world.send(peer, b"hello");
    stage.say_next(1);
    stage.submit(Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
    stage.say_next(1);
}

pub(crate) fn an_end_is_not_seen_without_a_pipe<W: World>(stage: &mut Stage<W>) {
    let (other, other_peer) = stage.connection();
    let (fd, peer) = stage.connection();
    let _only = filled(stage, other, other_peer, b"x");
    stage.world.finish(peer);
    stage.submit(Op::Fill { fd, count_max: u32::MAX });
    stage.say_next(1);
    stage.submit(Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
    stage.say_next(1);
}

/// No byte of one connection reaches another, though both used the same pipe.
pub(crate) fn a_spoiled_pipe_is_clean_for_the_next<W: World>(stage: &mut Stage<W>) {
    let (other, other_peer) = stage.connection();
    let (from, sender) = stage.connection();
    let (to, reader) = stage.connection();
    drop(filled(stage, other, other_peer, b"a stranger's"));
    stage.say("spoiled");
    let pipe = filled(stage, from, sender, b"mine!");
    stage.submit(Op::Drain { fd: to, pipe });
    stage.say_next(1);
    say_bytes(stage, reader, 5);
}

/// Fills that wait, and one that has failed, leave the only pipe to others.
pub(crate) fn a_flow_that_rests_holds_no_pipe<W: World>(stage: &mut Stage<W>) {
    let (resting, _) = stage.connection();
    let (cut, cut_peer) = stage.connection();
    let (fd, peer) = stage.connection();
    stage.submit(Op::Fill { fd: resting, count_max: u32::MAX });
    stage.submit(Op::Fill { fd: cut, count_max: u32::MAX });
    stage.nothing_happens();
    stage.world.reset(cut_peer);
    stage.take_one();
    stage.world.send(peer, b"hello");
    stage.submit(Op::Fill { fd, count_max: u32::MAX });
    stage.say_next(1);
}

/// Splicing changes a socket; the other ops must wait on it as before.
pub(crate) fn a_spliced_socket_still_receives_and_sends<W: World>(stage: &mut Stage<W>) {
    let (fd, peer) = stage.connection();
    let pipe = filled(stage, fd, peer, b"hello");
    stage.say(format!("filled {}", pipe.held()));
    drop(pipe);
    stage.submit(Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
    stage.nothing_happens();
    stage.world.send(peer, b"again");
    stage.say_next(1);
    stage.send(fd, b"reply");
    stage.say_next(1);
    say_bytes(stage, peer, 5);
    let pipe = filled(stage, fd, peer, b"last");
    stage.say(format!("filled {}", pipe.held()));
    stage.send(fd, b"reply");
    stage.say_next(1);
}
