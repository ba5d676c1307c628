//! What a listener has to say: who waits, and where it is.

use crate::Waiting;
use crate::name::Name;
use crate::sys::check;
use driver::{Accepted, Addr, Errno, Fd};
use std::os::fd::RawFd;

/// Connections in a row that may turn out dead on being accepted before the caller looks again.
const ABORTED_MOST: u32 = 64;

/// Takes the next waiting connection that is still alive. After many dead ones in a row it says that nobody waits: the
/// listener is still readable, so the caller comes back, after its other work.
pub fn accept(listener: Fd, waiting: Waiting) -> Result<Option<Accepted>, Errno> {
    for _ in 0..ABORTED_MOST {
        match accept_one(listener.0, waiting) {
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

fn accept_one(listener: RawFd, waiting: Waiting) -> Result<Accepted, Errno> {
    let mut peer = Name::empty();
    let (addr, len) = peer.as_mut_ptrs();
    // SAFETY: `addr` and `len` point into `peer`, which has room for the address of any family and says how much.
    let fd = check(unsafe { libc::accept4(listener, addr, len, libc::SOCK_CLOEXEC | waiting.flags()) })?;
    let peer = match peer.decode() {
        Addr::Ip(ip) => Addr::Ip(ip),
        Addr::Unix(_) | Addr::Unnamed => Addr::Unnamed,
    };
    Ok(Accepted { fd: Fd(fd), peer })
}

/// Whether somebody waits to be accepted, or bytes or an end wait to be received. Asks the kernel, and does not wait.
pub fn is_readable(fd: Fd) -> bool {
    let mut asked = libc::pollfd { fd: fd.0, events: libc::POLLIN, revents: 0 };
    // SAFETY: the kernel reads and writes the one `asked` during the call.
    let answered = unsafe { libc::poll(&raw mut asked, 1, 0) };
    answered == 1
}

/// Our own address on a socket.
pub fn local_addr(fd: Fd) -> Result<Addr, Errno> {
    let mut name = Name::empty();
    let (addr, len) = name.as_mut_ptrs();
    // SAFETY: `addr` and `len` point into `name`, which has room for the address of any family and says how much.
    check(unsafe { libc::getsockname(fd.0, addr, len) })?;
    Ok(name.decode())
}
