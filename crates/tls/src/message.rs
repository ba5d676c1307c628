//! Messages of the handshake that come after it: tickets, keys that follow, and a second handshake, which is refused
//! (RFC 8446 §4.6, RFC 5246 §7.4.1).

use crate::alert::Alert;

/// Bytes before a message's body: its kind, and how long it is (RFC 8446 §4).
const HEAD_SIZE: usize = 4;

/// The most that a message may have in it. A ticket is at most as long as what says its length, twice (RFC 8446 §4.6.1), and never is.
const BODY_MOST: usize = 0xffff;

const HELLO_REQUEST: u8 = 0;
const CLIENT_HELLO: u8 = 1;
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

/// That other keys follow, without asking the peer for others of its own (RFC 8446 §4.6.3).
pub(crate) const KEY_UPDATE_NOT_REQUESTED: [u8; 5] = [KEY_UPDATE, 0, 0, 1, 0];

/// A message that may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// What it takes to come back.
    Ticket(&'a [u8]),
    /// The peer's next record has another key.
    KeyUpdate {
        /// It wants the same of this side.
        is_requested: bool,
    },
    /// The peer would begin anew.
    Renegotiation,
}

/// Whom a message comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

impl Message<'_> {
    /// `message`: whole, with its head.
    pub(crate) fn read(message: &[u8], role: Role, is_tls13: bool) -> Result<Message<'_>, Alert> {
        let Some((head, body)) = message.split_at_checked(HEAD_SIZE) else { return Err(Alert::DecodeError) };
        match (head[0], role) {
            (KEY_UPDATE, _) if is_tls13 => match body {
                [0] => Ok(Message::KeyUpdate { is_requested: false }),
                [1] => Ok(Message::KeyUpdate { is_requested: true }),
                [_] => Err(Alert::IllegalParameter),
                [] | [..] => Err(Alert::DecodeError),
            },
            (NEW_SESSION_TICKET, Role::Client) if is_tls13 => Ok(Message::Ticket(body)),
            (HELLO_REQUEST, Role::Client) | (CLIENT_HELLO, Role::Server) if !is_tls13 => Ok(Message::Renegotiation),
            _ => Err(Alert::UnexpectedMessage),
        }
    }
}

/// What has come of messages that are not whole.
#[derive(Debug, Default)]
pub(crate) struct Assembly(Vec<u8>);

impl Assembly {
    /// Nothing has.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, fragment: &[u8]) {
        self.0.extend_from_slice(fragment);
    }

    /// The first message, if it is whole.
    pub(crate) fn take(&mut self) -> Result<Option<Vec<u8>>, Alert> {
        let Some(&[_, high, middle, low]) = self.0.first_chunk::<HEAD_SIZE>() else { return Ok(None) };
        let body_size = u32::from_be_bytes([0, high, middle, low]) as usize;
        if body_size > BODY_MOST {
            return Err(Alert::DecodeError);
        }
        let size = HEAD_SIZE + body_size;
        if self.0.len() < size {
            return Ok(None);
        }
        let rest = self.0.split_off(size);
        Ok(Some(std::mem::replace(&mut self.0, rest)))
    }
}
