//! TLS in the kernel (`Documentation/networking/tls.rst`): whether it has it, giving it keys, and the records that are no data.

use crate::sys::{check, check_count, set_bytes_option, set_text_option};
use driver::{Errno, Fd, Keys, Way};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

/// The kind of an alert's record (RFC 8446 §5.1).
const ALERT: u8 = 21;
/// The kind of a record of data.
const DATA: u8 = 23;

/// Bytes before what is in a control message (`cmsg(3)`): how long it is, of which level, of which type.
const HEADER_SIZE: usize = size_of::<libc::cmsghdr>();
const LEVEL_AT: usize = size_of::<usize>();
const TYPE_AT: usize = LEVEL_AT + size_of::<i32>();
const CONTROL_SIZE: usize = HEADER_SIZE + size_of::<usize>();

/// A control message with one byte in it, the kind of a record, coded by offset; aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; CONTROL_SIZE]);

impl Control {
    fn empty() -> Control {
        Control([0; CONTROL_SIZE])
    }

    fn of(kind: u8) -> Control {
        let mut control = Control::empty();
        control.0[..LEVEL_AT].copy_from_slice(&(HEADER_SIZE + 1).to_ne_bytes());
        control.0[LEVEL_AT..TYPE_AT].copy_from_slice(&libc::SOL_TLS.to_ne_bytes());
        control.0[TYPE_AT..HEADER_SIZE].copy_from_slice(&libc::TLS_SET_RECORD_TYPE.to_ne_bytes());
        control.0[HEADER_SIZE] = kind;
        control
    }

    /// `None`: it is not about a record.
    fn kind(&self) -> Option<u8> {
        let is_kind = self.0[LEVEL_AT..TYPE_AT] == libc::SOL_TLS.to_ne_bytes()
            && self.0[TYPE_AT..HEADER_SIZE] == libc::TLS_GET_RECORD_TYPE.to_ne_bytes();
        is_kind.then_some(self.0[HEADER_SIZE])
    }
}

/// Whether the kernel does TLS for a connection, asked with one of our own over loopback. Where it is a module, asking loads it, if the
/// process has `CAP_NET_ADMIN`.
///
/// # Errors
/// `ENOENT`: the kernel has no TLS, or its module is not loaded.
pub fn probe_tls() -> Result<(), Errno> {
    let pair = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Ok((TcpStream::connect(listener.local_addr()?)?, listener))
    };
    let (stream, _listener) = pair().map_err(|err| Errno::of(&err))?;
    take_layer(stream.as_raw_fd())
}

/// Gives the kernel the keys of one direction of a connection. What the socket had of that direction in other forms must be done with.
pub fn entrust(fd: Fd, way: Way, keys: &Keys) -> Result<(), Errno> {
    match take_layer(fd.0) {
        // The other direction came first.
        Ok(()) | Err(Errno::EEXIST) => (),
        Err(errno) => return Err(errno),
    }
    let name = match way {
        Way::Inbound => libc::TLS_RX,
        Way::Outbound => libc::TLS_TX,
    };
    set_bytes_option(fd.0, libc::SOL_TLS, name, keys.bytes())
}

/// Sends an alert. `EAGAIN`: there is no room for it behind what waits to leave.
pub fn send_alert(fd: Fd, mut alert: [u8; 2]) -> Result<(), Errno> {
    if !is_writable(fd) {
        return Err(Errno::EAGAIN);
    }
    let mut control = Control::of(ALERT);
    let mut part = libc::iovec { iov_base: alert.as_mut_ptr().cast(), iov_len: alert.len() };
    let message = message(&mut part, &mut control);
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the kernel reads `message` and what it points to during the call.
    check_count(unsafe { libc::sendmsg(fd.0, &raw const message, flags) }).map(drop)
}

/// Takes a record of any kind, or as much of it as there is room for. Says of which kind it is, and how many bytes came.
pub fn receive_record(fd: Fd, bytes: &mut [u8]) -> Result<(u8, u32), Errno> {
    let mut control = Control::empty();
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut message = message(&mut part, &mut control);
    // SAFETY: the kernel writes at most as much as `part` and `control` have room for, during the call.
    let count = check_count(unsafe { libc::recvmsg(fd.0, &raw mut message, libc::MSG_DONTWAIT) })?;
    Ok((control.kind().unwrap_or(DATA), count))
}

/// Whether the kernel has a layer over this connection.
pub fn has_layer(fd: Fd) -> bool {
    crate::sys::has_text_option(fd.0, libc::IPPROTO_TCP, libc::TCP_ULP)
}

/// Puts the layer of TLS over a connection (`tcp(7)`: `TCP_ULP`), which changes nothing before it is given keys.
fn take_layer(fd: RawFd) -> Result<(), Errno> {
    set_text_option(fd, libc::IPPROTO_TCP, libc::TCP_ULP, "tls")
}

/// Whether a third of the room to send is free, at least (`poll(2)`). Who asks in vain is told when it is.
fn is_writable(fd: Fd) -> bool {
    let mut asked = libc::pollfd { fd: fd.0, events: libc::POLLOUT, revents: 0 };
    // SAFETY: the kernel writes one `asked` during the call.
    check(unsafe { libc::poll(&raw mut asked, 1, 0) }).is_ok_and(|count| count > 0)
}

fn message(part: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: all zeroes is a message of nothing.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = CONTROL_SIZE;
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel lists the layers that it has loaded.
    #[test]
    fn the_kernel_is_asked() {
        let listed = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_ulp").unwrap_or_default();
        let has_tls = listed.split_whitespace().any(|layer| layer == "tls");
        match probe_tls() {
            // Asking may have loaded it.
            Ok(()) => (),
            Err(errno) => assert_eq!((errno, has_tls), (Errno::ENOENT, false)),
        }
    }
}
