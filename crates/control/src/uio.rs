//! The runtime of the control thread, and connections on it: on io_uring, or on tokio alone where there is no ring. The only file
//! that knows tokio-uring.
//!
//! tokio-uring 0.5 leaves a descriptor behind for every connect, read or write that is dropped in flight. Hence: connect through
//! tokio, which closes its sockets, and shut a socket down before it is dropped with an op in flight, so that the op ends.

use check::{Ending, Errno};
use driver::Fd;
use proxyline::Addresses;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::pin::Pin;
use std::{ffi::OsStr, path::Path};
use table::{ServerAddr, Tuning};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UnixStream};
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{Instant, timeout_at};

/// What the control thread runs on: the same engine as the shards, so that a process without a ring never asks for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// tokio-uring.
    IoUring,
    /// tokio alone, which uses epoll.
    Plain,
}

/// Runs `future` and what it spawns on this thread. Fails where the kernel refuses what `runtime` needs.
pub(crate) fn block_on<F: Future>(runtime: Runtime, future: F) -> io::Result<F::Output> {
    match runtime {
        Runtime::IoUring => Ok(tokio_uring::Runtime::new(&tokio_uring::builder())?.block_on(future)),
        Runtime::Plain => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(LocalSet::new().block_on(&runtime, future))
        }
    }
}

/// Starts a task beside the others of this thread.
pub(crate) fn spawn<F: Future<Output = ()> + 'static>(future: F) -> JoinHandle<()> {
    tokio::task::spawn_local(future)
}

/// A descriptor whose readiness can be waited for. Must be called inside of the runtime.
#[expect(deprecated, reason = "its successor asks for a promise that both bounds and ownership already make")]
pub(crate) fn watch<T: AsFd + AsRawFd>(descriptor: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::new(descriptor)
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectError {
    /// No socket, or nothing behind the path of a unix socket.
    Socket(Errno),
    /// The connection was not made.
    Failed(Errno),
    DeadlineReached,
}

/// Why bytes did not go out, or did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransferError {
    Failed(Errno),
    DeadlineReached,
}

/// Bytes that are received at once.
const PIECE: usize = 4096;

/// A connection to a server. Dropped, it ends as it was told to when it was opened.
pub(crate) struct Connection {
    stream: Stream,
    addresses: Option<Addresses>,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Ring(RingStream),
}

impl Connection {
    /// Connects to `to` as a session does whose sockets are set to `tuning`. Must be called inside of `runtime`.
    pub(crate) async fn open(
        runtime: Runtime,
        to: &ServerAddr,
        tuning: &Tuning,
        ending: Ending,
        deadline: Instant,
    ) -> Result<Connection, ConnectError> {
        let opening = async {
            match to {
                ServerAddr::Ip(addr) => Connection::tcp(*addr, tuning, ending).await,
                ServerAddr::Nowhere(_) => Err(ConnectError::Failed(Errno(nix::errno::Errno::EDESTADDRREQ as i32))),
                ServerAddr::Unix(path) => Connection::unix(path).await,
                // tokio takes a leading zero byte for the abstract namespace.
                ServerAddr::Abstract(name) => Connection::unix(&[b"\0", &name[..]].concat()).await,
            }
        };
        let connection = timeout_at(deadline, opening).await.unwrap_or(Err(ConnectError::DeadlineReached))?;
        match runtime {
            Runtime::IoUring => connection.onto_ring().map_err(|err| ConnectError::Failed(errno_of(&err))),
            Runtime::Plain => Ok(connection),
        }
    }

    /// Both ends; `None` on a unix socket.
    pub(crate) fn addresses(&self) -> Option<Addresses> {
        self.addresses
    }

    /// Sends as many of `bytes` as the socket takes.
    pub(crate) async fn write(&mut self, bytes: &[u8], deadline: Instant) -> Result<usize, TransferError> {
        let writing = async {
            match &mut self.stream {
                Stream::Tcp(stream) => poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes)).await,
                Stream::Unix(stream) => poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes)).await,
                Stream::Ring(stream) => stream.write(bytes.to_vec()).await,
            }
        };
        transfer(deadline, writing).await
    }

    /// Receives what there is, or waits for something; empty at the end of what the peer sends.
    pub(crate) async fn read(&mut self, deadline: Instant) -> Result<Vec<u8>, TransferError> {
        let reading = async {
            match &mut self.stream {
                Stream::Tcp(stream) => read_once(stream).await,
                Stream::Unix(stream) => read_once(stream).await,
                Stream::Ring(stream) => stream.read().await,
            }
        };
        transfer(deadline, reading).await
    }

    async fn tcp(addr: SocketAddr, tuning: &Tuning, ending: Ending) -> Result<Connection, ConnectError> {
        let socket = match addr {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let socket = socket.map_err(|err| ConnectError::Socket(errno_of(&err)))?;
        let tuned = ::socket::tune(Fd(socket.as_raw_fd()), &driver::Tuning::default(), &shard::tuning_of(tuning));
        tuned.map_err(|errno| ConnectError::Socket(Errno(errno.0)))?;
        let failed = |err: io::Error| ConnectError::Failed(errno_of(&err));
        let stream = socket.connect(addr).await.map_err(failed)?;
        if ending == Ending::Reset {
            stream.set_zero_linger().map_err(failed)?;
        }
        let source = stream.local_addr().map_err(failed)?;
        Ok(Connection { stream: Stream::Tcp(stream), addresses: Some(Addresses { source, destination: addr }) })
    }

    async fn unix(path: &[u8]) -> Result<Connection, ConnectError> {
        let stream = UnixStream::connect(Path::new(OsStr::from_bytes(path))).await;
        let stream = stream.map_err(|err| ConnectError::Socket(errno_of(&err)))?;
        Ok(Connection { stream: Stream::Unix(stream), addresses: None })
    }

    fn onto_ring(self) -> io::Result<Connection> {
        let stream = match self.stream {
            Stream::Tcp(stream) => RingStream::tcp(stream)?,
            Stream::Unix(stream) => RingStream::unix(stream)?,
            Stream::Ring(stream) => stream,
        };
        Ok(Connection { stream: Stream::Ring(stream), ..self })
    }
}

async fn transfer<T>(deadline: Instant, transferring: impl Future<Output = io::Result<T>>) -> Result<T, TransferError> {
    match timeout_at(deadline, transferring).await {
        Ok(Ok(transferred)) => Ok(transferred),
        Ok(Err(err)) => Err(TransferError::Failed(errno_of(&err))),
        Err(_) => Err(TransferError::DeadlineReached),
    }
}

async fn read_once(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; PIECE];
    let mut buffer = ReadBuf::new(&mut piece);
    poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer)).await?;
    let count = buffer.filled().len();
    piece.truncate(count);
    Ok(piece)
}

/// A stream whose bytes go through the ring.
struct RingStream {
    socket: RingSocket,
    /// An op is in flight, or was when its future was dropped.
    is_busy: bool,
}

enum RingSocket {
    Tcp(tokio_uring::net::TcpStream),
    Unix(tokio_uring::net::UnixStream),
}

impl RingStream {
    fn tcp(stream: TcpStream) -> io::Result<RingStream> {
        let stream = stream.into_std()?;
        // The ring waits where a non-blocking socket would say EAGAIN.
        stream.set_nonblocking(false)?;
        let socket = RingSocket::Tcp(tokio_uring::net::TcpStream::from_std(stream));
        Ok(RingStream { socket, is_busy: false })
    }

    fn unix(stream: UnixStream) -> io::Result<RingStream> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        let socket = RingSocket::Unix(tokio_uring::net::UnixStream::from_std(stream));
        Ok(RingStream { socket, is_busy: false })
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        self.is_busy = true;
        let piece = Vec::with_capacity(PIECE);
        let (result, mut piece) = match &self.socket {
            RingSocket::Tcp(stream) => stream.read(piece).await,
            RingSocket::Unix(stream) => stream.read(piece).await,
        };
        self.is_busy = false;
        piece.truncate(result?);
        Ok(piece)
    }

    async fn write(&mut self, bytes: Vec<u8>) -> io::Result<usize> {
        self.is_busy = true;
        let written = match &self.socket {
            RingSocket::Tcp(stream) => stream.write(bytes).submit().await.0,
            RingSocket::Unix(stream) => stream.write(bytes).submit().await.0,
        };
        self.is_busy = false;
        written
    }
}

impl Drop for RingStream {
    fn drop(&mut self) {
        if !self.is_busy {
            return;
        }
        // It fails only where the connection is already gone, and then the write has ended too.
        let _ = match &self.socket {
            RingSocket::Tcp(stream) => stream.shutdown(Shutdown::Both),
            RingSocket::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

/// An error without a number is one that the standard library found itself: a path that is none.
fn errno_of(err: &io::Error) -> Errno {
    Errno(driver::Errno::of(err).0)
}

/// A server whose queue is full: the kernel drops further SYNs.
#[cfg(test)]
pub(crate) struct BlackHole {
    pub(crate) addr: ServerAddr,
    _listener: std::os::fd::OwnedFd,
    _queued: Vec<std::net::TcpStream>,
}

#[cfg(test)]
impl BlackHole {
    pub(crate) fn new() -> BlackHole {
        use nix::sys::socket::{self, AddressFamily, Backlog, SockFlag, SockType, SockaddrIn};
        use std::os::fd::AsRawFd;
        let listener =
            socket::socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).expect("a socket");
        socket::bind(listener.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).expect("a port");
        socket::listen(&listener, Backlog::new(0).expect("valid")).expect("bound");
        let name: SockaddrIn = socket::getsockname(listener.as_raw_fd()).expect("bound");
        let addr = SocketAddr::from(([127, 0, 0, 1], name.port()));
        let connect = |_| std::net::TcpStream::connect_timeout(&addr, std::time::Duration::from_millis(50));
        let queued = (0..4).map_while(|attempt| connect(attempt).ok()).collect();
        BlackHole { addr: ServerAddr::Ip(addr), _listener: listener, _queued: queued }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;
    use std::time::Duration;

    const RUNTIMES: [Runtime; 2] = [Runtime::IoUring, Runtime::Plain];

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    /// Of this thread, which has a table of its own: other tests open and close theirs meanwhile.
    fn descriptor_count() -> usize {
        std::fs::read_dir("/proc/thread-self/fd").expect("procfs").count()
    }

    /// Runs `open` and sees whether descriptors are left of it a moment later.
    fn assert_no_descriptor_left(open: impl AsyncFn(Runtime)) {
        uring::unshare_files().expect("no privilege is needed");
        for runtime in RUNTIMES {
            let left = block_on(runtime, async {
                let before = descriptor_count();
                open(runtime).await;
                for _ in 0..500 {
                    if descriptor_count() <= before {
                        return 0;
                    }
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                descriptor_count() - before
            });
            assert_eq!(left.expect("these tests need io_uring"), 0, "{runtime:?}");
        }
    }

    /// Of this thread.
    fn ring_count() -> usize {
        let entries = std::fs::read_dir("/proc/thread-self/fd").expect("procfs");
        let links = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        links.filter(|link| link.as_os_str() == "anon_inode:[io_uring]").count()
    }

    #[test]
    fn a_plain_runtime_makes_no_ring() {
        uring::unshare_files().expect("no privilege is needed");
        let before = ring_count();
        let counts = RUNTIMES.map(|runtime| block_on(runtime, async { ring_count() - before }));
        assert_eq!(counts.map(|count| count.expect("these tests need io_uring")), [1, 0]);
    }

    #[test]
    fn a_connection_writes_and_ends_with_a_reset() {
        RUNTIMES.into_iter().for_each(writes_and_ends_with_a_reset);
    }

    fn writes_and_ends_with_a_reset(runtime: Runtime) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("bound");
        let accepting = std::thread::spawn(move || {
            let (mut peer, from) = listener.accept().expect("a connection");
            let mut bytes = Vec::new();
            let end = peer.read_to_end(&mut bytes);
            (from, bytes, end.map_err(|err| err.kind()))
        });
        let source = block_on(runtime, async {
            let to = ServerAddr::Ip(addr);
            let mut connection = Connection::open(runtime, &to, &Tuning::default(), Ending::Reset, soon())
                .await
                .expect("somebody listens");
            let ends = connection.addresses().expect("not a unix socket");
            assert_eq!(ends.destination, addr);
            assert_eq!(connection.write(b"PROXY", soon()).await, Ok(5));
            // The peer must have read before the reset throws its bytes away.
            while nix_unread(addr.port(), ends.source.port()) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            ends.source
        });
        let (from, bytes, end) = accepting.join().expect("no panic");
        assert_eq!(from, source.expect("these tests need io_uring"));
        assert_eq!(bytes, b"PROXY");
        assert_eq!(end, Err(io::ErrorKind::ConnectionReset));
    }

    /// Bytes that wait in the receive queue of the socket with these ports (`/proc/net/tcp`).
    fn nix_unread(local: u16, remote: u16) -> u32 {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("procfs");
        let wanted = (format!(":{local:04X}"), format!(":{remote:04X}"));
        let unread = table.lines().find_map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            let queues = words.get(4)?;
            (words[1].ends_with(&wanted.0) && words[2].ends_with(&wanted.1)).then(|| queues.rsplit(':').next())?
        });
        // Not there yet: the connection still waits to be accepted.
        unread.map_or(1, |queue| u32::from_str_radix(queue, 16).expect("hexadecimal"))
    }

    #[test]
    fn failures() {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        for runtime in RUNTIMES {
            let opened = block_on(runtime, async {
                let refused =
                    Connection::open(runtime, &ServerAddr::Ip(port), &Tuning::default(), Ending::Reset, soon())
                        .await
                        .err();
                let path = ServerAddr::Unix(b"/nonexistent/socket"[..].into());
                let missing = Connection::open(runtime, &path, &Tuning::default(), Ending::Reset, soon()).await.err();
                (refused, missing)
            });
            // errno(3): ECONNREFUSED, ENOENT.
            let expected = (Some(ConnectError::Failed(Errno(111))), Some(ConnectError::Socket(Errno(2))));
            assert_eq!(opened.expect("these tests need io_uring"), expected, "{runtime:?}");
        }
    }

    #[test]
    fn writes_that_are_given_up_leave_no_descriptor() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).expect("a socket");
        let addr = ServerAddr::Unix(path.as_os_str().as_bytes().into());
        assert_no_descriptor_left(async |runtime| {
            for _ in 0..20 {
                let mut connection = Connection::open(runtime, &addr, &Tuning::default(), Ending::Reset, soon())
                    .await
                    .expect("somebody listens");
                let _peer = listener.accept().expect("a connection");
                let flood = vec![0; 1 << 20];
                let outcome = loop {
                    match connection.write(&flood, Instant::now() + Duration::from_millis(2)).await {
                        Ok(_) => (),
                        Err(outcome) => break outcome,
                    }
                };
                assert_eq!(outcome, TransferError::DeadlineReached);
            }
        });
    }

    #[test]
    fn reads_that_are_given_up_leave_no_descriptor() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = ServerAddr::Ip(listener.local_addr().expect("bound"));
        assert_no_descriptor_left(async |runtime| {
            for _ in 0..20 {
                let mut connection = Connection::open(runtime, &addr, &Tuning::default(), Ending::Orderly, soon())
                    .await
                    .expect("somebody listens");
                let _peer = listener.accept().expect("a connection");
                let read = connection.read(Instant::now() + Duration::from_millis(2)).await;
                assert_eq!(read, Err(TransferError::DeadlineReached));
            }
        });
    }

    #[test]
    fn connects_that_are_given_up_leave_no_descriptor() {
        let hole = BlackHole::new();
        assert_no_descriptor_left(async |runtime| {
            for _ in 0..20 {
                let deadline = Instant::now() + Duration::from_millis(2);
                let opened = Connection::open(runtime, &hole.addr, &Tuning::default(), Ending::Reset, deadline).await;
                assert_eq!(opened.err(), Some(ConnectError::DeadlineReached));
            }
        });
    }
}
