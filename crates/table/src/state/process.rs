//! What holds over the whole process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use crate::{Bells, Chance, Conns, Inboxes, Limiter, Numbers, RateLimit, Tally, TlsState, Wall};

/// What is counted over all frontends, and how shards reach each other.
#[derive(Debug)]
pub struct ProcessState {
    /// HAProxy's `actconn`: client connections of all frontends.
    pub conns: Conns,
    pub tally: Tally,
    /// The process's `maxconn`.
    pub limiter: Limiter,
    /// Connections per second (`maxconnrate`).
    pub connection_rate: RateLimit,
    /// Sessions per second (`maxsessrate`): connections that came so far that it is known whose they are.
    pub session_rate: RateLimit,
    pub tls: TlsState,
    /// Where sessions that waited for a server are told what they got.
    pub inboxes: Arc<Inboxes>,
    pub bells: Arc<Bells>,
    /// For sessions and exchanges whose numbers are asked for.
    pub numbers: Numbers,
    pub wall: Wall,
    /// As the system knows the process; 0 until control says it.
    pub pid: AtomicU32,
    /// It ends as soon as nobody needs it any more.
    pub is_stopping: AtomicBool,
    /// Messages that could not be read.
    pub misread_count: AtomicU64,
    pub chance: Chance,
}

impl ProcessState {
    pub(crate) fn new(shard_count: u16) -> ProcessState {
        let bells = Arc::new(Bells::new(shard_count));
        ProcessState {
            conns: Conns::new(shard_count),
            tally: Tally::new(shard_count),
            inboxes: Arc::new(Inboxes::new(shard_count)),
            limiter: Limiter::new(shard_count, bells.clone()),
            connection_rate: RateLimit::new(bells.clone()),
            session_rate: RateLimit::new(bells.clone()),
            tls: TlsState::new(shard_count, &bells),
            bells,
            numbers: Numbers::new(shard_count),
            wall: Wall::default(),
            pid: AtomicU32::new(0),
            is_stopping: AtomicBool::new(false),
            misread_count: AtomicU64::new(0),
            chance: Chance::new(),
        }
    }
}
