//! What words travel in: steps and transcripts know the words, the connection knows the rest.

use crate::rig::{Rig, millis};
use driver::Op;
use sim::{Departure, Envelope, Hearing, Outcome, Script};

/// Says hello first, and then everything in capitals; a full stop is the end, a question mark is despair.
#[derive(Default)]
struct Capitals {
    has_greeted: bool,
    is_greeted: bool,
}

impl Envelope for Capitals {
    fn hear(&mut self, came: &[u8], heard: &mut Vec<u8>, _sent: &mut Vec<u8>) -> Hearing {
        for &byte in came {
            match byte {
                b'!' => self.is_greeted = true,
                b'.' => return Hearing::End,
                b'?' => return Hearing::Broken,
                other => heard.push(other.to_ascii_lowercase()),
            }
        }
        Hearing::More
    }

    fn say(&mut self, words: &[u8], sent: &mut Vec<u8>) -> usize {
        if !self.has_greeted {
            self.has_greeted = true;
            sent.push(b'!');
        }
        if !self.is_greeted {
            return 0;
        }
        sent.extend(words.to_ascii_uppercase());
        words.len()
    }

    fn end(&mut self, sent: &mut Vec<u8>) -> bool {
        sent.push(b'.');
        true
    }
}

#[test]
fn steps_know_words_and_the_connection_knows_the_rest() {
    let mut rig = Rig::calm();
    let script =
        Script::new().send("clear ").await_bytes(4).seal(Capitals::default).send("one").await_bytes(3).finish();
    let (fd, served) = rig.connected(script);
    assert_eq!(rig.recv(fd), ["received clear "]);
    // What lies behind what was awaited is in the envelope already.
    assert_eq!(rig.send(fd, b"user!T"), ["sent 6"]);
    assert_eq!(rig.recv(fd), ["received !ONE"]);
    assert_eq!(rig.send(fd, b"WO."), ["sent 3"]);
    assert_eq!(rig.recv(fd), ["received ."]);
    assert_eq!(rig.recv(fd), ["received the end"]);
    rig.world.pass(millis(1));
    assert_eq!(
        (served.received(), served.sent(), served.came_sealed()),
        (b"usertwo".to_vec(), b"clear one".to_vec(), b"!TWO.".to_vec())
    );
    assert_eq!((served.outcome(), served.departure()), (Outcome::Ended, Some(Departure::Closed)));
}

#[test]
fn an_end_that_was_not_announced_tears_an_envelope() {
    let mut rig = Rig::calm();
    let (fd, served) = rig.connected(Script::new().seal(Capitals::default).send("one"));
    assert_eq!(rig.send(fd, b"!"), ["sent 1"]);
    assert_eq!(rig.recv(fd), ["received !ONE"]);
    assert_eq!(rig.run(Op::Finish { fd }), ["finished"]);
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert_eq!((served.outcome(), served.departure()), (Outcome::Torn, Some(Departure::Closed)));

    let (fd, served) = rig.connected(Script::new().seal(Capitals::default));
    assert_eq!(rig.send(fd, b"!?"), ["sent 2"]);
    rig.world.pass(millis(1));
    assert_eq!(served.outcome(), Outcome::Torn);
}

#[test]
fn a_script_that_severs_announces_nothing() {
    let mut rig = Rig::calm();
    let (fd, served) = rig.connected(Script::new().seal(Capitals::default).send("one").sever());
    assert_eq!(rig.send(fd, b"!"), ["sent 1"]);
    assert_eq!(rig.recv(fd), ["received !ONE"]);
    assert_eq!(rig.recv(fd), ["received the end"]);
    assert!(served.has_finished());
}
