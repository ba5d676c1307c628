//! Handing listening sockets to a successor (`_getsocks`, `expose-fd listeners`), as HAProxy does it.
//!
//! ```text
//!   it: "_getsocks\n"     we: how many, as four bytes of this machine
//!                         we: up to 253 descriptors (SCM_RIGHTS, unix(7)), with six bytes about each
//!   it: how many so far   …until all are there
//! ```

use super::client::{Stream, patiently};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The most that the kernel passes in one message (`SCM_MAX_FD`).
const AT_ONCE: usize = 253;

/// Bytes about one socket: no network namespace, no interface, no options.
const ABOUT_ONE: usize = 1 + 1 + 4;

/// Whoever takes over is quick.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hands them over. Descriptors do not travel over TCP: whoever asks there is told that there are none.
pub(super) async fn hand_over(stream: &Stream, sockets: &[OwnedFd]) -> io::Result<()> {
    let (stream, sockets) = match stream {
        Stream::Unix(unix) => (unix, sockets),
        Stream::Tcp(_) => return stream.write_all(&0_i32.to_ne_bytes(), PATIENCE).await,
    };
    let count = i32::try_from(sockets.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    patiently(PATIENCE, send(stream, &count.to_ne_bytes(), &[])).await?;
    for batch in sockets.chunks(AT_ONCE) {
        let numbers: Vec<RawFd> = batch.iter().map(AsRawFd::as_raw_fd).collect();
        patiently(PATIENCE, send(stream, &vec![0; ABOUT_ONE * batch.len()], &numbers)).await?;
        patiently(PATIENCE, hear(stream)).await?;
    }
    Ok(())
}

/// One message with these descriptors.
async fn send(stream: &UnixStream, bytes: &[u8], numbers: &[RawFd]) -> io::Result<()> {
    let rights = [ControlMessage::ScmRights(numbers)];
    let rights = if numbers.is_empty() { &[][..] } else { &rights[..] };
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let number = stream.as_raw_fd();
    let message = || Ok(sendmsg::<()>(number, &[IoSlice::new(bytes)], rights, flags, None)?);
    loop {
        stream.writable().await?;
        match stream.try_io(Interest::WRITABLE, message) {
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => (),
            Ok(sent) if sent == bytes.len() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
            Err(err) => return Err(err),
        }
    }
}

/// How many it has so far, which it says after each message. That it may leave after the last is its affair.
async fn hear(stream: &UnixStream) -> io::Result<()> {
    let mut told = [0; 4];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut told) {
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => (),
            read => return read.map(drop),
        }
    }
}
