//! Descriptors that come from another process, as HAProxy hands over its listening sockets (`-x`, `expose-fd listeners`), or from a
//! thread with a file table of its own.
//!
//! ```text
//!   we: "_getsocks\n"      they: how many, as four bytes of this machine
//!                          they: up to 253 descriptors (SCM_RIGHTS, unix(7)), with a few bytes about each
//!   we: how many so far    …until all are here
//! ```
//!
//! What the bytes say (network namespace, interface) can be asked of the sockets themselves, and is not read.

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The most that the kernel passes in one message (`SCM_MAX_FD`).
pub const AT_ONCE: usize = 253;

/// Bytes about one socket: two lengths, the longest names, flags.
const ABOUT_ONE: usize = 1 + 255 + 1 + 16 + 4;

/// Who hands over sockets is quick.
const PATIENCE: Duration = Duration::from_secs(5);

/// All listening sockets of the process whose admin socket is `path`.
pub fn receive(path: &Path) -> io::Result<Vec<OwnedFd>> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"_getsocks\n")?;
    let mut count = [0; 4];
    stream.read_exact(&mut count)?;
    let count = usize::try_from(i32::from_ne_bytes(count)).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut sockets = Vec::new();
    while sockets.len() < count {
        let before = sockets.len();
        take(&stream, &mut sockets)?;
        if sockets.len() == before || sockets.len() > count {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let so_far = i32::try_from(sockets.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        // The last of these may find nobody who still listens.
        let told = stream.write_all(&so_far.to_ne_bytes());
        if sockets.len() < count {
            told?;
        }
    }
    Ok(sockets)
}

/// Passes copies of sockets through a unix stream, each batch with one byte. Answers how many there was room for.
pub fn pass(through: RawFd, sockets: &[RawFd]) -> usize {
    let mut passed = 0;
    for batch in sockets.chunks(AT_ONCE) {
        let rights = [ControlMessage::ScmRights(batch)];
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        if sendmsg::<()>(through, &[IoSlice::new(&[0])], &rights, flags, None).is_err() {
            break;
        }
        passed += batch.len();
    }
    passed
}

/// Takes as many as have been passed before.
pub fn collect(stream: &UnixStream, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut sockets = Vec::new();
    while sockets.len() < count {
        let before = sockets.len();
        take(stream, &mut sockets)?;
        if sockets.len() == before {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(sockets)
}

fn take(stream: &UnixStream, sockets: &mut Vec<OwnedFd>) -> io::Result<()> {
    let mut bytes = vec![0; AT_ONCE * ABOUT_ONE];
    let mut parts = [IoSliceMut::new(&mut bytes)];
    let mut space = cmsg_space!([RawFd; AT_ONCE]);
    let message = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = part {
            // SAFETY: the kernel has just made these descriptors for us, and nobody else knows their numbers.
            sockets.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;
    use std::thread;

    /// As HAProxy 2.6 was seen to do it: six bytes about each socket.
    fn hand_over(listener: &UnixListener, sockets: &[TcpListener], claimed: i32) {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut line = [0; 10];
        stream.read_exact(&mut line).expect("a command");
        assert_eq!(&line, b"_getsocks\n");
        stream.write_all(&claimed.to_ne_bytes()).expect("room");
        let mut sent = 0;
        for chunk in sockets.chunks(2) {
            let numbers: Vec<RawFd> = chunk.iter().map(AsRawFd::as_raw_fd).collect();
            let about = vec![0; 6 * chunk.len()];
            let rights = [ControlMessage::ScmRights(&numbers)];
            sendmsg::<()>(stream.as_raw_fd(), &[IoSlice::new(&about)], &rights, MsgFlags::empty(), None).expect("room");
            sent += chunk.len() as i32;
            let mut told = [0; 4];
            stream.read_exact(&mut told).expect("an answer");
            assert_eq!(i32::from_ne_bytes(told), sent);
        }
    }

    fn received(count: usize, claimed: i32) -> io::Result<Vec<OwnedFd>> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("admin");
        let listener = UnixListener::bind(&path).expect("a socket");
        let sockets: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let names: Vec<_> = sockets.iter().map(|socket| socket.local_addr().expect("bound")).collect();
        let giver = thread::spawn(move || hand_over(&listener, &sockets, claimed));
        let received = receive(&path);
        giver.join().expect("no panic");
        received.inspect(|received| {
            let copies = received.iter().map(|fd| TcpListener::from(fd.try_clone().expect("a descriptor")));
            assert!(copies.map(|copy| copy.local_addr().expect("bound")).eq(names));
        })
    }

    #[test]
    fn sockets_arrive_in_order_however_they_are_packed() {
        for count in [0, 1, 2, 5] {
            assert_eq!(received(count, count as i32).expect("all arrive").len(), count);
        }
    }

    #[test]
    fn what_is_passed_is_collected() {
        let (one, other) = UnixStream::pair().expect("two ends");
        let sockets: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let names: Vec<_> = sockets.iter().map(|socket| socket.local_addr().expect("bound")).collect();
        let numbers: Vec<RawFd> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
        assert_eq!(pass(one.as_raw_fd(), &numbers[..2]) + pass(one.as_raw_fd(), &numbers[2..]), 3);
        assert_eq!(pass(one.as_raw_fd(), &[]), 0);
        let collected = collect(&other, 3).expect("all are there");
        assert!(collected.into_iter().map(|fd| TcpListener::from(fd).local_addr().expect("bound")).eq(names));
    }

    #[test]
    fn broken_promises() {
        assert!(received(1, 3).is_err(), "fewer than promised");
        assert!(received(0, -1).is_err());
        assert!(receive(Path::new("/nonexistent/admin")).is_err());
    }
}
