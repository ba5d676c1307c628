//! What a client says first, looked at before it is answered.
//!
//! The library refuses clients that know none of the listener's protocols (RFC 7301 §3.2 lets it). HAProxy goes on with them, without
//! a protocol. And a certificate may have terms of its own, on which the library would have to be set up before it hears which one is asked for.
//! So where one of both may be, the first message is held until it is whole.

use rustls::SignatureScheme;
use rustls::server::Acceptor;
use std::io::Read;

/// The first message, on its way.
pub(crate) struct Hello {
    reader: Acceptor,
    bytes: Vec<u8>,
}

/// What a client asks for.
pub(crate) struct Asked {
    pub(crate) name: Option<Box<str>>,
    /// Signatures that it can check.
    pub(crate) schemes: Vec<SignatureScheme>,
    /// Protocols that it knows, if it says so.
    pub(crate) protocols: Option<Vec<Vec<u8>>>,
}

/// What came of it.
pub(crate) enum Heard {
    /// It is not whole.
    Partial,
    /// It is whole, or can never be: all bytes that came, for whoever answers. `None`: it asks for nothing, and will be refused.
    Whole { bytes: Vec<u8>, asked: Option<Asked> },
}

impl Hello {
    pub(crate) fn new() -> Hello {
        Hello { reader: Acceptor::default(), bytes: Vec::new() }
    }

    /// Takes received bytes.
    pub(crate) fn hear(&mut self, received: &[u8]) -> Heard {
        self.bytes.extend_from_slice(received);
        let mut rest = received;
        while !rest.is_empty() {
            // Whoever says too much to be a hello, or no hello at all, is refused by whoever answers.
            let is_taken = self.reader.read_tls(&mut rest.by_ref()).is_ok_and(|count| count > 0);
            let asked = match self.reader.accept() {
                Ok(None) if is_taken => continue,
                Ok(None) | Err(_) => None,
                Ok(Some(accepted)) => {
                    let hello = accepted.client_hello();
                    Some(Asked {
                        name: hello.server_name().map(Into::into),
                        schemes: hello.signature_schemes().to_vec(),
                        protocols: hello.alpn().map(|names| names.map(<[u8]>::to_vec).collect()),
                    })
                }
            };
            return Heard::Whole { bytes: std::mem::take(&mut self.bytes), asked };
        }
        Heard::Partial
    }
}
