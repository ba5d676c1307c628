//! The field lines of a message: an index over the bytes that were received, and what was written since.
//!
//! ```text
//!   received bytes    Host: a␍␊Accept: */*␍␊Cookie: k=v␍␊␍␊         stay where they are
//!                     └┬─┘  ╵  └──┬─┘  └┬┘  ├────┘  └┬┘
//!   entries          [name,value][name,value]│[name,  value][name,value]
//!                                                            └─┬┘ └─┬─┘
//!   arena                                              x-real-ip 192.0.2.1
//! ```
//!
//! An edit moves entries and appends to the arena; received bytes are neither moved nor copied. They are not kept either: who
//! reads, edits or writes brings the same bytes again.
//!
//! **Invariant:** every name is a token and no value holds CR, LF or NUL, received or written: no edit can make two messages of one.
//! **Invariant:** the bytes as sent and the number of lines stay within [`Limits`](crate::Limits).

use crate::known::Known;
use crate::limits::FIELD_NAME_SIZE_MAX;
use crate::lines::{Line, Lines};
use crate::octets::{is_blank, is_token, is_token_octet, is_value, offset_in, trim};
use crate::{Limits, Refusal};
use std::ops::Range;
use thiserror::Error;

/// The fields of one message, in order.
#[derive(Clone, Debug)]
pub struct Fields {
    limits: Limits,
    entries: Vec<Entry>,
    arena: Vec<u8>,
    /// Bytes of the first line and what else is sent around the fields.
    start_size: usize,
    /// Bytes of the whole head as it is sent.
    sent_size: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    name: Span,
    pub(crate) value: Span,
    pub(crate) known: Known,
}

/// A part of the received bytes or of the arena.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    /// With [`IN_ARENA`] where the part is in the arena.
    size: u32,
}

const IN_ARENA: u32 = 1 << 31;

/// The `connection` line that an [`Exchange`](crate::Exchange) may add, and the empty line.
const AROUND_SIZE: usize = "connection: keep-alive\r\n\r\n".len();

/// Why an edit was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum EditError {
    /// `tune.bufsize`
    #[error("no room for another field")]
    NoRoom,
    #[error("not a field name or not a field value")]
    Invalid,
    /// Where content ends and whether a connection stays is decided by [`Exchange`](crate::Exchange) alone.
    #[error("this field belongs to the connection")]
    Reserved,
}

impl Span {
    pub(crate) fn of(range: Range<usize>) -> Span {
        let number = |offset| u32::try_from(offset).expect("a head is smaller than 2 GiB");
        Span { start: number(range.start), size: number(range.end - range.start) }
    }

    pub(crate) fn size(self) -> usize {
        (self.size & !IN_ARENA) as usize
    }

    /// A part of this part.
    pub(crate) fn part(self, range: Range<usize>) -> Span {
        assert!(range.end <= self.size());
        let part = Span::of(range);
        Span { start: self.start + part.start, size: part.size | (self.size & IN_ARENA) }
    }
}

impl Fields {
    pub(crate) fn new(limits: Limits) -> Fields {
        Fields { limits, entries: Vec::new(), arena: Vec::new(), start_size: 0, sent_size: 0 }
    }

    /// Forgets everything but the memory.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.arena.clear();
        self.start_size = 0;
        self.sent_size = 0;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All names and values, in order. Names are spelt as they were received.
    pub fn iter<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.entries.iter().map(move |entry| (self.text(bytes, entry.name), self.text(bytes, entry.value)))
    }

    /// The values of the fields of this name, in order.
    pub fn values<'a>(&'a self, bytes: &'a [u8], name: &[u8]) -> impl DoubleEndedIterator<Item = &'a [u8]> {
        let entries = self.entries.iter().filter(move |entry| self.is_named(bytes, entry, name));
        entries.map(move |entry| self.text(bytes, entry.value))
    }

    /// Puts a field behind all others: `add-header`.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), EditError> {
        let known = editable(name)?;
        if !is_value(value) {
            return Err(EditError::Invalid);
        }
        self.reserve(line_size(name.len(), value.len()))?;
        let (name, value) = (self.store(name), self.store(trim(value)));
        self.entries.push(Entry { name, value, known });
        self.resize();
        Ok(())
    }

    /// Puts a field in place of all of its name: `set-header`.
    pub fn set(&mut self, bytes: &[u8], name: &[u8], value: &[u8]) -> Result<(), EditError> {
        editable(name)?;
        if !is_value(value) {
            return Err(EditError::Invalid);
        }
        self.reserve(line_size(name.len(), value.len()))?;
        self.delete(bytes, name)?;
        self.add(name, value)
    }

    /// Removes the fields of this name: `del-header`. Says how many there were.
    pub fn delete(&mut self, bytes: &[u8], name: &[u8]) -> Result<usize, EditError> {
        if Known::of(name).is_framing() {
            return Err(EditError::Reserved);
        }
        let before = self.entries.len();
        self.retain(|fields, entry| !fields.is_named(bytes, entry, name));
        Ok(before - self.entries.len())
    }

    /// Removes the `nth` field of this name.
    pub fn delete_nth(&mut self, bytes: &[u8], name: &[u8], nth: usize) -> Result<(), EditError> {
        if Known::of(name).is_framing() {
            return Err(EditError::Reserved);
        }
        let mut count = 0;
        self.retain(|fields, entry| {
            let is_named = fields.is_named(bytes, entry, name);
            count += usize::from(is_named);
            !(is_named && count == nth + 1)
        });
        Ok(())
    }

    /// Removes the fields whose names, in lower case, are meant: `del-header` with `-m`. What frames the message stays.
    pub fn delete_where(&mut self, bytes: &[u8], mut is_meant: impl FnMut(&[u8]) -> bool) {
        self.retain(|fields, entry| {
            entry.known.is_framing() || !is_meant(&fields.text(bytes, entry.name).to_ascii_lowercase())
        });
    }

    /// Gives the fields of one name another. Says how many there were.
    pub fn rename(&mut self, bytes: &[u8], from: &[u8], to: &[u8]) -> Result<usize, EditError> {
        editable(from)?;
        let known = editable(to)?;
        let count = self.values(bytes, from).count();
        if count == 0 {
            return Ok(0);
        }
        self.reserve(count * to.len().saturating_sub(from.len()))?;
        let name = self.store(to);
        let mut entries = std::mem::take(&mut self.entries);
        for entry in entries.iter_mut().filter(|entry| self.is_named(bytes, entry, from)) {
            *entry = Entry { name, known, value: entry.value };
        }
        self.entries = entries;
        self.resize();
        Ok(count)
    }

    /// Gives the `nth` field of this name another value: `replace-header` and `replace-value` decide which.
    pub fn replace(&mut self, bytes: &[u8], name: &[u8], nth: usize, value: &[u8]) -> Result<(), EditError> {
        editable(name)?;
        if !is_value(value) {
            return Err(EditError::Invalid);
        }
        let mut indices = (0..self.entries.len()).filter(|&index| self.is_named(bytes, &self.entries[index], name));
        let Some(index) = indices.nth(nth) else { return Ok(()) };
        self.reserve(value.len().saturating_sub(self.entries[index].value.size()))?;
        self.entries[index].value = self.store(trim(value));
        self.resize();
        Ok(())
    }

    /// Reads field lines up to the empty line. `Some` is the size of all that was read, with it.
    pub(crate) fn read(&mut self, bytes: &[u8], lines: &mut Lines) -> Result<Option<usize>, Refusal> {
        loop {
            match lines.next(bytes, self.limits.received_size_max) {
                Line::Whole(line) if line.is_empty() => {
                    self.resize();
                    return Ok(Some(lines.consumed()));
                }
                Line::Whole(line) if is_blank(bytes[line.start]) => self.on_folded_line(bytes, line)?,
                Line::Whole(line) => self.on_line(bytes, line)?,
                Line::Partial => return Ok(None),
                Line::TooLong => return Err(Refusal::FieldsSize),
                Line::Broken => return Err(Refusal::Octet),
            }
        }
    }

    /// RFC 9112 §5: `field-line = field-name ":" OWS field-value OWS`.
    fn on_line(&mut self, bytes: &[u8], range: Range<usize>) -> Result<(), Refusal> {
        let line = &bytes[range.clone()];
        // RFC 9112 §5.1: no whitespace between name and colon. An empty name ends no list of fields (CVE-2023-25725), a long
        // one hides none (CVE-2021-40346).
        let name_size = line.iter().position(|&byte| !is_token_octet(byte)).ok_or(Refusal::FieldName)?;
        if name_size == 0 || name_size > FIELD_NAME_SIZE_MAX || line[name_size] != b':' {
            return Err(Refusal::FieldName);
        }
        let value = trim(&line[name_size + 1..]);
        if self.entries.len() == self.limits.field_count_max {
            return Err(Refusal::FieldCount);
        }
        let value_start = range.start + offset_in(value, line);
        self.entries.push(Entry {
            name: Span::of(range.start..range.start + name_size),
            value: Span::of(value_start..value_start + value.len()),
            known: Known::of(&line[..name_size]),
        });
        Ok(())
    }

    /// RFC 9112 §5.2: a line that begins with a blank continues the value before it. Either it is refused or joined with
    /// spaces; HAProxy joins. Before the first field there is nothing to continue (§2.2).
    #[cold]
    fn on_folded_line(&mut self, bytes: &[u8], range: Range<usize>) -> Result<(), Refusal> {
        let more = trim(&bytes[range]);
        let last = self.entries.last().ok_or(Refusal::FieldName)?.value;
        // A value that was joined before grows where it is: many short lines must not cost the square of their number.
        let is_at_end = last.size & IN_ARENA != 0 && last.start as usize + last.size() == self.arena.len();
        let start = if is_at_end {
            last.start as usize
        } else {
            let before = self.text(bytes, last).to_vec();
            self.store(&before).start as usize
        };
        if self.arena.len() > start && !more.is_empty() {
            self.arena.push(b' ');
        }
        self.arena.extend_from_slice(more);
        let joined = self.in_arena(start);
        self.entries.last_mut().expect("looked at above").value = joined;
        Ok(())
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn known(&self, known: Known) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.known == known)
    }

    pub(crate) fn value<'a>(&'a self, bytes: &'a [u8], entry: &Entry) -> &'a [u8] {
        self.text(bytes, entry.value)
    }

    pub(crate) fn text<'a>(&'a self, bytes: &'a [u8], span: Span) -> &'a [u8] {
        let whole = if span.size & IN_ARENA == 0 { bytes } else { &self.arena };
        &whole[span.start as usize..][..span.size()]
    }

    /// Keeps the fields for which `keep` says so; it may ask for their texts.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&Fields, &mut Entry) -> bool) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain_mut(|entry| keep(self, entry));
        self.entries = entries;
        self.resize();
    }

    /// Gives a field that is there once another value.
    pub(crate) fn set_value(&mut self, known: Known, value: Span) {
        self.entries.iter_mut().filter(|entry| entry.known == known).for_each(|entry| entry.value = value);
        self.resize();
    }

    /// Puts bytes into the arena. They count as sent only once something refers to them.
    pub(crate) fn store(&mut self, text: &[u8]) -> Span {
        let start = self.arena.len();
        self.arena.extend_from_slice(text);
        self.in_arena(start)
    }

    /// Asks whether the lines may grow by so many bytes.
    pub(crate) fn reserve(&self, size: usize) -> Result<(), EditError> {
        if self.sent_size.saturating_add(size) > self.limits.sent_size_max { Err(EditError::NoRoom) } else { Ok(()) }
    }

    /// The size of the first line, CR LF included.
    pub(crate) fn set_start_size(&mut self, size: usize) {
        self.start_size = size;
        self.resize();
    }

    /// A part of the first line was replaced.
    pub(crate) fn grow_start(&mut self, before: usize, after: usize) {
        self.set_start_size(self.start_size + after - before);
    }

    pub(crate) fn name<'a>(&'a self, bytes: &'a [u8], entry: &Entry) -> &'a [u8] {
        self.text(bytes, entry.name)
    }

    fn in_arena(&self, start: usize) -> Span {
        let span = Span::of(start..self.arena.len());
        Span { size: span.size | IN_ARENA, ..span }
    }

    fn is_named(&self, bytes: &[u8], entry: &Entry, name: &[u8]) -> bool {
        self.text(bytes, entry.name).eq_ignore_ascii_case(name)
    }

    fn resize(&mut self) {
        let lines = self.entries.iter().map(|entry| line_size(entry.name.size(), entry.value.size()));
        self.sent_size = self.start_size + AROUND_SIZE + lines.sum::<usize>();
    }
}

/// `name: value` and CR LF.
fn line_size(name_size: usize, value_size: usize) -> usize {
    name_size + value_size + 4
}

fn editable(name: &[u8]) -> Result<Known, EditError> {
    let known = Known::of(name);
    if !is_token(name) {
        Err(EditError::Invalid)
    } else if known.is_framing() || known.is_of_connection() {
        Err(EditError::Reserved)
    } else {
        Ok(known)
    }
}
