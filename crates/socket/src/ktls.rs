//! TLS in the kernel (`Documentation/networking/tls.rst`): whether it has it.

use crate::sys::set_text_option;
use driver::Errno;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

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

/// Puts the layer of TLS over a connection (`tcp(7)`: `TCP_ULP`), which changes nothing before it is given keys.
fn take_layer(fd: RawFd) -> Result<(), Errno> {
    set_text_option(fd, libc::IPPROTO_TCP, libc::TCP_ULP, "tls")
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
            Err(errno) => assert_eq!((errno, has_tls), (Errno(libc::ENOENT), false)),
        }
    }
}
