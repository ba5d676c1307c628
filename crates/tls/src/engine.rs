//! The library's machine for handshakes, which is one of two: the server's end, or the client's. Both are asked in the same way, and answer
//! in steps. Once both have agreed it gives the keys away, and what remains of it knows those that follow.

use crate::alert::Alert;
use crate::channel::Channel;
use crate::connector::Connector;
use crate::failure::Refusal;
use crate::message::Role;
use crate::names::Version;
use crate::opening::Opening;
use crate::sealing::Sealing;
use crate::traffic::Traffic;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::kernel::KernelConnection;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use rustls::{CommonState, ConnectionTrafficSecrets, Error, ServerConfig};
use std::sync::Arc;

pub(crate) enum Engine {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// What the library says.
pub(crate) enum Step {
    /// There is more where this came from.
    Again,
    /// It wants more records.
    Blocked,
    /// Whatever comes now is no handshake any more.
    Over,
    Failed(Error),
}

/// What is left of it after the handshake. In TLS 1.2 that is nothing: its keys never change, and its tickets were a part of the handshake.
pub(crate) enum Remains {
    Server(Option<Box<KernelConnection<ServerConnectionData>>>),
    Client(Option<Box<KernelConnection<ClientConnectionData>>>),
}

impl Engine {
    pub(crate) fn server(config: &Arc<ServerConfig>) -> Engine {
        let engine = UnbufferedServerConnection::new(Arc::clone(config));
        Engine::Server(engine.expect("only a size of fragments could be wrong, and none is set"))
    }

    pub(crate) fn client(connector: &Connector, name: Option<&str>) -> Result<Engine, Refusal> {
        let name = connector.server_name(name)?;
        let engine = UnbufferedClientConnection::new(Arc::clone(&connector.config), name);
        engine.map(Engine::Client).map_err(|error| Refusal::of(&error))
    }

    /// What both have agreed on so far.
    pub(crate) fn common(&self) -> &CommonState {
        match self {
            Engine::Server(engine) => engine,
            Engine::Client(engine) => engine,
        }
    }

    /// Shows records to the library. Says how many bytes are done with, and what follows. What is to be sent goes to `output`.
    pub(crate) fn step(&mut self, records: &mut [u8], output: &mut Vec<u8>) -> (usize, Step) {
        match self {
            Engine::Server(engine) => step(engine.process_tls_records(records), output),
            Engine::Client(engine) => step(engine.process_tls_records(records), output),
        }
    }

    /// Both have agreed on `version`: the records that follow are not the library's any more. `keeps`: somebody else may go on with them.
    pub(crate) fn into_channel(self, version: Version, keeps: bool) -> Result<Channel, Refusal> {
        let is_needed = version == Version::Tls13;
        let (secrets, remains) = match self {
            Engine::Server(engine) => {
                let (secrets, kernel) = engine.dangerous_into_kernel_connection().map_err(|_| Refusal::Internal)?;
                (secrets, Remains::Server(is_needed.then(|| Box::new(kernel))))
            }
            Engine::Client(engine) => {
                let (secrets, kernel) = engine.dangerous_into_kernel_connection().map_err(|_| Refusal::Internal)?;
                (secrets, Remains::Client(is_needed.then(|| Box::new(kernel))))
            }
        };
        let traffic = |(next, secrets)| {
            let traffic = Traffic::new(&secrets, next, version).ok_or(Refusal::Internal)?;
            Ok(if keeps { traffic.keeping(secrets) } else { traffic })
        };
        let [opening, sealing] = [traffic(secrets.rx)?, traffic(secrets.tx)?];
        Ok(Channel::new(Opening::new(opening), Sealing::new(sealing), remains))
    }
}

impl Remains {
    pub(crate) fn role(&self) -> Role {
        match self {
            Remains::Server(_) => Role::Server,
            Remains::Client(_) => Role::Client,
        }
    }

    /// The keys that the peer sends with from now on (RFC 8446 §7.2).
    pub(crate) fn next_opening(&mut self) -> Result<ConnectionTrafficSecrets, Alert> {
        let next = match self {
            Remains::Server(Some(kernel)) => kernel.update_rx_secret(),
            Remains::Client(Some(kernel)) => kernel.update_rx_secret(),
            Remains::Server(None) | Remains::Client(None) => return Err(Alert::UnexpectedMessage),
        };
        next.map(|(_, secrets)| secrets).map_err(|_| Alert::InternalError)
    }

    /// The same for what this side sends. `Err`: there are no others.
    pub(crate) fn next_sealing(&mut self) -> Result<ConnectionTrafficSecrets, Alert> {
        let next = match self {
            Remains::Server(Some(kernel)) => kernel.update_tx_secret(),
            Remains::Client(Some(kernel)) => kernel.update_tx_secret(),
            Remains::Server(None) | Remains::Client(None) => return Err(Alert::InternalError),
        };
        next.map(|(_, secrets)| secrets).map_err(|_| Alert::InternalError)
    }

    /// Keeps what a server gives for the next time, where that is wanted.
    pub(crate) fn keep_ticket(&mut self, ticket: &[u8]) -> Result<(), Alert> {
        match self {
            Remains::Client(Some(kernel)) => kernel.handle_new_session_ticket(ticket).map_err(|_| Alert::DecodeError),
            Remains::Client(None) | Remains::Server(_) => Err(Alert::UnexpectedMessage),
        }
    }
}

fn step<D>(status: UnbufferedStatus<'_, '_, D>, output: &mut Vec<u8>) -> (usize, Step) {
    let step = match status.state {
        Ok(ConnectionState::EncodeTlsData(due)) => {
            encode(due, output);
            Step::Again
        }
        // Output is collected, and nobody waits for it.
        Ok(ConnectionState::TransmitTlsData(sent)) => {
            sent.done();
            Step::Again
        }
        Ok(ConnectionState::WriteTraffic(_)) => Step::Over,
        Ok(ConnectionState::BlockedHandshake) => Step::Blocked,
        // Plain bytes and the end come behind the handshake, and early data is never offered.
        Ok(_) => Step::Failed(Error::HandshakeNotComplete),
        Err(error) => Step::Failed(error),
    };
    (status.discard, step)
}

/// Puts a record that is due behind those before it.
fn encode<D>(mut due: EncodeTlsData<'_, D>, output: &mut Vec<u8>) {
    let start = output.len();
    let mut size = 0;
    loop {
        output.resize(start + size, 0);
        match due.encode(&mut output[start..]) {
            Ok(count) => return output.truncate(start + count),
            Err(EncodeError::InsufficientSize(error)) if error.required_size > size => size = error.required_size,
            Err(EncodeError::InsufficientSize(_) | EncodeError::AlreadyEncoded) => {
                unreachable!("a record is encoded once, as soon as there is room")
            }
        }
    }
}
