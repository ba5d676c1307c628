//! What failed and is tried again a little later, so that a refusal does not become a spin.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(5);

/// Slots that wait for another try.
#[derive(Debug, Default)]
pub(crate) struct Later {
    slots: Vec<usize>,
    at: Option<Instant>,
}

impl Later {
    pub(crate) fn push(&mut self, slot: usize) {
        self.slots.push(slot);
        self.at.get_or_insert_with(|| Instant::now() + PAUSE);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.at
    }

    /// The slots whose pause is over.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<usize> {
        if self.at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.at = None;
        std::mem::take(&mut self.slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_comes_back_once_and_not_at_once() {
        let mut later = Later::default();
        assert_eq!(later.deadline(), None);
        later.push(3);
        let due = later.deadline().expect("one waits");
        assert!(later.take_due(due - Duration::from_micros(1)).is_empty());
        assert_eq!(later.take_due(due), [3]);
        assert_eq!(later.deadline(), None);
    }
}
