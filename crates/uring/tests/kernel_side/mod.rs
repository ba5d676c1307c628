//! What tests of a driver on a kernel have in common: a listener of its own, peers that are real sockets, and waiting, bounded.

#![allow(dead_code, reason = "not every test of a driver needs all of it")]

use driver::{Accepted, Done, Driver, Errno, Fd, ListenSpec, Op, Tag, Waker};
use socket::{close_inherited, unshare_files};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Whose everything is.
pub(crate) const TAG: Tag = Tag::Listener(3);
/// More than any machine takes for what is waited for here.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn spec(addr: &str) -> ListenSpec {
    ListenSpec::at(addr.parse::<SocketAddr>().expect("valid").into(), 512)
}

/// A listener on a free port of the loopback.
pub(crate) fn listener(driver: &mut impl Driver) -> Fd {
    listener_at(driver, &spec("127.0.0.1:0"))
}

pub(crate) fn listener_at(driver: &mut impl Driver, spec: &ListenSpec) -> Fd {
    let fd = driver.bind(spec).expect("free");
    driver.listen(fd, spec.backlog).expect("bound");
    fd
}

/// A connection: the driver's end, and the other one.
pub(crate) fn pair(driver: &mut impl Driver, listener: Fd) -> (Fd, TcpStream) {
    let addr = driver.local_addr(listener).expect("bound").ip().expect("an ip address");
    let peer = TcpStream::connect(addr).expect("it listens");
    let Accepted { fd, .. } = driver.accept(listener).expect("no limit is near").expect("connected");
    (fd, peer)
}

/// Submits what does not complete at once.
pub(crate) fn start(driver: &mut impl Driver, op: Op) {
    let done = driver.submit(TAG, op);
    assert!(done.is_none(), "{done:?}");
}

/// Waits for so many completions.
pub(crate) fn wait(driver: &mut impl Driver, count: usize) -> Vec<Done> {
    let mut done = Vec::new();
    let deadline = driver.now() + PATIENCE;
    while done.len() < count {
        assert!(driver.now() < deadline, "{count} completions, and only {done:?} came");
        driver.turn(Some(deadline), &mut done).expect("no error of the kernel");
    }
    done.into_iter().map(|(_, done)| done).collect()
}

/// Waits for so many completions, and gives each turn's buffers back at once.
pub(crate) fn hear(driver: &mut impl Driver, count: usize) {
    let mut heard = 0;
    while heard < count {
        heard += wait(driver, 1).len();
    }
    assert_eq!(heard, count);
}

/// What has completed by now.
pub(crate) fn look(driver: &mut impl Driver) -> Vec<Done> {
    let mut done = Vec::new();
    driver.turn(Some(driver::Instant::EPOCH), &mut done).expect("no error of the kernel");
    done.into_iter().map(|(_, done)| done).collect()
}

/// Takes every descriptor that this thread may still have.
pub(crate) fn hoard(driver: &mut impl Driver) -> Vec<Fd> {
    let mut hoard = Vec::new();
    loop {
        match driver.socket(&spec("127.0.0.1:1").addr) {
            Ok(fd) => hoard.push(fd),
            Err(errno) => {
                assert_eq!(errno, Errno::EMFILE);
                return hoard;
            }
        }
    }
}

/// A thread with a file table of its own turns once for each time that it is woken. `number` is its wake-up's, which `driver` has.
pub(crate) fn check_wakes<D: Driver>(number: i32, waker: &Waker, driver: impl FnOnce() -> D + Send + 'static) {
    let (tell, told) = std::sync::mpsc::channel();
    let shard = std::thread::spawn(move || {
        unshare_files().expect("no privilege is needed");
        close_inherited(&[number]).expect("Linux 5.9");
        let mut driver = driver();
        for turn in 0..100 {
            driver.turn(None, &mut Vec::new()).expect("no error of the kernel");
            tell.send(turn).expect("the test listens");
        }
    });
    for turn in 0..100 {
        waker.wake();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(turn));
    }
    shard.join().expect("no panic");
    // Nobody listens any more; the number still means the same file in this table.
    waker.wake();
}
