//! What those who ask a list look in: patterns that are found by a hash, and those that are tried one after the other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use regex::bytes::Regex;

use super::buckets::Buckets;
use crate::ip_set::carried_v4;
use crate::{NumberRange, TextPatterns, Value};

/// One pattern, and what belongs to it.
#[derive(Debug)]
pub(super) struct Item {
    /// Its entry's.
    pub(super) number: u64,
    /// What its hash is made of.
    pub(super) key: Box<[u8]>,
    pub(super) judge: Judge,
    /// As it is written.
    pub(super) text: Box<[u8]>,
    pub(super) value: Option<Value<'static>>,
}

/// How it is known whether a pattern matches.
#[derive(Debug)]
pub(super) enum Judge {
    /// What is asked for is its key.
    Key,
    /// What is asked for begins with its key.
    Beginning,
    /// Its key is a network.
    Net,
    Range(NumberRange),
    Text(TextPatterns),
    Regex(Regex),
}

/// The patterns of one who asks.
#[derive(Clone, Debug)]
pub(super) struct Index {
    keyed: Arc<Buckets>,
    /// How many keys there are of each length, the longest first: of texts, or of networks of a family.
    lengths: Vec<(Length, usize)>,
    /// By number.
    tried: Vec<Arc<Item>>,
}

/// Of a text in octets, of a network in bits; of a network, whether it is one of IPv6.
type Length = (bool, usize);

impl Index {
    pub(super) fn with_room(count: usize) -> Index {
        Index { keyed: Arc::new(Buckets::with_room(count)), lengths: Vec::new(), tried: Vec::new() }
    }

    /// Takes many items, by number, while nobody asks yet.
    pub(super) fn extend(&mut self, items: impl Iterator<Item = Arc<Item>>) {
        for item in items {
            match item.judge {
                Judge::Range(_) | Judge::Text(_) | Judge::Regex(_) => self.tried.push(item),
                Judge::Key | Judge::Beginning | Judge::Net => {
                    item.length().into_iter().for_each(|length| self.count(length));
                    self.keyed.insert(item);
                }
            }
        }
    }

    /// The index with one more item, if it has to be another one; else this one has it.
    pub(super) fn with(&self, item: Arc<Item>) -> Option<Index> {
        let mut changed = None;
        match (&item.judge, item.length()) {
            (Judge::Range(_) | Judge::Text(_) | Judge::Regex(_), _) => {
                let tried = &mut changed.get_or_insert_with(|| self.clone()).tried;
                tried.insert(tried.partition_point(|known| known.number < item.number), item);
            }
            (Judge::Key | Judge::Beginning | Judge::Net, length) => {
                self.keyed.insert(item);
                if let Some(length) = length {
                    changed.insert(self.clone()).count(length);
                }
                if self.keyed.is_crowded() {
                    changed.get_or_insert_with(|| self.clone()).keyed = Arc::new(self.keyed.grown());
                }
            }
        }
        changed
    }

    /// The index without an item that is like this one, if it has to be another one; else this one has it no longer.
    pub(super) fn without(&self, item: &Item) -> Option<Index> {
        match (&item.judge, item.length()) {
            (Judge::Range(_) | Judge::Text(_) | Judge::Regex(_), _) => {
                let place = self.tried.binary_search_by_key(&item.number, |known| known.number).ok()?;
                let mut changed = self.clone();
                changed.tried.remove(place);
                Some(changed)
            }
            (Judge::Key | Judge::Beginning | Judge::Net, length) => {
                let is_gone = self.keyed.remove(&item.key, item.number);
                self.discounted(length.filter(|_| is_gone)?)
            }
        }
    }

    fn count(&mut self, length: Length) {
        match self.lengths.binary_search_by(|(known, _)| length.cmp(known)) {
            Ok(place) => self.lengths[place].1 += 1,
            Err(place) => self.lengths.insert(place, (length, 1)),
        }
    }

    fn discounted(&self, length: Length) -> Option<Index> {
        let place = self.lengths.binary_search_by(|(known, _)| length.cmp(known)).ok()?;
        let mut changed = self.clone();
        changed.lengths[place].1 -= 1;
        changed.lengths.retain(|(_, count)| *count > 0);
        Some(changed)
    }

    pub(super) fn text(&self, text: &[u8]) -> Option<Arc<Item>> {
        self.keyed.find(text)
    }

    /// The longest that `text` begins with.
    pub(super) fn beginning(&self, text: &[u8]) -> Option<Arc<Item>> {
        self.lengths.iter().find_map(|&((_, length), _)| self.keyed.find(text.get(..length)?))
    }

    /// The first that matches a number: of ranges and of single numbers.
    pub(super) fn number(&self, number: i64) -> Option<Arc<Item>> {
        let single = self.keyed.find(&number.to_be_bytes());
        let is_in = |item: &&Arc<Item>| matches!(&item.judge, Judge::Range(range) if range.contains(number));
        let range = self.tried.iter().find(is_in).cloned();
        match (single, range) {
            (Some(single), Some(range)) => Some(if single.number < range.number { single } else { range }),
            (single, range) => single.or(range),
        }
    }

    /// The smallest network around an address. The families meet as in [`IpSet`](crate::IpSet).
    pub(super) fn addr(&self, addr: IpAddr) -> Option<Arc<Item>> {
        match addr {
            IpAddr::V4(v4) => self.v4(v4).or_else(|| self.v6(v4.to_ipv6_mapped())),
            IpAddr::V6(v6) => self.v6(v6).or_else(|| self.v4(carried_v4(v6)?)),
        }
    }

    fn v4(&self, addr: Ipv4Addr) -> Option<Arc<Item>> {
        self.around(addr.into(), false)
    }

    fn v6(&self, addr: Ipv6Addr) -> Option<Arc<Item>> {
        self.around(addr.into(), true)
    }

    fn around(&self, addr: IpAddr, is_v6: bool) -> Option<Arc<Item>> {
        let lengths = self.lengths.iter().filter(|((of_v6, _), _)| *of_v6 == is_v6);
        lengths.map(|((_, length), _)| *length).find_map(|length| {
            let net = IpNet::new(addr, u8::try_from(length).ok()?).ok()?;
            self.keyed.find(&key_of(net.trunc()))
        })
    }

    /// The first that matches, of those that are tried.
    pub(super) fn tried(&self, text: &[u8]) -> Option<Arc<Item>> {
        let is_it = |item: &&Arc<Item>| match &item.judge {
            Judge::Text(patterns) => patterns.matches(text),
            Judge::Regex(regex) => regex.is_match(text),
            Judge::Key | Judge::Beginning | Judge::Net | Judge::Range(_) => false,
        };
        self.tried.iter().find(is_it).cloned()
    }
}

impl Item {
    /// What the index must know to look for it.
    fn length(&self) -> Option<Length> {
        match self.judge {
            Judge::Beginning => Some((false, self.key.len())),
            Judge::Net => self.key.split_first().map(|(&bits, addr)| (addr.len() > 4, usize::from(bits))),
            Judge::Key | Judge::Range(_) | Judge::Text(_) | Judge::Regex(_) => None,
        }
    }
}

/// A network's prefix length, and its address.
pub(super) fn key_of(net: IpNet) -> Box<[u8]> {
    match net.network() {
        IpAddr::V4(addr) => [&[net.prefix_len()][..], &addr.octets()].concat().into(),
        IpAddr::V6(addr) => [&[net.prefix_len()][..], &addr.octets()].concat().into(),
    }
}
