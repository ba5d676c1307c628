//! What goes through a pipe: splice(2), and what a driver makes of a stock that is used up.

use crate::rig::{Rig, TAG, ip};
use driver::{Done, Driver, Fd, Filled, Op, Pipe, Tag};
use sim::{Faults, Network, Options, Reading, Script};

/// A pipe with what has arrived.
fn filled(rig: &mut Rig, fd: Fd) -> Pipe {
    rig.start(Op::Fill { fd, count_max: u32::MAX });
    let Some(Done::Filled(Ok(Filled::Bytes(pipe)))) = rig.completions().pop() else { panic!("bytes have arrived") };
    pipe
}

/// Whether there was no pipe for what has arrived.
fn is_refused(rig: &mut Rig, fd: Fd) -> bool {
    rig.run(Op::Fill { fd, count_max: u32::MAX }) == ["no pipe"]
}

#[test]
fn a_small_pipe_takes_a_part() {
    let options = Options { pipe_size_least: 4, pipe_size_most: 4, ..Options::calm() };
    let mut rig = Rig::new(options);
    let (from, sender) = rig.accepted();
    let (to, reader) = rig.connected(Script::silent());
    sender.send("sixsix");
    for expect in ["drained 4", "drained 2"] {
        let pipe = filled(&mut rig, from);
        assert_eq!(rig.world.pipe_count(), 1);
        assert_eq!(rig.run(Op::Drain { fd: to, pipe }), [expect]);
    }
    assert_eq!(reader.received(), b"sixsix");
    assert_eq!((rig.world.pipe_count(), rig.world.stats().spliced_bytes), (0, 6));
}

#[test]
fn a_drain_waits_for_room() {
    let network = Network { socket_buffer_least: 4, socket_buffer_most: 4, ..Network::calm() };
    let mut rig = Rig::new(Options { network, ..Options::calm() });
    let (from, sender) = rig.accepted();
    let (to, reader) = rig.connected(Script::silent().reading(Reading::Never));
    for expect in [&["drained 4"][..], &[]] {
        sender.send("four");
        let pipe = filled(&mut rig, from);
        assert_eq!(rig.run(Op::Drain { fd: to, pipe }), expect);
    }
    reader.read(Reading::AtOnce);
    assert_eq!(rig.heard(), ["drained 4"]);
    assert_eq!(reader.received(), b"fourfour");
}

#[test]
fn a_cancelled_drain_brings_its_pipe_back() {
    for (race_permille, expect) in [(0, "drained ECANCELED"), (1000, "drained 4")] {
        let network = Network { race_permille, ..Network::calm() };
        let mut rig = Rig::new(Options { network, ..Options::calm() });
        let (from, sender) = rig.accepted();
        let (to, _reader) = rig.connected(Script::silent());
        sender.send("four");
        let pipe = filled(&mut rig, from);
        rig.start(Op::Drain { fd: to, pipe });
        let mut lines = rig.run(Op::Cancel { fd: to });
        lines.sort();
        assert_eq!(lines, ["cancelled", expect]);
        assert_eq!(rig.world.pipe_count(), 0);
    }
}

#[test]
fn a_system_that_makes_no_pipes() {
    let none = Options { pipe_count: 0, ..Options::calm() };
    let refused = Options { faults: Faults { pipe_permille: 1000, ..Faults::none() }, ..Options::calm() };
    for options in [none, refused] {
        let mut rig = Rig::new(options);
        let (fd, peer) = rig.accepted();
        peer.send("hello");
        assert!(is_refused(&mut rig, fd));
        assert_eq!(rig.recv(fd), ["received hello"]);
        peer.finish();
        assert!(is_refused(&mut rig, fd), "also before an end");
        assert_eq!(rig.recv(fd), ["received the end"]);
    }
}

#[test]
#[should_panic(expected = "has filled")]
fn draining_what_another_session_has_filled_is_noticed() {
    let mut rig = Rig::calm();
    let (from, sender) = rig.accepted();
    sender.send("secret");
    let pipe = filled(&mut rig, from);
    let (to, _reader) = rig.connected(Script::silent());
    let stranger = Tag::Listener(9);
    assert_ne!(stranger, TAG);
    assert!(rig.sim.submit(stranger, Op::Drain { fd: to, pipe }).is_none());
    rig.heard();
}

#[test]
#[should_panic(expected = "in this direction already")]
fn a_fill_is_an_op_of_its_direction() {
    let mut rig = Rig::calm();
    let (fd, _peer) = rig.accepted();
    rig.start(Op::Fill { fd, count_max: u32::MAX });
    rig.recv(fd);
}

#[test]
#[should_panic(expected = "is not open")]
fn a_fill_needs_a_socket() {
    let mut rig = Rig::calm();
    let fd = rig.listen(ip(1), 1);
    rig.sim.discard(fd);
    rig.start(Op::Fill { fd, count_max: u32::MAX });
}
