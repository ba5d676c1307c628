//! One end of one flow: sends its stream and checks the other one, until both have ended.
//!
//! ```text
//!   outgoing:  Waiting ── the other direction has ended ──▶ Sending ── all sent ──▶ Finished
//!                 (only where the plan says so)                │
//!                                                              └── the connection is cut ──▶ Cut
//! ```
//!
//! **Invariant:** what has been received is a correct prefix of what the other end sends, however the flow ends.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::plan::{STEP, Step, Stream};
use crate::client::{self, End};
use crate::peers::pattern::{Checker, WrongByte};

/// An end that nothing has happened to for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(30);

/// One end, with what it has to do.
#[derive(Debug)]
pub(super) struct Side {
    stream: TcpStream,
    outgoing: Outgoing,
    incoming: Incoming,
    /// Resets the connection when so many bytes have been sent and some have come.
    reset_after: Option<u64>,
    /// What is sent or received at once.
    part: Vec<u8>,
}

/// How it went for one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Bytes that came, all of them right.
    pub(super) received: u64,
    /// What ended the flow.
    pub(super) end: Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything was sent, and what came was ended by the other side.
    Finished,
    /// The other side, or somebody between, cut the connection.
    Cut,
    /// This side reset it, as planned.
    Reset,
}

/// Why an end gave up.
#[derive(Debug)]
pub(super) enum Fault {
    Wrong(WrongByte),
    /// More bytes than were sent.
    Surplus,
    /// Nothing happened for too long.
    Stuck {
        sent: u64,
        received: u64,
    },
    Io(io::Error),
}

impl Ended {
    pub(super) fn name(self) -> &'static str {
        match self {
            Ended::Finished => "finished",
            Ended::Cut => "cut",
            Ended::Reset => "reset",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Wrong(wrong) => write!(out, "{wrong}"),
            Fault::Surplus => write!(out, "more bytes than were sent"),
            Fault::Stuck { sent, received } => {
                write!(out, "nothing for {PATIENCE:?} after {sent} bytes sent and {received} received")
            }
            Fault::Io(error) => write!(out, "{error}"),
        }
    }
}

#[derive(Debug)]
struct Outgoing {
    stream: Stream,
    phase: Progress,
    position: u64,
    /// Not before then.
    due: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Until the other direction has ended.
    Waiting,
    Sending,
    Finished,
    Cut,
}

#[derive(Debug)]
struct Incoming {
    stream: Stream,
    checker: Checker,
    end: Option<End>,
    due: Option<Instant>,
}

impl Side {
    /// `waits`: sends only when the other direction has ended.
    pub(super) fn new(stream: TcpStream, out: Stream, into: Stream, waits: bool, reset_after: Option<u64>) -> Self {
        let phase = if waits { Progress::Waiting } else { Progress::Sending };
        let outgoing = Outgoing { stream: out, phase, position: 0, due: None };
        let incoming = Incoming { stream: into, checker: Checker::of(into.pattern), end: None, due: None };
        Side { stream, outgoing, incoming, reset_after, part: vec![0; STEP] }
    }

    /// Does everything that the plan has for this end.
    pub(super) fn run(mut self) -> Result<Outcome, Fault> {
        self.stream.set_nonblocking(true).map_err(Fault::Io)?;
        loop {
            if self.is_reset_due() {
                client::reset_on_close(&self.stream);
                return Ok(self.outcome(Ended::Reset));
            }
            if let Some(ended) = self.ended() {
                return Ok(self.outcome(ended));
            }
            let ready = self.wait()?;
            if ready.contains(PollFlags::POLLIN) {
                self.receive()?;
            }
            if ready.contains(PollFlags::POLLOUT) {
                self.send()?;
            }
        }
    }

    fn outcome(&self, end: Ended) -> Outcome {
        Outcome { received: self.incoming.checker.count(), end }
    }

    fn is_reset_due(&self) -> bool {
        self.has_sent_enough() && self.incoming.checker.count() > 0
    }

    /// Whether this end is going to reset the connection and has nothing more to send before.
    fn has_sent_enough(&self) -> bool {
        self.reset_after.is_some_and(|after| self.outgoing.position >= after)
    }

    fn ended(&self) -> Option<Ended> {
        match (self.outgoing.phase, self.incoming.end?) {
            (Progress::Finished, End::Fin) => Some(Ended::Finished),
            (Progress::Cut, _) | (_, End::Reset) => Some(Ended::Cut),
            (Progress::Waiting | Progress::Sending, End::Fin) => None,
        }
    }

    /// What can be done now of that which is to be done: to receive (`POLLIN`), to send (`POLLOUT`), or to look again because
    /// a rest is over.
    fn wait(&self) -> Result<PollFlags, Fault> {
        let now = Instant::now();
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, self.incoming.is_wanted(now));
        wanted.set(PollFlags::POLLOUT, self.outgoing.is_wanted(now) && !self.has_sent_enough());
        let rests = [self.incoming.due, self.outgoing.due].into_iter().flatten().filter(|due| *due > now);
        let rest = rests.min().map(|due| due.duration_since(now));
        if wanted.is_empty()
            && let Some(rest) = rest
        {
            // A poll for nothing would return at once when the other side hangs up.
            std::thread::sleep(rest);
            return Ok(wanted);
        }
        // Rounded up: a rest that is not over yet would make this spin.
        let limit = rest.map_or(PATIENCE, |rest| rest + Duration::from_millis(1));
        let limit = PollTimeout::try_from(limit).expect("no rest and no patience is that long");
        let mut ready = [PollFd::new(self.stream.as_fd(), wanted)];
        let count = poll(&mut ready, limit).map_err(|errno| Fault::Io(errno.into()))?;
        if count == 0 && rest.is_none() {
            return Err(Fault::Stuck { sent: self.outgoing.position, received: self.incoming.checker.count() });
        }
        let ready = ready[0].revents().unwrap_or(PollFlags::empty());
        // An error or a hang-up is told by the next send or receive.
        let is_over = ready.intersects(PollFlags::POLLERR | PollFlags::POLLHUP);
        Ok(if is_over { wanted } else { ready & wanted })
    }

    fn receive(&mut self) -> Result<(), Fault> {
        let incoming = &mut self.incoming;
        let step = incoming.step();
        match self.stream.read(&mut self.part[..step.bytes]) {
            Ok(0) => incoming.end = Some(End::Fin),
            Ok(count) => {
                incoming.checker.try_take(&self.part[..count]).map_err(Fault::Wrong)?;
                if incoming.checker.count() > incoming.stream.size {
                    return Err(Fault::Surplus);
                }
                incoming.due = rest_until(incoming.step());
            }
            Err(error) if is_transient(&error) => {}
            Err(error) if client::is_reset(&error) => incoming.end = Some(End::Reset),
            Err(error) => return Err(Fault::Io(error)),
        }
        if incoming.end.is_some() && self.outgoing.phase == Progress::Waiting {
            self.outgoing.phase = Progress::Sending;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Fault> {
        let outgoing = &mut self.outgoing;
        let (position, size) = (outgoing.position, outgoing.stream.size);
        if position == size {
            // One that is gone already does not hear it; the next receive says so.
            let _ = self.stream.shutdown(Shutdown::Write);
            outgoing.phase = Progress::Finished;
            return Ok(());
        }
        let step = outgoing.stream.sending.step(position, size);
        let left = self.reset_after.unwrap_or(size) - position;
        let count = usize::try_from(left).map_or(step.bytes, |left| left.min(step.bytes));
        let part = &mut self.part[..count];
        outgoing.stream.pattern.fill(position, part);
        match self.stream.write(part) {
            Ok(count) => {
                outgoing.position += count as u64;
                outgoing.due = rest_until(outgoing.stream.sending.step(outgoing.position, size));
            }
            Err(error) if is_transient(&error) => {}
            Err(error) if client::is_reset(&error) => outgoing.phase = Progress::Cut,
            Err(error) => return Err(Fault::Io(error)),
        }
        Ok(())
    }
}

impl Outgoing {
    fn is_wanted(&self, now: Instant) -> bool {
        self.phase == Progress::Sending && self.due.is_none_or(|due| due <= now)
    }
}

impl Incoming {
    fn is_wanted(&self, now: Instant) -> bool {
        self.end.is_none() && self.due.is_none_or(|due| due <= now)
    }

    fn step(&self) -> Step {
        self.stream.receiving.step(self.checker.count(), self.stream.size)
    }
}

fn rest_until(step: Step) -> Option<Instant> {
    (step.rest > Duration::ZERO).then(|| Instant::now() + step.rest)
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
