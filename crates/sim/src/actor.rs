//! A peer in its world: how a script is carried out on one end of a connection.
//!
//! An actor runs when something reaches its end: bytes, room, an end, a reset, or the time that it waits for. It then reads
//! and steps until neither gets further.
//!
//! **Invariant:** an actor that cannot go on will be run by an event: what it waits for either arrives or was planned.

use crate::connection::Holder;
use crate::envelope::Sealed;
use crate::schedule::Event;
use crate::script::{Heard, Last, Reaction, Reading, Script, Step, Times};
use crate::state::{ActorId, ConnId, End, ServerId, State};
use crate::{Departure, Harm, Outcome};
use driver::{Addr, Ending, Errno, Instant};
use std::collections::VecDeque;
use std::time::Duration;

pub(crate) struct Actor {
    pub(crate) addr: Addr,
    pub(crate) target: Addr,
    pub(crate) place: Option<(ConnId, End)>,
    pub(crate) steps: VecDeque<Step>,
    last: Last,
    reading: Reading,
    /// Bytes of the first step that are sent already.
    step_sent: usize,
    /// Received bytes that a step has awaited or echoed.
    pub(crate) consumed: usize,
    /// What its words travel in, if not in clear.
    pub(crate) sealed: Option<Sealed>,
    pause_until: Option<Instant>,
    /// A slow reader rests until then.
    read_next: Instant,
    /// The time for which a nudge to read is planned.
    nudge_at: Option<Instant>,
    pub(crate) outcome: Outcome,
    pub(crate) departure: Option<Departure>,
    pub(crate) harm: Option<Harm>,
    pub(crate) has_finished: bool,
    pub(crate) sent: Vec<u8>,
    pub(crate) received: Vec<u8>,
    pub(crate) connected_at: Option<Instant>,
    pub(crate) ended_at: Option<Instant>,
}

impl Actor {
    /// One that will connect to `target`.
    pub(crate) fn client(script: Script, addr: Addr, target: Addr) -> Actor {
        Actor {
            addr,
            target,
            place: None,
            steps: script.steps,
            last: script.last,
            reading: script.reading,
            step_sent: 0,
            consumed: 0,
            sealed: None,
            pause_until: None,
            read_next: Instant::EPOCH,
            nudge_at: None,
            outcome: Outcome::Connecting,
            departure: None,
            harm: None,
            has_finished: false,
            sent: Vec::new(),
            received: Vec::new(),
            connected_at: None,
            ended_at: None,
        }
    }

    /// The server's side of a connection that was made.
    pub(crate) fn accepted(script: Script, conn: ConnId, addr: Addr, peer: Addr) -> Actor {
        let place = Some((conn, End::Asked));
        Actor { place, outcome: Outcome::Open, ..Actor::client(script, addr, peer) }
    }

    /// It still acts: its connection is made, and it has not left it.
    fn is_live(&self) -> bool {
        self.departure.is_none() && matches!(self.outcome, Outcome::Open | Outcome::Ended)
    }

    fn is_echoing(&self) -> bool {
        matches!(self.steps.front(), Some(Step::Echo))
    }
}

impl State {
    pub(crate) fn add_actor(&mut self, actor: Actor) -> ActorId {
        self.actors.push(actor);
        ActorId(self.actors.len() - 1)
    }

    pub(crate) fn begin(&mut self, id: ActorId) {
        let actor = &self.actors[id.0];
        if actor.departure.is_some() {
            return;
        }
        let (addr, target) = (actor.addr.clone(), actor.target.clone());
        let conn = self.new_connection(Holder::Actor(id), addr, target, Duration::ZERO);
        self.actors[id.0].place = Some((conn, End::Asker));
    }

    pub(crate) fn on_connected(&mut self, id: ActorId, result: Result<(), Errno>) {
        let now = self.now;
        let actor = &mut self.actors[id.0];
        match result {
            Ok(()) => {
                actor.outcome = Outcome::Open;
                actor.connected_at = Some(now);
                let (conn, end) = actor.place.expect("it has connected");
                self.plan_strikes(conn, end);
                self.run(id);
            }
            Err(errno) => {
                actor.outcome = Outcome::Failed(errno);
                actor.ended_at = Some(now);
            }
        }
    }

    /// Reads and steps as far as that goes.
    pub(crate) fn run(&mut self, id: ActorId) {
        self.actors[id.0].connected_at.get_or_insert(self.now);
        while self.actors[id.0].is_live() && (self.reads(id) || self.flushes(id) || self.steps(id)) {}
    }

    /// Reads once. True if that told it something.
    fn reads(&mut self, id: ActorId) -> bool {
        let Some((conn, end)) = self.actors[id.0].place else { return false };
        let connection = &self.connections[conn.0];
        if connection.is_reset(end) {
            return self.learns_of_reset(id, conn, end);
        }
        let actor = &self.actors[id.0];
        let unsent = actor.received.len() - actor.consumed;
        let is_full = actor.is_echoing() && unsent >= connection.outbound(end).capacity();
        if actor.outcome == Outcome::Ended || is_full || !connection.is_readable(end) {
            return false;
        }
        match actor.reading {
            Reading::AtOnce => self.takes(id, conn, end, usize::MAX),
            Reading::Never => false,
            Reading::Slowly { .. } if self.now < actor.read_next => {
                self.plan_nudge(id);
                false
            }
            Reading::Slowly { bytes, every } => {
                self.actors[id.0].read_next = self.now + every;
                self.takes(id, conn, end, bytes)
            }
        }
    }

    /// What came before the reset is read; then it is over.
    fn learns_of_reset(&mut self, id: ActorId, conn: ConnId, end: End) -> bool {
        if self.actors[id.0].reading != Reading::Never && self.connections[conn.0].inbound(end).arrived() > 0 {
            self.takes(id, conn, end, usize::MAX);
        }
        let actor = &mut self.actors[id.0];
        actor.outcome = Outcome::Reset;
        actor.ended_at.get_or_insert(self.now);
        actor.steps.clear();
        self.leave(conn, end, Ending::Orderly);
        true
    }

    fn takes(&mut self, id: ActorId, conn: ConnId, end: End, most: usize) -> bool {
        if self.actors[id.0].sealed.is_some() {
            return self.takes_sealed(id, conn, end, most);
        }
        let mut received = std::mem::take(&mut self.actors[id.0].received);
        let result = self.read(conn, end, most, |bytes| received.extend(bytes));
        let actor = &mut self.actors[id.0];
        actor.received = received;
        match result {
            Some(Ok(0)) => {
                actor.outcome = Outcome::Ended;
                actor.ended_at = Some(self.now);
                true
            }
            Some(Ok(_)) => true,
            Some(Err(_)) | None => false,
        }
    }

    fn takes_sealed(&mut self, id: ActorId, conn: ConnId, end: End, most: usize) -> bool {
        let mut came = Vec::new();
        match self.read(conn, end, most, |bytes| came.extend_from_slice(bytes)) {
            Some(Ok(0)) => self.tears(id),
            Some(Ok(_)) => self.opens(id, &came),
            Some(Err(_)) | None => false,
        }
    }

    fn plan_nudge(&mut self, id: ActorId) {
        let actor = &mut self.actors[id.0];
        let at = actor.read_next;
        if actor.nudge_at.replace(at) != Some(at) {
            self.schedule.plan(at, Event::Nudge { actor: id });
        }
    }

    /// Takes the next step, or a part of it. True if that changed something.
    fn steps(&mut self, id: ActorId) -> bool {
        let actor = &self.actors[id.0];
        let Some((conn, end)) = actor.place else { return false };
        let Some(step) = actor.steps.front().cloned() else { return self.closes_at_end(id) };
        match step {
            Step::Send(bytes) => self.sends(id, &bytes),
            Step::Pause(span) => self.pauses(id, span),
            Step::AwaitBytes(count) => self.awaits_bytes(id, count),
            Step::AwaitEnd => self.actors[id.0].outcome == Outcome::Ended && self.step_is_over(id),
            Step::Echo => self.echoes(id),
            Step::React(reaction, times) => self.reacts(id, &reaction, times),
            Step::Seal(stationery) => self.seals(id, &stationery),
            Step::Finish => self.has_said_all(id) && self.finishes(id, conn, end),
            Step::Sever => self.finishes(id, conn, end),
            Step::Close => self.closes(id),
            Step::Reset => self.departs(id, Departure::Reset),
            Step::Vanish => self.departs(id, Departure::Vanished),
            Step::Read(reading) => {
                self.actors[id.0].reading = reading;
                self.step_is_over(id)
            }
        }
    }

    fn finishes(&mut self, id: ActorId, conn: ConnId, end: End) -> bool {
        self.finish(conn, end);
        self.actors[id.0].has_finished = true;
        self.step_is_over(id)
    }

    pub(crate) fn step_is_over(&mut self, id: ActorId) -> bool {
        let actor = &mut self.actors[id.0];
        actor.steps.pop_front();
        actor.step_sent = 0;
        true
    }

    fn closes_at_end(&mut self, id: ActorId) -> bool {
        let actor = &self.actors[id.0];
        let closes = actor.last == Last::CloseAtEnd && actor.outcome == Outcome::Ended;
        closes && self.closes(id)
    }

    fn closes(&mut self, id: ActorId) -> bool {
        self.has_said_all(id) && self.departs(id, Departure::Closed)
    }

    fn sends(&mut self, id: ActorId, bytes: &[u8]) -> bool {
        let sent = self.actors[id.0].step_sent;
        if sent == bytes.len() {
            return self.step_is_over(id);
        }
        let count = self.puts(id, &bytes[sent..]);
        self.actors[id.0].step_sent += count;
        count > 0
    }

    /// Writes what there is room for, and keeps a record of it.
    fn puts(&mut self, id: ActorId, bytes: &[u8]) -> usize {
        let Some((conn, end)) = self.actors[id.0].place else { return 0 };
        if self.actors[id.0].sealed.is_some() {
            return self.says(id, bytes);
        }
        match self.write(conn, end, bytes) {
            Some(Ok(count)) => {
                self.actors[id.0].sent.extend(&bytes[..count]);
                count
            }
            Some(Err(_)) => {
                // It has ended its half itself, so there is nobody to say this to: a script that does so is over.
                self.actors[id.0].steps.clear();
                0
            }
            None => 0,
        }
    }

    fn pauses(&mut self, id: ActorId, span: Duration) -> bool {
        let now = self.now;
        let actor = &mut self.actors[id.0];
        match actor.pause_until {
            Some(until) if now >= until => {
                actor.pause_until = None;
                self.step_is_over(id)
            }
            Some(_) => false,
            None => {
                actor.pause_until = Some(now + span);
                self.plan(span, Event::Nudge { actor: id });
                false
            }
        }
    }

    fn awaits_bytes(&mut self, id: ActorId, count: usize) -> bool {
        let actor = &mut self.actors[id.0];
        if actor.received.len() >= actor.consumed + count {
            actor.consumed += count;
            return self.step_is_over(id);
        }
        actor.outcome == Outcome::Ended && self.closes(id)
    }

    fn echoes(&mut self, id: ActorId) -> bool {
        let actor = &mut self.actors[id.0];
        if actor.consumed == actor.received.len() {
            return actor.outcome == Outcome::Ended && self.step_is_over(id);
        }
        let received = std::mem::take(&mut actor.received);
        let consumed = actor.consumed;
        let count = self.puts(id, &received[consumed..]);
        let actor = &mut self.actors[id.0];
        actor.received = received;
        actor.consumed += count;
        count > 0
    }

    fn reacts(&mut self, id: ActorId, reaction: &Reaction, times: Times) -> bool {
        let actor = &mut self.actors[id.0];
        let heard = Heard { bytes: &actor.received[actor.consumed..], is_ended: actor.outcome == Outcome::Ended };
        let (found, is_ended) = (reaction.to(heard), heard.is_ended);
        match (found, times) {
            (Some((size, script)), times) => {
                actor.consumed += size;
                if times == Times::Once {
                    actor.steps.pop_front();
                }
                script.steps.into_iter().rev().for_each(|step| actor.steps.push_front(step));
                true
            }
            (None, Times::Always) if is_ended => self.step_is_over(id),
            (None, Times::Once) if is_ended => self.closes(id),
            (None, Times::Once | Times::Always) => false,
        }
    }

    pub(crate) fn departs(&mut self, id: ActorId, departure: Departure) -> bool {
        let actor = &mut self.actors[id.0];
        actor.departure = Some(departure);
        actor.steps.clear();
        let Some((conn, end)) = actor.place else { return true };
        match departure {
            Departure::Closed => self.leave(conn, end, Ending::Orderly),
            Departure::Reset => self.leave(conn, end, Ending::Reset),
            Departure::Vanished => self.connections[conn.0].end(end).has_vanished = true,
        }
        true
    }

    /// A fault hits this peer, if it is still there.
    pub(crate) fn strike(&mut self, conn: ConnId, end: End, harm: Harm) {
        let Holder::Actor(id) = self.connections[conn.0].holder(end) else { return };
        if !self.actors[id.0].is_live() {
            return;
        }
        self.actors[id.0].harm = Some(harm);
        self.departs(
            id,
            match harm {
                Harm::Reset | Harm::Abort => Departure::Reset,
                Harm::Vanish => Departure::Vanished,
            },
        );
    }

    /// Every connection of a server is cut, as when its host restarts.
    pub(crate) fn reset_all(&mut self, server: ServerId) {
        for id in self.servers[server.0].actors.clone() {
            if let Some((conn, end)) = self.actors[id.0].place {
                self.strike(conn, end, Harm::Reset);
            }
        }
    }

    /// Adds a step to a script that is under way.
    pub(crate) fn push_step(&mut self, id: ActorId, step: Step) {
        self.actors[id.0].steps.push_back(step);
        if self.actors[id.0].is_live() {
            self.run(id);
        }
    }
}
