//! The test's hand on a world: it puts peers into it, lets time pass and looks at what they have seen.

use crate::actor::Actor;
use crate::options::Faults;
use crate::schedule::Event;
use crate::script::{Behaviour, Reach, Reading, Script, Step};
use crate::state::{ActorId, Server as ServerState, ServerId, State};
use driver::{Addr, DriverStats, Errno, Instant, ListenSpec};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// A handle on a world; clones mean the same one. Valid beside the driver, also when a shard owns that.
#[derive(Clone)]
pub struct World {
    pub(crate) state: Rc<RefCell<State>>,
}

/// A peer of the shard: a client, or a server's side of one connection.
#[derive(Clone)]
pub struct Peer {
    world: World,
    id: ActorId,
}

/// A server of the world, found at its address.
#[derive(Clone)]
pub struct Server {
    world: World,
    id: ServerId,
}

/// What a peer knows of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not connected yet, or never.
    Connecting,
    Failed(Errno),
    Open,
    /// It has read the end of the stream.
    Ended,
    Reset,
    /// What its words travel in has ended before it was announced, or was given up by the other side.
    Torn,
}

/// How a peer has left its connection. From then on it hears nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    Closed,
    Reset,
    Vanished,
}

/// What a fault of the world did to a peer. Whoever compares bytes forgives such a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It has reset its connection in mid-stream.
    Reset,
    /// It has fallen silent for good.
    Vanish,
    /// It has reset its connection before that was accepted.
    Abort,
}

impl World {
    pub fn now(&self) -> Instant {
        self.state.borrow().now
    }

    /// A client that connects at `at`, or now if that is past, and then follows its script.
    pub fn client(&self, at: Instant, to: impl Into<Addr>, script: Script) -> Peer {
        let to = to.into();
        let from = self.state.borrow_mut().client_addr(&to);
        self.client_at(at, from, to, script)
    }

    /// A client with an address of its own choice.
    pub fn client_from(&self, at: Instant, from: SocketAddr, to: impl Into<Addr>, script: Script) -> Peer {
        self.client_at(at, Addr::Ip(from), to.into(), script)
    }

    /// A client that does nothing but connect, now: the test drives it by hand.
    pub fn connect_in(&self, to: impl Into<Addr>) -> Peer {
        self.client(self.now(), to, Script::silent())
    }

    /// A server at `addr`. A port of zero becomes a free one.
    pub fn server(&self, addr: impl Into<Addr>, behaviour: impl Into<Behaviour>) -> Server {
        let Behaviour { reach, scripts } = behaviour.into();
        let mut state = self.state.borrow_mut();
        let addr = state.with_port(&addr.into());
        let id = ServerId(state.servers.len());
        let place = crate::listener::Place::Server(id);
        assert!(state.places.insert(addr.clone(), place).is_none(), "{addr} is taken");
        state.servers.push(ServerState { addr, reach, scripts, actors: Vec::new(), taken_count: 0 });
        Server { world: self.clone(), id }
    }

    /// A listening socket that the process has from its parent under this number, for `Driver::adopt`. It queues from now on.
    pub fn inherit(&self, number: i32, spec: &ListenSpec) {
        self.state.borrow_mut().inherit(number, spec);
    }

    /// Ends the wait of the driver's turn at `at`, so that a test can act then.
    pub fn wake_at(&self, at: Instant) {
        self.state.borrow_mut().schedule.plan(at, Event::Wake);
    }

    /// Lets time pass for the network and the peers. What completes meanwhile is heard in the driver's next turn.
    pub fn pass(&self, span: Duration) {
        self.state.borrow_mut().pass(span);
    }

    /// From now on. Strikes that were drawn already still happen.
    pub fn set_faults(&self, faults: Faults) {
        self.state.borrow_mut().options.faults = faults;
    }

    /// Nothing can happen any more unless the shard acts, somebody wakes it, or a deadline comes.
    pub fn is_quiet(&self) -> bool {
        self.state.borrow().is_quiet()
    }

    /// Sockets of the shard that are open, listeners included.
    pub fn open_count(&self) -> usize {
        self.state.borrow().sockets.open_count()
    }

    /// Ops of the shard that still owe a completion.
    pub fn in_flight_count(&self) -> usize {
        self.state.borrow().sockets.in_flight_count()
    }

    /// Buffers that are not back in the pool.
    pub fn lease_count(&self) -> usize {
        self.state.borrow().pool.used_count()
    }

    /// Pipes that are not back in the stock.
    pub fn pipe_count(&self) -> usize {
        self.state.borrow().pipes.lent_count()
    }

    pub fn stats(&self) -> DriverStats {
        self.state.borrow().stats
    }

    /// The lines since the last call, if [`Options::has_trace`](crate::Options) is set.
    pub fn trace(&self) -> Vec<String> {
        std::mem::take(&mut self.state.borrow_mut().trace)
    }

    /// Sweeps over everything and asserts what must hold. Costs as much as the world is large.
    pub fn check(&self) {
        self.state.borrow().check();
    }

    fn client_at(&self, at: Instant, from: Addr, to: Addr, script: Script) -> Peer {
        let mut state = self.state.borrow_mut();
        let id = state.add_actor(Actor::client(script, from, to));
        state.schedule.plan(at, Event::Begin { actor: id });
        Peer { world: self.clone(), id }
    }
}

impl Peer {
    /// Its own address; what the shard sees of a client.
    pub fn addr(&self) -> Addr {
        self.look(|actor| actor.addr.clone())
    }

    /// The other side's address: where a client connects to, or whom a server has accepted.
    pub fn other_addr(&self) -> Addr {
        self.look(|actor| actor.target.clone())
    }

    /// Everything that it has read.
    pub fn received(&self) -> Vec<u8> {
        self.look(|actor| actor.received.clone())
    }

    /// What has come in its envelope, as it came. Empty where there is none.
    pub fn came_sealed(&self) -> Vec<u8> {
        self.look(|actor| actor.sealed.as_ref().map_or(Vec::new(), |sealed| sealed.came.clone()))
    }

    pub fn received_count(&self) -> usize {
        self.look(|actor| actor.received.len())
    }

    /// Everything that it has written into its socket.
    pub fn sent(&self) -> Vec<u8> {
        self.look(|actor| actor.sent.clone())
    }

    pub fn sent_count(&self) -> usize {
        self.look(|actor| actor.sent.len())
    }

    pub fn outcome(&self) -> Outcome {
        self.look(|actor| actor.outcome)
    }

    /// `None`: it has not left.
    pub fn departure(&self) -> Option<Departure> {
        self.look(|actor| actor.departure)
    }

    pub fn harm(&self) -> Option<Harm> {
        self.look(|actor| actor.harm)
    }

    /// It has ended its sending half.
    pub fn has_finished(&self) -> bool {
        self.look(|actor| actor.has_finished)
    }

    pub fn connected_at(&self) -> Option<Instant> {
        self.look(|actor| actor.connected_at)
    }

    /// When it learned of the end, the reset or the failure to connect.
    pub fn ended_at(&self) -> Option<Instant> {
        self.look(|actor| actor.ended_at)
    }

    /// By hand, after what its script says: sends all of it as room allows.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.push(Step::Send(bytes.as_ref().into()));
    }

    /// By hand: ends its sending half.
    pub fn finish(&self) {
        self.push(Step::Finish);
    }

    /// By hand: closes; a reset if it has not read everything.
    pub fn close(&self) {
        self.push(Step::Close);
    }

    pub fn reset(&self) {
        self.push(Step::Reset);
    }

    pub fn vanish(&self) {
        self.push(Step::Vanish);
    }

    /// By hand: reads in this way from now on.
    pub fn read(&self, reading: Reading) {
        self.push(Step::Read(reading));
    }

    fn push(&self, step: Step) {
        self.world.state.borrow_mut().push_step(self.id, step);
    }

    fn look<T>(&self, at: impl FnOnce(&Actor) -> T) -> T {
        at(&self.world.state.borrow().actors[self.id.0])
    }
}

impl Server {
    pub fn addr(&self) -> Addr {
        self.world.state.borrow().servers[self.id.0].addr.clone()
    }

    /// Meets connects differently from `at` on. Connections that exist live on.
    pub fn switch(&self, at: Instant, reach: Reach) {
        self.plan(at, Event::Switch { server: self.id, reach });
    }

    /// Resets every connection that exists at `at`; they count as harmed.
    pub fn reset_all(&self, at: Instant) {
        self.plan(at, Event::ResetAll { server: self.id });
    }

    /// The server's sides of all connections so far, in the order in which they were accepted.
    pub fn connections(&self) -> Vec<Peer> {
        let state = self.world.state.borrow();
        state.servers[self.id.0].actors.iter().map(|&id| Peer { world: self.world.clone(), id }).collect()
    }

    pub fn connection_count(&self) -> usize {
        self.world.state.borrow().servers[self.id.0].actors.len()
    }

    /// The next connection that was accepted and not yet handed out here.
    pub fn accept_out(&self) -> Option<Peer> {
        let mut state = self.world.state.borrow_mut();
        let server = &mut state.servers[self.id.0];
        let id = *server.actors.get(server.taken_count)?;
        server.taken_count += 1;
        Some(Peer { world: self.world.clone(), id })
    }

    fn plan(&self, at: Instant, event: Event) {
        self.world.state.borrow_mut().schedule.plan(at, event);
    }
}
