//! Who asks a list: one way of asking it, and those lists that are asked together.

use std::fmt::Debug;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::entries::Entry;
use super::index::{Index, Item, Judge, key_of};
use super::{List, ListFault};
use crate::sample::{expand, regex};
use crate::{Compare, NumberRange, TextPatterns, Value};

/// Reads what is written in a list. Whoever makes the table knows how patterns are written.
pub trait ReadPattern: Debug + Send + Sync {
    /// How a pattern is compared, whether letters of both cases are the same, and what values are: alike are those that read alike.
    fn like(&self) -> (How, bool, Option<&'static str>);

    /// # Errors
    /// Why it is no pattern: HAProxy's sentence without its full stop.
    fn pattern(&self, text: &[u8]) -> Result<Pattern, String>;

    /// `None`: it is no value.
    fn value(&self, text: &[u8]) -> Option<Value<'static>>;
}

/// How a value is compared with patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is not (`found`, `bool`).
    Never,
    Text(Compare),
    /// As a regular expression, whose groups the value takes up.
    Replace,
    Number,
    Length,
    Addr,
}

/// A pattern that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// In lower case where case does not matter.
    Text(Box<[u8]>),
    Range(NumberRange),
    Net(IpNet),
    /// It matches nothing.
    Nothing,
}

/// One way in which a list is asked.
#[derive(Debug)]
pub struct Use {
    pub(super) read: Arc<dyn ReadPattern>,
    index: ArcSwap<Index>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Found(Arc<Item>);

/// Lists that are asked for one value, any of which may match.
#[derive(Debug)]
pub struct Group {
    is_changed: AtomicBool,
    uses: Vec<Arc<Use>>,
    lists: Vec<Weak<List>>,
}

impl Use {
    pub(super) fn new(read: Arc<dyn ReadPattern>) -> Use {
        Use { read, index: ArcSwap::from_pointee(Index::with_room(0)) }
    }

    pub fn how(&self) -> How {
        self.read.like().0
    }

    /// Whether letters of both cases are the same.
    pub fn is_folded(&self) -> bool {
        self.read.like().1
    }

    /// The pattern that matches: of several the first, or the most exact where that can be said.
    pub(super) fn find(&self, value: Value<'_>) -> Option<Found> {
        let index = self.index.load();
        let item = match self.how() {
            How::Never => None,
            How::Number => index.number(value.to_int()?),
            How::Length => index.number(value.into_bytes().len() as i64),
            How::Addr => index.addr(value.to_addr()?),
            How::Text(compare @ (Compare::Whole | Compare::Begin)) => {
                let text = value.into_bytes();
                let text = if self.is_folded() { text.to_ascii_lowercase().into() } else { text };
                if compare == Compare::Whole { index.text(&text) } else { index.beginning(&text) }
            }
            How::Text(Compare::End | Compare::Inside | Compare::Directory | Compare::Domain | Compare::Regex)
            | How::Replace => index.tried(&value.into_bytes()),
        };
        item.map(Found)
    }

    pub(super) fn read(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), ListFault> {
        self.read.pattern(key).map_err(ListFault::Unreadable)?;
        value.map_or(Ok(()), |value| self.read_value(value))
    }

    pub(super) fn read_value(&self, value: &[u8]) -> Result<(), ListFault> {
        let unreadable = || ListFault::Unreadable(format!("unable to parse '{}'", String::from_utf8_lossy(value)));
        self.read.value(value).map(drop).ok_or_else(unreadable)
    }

    pub(super) fn insert(&self, number: u64, key: &[u8], value: Option<&[u8]>) {
        let changed = self.item(number, key, value).and_then(|item| self.index.load().with(Arc::new(item)));
        changed.into_iter().for_each(|index| self.index.store(Arc::new(index)));
    }

    pub(super) fn remove(&self, number: u64, key: &[u8]) {
        let changed = self.item(number, key, None).and_then(|item| self.index.load().without(&item));
        changed.into_iter().for_each(|index| self.index.store(Arc::new(index)));
    }

    pub(super) fn rebuild<'e>(&self, entries: impl Iterator<Item = (u64, &'e Entry)>) {
        let entries: Vec<(u64, &Entry)> = entries.collect();
        let mut index = Index::with_room(entries.len());
        let item = |(number, entry): (u64, &Entry)| self.item(number, &entry.key, entry.value.as_deref());
        index.extend(entries.into_iter().filter_map(item).map(Arc::new));
        self.index.store(Arc::new(index));
    }

    /// `None` for what matches nothing, which was refused where it was written.
    fn item(&self, number: u64, key: &[u8], value: Option<&[u8]>) -> Option<Item> {
        let (how, is_folded, _) = self.read.like();
        let (key_made, judge) = match (self.read.pattern(key).ok()?, how) {
            (Pattern::Nothing, _) | (_, How::Never) => return None,
            (Pattern::Net(net), _) => (key_of(net), Judge::Net),
            (Pattern::Range(NumberRange { least: Some(least), most: Some(most) }), _) if least == most => {
                (least.to_be_bytes().into(), Judge::Key)
            }
            (Pattern::Range(range), _) => (Box::default(), Judge::Range(range)),
            (Pattern::Text(text), How::Replace) => (Box::default(), Judge::Regex(regex(&text, is_folded).ok()?)),
            (Pattern::Text(text), How::Text(Compare::Whole)) => (text, Judge::Key),
            (Pattern::Text(text), How::Text(Compare::Begin)) => (text, Judge::Beginning),
            (Pattern::Text(text), How::Text(compare)) => {
                (Box::default(), Judge::Text(TextPatterns::new(compare, is_folded, [&*text]).ok()?))
            }
            // No reader makes a text of what is compared as a number or an address.
            (Pattern::Text(_), How::Number | How::Length | How::Addr) => return None,
        };
        let value = value.and_then(|value| self.read.value(value));
        Some(Item { number, key: key_made, judge, text: key.into(), value })
    }
}

impl Found {
    /// The pattern, as it is written.
    pub fn text(&self) -> &[u8] {
        &self.0.text
    }

    pub fn value(&self) -> Option<Value<'_>> {
        self.0.value.as_ref().map(Value::borrowed)
    }

    /// The value, where that takes up what groups of an expression matched in `text`.
    fn expanded(&self, text: &[u8]) -> Option<Value<'static>> {
        let value = self.value()?;
        let Judge::Regex(regex) = &self.0.judge else { return Some(value.into_owned()) };
        let mut made = Vec::new();
        expand(&regex.captures(text)?, &value.into_bytes(), &mut made);
        Some(Value::Bytes(made.into()))
    }
}

impl Group {
    pub fn new(members: Vec<(Arc<List>, Arc<Use>)>) -> Arc<Group> {
        let (lists, uses): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        let group = Arc::new(Group {
            is_changed: AtomicBool::new(false),
            uses,
            lists: lists.iter().map(Arc::downgrade).collect(),
        });
        lists.iter().for_each(|list| list.joined(&group));
        group
    }

    /// Whether the lists are to be asked, and no longer what was made of them at first.
    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed.load(Acquire)
    }

    pub(crate) fn matches(&self, value: &Value<'_>) -> bool {
        self.uses.iter().any(|used| used.find(value.borrowed()).is_some())
    }

    /// What a map has for this value.
    pub(crate) fn value_of(&self, value: &Value<'_>) -> Option<Value<'static>> {
        let found = self.uses.iter().find_map(|used| used.find(value.borrowed()))?;
        found.expanded(&value.borrowed().into_bytes())
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = Arc<List>> {
        self.lists.iter().filter_map(Weak::upgrade)
    }

    pub(super) fn wake(&self) {
        self.is_changed.store(true, Release);
    }
}
