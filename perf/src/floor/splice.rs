//! splice(2) from socket to pipe to socket; a direction holds a pipe only while bytes are in it.

use std::{io, net::TcpStream, os::fd::OwnedFd};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, splice},
    unistd::pipe2,
};

use super::pair::{Carry, Progress};

/// What a pipe is asked to hold; the kernel may refuse (`pipe-user-pages-soft`), and then it holds what it holds.
const PIPE: usize = 1 << 20;
/// The most that one call moves.
const CALL: usize = 256 * 1024;

pub(super) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
}

/// A pipe, while it is not empty, and how many bytes are in it.
#[derive(Default)]
pub(super) struct Splice {
    pipe: Option<Pipe>,
    held: usize,
}

impl Carry for Splice {
    /// Empty pipes.
    type Means = Vec<Pipe>;

    fn means() -> Self::Means {
        Vec::new()
    }

    fn carry(&mut self, from: &TcpStream, to: &TcpStream, pipes: &mut Self::Means) -> io::Result<Progress> {
        let pipe = match self.pipe.take() {
            Some(pipe) => pipe,
            None => pipes.pop().map_or_else(Pipe::new, Ok)?,
        };
        let progress = self.move_through(&pipe, from, to);
        if self.held == 0 && progress.is_ok() {
            pipes.push(pipe);
        } else {
            self.pipe = Some(pipe);
        }
        progress
    }
}

impl Splice {
    fn move_through(&mut self, pipe: &Pipe, from: &TcpStream, to: &TcpStream) -> io::Result<Progress> {
        if self.held == 0 {
            match step(from, &pipe.write, CALL)? {
                Some(0) => return Ok(Progress::Ended),
                Some(received) => self.held = received,
                None => return Ok(Progress::Starved),
            }
        }
        while self.held > 0 {
            match step(&pipe.read, to, self.held)? {
                Some(0) | None => return Ok(Progress::Full),
                Some(sent) => self.held -= sent,
            }
        }
        // One call per event: what is left makes the next event, since the wait is level-triggered.
        Ok(Progress::Starved)
    }
}

impl Pipe {
    fn new() -> io::Result<Self> {
        let (read, write) = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)?;
        // A smaller pipe is slower, not wrong.
        let _ = fcntl(&write, FcntlArg::F_SETPIPE_SZ(PIPE as i32));
        Ok(Pipe { read, write })
    }
}

/// How many bytes moved; none when it would have had to wait.
fn step(from: impl std::os::fd::AsFd, to: impl std::os::fd::AsFd, size: usize) -> io::Result<Option<usize>> {
    match splice(from, None, to, None, size, SpliceFFlags::SPLICE_F_MOVE | SpliceFFlags::SPLICE_F_NONBLOCK) {
        Ok(moved) => Ok(Some(moved)),
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
