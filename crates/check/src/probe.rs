//! One check, as a machine that asks for its I/O: the script's course, and where a server has TLS the TLS around it.
//!
//! ```text
//!   Course ── plain bytes ──▶ Secure ── cipher text ──▶ Next, Event
//! ```
//!
//! Without TLS what the course asks for is what is asked for.
//!
//! **Invariant:** once it is finished, the outcome does not change.

use std::time::Duration;

use proxyline::Addresses;

use crate::course::{Ask, Course};
use crate::script::{Connect, Script, Tls};
use crate::secure::{Heard, Secure};
use crate::{Errno, Formulas, Outcome};

/// What to do for a [`Probe`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// Close the connection that there is, and connect: answer with `Connected`, `ConnectFailed` or `SocketFailed`.
    Connect(&'a Connect),
    /// Send these bytes, as many as the socket takes: answer with `Sent` or `Broken`.
    Send(&'a [u8]),
    /// Receive something: answer with `Received`, `Ended` or `Broken`.
    Receive,
    /// Close the connection as its [`Connect::ending`] says. The check is over.
    Finish(&'a Outcome),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The connection stands, between these addresses; `None` on a Unix socket.
    Connected(Option<Addresses>),
    /// The connection was not made.
    ConnectFailed(Errno),
    /// There was no socket to connect, or nothing behind the path of a Unix socket.
    SocketFailed(Errno),
    /// So many bytes of what was to be sent went out.
    Sent(usize),
    /// These bytes came, at least one.
    Received(&'a [u8]),
    /// The server will say nothing more.
    Ended,
    /// The connection broke while it was used.
    Broken(Errno),
    /// The time of [`Probe::deadline`] came.
    DeadlineReached,
}

/// One check under way.
///
/// All times are counted from its beginning.
#[derive(Debug)]
pub struct Probe {
    course: Course,
    /// Of the present connection, from when it is asked for.
    secure: Option<Box<Secure>>,
}

/// What the course asks for, without a hold on it.
enum Wish {
    /// Nothing that TLS could add to.
    Other,
    Connect,
    Secure(Tls),
    Send(Vec<u8>),
    Receive,
}

impl Probe {
    /// A check that begins now; [`next`](Probe::next) says how.
    ///
    /// Panics when the script does not begin with a connect, which its builder sees to.
    pub fn new(script: Script) -> Probe {
        Probe { course: Course::new(script), secure: None }
    }

    /// The server is not down: only then may it ask to be left alone (CFG 4.2, `http-check disable-on-404`).
    pub fn of_server_in_use(self) -> Probe {
        Probe { course: self.course.of_server_in_use(), ..self }
    }

    /// The script has formulas, and this is who knows them.
    pub fn with_formulas(self, formulas: Box<dyn Formulas>) -> Probe {
        Probe { course: self.course.with_formulas(formulas), ..self }
    }

    /// What is to be done.
    pub fn next(&self) -> Next<'_> {
        match (self.course.next(), &self.secure) {
            (Ask::Io(next @ (Next::Finish(_) | Next::Connect(_))), _) => next,
            (_, Some(secure)) if secure.has_output() => Next::Send(secure.output()),
            (Ask::Secure(_), _) => Next::Receive,
            (Ask::Io(next), _) => next,
        }
    }

    /// When to report `DeadlineReached`; `None` once the check is over. It moves when a connection stands.
    pub fn deadline(&self) -> Option<Duration> {
        self.course.deadline()
    }

    /// Takes what happened at `elapsed`, and says what is to be done next.
    ///
    /// Once the check is over it changes nothing: what was under way may still report. Panics on an answer to
    /// something that was not asked for.
    pub fn handle(&mut self, elapsed: Duration, event: Event<'_>) -> Next<'_> {
        match (event, &mut self.secure) {
            (Event::Sent(count), Some(secure)) => {
                if let Some(taken) = secure.on_sent(count) {
                    self.course.handle(elapsed, Event::Sent(taken));
                }
            }
            (Event::Received(bytes), Some(secure)) => secure.on_received(bytes),
            (Event::Ended, Some(secure)) => secure.on_end(Ok(())),
            (Event::Broken(errno), Some(secure)) => secure.on_end(Err(errno)),
            (event, _) => self.course.handle(elapsed, event),
        }
        while self.advance(elapsed) {}
        self.next()
    }

    /// Takes one step that follows from the state alone. Says whether there was one.
    fn advance(&mut self, elapsed: Duration) -> bool {
        match (self.wish(), &mut self.secure) {
            (Wish::Connect, secure) => *secure = None,
            (Wish::Secure(tls), secure @ None) => match Secure::begin(&tls) {
                Ok(begun) => *secure = Some(Box::new(begun)),
                Err(failure) => self.course.on_not_secured(elapsed, tls.connector.blame(failure)),
            },
            (Wish::Other, _) | (Wish::Send(_) | Wish::Receive, None) => return false,
            (_, Some(secure)) if secure.has_output() => return false,
            (Wish::Secure(tls), Some(secure)) => match secure.outcome() {
                None => return false,
                Some(Ok(())) => self.course.on_secured(elapsed),
                Some(Err(failure)) => self.course.on_not_secured(elapsed, tls.connector.blame(failure)),
            },
            (Wish::Send(bytes), Some(secure)) => {
                if let Err(errno) = secure.send(&bytes) {
                    self.course.handle(elapsed, Event::Broken(errno));
                }
            }
            (Wish::Receive, Some(secure)) => match secure.take_heard() {
                None => return false,
                Some(Heard::Bytes(bytes)) => self.course.handle(elapsed, Event::Received(&bytes)),
                Some(Heard::End(Ok(()))) => self.course.handle(elapsed, Event::Ended),
                Some(Heard::End(Err(errno))) => self.course.handle(elapsed, Event::Broken(errno)),
            },
        }
        // A connection that is to be made is somebody else's to make.
        !matches!(self.wish(), Wish::Connect)
    }

    fn wish(&self) -> Wish {
        match self.course.next() {
            Ask::Secure(tls) => Wish::Secure(tls.clone()),
            Ask::Io(Next::Connect(_)) => Wish::Connect,
            Ask::Io(Next::Send(bytes)) if self.secure.is_some() => Wish::Send(bytes.to_vec()),
            Ask::Io(Next::Receive) => Wish::Receive,
            Ask::Io(Next::Send(_) | Next::Finish(_)) => Wish::Other,
        }
    }
}

#[cfg(test)]
mod tests;
