//! Frontends that were told how to stand: which shards' listeners have not followed yet, and who waits for it.

use super::client::Answer;
use driver::Errno;
use shard::{Mail, Mailbox, PrepareFailure};
use std::collections::BTreeSet;
use std::sync::Arc;
use table::ShardIndex;
use tokio::sync::oneshot;

/// Orders that are under way: at most one per client, and those by signals.
#[derive(Default)]
pub(crate) struct Followings {
    serial_next: u64,
    pending: Vec<Pending>,
}

struct Pending {
    serial: u64,
    silent: BTreeSet<u16>,
    refused: Option<PrepareFailure>,
    client: Option<Client>,
}

/// Who is to be told when all have followed.
pub(crate) struct Client {
    pub(crate) frontend: Arc<str>,
    pub(crate) reply: oneshot::Sender<Answer>,
}

impl Followings {
    /// Tells all shards to look at their frontends. One whose letter box is full does not turn, and is not waited for.
    pub(crate) fn begin(&mut self, mailboxes: &[Arc<Mailbox>], client: Option<Client>) {
        self.serial_next += 1;
        let serial = self.serial_next;
        let told = mailboxes.iter().zip(0..).filter(|(mailbox, _)| mailbox.post(Mail::Follow(serial)).is_ok());
        let silent = told.map(|(_, shard)| shard).collect();
        self.pending.push(Pending { serial, silent, refused: None, client });
    }

    /// A shard's listeners have followed, or one of them cannot. Answers with one that cannot when the last shard has spoken.
    pub(crate) fn on_followed(
        &mut self,
        shard: ShardIndex,
        serial: u64,
        refused: Option<PrepareFailure>,
    ) -> Option<PrepareFailure> {
        let place = self.pending.iter().position(|pending| pending.serial == serial)?;
        let pending = &mut self.pending[place];
        pending.silent.remove(&shard.0);
        pending.refused = pending.refused.take().or(refused);
        if !pending.silent.is_empty() {
            return None;
        }
        let Pending { refused, client, .. } = self.pending.swap_remove(place);
        if let Some(Client { frontend, reply }) = client {
            let is_refused = refused.as_ref().is_some_and(|failure| failure.frontend == frontend);
            // A client that has gone does not want to know.
            let _ = reply.send(if is_refused { CANNOT_RESUME.into() } else { Answer::default() });
        }
        refused
    }
}

/// HAProxy's answer.
const CANNOT_RESUME: &str = "Failed to resume frontend, check logs for precise cause (port conflict?).\n";

/// What is said of it elsewhere.
pub(crate) fn cannot_listen(PrepareFailure { frontend, addr, errno }: &PrepareFailure) -> String {
    let errno: &Errno = errno;
    format!("Cannot listen for frontend {frontend} on [{addr}] again ({errno}): it stays paused.")
}
