//! The PROXY header that a client's proxy sends before anything else (`bind … accept-proxy`).
//!
//! It may come in any number of pieces: they are gathered in the buffer of the first one. What follows the header in the same
//! buffer are the client's first bytes.

use crate::flow::{Flow, Piece};
use crate::{Cause, End, Moment, Outbox, Session};
use buf::Lease;
use driver::{Addr, Hope, Instant, Side};
use proxyline::{Decoded, Error};

impl Session {
    /// More of the header, in a buffer of its own.
    pub(crate) fn on_greeting_bytes(&mut self, now: Instant, lease: Lease, count: u32, out: &mut Outbox) {
        let Some(gathered) = gather(self.greeting.take(), lease, count) else {
            return self.refuse_greeting(Error::BadHeader, out);
        };
        match proxyline::decode(&gathered.lease.bytes()[..gathered.end as usize]) {
            Decoded::Incomplete => {
                self.greeting = Some(gathered);
                self.fill(Side::Front, Hope::Later, out);
            }
            Decoded::Complete(header) => {
                let (addresses, start) = (header.addresses, header.header_len as u32);
                if let Some(addresses) = addresses {
                    self.client = Addr::Ip(addresses.source);
                    self.destination = Addr::Ip(addresses.destination);
                }
                if start < gathered.end {
                    self.count_bytes(Side::Front, gathered.end - start);
                    self.request = Flow::Held(Piece { start, ..*gathered });
                } else {
                    self.fill(Side::Front, Hope::Soon, out);
                }
                self.on_identified(now, out);
            }
            Decoded::Invalid(why) => self.refuse_greeting(why, out),
        }
    }

    /// The client ended its half before the header was whole.
    pub(crate) fn on_greeting_end(&mut self, out: &mut Outbox) {
        let received = self.greeting.as_ref().map_or(0, |gathered| gathered.end as usize);
        self.refuse_greeting(Error::at_end(received), out);
    }

    pub(crate) fn refuse_greeting(&mut self, why: Error, out: &mut Outbox) {
        self.greeting = None;
        self.end_with(End::new(Moment::Request, Cause::BadHeader(why)), out);
    }
}

/// What was there, and behind it what came. `None`: it does not fit into one buffer, so it is no header.
fn gather(known: Option<Box<Piece>>, lease: Lease, count: u32) -> Option<Box<Piece>> {
    let Some(mut known) = known else {
        return Some(Box::new(Piece { lease, start: 0, end: count, hope: Hope::Later }));
    };
    let start = known.end as usize;
    let room = known.lease.bytes_mut().get_mut(start..start + count as usize)?;
    room.copy_from_slice(&lease.bytes()[..count as usize]);
    known.end += count;
    Some(known)
}
