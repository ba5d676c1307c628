//! The floor: relays that do nothing but relay, to show what the work itself costs on this kernel.
//!
//! No timeouts, no balancing beyond the next origin in turn, no logs, no limits: what a proxy spends above these is the price
//! of what it does, and what it spends below them is what these have left on the table.

mod copy;
mod pair;
mod splice;

use std::{
    io::{self, ErrorKind},
    net::{SocketAddrV4, TcpListener, TcpStream},
    os::fd::AsRawFd,
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use nix::{
    errno::Errno,
    sys::{
        epoll::{EpollEvent, EpollFlags, EpollTimeout},
        socket::{
            AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, bind, connect, listen, setsockopt, socket, sockopt,
        },
    },
};

use self::pair::{Carry, Pair, Side, Turn};
use crate::{poller::Poller, slots::Slots};

/// How a floor relay moves bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Means {
    /// recv(2) and send(2).
    Copy,
    /// splice(2) through pipes.
    Splice,
}

const BACKLOG: i32 = 4096;
const TOKEN_LISTENER: u64 = u64::MAX;

/// Relays from `listen` to `origins` in turn, on `shards` threads that share nothing, until the process is ended.
pub(crate) fn run(means: Means, address: SocketAddrV4, origins: &[SocketAddrV4], shards: usize) -> Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..shards)
            .map(|_| {
                scope.spawn(|| match means {
                    Means::Copy => Relay::<copy::Copy>::new(address, origins)?.run(),
                    Means::Splice => Relay::<splice::Splice>::new(address, origins)?.run(),
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a relay returns its errors"))
    })
}

struct Relay<'a, C: Carry> {
    poller: Poller,
    listener: TcpListener,
    origins: &'a [SocketAddrV4],
    accepted: usize,
    pairs: Slots<Pair<C>>,
    means: C::Means,
}

impl<'a, C: Carry> Relay<'a, C> {
    fn new(address: SocketAddrV4, origins: &'a [SocketAddrV4]) -> Result<Self> {
        let listener = listener(address).with_context(|| format!("listen on {address}"))?;
        let poller = Poller::new()?;
        poller.add(&listener, EpollFlags::EPOLLIN, TOKEN_LISTENER)?;
        Ok(Relay { poller, listener, origins, accepted: 0, pairs: Slots::new(), means: C::means() })
    }

    fn run(mut self) -> Result<()> {
        let mut events = vec![EpollEvent::empty(); 256];
        loop {
            let count = self.poller.wait(&mut events, EpollTimeout::NONE)?;
            for event in &events[..count] {
                match event.data() {
                    TOKEN_LISTENER => self.accept()?,
                    token => self.handle((token / 2) as usize, Side::of(token), event.events()),
                }
            }
            self.pairs.on_batch_end();
        }
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let client = match self.listener.accept() {
                Ok((client, _)) => client,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accept"),
            };
            client.set_nonblocking(true)?;
            let origin = dial(self.origins[self.accepted % self.origins.len()]).context("connect to an origin")?;
            self.accepted += 1;
            let slot = self.pairs.insert(Pair::new(client, origin));
            let pair = self.pairs.entry(slot).expect("it was inserted on the line before");
            // Bytes of the client wait in its socket until the origin can be written to.
            self.poller.add(pair.socket(Side::Client), EpollFlags::empty(), Side::Client.token(slot))?;
            self.poller.add(pair.socket(Side::Origin), EpollFlags::EPOLLOUT, Side::Origin.token(slot))?;
        }
    }

    fn handle(&mut self, slot: usize, side: Side, flags: EpollFlags) {
        let Some(pair) = self.pairs.entry(slot) else { return };
        match pair.handle(side, flags, &mut self.means) {
            Turn::Unchanged => {}
            Turn::Ended => self.pairs.remove(slot),
            Turn::Watch => {
                let is_watched = [Side::Client, Side::Origin].into_iter().all(|side| {
                    pair.take_changed(side)
                        .is_none_or(|flags| self.poller.modify(pair.socket(side), flags, side.token(slot)).is_ok())
                });
                if !is_watched {
                    self.pairs.remove(slot);
                }
            }
        }
    }
}

fn listener(address: SocketAddrV4) -> io::Result<TcpListener> {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    setsockopt(&fd, sockopt::ReusePort, &true)?;
    // Accepted sockets inherit it.
    setsockopt(&fd, sockopt::TcpNoDelay, &true)?;
    bind(fd.as_raw_fd(), &SockaddrIn::from(address))?;
    listen(&fd, Backlog::new(BACKLOG)?)?;
    Ok(TcpListener::from(fd))
}

fn dial(origin: SocketAddrV4) -> io::Result<TcpStream> {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&fd, sockopt::TcpNoDelay, &true)?;
    match connect(fd.as_raw_fd(), &SockaddrIn::from(origin)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(TcpStream::from(fd)),
        Err(errno) => Err(errno.into()),
    }
}
