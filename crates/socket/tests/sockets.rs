//! Sockets as the kernel has them: names, families, flags, what is taken over and what is refused.

use driver::{Addr, Errno, Fd, Keepalive, ListenSpec, Tuning};
use nix::sys::socket::{getsockopt, sockopt};
use socket::{
    Neighbours, Waiting, accept, adopted, bound, connect_unix, connector, is_readable, listen, local_addr, tune,
};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

const EITHER: [Waiting; 2] = [Waiting::InKernel, Waiting::Outside];

fn spec(addr: &str) -> ListenSpec {
    ListenSpec::at(addr.parse::<SocketAddr>().expect("valid").into(), 16)
}

fn unix(name: impl AsRef<[u8]>) -> ListenSpec {
    ListenSpec::at(Addr::Unix(Arc::from(name.as_ref())), 16)
}

fn listener(spec: &ListenSpec) -> Fd {
    let fd = bound(spec).expect("free");
    listen(fd, spec.backlog).expect("bound");
    fd
}

fn port(fd: Fd) -> u16 {
    local_addr(fd).expect("bound").ip().expect("an ip address").port()
}

fn borrow(fd: &Fd) -> BorrowedFd<'_> {
    // SAFETY: tests look at sockets that they have not closed.
    unsafe { BorrowedFd::borrow_raw(fd.0) }
}

fn is_nonblocking(fd: Fd) -> bool {
    let flags = nix::fcntl::fcntl(borrow(&fd), nix::fcntl::FcntlArg::F_GETFL).expect("open");
    flags & nix::libc::O_NONBLOCK != 0
}

#[test]
fn a_connection_waits_where_it_was_told_to() {
    let listener = listener(&spec("127.0.0.1:0"));
    assert!(is_nonblocking(listener));
    for waiting in EITHER {
        let _peer = TcpStream::connect(("127.0.0.1", port(listener))).expect("it listens");
        let fd = accept(listener, waiting).expect("no limit is near").expect("one has connected").fd;
        let made = connector(&spec("[::1]:1").addr, waiting).expect("no limit is near");
        for fd in [fd, made] {
            assert_eq!(is_nonblocking(fd), waiting == Waiting::Outside);
            assert_eq!(getsockopt(&borrow(&fd), sockopt::TcpNoDelay), Ok(true));
        }
        assert!(accept(listener, waiting).expect("no limit is near").is_none());
    }
}

#[test]
fn readiness_is_the_kernels() {
    let listener = listener(&spec("127.0.0.1:0"));
    assert!(!is_readable(listener));
    let mut peer = TcpStream::connect(("127.0.0.1", port(listener))).expect("it listens");
    assert!(is_readable(listener));
    let fd = accept(listener, Waiting::Outside).expect("no limit is near").expect("one has connected").fd;
    assert!(!is_readable(listener) && !is_readable(fd));
    peer.write_all(b"abc").expect("connected");
    assert!(is_readable(fd));
    assert_eq!(socket::unread_count(fd), Ok(3));
    assert_eq!(socket::receive(fd, &mut [0; 2]), Ok(2));
    assert_eq!(socket::unread_count(fd), Ok(1));
    assert_eq!(socket::receive(fd, &mut [0; 2]), Ok(1));
    assert_eq!(socket::receive(fd, &mut [0; 2]), Err(Errno::EAGAIN));
}

/// Two shards bind the same port; `v6only` decides whether IPv4 finds an IPv6 listener (`ipv6(7)`).
#[test]
fn ports_are_shared_and_families_are_kept_apart() {
    let first = bound(&spec("127.0.0.1:0")).expect("a free port");
    let addr = local_addr(first).expect("bound");
    bound(&ListenSpec { addr, ..spec("127.0.0.1:0") }).expect("SO_REUSEPORT");

    for (v6_only, reachable) in [(Some(true), false), (Some(false), true)] {
        let fd = listener(&ListenSpec { v6_only, ..spec("[::]:0") });
        assert_eq!(TcpStream::connect(("127.0.0.1", port(fd))).is_ok(), reachable, "{v6_only:?}");
    }
}

#[test]
fn unix_sockets_are_named_found_and_taken_over() {
    let directory = tempfile::tempdir().expect("writable");
    let path = directory.path().join("sock");
    let name = path.as_os_str().as_encoded_bytes();
    let fd = listener(&unix(name));
    assert_eq!(local_addr(fd), Ok(Addr::Unix(Arc::from(name))));
    assert_eq!(bound(&unix(name)), Err(Errno::EADDRINUSE), "its listener lives");
    let waiting = accept(fd, Waiting::Outside).expect("no limit is near");
    assert_eq!(waiting.map(|accepted| accepted.peer), Some(Addr::Unnamed), "the question whether it lives");

    socket::close(fd);
    let fd = listener(&unix(name));
    let _client = UnixStream::connect(&path).expect("the name was taken over");
    assert!(accept(fd, Waiting::Outside).expect("no limit is near").is_some());

    let file = directory.path().join("file");
    std::fs::write(&file, b"precious").expect("writable");
    assert_eq!(bound(&unix(file.as_os_str().as_encoded_bytes())), Err(Errno::EADDRINUSE), "no socket");
    assert_eq!(std::fs::read(file).expect("still there"), b"precious");
}

/// A connect that would wait for a full backlog fails at once, whoever waits for the socket.
#[test]
fn a_unix_connect_never_waits() {
    for waiting in EITHER {
        let name = format!("\0tidegate-{waiting:?}-{}", std::process::id());
        let addr = unix(&name).addr;
        let server = bound(&unix(&name)).expect("free");
        let connect = || {
            let fd = connector(&addr, waiting).expect("no limit is near");
            (fd, connect_unix(fd, &socket::Name::encode(&addr).expect("short"), waiting))
        };
        assert_eq!(connect().1, Err(Errno::ECONNREFUSED));
        listen(server, 0).expect("bound");
        let (fd, connected) = connect();
        assert_eq!(connected, Ok(()));
        assert_eq!(is_nonblocking(fd), waiting == Waiting::Outside);
        assert_eq!(connect().1, Err(Errno::EAGAIN));
    }
}

#[test]
fn an_inherited_listener_is_adopted() {
    let inherited = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = inherited.local_addr().expect("bound");
    let fd = adopted(inherited.as_raw_fd()).expect("it listens");
    assert_eq!(local_addr(fd), Ok(Addr::Ip(addr)));
    drop(inherited);
    assert!(accept(fd, Waiting::Outside).expect("it does not wait").is_none());
    let _peer = TcpStream::connect(addr).expect("it listens");
    assert!(accept(fd, Waiting::Outside).expect("no limit is near").is_some());

    let bound = bound(&spec("127.0.0.1:0")).expect("a free port");
    assert_eq!(adopted(bound.0), Err(Errno::EINVAL), "it does not listen");
    assert_eq!(adopted(1 << 20), Err(Errno(nix::libc::EBADF)));
    let (_reader, writer) = UnixStream::pair().expect("no limit is near");
    assert_eq!(adopted(writer.as_raw_fd()), Err(Errno::EINVAL));
    let directory = tempfile::tempdir().expect("writable");
    let unix = UnixListener::bind(directory.path().join("sock")).expect("free");
    assert!(adopted(unix.as_raw_fd()).is_ok());
}

/// `tcp(7)`: what a listener is set to, the connections have that it accepts.
#[test]
fn connections_inherit_what_their_listener_is_set_to() {
    let keepalive = |count, idle| {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        Some(Keepalive { count: Some(count), idle: seconds(idle), interval: seconds(7) })
    };
    let first = Tuning {
        keepalive: keepalive(5, 1000),
        user_timeout: Some(Duration::from_millis(4500)),
        segment_size: Some(1000),
        defers_accept: false,
        fast_open: Some(16),
        source: None,
    };
    let fd = bound(&spec("127.0.0.1:0")).expect("free");
    tune(fd, &Tuning::default(), &first).expect("in range");
    listen(fd, 16).expect("bound");
    let accepted = || {
        let peer = TcpStream::connect(("127.0.0.1", port(fd))).expect("it listens");
        (accept(fd, Waiting::Outside).expect("no limit is near").expect("one has connected").fd, peer)
    };
    let (one, peer) = accepted();
    assert_eq!(getsockopt(&borrow(&one), sockopt::KeepAlive), Ok(true));
    assert_eq!(getsockopt(&borrow(&one), sockopt::TcpKeepCount), Ok(5));
    assert_eq!(getsockopt(&borrow(&one), sockopt::TcpKeepIdle), Ok(1000));
    assert_eq!(getsockopt(&borrow(&one), sockopt::TcpKeepInterval), Ok(7));
    assert_eq!(getsockopt(&borrow(&one), sockopt::TcpUserTimeout), Ok(4500));
    assert!(getsockopt(&peer, sockopt::TcpMaxSeg).expect("open") <= 1000);

    let second = Tuning { keepalive: keepalive(6, 1000), ..Tuning::default() };
    tune(fd, &first, &second).expect("in range");
    let (one, peer) = accepted();
    assert_eq!(getsockopt(&borrow(&one), sockopt::TcpKeepCount), Ok(6));
    assert_eq!(getsockopt(&borrow(&one), sockopt::TcpUserTimeout), Ok(0));
    assert!(getsockopt(&peer, sockopt::TcpMaxSeg).expect("open") > 1000);

    tune(fd, &second, &Tuning::default()).expect("in range");
    assert_eq!(getsockopt(&borrow(&accepted().0), sockopt::KeepAlive), Ok(false));
    let unix = listener(&unix("\0tidegate-tuned"));
    assert_eq!(tune(unix, &Tuning::default(), &first), Ok(()), "there is nothing to set");
}

/// As long as its owner has not closed it, it is open twice; then it goes on.
#[test]
fn a_connection_of_another_file_table_is_fetched() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = server.local_addr().expect("bound");
    let (to_owner, orders) = std::sync::mpsc::channel::<()>();
    let (to_us, news) = std::sync::mpsc::channel();
    let owner = std::thread::spawn(move || {
        socket::unshare_files().expect("allowed to everybody");
        let stream = TcpStream::connect(addr).expect("it listens");
        to_us.send((socket::thread(), Fd(stream.as_raw_fd()))).expect("somebody waits");
        orders.recv().expect("an order");
        drop(stream);
        to_us.send((socket::thread(), Fd(-1))).expect("somebody waits");
        orders.recv().expect("an order");
    });
    let (thread, number) = news.recv().expect("it is connected");
    let (mut peer, _) = server.accept().expect("it has connected");
    let mut neighbours = Neighbours::default();
    let fd = match neighbours.fetch(thread, number) {
        Ok(fd) => fd,
        // Before Linux 6.9, or in a sandbox.
        Err(errno) => return assert!(matches!(errno, Errno::EINVAL | Errno::EPERM | Errno::ENOSYS), "{errno:?}"),
    };
    to_owner.send(()).expect("somebody waits");
    news.recv().expect("it is closed there");
    assert!(!is_readable(fd), "it lives");
    peer.write_all(b"x").expect("it lives");
    peer.set_nodelay(true).expect("it lives");
    let mut byte = [0; 1];
    assert_eq!(nix::unistd::read(borrow(&fd), &mut byte), Ok(1));
    socket::close(fd);
    assert_eq!(std::io::Read::read(&mut peer, &mut byte).expect("an end"), 0, "nobody has it any more");
    to_owner.send(()).expect("somebody waits");
    owner.join().expect("no panic");
    assert!(neighbours.fetch(thread, Fd(0)).is_err(), "its owner has ended");
}
