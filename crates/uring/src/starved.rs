//! Receives that found no buffer, in the order in which they came.
//!
//! One that was cancelled meanwhile leaves its key behind, which names nobody any more; such keys are dropped before they
//! outnumber the others.

use crate::in_flight::Key;
use std::collections::VecDeque;

/// Fewer keys than this are not worth sweeping.
const SWEPT_LEAST: usize = 64;

#[derive(Default)]
pub(crate) struct Starved {
    queue: VecDeque<Key>,
    count: usize,
}

impl Starved {
    pub(crate) fn push(&mut self, key: Key) {
        self.queue.push_back(key);
        self.count += 1;
    }

    /// The one that has waited longest. `is_starved` tells whether a key still names a starved receive.
    pub(crate) fn pop(&mut self, mut is_starved: impl FnMut(Key) -> bool) -> Option<Key> {
        while let Some(key) = self.queue.pop_front() {
            if is_starved(key) {
                self.count -= 1;
                return Some(key);
            }
        }
        None
    }

    /// One of them was cancelled, and `is_starved` no longer holds for it.
    pub(crate) fn on_cancelled(&mut self, is_starved: impl FnMut(&Key) -> bool) {
        self.count -= 1;
        if self.queue.len() >= SWEPT_LEAST.max(2 * self.count) {
            self.queue.retain(is_starved);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_cancelled_do_not_pile_up() {
        let mut starved = Starved::default();
        for number in 0..100_000 {
            starved.push(Key::from_user_data(number));
            starved.on_cancelled(|_| false);
        }
        assert!(starved.is_empty());
        assert!(starved.queue.len() <= SWEPT_LEAST);
    }

    #[test]
    fn first_come_first_served() {
        let mut starved = Starved::default();
        for number in 0..3 {
            starved.push(Key::from_user_data(number));
        }
        let gone = Key::from_user_data(0);
        starved.on_cancelled(|&key| key != gone);
        assert_eq!(starved.pop(|key| key != gone), Some(Key::from_user_data(1)));
        assert_eq!(starved.pop(|key| key != gone), Some(Key::from_user_data(2)));
        assert_eq!(starved.pop(|_| true), None);
        assert!(starved.is_empty());
    }
}
