//! Texts with samples in them (`configuration.txt` §8.2.6, as rules use it): `%[src]:%[src_port]`.

use std::net::IpAddr;

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
    /// One blank, unless the text begins here or a blank came just before.
    Blank,
    /// A sample that is not there is nothing.
    Sample(Expression),
    /// The same, where numbers and addresses are written in hexadecimal digits.
    Hexadecimal(Expression),
}

impl Expression {
    /// The value with what is known now.
    pub fn value<'a>(&'a self, facts: &Facts<'a>) -> Option<Value<'a>> {
        let value = match self.fetch.of(facts) {
            Sample::Settled(value) | Sample::Passing(value) => value,
            Sample::Awaited | Sample::Absent => return None,
        };
        self.converters.iter().try_fold(value, |value, converter| converter.apply(value, facts))
    }

    /// Whether bytes that have not come cannot change the value.
    pub(crate) fn is_settled(&self, facts: &Facts<'_>) -> bool {
        match self.fetch.of(facts) {
            Sample::Settled(_) | Sample::Absent => true,
            Sample::Passing(_) | Sample::Awaited => false,
        }
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
        let begin = out.len();
        for part in &self.0 {
            match part {
                FormatPart::Blank if out.len() > begin && !out.ends_with(b" ") => out.push(b' '),
                FormatPart::Blank => (),
                FormatPart::Text(text) => out.extend_from_slice(text),
                FormatPart::Sample(expression) => {
                    if let Some(value) = expression.value(facts) {
                        append_printable(&value.into_bytes(), out);
                    }
                }
                FormatPart::Hexadecimal(expression) => {
                    if let Some(value) = expression.value(facts) {
                        append_hexadecimal(value, out);
                    }
                }
            }
        }
    }

    pub(crate) fn fits(&self, table: &Table) -> bool {
        self.0.iter().all(|part| match part {
            FormatPart::Text(_) | FormatPart::Blank => true,
            FormatPart::Sample(expression) | FormatPart::Hexadecimal(expression) => expression.fits(table),
        })
    }
}

/// Numbers have four digits at least (`configuration.txt` §8.2.6: flag `X`).
fn append_hexadecimal(value: Value<'_>, out: &mut Vec<u8>) {
    let digits = match value {
        Value::Int(number) => format!("{number:04X}"),
        Value::Addr(IpAddr::V4(addr)) => format!("{:08X}", addr.to_bits()),
        Value::Addr(IpAddr::V6(addr)) => format!("{:032X}", addr.to_bits()),
        Value::Bool(_) | Value::Bytes(_) => return append_printable(&value.into_bytes(), out),
    };
    out.extend_from_slice(digits.as_bytes());
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

    /// `configuration.txt: unique-id-format` shows `7F000001:8296_7F00001E:1F90_4F7B0A69_0003:790E` (addresses have all their
    /// digits).
    #[test]
    fn hexadecimal_digits() {
        let mut out = Vec::new();
        for value in [
            Value::Addr([127, 0, 0, 30].into()),
            Value::Int(0x8296),
            Value::Int(3),
            Value::Addr("2001:db8::1".parse().expect("an address")),
        ] {
            append_hexadecimal(value, &mut out);
            out.push(b'_');
        }
        assert_eq!(out, b"7F00001E_8296_0003_20010DB8000000000000000000000001_");
    }
}
