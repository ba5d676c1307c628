//! Samples out of samples (`configuration.txt` §7.3.1).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use std::sync::Arc;

use super::coding::{
    base64, base64_decoded, base64_url, base64_url_decoded, hex, hex_number, json, url_decoded, url_encoded,
};
use crate::HashFunction;
use crate::hashing::mix;

use super::chunks::Chunks;
use super::coding::JsonInput;
use super::digest::{xxh32, xxh64};
use super::language::Languages;
use super::time::TimeText;
use super::{Digest, Facts, Map, Substitution, Value, Variable};

/// One converter of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Converter {
    Lower,
    Upper,
    Length,
    /// Two upper-case digits per byte.
    Hex,
    /// RFC 4648 §4.
    Base64,
    /// `bytes(offset[,count])`
    Bytes {
        offset: u32,
        count: Option<u32>,
    },
    /// `field(index,delimiters[,count])`: every delimiter ends a field.
    Field(TextPart),
    /// `word(index,delimiters[,count])`: delimiters in a row are one.
    Word(TextPart),
    /// `ipmask(v4[,v6])`: as many leading bits stay.
    IpMask {
        v4: u8,
        v6: Option<u8>,
    },
    /// `regsub`
    Substitute(Substitution),
    /// `url_dec`: `%XX` becomes a byte; `+` a blank behind a `?`, or anywhere if told so. What is no such text has no value.
    UrlDecode {
        is_form: bool,
    },
    Arithmetic(Operation, Amount),
    /// `map` and its kin.
    Map(Arc<Map>),
    /// `concat`: a variable that is not there is nothing.
    Concat {
        before: Box<[u8]>,
        variable: Option<Variable>,
        after: Box<[u8]>,
    },
    /// `strcmp`: -1, 0 or 1.
    CompareWith(Variable),
    /// `iif`
    Choose(Box<[u8]>, Box<[u8]>),
    /// `ltrim`
    TrimStart(Box<[u8]>),
    /// `rtrim`
    TrimEnd(Box<[u8]>),
    UrlEncode,
    Base64Decode,
    /// RFC 4648 §5, without padding.
    Base64Url,
    Base64UrlDecode,
    /// `hex2i`
    HexToInt,
    /// `crc32` and its kin.
    Hash {
        function: HashFunction,
        is_mixed: bool,
    },
    /// `xxh32`, with a seed.
    Xxh32(u32),
    /// `xxh64`, with a seed.
    Xxh64(u64),
    /// `sha1`, `sha2`
    Digest(Digest),
    /// `json`: what is within the quotes of a string.
    Json(JsonInput),
    /// `htonl`
    NetworkOrder,
    /// `host_only`
    HostOnly,
    /// `port_only`
    PortOnly,
    /// `be2dec`: whole numbers in decimal digits.
    Numbers(Chunks),
    /// `be2hex`
    HexChunks(Chunks),
    /// `secure_memcmp`: how long it takes says nothing of where they differ.
    IsSame(Variable),
    /// `add_item`: behind an item that is there, the delimiter.
    AddItem {
        delimiter: Box<[u8]>,
        variable: Option<Variable>,
        after: Box<[u8]>,
    },
    /// `utime` and its kin.
    Time(TimeText),
    /// `hmac`
    Hmac(Digest, Key),
    /// `language`
    Language(Languages),
    /// `cut_crlf`: only the first line.
    FirstLine,
    /// `le2dec`
    LittleNumbers(Chunks),
    /// `param`
    Parameter {
        name: Box<[u8]>,
        delimiter: u8,
    },
    /// `neg`
    Negate,
    /// `cpl`
    Complement,
    /// `bool`
    IsNotZero,
    /// `not`
    IsZero,
    /// `even`
    IsEven,
    /// `odd`
    IsOdd,
}

/// With what a digest is keyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Octets(Box<[u8]>),
    /// Base64.
    Variable(Variable),
}

/// Which fields or words of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPart {
    /// From 1 at the beginning, or from -1 at the end; never 0.
    pub index: i32,
    pub delimiters: Box<[u8]>,
    /// How many, with what stands between them; 0 is all that are left in that direction.
    pub count: u32,
}

/// What a number is combined with. A variable that holds no number leaves no sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Number(i64),
    Variable(Variable),
}

/// A number and an operand. Nothing overflows: results stop at the ends of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    /// By zero: the largest number.
    Divide,
    /// By zero: zero.
    Modulo,
    And,
    Or,
    Xor,
}

impl Converter {
    /// `None`: the value cannot be converted, so there is no sample.
    pub fn apply<'a>(&'a self, value: Value<'a>, facts: &Facts<'a>) -> Option<Value<'a>> {
        let truth = |test: fn(i64) -> bool, value: Value<'_>| value.to_int().map(|number| Value::Bool(test(number)));
        match self {
            Converter::Lower => Some(owned(value.into_bytes().to_ascii_lowercase())),
            Converter::Upper => Some(owned(value.into_bytes().to_ascii_uppercase())),
            Converter::Length => Some(Value::Int(value.into_bytes().len() as i64)),
            Converter::Hex => Some(owned(hex(&value.into_bytes()))),
            Converter::Base64 => Some(owned(base64(&value.into_bytes()))),
            Converter::Bytes { offset, count } => bytes(value.into_bytes(), *offset as usize, *count),
            Converter::Field(piece) => piece.of(value.into_bytes(), false),
            Converter::Word(piece) => piece.of(value.into_bytes(), true),
            Converter::IpMask { v4, v6 } => mask(value.to_addr()?, *v4, *v6).map(Value::Addr),
            Converter::Substitute(substitution) => Some(owned(substitution.of(&value.into_bytes()))),
            Converter::UrlDecode { is_form } => url_decoded(&value.into_bytes(), *is_form).map(owned),
            Converter::Arithmetic(operation, amount) => {
                let operand = match amount {
                    Amount::Number(number) => *number,
                    Amount::Variable(variable) => facts.variables.value_of(*variable)?.to_int()?,
                };
                Some(Value::Int(operation.of(value.to_int()?, operand)))
            }
            Converter::Map(map) => map.value_of(value),
            Converter::Concat { before, variable, after } => {
                let mut text = [&value.into_bytes(), before.as_ref()].concat();
                if let Some(value) = variable.and_then(|variable| facts.variables.value_of(variable)) {
                    text.extend_from_slice(&value.into_bytes());
                }
                text.extend_from_slice(after);
                Some(owned(text))
            }
            Converter::CompareWith(variable) => {
                let other = facts.variables.value_of(*variable)?.into_bytes();
                Some(Value::Int(value.into_bytes().cmp(&other) as i64))
            }
            Converter::Choose(yes, no) => {
                let is_true = value.to_int().is_some_and(|number| number != 0);
                Some(Value::Bytes(Cow::Borrowed(if is_true { yes } else { no })))
            }
            Converter::TrimStart(set) => {
                let text = value.into_bytes();
                let start = text.iter().take_while(|byte| set.contains(byte)).count();
                let end = text.len();
                Some(part(text, start, end))
            }
            Converter::TrimEnd(set) => {
                let text = value.into_bytes();
                let end = text.len() - text.iter().rev().take_while(|byte| set.contains(byte)).count();
                Some(part(text, 0, end))
            }
            Converter::UrlEncode => Some(owned(url_encoded(&value.into_bytes()))),
            Converter::Base64Decode => base64_decoded(&value.into_bytes()).map(owned),
            Converter::Base64Url => Some(owned(base64_url(&value.into_bytes()))),
            Converter::Base64UrlDecode => base64_url_decoded(&value.into_bytes()).map(owned),
            Converter::Hash { function, is_mixed } => {
                let hash = function.of(&value.into_bytes());
                Some(Value::Int(if *is_mixed { mix(hash) } else { hash }.into()))
            }
            Converter::Xxh32(seed) => Some(Value::Int(xxh32(&value.into_bytes(), *seed).into())),
            Converter::Xxh64(seed) => Some(Value::Int(xxh64(&value.into_bytes(), *seed) as i64)),
            Converter::Digest(digest) => Some(owned(digest.of(&value.into_bytes()))),
            Converter::Json(input) => json(&value.into_bytes(), *input).map(owned),
            Converter::NetworkOrder => Some(owned((value.to_int()? as u32).to_be_bytes().to_vec())),
            Converter::HostOnly => {
                let text = value.into_bytes();
                let end = port_at(&text).unwrap_or(text.len());
                Some(part(text, 0, end))
            }
            Converter::PortOnly => {
                let text = value.into_bytes();
                let port = port_at(&text).and_then(|at| text.get(at + 1..));
                Some(Value::Int(port.and_then(|port| Value::Bytes(port.into()).to_int()).unwrap_or(0)))
            }
            Converter::Numbers(chunks) => Some(owned(chunks.numbers(&value.into_bytes()))),
            Converter::HexChunks(chunks) => Some(owned(chunks.digits(&value.into_bytes()))),
            Converter::IsSame(variable) => {
                let other = facts.variables.value_of(*variable)?.into_bytes();
                Some(Value::Bool(crate::users::is_same(&value.into_bytes(), &other)))
            }
            Converter::AddItem { delimiter, variable, after } => {
                let mut text = value.into_bytes().into_owned();
                let item = variable.and_then(|variable| facts.variables.value_of(variable)).map(Value::into_bytes);
                let is_any = item.as_ref().is_some_and(|item| !item.is_empty()) || !after.is_empty();
                if is_any && !text.is_empty() {
                    text.extend_from_slice(delimiter);
                }
                text.extend_from_slice(&item.unwrap_or_default());
                text.extend_from_slice(after);
                Some(owned(text))
            }
            Converter::Time(text) => text.of(value.to_int()?).map(owned),
            Converter::Hmac(digest, Key::Octets(key)) => Some(owned(digest.keyed(key, &value.into_bytes()))),
            Converter::Hmac(digest, Key::Variable(variable)) => {
                let key = base64_decoded(&facts.variables.value_of(*variable)?.into_bytes())?;
                Some(owned(digest.keyed(&key, &value.into_bytes())))
            }
            Converter::Language(languages) => languages.of(&value.into_bytes()),
            Converter::FirstLine => {
                let text = value.into_bytes();
                let end = memchr::memchr2(b'\r', b'\n', &text).unwrap_or(text.len());
                Some(part(text, 0, end))
            }
            Converter::LittleNumbers(chunks) => Some(owned(chunks.numbers_from_least(&value.into_bytes()))),
            Converter::HexToInt => hex_number(&value.into_bytes()).map(Value::Int),
            Converter::Parameter { name, delimiter } => {
                let text = value.into_bytes();
                let mut pairs = text.split(|byte| byte == delimiter);
                let found = pairs.find_map(|pair| pair.strip_prefix(&**name)?.strip_prefix(b"="))?;
                Some(owned(found.to_vec()))
            }
            Converter::Negate => Some(Value::Int(value.to_int()?.saturating_neg())),
            Converter::Complement => Some(Value::Int(!value.to_int()?)),
            Converter::IsNotZero => truth(|number| number != 0, value),
            Converter::IsZero => truth(|number| number == 0, value),
            Converter::IsEven => truth(|number| number & 1 == 0, value),
            Converter::IsOdd => truth(|number| number & 1 == 1, value),
        }
    }
}

impl Operation {
    fn of(self, number: i64, operand: i64) -> i64 {
        match self {
            Operation::Add => number.saturating_add(operand),
            Operation::Subtract => number.saturating_sub(operand),
            Operation::Multiply => number.saturating_mul(operand),
            Operation::Divide if operand == 0 => i64::MAX,
            Operation::Divide => number.saturating_div(operand),
            Operation::Modulo => number.checked_rem(operand).unwrap_or(0),
            Operation::And => number & operand,
            Operation::Or => number | operand,
            Operation::Xor => number ^ operand,
        }
    }
}

impl TextPart {
    fn of<'a>(&self, text: Cow<'a, [u8]>, skips_empty: bool) -> Option<Value<'a>> {
        let mut ranges = Vec::new();
        let mut start = 0;
        let ends = (0..text.len()).filter(|&at| self.delimiters.contains(&text[at])).chain([text.len()]);
        for end in ends {
            if start < end || !skips_empty {
                ranges.push(start..end);
            }
            start = end + 1;
        }
        let index = self.index.unsigned_abs().checked_sub(1)? as usize;
        let count = if self.count == 0 { usize::MAX } else { self.count as usize };
        let (first, last) = if self.index > 0 {
            (index, index.saturating_add(count - 1).min(ranges.len().checked_sub(1)?))
        } else {
            let last = ranges.len().checked_sub(index + 1)?;
            (last.saturating_sub(count - 1), last)
        };
        let (first, last) = (ranges.get(first)?, ranges.get(last)?);
        Some(part(text, first.start, last.end))
    }
}

/// The colon before a port; those within brackets are an address's.
fn port_at(text: &[u8]) -> Option<usize> {
    text.iter().rposition(|&byte| byte == b':').filter(|&at| !text[at..].contains(&b']'))
}

fn bytes(text: Cow<'_, [u8]>, offset: usize, count: Option<u32>) -> Option<Value<'_>> {
    let room = text.len().checked_sub(offset).filter(|&room| room > 0)?;
    let count = count.map_or(room, |count| room.min(count as usize));
    Some(part(text, offset, offset + count))
}

fn part(text: Cow<'_, [u8]>, start: usize, end: usize) -> Value<'_> {
    Value::Bytes(match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[start..end]),
        Cow::Owned(text) => Cow::Owned(text[start..end].to_vec()),
    })
}

fn mask(addr: IpAddr, v4: u8, v6: Option<u8>) -> Option<IpAddr> {
    match addr {
        IpAddr::V4(addr) => {
            let bits = u32::MAX.checked_shl(32 - u32::from(v4.min(32))).unwrap_or(0);
            Some(Ipv4Addr::from_bits(addr.to_bits() & bits).into())
        }
        IpAddr::V6(addr) => {
            let bits = u128::MAX.checked_shl(128 - u32::from(v6?.min(128))).unwrap_or(0);
            Some(Ipv6Addr::from_bits(addr.to_bits() & bits).into())
        }
    }
}

fn owned<'a>(bytes: Vec<u8>) -> Value<'a> {
    Value::Bytes(Cow::Owned(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> crate::Table {
        let process = crate::StateBook::new(1).process();
        crate::Table::new(1, crate::Global::default(), Vec::new(), Vec::new(), Vec::new(), process)
    }

    fn shown(converter: Converter, value: Value<'_>) -> Option<String> {
        let table = nothing();
        let facts = Facts::new(&table, crate::FrontendId(0), None, None);
        let value = converter.apply(value, &facts)?;
        Some(String::from_utf8_lossy(&value.into_bytes()).into_owned())
    }

    fn piece(index: i32, delimiters: &str, count: u32) -> TextPart {
        TextPart { index, delimiters: delimiters.as_bytes().into(), count }
    }

    /// The examples of the manual, RFC 4648 §10 for base64, and what HAProxy 2.6.12 answered.
    #[test]
    fn texts() {
        use Converter::{Base64, Bytes, Field, Hex, Length, Lower, Upper, Word};
        for (converter, text, expect) in [
            (Lower, "MiXed", Some("mixed")),
            (Upper, "MiXed", Some("MIXED")),
            (Length, "three", Some("5")),
            (Hex, "\x00\x7f", Some("007F")),
            (Base64, "", Some("")),
            (Base64, "f", Some("Zg==")),
            (Base64, "fo", Some("Zm8=")),
            (Base64, "foobar", Some("Zm9vYmFy")),
            (Bytes { offset: 1, count: Some(2) }, "abcdef", Some("bc")),
            (Bytes { offset: 4, count: Some(20) }, "abcdef", Some("ef")),
            (Bytes { offset: 6, count: None }, "abcdef", None),
            (Field(piece(5, "_", 1)), "f1_f2_f3__f5", Some("f5")),
            (Field(piece(2, "_", 0)), "f1_f2_f3__f5", Some("f2_f3__f5")),
            (Field(piece(2, "_", 2)), "f1_f2_f3__f5", Some("f2_f3")),
            (Field(piece(-2, "_", 3)), "f1_f2_f3__f5", Some("f2_f3_")),
            (Field(piece(-3, "_", 0)), "f1_f2_f3__f5", Some("f1_f2_f3")),
            (Field(piece(6, "_", 1)), "f1_f2_f3__f5", None),
            (Word(piece(4, "_", 1)), "f1_f2_f3__f5", Some("f5")),
            (Word(piece(2, "_", 0)), "f1_f2_f3__f5", Some("f2_f3__f5")),
            (Word(piece(3, "_", 2)), "f1_f2_f3__f5", Some("f3__f5")),
            (Word(piece(-2, "_", 3)), "f1_f2_f3__f5", Some("f1_f2_f3")),
            (Word(piece(-3, "_", 0)), "f1_f2_f3__f5", Some("f1_f2")),
            (Word(piece(1, "_", 1)), "", None),
        ] {
            assert_eq!(shown(converter.clone(), Value::text(text)).as_deref(), expect, "{converter:?} of {text}");
        }
    }

    #[test]
    fn numbers() {
        use Operation::{Add, And, Divide, Modulo, Multiply, Or, Subtract, Xor};
        for (operation, operand, number, expect) in [
            (Add, 1, i64::MAX, i64::MAX),
            (Subtract, 1, i64::MIN, i64::MIN),
            (Multiply, -2, 3, -6),
            (Divide, 0, 5, i64::MAX),
            (Divide, -1, i64::MIN, i64::MAX),
            (Modulo, 0, 5, 0),
            (Modulo, 3, 5, 2),
            (And, 6, 3, 2),
            (Or, 6, 3, 7),
            (Xor, 6, 3, 5),
        ] {
            let value = shown(Converter::Arithmetic(operation, Amount::Number(operand)), Value::Int(number));
            assert_eq!(value, Some(expect.to_string()), "{number} {operation:?} {operand}");
        }
        for (converter, number, expect) in [
            (Converter::Negate, 5, "-5"),
            (Converter::Complement, 0, "-1"),
            (Converter::IsNotZero, 2, "1"),
            (Converter::IsZero, 2, "0"),
            (Converter::IsEven, 2, "1"),
            (Converter::IsOdd, -3, "1"),
        ] {
            assert_eq!(
                shown(converter.clone(), Value::Int(number)).as_deref(),
                Some(expect),
                "{converter:?} of {number}"
            );
        }
    }

    /// What HAProxy 2.6.12 makes of `/abc`.
    #[test]
    fn hashes() {
        use HashFunction::{Crc32, Crc32c, Djb2, Sdbm, Wt6};
        for (function, plain, mixed) in [
            (Crc32, 326_170_788_u32, 2_375_596_333_u32),
            (Crc32c, 640_227_501, 1_323_567_263),
            (Djb2, 2_088_271_610, 1_563_166_642),
            (Sdbm, 3_135_654_771, 2_611_440_265),
            (Wt6, 4_175_322_074, 2_702_208_831),
        ] {
            for (is_mixed, expected) in [(false, plain), (true, mixed)] {
                let made = shown(Converter::Hash { function, is_mixed }, Value::text("/abc"));
                assert_eq!(made, Some(expected.to_string()), "{function:?} {is_mixed}");
            }
        }
    }

    #[test]
    fn masks() {
        let mask = |v4, v6, addr: &str| {
            let addr = Value::Addr(addr.parse().expect("an address"));
            shown(Converter::IpMask { v4, v6 }, addr)
        };
        assert_eq!(mask(8, None, "10.1.2.3").as_deref(), Some("10.0.0.0"));
        assert_eq!(mask(0, None, "10.1.2.3").as_deref(), Some("0.0.0.0"));
        assert_eq!(mask(32, None, "10.1.2.3").as_deref(), Some("10.1.2.3"));
        assert_eq!(mask(24, Some(64), "2001:db8::1:2:3:4").as_deref(), Some("2001:db8::"));
        assert_eq!(mask(24, None, "2001:db8::1"), None);
    }
}
