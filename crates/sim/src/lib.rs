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
//! done.extend(sim.submit(Tag::Listener(0), Op::Recv { fd: accepted.fd, hope: Hope::Soon }).map(|done| (Tag::Listener(0), done)));
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

pub use options::{Faults, Network, Options};
pub use rng::Rng;
pub use script::{Behaviour, Heard, Reach, Reading, Script};
pub use world::{Departure, Harm, Outcome, Peer, Server, World};

use buf::Pool;
use driver::{
    Accepted, Addr, Done, Driver, DriverStats, Ending, Errno, Fd, Instant, ListenSpec, Op, Tag, Tuning, Wake, Waker,
};
use state::State;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The driver of a simulated world. Dropping it is the end of its process: what it had in flight is given up, and its peers
/// see their connections end.
pub struct Sim {
    state: Rc<RefCell<State>>,
    pool: Pool,
    alarm: Arc<Alarm>,
}

/// Set by a wake, read by the next turn.
struct Alarm(AtomicBool);

impl Sim {
    pub fn new(seed: u64, options: Options) -> Sim {
        let state = State::new(seed, options);
        let pool = state.pool.clone();
        Sim { state: Rc::new(RefCell::new(state)), pool, alarm: Arc::new(Alarm(AtomicBool::new(false))) }
    }

    /// The world of this driver, for whoever plays the peers.
    pub fn world(&self) -> World {
        World { state: Rc::clone(&self.state) }
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
        self.state.borrow_mut().new_socket()
    }

    fn bind(&mut self, spec: &ListenSpec) -> Result<Fd, Errno> {
        self.state.borrow_mut().bind(spec)
    }

    fn adopt(&mut self, inherited: i32) -> Result<Fd, Errno> {
        self.state.borrow_mut().adopt(inherited)
    }

    fn take(&mut self, number: i32) -> Result<Fd, Errno> {
        self.state.borrow_mut().adopt(number)
    }

    /// Its network loses no segment that would have to be probed for, so there is nothing to set.
    fn tune(&mut self, _fd: Fd, _was: &Tuning, _wanted: &Tuning) -> Result<(), Errno> {
        Ok(())
    }

    fn listen(&mut self, fd: Fd, backlog: u32) -> Result<(), Errno> {
        self.state.borrow_mut().listen(fd, backlog)
    }

    fn unlisten(&mut self, fd: Fd) -> Result<(), Errno> {
        self.state.borrow_mut().unlisten(fd)
    }

    fn accept(&mut self, listener: Fd) -> Result<Option<Accepted>, Errno> {
        self.state.borrow_mut().accept(listener)
    }

    fn local_addr(&mut self, fd: Fd) -> Result<Addr, Errno> {
        self.state.borrow_mut().local_addr(fd)
    }

    fn is_readable(&mut self, fd: Fd) -> bool {
        self.state.borrow_mut().is_readable(fd)
    }

    fn discard(&mut self, fd: Fd) {
        self.state.borrow_mut().discard(fd);
    }

    fn submit(&mut self, tag: Tag, op: Op) -> Option<Done> {
        self.state.borrow_mut().submit(tag, op)
    }

    /// Returns at once when nothing can ever happen and there is no deadline: then [`World::is_quiet`], and on a kernel this
    /// would wait for a wake.
    fn turn(&mut self, deadline: Option<Instant>, done: &mut Vec<(Tag, Done)>) -> Result<(), Errno> {
        let mut state = self.state.borrow_mut();
        state.is_woken |= self.alarm.0.swap(false, Ordering::Acquire);
        state.turn(deadline, done);
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
        for (fd, role) in state.sockets.abandon() {
            state.let_go(fd, role, Ending::Orderly);
        }
        state.done.clear();
        state.starved.clear();
    }
}

impl Wake for Alarm {
    fn wake(&self) {
        self.0.store(true, Ordering::Release);
    }
}
