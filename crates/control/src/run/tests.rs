//! Control and two real shards on loopback; the test is the operator, the clients and the servers.

use super::*;
use crate::load::{empty_table, load};
use crate::signals::StopSignal;
use driver::{Driver, Wake, Waker};
use epoll::Epoll;
use nix::sys::eventfd::{EfdFlags, EventFd};
use shard::Shard;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use table::ShardIndex;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use uring::{Uring, Wakeup};

/// Makes two tests of each function: control and the shards on io_uring, and on epoll.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod io_uring {
            $(#[test] fn $name() { super::$name(super::Runtime::IoUring); })*
        }
        mod plain {
            $(#[test] fn $name() { super::$name(super::Runtime::Plain); })*
        }
    };
}

on_both_engines! {
    serves_logs_and_stops,
    an_address_in_use_is_the_end_of_the_start,
    a_predecessor_that_goes_is_waited_for,
    a_reload_is_taken_whole_or_not_at_all,
    reloads_that_come_together_are_one,
    draining_ends_with_the_last_session,
    a_server_goes_down_stays_down_over_a_reload_and_comes_back,
    another_engine_waits_for_a_restart,
    larger_buffers_wait_for_a_restart,
}

const SHARD_COUNT: u16 = 2;

/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

struct Bell(EventFd);

impl Wake for Bell {
    fn wake(&self) {
        self.0.write(1).expect("an eventfd takes it");
    }
}

struct Rig {
    directory: TempDir,
    operator: UnboundedSender<Request>,
    said: Arc<Mutex<Vec<u8>>>,
    control: Option<JoinHandle<Exit>>,
    shards: Vec<JoinHandle<()>>,
}

impl Rig {
    fn start(runtime: Runtime, text: &str) -> Rig {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("t.cfg");
        std::fs::write(&file, text).expect("a file");
        let (operator, requests) = unbounded_channel();
        let said = Arc::<Mutex<Vec<u8>>>::default();
        let (parts, shards) = parts(runtime, file);
        let console = Arc::clone(&said);
        let control = thread::spawn(move || {
            let ended = uio::block_on(runtime, async {
                let console = Console::new(7, move |text| console.lock().expect("no panic").extend_from_slice(text));
                Control::new(parts, Signals::Channel(requests), console).expect("descriptors").serve().await
            });
            ended.expect("these tests need io_uring")
        });
        Rig { directory, operator, said, control: Some(control), shards }
    }

    fn write(&self, text: &str) {
        std::fs::write(self.directory.path().join("t.cfg"), text).expect("a file");
    }

    fn ask(&self, request: Request) {
        self.operator.send(request).expect("control listens");
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().expect("no panic")).into_owned()
    }

    fn wait_for(&self, words: &str) {
        self.wait_for_times(words, 1);
    }

    fn wait_for_times(&self, words: &str, count: usize) {
        wait_until(|| self.said().matches(words).count() >= count, || format!("'{words}' in {}", self.said()));
    }

    fn end(mut self) -> (Exit, String) {
        let exit = self.control.take().expect("once").join().expect("no panic");
        if exit != Exit::CannotStart {
            self.shards.drain(..).for_each(|shard| shard.join().expect("no panic"));
        }
        (exit, self.said())
    }

    fn terminate(self) -> String {
        self.ask(Request::Stop(StopSignal::Terminate));
        let (exit, said) = self.end();
        assert_eq!(exit, Exit::Terminated(StopSignal::Terminate));
        said
    }
}

fn parts(runtime: Runtime, file: PathBuf) -> (Parts, Vec<JoinHandle<()>>) {
    let files = Files { paths: vec![file], ..Files::default() };
    let defaults = Defaults { maxconn: 100, ..Defaults::default() };
    let mut book = StateBook::new(SHARD_COUNT);
    let first = load(&files, &mut book, 1, &defaults);
    let bell = Arc::new(Bell(EventFd::from_flags(EfdFlags::EFD_CLOEXEC).expect("a descriptor")));
    let news = bell.0.as_fd().try_clone_to_owned().expect("a descriptor");
    let port = Arc::new(ControlPort::new(1024, bell));
    let published = Arc::new(ArcSwap::new(empty_table(&book)));
    let wakeups: Vec<Wakeup> = (0..SHARD_COUNT).map(|_| Wakeup::new().expect("a descriptor")).collect();
    let wakers: Vec<Waker> = wakeups.iter().map(Wakeup::waker).collect();
    let mailboxes: Vec<Arc<Mailbox>> = wakers.iter().map(|waker| Arc::new(Mailbox::new(waker.clone()))).collect();
    let shards = wakeups.into_iter().enumerate().map(|(index, wakeup)| {
        let published = published.clone();
        let (mailbox, port) = (mailboxes[index].clone(), port.clone());
        let parts = ShardParts { index: ShardIndex(index as u16), wakeup, published, mailbox, port };
        match runtime {
            Runtime::IoUring => thread::spawn(|| parts.on_io_uring()),
            Runtime::Plain => thread::spawn(|| parts.on_epoll()),
        }
    });
    let shards = shards.collect();
    let admin_sockets = AdminSockets::default();
    let on_serving = Box::new(|| Ok(()));
    (
        Parts {
            files,
            book,
            first,
            defaults,
            published,
            mailboxes,
            port,
            news,
            runtime,
            on_serving,
            admin_sockets,
            collect: Box::new(|_| Ok(Vec::new())),
        },
        shards,
    )
}

/// What a shard's thread takes with it.
struct ShardParts {
    index: ShardIndex,
    wakeup: Wakeup,
    published: Arc<ArcSwap<Table>>,
    mailbox: Arc<Mailbox>,
    port: Arc<ControlPort>,
}

impl ShardParts {
    fn on_io_uring(self) {
        let options =
            |wakeup| uring::Options { sessions_max: 64, buffer_count: 256, buffer_size: 4096, wakeup, pipes_max: 4 };
        self.run(|wakeup| Uring::new(options(wakeup)).expect("these tests need io_uring"));
    }

    fn on_epoll(self) {
        let options =
            |wakeup| epoll::Options { sessions_max: 64, buffer_count: 256, buffer_size: 4096, wakeup, pipes_max: 4 };
        self.run(|wakeup| Epoll::new(options(wakeup)).expect("an epoll instance"));
    }

    fn run<D: Driver>(self, driver: impl FnOnce(Wakeup) -> D) {
        let ShardParts { index, wakeup, published, mailbox, port } = self;
        let parts = shard::Parts {
            driver: driver(wakeup),
            index,
            published,
            sessions_max: 64,
            mailbox,
            port,
            passage: Box::new(|_| 0),
            shelves: Arc::new(shard::Shelves::new(SHARD_COUNT)),
            signer: None,
            seed: 1,
            heirlooms: Vec::new(),
        };
        Shard::new(parts).run().expect("the kernel carries ops");
    }
}

/// Looks until it is so: what control has said is not an event that can be waited for.
fn wait_until(mut is_so: impl FnMut() -> bool, what: impl Fn() -> String) {
    let begun = std::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited for {}", what());
        thread::sleep(Duration::from_millis(2));
    }
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

/// A server that says its name to everybody, until the process ends.
fn origin(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            // Health checks are gone before they are greeted.
            let _ = client.write_all(name.as_bytes());
            thread::spawn(move || client.read_to_end(&mut Vec::new()));
        }
    });
    addr
}

fn client(addr: SocketAddr) -> TcpStream {
    wait_until(|| TcpStream::connect(addr).is_ok(), || format!("a listener at {addr}"));
    let client = TcpStream::connect(addr).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("not zero");
    client
}

fn greeting(client: &mut TcpStream) -> String {
    let mut bytes = [0; 2];
    client.read_exact(&mut bytes).expect("a greeting");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn served_by(addr: SocketAddr) -> String {
    greeting(&mut client(addr))
}

fn config(front: SocketAddr, server: SocketAddr) -> String {
    format!(
        "defaults\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n\
         listen px\n bind {front}\n server s1 {server}\n"
    )
}

fn serves_logs_and_stops(runtime: Runtime) {
    let logs = UdpSocket::bind("127.0.0.1:0").expect("a port");
    logs.set_read_timeout(Some(PATIENCE)).expect("not zero");
    let (front, server) = (free_port(), origin("s1"));
    let text = config(front, server) + &format!(" option tcplog\n log {} local2\n", logs.local_addr().expect("bound"));
    let rig = Rig::start(runtime, &text);
    assert_eq!(served_by(front), "s1");
    let mut line = [0; 1024];
    let count = logs.recv(&mut line).expect("a log line");
    let line = String::from_utf8_lossy(&line[..count]).into_owned();
    assert!(line.starts_with("<150>") && line.contains(" px px/s1 "), "{line}");
    assert_eq!(rig.terminate(), "");
}

fn an_address_in_use_is_the_end_of_the_start(runtime: Runtime) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let front = taken.local_addr().expect("bound");
    let rig = Rig::start(runtime, &config(front, origin("s1")));
    let path = rig.directory.path().join("t.cfg").display().to_string();
    let (exit, said) = rig.end();
    assert_eq!((exit, exit.code()), (Exit::CannotStart, 1));
    let expected = format!(
        "[ALERT]    (7) : Binding [{path}:6] for frontend px: protocol tcpv4: cannot bind socket \
         (Address already in use) for [{front}].\n"
    );
    assert!(said.starts_with(&expected), "{said}");
}

fn a_predecessor_that_goes_is_waited_for(runtime: Runtime) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let front = taken.local_addr().expect("bound");
    let rig = Rig::start(runtime, &config(front, origin("s1")));
    // It answers nobody; it only has the port, as a process that is being taken down has. Lateness is the point: nothing is said of
    // the attempts that fail meanwhile, and there are a few of them in this time.
    thread::sleep(Duration::from_millis(200));
    drop(taken);
    assert_eq!(served_by(front), "s1");
    rig.terminate();
}

fn a_reload_is_taken_whole_or_not_at_all(runtime: Runtime) {
    let (front, other) = (free_port(), free_port());
    let (one, two) = (origin("s1"), origin("s2"));
    let rig = Rig::start(runtime, &config(front, one));
    let mut held = client(front);
    assert_eq!(greeting(&mut held), "s1");

    rig.write("listen px\n bind nonsense\n");
    rig.ask(Request::Reload);
    rig.wait_for("Configuration not reloaded: it has errors. Generation 1 stays in force.");
    rig.write("");
    rig.ask(Request::Reload);
    rig.wait_for("Configuration not reloaded: it has no listener.");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    rig.write(&(config(other, two) + &format!("frontend fe\n bind {}\n", taken.local_addr().expect("bound"))));
    rig.ask(Request::Reload);
    rig.wait_for("Configuration not reloaded: not all of its addresses can be bound.");
    assert!(rig.said().contains("cannot bind socket (Address already in use) for ["), "{}", rig.said());
    assert!(TcpStream::connect(other).is_err(), "nothing of a refused table is used");
    assert_eq!(served_by(front), "s1");

    rig.write(&(config(front, two) + &format!(" bind {other}\n")));
    rig.ask(Request::Reload);
    rig.wait_for("[NOTICE]   (7) : Configuration reloaded: generation ");
    assert_eq!((served_by(front), served_by(other)), ("s2".into(), "s2".into()));

    held.write_all(b"still here").expect("the session of the first table lives");
    rig.write(&config(other, one).replace("px", "py"));
    rig.ask(Request::Reload);
    rig.wait_for("Proxy px stopped (cumulated conns: FE: ");
    wait_until(|| TcpStream::connect(front).is_err(), || "the old address to be gone".into());
    assert_eq!(served_by(other), "s1");
    rig.terminate();
}

fn reloads_that_come_together_are_one(runtime: Runtime) {
    let front = free_port();
    let rig = Rig::start(runtime, &config(front, origin("s1")));
    assert_eq!(served_by(front), "s1");
    rig.write(&config(front, origin("s2")));
    (0..50).for_each(|_| rig.ask(Request::Reload));
    rig.wait_for("generation 2, 1 frontend, 1 backend.");
    assert_eq!(served_by(front), "s2");
    let said = rig.terminate();
    let count = said.matches("Configuration reloaded").count();
    assert!(count < 10, "{count} times for fifty requests: {said}");
}

fn another_engine_waits_for_a_restart(runtime: Runtime) {
    let front = free_port();
    let text = config(front, origin("s1"));
    let on = |engine: &str| format!("global\n tidegate.io-engine {engine}\n{text}");
    let (kept, other) = match runtime {
        Runtime::IoUring => ("io_uring", "epoll"),
        Runtime::Plain => ("epoll", "io_uring"),
    };
    let rig = Rig::start(runtime, &on(kept));
    assert_eq!(served_by(front), "s1");
    rig.ask(Request::Reload);
    rig.wait_for("generation 2");
    rig.write(&(on(other) + "nonsense\n"));
    rig.ask(Request::Reload);
    rig.wait_for("Configuration not reloaded: it has errors.");
    assert!(!rig.said().contains("io-engine"), "{}", rig.said());
    rig.write(&on(other));
    rig.ask(Request::Reload);
    rig.wait_for("generation 3");
    assert_eq!(served_by(front), "s1");
    let said = rig.terminate();
    let warning = format!(
        "[WARNING]  (7) : 'tidegate.io-engine {other}' takes effect at the next start; {kept} is kept until then.\n"
    );
    assert_eq!(said.matches(&warning).count(), 1, "{said}");
}

fn larger_buffers_wait_for_a_restart(runtime: Runtime) {
    let front = free_port();
    let text = config(front, origin("s1"));
    let of = |size: u32| format!("global\n tune.bufsize {size}\n{text}");
    let rig = Rig::start(runtime, &of(32_768));
    for (generation, size) in [(2, 16_384), (3, 32_768), (4, 65_536)] {
        rig.write(&of(size));
        rig.ask(Request::Reload);
        rig.wait_for(&format!("generation {generation}"));
        assert_eq!(served_by(front), "s1");
    }
    let said = rig.terminate();
    let warning = "[WARNING]  (7) : 'tune.bufsize 65536' takes effect at the next start; 32768 is kept until then.\n";
    assert_eq!((said.matches(warning).count(), said.matches("tune.bufsize").count()), (1, 1), "{said}");
}

fn draining_ends_with_the_last_session(runtime: Runtime) {
    let (front, server) = (free_port(), origin("s1"));
    let rig = Rig::start(runtime, &config(front, server));
    let mut held = client(front);
    assert_eq!(greeting(&mut held), "s1");
    rig.ask(Request::Drain);
    rig.wait_for("[WARNING]  (7) : Proxy px stopped (cumulated conns: FE: ");
    wait_until(|| TcpStream::connect(front).is_err(), || "the listener to be closed".into());
    rig.ask(Request::Reload);
    assert!(rig.control.as_ref().is_some_and(|control| !control.is_finished()), "a session is left");
    drop(held);
    let (exit, said) = rig.end();
    assert_eq!((exit, exit.code()), (Exit::Drained, 0));
    assert!(!said.contains("reloaded"), "{said}");
}

fn a_server_goes_down_stays_down_over_a_reload_and_comes_back(runtime: Runtime) {
    let (front, server) = (free_port(), free_port());
    let text = config(front, server) + " server s2 127.0.0.1:1 disabled check inter 20ms\n";
    let text = text.replace(&format!("{server}\n"), &format!("{server} check inter 20ms\n"));
    let rig = Rig::start(runtime, &text);
    rig.wait_for(
        "[WARNING]  (7) : Server px/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", \
         check duration: ",
    );
    rig.wait_for("[ALERT]    (7) : proxy 'px' has no server available!");
    rig.ask(Request::Reload);
    rig.wait_for("generation 2");
    rig.write(&text.replace("20ms", "30ms"));
    rig.ask(Request::Reload);
    rig.wait_for("generation 3");

    let listener = TcpListener::bind(server).expect("it was free a moment ago");
    rig.wait_for("[WARNING]  (7) : Server px/s1 is UP, reason: Layer4 check passed, check duration: ");
    drop(listener);
    rig.wait_for_times("Server px/s1 is DOWN", 2);
    rig.write(&config(front, server));
    rig.ask(Request::Reload);
    rig.wait_for("generation 4");
    let said = rig.terminate();
    assert_eq!(said.matches("Server px/s1 is DOWN").count(), 2, "the reloads while it was down tell nothing: {said}");
    assert!(!said.contains("px/s2"), "maintenance is without checks: {said}");
}
