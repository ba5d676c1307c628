//! Clients that end their half while they wait for a response (`configuration.txt: option abortonclose`).
//!
//! Mostly somebody has closed the connection, which looks the same until something is sent. With the option what has not reached a server
//! yet never does then: neither a place in a line nor a server's time is spent for nobody.

use crate::{Cause, End, Moment, Outbox, Phase, Session};
use driver::Side;

impl Session {
    /// The client has ended its half, and there is nothing that it would still have to send.
    pub(super) fn on_client_ended(&mut self, out: &mut Outbox) {
        let moment = match self.phase {
            Phase::Assigning | Phase::Queued | Phase::Connecting | Phase::Retreating | Phase::Resting => self.moment(),
            Phase::Heading => Moment::Headers,
            Phase::Exchanging if self.exchange_moment() == Moment::Headers => Moment::Headers,
            // What is on its way already goes on.
            Phase::Exchanging
            | Phase::Greeting
            | Phase::Inspecting
            | Phase::Awaiting
            | Phase::Gathering
            | Phase::Tarpitted
            | Phase::Answering
            | Phase::Parting
            | Phase::Lingering
            | Phase::Relaying
            | Phase::Aborting
            | Phase::Closing
            | Phase::Closed => return,
        };
        if self.has_left() {
            self.end_with(End::new(moment, Cause::Aborted(Side::Front)), out);
        }
    }

    /// Whether the client has ended its half behind a whole request, and is not served any further for that.
    pub(crate) fn has_left(&self) -> bool {
        let (Some(http), Some(transaction)) = (&self.http, self.transaction()) else { return false };
        let of_back = self.backend_ref().and_then(|backend| backend.http.aborts_on_close);
        let aborts_on_close = of_back.or(self.frontend().http.aborts_on_close).unwrap_or(false);
        aborts_on_close && http.front.is_over() && transaction.up.body.is_done()
    }
}
