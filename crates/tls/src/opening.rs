//! Records that are received: cipher text becomes plain, in one pass, where somebody waits for it, or where it lies.

use crate::alert::Alert;
use crate::record::HEADER_SIZE;
use crate::traffic::{Content, Layout, PLAIN_MOST, TAG_SIZE, Traffic};
use std::ops::Range;

/// One direction of a connection on which both have agreed.
pub(crate) struct Opening(Traffic);

/// What was in a record: the first `size` bytes of what came out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inner {
    pub(crate) content: Content,
    pub(crate) size: usize,
}

impl Opening {
    pub(crate) fn new(traffic: Traffic) -> Opening {
        Opening(traffic)
    }

    pub(crate) fn is_tls13(&self) -> bool {
        self.0.layout == Layout::Tls13
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_kept()
    }

    /// See [`Traffic::for_kernel`].
    pub(crate) fn for_kernel(&self) -> Option<Vec<u8>> {
        self.0.for_kernel()
    }

    /// Whether a record may begin so. Asked before the rest of it has come, and so before any memory is taken for it.
    pub(crate) fn judge(&self, header: [u8; HEADER_SIZE]) -> Result<(), Alert> {
        let [kind, major, minor, high, low] = header;
        let size_most = match self.0.layout {
            // RFC 8446 §5.2. A `change_cipher_spec` has no business here any more (§5), and nothing is said in clear.
            Layout::Tls13 if kind != Content::Data as u8 => return Err(Alert::UnexpectedMessage),
            Layout::Tls13 => PLAIN_MOST + 256,
            // RFC 5246 §6.2.1 and §6.2.3.
            Layout::Tls12WithNonce | Layout::Tls12 => {
                Content::of(kind).ok_or(Alert::UnexpectedMessage)?;
                if (major, minor) != (3, 3) {
                    return Err(Alert::ProtocolVersion);
                }
                PLAIN_MOST + 2048
            }
        };
        let size = usize::from(u16::from_be_bytes([high, low]));
        if size > size_most { Err(Alert::RecordOverflow) } else { Ok(()) }
    }

    /// Room that it takes to open a record of so many bytes.
    pub(crate) fn room_for(&self, record_size: usize) -> usize {
        record_size.saturating_sub(HEADER_SIZE + self.0.layout.nonce_size() + TAG_SIZE)
    }

    /// Opens a record that is whole into `room`, which is as large as `room_for` says at least.
    pub(crate) fn open(&mut self, record: &[u8], room: &mut [u8]) -> Result<Inner, Alert> {
        let cipher = self.cipher(record)?;
        let room = &mut room[..cipher.len()];
        let nonce = self.0.nonce_said(&record[HEADER_SIZE..cipher.start]);
        let associated = self.0.associated(record[0], record.len() - HEADER_SIZE);
        let (tag, text) = (&record[cipher.end..], &record[cipher]);
        let opened = self.0.key.open_separate_gather(nonce, associated, text, tag, room);
        opened.map_err(|_| Alert::BadRecordMac)?;
        self.0.advance();
        self.inner(record[0], room)
    }

    /// Opens a record that is whole where it lies. Says where in it what was in it lies now.
    pub(crate) fn open_in_place(&mut self, record: &mut [u8]) -> Result<(Inner, Range<usize>), Alert> {
        let cipher = self.cipher(record)?;
        let nonce = self.0.nonce_said(&record[HEADER_SIZE..cipher.start]);
        let associated = self.0.associated(record[0], record.len() - HEADER_SIZE);
        let kind = record[0];
        let (text, tag) = record[cipher.start..].split_at_mut(cipher.len());
        let opened = self.0.key.open_in_place_separate_tag(nonce, associated, tag, text);
        opened.map_err(|_| Alert::BadRecordMac)?;
        self.0.advance();
        let inner = self.inner(kind, &record[cipher.clone()])?;
        Ok((inner, cipher.start..cipher.start + inner.size))
    }

    /// Where its cipher text lies, between what is said of the nonce and the tag.
    fn cipher(&self, record: &[u8]) -> Result<Range<usize>, Alert> {
        let start = HEADER_SIZE + self.0.layout.nonce_size();
        match record.len().checked_sub(TAG_SIZE) {
            Some(end) if end >= start && !self.0.is_over() => Ok(start..end),
            // Too short for what every record has.
            Some(_) | None => Err(Alert::BadRecordMac),
        }
    }

    fn inner(&self, kind: u8, opened: &[u8]) -> Result<Inner, Alert> {
        if opened.len() > PLAIN_MOST + self.0.layout.kind_size() {
            return Err(Alert::RecordOverflow);
        }
        let (kind, size) = match self.0.layout {
            Layout::Tls12WithNonce | Layout::Tls12 => (kind, opened.len()),
            // The last byte that is no zero (RFC 8446 §5.4).
            Layout::Tls13 => {
                let at = opened.iter().rposition(|&byte| byte != 0).ok_or(Alert::UnexpectedMessage)?;
                (opened[at], at)
            }
        };
        Ok(Inner { content: Content::of(kind).ok_or(Alert::UnexpectedMessage)?, size })
    }

    #[cfg(test)]
    pub(crate) fn traffic(&mut self) -> &mut Traffic {
        &mut self.0
    }
}
