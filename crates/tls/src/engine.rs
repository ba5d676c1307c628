//! The library's machine, which is one of two: the server's end, or the client's. Both are asked in the same way, and answer in steps.

use crate::connector::Connector;
use crate::failure::Refusal;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use rustls::{CommonState, Error, ServerConfig};
use std::sync::Arc;

/// More than an alert, which is two bytes, and what its record adds to it.
const ALERT_MOST: usize = 64;

pub(crate) enum Engine {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
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

    /// Shows records to the library. Says how many bytes are done with, and what follows.
    pub(crate) fn step(&mut self, records: &mut [u8], sink: Sink<'_>) -> (usize, Step) {
        match self {
            Engine::Server(engine) => step(engine.process_tls_records(records), sink),
            Engine::Client(engine) => step(engine.process_tls_records(records), sink),
        }
    }

    /// Encrypts all of `plain`, for which there is room. `held`: what is shown to the library again. `None`: it has something else to do
    /// first. `Err`: the keys are used up.
    pub(crate) fn encrypt(&mut self, held: &mut [u8], plain: &[u8], room: &mut [u8]) -> Result<Option<usize>, Refusal> {
        match self {
            Engine::Server(engine) => encrypt(engine.process_tls_records(held), plain, room),
            Engine::Client(engine) => encrypt(engine.process_tls_records(held), plain, room),
        }
    }

    /// Puts the alert that nothing follows behind what is due.
    pub(crate) fn close(&mut self, held: &mut [u8], output: &mut Vec<u8>) {
        match self {
            Engine::Server(engine) => close(engine.process_tls_records(held), output),
            Engine::Client(engine) => close(engine.process_tls_records(held), output),
        }
    }
}

/// Where the library's answers go.
pub(crate) struct Sink<'a> {
    pub(crate) room: &'a mut [u8],
    pub(crate) spill: &'a mut Vec<u8>,
    pub(crate) output: &'a mut Vec<u8>,
}

/// What the library says.
pub(crate) enum Step {
    /// There is more where this came from.
    Again,
    /// So many plain bytes, and the same.
    Plain(usize),
    /// It wants more records.
    Blocked,
    /// The same, and may write.
    Open,
    Ended,
    Failed(Error),
}

fn step<D>(status: UnbufferedStatus<'_, '_, D>, sink: Sink<'_>) -> (usize, Step) {
    let discard = status.discard;
    let step = match status.state {
        Ok(ConnectionState::EncodeTlsData(due)) => {
            encode(due, sink.output);
            Step::Again
        }
        // Output is collected, and nobody waits for it.
        Ok(ConnectionState::TransmitTlsData(sent)) => {
            sent.done();
            Step::Again
        }
        Ok(ConnectionState::ReadTraffic(mut traffic)) => {
            let (mut filled, mut discard) = (0, discard);
            while let Some(record) = traffic.next_record() {
                let Ok(record) = record else { break };
                discard += record.discard;
                let fitting = record.payload.len().min(sink.room.len() - filled);
                sink.room[filled..filled + fitting].copy_from_slice(&record.payload[..fitting]);
                sink.spill.extend_from_slice(&record.payload[fitting..]);
                filled += fitting;
            }
            return (discard, Step::Plain(filled));
        }
        Ok(ConnectionState::WriteTraffic(_)) => Step::Open,
        Ok(ConnectionState::BlockedHandshake) => Step::Blocked,
        Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => Step::Ended,
        // Early data, which is never offered.
        Ok(_) => Step::Blocked,
        Err(error) => Step::Failed(error),
    };
    (discard, step)
}

fn encrypt<D>(status: UnbufferedStatus<'_, '_, D>, plain: &[u8], room: &mut [u8]) -> Result<Option<usize>, Refusal> {
    let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state else { return Ok(None) };
    traffic.encrypt(plain, room).map(Some).map_err(|_| Refusal::Internal)
}

fn close<D>(status: UnbufferedStatus<'_, '_, D>, output: &mut Vec<u8>) {
    let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state else { return };
    let mut alert = [0; ALERT_MOST];
    if let Ok(count) = traffic.queue_close_notify(&mut alert) {
        output.extend_from_slice(&alert[..count]);
    }
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
