//! Rules on what the server says first (`configuration.txt: tcp-response content`), while the client is heard already.
//!
//! ```text
//!   connected ──▶ under review ── accepted ──▶ what was gathered goes to the client, then all the rest
//!                    ▲   │   ├─── closed ────▶ what was gathered goes to the client, then the session ends
//!                    └───┘   └─── rejected ──▶ the session ends
//!                 more is awaited: for the delay of the rules, until the server ends, until the buffer is full
//! ```
//!
//! **Invariant:** while there is a verdict to come, nothing of the server is sent to the client.

use crate::early::Patience;
use crate::flow::Flow;
use crate::gather::Gathered;
use crate::{Cause, End, Ends, Moment, Outbox, Session};
use buf::Lease;
use driver::{Hope, Instant, Op, Side};
use table::{Facts, Heard, Payload, ResponseAction};

/// What the server has said before the client may hear it.
#[derive(Debug)]
pub(crate) struct Review {
    gathered: Gathered,
    began_at: Instant,
    patience: Patience,
    /// `None`: the rules are asked still.
    verdict: Option<Verdict>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Accepted,
    /// The session ends with what was gathered.
    Closed,
}

impl Session {
    /// The server is connected: it is heard, if there are rules under review.
    pub(crate) fn hear_server(&mut self, now: Instant, out: &mut Outbox) {
        let has_rules = self.backend_ref().is_some_and(|backend| !backend.rules.response.rules.is_empty());
        if !has_rules {
            return self.fill(Side::Back, Hope::Later, out);
        }
        let (gathered, patience) = (Gathered::default(), Patience::Waiting);
        self.review = Some(Box::new(Review { gathered, began_at: now, patience, verdict: None }));
        self.judge_response(now, out);
    }

    pub(crate) fn is_reviewing(&self) -> bool {
        self.review.as_ref().is_some_and(|review| review.verdict.is_none())
    }

    /// More from the server, in a buffer of its own.
    pub(crate) fn on_reviewed_bytes(&mut self, now: Instant, lease: Lease, count: u32, out: &mut Outbox) {
        self.review_mut().gathered.gather(lease, count);
        self.judge_response(now, out);
    }

    pub(crate) fn on_reviewed_end(&mut self, now: Instant, out: &mut Outbox) {
        let review = self.review_mut();
        review.patience = Patience::AtEnd;
        if review.gathered.piece.is_none() {
            self.response = Flow::EndHeld;
        }
        self.judge_response(now, out);
    }

    /// When the rules wait no longer.
    pub(crate) fn review_deadline(&self) -> Option<Instant> {
        let review = self.review.as_ref().filter(|review| review.verdict.is_none())?;
        let delay = self.backend_ref()?.rules.response.delay?;
        (review.patience == Patience::Waiting).then(|| review.began_at + delay)
    }

    pub(crate) fn on_review_late(&mut self, now: Instant, out: &mut Outbox) {
        let review = self.review_mut();
        review.patience = Patience::Over;
        // What was gathered has to go out before what a receive in flight may still bring.
        if review.gathered.piece.is_some() && matches!(self.response, Flow::Filling) {
            let fd = self.back.as_ref().expect("relaying implies a back socket").fd;
            return self.submit(Side::Back, Op::Cancel { fd }, out);
        }
        self.judge_response(now, out);
    }

    /// Asks the rules, and goes as far as they let it.
    pub(crate) fn judge_response(&mut self, now: Instant, out: &mut Outbox) {
        let table = self.table.clone();
        let inspection = &table.backend(self.backend.expect("a server implies a backend")).rules.response;
        let Review { gathered, patience, .. } = &**self.review.as_ref().expect("a verdict is to come");
        let is_final = *patience != Patience::Waiting || gathered.is_full() || inspection.delay.is_none();
        match self.ask_rules(&inspection.rules, |session| session.response_facts(is_final)) {
            None if matches!(self.response, Flow::Resting) => self.fill(Side::Back, Hope::Later, out),
            None => (),
            Some(ResponseAction::Accept) => self.pass(Verdict::Accepted, now, out),
            Some(ResponseAction::Close) => self.pass(Verdict::Closed, now, out),
            Some(action @ (ResponseAction::Reject | ResponseAction::Drop)) => {
                self.count_response_denial();
                self.end_with(End::new(Moment::Data, Cause::Rejected), out);
                if action == ResponseAction::Drop {
                    self.front.ending = driver::Ending::Silent;
                }
            }
        }
    }

    /// A piece of what was gathered has gone out.
    pub(crate) fn on_reviewed_sent(&mut self, hope: Hope, out: &mut Outbox) {
        let review = self.review_mut();
        if let Some(overflow) = review.gathered.overflow.take() {
            return self.drain(Side::Back, overflow, out);
        }
        let verdict = review.verdict;
        self.review = None;
        match verdict {
            Some(Verdict::Closed) => self.close_server(out),
            Some(Verdict::Accepted) | None => self.fill(Side::Back, hope, out),
        }
    }

    fn pass(&mut self, verdict: Verdict, now: Instant, out: &mut Outbox) {
        let review = self.review_mut();
        review.verdict = Some(verdict);
        match (review.gathered.piece.take(), verdict) {
            (Some(piece), _) => self.drain(Side::Back, piece, out),
            (None, Verdict::Closed) => {
                self.review = None;
                self.close_server(out);
            }
            (None, Verdict::Accepted) => {
                self.review = None;
                match self.response {
                    Flow::EndHeld => self.on_stream_end(now, Side::Back, out),
                    Flow::Resting => self.fill(Side::Back, Hope::Later, out),
                    Flow::Filling
                    | Flow::Held(_)
                    | Flow::Draining { .. }
                    | Flow::Splicing
                    | Flow::Finishing
                    | Flow::Ended => (),
                }
            }
        }
    }

    /// Like HAProxy, which aborts the connection with the server and takes the session for complete.
    fn close_server(&mut self, out: &mut Outbox) {
        self.end_with(End::new(Moment::Done, Cause::Complete), out);
        if let Some(back) = self.back.as_mut() {
            back.ending = driver::Ending::Reset;
        }
    }

    fn response_facts(&self, is_final: bool) -> Facts<'_> {
        let bytes = self.review.as_ref().map_or(&[][..], |review| review.gathered.bytes());
        let Ends { source, destination } = self.ends();
        Facts {
            src: source,
            dst: destination,
            frontend: self.frontend,
            backend: self.backend,
            heard: Heard::Server(Payload { bytes, is_final }),
            tls: self.tls_client().map(|client| &**client),
            back_tls: self.tls_server().map(|server| &**server),
            announced: self.announced(),
            variables: &self.variables,
            course: Some(self.course()),
            table: &self.table,
        }
    }

    fn review_mut(&mut self) -> &mut Review {
        self.review.as_mut().expect("a verdict is to come")
    }
}
