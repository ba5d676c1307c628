//! What only a kernel can show: wake-ups that do not come, edges that are told once, descriptors, and the end of a driver.

#[path = "../../uring/tests/kernel_side/mod.rs"]
mod kernel_side;

use driver::{Done, Driver, Ending, Errno, Fd, Filled, Hope, Op, Received, Tag};
use epoll::{Epoll, Options};
use kernel_side::{PATIENCE, TAG, check_wakes, hear, hoard, listener, look, pair, start, wait};
use nix::libc;
use nix::sys::socket::{MsgFlags, send};
use socket::{Wakeup, close_inherited, unshare_files};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

const BUFFER_SIZE: usize = 1024;

fn options() -> Options {
    let wakeup = Wakeup::new().expect("a descriptor");
    Options { sessions_max: 1000, buffer_count: 64, buffer_size: BUFFER_SIZE, pipes_max: 4, wakeup }
}

fn driver() -> Epoll {
    Epoll::new(options()).expect("every Linux has it")
}

fn text(done: &Done) -> String {
    let Done::Received(Ok(Received::Bytes { lease, count, .. })) = done else { panic!("{done:?}") };
    String::from_utf8_lossy(&lease.bytes()[..*count as usize]).into_owned()
}

/// Hundreds of idle connections: no turn ends because of them, no buffer is held, and each is still heard.
#[test]
fn idle_connections_cost_neither_turns_nor_buffers() {
    const COUNT: usize = 300;
    let mut driver = driver();
    let listener = listener(&mut driver);
    let mut pairs: Vec<(Fd, TcpStream)> = (0..COUNT).map(|_| pair(&mut driver, listener)).collect();
    for (number, (fd, _)) in pairs.iter().enumerate() {
        let hope = if number % 2 == 0 { Hope::Soon } else { Hope::Later };
        start(&mut driver, Op::Recv { fd: *fd, hope, count_max: u32::MAX });
    }
    // That they can be sent to is told once.
    assert!(look(&mut driver).is_empty());
    let (before, deadline) = (driver.stats().enters, driver.now() + Duration::from_millis(200));
    let mut done = Vec::new();
    driver.turn(Some(deadline), &mut done).expect("no error of epoll");
    assert!(driver.now() >= deadline && done.is_empty());
    assert_eq!(driver.stats().enters - before, 1, "one wait, as long as it was to be");
    assert_eq!((driver.in_flight_count(), driver.pool().used_count()), (COUNT, 0));

    for _ in 0..2 {
        for (_, peer) in &mut pairs {
            peer.write_all(b"x").expect("connected");
        }
        hear(&mut driver, COUNT);
        for (fd, _) in &pairs {
            start(&mut driver, Op::Recv { fd: *fd, hope: Hope::Later, count_max: u32::MAX });
        }
    }
    assert!(driver.stats().starved > 0, "300 receives and 64 buffers");
    for (fd, _) in &pairs {
        assert!(matches!(driver.submit(TAG, Op::Cancel { fd: *fd }), Some(Done::Cancelled)));
    }
    hear(&mut driver, COUNT);
    for (fd, _) in pairs {
        assert!(matches!(driver.submit(TAG, Op::Close { fd, ending: Ending::Orderly }), Some(Done::Closed)));
    }
    assert_eq!((driver.in_flight_count(), driver.pool().used_count()), (0, 0));
}

/// A pool of one buffer serves one receive after the other.
#[test]
fn the_smallest_pool_works() {
    let mut driver = Epoll::new(Options { buffer_count: 1, ..options() }).expect("every Linux has it");
    let listener = listener(&mut driver);
    let mut pairs: Vec<(Fd, TcpStream)> = (0..20).map(|_| pair(&mut driver, listener)).collect();
    for (fd, peer) in &mut pairs {
        start(&mut driver, Op::Recv { fd: *fd, hope: Hope::Later, count_max: u32::MAX });
        peer.write_all(b"x").expect("connected");
    }
    let before = driver.now();
    hear(&mut driver, 20);
    assert!(driver.now().since(before) < PATIENCE / 2, "a buffer that is back is used at once");
    assert!(driver.stats().starved > 0);
}

/// A flow that has bytes at every attempt is interrupted, goes on in the next turn without waiting, and others come first.
#[test]
fn a_flow_that_never_rests_starves_nobody() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    let (fast, mut fast_peer) = pair(&mut driver, listener);
    let (slow, mut slow_peer) = pair(&mut driver, listener);
    const SENT: usize = 64 * BUFFER_SIZE;
    fast_peer.write_all(&[b'x'; SENT]).expect("it fits into the sockets");
    start(&mut driver, Op::Recv { fd: slow, hope: Hope::Later, count_max: u32::MAX });
    slow_peer.write_all(b"y").expect("connected");
    let (mut received, mut turns) = (0, 0);
    let mut has_waited = true;
    while received < SENT {
        let mut at_once = 0;
        while let Some(done) = driver.submit(TAG, Op::Recv { fd: fast, hope: Hope::Soon, count_max: u32::MAX }) {
            received += text(&done).len();
            at_once += 1;
            if received == SENT {
                break;
            }
        }
        assert!(at_once <= 8, "{at_once} completions in a row");
        if received == SENT {
            break;
        }
        let done = wait(&mut driver, 1);
        turns += 1;
        for done in &done {
            match text(done).as_str() {
                "y" => has_waited = turns > 1,
                text => received += text.len(),
            }
        }
    }
    assert!(!has_waited, "the slow flow is heard in the first turn");
    assert!(turns >= 6, "{turns} turns for 64 buffers");
}

/// The end, or an error, may have been told together with the bytes before it: there is no second edge for it.
#[test]
fn an_end_behind_bytes_is_heard() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    let (fd, mut peer) = pair(&mut driver, listener);
    start(&mut driver, Op::Recv { fd, hope: Hope::Later, count_max: u32::MAX });
    assert!(look(&mut driver).is_empty());
    peer.write_all(b"bye").expect("connected");
    drop(peer);
    assert_eq!(text(&wait(&mut driver, 1)[0]), "bye");
    start(&mut driver, Op::Recv { fd, hope: Hope::Later, count_max: u32::MAX });
    assert!(matches!(wait(&mut driver, 1)[..], [Done::Received(Ok(Received::End))]));
}

/// `tcp(7)`: urgent data interrupts a receive, so that it returns less than there is. What lies behind has had its edge.
#[test]
fn bytes_behind_urgent_data_are_heard() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    let (fd, mut peer) = pair(&mut driver, listener);
    start(&mut driver, Op::Recv { fd, hope: Hope::Later, count_max: u32::MAX });
    assert!(look(&mut driver).is_empty());
    peer.write_all(b"before").expect("connected");
    send(peer.as_raw_fd(), b"!", MsgFlags::MSG_OOB).expect("connected");
    peer.write_all(b"behind").expect("connected");
    let mut heard = text(&wait(&mut driver, 1)[0]);
    while heard.len() < "beforebehind".len() {
        start(&mut driver, Op::Recv { fd, hope: Hope::Later, count_max: u32::MAX });
        heard += &text(&wait(&mut driver, 1)[0]);
    }
    assert_eq!(heard, "beforebehind");
}

/// The same when they are spliced, which stops at the mark for good: they are to be received.
#[test]
fn bytes_behind_urgent_data_are_not_waited_for_by_a_fill() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    let (fd, mut peer) = pair(&mut driver, listener);
    peer.write_all(b"before").expect("connected");
    send(peer.as_raw_fd(), b"!", MsgFlags::MSG_OOB).expect("connected");
    peer.write_all(b"behind").expect("connected");
    start(&mut driver, Op::Fill { fd, count_max: u32::MAX });
    let filled = wait(&mut driver, 1).pop();
    let Some(Done::Filled(Ok(Filled::Bytes(pipe)))) = filled else { panic!("{filled:?}") };
    assert_eq!(pipe.held(), 6);
    start(&mut driver, Op::Fill { fd, count_max: u32::MAX });
    assert!(matches!(wait(&mut driver, 1)[..], [Done::Filled(Ok(Filled::NoPipe))]));
    let received = driver.submit(TAG, Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
    assert_eq!(text(&received.expect("they are there")), "behind");
    start(&mut driver, Op::Fill { fd, count_max: u32::MAX });
    assert!(look(&mut driver).is_empty(), "nothing is there");
    peer.write_all(b"later").expect("connected");
    assert!(matches!(wait(&mut driver, 1)[..], [Done::Filled(Ok(Filled::Bytes(_)))]), "the mark was passed");
}

/// Whatever the order of receiving, starving and cancelling: every byte arrives once, in order, and then the end. An edge
/// that was lost would be waited for in vain.
#[test]
fn no_edge_is_lost() {
    for seed in 1..=20 {
        eprintln!("seed={seed}");
        let mut random = Random(seed);
        let mut driver = Epoll::new(Options { buffer_count: 3, buffer_size: 512, pipes_max: 0, ..options() })
            .expect("every Linux has it");
        let listener = listener(&mut driver);
        let mut flows: Vec<Flow> = (0..8).map(|_| Flow::new(pair(&mut driver, listener))).collect();
        let mut open = flows.len();
        let mut done = Vec::new();
        while open > 0 {
            for (index, flow) in flows.iter_mut().enumerate() {
                flow.peer_writes(&mut random);
                flow.receives(&mut driver, index, &mut random, &mut done);
            }
            let deadline = driver.now() + PATIENCE;
            let is_idle = done.is_empty() && flows.iter().all(|flow| flow.is_written);
            driver
                .turn(Some(if is_idle { deadline } else { driver::Instant::EPOCH }), &mut done)
                .expect("no error of epoll");
            assert!(driver.now() < deadline, "everything is written, and nothing comes");
            for (tag, done) in done.drain(..) {
                let Tag::Listener(index) = tag else { unreachable!("flows are numbered") };
                open -= usize::from(flows[index as usize].hears(done));
            }
        }
    }
}

/// One connection of [`no_edge_is_lost`].
struct Flow {
    fd: Fd,
    peer: TcpStream,
    written: usize,
    read: usize,
    is_written: bool,
    is_in_flight: bool,
    is_ended: bool,
}

impl Flow {
    const BYTES: usize = 20_000;

    fn new((fd, peer): (Fd, TcpStream)) -> Flow {
        Flow { fd, peer, written: 0, read: 0, is_written: false, is_in_flight: false, is_ended: false }
    }

    fn peer_writes(&mut self, random: &mut Random) {
        if self.is_written || random.below(3) > 0 {
            return;
        }
        let end = (self.written + random.below(2000)).min(Self::BYTES);
        let bytes: Vec<u8> = (self.written..end).map(|at| (at % 251) as u8).collect();
        self.peer.write_all(&bytes).expect("20,000 bytes fit into the sockets");
        self.written = end;
        if end == Self::BYTES {
            self.peer.shutdown(std::net::Shutdown::Write).expect("connected");
            self.is_written = true;
        }
    }

    fn receives(&mut self, driver: &mut Epoll, index: usize, random: &mut Random, done: &mut Vec<(Tag, Done)>) {
        let tag = Tag::Listener(index as u32);
        if !self.is_in_flight && !self.is_ended {
            self.is_in_flight = true;
            let hope = if random.below(2) == 0 { Hope::Soon } else { Hope::Later };
            let at_once = driver.submit(tag, Op::Recv { fd: self.fd, hope, count_max: u32::MAX });
            done.extend(at_once.map(|done| (tag, done)));
        }
        if random.below(8) == 0 {
            assert!(matches!(driver.submit(tag, Op::Cancel { fd: self.fd }), Some(Done::Cancelled)));
        }
    }

    /// Answers whether this was the end.
    fn hears(&mut self, done: Done) -> bool {
        self.is_in_flight = false;
        let Done::Received(result) = done else { panic!("{done:?}") };
        match result {
            Ok(Received::Bytes { lease, count, .. }) => {
                let expected: Vec<u8> = (self.read..self.read + count as usize).map(|at| (at % 251) as u8).collect();
                assert_eq!(lease.bytes()[..count as usize], expected);
                self.read += count as usize;
            }
            Ok(Received::End) => {
                assert_eq!(self.read, Flow::BYTES);
                self.is_ended = true;
            }
            Err(errno) => assert_eq!(errno, Errno::ECANCELED),
        }
        self.is_ended
    }
}

/// Xorshift: Marsaglia, "Xorshift RNGs", 2003.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[test]
fn a_driver_gives_everything_back_when_it_is_dropped() {
    let options = options();
    let shard = std::thread::spawn(move || {
        unshare_files().expect("no privilege is needed");
        close_inherited(&[options.wakeup.number()]).expect("Linux 5.9");
        let before = open_count();
        let mut driver = Epoll::new(options).expect("every Linux has it");
        let pool = driver.pool().clone();
        let listener = listener(&mut driver);
        let (quiet, quiet_peer) = pair(&mut driver, listener);
        let (busy, mut busy_peer) = pair(&mut driver, listener);
        start(&mut driver, Op::Readable { fd: listener });
        busy_peer.write_all(b"for the pipe").expect("connected");
        start(&mut driver, Op::Fill { fd: busy, count_max: u32::MAX });
        let filled = wait(&mut driver, 1).pop();
        let Some(Done::Filled(Ok(Filled::Bytes(pipe)))) = filled else { panic!("{filled:?}") };
        fill_up(&mut driver, quiet);
        start(&mut driver, Op::Recv { fd: quiet, hope: Hope::Soon, count_max: u32::MAX });
        assert_eq!(driver.in_flight_count(), 3, "a readiness, a send and a receive");
        drop(driver);
        drop(pipe);
        assert_eq!(pool.free_count(), 64);
        drop((quiet_peer, busy_peer));
        for fd in [listener, quiet, busy] {
            nix::unistd::close(fd.0).expect("a driver does not own the sockets of its shard");
        }
        assert_eq!(open_count(), before, "epoll and its pipes are closed");
    });
    shard.join().expect("no panic");
}

/// Sends until a send waits.
fn fill_up(driver: &mut Epoll, fd: Fd) {
    loop {
        let lease = driver.pool().lease().expect("each comes back");
        if driver.submit(TAG, Op::Send { fd, lease, start: 0, end: BUFFER_SIZE as u32 }).is_some() {
            continue;
        }
        // It may wait for its share of the next turn only.
        if look(driver).is_empty() && look(driver).is_empty() {
            return;
        }
    }
}

/// Descriptors of this thread's table.
fn open_count() -> usize {
    std::fs::read_dir("/proc/thread-self/fd").expect("proc(5)").count()
}

#[test]
fn a_thread_is_woken_while_it_waits() {
    let options = options();
    let (number, waker) = (options.wakeup.number(), options.wakeup.waker());
    check_wakes(number, &waker, || Epoll::new(options).expect("every Linux has it"));
}

/// `accept(2)`: at the limit of descriptors the connection stays in the queue, and comes once one is free. Flows that would
/// be spliced are copied meanwhile.
#[test]
fn at_the_descriptor_limit_a_connection_waits() {
    let options = options();
    let shard = std::thread::spawn(move || {
        unshare_files().expect("no privilege is needed");
        let mut driver = Epoll::new(options).expect("every Linux has it");
        let listener = listener(&mut driver);
        let (fd, mut peer) = pair(&mut driver, listener);
        let addr = driver.local_addr(listener).expect("bound").ip().expect("an ip address");
        let mut client = TcpStream::connect(addr).expect("it listens");
        let mut hoard = hoard(&mut driver);
        assert_eq!(driver.accept(listener).map(|_| ()), Err(Errno::EMFILE));

        peer.write_all(b"copied").expect("connected");
        start(&mut driver, Op::Fill { fd, count_max: u32::MAX });
        assert!(matches!(wait(&mut driver, 1)[..], [Done::Filled(Ok(Filled::NoPipe))]));
        assert_eq!(driver.pipes_refused_count(), 1);
        let received = driver.submit(TAG, Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
        assert_eq!(text(&received.expect("it has arrived")), "copied");

        driver.discard(hoard.pop().expect("there was room for some"));
        start(&mut driver, Op::Readable { fd: listener });
        assert!(matches!(wait(&mut driver, 1)[..], [Done::Readable(Ok(()))]), "it still waits");
        let accepted = driver.accept(listener).expect("one is free").expect("it has waited");
        let closed = driver.submit(TAG, Op::Close { fd: accepted.fd, ending: Ending::Orderly });
        assert!(matches!(closed, Some(Done::Closed)));
        assert_eq!(client.read(&mut [0]).expect("closed in order"), 0);
    });
    shard.join().expect("no panic");
}

/// `epoll_ctl(2)`: `ENOSPC`, at the limit of `max_user_watches`. The shard must be told to rest: asking again and again is all
/// that it could do otherwise. Whoever comes meanwhile is found when it looks, and a quiet listener may still be given up.
#[test]
fn a_listener_that_cannot_be_watched_does_not_spin() {
    let shard = std::thread::spawn(|| {
        let mut driver = driver();
        let listener = listener(&mut driver);
        forbid(libc::SYS_epoll_ctl, libc::ENOSPC);
        for _ in 0..2 {
            let done = driver.submit(TAG, Op::Readable { fd: listener });
            assert!(matches!(done, Some(Done::Readable(Err(Errno::ENOBUFS)))), "{done:?}");
            let errno = driver.accept(listener).expect_err("nobody waits, and readiness would not be heard of");
            assert!(errno.is_exhaustion());
            assert!(driver.accept(listener).expect("told once for each refusal").is_none());
        }
        let done = driver.submit(TAG, Op::Readable { fd: listener });
        assert!(matches!(done, Some(Done::Readable(Err(Errno::ENOBUFS)))), "{done:?}");
        let (fd, _peer) = pair(&mut driver, listener);
        assert_eq!(driver.accept(listener).map(|_| ()), Err(Errno::ENOBUFS), "the queue is empty again");

        let done = driver.submit(TAG, Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
        assert!(matches!(done, Some(Done::Received(Err(Errno::ENOBUFS)))), "{done:?}");
        driver.discard(listener);
    });
    shard.join().expect("no panic");
}

/// An inherited listener stays open elsewhere: after it was given up, nothing is heard of it, and it may be adopted again.
#[test]
fn an_adopted_listener_is_given_up_for_good() {
    let mut driver = driver();
    let inherited = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = inherited.local_addr().expect("bound");
    for _ in 0..2 {
        let fd = driver.adopt(inherited.as_raw_fd()).expect("it listens");
        start(&mut driver, Op::Readable { fd });
        assert!(look(&mut driver).is_empty());
        let _peer = TcpStream::connect(addr).expect("it listens");
        assert!(matches!(wait(&mut driver, 1)[..], [Done::Readable(Ok(()))]));
        assert!(driver.accept(fd).expect("no limit is near").is_some());
        driver.discard(fd);
    }
    let _peer = TcpStream::connect(addr).expect("it listens");
    let (before, deadline) = (driver.stats().enters, driver.now() + Duration::from_millis(50));
    driver.turn(Some(deadline), &mut Vec::new()).expect("no error of epoll");
    assert!(driver.now() >= deadline, "nothing has ended the wait");
    assert_eq!(driver.stats().enters - before, 1);
}

/// A sandbox that does not know `epoll_pwait2` refuses it: waiting is coarser then, and works.
#[test]
fn a_sandbox_without_the_newer_wait_is_served() {
    let shard = std::thread::spawn(|| {
        forbid(libc::SYS_epoll_pwait2, libc::EPERM);
        let mut driver = driver();
        let listener = listener(&mut driver);
        start(&mut driver, Op::Readable { fd: listener });
        let deadline = driver.now() + Duration::from_micros(20_500);
        while driver.now() < deadline {
            driver.turn(Some(deadline), &mut Vec::new()).expect("the older wait");
        }
        assert!(driver.stats().enters <= 2, "a wait is not shorter than it was to be");
        let addr = driver.local_addr(listener).expect("bound").ip().expect("an ip address");
        let _peer = TcpStream::connect(addr).expect("it listens");
        assert!(matches!(wait(&mut driver, 1)[..], [Done::Readable(Ok(()))]));
    });
    shard.join().expect("no panic");
}

/// Lets a system call fail in this thread, as container engines do.
fn forbid(call: i64, errno: i32) {
    const NUMBER_OFFSET: u32 = 0;
    let rule = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut rules = [
        rule(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, NUMBER_OFFSET),
        rule(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32),
        rule(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        rule(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: rules.len() as u16, filter: rules.as_mut_ptr() };
    nix::sys::prctl::set_no_new_privs().expect("always allowed");
    // SAFETY: the kernel reads `program` and the rules that it points to during the call.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
#[should_panic(expected = "while something is in flight on it")]
fn closing_under_an_op_is_noticed() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    start(&mut driver, Op::Readable { fd: listener });
    let _ = driver.submit(TAG, Op::Close { fd: listener, ending: Ending::Orderly });
}

/// Also when its cancel was requested: it has not completed yet.
#[test]
#[should_panic(expected = "while something is in flight on it")]
fn closing_under_a_cancelled_op_is_noticed() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    start(&mut driver, Op::Readable { fd: listener });
    let _ = driver.submit(TAG, Op::Cancel { fd: listener });
    driver.discard(listener);
}
