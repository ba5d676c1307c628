//! Orders to end sessions, on their way to the shards.
//!
//! A shard's letter box is small, and a whole rack of servers may go down in one moment: what a box does not take waits here, and is
//! offered again a moment later.
//!
//! **Invariant:** each shard is given the orders in the order in which they came; of equal ones that wait only the first stays.

use driver::Instant;
use session::Shutdown;
use shard::{Mail, Mailbox, Whose};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// After how long a full box is tried again: a shard empties it with every turn.
const AGAIN: Duration = Duration::from_millis(5);

pub(crate) struct Shutdowns {
    /// One queue per shard.
    waiting: Vec<VecDeque<(Whose, Shutdown)>>,
    again_at: Option<Instant>,
}

impl Shutdowns {
    pub(crate) fn new(shard_count: usize) -> Shutdowns {
        Shutdowns { waiting: vec![VecDeque::new(); shard_count], again_at: None }
    }

    /// When [`post`](Shutdowns::post) is due; `None` while nothing waits.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.again_at
    }

    /// All shards shall end these sessions. [`post`](Shutdowns::post) sends it.
    pub(crate) fn order(&mut self, whose: &Whose, why: Shutdown, now: Instant) {
        for queue in &mut self.waiting {
            if !queue.iter().any(|(waiting, _)| waiting == whose) {
                queue.push_back((whose.clone(), why));
            }
        }
        self.again_at = Some(now);
    }

    /// Posts as many as the boxes take, if it is time.
    pub(crate) fn post(&mut self, mailboxes: &[Arc<Mailbox>], now: Instant) {
        if self.again_at.is_none_or(|at| at > now) {
            return;
        }
        for (queue, mailbox) in self.waiting.iter_mut().zip(mailboxes) {
            while let Some((whose, why)) = queue.front() {
                if mailbox.post(Mail::Shutdown { whose: whose.clone(), why: *why }).is_err() {
                    break;
                }
                queue.pop_front();
            }
        }
        let is_empty = self.waiting.iter().all(VecDeque::is_empty);
        self.again_at = (!is_empty).then(|| now + AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver::{SessionId, Wake};
    use table::ShardIndex;

    struct Nobody;

    impl Wake for Nobody {
        fn wake(&self) {}
    }

    fn whose(index: u32) -> Whose {
        Whose::Session(ShardIndex(0), SessionId { index, generation: 0 })
    }

    #[test]
    fn what_a_box_does_not_take_waits() {
        let mailboxes = [Arc::new(Mailbox::new(Arc::new(Nobody)))];
        let mut shutdowns = Shutdowns::new(1);
        let now = Instant::EPOCH;
        for index in 0..100 {
            shutdowns.order(&whose(index), Shutdown::Operator, now);
            shutdowns.order(&whose(index), Shutdown::ServerDown, now);
        }
        shutdowns.post(&mailboxes, now);
        assert_eq!(shutdowns.waiting[0].len(), 36, "a box holds 64 letters");
        assert_eq!(shutdowns.waiting[0][0], (whose(64), Shutdown::Operator));
        assert_eq!(shutdowns.deadline(), Some(now + AGAIN));
    }

    #[test]
    fn nothing_waits_where_there_is_room() {
        let mailboxes = [Arc::new(Mailbox::new(Arc::new(Nobody)))];
        let mut shutdowns = Shutdowns::new(1);
        assert_eq!(shutdowns.deadline(), None);
        shutdowns.order(&whose(1), Shutdown::Operator, Instant::EPOCH);
        shutdowns.post(&mailboxes, Instant::EPOCH);
        assert_eq!(shutdowns.deadline(), None);
        assert!(matches!(mailboxes[0].post(Mail::Stop), Ok(())));
    }
}
