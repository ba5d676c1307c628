//! A set of networks, asked for one address: the patterns of `acl … src`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Networks of both families, as sorted ranges that do not touch: a question is one or two binary searches.
///
/// The families meet as they do in HAProxy's patterns: an IPv4 address also lies in an IPv6 network that covers its mapped
/// form (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2), and an IPv6 address that carries an IPv4 one (mapped, compatible `::a.b.c.d`,
/// or 6to4 `2002:aabb:ccdd::`, RFC 3056) also lies in the IPv4 networks of that one. So `src 10.0.0.0/8` holds on a listener
/// that takes both families.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpSet {
    v4: Vec<(Ipv4Addr, Ipv4Addr)>,
    v6: Vec<(Ipv6Addr, Ipv6Addr)>,
}

impl IpSet {
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> IpSet {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for net in nets {
            match net {
                IpNet::V4(net) => v4.push((net.network(), net.broadcast())),
                IpNet::V6(net) => v6.push((net.network(), net.broadcast())),
            }
        }
        let v4_after = |addr: Ipv4Addr| addr.to_bits().checked_add(1).map(Ipv4Addr::from_bits);
        let v6_after = |addr: Ipv6Addr| addr.to_bits().checked_add(1).map(Ipv6Addr::from_bits);
        IpSet { v4: disjoint(v4, v4_after), v6: disjoint(v6, v6_after) }
    }

    /// How many ranges it keeps: fewer than it was given networks, where those overlap or are neighbours.
    pub fn range_count(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    pub fn contains(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(addr) => lies_in(&self.v4, addr) || lies_in(&self.v6, addr.to_ipv6_mapped()),
            IpAddr::V6(addr) => lies_in(&self.v6, addr) || carried_v4(addr).is_some_and(|v4| lies_in(&self.v4, v4)),
        }
    }
}

/// Sorts, drops what is covered and joins neighbours.
fn disjoint<A: Ord + Copy>(mut ranges: Vec<(A, A)>, after: impl Fn(A) -> Option<A>) -> Vec<(A, A)> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let touches = after(kept.1).is_none_or(|after| next.0 <= after);
        if touches {
            kept.1 = kept.1.max(next.1);
        }
        touches
    });
    ranges.shrink_to_fit();
    ranges
}

pub(crate) fn carried_v4(addr: Ipv6Addr) -> Option<Ipv4Addr> {
    match addr.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] => Some(Ipv4Addr::from_bits(addr.to_bits() as u32)),
        [0x2002, ..] => Some(Ipv4Addr::from_bits((addr.to_bits() >> 80) as u32)),
        _ => None,
    }
}

fn lies_in<A: Ord + Copy>(ranges: &[(A, A)], addr: A) -> bool {
    let after = ranges.partition_point(|&(first, _)| first <= addr);
    after.checked_sub(1).is_some_and(|index| addr <= ranges[index].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What HAProxy 2.6.12 says to `{ src PATTERN }`, the source being told by a PROXY header.
    const SOURCES: &str = "1.2.3.4 127.0.0.1 10.9.9.9 ::ffff:1.2.3.4 ::ffff:127.0.0.1 ::1.2.3.4 2002:102:304::1 2002:7f00:1:5::9 fd00::1 ::1 ::ffff:10.1.2.3";
    const MATCHES: &[(&str, &str)] = &[
        ("127.0.0.0/8", ".1..1..1..."),
        ("1.2.3.4/32", "1..1.11...."),
        ("0.0.0.0/0", "11111111.11"),
        ("::/0", "11111111111"),
        ("::ffff:127.0.0.0/104", ".1..1......"),
        ("::ffff:1.2.3.4/128", "1..1......."),
        ("::ffff:0:0/96", "11111.....1"),
        ("2002:102:304::/48", "......1...."),
        ("fd00::/8", "........1.."),
        ("::1.2.3.4/128", ".....1....."),
        ("::1/128", ".........1."),
        ("10.0.0.0/8", "..1.......1"),
        ("::ffff:10.0.0.0/104", "..1.......1"),
        ("::/1", "11111111.11"),
        ("::/96", ".....1...1."),
        ("::fffe:0:0/95", "11111.....1"),
    ];

    #[test]
    fn families_meet_as_in_haproxy() {
        for &(net, expect) in MATCHES {
            let set = IpSet::new([net.parse().unwrap()]);
            let found = SOURCES.split(' ').map(|addr| if set.contains(addr.parse().unwrap()) { '1' } else { '.' });
            assert_eq!(found.collect::<String>(), expect, "{net}");
        }
    }

    #[test]
    fn many_nets_answer_as_one_by_one() {
        let nets = ["10.0.0.0/8", "10.1.0.0/16", "10.255.255.255/32", "11.0.0.0/8", "192.168.7.0/24", "192.168.9.0/24"];
        let nets: Vec<IpNet> = nets.iter().map(|net| net.parse().unwrap()).collect();
        let set = IpSet::new(nets.clone());
        for addr in
            ["9.255.255.255", "10.0.0.0", "11.255.255.255", "12.0.0.0", "192.168.7.255", "192.168.8.0", "192.168.9.0"]
        {
            let addr: IpAddr = addr.parse().unwrap();
            assert_eq!(set.contains(addr), nets.iter().any(|net| net.contains(&addr)), "{addr}");
        }
        assert!(!IpSet::default().contains("::".parse().unwrap()));
    }
}
