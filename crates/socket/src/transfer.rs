//! Connecting, receiving, sending, and their ends: one call each, which moves what it can.

use crate::Waiting;
use crate::name::Name;
use crate::sys::{check, check_count, option, set_nonblocking, set_option};
use driver::{Errno, Fd};

/// Starts to connect. `EINPROGRESS` on a non-blocking socket: it is writable when that is over, and [`failure`] tells how
/// it went.
pub fn connect(fd: Fd, name: &Name) -> Result<(), Errno> {
    // SAFETY: the kernel reads `size` bytes of `name` during the call.
    check(unsafe { libc::connect(fd.0, name.as_ptr(), name.size()) }).map(drop)
}

/// Connects to a unix socket, which succeeds or fails on the spot: a full backlog, which would be waited for, is `EAGAIN`,
/// an attempt that failed. Takes a socket of [`connector`](crate::connector).
pub fn connect_unix(fd: Fd, name: &Name, waiting: Waiting) -> Result<(), Errno> {
    connect(fd, name)?;
    match waiting {
        Waiting::InKernel => set_nonblocking(fd, false),
        Waiting::Outside => Ok(()),
    }
}

/// The error that a socket has come to, which is told once (`socket(7)`: `SO_ERROR`).
pub fn failure(fd: Fd) -> Result<(), Errno> {
    match option(fd.0, libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(()),
        number => Err(Errno(number)),
    }
}

/// Receives what has arrived, up to what `bytes` has room for; zero is the end of the stream.
pub fn receive(fd: Fd, bytes: &mut [u8]) -> Result<u32, Errno> {
    // SAFETY: the kernel writes at most `len` bytes, to `bytes`, during the call.
    check_count(unsafe { libc::recv(fd.0, bytes.as_mut_ptr().cast(), bytes.len(), 0) })
}

/// Sends these bytes, or as many of them as there is room for.
pub fn send(fd: Fd, bytes: &[u8]) -> Result<u32, Errno> {
    // SAFETY: the kernel reads `len` bytes of `bytes` during the call.
    check_count(unsafe { libc::send(fd.0, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) })
}

/// Bytes that have arrived and were not received (`tcp(7)`, `unix(7)`: `FIONREAD`).
pub fn unread_count(fd: Fd) -> Result<u32, Errno> {
    let mut count = 0i32;
    // SAFETY: the kernel writes one `count` during the call.
    check(unsafe { libc::ioctl(fd.0, libc::FIONREAD, &raw mut count) })?;
    Ok(count.unsigned_abs())
}

/// Ends our sending half.
pub fn finish(fd: Fd) -> Result<(), Errno> {
    // SAFETY: no memory is touched.
    check(unsafe { libc::shutdown(fd.0, libc::SHUT_WR) }).map(drop)
}

/// Makes the next close one of which the peer hears nothing (`configuration.txt: silent-drop`). A socket under repair is taken away
/// without a packet (`TCP_REPAIR`), which takes `CAP_NET_ADMIN`; else what the close sends does not outlive the first hop.
pub fn silence_on_close(Fd(fd): Fd) {
    if set_option(fd, libc::IPPROTO_TCP, libc::TCP_REPAIR, 1).is_ok() {
        return;
    }
    // One of the two is of the wrong family, and unix sockets know neither.
    let _ = set_option(fd, libc::IPPROTO_IP, libc::IP_TTL, 1);
    let _ = set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, 1);
}

/// Makes the next close a reset (`socket(7)`: `SO_LINGER`). A socket that refuses is closed in order, which loses nothing.
pub fn reset_on_close(fd: Fd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes of `linger` during the call.
    unsafe { libc::setsockopt(fd.0, libc::SOL_SOCKET, libc::SO_LINGER, (&raw const linger).cast(), size) };
}
