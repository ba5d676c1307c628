//! What a client says first, looked at before it is answered.
//!
//! The library refuses clients that know none of the listener's protocols (RFC 7301 §3.2 lets it). HAProxy goes on with them, without
//! a protocol. So where there are protocols the first message is held until it is whole, and then the listener offers them or does not.

use rustls::server::Acceptor;
use std::io::Read;

/// The first message, on its way.
pub(crate) struct Hello {
    reader: Acceptor,
    bytes: Vec<u8>,
}

/// What came of it.
pub(crate) enum Heard {
    /// It is not whole.
    Partial,
    /// It is whole, or can never be: all bytes that came, for whoever answers.
    Whole { bytes: Vec<u8>, knows_protocol: bool },
}

impl Hello {
    pub(crate) fn new() -> Hello {
        Hello { reader: Acceptor::default(), bytes: Vec::new() }
    }

    /// Takes received bytes. `protocols`: what the listener would offer.
    pub(crate) fn hear(&mut self, received: &[u8], protocols: &[Vec<u8>]) -> Heard {
        self.bytes.extend_from_slice(received);
        let mut rest = received;
        while !rest.is_empty() {
            // Whoever says too much to be a hello, or no hello at all, is refused by whoever answers.
            let is_taken = self.reader.read_tls(&mut rest.by_ref()).is_ok_and(|count| count > 0);
            let knows_protocol = match self.reader.accept() {
                Ok(None) if is_taken => continue,
                Ok(None) | Err(_) => true,
                Ok(Some(accepted)) => match accepted.client_hello().alpn() {
                    None => true,
                    Some(mut theirs) => theirs.any(|theirs| protocols.iter().any(|ours| ours == theirs)),
                },
            };
            return Heard::Whole { bytes: std::mem::take(&mut self.bytes), knows_protocol };
        }
        Heard::Partial
    }
}
