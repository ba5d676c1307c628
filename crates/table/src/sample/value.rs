//! The types of samples, and how one becomes another (`configuration.txt` §7.3.1: "Converters", table of implicit conversions).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

/// A sample's value. HAProxy's `str` and `bin` are one type here: what rules can do with them is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Bool(bool),
    Int(i64),
    Addr(IpAddr),
    Bytes(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    pub fn text(text: &'a str) -> Value<'a> {
        Value::Bytes(Cow::Borrowed(text.as_bytes()))
    }

    /// The same for as long as this one is there.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Bool(truth) => Value::Bool(*truth),
            Value::Int(number) => Value::Int(*number),
            Value::Addr(addr) => Value::Addr(*addr),
            Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
        }
    }

    /// The same for as long as anybody wants it.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Bool(truth) => Value::Bool(truth),
            Value::Int(number) => Value::Int(number),
            Value::Addr(addr) => Value::Addr(addr),
            Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }

    /// A truth is 0 or 1, an IPv4 address its 32 bits, a text the number that it begins with.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Value::Bool(truth) => Some(i64::from(*truth)),
            Value::Int(number) => Some(*number),
            Value::Addr(IpAddr::V4(addr)) => Some(i64::from(addr.to_bits())),
            Value::Addr(IpAddr::V6(_)) => None,
            Value::Bytes(bytes) => leading_number(bytes),
        }
    }

    /// A number is an IPv4 address by its 32 bits; a text may spell one of either family.
    pub fn to_addr(&self) -> Option<IpAddr> {
        match self {
            Value::Addr(addr) => Some(*addr),
            Value::Int(number) => Some(Ipv4Addr::from_bits(*number as u32).into()),
            Value::Bool(truth) => Some(Ipv4Addr::from_bits(u32::from(*truth)).into()),
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        }
    }

    /// As it is written.
    pub fn into_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Value::Bool(truth) => Cow::Borrowed(if truth { b"1" } else { b"0" }),
            Value::Int(number) => Cow::Owned(number.to_string().into_bytes()),
            Value::Addr(addr) => Cow::Owned(addr.to_string().into_bytes()),
            Value::Bytes(bytes) => bytes,
        }
    }
}

/// The decimal number that a text begins with; `None` for an empty text. Numbers beyond 64 bits are as good as the largest.
fn leading_number(text: &[u8]) -> Option<i64> {
    if text.is_empty() {
        return None;
    }
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let add = |number: i64, digit: &u8| number.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    let magnitude = digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, add);
    Some(if is_negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 matches with `{ str(TEXT) -m int N }` and `{ … -m ip A }`.
    #[test]
    fn texts_become_numbers_and_addresses() {
        let value = |text: &'static str| Value::text(text);
        for (text, number) in [
            ("12", Some(12)),
            ("12x", Some(12)),
            ("-7", Some(-7)),
            ("x", Some(0)),
            ("", None),
            ("99999999999999999999", Some(i64::MAX)),
        ] {
            assert_eq!(value(text).to_int(), number, "{text}");
        }
        assert_eq!(value("10.1.2.3").to_addr(), Some(Ipv4Addr::new(10, 1, 2, 3).into()));
        assert_eq!(value("::1").to_addr(), Some("::1".parse().expect("an address")));
        assert_eq!(value("10.1.2").to_addr(), None);
        assert_eq!(Value::Addr(Ipv4Addr::LOCALHOST.into()).to_int(), Some(2_130_706_433));
        assert_eq!(Value::Int(2_130_706_433).to_addr(), Some(Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn everything_can_be_written() {
        for (value, text) in [
            (Value::Bool(true), "1"),
            (Value::Int(-5), "-5"),
            (Value::Addr(Ipv4Addr::LOCALHOST.into()), "127.0.0.1"),
            (Value::text("as it is"), "as it is"),
        ] {
            assert_eq!(value.into_bytes(), text.as_bytes());
        }
    }
}
