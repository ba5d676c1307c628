//! One check, as a script that asks for its I/O.
//!
//! ```text
//!   Connecting ──Connected──▶ Sending ──Sent (all)──▶ Finished(L4OK)
//!       │  │  (no header to send) ─────────────────────────▲
//!       │  └─ConnectFailed──▶ Finished(L4CON)   ◀──SendFailed── Sending
//!       │  └─SocketFailed───▶ Finished(SOCKERR)
//!       └─DeadlineReached───▶ Finished(L4TOUT)  ◀──DeadlineReached── Sending
//! ```
//!
//! All times are counted from the beginning of the check.

use std::time::Duration;

use proxyline::{Addresses, Header, Version, encode_local};

use crate::{Errno, Outcome, Status};

/// What a check consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// The PROXY header that goes out once connected; `None` sends nothing.
    pub proxy: Option<Version>,
    /// How long it may take.
    pub timeouts: Timeouts,
}

/// The settings that bound a check (CFG 4.2, `timeout check`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `inter` of the server: the bound of the whole check unless `check` is set.
    pub inter: Duration,
    /// `timeout connect` of the backend; it counts only when `check` is set.
    pub connect: Option<Duration>,
    /// `timeout check` of the backend: the bound of what follows the connection.
    pub check: Option<Duration>,
}

impl Timeouts {
    fn connect_deadline(self) -> Duration {
        match (self.check, self.connect) {
            (Some(_), Some(connect)) => connect.min(self.inter),
            (Some(_), None) | (None, _) => self.inter,
        }
    }

    fn exchange_deadline(self, connected_at: Duration) -> Duration {
        match self.check {
            Some(check) => connected_at.saturating_add(check),
            None => self.inter,
        }
    }
}

/// What to do for a [`Probe`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// Connect to the server: answer with `Connected`, `ConnectFailed` or `SocketFailed`.
    Connect,
    /// Send these bytes, as many as the socket takes: answer with `Sent` or `SendFailed`.
    Send(&'a [u8]),
    /// Drop the connection, with a reset so that neither side keeps it in TIME_WAIT. The check is over.
    Finish(Outcome),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection stands, between these addresses; `None` on a Unix socket.
    Connected(Option<Addresses>),
    /// The connection was not made.
    ConnectFailed(Errno),
    /// There was no socket to connect, or nothing behind the path of a Unix socket.
    SocketFailed(Errno),
    /// So many bytes of what was to be sent went out.
    Sent(usize),
    /// The connection broke.
    SendFailed(Errno),
    /// The time of [`Probe::deadline`] came.
    DeadlineReached,
}

/// One check under way.
#[derive(Clone, Debug)]
pub struct Probe {
    script: Script,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Phase {
    Connecting,
    /// **Invariant:** `sent < header.len()`.
    Sending {
        header: Header,
        sent: usize,
        deadline: Duration,
    },
    Finished(Outcome),
}

impl Probe {
    /// A check that begins now; [`next`](Probe::next) says how.
    pub fn new(script: Script) -> Probe {
        Probe { script, phase: Phase::Connecting }
    }

    /// What is to be done.
    pub fn next(&self) -> Next<'_> {
        match &self.phase {
            Phase::Connecting => Next::Connect,
            Phase::Sending { header, sent, .. } => Next::Send(&header[*sent..]),
            Phase::Finished(outcome) => Next::Finish(*outcome),
        }
    }

    /// When to report `DeadlineReached`; `None` once the check is over. It moves when the connection stands.
    pub fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Connecting => Some(self.script.timeouts.connect_deadline()),
            Phase::Sending { deadline, .. } => Some(deadline),
            Phase::Finished(_) => None,
        }
    }

    /// Takes what happened at `elapsed`, and says what is to be done next.
    ///
    /// Once the check is over it changes nothing: what was under way may still report. Panics on an answer to
    /// something that was not asked for.
    pub fn handle(&mut self, elapsed: Duration, event: Event) -> Next<'_> {
        if !matches!(self.phase, Phase::Finished(_)) {
            match event {
                Event::Connected(connection) => self.on_connected(elapsed, connection),
                Event::ConnectFailed(errno) => self.on_not_connected(elapsed, Status::Layer4Failed(errno)),
                Event::SocketFailed(errno) => self.on_not_connected(elapsed, Status::SocketFailed(errno)),
                Event::Sent(count) => self.on_sent(elapsed, count),
                Event::SendFailed(errno) => self.on_not_sent(elapsed, errno),
                Event::DeadlineReached => self.finish(elapsed, Status::Layer4TimedOut),
            }
        }
        self.next()
    }

    fn on_connected(&mut self, elapsed: Duration, connection: Option<Addresses>) {
        assert!(matches!(self.phase, Phase::Connecting));
        match self.script.proxy {
            Some(version) => {
                let deadline = self.script.timeouts.exchange_deadline(elapsed);
                self.phase = Phase::Sending { header: encode_local(version, connection), sent: 0, deadline };
            }
            None => self.finish(elapsed, Status::Layer4Passed),
        }
    }

    fn on_not_connected(&mut self, elapsed: Duration, status: Status) {
        assert!(matches!(self.phase, Phase::Connecting));
        self.finish(elapsed, status);
    }

    fn on_sent(&mut self, elapsed: Duration, count: usize) {
        let Phase::Sending { header, sent, .. } = &mut self.phase else { panic!("sent before connected") };
        *sent += count;
        assert!(*sent <= header.len());
        if *sent == header.len() {
            self.finish(elapsed, Status::Layer4Passed);
        }
    }

    fn on_not_sent(&mut self, elapsed: Duration, errno: Errno) {
        assert!(matches!(self.phase, Phase::Sending { .. }));
        self.finish(elapsed, Status::Layer4Failed(errno));
    }

    fn finish(&mut self, elapsed: Duration, status: Status) {
        self.phase = Phase::Finished(Outcome { status, duration: elapsed });
    }
}

#[cfg(test)]
mod tests;
