//! The PROXY header that a client's proxy sends before anything else (`bind … accept-proxy`).
//!
//! It may come in any number of pieces: they are gathered in the buffer of the first one. What follows the header in the same
//! buffer are the client's first bytes, or the first of its TLS.

use crate::early::Early;
use crate::flow::{Flow, Piece};
use crate::{Cause, End, Moment, Outbox, Session};
use buf::Lease;
use driver::{Addr, Hope, Instant, Side};
use proxyline::{Decoded, Error};
use std::rc::Rc;
use table::Announced;

impl Session {
    /// More of the header, in a buffer of its own.
    pub(crate) fn on_greeting_bytes(&mut self, now: Instant, lease: Lease, count: u32, out: &mut Outbox) {
        let mut early = self.early.take().unwrap_or_else(|| Box::new(Early::new(now)));
        early.gathered.gather(lease, count);
        match proxyline::decode(early.gathered.bytes()) {
            // One that does not fit into a buffer is none.
            Decoded::Incomplete if early.gathered.is_full() => self.refuse_greeting(Error::BadHeader, out),
            Decoded::Incomplete => {
                self.early = Some(early);
                self.fill(Side::Front, Hope::Later, out);
            }
            Decoded::Complete(header) => {
                let (addresses, start) = (header.addresses, header.header_len as u32);
                if let Some(addresses) = addresses {
                    self.client = Addr::Ip(addresses.source);
                    self.destination = Addr::Ip(addresses.destination);
                }
                let tlvs = header.tlvs.into_iter();
                let tlvs: Rc<[_]> = tlvs.map(|tlv| Announced { kind: tlv.kind, value: tlv.value.into() }).collect();
                self.announced = Some(tlvs).filter(|tlvs| !tlvs.is_empty());
                if self.has_acceptor() {
                    early.gathered.consume(start as usize);
                    self.secure_front(now, early.gathered);
                    return self.fill(Side::Front, Hope::Soon, out);
                }
                match early.gathered.piece.take().filter(|piece| start < piece.end) {
                    Some(piece) => {
                        self.count_early_bytes(piece.end - start);
                        self.request = Flow::Held(Piece { start, ..piece });
                    }
                    None => self.fill(Side::Front, Hope::Soon, out),
                }
                // What the buffer of a long header had no room for.
                if let Some(overflow) = &early.gathered.overflow {
                    self.count_early_bytes(overflow.end - overflow.start);
                    self.early = Some(early);
                }
                self.on_identified(now, out);
            }
            Decoded::Invalid(why) => self.refuse_greeting(why, out),
        }
    }

    /// The client ended its half before the header was whole.
    pub(crate) fn on_greeting_end(&mut self, out: &mut Outbox) {
        let received = self.early.as_ref().map_or(0, |early| early.gathered.bytes().len());
        self.refuse_greeting(Error::at_end(received), out);
    }

    pub(crate) fn refuse_greeting(&mut self, why: Error, out: &mut Outbox) {
        self.early = None;
        self.end_with(End::new(Moment::Request, Cause::BadHeader(why)), out);
    }
}
