//! Directions that the kernel opens or seals, so that what goes there can go through a pipe.
//!
//! ```text
//!                 a busy flow wants a pipe                             the kernel takes the keys
//!   Here ─────────────────────────────────────▶ Wanted ──▶ Moving ─────────────────────────────▶ Kernel
//!                                                            └─ it does not ──▶ Ours
//! ```
//!
//! A direction moves when it turns out to be busy, not before: a connection that rests costs the kernel nothing, and whoever only says a word
//! now and then may take other keys as often as he likes. It moves between two records. What is sent does so whenever nothing is on its way;
//! of what is received the record that has not come whole is received to its end, and no further, so that the kernel finds the next one's
//! beginning.
//!
//! Once a direction has moved, its receives, fills, sends and drains are the socket's own. A record that is no data stops a receive or a
//! fill, is fetched, and is answered as if it had been opened here. Alerts go out as records of their own. The kernels that have TLS and are
//! in use do not take another key: a peer that changes keys (KeyUpdate) in a direction that has moved ends the connection.
//!
//! **Invariant:** while a direction is on its way nothing of it is opened or sealed here; afterwards the keys are forgotten.

use super::{Finish, Reader, Secure, Sending, Stage, Writer};
use crate::Outbox;
use crate::flow::Piece;
use buf::Lease;
use driver::{Done, Errno, Fd, Filled, Hope, Keys, Op, Pipe, Way};
use tls::{Hand, Next};

/// The kind of a record of data (RFC 8446 §5.1).
const DATA: u8 = 23;

/// Where a direction is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Here, and it stays.
    Ours,
    /// Here, and it may move.
    Here,
    /// Here, until nothing of it is on its way.
    Wanted,
    Moving,
    Kernel,
}

impl Place {
    pub(super) fn of(hand: Hand) -> Place {
        match hand {
            Hand::Ours => Place::Ours,
            Hand::Movable => Place::Here,
            Hand::Kernel => Place::Kernel,
        }
    }
}

impl Secure {
    /// Whether what comes may ever go through a pipe.
    pub(crate) fn may_fill(&self) -> bool {
        self.opening != Place::Ours
    }

    /// Whether what goes out may ever come in a pipe.
    pub(crate) fn may_drain(&self) -> bool {
        self.sealing != Place::Ours
    }

    /// Whether what goes out may come in a pipe now. If not, it soon may.
    pub(crate) fn takes_pipes(&mut self) -> bool {
        if self.sealing == Place::Here {
            self.sealing = Place::Wanted;
        }
        self.sealing == Place::Kernel
    }

    /// Moves what is sent, if nothing of ours is due before.
    pub(super) fn entrust_sealing(&mut self, fd: Fd) -> Option<Op> {
        if self.writer.is_some() || self.finish != Finish::No || self.stage != Stage::Open {
            return None;
        }
        let keys = Keys::new(self.tls.sealing_keys()?);
        self.sealing = Place::Moving;
        Some(Op::Entrust { fd, way: Way::Outbound, keys })
    }

    pub(super) fn on_entrusted(&mut self, way: Way, result: Result<(), Errno>) {
        let is_taken = result.is_ok();
        let place = if is_taken { Place::Kernel } else { Place::Ours };
        match way {
            Way::Inbound => {
                self.is_hearing = false;
                self.opening = place;
                if is_taken {
                    self.tls.let_kernel_open();
                }
            }
            Way::Outbound => {
                self.sealing = place;
                if is_taken {
                    self.tls.let_kernel_seal();
                }
            }
        }
    }

    /// What is received next where the kernel opens it, or is to. Nothing is in flight.
    pub(super) fn next_of_kernel(&mut self, fd: Fd, out: &Outbox) -> Option<Op> {
        let reader = self.reader.filter(|_| self.stage == Stage::Open)?;
        if self.has_record {
            let Some(lease) = out.lease() else {
                self.ended = Some(Err(Errno::ENOBUFS));
                return None;
            };
            self.has_record = false;
            self.is_hearing = true;
            return Some(Op::RecvRecord { fd, lease });
        }
        let Reader::Pipe(count_max) = reader else { return None };
        match self.opening {
            Place::Kernel => {
                self.is_hearing = true;
                Some(Op::Fill { fd, count_max })
            }
            Place::Here => {
                let keys = Keys::new(self.tls.opening_keys()?);
                self.opening = Place::Moving;
                self.is_hearing = true;
                Some(Op::Entrust { fd, way: Way::Inbound, keys })
            }
            Place::Ours | Place::Wanted | Place::Moving => None,
        }
    }

    /// How many bytes are to be received before what comes can move.
    pub(super) fn up_to_pipe(&self) -> Option<u32> {
        let missing = self.tls.missing();
        // What has come of a message in several records is a matter of ours to its end.
        let is_message = missing == 0;
        (self.opening == Place::Here).then_some(if is_message { u32::MAX } else { missing as u32 })
    }

    /// What becomes of a fill, if that is known without the kernel.
    pub(super) fn next_filled(&mut self) -> Option<Done> {
        let filled = match self.ended {
            Some(Ok(())) => Ok(Filled::End),
            Some(Err(errno)) => Err(errno),
            None if self.opening == Place::Ours => Ok(Filled::NoPipe),
            None => return None,
        };
        self.reader = None;
        self.is_stopping = false;
        Some(Done::Filled(filled))
    }

    /// What came of a fill. `None`: nothing yet.
    pub(super) fn on_filled(&mut self, result: Result<Filled, Errno>) -> Option<Done> {
        self.is_hearing = false;
        match &result {
            // `splice(2)` from a socket of TLS: the next record is no data.
            Err(Errno::EINVAL) => {
                self.has_record = true;
                return None;
            }
            Ok(Filled::End) => self.ended = Some(Ok(())),
            Err(errno) if *errno != Errno::ECANCELED => self.ended = Some(Err(*errno)),
            Ok(Filled::Bytes(_) | Filled::NoPipe) | Err(_) => (),
        }
        self.reader = None;
        self.is_stopping = false;
        Some(Done::Filled(result))
    }

    /// A record came that the kernel has opened.
    pub(super) fn on_record(&mut self, lease: Lease, result: Result<(u8, u32), Errno>) {
        self.is_hearing = false;
        match result {
            Ok((DATA, 0)) => self.ended = Some(Ok(())),
            Ok((DATA, count)) => self.plain = Some(Piece { lease, start: 0, end: count, hope: Hope::Soon }),
            Ok((kind, count)) => match self.tls.hear(kind, &lease.bytes()[..count as usize]) {
                Next::More | Next::Room => (),
                Next::End => self.ended = Some(Ok(())),
                Next::Failed(_) => self.ended = Some(Err(Errno::ECONNRESET)),
            },
            Err(errno) => self.ended = Some(Err(errno)),
        }
    }

    /// What is to be sent now where the kernel seals it: alerts first, then what the flow has.
    pub(super) fn next_send_as_it_is(&mut self, fd: Fd) -> Option<Op> {
        if !matches!(self.sending, Sending::Nothing) {
            return None;
        }
        if self.finish == Finish::Wanted && self.writer.is_none() && self.pipe.is_none() && self.broken.is_none() {
            self.tls.close();
            self.finish = Finish::Saying;
        }
        if self.broken.is_none()
            && let Some(op) = self.next_alert(fd)
        {
            return Some(op);
        }
        // A socket that is broken says so itself.
        if let Some(Writer { lease, start, end }) = self.writer.take() {
            self.sending = Sending::AsItIs;
            return Some(Op::Send { fd, lease, start, end });
        }
        if let Some(pipe) = self.pipe.take() {
            self.sending = Sending::AsItIs;
            return Some(Op::Drain { fd, pipe });
        }
        self.next_finish(fd)
    }

    /// An alert that is due.
    pub(super) fn next_alert(&mut self, fd: Fd) -> Option<Op> {
        let alert = self.tls.take_alert()?;
        self.sending = Sending::Alert;
        Some(Op::SendAlert { fd, alert })
    }

    pub(super) fn on_sent_as_it_is(&mut self, lease: Lease, result: Result<u32, Errno>) {
        self.broken = self.broken.or(result.err());
        self.sent = Some((lease, result));
    }

    pub(super) fn on_drained(&mut self, pipe: Pipe, result: Result<u32, Errno>) -> Done {
        self.sending = Sending::Nothing;
        self.broken = self.broken.or(result.err());
        Done::Drained { pipe, result }
    }

    pub(super) fn on_alert_sent(&mut self, result: Result<(), Errno>) {
        self.sending = Sending::Nothing;
        self.broken = self.broken.or(result.err());
    }
}
