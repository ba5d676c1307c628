//! By what a session is known, or in `mode http` an exchange: a number, and a text that the operator composes
//! (`configuration.txt: unique-id-format`). Both are made when somebody first asks, and stay until the next exchange.

use std::cell::{Cell, OnceCell};
use std::num::NonZeroU64;

use crossbeam::utils::CachePadded;

use crate::sample::{Course, Facts, Format};
use crate::{Counter, ShardIndex};

/// `unique-id-format`, `unique-id-header`
#[derive(Clone, Debug, Default)]
pub struct UniqueId {
    pub format: Option<Format>,
    /// The field of requests that tells servers.
    pub header: Option<Box<str>>,
}

/// What was made of it so far.
#[derive(Debug, Default)]
pub struct Identity {
    number: Cell<Option<NonZeroU64>>,
    text: OnceCell<Box<[u8]>>,
    is_composing: Cell<bool>,
}

/// Numbers that are given once: each shard has every n-th of them.
#[derive(Debug)]
pub struct Numbers(Box<[CachePadded<Counter>]>);

impl Identity {
    /// No other session or exchange of this process has it.
    pub fn number(&self, numbers: &Numbers, shard: ShardIndex) -> u64 {
        let number = self.number.get().unwrap_or_else(|| numbers.next(shard));
        self.number.set(Some(number));
        number.get()
    }

    /// What the frontend's format makes of it; `None` without one.
    pub fn text<'a>(&'a self, facts: &Facts<'a>) -> Option<&'a [u8]> {
        if let Some(text) = self.text.get() {
            return Some(text);
        }
        let format = facts.table.frontend(facts.frontend).unique_id.format.as_ref()?;
        // A format that asks for what it makes finds nothing.
        if self.is_composing.replace(true) {
            return None;
        }
        let mut text = Vec::new();
        format.append(facts, &mut text);
        self.is_composing.set(false);
        Some(self.text.get_or_init(|| text.into()))
    }
}

impl Course<'_> {
    pub(crate) fn number(&self, facts: &Facts<'_>) -> u64 {
        self.identity.number(&facts.table.process.numbers, self.shard)
    }
}

impl Numbers {
    pub(crate) fn new(shard_count: u16) -> Numbers {
        Numbers(std::iter::repeat_with(CachePadded::default).take(usize::from(shard_count)).collect())
    }

    /// From 1. To be called by this shard alone.
    fn next(&self, shard: ShardIndex) -> NonZeroU64 {
        let (given, index) = (&self.0[usize::from(shard.0)], u64::from(shard.0));
        let number = NonZeroU64::MIN.saturating_add(given.get() * self.0.len() as u64 + index);
        given.add(1);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice() {
        let numbers = Numbers::new(3);
        let drawn = [0, 2, 1, 1, 0, 2].map(|shard| numbers.next(ShardIndex(shard)).get());
        assert_eq!(drawn, [1, 3, 2, 5, 4, 6]);
        let identity = Identity::default();
        assert_eq!([(); 2].map(|()| identity.number(&numbers, ShardIndex(0))), [7; 2]);
    }
}
