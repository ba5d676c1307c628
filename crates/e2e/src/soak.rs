//! Hundreds of unlike flows at once through a proxy, every byte of them checked.
//!
//! ```text
//!   Soak::run ── clients ──► proxy ──► Farm
//!        └── Plan::of(seed, number) ──┘     the client says the number in its first eight bytes
//! ```
//!
//! A flow is none to very many bytes each way, fast, slow, resting in the middle or trickling between bursts; both ways at once or
//! one after the other; ended in either order, or cut by a reset of either end. Each direction has a pattern of its own, so a
//! byte of another connection, or of another place, is a wrong byte.
//!
//! **Invariant:** whatever becomes of a flow, what has arrived of it is a correct prefix; of one that nobody reset it is all.

mod farm;
mod plan;
mod side;
mod verdict;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

pub use self::farm::Farm;
use self::plan::{Order, Plan};
use self::side::{Fault, Outcome, Side};
pub use self::verdict::Report;
use crate::needs::Subject;
use crate::wait::{self, SOON};

/// The stack of a flow's thread.
const STACK: usize = 256 * 1024;

/// What is to be soaked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Soak {
    /// What all flows are drawn from.
    pub seed: u64,
    /// No further flow is begun when both ends together have checked so many bytes.
    pub total: u64,
    /// Flows at once.
    pub at_once: usize,
    /// The most bytes of one direction, at least 64 KiB.
    pub size_max: u64,
}

/// How one end of a flow has fared.
type Fate = Result<Outcome, Fault>;

impl Soak {
    /// Runs flows through the proxy at `proxy`, a `subject` that relays to `farm`, until enough bytes are checked and every
    /// flow has ended.
    ///
    /// # Panics
    /// When `farm` serves another soak.
    pub fn run(self, subject: Subject, proxy: SocketAddr, farm: &Farm) -> Report {
        assert_eq!(self, farm.soak(), "both ends draw from the same seed");
        let (next, fates) = (AtomicU64::new(0), farm.fates());
        let flow_after_flow = || {
            while fates.checked() < self.total {
                let number = next.fetch_add(1, Ordering::Relaxed);
                fates.note_client(number, self.client(number, proxy));
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.at_once {
                let builder = thread::Builder::new().stack_size(STACK);
                builder.spawn_scoped(scope, flow_after_flow).expect("a thread per flow");
            }
        });
        // One that does not come is a fault that the report names.
        let _ = wait::within(SOON, || (fates.served_count() >= next.load(Ordering::Relaxed)).then_some(()));
        fates.report(self, subject)
    }

    /// The client's end of flow `number`.
    fn client(self, number: u64, proxy: SocketAddr) -> Fate {
        let plan = Plan::of(self.seed, number, self.size_max);
        let stream = dial(number, proxy).map_err(Fault::Io)?;
        let reset_after = match plan.order {
            Order::ClientResets { after } => Some(after),
            Order::AtOnce | Order::ClientFirst | Order::ServerFirst | Order::ServerResets { .. } => None,
        };
        Side::new(stream, plan.up, plan.down, plan.order == Order::ServerFirst, reset_after).run()
    }
}

/// A connection to the proxy that has said which flow it is.
fn dial(number: u64, proxy: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&proxy, SOON)?;
    stream.set_nodelay(true)?;
    stream.write_all(&number.to_be_bytes())?;
    Ok(stream)
}
