//! Version 1, one line of text (PP §2.1): `PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n`.
//!
//! Addresses and ports are accepted in their canonical form only: four octets without leading zeros, ports up to 65535,
//! single spaces, CR LF. Each field is judged as it grows, so that a wrong one is refused before its end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::{self, FromStr};

use crate::decode::Stop;
use crate::{Addresses, Decoded, Error, Received, Tlvs};

pub(crate) const SIGNATURE: &[u8] = b"PROXY ";

/// PP §2.1: the longest line, CR LF included. A line that is not over by then is invalid.
const LINE_SIZE_MAX: usize = 107;

/// The longest spelling of an IPv6 address, with its last 32 bits in dotted form. Senders write v4-mapped addresses so.
const IPV6_SIZE_MAX: usize = 45;

/// Reads a line of which as much of [`SIGNATURE`] as has arrived is already recognised.
pub(crate) fn decode(bytes: &[u8]) -> Decoded<'_> {
    let line = &bytes[..bytes.len().min(LINE_SIZE_MAX)];
    match read_line(line) {
        Err(Stop::Incomplete) if line.len() == LINE_SIZE_MAX => Decoded::Invalid(Error::BadHeader),
        verdict => verdict.into(),
    }
}

fn read_line(line: &[u8]) -> Result<Received<'_>, Stop> {
    let mut rest = line.get(SIGNATURE.len()..).ok_or(Stop::Incomplete)?;
    let addresses = match read_protocol(&mut rest)? {
        Protocol::Tcp4 => Some(read_addresses::<Ipv4Addr>(&mut rest)?),
        Protocol::Tcp6 => Some(read_addresses::<Ipv6Addr>(&mut rest)?),
        Protocol::Unknown => {
            skip_unknown(&mut rest)?;
            None
        }
    };
    read_line_feed(&mut rest)?;
    Ok(Received { addresses, header_len: line.len() - rest.len(), tlvs: Tlvs::default() })
}

/// The word after the signature. The first two include the space that must follow them.
enum Protocol {
    Tcp4,
    Tcp6,
    Unknown,
}

const PROTOCOLS: [(&[u8], Protocol); 3] =
    [(b"TCP4 ", Protocol::Tcp4), (b"TCP6 ", Protocol::Tcp6), (b"UNKNOWN", Protocol::Unknown)];

fn read_protocol(rest: &mut &[u8]) -> Result<Protocol, Stop> {
    for (word, protocol) in PROTOCOLS {
        if let Some(after) = rest.strip_prefix(word) {
            *rest = after;
            return Ok(protocol);
        }
        if word.starts_with(rest) {
            return Err(Stop::Incomplete);
        }
    }
    Err(Stop::Invalid(Error::BadProtocol))
}

fn read_addresses<A: Address>(rest: &mut &[u8]) -> Result<Addresses, Stop> {
    let source = read_field(rest, b' ', parse_address::<A>, A::may_begin)?;
    let destination = read_field(rest, b' ', parse_address::<A>, A::may_begin)?;
    let source_port = read_field(rest, b' ', parse_decimal, decimal_may_begin)?;
    let destination_port = read_field(rest, b'\r', parse_decimal, decimal_may_begin)?;
    Ok(Addresses {
        source: SocketAddr::new(source, source_port),
        destination: SocketAddr::new(destination, destination_port),
    })
}

/// PP §2.1: after `UNKNOWN` the receiver ignores what stands before CR LF. It is a line of US-ASCII text all the same.
fn skip_unknown(rest: &mut &[u8]) -> Result<(), Stop> {
    match rest.first() {
        None => return Err(Stop::Incomplete),
        Some(b' ' | b'\r') => {}
        Some(_) => return Err(Stop::Invalid(Error::BadProtocol)),
    }
    let is_text = |text: &[u8]| text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    read_field(rest, b'\r', |text| is_text(text).then_some(()), is_text)
}

/// PP §2.1: a CR or LF alone does not end the line.
fn read_line_feed(rest: &mut &[u8]) -> Result<(), Stop> {
    match rest.split_first() {
        None => Err(Stop::Incomplete),
        Some((b'\n', after)) => {
            *rest = after;
            Ok(())
        }
        Some(_) => Err(Stop::Invalid(Error::BadHeader)),
    }
}

/// Takes the field that ends with `terminator`, and the terminator.
///
/// **Invariant:** whatever `parse` accepts, `may_begin` accepts every prefix of.
fn read_field<T>(
    rest: &mut &[u8],
    terminator: u8,
    parse: impl Fn(&[u8]) -> Option<T>,
    may_begin: impl Fn(&[u8]) -> bool,
) -> Result<T, Stop> {
    let bytes = *rest;
    let Some(end) = bytes.iter().position(|&byte| byte == terminator) else {
        return Err(if may_begin(bytes) { Stop::Incomplete } else { Stop::Invalid(Error::BadHeader) });
    };
    *rest = &bytes[end + 1..];
    parse(&bytes[..end]).ok_or(Stop::Invalid(Error::BadHeader))
}

/// The two kinds of address that a line can hold.
trait Address: FromStr + Into<IpAddr> {
    /// Whether `text` may be the beginning of such an address.
    fn may_begin(text: &[u8]) -> bool;
}

impl Address for Ipv4Addr {
    fn may_begin(text: &[u8]) -> bool {
        let is_octet = |part: &[u8]| matches!(parse_decimal(part), Some(0..=255));
        let mut parts = text.split(|&byte| byte == b'.');
        let last = parts.next_back().unwrap_or_default();
        let (mut before, mut before_count) = (true, 0);
        for part in parts {
            before &= is_octet(part);
            before_count += 1;
        }
        before && before_count < 4 && (last.is_empty() || is_octet(last))
    }
}

impl Address for Ipv6Addr {
    fn may_begin(text: &[u8]) -> bool {
        text.len() <= IPV6_SIZE_MAX && text.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
    }
}

fn parse_address<A: Address>(text: &[u8]) -> Option<IpAddr> {
    let address: A = str::from_utf8(text).ok()?.parse().ok()?;
    Some(address.into())
}

/// A number up to 65535 without sign or leading zeros (PP §2.1).
fn parse_decimal(text: &[u8]) -> Option<u16> {
    let is_canonical = match text {
        [b'0'] => true,
        [b'1'..=b'9', more @ ..] => more.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !is_canonical {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

fn decimal_may_begin(text: &[u8]) -> bool {
    text.is_empty() || parse_decimal(text).is_some()
}
