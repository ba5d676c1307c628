//! Two sockets and what goes between them, one direction at a time.

use std::{
    io,
    net::{Shutdown, TcpStream},
};

use nix::sys::epoll::EpollFlags;

/// One end of a relayed connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Origin,
}

impl Side {
    pub(super) fn of(token: u64) -> Self {
        if token.is_multiple_of(2) { Side::Client } else { Side::Origin }
    }

    pub(super) fn token(self, slot: usize) -> u64 {
        2 * slot as u64 + self as u64
    }

    fn across(self) -> Self {
        match self {
            Side::Client => Side::Origin,
            Side::Origin => Side::Client,
        }
    }
}

/// How far one direction came in one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The sender has nothing more for now.
    Starved,
    /// The receiver is full, and something is held back for it.
    Full,
    /// The sender has ended, and everything is through.
    Ended,
}

/// What holds the bytes of one direction on their way.
pub(super) trait Carry: Default {
    /// What all directions of a relay share.
    type Means;
    fn means() -> Self::Means;
    /// Moves bytes from one socket to the other until one of them has had enough.
    fn carry(&mut self, from: &TcpStream, to: &TcpStream, means: &mut Self::Means) -> io::Result<Progress>;
}

/// What the relay has to do after an event.
pub(super) enum Turn {
    Unchanged,
    /// At least one side waits for something else now.
    Watch,
    Ended,
}

struct End<C> {
    socket: TcpStream,
    /// What this end has sent and the other has not taken.
    outgoing: C,
    progress: Progress,
    watched: EpollFlags,
    is_changed: bool,
}

pub(super) struct Pair<C> {
    client: End<C>,
    origin: End<C>,
    is_connected: bool,
}

impl<C: Carry> Pair<C> {
    /// `origin` may still be on its way.
    pub(super) fn new(client: TcpStream, origin: TcpStream) -> Self {
        let end = |socket, watched| End {
            socket,
            outgoing: C::default(),
            progress: Progress::Starved,
            watched,
            is_changed: false,
        };
        Pair {
            client: end(client, EpollFlags::empty()),
            origin: end(origin, EpollFlags::EPOLLOUT),
            is_connected: false,
        }
    }

    pub(super) fn socket(&self, side: Side) -> &TcpStream {
        match side {
            Side::Client => &self.client.socket,
            Side::Origin => &self.origin.socket,
        }
    }

    /// What `side` waits for from now on, if that has changed since the last call.
    pub(super) fn take_changed(&mut self, side: Side) -> Option<EpollFlags> {
        let end = self.ends(side).0;
        std::mem::take(&mut end.is_changed).then_some(end.watched)
    }

    pub(super) fn handle(&mut self, side: Side, flags: EpollFlags, means: &mut C::Means) -> Turn {
        if !self.is_connected {
            if side == Side::Client || flags.intersects(EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP) {
                return Turn::Ended;
            }
            self.is_connected = true;
        }
        let came = flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
        if came && self.carry_from(side, means).is_err() {
            return Turn::Ended;
        }
        if flags.contains(EpollFlags::EPOLLOUT) && self.carry_from(side.across(), means).is_err() {
            return Turn::Ended;
        }
        if self.client.progress == Progress::Ended && self.origin.progress == Progress::Ended {
            return Turn::Ended;
        }
        self.client.watch(self.origin.progress);
        self.origin.watch(self.client.progress);
        if self.client.is_changed || self.origin.is_changed { Turn::Watch } else { Turn::Unchanged }
    }

    fn carry_from(&mut self, side: Side, means: &mut C::Means) -> io::Result<()> {
        let (from, to) = self.ends(side);
        if from.progress == Progress::Ended {
            return Ok(());
        }
        from.progress = from.outgoing.carry(&from.socket, &to.socket, means)?;
        if from.progress == Progress::Ended { to.socket.shutdown(Shutdown::Write) } else { Ok(()) }
    }

    /// The end at `side`, and the one across.
    fn ends(&mut self, side: Side) -> (&mut End<C>, &mut End<C>) {
        match side {
            Side::Client => (&mut self.client, &mut self.origin),
            Side::Origin => (&mut self.origin, &mut self.client),
        }
    }
}

impl<C> End<C> {
    /// Reads while its direction flows; waits for room when the opposite one is held back by it.
    fn watch(&mut self, incoming: Progress) {
        let mut wanted = EpollFlags::empty();
        wanted.set(EpollFlags::EPOLLIN, self.progress == Progress::Starved);
        wanted.set(EpollFlags::EPOLLOUT, incoming == Progress::Full);
        self.is_changed |= wanted != self.watched;
        self.watched = wanted;
    }
}
