//! Copies of the shards' listening sockets, for a process that takes over.
//!
//! Every shard passes its own through a pair of sockets that all share; when the last has said how many, they are there to be
//! collected. One at a time: who asks meanwhile waits for the next round.

use shard::{Mail, Mailbox};
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use table::ShardIndex;
use tokio::sync::oneshot;

/// Takes so many sockets that shards have passed.
pub type Collect = Box<dyn FnMut(usize) -> io::Result<Vec<OwnedFd>> + Send>;

pub(crate) struct Exports {
    collect: Collect,
    waiting: VecDeque<oneshot::Sender<Vec<OwnedFd>>>,
    round: Option<Round>,
}

struct Round {
    /// Who has not said how many yet.
    silent: BTreeSet<u16>,
    count: usize,
    reply: oneshot::Sender<Vec<OwnedFd>>,
}

impl Exports {
    pub(crate) fn new(collect: Collect) -> Exports {
        Exports { collect, waiting: VecDeque::new(), round: None }
    }

    pub(crate) fn ask(&mut self, mailboxes: &[Arc<Mailbox>], reply: oneshot::Sender<Vec<OwnedFd>>) {
        self.waiting.push_back(reply);
        self.begin(mailboxes);
    }

    /// A shard has passed so many. Answers why they cannot be had.
    pub(crate) fn on_exported(
        &mut self,
        mailboxes: &[Arc<Mailbox>],
        shard: ShardIndex,
        count: usize,
    ) -> Result<(), io::Error> {
        let Some(round) = &mut self.round else { return Ok(()) };
        round.silent.remove(&shard.0);
        round.count += count;
        if !round.silent.is_empty() {
            return Ok(());
        }
        let Some(Round { count, reply, .. }) = self.round.take() else { return Ok(()) };
        let collected = (self.collect)(count);
        self.begin(mailboxes);
        // A client that has gone wants none; they are closed again.
        collected.map(|sockets| drop(reply.send(sockets)))
    }

    fn begin(&mut self, mailboxes: &[Arc<Mailbox>]) {
        while self.round.is_none() {
            let Some(reply) = self.waiting.pop_front() else { return };
            let told = mailboxes.iter().zip(0..).filter(|(mailbox, _)| mailbox.post(Mail::Export).is_ok());
            let silent: BTreeSet<u16> = told.map(|(_, shard)| shard).collect();
            // Shards that do not turn have nothing to give: without a reply, the client is told of none.
            self.round = (!silent.is_empty()).then_some(Round { silent, count: 0, reply });
        }
    }
}
