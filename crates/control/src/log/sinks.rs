//! Where log lines leave: sockets and standard streams that never make anybody wait.
//!
//! The sockets are not connected: every line names its destination again. A log server that was away is found again by the next
//! line, without anything to reopen.

use crate::stdio::write_now;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{self as unix, UnixDatagram};
use std::path::Path;
use table::LogSink;

/// All sinks of the process, opened by the first line for each kind.
#[derive(Debug, Default)]
pub(crate) struct Sinks {
    udp_v4: Option<UdpSocket>,
    udp_v6: Option<UdpSocket>,
    unix: Option<UnixDatagram>,
    /// Descriptors of others, by the number that they had at the start.
    inherited: HashMap<i32, OwnedFd>,
    losses: HashMap<LogSink, Loss>,
}

/// What a sink did not take.
#[derive(Debug, Default)]
struct Loss {
    count: u64,
    /// The operator has heard of it: once is enough.
    is_told: bool,
}

impl Sinks {
    /// Sends one datagram or line. A sink that does not take it now loses it; the loss is counted. `Err` is for the operator: the
    /// first failure of a sink that is more than a moment's congestion.
    pub(crate) fn send(&mut self, sink: &LogSink, bytes: &[u8]) -> io::Result<()> {
        let Err(err) = self.try_send(sink, bytes) else { return Ok(()) };
        let loss = self.losses.entry(sink.clone()).or_default();
        loss.count += 1;
        if is_congestion(&err) || std::mem::replace(&mut loss.is_told, true) {
            return Ok(());
        }
        Err(err)
    }

    /// Lines that each sink did not take, for those that did not take all.
    pub(crate) fn losses(&self) -> impl Iterator<Item = (&LogSink, u64)> {
        self.losses.iter().map(|(sink, loss)| (sink, loss.count))
    }

    fn try_send(&mut self, sink: &LogSink, bytes: &[u8]) -> io::Result<()> {
        match sink {
            LogSink::Udp(addr) => {
                let socket = match addr {
                    SocketAddr::V4(_) => opened(&mut self.udp_v4, || udp((Ipv4Addr::UNSPECIFIED, 0).into()))?,
                    SocketAddr::V6(_) => opened(&mut self.udp_v6, || udp((Ipv6Addr::UNSPECIFIED, 0).into()))?,
                };
                socket.send_to(bytes, addr).map(drop)
            }
            LogSink::Unix(path) => {
                let socket = opened(&mut self.unix, unix_datagram)?;
                socket.send_to_addr(bytes, &unix_addr(path)?).map(drop)
            }
            LogSink::Stdout => write_now(io::stdout().as_fd(), bytes),
            LogSink::Stderr => write_now(io::stderr().as_fd(), bytes),
            LogSink::Inherited(number) => {
                let descriptor = match self.inherited.entry(*number) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(socket::duplicate(*number)?),
                };
                write_now(descriptor.as_fd(), bytes)
            }
        }
    }
}

/// The receiver's queue or ours is full: it passes.
fn is_congestion(err: &io::Error) -> bool {
    const ENOBUFS: i32 = driver::Errno::ENOBUFS.0;
    err.kind() == io::ErrorKind::WouldBlock || err.raw_os_error() == Some(ENOBUFS)
}

fn opened<T>(slot: &mut Option<T>, open: impl FnOnce() -> io::Result<T>) -> io::Result<&T> {
    match slot {
        Some(socket) => Ok(socket),
        None => Ok(slot.insert(open()?)),
    }
}

fn udp(any: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn unix_datagram() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A path that begins with a zero byte is a name in the abstract namespace (`unix(7)`).
fn unix_addr(path: &Path) -> io::Result<unix::SocketAddr> {
    match path.as_os_str().as_bytes() {
        [0, name @ ..] => unix::SocketAddr::from_abstract_name(name),
        _ => unix::SocketAddr::from_pathname(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::sync::Arc;
    use std::time::Duration;

    fn received(socket: &UdpSocket) -> Vec<u8> {
        let mut bytes = [0; 2048];
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("not zero");
        let count = socket.recv(&mut bytes).expect("a datagram within five seconds");
        bytes[..count].to_vec()
    }

    #[test]
    fn udp_of_both_families() {
        let mut sinks = Sinks::default();
        for any in [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))] {
            let Ok(server) = UdpSocket::bind(any) else { continue };
            let sink = LogSink::Udp(server.local_addr().expect("bound"));
            sinks.send(&sink, b"one\n").expect("loopback");
            sinks.send(&sink, b"two\n").expect("loopback");
            assert_eq!(received(&server), b"one\n");
            assert_eq!(received(&server), b"two\n");
        }
        assert_eq!(sinks.losses().count(), 0);
    }

    #[test]
    fn a_unix_socket_that_comes_back_is_found_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let sink = LogSink::Unix(Arc::from(path.as_path()));
        let mut sinks = Sinks::default();
        let first = sinks.send(&sink, b"lost\n").expect_err("nobody is there: the operator hears of it");
        assert_eq!(first.kind(), io::ErrorKind::NotFound);
        sinks.send(&sink, b"lost too\n").expect("once is enough");
        let server = UnixDatagram::bind(&path).expect("a socket");
        sinks.send(&sink, b"kept\n").expect("there is a server");
        let mut bytes = [0; 64];
        let count = server.recv(&mut bytes).expect("a datagram");
        assert_eq!(&bytes[..count], b"kept\n");
        assert_eq!(sinks.losses().collect::<Vec<_>>(), [(&sink, 2)]);
    }

    #[test]
    fn a_server_that_does_not_read_costs_lines_and_no_time() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let _deaf = UnixDatagram::bind(&path).expect("a socket");
        let sink = LogSink::Unix(Arc::from(path.as_path()));
        let mut sinks = Sinks::default();
        // `net.unix.max_dgram_qlen` is 10 by default, and 512 at most on any distribution.
        for _ in 0..5_000 {
            sinks.send(&sink, &[b'x'; 100]).expect("congestion is no news");
        }
        assert!(sinks.losses().all(|(_, count)| count > 0) && sinks.losses().count() == 1);
    }

    #[test]
    fn abstract_names() {
        let name = format!("tidegate-log-test-{}", std::process::id());
        let addr = unix::SocketAddr::from_abstract_name(&name).expect("short enough");
        let server = UnixDatagram::bind_addr(&addr).expect("nobody else has the name");
        let path = [b"\0", name.as_bytes()].concat();
        let sink = LogSink::Unix(Arc::from(Path::new(OsStr::from_bytes(&path))));
        Sinks::default().send(&sink, b"hello\n").expect("there is a server");
        let mut bytes = [0; 64];
        let count = server.recv(&mut bytes).expect("a datagram");
        assert_eq!(&bytes[..count], b"hello\n");
    }

    #[test]
    fn descriptors_of_others() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let sink = LogSink::Inherited(writer.as_raw_fd());
        let mut sinks = Sinks::default();
        sinks.send(&sink, b"one\n").expect("there is room");
        drop(writer);
        sinks.send(&sink, b"two\n").expect("it is ours now");
        drop(sinks);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("a pipe");
        assert_eq!(text, "one\ntwo\n");
        let nobodys = Sinks::default().send(&LogSink::Inherited(i32::MAX), b"lost\n");
        assert_eq!(nobodys.map_err(|err| driver::Errno::of(&err).to_string()), Err("Bad file descriptor".into()));
    }
}
