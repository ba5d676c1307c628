//! Sending a request again when the server that had it has failed (`configuration.txt: retry-on`).
//!
//! ```text
//!   Off ──▶ Kept ──── the server fails ────▶ Due ──── connected again, and sent ────▶ Kept
//!    ▲        │ more than a buffer holds, or out of sight
//!    └────────┘
//! ```
//!
//! Everything that was sent of the request is kept, as far as one buffer holds it; what has not been sent comes behind it as before.
//!
//! **Invariant:** a client that has heard anything of a final response does not get another one.

use super::Transaction;
use super::stream::{Sending, Stream};
use crate::gather::GATHERED_MOST;
use crate::{Cause, End, Outbox, Session};
use buf::Lease;
use driver::Side;
use std::sync::Arc;
use table::RetryEvent;

/// What can be sent again.
#[derive(Debug, Default)]
pub(super) enum Replay {
    #[default]
    Off,
    /// Everything that was sent so far.
    Kept(Vec<u8>),
    /// That is to be sent before anything else.
    Due(Vec<u8>),
}

impl Replay {
    /// These bytes of a lease are being sent.
    pub(super) fn record(&mut self, lease: &Lease, start: u32, end: u32) {
        let bytes = &lease.bytes()[start as usize..end as usize];
        match self {
            Replay::Kept(kept) if kept.len() + bytes.len() <= lease.size().min(GATHERED_MOST) => {
                kept.extend_from_slice(bytes);
            }
            Replay::Kept(_) => *self = Replay::Off,
            Replay::Off | Replay::Due(_) => (),
        }
    }
}

impl Session {
    /// Whether the request is sent again instead of ending the exchange like this. If so, that has begun.
    #[cold]
    pub(super) fn is_retried(&mut self, end: End, out: &mut Outbox) -> bool {
        let is_due = self.transaction().is_some_and(|transaction| {
            event_of(end, transaction).is_some_and(|event| self.may_retry(transaction, event))
        });
        if is_due {
            self.retry_exchange(out);
        }
        is_due
    }

    /// Whether a request is sent again after this.
    pub(super) fn may_retry(&self, transaction: &Transaction, event: RetryEvent) -> bool {
        let Some(backend) = self.backend_ref() else { return false };
        let is_known = matches!(transaction.up.replay, Replay::Kept(_)) && !transaction.up.holds_more();
        let is_unheard =
            transaction.asked_back.is_none() && !transaction.down.is_begun && !transaction.down.is_sending();
        is_known
            && is_unheard
            && backend.http.retry_on.has(event)
            && backend.retry(u32::from(self.retries) + 1, self.pin).is_some()
    }

    /// Whether the request is sent again because of the response's status.
    pub(super) fn is_unwanted(&self, transaction: &Transaction) -> bool {
        self.may_retry(transaction, RetryEvent::Status(transaction.response.status()))
    }

    /// Leaves the server, and goes to the next as after a connect that failed, but at once.
    #[cold]
    pub(super) fn retry_exchange(&mut self, out: &mut Outbox) {
        let backend = Arc::clone(self.backend().expect("a server belongs to a backend"));
        let retry = backend.retry(u32::from(self.retries) + 1, self.pin).expect("it was asked whether it may");
        self.leave_back(out);
        self.retreat(&backend, retry, out);
        let transaction = self.http_mut().transaction.as_mut().expect("an exchange is under way");
        let Transaction { response, exchange, begun, up, down, facts, .. } = &mut **transaction;
        response.clear();
        down.clear();
        *exchange = *begun;
        facts.status = None;
        up.sending = Sending::Nothing;
        if let Replay::Kept(bytes) = std::mem::take(&mut up.replay) {
            up.replay = Replay::Due(bytes);
        }
    }
}

impl Stream {
    /// Whether what is being sent lies in front of bytes that are not sent yet: they would go with it.
    fn holds_more(&self) -> bool {
        matches!(self.sending, Sending::Piece { next, filled, .. } if next < filled)
    }

    /// The receiver takes nothing any more.
    pub(super) fn break_off(&mut self) {
        if self.holds_more() {
            self.replay = Replay::Off;
        }
        self.sending = Sending::Broken;
    }
}

/// For which event this is the end of an exchange.
fn event_of(end: End, transaction: &Transaction) -> Option<RetryEvent> {
    if let Cause::Idle(Side::Back) = end.cause {
        return Some(RetryEvent::ResponseTimeout);
    }
    if let Cause::Malformed(Side::Back, _) = end.cause {
        return Some(RetryEvent::JunkResponse);
    }
    let Cause::Aborted(Side::Back) = end.cause else { return None };
    let is_empty = transaction.down.gathered.is_empty();
    Some(if is_empty { RetryEvent::EmptyResponse } else { RetryEvent::JunkResponse })
}
