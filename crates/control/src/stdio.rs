//! Standard output and error, without waiting for whoever reads them.
//!
//! Both may be pipes whose reader sleeps. Making them non-blocking would change them for every process that shares them, so
//! readiness is asked for instead: a pipe that is writable takes `PIPE_BUF` bytes at once (`pipe(7)`).

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::write;
use std::io;
use std::os::fd::BorrowedFd;

/// `PIPE_BUF` of Linux.
const ATOMIC_MOST: usize = 4096;

/// Writes as much as is taken without waiting. `WouldBlock`: the end of `bytes` was not.
pub(crate) fn write_now(stream: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        if !is_writable(stream)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match write(stream, &bytes[..bytes.len().min(ATOMIC_MOST)]) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::EINTR) => (),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// An error on the stream makes it writable too: the write then tells which.
fn is_writable(stream: BorrowedFd<'_>) -> io::Result<bool> {
    let mut asked = [PollFd::new(stream, PollFlags::POLLOUT)];
    match poll(&mut asked, PollTimeout::ZERO) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::EINTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;

    #[test]
    fn a_reader_that_sleeps_is_not_waited_for() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let line = [b'x'; 1000];
        let mut written = 0;
        let refusal = loop {
            match write_now(writer.as_fd(), &line) {
                Ok(()) => written += line.len(),
                Err(err) => break err,
            }
        };
        assert_eq!(refusal.kind(), io::ErrorKind::WouldBlock);
        assert!(written >= ATOMIC_MOST);
        let mut taken = vec![0; written];
        reader.read_exact(&mut taken).expect("that much was written");
        write_now(writer.as_fd(), &line).expect("there is room again");
    }

    #[test]
    fn long_lines_go_out_in_parts() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        write_now(writer.as_fd(), &[b'y'; 3 * ATOMIC_MOST + 1]).expect("a pipe holds 64 KiB");
        drop(writer);
        let mut taken = Vec::new();
        reader.read_to_end(&mut taken).expect("a pipe");
        assert_eq!(taken.len(), 3 * ATOMIC_MOST + 1);
    }
}
