//! What moving bytes costs: one thread relays bulk flows over loopback, first by receiving and sending, then by pipes.
//!
//! `cargo run --release -p uring --example relay_bulk -- [flows] [gigabytes]` prints the CPU time of the relaying thread for
//! each gigabyte. Sources and sinks are threads of the same process, whose time is not counted.

use driver::{Addr, Done, Driver, DriverStats, Fd, Filled, Hope, ListenSpec, Op, Pipe, Received, SessionId, Side, Tag};
use nix::sys::resource::{UsageWho, getrusage};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};
use uring::{Options, PIPES, Uring, Wakeup};

/// What a shard gives its buffers.
const BUFFER_SIZE: usize = 16384;
const GIGABYTE: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
enum Way {
    Copy,
    Splice,
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse().expect("usage: relay_bulk [flows] [gigabytes]"));
    let flow_count: u64 = numbers.next().unwrap_or(8);
    let gigabytes: u64 = numbers.next().unwrap_or(8);
    for way in [Way::Copy, Way::Splice] {
        let cost = Relay::new(way).run(flow_count, gigabytes * GIGABYTE / flow_count);
        let per_gigabyte = cost.cpu.as_secs_f64() / (cost.moved as f64 / GIGABYTE as f64);
        let rate = cost.moved as f64 / GIGABYTE as f64 / cost.passed.as_secs_f64();
        let per_turn = cost.moved / cost.stats.enters.max(1);
        println!("{way:?}: {per_gigabyte:.3} CPU s/GB, {rate:.2} GB/s, {per_turn} bytes a turn, {:?}", cost.stats);
    }
}

struct Cost {
    cpu: Duration,
    passed: Duration,
    moved: u64,
    stats: DriverStats,
}

struct Relay {
    driver: Uring,
    way: Way,
    flows: Vec<Flow>,
    open_count: usize,
    moved: u64,
}

struct Flow {
    from: Fd,
    to: Fd,
    /// What of the lease in flight is still to be sent.
    unsent: (u32, u32),
}

impl Relay {
    fn new(way: Way) -> Relay {
        let wakeup = Wakeup::new().expect("a descriptor");
        let options =
            Options { sessions_max: 1000, buffer_count: 512, buffer_size: BUFFER_SIZE, pipes_max: PIPES, wakeup };
        let driver = Uring::new(options).unwrap_or_else(|refused| panic!("{refused}"));
        Relay { driver, way, flows: Vec::new(), open_count: 0, moved: 0 }
    }

    fn run(mut self, flow_count: u64, size: u64) -> Cost {
        let threads: Vec<JoinHandle<()>> = (0..flow_count).flat_map(|_| self.add_flow(size)).collect();
        let (cpu_before, before) = (cpu_time(), Instant::now());
        for index in 0..self.flows.len() {
            self.listen(index);
        }
        let mut done = Vec::new();
        while self.open_count > 0 {
            self.driver.turn(None, &mut done).expect("no error of the ring");
            for (tag, done) in done.drain(..) {
                self.handle(index_of(tag), done);
            }
        }
        let (cpu, passed) = (cpu_time() - cpu_before, before.elapsed());
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        Cost { cpu, passed, moved: self.moved, stats: self.driver.stats() }
    }

    /// A source of so many bytes, and the sink that they go to.
    fn add_flow(&mut self, size: u64) -> [JoinHandle<()>; 2] {
        let spec = ListenSpec::at(Addr::Ip(SocketAddr::from(([127, 0, 0, 1], 0))), 1);
        let listener = self.driver.bind(&spec).expect("a free port");
        self.driver.listen(listener, 1).expect("bound");
        let addr = self.driver.local_addr(listener).expect("bound").ip().expect("an ip address");
        let source = TcpStream::connect(addr).expect("it listens");
        let from = self.driver.accept(listener).expect("no limit is near").expect("it has connected").fd;
        self.driver.discard(listener);

        let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = Addr::Ip(server.local_addr().expect("bound"));
        let to = self.driver.socket(&addr).expect("no limit is near");
        assert!(self.driver.submit(tag_of(0), Op::Connect { fd: to, addr }).is_none());
        let mut done = Vec::new();
        while done.is_empty() {
            self.driver.turn(None, &mut done).expect("no error of the ring");
        }
        let sink = server.accept().expect("it has connected").0;
        self.flows.push(Flow { from, to, unsent: (0, 0) });
        self.open_count += 1;
        [spawn(move || pour(source, size)), spawn(move || swallow(sink, size))]
    }

    fn submit(&mut self, index: usize, op: Op) {
        if let Some(done) = self.driver.submit(tag_of(index), op) {
            self.handle(index, done);
        }
    }

    fn handle(&mut self, index: usize, done: Done) {
        match done {
            Done::Received(Ok(Received::Bytes { lease, count, .. })) => {
                self.flows[index].unsent = (0, count);
                self.send(index, lease);
            }
            Done::Sent { lease, result: Ok(count) } => {
                self.moved += u64::from(count);
                let unsent = &mut self.flows[index].unsent;
                unsent.0 += count;
                if unsent.0 < unsent.1 { self.send(index, lease) } else { self.listen(index) }
            }
            Done::Filled(Ok(Filled::Bytes(pipe))) => self.drain(index, pipe),
            Done::Drained { pipe, result: Ok(count) } => {
                self.moved += u64::from(count);
                if pipe.held() > 0 { self.drain(index, pipe) } else { self.listen(index) }
            }
            Done::Received(Ok(Received::End)) | Done::Filled(Ok(Filled::End)) => {
                self.open_count -= 1;
                self.submit(index, Op::Finish { fd: self.flows[index].to });
            }
            Done::Finished(Ok(())) => (),
            Done::Received(Err(_)) | Done::Filled(Ok(Filled::NoPipe) | Err(_)) => panic!("{done:?}"),
            Done::Sent { .. } | Done::Drained { .. } | Done::Finished(Err(_)) => panic!("{done:?}"),
            Done::Entrusted(..) | Done::AlertSent(_) | Done::RecordReceived { .. } => panic!("{done:?}"),
            Done::Readable(_) | Done::Connected(_) | Done::Cancelled | Done::Closed => panic!("{done:?}"),
        }
    }

    fn listen(&mut self, index: usize) {
        let fd = self.flows[index].from;
        match self.way {
            Way::Copy => self.submit(index, Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX }),
            Way::Splice => self.submit(index, Op::Fill { fd, count_max: u32::MAX }),
        }
    }

    fn send(&mut self, index: usize, lease: buf::Lease) {
        let Flow { to, unsent: (start, end), .. } = self.flows[index];
        self.submit(index, Op::Send { fd: to, lease, start, end });
    }

    fn drain(&mut self, index: usize, pipe: Pipe) {
        self.submit(index, Op::Drain { fd: self.flows[index].to, pipe });
    }
}

fn pour(mut source: TcpStream, size: u64) {
    let bytes = vec![b'x'; 1 << 18];
    let mut left = size;
    while left > 0 {
        let count = left.min(bytes.len() as u64) as usize;
        source.write_all(&bytes[..count]).expect("the relay reads");
        left -= count as u64;
    }
}

fn swallow(mut sink: TcpStream, size: u64) {
    let mut bytes = vec![0; 1 << 18];
    let mut swallowed = 0;
    loop {
        match sink.read(&mut bytes).expect("the relay sends") {
            0 => break,
            count => swallowed += count as u64,
        }
    }
    assert_eq!(swallowed, size, "nothing is lost");
}

/// Of this thread, in the kernel and outside it.
fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("this thread exists");
    let micros = |time: nix::sys::time::TimeVal| time.tv_sec() as u64 * 1_000_000 + time.tv_usec() as u64;
    Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
}

fn tag_of(index: usize) -> Tag {
    Tag::Session { id: SessionId { index: index as u32, generation: 0 }, side: Side::Front }
}

fn index_of(tag: Tag) -> usize {
    let Tag::Session { id, .. } = tag else { unreachable!("flows are all that there is") };
    id.index as usize
}
