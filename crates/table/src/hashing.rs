//! Whose a connection or a request is: the number by which `balance source`, `uri`, `url_param`, `hdr` and `hash` choose a server
//! (`configuration.txt: balance, hash-type`).
//!
//! ```text
//!   facts ──HashKey──▶ bytes ──HashFunction──▶ 32 bits ──avalanche──▶ a place in the map, or on the ring
//! ```
//!
//! The numbers are HAProxy's: whoever has a farm behind both meets the same server through either.

use std::net::IpAddr;
use std::num::NonZeroU32;

use http1::{Method, Request};

use crate::sample::first_element;
use crate::{Expression, Facts, Message, Parameter, Table, Value};

/// How the number is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashing {
    pub key: HashKey,
    /// Of all keys but [`HashKey::Source`], which has an own one.
    pub function: HashFunction,
    /// `avalanche`: the bits are mixed once more.
    pub is_mixed: bool,
}

/// What is made a number of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashKey {
    /// The client's address.
    Source,
    Uri(UriExtent),
    /// The value of a parameter in the target's query.
    Parameter(Box<[u8]>),
    /// The same, or the value of that parameter in the content of a POST (`check_post`).
    PostedParameter(Box<[u8]>),
    /// The first element of a field. `is_domain`: what stands before the last dot of it.
    Field {
        name: Box<[u8]>,
        is_domain: bool,
    },
    Expression(Expression),
}

/// How much of a target counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UriExtent {
    /// `len`: so many bytes.
    pub size_max: Option<NonZeroU32>,
    /// `depth`: so many directories.
    pub depth_max: Option<NonZeroU32>,
    /// `whole`: the query, too.
    pub has_query: bool,
    /// `path-only`: not scheme and host of a target in absolute form.
    pub is_path_only: bool,
}

/// What makes a number of bytes (`configuration.txt: hash-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashFunction {
    #[default]
    Sdbm,
    Djb2,
    Wt6,
    Crc32,
    /// Of samples alone.
    Crc32c,
    /// `none`: the bytes are digits already.
    Digits,
}

impl Default for Hashing {
    fn default() -> Hashing {
        Hashing { key: HashKey::Source, function: HashFunction::Sdbm, is_mixed: false }
    }
}

impl Hashing {
    /// `None`: there is no such key, and any server will do.
    pub fn of(&self, facts: &Facts<'_>) -> Option<u32> {
        let hash = match &self.key {
            HashKey::Source => of_addr(facts.src?.ip()),
            HashKey::Uri(extent) => {
                let (request, bytes) = request(facts)?;
                self.function.of(extent.of(request, bytes))
            }
            HashKey::Parameter(name) => {
                let (request, bytes) = request(facts)?;
                self.function.of(parameter(request.target(bytes), name)?)
            }
            HashKey::PostedParameter(name) => {
                let (request, bytes) = request(facts)?;
                match parameter(request.target(bytes), name) {
                    Some(value) => self.function.of(value),
                    None if request.method() == Method::Post => {
                        let value = Parameter::of_form(name).value_in(Message::Request { request, bytes });
                        self.function.of(&value?)
                    }
                    None => return None,
                }
            }
            HashKey::Field { name, is_domain } => {
                let (request, bytes) = request(facts)?;
                let (element, _) = first_element(request.fields().values(bytes, name).next()?);
                let element = Some(element.trim_ascii()).filter(|element| !element.is_empty())?;
                self.function.of(if *is_domain { domain(element) } else { element })
            }
            HashKey::Expression(expression) => self.function.of(&bytes_of(expression.value(facts)?)),
        };
        Some(if self.is_mixed { mix(hash) } else { hash })
    }

    /// Whether the content of a request may say what its head does not.
    pub fn wants_content<'f>(&self, facts: impl FnOnce() -> Facts<'f>) -> bool {
        match &self.key {
            HashKey::PostedParameter(name) => request(&facts()).is_some_and(|(request, bytes)| {
                request.method() == Method::Post && parameter(request.target(bytes), name).is_none()
            }),
            HashKey::Source
            | HashKey::Uri(_)
            | HashKey::Parameter(_)
            | HashKey::Field { .. }
            | HashKey::Expression(_) => false,
        }
    }

    /// Whether every id in it has a place in `table`.
    pub(crate) fn fits(&self, table: &Table) -> bool {
        match &self.key {
            HashKey::Expression(expression) => expression.fits(table),
            HashKey::Source
            | HashKey::Uri(_)
            | HashKey::Parameter(_)
            | HashKey::PostedParameter(_)
            | HashKey::Field { .. } => true,
        }
    }
}

impl UriExtent {
    fn of<'b>(&self, request: &'b Request, bytes: &'b [u8]) -> &'b [u8] {
        let uri = if self.is_path_only { request.path_and_query(bytes) } else { request.target(bytes) };
        let size_max = self.size_max.map_or(usize::MAX, |most| most.get() as usize);
        let uri = &uri[..uri.len().min(size_max)];
        let mut slashes_left = self.depth_max.map(NonZeroU32::get);
        let ends = |&byte: &u8| match (byte, &mut slashes_left) {
            (b'/', Some(0)) => true,
            (b'/', Some(left)) => {
                *left -= 1;
                false
            }
            (b'?', _) => !self.has_query,
            _ => false,
        };
        &uri[..uri.iter().position(ends).unwrap_or(uri.len())]
    }
}

impl HashFunction {
    pub fn of(self, bytes: &[u8]) -> u32 {
        match self {
            HashFunction::Sdbm => {
                bytes.iter().fold(0, |hash: u32, &byte| hash.wrapping_mul(65_599).wrapping_add(byte.into()))
            }
            HashFunction::Djb2 => {
                bytes.iter().fold(5381, |hash: u32, &byte| hash.wrapping_mul(33).wrapping_add(byte.into()))
            }
            HashFunction::Wt6 => wt6(bytes),
            HashFunction::Crc32 => crc(bytes, 0xedb8_8320),
            HashFunction::Crc32c => crc(bytes, 0x82f6_3b78),
            // More digits than there is room for leave what a C program keeps of such a number.
            HashFunction::Digits => Value::Bytes(bytes.into()).to_int().unwrap_or(0) as u32,
        }
    }
}

/// Bob Jenkins' mix of 4 bytes, in which every bit concerns every other, spread further by a large prime: equal for no two numbers.
pub(crate) fn mix(number: u32) -> u32 {
    let mut mixed = number;
    mixed = mixed.wrapping_add(0x7ed5_5d16).wrapping_add(mixed << 12);
    mixed = (mixed ^ 0xc761_c23c) ^ (mixed >> 19);
    mixed = mixed.wrapping_add(0x1656_67b1).wrapping_add(mixed << 5);
    mixed = mixed.wrapping_add(0xd3a2_646c) ^ (mixed << 9);
    mixed = mixed.wrapping_add(0xfd70_46c5).wrapping_add(mixed << 3);
    mixed = (mixed ^ 0xb55a_4f09) ^ (mixed >> 16);
    mixed.wrapping_mul(3_221_225_473)
}

/// The address's 32-bit words in network order, XORed.
fn of_addr(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(addr) => addr.to_bits(),
        IpAddr::V6(addr) => {
            let bits = addr.to_bits();
            [96, 64, 32, 0].iter().fold(0, |hash, shift| hash ^ (bits >> shift) as u32)
        }
    }
}

fn request<'a>(facts: &Facts<'a>) -> Option<(&'a Request, &'a [u8])> {
    match facts.heard.message() {
        Some(Message::Request { request, bytes }) => Some((request, bytes)),
        Some(Message::Response { .. }) | None => None,
    }
}

fn parameter<'b>(target: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let query = &target[memchr::memchr(b'?', target)? + 1..];
    query.split(|&byte| byte == b'&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

/// `example` of `www.example.org`; all of a name without dots.
fn domain(host: &[u8]) -> &[u8] {
    let is_dot = |&byte: &u8| byte == b'.';
    let Some(end) = host.iter().rposition(is_dot).filter(|&end| end > 0) else { return host };
    // An empty label is none.
    let start = host[..end - 1].iter().rposition(is_dot).map_or(0, |dot| dot + 1);
    &host[start..end]
}

/// A sample as HAProxy has it in binary form.
fn bytes_of(value: Value<'_>) -> Vec<u8> {
    match value {
        Value::Bool(truth) => i64::from(truth).to_be_bytes().into(),
        Value::Int(number) => number.to_be_bytes().into(),
        Value::Addr(IpAddr::V4(addr)) => addr.octets().into(),
        Value::Addr(IpAddr::V6(addr)) => addr.octets().into(),
        Value::Bytes(bytes) => bytes.into_owned(),
    }
}

/// Two words that turn each other by as many bits as they come to.
fn wt6(bytes: &[u8]) -> u32 {
    let (mut one, mut other) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut turn_of_other, mut turn_of_one) = (6, 18);
    for &byte in bytes {
        one = !(one ^ u32::from(byte));
        other = !other.wrapping_add(byte.into());
        (one, other) = (other.rotate_left(turn_of_other), one.rotate_left(turn_of_one));
        let turns = ((one >> 16) ^ other) & 0xffff;
        (turn_of_other, turn_of_one) = (turns & 0x1f, turns >> 11);
    }
    one ^ other
}

/// The CRC of Ethernet and gzip (ISO/IEC 8802-3), or that of SCTP (RFC 4960 Appendix B), by the polynomial with its bits reversed. Bit by
/// bit: keys are short.
fn crc(bytes: &[u8], polynomial: u32) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (polynomial & 0_u32.wrapping_sub(crc & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32/ISO-HDLC, and what is said of the others in HAProxy's manual.
    #[test]
    fn functions() {
        assert_eq!(HashFunction::Crc32.of(b"123456789"), 0xcbf4_3926);
        assert_eq!(HashFunction::Djb2.of(b""), 5381);
        assert_eq!(HashFunction::Sdbm.of(b"a"), 97);
        assert_eq!(HashFunction::Digits.of(b"42x"), 42);
    }

    /// `configuration.txt: balance hdr(name) use_domain_only`: of `haproxy.1wt.eu`, only `1wt` counts.
    #[test]
    fn domains() {
        for (host, expect) in [("haproxy.1wt.eu", "1wt"), ("1wt.eu", "1wt"), ("localhost", "localhost"), (".eu", ".eu")]
        {
            assert_eq!(domain(host.as_bytes()), expect.as_bytes(), "{host}");
        }
    }
}
