//! What only a kernel can show of splicing: bulk, worker threads, numbers of sockets that are used again, and limits.

mod kernel_side;

use driver::{Addr, Done, Driver, Ending, Errno, Fd, Filled, Hope, ListenSpec, Op, Pipe, Received, Tag};
use kernel_side::{PATIENCE, TAG, listener, listener_at, pair, spec, wait};
use nix::sys::socket::{MsgFlags, send};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use uring::{Options, Uring, Wakeup, close_inherited, unshare_files};

fn driver(pipes_max: u32) -> Uring {
    let wakeup = Wakeup::new().expect("a descriptor");
    with(pipes_max, wakeup)
}

fn with(pipes_max: u32, wakeup: Wakeup) -> Uring {
    let options = Options { sessions_max: 64, buffer_count: 16, buffer_size: 4096, pipes_max, wakeup };
    Uring::new(options).expect("these tests need io_uring")
}

fn next(driver: &mut Uring) -> Done {
    let mut done = wait(driver, 1);
    assert_eq!(done.len(), 1, "{done:?}");
    done.remove(0)
}

fn run(driver: &mut Uring, op: Op) -> Done {
    driver.submit(TAG, op).unwrap_or_else(|| next(driver))
}

fn filled(driver: &mut Uring, fd: Fd) -> Pipe {
    let Done::Filled(Ok(Filled::Bytes(pipe))) = run(driver, Op::Fill { fd, count_max: u32::MAX }) else {
        panic!("bytes have arrived")
    };
    pipe
}

/// A relay in one direction, until the end. Answers how often a drain moved a part only.
fn relay(driver: &mut Uring, from: Fd, to: Fd) -> u32 {
    let mut parts = 0;
    loop {
        let Done::Filled(Ok(filled)) = run(driver, Op::Fill { fd: from, count_max: u32::MAX }) else {
            panic!("a fill is in flight")
        };
        let mut pipe = match filled {
            Filled::Bytes(pipe) => pipe,
            Filled::End => break,
            Filled::NoPipe => panic!("one flow and one pipe"),
        };
        while pipe.held() > 0 {
            let Done::Drained { pipe: back, result } = run(driver, Op::Drain { fd: to, pipe }) else {
                panic!("a drain is all that is in flight")
            };
            assert!(result.expect("the sink reads") > 0);
            parts += u32::from(back.held() > 0);
            pipe = back;
        }
    }
    driver.discard(from);
    driver.discard(to);
    parts
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

/// The names of this process's threads that work for a ring (`iou-wrk-…`).
fn worker_count() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("proc(5)");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("iou-wrk")).count()
}

/// Far more than any buffer holds, in order and whole, and nobody else works for it.
#[test]
fn bulk_arrives_in_order() {
    const SIZE: usize = 64 << 20;
    let mut driver = driver(1);
    let listener = listener(&mut driver);
    let (from, mut source) = pair(&mut driver, listener);
    let (to, mut sink) = pair(&mut driver, listener);
    let sender = std::thread::spawn(move || source.write_all(&pattern(SIZE)).expect("the relay reads"));
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        sink.read_to_end(&mut bytes).expect("the relay sends");
        bytes == pattern(SIZE)
    });
    let parts = relay(&mut driver, from, to);
    sender.join().expect("no panic");
    assert!(reader.join().expect("no panic"), "bytes in disorder");
    assert!(parts > 0, "64 MiB and a socket was never full");
    assert_eq!(driver.stats().spliced_bytes, SIZE as u64);
    assert_eq!((worker_count(), driver.in_flight_count()), (0, 0));
}

/// Connections to a listener in the abstract namespace, whose buffers take bytes before anybody reads.
fn unix_pairs(driver: &mut Uring, name: &str, count: usize) -> Vec<(Fd, UnixStream)> {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("tidegate-{name}-{}", std::process::id());
    let listener = listener_at(driver, &ListenSpec::at(Addr::Unix(Arc::from(format!("\0{name}").as_bytes())), 16));
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(&name).expect("short");
    let mut connect = || {
        let peer = UnixStream::connect_addr(&addr).expect("it listens");
        (driver.accept(listener).expect("no limit is near").expect("connected").fd, peer)
    };
    (0..count).map(|_| connect()).collect()
}

/// More than a turn moves is ready before a byte is, and yet it does not wait until all of it is moved.
#[test]
fn a_short_message_does_not_wait_for_everybody() {
    // Each holds some 180 KiB.
    const COUNT: usize = 150;
    let mut driver = driver(COUNT as u32);
    let mut pairs = unix_pairs(&mut driver, "short", COUNT + 1);
    let (short, mut source) = pairs.pop().expect("one more");
    for (fd, bulk) in &mut pairs {
        bulk.set_nonblocking(true).expect("an open socket takes this flag");
        while bulk.write(&[7; 16384]).is_ok() {}
        assert!(driver.submit(TAG, Op::Fill { fd: *fd, count_max: u32::MAX }).is_none());
    }
    source.write_all(b"!").expect("room for one");
    assert!(driver.submit(TAG, Op::Recv { fd: short, hope: Hope::Soon, count_max: u32::MAX }).is_none());
    let (mut done, mut fills_before) = (Vec::new(), None);
    while done.len() <= COUNT {
        driver.turn(Some(driver.now() + PATIENCE), &mut done).expect("no error of the ring");
        let is_message = |(_, done): &(Tag, Done)| matches!(done, Done::Received(_));
        if fills_before.is_none() && done.iter().any(is_message) {
            fills_before = Some(done.len() - 1);
        }
    }
    assert!(fills_before.is_some_and(|count| (1..COUNT).contains(&count)), "{fills_before:?} of {COUNT}");
    drop(done);
    pairs.into_iter().for_each(|(fd, _)| driver.discard(fd));
    driver.discard(short);
}

#[test]
fn unix_sockets_are_spliced() {
    const SIZE: usize = 4 << 20;
    let mut driver = driver(1);
    let mut pairs = unix_pairs(&mut driver, "splice", 2).into_iter();
    let mut connect = || pairs.next().expect("two");
    let ((from, mut source), (to, mut sink)) = (connect(), connect());
    let sender = std::thread::spawn(move || source.write_all(&pattern(SIZE)).expect("the relay reads"));
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        sink.read_to_end(&mut bytes).expect("the relay sends");
        bytes == pattern(SIZE)
    });
    relay(&mut driver, from, to);
    sender.join().expect("no panic");
    assert!(reader.join().expect("no panic"), "bytes in disorder");
    assert_eq!(worker_count(), 0);
}

/// RFC 9293 §3.8.5. The kernel splices nothing from an urgent mark on, and calls the socket readable for what lies behind it:
/// waiting again would spin.
#[test]
fn urgent_bytes_do_not_spin() {
    let mut driver = driver(1);
    let listener = listener(&mut driver);
    let (fd, mut peer) = pair(&mut driver, listener);
    peer.write_all(b"before").expect("connected");
    send(peer.as_raw_fd(), b"!", MsgFlags::MSG_OOB).expect("connected");
    peer.write_all(b"behind").expect("connected");
    let pipe = filled(&mut driver, fd);
    assert_eq!(pipe.held(), 6);
    drop(pipe);
    let done = run(&mut driver, Op::Fill { fd, count_max: u32::MAX });
    assert!(matches!(done, Done::Filled(Ok(Filled::NoPipe))), "{done:?}");
    assert!(driver.stats().completions < 5);
    let Done::Received(Ok(Received::Bytes { lease, count, .. })) =
        run(&mut driver, Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX })
    else {
        panic!("bytes have arrived")
    };
    assert_eq!(&lease.bytes()[..count as usize], b"behind");
    drop(lease);
    peer.write_all(b"later").expect("connected");
    assert_eq!(filled(&mut driver, fd).held(), 5, "the mark was passed");
}

/// Fills `to` until a drain waits, which it must do in the ring and not in the call.
fn stuff(driver: &mut Uring, from: Fd, source: &mut TcpStream, to: Fd) {
    loop {
        source.write_all(&[b'x'; 65536]).expect("the relay reads");
        let mut pipe = filled(driver, from);
        while pipe.held() > 0 {
            match driver.submit(TAG, Op::Drain { fd: to, pipe }) {
                Some(Done::Drained { pipe: back, result: Ok(_) }) => pipe = back,
                Some(done) => panic!("{done:?}"),
                None => return,
            }
        }
    }
}

/// A socket of the same number as one that was made non-blocking is made so as well.
#[test]
fn a_number_that_is_used_again_does_not_block() {
    let wakeup = Wakeup::new().expect("a descriptor");
    // In a file table of its own, nobody else takes the number.
    let shard = std::thread::spawn(move || {
        unshare_files().expect("no privilege is needed");
        let mut driver = with(1, wakeup);
        let listener = listener(&mut driver);
        let (from, mut source) = pair(&mut driver, listener);
        for round in 0..2 {
            let (to, sink) = pair(&mut driver, listener);
            stuff(&mut driver, from, &mut source, to);
            assert!(driver.submit(TAG, Op::Cancel { fd: to }).is_some());
            let done = next(&mut driver);
            assert!(matches!(done, Done::Drained { result: Err(Errno::ECANCELED), .. }), "{done:?}");
            drop((done, sink));
            if round == 0 {
                let done = run(&mut driver, Op::Close { fd: to, ending: Ending::Reset });
                assert!(matches!(done, Done::Closed), "{done:?}");
            } else {
                driver.discard(to);
            }
        }
    });
    shard.join().expect("no panic");
}

/// `pipe(2)`: at the limit of descriptors a fill says so, and the bytes are received instead.
#[test]
fn at_the_descriptor_limit_there_are_no_pipes() {
    let wakeup = Wakeup::new().expect("a descriptor");
    let shard = std::thread::spawn(move || {
        unshare_files().expect("no privilege is needed");
        let mut driver = with(1, wakeup);
        let listener = listener(&mut driver);
        let (fd, mut peer) = pair(&mut driver, listener);
        let mut hoard = Vec::new();
        while let Ok(fd) = driver.socket(&spec("127.0.0.1:0").addr) {
            hoard.push(fd);
        }
        peer.write_all(b"hello").expect("connected");
        for _ in 0..3 {
            let done = run(&mut driver, Op::Fill { fd, count_max: u32::MAX });
            assert!(matches!(done, Done::Filled(Ok(Filled::NoPipe))), "{done:?}");
        }
        assert_eq!(driver.refused_pipe_count(), 1, "it is not asked at every fill");
        let done = run(&mut driver, Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX });
        assert!(matches!(done, Done::Received(Ok(Received::Bytes { count: 5, .. }))), "{done:?}");
        drop(done);

        hoard.drain(..2).for_each(|fd| driver.discard(fd));
        peer.write_all(b"hello").expect("connected");
        assert_eq!(filled(&mut driver, fd).held(), 5);
        assert_eq!(driver.refused_pipe_count(), 1);
    });
    shard.join().expect("no panic");
}

/// Also with a fill and a drain in flight, and a pipe in the shard's hands.
#[test]
fn a_ring_closes_its_pipes_when_it_is_dropped() {
    let wakeup = Wakeup::new().expect("a descriptor");
    let shard = std::thread::spawn(move || {
        unshare_files().expect("no privilege is needed");
        close_inherited(&[wakeup.number()]).expect("Linux 5.9");
        let open = || std::fs::read_dir("/proc/thread-self/fd").expect("proc(5)").count();
        let mut driver = with(3, wakeup);
        let listener = listener(&mut driver);
        let (from, mut source) = pair(&mut driver, listener);
        let (to, sink) = pair(&mut driver, listener);
        let before = open();
        source.write_all(b"hello").expect("connected");
        let held = filled(&mut driver, from);
        stuff(&mut driver, from, &mut source, to);
        assert!(driver.submit(TAG, Op::Fill { fd: from, count_max: u32::MAX }).is_none());
        assert_eq!(open() - before, 4, "two pipes; the fill that waits has none");
        drop(driver);
        assert_eq!(before - open(), 1, "the pipes, and the ring itself");
        drop((held, sink));
    });
    shard.join().expect("no panic");
}

#[test]
#[should_panic(expected = "before what is being sent")]
fn ending_a_socket_under_a_drain_is_noticed() {
    let mut driver = driver(1);
    let listener = listener(&mut driver);
    let (from, mut source) = pair(&mut driver, listener);
    let (to, _sink) = pair(&mut driver, listener);
    stuff(&mut driver, from, &mut source, to);
    let _ = driver.submit(TAG, Op::Finish { fd: to });
}
