//! The sockets of the drivers: what each one is, and what is in flight on it.
//!
//! No two drivers of a world have the same number, so that one which takes another's for its own is found out.
//!
//! **Invariant:** a socket has at most one op per lane in flight, and none when it is closed.

use crate::state::{ConnId, DeskId, End, ListenerId};
use driver::{Addr, Done, Errno, Fd, ListenSpec, Pipe, Tag};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The directions of a socket. Each has one op at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// `Readable`, `Recv`, `Fill`.
    Inbound,
    /// `Connect`, `Send`, `Drain`, `Finish`.
    Outbound,
}

/// Tells an op from a later one in the same lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpId(pub(crate) u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpKey {
    pub(crate) fd: Fd,
    pub(crate) lane: Lane,
    pub(crate) op: OpId,
}

pub(crate) struct Socket {
    owner: DeskId,
    pub(crate) role: Role,
    lanes: [Option<InFlight>; 2],
    pub(crate) cancel_count: u32,
    pub(crate) is_closing: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Role {
    Fresh,
    Bound(ListenSpec),
    Listening(ListenerId),
    Stream(ConnId, End),
    /// Another driver has fetched the connection; this number of it is to be closed.
    Fetched(ConnId, End),
}

/// An op that has not completed.
pub(crate) struct InFlight {
    pub(crate) id: OpId,
    pub(crate) tag: Tag,
    pub(crate) work: Work,
    pub(crate) is_cancelled: bool,
    /// An attempt is planned already.
    pub(crate) is_planned: bool,
    pub(crate) hunger: Hunger,
}

/// Whether a receive found bytes and no buffer for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hunger {
    None,
    /// Stands in the queue for a buffer.
    Waiting,
    /// Was told that there is one; it may still come too late.
    Fed,
}

/// What an op in a lane still has to do, with everything that it owns.
pub(crate) enum Work {
    Readable,
    Connect,
    Recv {
        count_max: u32,
    },
    Send {
        lease: buf::Lease,
        start: usize,
        end: usize,
    },
    Fill {
        count_max: u32,
    },
    Drain(Pipe),
    /// The shutdown itself took effect at once.
    Finish(Result<(), Errno>),
}

#[derive(Default)]
pub(crate) struct Sockets {
    slots: Vec<Option<Socket>>,
    free: BinaryHeap<Reverse<i32>>,
    reuses_numbers: bool,
    open_count: usize,
    in_flight_count: usize,
    ops_started: u64,
    /// Whose turn it is to act.
    pub(crate) at: DeskId,
}

impl Sockets {
    pub(crate) fn new(reuses_numbers: bool) -> Sockets {
        Sockets { reuses_numbers, ..Sockets::default() }
    }

    pub(crate) fn open_count(&self) -> usize {
        self.open_count
    }

    /// Every op that still owes a completion.
    pub(crate) fn in_flight_count(&self) -> usize {
        self.in_flight_count
    }

    /// The lowest free number, as `open(2)` promises, or one never used before.
    pub(crate) fn open(&mut self, role: Role) -> Fd {
        let socket = Socket { owner: self.at, role, lanes: [None, None], cancel_count: 0, is_closing: false };
        self.open_count += 1;
        match self.free.pop().filter(|_| self.reuses_numbers) {
            Some(Reverse(number)) => {
                self.slots[number as usize] = Some(socket);
                Fd(number)
            }
            None => {
                self.slots.push(Some(socket));
                Fd(self.slots.len() as i32 - 1)
            }
        }
    }

    pub(crate) fn close(&mut self, fd: Fd) -> Socket {
        let socket = self.slots[fd.0 as usize].take().expect("only an open socket is closed");
        assert!(socket.is_idle(), "{fd:?} is closed with an op in flight");
        self.open_count -= 1;
        if self.reuses_numbers {
            self.free.push(Reverse(fd.0));
        }
        socket
    }

    /// The socket that its owner names. It must be open, and stay so.
    pub(crate) fn named(&mut self, fd: Fd) -> &mut Socket {
        let at = self.at;
        let slot = usize::try_from(fd.0).ok().and_then(|index| self.slots.get_mut(index));
        let socket = slot.and_then(Option::as_mut).unwrap_or_else(|| panic!("{fd:?} is not open"));
        assert_eq!(socket.owner, at, "{fd:?} is a number of another driver");
        assert!(!socket.is_closing, "{fd:?} is closing: nothing follows a close");
        socket
    }

    /// The socket of an event. It may be gone, since events are not taken back.
    pub(crate) fn find(&mut self, fd: Fd) -> Option<&mut Socket> {
        self.slots.get_mut(fd.0 as usize)?.as_mut()
    }

    pub(crate) fn start(&mut self, fd: Fd, lane: Lane, tag: Tag, work: Work) -> OpId {
        self.ops_started += 1;
        let id = OpId(self.ops_started);
        let slot = &mut self.named(fd).lanes[lane.index()];
        assert!(slot.is_none(), "{fd:?} has an op in flight in this direction already");
        *slot = Some(InFlight { id, tag, work, is_cancelled: false, is_planned: false, hunger: Hunger::None });
        self.in_flight_count += 1;
        id
    }

    /// Takes an op out of its lane. It is then complete, or [`put_back`](Sockets::put_back).
    pub(crate) fn take(&mut self, key: OpKey) -> Option<InFlight> {
        let slot = &mut self.find(key.fd)?.lanes[key.lane.index()];
        let taken = slot.take_if(|in_flight| in_flight.id == key.op)?;
        self.in_flight_count -= 1;
        Some(taken)
    }

    pub(crate) fn put_back(&mut self, key: OpKey, in_flight: InFlight) {
        let socket = self.find(key.fd).expect("its op was just taken from it");
        socket.lanes[key.lane.index()] = Some(in_flight);
        self.in_flight_count += 1;
    }

    pub(crate) fn start_cancel(&mut self, fd: Fd) {
        self.named(fd).cancel_count += 1;
        self.in_flight_count += 1;
    }

    pub(crate) fn end_cancel(&mut self, fd: Fd) -> bool {
        let Some(socket) = self.find(fd) else { return false };
        socket.cancel_count -= 1;
        self.in_flight_count -= 1;
        true
    }

    pub(crate) fn start_close(&mut self, fd: Fd) {
        let socket = self.named(fd);
        assert!(socket.is_idle(), "{fd:?} is closed with an op in flight: its buffer could still be written to");
        socket.is_closing = true;
        self.in_flight_count += 1;
    }

    pub(crate) fn end_close(&mut self, fd: Fd) -> bool {
        let Some(socket) = self.find(fd) else { return false };
        assert!(std::mem::take(&mut socket.is_closing), "a close completes once");
        self.in_flight_count -= 1;
        self.close(fd);
        true
    }

    /// Gives up all sockets and ops of a driver, as a process that ends. What the ops own is dropped.
    pub(crate) fn abandon(&mut self, owner: DeskId) -> Vec<(Fd, Role)> {
        let mut open = Vec::new();
        for (number, slot) in self.slots.iter_mut().enumerate() {
            let Some(socket) = slot.take_if(|socket| socket.owner == owner) else { continue };
            self.open_count -= 1;
            self.in_flight_count -= socket.in_flight_count();
            if !socket.is_closing {
                open.push((Fd(number as i32), socket.role));
            }
        }
        open
    }

    /// To whom this socket's completions go.
    pub(crate) fn owner(&mut self, fd: Fd) -> Option<DeskId> {
        self.find(fd).map(|socket| socket.owner)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Fd, &Socket)> {
        let numbered = self.slots.iter().enumerate();
        numbered.filter_map(|(number, slot)| slot.as_ref().map(|socket| (Fd(number as i32), socket)))
    }
}

impl Socket {
    pub(crate) fn lane(&self, lane: Lane) -> Option<&InFlight> {
        self.lanes[lane.index()].as_ref()
    }

    pub(crate) fn lane_mut(&mut self, lane: Lane) -> Option<&mut InFlight> {
        self.lanes[lane.index()].as_mut()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.lanes.iter().all(Option::is_none) && self.cancel_count == 0
    }

    fn in_flight_count(&self) -> usize {
        self.lanes.iter().flatten().count() + self.cancel_count as usize + usize::from(self.is_closing)
    }
}

impl Lane {
    pub(crate) const BOTH: [Lane; 2] = [Lane::Inbound, Lane::Outbound];

    fn index(self) -> usize {
        match self {
            Lane::Inbound => 0,
            Lane::Outbound => 1,
        }
    }
}

impl Work {
    /// The completion of an op that was cancelled before it could do anything.
    pub(crate) fn cancelled(self) -> Done {
        match self {
            Work::Readable => Done::Readable(Err(Errno::ECANCELED)),
            Work::Connect => Done::Connected(Err(Errno::ECANCELED)),
            Work::Recv { .. } => Done::Received(Err(Errno::ECANCELED)),
            Work::Send { lease, .. } => Done::Sent { lease, result: Err(Errno::ECANCELED) },
            Work::Fill { .. } => Done::Filled(Err(Errno::ECANCELED)),
            Work::Drain(pipe) => Done::Drained { pipe, result: Err(Errno::ECANCELED) },
            Work::Finish(result) => Done::Finished(result),
        }
    }
}

/// The addresses of our own sockets that connect: like a host with one address per family (RFC 5737, RFC 3849).
pub(crate) fn own_addr(target: &Addr, port: u16) -> Addr {
    let Addr::Ip(target) = target else { return Addr::Unnamed };
    let ip = match target.ip() {
        ip if ip.is_loopback() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::new(192, 0, 2, 1).into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    Addr::Ip(std::net::SocketAddr::new(ip, port))
}
