//! `balance source`: the hash that binds a client's address to a place in the [static map](super::static_map).

use std::net::IpAddr;

/// HAProxy's hash without avalanche (`hash-type map-based`): the address's 32-bit words in network order, XORed.
pub(super) fn hash(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(addr) => addr.to_bits(),
        IpAddr::V6(addr) => {
            let bits = addr.to_bits();
            [96, 64, 32, 0].iter().fold(0, |hash, shift| hash ^ (bits >> shift) as u32)
        }
    }
}
