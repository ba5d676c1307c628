//! What only a kernel can show of fills that are put off, because several sockets bring much at the same time: that each of them still
//! completes, once and whole, whatever becomes of its socket, its ring or its peer meanwhile.

mod kernel_side;

use driver::{Done, Driver, Ending, Errno, Fd, Filled, Instant, Op, Pipe, Tag};
use kernel_side::{PATIENCE, TAG, listener, look, pair, start, wait};
use nix::sys::socket::{setsockopt, sockopt};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use uring::{Options, Uring, Wakeup, close_inherited, unshare_files};

/// Of so many that bring something at once, the last ones rest for as long as any may.
const COUNT: usize = 16;
/// What each has brought.
const BROUGHT: &[u8] = b"brought";

fn driver() -> Uring {
    with(Wakeup::new().expect("a descriptor"))
}

fn with(wakeup: Wakeup) -> Uring {
    let options =
        Options { sessions_max: 64, buffer_count: 16, buffer_size: 4096, pipes_max: 2 * COUNT as u32, wakeup };
    Uring::new(options).expect("these tests need io_uring")
}

/// Connections on which much is expected, named by their place here.
struct Crowd {
    members: Vec<(Fd, TcpStream)>,
}

/// A fill that has completed, and whose it is.
type Completion = (usize, Result<Filled, Errno>);

impl Crowd {
    fn new(driver: &mut Uring) -> Crowd {
        let listener = listener(driver);
        Crowd { members: (0..COUNT).map(|_| pair(driver, listener)).collect() }
    }

    fn fd(&self, number: usize) -> Fd {
        self.members[number].0
    }

    fn fill(&self, driver: &mut Uring, number: usize) {
        let done = driver.submit(Tag::Listener(number as u32), Op::Fill { fd: self.fd(number), count_max: u32::MAX });
        assert!(done.is_none(), "{done:?}");
    }

    /// Every peer brings something, and every fill finds it at the same moment.
    fn bring(&mut self, driver: &mut Uring) {
        for (fd, peer) in &mut self.members {
            peer.write_all(BROUGHT).expect("connected");
            while !driver.is_readable(*fd) {
                thread::yield_now();
            }
        }
        (0..COUNT).for_each(|number| self.fill(driver, number));
    }

    /// The fills that rest, of sockets that have all brought something. On a machine that leaves this thread alone for longer than a rest
    /// takes there are none, so that they bring something again.
    fn put_to_rest(&mut self, driver: &mut Uring) -> Vec<usize> {
        for _ in 0..100 {
            self.bring(driver);
            let risen: Vec<usize> = turn(driver, Instant::EPOCH).into_iter().map(|(number, _)| number).collect();
            let resting: Vec<usize> = (0..COUNT).filter(|number| !risen.contains(number)).collect();
            if !resting.is_empty() {
                assert_eq!(driver.in_flight_count() as usize, resting.len());
                return resting;
            }
        }
        panic!("nobody rests")
    }
}

/// What completes in one turn, which is fills.
fn turn(driver: &mut Uring, deadline: Instant) -> Vec<Completion> {
    let mut done = Vec::new();
    driver.turn(Some(deadline), &mut done).expect("no error of the ring");
    let fill = |(tag, done)| match (tag, done) {
        (Tag::Listener(number), Done::Filled(result)) => (number as usize, result),
        (tag, done) => panic!("{tag:?}: {done:?}"),
    };
    done.into_iter().map(fill).collect()
}

/// The completions of so many fills.
fn completed(driver: &mut Uring, count: usize) -> Vec<Completion> {
    let deadline = driver.now() + PATIENCE;
    let mut completions = Vec::new();
    while completions.len() < count {
        assert!(driver.now() < deadline, "{count} fills, and only {completions:?} completed");
        completions.append(&mut turn(driver, deadline));
    }
    completions
}

/// Asserts that each of these fills has completed once, with what its peer has brought.
fn check_brought(completions: &[Completion], fills: &[usize]) {
    let mut numbers: Vec<usize> = completions.iter().map(|(number, _)| *number).collect();
    numbers.sort();
    assert_eq!(numbers, fills);
    for (number, result) in completions {
        let Ok(Filled::Bytes(pipe)) = result else { panic!("{number}: {result:?}") };
        assert_eq!(pipe.held() as usize, BROUGHT.len(), "{number}");
    }
}

/// The driver's own wait ends for it.
#[test]
fn a_rest_ends_though_nothing_else_happens() {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut driver = driver();
        let mut crowd = Crowd::new(&mut driver);
        let mut resting = crowd.put_to_rest(&mut driver);
        while !resting.is_empty() {
            let mut done = Vec::new();
            driver.turn(None, &mut done).expect("no error of the ring");
            resting.retain(|&number| !done.iter().any(|(tag, _)| *tag == Tag::Listener(number as u32)));
        }
        tell.send(driver.in_flight_count()).expect("the test listens");
    });
    assert_eq!(told.recv_timeout(PATIENCE), Ok(0));
}

/// One of the flows of [`many_flows_at_once_lose_nothing`].
struct Flow {
    from: Fd,
    to: Fd,
    writer: JoinHandle<()>,
    reader: JoinHandle<bool>,
}

const FLOW_SIZE: usize = 4 << 20;

impl Flow {
    fn new(driver: &mut Uring, listener: Fd, number: usize) -> Flow {
        let (from, mut source) = pair(driver, listener);
        let (to, mut sink) = pair(driver, listener);
        let writer = thread::spawn(move || source.write_all(&pattern(number)).expect("the relay reads"));
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            sink.read_to_end(&mut bytes).expect("the relay sends");
            bytes == pattern(number)
        });
        Flow { from, to, writer, reader }
    }

    fn fill(&self) -> Op {
        Op::Fill { fd: self.from, count_max: u32::MAX }
    }

    fn drain(&self, pipe: Pipe) -> Op {
        Op::Drain { fd: self.to, pipe }
    }

    /// What is to be done next; nothing is where the flow has ended.
    fn next(&self, done: Done) -> Option<Op> {
        if let Done::Filled(filled) = done {
            return match filled.expect("the source stays") {
                Filled::Bytes(pipe) => Some(self.drain(pipe)),
                Filled::End => None,
                Filled::NoPipe => panic!("a pipe for each flow"),
            };
        }
        let Done::Drained { pipe, result } = done else { panic!("{done:?}") };
        result.expect("the sink stays");
        Some(if pipe.held() > 0 { self.drain(pipe) } else { self.fill() })
    }
}

/// Bytes that no other flow has at the same place.
fn pattern(number: usize) -> Vec<u8> {
    (0..FLOW_SIZE).map(|at| ((at + 7 * number) % 251) as u8).collect()
}

#[test]
fn many_flows_at_once_lose_nothing() {
    let mut driver = driver();
    let listener = listener(&mut driver);
    let flows: Vec<Flow> = (0..COUNT / 2).map(|number| Flow::new(&mut driver, listener, number)).collect();
    let mut ops: Vec<(usize, Op)> = flows.iter().map(Flow::fill).enumerate().collect();
    let mut open_count = flows.len();
    let deadline = driver.now() + PATIENCE;
    while open_count > 0 {
        let mut done = Vec::new();
        for (number, op) in ops.drain(..) {
            let tag = Tag::Listener(number as u32);
            done.extend(driver.submit(tag, op).map(|done| (tag, done)));
        }
        if done.is_empty() {
            assert!(driver.now() < deadline, "{open_count} flows have not ended");
            driver.turn(Some(deadline), &mut done).expect("no error of the ring");
        }
        for (tag, done) in done {
            let Tag::Listener(number) = tag else { panic!("{tag:?}") };
            match flows[number as usize].next(done) {
                Some(op) => ops.push((number as usize, op)),
                None => open_count -= 1,
            }
        }
    }
    assert_eq!(driver.in_flight_count(), 0);
    assert_eq!(driver.stats().spliced_bytes, (flows.len() * FLOW_SIZE) as u64);
    for Flow { from, to, writer, reader } in flows {
        driver.discard(from);
        driver.discard(to);
        writer.join().expect("no panic");
        assert!(reader.join().expect("no panic"), "bytes in disorder");
    }
}

/// A cancel is a request: what has come is there, so that the fill succeeds, and the cancel changes nothing about when.
#[test]
fn a_fill_that_is_cancelled_while_it_rests_completes_once() {
    let mut driver = driver();
    let mut crowd = Crowd::new(&mut driver);
    let resting = crowd.put_to_rest(&mut driver);
    for &number in resting.iter().chain(&resting) {
        let done = driver.submit(TAG, Op::Cancel { fd: crowd.fd(number) });
        assert!(matches!(done, Some(Done::Cancelled)), "{done:?}");
    }
    check_brought(&completed(&mut driver, resting.len()), &resting);
    assert_eq!(driver.in_flight_count(), 0);
    for (fd, _) in &crowd.members {
        start(&mut driver, Op::Close { fd: *fd, ending: Ending::Orderly });
    }
    let closed = wait(&mut driver, COUNT);
    assert!(closed.iter().all(|done| matches!(done, Done::Closed)), "{closed:?}");
    for (_, peer) in &mut crowd.members {
        assert_eq!(peer.read(&mut [0]).expect("an end"), 0);
    }
    // Cancels that found nothing, and rests that are over, say nothing.
    assert!(look(&mut driver).is_empty());
}

#[test]
fn a_peer_that_leaves_while_its_fill_rests_has_brought_what_it_brought() {
    let mut driver = driver();
    let mut crowd = Crowd::new(&mut driver);
    let resting = crowd.put_to_rest(&mut driver);
    let resets = |number: usize| number.is_multiple_of(2);
    for (number, (_, peer)) in crowd.members.iter().enumerate() {
        if resets(number) {
            let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
            setsockopt(peer, sockopt::Linger, &at_once).expect("SO_LINGER");
        }
    }
    let fds: Vec<Fd> = crowd.members.drain(..).map(|(fd, _)| fd).collect();
    check_brought(&completed(&mut driver, resting.len()), &resting);
    for (number, &fd) in fds.iter().enumerate() {
        start(&mut driver, Op::Fill { fd, count_max: u32::MAX });
        let done = format!("{:?}", wait(&mut driver, 1));
        let expected = if resets(number) { "[Filled(Err(ECONNRESET))]" } else { "[Filled(Ok(End))]" };
        assert_eq!(done, expected, "{number}");
        driver.discard(fd);
    }
}

/// Nothing more follows, so that there is nothing to gather.
#[test]
fn what_has_ended_is_not_put_off() {
    let mut driver = driver();
    let mut crowd = Crowd::new(&mut driver);
    let resting = crowd.put_to_rest(&mut driver);
    check_brought(&completed(&mut driver, resting.len()), &resting);
    for (fd, peer) in &mut crowd.members {
        peer.shutdown(Shutdown::Write).expect("connected");
        while !driver.is_readable(*fd) {
            thread::yield_now();
        }
    }
    (0..COUNT).for_each(|number| crowd.fill(&mut driver, number));
    let ends = turn(&mut driver, Instant::EPOCH);
    assert!(ends.iter().all(|(_, result)| matches!(result, Ok(Filled::End))), "{ends:?}");
    assert_eq!(ends.len(), COUNT, "all of them at once");
}

#[test]
fn a_ring_that_is_dropped_while_fills_rest_leaves_nothing_open() {
    let wakeup = Wakeup::new().expect("a descriptor");
    // In a file table of its own, nobody else opens anything.
    let shard = thread::spawn(move || {
        unshare_files().expect("no privilege is needed");
        close_inherited(&[wakeup.number()]).expect("Linux 5.9");
        let open = || std::fs::read_dir("/proc/thread-self/fd").expect("proc(5)").count();
        let mut driver = with(wakeup);
        let mut crowd = Crowd::new(&mut driver);
        let before = open();
        let resting = crowd.put_to_rest(&mut driver);
        assert_eq!(open() - before, 2 * (COUNT - resting.len()), "fills that rest have no pipes");
        let held = completed(&mut driver, resting.len());
        let resting = crowd.put_to_rest(&mut driver);
        assert_eq!(driver.in_flight_count() as usize, resting.len());
        drop(driver);
        assert_eq!(before - open(), 1, "the pipes, also those in the shard's hands, and the ring itself");
        drop(held);
    });
    shard.join().expect("no panic");
}
