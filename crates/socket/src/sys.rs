//! Descriptors, options and errors: what the other calls are made of.

use driver::{Errno, Fd};
use std::os::fd::RawFd;

pub fn close(fd: Fd) {
    // SAFETY: no memory is touched. The caller gives up its descriptor; Linux closes it whatever it returns.
    unsafe { libc::close(fd.0) };
}

/// A call's own error, at once: the next one overwrites it.
pub fn check(result: i32) -> Result<i32, Errno> {
    if result >= 0 { Ok(result) } else { Err(last_errno()) }
}

/// [`check`] for calls that count bytes. None moves more than fits: the kernel stops at two gigabytes.
pub(crate) fn check_count(result: isize) -> Result<u32, Errno> {
    u32::try_from(result).map_err(|_| last_errno())
}

pub fn last_errno() -> Errno {
    Errno::of(&std::io::Error::last_os_error())
}

/// A descriptor that is closed again unless kept: construction has several steps that may fail.
pub(crate) struct Open(pub(crate) RawFd);

impl Open {
    pub(crate) fn keep(self) -> Fd {
        Fd(std::mem::ManuallyDrop::new(self).0)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        close(Fd(self.0));
    }
}

/// Chooses who waits for a socket (`fcntl(2)`: `O_NONBLOCK`), also when it was made otherwise.
pub fn set_nonblocking(fd: Fd, on: bool) -> Result<(), Errno> {
    let flags = if on { libc::O_NONBLOCK } else { 0 };
    // SAFETY: no memory is touched. A stream socket has no other status flag that we set.
    check(unsafe { libc::fcntl(fd.0, libc::F_SETFL, flags) }).map(drop)
}

pub(crate) fn set_option(fd: RawFd, level: i32, name: i32, value: i32) -> Result<(), Errno> {
    let size = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes of `value` during the call.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const value).cast(), size) }).map(drop)
}

pub(crate) fn set_text_option(fd: RawFd, level: i32, name: i32, value: &str) -> Result<(), Errno> {
    set_bytes_option(fd, level, name, value.as_bytes())
}

/// Whether an option that is a text has one.
pub(crate) fn has_text_option(fd: RawFd, level: i32, name: i32) -> bool {
    let mut value = [0u8; 16];
    let mut size = value.len() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes, to `value`, during the call.
    let result = unsafe { libc::getsockopt(fd, level, name, value.as_mut_ptr().cast(), &raw mut size) };
    check(result).is_ok() && size > 0 && value[0] != 0
}

pub(crate) fn set_bytes_option(fd: RawFd, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
    let size = value.len() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes of `value` during the call.
    check(unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), size) }).map(drop)
}

pub(crate) fn option(fd: RawFd, level: i32, name: i32) -> Result<i32, Errno> {
    let mut value = 0i32;
    let mut size = size_of::<i32>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes, to `value`, during the call.
    check(unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut size) })?;
    Ok(value)
}
