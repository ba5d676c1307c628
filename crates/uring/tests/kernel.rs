//! What only a kernel can show: worker threads, buffers, descriptors, and the end of a ring.

mod kernel_side;

use driver::{Addr, Done, Driver, Ending, Errno, Fd, Hope, ListenSpec, Op, Received};
use kernel_side::{PATIENCE, TAG, check_wakes, hear, hoard, listener, look, pair, spec, start, wait};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;
use uring::{Options, Uring, Wakeup, unshare_files};

fn options() -> Options {
    let wakeup = Wakeup::new().expect("a descriptor");
    Options { sessions_max: 1000, buffer_count: 64, buffer_size: 1024, pipes_max: 2, wakeup }
}

fn driver() -> Uring {
    Uring::new(options()).expect("these tests need io_uring")
}

fn unix(name: impl AsRef<[u8]>) -> ListenSpec {
    ListenSpec::at(Addr::Unix(Arc::from(name.as_ref())), 16)
}

fn borrow(fd: &Fd) -> BorrowedFd<'_> {
    // SAFETY: tests look at sockets that they have not closed.
    unsafe { BorrowedFd::borrow_raw(fd.0) }
}

/// The names of this process's threads that work for a ring (`iou-wrk-…`).
fn worker_count() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("proc(5)");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("iou-wrk")).count()
}

/// Hundreds of idle connections: no worker thread, no buffer, and each is still heard.
#[test]
fn idle_connections_cost_neither_threads_nor_buffers() {
    const COUNT: usize = 300;
    let mut driver = driver();
    let listener = listener(&mut driver);
    let mut pairs: Vec<(Fd, TcpStream)> = (0..COUNT).map(|_| pair(&mut driver, listener)).collect();
    for (number, (fd, _)) in pairs.iter().enumerate() {
        let hope = if number % 2 == 0 { Hope::Soon } else { Hope::Later };
        start(&mut driver, Op::Recv { fd: *fd, hope, count_max: u32::MAX });
    }
    assert!(look(&mut driver).is_empty());
    assert_eq!(worker_count(), 0);
    assert_eq!(driver.in_flight_count() as usize, COUNT);
    assert_eq!(driver.pool().used_count(), 32, "half of the pool lies ready for all of them");

    for (_, peer) in &mut pairs {
        peer.write_all(b"x").expect("connected");
    }
    hear(&mut driver, COUNT);
    // All at once, for more bytes than there are buffers.
    for (fd, peer) in &mut pairs {
        peer.write_all(b"x").expect("connected");
        start(&mut driver, Op::Recv { fd: *fd, hope: Hope::Soon, count_max: u32::MAX });
    }
    hear(&mut driver, COUNT);
    assert!(driver.stats().starved > 0, "300 receives and 64 buffers");
    for (fd, peer) in pairs {
        drop(peer);
        start(&mut driver, Op::Close { fd, ending: Ending::Orderly });
    }
    hear(&mut driver, COUNT);
    assert_eq!((worker_count(), driver.in_flight_count()), (0, 0));
}

/// Buffers that lie ready because many were needed at once are taken back, and those that remain are good.
#[test]
fn what_a_burst_has_left_behind_is_given_back() {
    const COUNT: usize = 60;
    let mut driver = Uring::new(Options { buffer_count: 512, ..options() }).expect("these tests need io_uring");
    let listener = listener(&mut driver);
    let mut pairs: Vec<(Fd, TcpStream)> = (0..COUNT).map(|_| pair(&mut driver, listener)).collect();
    for round in 0..3 {
        for (fd, peer) in &mut pairs {
            peer.write_all(b"x").expect("connected");
            start(&mut driver, Op::Recv { fd: *fd, hope: Hope::Soon, count_max: u32::MAX });
        }
        hear(&mut driver, COUNT);
        assert!(look(&mut driver).is_empty());
        let ready_count = driver.pool().used_count();
        assert!(ready_count >= COUNT, "{ready_count} in round {round}");
        driver.tidy(8);
        assert_eq!(driver.pool().used_count(), ready_count, "they were needed a moment ago");
        driver.tidy(8);
        driver.tidy(8);
        assert_eq!((driver.pool().used_count(), driver.pool().is_larger_than(ready_count)), (16, false));
    }
    for (number, (fd, peer)) in pairs.iter_mut().enumerate() {
        peer.write_all(&[number as u8; 3]).expect("connected");
        start(&mut driver, Op::Recv { fd: *fd, hope: Hope::Later, count_max: u32::MAX });
    }
    let third = |done| {
        let Done::Received(Ok(Received::Bytes { lease, count: 3, .. })) = done else { panic!("{done:?}") };
        lease.bytes()[2]
    };
    let mut heard: Vec<u8> = wait(&mut driver, COUNT).into_iter().map(third).collect();
    heard.sort_unstable();
    assert_eq!(heard, (0..COUNT as u8).collect::<Vec<u8>>());
}

/// Whoever is about to be busy for long hands over what was submitted: it leaves without a turn.
#[test]
fn what_is_flushed_leaves_before_the_turn() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    let (fd, mut peer) = pair(&mut driver, listener);
    let mut lease = driver.pool().lease().expect("nothing is in use");
    lease.bytes_mut()[..3].copy_from_slice(b"abc");
    start(&mut driver, Op::Send { fd, lease, start: 0, end: 3 });
    driver.flush();
    let mut bytes = [0; 3];
    peer.set_read_timeout(Some(PATIENCE)).expect("not zero");
    peer.read_exact(&mut bytes).expect("sent");
    assert_eq!(&bytes, b"abc");
    assert!(matches!(wait(&mut driver, 1)[..], [Done::Sent { result: Ok(3), .. }]));
}

/// Waiting is one entry into the kernel, however long it takes.
#[test]
fn a_deadline_ends_a_turn() {
    let mut driver = driver();
    let deadline = driver.now() + Duration::from_millis(50);
    driver.turn(Some(deadline), &mut Vec::new()).expect("no error of the ring");
    assert!(driver.now() >= deadline);
    assert_eq!(driver.stats().enters, 1);
}

/// A pool of one buffer serves one receive after the other.
#[test]
fn the_smallest_pool_works() {
    let mut driver = Uring::new(Options { buffer_count: 1, ..options() }).expect("these tests need io_uring");
    let listener = listener(&mut driver);
    let mut pairs: Vec<(Fd, TcpStream)> = (0..20).map(|_| pair(&mut driver, listener)).collect();
    for (fd, peer) in &mut pairs {
        peer.write_all(b"x").expect("connected");
        start(&mut driver, Op::Recv { fd: *fd, hope: Hope::Soon, count_max: u32::MAX });
    }
    hear(&mut driver, 20);
}

/// More submissions in one turn than the queue holds.
#[test]
fn a_full_queue_is_flushed() {
    const COUNT: usize = 1500;
    let mut driver = driver();
    let listener = listener(&mut driver);
    for _ in 0..COUNT {
        start(&mut driver, Op::Readable { fd: listener });
    }
    assert_eq!(driver.stats().queue_full, 1);
    assert!(driver.submit(TAG, Op::Cancel { fd: listener }).is_some());
    assert_eq!(driver.stats().queue_full, 2);
    for done in wait(&mut driver, COUNT) {
        assert!(matches!(done, Done::Readable(Err(Errno::ECANCELED))), "{done:?}");
    }
}

#[test]
fn a_ring_gives_everything_back_when_it_is_dropped() {
    let mut driver = driver();
    let pool = driver.pool().clone();
    let listener = listener(&mut driver);
    start(&mut driver, Op::Readable { fd: listener });
    let (quiet, _quiet_peer) = pair(&mut driver, listener);
    start(&mut driver, Op::Recv { fd: quiet, hope: Hope::Soon, count_max: u32::MAX });
    let (busy, mut busy_peer) = pair(&mut driver, listener);
    let mut held = Vec::new();
    // Uses up the pool, so that one receive starves.
    while driver.stats().starved == 0 {
        busy_peer.write_all(b"x").expect("connected");
        start(&mut driver, Op::Recv { fd: busy, hope: Hope::Soon, count_max: u32::MAX });
        held.extend(look(&mut driver));
    }
    let mut lease = match held.pop() {
        Some(Done::Received(Ok(Received::Bytes { lease, .. }))) => lease,
        done => panic!("{done:?}"),
    };
    lease.bytes_mut().fill(0);
    start(&mut driver, Op::Send { fd: quiet, lease, start: 0, end: 1024 });
    // One op of each kind is in flight, queued or starved.
    drop(driver);
    drop(held);
    assert_eq!(pool.free_count(), 64);
    for fd in [listener, quiet, busy] {
        nix::unistd::close(fd.0).expect("a driver does not own the sockets of its shard");
    }
}

#[test]
fn a_thread_is_woken_while_it_waits() {
    let options = options();
    let (number, waker) = (options.wakeup.number(), options.wakeup.waker());
    check_wakes(number, &waker, || Uring::new(options).expect("rings work in a file table of one's own"));
}

/// Until they are spliced (`tests/splice.rs`).
#[test]
fn connections_are_waited_for_by_the_ring() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    let (accepted, _peer) = pair(&mut driver, listener);
    let made = driver.socket(&spec("[::1]:1").addr).expect("no limit is near");
    for fd in [accepted, made] {
        let flags = nix::fcntl::fcntl(borrow(&fd), nix::fcntl::FcntlArg::F_GETFL).expect("open");
        assert_eq!(flags & nix::libc::O_NONBLOCK, 0, "the ring waits only for what would block");
    }
}

/// A connect that would wait for a full backlog fails at once: it must not occupy a worker thread.
#[test]
fn a_unix_connect_never_waits() {
    let mut driver = driver();
    let name = format!("\0tidegate-test-{}", std::process::id());
    let addr = unix(&name).addr;
    let server = driver.bind(&unix(&name)).expect("free");
    let connect = |driver: &mut Uring| {
        let fd = driver.socket(&addr).expect("no limit is near");
        match driver.submit(TAG, Op::Connect { fd, addr: addr.clone() }) {
            Some(Done::Connected(result)) => (fd, result),
            done => panic!("{done:?}"),
        }
    };
    driver.listen(server, 0).expect("bound");
    let (fd, connected) = connect(&mut driver);
    assert_eq!(connected, Ok(()));
    assert_eq!(connect(&mut driver).1, Err(Errno::EAGAIN));

    // What was connected is waited for by the ring like any other socket.
    start(&mut driver, Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
    assert!(look(&mut driver).is_empty());
    let accepted = driver.accept(server).expect("no limit is near").expect("one has connected");
    let lease = driver.pool().lease().expect("64 buffers");
    start(&mut driver, Op::Send { fd: accepted.fd, lease, start: 0, end: 5 });
    assert_eq!(wait(&mut driver, 2).len(), 2);
    assert_eq!(worker_count(), 0);
}

/// `accept(2)`: at the limit of descriptors the connection stays in the queue, and comes once one is free.
#[test]
fn at_the_descriptor_limit_a_connection_waits() {
    let options = options();
    let server = std::thread::spawn(move || {
        unshare_files().expect("no privilege is needed");
        let mut driver = Uring::new(options).expect("these tests need io_uring");
        let listener = listener(&mut driver);
        let addr = driver.local_addr(listener).expect("bound").ip().expect("an ip address");
        let mut client = TcpStream::connect(addr).expect("it listens");
        let mut hoard = hoard(&mut driver);
        assert_eq!(driver.accept(listener).map(|_| ()), Err(Errno::EMFILE));
        driver.discard(hoard.pop().expect("there was room for some"));
        let accepted = driver.accept(listener).expect("one is free").expect("it has waited");
        start(&mut driver, Op::Close { fd: accepted.fd, ending: Ending::Orderly });
        assert!(matches!(wait(&mut driver, 1)[..], [Done::Closed]));
        assert_eq!(client.read(&mut [0]).expect("closed in order"), 0);
    });
    server.join().expect("no panic");
}

#[test]
#[should_panic(expected = "while something is in flight on it")]
fn closing_under_an_op_is_noticed() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    start(&mut driver, Op::Readable { fd: listener });
    let _ = driver.submit(TAG, Op::Close { fd: listener, ending: Ending::Orderly });
}
