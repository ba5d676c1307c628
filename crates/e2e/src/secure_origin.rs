//! A server with TLS in this process, and what its clients have agreed on with it.

use std::io;
use std::sync::{Arc, Mutex};

use rustls::{HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection, StreamOwned};

use crate::http;
use crate::peers::{Conversation, Origin};
use crate::wait::{self, SOON};

/// A connection of such a server, as its script has it: plain bytes.
pub type SecureConversation = StreamOwned<ServerConnection, Conversation>;

/// What a client has agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The host that it asked for.
    pub name: Option<String>,
    pub protocol: Option<String>,
    pub is_old: bool,
    pub is_resumed: bool,
    pub has_certificate: bool,
}

/// A server. Dropping it stops it.
pub struct SecureOrigin {
    origin: Origin,
    agreements: Arc<Mutex<Vec<Agreement>>>,
}

impl SecureOrigin {
    /// A server on a free port that follows `script` with each client with whom it agrees.
    pub fn serve(
        config: Arc<ServerConfig>,
        script: impl Fn(&mut SecureConversation) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let agreements: Arc<Mutex<Vec<Agreement>>> = Arc::default();
        let told = Arc::clone(&agreements);
        let origin = Origin::serve(move |mut client| {
            let mut tls = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
            while tls.is_handshaking() {
                tls.complete_io(&mut client)?;
            }
            told.lock().expect("tests do not panic under the lock").push(Agreement::of(&tls));
            let mut conversation = StreamOwned::new(tls, client);
            script(&mut conversation)?;
            conversation.conn.send_close_notify();
            conversation.conn.complete_io(&mut conversation.sock).map(|_| ())
        });
        Self { origin, agreements }
    }

    /// Sends back what it receives.
    pub fn echo(config: Arc<ServerConfig>) -> Self {
        Self::serve(config, |client| {
            let mut part = vec![0; 16 * 1024];
            loop {
                match io::Read::read(client, &mut part)? {
                    0 => return Ok(()),
                    count => io::Write::write_all(client, &part[..count])?,
                }
            }
        })
    }

    /// Answers each request with `200` and `ok`, on one connection until the client ends it.
    pub fn http(config: Arc<ServerConfig>) -> Self {
        Self::serve(config, |client| {
            while http::head(client)?.is_some() {
                io::Write::write_all(client, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
            }
            Ok(())
        })
    }

    /// The address as a `server` line has it.
    pub fn target(&self) -> String {
        self.origin.target()
    }

    /// What its clients have agreed on, in the order in which they did.
    pub fn agreements(&self) -> Vec<Agreement> {
        self.agreements.lock().expect("scripts do not panic under the lock").clone()
    }

    /// The same, once there are so many.
    pub fn agreed(&self, count: usize) -> Vec<Agreement> {
        wait::value(&format!("{count} agreements"), SOON, || Some(self.agreements()).filter(|all| all.len() >= count))
    }
}

impl Agreement {
    fn of(tls: &ServerConnection) -> Self {
        Self {
            name: tls.server_name().map(str::to_owned),
            protocol: tls.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            is_old: tls.protocol_version() == Some(ProtocolVersion::TLSv1_2),
            is_resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
            has_certificate: tls.peer_certificates().is_some(),
        }
    }
}
