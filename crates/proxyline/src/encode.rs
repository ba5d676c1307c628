//! The header that goes to a server.
//!
//! It must leave in one piece, before the first byte of the client and without waiting for it: servers that speak first
//! wait for the header, and some of them refuse one that arrives in two parts (PP §2.2: "must ensure that all the
//! protocol header is sent at once"). Hence a small value with all of its bytes in it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;

use proxy_header::{ProxiedAddress, ProxyHeader};

use crate::{Addresses, Version};

/// PP §2.1: no line is longer. A version 2 header without TLVs has at most 52 bytes.
const SIZE_MAX: usize = 107;

/// The bytes of a header; a slice of 15 to 107 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header {
    bytes: [u8; SIZE_MAX],
    len: u8,
}

/// A TLV about TLS, of which there is none (PP §2.2.6).
const NO_TLS: [u8; 8] = [crate::kind::SSL, 0, 5, 0, 0, 0, 0, 0];

/// Where version 2 says how much follows: the low byte, which is enough (PP §2.2).
const LENGTH_AT: usize = 15;

impl Header {
    /// The same header of version 2, which has no TLV yet, with one that says that there is no TLS.
    fn with_no_tls(mut self) -> Header {
        let end = usize::from(self.len);
        self.bytes[end..end + NO_TLS.len()].copy_from_slice(&NO_TLS);
        self.bytes[LENGTH_AT] += NO_TLS.len() as u8;
        self.len += NO_TLS.len() as u8;
        self
    }
}

impl Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header(b\"{}\")", self.escape_ascii())
    }
}

/// The header for a connection that is made on behalf of a client.
///
/// Addresses of two families become `TCP6`, with the IPv4 one mapped (`::ffff:192.0.2.1`), as HAProxy does. Without
/// addresses (a client on a Unix socket) version 1 says `UNKNOWN`; version 2 says `LOCAL` with nothing behind it, because
/// Dovecot drops `PROXY` of an unspecified family.
pub fn encode(version: Version, addresses: Option<Addresses>) -> Header {
    let header = match addresses {
        Some(addresses) => {
            let Addresses { source, destination } = in_one_family(addresses);
            ProxyHeader::with_address(ProxiedAddress::stream(source, destination))
        }
        None => ProxyHeader::with_local(),
    };
    let mut bytes = [0; SIZE_MAX];
    let len = match version {
        Version::V1 => header.encode_to_slice_v1(&mut bytes),
        Version::V2 | Version::V2Ssl => header.encode_to_slice_v2(&mut bytes),
    }
    .expect("both addresses are of one family, and no header without TLVs is longer than SIZE_MAX");
    let header = Header { bytes, len: u8::try_from(len).expect("SIZE_MAX is below 256") };
    if version == Version::V2Ssl { header.with_no_tls() } else { header }
}

/// The header for a connection of our own, such as a health check, between the two addresses of `connection`.
///
/// Version 2 says `LOCAL`. Version 1 has no such word: it names the connection's own addresses, as PP §2.1 recommends
/// and HAProxy does, since some servers refuse `UNKNOWN`, which remains for a connection without IP addresses.
pub fn encode_local(version: Version, connection: Option<Addresses>) -> Header {
    match version {
        Version::V1 => encode(version, connection),
        Version::V2 | Version::V2Ssl => encode(version, None),
    }
}

fn in_one_family(addresses: Addresses) -> Addresses {
    let Addresses { source, destination } = addresses;
    if source.is_ipv4() == destination.is_ipv4() {
        return addresses;
    }
    Addresses { source: mapped(source), destination: mapped(destination) }
}

/// RFC 4291 §2.5.5.2.
fn mapped(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) => SocketAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}
