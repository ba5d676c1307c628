//! What a session must never ask of a driver: it is noticed at once.

use crate::rig::{Rig, recv};
use driver::{Ending, Op};

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
