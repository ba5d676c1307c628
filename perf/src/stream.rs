//! The two ends of a bulk flow: a source that sends the pattern, and a sink that counts and checks it.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    os::fd::AsRawFd,
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, recv},
};

use crate::{
    pattern::{CHUNK, PATTERN},
    wire::Wire,
};

/// How many sends or receives one readiness event may take, so that no flow starves the others of its process.
const CALLS_PER_EVENT: usize = 4;

/// The most bytes that one uncopied receive takes.
const TAKE: usize = 1 << 20;

/// One receive in this many is copied out and compared; the others are counted where they lie.
const CHECK_EVERY: u64 = 32;

/// Sends the pattern, from its first byte on.
#[derive(Debug, Default)]
pub(crate) struct Source {
    position: u64,
}

impl Source {
    /// Sends until the socket is full or the event's share is used up.
    pub(crate) fn pump(&mut self, mut socket: impl Write) -> io::Result<()> {
        for _ in 0..CALLS_PER_EVENT {
            match socket.write(PATTERN.stream(self.position)) {
                Ok(sent) => self.position += sent as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What one readiness event brought to a sink.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// So many bytes, all of them as they should be as far as they were looked at.
    Bytes(u64),
    /// The other side ended or reset its stream.
    Ended,
    /// A byte that the source did not send at this position.
    Corrupt,
}

/// Counts the pattern, and compares a part of it that moves through the whole stream.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    position: u64,
    receives: u64,
}

impl Sink {
    /// Takes what waits in the socket. `scratch` is memory to receive into; its bytes mean nothing before and after.
    pub(crate) fn drain(&mut self, socket: &TcpStream, scratch: &mut Scratch) -> Drained {
        let before = self.position;
        for _ in 0..CALLS_PER_EVENT {
            let is_checked = self.receives.is_multiple_of(CHECK_EVERY);
            // tcp(7): with MSG_TRUNC the kernel discards received bytes instead of copying them, and counts them as usual.
            let (wanted, flags) = if is_checked { (CHUNK, MsgFlags::empty()) } else { (TAKE, MsgFlags::MSG_TRUNC) };
            match recv(socket.as_raw_fd(), &mut scratch.0[..wanted], flags) {
                Ok(0) => return Drained::Ended,
                Ok(received) if is_checked && !self.is_next(&scratch.0[..received]) => return Drained::Corrupt,
                Ok(received) => {
                    self.position += received as u64;
                    self.receives += 1;
                }
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(_) => return Drained::Ended,
            }
        }
        Drained::Bytes(self.position - before)
    }

    /// The same of a wire. What was encrypted cannot be counted where it lies.
    pub(crate) fn drain_wire(&mut self, wire: &mut Wire, scratch: &mut Scratch) -> Drained {
        if let Wire::Plain(socket) = wire {
            return self.drain(socket, scratch);
        }
        let (before, mut calls) = (self.position, 0);
        // Of what was received already no event tells.
        while calls < CALLS_PER_EVENT || wire.has_received() {
            calls += 1;
            match wire.read(&mut scratch.0[..CHUNK]) {
                Ok(0) => return Drained::Ended,
                Ok(received) if self.receives.is_multiple_of(CHECK_EVERY) && !self.is_next(&scratch.0[..received]) => {
                    return Drained::Corrupt;
                }
                Ok(received) => {
                    self.position += received as u64;
                    self.receives += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return Drained::Ended,
            }
        }
        Drained::Bytes(self.position - before)
    }

    /// Takes bytes that were already received; `false` when they are not what the source sends next.
    #[must_use]
    pub(crate) fn take(&mut self, bytes: &[u8]) -> bool {
        let is_next = self.is_next(bytes);
        self.position += bytes.len() as u64;
        is_next
    }

    fn is_next(&self, bytes: &[u8]) -> bool {
        PATTERN.stream(self.position)[..bytes.len()] == *bytes
    }
}

/// Memory that a process receives into.
pub(crate) struct Scratch(pub(crate) Box<[u8]>);

impl Scratch {
    pub(crate) fn new() -> Self {
        Scratch(vec![0; TAKE].into_boxed_slice())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let one = TcpStream::connect(listener.local_addr().expect("bound")).expect("listening");
        let (other, _) = listener.accept().expect("connected");
        one.set_nonblocking(true).expect("a socket");
        other.set_nonblocking(true).expect("a socket");
        (one, other)
    }

    #[test]
    fn a_sink_takes_what_a_source_sends() {
        let (one, other) = pair();
        let (mut source, mut sink, mut scratch) = (Source::default(), Sink::default(), Scratch::new());
        for _ in 0..200 {
            source.pump(&one).expect("open");
            assert!(matches!(sink.drain(&other, &mut scratch), Drained::Bytes(_)));
        }
        assert!(sink.receives > CHECK_EVERY, "the later checks were reached");
        drop(one);
        while let Drained::Bytes(_) = sink.drain(&other, &mut scratch) {}
        assert_eq!(sink.position, source.position);
    }

    #[test]
    fn a_sink_sees_a_missing_byte() {
        let (mut one, other) = pair();
        one.write_all(&PATTERN.stream(1)[..100]).expect("open");
        assert_eq!(Sink::default().drain(&other, &mut Scratch::new()), Drained::Corrupt);
    }
}
