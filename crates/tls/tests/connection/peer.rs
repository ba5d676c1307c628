//! A client of the library's, and the connection under test as its server: bytes go between them in pieces.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use std::io::{Read, Write};
use std::sync::Arc;
use tls::{Acceptor, Connection, Next, Refusal};

pub(crate) struct Peer {
    client: ClientConnection,
    pub(crate) server: Connection,
    /// Most bytes that the server is given at once, and most that it has room for.
    cut: usize,
    room: usize,
    /// How often a part of the server's handshake was left to others, here to the peer.
    pub(crate) errand_count: usize,
}

pub(crate) fn client(config: Arc<ClientConfig>, name: &str) -> ClientConnection {
    ClientConnection::new(config, ServerName::try_from(name.to_string()).expect("a name")).expect("a client")
}

impl Peer {
    pub(crate) fn new(config: Arc<ClientConfig>, name: &str, acceptor: &Acceptor, cut: usize, room: usize) -> Peer {
        Peer { client: client(config, name), server: Connection::accept(acceptor), cut, room, errand_count: 0 }
    }

    /// Until neither has anything to say. Says why the server refused.
    pub(crate) fn shake_hands(&mut self) -> Option<Refusal> {
        self.pump(&mut Vec::new()).err()
    }

    /// How the client came to an agreement.
    pub(crate) fn client_handshake(&self) -> Option<HandshakeKind> {
        self.client.handshake_kind()
    }

    /// What the server hears when the client says this.
    pub(crate) fn converse(&mut self, said: &[u8]) -> Vec<u8> {
        let mut heard = Vec::new();
        self.pump(&mut heard).expect("they agree");
        for part in said.chunks(30_000) {
            self.client.writer().write_all(part).expect("memory takes everything");
            self.pump(&mut heard).expect("they go on");
        }
        heard
    }

    /// What the client hears when the server says this.
    pub(crate) fn answer(&mut self, mut said: &[u8]) -> Vec<u8> {
        let mut heard = Vec::new();
        while !said.is_empty() {
            let mut sent = vec![0; self.room.max(100)];
            let written = self.server.write(said, &mut sent).expect("keys that are new");
            said = &said[written.taken..];
            self.client_reads(&sent[..written.filled]);
            let mut part = vec![0; 100_000];
            let count = self.client.reader().read(&mut part).unwrap_or(0);
            heard.extend_from_slice(&part[..count]);
        }
        heard
    }

    /// Both say that nothing follows.
    pub(crate) fn end(&mut self) {
        self.client.send_close_notify();
        let mut bytes = Vec::new();
        self.client.write_tls(&mut bytes).expect("memory takes everything");
        assert_eq!(self.server.read(&mut bytes, &mut []).next, Next::End);
        self.server.close();
        let mut sent = [0; 100];
        let written = self.server.write(&[], &mut sent).expect("a last word");
        self.client_reads(&sent[..written.filled]);
        assert_eq!(self.client.reader().read(&mut [0]).expect("an end that was announced"), 0);
    }

    fn pump(&mut self, heard: &mut Vec<u8>) -> Result<(), Refusal> {
        loop {
            let mut bytes = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut bytes).expect("memory takes everything");
            }
            let is_client_quiet = bytes.is_empty();
            let mut refused = Ok(());
            for piece in bytes.chunks_mut(self.cut.min(1 << 20)) {
                if let Err(refusal) = self.server_reads(piece, heard) {
                    refused = Err(refusal);
                    break;
                }
            }
            let mut sent = vec![0; 100_000];
            let written = self.server.write(&[], &mut sent).expect("a handshake");
            self.client_reads(&sent[..written.filled]);
            refused?;
            if is_client_quiet && written.filled == 0 {
                return Ok(());
            }
        }
    }

    fn server_reads(&mut self, piece: &mut [u8], heard: &mut Vec<u8>) -> Result<(), Refusal> {
        let mut start = 0;
        loop {
            let mut room = vec![0; self.room];
            let read = self.server.read(&mut piece[start..], &mut room);
            start += read.consumed;
            heard.extend_from_slice(&room[..read.filled]);
            let next = self.server.take_errand().map_or(read.next, |mut errand| {
                self.errand_count += 1;
                errand.run();
                self.server.welcome(errand)
            });
            match next {
                Next::More => {
                    assert_eq!(start, piece.len(), "what was given is done with");
                    return Ok(());
                }
                Next::Room => (),
                Next::End => return Ok(()),
                Next::Failed(refusal) => return Err(refusal),
            }
        }
    }

    fn client_reads(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.client.read_tls(&mut bytes).expect("there is room");
            // What it refuses is the server's to hear of.
            if self.client.process_new_packets().is_err() {
                return;
            }
        }
    }
}
