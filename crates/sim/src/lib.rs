//! `Driver` as a seeded world: peers, network, clock and faults, all in one thread and all drawn from one number.
//!
//! ```text
//!    the test                                   the shard under test
//!       │ World: client, server, pass, check        │ Sim: submit, turn
//!       ▼                                           ▼
//!    actors ◀── streams, in order, finite ──▶ sockets, ops in flight
//!       └───────────────── one schedule, one clock ─┘
//! ```
//!
//! The same seed and the same calls give the same world, to the byte and the nanosecond. Time passes only in
//! [`Driver::turn`] and [`World::pass`]: a little with every turn, and when nothing else can happen it jumps to the next
//! event or to the caller's deadline. Nothing here asks the system for anything but memory.
//!
//! What a socket does is what Linux does, including what is unpleasant: completions of different sockets in any order,
//! sends that are short and then wait, a cancelled op that succeeds after all, an error that is reported once, a reset for
//! whoever writes to a closed socket. What the shard itself must never do is an assertion: an op on a closed socket, two ops
//! in one direction, a close with something in flight.
//!
//! ```
//! use driver::{Addr, Done, Driver, Fd, Hope, ListenSpec, Op, Received, Tag};
//! use sim::{Behaviour, Options, Outcome, Script, Sim};
//! use std::net::SocketAddr;
//! use std::time::Duration;
//!
//! let mut sim = Sim::new(1, Options::calm());
//! let world = sim.world();
//!
//! // A shard's side: a listener. The world's side: a client that says a word and leaves.
//! let addr: Addr = SocketAddr::from(([127, 0, 0, 1], 110)).into();
//! let listener = sim.bind(&ListenSpec::at(addr.clone(), 8)).unwrap();
//! sim.listen(listener, 8).unwrap();
//! let client = world.client(world.now(), addr, Script::new().send("QUIT\r\n").finish());
//!
//! world.pass(Duration::from_millis(1));
//! let accepted = sim.accept(listener).unwrap().expect("it has connected");
//! assert_eq!(accepted.peer, client.addr());
//!
//! let mut done = Vec::new();
//! done.extend(sim.submit(Tag::Listener(0), Op::Recv { fd: accepted.fd, hope: Hope::Soon, count_max: u32::MAX }).map(|done| (Tag::Listener(0), done)));
//! while done.is_empty() {
//!     sim.turn(None, &mut done).unwrap();
//! }
//! let Some((_, Done::Received(Ok(Received::Bytes { lease, count, .. })))) = done.pop() else { panic!() };
//! assert_eq!(&lease.bytes()[..count as usize], b"QUIT\r\n");
//!
//! // Closing what was read to the end is seen as an end.
//! drop(lease);
//! sim.discard(accepted.fd);
//! world.pass(Duration::from_millis(1));
//! assert_eq!(client.outcome(), Outcome::Ended);
//! assert_eq!((world.open_count(), world.in_flight_count()), (1, 0));
//! assert_eq!((world.lease_count(), world.pipe_count()), (0, 0));
//! world.check();
//! ```
#![forbid(unsafe_code)]

mod actor;
mod check;
mod connection;
mod envelope;
mod listener;
mod ops;
mod options;
mod pipes;
mod rng;
mod schedule;
mod script;
mod socket;
mod state;
mod stream;
mod world;

pub use envelope::{Envelope, Hearing};
pub use options::{Faults, Network, Options};
pub use rng::Rng;
pub use script::{Behaviour, Heard, Reach, Reading, Script};
pub use world::{Departure, Harm, Outcome, Peer, Server, World};

use buf::Pool;
use driver::{
    Accepted, Addr, Done, Driver, DriverStats, Ending, Errno, Fd, Instant, ListenSpec, Op, Tag, Thread, Tuning, Waker,
};
use state::{Alarm, DeskId, State};
use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;

/// A driver of a simulated world. Dropping it is the end of its process: what it had in flight is given up, and its peers
/// see their connections end.
pub struct Sim {
    state: Rc<RefCell<State>>,
    desk: DeskId,
    pool: Pool,
    alarm: Arc<Alarm>,
}

impl Sim {
    /// The first driver of a new world.
    pub fn new(seed: u64, options: Options) -> Sim {
        Sim::at(Rc::new(RefCell::new(State::new(seed, options))), DeskId::default())
    }

    /// One driver more in the same world, with numbers of its own for its sockets. Buffers and pipes are those of all.
    pub fn beside(&self) -> Sim {
        let desk = self.state.borrow_mut().add_desk();
        Sim::at(Rc::clone(&self.state), desk)
    }

    /// The world of this driver, for whoever plays the peers.
    pub fn world(&self) -> World {
        World { state: Rc::clone(&self.state) }
    }

    fn at(state: Rc<RefCell<State>>, desk: DeskId) -> Sim {
        let pool = state.borrow().pool.clone();
        let alarm = Arc::clone(&state.borrow_mut().desk(desk).alarm);
        Sim { state, desk, pool, alarm }
    }

    /// The world while this driver acts in it.
    fn acting(&self) -> RefMut<'_, State> {
        let mut state = self.state.borrow_mut();
        state.sockets.at = self.desk;
        state
    }
}

impl Driver for Sim {
    fn now(&self) -> Instant {
        self.state.borrow().now
    }

    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn socket(&mut self, _addr: &Addr) -> Result<Fd, Errno> {
        self.acting().new_socket()
    }

    fn bind(&mut self, spec: &ListenSpec) -> Result<Fd, Errno> {
        self.acting().bind(spec)
    }

    fn adopt(&mut self, inherited: i32) -> Result<Fd, Errno> {
        self.acting().adopt(inherited)
    }

    fn take(&mut self, number: i32) -> Result<Fd, Errno> {
        self.acting().adopt(number)
    }

    /// Its network loses no segment that would have to be probed for, so there is nothing to set.
    fn tune(&mut self, _fd: Fd, _was: &Tuning, _wanted: &Tuning) -> Result<(), Errno> {
        Ok(())
    }

    fn listen(&mut self, fd: Fd, backlog: u32) -> Result<(), Errno> {
        self.acting().listen(fd, backlog)
    }

    fn unlisten(&mut self, fd: Fd) -> Result<(), Errno> {
        self.acting().unlisten(fd)
    }

    fn accept(&mut self, listener: Fd) -> Result<Option<Accepted>, Errno> {
        self.acting().accept(listener)
    }

    fn local_addr(&mut self, fd: Fd) -> Result<Addr, Errno> {
        self.acting().local_addr(fd)
    }

    fn is_readable(&mut self, fd: Fd) -> bool {
        self.acting().is_readable(fd)
    }

    fn discard(&mut self, fd: Fd) {
        self.acting().discard(fd);
    }

    /// Where a driver is alone in its world, there is nobody who could fetch its sockets.
    fn thread(&self) -> Option<Thread> {
        let is_alone = self.state.borrow().desks.len() == 1;
        (!is_alone).then_some(Thread(self.desk.0 as i32))
    }

    fn fetch(&mut self, from: Thread, number: Fd) -> Result<Fd, Errno> {
        self.acting().fetch(DeskId(from.0 as usize), number)
    }

    fn let_go(&mut self, fd: Fd) {
        self.discard(fd);
    }

    /// What is submitted here is under way at once.
    fn flush(&mut self) {}

    fn tidy(&mut self, buffers_least: usize) {
        self.pool.trim(buffers_least);
    }

    fn submit(&mut self, tag: Tag, op: Op) -> Option<Done> {
        self.acting().submit(tag, op)
    }

    /// Returns at once when nothing can ever happen and there is no deadline: then [`World::is_quiet`], and on a kernel this
    /// would wait for a wake.
    fn turn(&mut self, deadline: Option<Instant>, done: &mut Vec<(Tag, Done)>) -> Result<(), Errno> {
        self.acting().turn(deadline, done);
        Ok(())
    }

    fn waker(&self) -> Waker {
        Arc::clone(&self.alarm) as Waker
    }

    fn stats(&self) -> DriverStats {
        self.state.borrow().stats
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // A panic inside the world has left it borrowed; there is nothing to tidy then.
        let Ok(mut state) = self.state.try_borrow_mut() else { return };
        for (fd, role) in state.sockets.abandon(self.desk) {
            state.let_go(fd, role, Ending::Orderly);
        }
        state.desk(self.desk).done.clear();
        let State { starved, sockets, .. } = &mut *state;
        starved.retain(|key| sockets.find(key.fd).is_some());
    }
}
