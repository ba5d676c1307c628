//! What a peer's words travel in: TLS, for example. Steps and transcripts know the words, the connection knows what is around them.
//!
//! ```text
//!   steps ── words ──▶ say ──▶ unsent ──▶ the connection
//!         ◀── words ── hear ◀──────────── the connection
//! ```
//!
//! **Invariant:** an envelope decides nothing by chance that could be seen in how many bytes it sends or when: a seed replays only then.

use crate::actor::Actor;
use crate::state::{ActorId, State};
use crate::{Departure, Outcome};
use std::fmt;
use std::rc::Rc;

/// One end's part of a protocol between a peer's words and its connection.
pub trait Envelope {
    /// Bytes have come. What they say goes behind `heard`, what is to be sent because of them behind `sent`.
    fn hear(&mut self, came: &[u8], heard: &mut Vec<u8>, sent: &mut Vec<u8>) -> Hearing;

    /// Puts words into what is to be sent, and says how many of them. Zero: not yet. It is called without words once, at the start.
    fn say(&mut self, words: &[u8], sent: &mut Vec<u8>) -> usize;

    /// Nothing follows. False: that cannot be said yet.
    fn end(&mut self, sent: &mut Vec<u8>) -> bool;
}

/// What is to be thought of bytes that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearing {
    More,
    /// The other side has said that nothing follows.
    End,
    /// The other side has given up.
    Broken,
}

/// Makes the envelope of one connection.
#[derive(Clone)]
pub(crate) struct Stationery(pub(crate) Rc<dyn Fn() -> Box<dyn Envelope>>);

impl fmt::Debug for Stationery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stationery")
    }
}

/// An envelope in use.
pub(crate) struct Sealed {
    envelope: Box<dyn Envelope>,
    /// All that has come in it, as it came.
    pub(crate) came: Vec<u8>,
    unsent: Vec<u8>,
    has_said_end: bool,
}

impl Actor {
    /// Everything that comes from here on is in an envelope, and so is what has come and no step has dealt with: that is given back.
    fn seal(&mut self, stationery: &Stationery) -> Vec<u8> {
        assert!(self.sealed.is_none(), "one envelope is enough");
        let mut sealed =
            Sealed { envelope: (stationery.0)(), came: Vec::new(), unsent: Vec::new(), has_said_end: false };
        sealed.envelope.say(&[], &mut sealed.unsent);
        self.sealed = Some(sealed);
        self.received.split_off(self.consumed)
    }

    /// Hears what these bytes say.
    fn open(&mut self, came: &[u8]) -> Hearing {
        let Some(sealed) = &mut self.sealed else { return Hearing::More };
        sealed.came.extend_from_slice(came);
        let hearing = sealed.envelope.hear(came, &mut self.received, &mut sealed.unsent);
        match hearing {
            Hearing::More => (),
            Hearing::End => self.outcome = Outcome::Ended,
            Hearing::Broken => self.outcome = Outcome::Torn,
        }
        hearing
    }
}

impl State {
    /// The step that begins an envelope.
    pub(crate) fn seals(&mut self, id: ActorId, stationery: &Stationery) -> bool {
        let came = self.actors[id.0].seal(stationery);
        self.step_is_over(id);
        came.is_empty() || self.opens(id, &came)
    }

    /// Opens what has come. True if that told it something.
    pub(crate) fn opens(&mut self, id: ActorId, came: &[u8]) -> bool {
        match self.actors[id.0].open(came) {
            Hearing::More => true,
            Hearing::End => {
                self.actors[id.0].ended_at = Some(self.now);
                true
            }
            Hearing::Broken => {
                self.flushes(id);
                self.tears(id)
            }
        }
    }

    /// The connection has ended, and the envelope had not.
    pub(crate) fn tears(&mut self, id: ActorId) -> bool {
        let now = self.now;
        let actor = &mut self.actors[id.0];
        actor.outcome = Outcome::Torn;
        actor.ended_at = Some(now);
        self.departs(id, Departure::Closed)
    }

    /// Sends what an envelope has for the connection. True if some of it left.
    pub(crate) fn flushes(&mut self, id: ActorId) -> bool {
        let actor = &mut self.actors[id.0];
        let Some((conn, end)) = actor.place else { return false };
        let Some(sealed) = actor.sealed.as_mut().filter(|sealed| !sealed.unsent.is_empty()) else { return false };
        let unsent = std::mem::take(&mut sealed.unsent);
        let written = self.write(conn, end, &unsent);
        let actor = &mut self.actors[id.0];
        let rest = match written {
            Some(Ok(count)) => unsent[count..].to_vec(),
            None => unsent,
            Some(Err(_)) => {
                actor.steps.clear();
                Vec::new()
            }
        };
        actor.sealed.as_mut().expect("it has one").unsent = rest;
        matches!(written, Some(Ok(_)))
    }

    /// Puts words into the envelope, if what was said before has left.
    pub(crate) fn says(&mut self, id: ActorId, words: &[u8]) -> usize {
        let actor = &mut self.actors[id.0];
        let Some(sealed) = actor.sealed.as_mut().filter(|sealed| sealed.unsent.is_empty()) else { return 0 };
        let count = sealed.envelope.say(words, &mut sealed.unsent);
        actor.sent.extend_from_slice(&words[..count]);
        self.flushes(id);
        count
    }

    /// Whether all is said and has left; where there is an envelope, this says that nothing follows.
    pub(crate) fn has_said_all(&mut self, id: ActorId) -> bool {
        let Some(sealed) = &mut self.actors[id.0].sealed else { return true };
        if !sealed.has_said_end {
            sealed.has_said_end = sealed.envelope.end(&mut sealed.unsent);
        }
        let is_said = sealed.has_said_end;
        self.flushes(id);
        is_said && self.actors[id.0].sealed.as_ref().is_none_or(|sealed| sealed.unsent.is_empty())
    }
}
