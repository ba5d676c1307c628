//! Where a script plays: a world with a driver and its peers, and what was said so far.

use driver::{Accepted, Addr, Done, Driver, Fd, Filled, Instant, ListenSpec, Op, Received, SessionId, Side, Tag};
use std::time::Duration;

/// One driver with the rest of its world. Peers act at once or as soon as turns allow.
pub(crate) trait World {
    type Driver: Driver;
    type Peer: Copy;

    fn driver(&mut self) -> &mut Self::Driver;
    /// One driver more in the same world.
    fn beside(&mut self) -> Self::Driver;

    /// A client that connects to a listener of the driver.
    fn client(&mut self, to: &Addr) -> Self::Peer;
    /// A server that takes connections.
    fn server(&mut self) -> Addr;
    /// The connection that the driver has made to that server.
    fn taken_by(&mut self, server: &Addr) -> Self::Peer;
    /// An address at which nobody listens.
    fn refusing(&mut self) -> Addr;
    /// An address that does not answer.
    fn silent(&mut self) -> Addr;

    fn send(&mut self, peer: Self::Peer, bytes: &[u8]);
    fn finish(&mut self, peer: Self::Peer);
    fn reset(&mut self, peer: Self::Peer);
    /// Reads that many bytes, or what there is until the end.
    fn read(&mut self, peer: Self::Peer, count: usize) -> Vec<u8>;
    /// How the stream towards this peer ends, after what it has read: `end` or `reset`.
    fn ending(&mut self, peer: Self::Peer) -> &'static str;
}

pub(crate) struct Stage<W: World> {
    pub(crate) world: W,
    /// What completed and was not spoken of yet.
    done: Vec<Done>,
    said: Vec<String>,
}

const TAG: Tag = Tag::Session { id: SessionId { index: 1, generation: 2 }, side: Side::Front };

/// Longer than any completion that comes at all.
const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough for what is on its way to arrive, in a world without delays.
const A_WHILE: Duration = Duration::from_millis(30);

impl<W: World> Stage<W> {
    pub(crate) fn new(world: W) -> Stage<W> {
        Stage { world, done: Vec::new(), said: Vec::new() }
    }

    /// What was said, in order.
    pub(crate) fn transcript(self) -> Vec<String> {
        self.said
    }

    pub(crate) fn say(&mut self, what: impl Into<String>) {
        self.said.push(what.into());
    }

    pub(crate) fn driver(&mut self) -> &mut W::Driver {
        self.world.driver()
    }

    pub(crate) fn submit(&mut self, op: Op) {
        if let Some(done) = self.world.driver().submit(TAG, op) {
            self.done.push(done);
        }
    }

    /// One turn.
    pub(crate) fn turn_until(&mut self, deadline: Option<Instant>) {
        let mut done = Vec::new();
        self.world.driver().turn(deadline, &mut done).expect("a turn that fails ends the shard");
        for (tag, done) in done {
            assert_eq!(tag, TAG);
            self.done.push(done);
        }
    }

    /// Waits for `count` completions and takes them.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Done> {
        let deadline = self.world.driver().now() + PATIENCE;
        while self.done.len() < count {
            assert!(self.world.driver().now() < deadline, "{count} completions, and only {:?} came", self.done);
            self.turn_until(Some(deadline));
        }
        assert_eq!(self.done.len(), count, "{:?}", self.done);
        std::mem::take(&mut self.done)
    }

    pub(crate) fn take_one(&mut self) -> Done {
        self.take(1).remove(0)
    }

    /// Waits for `count` completions and says them, sorted: their order among each other is free.
    pub(crate) fn say_next(&mut self, count: usize) {
        let mut lines: Vec<String> = self.take(count).iter().map(describe).collect();
        lines.sort();
        self.said.append(&mut lines);
    }

    /// Takes what completes within a while.
    pub(crate) fn take_soon(&mut self) -> Vec<Done> {
        let deadline = self.world.driver().now() + A_WHILE;
        while self.world.driver().now() < deadline && self.done.is_empty() {
            self.turn_until(Some(deadline));
        }
        std::mem::take(&mut self.done)
    }

    /// Lets a while pass, in which nothing completes.
    pub(crate) fn nothing_happens(&mut self) {
        let deadline = self.world.driver().now() + A_WHILE;
        while self.world.driver().now() < deadline {
            self.turn_until(Some(deadline));
            assert!(self.done.is_empty(), "{:?}", self.done);
        }
    }

    /// A listener of the driver, and where it is.
    pub(crate) fn listener(&mut self) -> (Fd, Addr) {
        let driver = self.world.driver();
        let fd = driver.bind(&anywhere()).expect("a free port");
        driver.listen(fd, 16).expect("bound");
        (fd, driver.local_addr(fd).expect("bound"))
    }

    /// A connection that a client made, and the client.
    pub(crate) fn connection(&mut self) -> (Fd, W::Peer) {
        let (listener, addr) = self.listener();
        let peer = self.world.client(&addr);
        let accepted = self.accept(listener);
        self.world.driver().discard(listener);
        (accepted.fd, peer)
    }

    pub(crate) fn accept(&mut self, listener: Fd) -> Accepted {
        self.submit(Op::Readable { fd: listener });
        let done = self.take_one();
        assert!(matches!(done, Done::Readable(Ok(()))), "{done:?}");
        self.world.driver().accept(listener).expect("no limit is near").expect("it is readable")
    }

    /// Sends these bytes in one op.
    pub(crate) fn send(&mut self, fd: Fd, bytes: &[u8]) {
        let mut lease = self.world.driver().pool().lease().expect("the pool is large enough");
        lease.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
        self.submit(Op::Send { fd, lease, start: 0, end: bytes.len() as u32 });
    }
}

/// Any port of the loopback address.
pub(crate) fn anywhere() -> ListenSpec {
    ListenSpec::at("127.0.0.1:0".parse::<std::net::SocketAddr>().expect("valid").into(), 16)
}

/// What a completion says, with the bytes that it brought.
pub(crate) fn describe(done: &Done) -> String {
    match done {
        Done::Readable(result) => format!("readable {result:?}"),
        Done::Connected(result) => format!("connected {result:?}"),
        Done::Received(Ok(Received::Bytes { lease, count, .. })) => {
            format!("received {:?}", String::from_utf8_lossy(&lease.bytes()[..*count as usize]))
        }
        Done::Received(Ok(Received::End)) => "received the end".into(),
        Done::Received(Err(errno)) => format!("received {errno:?}"),
        Done::Sent { result, .. } => format!("sent {result:?}"),
        Done::Filled(Ok(Filled::Bytes(pipe))) => format!("filled {}", pipe.held()),
        Done::Filled(Ok(Filled::End)) => "filled the end".into(),
        Done::Filled(Ok(Filled::NoPipe)) => "no pipe".into(),
        Done::Filled(Err(errno)) => format!("filled {errno:?}"),
        Done::Drained { pipe, result } => format!("drained {result:?}, {} left", pipe.held()),
        Done::Entrusted(way, result) => format!("entrusted {way:?} {result:?}"),
        Done::AlertSent(result) => format!("alert sent {result:?}"),
        Done::RecordReceived { result, .. } => format!("record {result:?}"),
        Done::Finished(result) => format!("finished {result:?}"),
        Done::Cancelled => "cancelled".into(),
        Done::Closed => "closed".into(),
    }
}
