//! Texts with samples in them (`configuration.txt` §8.2.6, as rules use it): `%[src]:%[src_port]`.

use super::{Converter, Facts, Fetch, Sample, Value};
use crate::Table;

/// A fetch, and what is made of it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression {
    pub fetch: Fetch,
    pub converters: Vec<Converter>,
}

/// A text that is filled anew for each message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format(Box<[FormatPart]>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatPart {
    Text(Box<[u8]>),
    /// A sample that is not there is nothing.
    Sample(Expression),
}

impl Expression {
    /// The value with what is known now.
    pub fn value<'a>(&'a self, facts: &Facts<'a>) -> Option<Value<'a>> {
        let value = match self.fetch.of(facts) {
            Sample::Settled(value) | Sample::Passing(value) => value,
            Sample::Awaited | Sample::Absent => return None,
        };
        self.converters.iter().try_fold(value, |value, converter| converter.apply(value))
    }

    /// Whether every id in it has a place in `table`.
    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.fetch.fits(table)
    }
}

impl Format {
    pub fn new(parts: Vec<FormatPart>) -> Format {
        Format(parts.into())
    }

    /// Appends the text. Of samples, controls other than tabs become `%XX`: whatever a client says, it remains one line.
    pub fn append(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                FormatPart::Text(text) => out.extend_from_slice(text),
                FormatPart::Sample(expression) => {
                    if let Some(value) = expression.value(facts) {
                        append_printable(&value.into_bytes(), out);
                    }
                }
            }
        }
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.0.iter().all(|part| match part {
            FormatPart::Text(_) => true,
            FormatPart::Sample(expression) => expression.fits(table),
        })
    }
}

fn append_printable(text: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        match byte {
            b'\t' => out.push(byte),
            0..=31 | 127 => {
                out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 puts into a field with `set-header`.
    #[test]
    fn controls_are_escaped() {
        let mut out = Vec::new();
        append_printable(b"a\nb\x01\x7f \t\xe4\0", &mut out);
        assert_eq!(out, b"a%0Ab%01%7F \t\xe4%00");
    }
}
