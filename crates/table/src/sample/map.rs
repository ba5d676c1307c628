//! Maps: what a value is looked up in (`configuration.txt` §7.3.1: "map"). They are read from files by whoever makes the table.
//!
//! Whole texts, beginnings, numbers and networks are found by hashing, however many there are; of the others the first that matches.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use regex::bytes::Regex;

use super::substitute::expand;
use super::text::regex;
use super::{Compare, TextPatterns, Value};
use crate::Group;

/// How keys are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKey {
    Text(Compare),
    /// The value takes up what groups matched.
    RegexReplace,
    Int,
    Addr,
}

/// Keys and their values.
#[derive(Clone, Debug)]
pub struct Map {
    keys: Keys,
    values: Vec<Value<'static>>,
    default: Option<Value<'static>>,
    /// What is asked in its place once it was changed.
    group: Option<Arc<Group>>,
}

#[derive(Clone, Debug)]
enum Keys {
    Whole(HashMap<Box<[u8]>, usize>),
    /// The longest wins. Lengths that occur, the longest first.
    Begin(Vec<usize>, HashMap<Box<[u8]>, usize>),
    Each(Vec<TextPatterns>),
    Replace(Vec<Regex>),
    Numbers(HashMap<i64, usize>, Vec<(i64, i64, usize)>),
    /// The longest prefix wins. Lengths that occur, the longest first.
    Nets(Vec<u8>, HashMap<IpNet, usize>),
}

/// Maps are the same if they are one.
impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Map {}

impl Map {
    /// # Errors
    /// The number of the first key that is none, from 0.
    pub fn new(
        key: MapKey,
        entries: Vec<(&[u8], Value<'static>)>,
        default: Option<Value<'static>>,
    ) -> Result<Map, usize> {
        let (texts, values): (Vec<&[u8]>, Vec<Value<'static>>) = entries.into_iter().unzip();
        let keys = match key {
            MapKey::Text(Compare::Whole) => Keys::Whole(first_of_each(texts.into_iter().map(Box::from))),
            MapKey::Text(Compare::Begin) => {
                let mut lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
                lengths.sort_unstable_by(|one, other| other.cmp(one));
                lengths.dedup();
                Keys::Begin(lengths, first_of_each(texts.into_iter().map(Box::from)))
            }
            MapKey::Text(compare) => {
                let one = |text: &[u8]| TextPatterns::new(compare, false, [text]).ok();
                Keys::Each(each(&texts, one)?)
            }
            MapKey::RegexReplace => Keys::Replace(each(&texts, |text| regex(text, false).ok())?),
            MapKey::Int => {
                let ranges = each(&texts, range)?;
                let single = |(index, &(least, most)): (usize, &(i64, i64))| (least == most).then_some((least, index));
                let mut numbers = HashMap::new();
                for (number, index) in ranges.iter().enumerate().filter_map(single) {
                    numbers.entry(number).or_insert(index);
                }
                let ranges = ranges.into_iter().enumerate().filter(|(_, (least, most))| least != most);
                Keys::Numbers(numbers, ranges.map(|(index, (least, most))| (least, most, index)).collect())
            }
            MapKey::Addr => {
                let nets = each(&texts, net)?;
                let mut lengths: Vec<u8> = nets.iter().map(IpNet::prefix_len).collect();
                lengths.sort_unstable_by(|one, other| other.cmp(one));
                lengths.dedup();
                Keys::Nets(lengths, first_of_each(nets.into_iter()))
            }
        };
        Ok(Map { keys, values, default, group: None })
    }

    /// The same, until the list that it was made of is changed.
    pub fn with_group(self, group: Arc<Group>) -> Map {
        Map { group: Some(group), ..self }
    }

    /// `None`: there is no such key and no default, or the value can be none.
    pub(super) fn value_of<'a>(&'a self, value: Value<'a>) -> Option<Value<'a>> {
        if let Some(group) = self.group.as_ref().filter(|group| group.is_changed()) {
            return group.value_of(&value).or_else(|| self.default.as_ref().map(Value::borrowed));
        }
        let index = match &self.keys {
            Keys::Whole(texts) => texts.get(&*value.into_bytes()).copied(),
            Keys::Begin(lengths, texts) => {
                let text = value.into_bytes();
                lengths.iter().find_map(|&length| texts.get(text.get(..length)?).copied())
            }
            Keys::Each(patterns) => {
                let text = value.into_bytes();
                patterns.iter().position(|pattern| pattern.matches(&text))
            }
            Keys::Replace(expressions) => {
                let text = value.into_bytes();
                let mut all = expressions.iter().enumerate();
                let found = all.find_map(|(index, expression)| Some((index, expression.captures(&text)?)));
                if let Some((index, groups)) = found {
                    let mut made = Vec::new();
                    expand(&groups, &self.values[index].borrowed().into_bytes(), &mut made);
                    return Some(Value::Bytes(made.into()));
                }
                None
            }
            Keys::Numbers(numbers, ranges) => {
                let number = value.to_int()?;
                let of_range = || ranges.iter().find(|(least, most, _)| (*least..=*most).contains(&number));
                numbers.get(&number).copied().or_else(|| of_range().map(|(.., index)| *index))
            }
            Keys::Nets(lengths, nets) => {
                let addr = value.to_addr()?;
                let around = |&length: &u8| Some(IpNet::new(addr, length).ok()?.trunc());
                lengths.iter().filter_map(around).find_map(|net| nets.get(&net).copied())
            }
        };
        index.map(|index| &self.values[index]).or(self.default.as_ref()).map(Value::borrowed)
    }
}

fn each<T>(texts: &[&[u8]], read: impl Fn(&[u8]) -> Option<T>) -> Result<Vec<T>, usize> {
    texts.iter().enumerate().map(|(index, text)| read(text).ok_or(index)).collect()
}

/// Where each key stands first.
fn first_of_each<K: Eq + std::hash::Hash>(keys: impl Iterator<Item = K>) -> HashMap<K, usize> {
    let mut places = HashMap::new();
    for (index, key) in keys.enumerate() {
        places.entry(key).or_insert(index);
    }
    places
}

/// `5`, `1:10`
fn range(text: &[u8]) -> Option<(i64, i64)> {
    let text = str::from_utf8(text).ok()?;
    match text.split_once(':') {
        Some((least, most)) => Some((least.parse().ok()?, most.parse().ok()?)),
        None => text.parse().ok().map(|number| (number, number)),
    }
}

/// An address alone is a network of one.
fn net(text: &[u8]) -> Option<IpNet> {
    let text = str::from_utf8(text).ok()?;
    match text.parse::<IpNet>() {
        Ok(net) => Some(net.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        key: MapKey,
        entries: &[(&str, &'static str)],
        default: Option<&'static str>,
        cases: &[(&'static str, Option<&str>)],
    ) {
        let entries = entries.iter().map(|(key, value)| (key.as_bytes(), Value::text(value))).collect();
        let map = Map::new(key, entries, default.map(Value::text)).expect("good keys");
        for (text, expected) in cases {
            let found =
                map.value_of(Value::text(text)).map(|value| String::from_utf8_lossy(&value.into_bytes()).into_owned());
            assert_eq!(found.as_deref(), *expected, "{key:?} {text}");
        }
    }

    /// What HAProxy 2.6.12 finds in such files.
    #[test]
    fn lookups() {
        let paths = [("/a", "1"), ("/ab", "2"), ("/a", "3"), ("/ab/c", "4")];
        let text = MapKey::Text;
        check(text(Compare::Whole), &paths, None, &[("/a", Some("1")), ("/ab", Some("2")), ("/z", None)]);
        check(text(Compare::Whole), &paths, Some("d"), &[("/z", Some("d")), ("/a", Some("1"))]);
        check(
            text(Compare::Begin),
            &paths,
            Some("d"),
            &[("/abz", Some("2")), ("/ab/cc", Some("4")), ("/z", Some("d")), ("/ax", Some("1"))],
        );
        check(text(Compare::End), &paths, None, &[("/x/a", Some("1")), ("/x/ab", Some("2"))]);
        check(text(Compare::Inside), &paths, None, &[("/x/ab/y", Some("1"))]);
        check(text(Compare::Directory), &paths, None, &[("/x/ab/y", Some("2")), ("/q/a/b", Some("1"))]);
        let numbered = [("^/r([0-9]+)", r"re-\1"), ("/r5", "lit")];
        check(text(Compare::Regex), &numbered, None, &[("/r12", Some(r"re-\1")), ("/x/r5", Some("lit"))]);
        check(MapKey::RegexReplace, &numbered, None, &[("/r12", Some("re-12")), ("/x", None)]);
        let numbers = [("5", "five"), ("10:20", "range"), ("12", "twelve")];
        check(MapKey::Int, &numbers[..2], Some("d"), &[("5", Some("five")), ("12", Some("range")), ("99", Some("d"))]);
        let nets = [("10.0.0.0/8", "8"), ("10.1.0.0/16", "16"), ("::1", "six"), ("10.1.2.3", "host")];
        check(
            MapKey::Addr,
            &nets,
            Some("d"),
            &[
                ("10.1.2.3", Some("host")),
                ("10.1.9.9", Some("16")),
                ("10.9.9.9", Some("8")),
                ("::1", Some("six")),
                ("192.0.2.1", Some("d")),
                ("x", None),
            ],
        );
    }

    #[test]
    fn keys_that_are_none() {
        let made = |key, text: &'static str| {
            Map::new(key, vec![(b"5", Value::text("")), (text.as_bytes(), Value::text(""))], None)
        };
        assert_eq!(made(MapKey::Int, "x").err(), Some(1));
        assert_eq!(made(MapKey::RegexReplace, "(").err(), Some(1));
    }
}
