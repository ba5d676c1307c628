//! One end of a connection: what was received becomes plain, what is plain becomes what is to be sent.
//!
//! ```text
//!                    agreed              the peer says that nothing follows
//!   Handshaking ───────────────▶ Open ─────────────────────────────────────▶ Ended (may still write)
//!        └──────────┬─────────────┘
//!                   ▼ one of both does not go on
//!                 Failed (an alert may be due)
//! ```
//!
//! What it has to say of its own (handshake, tickets, alerts, the end) it collects, and it goes out before anything that is written later.
//!
//! **Invariant:** between two calls it holds, of what was received, no more than what the next record, or a message of the handshake,
//! lacks to be whole.
//! **Invariant:** however the same bytes were cut, the same comes out.

use crate::acceptor::Acceptor;
use crate::certificates::{Chosen, Shown, take_chosen};
use crate::connector::Connector;
use crate::engine::{Engine, Sink, Step};
use crate::failure::Refusal;
use crate::hello::{Heard, Hello};
use crate::names::{Version, cipher_name};
use crate::record::{self, Record};
use crate::spare;
use crate::x509::Portrait;
use rustls::HandshakeKind;

/// One end of a TLS connection.
pub struct Connection {
    engine: Engine,
    /// The first message, while it is to be looked at before the engine answers it.
    hello: Option<Box<(Hello, Acceptor)>>,
    stage: Stage,
    /// What has come of records that are not whole, or of a message in several of them.
    partial: Vec<u8>,
    /// Where in it the record begins that is not whole: a hello in thousands of records is walked once.
    partial_whole: usize,
    /// Decrypted, and there was no room for it.
    spill: Vec<u8>,
    /// What is to be sent before anything else.
    output: Vec<u8>,
    /// The name that the client asked for, and what it was shown.
    chosen: Chosen,
    asks_client: bool,
    is_heard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Handshaking,
    Open,
    Ended,
    Failed(Refusal),
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

/// The most that a record adds to what is in it: its header, and in TLS 1.2 a nonce of 8 bytes and a tag of 16 (RFC 5288 §3).
const RECORD_OVERHEAD: usize = 32;

/// Most plain bytes of a record that is sent: half of what a receive brings, and half of what is allowed (RFC 8446 §5.1). The library
/// puts each record together in memory of its own, and memory of up to 8 KiB is still in the caches when it comes round again.
const RECORD_MOST: usize = 8160;

impl Connection {
    /// The server's end.
    pub fn accept(acceptor: &Acceptor) -> Connection {
        let is_looked_at = acceptor.without_protocols.is_some();
        Connection {
            hello: is_looked_at.then(|| Box::new((Hello::new(), acceptor.clone()))),
            asks_client: acceptor.asks_client,
            ..Connection::new(Engine::server(&acceptor.config))
        }
    }

    /// The client's end. `name` is the host that the server is asked for, and is to be. `preface` goes out in clear, before the first
    /// word of TLS.
    ///
    /// # Errors
    /// The server would have to prove a name that no host can have.
    pub fn connect(connector: &Connector, name: Option<&str>, preface: Vec<u8>) -> Result<Connection, Refusal> {
        let engine = Engine::client(connector, name)?;
        let mut connection = Connection { output: preface, ..Connection::new(engine) };
        connection.settle();
        Ok(connection)
    }

    fn new(engine: Engine) -> Connection {
        Connection {
            engine,
            hello: None,
            stage: Stage::Handshaking,
            partial: Vec::new(),
            partial_whole: 0,
            spill: Vec::new(),
            output: Vec::new(),
            chosen: Chosen::default(),
            asks_client: false,
            is_heard: false,
        }
    }

    /// Takes received bytes, and puts into `plain` what was in them. They are decrypted where they lie.
    pub fn read(&mut self, received: &mut [u8], plain: &mut [u8]) -> Read {
        if self.hello.is_some() {
            return self.read_hello(received, plain);
        }
        let mut read = Read { consumed: 0, filled: take(&mut self.spill, plain), next: Next::More };
        loop {
            if !self.spill.is_empty() {
                return Read { next: Next::Room, ..read };
            }
            match self.stage {
                Stage::Failed(refusal) => return Read { next: Next::Failed(refusal), ..read },
                Stage::Ended => return Read { next: Next::End, ..read },
                Stage::Handshaking | Stage::Open => (),
            }
            let rest = &mut received[read.consumed..];
            let room = &mut plain[read.filled..];
            let (consumed, filled) = match self.partial.is_empty() {
                true => self.read_in_place(rest, room, read.filled > 0),
                false => self.read_partial(rest, room),
            };
            read.consumed += consumed;
            read.filled += filled;
            let is_going = matches!(self.stage, Stage::Handshaking | Stage::Open) && self.spill.is_empty();
            if is_going && consumed == 0 && filled == 0 {
                let is_all = read.consumed == received.len();
                return Read { next: if is_all { Next::More } else { Next::Room }, ..read };
            }
        }
    }

    /// Encrypts as much as `sent` has room for. Nothing before both have agreed, and nothing while something of the connection's own does
    /// not fit. `Err`: so much was sent that the keys are used up.
    pub fn write(&mut self, plain: &[u8], sent: &mut [u8]) -> Result<Written, Refusal> {
        let mut written = Written { taken: 0, filled: 0 };
        loop {
            self.settle();
            written.filled += take(&mut self.output, &mut sent[written.filled..]);
            let room = (sent.len() - written.filled).saturating_sub(RECORD_OVERHEAD);
            let rest = &plain[written.taken..];
            let size = rest.len().min(room).min(RECORD_MOST);
            if size == 0 || !self.output.is_empty() || matches!(self.stage, Stage::Failed(_)) {
                return Ok(written);
            }
            let room = &mut sent[written.filled..];
            let Some(count) = self.engine.encrypt(&mut self.partial, &rest[..size], room)? else { return Ok(written) };
            written.filled += count;
            written.taken += size;
        }
    }

    /// Says to the peer that nothing follows. Before both have agreed there is nothing to be said.
    pub fn close(&mut self) {
        self.settle();
        if matches!(self.stage, Stage::Failed(_)) {
            return;
        }
        self.engine.close(&mut self.partial, &mut self.output);
    }

    /// Whether there is something to be sent of the connection's own. [`write`](Connection::write) sends it, of whatever else, too.
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Whether decrypted bytes wait for room.
    pub fn has_spill(&self) -> bool {
        !self.spill.is_empty()
    }

    /// Whether both have agreed.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Ended)
    }

    /// Whether the peer has said anything that is whole.
    pub fn is_heard(&self) -> bool {
        self.is_heard
    }

    /// What is known of the client, once both have agreed. The name that it asked for is forgotten here.
    pub fn take_client(&mut self) -> Option<Client> {
        Some(Client {
            agreed: self.agreed()?,
            server_name: self.chosen.asked.take(),
            shown: self.chosen.shown.take(),
            protocol: self.protocol().map(Into::into),
            certificate: self.peer().map(Box::new),
        })
    }

    /// What both have agreed on, once they have.
    pub fn agreed(&self) -> Option<Agreed> {
        let engine = self.engine.common();
        let suite = engine.negotiated_cipher_suite()?;
        Some(Agreed {
            version: Version::of(engine.protocol_version()?),
            cipher: cipher_name(suite.suite()),
            is_resumed: engine.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// The name that the client asked for (RFC 6066 §3).
    pub fn server_name(&self) -> Option<&str> {
        self.chosen.asked.as_deref()
    }

    /// The protocol that both agreed on (RFC 7301).
    pub fn protocol(&self) -> Option<&[u8]> {
        self.engine.common().alpn_protocol()
    }

    /// Who the peer is, if it was asked for a certificate and has shown one.
    pub fn peer(&self) -> Option<Portrait> {
        if !self.asks_client {
            return None;
        }
        Portrait::of(self.engine.common().peer_certificates()?.first()?)
    }

    /// Holds what comes until the first message is whole, and begins.
    fn read_hello(&mut self, received: &[u8], plain: &mut [u8]) -> Read {
        let consumed = received.len();
        let heard = self.hello.as_mut().map(|hello| hello.0.hear(received, &hello.1.config.alpn_protocols));
        let Some(Heard::Whole { mut bytes, knows_protocol }) = heard else {
            return Read { consumed, filled: 0, next: Next::More };
        };
        let hello = self.hello.take().filter(|_| !knows_protocol);
        if let Some(without) = hello.and_then(|hello| hello.1.without_protocols) {
            self.engine = Engine::server(&without);
        }
        let read = self.read(&mut bytes, plain);
        debug_assert!(
            read.consumed == bytes.len() || self.stage != Stage::Handshaking,
            "nothing plain comes before both agree"
        );
        Read { consumed, ..read }
    }

    /// Records that lie whole in `rest`. What is left over is kept.
    fn read_in_place(&mut self, rest: &mut [u8], room: &mut [u8], is_begun: bool) -> (usize, usize) {
        let (mut consumed, mut filled, mut end) = (0, 0, 0);
        loop {
            let ahead = &rest[consumed + end..];
            let size = match record::first(ahead) {
                Record::Whole(size) if (is_begun || filled > 0) && room.len() - filled < size => {
                    // There is room elsewhere, for all of it.
                    return (consumed, filled);
                }
                Record::Whole(size) => size,
                Record::Partial(_) if ahead.is_empty() && end == 0 => return (consumed, filled),
                Record::Partial(missing) => {
                    // Whether it can become a record is seen at its first bytes.
                    let (discarded, count) = self.digest(&mut rest[consumed..], &mut room[filled..]);
                    consumed += discarded;
                    filled += count;
                    if matches!(self.stage, Stage::Handshaking | Stage::Open) {
                        self.partial = spare::copy(&rest[consumed..], missing);
                        self.partial_whole = 0;
                    }
                    return (rest.len(), filled);
                }
            };
            end += size;
            let (discarded, count) = self.digest(&mut rest[consumed..consumed + end], &mut room[filled..]);
            consumed += discarded;
            end -= discarded;
            filled += count;
            if !self.spill.is_empty() || matches!(self.stage, Stage::Ended | Stage::Failed(_)) {
                return (consumed, filled);
            }
        }
    }

    /// The record that was begun before: takes of `rest` what it lacks.
    fn read_partial(&mut self, rest: &[u8], room: &mut [u8]) -> (usize, usize) {
        let taken = self.missing().min(rest.len());
        if taken == 0 {
            return (0, 0);
        }
        self.partial.reserve(taken);
        self.partial.extend_from_slice(&rest[..taken]);
        let mut partial = std::mem::take(&mut self.partial);
        let (discarded, filled) = self.digest(&mut partial, room);
        if discarded < partial.len() {
            partial.drain(..discarded);
            self.partial = partial;
        } else {
            spare::give_back(partial);
        }
        self.partial_whole = self.partial_whole.saturating_sub(discarded);
        (taken, filled)
    }

    /// How many bytes the last record that is held lacks; if it is whole, those of another one's header.
    fn missing(&mut self) -> usize {
        loop {
            match record::first(&self.partial[self.partial_whole..]) {
                Record::Whole(size) => self.partial_whole += size,
                Record::Partial(missing) => return missing,
            }
        }
    }

    /// Shows records to the library until it wants others. Says how many bytes are done with, and how many plain ones came out.
    fn digest(&mut self, records: &mut [u8], room: &mut [u8]) -> (usize, usize) {
        let (mut discarded, mut filled) = (0, 0);
        loop {
            let sink = Sink { room: &mut room[filled..], spill: &mut self.spill, output: &mut self.output };
            let (count, step) = self.engine.step(&mut records[discarded..], sink);
            discarded += count;
            self.is_heard |= count > 0;
            if self.stage == Stage::Handshaking
                && let Some(chosen) = take_chosen()
            {
                self.chosen = chosen;
            }
            match step {
                Step::Plain(count) => {
                    filled += count;
                    if !self.spill.is_empty() {
                        return (discarded, filled);
                    }
                }
                Step::Again => (),
                Step::Blocked => return (discarded, filled),
                Step::Open => {
                    if self.stage == Stage::Handshaking && !self.engine.common().is_handshaking() {
                        self.stage = Stage::Open;
                    }
                    return (discarded, filled);
                }
                Step::Ended => {
                    self.stage = Stage::Ended;
                    return (discarded, filled);
                }
                Step::Failed(error) => {
                    self.stage = Stage::Failed(Refusal::of(&error));
                    self.collect_alert(&mut records[discarded..]);
                    return (discarded, filled);
                }
            }
        }
    }

    /// Collects what the library has to say. It is shown what is held: of a message in several records it knows where that lies.
    fn settle(&mut self) {
        if matches!(self.stage, Stage::Failed(_)) {
            return;
        }
        let mut partial = std::mem::take(&mut self.partial);
        let mut discarded = 0;
        loop {
            let sink = Sink { room: &mut [], spill: &mut self.spill, output: &mut self.output };
            let (count, step) = self.engine.step(&mut partial[discarded..], sink);
            discarded += count;
            match step {
                Step::Again | Step::Plain(_) => (),
                Step::Blocked | Step::Open | Step::Ended | Step::Failed(_) => break,
            }
        }
        partial.drain(..discarded);
        self.partial = partial;
        self.partial_whole = self.partial_whole.saturating_sub(discarded);
    }

    /// Collects the alert that the library may have made when it failed. Asked once it hands that out, or fails again; asked any more it
    /// would read the same records again, and make a second alert of them, which it takes for a fault of its own.
    fn collect_alert(&mut self, records: &mut [u8]) {
        let sink = Sink { room: &mut [], spill: &mut self.spill, output: &mut self.output };
        self.engine.step(records, sink);
    }
}

/// Moves as much as fits. Memory is kept for nothing.
fn take(from: &mut Vec<u8>, to: &mut [u8]) -> usize {
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
        f.debug_struct("Connection").field("stage", &self.stage).finish_non_exhaustive()
    }
}
