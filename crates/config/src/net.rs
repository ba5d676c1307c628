//! Networks: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `2001:db8::/32`, a bare address (configuration.txt §7.1.6).

use crate::tree::IpNet;
use crate::value::natural;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads a network and clears the bits behind its prefix.
pub(crate) fn parse(word: &str) -> Option<IpNet> {
    let (address, mask) = match word.split_once('/') {
        Some((address, mask)) => (address, Some(mask)),
        None => (word, None),
    };
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let prefix = mask.map_or(Some(32), mask_v4)?;
            let bits = u32::from(address) & u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            Some(IpNet { address: IpAddr::V4(Ipv4Addr::from(bits)), prefix })
        }
        IpAddr::V6(address) => {
            let prefix = mask.map_or(Some(128), |mask| natural(mask).filter(|prefix| *prefix <= 128))?;
            let bits = u128::from(address) & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            Some(IpNet { address: IpAddr::V6(Ipv6Addr::from(bits)), prefix })
        }
    }
}

/// A prefix length, or a dotted mask whose ones are all in front.
fn mask_v4(mask: &str) -> Option<u8> {
    if let Some(prefix) = natural(mask) {
        return Some(prefix).filter(|prefix| *prefix <= 32);
    }
    let bits = u32::from(mask.parse::<Ipv4Addr>().ok()?);
    (bits.leading_ones() + bits.trailing_zeros() == 32).then(|| bits.leading_ones() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let table = [
            ("10.1.2.3/8", Some(("10.0.0.0", 8))),
            ("10.1.2.3/255.255.0.0", Some(("10.1.0.0", 16))),
            ("10.1.2.3/0", Some(("0.0.0.0", 0))),
            ("10.1.2.3/0.0.0.0", Some(("0.0.0.0", 0))),
            ("192.0.2.1", Some(("192.0.2.1", 32))),
            ("2001:db8::1/32", Some(("2001:db8::", 32))),
            ("::1", Some(("::1", 128))),
            ("::1/0", Some(("::", 0))),
            ("10.0.0.0/33", None),
            ("10.0.0.0/255.0.255.0", None),
            ("10.0.0.0/", None),
            ("10.0.0.0/a", None),
            ("::1/129", None),
            ("::1/", None),
            ("localhost", None),
            ("", None),
        ];
        for (word, expected) in table {
            let expected = expected.map(|(address, prefix): (&str, u8)| IpNet {
                address: address.parse().expect("the table holds addresses"),
                prefix,
            });
            assert_eq!(parse(word), expected, "{word}");
        }
    }
}
