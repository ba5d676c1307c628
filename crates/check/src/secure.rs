//! TLS around what a check says: plain bytes in, cipher text out, and the other way.

use tls::{Connection, Failure, Next, Refusal};

use crate::Errno;
use crate::script::Tls;

/// Room for a record (RFC 8446 §5.1), and what it adds to its content.
const RECORD_MOST: usize = 17 * 1024;

/// What a connection whose TLS does not go on is to those who use it: reset by the peer (errno(3)).
const BROKEN: Errno = Errno(104);

/// One TLS connection.
#[derive(Debug)]
pub(crate) struct Secure {
    tls: Connection,
    /// Cipher text, and how much of it is sent.
    output: Vec<u8>,
    sent: usize,
    /// Plain bytes that are in it.
    taken: usize,
    /// Plain bytes that nobody has asked for yet.
    plain: Vec<u8>,
    /// How the server's half has ended.
    end: Option<Result<(), Errno>>,
    refusal: Option<Refusal>,
}

/// What came of the server.
pub(crate) enum Heard {
    Bytes(Vec<u8>),
    End(Result<(), Errno>),
}

impl Secure {
    pub(crate) fn begin(tls: &Tls) -> Result<Secure, Failure> {
        let tls = Connection::connect(&tls.connector, tls.name.as_deref(), Vec::new()).map_err(Failure::Refused)?;
        let (output, plain) = (Vec::new(), Vec::new());
        let mut secure = Secure { tls, output, sent: 0, taken: 0, plain, end: None, refusal: None };
        secure.collect();
        Ok(secure)
    }

    pub(crate) fn has_output(&self) -> bool {
        self.sent < self.output.len()
    }

    /// What is to be sent.
    pub(crate) fn output(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// So much of it was sent. Says how many plain bytes have left with the last of it.
    pub(crate) fn on_sent(&mut self, count: usize) -> Option<usize> {
        self.sent += count;
        if self.has_output() {
            return None;
        }
        (self.sent, self.output) = (0, Vec::new());
        Some(std::mem::take(&mut self.taken)).filter(|&taken| taken > 0)
    }

    pub(crate) fn on_received(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut start = 0;
        while self.end.is_none() && self.refusal.is_none() {
            let mut room = vec![0; RECORD_MOST];
            let read = self.tls.read(&mut bytes[start..], &mut room);
            start += read.consumed;
            self.plain.extend_from_slice(&room[..read.filled]);
            match read.next {
                Next::More => break,
                Next::Room => (),
                Next::End => self.end = Some(Ok(())),
                Next::Failed(refusal) => self.refusal = Some(refusal),
            }
        }
        self.collect();
    }

    /// The socket has ended, whatever was said of that within.
    pub(crate) fn on_end(&mut self, how: Result<(), Errno>) {
        self.end.get_or_insert(how);
        // Nobody takes what was still to be sent.
        (self.sent, self.output) = (0, Vec::new());
    }

    /// What the handshake has come to; `None`: it is not over.
    pub(crate) fn outcome(&self) -> Option<Result<(), Failure>> {
        match (self.refusal, self.end) {
            (Some(refusal), _) => Some(Err(Failure::Refused(refusal))),
            (None, _) if self.tls.is_open() => Some(Ok(())),
            (None, Some(_)) => Some(Err(Failure::Refused(Refusal::Truncated))),
            (None, None) => None,
        }
    }

    /// Encrypts all of it.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        if let Some(Err(errno)) = self.end {
            return Err(errno);
        }
        if self.refusal.is_some() {
            return Err(BROKEN);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut room = vec![0; RECORD_MOST];
            match self.tls.write(rest, &mut room) {
                Ok(written) if written.taken > 0 => {
                    rest = &rest[written.taken..];
                    self.output.extend_from_slice(&room[..written.filled]);
                }
                Ok(_) | Err(_) => return Err(BROKEN),
            }
        }
        self.taken = bytes.len();
        Ok(())
    }

    /// What came since it was last asked for.
    pub(crate) fn take_heard(&mut self) -> Option<Heard> {
        if !self.plain.is_empty() {
            return Some(Heard::Bytes(std::mem::take(&mut self.plain)));
        }
        let broken = self.refusal.map(|_| Err(BROKEN));
        broken.or(self.end).map(Heard::End)
    }

    /// Takes what the connection has to say of its own.
    fn collect(&mut self) {
        let mut room = vec![0; RECORD_MOST];
        while let Ok(written) = self.tls.write(&[], &mut room) {
            if written.filled == 0 {
                return;
            }
            self.output.extend_from_slice(&room[..written.filled]);
        }
    }
}
