//! A server's side of one connection: it talks, and it remembers exactly what it was told.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::client::{self, End};

/// How much of what a client sends is kept: every header, and enough of the rest to tell what it was.
const KEPT_MAX: usize = 256 * 1024;

/// After this long without a byte a conversation ends by itself, whatever the test forgot.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a server has seen of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The bytes so far, PROXY header included, cut at 256 KiB.
    pub bytes: Vec<u8>,
    /// How many bytes have come.
    pub count: u64,
    /// How the other side ended its direction, once it did.
    pub end: Option<End>,
    /// Where it came from; a unix socket has no such thing.
    pub from: Option<SocketAddr>,
}

/// The stream of a conversation, over either family.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(how),
            Stream::Unix(stream) => stream.shutdown(how),
        }
    }

    fn bound_waits(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))
            }
            Stream::Unix(stream) => {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))
            }
        }
    }

    fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).read(bytes),
            Stream::Unix(stream) => (&mut &*stream).read(bytes),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).write(bytes),
            Stream::Unix(stream) => (&mut &*stream).write(bytes),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}

/// One connection, as the script of an [`Origin`](super::Origin) has it. What it reads is recorded; dropping it closes.
#[derive(Debug)]
pub struct Conversation {
    stream: Arc<Stream>,
    seen: Arc<Mutex<Seen>>,
}

impl Conversation {
    pub(crate) fn new(stream: Arc<Stream>, seen: Arc<Mutex<Seen>>) -> io::Result<Self> {
        stream.bound_waits()?;
        Ok(Self { stream, seen })
    }

    /// Receives and drops bytes until the other side ends its direction.
    pub fn read_to_end(&mut self) -> End {
        client::read_to_end(self, |_| {})
    }

    /// Sends back what it receives until the other side ends its direction.
    pub fn echo(&mut self) -> io::Result<()> {
        let mut part = vec![0; 64 * 1024];
        loop {
            match self.read(&mut part)? {
                0 => return Ok(()),
                count => self.write_all(&part[..count])?,
            }
        }
    }

    /// Receives exactly `count` bytes.
    pub fn hear(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Ends this direction with a FIN; the other one goes on.
    pub fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Ends the connection with a RST.
    pub fn reset(self) {
        client::reset_on_close(&self.stream.as_fd());
    }
}

impl Read for Conversation {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let result = self.stream.read(bytes);
        let mut seen = self.seen.lock().expect("tests do not panic under the lock");
        match &result {
            Ok(0) => seen.end = Some(End::Fin),
            Ok(count) => {
                let room = KEPT_MAX.saturating_sub(seen.bytes.len()).min(*count);
                seen.bytes.extend_from_slice(&bytes[..room]);
                seen.count += u64::try_from(*count).expect("usize fits");
            }
            Err(error) if client::is_reset(error) => seen.end = Some(End::Reset),
            Err(_) => {}
        }
        result
    }
}

impl Write for Conversation {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.stream.write(bytes);
        if let Err(error) = &result
            && client::is_reset(error)
        {
            self.seen.lock().expect("tests do not panic under the lock").end = Some(End::Reset);
        }
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
