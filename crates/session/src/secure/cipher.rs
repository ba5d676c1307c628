//! Cipher text and what is in it: what was received is opened for the flow, and what the flow sends is sealed for the socket.

use super::kernel::Place;
use super::{Finish, Reader, Secure, Sending, Stage};
use crate::Outbox;
use crate::flow::Piece;
use crate::gather::Gathered;
use driver::{Done, Errno, Fd, Hope, Instant, Op, Received};
use tls::{Failure, Next};

impl Secure {
    /// Decrypts what has come, as far as there is room for it.
    pub(super) fn decrypt(&mut self, out: &Outbox) {
        while self.ended.is_none() && !self.tls.is_away() && (!self.received.is_empty() || self.tls.has_spill()) {
            let is_open = self.tls.is_open();
            if is_open && self.plain.as_ref().is_some_and(|plain| plain.end > 0) {
                return;
            }
            if is_open && self.plain.is_none() {
                let Some(lease) = out.lease() else {
                    self.ended = Some(Err(Errno::ENOBUFS));
                    return;
                };
                self.plain = Some(Piece { lease, start: 0, end: 0, hope: Hope::Later });
            }
            let room = self.plain.as_mut().map_or(&mut [][..], |plain| plain.lease.bytes_mut());
            let received = match &mut self.received.piece {
                Some(Piece { lease, start, end, .. }) => &mut lease.bytes_mut()[*start as usize..*end as usize],
                None => &mut [],
            };
            let read = self.tls.read(received, room);
            let hope = self.received.piece.as_ref().map_or(Hope::Later, |piece| piece.hope);
            self.received.consume(read.consumed);
            if let Some(plain) = &mut self.plain {
                plain.end = read.filled as u32;
                plain.hope = if self.received.is_empty() && !self.tls.has_spill() { hope } else { Hope::Soon };
            }
            match read.next {
                Next::More | Next::Room => (),
                Next::End => self.end(Ok(())),
                Next::Failed(refusal) if self.stage == Stage::Handshaking => {
                    self.received = Gathered::default();
                    self.stage = Stage::Failing(Failure::Refused(refusal));
                }
                Next::Failed(_) => {
                    self.has_flaw = true;
                    self.end(Err(Errno::ECONNRESET));
                }
            }
            if matches!(self.stage, Stage::Failing(_)) {
                return;
            }
        }
        self.plain = self.plain.take().filter(|plain| plain.end > 0);
    }

    /// What comes behind is nobody's.
    fn end(&mut self, how: Result<(), Errno>) {
        self.received = Gathered::default();
        self.ended = Some(how);
        self.plain = self.plain.take().filter(|plain| plain.end > 0);
    }

    /// What is to be sent now.
    pub(super) fn next_send(&mut self, fd: Fd, out: &Outbox) -> Option<Op> {
        if self.sealing == Place::Kernel {
            return self.next_send_as_it_is(fd);
        }
        if let Some(errno) = self.broken {
            self.give_back(errno);
            return self.next_finish(fd);
        }
        match std::mem::replace(&mut self.sending, Sending::Nothing) {
            Sending::Nothing => (),
            Sending::Rest { lease, start, end, taken } => {
                self.sending = Sending::InFlight { start, end, taken };
                return Some(Op::Send { fd, lease, start, end });
            }
            sending @ (Sending::InFlight { .. } | Sending::AsItIs | Sending::Alert) => {
                self.sending = sending;
                return None;
            }
        }
        match self.sealing {
            Place::Wanted => {
                if let Some(op) = self.entrust_sealing(fd) {
                    return Some(op);
                }
            }
            Place::Moving => return None,
            Place::Ours | Place::Here | Place::Kernel => (),
        }
        if self.finish == Finish::Wanted && self.writer.is_none() {
            self.tls.close();
            self.finish = Finish::Saying;
        }
        let is_writing = self.tls.is_open() && self.writer.is_some();
        if !is_writing && !self.tls.has_output() {
            if self.stage == Stage::Open && self.writer.is_some() {
                // What has come was not right, so nothing goes out any more.
                self.break_off(Errno::ECONNRESET);
            }
            return self.next_finish(fd);
        }
        self.encrypt(fd, out)
    }

    fn encrypt(&mut self, fd: Fd, out: &Outbox) -> Option<Op> {
        let Some(mut lease) = out.lease() else {
            self.break_off(Errno::ENOBUFS);
            return self.next_finish(fd);
        };
        let plain = match &self.writer {
            Some(writer) => &writer.lease.bytes()[writer.start as usize..writer.end as usize],
            None => &[],
        };
        match self.tls.write(plain, lease.bytes_mut()) {
            Ok(written) if written.filled > 0 => {
                let end = written.filled as u32;
                self.sending = Sending::InFlight { start: 0, end, taken: written.taken as u32 };
                Some(Op::Send { fd, lease, start: 0, end })
            }
            Ok(_) => None,
            Err(_) => {
                self.break_off(Errno::ECONNRESET);
                self.next_finish(fd)
            }
        }
    }

    /// What the flow has to send is not sent.
    pub(super) fn give_back(&mut self, errno: Errno) {
        if let Some(writer) = self.writer.take() {
            self.sent = Some((writer.lease, Err(errno)));
        }
    }

    /// The peer is told, or cannot be: the socket's half ends.
    pub(super) fn next_finish(&mut self, fd: Fd) -> Option<Op> {
        let is_due = match self.finish {
            Finish::Saying => true,
            Finish::Wanted => self.broken.is_some(),
            Finish::No | Finish::Said => false,
        };
        is_due.then(|| {
            self.finish = Finish::Said;
            Op::Finish { fd }
        })
    }

    /// What the flow's receive brings.
    pub(super) fn next_read(&mut self) -> Option<Done> {
        if self.stage != Stage::Open {
            return None;
        }
        match self.reader? {
            Reader::Pipe(_) if self.plain.is_none() => self.next_filled(),
            Reader::Bytes(_) | Reader::Pipe(_) => {
                let result = match (self.plain.take(), self.ended) {
                    (Some(Piece { lease, end, hope, .. }), _) => {
                        Ok(Received::Bytes { lease, count: end, more: hope == Hope::Soon })
                    }
                    (None, Some(Ok(()))) => Ok(Received::End),
                    (None, Some(Err(errno))) => Err(errno),
                    (None, None) => return None,
                };
                self.reader = None;
                self.is_stopping = false;
                Some(Done::Received(result))
            }
        }
    }

    /// The last word, for a connection that is about to be closed in order.
    pub(super) fn farewell(&mut self, fd: Fd, until: Instant, out: &Outbox) -> Option<Op> {
        let is_due = self.stage == Stage::Open && self.finish == Finish::No && self.broken.is_none();
        if !is_due || !matches!(self.sending, Sending::Nothing) {
            return None;
        }
        self.finish = Finish::Said;
        self.writer = None;
        self.tls.close();
        self.farewell_until = Some(until);
        if self.sealing == Place::Kernel { self.next_alert(fd) } else { self.encrypt(fd, out) }
    }
}
