//! A load generator: one thread, one epoll, one workload, counted until the rig has no more questions.

mod bulk;
mod crr;
mod dial;
mod http;
mod later;
mod pace;
mod rr;
mod slow;

use std::{io, net::SocketAddrV4, time::Instant};

use anyhow::{Context, Result};
use nix::sys::{
    epoll::{EpollEvent, EpollFlags},
    prctl,
};
use serde::{Deserialize, Serialize};

use self::dial::Dialer;
use crate::{
    line::{Line, Question},
    poller::Poller,
    tally::Tally,
    wire::{TlsClient, Wires},
};

const TOKEN_LINE: u64 = u64::MAX;

/// Which way the bytes of a bulk flow go, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Direction {
    Down,
    Up,
    /// Both at once, on the same connection.
    Both,
}

/// What a generator does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Requests of `size` bytes that are echoed, one at a time per connection, on `active` of `connections`; the others have
    /// been used once and rest. `per_second` requests are due each second, whatever the answers do; without it, each
    /// connection asks again as soon as it has its answer.
    RequestResponse { connections: usize, active: usize, size: usize, per_second: Option<f64> },
    /// Connect, one request of `size` bytes, its echo, close; `concurrent` of these at a time.
    ConnectRequestClose { concurrent: usize, size: usize },
    /// As many bytes as go through.
    Bulk { flows: usize, direction: Direction },
    /// Exchanges over HTTP, one at a time per connection, on `active` of `connections`; the others have served one and rest.
    /// `per_second` of them are due each second, as above.
    Http { connections: usize, active: usize, exchange: Exchange, per_second: Option<f64> },
    /// Flows that would bring any amount of bytes, read at `bytes_per_second` each.
    SlowReader { flows: usize, bytes_per_second: u64 },
}

/// One request and its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exchange {
    /// The content comes with the request, not with the response.
    pub(crate) is_put: bool,
    /// Bytes of the content.
    pub(crate) size: u64,
    /// The connection serves the next one, too; otherwise each has its own.
    pub(crate) is_kept: bool,
}

/// What the rig hands to a generator, as its one argument.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) work: Work,
    /// They speak TLS, and how.
    pub(crate) tls: Option<TlsClient>,
    /// Where to connect to, in turn.
    pub(crate) targets: Vec<SocketAddrV4>,
    /// Numbers the generators of one trial, and gives each source addresses of its own.
    pub(crate) process: u8,
}

/// What a generator says first: everything that it opens before the measurement stands.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Connections that stand.
    pub(crate) held: u64,
}

/// What a workload needs to act.
struct Desk {
    poller: Poller,
    dialer: Dialer,
    wires: Wires,
    tally: Tally,
}

/// A kind of work as reactions to events; one value of it lives as long as its process.
trait Workload {
    /// A connection of this workload, known by the token it was registered under, can be read or written, or has ended.
    fn handle(&mut self, token: usize, flags: EpollFlags, desk: &mut Desk);
    /// Called once at the start, and then whenever [`deadline`](Self::deadline) has come.
    fn handle_timeout(&mut self, now: Instant, desk: &mut Desk);
    fn deadline(&self) -> Option<Instant>;
    /// Whether the measurement may begin.
    fn is_ready(&self) -> bool;
    /// How many connections stand. Called when the counts are taken: what is overdue by then is noted in `tally`.
    fn held(&self, tally: &mut Tally) -> u64;
}

/// Does the work of an [`Order`] until standard input ends.
pub(crate) fn generate(order: &str) -> Result<()> {
    let order: Order = serde_json::from_str(order).context("the order of a generator")?;
    // Arrivals are spaced by microseconds; the default slack of 50 µs would bunch them.
    prctl::set_timerslack(1)?;
    let mut desk = Desk {
        poller: Poller::new()?,
        dialer: Dialer::new(order.targets, order.process),
        wires: Wires::new(order.tls),
        tally: Tally::new(),
    };
    desk.poller.add(io::stdin(), EpollFlags::EPOLLIN, TOKEN_LINE)?;
    let mut workload = workload(&order.work);
    let mut line = Line::new();
    let mut is_announced = false;
    let mut events = vec![EpollEvent::empty(); 512];
    workload.handle_timeout(Instant::now(), &mut desk);
    loop {
        if !is_announced && workload.is_ready() {
            is_announced = true;
            line.answer(&Ready { held: workload.held(&mut desk.tally) })?;
        }
        let count = desk.poller.wait_until(&mut events, workload.deadline())?;
        for event in &events[..count] {
            if event.data() != TOKEN_LINE {
                workload.handle(event.data() as usize, event.events(), &mut desk);
                continue;
            }
            match line.question()? {
                Question::Count => {
                    let held = workload.held(&mut desk.tally);
                    line.answer(&desk.tally.take(held))?;
                }
                Question::End => return Ok(()),
            }
        }
        if let Some(deadline) = workload.deadline() {
            let now = Instant::now();
            if deadline <= now {
                workload.handle_timeout(now, &mut desk);
            }
        }
    }
}

fn workload(work: &Work) -> Box<dyn Workload> {
    match *work {
        Work::RequestResponse { connections, active, size, per_second } => {
            Box::new(rr::RequestResponse::new(connections, active, size, per_second))
        }
        Work::ConnectRequestClose { concurrent, size } => Box::new(crr::ConnectRequestClose::new(concurrent, size)),
        Work::Bulk { flows, direction } => Box::new(bulk::Bulk::new(flows, direction)),
        Work::Http { connections, active, exchange, per_second } => {
            Box::new(http::Http::new(connections, active, exchange, per_second))
        }
        Work::SlowReader { flows, bytes_per_second } => Box::new(slow::SlowReader::new(flows, bytes_per_second)),
    }
}
