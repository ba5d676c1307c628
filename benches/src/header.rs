//! PROXY headers, out and in.

use proxyline::{Addresses, Decoded, Header, Version, decode, encode};
use std::net::SocketAddr;

/// A header to write, and the bytes that it is.
pub struct Sample {
    pub name: &'static str,
    version: Version,
    addresses: Addresses,
    bytes: Vec<u8>,
}

/// Both versions over both families.
pub fn samples() -> [Sample; 4] {
    [
        Sample::new("v1 ipv4", Version::V1, "192.0.2.1:56324", "198.51.100.7:443"),
        Sample::new("v1 ipv6", Version::V1, "[2001:db8::1:2]:56324", "[2001:db8:ffff::7]:443"),
        Sample::new("v2 ipv4", Version::V2, "192.0.2.1:56324", "198.51.100.7:443"),
        Sample::new("v2 ipv6", Version::V2, "[2001:db8::1:2]:56324", "[2001:db8:ffff::7]:443"),
    ]
}

impl Sample {
    fn new(name: &'static str, version: Version, source: &str, destination: &str) -> Sample {
        let parse = |text: &str| text.parse::<SocketAddr>().expect("written above");
        let addresses = Addresses { source: parse(source), destination: parse(destination) };
        let bytes = encode(version, Some(addresses)).to_vec();
        Sample { name, version, addresses, bytes }
    }

    pub fn encode(&self) -> Header {
        encode(self.version, Some(self.addresses))
    }

    /// Reads the header from one whole segment.
    pub fn decode(&self) -> Decoded<'_> {
        decode(&self.bytes)
    }

    /// Bytes of the header.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Whether what was read is what was written.
    pub fn is_read_back(&self, decoded: &Decoded<'_>) -> bool {
        matches!(decoded, Decoded::Complete(received) if received.addresses == Some(self.addresses))
    }
}
