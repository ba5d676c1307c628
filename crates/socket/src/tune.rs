//! Options of TCP that an operator chooses.

use crate::make::bind;
use crate::name::Name;
use crate::sys::{option, set_option, set_text_option};
use driver::{Addr, Errno, Fd, Keepalive, Source, Tuning};
use std::os::fd::RawFd;

/// Seconds that a connection whose first bytes do not come is kept from its listener.
const DEFER_SECONDS: i32 = 1;

/// Sets what differs between what a socket `was` set to and what is `wanted` of it, as far as it is one of TCP.
pub fn tune(Fd(fd): Fd, was: &Tuning, wanted: &Tuning) -> Result<(), Errno> {
    if was == wanted || !is_tcp(fd)? {
        return Ok(());
    }
    if was.keepalive != wanted.keepalive {
        keep_alive(fd, wanted.keepalive)?;
    }
    if was.user_timeout != wanted.user_timeout {
        let millis = wanted.user_timeout.map_or(0, |time| number(time.as_millis()));
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, millis)?;
    }
    if was.segment_size != wanted.segment_size {
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_MAXSEG, wanted.segment_size.map_or(0, i32::from))?;
    }
    if was.defers_accept != wanted.defers_accept {
        let seconds = if wanted.defers_accept { DEFER_SECONDS } else { 0 };
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, seconds)?;
    }
    if was.fast_open != wanted.fast_open {
        let waiting = wanted.fast_open.map_or(0, number);
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, waiting)?;
    }
    match &wanted.source {
        Some(source) if was.source != wanted.source => come_from(fd, source),
        Some(_) | None => Ok(()),
    }
}

/// Binds a socket that is about to connect.
fn come_from(fd: RawFd, source: &Source) -> Result<(), Errno> {
    if let Some(device) = &source.device {
        set_text_option(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device)?;
    }
    let Source { addr, .. } = source;
    if addr.ip().is_unspecified() && addr.port() == 0 {
        return Ok(());
    }
    match addr.port() {
        // Where the kernel does not know it, ports are chosen now, and there are fewer of them.
        0 => drop(set_option(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)),
        // The connection before may still linger under this port.
        _ => set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?,
    }
    bind(fd, &Name::encode(&Addr::Ip(*addr))?)
}

fn keep_alive(fd: RawFd, wanted: Option<Keepalive>) -> Result<(), Errno> {
    set_option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, i32::from(wanted.is_some()))?;
    let Keepalive { count, idle, interval } = wanted.unwrap_or_default();
    let values = [
        (libc::TCP_KEEPCNT, count.map(number)),
        (libc::TCP_KEEPIDLE, idle.map(|time| number(time.as_secs()))),
        (libc::TCP_KEEPINTVL, interval.map(|time| number(time.as_secs()))),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            set_option(fd, libc::IPPROTO_TCP, name, value)?;
        }
    }
    Ok(())
}

fn is_tcp(fd: RawFd) -> Result<bool, Errno> {
    let family = option(fd, libc::SOL_SOCKET, libc::SO_DOMAIN)?;
    Ok(matches!(family, libc::AF_INET | libc::AF_INET6))
}

/// As the kernel takes numbers; what is too large for it, it refuses itself.
fn number(value: impl TryInto<i32>) -> i32 {
    value.try_into().unwrap_or(i32::MAX)
}
