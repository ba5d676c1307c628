//! A connection until both agree: the library is shown records one after the other, and never one that comes behind its last.
//!
//! **Invariant:** between two calls it holds, of what was received, no more than what the next record, or a message of the handshake,
//! lacks to be whole.

use crate::acceptor::Acceptor;
use crate::certificates::{Chosen, take_chosen};
use crate::channel::Channel;
use crate::connection::{Agreed, Client};
use crate::connector::Connector;
use crate::engine::{Engine, Step};
use crate::failure::Refusal;
use crate::hello::{Heard, Hello};
use crate::names::{Version, cipher_name};
use crate::record::{self, Record};
use crate::spare;
use crate::traffic::PLAIN_MOST;
use crate::x509::Portrait;
use rustls::HandshakeKind;

pub(crate) struct Handshake {
    engine: Engine,
    /// The first message, while it is to be looked at before the engine answers it.
    hello: Option<Box<(Hello, Acceptor)>>,
    /// What comes next is answered with a signature that is left to others.
    is_set_aside: bool,
    /// What they have to answer.
    due: Option<Vec<u8>>,
    /// What has come of records that are not whole, or of a message in several of them.
    partial: Vec<u8>,
    /// Where in it the record begins that is not whole: a hello in thousands of records is walked once.
    partial_whole: usize,
    /// The name that the client asked for, and what it was shown.
    chosen: Chosen,
    asks_client: bool,
    is_heard: bool,
    /// Somebody else may go on with the records.
    keeps_secrets: bool,
}

/// What came of received bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It takes more of them. All that were given are done with.
    More,
    /// Both have agreed. What follows are records.
    Over,
    Failed(Refusal),
}

impl Handshake {
    pub(crate) fn accept(acceptor: &Acceptor) -> Handshake {
        Handshake {
            hello: acceptor.is_curious().then(|| Box::new((Hello::new(), acceptor.clone()))),
            asks_client: acceptor.terms.asks_client,
            keeps_secrets: acceptor.hands_over,
            ..Handshake::new(Engine::server(&acceptor.terms.config))
        }
    }

    /// What it has to say first goes to `output`.
    pub(crate) fn connect(
        connector: &Connector,
        name: Option<&str>,
        output: &mut Vec<u8>,
    ) -> Result<Handshake, Refusal> {
        let engine = Engine::client(connector, name)?;
        let mut handshake = Handshake { keeps_secrets: connector.hands_over, ..Handshake::new(engine) };
        match handshake.digest(&mut [], output) {
            (_, Progress::More | Progress::Over) => Ok(handshake),
            (_, Progress::Failed(refusal)) => Err(refusal),
        }
    }

    fn new(engine: Engine) -> Handshake {
        Handshake {
            engine,
            hello: None,
            is_set_aside: false,
            due: None,
            partial: Vec::new(),
            partial_whole: 0,
            chosen: Chosen::default(),
            asks_client: false,
            is_heard: false,
            keeps_secrets: false,
        }
    }

    /// Whether the peer has said anything that is whole.
    pub(crate) fn is_heard(&self) -> bool {
        self.is_heard
    }

    /// The name that the client asked for (RFC 6066 §3).
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.chosen.asked.as_deref()
    }

    /// Takes received bytes. Says how many of them are done with.
    pub(crate) fn read(&mut self, received: &mut [u8], output: &mut Vec<u8>) -> (usize, Progress) {
        if self.hello.is_some() {
            return (received.len(), self.read_hello(received, output));
        }
        if self.is_set_aside {
            self.set_aside(received);
            return (received.len(), Progress::More);
        }
        let mut consumed = 0;
        loop {
            let rest = &mut received[consumed..];
            let (count, progress) = match self.partial.is_empty() {
                true => self.read_in_place(rest, output),
                false => self.read_partial(rest, output),
            };
            consumed += count;
            if progress != Progress::More || count == 0 {
                return (consumed, progress);
            }
        }
    }

    /// Holds what comes until it is worth an errand: a whole record, or the beginning of what cannot be one.
    fn set_aside(&mut self, received: &[u8]) {
        self.partial.extend_from_slice(received);
        match record::first(&self.partial) {
            Record::Partial(missing) if missing <= PLAIN_MOST => (),
            Record::Whole(_) | Record::Partial(_) => {
                self.due = Some(std::mem::take(&mut self.partial));
                self.partial_whole = 0;
            }
        }
    }

    /// What is to be answered by others.
    pub(crate) fn take_due(&mut self) -> Option<Vec<u8>> {
        self.due.take()
    }

    /// Answers it, whatever that takes. A client that was asked for another hello (RFC 8446 §4.1.4) has its signature still to come.
    pub(crate) fn answer(&mut self, heard: &mut [u8], output: &mut Vec<u8>) -> Progress {
        let was_retried = self.is_retried();
        self.is_set_aside = false;
        let (_, progress) = self.read(heard, output);
        self.is_set_aside = self.is_retried() && (!was_retried || output.is_empty());
        progress
    }

    fn is_retried(&self) -> bool {
        self.engine.common().handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest)
    }

    /// Both have agreed: what that is, and the records that follow.
    pub(crate) fn finish(self) -> Result<(Channel, Client), Refusal> {
        let agreed = self.agreed().ok_or(Refusal::Internal)?;
        let common = self.engine.common();
        let certificate = common.peer_certificates().filter(|_| self.asks_client).and_then(|chain| chain.first());
        let client = Client {
            agreed,
            server_name: self.chosen.asked,
            protocol: common.alpn_protocol().map(Into::into),
            shown: self.chosen.shown,
            certificate: certificate.and_then(|certificate| Portrait::of(certificate)).map(Box::new),
        };
        Ok((self.engine.into_channel(agreed.version, self.keeps_secrets)?, client))
    }

    fn agreed(&self) -> Option<Agreed> {
        let common = self.engine.common();
        Some(Agreed {
            version: Version::of(common.protocol_version()?),
            cipher: cipher_name(common.negotiated_cipher_suite()?.suite()),
            is_resumed: common.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// Holds what comes until the first message is whole, and begins.
    fn read_hello(&mut self, received: &[u8], output: &mut Vec<u8>) -> Progress {
        let heard = self.hello.as_mut().map(|hello| hello.0.hear(received));
        let Some(Heard::Whole { mut bytes, asked }) = heard else { return Progress::More };
        if let (Some(hello), Some(asked)) = (self.hello.take(), asked) {
            let (config, asks_client) = hello.1.answer(&asked);
            self.engine = Engine::server(&config);
            self.asks_client = asks_client;
            self.is_set_aside = hello.1.is_set_aside(&asked);
        }
        self.read(&mut bytes, output).1
    }

    /// Records that lie whole in `rest`. What is left over is kept.
    fn read_in_place(&mut self, rest: &mut [u8], output: &mut Vec<u8>) -> (usize, Progress) {
        let (mut consumed, mut end) = (0, 0);
        loop {
            let ahead = &rest[consumed + end..];
            match record::first(ahead) {
                Record::Whole(size) => end += size,
                Record::Partial(_) if ahead.is_empty() && end == 0 => return (consumed, Progress::More),
                Record::Partial(missing) => {
                    // Whether it can become a record is seen at its first bytes.
                    let (discarded, progress) = self.digest(&mut rest[consumed..], output);
                    consumed += discarded;
                    if progress == Progress::More {
                        self.partial = spare::copy(&rest[consumed..], missing);
                        self.partial_whole = 0;
                    }
                    return (rest.len(), progress);
                }
            }
            let (discarded, progress) = self.digest(&mut rest[consumed..consumed + end], output);
            consumed += discarded;
            end -= discarded;
            if progress != Progress::More {
                return (consumed, judge_end(progress, end));
            }
        }
    }

    /// The record that was begun before: takes of `rest` what it lacks.
    fn read_partial(&mut self, rest: &[u8], output: &mut Vec<u8>) -> (usize, Progress) {
        let taken = self.missing().min(rest.len());
        if taken == 0 {
            return (0, Progress::More);
        }
        self.partial.extend_from_slice(&rest[..taken]);
        let mut partial = std::mem::take(&mut self.partial);
        let (discarded, progress) = self.digest(&mut partial, output);
        let left = partial.len() - discarded;
        if left > 0 {
            partial.drain(..discarded);
            self.partial = partial;
        } else {
            spare::give_back(partial);
        }
        self.partial_whole = self.partial_whole.saturating_sub(discarded);
        (taken, judge_end(progress, left))
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

    /// Shows records to the library until it wants others. Says how many bytes are done with.
    fn digest(&mut self, records: &mut [u8], output: &mut Vec<u8>) -> (usize, Progress) {
        let mut discarded = 0;
        loop {
            let (count, step) = self.engine.step(&mut records[discarded..], output);
            discarded += count;
            self.is_heard |= count > 0;
            if let Some(chosen) = take_chosen() {
                self.chosen = chosen;
            }
            match step {
                Step::Again => (),
                Step::Blocked => return (discarded, Progress::More),
                // The library may write before the peer has had its last word (RFC 8446 §2).
                Step::Over if self.engine.common().is_handshaking() => return (discarded, Progress::More),
                Step::Over => return (discarded, Progress::Over),
                Step::Failed(error) => {
                    // The alert that the library may have made when it failed. Asked once it hands that out, or fails again; asked any
                    // more it would read the same records again, and make a second alert of them, which it takes for a fault of its own.
                    self.engine.step(&mut records[discarded..], output);
                    return (discarded, Progress::Failed(Refusal::of(&error)));
                }
            }
        }
    }
}

/// Nothing stands behind the last message of a handshake in its record, as other keys follow it (RFC 8446 §5.1); `left`: so many bytes the
/// library has not done with.
fn judge_end(progress: Progress, left: usize) -> Progress {
    if progress == Progress::Over && left > 0 { Progress::Failed(Refusal::Unexpected) } else { progress }
}
