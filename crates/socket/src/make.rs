//! Making sockets: for connecting, for listening, or as inherited.
//!
//! **Invariant:** a listener's socket is non-blocking, so that `accept4` never waits.

use crate::Waiting;
use crate::name::Name;
use crate::sys::{Open, check, option, set_nonblocking, set_option, set_text_option};
use crate::transfer::connect;
use driver::{Addr, Errno, Fd, ListenSpec, Ownership};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// A new stream socket for connecting to `addr`.
pub fn connector(addr: &Addr, waiting: Waiting) -> Result<Fd, Errno> {
    match addr {
        Addr::Ip(ip) => {
            let fd = Open(open(ip_family(ip), waiting.flags())?);
            set_option(fd.0, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
            Ok(fd.keep())
        }
        // A unix connect succeeds or fails on the spot; see `connect_unix`.
        Addr::Unix(_) => open(libc::AF_UNIX, libc::SOCK_NONBLOCK).map(Fd),
        Addr::Unnamed => Err(Errno::EINVAL),
    }
}

/// A socket bound to `spec.addr`, not yet listening.
pub fn bound(spec: &ListenSpec) -> Result<Fd, Errno> {
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
            if let Some(device) = &spec.device {
                set_text_option(fd.0, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device)?;
            }
            bind(fd.0, &name)?;
            Ok(fd.keep())
        }
        Addr::Unix(path) => {
            let fd = Open(open(libc::AF_UNIX, libc::SOCK_NONBLOCK)?);
            let is_path = path.first() != Some(&0);
            if is_path {
                remove_stale(path, &name);
            }
            bind(fd.0, &name)?;
            if is_path {
                own(path, spec.ownership)?;
            }
            Ok(fd.keep())
        }
        Addr::Unnamed => Err(Errno::EINVAL),
    }
}

/// Removes the name that a dead listener has left. One that is alive, or that is no socket, stays, and binding says so.
fn remove_stale(path: &[u8], name: &Name) {
    let Ok(probe) = open(libc::AF_UNIX, libc::SOCK_NONBLOCK).map(Open) else { return };
    // Only a socket answers so: another kind of file does too, hence the look at what it is.
    if connect(Fd(probe.0), name) == Err(Errno::ECONNREFUSED) && is_socket(path) {
        // Losing a race for the name shows when binding.
        let _ = std::fs::remove_file(path_of(path));
    }
}

/// Gives a path to whom it is to belong, before anybody can connect: the socket does not listen yet. A path that cannot be given is
/// not left behind.
fn own(path: &[u8], ownership: Ownership) -> Result<(), Errno> {
    use std::os::unix::fs::{PermissionsExt, chown};
    let Ownership { mode, uid, gid } = ownership;
    let path = path_of(path);
    let is_given = uid.is_some() || gid.is_some();
    let given = if is_given { chown(path, uid, gid) } else { Ok(()) };
    let set = |mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    given.and_then(|()| mode.map_or(Ok(()), set)).map_err(|err| {
        // What went wrong is said; that it stays behind, too, would be no news.
        let _ = std::fs::remove_file(path);
        Errno::of(&err)
    })
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
pub fn adopted(inherited: i32) -> Result<Fd, Errno> {
    if option(inherited, libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? == 0 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: duplicating a descriptor touches no memory.
    let fd = Open(check(unsafe { libc::fcntl(inherited, libc::F_DUPFD_CLOEXEC, 3) })?);
    set_nonblocking(Fd(fd.0), true)?;
    if matches!(option(fd.0, libc::SOL_SOCKET, libc::SO_DOMAIN)?, libc::AF_INET | libc::AF_INET6) {
        set_option(fd.0, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    }
    Ok(fd.keep())
}

/// A descriptor that the process was started with, whatever it is, under a number of our own.
pub fn duplicate(inherited: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: duplicating a descriptor touches no memory.
    let fd = check(unsafe { libc::fcntl(inherited, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A listening socket that was opened for the caller under this number. `EINVAL` if it does not listen.
pub fn taken(number: i32) -> Result<Fd, Errno> {
    if option(number, libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? == 0 {
        return Err(Errno::EINVAL);
    }
    set_nonblocking(Fd(number), true)?;
    if matches!(option(number, libc::SOL_SOCKET, libc::SO_DOMAIN)?, libc::AF_INET | libc::AF_INET6) {
        set_option(number, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    }
    Ok(Fd(number))
}

pub fn listen(fd: Fd, backlog: u32) -> Result<(), Errno> {
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    // SAFETY: no memory is touched.
    check(unsafe { libc::listen(fd.0, backlog) }).map(drop)
}

/// Makes a socket of TCP refuse that listened; it keeps its address.
pub fn unlisten(fd: Fd) -> Result<(), Errno> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::shutdown(fd.0, libc::SHUT_RD) }).map(drop)
}

fn ip_family(ip: &std::net::SocketAddr) -> i32 {
    if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }
}

fn open(family: i32, flags: i32) -> Result<RawFd, Errno> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | flags, 0) })
}

pub(crate) fn bind(fd: RawFd, name: &Name) -> Result<(), Errno> {
    // SAFETY: the kernel reads `size` bytes of `name` during the call.
    check(unsafe { libc::bind(fd, name.as_ptr(), name.size()) }).map(drop)
}
