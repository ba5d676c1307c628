//! What a session wants after an event: drained completely before the next one.

use crate::http::Transaction;
use crate::{End, Introduction, Kept, Record, View};
use buf::{Lease, Pool};
use driver::{Fd, Op, Side};
use http1::Limits;
use std::sync::Arc;
use table::{BackendId, Server, Trouble};
use tls::Errand;

/// Values on their way from a session to its shard. One per shard, used by one session after the other.
#[derive(Debug)]
pub struct Outbox {
    /// Ops in order, each with the side whose socket it is for.
    pub ops: Vec<(Side, Op)>,
    pub asks: Vec<Ask>,
    /// For the logs.
    pub records: Vec<Record>,
    /// Set once per session, when it ends.
    pub end: Option<End>,
    /// Of exchanges that are over, kept for their memory.
    #[expect(clippy::vec_box, reason = "sessions hold them by pointer")]
    transactions: Vec<Box<Transaction>>,
    /// Of the messages of new ones.
    limits: Limits,
    pool: PoolHandle,
}

/// What a session needs from its shard.
#[derive(Debug)]
pub enum Ask {
    /// A server of the session's backend, the one that it belongs to by the hash, not the one to avoid if there is another, the
    /// imposed one while it is up (or whether or not, if it `takes_down`), and a socket for it. Answered by
    /// [`Event::Assigned`](crate::Event::Assigned), [`Event::Queued`](crate::Event::Queued),
    /// [`Event::LineFull`](crate::Event::LineFull) or [`Event::NoServer`](crate::Event::NoServer).
    Server { hash: Option<u32>, avoid: Option<Arc<Server>>, imposed: Option<Arc<Server>>, takes_down: bool },
    /// Another socket for the same server. Answered by [`Event::Assigned`](crate::Event::Assigned).
    Socket(Arc<Server>),
    /// A connection to this server that may serve another exchange.
    Keep { server: Arc<Server>, kept: Kept, of: KeptFor },
    /// The address that the server was connected from. Answered by [`Event::Source`](crate::Event::Source).
    Source(Fd),
    /// This part of the handshake with the client, run. Answered by [`Event::Errand`](crate::Event::Errand); not if the session has left.
    Errand(Errand),
    /// Sessions of this server have met too many troubles in a row (`observe`), this one the last: control is to know. Not answered.
    Alarm(Arc<Server>, Trouble),
    /// The session is done with this server of this backend. By table and place: a count that all shards share is not touched for it.
    Release { table: View, backend: BackendId, server: Arc<Server> },
}

/// Whom a connection to a server is kept for.
#[derive(Debug)]
pub enum KeptFor {
    /// Whoever needs it next. `is_proven`: it has served more than one client.
    Anybody { is_proven: bool },
    /// The client that it has served, for as long as that is there. With what it was begun.
    Client(Introduction),
}

struct PoolHandle(Pool);

impl std::fmt::Debug for PoolHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool")
    }
}

/// Transactions that are kept while nobody needs them.
const TRANSACTIONS_MOST: usize = 64;

impl Outbox {
    /// `pool` is where buffers for bytes that sessions make themselves come from.
    pub fn new(pool: Pool) -> Outbox {
        Outbox {
            ops: Vec::new(),
            asks: Vec::new(),
            records: Vec::new(),
            end: None,
            transactions: Vec::new(),
            limits: Limits::default().within(pool.chunk_size()),
            pool: PoolHandle(pool),
        }
    }

    /// How large messages of exchanges may be that begin from now on.
    pub fn limit_messages(&mut self, limits: Limits) {
        let limits = limits.within(self.pool.0.chunk_size());
        if limits != self.limits {
            self.transactions.clear();
            self.limits = limits;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.asks.is_empty() && self.records.is_empty() && self.end.is_none()
    }

    pub(crate) fn op(&mut self, side: Side, op: Op) {
        self.ops.push((side, op));
    }

    pub(crate) fn ask(&mut self, ask: Ask) {
        self.asks.push(ask);
    }

    /// What an exchange needs, from the one before if there was one.
    pub(crate) fn transaction(&mut self) -> Box<Transaction> {
        self.transactions.pop().unwrap_or_else(|| Box::new(Transaction::new(self.limits)))
    }

    /// Gives that back.
    pub(crate) fn recycle(&mut self, mut transaction: Box<Transaction>) {
        transaction.clear();
        if self.transactions.len() < TRANSACTIONS_MOST && transaction.limits == self.limits {
            self.transactions.push(transaction);
        }
    }

    pub(crate) fn lease(&self) -> Option<Lease> {
        self.pool.0.lease()
    }
}
