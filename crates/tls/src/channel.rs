//! Records once both have agreed: opened into the memory of whoever waits for what is in them, sealed into the memory that they are sent
//! from. No byte of a record that lies whole in what was received is copied on its way.
//!
//! ```text
//!   Open ──▶ Ended: the peer has said that nothing follows (may still write)
//!     └─────────┴──▶ Failed: one of both does not go on (an alert may be due)
//! ```
//!
//! What comes beside plain bytes (alerts, tickets, other keys, a wish to begin anew) is answered here, as RFC 8446 §4.6, §5 and §6 and RFC 5246 §6.2
//! and §7.2 want it. What brings nothing is counted, so that no peer can keep this side busy for nothing.
//!
//! **Invariant:** between two calls it holds, of what was received, no more than one record that is not whole, one message of the handshake
//! that is not, and what was in one record for which there was no room.

use crate::alert::{Alert, FATAL, Fault, WARNING};
use crate::connection::{Hand, Next, Read, Written, take};
use crate::engine::Remains;
use crate::failure::Refusal;
use crate::message::{Assembly, KEY_UPDATE_NOT_REQUESTED, Message};
use crate::names::Version;
use crate::opening::Opening;
use crate::record::{self, Record};
use crate::sealing::Sealing;
use crate::spare;
use crate::traffic::{Content, PLAIN_MOST, Traffic};

/// Records and messages in a row that bring nothing plain. More of them are an attack (RFC 8446 §D.4, and what other libraries take).
const FRUITLESS_MOST: u8 = 32;

/// That nothing follows from a peer who has not broken off, but was told to by its user (RFC 8446 §6.1). It is not the end yet.
const USER_CANCELED: u8 = 90;

pub(crate) struct Channel {
    /// `None`: the kernel opens what comes.
    opening: Option<Opening>,
    /// `None`: the kernel seals what is said.
    sealing: Option<Sealing>,
    is_tls13: bool,
    remains: Remains,
    /// What has come of a record that is not whole.
    partial: Vec<u8>,
    /// What was in a record, from `spill_start` on, and there was no room for it.
    spill: Vec<u8>,
    spill_start: usize,
    /// What has come of a message that is not whole.
    assembly: Assembly,
    fruitless: u8,
    /// The peer wants this side to take another key before it sends more.
    owes_update: bool,
    /// The peer wanted to begin anew, and was told that this is not done.
    is_rebuffed: bool,
    /// The peer has said that nothing follows.
    is_ended: bool,
    /// This side has.
    is_closed: bool,
}

impl Channel {
    /// What the handshake has left.
    pub(crate) fn new(opening: Opening, sealing: Sealing, remains: Remains) -> Channel {
        Channel {
            is_tls13: opening.is_tls13(),
            opening: Some(opening),
            sealing: Some(sealing),
            remains,
            partial: Vec::new(),
            spill: Vec::new(),
            spill_start: 0,
            assembly: Assembly::default(),
            fruitless: 0,
            owes_update: false,
            is_rebuffed: false,
            is_ended: false,
            is_closed: false,
        }
    }

    pub(crate) fn has_spill(&self) -> bool {
        !self.spill.is_empty()
    }

    /// Takes received bytes, and puts into `plain` what was in them. What this side has to say to that goes to `output`.
    pub(crate) fn read(&mut self, received: &mut [u8], plain: &mut [u8], output: &mut Vec<u8>) -> Read {
        let mut read = Read { consumed: 0, filled: self.take_spill(plain), next: Next::More };
        loop {
            if self.has_spill() {
                return Read { next: Next::Room, ..read };
            }
            if self.is_ended {
                return Read { next: Next::End, ..read };
            }
            let rest = &mut received[read.consumed..];
            let room = &mut plain[read.filled..];
            match self.read_record(rest, room, read.filled > 0, output) {
                Ok(Some((consumed, filled))) => {
                    read.consumed += consumed;
                    read.filled += filled;
                }
                Ok(None) if read.consumed == received.len() => return Read { next: Next::More, ..read },
                Ok(None) => return Read { next: Next::Room, ..read },
                Err(fault) => {
                    self.tell(fault, output);
                    return Read { next: Next::Failed(fault.refusal()), ..read };
                }
            }
        }
    }

    /// Seals as much as `sent` has room for, behind what is due. `Err`: so much was sent that the keys are used up, and the peer has been
    /// told by the write before.
    pub(crate) fn write(&mut self, plain: &[u8], sent: &mut [u8], output: &mut Vec<u8>) -> Result<Written, Refusal> {
        let mut written = Written { taken: 0, filled: 0 };
        loop {
            let Some(sealing) = &mut self.sealing else { return Ok(written) };
            written.filled += take(output, &mut sent[written.filled..]);
            let room = (sent.len() - written.filled).saturating_sub(sealing.overhead());
            let rest = &plain[written.taken..];
            let size = rest.len().min(room).min(PLAIN_MOST);
            if size == 0 || !output.is_empty() {
                return Ok(written);
            }
            if self.is_closed {
                return if written.filled > 0 { Ok(written) } else { Err(Refusal::Internal) };
            }
            if self.owes_update || sealing.is_used_up() {
                self.update(output)?;
                continue;
            }
            written.filled += sealing.seal(Content::Data, &rest[..size], &mut sent[written.filled..]);
            written.taken += size;
        }
    }

    pub(crate) fn opener(&self) -> Hand {
        self.opening.as_ref().map_or(Hand::Kernel, |opening| hand(opening.is_kept()))
    }

    pub(crate) fn sealer(&self) -> Hand {
        self.sealing.as_ref().map_or(Hand::Kernel, |sealing| hand(sealing.is_kept()))
    }

    /// How many bytes what has come of a record lacks, as far as that is known. None where nothing has.
    pub(crate) fn missing(&self) -> usize {
        match record::first(&self.partial) {
            Record::Partial(missing) if !self.partial.is_empty() => missing,
            Record::Partial(_) | Record::Whole(_) => 0,
        }
    }

    /// The keys of what comes, for whoever opens it from now on. `None`: something of it is still here, or they were not kept.
    pub(crate) fn opening_keys(&self) -> Option<Vec<u8>> {
        let is_between = self.partial.is_empty() && !self.has_spill() && self.assembly.is_empty() && !self.is_ended;
        self.opening.as_ref().filter(|_| is_between)?.for_kernel()
    }

    pub(crate) fn let_kernel_open(&mut self) {
        self.opening = None;
    }

    /// The keys of what is said, for whoever seals it from now on. `None`: others are due first, or they were not kept.
    pub(crate) fn sealing_keys(&self) -> Option<Vec<u8>> {
        let is_due = self.owes_update || self.is_closed;
        self.sealing.as_ref().filter(|sealing| !is_due && !sealing.is_used_up())?.for_kernel()
    }

    /// Two keys must never seal with the same numbers: ours is forgotten.
    pub(crate) fn let_kernel_seal(&mut self) {
        self.sealing = None;
    }

    /// Takes what the kernel has opened and is no data.
    pub(crate) fn hear(&mut self, kind: u8, inside: &[u8], output: &mut Vec<u8>) -> Next {
        let heard = match Content::of(kind) {
            Some(content) => self.on_other(content, inside, output),
            None => Err(Alert::UnexpectedMessage.into()),
        };
        match heard {
            Ok(()) if self.is_ended => Next::End,
            Ok(()) => Next::More,
            Err(fault) => {
                self.tell(fault, output);
                Next::Failed(fault.refusal())
            }
        }
    }

    /// Says to the peer that nothing follows.
    pub(crate) fn close(&mut self, output: &mut Vec<u8>) {
        if !self.is_closed {
            self.say(Alert::CloseNotify, output);
            self.is_closed = true;
        }
    }

    /// Takes one record, or what has come of one. Says how many bytes are done with, and how many plain ones came out. `None`: there is
    /// nothing more, or no room for it.
    fn read_record(
        &mut self,
        rest: &mut [u8],
        room: &mut [u8],
        is_begun: bool,
        output: &mut Vec<u8>,
    ) -> Result<Option<(usize, usize)>, Fault> {
        if !self.partial.is_empty() {
            return self.read_partial(rest, room, output);
        }
        let opening = self.opening.as_mut().ok_or(Alert::InternalError)?;
        if let Some(header) = rest.first_chunk() {
            opening.judge(*header)?;
        }
        let size = match record::first(rest) {
            Record::Whole(size) => size,
            Record::Partial(_) if rest.is_empty() => return Ok(None),
            Record::Partial(missing) => {
                self.partial = spare::copy(rest, missing);
                return Ok(Some((rest.len(), 0)));
            }
        };
        let record = &mut rest[..size];
        if room.len() >= opening.room_for(size) {
            return Ok(Some((size, self.open(record, room, output)?)));
        }
        if is_begun {
            // There is room elsewhere, for all of it.
            return Ok(None);
        }
        let (inner, place) = opening.open_in_place(record)?;
        if inner.content != Content::Data {
            self.on_other(inner.content, &record[place], output)?;
            return Ok(Some((size, 0)));
        }
        self.on_data(inner.size)?;
        let (fitting, spilling) = record[place].split_at(inner.size.min(room.len()));
        room[..fitting.len()].copy_from_slice(fitting);
        (self.spill, self.spill_start) = (spilling.to_vec(), 0);
        Ok(Some((size, fitting.len())))
    }

    /// The record that was begun before: takes of `rest` what it lacks.
    fn read_partial(
        &mut self,
        rest: &[u8],
        room: &mut [u8],
        output: &mut Vec<u8>,
    ) -> Result<Option<(usize, usize)>, Fault> {
        let mut consumed = 0;
        let record_size = loop {
            let missing = match record::first(&self.partial) {
                Record::Whole(size) => break size,
                Record::Partial(missing) => missing,
            };
            let taken = missing.min(rest.len() - consumed);
            if taken == 0 {
                return Ok((consumed > 0).then_some((consumed, 0)));
            }
            self.partial.reserve(missing);
            self.partial.extend_from_slice(&rest[consumed..consumed + taken]);
            consumed += taken;
            if let Some(header) = self.partial.first_chunk() {
                self.opening.as_ref().ok_or(Alert::InternalError)?.judge(*header)?;
            }
        };
        let mut partial = std::mem::take(&mut self.partial);
        let opening = self.opening.as_mut().ok_or(Alert::InternalError)?;
        if room.len() >= opening.room_for(record_size) {
            let filled = self.open(&partial, room, output)?;
            spare::give_back(partial);
            return Ok(Some((consumed, filled)));
        }
        let (inner, place) = opening.open_in_place(&mut partial)?;
        if inner.content != Content::Data {
            self.on_other(inner.content, &partial[place], output)?;
            return Ok(Some((consumed, 0)));
        }
        self.on_data(inner.size)?;
        partial.truncate(place.end);
        (self.spill, self.spill_start) = (partial, place.start);
        Ok(Some((consumed, self.take_spill(room))))
    }

    /// Opens a record into `room`, which is large enough. Says how many plain bytes came out.
    fn open(&mut self, record: &[u8], room: &mut [u8], output: &mut Vec<u8>) -> Result<usize, Fault> {
        let inner = self.opening.as_mut().ok_or(Alert::InternalError)?.open(record, room)?;
        match inner.content {
            Content::Data => {
                self.on_data(inner.size)?;
                Ok(inner.size)
            }
            other @ (Content::Handshake | Content::Alert | Content::ChangeCipherSpec) => {
                self.on_other(other, &room[..inner.size], output)?;
                Ok(0)
            }
        }
    }

    fn on_data(&mut self, size: usize) -> Result<(), Fault> {
        if !self.assembly.is_empty() {
            // RFC 8446 §5.1: nothing comes between the parts of a message.
            return Err(Alert::UnexpectedMessage.into());
        }
        if size == 0 {
            return self.on_fruitless();
        }
        self.fruitless = 0;
        Ok(())
    }

    fn on_fruitless(&mut self) -> Result<(), Fault> {
        self.fruitless += 1;
        if self.fruitless > FRUITLESS_MOST { Err(Alert::UnexpectedMessage.into()) } else { Ok(()) }
    }

    fn on_other(&mut self, content: Content, inside: &[u8], output: &mut Vec<u8>) -> Result<(), Fault> {
        match content {
            Content::Handshake => self.on_fragment(inside, output),
            Content::Alert if self.assembly.is_empty() => self.on_alert(inside),
            Content::Alert | Content::ChangeCipherSpec | Content::Data => Err(Alert::UnexpectedMessage.into()),
        }
    }

    fn on_alert(&mut self, alert: &[u8]) -> Result<(), Fault> {
        let &[level, number] = alert else { return Err(Alert::DecodeError.into()) };
        if number == Alert::CloseNotify as u8 {
            self.is_ended = true;
            return Ok(());
        }
        // TLS 1.3 says by the number alone how grave it is (RFC 8446 §6).
        match level {
            _ if self.is_tls13 && number != USER_CANCELED => Err(Fault::Theirs(number)),
            WARNING => self.on_fruitless(),
            FATAL => Err(Fault::Theirs(number)),
            _ => Err(Alert::IllegalParameter.into()),
        }
    }

    /// Part of a message, or several messages.
    fn on_fragment(&mut self, fragment: &[u8], output: &mut Vec<u8>) -> Result<(), Fault> {
        if fragment.is_empty() {
            // RFC 8446 §5.1.
            return Err(Alert::UnexpectedMessage.into());
        }
        self.on_fruitless()?;
        self.assembly.add(fragment);
        while let Some(message) = self.assembly.take()? {
            self.on_message(&message, output)?;
        }
        Ok(())
    }

    fn on_message(&mut self, message: &[u8], output: &mut Vec<u8>) -> Result<(), Fault> {
        match Message::read(message, self.remains.role(), self.is_tls13)? {
            Message::Ticket(ticket) => self.remains.keep_ticket(ticket)?,
            // RFC 8446 §5.1: what comes before other keys ends with its record.
            Message::KeyUpdate { .. } if !self.assembly.is_empty() => return Err(Alert::UnexpectedMessage.into()),
            // The kernel has the keys, and knows of no others.
            Message::KeyUpdate { .. } if self.opening.is_none() => return Err(Alert::InternalError.into()),
            Message::KeyUpdate { is_requested: true } if self.sealing.is_none() => {
                return Err(Alert::InternalError.into());
            }
            Message::KeyUpdate { is_requested } => {
                let secrets = self.remains.next_opening()?;
                let traffic = Traffic::new(&secrets, 0, Version::Tls13).ok_or(Alert::InternalError)?;
                self.opening = Some(Opening::new(traffic));
                self.owes_update |= is_requested;
            }
            Message::Renegotiation if self.is_rebuffed => return Err(Alert::UnexpectedMessage.into()),
            Message::Renegotiation => {
                self.is_rebuffed = true;
                self.say(Alert::NoRenegotiation, output);
            }
        }
        Ok(())
    }

    /// Takes another key for what is sent, and says so. Keys of TLS 1.2 are the only ones: the connection ends with them, and in order.
    fn update(&mut self, output: &mut Vec<u8>) -> Result<(), Refusal> {
        let Ok(secrets) = self.remains.next_sealing() else {
            self.close(output);
            return Ok(());
        };
        let sealing = self.sealing.as_mut().ok_or(Refusal::Internal)?;
        sealing.seal_onto(Content::Handshake, &KEY_UPDATE_NOT_REQUESTED, output);
        let traffic = Traffic::new(&secrets, 0, Version::Tls13).ok_or(Refusal::Internal)?;
        *sealing = Sealing::new(traffic);
        self.owes_update = false;
        Ok(())
    }

    fn tell(&mut self, fault: Fault, output: &mut Vec<u8>) {
        match fault {
            Fault::Ours(alert) => self.say(alert, output),
            Fault::Theirs(_) => (),
        }
    }

    /// Nothing is said behind the last word (RFC 8446 §6.1).
    fn say(&mut self, alert: Alert, output: &mut Vec<u8>) {
        if self.is_closed {
            return;
        }
        match &mut self.sealing {
            Some(sealing) if sealing.is_over() => (),
            Some(sealing) => sealing.seal_onto(Content::Alert, &alert.bytes(), output),
            // Whoever has them sent by the kernel takes them one by one.
            None => output.extend(alert.bytes()),
        }
    }

    fn take_spill(&mut self, room: &mut [u8]) -> usize {
        let spill = &self.spill[self.spill_start..];
        let count = spill.len().min(room.len());
        room[..count].copy_from_slice(&spill[..count]);
        self.spill_start += count;
        if self.spill_start == self.spill.len() {
            spare::give_back(std::mem::take(&mut self.spill));
            self.spill_start = 0;
        }
        count
    }
}

fn hand(is_movable: bool) -> Hand {
    if is_movable { Hand::Movable } else { Hand::Ours }
}

#[cfg(test)]
mod tests;
