//! A session whose sockets have TLS: it begins with the client's, hears what comes of both, and says farewell.

use super::{News, Secure, Stage, Step};
use crate::gather::Gathered;
use crate::{Ask, Cause, End, Moment, Outbox, Phase, Session};
use driver::{Ending, Instant, Op, Side};
use std::rc::Rc;
use std::time::Duration;
use tls::{Acceptor, Agreed, Client, Errand, Failure};

/// How long the last word, that nothing follows, may take to leave. It is a few bytes, and a client that reads lets it go at once.
const FAREWELL: Duration = Duration::from_secs(1);

impl Session {
    /// Begins TLS with the client, if the listener wants it. `early`: what has come of it already.
    pub(crate) fn secure_front(&mut self, now: Instant, early: Gathered) -> bool {
        let Some(acceptor) = self.acceptor() else { return false };
        let mut secure = Box::new(Secure::accept(acceptor));
        secure.received = early;
        self.front.secure = Some(secure);
        self.count_tls(now);
        true
    }

    pub(crate) fn has_acceptor(&self) -> bool {
        self.acceptor().is_some()
    }

    fn acceptor(&self) -> Option<&Acceptor> {
        self.frontend().binds.iter().find(|bind| bind.number == self.listener)?.tls.as_ref()
    }

    /// Whether what goes over this side's socket is cipher text.
    pub(crate) fn is_secure(&self, side: Side) -> bool {
        self.socket(side).is_some_and(|socket| socket.secure.is_some())
    }

    /// Whether it came to a listener with TLS.
    pub fn comes_by_tls(&self) -> bool {
        self.has_acceptor()
    }

    /// Whether a handshake is under way on this side.
    pub fn is_shaking_hands(&self, side: Side) -> bool {
        let secure = self.socket(side).and_then(|socket| socket.secure.as_ref());
        secure.is_some_and(|secure| secure.stage == Stage::Handshaking)
    }

    /// What was agreed on with this side.
    pub(crate) fn agreed_with(&self, side: Side) -> Option<Agreed> {
        self.socket(side)?.secure.as_ref()?.client.as_ref().map(|client| client.agreed)
    }

    /// Whether a handshake is under way with the client.
    pub(crate) fn is_securing(&self) -> bool {
        self.phase == Phase::Greeting && self.is_secure(Side::Front)
    }

    /// What the client's TLS has agreed on.
    pub(crate) fn agreed(&self) -> Option<Agreed> {
        self.front.secure.as_ref()?.client.as_ref().map(|client| client.agreed)
    }

    /// What is known of the client's TLS.
    pub(crate) fn tls_client(&self) -> Option<&Rc<Client>> {
        self.front.secure.as_ref()?.client.as_ref()
    }

    /// What is known of the server's TLS.
    pub(crate) fn tls_server(&self) -> Option<&Rc<Client>> {
        let of_back = self.back.as_ref().and_then(|back| back.secure.as_ref()?.client.as_ref());
        of_back.or_else(|| self.tls_server_left())
    }

    /// Carries out what follows from the TLS of both sides, until one of them has news.
    pub(crate) fn step_secure(&mut self, out: &mut Outbox) -> Option<(Side, News)> {
        if self.phase.is_ending() {
            return None;
        }
        for side in [Side::Front, Side::Back] {
            let Some(fd) = self.socket(side).filter(|socket| !socket.is_closing).map(|socket| socket.fd) else {
                continue;
            };
            while let Some(secure) = &mut self.socket_mut(side).secure {
                let step = secure.next(fd, out);
                if std::mem::take(&mut secure.has_flaw) {
                    self.count_broken_tls(side);
                }
                match step {
                    Step::Op(op) => self.submit_to_socket(side, op, out),
                    Step::News(news) => return Some((side, news)),
                    Step::Errand(errand) => out.ask(Ask::Errand(errand)),
                    Step::Rest => break,
                }
            }
        }
        None
    }

    /// A part of the handshake with the client is done.
    pub(crate) fn on_errand(&mut self, errand: Errand) {
        if let Some(secure) = &mut self.front.secure {
            secure.on_errand(errand);
        }
    }

    pub(crate) fn on_news(&mut self, now: Instant, side: Side, news: News, out: &mut Outbox) {
        if matches!(news, News::Opened) {
            self.count_keys(now, side);
        }
        match news {
            News::Done(done) => self.on_flow_done(now, side, done, out),
            News::Opened if side == Side::Back => self.on_secured(now, out),
            News::Opened => self.on_identified(now, out),
            News::Failed(failure) if side == Side::Back => self.on_not_secured(now, failure, out),
            News::Failed(failure) => self.refuse_handshake(failure, out),
        }
    }

    pub(crate) fn refuse_handshake(&mut self, failure: Failure, out: &mut Outbox) {
        self.count_failed_handshake(Side::Front, failure);
        self.end_with(End::new(Moment::Request, Cause::BadHandshake(failure)), out);
    }

    /// Tells peers whose connections end in order that nothing follows (RFC 8446 §6.1), so that they need not take what they got for a
    /// part. Says whether that is on its way.
    pub(crate) fn says_farewell(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let cause = self.end.map(|end| end.cause);
        let mut is_said = false;
        for side in [Side::Front, Side::Back] {
            let is_deaf = cause == Some(Cause::Aborted(side));
            let Some(socket) = self.socket(side).filter(|socket| !is_deaf && socket.ending == Ending::Orderly) else {
                continue;
            };
            let fd = socket.fd;
            let Some(secure) = &mut self.socket_mut(side).secure else { continue };
            if let Some(op) = secure.farewell(fd, now + FAREWELL, out) {
                self.submit_to_socket(side, op, out);
                is_said = true;
            }
        }
        is_said
    }

    /// Until when a last word may take to leave.
    pub(crate) fn farewell_deadline(&self) -> Option<Instant> {
        let of = |side| self.socket(side)?.secure.as_ref()?.farewell_until;
        [of(Side::Front), of(Side::Back)].into_iter().flatten().max()
    }

    /// It did not leave: the connection is closed without.
    pub(crate) fn on_farewell_late(&mut self, out: &mut Outbox) {
        for side in [Side::Front, Side::Back] {
            let Some(socket) = self.socket(side).filter(|socket| socket.in_flight > 0 && socket.secure.is_some())
            else {
                continue;
            };
            let fd = socket.fd;
            if let Some(secure) = &mut self.socket_mut(side).secure {
                secure.farewell_until = None;
            }
            self.submit_to_socket(side, Op::Cancel { fd }, out);
        }
    }
}
