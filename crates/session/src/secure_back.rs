//! TLS to servers: whom a server is taken for, the handshake as a part of the attempt, and what is kept between two exchanges.
//!
//! To a server a connection stands when its TLS does. Until then it is an attempt to connect: it has the time of one, fails like one, and
//! is retried like one, as in HAProxy. A PROXY header goes out before the first word of TLS, in the same send.

use crate::connect::Failure;
use crate::secure::Secure;
use crate::{Outbox, Phase, Session};
use driver::{Errno, Fd, Instant, Op, Side};
use table::{Message, Server, ServerName};
use tls::{Connection, Connector};

/// Whom a server is taken for: connections may serve each other's exchanges if that is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whom {
    pub connector: Connector,
    /// The host that it is asked for.
    pub name: Option<Box<str>>,
}

/// The TLS of a connection to a server between two exchanges. It holds no buffer.
#[derive(Debug)]
pub struct Secured {
    pub whom: Whom,
    pub(crate) tls: Box<Connection>,
}

/// A connection to a server between two exchanges.
#[derive(Debug)]
pub struct Kept {
    pub fd: Fd,
    /// `None`: it is in clear.
    pub secured: Option<Secured>,
}

impl Session {
    /// Whom it takes this server for; `None`: there is no TLS to it.
    pub fn whom(&mut self, server: &Server) -> Option<Whom> {
        let tls = server.settings.tls.as_ref()?;
        Some(Whom { connector: tls.connector.clone(), name: self.name_of(&tls.name) })
    }

    /// Begins TLS on a connection that has just been made, if the server has it.
    pub(crate) fn begins_tls(&mut self, now: Instant, out: &mut Outbox) -> bool {
        let Some(server) = self.server.clone() else { return false };
        let Some(whom) = self.whom(&server) else { return false };
        let preface = match server.settings.proxy_header {
            None => Some(Vec::new()),
            Some(wanted) => out.lease().and_then(|mut lease| {
                let size = self.write_header(wanted, &server, lease.bytes_mut())?;
                Some(lease.bytes()[..size].to_vec())
            }),
        };
        let Some(preface) = preface else {
            self.on_attempt_failed(now, Failure::Refused(Errno::ENOBUFS), out);
            return true;
        };
        match Connection::connect(&whom.connector, whom.name.as_deref(), preface) {
            Ok(tls) => {
                let back = self.back.as_mut().expect("it was connected a moment ago");
                back.secure = Some(Box::new(Secure::connect(tls, whom)));
            }
            Err(refusal) => {
                self.on_attempt_failed(now, Failure::Handshake(tls::Failure::Refused(refusal)), out);
            }
        }
        true
    }

    /// Both have agreed: the connection stands.
    pub(crate) fn on_secured(&mut self, now: Instant, out: &mut Outbox) {
        assert_eq!(self.phase, Phase::Connecting, "a handshake is a part of an attempt");
        self.on_reached(now, out);
        self.relay(now, out);
    }

    pub(crate) fn on_not_secured(&mut self, now: Instant, failure: tls::Failure, out: &mut Outbox) {
        if self.phase != Phase::Connecting {
            return;
        }
        self.count_failed_handshake(Side::Back, failure);
        self.on_attempt_failed(now, Failure::Handshake(failure), out);
        let in_flight = self.back.as_ref().filter(|back| back.in_flight > 0 && !back.is_closing);
        if let Some(fd) = in_flight.map(|back| back.fd).filter(|_| self.phase == Phase::Retreating) {
            self.submit(Side::Back, Op::Cancel { fd }, out);
        }
    }

    /// Whatever comes of the connection to the server, nobody hears of it any more.
    pub(crate) fn abandon_tls(&mut self) {
        if let Some(secure) = self.back.as_mut().and_then(|back| back.secure.as_mut()) {
            secure.abandon();
        }
    }

    /// Takes the connection to the server away to be kept, if nothing of its TLS is still on its way.
    pub(crate) fn take_kept(&mut self) -> Option<Kept> {
        self.remember_tls_server();
        let back = self.back.as_mut()?;
        let fd = back.fd;
        let secured = match back.secure.take() {
            None => None,
            Some(secure) => Some(secure.rest()?),
        };
        self.back = None;
        Some(Kept { fd, secured })
    }

    /// The host that a server is asked for. Of a request that is sent again nothing can be read any more: that is known from the first time.
    fn name_of(&mut self, name: &ServerName) -> Option<Box<str>> {
        if let Some(known) = self.name_known() {
            return known;
        }
        let found: Option<Box<str>> = match name {
            ServerName::None => None,
            ServerName::Host => self.host().map(|host| String::from_utf8_lossy(host).into()),
            ServerName::Sample(expression) => {
                let value = expression.value(&self.facts(true));
                value.map(|value| String::from_utf8_lossy(&value.into_bytes()).into())
            }
        };
        let found = found.filter(|name| !name.is_empty());
        self.know_name(&found);
        found
    }

    /// The host of the request, without its port.
    fn host(&self) -> Option<&[u8]> {
        let Some(Message::Request { request, bytes }) = self.message() else { return None };
        let field = request.fields().values(bytes, b"host").next()?;
        let without_port = match field.iter().rposition(|&byte| byte == b':') {
            Some(colon) if field[colon + 1..].iter().all(u8::is_ascii_digit) => &field[..colon],
            Some(_) | None => field,
        };
        let inside = without_port.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
        Some(inside.unwrap_or(without_port))
    }
}
