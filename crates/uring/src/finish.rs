//! Completion → done: the other match over op kinds.

use crate::in_flight::Kept;
use buf::Lease;
use driver::{Done, Errno, Received};
use io_uring::cqueue;

/// One completion, copied out of the ring.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completion {
    pub(crate) user_data: u64,
    result: i32,
    flags: u32,
}

/// `lease` is the provided buffer that the completion names. What waits for its socket only comes here
/// when its wait has failed: where the socket is ready it has yet to be done.
pub(crate) fn finish(kept: Kept, completion: Completion, lease: Option<Lease>) -> Done {
    let result = completion.result();
    match kept {
        Kept::Readable => Done::Readable(result.map(drop)),
        Kept::Connect(_) => Done::Connected(result.map(drop)),
        Kept::Receive(..) => Done::Received(result.and_then(|count| received(count, lease, completion.says_more()))),
        Kept::Send(lease) => Done::Sent { lease, result: sent(result) },
        Kept::Fill(_) => Done::Filled(Err(failure(result))),
        Kept::Drain(pipe, _) => Done::Drained { pipe, result: Err(failure(result)) },
        Kept::Alert(..) => Done::AlertSent(Err(failure(result))),
        Kept::Close => closed(result),
    }
}

fn failure(result: Result<u32, Errno>) -> Errno {
    result.expect_err("a socket that is ready stands in line")
}

/// How a receive ends that was cancelled without the kernel's part.
pub(crate) fn cancelled_receive() -> Done {
    Done::Received(Err(Errno::ECANCELED))
}

fn received(count: u32, lease: Option<Lease>, more: bool) -> Result<Received, Errno> {
    match (count, lease) {
        // The kernel may have picked a buffer for an end of stream; dropping the lease gives it back.
        (0, _) => Ok(Received::End),
        (count, Some(lease)) => {
            assert!(count as usize <= lease.size(), "{count} bytes in a buffer of {}", lease.size());
            Ok(Received::Bytes { lease, count, more })
        }
        (count, None) => unreachable!("{count} bytes were received into no buffer"),
    }
}

/// An interrupted send has sent nothing, which is the shortest that a send can be.
fn sent(result: Result<u32, Errno>) -> Result<u32, Errno> {
    match result {
        Err(Errno::EINTR | Errno::EAGAIN) => Ok(0),
        other => other,
    }
}

/// The descriptor is gone whatever the result says (`close(2)`), unless it never was ours.
fn closed(result: Result<u32, Errno>) -> Done {
    assert_ne!(result, Err(Errno(libc::EBADF)), "closed a descriptor that is not open");
    Done::Closed
}

impl Completion {
    pub(crate) fn of(entry: &cqueue::Entry) -> Completion {
        Completion { user_data: entry.user_data(), result: entry.result(), flags: entry.flags() }
    }

    pub(crate) fn result(self) -> Result<u32, Errno> {
        u32::try_from(self.result).map_err(|_| Errno(self.result.wrapping_neg()))
    }

    /// The index of the provided buffer that was filled, or picked in vain.
    pub(crate) fn buffer(self) -> Option<u16> {
        cqueue::buffer_select(self.flags)
    }

    /// Whether a receive must be tried again later: there was no buffer for it, or it was interrupted.
    pub(crate) fn asks_again(self) -> bool {
        matches!(self.result(), Err(Errno::ENOBUFS | Errno::EINTR | Errno::EAGAIN))
    }

    /// Whether readiness came with an end, or with an error: nothing, or nothing more, follows.
    pub(crate) fn is_hung_up(self) -> bool {
        const OVER: u32 = (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) as u32;
        self.result().is_ok_and(|events| events & OVER != 0)
    }

    fn says_more(self) -> bool {
        cqueue::sock_nonempty(self.flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::in_flight::Patience;
    use buf::Pool;

    const BUFFER_0: u32 = 1;
    const SOCK_NONEMPTY: u32 = 4;

    fn check(kept: Kept, result: i32, flags: u32, expect: &str) {
        let pool = Pool::new(1, 16).expect("one page");
        let completion = Completion { user_data: 0, result, flags };
        let lease = completion.buffer().map(|_| pool.lease().expect("free"));
        assert_eq!(format!("{:?}", finish(kept, completion, lease)), expect);
        assert_eq!(pool.free_count(), 1, "the lease is back");
    }

    /// `io_uring_enter(2)`: results are those of the system calls, errors negated.
    #[test]
    fn completions_by_kind() {
        use crate::in_flight::Receive::Waiting;
        check(Kept::Readable, libc::POLLIN.into(), 0, "Readable(Ok(()))");
        check(Kept::Readable, -libc::ECANCELED, 0, "Readable(Err(ECANCELED))");
        check(
            Kept::Receive(Waiting, u32::MAX),
            16,
            BUFFER_0,
            "Received(Ok(Bytes { lease: Lease(0), count: 16, more: false }))",
        );
        check(
            Kept::Receive(Waiting, u32::MAX),
            3,
            BUFFER_0 | SOCK_NONEMPTY,
            "Received(Ok(Bytes { lease: Lease(0), count: 3, more: true }))",
        );
        check(Kept::Receive(Waiting, u32::MAX), 0, 0, "Received(Ok(End))");
        check(Kept::Receive(Waiting, u32::MAX), 0, BUFFER_0, "Received(Ok(End))");
        check(Kept::Receive(Waiting, u32::MAX), -libc::ECONNRESET, BUFFER_0, "Received(Err(ECONNRESET))");
        check(Kept::Close, 0, 0, "Closed");
        check(Kept::Close, -libc::EIO, 0, "Closed");
    }

    #[test]
    fn a_send_brings_its_lease_back() {
        for (result, expect) in [(5, Ok(5)), (-libc::EPIPE, Err(Errno::EPIPE)), (-libc::EINTR, Ok(0))] {
            let pool = Pool::new(1, 16).expect("one page");
            let kept = Kept::Send(pool.lease().expect("free"));
            let done = finish(kept, Completion { user_data: 0, result, flags: 0 }, None);
            let Done::Sent { lease, result } = done else { panic!("{done:?}") };
            assert_eq!((result, lease.size()), (expect, 16));
        }
    }

    #[test]
    fn a_wait_to_splice_fails_with_what_it_held() {
        let completion = Completion { user_data: 0, result: -libc::ECANCELED, flags: 0 };
        let pipes = driver::Pipes::new();
        pipes.add(7);
        let drain = Kept::Drain(pipes.take().expect("it is there"), Patience::Waits);
        assert_eq!(format!("{:?}", finish(Kept::Fill(1), completion, None)), "Filled(Err(ECANCELED))");
        let drained = "Drained { pipe: Pipe(7, 0 bytes), result: Err(ECANCELED) }";
        assert_eq!(format!("{:?}", finish(drain, completion, None)), drained);
        assert_eq!(pipes.lent_count(), 0, "the pipe is back");
    }

    #[test]
    #[should_panic(expected = "not open")]
    fn closing_twice_is_noticed() {
        finish(Kept::Close, Completion { user_data: 0, result: -libc::EBADF, flags: 0 }, None);
    }
}
