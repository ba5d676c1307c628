//! One driver in a calm world, and short words for what a script asks of it.

use driver::{Accepted, Addr, Done, Driver, Ending, Errno, Fd, Filled, Hope, ListenSpec, Op, Received, Tag};
use sim::{Options, Peer, Script, Sim, World};
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) const TAG: Tag = Tag::Listener(0);

pub(crate) fn ip(port: u16) -> Addr {
    SocketAddr::from(([127, 0, 0, 1], port)).into()
}

pub(crate) fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(crate) struct Rig {
    pub(crate) sim: Sim,
    pub(crate) world: World,
}

impl Rig {
    pub(crate) fn calm() -> Rig {
        Rig::new(Options::calm())
    }

    pub(crate) fn new(options: Options) -> Rig {
        Rig::seeded(1, options)
    }

    pub(crate) fn seeded(seed: u64, options: Options) -> Rig {
        let sim = Sim::new(seed, options);
        let world = sim.world();
        Rig { sim, world }
    }

    pub(crate) fn listen(&mut self, addr: Addr, backlog: u32) -> Fd {
        let fd = self.bind(addr).expect("the address is free");
        self.sim.listen(fd, backlog).expect("it is bound");
        fd
    }

    pub(crate) fn bind(&mut self, addr: Addr) -> Result<Fd, Errno> {
        self.sim.bind(&ListenSpec::at(addr, 8))
    }

    /// A connection that a hand-driven peer has made to us.
    pub(crate) fn accepted(&mut self) -> (Fd, Peer) {
        let listener = self.listen(ip(110), 8);
        let peer = self.world.connect_in(ip(110));
        self.world.pass(millis(1));
        let Accepted { fd, .. } = self.sim.accept(listener).expect("no fault").expect("one waits");
        self.sim.discard(listener);
        (fd, peer)
    }

    /// A connection that we have made to a server of this script.
    pub(crate) fn connected(&mut self, script: Script) -> (Fd, Peer) {
        let server = self.world.server(ip(0), script);
        let fd = self.socket();
        assert_eq!(self.run(Op::Connect { fd, addr: server.addr() }), ["connected"]);
        self.world.pass(millis(1));
        (fd, server.accept_out().expect("it has accepted"))
    }

    pub(crate) fn socket(&mut self) -> Fd {
        self.sim.socket(&ip(1)).expect("no fault")
    }

    /// Submits one op and says what completes until nothing more does within a second.
    pub(crate) fn run(&mut self, op: Op) -> Vec<String> {
        self.start(op);
        self.heard()
    }

    /// Submits an op that does not complete at once.
    pub(crate) fn start(&mut self, op: Op) {
        let done = self.sim.submit(TAG, op);
        assert!(done.is_none(), "{done:?} at once in a calm world");
    }

    pub(crate) fn heard(&mut self) -> Vec<String> {
        self.completions().iter().map(describe).collect()
    }

    /// What completes until a second passes without anything.
    pub(crate) fn completions(&mut self) -> Vec<Done> {
        let mut done = Vec::new();
        loop {
            let heard_count = done.len();
            let deadline = self.sim.now() + Duration::from_secs(1);
            self.sim.turn(Some(deadline), &mut done).expect("a simulation does not fail");
            self.world.check();
            if done.len() == heard_count {
                return done.into_iter().map(|(_, done)| done).collect();
            }
        }
    }

    pub(crate) fn recv(&mut self, fd: Fd) -> Vec<String> {
        self.run(Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX })
    }

    pub(crate) fn send(&mut self, fd: Fd, bytes: &[u8]) -> Vec<String> {
        let op = self.send_op(fd, bytes);
        self.run(op)
    }

    pub(crate) fn send_op(&mut self, fd: Fd, bytes: &[u8]) -> Op {
        let mut lease = self.sim.pool().lease().expect("the pool is large");
        lease.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        Op::Send { fd, lease, start: 0, end: bytes.len() as u32 }
    }

    pub(crate) fn close(&mut self, fd: Fd, ending: Ending) {
        assert_eq!(self.run(Op::Close { fd, ending }), ["closed"]);
    }
}

pub(crate) fn describe(done: &Done) -> String {
    match done {
        Done::Readable(result) => outcome("readable", result),
        Done::Connected(result) => outcome("connected", result),
        Done::Received(Ok(Received::Bytes { lease, count, more })) => {
            let text = String::from_utf8_lossy(&lease.bytes()[..*count as usize]);
            format!("received {text}{}", if *more { " and more" } else { "" })
        }
        Done::Received(Ok(Received::End)) => "received the end".into(),
        Done::Received(Err(errno)) => format!("received {errno:?}"),
        Done::Sent { result: Ok(count), .. } => format!("sent {count}"),
        Done::Sent { result: Err(errno), .. } => format!("sent {errno:?}"),
        Done::Filled(Ok(Filled::Bytes(pipe))) => format!("filled {}", pipe.held()),
        Done::Filled(Ok(Filled::End)) => "filled the end".into(),
        Done::Filled(Ok(Filled::NoPipe)) => "no pipe".into(),
        Done::Filled(Err(errno)) => format!("filled {errno:?}"),
        Done::Drained { result: Ok(count), .. } => format!("drained {count}"),
        Done::Drained { result: Err(errno), .. } => format!("drained {errno:?}"),
        Done::Entrusted(way, result) => outcome(&format!("entrusted {way:?}"), result),
        Done::AlertSent(result) => outcome("alert sent", result),
        Done::RecordReceived { result, .. } => format!("record {result:?}"),
        Done::Finished(result) => outcome("finished", result),
        Done::Cancelled => "cancelled".into(),
        Done::Closed => "closed".into(),
    }
}

fn outcome(word: &str, result: &Result<(), Errno>) -> String {
    match result {
        Ok(()) => word.into(),
        Err(errno) => format!("{word} {errno:?}"),
    }
}

/// What a session asks of a socket that it hears.
pub(crate) fn recv(fd: Fd) -> Op {
    Op::Recv { fd, hope: Hope::Soon, count_max: u32::MAX }
}

pub(crate) fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
