//! Who is found at an address, and how a connection is made: listeners of the shard, and servers of the world.
//!
//! ```text
//!   asker                                asked
//!     │ ── Knock ─────────────────────────▶ │  nobody: refused · full backlog or black hole: no answer
//!     │ ◀───────────────────────── Answer ─ │
//!     │ ── Accepted ──────────────────────▶ │  queued for accept, or a server's script begins
//! ```

use crate::actor::Actor;
use crate::connection::{Connection, Holder, Phase};
use crate::schedule::Event;
use crate::script::Reach;
use crate::socket::{Lane, Role};
use crate::state::{ConnId, EPHEMERAL_PORTS, End, ListenerId, ServerId, State};
use crate::{Harm, Script};
use driver::{Accepted, Addr, Errno, Fd, ListenSpec};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// `ENOENT`: what connecting to a path answers where there is no socket (unix(7)).
const ENOENT: Errno = Errno(2);
/// `EBADF`: no such descriptor was inherited.
const EBADF: Errno = Errno(9);

/// `tcp_syn_retries` (tcp(7)): a connect that hears nothing is repeated after 1, 2, 4 ... seconds, so often.
const KNOCKS_MOST: u32 = 6;

/// Who is found at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Taken, but nothing is queued there.
    Bound,
    Listener(ListenerId),
    Server(ServerId),
}

pub(crate) struct Listener {
    pub(crate) spec: ListenSpec,
    /// Handshakes that will end in the queue.
    pub(crate) coming_count: usize,
    pub(crate) queue: VecDeque<ConnId>,
    /// The sockets that listen here: one, or more if an inherited one was adopted again.
    fds: Vec<Fd>,
    /// Whoever passed it on holds it as well, so its queue outlives our sockets.
    is_inherited: bool,
}

impl Listener {
    /// A full queue holds one more than its backlog (`sk_acceptq_is_full`).
    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() + self.coming_count > self.spec.backlog as usize
    }

    fn is_held(&self) -> bool {
        self.is_inherited || !self.fds.is_empty()
    }
}

impl State {
    pub(crate) fn new_socket(&mut self) -> Result<Fd, Errno> {
        self.may_open()?;
        if self.rng.chance(self.options.faults.socket_permille) {
            let ways = [Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM];
            return Err(ways[self.rng.below(ways.len())]);
        }
        Ok(self.sockets.open(Role::Fresh))
    }

    pub(crate) fn bind(&mut self, spec: &ListenSpec) -> Result<Fd, Errno> {
        self.may_open()?;
        let addr = self.with_port(&spec.addr);
        if self.places.contains_key(&addr) {
            return Err(Errno::EADDRINUSE);
        }
        self.places.insert(addr.clone(), Place::Bound);
        Ok(self.sockets.open(Role::Bound(ListenSpec { addr, ..spec.clone() })))
    }

    pub(crate) fn listen(&mut self, fd: Fd, backlog: u32) -> Result<(), Errno> {
        match self.sockets.named(fd).role.clone() {
            Role::Bound(spec) => {
                let listener = self.new_listener(ListenSpec { backlog, ..spec }, false);
                self.hold_listener(listener, fd);
                Ok(())
            }
            // What listens goes on with another backlog (listen(2)).
            Role::Listening(listener) => {
                self.listeners[listener.0].spec.backlog = backlog;
                Ok(())
            }
            Role::Fresh | Role::Stream(..) | Role::Fetched(..) => Err(Errno::EINVAL),
        }
    }

    pub(crate) fn unlisten(&mut self, fd: Fd) -> Result<(), Errno> {
        let Role::Listening(id) = self.sockets.named(fd).role else { return Err(Errno::EINVAL) };
        let listener = &self.listeners[id.0];
        assert!(!listener.is_inherited && listener.fds == [fd], "sockets that others hold are not asked to refuse");
        let spec = listener.spec.clone();
        self.stop_listening(id, fd);
        self.places.insert(spec.addr.clone(), Place::Bound);
        self.sockets.named(fd).role = Role::Bound(spec);
        Ok(())
    }

    /// A listening socket that this process gets from its parent.
    pub(crate) fn inherit(&mut self, number: i32, spec: &ListenSpec) {
        assert!(!self.places.contains_key(&spec.addr), "{} is taken", spec.addr);
        let listener = self.new_listener(spec.clone(), true);
        self.inherited.insert(number, listener);
    }

    pub(crate) fn adopt(&mut self, number: i32) -> Result<Fd, Errno> {
        let listener = *self.inherited.get(&number).ok_or(EBADF)?;
        self.may_open()?;
        let fd = self.sockets.open(Role::Fresh);
        self.hold_listener(listener, fd);
        Ok(fd)
    }

    pub(crate) fn accept(&mut self, fd: Fd) -> Result<Option<Accepted>, Errno> {
        let Role::Listening(listener) = self.sockets.named(fd).role else { return Err(Errno::EINVAL) };
        // accept(2) looks for a free number before it looks at the queue.
        self.may_open()?;
        let Some(conn) = self.listeners[listener.0].queue.pop_front() else { return Ok(None) };
        let is_live = matches!(self.connections[conn.0].holder(End::Asker), Holder::Actor(_));
        if is_live && self.rng.chance(self.options.faults.abort_permille) {
            self.strike(conn, End::Asker, Harm::Abort);
            self.reset(conn, End::Asked);
            return Err(Errno::ECONNABORTED);
        }
        let fd = self.sockets.open(Role::Stream(conn, End::Asked));
        let connection = &mut self.connections[conn.0];
        connection.end(End::Asked).holder = Holder::Socket(fd);
        Ok(Some(Accepted { fd, peer: connection.peer_addr.clone() }))
    }

    pub(crate) fn local_addr(&mut self, fd: Fd) -> Result<Addr, Errno> {
        match &self.sockets.named(fd).role {
            Role::Fresh => Err(Errno::EINVAL),
            Role::Bound(spec) => Ok(spec.addr.clone()),
            Role::Listening(listener) => Ok(self.listeners[listener.0].spec.addr.clone()),
            Role::Stream(conn, end) | Role::Fetched(conn, end) => Ok(self.connections[conn.0].addr(*end).clone()),
        }
    }

    /// One socket less listens here. When it was the last, what waits is reset.
    pub(crate) fn stop_listening(&mut self, id: ListenerId, fd: Fd) {
        let listener = &mut self.listeners[id.0];
        listener.fds.retain(|&held| held != fd);
        if listener.is_held() {
            return;
        }
        let queue = std::mem::take(&mut listener.queue);
        self.places.remove(&listener.spec.addr);
        for conn in queue {
            self.reset(conn, End::Asked);
        }
    }

    pub(crate) fn may_open(&self) -> Result<(), Errno> {
        if self.sockets.open_count() < self.options.faults.fds_max { Ok(()) } else { Err(Errno::EMFILE) }
    }

    fn new_listener(&mut self, spec: ListenSpec, is_inherited: bool) -> ListenerId {
        let id = ListenerId(self.listeners.len());
        self.places.insert(spec.addr.clone(), Place::Listener(id));
        let listener = Listener { spec, coming_count: 0, queue: VecDeque::new(), fds: Vec::new(), is_inherited };
        self.listeners.push(listener);
        id
    }

    fn hold_listener(&mut self, id: ListenerId, fd: Fd) {
        self.sockets.named(fd).role = Role::Listening(id);
        self.listeners[id.0].fds.push(fd);
    }

    /// The address with a free port chosen, if it leaves that open. When all are taken, the answer is one that is.
    pub(crate) fn with_port(&mut self, addr: &Addr) -> Addr {
        let Some(open) = addr.ip().filter(|ip| ip.port() == 0) else { return addr.clone() };
        let mut chosen = Addr::Ip(SocketAddr::new(open.ip(), self.ephemeral_port()));
        for _ in 1..EPHEMERAL_PORTS {
            if !self.places.contains_key(&chosen) {
                break;
            }
            chosen = Addr::Ip(SocketAddr::new(open.ip(), self.ephemeral_port()));
        }
        chosen
    }

    /// A connection whose request to be made leaves after `delay`.
    pub(crate) fn new_connection(&mut self, asker: Holder, addr: Addr, target: Addr, delay: Duration) -> ConnId {
        let conn = ConnId(self.connections.len());
        let network = &self.options.network;
        let (least, most) = (network.socket_buffer_least, network.socket_buffer_most);
        let capacities = [self.rng.between(least, most), self.rng.between(least, most)];
        self.connections.push(Connection::new(asker, addr, target, capacities));
        let latency = self.latency();
        self.plan(delay + latency, Event::Knock { conn, tries: 0 });
        conn
    }

    pub(crate) fn on_knock(&mut self, conn: ConnId, tries: u32) {
        let connection = &self.connections[conn.0];
        if connection.holder(End::Asker) == Holder::Gone {
            return;
        }
        let is_ours = matches!(connection.holder(End::Asker), Holder::Socket(_));
        match self.place_of(&connection.target) {
            Some(Place::Listener(id)) if self.listeners[id.0].is_full() => self.knock_again(conn, tries),
            Some(Place::Listener(id)) => {
                self.listeners[id.0].coming_count += 1;
                self.connections[conn.0].asked = Some(Place::Listener(id));
                self.answer(conn, Ok(()));
            }
            Some(Place::Server(id)) => self.knock_at_server(conn, id, is_ours),
            Some(Place::Bound) => self.answer(conn, Err(Errno::ECONNREFUSED)),
            None => {
                let is_path = matches!(&connection.target, Addr::Unix(name) if name.first() != Some(&0));
                self.answer(conn, Err(if is_path { ENOENT } else { Errno::ECONNREFUSED }));
            }
        }
    }

    fn knock_at_server(&mut self, conn: ConnId, id: ServerId, is_ours: bool) {
        let is_refused = is_ours && self.rng.chance(self.options.faults.refuse_permille);
        let is_lost = is_ours && self.rng.chance(self.options.faults.black_hole_permille);
        match self.servers[id.0].reach {
            Reach::Accepts | Reach::Refuses | Reach::Unreachable(_) if is_lost => (),
            Reach::Accepts if is_refused => self.answer(conn, Err(Errno::ECONNREFUSED)),
            Reach::Accepts => {
                self.connections[conn.0].asked = Some(Place::Server(id));
                self.answer(conn, Ok(()));
            }
            Reach::Refuses => self.answer(conn, Err(Errno::ECONNREFUSED)),
            Reach::BlackHole => (),
            Reach::Unreachable(errno) => self.answer(conn, Err(errno)),
        }
    }

    fn knock_again(&mut self, conn: ConnId, tries: u32) {
        if tries == KNOCKS_MOST {
            return self.answer(conn, Err(Errno::ETIMEDOUT));
        }
        self.plan(Duration::from_secs(1 << tries), Event::Knock { conn, tries: tries + 1 });
    }

    fn answer(&mut self, conn: ConnId, result: Result<(), Errno>) {
        let latency = self.latency();
        self.plan(latency, Event::Answer { conn, result });
    }

    pub(crate) fn on_answer(&mut self, conn: ConnId, result: Result<(), Errno>) {
        let connection = &mut self.connections[conn.0];
        let asker = connection.holder(End::Asker);
        if asker == Holder::Gone {
            return self.call_off(conn);
        }
        connection.phase = match result {
            Ok(()) => Phase::Made,
            Err(errno) => Phase::Failed(errno),
        };
        if result.is_ok() {
            let latency = self.latency();
            let at = self.connections[conn.0].stream(End::Asked).arrival_at(self.now + latency);
            self.schedule.plan(at, Event::Accepted { conn });
        }
        match asker {
            Holder::Socket(fd) => self.retry(fd, Lane::Outbound),
            Holder::Actor(actor) => self.on_connected(actor, result),
            Holder::Coming | Holder::Queued(_) | Holder::Gone => unreachable!("an asker is a socket or an actor"),
        }
    }

    /// The asker has left before the handshake was complete: nobody is ever asked.
    fn call_off(&mut self, conn: ConnId) {
        let connection = &mut self.connections[conn.0];
        connection.end(End::Asked).holder = Holder::Gone;
        if let Some(Place::Listener(id)) = connection.asked {
            self.listeners[id.0].coming_count -= 1;
        }
    }

    pub(crate) fn on_accepted(&mut self, conn: ConnId) {
        let asked = self.connections[conn.0].asked.expect("somebody answered");
        match asked {
            Place::Listener(id) => self.enqueue(conn, id),
            Place::Server(id) => self.serve(conn, id),
            Place::Bound => unreachable!("a bound socket never answers"),
        }
    }

    fn enqueue(&mut self, conn: ConnId, id: ListenerId) {
        let listener = &mut self.listeners[id.0];
        listener.coming_count -= 1;
        if !listener.is_held() {
            return self.reset(conn, End::Asked);
        }
        listener.queue.push_back(conn);
        let connection = &mut self.connections[conn.0];
        connection.end(End::Asked).holder = Holder::Queued(id);
        connection.show_as(&listener.spec.addr);
        for fd in listener.fds.clone() {
            self.retry(fd, Lane::Inbound);
        }
    }

    fn serve(&mut self, conn: ConnId, id: ServerId) {
        let server = &mut self.servers[id.0];
        let script: Script = server.scripts[server.actors.len() % server.scripts.len()].clone();
        let connection = &self.connections[conn.0];
        let peer = connection.addr(End::Asker).clone();
        let actor = Actor::accepted(script, conn, connection.target.clone(), peer);
        let actor = self.add_actor(actor);
        self.servers[id.0].actors.push(actor);
        self.connections[conn.0].end(End::Asked).holder = Holder::Actor(actor);
        self.plan_strikes(conn, End::Asked);
        self.run(actor);
    }

    /// Draws whether this peer will reset the connection, or fall silent.
    pub(crate) fn plan_strikes(&mut self, conn: ConnId, end: End) {
        let faults = &self.options.faults;
        let (within, rates) =
            (faults.strike_within, [(faults.reset_permille, Harm::Reset), (faults.vanish_permille, Harm::Vanish)]);
        for (rate, harm) in rates {
            if self.rng.chance(rate) {
                let delay = self.rng.span(Duration::ZERO, within);
                self.plan(delay, Event::Strike { conn, end, harm });
            }
        }
    }

    /// Exactly this address, else a wildcard of its port.
    fn place_of(&self, target: &Addr) -> Option<Place> {
        if let Some(place) = self.places.get(target) {
            return Some(*place);
        }
        let target = target.ip()?;
        let wild = |ip: IpAddr| self.places.get(&Addr::Ip(SocketAddr::new(ip, target.port()))).copied();
        let wild_v6 = wild(Ipv6Addr::UNSPECIFIED.into());
        match target {
            SocketAddr::V4(_) => wild(Ipv4Addr::UNSPECIFIED.into()).or(wild_v6.filter(|&place| self.takes_v4(place))),
            SocketAddr::V6(_) => wild_v6,
        }
    }

    /// A listener on `::` takes IPv4 as well, unless it was told not to (`IPV6_V6ONLY`, ipv6(7)).
    fn takes_v4(&self, place: Place) -> bool {
        match place {
            Place::Listener(id) => self.listeners[id.0].spec.v6_only != Some(true),
            Place::Bound | Place::Server(_) => true,
        }
    }
}

impl Connection {
    /// Names the addresses as a listener of this address sees them: IPv4 clients of an IPv6 socket are mapped (ipv6(7)).
    fn show_as(&mut self, listener: &Addr) {
        let is_v6 = matches!(listener, Addr::Ip(SocketAddr::V6(_)));
        let shown = |addr: &Addr| match addr {
            Addr::Ip(SocketAddr::V4(v4)) if is_v6 => {
                Addr::Ip(SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()))
            }
            Addr::Ip(_) | Addr::Unix(_) | Addr::Unnamed => addr.clone(),
        };
        self.peer_addr = shown(self.addr(End::Asker));
        let own = shown(&self.target);
        self.end(End::Asked).addr = own;
    }
}
