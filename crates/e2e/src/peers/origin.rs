//! A server in this process: a listener, a thread per connection, a script that each of them follows.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tempfile::TempDir;

use super::conversation::{Conversation, Seen, Stream};
use super::pattern;
use crate::client::End;
use crate::http;
use crate::wait::{self, SOON};

/// The stack of a conversation's thread; scripts are shallow.
const STACK: usize = 256 * 1024;

/// How long the accepting thread sleeps at most before it looks whether it shall stop, in milliseconds.
const LOOK_MS: u16 = 20;

type Script = dyn Fn(Conversation) -> io::Result<()> + Send + Sync;

/// A connection that the origin has accepted.
#[derive(Debug)]
struct Accepted {
    stream: Weak<Stream>,
    seen: Arc<Mutex<Seen>>,
}

/// A server. Dropping it stops it as [`Origin::stop`] does.
#[derive(Debug)]
pub struct Origin {
    address: Address,
    accepted: Arc<Mutex<Vec<Accepted>>>,
    stopping: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Address {
    Tcp(SocketAddr),
    Unix { path: PathBuf, _directory: TempDir },
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Origin {
    /// A server on a free port of 127.0.0.1 that follows `script` with each client.
    pub fn serve(script: impl Fn(Conversation) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script)
    }

    /// A server on `address`; port 0 is a free one.
    pub fn at(address: SocketAddr, script: impl Fn(Conversation) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = wait::value("the address to be free", SOON, || TcpListener::bind(address).ok());
        let address = listener.local_addr().expect("bound");
        Self::start(Address::Tcp(address), Listener::Tcp(listener), script)
    }

    /// A server on a free port of ::1.
    pub fn at_ipv6(script: impl Fn(Conversation) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::at(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)), script)
    }

    /// A server on a unix socket in a directory of its own.
    pub fn at_unix(script: impl Fn(Conversation) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("origin");
        let listener = UnixListener::bind(&path).expect("a unix socket");
        Self::start(Address::Unix { path, _directory: directory }, Listener::Unix(listener), script)
    }

    /// Sends its name and a newline at once, as mail servers do, then sends back what it receives.
    pub fn named(name: &str) -> Self {
        Self::serve(named(name))
    }

    /// As [`Origin::named`], on `address`.
    pub fn named_at(name: &str, address: SocketAddr) -> Self {
        Self::at(address, named(name))
    }

    /// Sends back what it receives.
    pub fn echo() -> Self {
        Self::serve(|mut client| client.echo())
    }

    /// Receives to the end and says nothing.
    pub fn mute() -> Self {
        Self::serve(|mut client| {
            client.read_to_end();
            Ok(())
        })
    }

    /// Answers the head of each request with what `answer` makes of it, on one connection until the client ends it. Requests have no
    /// content.
    pub fn answering<T: AsRef<[u8]>>(answer: impl Fn(&str) -> T + Send + Sync + 'static) -> Self {
        Self::serve(move |mut client| {
            while let Some(head) = http::head(&mut client)? {
                client.write_all(answer(&head).as_ref())?;
            }
            Ok(())
        })
    }

    /// Sends the first `total` bytes of the [`pattern`] and a FIN, then receives to the end.
    pub fn pouring(total: u64) -> Self {
        Self::serve(move |mut client| {
            pattern::pour(&mut client, total)?;
            client.finish()?;
            client.read_to_end();
            Ok(())
        })
    }

    /// Receives `count` bytes, then resets the connection.
    pub fn resetting_after(count: usize) -> Self {
        Self::serve(move |mut client| {
            client.hear(count)?;
            client.reset();
            Ok(())
        })
    }

    /// Takes a connection and never reads from it: its receive buffer fills and stays full, until the test ends.
    pub fn stalled() -> Self {
        Self::serve(|client| {
            thread::park_timeout(Duration::from_secs(120));
            drop(client);
            Ok(())
        })
    }

    fn start(
        address: Address,
        listener: Listener,
        script: impl Fn(Conversation) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let accepted = Arc::default();
        let stopping = Arc::new(AtomicBool::new(false));
        let accepting = thread::spawn({
            let (accepted, stopping, script) = (Arc::clone(&accepted), Arc::clone(&stopping), Arc::new(script));
            move || accept_until(&stopping, &listener, &accepted, script)
        });
        Self { address, accepted, stopping, accepting: Some(accepting) }
    }

    /// The address as a `server` line has it.
    pub fn target(&self) -> String {
        match &self.address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix { path, .. } => path.display().to_string(),
        }
    }

    /// The TCP address.
    ///
    /// # Panics
    /// When the origin is on a unix socket.
    pub fn address(&self) -> SocketAddr {
        match &self.address {
            Address::Tcp(address) => *address,
            Address::Unix { path, .. } => panic!("{} is not a TCP address", path.display()),
        }
    }

    /// What it has seen, one entry per connection in the order of accepting.
    pub fn seen(&self) -> Vec<Seen> {
        let accepted = self.accepted.lock().expect("the accepting thread does not panic under the lock");
        accepted.iter().map(|one| one.seen.lock().expect("scripts do not panic under the lock").clone()).collect()
    }

    /// The value of this field, once the head of the request that came last is whole. `None`: it has none.
    pub fn field_at_last(&self, name: &str) -> Option<String> {
        let index = self.seen().len() - 1;
        let seen = self.seen_when(index, "the request", |seen| seen.bytes.ends_with(b"\r\n\r\n"));
        let text = String::from_utf8_lossy(&seen.bytes).into_owned();
        let (_, value) = text.rsplit_once(&format!("\r\n{name}: "))?;
        Some(value.split("\r\n").next()?.to_owned())
    }

    /// Waits until connection `index` satisfies `condition` and hands out what was seen of it.
    pub fn seen_when(&self, index: usize, what: &str, condition: impl Fn(&Seen) -> bool) -> Seen {
        wait::value(&format!("connection {index} of the origin: {what}"), SOON, || {
            self.seen().into_iter().nth(index).filter(|seen| condition(seen))
        })
    }

    /// Waits until `count` bytes have come over connection `index` and hands them out.
    pub fn bytes(&self, index: usize, count: usize) -> Vec<u8> {
        self.seen_when(index, &format!("{count} bytes"), |seen| seen.bytes.len() >= count).bytes
    }

    /// Waits for the end of connection `index`.
    pub fn end_of(&self, index: usize) -> End {
        self.seen_when(index, "its end", |seen| seen.end.is_some()).end.expect("waited for it")
    }

    /// How many connections are open.
    pub fn open_count(&self) -> usize {
        let accepted = self.accepted.lock().expect("the accepting thread does not panic under the lock");
        accepted.iter().filter(|one| one.stream.strong_count() > 0).count()
    }

    /// Stops listening; what is connected goes on.
    pub fn stop_listening(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(accepting) = self.accepting.take() {
            accepting.join().expect("the accepting thread does not panic");
        }
    }

    /// Stops as a server that dies does: no listener, every connection ended.
    pub fn stop(&mut self) {
        self.stop_listening();
        let accepted = self.accepted.lock().expect("the accepting thread does not panic under the lock");
        for stream in accepted.iter().filter_map(|one| one.stream.upgrade()) {
            // Ends what the script waits for; it may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if !thread::panicking() {
            self.stop();
        }
    }
}

fn named(name: &str) -> impl Fn(Conversation) -> io::Result<()> + Send + Sync + 'static {
    let greeting = format!("{name}\n");
    move |mut client| {
        client.write_all(greeting.as_bytes())?;
        client.echo()
    }
}

fn accept_until(stopping: &AtomicBool, listener: &Listener, accepted: &Mutex<Vec<Accepted>>, script: Arc<Script>) {
    listener.set_nonblocking();
    while !stopping.load(Ordering::Relaxed) {
        let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        // Interrupted or late: either way the next thing is to look.
        let _ = poll(&mut ready, PollTimeout::from(LOOK_MS));
        while let Some((stream, from)) = listener.accept() {
            let stream = Arc::new(stream);
            let seen = Arc::new(Mutex::new(Seen { from, ..Seen::default() }));
            accepted
                .lock()
                .expect("readers do not panic under the lock")
                .push(Accepted { stream: Arc::downgrade(&stream), seen: Arc::clone(&seen) });
            let script = Arc::clone(&script);
            thread::Builder::new()
                .stack_size(STACK)
                // A client that leaves early makes the script fail; what was seen says so.
                .spawn(move || Conversation::new(stream, seen).and_then(|client| script(client)))
                .expect("a thread per connection");
        }
    }
}

impl Listener {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        }
    }

    fn set_nonblocking(&self) {
        match self {
            Listener::Tcp(listener) => listener.set_nonblocking(true),
            Listener::Unix(listener) => listener.set_nonblocking(true),
        }
        .unwrap_or_else(|error| panic!("descriptor {}: {error}", self.as_fd().as_raw_fd()));
    }

    /// The next connection that waits; accepted sockets are blocking on Linux whatever the listener is.
    fn accept(&self) -> Option<(Stream, Option<SocketAddr>)> {
        match self {
            Listener::Tcp(listener) => listener.accept().ok().map(|(stream, from)| (Stream::Tcp(stream), Some(from))),
            Listener::Unix(listener) => listener.accept().ok().map(|(stream, _)| (Stream::Unix(stream), None)),
        }
    }
}
