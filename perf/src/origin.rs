//! The origin: a server that does what the first byte of a connection asks for (echo, source, sink, both, or HTTP).

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::AsFd,
};

use anyhow::{Context, Result};
use nix::sys::{
    epoll::{EpollEvent, EpollFlags, EpollTimeout},
    socket::{Backlog, listen},
};

use crate::{
    http::{Arrival, Incoming, METHODS, Outgoing},
    line::{Line, Question},
    pattern::{DUPLEX, ECHO, SINK, SOURCE},
    poller::Poller,
    slots::Slots,
    stream::{Drained, Scratch, Sink, Source},
    tally::Tally,
};

/// On how many addresses one origin listens: each gives a proxy a range of local ports of its own, which
/// connect-request-close needs while closed connections wait out their time.
const ADDRESSES: u8 = 4;

const BACKLOG: i32 = 4096;
const ECHO_MAX: usize = 16 * 1024;

const TOKEN_LINE: u64 = u64::MAX;
const TOKEN_LISTENER: u64 = u64::MAX - 1 - ADDRESSES as u64;

/// What an origin says first: where it listens.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Hello {
    pub(crate) addresses: Vec<SocketAddrV4>,
}

enum Phase {
    /// The first byte has not come.
    Fresh,
    /// `owed` has been received and not yet sent back.
    Echoing {
        owed: Vec<u8>,
    },
    Sourcing(Source),
    Sinking(Sink),
    Both(Source, Sink),
    Http(Box<Dialogue>),
}

/// Requests one after the other, and what is on its way to the client.
#[derive(Default)]
struct Dialogue {
    request: Incoming,
    response: Option<(Outgoing, IsLast)>,
}

/// The connection ends behind a response.
#[derive(Clone, Copy)]
struct IsLast(bool);

struct Connection {
    socket: TcpStream,
    phase: Phase,
}

/// What is to be done with a connection after an event.
enum Next {
    Keep,
    Watch(EpollFlags),
    Close,
}

struct Origin {
    poller: Poller,
    listeners: Vec<TcpListener>,
    connections: Slots<Connection>,
    scratch: Scratch,
    tally: Tally,
}

/// Serves until standard input ends; each line on it is answered with the counts since the last.
///
/// `process` numbers the origins of one trial, and gives each its own addresses in 127.0.0.0/8.
pub(crate) fn serve(process: u8) -> Result<()> {
    let mut origin = Origin::bind(process)?;
    let addresses = origin
        .listeners
        .iter()
        .map(|listener| match listener.local_addr()? {
            std::net::SocketAddr::V4(address) => Ok(address),
            std::net::SocketAddr::V6(_) => Err(io::Error::from(ErrorKind::Unsupported)),
        })
        .collect::<io::Result<_>>()?;
    let mut line = Line::new();
    line.answer(&Hello { addresses })?;
    let mut events = vec![EpollEvent::empty(); 512];
    loop {
        let count = origin.poller.wait(&mut events, EpollTimeout::NONE)?;
        for event in &events[..count] {
            match event.data() {
                TOKEN_LINE => match line.question()? {
                    Question::Count => line.answer(&origin.tally.take(0))?,
                    Question::End => return Ok(()),
                },
                token if token >= TOKEN_LISTENER => origin.accept((token - TOKEN_LISTENER) as usize),
                token => origin.handle(token as usize, event.events()),
            }
        }
        origin.connections.on_batch_end();
    }
}

impl Origin {
    fn bind(process: u8) -> Result<Self> {
        let poller = Poller::new()?;
        poller.add(io::stdin(), EpollFlags::EPOLLIN, TOKEN_LINE)?;
        let mut listeners = Vec::new();
        for index in 0..ADDRESSES {
            let address = Ipv4Addr::new(127, 0, 10 + process, 1 + index);
            let listener = TcpListener::bind((address, 0)).with_context(|| format!("bind {address}"))?;
            listen(&listener, Backlog::new(BACKLOG)?)?;
            listener.set_nonblocking(true)?;
            // Accepted sockets inherit it: no call per connection.
            nix::sys::socket::setsockopt(&listener, nix::sys::socket::sockopt::TcpNoDelay, &true)?;
            poller.add(listener.as_fd(), EpollFlags::EPOLLIN, TOKEN_LISTENER + u64::from(index))?;
            listeners.push(listener);
        }
        Ok(Origin { poller, listeners, connections: Slots::new(), scratch: Scratch::new(), tally: Tally::new() })
    }

    fn accept(&mut self, listener: usize) {
        while let Ok((socket, _)) = self.listeners[listener].accept() {
            if socket.set_nonblocking(true).is_err() {
                self.tally.failures.own += 1;
                continue;
            }
            let slot = self.connections.insert(Connection { socket, phase: Phase::Fresh });
            let connection = self.connections.entry(slot).expect("it was inserted on the line before");
            if self.poller.add(&connection.socket, EpollFlags::EPOLLIN, slot as u64).is_err() {
                self.connections.remove(slot);
                self.tally.failures.own += 1;
            }
        }
    }

    fn handle(&mut self, slot: usize, flags: EpollFlags) {
        let Some(connection) = self.connections.entry(slot) else { return };
        match connection.handle(flags, &mut self.scratch, &mut self.tally) {
            Next::Keep => {}
            Next::Watch(flags) => {
                if self.poller.modify(&connection.socket, flags, slot as u64).is_err() {
                    self.connections.remove(slot);
                }
            }
            Next::Close => self.connections.remove(slot),
        }
    }
}

impl Connection {
    fn handle(&mut self, flags: EpollFlags, scratch: &mut Scratch, tally: &mut Tally) -> Next {
        match &mut self.phase {
            Phase::Fresh => self.on_first(scratch, tally),
            Phase::Echoing { owed } if owed.is_empty() => self.on_echo(scratch),
            Phase::Echoing { owed } => settle(&mut self.socket, owed),
            Phase::Sourcing(source) => pump(&self.socket, source, flags),
            Phase::Sinking(sink) => drain(&self.socket, sink, scratch, tally),
            Phase::Http(dialogue) => dialogue.handle(&self.socket, scratch, tally),
            Phase::Both(source, sink) => {
                if flags.contains(EpollFlags::EPOLLOUT) && source.pump(&self.socket).is_err() {
                    return Next::Close;
                }
                drain(&self.socket, sink, scratch, tally)
            }
        }
    }

    /// The first bytes: the first says what the connection is for, the others belong to it.
    fn on_first(&mut self, scratch: &mut Scratch, tally: &mut Tally) -> Next {
        let received = match self.socket.read(&mut scratch.0[..ECHO_MAX]) {
            Ok(0) => return Next::Close,
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::Keep,
            Err(_) => return Next::Close,
        };
        let (first, rest) = (scratch.0[0], &scratch.0[1..received]);
        let mut sink = Sink::default();
        if matches!(first, SINK | DUPLEX) && !sink.take(rest) {
            tally.failures.corrupt += 1;
            return Next::Close;
        }
        let (phase, next) = match first {
            ECHO => return self.echo(&scratch.0[..received]),
            first if METHODS.contains(&first) => {
                let mut dialogue = Box::<Dialogue>::default();
                let arrival = dialogue.request.take(&scratch.0[..received]);
                let next = dialogue.on_arrival(arrival, &self.socket, tally);
                (Phase::Http(dialogue), next)
            }
            SOURCE => (Phase::Sourcing(Source::default()), Next::Watch(EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP)),
            SINK => (Phase::Sinking(sink), Next::Keep),
            DUPLEX => (Phase::Both(Source::default(), sink), Next::Watch(EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT)),
            _ => {
                tally.failures.corrupt += 1;
                (Phase::Fresh, Next::Close)
            }
        };
        self.phase = phase;
        next
    }

    fn on_echo(&mut self, scratch: &mut Scratch) -> Next {
        match self.socket.read(&mut scratch.0[..ECHO_MAX]) {
            Ok(0) => Next::Close,
            Ok(received) => self.echo(&scratch.0[..received]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Next::Keep,
            Err(_) => Next::Close,
        }
    }

    fn echo(&mut self, bytes: &[u8]) -> Next {
        let sent = match self.socket.write(bytes) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return Next::Close,
        };
        self.phase = Phase::Echoing { owed: bytes[sent..].to_vec() };
        if sent == bytes.len() { Next::Keep } else { Next::Watch(EpollFlags::EPOLLOUT) }
    }
}

impl Dialogue {
    fn handle(&mut self, socket: &TcpStream, scratch: &mut Scratch, tally: &mut Tally) -> Next {
        if self.response.is_some() {
            return self.respond(socket, EpollFlags::EPOLLIN);
        }
        let arrival = self.request.read(socket, scratch);
        self.on_arrival(arrival, socket, tally)
    }

    fn on_arrival(&mut self, arrival: Arrival, socket: &TcpStream, tally: &mut Tally) -> Next {
        match arrival {
            Arrival::Pending => Next::Keep,
            Arrival::Whole(message) => {
                tally.bytes_received += message.size;
                self.response = Some((Outgoing::response(&message), IsLast(message.is_last)));
                self.respond(socket, EpollFlags::empty())
            }
            Arrival::Ended => Next::Close,
            Arrival::Corrupt => {
                tally.failures.corrupt += 1;
                Next::Close
            }
        }
    }

    /// `watched`: what the poller is to report once all is sent, if it does not already.
    fn respond(&mut self, socket: &TcpStream, watched: EpollFlags) -> Next {
        let Some((outgoing, is_last)) = &mut self.response else { return Next::Keep };
        match outgoing.pump(socket) {
            Ok(true) if is_last.0 => Next::Close,
            Ok(true) => {
                self.response = None;
                if watched.is_empty() { Next::Keep } else { Next::Watch(watched) }
            }
            Ok(false) if watched.is_empty() => Next::Watch(EpollFlags::EPOLLOUT),
            Ok(false) => Next::Keep,
            Err(_) => Next::Close,
        }
    }
}

/// Sends what an echo still owes; reading goes on when nothing is left.
fn settle(socket: &mut TcpStream, owed: &mut Vec<u8>) -> Next {
    match socket.write(owed) {
        Ok(sent) => drop(owed.drain(..sent)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(_) => return Next::Close,
    }
    if owed.is_empty() { Next::Watch(EpollFlags::EPOLLIN) } else { Next::Keep }
}

/// A source has nothing to read: the end of the other side is all that its events can say besides room to send.
fn pump(socket: &TcpStream, source: &mut Source, flags: EpollFlags) -> Next {
    if flags.intersects(EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR) {
        return Next::Close;
    }
    if source.pump(socket).is_ok() { Next::Keep } else { Next::Close }
}

fn drain(socket: &TcpStream, sink: &mut Sink, scratch: &mut Scratch, tally: &mut Tally) -> Next {
    match sink.drain(socket, scratch) {
        Drained::Bytes(received) => {
            tally.bytes_received += received;
            Next::Keep
        }
        Drained::Ended => Next::Close,
        Drained::Corrupt => {
            tally.failures.corrupt += 1;
            Next::Close
        }
    }
}
