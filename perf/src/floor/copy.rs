//! recv(2) into one buffer that all connections share, send(2) out of it; what is left over is kept aside.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
};

use super::pair::{Carry, Progress};

/// As large as HAProxy's default buffer.
const BUFFER: usize = 16 * 1024;

/// Bytes that were received and could not be sent yet; empty but for a receiver that is full.
#[derive(Default)]
pub(super) struct Copy {
    held: Vec<u8>,
}

impl Carry for Copy {
    type Means = Box<[u8]>;

    fn means() -> Self::Means {
        vec![0; BUFFER].into_boxed_slice()
    }

    fn carry(&mut self, mut from: &TcpStream, to: &TcpStream, buffer: &mut Self::Means) -> io::Result<Progress> {
        if !self.held.is_empty() {
            let sent = send(to, &self.held)?;
            self.held.drain(..sent);
            if !self.held.is_empty() {
                return Ok(Progress::Full);
            }
        }
        let received = match from.read(buffer) {
            Ok(0) => return Ok(Progress::Ended),
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Starved),
            Err(error) => return Err(error),
        };
        let sent = send(to, &buffer[..received])?;
        self.held.extend_from_slice(&buffer[sent..received]);
        // One receive per event: what is left makes the next event, since the wait is level-triggered.
        Ok(if self.held.is_empty() { Progress::Starved } else { Progress::Full })
    }
}

fn send(mut to: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match to.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}
