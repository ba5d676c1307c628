//! A client of a proxy: one TCP connection, every wait bounded.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;

use nix::sys::socket::{self, AddressFamily, SockFlag, SockType, SockaddrStorage, sockopt};

use crate::ports;
use crate::wait::SOON;

/// How a peer ended its direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It sent a FIN: what arrived is complete.
    Fin,
    /// It sent a RST: what arrived may be cut.
    Reset,
}

/// A connection whose reads and writes give up after [`SOON`].
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
}

impl Client {
    /// Connects to `server`.
    ///
    /// # Panics
    /// When the connection is refused or not accepted in time.
    pub fn to(server: SocketAddr) -> Self {
        Self::try_to(server).unwrap_or_else(|error| panic!("connect to {server}: {error}"))
    }

    /// Connects to `server`, where a refusal is an answer.
    pub fn try_to(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&server, SOON)?;
        Self::over(stream)
    }

    /// Connects to `server` from `source`: loopback has 127.0.0.0/8 to be many clients with.
    pub fn from(source: IpAddr, server: SocketAddr) -> Self {
        let family = match source {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        let socket = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a client socket");
        socket::setsockopt(&socket, sockopt::ReuseAddr, &true).expect("SO_REUSEADDR");
        socket::bind(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(source, 0)))
            .expect("a loopback source");
        socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(server))
            .unwrap_or_else(|error| panic!("connect from {source} to {server}: {error}"));
        Self::over(TcpStream::from(socket)).expect("timeouts")
    }

    /// Connects to `server` with a receive buffer of about `bytes`, so that a client that does not read stalls its sender early.
    pub fn with_receive_buffer(bytes: usize, server: SocketAddr) -> Self {
        let family = if server.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let socket = socket::socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).expect("a client socket");
        socket::setsockopt(&socket, sockopt::RcvBuf, &bytes).expect("SO_RCVBUF");
        socket::connect(socket.as_raw_fd(), &SockaddrStorage::from(server)).expect("connect");
        Self::over(TcpStream::from(socket)).expect("timeouts")
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(SOON))?;
        stream.set_write_timeout(Some(SOON))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    /// This side's address, which the proxy sees as the client's.
    pub fn address(&self) -> SocketAddr {
        ports::local_address(&self.stream)
    }

    /// Sends all of `bytes`.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_say(bytes).expect("the proxy takes the bytes");
    }

    /// Sends all of `bytes`, where a failure is an answer.
    pub fn try_say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Receives exactly `count` bytes.
    pub fn hear(&mut self, count: usize) -> Vec<u8> {
        self.try_hear(count).expect("the bytes arrive")
    }

    /// Receives exactly `count` bytes, where the end of the connection is an answer.
    pub fn try_hear(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Receives a line and hands it out without its line end.
    pub fn line(&mut self) -> String {
        self.try_line().expect("a line arrives")
    }

    /// Receives a line, where the end of the connection is an answer.
    pub fn try_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            self.stream.read_exact(&mut byte)?;
            match byte[0] {
                b'\n' => break,
                b'\r' => {}
                other => line.push(other),
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Sends `line` and hands out the line that answers it.
    pub fn ask(&mut self, line: &str) -> String {
        self.say(format!("{line}\n"));
        self.line()
    }

    /// The client, and the name that its server greets it with.
    pub fn greeted(mut self) -> (Self, String) {
        let name = self.line();
        (self, name)
    }

    /// Whether nothing has come that was not heard.
    pub fn is_silent(&self) -> bool {
        self.stream.set_nonblocking(true).expect("a live socket");
        let is_silent = self.stream.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).expect("a live socket");
        is_silent
    }

    /// Receives until the peer ends its direction.
    ///
    /// # Panics
    /// When nothing arrives for as long as this client is patient.
    pub fn to_end(&mut self) -> (Vec<u8>, End) {
        let mut bytes = Vec::new();
        let end = read_to_end(&mut self.stream, |part| bytes.extend_from_slice(part));
        (bytes, end)
    }

    /// As [`Client::to_end`], for more bytes than one wants to keep: `check` is lent each part.
    pub fn to_end_with(&mut self, check: impl FnMut(&[u8])) -> End {
        read_to_end(&mut self.stream, check)
    }

    /// Ends this direction with a FIN; the other one goes on.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).expect("an open connection");
    }

    /// Ends the connection with a RST.
    pub fn reset(self) {
        reset_on_close(&self.stream);
    }

    /// The stream, for what a test does with it alone.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// Makes the close of `socket` a RST: SO_LINGER of zero seconds (tcp(7), socket(7)).
pub(crate) fn reset_on_close(socket: &impl std::os::fd::AsFd) {
    let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
    socket::setsockopt(socket, sockopt::Linger, &at_once).expect("SO_LINGER");
}

/// Reads until the end and says how it came.
pub(crate) fn read_to_end(stream: &mut impl Read, mut take: impl FnMut(&[u8])) -> End {
    let mut part = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return End::Fin,
            Ok(count) => take(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_reset(&error) => return End::Reset,
            Err(error) => panic!("neither bytes nor an end: {error}"),
        }
    }
}

/// Whether `error` says that the peer sent a RST.
pub(crate) fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
