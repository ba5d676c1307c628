//! The calls on sockets that the shard makes itself, because they never wait: making, binding, accepting, naming, ending.
//!
//! **Invariant:** a connection's socket is blocking, so that the ring waits for it, until it is spliced; a listener's never
//! is, so that `accept4` does not wait.

use crate::name::Name;
use driver::{Accepted, Addr, Errno, Fd, ListenSpec};
use std::os::fd::RawFd;

/// Connections in a row that may turn out dead on being accepted before the caller looks again.
const ABORTED_MOST: u32 = 64;

/// A new stream socket for connecting to `addr`.
pub(crate) fn connector(addr: &Addr) -> Result<Fd, Errno> {
    match addr {
        Addr::Ip(ip) => {
            let fd = Open(open(ip_family(ip), 0)?);
            set_option(fd.0, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
            Ok(fd.keep())
        }
        // A unix connect succeeds or fails on the spot; see `connect_unix`.
        Addr::Unix(_) => open(libc::AF_UNIX, libc::SOCK_NONBLOCK).map(Fd),
        Addr::Unnamed => Err(Errno::EINVAL),
    }
}

/// Connects to a unix socket without the ring: a full backlog would be waited for in a worker thread there. Here it is
/// `EAGAIN`, an attempt that failed.
pub(crate) fn connect_unix(fd: Fd, name: &Name) -> Result<(), Errno> {
    connect(fd.0, name)?;
    set_nonblocking(fd.0, false)
}

/// A socket bound to `spec.addr`, not yet listening.
pub(crate) fn bound(spec: &ListenSpec) -> Result<Fd, Errno> {
    let name = Name::encode(&spec.addr)?;
    match &spec.addr {
        Addr::Ip(ip) => {
            let fd = Open(open(ip_family(ip), libc::SOCK_NONBLOCK)?);
            set_option(fd.0, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
            set_option(fd.0, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
            // Accepted sockets inherit this: no call per connection.
            set_option(fd.0, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
            if let (true, Some(only)) = (ip.is_ipv6(), spec.v6_only) {
                set_option(fd.0, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, i32::from(only))?;
            }
            bind(fd.0, &name)?;
            Ok(fd.keep())
        }
        Addr::Unix(path) => {
            let fd = Open(open(libc::AF_UNIX, libc::SOCK_NONBLOCK)?);
            if path.first() != Some(&0) {
                remove_stale(path, &name);
            }
            bind(fd.0, &name)?;
            Ok(fd.keep())
        }
        Addr::Unnamed => Err(Errno::EINVAL),
    }
}

/// Removes the name that a dead listener has left. One that is alive, or that is no socket, stays, and binding says so.
fn remove_stale(path: &[u8], name: &Name) {
    let Ok(probe) = open(libc::AF_UNIX, libc::SOCK_NONBLOCK).map(Open) else { return };
    // Only a socket answers so: another kind of file does too, hence the look at what it is.
    if connect(probe.0, name) == Err(Errno::ECONNREFUSED) && is_socket(path) {
        // Losing a race for the name shows when binding.
        let _ = std::fs::remove_file(path_of(path));
    }
}

fn is_socket(path: &[u8]) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::symlink_metadata(path_of(path)).is_ok_and(|found| found.file_type().is_socket())
}

fn path_of(path: &[u8]) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(path).as_ref()
}

/// An inherited listening socket under a number of our own. `EINVAL` if it does not listen.
pub(crate) fn adopted(inherited: i32) -> Result<Fd, Errno> {
    if option(inherited, libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? == 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: duplicating a descriptor touches no memory.
    let fd = Open(check(unsafe { libc::fcntl(inherited, libc::F_DUPFD_CLOEXEC, 3) })?);
    set_nonblocking(fd.0, true)?;
    if matches!(option(fd.0, libc::SOL_SOCKET, libc::SO_DOMAIN)?, libc::AF_INET | libc::AF_INET6) {
        set_option(fd.0, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    }
    Ok(fd.keep())
}

pub(crate) fn listen(fd: Fd, backlog: u32) -> Result<(), Errno> {
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    // SAFETY: no memory is touched.
    check(unsafe { libc::listen(fd.0, backlog) }).map(drop)
}

/// Takes the next waiting connection that is still alive. After many dead ones in a row it says that nobody waits: the
/// listener is still readable, so the caller comes back, after its other work.
pub(crate) fn accept(listener: Fd) -> Result<Option<Accepted>, Errno> {
    for _ in 0..ABORTED_MOST {
        match accept_one(listener.0) {
            Ok(accepted) => return Ok(Some(accepted)),
            Err(Errno::EAGAIN) => return Ok(None),
            Err(errno) if is_of_the_connection(errno) => (),
            Err(errno) => return Err(errno),
        }
    }
    Ok(None)
}

/// `accept(2)`: "Linux accept() passes already-pending network errors on the new socket as an error code from accept()."
fn is_of_the_connection(errno: Errno) -> bool {
    const PENDING: [i32; 10] = [
        libc::EINTR,
        libc::ECONNABORTED,
        libc::EPROTO,
        libc::ENETDOWN,
        libc::ENOPROTOOPT,
        libc::EHOSTDOWN,
        libc::ENONET,
        libc::EHOSTUNREACH,
        libc::EOPNOTSUPP,
        libc::ENETUNREACH,
    ];
    PENDING.contains(&errno.0)
}

fn accept_one(listener: RawFd) -> Result<Accepted, Errno> {
    let mut peer = Name::empty();
    let (addr, len) = peer.as_mut_ptrs();
    // SAFETY: `addr` and `len` point into `peer`, which has room for the address of any family and says how much.
    let fd = check(unsafe { libc::accept4(listener, addr, len, libc::SOCK_CLOEXEC) })?;
    let peer = match peer.decode() {
        Addr::Ip(ip) => Addr::Ip(ip),
        Addr::Unix(_) | Addr::Unnamed => Addr::Unnamed,
    };
    Ok(Accepted { fd: Fd(fd), peer })
}

pub(crate) fn local_addr(fd: Fd) -> Result<Addr, Errno> {
    let mut name = Name::empty();
    let (addr, len) = name.as_mut_ptrs();
    // SAFETY: `addr` and `len` point into `name`, which has room for the address of any family and says how much.
    check(unsafe { libc::getsockname(fd.0, addr, len) })?;
    Ok(name.decode())
}

/// Ends our sending half. Called by the shard itself, since the ring would always give it to a worker thread.
pub(crate) fn finish(fd: Fd) -> Result<(), Errno> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::shutdown(fd.0, libc::SHUT_WR) }).map(drop)
}

/// Makes the next close a reset (`socket(7)`: `SO_LINGER`). A socket that refuses is closed in order, which loses
/// nothing.
pub(crate) fn reset_on_close(fd: Fd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes of `linger` during the call.
    unsafe { libc::setsockopt(fd.0, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size) };
}

pub(crate) fn close(fd: Fd) {
    // SAFETY: no memory is touched. The caller gives up its descriptor; Linux closes it whatever it returns.
    unsafe { libc::close(fd.0) };
}

/// A descriptor that is closed again unless kept: construction has several steps that may fail.
struct Open(RawFd);

impl Open {
    fn keep(self) -> Fd {
        Fd(std::mem::ManuallyDrop::new(self).0)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        close(Fd(self.0));
    }
}

fn ip_family(ip: &std::net::SocketAddr) -> i32 {
    if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }
}

fn open(family: i32, flags: i32) -> Result<RawFd, Errno> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | flags, 0) })
}

fn bind(fd: RawFd, name: &Name) -> Result<(), Errno> {
    // SAFETY: the kernel reads `len` bytes of `name` during the call.
    check(unsafe { libc::bind(fd, name.as_ptr(), name.len()) }).map(drop)
}

fn connect(fd: RawFd, name: &Name) -> Result<(), Errno> {
    // SAFETY: the kernel reads `len` bytes of `name` during the call.
    check(unsafe { libc::connect(fd, name.as_ptr(), name.len()) }).map(drop)
}

pub(crate) fn set_nonblocking(fd: RawFd, on: bool) -> Result<(), Errno> {
    let flags = if on { libc::O_NONBLOCK } else { 0 };
    // SAFETY: no memory is touched. A stream socket has no other status flag that we set.
    check(unsafe { libc::fcntl(fd, libc::F_SETFL, flags) }).map(drop)
}

fn set_option(fd: RawFd, level: i32, name: i32, value: i32) -> Result<(), Errno> {
    let size = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes of `value` during the call.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) }).map(drop)
}

fn option(fd: RawFd, level: i32, name: i32) -> Result<i32, Errno> {
    let mut value = 0i32;
    let mut size = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes, to `value`, during the call.
    check(unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut size) })?;
    Ok(value)
}

/// A call's own error, at once: the next one overwrites it.
pub(crate) fn check(result: i32) -> Result<i32, Errno> {
    if result >= 0 { Ok(result) } else { Err(last_errno()) }
}

pub(crate) fn last_errno() -> Errno {
    Errno::of(&std::io::Error::last_os_error())
}
