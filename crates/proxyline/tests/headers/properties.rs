//! Properties: no bytes make the reader panic or contradict itself, and an independent implementation agrees.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;
use proxyline::{Addresses, Decoded, HEADER_SIZE_MAX, Received, Version, decode, encode};

fn any_addresses() -> impl Strategy<Value = Addresses> {
    let ip = || {
        prop_oneof![
            any::<[u8; 4]>().prop_map(|octets| IpAddr::from(Ipv4Addr::from(octets))),
            any::<[u8; 16]>().prop_map(|octets| IpAddr::from(Ipv6Addr::from(octets))),
        ]
    };
    (ip(), any::<u16>(), ip(), any::<u16>()).prop_map(|(source, source_port, destination, destination_port)| {
        Addresses {
            source: SocketAddr::new(source, source_port),
            destination: SocketAddr::new(destination, destination_port),
        }
    })
}

fn any_version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V1), Just(Version::V2)]
}

/// A v4-mapped address stands for the IPv4 one.
fn canonical(addresses: Addresses) -> Addresses {
    let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    Addresses { source: canonical(addresses.source), destination: canonical(addresses.destination) }
}

/// What `ppp` reads; it keeps the two versions apart.
fn oracle(header: &[u8]) -> Option<Addresses> {
    let pair = |source: (IpAddr, u16), destination: (IpAddr, u16)| {
        Some(Addresses { source: source.into(), destination: destination.into() })
    };
    match ppp::HeaderResult::parse(header) {
        ppp::HeaderResult::V1(parsed) => match parsed.ok()?.addresses {
            ppp::v1::Addresses::Unknown => None,
            ppp::v1::Addresses::Tcp4(a) => {
                pair((a.source_address.into(), a.source_port), (a.destination_address.into(), a.destination_port))
            }
            ppp::v1::Addresses::Tcp6(a) => {
                pair((a.source_address.into(), a.source_port), (a.destination_address.into(), a.destination_port))
            }
        },
        ppp::HeaderResult::V2(parsed) => match parsed.ok()?.addresses {
            ppp::v2::Addresses::Unspecified | ppp::v2::Addresses::Unix(_) => None,
            ppp::v2::Addresses::IPv4(a) => {
                pair((a.source_address.into(), a.source_port), (a.destination_address.into(), a.destination_port))
            }
            ppp::v2::Addresses::IPv6(a) => {
                pair((a.source_address.into(), a.source_port), (a.destination_address.into(), a.destination_port))
            }
        },
    }
}

/// The verdict must move from `Incomplete` to one other answer and stay there.
fn check_verdicts(bytes: &[u8]) {
    let mut settled = None;
    for cut in 0..=bytes.len() {
        let verdict = decode(&bytes[..cut]);
        match settled {
            None if verdict == Decoded::Incomplete => {}
            None => settled = Some(verdict),
            Some(before) => assert_eq!(verdict, before, "{cut} bytes of {}", bytes.escape_ascii()),
        }
        if let Decoded::Complete(Received { header_len, .. }) = verdict {
            assert!(header_len <= cut && header_len <= HEADER_SIZE_MAX);
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(version in any_version(), addresses in any_addresses(), payload: Vec<u8>) {
        let header = encode(version, Some(addresses));
        let bytes = [&header[..], &payload].concat();
        let Decoded::Complete(received) = decode(&bytes) else { panic!("{header:?}") };
        prop_assert_eq!(received.header_len, header.len());
        prop_assert_eq!(received.addresses.map(canonical), Some(canonical(addresses)));
        prop_assert_eq!(oracle(&header).map(canonical), Some(canonical(addresses)));
        for cut in 0..header.len() {
            prop_assert_eq!(decode(&header[..cut]), Decoded::Incomplete);
        }
    }

    /// `ppp` is laxer in places; what is accepted here it must accept, with the same addresses.
    #[test]
    fn accepted_means_accepted_by_the_oracle(line in "PROXY TCP[46] [0-9a-f:.]{1,12} [0-9.:]{1,12} [0-9]{1,6} [0-9]{1,6}\r\n") {
        check_verdicts(line.as_bytes());
        if let Decoded::Complete(received) = decode(line.as_bytes()) {
            prop_assert_eq!(received.addresses, oracle(line.as_bytes()));
        }
    }

    #[test]
    fn one_wrong_byte(version in any_version(), addresses in any_addresses(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encode(version, Some(addresses)).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.extend(b"payload\r\n");
        check_verdicts(&bytes);
    }

    #[test]
    fn any_line(rest in "[ -~\r\n]{0,120}") {
        check_verdicts(format!("PROXY {rest}").as_bytes());
        check_verdicts(format!("PROXY TCP4 {rest}").as_bytes());
        check_verdicts(format!("PROXY UNKNOWN{rest}").as_bytes());
    }

    #[test]
    fn any_block(command in 0x1fu8..0x23, family: u8, length in 0u16..80, block in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        bytes.extend([command, family]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(block);
        check_verdicts(&bytes);
    }

    /// Small types and lengths make many of these well-formed.
    #[test]
    fn any_tlvs(tlvs in prop::collection::vec((0u8..0x31, 0u16..9, prop::collection::vec(any::<u8>(), 0..9)), 0..5)) {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0\x7f\0\0\x01\x7f\0\0\x01\0\x01\0\x02".to_vec();
        for (kind, length, value) in tlvs {
            bytes.push(kind);
            bytes.extend(length.to_be_bytes());
            bytes.extend(value);
        }
        let length = u16::try_from(bytes.len() - 16).expect("five small TLVs");
        bytes[14..16].copy_from_slice(&length.to_be_bytes());
        check_verdicts(&bytes);
    }

    #[test]
    fn any_bytes(bytes: Vec<u8>) {
        check_verdicts(&bytes);
    }
}
