//! What the peers of a world do: scripts of steps, and how a server meets those who connect.

use crate::envelope::{Envelope, Stationery};
use driver::Errno;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

/// What one side of a connection does, step by step. Reading goes on beside the steps.
///
/// A script that has run out waits for the other side's end and then closes, unless it [`hold`](Script::hold)s. One that
/// waits for bytes that can no longer come closes as well.
#[derive(Clone, Debug)]
pub struct Script {
    pub(crate) steps: VecDeque<Step>,
    pub(crate) reading: Reading,
    pub(crate) last: Last,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Rc<[u8]>),
    Pause(Duration),
    AwaitBytes(usize),
    AwaitEnd,
    Echo,
    React(Reaction, Times),
    Seal(Stationery),
    Finish,
    Sever,
    Close,
    Reset,
    Vanish,
    Read(Reading),
}

/// How often a message is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Once,
    /// Until the other side has ended its sending half.
    Always,
}

/// Finds the first message in what has come, and says how long it is and what follows from it.
#[derive(Clone)]
pub(crate) struct Reaction(Rc<React>);

type React = dyn Fn(Heard<'_>) -> Option<(usize, Script)>;

/// What has come and was not awaited, echoed or answered before.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    pub bytes: &'a [u8],
    /// Nothing comes behind it.
    pub is_ended: bool,
}

/// What a script does when its steps have run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    CloseAtEnd,
    Hold,
}

/// How a peer reads what has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    AtOnce,
    /// So many bytes each time.
    Slowly {
        bytes: usize,
        every: Duration,
    },
    /// What is sent to this peer fills the socket buffers and then waits. It does not notice an end either.
    Never,
}

/// How a server answers those who connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Accepts,
    /// `ECONNREFUSED`: the host is there, nobody listens.
    Refuses,
    /// No answer at all.
    BlackHole,
    /// The network says so: `EHOSTUNREACH`, `ENETUNREACH`.
    Unreachable(Errno),
}

/// A server: how it meets connects, and what it does on each connection.
#[derive(Clone, Debug)]
pub struct Behaviour {
    pub(crate) reach: Reach,
    /// Taken in turn, one per accepted connection. At least one.
    pub(crate) scripts: Vec<Script>,
}

impl Default for Script {
    fn default() -> Script {
        Script { steps: VecDeque::new(), reading: Reading::AtOnce, last: Last::CloseAtEnd }
    }
}

impl Script {
    pub fn new() -> Script {
        Script::default()
    }

    /// Says nothing, reads everything and never ends by itself.
    pub fn silent() -> Script {
        Script::new().hold()
    }

    /// Sends all of it, as fast as the other side takes it.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Script {
        self.then(Step::Send(bytes.as_ref().into()))
    }

    pub fn pause(self, span: Duration) -> Script {
        self.then(Step::Pause(span))
    }

    /// Waits until `count` bytes have come beyond those awaited or echoed before.
    pub fn await_bytes(self, count: usize) -> Script {
        self.then(Step::AwaitBytes(count))
    }

    /// Waits until the other side has ended its sending half.
    pub fn await_end(self) -> Script {
        self.then(Step::AwaitEnd)
    }

    /// Sends back what comes, until the other side has ended its sending half. While much is not yet sent back, it reads
    /// nothing more.
    pub fn echo(self) -> Script {
        self.then(Step::Echo)
    }

    /// Waits until what has come begins with a whole message: `size` says how long that is, once it has all come.
    pub fn await_message(self, size: impl Fn(Heard<'_>) -> Option<usize> + 'static) -> Script {
        let reaction = Reaction(Rc::new(move |heard| Some((size(heard)?, Script::new()))));
        self.then(Step::React(reaction, Times::Once))
    }

    /// Answers one message after the other, until the other side has ended its sending half: `answer` says how long the first of those
    /// that have come is, and what is done about it. Of what it answers with only the steps count.
    pub fn answer(self, answer: impl Fn(Heard<'_>) -> Option<(usize, Script)> + 'static) -> Script {
        self.then(Step::React(Reaction(Rc::new(answer)), Times::Always))
    }

    /// From here on what it says and hears is in an envelope; in it, an end is one that was announced.
    pub fn seal<E: Envelope + 'static>(self, envelope: impl Fn() -> E + 'static) -> Script {
        self.then(Step::Seal(Stationery(Rc::new(move || Box::new(envelope())))))
    }

    /// Does what `other` does from here on, and reads as it does once this one's steps are over.
    pub fn followed_by(mut self, other: Script) -> Script {
        self = self.read(other.reading);
        self.steps.extend(other.steps);
        self.last = other.last;
        self
    }

    /// Ends its sending half and goes on reading. In an envelope it says so first.
    pub fn finish(self) -> Script {
        self.then(Step::Finish)
    }

    /// The same, but an envelope is cut off.
    pub fn sever(self) -> Script {
        self.then(Step::Sever)
    }

    /// Closes: what was sent arrives, then an end. If bytes are unread or come later, the other side sees a reset.
    pub fn close(self) -> Script {
        self.then(Step::Close)
    }

    pub fn reset(self) -> Script {
        self.then(Step::Reset)
    }

    /// Is gone without a word, as a host that lost its power: nothing is read, acknowledged or ended any more.
    pub fn vanish(self) -> Script {
        self.then(Step::Vanish)
    }

    /// Reads in another way from here on.
    pub fn read(self, reading: Reading) -> Script {
        self.then(Step::Read(reading))
    }

    /// How it reads from the start.
    pub fn reading(mut self, reading: Reading) -> Script {
        self.reading = reading;
        self
    }

    /// Stays open when the steps have run out, whatever the other side does.
    pub fn hold(mut self) -> Script {
        self.last = Last::Hold;
        self
    }

    fn then(mut self, step: Step) -> Script {
        self.steps.push_back(step);
        self
    }
}

impl Reaction {
    pub(crate) fn to(&self, heard: Heard<'_>) -> Option<(usize, Script)> {
        let found = (self.0)(heard);
        assert!(
            found.as_ref().is_none_or(|&(size, _)| size <= heard.bytes.len()),
            "a message is longer than what has come"
        );
        found
    }
}

impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reaction")
    }
}

impl Behaviour {
    /// Accepts, and does the same on every connection.
    pub fn accepting(script: Script) -> Behaviour {
        Behaviour { reach: Reach::Accepts, scripts: vec![script] }
    }

    /// Accepts; the scripts are taken in turn. There is at least one.
    pub fn varying(scripts: Vec<Script>) -> Behaviour {
        assert!(!scripts.is_empty(), "a server without a script does not know what to do");
        Behaviour { reach: Reach::Accepts, scripts }
    }

    pub fn echo() -> Behaviour {
        Behaviour::accepting(Script::new().echo())
    }

    /// How it meets connects from the start.
    pub fn reach(mut self, reach: Reach) -> Behaviour {
        self.reach = reach;
        self
    }
}

impl From<Script> for Behaviour {
    fn from(script: Script) -> Behaviour {
        Behaviour::accepting(script)
    }
}
