//! Records that are sent: what is plain becomes cipher text in the memory that it is sent from, in one pass.

use crate::record::HEADER_SIZE;
use crate::traffic::{Content, Layout, TAG_SIZE, Traffic};
use aws_lc_rs::aead::{NONCE_LEN, Nonce};

/// One direction of a connection on which both have agreed.
pub(crate) struct Sealing(Traffic);

impl Sealing {
    pub(crate) fn new(traffic: Traffic) -> Sealing {
        Sealing(traffic)
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.0.is_kept()
    }

    /// See [`Traffic::for_kernel`].
    pub(crate) fn for_kernel(&self) -> Option<Vec<u8>> {
        self.0.for_kernel()
    }

    /// Bytes that a record has beside what is in it.
    pub(crate) fn overhead(&self) -> usize {
        HEADER_SIZE + self.0.layout.nonce_size() + self.0.layout.kind_size() + TAG_SIZE
    }

    /// Whether there should be another key before the next record.
    pub(crate) fn is_used_up(&self) -> bool {
        self.0.is_used_up()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.is_over()
    }

    /// Makes one record of all of `plain` at the front of `sent`, where there is room for it. Says how long it is.
    pub(crate) fn seal(&mut self, content: Content, plain: &[u8], sent: &mut [u8]) -> usize {
        assert!(!self.0.is_over(), "a number would be used twice");
        let size = self.overhead() + plain.len();
        let sealed_size = size - HEADER_SIZE;
        let kind = [content as u8];
        let (kind_said, kind_sealed) = match self.0.layout {
            Layout::Tls13 => (Content::Data as u8, &kind[..]),
            Layout::Tls12WithNonce | Layout::Tls12 => (content as u8, &[][..]),
        };
        let nonce = self.0.nonce();
        let [high, low] = (sealed_size as u16).to_be_bytes();
        let (header, sealed) = sent[..size].split_at_mut(HEADER_SIZE);
        header.copy_from_slice(&[kind_said, 3, 3, high, low]);
        let nonce_size = self.0.layout.nonce_size();
        let (said, sealed) = sealed.split_at_mut(nonce_size);
        said.copy_from_slice(&nonce[NONCE_LEN - nonce_size..]);
        let (cipher, rest) = sealed.split_at_mut(plain.len());
        let associated = self.0.associated(kind_said, sealed_size);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.0.key.seal_out_of_place_scatter(nonce, associated, plain, cipher, kind_sealed, rest);
        sealed.expect("all lengths were made to fit");
        self.0.advance();
        size
    }

    /// The same, behind what is there.
    pub(crate) fn seal_onto(&mut self, content: Content, plain: &[u8], output: &mut Vec<u8>) {
        let start = output.len();
        output.resize(start + self.overhead() + plain.len(), 0);
        self.seal(content, plain, &mut output[start..]);
    }

    #[cfg(test)]
    pub(crate) fn traffic(&mut self) -> &mut Traffic {
        &mut self.0
    }
}
