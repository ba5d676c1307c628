//! A server for thousands of connections from one thread, which sends back what it receives.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// An echo server without a thread per connection. Messages are short: what does not fit a socket buffer is not waited for.
#[derive(Debug)]
pub struct Crowd {
    address: SocketAddr,
    open_count: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

impl Crowd {
    /// One on a free port of 127.0.0.1.
    pub fn echo() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("bound");
        let open_count = Arc::new(AtomicUsize::new(0));
        let stopping = Arc::new(AtomicBool::new(false));
        let serving = thread::spawn({
            let (open_count, stopping) = (Arc::clone(&open_count), Arc::clone(&stopping));
            move || serve(&listener, &open_count, &stopping)
        });
        Self { address, open_count, stopping, serving: Some(serving) }
    }

    /// The address as a `server` line has it.
    pub fn target(&self) -> String {
        self.address.to_string()
    }

    /// How many connections are open.
    pub fn open_count(&self) -> usize {
        self.open_count.load(Ordering::Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(serving) = self.serving.take()
            && !thread::panicking()
        {
            serving.join().expect("the serving thread does not panic");
        }
    }
}

fn serve(listener: &TcpListener, open_count: &AtomicUsize, stopping: &AtomicBool) {
    const LOOK_MS: u16 = 20;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("epoll");
    watch(&epoll, listener);
    let mut streams: HashMap<RawFd, TcpStream> = HashMap::new();
    let mut events = vec![EpollEvent::empty(); 512];
    while !stopping.load(Ordering::Relaxed) {
        // Interrupted means nothing is ready yet.
        let count = epoll.wait(&mut events, EpollTimeout::from(LOOK_MS)).unwrap_or(0);
        for event in &events[..count] {
            let fd = RawFd::try_from(event.data()).expect("we put a descriptor there");
            if fd == listener.as_raw_fd() {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true).expect("non-blocking");
                    watch(&epoll, &stream);
                    streams.insert(stream.as_raw_fd(), stream);
                }
            } else if streams.get_mut(&fd).is_some_and(|stream| !echo_once(stream)) {
                streams.remove(&fd);
            }
            open_count.store(streams.len(), Ordering::Relaxed);
        }
    }
}

fn watch(epoll: &Epoll, socket: &(impl AsFd + AsRawFd)) {
    let fd = u64::try_from(socket.as_raw_fd()).expect("a descriptor is not negative");
    epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, fd)).expect("epoll takes it");
}

/// Whether the connection goes on.
fn echo_once(stream: &mut TcpStream) -> bool {
    let mut part = [0; 4096];
    match stream.read(&mut part) {
        Ok(0) => false,
        Ok(count) => stream.write_all(&part[..count]).is_ok(),
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}
