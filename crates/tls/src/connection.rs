//! One end of a connection: what was received becomes plain, what is plain becomes what is to be sent.
//!
//! ```text
//!                    agreed              the peer says that nothing follows
//!   Handshake ────────────────▶ Channel ────────────────────────────────────▶ (may still write)
//!        └──────────┬──────────────┘
//!                   ▼ one of both does not go on
//!                 Failed (an alert may be due)
//! ```
//!
//! What it has to say of its own (handshake, tickets, alerts, the end) it collects, and it goes out before anything that is written later.
//!
//! **Invariant:** however the same bytes were cut, the same comes out.

use crate::acceptor::Acceptor;
use crate::certificates::Shown;
use crate::channel::Channel;
use crate::connector::Connector;
use crate::errand::Errand;
use crate::failure::Refusal;
use crate::handshake::{Handshake, Progress};
use crate::names::Version;
use crate::x509::Portrait;

/// One end of a TLS connection.
pub struct Connection {
    state: State,
    /// What is to be sent before anything else.
    output: Vec<u8>,
    /// What is known once both have agreed.
    known: Option<Client>,
    is_heard: bool,
}

enum State {
    Handshake(Box<Handshake>),
    /// The handshake is on an errand.
    Away,
    Channel(Box<Channel>),
    Failed(Refusal),
}

/// Who does one direction of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// This side, and nobody else can.
    Ours,
    /// This side; what it takes to go on is kept.
    Movable,
    Kernel,
}

/// What came of received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// So many of them are done with.
    pub consumed: usize,
    /// So many plain bytes came out.
    pub filled: usize,
    pub next: Next,
}

/// What a connection needs to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More of the socket's bytes. All that were given are done with.
    More,
    /// Room for plain bytes.
    Room,
    /// Nothing: the peer has said that nothing follows (RFC 8446 §6.1).
    End,
    /// Nothing: it has failed.
    Failed(Refusal),
}

/// What came of plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// So many of them are in what is to be sent.
    pub taken: usize,
    /// So many bytes are to be sent.
    pub filled: usize,
}

/// What both have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub version: Version,
    /// OpenSSL's name.
    pub cipher: &'static str,
    /// An earlier session was taken up again.
    pub is_resumed: bool,
}

impl Agreed {
    /// Bits of the cipher's key.
    pub fn key_size(&self) -> i64 {
        if self.cipher.contains("AES_128") || self.cipher.contains("AES128") { 128 } else { 256 }
    }
}

/// What is known of a peer with whom TLS was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub agreed: Agreed,
    /// The host that it asked for (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// The protocol that both agreed on (RFC 7301).
    pub protocol: Option<Box<[u8]>>,
    /// What it was shown. A server is shown nothing.
    pub shown: Option<Shown>,
    /// Its certificate, if it was asked for one and has shown it, in this connection or an earlier one.
    pub certificate: Option<Box<Portrait>>,
}

impl Connection {
    /// The server's end.
    pub fn accept(acceptor: &Acceptor) -> Connection {
        Connection::new(Handshake::accept(acceptor), Vec::new())
    }

    /// The client's end. `name` is the host that the server is asked for, and is to be. `preface` goes out in clear, before the first
    /// word of TLS.
    ///
    /// # Errors
    /// The server would have to prove a name that no host can have.
    pub fn connect(connector: &Connector, name: Option<&str>, preface: Vec<u8>) -> Result<Connection, Refusal> {
        let mut output = preface;
        let handshake = Handshake::connect(connector, name, &mut output)?;
        Ok(Connection::new(handshake, output))
    }

    fn new(handshake: Handshake, output: Vec<u8>) -> Connection {
        Connection { state: State::Handshake(Box::new(handshake)), output, known: None, is_heard: false }
    }

    /// Takes received bytes, and puts into `plain` what was in them. They are decrypted on their way there, or where they lie.
    pub fn read(&mut self, received: &mut [u8], plain: &mut [u8]) -> Read {
        match &mut self.state {
            State::Handshake(handshake) => {
                let (consumed, progress) = handshake.read(received, &mut self.output);
                self.is_heard |= handshake.is_heard();
                let next = match progress {
                    Progress::More => Next::More,
                    Progress::Failed(refusal) => self.fail(refusal),
                    Progress::Over => self.open(),
                };
                // Whoever had no room while there was nothing plain may have some now.
                if next != Next::Room || consumed == received.len() || plain.is_empty() {
                    let next = if next == Next::Room && consumed == received.len() { Next::More } else { next };
                    return Read { consumed, filled: 0, next };
                }
                let read = self.read(&mut received[consumed..], plain);
                Read { consumed: consumed + read.consumed, ..read }
            }
            State::Channel(channel) => {
                let read = channel.read(received, plain, &mut self.output);
                if let Next::Failed(refusal) = read.next {
                    self.fail(refusal);
                }
                read
            }
            State::Failed(refusal) => Read { consumed: 0, filled: 0, next: Next::Failed(*refusal) },
            State::Away => unreachable!("whoever took the handshake knows that nothing can be read"),
        }
    }

    /// The part of the handshake that is left to others, if its [`Acceptor`](Acceptor::setting_aside) has some and one is due: it is run, and
    /// brought back by [`welcome`](Connection::welcome). Until then nothing is read; what waits to be sent goes out.
    pub fn take_errand(&mut self) -> Option<Errand> {
        let State::Handshake(handshake) = &mut self.state else { return None };
        let heard = handshake.take_due()?;
        let State::Handshake(handshake) = std::mem::replace(&mut self.state, State::Away) else {
            unreachable!("looked at a moment ago")
        };
        self.is_heard = true;
        Some(Errand::new(handshake, heard))
    }

    /// Whether its handshake is on an errand.
    pub fn is_away(&self) -> bool {
        matches!(self.state, State::Away)
    }

    /// Takes the handshake back that was on an errand.
    pub fn welcome(&mut self, errand: Errand) -> Next {
        assert!(self.is_away(), "a handshake comes back once");
        let (handshake, mut output, progress) = errand.into_parts();
        self.output.append(&mut output);
        self.state = State::Handshake(handshake);
        match progress {
            Progress::More => Next::More,
            Progress::Failed(refusal) => self.fail(refusal),
            Progress::Over => self.open(),
        }
    }

    /// Encrypts as much as `sent` has room for. Nothing before both have agreed, and nothing while something of the connection's own does
    /// not fit. `Err`: so much was sent that the keys are used up.
    pub fn write(&mut self, plain: &[u8], sent: &mut [u8]) -> Result<Written, Refusal> {
        match &mut self.state {
            State::Channel(channel) => channel.write(plain, sent, &mut self.output),
            State::Handshake(_) | State::Away | State::Failed(_) => {
                Ok(Written { taken: 0, filled: take(&mut self.output, sent) })
            }
        }
    }

    /// Who opens what is received.
    pub fn opener(&self) -> Hand {
        self.as_channel().map_or(Hand::Ours, Channel::opener)
    }

    /// Who seals what is sent.
    pub fn sealer(&self) -> Hand {
        self.as_channel().map_or(Hand::Ours, Channel::sealer)
    }

    /// How many bytes a record that has not come whole lacks at least.
    pub fn missing(&self) -> usize {
        self.as_channel().map_or(0, Channel::missing)
    }

    /// What the kernel takes to open the records that come from here on (`linux/tls.h`). `None`: something of those before is here, or it
    /// was not kept.
    pub fn opening_keys(&self) -> Option<Vec<u8>> {
        self.as_channel()?.opening_keys()
    }

    /// The kernel has taken them.
    pub fn let_kernel_open(&mut self) {
        if let State::Channel(channel) = &mut self.state {
            channel.let_kernel_open();
        }
    }

    /// What the kernel takes to seal the records that are sent from here on. `None`: something of ours goes before it, or it was not kept.
    pub fn sealing_keys(&self) -> Option<Vec<u8>> {
        if self.has_output() { None } else { self.as_channel()?.sealing_keys() }
    }

    /// The kernel has taken them.
    pub fn let_kernel_seal(&mut self) {
        if let State::Channel(channel) = &mut self.state {
            channel.let_kernel_seal();
        }
    }

    /// Takes a record that the kernel has opened, and that is not data: of this kind, and what was in it.
    pub fn hear(&mut self, kind: u8, inside: &[u8]) -> Next {
        let next = match &mut self.state {
            State::Channel(channel) => channel.hear(kind, inside, &mut self.output),
            State::Handshake(_) | State::Away => Next::Failed(Refusal::Internal),
            State::Failed(refusal) => Next::Failed(*refusal),
        };
        if let Next::Failed(refusal) = next {
            self.fail(refusal);
        }
        next
    }

    /// The next alert that is due, where the kernel seals.
    pub fn take_alert(&mut self) -> Option<[u8; 2]> {
        let &alert = self.output.first_chunk()?;
        self.output.drain(..alert.len());
        Some(alert)
    }

    fn as_channel(&self) -> Option<&Channel> {
        match &self.state {
            State::Channel(channel) => Some(channel),
            State::Handshake(_) | State::Away | State::Failed(_) => None,
        }
    }

    /// Says to the peer that nothing follows. Before both have agreed there is nothing to be said.
    pub fn close(&mut self) {
        match &mut self.state {
            State::Channel(channel) => channel.close(&mut self.output),
            State::Handshake(_) | State::Away | State::Failed(_) => (),
        }
    }

    /// Whether there is something to be sent of the connection's own. [`write`](Connection::write) sends it, of whatever else, too.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Whether decrypted bytes wait for room.
    pub fn has_spill(&self) -> bool {
        match &self.state {
            State::Channel(channel) => channel.has_spill(),
            State::Handshake(_) | State::Away | State::Failed(_) => false,
        }
    }

    /// Whether both have agreed.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Channel(_))
    }

    /// Whether the peer has said anything that is whole.
    pub fn is_heard(&self) -> bool {
        self.is_heard
    }

    /// What is known of the client, once both have agreed. But for what both have agreed on it is forgotten here.
    pub fn take_client(&mut self) -> Option<Client> {
        let known = self.known.as_mut()?;
        Some(Client {
            agreed: known.agreed,
            server_name: known.server_name.take(),
            protocol: known.protocol.clone(),
            shown: known.shown.take(),
            certificate: known.certificate.take(),
        })
    }

    /// What both have agreed on, once they have.
    pub fn agreed(&self) -> Option<Agreed> {
        self.known.as_ref().map(|known| known.agreed)
    }

    /// The name that the client asked for (RFC 6066 §3).
    pub fn server_name(&self) -> Option<&str> {
        match &self.state {
            State::Handshake(handshake) => handshake.server_name(),
            State::Channel(_) | State::Away | State::Failed(_) => self.known.as_ref()?.server_name.as_deref(),
        }
    }

    /// The protocol that both agreed on (RFC 7301).
    pub fn protocol(&self) -> Option<&[u8]> {
        self.known.as_ref()?.protocol.as_deref()
    }

    /// Who the peer is, if it was asked for a certificate and has shown one.
    pub fn peer(&self) -> Option<Portrait> {
        self.known.as_ref()?.certificate.as_deref().cloned()
    }

    /// Both have agreed.
    fn open(&mut self) -> Next {
        let State::Handshake(handshake) = std::mem::replace(&mut self.state, State::Failed(Refusal::Internal)) else {
            unreachable!("a handshake is over once")
        };
        match handshake.finish() {
            Ok((channel, known)) => {
                self.state = State::Channel(Box::new(channel));
                self.known = Some(known);
                Next::Room
            }
            Err(refusal) => self.fail(refusal),
        }
    }

    #[cfg(test)]
    pub(crate) fn channel(&mut self) -> &mut Channel {
        match &mut self.state {
            State::Channel(channel) => channel,
            State::Handshake(_) | State::Away | State::Failed(_) => panic!("both have agreed, and go on"),
        }
    }

    fn fail(&mut self, refusal: Refusal) -> Next {
        self.state = State::Failed(refusal);
        Next::Failed(refusal)
    }
}

/// Moves as much as fits. Memory is kept for nothing.
pub(crate) fn take(from: &mut Vec<u8>, to: &mut [u8]) -> usize {
    let count = from.len().min(to.len());
    to[..count].copy_from_slice(&from[..count]);
    if count == from.len() {
        *from = Vec::new();
    } else {
        from.drain(..count);
    }
    count
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Handshake(_) => "Handshake",
            State::Away => "Away",
            State::Channel(_) => "Channel",
            State::Failed(_) => "Failed",
        };
        f.debug_struct("Connection").field("state", &state).finish_non_exhaustive()
    }
}
